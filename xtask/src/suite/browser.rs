//! The browser tests: Playwright over the built product.
//! Must never count what an earlier run reported.

use std::{fs, process::Command};

use anyhow::{Context as _, Result, bail};

use super::{clients::Form, counts::Counts, unsteady};
use crate::{context::Context, run as server, setup, shell::run};

pub(super) fn run_tests(context: &Context, form: Form, counts: &mut Counts) -> Result<()> {
    let folder = context.root.join("end2end");
    let report = folder.join("test-results/results.json");
    let _ = fs::remove_file(&report);
    // Some of them start real workers. Its part of the suite need not have run before.
    let (_, python) = setup::clients::python(context)?;
    let mut command = Command::new("npx");
    command
        .args(["playwright", "test", "--project", project(form)])
        .current_dir(&folder)
        .env("WEFT_BIN", context.binary("weft"))
        .env("WEFT_E2E_PYTHON", python)
        .env_remove("DATABASE_URL");
    command.envs(server::local_model(context));
    let result = run(&mut command);
    let text = fs::read_to_string(&report).unwrap_or_default();
    let of_these = Counts::from_playwright(&text);
    *counts = counts.plus(of_these);
    result.context("the browser tests failed")?;
    unsteady::judge(of_these.unsteady)?;
    if text.is_empty() {
        bail!("Playwright wrote no report to {}", report.display());
    }
    Ok(())
}

/// As `end2end/playwright.config.ts` names them.
fn project(form: Form) -> &'static str {
    match form {
        Form::Short => "short",
        Form::Long => "long",
    }
}
