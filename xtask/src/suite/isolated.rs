//! The Rust tests, each in a process of its own, a few at a time.
//!
//! Some tests measure their whole process (memory) and would measure their neighbours too; none may change another's
//! environment, folder or limits. What failed beside its neighbours runs once more by itself: what passes then is named at the end,
//! and more than a few of these are a failure too ([`super::unsteady`]). cargo alone suffices: a runner that has to be installed first would be there on one
//! machine and not on the next, and the two would not test the same. A test that is stopped at its time limit may leave
//! processes of its own behind; nothing else may.

mod programs;

use super::{counts::Counts, unsteady};
use anyhow::{Context as _, Result, bail};
use programs::Program;
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// No test of the tree comes near; one that does hangs.
pub(super) const LIMIT: Duration = Duration::from_mins(5);
const LOOK_EVERY: Duration = Duration::from_millis(5);
const N_SLOWEST: usize = 5;
/// These take a minute of one core and more. Begun late, the last of them would go on alone while the other cores have nothing to do.
const LONGEST: [&str; 2] = [
    "engine sim::tests::every_seeded_mistake_of_the_engine_is_found",
    "agents::it bombs::every_operation_on_large_values_ends_within_its_budget",
];

/// What every test finds in its environment.
pub(super) type Settings = Vec<(&'static str, OsString)>;

/// Which of the tests run, and for how long at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Programs whose name begins with one of these, or with a space in it the tests whose title does; all if there is nothing here.
    pub(super) programs: &'a [&'a str],
    /// Tests whose title holds one of these; all if there is nothing here.
    pub(super) matching: &'a [String],
    /// Of one test.
    pub(super) limit: Duration,
}

impl Wanted<'_> {
    fn holds(&self, test: &Test) -> bool {
        let (programs, matching) = (self.programs, self.matching);
        (programs.is_empty() || programs.iter().any(|name| test.is_of(name)))
            && (matching.is_empty() || matching.iter().any(|text| test.title().contains(text)))
    }
}

/// How the tests run.
struct Runner {
    slots: usize,
    limit: Duration,
    settings: Settings,
    /// Where the output of a running test goes: a file, which a process that outlives its test cannot keep open for us.
    folder: PathBuf,
}

/// A test and the program that holds it.
struct Test<'a> {
    program: &'a Program,
    name: String,
}

impl Test<'_> {
    fn title(&self) -> String {
        format!("{} {}", self.program.name, self.name)
    }

    fn is_of(&self, name: &str) -> bool {
        if name.contains(' ') { self.title().starts_with(name) } else { self.program.is_of(name) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    /// Not beside others, but by itself.
    Unsteady,
    Failed,
    TimedOut,
}

impl Verdict {
    fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut)
    }
}

struct Done {
    /// Its place among those that were to run.
    number: usize,
    title: String,
    verdict: Verdict,
    took: Duration,
}

/// Builds the test programs with the commands, each a `cargo test`, and runs those of their tests that are wanted. Fails only where tests
/// could not be run; failed tests are counted.
pub(super) fn run(cargo: &mut [Command], settings: Settings, folder: PathBuf, wanted: Wanted) -> Result<Counts> {
    let programs = programs::build(cargo)?;
    // One more than there are cores: many wait for leases, timers and processes.
    let slots = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) + 1;
    Runner { slots, limit: wanted.limit, settings, folder }.run(&programs, wanted)
}

impl Runner {
    fn run(&self, programs: &[Program], wanted: Wanted) -> Result<Counts> {
        let started = Instant::now();
        let mut tests = Vec::new();
        for program in programs {
            tests.extend(program.tests()?.into_iter().map(|name| Test { program, name }));
        }
        tests.retain(|test| wanted.holds(test));
        longest_first(&mut tests);
        if tests.is_empty() {
            bail!("there is no test to run");
        }
        println!("{} tests in {} programs, {} at a time", tests.len(), programs.len(), self.slots);
        fs::create_dir_all(&self.folder).with_context(|| format!("cannot create {}", self.folder.display()))?;
        let done = self.run_all(&tests).and_then(|done| self.run_again(&tests, done));
        // Outputs that were shown already.
        let _ = fs::remove_dir_all(&self.folder);
        let done = done?;
        report(&done, started.elapsed());
        Ok(counts(&done))
    }

