//! The browser's half: the WASM bundle and its JavaScript glue.
//!
//! wasm-bindgen runs as a library of the very version in Cargo.lock, so no tool on the machine can
//! drift from it. The result is named as the page loads it: with `LEPTOS_OUTPUT_NAME` set at
//! compile time that is `weft.wasm`, without the `_bg` that wasm-bindgen adds. Before that the parts that
//! app/src/pages/fetched.rs names are taken out of it, each a file of its own that the browser fetches when
//! it needs it.

use super::{BUNDLE, NAME, PACKAGE_FOLDER, Site, compact::compact, packs};
use crate::{context::Context, shell::run};
use anyhow::{Context as _, Result, anyhow};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fs, path::Path, process::Command};
use wasm_bindgen_cli_support::Bindgen;

/// These replace the flags of .cargo/config.toml for the target, so they repeat them. Only here are the pages' parts taken out of the
/// bundle, by the relocations of the linker: cargo-leptos and plain cargo build one that is whole.
const FLAGS: &str = "target.wasm32-unknown-unknown.rustflags=\
    ['--cfg', 'erase_components', '--cfg', 'split_wasm', '-C', 'link-args=--emit-relocs']";
/// Names the files of each part; the server reads it.
pub(super) const PARTS: &str = "parts.json";
/// To be raised when the steps below come to make something else of the same WASM.
const STEPS: u8 = 4;

/// What compiles it.
pub(super) fn cargo(context: &Context) -> Command {
    let mut cargo = context.cargo();
    cargo.args([
        "build",
        "--package",
        "frontend",
        "--lib",
        "--target",
        "wasm32-unknown-unknown",
        "--profile",
        BUNDLE,
        "--config",
        FLAGS,
    ]);
    // Set for the native build, say to deny warnings, it would replace these flags.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

pub(super) fn build(context: &Context, quiet: bool, files: &mut Site) -> Result<()> {
    let mut cargo = cargo(context);
    if quiet {
        cargo.arg("--quiet");
    }
    run(&mut cargo)?;
    let compiled = context.target.join("wasm32-unknown-unknown").join(BUNDLE).join("frontend.wasm");
    let wasm = fs::read(&compiled).with_context(|| format!("cannot read {}", compiled.display()))?;

    let mut hasher = Sha256::new();
    hasher.update(&wasm);
    hasher.update([STEPS]);
    let folder = context.stamps().join("bindgen");
    let stamp = folder.join("stamp");
    let hash = hex::encode(hasher.finalize());
    let output = folder.join("output");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(hash.as_str()) {
        if output.exists() {
            fs::remove_dir_all(&output).with_context(|| format!("cannot empty {}", output.display()))?;
        }
        let main = split(&wasm, &folder, &output, &hash)?;
        bindgen(&main, &output)?;
        fs::write(&stamp, hash).with_context(|| format!("cannot write {}", stamp.display()))?;
    }
    let mut package = Site::new();
    super::public_files(&output, &mut package)?;
    files.extend(package.into_iter().map(|(path, content)| (Path::new(PACKAGE_FOLDER).join(path), content)));
    Ok(())
}

/// Writes the parts and the module that fetches them, and returns what remains.
///
/// They lie in a folder named for the whole: a part fits only what it was split from, and a document that was
/// opened before an update must find none rather than another's.
fn split(wasm: &[u8], folder: &Path, output: &Path, hash: &str) -> Result<Vec<u8>> {
    let parts = format!("parts-{}", &hash[..12]);
    let (link, main) = (format!("./{parts}/{}", packs::FETCH), folder.join("main.wasm"));
    fs::create_dir_all(output.join(&parts)).with_context(|| format!("cannot create {}", output.display()))?;
    let mut options = wasm_split_cli_support::Options::new(wasm);
    options.output_dir = output;
    options.main_out_path = &main;
    options.link_name = &link;
    let bundle = format!("../{NAME}.js");
    options.main_module = &bundle;
    // Its error type is not ours; the chain is kept as text.
    let split =
        wasm_split_cli_support::transform(options).map_err(|error| anyhow!("cannot split the bundle: {error:#}"))?;
    let needed: BTreeMap<_, _> = split.prefetch_map.into_iter().collect();
    for part in split.split_modules {
        let name = part.file_name().context("a part without a name")?;
        let content = fs::read(&part).with_context(|| format!("cannot read {}", part.display()))?;
        fs::remove_file(&part).with_context(|| format!("cannot remove {}", part.display()))?;
        let to = output.join(&parts).join(name);
        fs::write(&to, compact(&content)?).with_context(|| format!("cannot write {}", to.display()))?;
    }
    packs::add(&output.join(&parts), &needed)?;
    // What the server tells browsers to fetch beside the bundle for a page of each part.
    let files: BTreeMap<_, Vec<_>> = needed
        .into_iter()
        .map(|(part, modules)| {
            let files = packs::files(&part, &modules).into_iter().map(|file| format!("{parts}/{file}")).collect();
            (part, files)
        })
        .collect();
    fs::write(output.join(PARTS), serde_json::to_vec(&files)?).context("cannot write the list of parts")?;
    fs::read(&main).with_context(|| format!("cannot read {}", main.display()))
}

fn bindgen(wasm: &[u8], output: &Path) -> Result<()> {
    Bindgen::new()
        .input_bytes(NAME, wasm.to_vec())
        .web(true)
        .and_then(|bindgen| {
            bindgen
                .typescript(false)
                .keep_lld_exports(true)
                .remove_name_section(true)
                .remove_producers_section(true)
                .generate(output)
        })
        // Its error type is not ours; the chain is kept as text.
        .map_err(|error| anyhow!("wasm-bindgen failed: {error:#}"))?;
    let (from, to) = (output.join(format!("{NAME}_bg.wasm")), output.join(format!("{NAME}.wasm")));
    fs::rename(&from, &to).with_context(|| format!("cannot rename {}", from.display()))
}
