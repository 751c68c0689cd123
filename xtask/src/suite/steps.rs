//! What each step of the suite does.
//!
//! Native builds leave out `frontend`: it turns on hydration, which must never be compiled
//! together with server rendering.

use super::{
    Step, Suite, browser,
    clients::{self, Form},
    counts::Counts,
    deploy, examples, interface,
    isolated::{self, LIMIT, Wanted},
    simulators, template, unsteady,
};
use crate::{
    build::{self, TESTED},
    chaos,
    context::Context,
    native,
    postgres::TestPostgres,
    queries, setup,
    shell::{run, run_and_read},
    tidy,
};
use anyhow::{Result, bail};

const TOOL: [&str; 2] = ["--package", "xtask"];
const BROWSER: [&str; 2] = ["--target", "wasm32-unknown-unknown"];
const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];
const DATABASE: &str = "weft_tests";

/// What every Rust test finds in its environment, with a database on this cluster.
pub(super) fn settings(context: &Context, postgres: &TestPostgres) -> Result<isolated::Settings> {
    template::prepare(context, postgres)?;
    // sqlx makes a database for each test beside the one that the URL names.
    crate::shell::output(postgres.psql("postgres").args(["-c", &format!("CREATE DATABASE {DATABASE}")]))?;
    Ok(vec![("DATABASE_URL", postgres.url(DATABASE).into()), ("WEFT_TEST_GGUF", context.model().into())])
}

/// Everything is built, whatever is wanted of it: features agree with those of other steps, and nothing is built twice.
pub(super) fn isolated_tests(context: &Context, settings: isolated::Settings, wanted: Wanted) -> Result<Counts> {
    build::ensure_site_folder(context)?;
    let tests = |kinds: &[&str], of: &[&str]| {
        let mut tests = native::cargo(context);
        tests.args(["test", "--profile", "ci"]).args(kinds).args(of);
        tests
    };
    let folder = context.stamps().join(format!("tests-{}", std::process::id()));
    isolated::run(
        &mut [tests(&["--lib", "--bins", "--tests"], &TESTED), tests(&["--bins"], &TOOL)],
        settings,
        folder,
        wanted,
    )
}

/// All binaries but this tool, by the same selection as the tests, whose features then agree: nothing is built twice.
pub(crate) fn programs(context: &Context) -> Result<()> {
    build::ensure_site_folder(context)?;
    let mut cargo = native::cargo(context);
    cargo.args(["build", "--profile", "ci"]).args(TESTED).arg("--all-targets");
    native::build_without_warnings(&mut cargo).map(|_| ())
}

impl Suite<'_> {
    pub(super) fn perform(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Setup => setup::install(self.context, setup::Scope { tests: true }),
            Step::Fmt => run(self.context.cargo().args(["fmt", "--all", "--check"])),
            Step::Clippy => {
                build::ensure_site_folder(self.context)?;
                // Each by the selection by which it is built: what runs in the compiler is then the same, and is compiled once.
                [&TESTED[..], &TOOL].into_iter().try_for_each(|of| {
                    let mut clippy = self.context.cargo();
                    clippy.args(["clippy", "--profile", "ci"]).args(of).arg("--all-targets");
                    run(clippy.args(DENY_WARNINGS))
                })
            }
            Step::ClippyWasm => {
                let crates = ["frontend", "workflow", "canvas"].map(|name| format!("--package={name}"));
                // As it is shipped, so with the macros that the bundle was compiled with. Those of the native builds are others, whose flags
                // go to all that runs in the compiler: a third set would be made.
                run(self
                    .context
                    .cargo()
                    .args(["clippy", "--profile", build::BUNDLE])
                    .args(BROWSER)
                    .args(crates)
                    .args(DENY_WARNINGS))
            }
            Step::Tidy => tidy::run(self.context),
            Step::Deploy => deploy::check(self.context, &mut self.counts),
            Step::Sqlx => {
                let context = self.context;
                queries::check(context, self.postgres()?)
            }
            Step::Site => {
                if let Some(ahead) = self.ahead.take() {
                    ahead.wait(self.context)?;
                }
                build::site(self.context, false).map(|_| ())
            }
            Step::Rust => self.rust_tests(),
            Step::Sim => {
                programs(self.context)?;
                simulators::run_a_minute_of_each(self.context)
            }
            Step::Build => {
                programs(self.context)?;
                // Its tests alone would hide what nothing else of it uses.
                let mut tool = native::cargo(self.context);
                native::build_without_warnings(tool.args(["build", "--profile", "ci"]).args(TOOL)).map(|_| ())
            }
            Step::Chaos => {
                programs(self.context)?;
                chaos::run_short(self.context)
            }
            Step::Python => clients::python(self.context, Form::Short, &mut self.counts),
            Step::Typescript => clients::typescript(self.context, Form::Short, &mut self.counts),
            Step::Interface => interface::walk(self.context, &mut self.counts),
            Step::Browser => browser::run_tests(self.context, Form::Short, &mut self.counts),
        }
    }

    fn rust_tests(&mut self) -> Result<()> {
        let (context, matching) = (self.context, self.matching);
        let postgres = self.postgres()?;
        let settings = settings(context, postgres)?;
        let counts = isolated_tests(context, settings.clone(), Wanted { programs: &[], matching, limit: LIMIT })?;
        self.counts = self.counts.plus(counts);
        if counts.failed > 0 {
            bail!("{} of the Rust tests failed", counts.failed);
        }
        unsteady::judge(counts.unsteady)?;
        if !self.matching.is_empty() || !examples::are_there(context)? {
            return Ok(());
        }
        let mut doc_tests = native::cargo(context);
        doc_tests.args(["test", "--profile", "ci", "--doc"]).args(TESTED).envs(settings);
        let (doc_tests_passed, lines) = run_and_read(&mut doc_tests)?;
        self.counts = self.counts.plus(Counts::from_doc_tests(&lines));
        if !doc_tests_passed {
            bail!("the documentation tests failed");
        }
        Ok(())
    }
}
