//! What only the browser tests need: Chromium.
//!
//! `make run` must never need any of it.

use super::system::{Missing, distribution};
use crate::{
    context::{Context, variable},
    shell::{run, say},
};
use anyhow::{Context as _, Result};
use std::{path::Path, process::Command};

const CHROMIUM: &str = "/usr/bin/chromium";

pub(super) fn missing(missing: &mut Vec<Missing>) {
    // Elsewhere, Ubuntu's empty package included, Playwright brings a browser of its own.
    if distribution() == "debian" && !has_chromium() {
        missing.push(Missing::new("Chromium, for the browser tests", &["chromium", "fonts-dejavu-core"]));
    }
}

fn has_chromium() -> bool {
    variable("CHROMIUM_PATH").is_some() || Path::new(CHROMIUM).exists()
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
