//! The browser's half: the WASM bundle and its JavaScript glue.
//!
//! wasm-bindgen runs as a library of the very version in Cargo.lock, so no tool on the machine can
//! drift from it. The result is named as the page loads it: with `LEPTOS_OUTPUT_NAME` set at
//! compile time that is `weft.wasm`, without the `_bg` that wasm-bindgen adds.

use super::{NAME, PACKAGE_FOLDER, Site};
use crate::{
    context::Context,
    shell::{find_on_path, run, say, succeeds},
};
use anyhow::{Context as _, Result, anyhow};
use sha2::{Digest, Sha256};
use std::{fs, path::Path, process::Command};
use wasm_bindgen_cli_support::Bindgen;

/// What rustc uses for this target; the optimizer must not introduce anything newer.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

pub(super) fn build(context: &Context, quiet: bool, files: &mut Site) -> Result<()> {
    let mut cargo = context.cargo();
    cargo.args([
        "build",
        "--package",
        "frontend",
        "--lib",
        "--target",
        "wasm32-unknown-unknown",
        "--profile",
        "wasm-release",
    ]);
    if quiet {
        cargo.arg("--quiet");
    }
    run(&mut cargo)?;
    let compiled = context.target.join("wasm32-unknown-unknown/wasm-release/frontend.wasm");
    let wasm = fs::read(&compiled).with_context(|| format!("cannot read {}", compiled.display()))?;

    let optimizer = find_on_path("wasm-opt");
    let mut hasher = Sha256::new();
    hasher.update(&wasm);
    hasher.update([u8::from(optimizer.is_some())]);
    let folder = context.stamps().join("bindgen");
    let stamp = folder.join("stamp");
    let hash = hex::encode(hasher.finalize());
    let output = folder.join("output");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(hash.as_str()) {
        if output.exists() {
            fs::remove_dir_all(&output).with_context(|| format!("cannot empty {}", output.display()))?;
        }
        bindgen(&wasm, &output)?;
        if let Some(optimizer) = optimizer {
            optimize(&optimizer, &output.join(format!("{NAME}.wasm")))?;
        }
        fs::write(&stamp, hash).with_context(|| format!("cannot write {}", stamp.display()))?;
    }
    let mut package = Site::new();
    super::public_files(&output, &mut package)?;
    files.extend(package.into_iter().map(|(path, content)| (Path::new(PACKAGE_FOLDER).join(path), content)));
    Ok(())
}

fn bindgen(wasm: &[u8], output: &Path) -> Result<()> {
    Bindgen::new()
        .input_bytes(NAME, wasm.to_vec())
        .web(true)
        .and_then(|bindgen| {
            bindgen.typescript(false).remove_name_section(true).remove_producers_section(true).generate(output)
        })
        // Its error type is not ours; the chain is kept as text.
        .map_err(|error| anyhow!("wasm-bindgen failed: {error:#}"))?;
    let (from, to) = (output.join(format!("{NAME}_bg.wasm")), output.join(format!("{NAME}.wasm")));
    fs::rename(&from, &to).with_context(|| format!("cannot rename {}", from.display()))
}

/// Smaller still, where binaryen is installed. An old one that does not know a newer WASM feature
/// is no reason to fail: the bundle works without.
fn optimize(optimizer: &Path, wasm: &Path) -> Result<()> {
    let smaller = wasm.with_extension("opt");
    if succeeds(Command::new(optimizer).arg("-Oz").args(FEATURES).arg("-o").arg(&smaller).arg(wasm)) {
        fs::rename(&smaller, wasm).with_context(|| format!("cannot rename {}", smaller.display()))?;
    } else {
        let _ = fs::remove_file(&smaller);
        say(format!("{} did not accept the bundle; it stays as it is", optimizer.display()));
    }
    Ok(())
}
