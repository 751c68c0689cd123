//! The engines that Weft is compared with: what each has written before it goes on, and the processes that it takes.
//! A peer must never be started with less durability than its documentation begins with, nor listen on more than this machine.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, ValueEnum};
use tokio::process::Command;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub(crate) enum Peer {
    Restate,
    Langgraph,
    Dbos,
    Celery,
}

/// Where xtask has put the peers, and how their processes are tied to this one.
#[derive(Args, Clone, Debug)]
pub(crate) struct Grounds {
    /// Folder with what was installed, a folder for each peer
    #[arg(long, env = "WEFT_BENCH_PEERS", hide = true)]
    installed: PathBuf,
    /// Folder of the drivers
    #[arg(long, env = "WEFT_BENCH_DRIVERS", hide = true)]
    drivers: PathBuf,
    /// The program that has the kernel end a process when its parent ends
    #[arg(long, env = "WEFT_BENCH_SETPRIV", hide = true)]
    setpriv: Option<PathBuf>,
}

/// A process of a peer, not started yet.
pub(crate) struct Planned {
    pub(crate) name: &'static str,
    pub(crate) command: Command,
}

/// Where one start of a peer keeps its files, and its database, if it wants one.
pub(crate) struct Home {
    pub(crate) folder: PathBuf,
    pub(crate) database: Option<String>,
    /// How libpq's programs find the database.
    pub(crate) environment: Vec<(&'static str, OsString)>,
}

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Restate => "restate",
            Self::Langgraph => "langgraph",
            Self::Dbos => "dbos",
            Self::Celery => "celery",
        }
    }

    /// What a crash cannot take back once the next step begins.
    pub(crate) fn persists(self) -> &'static str {
        match self {
            Self::Restate => {
                "each step's result in its server's own log on disk (fsync), a journal entry a step; its database is its own, no Postgres"
            }
            Self::Langgraph => {
                "a checkpoint of the graph's state a superstep and each node's writes, in Postgres (fsync); parallel nodes share a checkpoint"
            }
            Self::Dbos => "a row with the output of each step, in Postgres (fsync)",
            Self::Celery => {
                "each result in Redis (append-only file, fsync once a second: a power cut may take a second back); a task is lost with its worker"
            }
        }
    }

    pub(crate) fn wants_postgres(self) -> bool {
        matches!(self, Self::Langgraph | Self::Dbos)
    }

    /// What runs beside the driver, in the order in which it is started.
    pub(crate) fn servers(self, grounds: &Grounds, home: &Home) -> Vec<Planned> {
        match self {
            Self::Langgraph | Self::Dbos => Vec::new(),
            Self::Restate => {
                let mut server = self.command(grounds, home, "restate-server");
                server.arg("--no-logo").arg("--config-file").arg(grounds.drivers.join("restate.toml"));
                server.arg("--base-dir").arg(home.folder.join("data"));
                vec![
                    Planned { name: "restate-server", command: server },
                    Planned { name: "service", command: self.python(grounds, home, &["restate_peer.py", "serve"]) },
                ]
            }
            Self::Celery => {
                let mut redis = self.command(grounds, home, "redis-server");
                // A socket that only its user reaches, and no port.
                redis.args(["--port", "0", "--unixsocketperm", "700", "--unixsocket"]);
                redis.arg(home.folder.join("redis.sock"));
                redis
                    .args(["--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--dir"])
                    .arg(&home.folder);
                let worker = |queue: &str, pool: &str, size: &str| {
                    let node = format!("{queue}@localhost");
                    let mut arguments = vec!["-m", "celery", "-A", "celery_peer", "worker", "-l", "warning"];
                    arguments.extend(["-Q", queue, "-n", &node, "-P", pool, "-c", size]);
                    self.python(grounds, home, &arguments)
                };
                vec![
                    Planned { name: "redis-server", command: redis },
                    Planned { name: "steps", command: worker("steps", "prefork", "2") },
                    Planned { name: "waits", command: worker("waits", "threads", "1000") },
                ]
            }
        }
    }

    pub(crate) fn driver(self, grounds: &Grounds, home: &Home) -> Planned {
        let script = format!("{}_peer.py", self.name());
        Planned { name: "driver", command: self.python(grounds, home, &[&script, "drive"]) }
    }

    fn python(self, grounds: &Grounds, home: &Home, arguments: &[&str]) -> Command {
        let mut command = self.command(grounds, home, "venv/bin/python");
        command.args(arguments).current_dir(&grounds.drivers);
        // The drivers' folder belongs to the sources.
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
        command
    }

    /// A program of the peer's folder, in a group of its own: an interrupt is for the benchmark, which ends them in its own order.
    fn command(self, grounds: &Grounds, home: &Home, program: &str) -> Command {
        let program = grounds.installed.join(self.name()).join(program);
        let mut command = match &grounds.setpriv {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig=KILL", "--"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.process_group(0).kill_on_drop(true).current_dir(&home.folder);
        // A person's settings of a peer are no part of the measurement, and nothing here may be sent to anybody.
        for variable in ["LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "DBOS_DATABASE_URL", "DBOS_SYSTEM_DATABASE_URL"] {
            command.env_remove(variable);
        }
        for variable in ["PYTHONPATH", "PYTHONHOME", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "RESTATE_CONFIG"] {
            command.env_remove(variable);
        }
        command.env("WEFT_PEER_FOLDER", &home.folder).envs(home.environment.iter().cloned());
        if let Some(database) = &home.database {
            command.env("WEFT_PEER_DATABASE", database);
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_is_called_by_the_name_that_its_files_have() {
        for peer in Peer::value_variants() {
            assert_eq!(peer.to_possible_value().unwrap().get_name(), peer.name());
            let drivers = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers");
            for file in [format!("{}_peer.py", peer.name()), format!("{}.txt", peer.name())] {
                assert!(drivers.join(&file).is_file(), "{file}");
            }
        }
    }
}
