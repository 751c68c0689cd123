//! The files of `deploy`: that each is known to whatever reads it, and that packages come out of the scripts.
//!
//! Must never start a container, nor ask a cluster.

use super::{
    clients::{judge, remove},
    counts::Counts,
};
use crate::{context::Context, setup, shell::run};
use anyhow::Result;
use std::{fs, process::Command};

pub(super) fn check(context: &Context, counts: &mut Counts) -> Result<()> {
    let (folder, python) = setup::deploy::checks(context)?;
    let report = context.stamps().join("deploy.xml");
    remove(&report)?;
    let result = run(Command::new(python)
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .arg(format!("--junitxml={}", report.display()))
        .current_dir(folder)
        // No file of Python's own in the tree.
        .env("PYTHONDONTWRITEBYTECODE", "1"));
    let report = fs::read_to_string(&report).unwrap_or_default();
    judge("the files of deploy", result, Counts::from_pytest(&report), counts)
}
