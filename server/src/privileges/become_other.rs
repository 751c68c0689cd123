//! Root's last act: to become the other user by starting this program again as them.
//!
//! The user may not be able to reach this program, the local model or its file by their names, since all may lie below a folder
//! of root's. So they get them as open files, through /proc: each may be read and run by them, or it is not used.
//! Keys for secrets are often root's alone, so of these they get a copy in memory; nothing of it may reach a disk or an environment.

use std::{
    fs::File,
    io,
    os::{
        fd::AsRawFd,
        unix::{fs::OpenOptionsExt, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::Command,
};

use nix::{
    fcntl::{FcntlArg, FdFlag, OFlag, fcntl},
    sys::stat::{Mode, umask},
};

use super::{
    Error,
    account::Account,
    handing::{self, Handed},
};
use crate::config;

/// Longer than any file of keys that is read.
#[cfg(target_os = "linux")]
const MAX_COPY: u64 = 64 * 1024;

/// Comes back only with the reason why it was not possible.
pub(super) fn go_on(
    database: &config::Database,
    model: Option<&config::LocalModel>,
    keys: Option<&config::SecretKeys>,
) -> Error {
    match prepare(database, model, keys) {
        Ok((mut command, user)) => Error::Become { user, source: command.exec() },
        Err(error) => error,
    }
}

fn prepare(
    database: &config::Database,
    model: Option<&config::LocalModel>,
    keys: Option<&config::SecretKeys>,
) -> Result<(Command, String), Error> {
    if database.gave_up_root {
        return Err(Error::StillRoot);
    }
    // Folders above the data folder are for everybody to pass through.
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    let mut command = Command::new(own_program()?);
    command.arg0("weft").args(std::env::args_os().skip(1)).env(config::GAVE_UP_ROOT, "true");
    let account = if database.url().is_some() {
        Account::without_files()?
    } else {
        let Handed { folder, account } = handing::data_folder(&database.place().data_dir)?;
        command.env(config::HANDED_DATA_DIR, folder);
        account
    };
    if let Some(files) = model.and_then(config::LocalModel::files) {
        for (variable, path) in [(config::HANDED_PROGRAM, &files.program), (config::HANDED_MODEL, &files.model)] {
            // One that is not there is told by whoever starts the model.
            if let Ok(handed) = hand(path) {
                command.env(variable, handed);
            }
        }
    }
    // One that cannot be read is told by whoever needs the keys.
    if let Some(copy) = keys.and_then(config::SecretKeys::file).and_then(|file| hand_copy(file, &account).ok()) {
        command.env(config::HANDED_SECRET_KEYS, copy);
    }
    let user = account.0.name.clone();
    tracing::info!("started by root; going on as the user `{user}`");
    command.env("USER", &user).env("LOGNAME", &user).env("HOME", &account.0.dir).env_remove("XDG_RUNTIME_DIR");
    account.apply(&mut command);
    Ok((command, user))
}

fn own_program() -> Result<PathBuf, Error> {
    let through_proc = Path::new("/proc/self/exe");
    if through_proc.exists() {
        return Ok(through_proc.to_owned());
    }
    std::env::current_exe().map_err(Error::io("find", "this program's own file"))
}

/// A name under which the file can be opened again by whoever inherits it.
fn hand(path: &Path) -> io::Result<PathBuf> {
    if !Path::new("/proc/self/fd").exists() {
        return Ok(path.to_owned());
    }
    // Without waiting, should it be a pipe.
    let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty()))?;
    let name = format!("/proc/self/fd/{}", file.as_raw_fd());
    // It stays open for the program that takes our place.
    std::mem::forget(file);
    Ok(name.into())
}

/// A copy that is in memory alone and the account's, under a name by which it can be opened once this program was started again. The file
/// itself would not do: to open it by its number asks the same rights as to open it by its name.
#[cfg(target_os = "linux")]
fn hand_copy(path: &Path, account: &Account) -> io::Result<PathBuf> {
    use std::{
        fs::Permissions,
        io::Read,
        os::unix::fs::{PermissionsExt, fchown},
    };

    use nix::sys::memfd::{MFdFlags, memfd_create};

    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    // Without the flag that closes it when this program is started again.
    let mut copy = File::from(memfd_create(c"weft-secret-keys", MFdFlags::empty())?);
    io::copy(&mut file.take(MAX_COPY), &mut copy)?;
    // Whoever reads it warns if others may read the file.
    copy.set_permissions(Permissions::from_mode(0o600 | (mode & 0o077)))?;
    fchown(&copy, Some(account.0.uid.as_raw()), Some(account.0.gid.as_raw()))?;
    let name = format!("/proc/self/fd/{}", copy.as_raw_fd());
    if !Path::new(&name).exists() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    std::mem::forget(copy);
    Ok(name.into())
}

/// There, the file has to be the account's own.
#[cfg(not(target_os = "linux"))]
fn hand_copy(_path: &Path, _account: &Account) -> io::Result<PathBuf> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use nix::unistd::{User, geteuid};

    use super::*;

    #[test]
    fn keys_are_handed_over_as_a_copy_that_is_the_users_and_no_file() {
        let account = Account(User::from_uid(geteuid()).unwrap().unwrap());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a key").unwrap();
        let copy = hand_copy(file.path(), &account).unwrap();
        assert_eq!(std::fs::read_to_string(&copy).unwrap(), "a key");
        let meta = std::fs::metadata(&copy).unwrap();
        assert_eq!((meta.uid(), meta.mode() & 0o777, meta.nlink()), (geteuid().as_raw(), 0o600, 0));
        assert!(hand_copy(Path::new("/nowhere/keys"), &account).is_err());
    }
}
