//! One node: Patroni and the Postgres that it keeps. Patroni starts it apart from itself, so it is found by its own file.
//! A process is only ever ended here that is this node's: its folder is the node's, whatever the file says.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::Deserialize;
use tokio::{
    process::Child,
    time::{sleep, timeout},
};

/// Patroni stops its Postgres first.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// What is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Loss {
    /// Everything that runs there, at once.
    Machine,
    /// Postgres alone: Patroni is there to see it.
    Database,
}

impl Loss {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Database => "database",
        }
    }
}

#[derive(Deserialize, Debug)]
pub(crate) struct PlannedNode {
    pub(crate) name: String,
    /// What starts Patroni.
    pub(crate) patroni: Vec<String>,
    /// Its REST interface.
    pub(crate) rest: u16,
    /// The folder of Postgres.
    data: PathBuf,
}

pub(crate) struct Node {
    pub(crate) planned: PlannedNode,
    /// Ends with this.
    pub(crate) patroni: Option<Child>,
}

impl Node {
    pub(crate) async fn lose(&mut self, loss: Loss) -> Result<()> {
        let postmaster = postmaster(&self.planned.data).context("the node to be lost has no Postgres")?;
        let mut victims = vec![postmaster];
        if loss == Loss::Machine {
            victims.extend(children(postmaster));
            if let Some(mut patroni) = self.patroni.take() {
                patroni.kill().await.context("cannot kill Patroni")?;
            }
        }
        end_at_once(&victims);
        Ok(())
    }

    /// Patroni, and then what it left.
    pub(crate) async fn end(&mut self) {
        if let Some(mut patroni) = self.patroni.take() {
            if let Some(pid) = patroni.id().and_then(|pid| i32::try_from(pid).ok()) {
                // It may be gone already.
                let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
            }
            if timeout(ENDS_WITHIN, patroni.wait()).await.is_err() {
                let _ = patroni.kill().await;
            }
        }
        self.end_postgres();
        // Its processes see that it is gone.
        while postmaster(&self.planned.data).is_some() {
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn end_postgres(&self) {
        if let Some(postmaster) = postmaster(&self.planned.data) {
            end_at_once(&[postmaster]);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // First: it would start its Postgres again.
        if let Some(patroni) = &mut self.patroni {
            let _ = patroni.start_kill();
        }
        self.end_postgres();
    }
}

fn end_at_once(processes: &[Pid]) {
    for process in processes {
        // It may be gone already.
        let _ = kill(*process, Signal::SIGKILL);
    }
}

/// The Postgres whose folder this is, if it runs.
fn postmaster(data: &Path) -> Option<Pid> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid: i32 = text.lines().next()?.trim().parse().ok()?;
    // Numbers come again: it has to be at work there.
    let works_in = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    (works_in == data.canonicalize().ok()?).then(|| Pid::from_raw(pid))
}

fn children(of: Pid) -> Vec<Pid> {
    let all = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    numbers.filter(|pid| parent(*pid) == Some(of.as_raw())).map(Pid::from_raw).collect()
}

fn parent(pid: i32) -> Option<i32> {
    parent_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name in it may hold anything, so what follows is found from its end.
fn parent_in(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_of_a_process_is_read_whatever_its_name_is() {
        assert_eq!(parent_in("7 (postgres) S 5 7 7 0"), Some(5));
        assert_eq!(parent_in("7 (a ) S 9 b) R 12 7"), Some(12));
        assert_eq!(parent_in("7"), None);
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(children(Pid::from_raw(parent(own).unwrap())).contains(&Pid::from_raw(own)));
    }

    #[test]
    fn a_process_that_works_elsewhere_is_never_taken_for_the_nodes() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(postmaster(folder.path()), None);
        fs::write(folder.path().join("postmaster.pid"), format!("{}\n/elsewhere\n", std::process::id())).unwrap();
        assert_eq!(postmaster(folder.path()), None, "this very process");
    }
}
