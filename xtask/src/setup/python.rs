//! Packages from Python's registry, in a venv of their own: whatever needs them names their versions in a file.
//!
//! Only wheels are installed: no package's own script is ever run.

use super::system::{self, Missing};
use crate::shell::{output, run, say, succeeds, write_if_changed};
use anyhow::{Context as _, Result, bail};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

pub(super) fn missing(missing: &mut Vec<Missing>) {
    if !succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])) {
        missing.push(Missing::new("Python's venvs", &["python3-venv"]));
    }
}

/// Older systems carry an older Python; apt cannot help there.
pub(super) fn require(oldest: (u32, u32), who: &str) -> Result<()> {
    let (major, minor) = oldest;
    let is_enough = format!("import sys; sys.exit(sys.version_info < ({major}, {minor}))");
    if succeeds(Command::new("python3").args(["-c", &is_enough])) {
        return Ok(());
    }
    let found = output(Command::new("python3").arg("--version")).unwrap_or_else(|_| "none".into());
    bail!("{who} need Python {major}.{minor} or newer as `python3`, and there is {found}; install a newer one by hand")
}

/// Makes `venv` in the folder, and returns where it is; does nothing where what the file names is there.
pub(super) fn venv(requirements: &Path, name: &str, home: &Path, more: &[&str]) -> Result<PathBuf> {
    let pins = fs::read(requirements).with_context(|| format!("{} is missing", requirements.display()))?;
    let mut lacking = Vec::new();
    missing(&mut lacking);
    system::install(&lacking)?;
    // A venv is bound to the Python that made it.
    let python = output(Command::new("python3").args(["-c", "import sys; print(sys.executable, sys.version)"]))?;
    let (folder, stamp) = (home.join("venv"), home.join("venv/.weft-pins"));
    let wanted = hash(&[&pins, python.as_bytes()]);
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        say(format!("ok      {name}: its venv"));
        return Ok(folder);
    }
    say(format!("install {name} into {} (pip)", folder.display()));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    run(Command::new(folder.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"])
        .args(more)
        .arg("-r")
        .arg(requirements))
    .with_context(|| format!("{name} could not be installed"))?;
    write_if_changed(&stamp, wanted.as_bytes())?;
    Ok(folder)
}

pub(super) fn hash(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hex::encode(hasher.finalize())
}
