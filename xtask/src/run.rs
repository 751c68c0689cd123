//! `cargo xtask run`: set up, build, and become the server.
//!
//! The server replaces this process, so signals, exit code and output are its own.

use crate::{
    build,
    context::{Context, variable},
    setup,
};
use anyhow::{Context as _, Result};
use std::{os::unix::process::CommandExt, process::Command};

pub(crate) fn run(context: &Context) -> Result<()> {
    setup::install(context, setup::Scope { tests: false })?;
    build::site(context, false)?;
    build::binaries(context, false)?;
    let weft = context.binary("weft");
    let mut command = Command::new(&weft);
    command.arg("serve").current_dir(&context.root);
    // Setup has said why when there is no file; Weft then starts without a local model.
    if context.model().exists() {
        for (name, value) in local_model(context) {
            if variable(name).is_none() {
                command.env(name, value);
            }
        }
    }
    Err(command.exec()).with_context(|| format!("cannot start {}", weft.display()))
}

/// What tells the server which local model to start; a person's own settings win.
pub(crate) fn local_model(context: &Context) -> [(&'static str, std::path::PathBuf); 2] {
    [("WEFT_LOCAL_LLM_BIN", context.binary("local-llm")), ("WEFT_LOCAL_LLM_MODEL", context.model())]
}
