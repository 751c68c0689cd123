//! `cargo xtask dist`: the programs as they are installed: optimised, stripped, the site inside, in one folder with their sizes; and what is
//! packed of them.
//! It must never differ from what the benchmark measures: both build the profile `dist`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use crate::{
    build,
    context::Context,
    shell::{output, run, say},
};

/// The cargo profile of what people install.
pub(crate) const PROFILE: &str = "dist";
const PROGRAMS: [&str; 2] = ["weft", "local-llm"];
/// All crates have one version, so this tool's is theirs.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Pack the programs as well, into cargo's target folder (may be given several times)
    #[arg(long, value_enum)]
    pack: Vec<Pack>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pack {
    /// Programs, docs and the files of deploy in one archive
    Tarball,
    /// A package for this release of Debian, or a newer one
    Deb,
    /// A container image as an OCI archive; takes mmdebstrap and Debian's packages
    Image,
}

impl Pack {
    /// The script below `deploy`, and the name of what it makes.
    fn script(self) -> (&'static str, String) {
        let arch = std::env::consts::ARCH;
        match self {
            Self::Tarball => ("tarball.sh", format!("weft-{VERSION}-linux-{arch}.tar.gz")),
            Self::Deb => ("deb/build.sh", format!("weft_{VERSION}_{arch}.deb")),
            Self::Image => ("image/build.sh", format!("weft-{VERSION}-image-{arch}.tar")),
        }
    }

    /// What it is made of: a tarball of all programs, the others of the one that they run.
    fn of(self, programs: &Path) -> PathBuf {
        match self {
            Self::Tarball => programs.to_owned(),
            Self::Deb | Self::Image => programs.join("weft"),
        }
    }
}

pub(crate) fn build(context: &Context, options: &Options) -> Result<()> {
    build::site(context, false)?;
    let packages = ["--package", "server", "--package", "local-llm", "--bins"];
    run(context.cargo().args(["build", "--profile", PROFILE]).args(packages))?;
    for name in PROGRAMS {
        let program = context.binary_of(PROFILE, name);
        say(format!("{}: {:.1} MB", program.display(), megabytes(&program)?));
    }
    let programs = context.target.join(PROFILE);
    for pack in &options.pack {
        let (script, name) = pack.script();
        let made = context.target.join("packages").join(name);
        run(Command::new("sh")
            .arg(context.root.join("deploy").join(script))
            .arg(pack.of(&programs))
            .arg(VERSION)
            .arg(&made)
            // The same commit makes the same bytes.
            .env("SOURCE_DATE_EPOCH", commit_time(context)?))?;
        say(format!("{}: {:.1} MB", made.display(), megabytes(&made)?));
    }
    Ok(())
}

fn commit_time(context: &Context) -> Result<String> {
    output(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(&context.root))
        .context("the commit has no time")
}

fn megabytes(file: &Path) -> Result<f64> {
    let size = fs::metadata(file).with_context(|| format!("{} was not built", file.display()))?.len();
    // Far below what a float holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "a size to be read by people")]
    let bytes = size as f64;
    Ok(bytes / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_package_has_its_script_and_a_name_of_its_own() {
        let deploy = Context::discover().unwrap().root.join("deploy");
        let mut names = Vec::new();
        for pack in Pack::value_variants() {
            let (script, name) = pack.script();
            assert!(deploy.join(script).is_file(), "{script}");
            assert!(name.contains(VERSION) && !names.contains(&name), "{name}");
            names.push(name);
        }
    }
}
