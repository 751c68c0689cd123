//! Why the embedded Postgres cannot be used, each with what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

/// What there has to be room for: a new cluster takes about 60 MB, its first write-ahead logs as much again.
pub(super) const WANTED_MB: u64 = 200;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "no Postgres server programs (initdb, postgres) of version {least} or newer were found on PATH or in the usual folders\n\
         Install them (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql), \
         or set DATABASE_URL to a Postgres that runs already"
    )]
    NoPrograms { least: u32 },
    #[error(
        "the data in {folder} was made by Postgres {made_by}, but only version {found} is installed\n\
         Install Postgres {made_by} beside it, or move the folder away to begin with an empty database"
    )]
    WrongVersion { folder: PathBuf, made_by: u32, found: String },
    #[error(
        "no room on the disk of {folder}: {free_mb} MB are free, at least {wanted_mb} MB are needed\nFree some space, or set WEFT_DATA_DIR to a folder on another disk"
    )]
    NoSpace { folder: PathBuf, free_mb: u64, wanted_mb: u64 },
    #[error(
        "another `weft serve` is using the data folder {folder}\nStop it first, or give this one another folder with WEFT_DATA_DIR"
    )]
    AlreadyServing { folder: PathBuf },
    #[error(
        "Weft was about to run Postgres as root, which both refuse\nStart Weft as another user, or set DATABASE_URL"
    )]
    Root,
    #[error(
        "the database in {folder} was made by an earlier Weft, in which the application owned its tables\n\
         Move the folder away to begin with an empty database"
    )]
    OldLayout { folder: PathBuf },
    #[error(transparent)]
    Private(#[from] crate::privileges::Error),
    #[error("no free port on 127.0.0.1 for Postgres")]
    NoPort(#[source] io::Error),
    #[error("`{program}` failed ({status}):\n{output}")]
    Program { program: &'static str, status: std::process::ExitStatus, output: String },
    #[error("Postgres ended while it started ({status}); its log {log} ends with:\n{tail}")]
    EndedAtStart { status: String, log: PathBuf, tail: String },
    #[error("Postgres was not ready within {seconds} s; see its log {log}")]
    NotReady { seconds: u64, log: PathBuf },
    #[error("cannot {action} {path}")]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: names what was tried, and tells a full disk apart.
    pub(super) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::NoSpace { folder: path, free_mb: 0, wanted_mb: WANTED_MB }
            }
            _ => Self::Io { action, path, source },
        }
    }
}
