//! `cargo xtask build`: the site, then the binaries that embed it.
//!
//! cargo decides what Rust to compile; everything else is skipped by the content of its inputs.
//! Files of the site are rewritten only when they change, since the server is rebuilt when they do.

mod compress;
mod front;
mod stamp;
mod styles;

use crate::{
    context::Context,
    shell::{run, say, write_if_changed},
};
use anyhow::{Context as _, Result};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

/// The name of the bundle: `output-name` in Cargo.toml's leptos section, known to the server at
/// compile time as `LEPTOS_OUTPUT_NAME`.
const NAME: &str = "weft";
/// `site-pkg-dir` in Cargo.toml's leptos section.
const PACKAGE_FOLDER: &str = "pkg";

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
    compress::add_brotli(context, &mut files)?;
    let changed = publish(&context.site(), &files)?;
    if !quiet {
        let size = first_load(&files);
        say(format!(
            "Site: {} files, {} KB compressed on first load ({:.1} s)",
            files.len(),
            size / 1000,
            started.elapsed().as_secs_f32()
        ));
    }
    Ok(changed)
}

/// Builds the native binaries. The site must be there before.
pub(crate) fn binaries(context: &Context, quiet: bool) -> Result<()> {
    let mut command = context.cargo();
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
        }
    }
    Ok(changed)
}

/// Bytes that a first visit loads: the compressed bundle.
fn first_load(files: &Site) -> usize {
    ["js", "wasm", "css"]
        .iter()
        .filter_map(|extension| files.get(&Path::new(PACKAGE_FOLDER).join(format!("{NAME}.{extension}.br"))))
        .map(Vec::len)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        files.remove(Path::new("icons.svg"));
        assert!(publish(&folder, &files).unwrap());
        assert!(!folder.join("icons.svg").exists());
        fs::remove_dir_all(&folder).unwrap();
    }
}