    fn run_all(&self, tests: &[Test]) -> Result<Vec<Done>> {
        let next = Mutex::new(tests.iter().enumerate());
        let done = Mutex::new(Ok(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..self.slots {
                scope.spawn(|| {
                    loop {
                        // Taken in a statement of its own, so that the lock is not held while the test runs.
                        let taken = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                        let Some((number, test)) = taken else { return };
                        let output = self.folder.join(format!("{number}.log"));
                        let result = self.perform(number, test, &output);
                        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                        match (&mut *done, result) {
                            (Ok(all), Ok(one)) => {
                                show(&one, &output);
                                all.push(one);
                            }
                            (Ok(_), Err(error)) => *done = Err(error),
                            (Err(_), _) => return,
                        }
                    }
                });
            }
        });
        done.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// What failed, one after the other, unless so much did that no neighbour can be to blame.
    fn run_again(&self, tests: &[Test], mut done: Vec<Done>) -> Result<Vec<Done>> {
        let bad = done.iter().filter(|done| done.verdict.is_bad()).count();
        if bad == 0 || bad > unsteady::AT_MOST {
            return Ok(done);
        }
        println!("\nOnce more, by itself:");
        for one in done.iter_mut().filter(|done| done.verdict.is_bad()) {
            let Some(test) = tests.get(one.number) else { continue };
            let output = self.folder.join(format!("{}-again.log", one.number));
            let mut again = self.perform(one.number, test, &output)?;
            if again.verdict == Verdict::Passed {
                again.verdict = Verdict::Unsteady;
            }
            show(&again, &output);
            *one = again;
        }
        Ok(done)
    }

    fn perform(&self, number: usize, test: &Test, output: &Path) -> Result<Done> {
        let log = fs::File::create(output).with_context(|| format!("cannot create {}", output.display()))?;
        let errors = log.try_clone().context("cannot share the output of a test")?;
        let mut command = test.program.command();
        command.args(["--exact", &test.name, "--nocapture"]).envs(self.settings.iter().cloned());
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot start {}", test.program.name))?;
        let verdict = loop {
            if let Some(status) = child.try_wait().context("cannot wait for a test")? {
                break if status.success() { Verdict::Passed } else { Verdict::Failed };
            }
            if started.elapsed() > self.limit {
                // It may have ended just now.
                let _ = child.kill();
                child.wait().context("cannot wait for a test")?;
                break Verdict::TimedOut;
            }
            std::thread::sleep(LOOK_EVERY);
        };
        Ok(Done { number, title: test.title(), verdict, took: started.elapsed() })
    }
}

fn longest_first(tests: &mut [Test]) {
    tests.sort_by_key(|test| !LONGEST.contains(&test.title().as_str()));
}

fn line(done: &Done) -> String {
    let word = match done.verdict {
        Verdict::Passed => "PASS",
        Verdict::Unsteady => "2ND",
        Verdict::Failed => "FAIL",
        Verdict::TimedOut => "TIMEOUT",
    };
    format!("{word:>7} [{:8.3} s] {}", done.took.as_secs_f32(), done.title)
}

/// One line, and the output of a test that did not pass.
fn show(done: &Done, output: &Path) {
    println!("{}", line(done));
    if done.verdict.is_bad() {
        let text = fs::read(output).unwrap_or_default();
        println!("{}\n", String::from_utf8_lossy(&text).trim_end());
    }
}

fn report(done: &[Done], took: Duration) {
    let mut slowest: Vec<&Done> = done.iter().collect();
    slowest.sort_by_key(|done| std::cmp::Reverse(done.took));
    println!("\nThe slowest:");
    for done in slowest.iter().take(N_SLOWEST) {
        println!("{}", line(done));
    }
    for (heading, is_meant) in
        [("Not passed", Verdict::is_bad as fn(Verdict) -> bool), ("Passed only by itself", is_unsteady)]
    {
        let mut these = done.iter().filter(|done| is_meant(done.verdict)).peekable();
        if these.peek().is_some() {
            println!("\n{heading}:");
        }
        these.for_each(|done| println!("{}", line(done)));
    }
    println!("\n{} tests in {:.1} s: {}", done.len(), took.as_secs_f32(), counts(done));
}

fn is_unsteady(verdict: Verdict) -> bool {
    verdict == Verdict::Unsteady
}

fn counts(done: &[Done]) -> Counts {
    let number = |is_meant: fn(Verdict) -> bool| done.iter().filter(|done| is_meant(done.verdict)).count() as u64;
    let (failed, unsteady) = (number(Verdict::is_bad), number(is_unsteady));
    Counts { passed: done.len() as u64 - failed, failed, unsteady }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that lists and runs tests as Rust's do.
    fn stub(folder: &Path, tests: &[(&str, &str)]) -> Program {
        let listed = tests.iter().map(|(name, _)| format!("echo '{name}: test';")).collect::<Vec<_>>().concat();
        let cases = tests.iter().map(|(name, body)| format!("{name}) {body} ;;\n")).collect::<Vec<_>>().concat();
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *--ignored*) exit 0;; *--list*) {listed} exit 0;; esac\n\
            case \"$2\" in\n{cases}*) exit 9;;\nesac\n"
        );
        let file = folder.join("stub");
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Program { name: "stub".into(), file, folder: folder.to_owned(), is_integration: true }
    }

    const ALL: Wanted = Wanted { programs: &[], matching: &[], limit: LIMIT };

    fn runner(folder: &Path, settings: Settings) -> Runner {
        Runner { slots: 2, limit: Duration::from_secs(2), settings, folder: folder.join("outputs") }
    }

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("weft-xtask-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn every_test_has_a_process_and_an_environment_of_its_own() {
        let folder = scratch("isolated");
        let program = stub(&folder, &[("one", "echo $$ > one"), ("two", "echo $$ > two"), ("set", "test \"$A\" = b")]);
        let counts = runner(&folder, vec![("A", "b".into())]).run(&[program], ALL).unwrap();
        assert_eq!(counts, Counts { passed: 3, failed: 0, unsteady: 0 });
        let process = |name| fs::read_to_string(folder.join(name)).unwrap();
        assert_ne!(process("one"), process("two"));
        assert!(!folder.join("outputs").exists());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_test_that_fails_or_never_ends_is_counted_and_the_others_go_on() {
        let folder = scratch("verdicts");
        let program = stub(&folder, &[("bad", "exit 101"), ("endless", "exec sleep 600"), ("good", "exit 0")]);
        let counts = runner(&folder, vec![]).run(&[program], ALL).unwrap();
        assert_eq!(counts, Counts { passed: 1, failed: 2, unsteady: 0 });
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_fails_beside_others_and_passes_by_itself_is_counted_as_unsteady() {
        let folder = scratch("unsteady");
        let program = stub(&folder, &[("bad", "exit 101"), ("shaky", "test -e seen || { touch seen; exit 1; }")]);
        let counts = runner(&folder, vec![]).run(&[program], ALL).unwrap();
        assert_eq!(counts, Counts { passed: 1, failed: 1, unsteady: 1 });
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn of_many_tests_the_matching_ones_run() {
        let folder = scratch("matching");
        let program = stub(&folder, &[("gates::one", "exit 0"), ("gates::two", "exit 0"), ("other", "exit 1")]);
        let matching = ["stub gates".to_owned(), "nothing".to_owned()];
        let counts = runner(&folder, vec![]).run(&[program], Wanted { matching: &matching, ..ALL }).unwrap();
        assert_eq!(counts, Counts { passed: 2, failed: 0, unsteady: 0 });
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn of_many_programs_those_of_the_wanted_packages_run() {
        let folder = scratch("programs");
        let mut others = Vec::new();
        for name in ["stub::it", "stubborn", "other"] {
            let folder = folder.join(name);
            fs::create_dir_all(&folder).unwrap();
            let body = if name == "stub::it" { "exit 0" } else { "exit 1" };
            others.push(Program { name: name.into(), ..stub(&folder, &[("one", body)]) });
        }
        let counts = runner(&folder, vec![]).run(&others, Wanted { programs: &["stub"], ..ALL }).unwrap();
        assert_eq!(counts, Counts { passed: 1, failed: 0, unsteady: 0 });
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_longest_begin_first_and_the_others_keep_their_order() {
        let program =
            Program { name: "engine".into(), file: PathBuf::new(), folder: PathBuf::new(), is_integration: false };
        let long = "sim::tests::every_seeded_mistake_of_the_engine_is_found";
        let mut tests = ["b", "a", long].map(|name| Test { program: &program, name: name.into() });
        longest_first(&mut tests);
        assert_eq!(tests.map(|test| test.name), [long, "b", "a"]);
    }

    #[test]
    fn programs_without_any_test_are_no_success() {
        let folder = scratch("none");
        assert!(runner(&folder, vec![]).run(&[stub(&folder, &[])], ALL).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
