//! A Postgres of the tests' own: a fresh cluster in a temporary folder on a free port.
//!
//! Built for speed, not for safety (fsync is off): it must never hold data that anyone wants back.
//! It is a direct child and ends with xtask, also when xtask is killed.

use crate::{
    context::variable,
    shell::{describe, find_on_path, is_executable, output},
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    net::TcpListener,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The folder prefix under the system's temporary folder; the process id follows.
const PREFIX: &str = "weft-test-postgres-";
const READY_WITHIN: Duration = Duration::from_mins(1);

/// Where the server programs are.
#[derive(Debug)]
pub(crate) struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Looks on PATH, then where Debian puts them, the newest version first.
    pub(crate) fn find() -> Result<Self> {
        let mut folders: Vec<PathBuf> = Vec::new();
        if let Some(initdb) = find_on_path("initdb") {
            // PATH may hold links to a part of the programs; the real folder has them all.
            folders.extend(initdb.canonicalize().ok().and_then(|file| file.parent().map(Path::to_owned)));
        }
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
            .collect();
        versions.sort();
        folders.extend(versions.into_iter().rev().map(|(_, folder)| folder));
        folders
            .into_iter()
            .find(|folder| ["initdb", "postgres", "psql"].iter().all(|name| is_executable(&folder.join(name))))
            .map(|folder| Self { folder })
            .context("no Postgres server programs found (initdb, postgres, psql): `make setup` installs them")
    }

    pub(crate) fn version(&self) -> String {
        output(self.command("postgres").arg("--version")).unwrap_or_else(|_| "unknown version".into())
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        // PG* variables of the person must not redirect the tests to another server.
        for variable in ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGDATA", "PGPASSWORD", "PGSERVICE", "PGOPTIONS"] {
            command.env_remove(variable);
        }
        command
    }
}

/// A running test cluster; dropping it stops the server and removes the folder.
pub(crate) struct TestPostgres {
    binaries: Binaries,
    server: Child,
    folder: PathBuf,
    port: u16,
}

impl TestPostgres {
    pub(crate) fn start() -> Result<Self> {
        let binaries = Binaries::find()?;
        let parent = std::env::temp_dir();
        remove_leftovers(&parent);
        let folder = parent.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let account = Account::for_server()?;
        if let Some(account) = &account {
            std::os::unix::fs::chown(&folder, Some(account.uid), Some(account.gid))
                .with_context(|| format!("cannot give {} to the Postgres user", folder.display()))?;
        }
        let data = folder.join("data");
        let mut initdb = binaries.command("initdb");
        initdb
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data);
        Account::apply(account.as_ref(), &mut initdb, &folder);
        output(&mut initdb)?;
        let port = free_port()?;
        let log = fs::File::create(folder.join("server.log")).context("cannot create the Postgres log")?;
        let mut postgres = lifebound(&binaries, account.as_ref(), &folder);
        postgres
            .args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"])
            .args(["-c", "max_connections=300", "-c", "shared_buffers=256MB", "-c", "listen_addresses=127.0.0.1"])
            .args(["-p", &port.to_string(), "-k"])
            .arg(&folder)
            .arg("-D")
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("cannot share the Postgres log")?)
            .stderr(log);
        let server = postgres.spawn().with_context(|| format!("cannot start `{}`", describe(&postgres)))?;
        let mut started = Self { binaries, server, folder, port };
        started.wait_until_ready()?;
        Ok(started)
    }

    /// The URL of a database on this cluster.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// `psql` that stops at the first error, as the cluster's superuser.
    pub(crate) fn psql(&self, database: &str) -> Command {
        let mut command = self.binaries.command("psql");
        command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname"]).arg(self.url(database));
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
        // SIGINT is Postgres' fast shutdown; the `kill` program, because signalling by hand would
        // take a dependency for this one line.
        let asked = Command::new("kill")
            .args(["-INT", &self.server.id().to_string()])
            .status()
            .is_ok_and(|status| status.success());
        if !asked {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The unprivileged user a root process hands Postgres to, which refuses to run as root.
struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    fn for_server() -> Result<Option<Self>> {
        if !is_root() {
            return Ok(None);
        }
        for name in ["postgres", "nobody"] {
            let id = |flag: &str| -> Option<u32> { output(Command::new("id").args([flag, name])).ok()?.parse().ok() };
            if let (Some(uid), Some(gid)) = (id("-u"), id("-g")) {
                return Ok(Some(Self { uid, gid }));
            }
        }
        bail!("Postgres refuses to run as root and there is no user `postgres` or `nobody` to run it as")
    }

    fn apply(account: Option<&Self>, command: &mut Command, folder: &Path) {
        // The user may not be allowed into the folder xtask was called from.
        command.current_dir(folder);
        if let Some(account) = account {
            command.uid(account.uid).gid(account.gid);
        }
    }
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
    command.args(["--pdeathsig=INT", "--"]).arg(binaries.folder.join("postgres"));
    command
}

pub(crate) fn is_root() -> bool {
    // The owner of our own entry in /proc is the effective user.
    match fs::metadata("/proc/self") {
        Ok(meta) => meta.uid() == 0,
        Err(_) => {
            output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
                || variable("USER").as_deref() == Some("root")
        }
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr().context("cannot read the free port")?.port())
}

/// Removes the folders of earlier runs that were killed before they could.
fn remove_leftovers(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(process) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        if !Path::new("/proc").join(process).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_started_cluster_answers_and_leaves_nothing_behind() {
        let postgres = TestPostgres::start().unwrap();
        let folder = postgres.folder.clone();
        let port = postgres.port;
        output(postgres.psql("postgres").args(["-c", "CREATE DATABASE probe"])).unwrap();
        assert_eq!(output(postgres.psql("probe").args(["-At", "-c", "SELECT current_database()"])).unwrap(), "probe");
        drop(postgres);
        assert!(!folder.exists());
        assert!(TcpListener::bind(("127.0.0.1", port)).is_ok());
    }
}
