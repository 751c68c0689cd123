//! Compiles what runs outside of a browser, in the profile of the tests, and lints it in the same pass. A check of everything beside the
//! build of everything would be ten minutes more on two cores: each library would be read twice, and all of ours twice.
//! Must never change what a program does, nor let a warning pass where warnings are looked for.

use std::{
    io::BufReader,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{Artifact, Message, diagnostic::DiagnosticLevel};

use crate::{
    context::Context,
    shell::{describe, find_on_path},
};

/// A compiler that lints. cargo calls it for our own crates, and rustc for all others.
const COMPILER: &str = "clippy-driver";

/// Where clippy is missing, Weft is built without it.
pub(crate) fn cargo(context: &Context) -> Command {
    let mut cargo = context.cargo();
    if find_on_path(COMPILER).is_some() {
        cargo.env("RUSTC_WORKSPACE_WRAPPER", COMPILER);
    }
    cargo
}

/// Builds, and fails on every warning, also on those of crates that were compiled before: cargo repeats them.
pub(crate) fn build_without_warnings(cargo: &mut Command) -> Result<Vec<Artifact>> {
    if find_on_path(COMPILER).is_none() {
        bail!("clippy is missing, which lints while it compiles: install it (rustup component add clippy)");
    }
    cargo.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut child = cargo.spawn().with_context(|| format!("cannot start `{}`", describe(cargo)))?;
    let output = child.stdout.take().context("cargo has no output")?;
    let (artifacts, n_warnings) = read(BufReader::new(output))?;
    let status = child.wait().context("cannot wait for cargo")?;
    if !status.success() {
        bail!("`{}` failed ({status})", describe(cargo));
    }
    if n_warnings > 0 {
        bail!("the compiler warned {n_warnings} times, above");
    }
    Ok(artifacts)
}

fn read(messages: impl std::io::BufRead) -> Result<(Vec<Artifact>, usize)> {
    let mut artifacts = Vec::new();
    let mut n_warnings = 0;
    for message in Message::parse_stream(messages) {
        match message.context("cannot read what cargo built")? {
            Message::CompilerArtifact(artifact) => artifacts.push(artifact),
            Message::CompilerMessage(said) if said.message.level == DiagnosticLevel::Warning => n_warnings += 1,
            _ => {}
        }
    }
    Ok((artifacts, n_warnings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_counted_and_what_else_is_said_is_not() {
        let said = |level: &str| {
            format!(
                r#"{{"reason":"compiler-message","package_id":"path+file:///x#0.1.0","manifest_path":"/x/Cargo.toml",
                "target":{{"kind":["lib"],"crate_types":["lib"],"name":"x","src_path":"/x/src/lib.rs","edition":"2024","doc":true,
                "doctest":true,"test":true}},"message":{{"message":"m","code":null,"level":"{level}","spans":[],"children":[],
                "rendered":null}}}}"#
            )
            .replace('\n', " ")
        };
        let lines = [said("warning"), said("note"), "of another program".to_owned()].join("\n");
        let (artifacts, n_warnings) = read(lines.as_bytes()).unwrap();
        assert_eq!((artifacts.len(), n_warnings), (0, 1));
    }
}
