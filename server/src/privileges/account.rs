//! Whom Weft becomes when root starts it: whoever owns the data folder, else the system user `weft`.
//! Must never be root, nor the user `postgres`, to whom the machine's other databases may belong.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use nix::unistd::{Uid, User};

use super::Error;

/// `cargo xtask setup` makes it.
const NAME: &str = "weft";
/// Owns nothing, which is right for a process that keeps nothing on the disk.
const NOBODY: &str = "nobody";

#[derive(Clone, Debug)]
pub(super) struct Account(pub(super) User);

impl Account {
    pub(super) fn of_weft() -> Result<Self, Error> {
        named(NAME).map(Self).ok_or(Error::NoUser { name: NAME })
    }

    /// Where the database is elsewhere.
    pub(super) fn without_files() -> Result<Self, Error> {
        named(NAME).or_else(|| named(NOBODY)).map(Self).ok_or(Error::NoUser { name: NAME })
    }

    /// Who owns a folder; none if root does.
    pub(super) fn of_owner(folder: &Path, uid: u32) -> Result<Option<Self>, Error> {
        if uid == 0 {
            return Ok(None);
        }
        match User::from_uid(Uid::from_raw(uid)) {
            Ok(Some(user)) => Ok(Some(Self(user))),
            Ok(None) | Err(_) => Err(Error::NamelessOwner { folder: folder.to_owned(), uid }),
        }
    }

    /// Makes the command run as that user; the standard library drops the groups of root as well.
    pub(super) fn apply(&self, command: &mut Command) {
        command.uid(self.0.uid.as_raw()).gid(self.0.gid.as_raw());
    }

    /// Whether the user can enter the folder, tried rather than worked out: access lists and mounts have a say too.
    pub(super) fn can_enter(&self, folder: &Path) -> bool {
        let mut command = Command::new("/bin/true");
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.apply(&mut command);
        command.status().is_ok_and(|status| status.success())
    }
}

fn named(name: &str) -> Option<User> {
    User::from_name(name).ok().flatten().filter(|user| !user.uid.is_root())
}
