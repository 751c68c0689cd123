//! What only the tests of `clients` need: for Python a venv below cargo's target folder with the pinned tools, the client itself and
//! Redis; for TypeScript the npm packages that its lock names.
//!
//! Nothing of the product may need any of it, and no package's own install script is run.

use super::{
    node,
    python::{self, hash},
    redis,
    system::Missing,
};
use crate::{
    context::Context,
    shell::{run, say, write_if_changed},
};
use anyhow::{Context as _, Result};
use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::Command,
};

const PYTHON: &str = "clients/python";
const TYPESCRIPT: &str = "clients/typescript";
/// What the package asks for, and the tools that check it.
const OLDEST_PYTHON: (u32, u32) = (3, 10);
/// What is written down of a package when it is installed.
const TOLD_OF_THE_CLIENT: [&str; 2] = ["pyproject.toml", "src/weft_worker/version.py"];

pub(super) fn missing(missing: &mut Vec<Missing>) {
    python::missing(missing);
    redis::missing(missing);
}

/// The Python client, and the folder of programs that check and test it. Does nothing where all of it is there.
pub(crate) fn python(context: &Context) -> Result<(PathBuf, PathBuf)> {
    python::require(OLDEST_PYTHON, "the tests of the Python client")?;
    let (client, home) = (context.root.join(PYTHON), context.target.join(PYTHON));
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
    let venv = python::venv(&client.join("requirements-dev.txt"), PYTHON, &home, &[])?;
    itself(&client, &venv)?;
    let programs = venv.join("bin");
    redis::link(&programs, PYTHON)?;
    Ok((client, programs))
}

/// The client is installed as a link to its sources. The stamp goes with the venv, and another clone may have the same target folder.
fn itself(client: &Path, venv: &Path) -> Result<()> {
    let mut told = vec![client.as_os_str().as_bytes().to_owned()];
    for file in TOLD_OF_THE_CLIENT {
        told.push(fs::read(client.join(file)).with_context(|| format!("{PYTHON}/{file} is missing from the tree"))?);
    }
    let wanted = hash(&told.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let stamp = venv.join(".weft-client");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say(format!("install {PYTHON} itself (pip, editable)"));
    run(Command::new(venv.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(["--no-build-isolation", "--no-deps", "--editable"])
        .arg(client))
    .context("the Python client could not be installed")?;
    write_if_changed(&stamp, wanted.as_bytes())?;
    Ok(())
}

/// The TypeScript client. Does nothing where its packages are there.
pub(crate) fn typescript(context: &Context) -> Result<PathBuf> {
    node::require()?;
    node::packages(&context.root, TYPESCRIPT)?;
    Ok(context.root.join(TYPESCRIPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_of_the_python_client_is_pinned() {
        let client = Context::discover().unwrap().root.join(PYTHON);
        let text = fs::read_to_string(client.join("requirements-dev.txt")).unwrap();
        let mut packages = text.lines().filter(|line| !line.starts_with('#')).peekable();
        assert!(packages.peek().is_some());
        assert!(packages.all(|line| line.split_once("==").is_some_and(|(_, version)| !version.is_empty())));
    }
}
