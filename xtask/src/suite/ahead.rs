//! What is compiled while other steps run: the bundle. Most of it is `app`, which is optimised as one piece, by one thread, for most of ten
//! minutes; what the tests stand on is compiled on the other cores meanwhile, in folders of their own.
//!
//! It must never decide anything, nor write into the site, which others may be reading: the step that makes the site asks for the bundle
//! again, finds it, and says what is wrong where it is not there.

use super::Step;
use crate::{
    build::{self, TESTED},
    context::Context,
    native,
    shell::{describe, say},
};
use anyhow::{Context as _, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs,
    process::{Child, Stdio},
};

/// A build that goes on by itself. Whoever lets go of it ends it.
pub(super) struct Ahead {
    cargo: Child,
    /// What the server stands on is built while it is waited for.
    builds_more: bool,
}

/// Whether it is to begin before this step: as soon as there is something that it can go on beside.
pub(super) fn is_due(step: Step, chosen: &[Step]) -> bool {
    let is_beside = step > Step::Setup && (step < Step::Site || (step == Step::Site && needs_programs(chosen)));
    is_beside && chosen.contains(&Step::Site)
}

fn needs_programs(chosen: &[Step]) -> bool {
    chosen.iter().any(|step| matches!(step, Step::Rust | Step::Sim | Step::Build | Step::Chaos))
}

impl Ahead {
    pub(super) fn start(context: &Context, chosen: &[Step]) -> Result<Self> {
        let mut command = build::bundle(context);
        // Its words would stand among those of another step; the step of the site says them again.
        command.arg("--quiet").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let cargo = command.spawn().with_context(|| format!("cannot start `{}`", describe(&command)))?;
        Ok(Self { cargo, builds_more: needs_programs(chosen) })
    }

    /// Until the bundle is there, or cannot be.
    pub(super) fn wait(mut self, context: &Context) -> Result<()> {
        say("The bundle is being compiled since the first step");
        if self.builds_more {
            what_the_server_stands_on(context)?;
        }
        self.cargo.wait().context("cannot wait for cargo")?;
        Ok(())
    }
}

/// The server reads the site while it is compiled, and would be compiled twice; all that it uses is not. Named are tests and programs of
/// other packages, of the same selection as everything else, whose features then agree: nothing is built twice.
fn what_the_server_stands_on(context: &Context) -> Result<()> {
    let mut cargo = native::cargo(context);
    cargo.args(["test", "--profile", "ci", "--no-run"]).args(TESTED);
    native::build_without_warnings(cargo.args(["--test", "design", "--test", "model", "--bin", "bench"])).map(|_| ())
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // Where it was waited for, it is over.
        if !matches!(self.cargo.try_wait(), Ok(None)) {
            return;
        }
        for process in with_descendants(self.cargo.id()) {
            let _ = i32::try_from(process).map(|process| kill(Pid::from_raw(process), Signal::SIGKILL));
        }
        let _ = self.cargo.wait();
    }
}

/// A compiler that is at work does not end with the cargo that started it, and would write what the next build writes.
fn with_descendants(process: u32) -> Vec<u32> {
    let mut all = vec![process];
    let mut n_seen = 0;
    while let Some(parent) = all.get(n_seen).copied() {
        n_seen += 1;
        for thread in fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().filter_map(Result::ok) {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        process::Command,
        time::{Duration, Instant},
    };

    use super::*;

    #[test]
    fn it_begins_with_the_first_step_that_it_can_go_on_beside() {
        let all = [Step::Setup, Step::Fmt, Step::Clippy, Step::Site, Step::Rust];
        assert_eq!(all.map(|step| is_due(step, &all)), [false, true, true, true, false]);
        assert!(!is_due(Step::Fmt, &[Step::Fmt, Step::Clippy]), "nobody wants the site");
        assert!(!is_due(Step::Site, &[Step::Site]), "it is shown where nothing else is built");
    }

    #[test]
    fn whoever_lets_go_of_it_ends_it_and_what_it_started() {
        let mut cargo =
            Command::new("sh").args(["-c", "sleep 600 & echo $!; wait"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut compiler = String::new();
        BufReader::new(cargo.stdout.take().unwrap()).read_line(&mut compiler).unwrap();
        let stat = format!("/proc/{}/stat", compiler.trim());
        // What nobody has waited for yet is there, and dead.
        let is_alive = || fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        assert!(is_alive());
        drop(Ahead { cargo, builds_more: false });
        let until = Instant::now() + Duration::from_secs(30);
        while is_alive() {
            assert!(Instant::now() < until, "{stat} is still there");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
