//! The clients in other languages: each is checked by the tools of its language, and tested against the server that was built here.
//!
//! Must never build the server, nor pass a part that ran no test.

use super::counts::Counts;
use crate::{
    context::{Context, variables},
    setup,
    shell::{before_path, run, run_and_read},
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// Which tests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// What everybody runs, after the checks
    Short,
    /// Only what takes longer than every change should wait
    Long,
}

pub(super) fn python(context: &Context, form: Form, counts: &mut Counts) -> Result<()> {
    let server = server(context)?;
    let (client, programs) = setup::clients::python(context)?;
    let tool = |name: &str| {
        let mut command = Command::new(programs.join(name));
        command.current_dir(&client);
        command
    };
    if form == Form::Short {
        run(tool("ruff").args(["check", "."]))?;
        run(tool("ruff").args(["format", "--check", "."]))?;
        run(&mut tool("mypy"))?;
        wheel(context, tool("python"))?;
    }
    let report = context.stamps().join("pytest.xml");
    remove(&report)?;
    let mut tests = tool("python");
    tests.args(["-m", "pytest", "-q"]).arg(format!("--junitxml={}", report.display()));
    if form == Form::Long {
        tests.args(["--long", "-m", "long"]);
    }
    against(&mut tests, &server);
    tests.env("PATH", before_path(&programs)?);
    let result = run(&mut tests);
    // pytest writes none when it does not get as far; then it failed.
    let report = fs::read_to_string(&report).unwrap_or_default();
    judge("the Python client", result, Counts::from_pytest(&report), counts)
}

/// The package as people would get it.
fn wheel(context: &Context, mut python: Command) -> Result<()> {
    let folder = context.target.join("clients/python/dist");
    run(python.args(["-m", "build", "--wheel", "--no-isolation", "--outdir"]).arg(&folder))
        .context("the Python client cannot be packed")
}

pub(super) fn typescript(context: &Context, form: Form, counts: &mut Counts) -> Result<()> {
    let server = server(context)?;
    let client = setup::clients::typescript(context)?;
    let npm = |arguments: &[&str]| {
        let mut command = Command::new("npm");
        command.args(arguments).current_dir(&client);
        command
    };
    if form == Form::Short {
        run(&mut npm(&["run", "check"]))?;
    }
    let mut tests = npm(&["test"]);
    against(&mut tests, &server);
    if form == Form::Long {
        tests.env("WEFT_LONG", "1");
    }
    let (ended_well, lines) = run_and_read(&mut tests)?;
    let result = if ended_well { Ok(()) } else { Err(anyhow::anyhow!("`npm test` failed")) };
    judge("the TypeScript client", result, Counts::from_node(&lines), counts)
}

pub(super) fn judge(client: &str, result: Result<()>, found: Counts, counts: &mut Counts) -> Result<()> {
    *counts = counts.plus(found);
    result.with_context(|| format!("the tests of {client} failed"))?;
    match found {
        Counts { failed: 0, passed: 1.., .. } => Ok(()),
        Counts { failed: 0, passed: 0, .. } => bail!("{client} ran no test"),
        // Those that were passed over too: the exit code says nothing of them.
        Counts { failed, .. } => bail!("{failed} tests of {client} did not pass"),
    }
}

/// The binary of the suite.
pub(super) fn server(context: &Context) -> Result<PathBuf> {
    let server = context.binary("weft");
    if !server.exists() {
        bail!("{} is not there: it is built by `cargo xtask test --only build`", server.display());
    }
    Ok(server)
}

/// Over a server of the tests' own, whatever this machine's is told.
pub(super) fn against(tests: &mut Command, server: &Path) {
    for (name, _) in variables().filter(|(name, _)| name.starts_with("WEFT_") || name.starts_with("DATABASE_")) {
        tests.env_remove(name);
    }
    tests.env("WEFT_BIN", server);
}

/// A report of an earlier run must not be counted.
pub(super) fn remove(report: &Path) -> Result<()> {
    if let Some(folder) = report.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    match fs::remove_file(report) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", report.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_without_a_test_or_with_one_that_was_passed_over_fails_whatever_its_exit_code() {
        let mut counts = Counts { passed: 7, failed: 0, unsteady: 0 };
        let mut judged =
            |passed, failed| judge("it", Ok(()), Counts { passed, failed, unsteady: 0 }, &mut counts).is_ok();
        assert!(judged(3, 0));
        assert!(!judged(0, 0));
        assert!(!judged(3, 1));
        assert_eq!(counts, Counts { passed: 13, failed: 1, unsteady: 0 });
    }

    #[test]
    fn a_client_that_ended_badly_fails_and_its_tests_are_counted() {
        let mut counts = Counts::default();
        let found = Counts { passed: 3, failed: 0, unsteady: 0 };
        assert!(judge("it", Err(anyhow::anyhow!("it broke")), found, &mut counts).is_err());
        assert_eq!(counts, found);
    }

    #[test]
    fn the_tests_find_the_binary_of_the_suite() {
        let mut tests = Command::new("npm");
        against(&mut tests, Path::new("/a/weft"));
        assert!(tests.get_envs().any(|(name, value)| name == "WEFT_BIN" && value == Some("/a/weft".as_ref())));
    }
}
