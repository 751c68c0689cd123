//! What only `cargo xtask bench canvas`, `bench pages` and `bench light` need: a browser, Node, and the npm packages that bench/canvas locks,
//! @xyflow/react and Lighthouse among them.
//!
//! All of it is for development: nothing of the product may need any of it, and no package's own script is run.

use super::{browser, node, system};
use crate::context::Context;
use anyhow::Result;
use std::path::PathBuf;

const FOLDER: &str = "bench/canvas";

/// The folder, once all of it is there.
pub(crate) fn install(context: &Context) -> Result<PathBuf> {
    let mut missing = Vec::new();
    node::missing(&mut missing);
    browser::missing(&mut missing);
    system::install(&missing)?;
    node::require()?;
    // Where the system has no Chromium, it is Playwright that brings one, and Playwright is among these.
    node::packages(&context.root, "end2end")?;
    browser::browser(context)?;
    node::packages(&context.root, FOLDER)?;
    Ok(context.root.join(FOLDER))
}
