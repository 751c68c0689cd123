//! One cluster in use: made when missing, started or adopted, stopped by whoever leaves last.
//! Everything here blocks; async callers use `spawn_blocking`.

use std::{
    fs,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use nix::{sys::signal::Signal, unistd::geteuid};
use rand::RngCore;

use super::{
    error::Error,
    folder::Folder,
    locks::{self, Use},
    pid_file::{self, PidFile},
    programs::{LEAST_VERSION, Programs, checked},
    socket::Address,
    supervisor::Supervisor,
};
use crate::{
    config::{DatabaseUrl, Place},
    privileges::private,
};

/// The role that the application speaks as. It owns nothing.
const APPLICATION: &str = "weft";
/// The role that owns the database and the tables.
const OWNER: &str = "weft_owner";
/// What Postgres itself insists on. It has no password and no way in.
const SUPERUSER: &str = "postgres";
pub(super) const DATABASE: &str = "weft";
/// Recovery after a crash may replay up to `max_wal_size`.
const READY_WITHIN: Duration = Duration::from_mins(2);
/// How long a fast shutdown may take before the immediate one, which is as safe and slower at the next start.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// A log that grew beyond this is begun anew at the next start.
const MAX_LOG_BYTES: u64 = 16 * 1024 * 1024;
/// For a small machine: modest memory, many cheap connections, and no setting that could lose what was acknowledged.
const SETTINGS: [&str; 9] = [
    "max_connections=200",
    "shared_buffers=128MB",
    "synchronous_commit=on",
    "max_wal_size=1GB",
    "checkpoint_completion_target=0.9",
    "random_page_cost=1.1",
    "jit=off",
    "logging_collector=off",
    "log_line_prefix=%m [%p] ",
];

/// A cluster in use by this process. Dropping it gives it back, and stops it if nobody else uses it.
pub struct Cluster {
    core: Arc<Core>,
    supervisor: Option<Supervisor>,
    used: Option<Use>,
    url: DatabaseUrl,
    owner_url: DatabaseUrl,
}

/// What starting takes, shared with the thread that watches over it.
pub(super) struct Core {
    data_dir: PathBuf,
    folder: Folder,
    programs: Programs,
    address: Address,
    /// The server, if this process started it; an adopted one is watched by its pid file.
    child: Mutex<Option<Child>>,
}

impl Cluster {
    /// Attaches to the folder's live cluster, or makes and starts one.
    pub fn open(place: &Place) -> Result<Self, Error> {
        if geteuid().is_root() {
            return Err(Error::Root);
        }
        private::data_folder(&place.data_dir)?;
        let data_dir = place.data_dir.canonicalize().map_err(Error::io("find", &place.data_dir))?;
        let gate = locks::gate(&data_dir)?;
        let used = Use::begin(&data_dir)?;
        let folder = Folder::open(&data_dir)?;
        let programs = choose_programs(place, &folder)?;
        folder.check_space()?;
        if folder.version().is_none() {
            initialise(&folder, &programs)?;
        }
        let live = wait_while_changing(&folder);
        let address = match live.as_ref().and_then(address_of) {
            Some(address) => address,
            None => Address::choose(&folder, place)?,
        };
        let core = Core { data_dir, folder, programs, address, child: Mutex::new(None) };
        if live.is_none() {
            core.start()?;
        } else {
            tracing::debug!("using the Postgres that runs in {}", core.folder.root.display());
        }
        drop(gate);
        let url = |role: &str, path: PathBuf| {
            let password = fs::read_to_string(&path).map_err(Error::io("read", path))?;
            Ok::<_, Error>(DatabaseUrl::new(core.address.url(role, password.trim())))
        };
        let (url, owner_url) = (url(APPLICATION, core.folder.password())?, url(OWNER, core.folder.owner_password())?);
        Ok(Self { core: Arc::new(core), supervisor: None, used: Some(used), url, owner_url })
    }

    pub fn data_dir(&self) -> &Path {
        &self.core.data_dir
    }

    /// The same database as the owner of its tables.
    pub fn owner_url(&self) -> &DatabaseUrl {
        &self.owner_url
    }

    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// From now on a Postgres that dies is started again, with growing pauses.
    pub fn supervise(&mut self) {
        if self.supervisor.is_none() {
            self.supervisor = Some(Supervisor::start(Arc::clone(&self.core)));
        }
    }
}

#[cfg(test)]
impl Cluster {
    /// Leaves as a server does that is killed: nothing is stopped.
    pub(super) fn abandon(mut self) {
        self.used = None;
        drop(self.core.child.lock().unwrap().take());
    }

    pub(super) fn pid(&self) -> i32 {
        PidFile::read_live(&self.core.folder.data()).unwrap().pid
    }

    pub(super) fn root(&self) -> PathBuf {
        self.core.folder.root.clone()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.stop();
        }
        let Some(used) = self.used.take() else { return };
        // Without the gate another process could attach to what is being stopped; then it is left running.
        let Ok(_gate) = locks::gate(&self.core.data_dir) else { return };
        if used.end() {
            self.core.stop();
        }
    }
}

