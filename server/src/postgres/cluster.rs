//! One cluster in use: made when missing, started or adopted, stopped by whoever leaves last.
//! Everything here blocks; async callers use `spawn_blocking`.

use std::{
    fs,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use rand::RngCore;

use super::{
    account::Account,
    error::Error,
    folder::{Folder, create_data_dir},
    locks::{self, Use},
    pid_file::{self, PidFile},
    programs::{LEAST_VERSION, Programs, checked},
    socket::Address,
    supervisor::Supervisor,
};
use crate::config::{DatabaseUrl, Place};

pub(super) const USER: &str = "weft";
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
}

/// What starting takes, shared with the thread that watches over it.
pub(super) struct Core {
    data_dir: PathBuf,
    folder: Folder,
    account: Account,
    programs: Programs,
    address: Address,
    /// The server, if this process started it; an adopted one is watched by its pid file.
    child: Mutex<Option<Child>>,
}

impl Cluster {
    /// Attaches to the folder's live cluster, or makes and starts one.
    pub fn open(place: &Place) -> Result<Self, Error> {
        create_data_dir(&place.data_dir)?;
        let data_dir = place.data_dir.canonicalize().map_err(Error::io("find", &place.data_dir))?;
        let gate = locks::gate(&data_dir)?;
        let used = Use::begin(&data_dir)?;
        let account = Account::choose()?;
        let folder = Folder::open(&data_dir, &account)?;
        let programs = choose_programs(place, &folder)?;
        folder.check_space()?;
        if folder.version().is_none() {
            initialise(&folder, &account, &programs)?;
        }
        let live = wait_while_changing(&folder);
        let address = match live.as_ref().and_then(address_of) {
            Some(address) => address,
            None => Address::choose(&folder, place, &account)?,
        };
        let core = Core { data_dir, folder, account, programs, address, child: Mutex::new(None) };
        if live.is_none() {
            core.start()?;
        } else {
            tracing::debug!("using the Postgres that runs in {}", core.folder.root.display());
        }
        drop(gate);
        let password = fs::read_to_string(core.folder.password()).unwrap_or_default();
        let url = DatabaseUrl::new(core.address.url(password.trim()));
        Ok(Self { core: Arc::new(core), supervisor: None, used: Some(used), url })
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
        let mut command = self.programs.command("postgres", &self.account, &self.folder.root);
        command.arg("-D").arg(&data);
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
fn initialise(folder: &Folder, account: &Account, programs: &Programs) -> Result<(), Error> {
    tracing::info!("making a database (Postgres {}) in {}", programs.version, folder.root.display());
    let new = folder.root.join("data.new");
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", new)(error)),
        _ => {}
    }
    write_password(folder, account)?;
    // Some systems lack C.UTF-8; C orders the same and only knows fewer letters.
    let initdb = |locale: &str| {
        let mut command = programs.command("initdb", account, &folder.root);
        command.arg(format!("--username={USER}")).arg("--encoding=UTF8").arg(format!("--locale={locale}"));
        command.args(["--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions"]);
        command.arg("--pwfile").arg(folder.password()).arg("-D").arg(&new);
        checked("initdb", command.output())
    };
    initdb("C.UTF-8").or_else(|_| initdb("C"))?;
    // Single-user mode needs no server and no client program.
    let mut single = programs.command("postgres", account, &folder.root);
    single.arg("--single").arg("-D").arg(&new).arg("template1");
    single.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = single.spawn().map_err(Error::io("start", "postgres"))?;
    if let Some(mut input) = child.stdin.take() {
        let sql = format!("CREATE DATABASE {DATABASE}\n");
        input.write_all(sql.as_bytes()).map_err(Error::io("write to", "postgres --single"))?;
    }
    checked("postgres --single", child.wait_with_output())?;
    fs::rename(&new, folder.data()).map_err(Error::io("move", new))
}

fn write_password(folder: &Folder, account: &Account) -> Result<(), Error> {
    let path = folder.password();
    let mut secret = [0; 24];
    rand::rng().fill_bytes(&mut secret);
    let mut file = fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(Error::io("write", &path))?;
    writeln!(file, "{}", hex::encode(secret)).map_err(Error::io("write", &path))?;
    account.own(&path)
}

fn open_log(path: &Path) -> Result<fs::File, Error> {
    if fs::metadata(path).is_ok_and(|meta| meta.len() > MAX_LOG_BYTES) {
        fs::remove_file(path).map_err(Error::io("remove", path))?;
    }
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(Error::io("open", path))
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
