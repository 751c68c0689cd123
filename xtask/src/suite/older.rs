//! A `weft` of an older commit, for the test that runs two builds over one database. It is built once for each commit, in a work tree and a
//! target folder of its own, of which only the program is kept.
//!
//! It must never touch the tree that is tested, nor its target folder.

use crate::{
    context::{Context, variable},
    shell::{output, run, say},
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A program that somebody has already.
const PROGRAM: &str = "WEFT_OLD_BIN";
/// Names the commit; by default the oldest one whose tables are those of today, since an older program refuses others.
const COMMIT: &str = "WEFT_OLD_COMMIT";

pub(super) fn program(context: &Context) -> Result<PathBuf> {
    if let Some(program) = variable(PROGRAM) {
        // Tests run in other folders.
        return fs::canonicalize(&program).with_context(|| format!("{PROGRAM} names {program}, which is not there"));
    }
    let named = variable(COMMIT).map(|commit| format!("{commit}^{{commit}}"));
    let asked = match &named {
        Some(commit) => vec!["rev-parse", "--verify", "--end-of-options", commit.as_str()],
        None => vec!["log", "-1", "--format=%H", "HEAD", "--", "migrations"],
    };
    let commit = output(git(context).args(asked)).context("cannot find an older commit")?;
    if commit.is_empty() || !commit.chars().all(|c| c.is_ascii_hexdigit()) {
        bail!("there is no older commit: name one in {COMMIT}, or a program in {PROGRAM}");
    }
    say(format!("the older build is of {commit}"));
    let folder = context.stamps().join("older");
    let program = folder.join(format!("weft-{commit}"));
    if !program.is_file() {
        build(context, &commit, &folder, &program)?;
    }
    Ok(program)
}

fn git(context: &Context) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(&context.root);
    git
}

/// What it takes to build is as large as a clean build, and goes afterwards.
fn build(context: &Context, commit: &str, folder: &Path, program: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let scratch = folder.join(format!("build-{}", std::process::id()));
    let (tree, target) = (scratch.join("tree"), scratch.join("target"));
    run(git(context).args(["worktree", "add", "--quiet", "--detach"]).arg(&tree).arg(commit))?;
    let built = compile(context, &tree, &target).and_then(|()| {
        // Whole or not at all: one that was interrupted is built again.
        let part = scratch.join("weft");
        fs::copy(target.join("ci/weft"), &part).context("the older build left no program")?;
        fs::rename(&part, program).with_context(|| format!("cannot write {}", program.display()))
    });
    let removed = run(git(context).args(["worktree", "remove", "--force"]).arg(&tree));
    let cleared = fs::remove_dir_all(&scratch).with_context(|| format!("cannot remove {}", scratch.display()));
    built.and(removed).and(cleared)
}

fn compile(context: &Context, tree: &Path, target: &Path) -> Result<()> {
    // Programs embed the site, which may be empty.
    fs::create_dir_all(tree.join("target/site")).context("cannot make a folder for the site")?;
    let mut cargo = context.cargo();
    cargo.args(["build", "--locked", "--profile", "ci", "--package", "server", "--bin", "weft"]);
    run(cargo.current_dir(tree).env("CARGO_TARGET_DIR", target))
}
