//! The server of a cluster: started, asked after, started again when it died, stopped.
//! Must never start one where another process's server lives, nor take its files for leftovers. Everything here blocks.

use std::{
    fs,
    io::{Read, Seek, SeekFrom},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Child,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use super::{
    error::Error,
    folder::Folder,
    initdb::write_access,
    locks,
    pid_file::{self, PidFile},
    programs::Programs,
    socket::Address,
};
use crate::privileges::private;

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

/// What starting takes, shared with the thread that watches over it.
pub(super) struct Server {
    pub(super) data_dir: PathBuf,
    pub(super) folder: Folder,
    pub(super) programs: Programs,
    pub(super) address: Address,
    /// The server, if this process started it; an adopted one is watched by its pid file.
    pub(super) child: Mutex<Option<Child>>,
}

impl Server {
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

    pub(super) fn start(&self) -> Result<(), Error> {
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
    pub(super) fn stop(&self) {
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

/// The live server, once it has finished starting; none if there is none, or once it has finished stopping.
pub(super) fn wait_while_changing(folder: &Folder) -> Option<PidFile> {
    let began = Instant::now();
    loop {
        let live = PidFile::read_live(&folder.data())?;
        if live.is_ready || began.elapsed() > READY_WITHIN {
            return Some(live);
        }
        std::thread::sleep(POLL);
    }
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
