//! What Patroni needs, all on this machine: etcd, `HAProxy`, and two nodes. xtask says how each is started, and wrote what they read.
//! Must never choose a primary itself, nor tell `HAProxy` where it is: that is what is tried.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use axum::body::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::node::{Loss, Node, PlannedNode};
use crate::client::Client;

/// Patroni answers at once, or not at all.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// Nothing of the one who calls this may change what they do: not where libpq looks, and not what Patroni reads beside its file.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[derive(Deserialize, Debug)]
pub(crate) struct Plan {
    etcd: Vec<String>,
    haproxy: Vec<String>,
    nodes: Vec<PlannedNode>,
    /// Where they are started.
    folder: PathBuf,
    logs: PathBuf,
}

pub(crate) struct Cluster {
    nodes: Vec<Node>,
    folder: PathBuf,
    logs: PathBuf,
    // They end with this, after the nodes.
    _haproxy: Child,
    _etcd: Child,
}

impl Cluster {
    pub(crate) fn start(plan: Plan) -> Result<Self> {
        let Plan { etcd, haproxy, nodes, folder, logs } = plan;
        let etcd = spawn(&etcd, &folder, &logs.join("etcd.log"))?;
        let haproxy = spawn(&haproxy, &folder, &logs.join("haproxy.log"))?;
        let nodes = nodes.into_iter().map(|planned| Node { planned, patroni: None }).collect();
        let mut cluster = Self { nodes, folder, logs, _haproxy: haproxy, _etcd: etcd };
        for n in 0..cluster.nodes.len() {
            cluster.bring_back(n)?;
        }
        Ok(cluster)
    }

    /// Starts Patroni where it is not there.
    pub(crate) fn bring_back(&mut self, n: usize) -> Result<()> {
        let Some(node) = self.nodes.get_mut(n) else { bail!("there is no node {n}") };
        let is_there = node.patroni.as_mut().is_some_and(|patroni| matches!(patroni.try_wait(), Ok(None)));
        if !is_there {
            let log = self.logs.join(format!("patroni-{}.log", node.planned.name));
            node.patroni = Some(spawn(&node.planned.patroni, &self.folder, &log)?);
        }
        Ok(())
    }

    pub(crate) async fn lose(&mut self, n: usize, loss: Loss) -> Result<()> {
        let Some(node) = self.nodes.get_mut(n) else { bail!("there is no node {n}") };
        node.lose(loss).await
    }

    /// Waits for a primary whose standby is in sync: which is which.
    pub(crate) async fn until_in_sync(&mut self, within: Duration) -> Result<(usize, usize)> {
        let began = Instant::now();
        loop {
            for (primary, standby) in [(0, 1), (1, 0)] {
                if self.says(primary, "/primary").await && self.says(standby, "/sync").await {
                    return Ok((primary, standby));
                }
            }
            for n in 0..self.nodes.len() {
                self.bring_back(n)?;
            }
            if began.elapsed() > within {
                bail!(
                    "after {} s no standby is in sync; what Patroni says is in {}",
                    within.as_secs(),
                    self.logs.display()
                );
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Whether it is the leader by Patroni, be its Postgres a primary yet or not.
    pub(crate) async fn has_lock(&self, n: usize) -> bool {
        self.says(n, "/leader").await
    }

    async fn says(&self, n: usize, path: &str) -> bool {
        let Some(node) = self.nodes.get(n) else { return false };
        let client = Client::new(format!("http://127.0.0.1:{}", node.planned.rest), "none".to_owned());
        let asked = timeout(ANSWERS_WITHIN, client.send(Method::GET, path, Bytes::new())).await;
        matches!(asked, Ok(Ok((StatusCode::OK, _))))
    }

    pub(crate) async fn end(mut self) {
        for node in &mut self.nodes {
            node.end().await;
        }
    }
}

fn spawn(words: &[String], folder: &Path, log: &Path) -> Result<Child> {
    let [program, arguments @ ..] = words else { bail!("nothing is to be started for {}", log.display()) };
    let log = File::options().append(true).create(true).open(log).context("no log for the cluster")?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).kill_on_drop(true).process_group(0);
    command.env_clear().env("PATH", PATH).env("LC_ALL", "C.UTF-8").env("HOME", folder);
    command.stdin(Stdio::null()).stdout(log.try_clone().context("no log for the cluster")?).stderr(log);
    command.spawn().with_context(|| format!("cannot start `{program}`"))
}
