//! `cargo xtask setup`: finds out what is missing on this machine and installs it.
//!
//! Idempotent and talkative: one line a thing. It installs through the machine's own package
//! manager only, and where it may not, it says exactly what to install and stops.

mod browser;
pub(crate) mod canvas;
pub(crate) mod clients;
pub(crate) mod deploy;
pub(crate) mod failover;
pub(crate) mod faketime;
pub(crate) mod model;
pub(crate) mod newest;
mod node;
pub(crate) mod peers;
mod pooler;
mod python;
mod redis;
pub(crate) mod schemathesis;
mod system;

use crate::{
    account,
    context::Context,
    postgres,
    shell::{find_on_path, output, run, say, succeeds},
};
use anyhow::{Result, bail};
use std::process::Command;
use system::Missing;

/// How much to install.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope {
    /// Also what only the tests need.
    pub(crate) tests: bool,
}

pub(crate) fn install(context: &Context, scope: Scope) -> Result<()> {
    wasm_target()?;
    let mut missing = Vec::new();
    if find_on_path("cc").is_none() {
        missing.push(Missing::new("a C compiler", &["gcc", "libc6-dev"]));
    }
    match postgres::Binaries::find() {
        Ok(binaries) => say(format!("ok      Postgres server: {}", binaries.version())),
        Err(_) => missing.push(Missing::new("the Postgres server", &["postgresql"])),
    }
    let model = model::state(context);
    if model == model::State::Absent && !has_pip() {
        missing.push(Missing::new("pip, for the model file", &["python3-pip"]));
    }
    if scope.tests {
        node::missing(&mut missing);
        browser::missing(&mut missing);
        clients::missing(&mut missing);
        pooler::missing(&mut missing);
        deploy::missing(&mut missing);
    }
    system::install(&missing)?;
    if let Some(thing) = missing.iter().find(|thing| thing.is_postgres()) {
        // Installed just now: prove it before a later step fails on it in other words.
        let binaries = postgres::Binaries::find()?;
        say(format!("ok      {}: {}", thing.what(), binaries.version()));
    }
    if scope.tests {
        faketime::install();
    }
    system::user(account::USER)?;
    match model::ensure(context, model) {
        // Without the file Weft still works with hosted models, so only the tests insist on it.
        Err(error) if !scope.tests => say(format!("warning: no local model: {error:#}")),
        result => result?,
    }
    if scope.tests {
        node::require()?;
        node::packages(&context.root, "end2end")?;
        browser::browser(context)?;
        clients::typescript(context)?;
        clients::python(context)?;
        schemathesis::install(context)?;
        deploy::checks(context)?;
    }
    Ok(())
}

fn has_pip() -> bool {
    succeeds(Command::new("python3").args(["-m", "pip", "--version"]))
}

/// The standard library for the browser. Not listed in rust-toolchain.toml, which would make
/// every cargo call try an install.
fn wasm_target() -> Result<()> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let library = std::path::Path::new(&sysroot).join("lib/rustlib/wasm32-unknown-unknown/lib");
    if library.is_dir() {
        say("ok      Rust target wasm32-unknown-unknown");
        return Ok(());
    }
    if find_on_path("rustup").is_none() {
        bail!(
            "the Rust target wasm32-unknown-unknown is missing and this Rust was not installed by rustup. \
             Install it with your package manager (on Debian: apt-get install libstd-rust-dev-wasm32), or use rustup"
        );
    }
    say("install Rust target wasm32-unknown-unknown (rustup)");
    if run(Command::new("rustup").args(["target", "add", "wasm32-unknown-unknown"])).is_err() {
        bail!(
            "rustup could not add the target wasm32-unknown-unknown. Run `rustup target add wasm32-unknown-unknown` once where the network allows it, then repeat"
        );
    }
    Ok(())
}