impl Core {
    /// Whether the server runs. Also takes leave of a child that ended.
    pub(super) fn is_alive(&self) -> bool {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = child.as_mut() {
            match running.try_wait() {
                Ok(None) => return true,
                Ok(Some(status)) => tracing::error!(%status, "Postgres ended"),
                Err(error) => tracing::error!(%error, "cannot ask after Postgres"),
            }
            *child = None;
        }
        PidFile::read_live(&self.folder.data()).is_some()
    }

    /// Starts the server again after it died, unless another process did.
    pub(super) fn restart(&self) -> Result<(), Error> {
        let _gate = locks::gate(&self.data_dir)?;
        if wait_while_changing(&self.folder).is_some() {
            return Ok(());
        }
        self.start()
    }

    fn start(&self) -> Result<(), Error> {
        let data = self.folder.data();
        self.remove_leftovers()?;
        write_access(&self.folder)?;
        let mut command = self.programs.command("postgres", &self.folder.root);
        command.arg("-D").arg(&data).arg("-c").arg(format!("hba_file={}", self.folder.access().display()));
        for setting in SETTINGS.iter().map(ToString::to_string).chain(self.address.settings()) {
            command.arg("-c").arg(setting);
        }
        let log = open_log(&self.folder.log())?;
        command.stdout(log.try_clone().map_err(Error::io("open", self.folder.log()))?).stderr(log);
        // Its own process group: Ctrl-C in the terminal is for Weft, which stops Postgres last.
        command.process_group(0);
        let mut child = command.spawn().map_err(Error::io("start", "postgres"))?;
        let result = self.wait_until_ready(&mut child);
        if result.is_err() {
            // It may have ended by itself, which is what the error says then.
            let _ = child.kill();
            let _ = child.wait();
        } else {
            *self.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        }
        result
    }

    /// Nobody lives there (the caller looked), so the files are a dead server's. Postgres itself takes them for a live
    /// one's when its process number is in use again.
    fn remove_leftovers(&self) -> Result<(), Error> {
        let mut leftovers = vec![pid_file::path(&self.folder.data())];
        if let Address::Socket { folder, port } = &self.address {
            leftovers.extend(["", ".lock"].map(|suffix| folder.join(format!(".s.PGSQL.{port}{suffix}"))));
        }
        for path in leftovers {
            match fs::remove_file(&path) {
                Ok(()) => tracing::info!("removed {}, left by a Postgres that died", path.display()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("remove", path)(error)),
            }
        }
        Ok(())
    }

    fn wait_until_ready(&self, child: &mut Child) -> Result<(), Error> {
        let pid = i32::try_from(child.id()).unwrap_or_default();
        let began = Instant::now();
        while began.elapsed() < READY_WITHIN {
            if PidFile::read(&self.folder.data()).is_some_and(|file| file.pid == pid && file.is_ready) {
                return Ok(());
            }
            if let Ok(Some(status)) = child.try_wait() {
                self.folder.check_space()?;
                let log = self.folder.log();
                return Err(Error::EndedAtStart { status: status.to_string(), tail: tail(&log), log });
            }
            std::thread::sleep(POLL);
        }
        Err(Error::NotReady { seconds: READY_WITHIN.as_secs(), log: self.folder.log() })
    }

    /// A fast shutdown: open transactions are rolled back, all that was committed is written.
    fn stop(&self) {
        let Some(file) = PidFile::read_live(&self.folder.data()) else { return };
        for (kind, within) in [(Signal::SIGINT, STOPPED_WITHIN), (Signal::SIGQUIT, STOPPED_WITHIN / 3)] {
            pid_file::signal(file.pid, kind);
            let began = Instant::now();
            while began.elapsed() < within {
                if !self.is_running_child_or(file.pid) {
                    return;
                }
                std::thread::sleep(POLL);
            }
            tracing::warn!("Postgres did not stop within {} s", within.as_secs());
        }
    }

    fn is_running_child_or(&self, pid: i32) -> bool {
        match self.child.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => pid_file::is_postgres_of(pid, &self.folder.data()),
        }
    }
}

/// The version that made the data, else the newest.
fn choose_programs(place: &Place, folder: &Folder) -> Result<Programs, Error> {
    let mut found = Programs::find_all(&place.search_path);
    let Some(newest) = found.keys().next_back().copied() else {
        return Err(Error::NoPrograms { least: LEAST_VERSION });
    };
    let wanted = folder.version().unwrap_or(newest);
    found.remove(&wanted).ok_or_else(|| Error::WrongVersion {
        folder: folder.data(),
        made_by: wanted,
        found: found.keys().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    })
}

