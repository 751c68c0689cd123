//! Whom processes run as that must not run as root.

use crate::{context::variable, shell::output};
use anyhow::{Result, bail};
use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::Command,
};

/// Whom `weft` becomes when it was started as root. Known to server/src/privileges/account.rs as well.
pub(crate) const USER: &str = "weft";

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

/// The unprivileged user to whom a root process hands Postgres, which refuses to run as root.
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// Nobody else than we are where we are not root.
    pub(crate) fn for_server() -> Result<Option<Self>> {
        if !is_root() {
            return Ok(None);
        }
        for name in [USER, "nobody"] {
            let id = |flag: &str| -> Option<u32> { output(Command::new("id").args([flag, name])).ok()?.parse().ok() };
            if let (Some(uid), Some(gid)) = (id("-u"), id("-g")) {
                return Ok(Some(Self { uid, gid }));
            }
        }
        bail!("Postgres refuses to run as root and there is no user `weft` or `nobody` to run it as")
    }

    pub(crate) fn apply(account: Option<&Self>, command: &mut Command, folder: &Path) {
        // The user may not be allowed into the folder xtask was called from.
        command.current_dir(folder);
        if let Some(account) = account {
            command.uid(account.uid).gid(account.gid);
        }
    }
}
