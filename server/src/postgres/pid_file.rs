//! `postmaster.pid`: what a running Postgres says of itself.
//! A file left by a dead server must never be taken for a live one, nor a live one for dead.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// The contents of the file, as far as they are written yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PidFile {
    pub(super) pid: i32,
    pub(super) port: Option<u16>,
    pub(super) socket_folder: Option<PathBuf>,
    pub(super) is_ready: bool,
}

impl PidFile {
    pub(super) fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(path(data)).ok()?)
    }

    /// The file of a server that lives.
    pub(super) fn read_live(data: &Path) -> Option<Self> {
        Self::read(data).filter(|file| is_postgres_of(file.pid, data))
    }

    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        Some(Self {
            pid: lines.first()?.trim_start_matches('-').parse().ok().filter(|pid| *pid > 1)?,
            port: lines.get(3).and_then(|line| line.parse().ok()),
            socket_folder: lines.get(4).filter(|line| !line.is_empty()).map(PathBuf::from),
            is_ready: lines.get(7) == Some(&"ready"),
        })
    }
}

pub(super) fn path(data: &Path) -> PathBuf {
    data.join("postmaster.pid")
}

/// Whether the process lives, even if it has given up its file already, and is the server of this folder: process numbers are used again.
pub(super) fn is_postgres_of(pid: i32, data: &Path) -> bool {
    if kill(Pid::from_raw(pid), None) == Err(nix::errno::Errno::ESRCH) {
        return false;
    }
    // Where /proc tells: a server's current folder is its data folder. A zombie has none any more.
    if Path::new("/proc/self/cwd").exists() {
        return match (fs::read_link(format!("/proc/{pid}/cwd")), data.canonicalize()) {
            (Ok(folder), Ok(data)) => folder == data,
            _ => false,
        };
    }
    true
}

/// Sends a signal; a process that is gone is no error.
pub(super) fn signal(pid: i32, signal: Signal) {
    if let Err(errno) = kill(Pid::from_raw(pid), signal)
        && errno != nix::errno::Errno::ESRCH
    {
        tracing::warn!(pid, %errno, "cannot signal Postgres");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_is_read_as_far_as_it_is_written() {
        let whole = "4711\n/data\n1700000000\n5432\n/run/weft\n127.0.0.1\n  5432001   98310\nready   \n";
        let read = PidFile::parse(whole).unwrap();
        assert_eq!((read.pid, read.port, read.is_ready), (4711, Some(5432), true));
        assert_eq!(read.socket_folder, Some(PathBuf::from("/run/weft")));
        let started = PidFile::parse("4711\n/data\n1700000000\n5432\n\n\n").unwrap();
        assert_eq!((started.socket_folder, started.is_ready), (None, false));
        assert_eq!(PidFile::parse(""), None);
        assert_eq!(PidFile::parse("0\n"), None);
    }

    #[test]
    fn a_living_process_that_is_no_server_of_the_folder_is_not_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(path(folder.path()), format!("{}\n/data\n1\n5432\n\n\n\nready\n", std::process::id())).unwrap();
        assert!(PidFile::read(folder.path()).is_some());
        assert_eq!(PidFile::read_live(folder.path()), None);
    }
}
