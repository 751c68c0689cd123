//! The user that runs Postgres: ourselves, or an unprivileged one when Weft was started as root, which Postgres refuses.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use nix::unistd::{User, chown, geteuid};

use super::error::Error;

/// Whom to drop to, in this order.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// The other user, where one is needed.
#[derive(Clone, Debug)]
pub(super) struct Account(Option<User>);

impl Account {
    pub(super) fn choose() -> Result<Self, Error> {
        if !geteuid().is_root() {
            return Ok(Self(None));
        }
        CANDIDATES
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Self(Some(user)))
            .ok_or(Error::NoAccount)
    }

    /// The user's name, if it is not ours.
    pub(super) fn name(&self) -> Option<&str> {
        self.0.as_ref().map(|user| user.name.as_str())
    }

    /// The id of the user that owns the files.
    pub(super) fn uid(&self) -> u32 {
        self.0.as_ref().map_or_else(|| geteuid().as_raw(), |user| user.uid.as_raw())
    }

    /// Makes the command run as that user; it drops the groups of root as well.
    pub(super) fn apply(&self, command: &mut Command) {
        if let Some(user) = &self.0 {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
    }

    pub(super) fn own(&self, path: &Path) -> Result<(), Error> {
        if let Some(user) = &self.0 {
            chown(path, Some(user.uid), Some(user.gid))
                .map_err(|errno| Error::io("hand to the Postgres user", path)(errno.into()))?;
        }
        Ok(())
    }

    /// Whether the user can enter the folder, tried rather than worked out: access lists and mounts have a say too.
    pub(super) fn can_enter(&self, folder: &Path) -> bool {
        if self.0.is_none() {
            return true;
        }
        let mut command = Command::new("true");
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.apply(&mut command);
        command.status().is_ok_and(|status| status.success())
    }
}
