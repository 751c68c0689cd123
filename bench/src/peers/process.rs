//! A process of a peer, with the log that it writes. It must never outlive this value: dropped, it and its children are killed.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use tokio::{process::Child, time::timeout};

use super::peer::Planned;

/// Nothing that they would still write is wanted.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
const LAST_LINES: usize = 12;

pub(crate) struct Process {
    name: &'static str,
    pub(crate) child: Child,
    /// Of the process and of its group, which are one number.
    pid: Pid,
    log: PathBuf,
}

impl Process {
    /// Standard error goes to the log; of the other two, `talks` says whether they are pipes.
    pub(crate) fn start(planned: Planned, folder: &Path, talks: bool) -> Result<Self> {
        let Planned { name, mut command } = planned;
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("cannot write the log of {name}"))?;
        if talks {
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        } else {
            let copy = file.try_clone().with_context(|| format!("cannot share the log of {name}"))?;
            command.stdin(Stdio::null()).stdout(copy);
        }
        let child = command.stderr(file).spawn().with_context(|| format!("cannot start {name}"))?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).context("it has ended already")?;
        Ok(Self { name, child, pid: Pid::from_raw(pid), log })
    }

    /// It is an error if it has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait().with_context(|| format!("cannot ask after {}", self.name))? {
            bail!("{} has ended ({status})", self.name);
        }
        Ok(())
    }

    /// The end of its log, if it said anything.
    pub(crate) fn last_words(&self) -> Option<String> {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
        (!last.is_empty()).then(|| format!("{}:\n{last}", self.name))
    }

    /// Asks it to end, and makes it where it does not.
    pub(crate) async fn stop(mut self) {
        // It may be gone already.
        let _ = kill(self.pid, Signal::SIGTERM);
        let _ = timeout(ENDS_WITHIN, self.child.wait()).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Of a group that has ended there is nothing to kill.
        let _ = killpg(self.pid, Signal::SIGKILL);
    }
}
