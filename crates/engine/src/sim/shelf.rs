//! The shelf of one process: content lies beside the log in memory, everything else in the world's library, and all of it may be away.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use runs::{Unavailable, memory::Connection};
use store::notify::Hint;
use workflow::{
    AgentId, AgentSpec, ArtifactId, RunId, StepKey, TemplateId, api::Delta, id::WorkerId, run::testing::Dice,
    transcript::Transcript,
};

use super::stage::Stage;
use crate::shelf::{Error, Published, Result, Shelf};

pub(super) struct Drawer {
    stage: Arc<Stage>,
    connection: Connection,
    /// Text that was sent of each attempt.
    sent: Mutex<BTreeMap<(RunId, StepKey, i32), i64>>,
}

impl Drawer {
    pub(super) fn new(stage: Arc<Stage>, connection: Connection) -> Self {
        Self { stage, connection, sent: Mutex::default() }
    }

    /// What does not go away by asking again.
    fn is_odd(&self, one_in: usize) -> bool {
        self.stage.world.fork().one_in(one_in) && !self.stage.world.is_stopped()
    }
}

impl From<Unavailable> for Error {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

/// A reason that nobody looks at.
fn odd() -> Box<dyn std::error::Error + Send + Sync> {
    "it is odd".into()
}

#[async_trait]
impl Shelf for Drawer {
    async fn agent_versions(&self, wanted: &BTreeSet<(AgentId, i32)>) -> Result<Vec<AgentSpec>> {
        self.connection.look(|_| ()).await?;
        let is_wanted = |spec: &&AgentSpec| wanted.contains(&(spec.id.clone(), spec.version));
        Ok(self.stage.shop.agents.iter().filter(is_wanted).cloned().collect())
    }

    async fn published(&self, template: TemplateId, _: i32) -> Result<Option<Published>> {
        self.connection.look(|_| ()).await?;
        Ok(self.stage.shop.published(template, &mut self.stage.world.fork()))
    }

    async fn contents(&self, ids: &[ArtifactId]) -> Result<BTreeMap<ArtifactId, Vec<u8>>> {
        let found = self.connection.look(|stored| {
            let found = ids.iter().filter_map(|id| Some((*id, stored.contents.of(*id)?.to_vec())));
            found.collect()
        });
        let found = found.await?;
        if self.is_odd(400) { Err(Error::Unreadable(odd())) } else { Ok(found) }
    }

    async fn put_blob(&self, hash: &str, bytes: &[u8]) -> Result<()> {
        self.connection.put_blob(hash, bytes).await?;
        if self.is_odd(100) { Err(Error::Refused(odd())) } else { Ok(()) }
    }

    async fn keep_prompt(&self, _: &str, _: &str) -> Result<()> {
        Ok(self.connection.look(|_| ()).await?)
    }

    async fn put_transcript(&self, _: RunId, _: &StepKey, _: i32, _: &Transcript) -> Result<()> {
        Ok(self.connection.look(|_| ()).await?)
    }

    async fn watched_runs(&self) -> Result<BTreeSet<RunId>> {
        let mut rng = self.stage.world.fork();
        let watched = self.connection.look(|stored| stored.runs.keys().filter(|_| rng.one_in(5)).copied().collect());
        Ok(watched.await?)
    }

    async fn clean(&self, _keep_days: Option<u32>) -> Result<()> {
        Ok(self.connection.look(|_| ()).await?)
    }

    fn send_delta(&self, delta: Delta) {
        let n = i64::try_from(delta.text.len()).unwrap_or(i64::MAX);
        let place = (delta.run, delta.step, delta.attempt);
        let before = self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(place, delta.offset + n);
        if delta.offset != 0 && before != Some(delta.offset) {
            self.stage.world.violated(format!("run {}: streamed text has a gap before {}", delta.run, delta.offset));
        }
    }

    fn hint_changed(&self, run: RunId, kept_for: Option<WorkerId>) {
        self.stage.tell(&Hint::Run(run));
        if let Some(worker) = kept_for {
            self.stage.tell(&Hint::Kept(run, worker));
        }
    }

    fn hint_ready(&self) {
        self.stage.tell(&Hint::Ready);
    }

    fn hint_cancelled(&self, run: RunId) {
        self.stage.tell(&Hint::Cancelled(run));
    }
}
