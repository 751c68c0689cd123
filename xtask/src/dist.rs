//! `cargo xtask dist`: the programs as they are installed: optimised, stripped, the site inside, in one folder with their sizes.
//! It must never differ from what the benchmark measures: both build the profile `dist`.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use crate::{
    build,
    context::Context,
    shell::{run, say},
};

/// The cargo profile of what people install.
pub(crate) const PROFILE: &str = "dist";
const PROGRAMS: [&str; 2] = ["weft", "local-llm"];

pub(crate) fn build(context: &Context) -> Result<()> {
    build::site(context, false)?;
    let packages = ["--package", "server", "--package", "local-llm", "--bins"];
    run(context.cargo().args(["build", "--profile", PROFILE]).args(packages))?;
    for name in PROGRAMS {
        let program = context.binary_of(PROFILE, name);
        say(format!("{}: {:.1} MB", program.display(), megabytes(&program)?));
    }
    Ok(())
}

fn megabytes(program: &Path) -> Result<f64> {
    let size = fs::metadata(program).with_context(|| format!("{} was not built", program.display()))?.len();
    // Far below what a float holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "a size to be read by people")]
    let bytes = size as f64;
    Ok(bytes / 1e6)
}
