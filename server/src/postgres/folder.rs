//! Where the cluster's files are, and whether there is room for them.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::sys::statvfs::statvfs;
use sha2::{Digest, Sha256};

use super::{account::Account, error::Error};

/// A new cluster takes about 60 MB, its first write-ahead logs as much again.
pub(super) const WANTED_MB: u64 = 200;
/// Below this a running cluster is about to stop.
const LEAST_MB: u64 = 32;
/// Where the cluster goes if the Postgres user cannot enter the data folder.
const ELSEWHERE: &str = "/var/lib/weft";

/// The cluster's own folder, which belongs to the user that runs Postgres.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) root: PathBuf,
}

impl Folder {
    /// Finds or makes it. The user is told when it is not inside of the data folder.
    pub(super) fn open(data_dir: &Path, account: &Account) -> Result<Self, Error> {
        let root = data_dir.join("postgres");
        make_private(&root, account)?;
        if account.can_enter(&root) {
            return Ok(Self { root });
        }
        // Removed only if it is empty, which it is unless the folder's rights were changed later.
        if fs::remove_dir(&root).is_err() {
            return Err(Error::NotEnterable { folder: root, account: account.name().unwrap_or_default().to_owned() });
        }
        let elsewhere = Path::new(ELSEWHERE).join(short_hash(data_dir));
        create_data_dir(Path::new(ELSEWHERE))?;
        make_private(&elsewhere, account)?;
        if !account.can_enter(&elsewhere) {
            return Err(Error::NotEnterable {
                folder: elsewhere,
                account: account.name().unwrap_or_default().to_owned(),
            });
        }
        tracing::warn!(
            "the user `{}`, which runs Postgres, cannot enter {}: the database is in {}",
            account.name().unwrap_or_default(),
            data_dir.display(),
            elsewhere.display()
        );
        Ok(Self { root: elsewhere })
    }

    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    pub(super) fn password(&self) -> PathBuf {
        self.root.join("password")
    }

    /// Whether a cluster was made here, and by which version.
    pub(super) fn version(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("PG_VERSION")).ok()?.trim().split('.').next()?.parse().ok()
    }

    /// Refuses early what would otherwise fail somewhere inside of Postgres.
    pub(super) fn check_space(&self) -> Result<(), Error> {
        let wanted_mb = if self.version().is_some() { LEAST_MB } else { WANTED_MB };
        // A file system that does not tell is given the benefit of the doubt.
        let Ok(stat) = statvfs(&self.root) else { return Ok(()) };
        let free_mb = widen(stat.blocks_available()) * widen(stat.fragment_size()) / (1024 * 1024);
        if free_mb < wanted_mb {
            return Err(Error::NoSpace { folder: self.root.clone(), free_mb, wanted_mb });
        }
        Ok(())
    }
}

/// The counts of statvfs differ in width from system to system.
fn widen(count: impl Into<u64>) -> u64 {
    count.into()
}

/// A short name for a folder, the same each time.
pub(super) fn short_hash(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mut hash = hex::encode(Sha256::digest(folder.as_os_str().as_encoded_bytes()));
    hash.truncate(12);
    hash
}

pub(super) fn create_data_dir(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::io("create the folder", folder))
}

/// A folder that only the Postgres user (and root) can enter. One that belongs to somebody else is refused.
pub(super) fn make_private(folder: &Path, account: &Account) -> Result<(), Error> {
    match fs::create_dir(folder) {
        Ok(()) => account.own(folder)?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let meta = fs::symlink_metadata(folder).map_err(Error::io("read", folder))?;
            if !meta.is_dir() || meta.uid() != account.uid() {
                return Err(Error::Io {
                    action: "use a folder of another user:",
                    path: folder.to_owned(),
                    source: std::io::ErrorKind::PermissionDenied.into(),
                });
            }
        }
        Err(error) => return Err(Error::io("create the folder", folder)(error)),
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(Error::io("protect", folder))
}
