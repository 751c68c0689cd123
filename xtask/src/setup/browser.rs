//! What only the browser tests need: Chromium.
//!
//! `make run` must never need any of it.

use super::system::{self, Missing, distribution};
use crate::{
    context::{Context, variable},
    shell::{run, say},
};
use anyhow::{Context as _, Result};
use std::{path::Path, process::Command};

/// Debian's, in the order in which `end2end/support/chromium.ts` takes them: the first draws no window around its pages, which is a third of
/// what the tests cost, and is what Playwright itself would take.
const CHROMIUM: [&str; 2] = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];
const WITHOUT_WINDOW: &str = "chromium-headless-shell";

pub(super) fn missing(missing: &mut Vec<Missing>) {
    // Elsewhere, Ubuntu's empty package included, Playwright brings a browser of its own.
    if distribution() == "debian" && chromium().is_none() {
        missing.push(Missing::new("Chromium, for the browser tests", &[WITHOUT_WINDOW, "fonts-dejavu-core"]));
    }
}

fn chromium() -> Option<String> {
    let of_debian = || CHROMIUM.into_iter().find(|path| Path::new(path).exists()).map(str::to_owned);
    variable("CHROMIUM_PATH").or_else(of_debian)
}

pub(super) fn browser(context: &Context) -> Result<()> {
    if chromium().is_some_and(|path| path == CHROMIUM[1]) {
        let faster = Missing::new("Chromium without a window, which is faster", &[WITHOUT_WINDOW]);
        if let Err(error) = system::install(&[faster]) {
            say(format!("        the tests take the one that is there: {error:#}"));
        }
    }
    if let Some(path) = chromium() {
        say(format!("ok      Chromium: {path}"));
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
