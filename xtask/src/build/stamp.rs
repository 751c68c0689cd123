//! Remembers results by the hash of what they were made from.
//!
//! A result that cannot be read back is simply made again.

use crate::{context::Context, shell::write_if_changed};
use anyhow::Result;
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// A folder of results, one file for each name and hash of inputs.
pub(super) struct Stamps {
    folder: PathBuf,
    used: Mutex<Vec<String>>,
}

impl Stamps {
    pub(super) fn open(context: &Context, kind: &str) -> Self {
        Self { folder: context.stamps().join(kind), used: Mutex::default() }
    }

    /// The result for these inputs, made only if it is not remembered. Several threads may ask at once.
    pub(super) fn result(&self, inputs: &[&[u8]], make: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let mut hasher = Sha256::new();
        for input in inputs {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            hasher.update(input.len().to_le_bytes());
            hasher.update(input);
        }
        let name = hex::encode(hasher.finalize());
        let path = self.folder.join(&name);
        let is_asked_again = {
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            let is_known = used.contains(&name);
            used.push(name);
            is_known
        };
        if is_asked_again {
            // Whoever asked first may just be writing it.
            return make();
        }
        if let Ok(remembered) = fs::read(&path) {
            return Ok(remembered);
        }
        let fresh = make()?;
        write_if_changed(&path, &fresh)?;
        Ok(fresh)
    }

    /// Forgets every result that this build did not ask for.
    pub(super) fn forget_unused(self) {
        let used = self.used.into_inner().unwrap_or_else(PoisonError::into_inner);
        for entry in fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok) {
            if !used.iter().any(|name| entry.file_name() == name.as_str()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}
