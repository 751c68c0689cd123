//! Why Weft cannot give up root's rights or take its data folder, each with what to do about it.

use std::{io, path::PathBuf};

use nix::errno::Errno;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "Weft does not run as root, and there is no user `{name}` to go on as\n\
         Make one (useradd --system --user-group --shell /usr/sbin/nologin {name}), or start Weft as another user"
    )]
    NoUser { name: &'static str },
    #[error(
        "the folder {folder} belongs to the user number {uid}, who has no name here\nGive it to a user of this machine, or set WEFT_DATA_DIR to another folder"
    )]
    NamelessOwner { folder: PathBuf, uid: u32 },
    #[error(
        "the folder {folder} belongs to root and holds files already, and Weft does not run as root\n\
         If it is Weft's, hand it over (chown -R {user}: {folder}); else set WEFT_DATA_DIR to another one, or move it away to begin anew"
    )]
    RootsFolder { folder: PathBuf, user: String },
    #[error(
        "the user `{user}` cannot enter the folder {folder}, which is theirs\nLet them into the folders above it, or set WEFT_DATA_DIR to another one"
    )]
    NotEnterable { folder: PathBuf, user: String },
    #[error(
        "others than root can write {folder}, so no data folder is made in it\nRun: chown root: {folder} && chmod 755 {folder}"
    )]
    OpenToOthers { folder: PathBuf },
    #[error(
        "the folder {folder} belongs to another user\nSet WEFT_DATA_DIR to a folder of your own; it is made if it is not there"
    )]
    ForeignFolder { folder: PathBuf },
    #[error("{path} is no folder of its own, but a link or a file\nRemove it, or set WEFT_DATA_DIR to another folder")]
    NoFolder { path: PathBuf },
    #[error("cannot {action} {path}")]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot go on as the user `{user}`\nStart Weft as that user instead of as root")]
    Become {
        user: String,
        #[source]
        source: io::Error,
    },
    #[error("root's rights were given up, and they are still there")]
    StillRoot,
    #[error("cannot give up new rights for what is started from here")]
    NoNewPrivileges(#[source] Errno),
}

impl Error {
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
