//! Where the cluster's files are, and whether there is room for them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nix::sys::statvfs::statvfs;
use sha2::{Digest, Sha256};

use super::error::{Error, WANTED_MB};
use crate::privileges::private;

/// Below this a running cluster is about to stop.
const LEAST_MB: u64 = 32;

/// The cluster's own folder, which nobody else can enter.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) root: PathBuf,
}

impl Folder {
    /// Finds or makes it.
    pub(super) fn open(data_dir: &Path) -> Result<Self, Error> {
        let root = data_dir.join("postgres");
        private::folder(&root)?;
        let folder = Self { root };
        if folder.version().is_some() && !folder.owner_password().exists() {
            return Err(Error::OldLayout { folder: folder.root });
        }
        Ok(folder)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    /// Of the role that the application speaks as.
    pub(super) fn password(&self) -> PathBuf {
        self.root.join("password")
    }

    /// Of the role that owns the tables.
    pub(super) fn owner_password(&self) -> PathBuf {
        self.root.join("owner.password")
    }

    /// Who may connect, and how.
    pub(super) fn access(&self) -> PathBuf {
        self.root.join("access.conf")
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
