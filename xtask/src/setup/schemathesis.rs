//! What walks the REST interface by its description: schemathesis, in a venv below cargo's target folder. Nothing of the product needs it.

use super::python;
use crate::context::Context;
use anyhow::{Context as _, Result};
use std::{fs, path::PathBuf};

/// Where the walk and its pins are.
pub(crate) const FOLDER: &str = "server/tests/interface";
const OLDEST_PYTHON: (u32, u32) = (3, 10);

/// The Python that has it. Does nothing where it is there.
pub(crate) fn install(context: &Context) -> Result<PathBuf> {
    python::require(OLDEST_PYTHON, "the walks of the REST interface")?;
    let home = context.target.join(FOLDER);
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
    let venv = python::venv(&context.root.join(FOLDER).join("requirements.txt"), "schemathesis", &home, &[])?;
    Ok(venv.join("bin/python"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_it_needs_is_pinned() {
        let folder = Context::discover().unwrap().root.join(FOLDER);
        let text = fs::read_to_string(folder.join("requirements.txt")).unwrap();
        let packages: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(packages.iter().any(|line| line.starts_with("schemathesis==")));
        assert!(packages.iter().all(|line| line.split_once("==").is_some_and(|(_, version)| !version.is_empty())));
    }
}
