//! A Postgres of the tests' and the benchmarks' own: a fresh cluster in a temporary folder.
//!
//! That of the tests is built for speed, not for safety (fsync is off): it must never hold data that anyone wants back.
//! That of the benchmarks is as durable as Postgres is by default: a figure must never come from a cluster that may lose commits.
//! It is a direct child and ends with xtask, also when xtask is killed.

mod breakable;

pub(crate) use breakable::Breakable;

use crate::{
    account::Account,
    context::variable,
    shell::{describe, find_on_path, is_executable, output},
};
use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    ffi::OsString,
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The folder prefix under the system's temporary folder; the process id and random digits follow.
const PREFIX: &str = "weft-test-postgres-";
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

/// Where the server programs are.
#[derive(Debug)]
pub(crate) struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Those that `WEFT_TEST_POSTGRES_BIN` names, else what is on PATH, then where Debian puts them, the newest version first.
    pub(crate) fn find() -> Result<Self> {
        if let Some(folder) = variable("WEFT_TEST_POSTGRES_BIN") {
            return Self::within(Path::new(&folder));
        }
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
            .find(|folder| is_complete(folder))
            .map(|folder| Self { folder })
            .context("no Postgres server programs found (initdb, postgres, psql): `make setup` installs them")
    }

    /// Those of this folder and of no other.
    pub(crate) fn within(folder: &Path) -> Result<Self> {
        // The server is started from another folder.
        let folder = folder.canonicalize().with_context(|| format!("{} is not there", folder.display()))?;
        if !is_complete(&folder) {
            bail!("not all of initdb, postgres and psql are in {}", folder.display());
        }
        Ok(Self { folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
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

fn is_complete(folder: &Path) -> bool {
    ["initdb", "postgres", "psql"].iter().all(|name| is_executable(&folder.join(name)))
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

/// A cluster whose server was not started yet.
struct Made {
    folder: PathBuf,
    account: Option<Account>,
    password: String,
    /// Its files lie on a file system of their own.
    is_mounted: bool,
}

/// `mount`: makes the folder of the server's files a file system of its own, or not.
fn made(binaries: &Binaries, mount: impl FnOnce(&Path) -> bool) -> Result<Made> {
    let parent = parent_folder();
    remove_leftovers(&parent);
    let password = random_hex()?;
    // One process may start several clusters at a time, and another one of the same number may have been killed before it
    // could tidy up: in a container, numbers come again at once.
    let folder = parent.join(format!("{PREFIX}{}.{}", std::process::id(), random_hex()?.get(..8).unwrap_or_default()));
    create_folder(&folder, 0o755)?;
    let cluster = cluster(&folder);
    create_folder(&cluster, 0o700)?;
    let is_mounted = mount(&cluster);
    let account = Account::for_server()?;
    if let Some(account) = &account {
        std::os::unix::fs::lchown(&cluster, Some(account.uid), Some(account.gid))
            .with_context(|| format!("cannot give {} to the Postgres user", cluster.display()))?;
    }
    initialise(binaries, account.as_ref(), &cluster, &password)?;
    let access = access_file(&folder);
    fs::write(&access, format!("local all {ROLE} scram-sha-256\n"))
        .and_then(|()| fs::set_permissions(&access, fs::Permissions::from_mode(0o644)))
        .with_context(|| format!("cannot write {}", access.display()))?;
    Ok(Made { folder, account, password, is_mounted })
}

/// Who gets in.
fn access_file(folder: &Path) -> PathBuf {
    folder.join("pg_hba.conf")
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
    command.args(["--pdeathsig=INT", "--"]).arg(binaries.folder.join("postgres"));
    command
}

/// The system's temporary folder, unless its path is too long for a socket's address, which holds some hundred bytes.
pub(crate) fn parent_folder() -> PathBuf {
    const MOST_BYTES: usize = 50;
    let folder = std::env::temp_dir();
    if folder.as_os_str().len() > MOST_BYTES { PathBuf::from("/tmp") } else { folder }
}

/// Where the server's files and its socket are.
fn cluster(folder: &Path) -> PathBuf {
    folder.join("cluster")
}

/// Fails if there is anything already: in a folder that all may write, it could be a link of somebody else's.
pub(crate) fn create_folder(folder: &Path, mode: u32) -> Result<()> {
    fs::create_dir(folder)
        .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(mode)))
        .with_context(|| format!("cannot create {}", folder.display()))
}

/// Makes the cluster and the role. The superuser gets no password and no way in: single-user mode needs neither.
fn initialise(binaries: &Binaries, account: Option<&Account>, cluster: &Path, password: &str) -> Result<()> {
    let data = cluster.join("data");
    let mut initdb = binaries.command("initdb");
    initdb
        .args(["--username=postgres", "--auth=reject", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
        .arg(&data);
    Account::apply(account, &mut initdb, cluster);
    output(&mut initdb)?;
    let mut single = binaries.command("postgres");
    // It would report success after an error, and repeat the statement, in which there is a password.
    single
        .args(["--single", "-c", "exit_on_error=on", "-c", "log_min_error_statement=panic", "-D"])
        .arg(&data)
        .arg("template1");
    Account::apply(account, &mut single, cluster);
    let mut child = single
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", describe(&single)))?;
    // A line is a statement here. The tests' role may put into the template what every database is to begin with.
    let roles = format!(
        "CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'\nCREATE ROLE \"{OTHER_ROLE}\"\nGRANT \"{OTHER_ROLE}\" TO {ROLE}\n\
        ALTER DATABASE template1 OWNER TO {ROLE}\n"
    );
    child
        .stdin
        .take()
        .context("Postgres takes no input")?
        .write_all(roles.as_bytes())
        .context("cannot make the roles")?;
    let ended = child.wait_with_output().context("cannot wait for Postgres")?;
    if !ended.status.success() {
        bail!("Postgres cannot make the role of the tests: {}", String::from_utf8_lossy(&ended.stderr).trim());
    }
    Ok(())
}

pub(crate) fn random_hex() -> Result<String> {
    let mut bytes = [0; 24];
    fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("no random bytes")?;
    Ok(hex::encode(bytes))
}

/// Removes the folders of earlier runs that were killed before they could.
fn remove_leftovers(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let process = name.split('.').next().unwrap_or(name);
        if !Path::new("/proc").join(process).exists() {
            breakable::unmount_if_mounted(&cluster(&entry.path()));
            let _ = fs::remove_dir_all(entry.path());
        }
    }
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
