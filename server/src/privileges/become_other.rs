//! Root's last act: to become the other user by starting this program again as them.
//!
//! The user may not be able to reach this program, the local model or its file by their names, since all may lie below a folder
//! of root's. So they get them as open files, through /proc: each may be read and run by them, or it is not used.

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

/// Comes back only with the reason why it was not possible.
pub(super) fn go_on(database: &config::Database, model: Option<&config::LocalModel>) -> Error {
    match prepare(database, model) {
        Ok((mut command, user)) => Error::Become { user, source: command.exec() },
        Err(error) => error,
    }
}

fn prepare(database: &config::Database, model: Option<&config::LocalModel>) -> Result<(Command, String), Error> {
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
