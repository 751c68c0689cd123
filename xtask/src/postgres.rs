//! A Postgres of the tests' and the benchmarks' own: a fresh cluster in a temporary folder.
//!
//! That of the tests is built for speed, not for safety (fsync is off): it must never hold data that anyone wants back.
//! That of the benchmarks is as durable as Postgres is by default: a figure must never come from a cluster that may lose commits.
//! It is a direct child and ends with xtask, also when xtask is killed.

mod binaries;
mod breakable;
mod making;

pub(crate) use binaries::Binaries;
pub(crate) use breakable::Breakable;
use making::{Made, access_file, cluster, made};
pub(crate) use making::{create_folder, parent_folder, random_hex};

use crate::{
    account::Account,
    shell::{describe, find_on_path, output},
};
use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const READY_WITHIN: Duration = Duration::from_mins(1);
/// Whom the tests are to Postgres.
const ROLE: &str = "weft_tests";
/// Whom they try as, to see what an application may that owns nothing. Its name wants quoting.
const OTHER_ROLE: &str = "Weft application";
/// Part of the socket's file name; nothing listens on it over TCP.
const PORT: &str = "5432";

/// What a cluster is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Tests,
    /// Durable; its memory is that of the peers' cluster, which the figures are compared with.
    Benchmarks,
    /// Durable too: it is killed, and what it acknowledged has to be there.
    Chaos,
}

impl Purpose {
    /// What differs from Postgres' defaults.
    fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Tests => &[
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
                "max_connections=300",
                "shared_buffers=256MB",
            ],
            Self::Benchmarks => &["max_connections=300", "shared_buffers=1GB"],
            Self::Chaos => &["max_connections=300", "shared_buffers=128MB", "max_wal_size=96MB", "min_wal_size=32MB"],
        }
    }
}

/// A running test cluster; dropping it stops the server and removes the folder.
///
/// It listens on a Unix socket alone, in a folder that only its user can enter, and nobody gets in without the password
/// that is made for it. The one role that may is no superuser: it may make databases, which is what the tests do.
pub(crate) struct TestPostgres {
    binaries: Binaries,
    server: Child,
    /// Ours. What the server's user may write is a folder inside of it, where nothing of ours is ever written.
    folder: PathBuf,
    password: String,
}

impl TestPostgres {
    pub(crate) fn start() -> Result<Self> {
        Self::start_with(Binaries::find()?)
    }

    /// One of the version that these programs are.
    pub(crate) fn start_with(binaries: Binaries) -> Result<Self> {
        Self::start_for(Purpose::Tests, binaries)
    }

    /// A cluster whose commits are on the disk when they are answered.
    pub(crate) fn durable() -> Result<Self> {
        Self::start_for(Purpose::Benchmarks, Binaries::find()?)
    }

