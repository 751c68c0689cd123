//! What only `cargo xtask bench peers` needs: the engines that Weft is compared with, each in a folder of its own below cargo's target folder,
//! in the versions that bench/peers pins.
//!
//! Nothing of the product may need any of it, and no package's own install script is run.

use super::{
    python::{self, hash},
    redis,
    system::{self, Missing},
};
use crate::{
    context::Context,
    shell::{find_on_path, is_executable, output, run, say, write_if_changed},
};
use anyhow::{Context as _, Result};
use clap::ValueEnum;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Peer {
    Restate,
    Langgraph,
    Dbos,
    Celery,
}

impl Peer {
    /// As its files are called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Restate => "restate",
            Self::Langgraph => "langgraph",
            Self::Dbos => "dbos",
            Self::Celery => "celery",
        }
    }
}

/// What is installed, a folder for each peer.
pub(crate) fn folder(context: &Context) -> PathBuf {
    context.target.join("peers")
}

/// The drivers, and the versions that are installed.
pub(crate) fn drivers(context: &Context) -> PathBuf {
    context.root.join("bench/peers")
}

/// Does nothing where the pinned versions are there.
pub(crate) fn install(context: &Context, peer: Peer) -> Result<()> {
    let home = folder(context).join(peer.name());
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
    let requirements = drivers(context).join(format!("{}.txt", peer.name()));
    python::venv(&requirements, peer.name(), &home, &[])?;
    match peer {
        Peer::Langgraph | Peer::Dbos => Ok(()),
        Peer::Restate => restate_server(&drivers(context), &home),
        Peer::Celery => redis::link(&home, peer.name()),
    }
}

/// An npm package brings the program.
fn restate_server(drivers: &Path, home: &Path) -> Result<()> {
    const FILES: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];
    let (folder, link) = (home.join("server"), home.join("restate-server"));
    let lock = fs::read(drivers.join("package-lock.json")).context("bench/peers/package-lock.json is missing")?;
    let (stamp, wanted) = (folder.join("node_modules/.weft-lock"), hash(&[&lock]));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && is_executable(&link) {
        say("ok      restate: its server");
        return Ok(());
    }
    if find_on_path("npm").is_none() {
        system::install(&[Missing::new("npm, for Restate's server", &["nodejs", "npm"])])?;
    }
    say(format!("install restate's server into {} (npm ci)", folder.display()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for file in FILES {
        fs::copy(drivers.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    // One of its dependencies would report the install to its makers.
    run(Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(&folder))?;
    let server = server_of_this_machine(&folder.join("node_modules/@restatedev"))
        .context("Restate's npm package has no server for this kind of machine")?;
    output(Command::new(&server).arg("--version")).context("Restate's server does not start")?;
    redis::relink(&server, &link)?;
    write_if_changed(&stamp, wanted.as_bytes())?;
    Ok(())
}

/// npm installs only the package of the system that it runs on.
fn server_of_this_machine(packages: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(packages).ok()?.filter_map(Result::ok);
    entries.map(|entry| entry.path().join("bin/restate-server")).find(|file| is_executable(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_of_a_venv_is_pinned() {
        let drivers = drivers(&Context::discover().unwrap());
        for peer in Peer::value_variants() {
            let text = fs::read_to_string(drivers.join(format!("{}.txt", peer.name()))).unwrap();
            let mut packages = text.lines().filter(|line| !line.starts_with('#')).peekable();
            assert!(packages.peek().is_some());
            assert!(packages.all(|line| line.split_once("==").is_some_and(|(_, version)| !version.is_empty())));
        }
    }
}
