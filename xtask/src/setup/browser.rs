//! What only the browser tests need: Chromium, Node and the npm packages of end2end.
//!
//! `make run` must never need any of it.

use super::system::{Missing, distribution};
use crate::{
    context::{Context, variable},
    shell::{output, run, say, write_if_changed},
};
use anyhow::{Context as _, Result, bail};
use sha2::{Digest, Sha256};
use std::{path::Path, process::Command};

const CHROMIUM: &str = "/usr/bin/chromium";
/// What the Playwright in end2end asks for. Newer ones want Node 20, which Debian 12 and Ubuntu 24.04 lack.
const OLDEST_NODE: u32 = 18;

pub(super) fn missing(missing: &mut Vec<Missing>) {
    match node_version() {
        Some(version) if major(&version) >= OLDEST_NODE => say(format!("ok      Node {version}")),
        _ => missing.push(Missing::new("Node 18 or newer, with npm", &["nodejs", "npm"])),
    }
    // Elsewhere, Ubuntu's empty package included, Playwright brings a browser of its own.
    if distribution() == "debian" && !has_chromium() {
        missing.push(Missing::new("Chromium, for the browser tests", &["chromium", "fonts-dejavu-core"]));
    }
}

fn has_chromium() -> bool {
    variable("CHROMIUM_PATH").is_some() || Path::new(CHROMIUM).exists()
}

/// Older Debian releases carry an older Node than Playwright runs on; apt cannot help there.
pub(super) fn require_node() -> Result<()> {
    match node_version() {
        Some(version) if major(&version) >= OLDEST_NODE => Ok(()),
        found => bail!(
            "the browser tests need Node {OLDEST_NODE} or newer with npm, and this system's packages bring {}. \
             Install a newer Node by hand; nothing else of Weft needs it",
            found.unwrap_or_else(|| "none".into())
        ),
    }
}

/// `npm ci`, only when the lock changed since the last one.
pub(super) fn packages(context: &Context) -> Result<()> {
    let folder = context.root.join("end2end");
    let lock = std::fs::read(folder.join("package-lock.json"))
        .context("end2end/package-lock.json is missing from the tree")?;
    let stamp = folder.join("node_modules/.weft-lock");
    let hash = hex::encode(Sha256::digest(&lock));
    if std::fs::read_to_string(&stamp).is_ok_and(|old| old == hash) {
        say("ok      npm packages of end2end");
        return Ok(());
    }
    say("install npm packages of end2end (npm ci)");
    run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder))?;
    write_if_changed(&stamp, hash.as_bytes())?;
    Ok(())
}

pub(super) fn browser(context: &Context) -> Result<()> {
    if has_chromium() {
        say(format!("ok      Chromium: {}", variable("CHROMIUM_PATH").unwrap_or_else(|| CHROMIUM.into())));
        return Ok(());
    }
    say("install Chromium (Playwright's own)");
    let mut command = Command::new("npx");
    command.args(["playwright", "install"]);
    if crate::account::is_root() {
        command.arg("--with-deps");
    }
    run(command.arg("chromium").current_dir(context.root.join("end2end")))
        .context("no browser could be installed; install Chromium yourself and set CHROMIUM_PATH to it")
}

fn node_version() -> Option<String> {
    output(Command::new("npm").arg("--version")).ok()?;
    output(Command::new("node").arg("--version")).ok()
}

fn major(version: &str) -> u32 {
    version.trim_start_matches('v').split('.').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_the_first_number() {
        assert_eq!(major("v20.20.2"), 20);
        assert_eq!(major("nonsense"), 0);
    }
}
