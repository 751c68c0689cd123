//! Locks in the data folder, held by the operating system, so that they end with the process that held them.
//!
//! `serve.lock`: one server for each folder. `postgres.gate`: starting and stopping happen one at a time.
//! `postgres.users`: shared by all who use the cluster; whoever can take it alone is the last.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
};

use super::error::Error;
use crate::privileges::private;

/// Held by `weft serve` for its whole life.
#[derive(Debug)]
pub struct ServeLock {
    _file: File,
}

impl ServeLock {
    pub fn take(data_dir: &Path) -> Result<Self, Error> {
        private::data_folder(data_dir)?;
        let path = data_dir.join("serve.lock");
        let file = open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::AlreadyServing { folder: data_dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(Error::io("lock", path)(source)),
        }
    }
}

/// Waits for its turn; starting and stopping take seconds at most.
pub(super) fn gate(data_dir: &Path) -> Result<File, Error> {
    let path = data_dir.join("postgres.gate");
    let file = open(&path)?;
    file.lock().map_err(Error::io("lock", path))?;
    Ok(file)
}

/// One user of the cluster. To be taken and given back under the gate.
#[derive(Debug)]
pub(super) struct Use(File);

impl Use {
    pub(super) fn begin(data_dir: &Path) -> Result<Self, Error> {
        let path = data_dir.join("postgres.users");
        let file = open(&path)?;
        file.lock_shared().map_err(Error::io("lock", path))?;
        Ok(Self(file))
    }

    /// Gives it back; true if nobody else uses the cluster.
    pub(super) fn end(&self) -> bool {
        self.0.unlock().is_ok() && self.0.try_lock().is_ok()
    }
}

fn open(path: &Path) -> Result<File, Error> {
    Ok(private::file(path, OpenOptions::new().truncate(false).write(true))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_on_the_same_folder_is_refused_until_the_first_ends() {
        let folder = tempfile::tempdir().unwrap();
        let first = ServeLock::take(folder.path()).unwrap();
        assert!(matches!(ServeLock::take(folder.path()), Err(Error::AlreadyServing { .. })));
        drop(first);
        assert!(ServeLock::take(folder.path()).is_ok());
    }

    #[test]
    fn nobody_else_can_open_the_locks_nor_enter_their_folder() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let _serve = ServeLock::take(folder.path()).unwrap();
        let (_gate, _used) = (gate(folder.path()).unwrap(), Use::begin(folder.path()).unwrap());
        assert_eq!(mode(folder.path()), 0o700);
        for name in ["serve.lock", "postgres.gate", "postgres.users"] {
            assert_eq!(mode(&folder.path().join(name)), 0o600, "{name}");
        }
    }

    #[test]
    fn only_the_last_user_is_told_to_stop_the_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (Use::begin(folder.path()).unwrap(), Use::begin(folder.path()).unwrap());
        assert!(!one.end());
        assert!(two.end());
    }
}
