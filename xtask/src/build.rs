//! `cargo xtask build`: the site, then the binaries that embed it.
//!
//! cargo decides what Rust to compile; everything else is skipped by the content of its inputs.
//! Files of the site are rewritten only when they change, since the server is rebuilt when they do.

mod compact;
mod compress;
mod front;
mod names;
mod packs;
mod stamp;
mod styles;

use crate::{
    context::Context,
    native,
    shell::{run, say, write_if_changed},
};
use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

/// The name of the bundle: `output-name` in Cargo.toml's leptos section, known to the server at
/// compile time as `LEPTOS_OUTPUT_NAME`.
const NAME: &str = "weft";
/// `site-pkg-dir` in Cargo.toml's leptos section.
const PACKAGE_FOLDER: &str = "pkg";

/// What is built for the tests. This tool was built by itself, and what it stands on (a CSS compiler, tools for WASM) with the features
/// that it alone asks for: together with the rest it would all be built a second time.
pub(crate) const TESTED: [&str; 5] = ["--workspace", "--exclude", "frontend", "--exclude", "xtask"];

/// The cargo profile of the bundle.
pub(crate) const BUNDLE: &str = "wasm-release";

/// The files of the site by their path inside it.
type Site = BTreeMap<PathBuf, Vec<u8>>;

/// Builds target/site; true if anything in it changed.
pub(crate) fn site(context: &Context, quiet: bool) -> Result<bool> {
    let started = Instant::now();
    ensure_site_folder(context)?;
    let mut files = Site::new();
    front::build(context, quiet, &mut files)?;
    files.insert(
        Path::new(PACKAGE_FOLDER).join(format!("{NAME}.css")),
        styles::bundle(&context.root.join("style/main.css"))?,
    );
    public_files(&context.root.join("style/public"), &mut files)?;
    let mut files = names::by_content(files)?;
    compress::add_brotli(context, &mut files)?;
    let changed = publish(&context.site(), &files)?;
    let loads = first_loads(&files)?;
    if !quiet {
        let words: Vec<_> = loads.iter().map(|(part, size)| format!("{part} {} KB", size / 1000)).collect();
        say(format!(
            "Site: {} files, compressed on a first load: {} ({:.1} s)",
            files.len(),
            words.join(", "),
            started.elapsed().as_secs_f32()
        ));
    }
    too_large(&loads)?;
    Ok(changed)
}

/// What compiles the bundle, which is most of the time that [`site`] takes, and writes nothing into the site.
pub(crate) fn bundle(context: &Context) -> Command {
    front::cargo(context)
}

/// The largest first load, in bytes, of the pages that people wait for. To be lowered by whoever makes one smaller.
const MOST: [(&str, usize); 7] = [
    ("home", 540_000),
    ("mine", 675_000),
    ("lists", 675_000),
    ("runs", 700_000),
    ("editor", 700_000),
    ("admin", 1_250_000),
    ("more", 1_600_000),
];

fn too_large(loads: &BTreeMap<String, usize>) -> Result<()> {
    for (part, most) in MOST {
        let size = loads.get(part).copied().with_context(|| format!("the site has no part `{part}`"))?;
        if size > most {
            bail!(
                "the first load of the part `{part}` is {} KB, more than {}: let what is not shown at first come later (app/src/later.rs)",
                size / 1000,
                most / 1000
            );
        }
    }
    Ok(())
}

/// Builds the native binaries. The site must be there before.
pub(crate) fn binaries(context: &Context, quiet: bool) -> Result<()> {
    let mut command = native::cargo(context);
    command.args(["build", "--profile", "ci", "--package", "server", "--package", "local-llm", "--bins"]);
    if quiet {
        command.arg("--quiet");
    }
    run(&mut command)
}

/// The server's build looks into this folder, so it exists even when no site was built yet.
pub(crate) fn ensure_site_folder(context: &Context) -> Result<()> {
    fs::create_dir_all(context.site()).with_context(|| format!("cannot create {}", context.site().display()))
}

fn public_files(folder: &Path, files: &mut Site) -> Result<()> {
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok) {
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(folder).context("a file outside of its own folder")?.to_owned();
            files.insert(
                path,
                fs::read(entry.path()).with_context(|| format!("cannot read {}", entry.path().display()))?,
            );
        }
    }
    Ok(())
}

/// Makes the folder equal to the files: writes what differs, removes what is left from earlier builds.
fn publish(folder: &Path, files: &Site) -> Result<bool> {
    let mut changed = false;
    for (path, content) in files {
        changed |= write_if_changed(&folder.join(path), content)?;
    }
    for entry in walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok) {
        let path = entry.path().strip_prefix(folder).context("a file outside of its own folder")?;
        if entry.file_type().is_file() && !files.contains_key(path) {
            fs::remove_file(entry.path()).with_context(|| format!("cannot remove {}", entry.path().display()))?;
            changed = true;
            // A folder of which that was the last file; else this fails, as it should.
            if let Some(parent) = entry.path().parent() {
                let _ = fs::remove_dir(parent);
            }
        }
    }
    Ok(changed)
}

/// What a first visit of a page of each part loads, in bytes.
fn first_loads(files: &Site) -> Result<BTreeMap<String, usize>> {
    #[derive(Deserialize)]
    struct Names {
        script: String,
        wasm: String,
        style: String,
        parts: BTreeMap<String, Vec<String>>,
    }
    let size = |address: &String| {
        let path = |ending| PathBuf::from(format!("{}{ending}", address.trim_start_matches('/')));
        files.get(&path(".br")).or_else(|| files.get(&path(""))).map_or(0, Vec::len)
    };
    let manifest = files.get(Path::new(names::MANIFEST)).context("the site has no list of its files")?;
    let names: Names = serde_json::from_slice(manifest).context("the list of the site's files cannot be read back")?;
    let bundle: usize = [&names.script, &names.wasm, &names.style].into_iter().map(size).sum();
    let of = |files: &Vec<String>| bundle + files.iter().map(size).sum::<usize>();
    Ok(names.parts.iter().map(|(part, files)| (part.clone(), of(files))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_load_above_its_bar_fails_the_build_and_names_the_part() {
        let loads = |most: usize| MOST.map(|(part, _)| (part.to_owned(), most)).into_iter().collect();
        assert!(too_large(&loads(500_000)).is_ok());
        let error = too_large(&loads(2_000_000)).unwrap_err().to_string();
        assert!(error.contains("the part `home` is 2000 KB"), "{error}");
        assert!(too_large(&BTreeMap::new()).is_err(), "a part that is renamed is not forgotten");
    }

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("weft-xtask-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn publishing_twice_changes_nothing_and_removes_what_is_no_longer_built() {
        let folder = scratch("publish");
        let mut files =
            Site::from([(PathBuf::from("pkg/weft.js"), b"1".to_vec()), (PathBuf::from("icons.svg"), b"2".to_vec())]);
        assert!(publish(&folder, &files).unwrap());
        assert!(!publish(&folder, &files).unwrap());
        files.insert(PathBuf::from("pkg/part/1.wasm"), b"3".to_vec());
        assert!(publish(&folder, &files).unwrap());
        files.remove(Path::new("icons.svg"));
        files.remove(Path::new("pkg/part/1.wasm"));
        assert!(publish(&folder, &files).unwrap());
        assert!(!folder.join("icons.svg").exists() && !folder.join("pkg/part").exists());
        assert!(folder.join("pkg/weft.js").exists());
        fs::remove_dir_all(&folder).unwrap();
    }
}
