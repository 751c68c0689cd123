//! What gives a process another clock, for the chaos. Nothing else needs it, and the chaos says what it leaves out without it.

use super::system::{self, Missing};
use crate::shell::say;
use std::{fs, path::PathBuf};

/// The library of Debian's package `libfaketime`, in the folder that is named for the machine.
pub(crate) fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok);
    folders.map(|folder| folder.path().join("faketime/libfaketime.so.1")).find(|library| library.is_file())
}

pub(super) fn install() {
    if library().is_some() {
        return;
    }
    if let Err(error) = system::install(&[Missing::new("clocks that jump", &["libfaketime"])]) {
        say(format!("warning: no clocks that jump: {error:#}"));
    }
}