    fn start_for(purpose: Purpose, binaries: Binaries) -> Result<Self> {
        let Made { folder, account, password, .. } = made(&binaries, |_| false)?;
        let log = fs::File::create(folder.join("server.log")).context("cannot create the Postgres log")?;
        let mut postgres = server_command(&binaries, account.as_ref(), &folder);
        postgres
            .args(as_arguments(purpose))
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("cannot share the Postgres log")?)
            .stderr(log);
        let server = postgres.spawn().with_context(|| format!("cannot start `{}`", describe(&postgres)))?;
        let mut started = Self { binaries, server, folder, password };
        started.wait_until_ready()?;
        Ok(started)
    }

    /// The URL of a database on this cluster. It holds the password, so it belongs into an environment, never into arguments,
    /// which every process of the machine can read.
    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgres://{ROLE}:{}@localhost:{PORT}/{database}?host={}",
            self.password,
            cluster(&self.folder).display()
        )
    }

    /// What libpq's programs find the cluster by. It holds the password, as the URL does.
    pub(crate) fn environment(&self) -> [(&'static str, OsString); 4] {
        [
            ("PGHOST", cluster(&self.folder).into()),
            ("PGPORT", PORT.into()),
            ("PGUSER", ROLE.into()),
            ("PGPASSWORD", self.password.clone().into()),
        ]
    }

    pub(crate) fn version(&self) -> String {
        self.binaries.version()
    }

    /// The folder of the programs that belong to this server.
    pub(crate) fn programs(&self) -> &Path {
        self.binaries.folder()
    }

    /// `psql` that stops at the first error, as the tests' role.
    pub(crate) fn psql(&self, database: &str) -> Command {
        let mut command = self.binaries.command("psql");
        command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]);
        command
            .args(["--port", PORT, "--username", ROLE, "--dbname", database])
            .arg("--host")
            .arg(cluster(&self.folder));
        command.env("PGPASSWORD", &self.password);
        command
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        while output(self.psql("postgres").args(["-c", "SELECT 1"])).is_err() {
            if let Some(status) = self.server.try_wait().context("cannot ask after Postgres")? {
                bail!("Postgres ended at once ({status}):\n{}", self.log());
            }
            if started.elapsed() > READY_WITHIN {
                bail!("Postgres was not ready within {} s:\n{}", READY_WITHIN.as_secs(), self.log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        // Postgres' fast shutdown.
        let asked = i32::try_from(self.server.id()).is_ok_and(|id| kill(Pid::from_raw(id), Signal::SIGINT).is_ok());
        if !asked {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn as_arguments(purpose: Purpose) -> impl Iterator<Item = &'static str> {
    purpose.settings().iter().flat_map(|setting| ["-c", *setting])
}

/// What starts the server of a cluster, with what all of them have.
fn server_command(binaries: &Binaries, account: Option<&Account>, folder: &Path) -> Command {
    let cluster = cluster(folder);
    let mut postgres = lifebound(binaries, account, &cluster);
    postgres
        .args(["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700", "-c"])
        .arg(format!("hba_file={}", access_file(folder).display()))
        .arg("-k")
        .arg(&cluster)
        .args(["-p", PORT, "-D"])
        .arg(cluster.join("data"));
    postgres
}

/// The server's command, wrapped so that the kernel stops it when xtask dies, where setpriv is at
/// hand. setpriv changes the user itself, since a change of user would undo the tie.
fn lifebound(binaries: &Binaries, account: Option<&Account>, folder: &Path) -> Command {
    let Some(setpriv) = find_on_path("setpriv") else {
        let mut command = binaries.command("postgres");
        Account::apply(account, &mut command, folder);
        return command;
    };
    let mut command = Command::new(setpriv);
    command.current_dir(folder);
    if let Some(account) = account {
        command.arg(format!("--reuid={}", account.uid)).arg(format!("--regid={}", account.gid)).arg("--clear-groups");
    }
    command.args(["--pdeathsig=INT", "--"]).arg(binaries.folder().join("postgres"));
    command
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_started_cluster_answers_and_leaves_nothing_behind() {
        let postgres = TestPostgres::start().unwrap();
        let folder = postgres.folder.clone();
        output(postgres.psql("postgres").args(["-c", "CREATE DATABASE probe"])).unwrap();
        assert_eq!(output(postgres.psql("probe").args(["-At", "-c", "SELECT current_database()"])).unwrap(), "probe");
        drop(postgres);
        assert!(!folder.exists());
    }

    #[test]
    fn a_folder_without_all_the_programs_is_refused_by_its_name() {
        let there = Binaries::find().unwrap();
        assert_eq!(Binaries::within(there.folder()).unwrap().folder(), there.folder());
        let error = Binaries::within(&std::env::temp_dir()).unwrap_err().to_string();
        assert!(error.contains(&std::env::temp_dir().canonicalize().unwrap().display().to_string()), "{error}");
        assert!(Binaries::within(Path::new("/nowhere/at/all")).is_err());
    }

    #[test]
    fn a_cluster_for_benchmarks_loses_no_commit() {
        let postgres = TestPostgres::durable().unwrap();
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let shown = output(postgres.psql("postgres").args(["-At", "-c", &format!("SHOW {setting}")])).unwrap();
            assert_eq!(shown, "on", "{setting}");
        }
    }

    #[test]
    fn nobody_gets_into_a_cluster_without_its_password_nor_over_tcp_nor_as_superuser() {
        let postgres = TestPostgres::start().unwrap();
        let one = |sql: &str| output(postgres.psql("postgres").args(["-At", "-c", sql])).unwrap();
        assert_eq!(
            one("SELECT rolsuper OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname = current_user"),
            "f"
        );
        assert_eq!(one("SHOW listen_addresses"), "");
        // As the histories of benchmarks are.
        assert_eq!(one("CHECKPOINT"), "");
        for (password, role) in [("", ROLE), ("wrong", ROLE), (postgres.password.as_str(), "postgres")] {
            let mut psql = postgres.psql("postgres");
            // The last of two is taken.
            psql.args(["--no-password", "--username", role, "-c", "SELECT 1"]).env("PGPASSWORD", password);
            assert!(output(&mut psql).is_err(), "{role} with the password {password:?}");
        }
        assert_eq!(fs::metadata(cluster(&postgres.folder)).unwrap().mode() & 0o777, 0o700);
        assert!(!describe(&postgres.psql("postgres")).contains(&postgres.password));
    }
}
