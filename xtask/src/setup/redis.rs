//! The program of Redis, for those who start one of their own: what is compared with Weft, and the tests of the Celery bridge.
//!
//! Must never start a Redis for everybody, nor touch one that runs: a program is all that is installed.

use super::system::{self, Missing};
use crate::shell::{find_on_path, output, say};
use anyhow::{Context as _, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Debian's package `redis-server` would start a server for everybody. The program is in `redis-tools` as well: it does what the name
/// says that it is called by, and there it is called by that of its checker.
const SAME_PROGRAM: &str = "redis-check-rdb";

pub(super) fn missing(missing: &mut Vec<Missing>) {
    if find().is_none() {
        missing.push(wanted());
    }
}

/// Makes `redis-server` in the folder.
pub(super) fn link(folder: &Path, name: &str) -> Result<()> {
    let program = if let Some(program) = find() {
        program
    } else {
        system::install(&[wanted()])?;
        find().context("the package redis-tools brought no Redis")?
    };
    let link = folder.join("redis-server");
    relink(&program, &link)?;
    let version = output(Command::new(&link).arg("--version")).context("Redis does not start")?;
    say(format!("ok      {name}: {version}"));
    Ok(())
}

pub(super) fn relink(to: &Path, link: &Path) -> Result<()> {
    // There need not be one.
    let _ = fs::remove_file(link);
    std::os::unix::fs::symlink(to, link).with_context(|| format!("cannot link {}", link.display()))
}

fn wanted() -> Missing {
    Missing::new("Redis, for Celery", &["redis-tools"])
}

fn find() -> Option<PathBuf> {
    find_on_path("redis-server").or_else(|| find_on_path(SAME_PROGRAM))
}