/// The live server, once it has finished starting; none if there is none, or once it has finished stopping.
fn wait_while_changing(folder: &Folder) -> Option<PidFile> {
    let began = Instant::now();
    loop {
        let live = PidFile::read_live(&folder.data())?;
        if live.is_ready || began.elapsed() > READY_WITHIN {
            return Some(live);
        }
        std::thread::sleep(POLL);
    }
}

fn address_of(file: &PidFile) -> Option<Address> {
    let port = file.port?;
    Some(match &file.socket_folder {
        Some(folder) => Address::Socket { folder: folder.clone(), port },
        None => Address::Port(port),
    })
}

/// Makes the cluster beside its place and moves it there when it is whole, so that a power cut leaves none or all of it.
fn initialise(folder: &Folder, programs: &Programs) -> Result<(), Error> {
    tracing::info!("making a database (Postgres {}) in {}", programs.version, folder.root.display());
    let new = folder.root.join("data.new");
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", new)(error)),
        _ => {}
    }
    // Some systems lack C.UTF-8; C orders the same and only knows fewer letters.
    let initdb = |locale: &str| {
        let mut command = programs.command("initdb", &folder.root);
        command.arg(format!("--username={SUPERUSER}")).arg("--encoding=UTF8").arg(format!("--locale={locale}"));
        command.args(["--auth=reject", "--no-instructions", "-D"]).arg(&new);
        checked("initdb", command.output())
    };
    initdb("C.UTF-8").or_else(|_| initdb("C"))?;
    let application = write_password(&folder.password())?;
    let owner = write_password(&folder.owner_password())?;
    let statements = [
        format!("CREATE ROLE {OWNER} LOGIN PASSWORD '{owner}'"),
        format!("CREATE ROLE {APPLICATION} LOGIN PASSWORD '{application}'"),
        format!("CREATE DATABASE {DATABASE} OWNER {OWNER}"),
        format!("REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC"),
        format!("GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {APPLICATION}"),
    ];
    single_user(folder, programs, &new, "template1", &statements)?;
    // Up to Postgres 14 everybody may make tables in this schema, and only the superuser owns it.
    let statements =
        [format!("ALTER SCHEMA public OWNER TO {OWNER}"), "REVOKE ALL ON SCHEMA public FROM PUBLIC".to_owned()];
    single_user(folder, programs, &new, DATABASE, &statements)?;
    fs::rename(&new, folder.data()).map_err(Error::io("move", new))
}

/// Single-user mode needs no server, no client program and no way in for the superuser. It reads one statement a line.
fn single_user(
    folder: &Folder,
    programs: &Programs,
    data: &Path,
    database: &str,
    statements: &[String],
) -> Result<(), Error> {
    let mut command = programs.command("postgres", &folder.root);
    // It would report success after an error, and repeat the statement, in which there may be a password.
    command
        .args(["--single", "-c", "exit_on_error=on", "-c", "log_min_error_statement=panic", "-D"])
        .arg(data)
        .arg(database);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Error::io("start", "postgres"))?;
    if let Some(mut input) = child.stdin.take() {
        let sql = statements.join("\n") + "\n";
        input.write_all(sql.as_bytes()).map_err(Error::io("write to", "postgres --single"))?;
    }
    checked("postgres --single", child.wait_with_output())
}

/// Makes a password and keeps it for the commands that come later.
fn write_password(path: &Path) -> Result<String, Error> {
    let mut secret = [0; 24];
    rand::rng().fill_bytes(&mut secret);
    let password = hex::encode(secret);
    let mut file = private::file(path, fs::OpenOptions::new().truncate(true).write(true))?;
    writeln!(file, "{password}").map_err(Error::io("write", path))?;
    Ok(password)
}

/// The two roles by their passwords, and nobody else. Written at every start: what the file said before does not count.
fn write_access(folder: &Folder) -> Result<(), Error> {
    let who = format!("{DATABASE} {OWNER},{APPLICATION}");
    let rules = format!("local {who} scram-sha-256\nhost {who} 127.0.0.1/32 scram-sha-256\n");
    let path = folder.access();
    let mut file = private::file(&path, fs::OpenOptions::new().truncate(true).write(true))?;
    file.write_all(rules.as_bytes()).map_err(Error::io("write", path))
}

fn open_log(path: &Path) -> Result<fs::File, Error> {
    if fs::symlink_metadata(path).is_ok_and(|meta| meta.len() > MAX_LOG_BYTES) {
        fs::remove_file(path).map_err(Error::io("remove", path))?;
    }
    Ok(private::file(path, fs::OpenOptions::new().append(true))?)
}

/// The last lines of a file, for an error message.
fn tail(path: &Path) -> String {
    let mut text = Vec::new();
    if let Ok(mut file) = fs::File::open(path) {
        let length = file.metadata().map_or(0, |meta| meta.len());
        // What cannot be read is simply not quoted.
        let _ = file.seek(SeekFrom::Start(length.saturating_sub(2_000)));
        let _ = file.read_to_end(&mut text);
    }
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
