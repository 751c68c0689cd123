//! What only the checks of `deploy` need: a venv below cargo's target folder with the schemas of Kubernetes, the npm packages with those of
//! others, and what looks at units of systemd.
//!
//! Nothing of the product may need any of it.

use super::{node, python, system::Missing};
use crate::{context::Context, shell::find_on_path};
use anyhow::{Context as _, Result};
use std::{fs, path::PathBuf};

const CHECK: &str = "deploy/check";

pub(super) fn missing(missing: &mut Vec<Missing>) {
    if find_on_path("systemd-analyze").is_none() {
        missing.push(Missing::new("systemd-analyze, for units of systemd", &["systemd"]));
    }
}

/// The folder of the checks, and the Python that runs them. Does nothing where all of it is there.
pub(crate) fn checks(context: &Context) -> Result<(PathBuf, PathBuf)> {
    let (folder, home) = (context.root.join(CHECK), context.target.join(CHECK));
    node::require()?;
    node::packages(&context.root, CHECK)?;
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
    let venv = python::venv(&folder.join("requirements.txt"), CHECK, &home, &[])?;
    Ok((folder, venv.join("bin/python")))
}
