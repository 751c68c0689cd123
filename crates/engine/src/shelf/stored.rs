//! The shelf in the database.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use store::Store;
use workflow::{
    AgentId, AgentSpec, ArtifactId, RunId, StepKey, TemplateId, api::Delta, id::WorkerId, transcript::Transcript,
};

use super::{Error, Published, Result, Shelf};

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        if error.is_unavailable() {
            Self::Unavailable(error.into())
        } else if error.is_refused_value() {
            Self::Refused(error.into())
        } else {
            Self::Unreadable(error.into())
        }
    }
}

#[async_trait]
impl Shelf for Store {
    fn history(&self) -> u64 {
        self.history()
    }

    async fn agent_versions(&self, wanted: &BTreeSet<(AgentId, i32)>) -> Result<Vec<AgentSpec>> {
        Ok(self.agent_versions(wanted.iter().cloned()).await?)
    }

    async fn published(&self, template: TemplateId, version: i32) -> Result<Option<Published>> {
        let found = self.version(template, version).await?;
        Ok(found.map(|(version, is_archived)| Published {
            name: version.name,
            definition: version.definition,
            is_archived,
        }))
    }

    async fn contents(&self, ids: &[ArtifactId]) -> Result<BTreeMap<ArtifactId, Vec<u8>>> {
        Ok(self.artifact_contents(ids).await?)
    }

    async fn put_blob(&self, hash: &str, bytes: &[u8]) -> Result<()> {
        Ok(self.put_blob(hash, bytes).await?)
    }

    async fn keep_prompt(&self, hash: &str, text: &str) -> Result<()> {
        Ok(self.keep_prompt(hash, text).await?)
    }

    async fn put_transcript(&self, run: RunId, step: &StepKey, attempt: i32, transcript: &Transcript) -> Result<()> {
        Ok(self.keep_transcript(run, step, attempt, transcript).await?)
    }

    async fn watched_runs(&self) -> Result<BTreeSet<RunId>> {
        Ok(self.watched_runs().await?)
    }

    async fn clean(&self, keep_days: Option<u32>) -> Result<()> {
        self.sweep_watchers().await?;
        self.collect_blobs().await?;
        self.clean_outside().await?;
        if let Some(days) = keep_days {
            self.delete_old_batches(days).await?;
        }
        Ok(())
    }

    async fn read_texts(&self) -> Result<bool> {
        Ok(self.read_run_texts().await?)
    }

    async fn unjudged_runs(&self) -> Result<Vec<(RunId, DateTime<Utc>)>> {
        Ok(self.unjudged_runs().await?)
    }

    async fn keep_is_stale(&self, run: RunId, as_of: DateTime<Utc>, is_stale: bool) -> Result<()> {
        Ok(self.keep_is_stale(run, as_of, is_stale).await?)
    }

    async fn count_runs(&self) -> Result<bool> {
        Ok(self.count_runs().await?)
    }

    async fn delete_runs(&self, keep_days: Option<u32>) -> Result<bool> {
        Ok(self.delete_runs(keep_days).await?)
    }

    fn send_delta(&self, delta: Delta) {
        self.send_delta(delta);
    }

    fn hint_changed(&self, run: RunId, kept_for: Option<WorkerId>) {
        self.hint_changed(run, kept_for);
    }

    fn hint_ready(&self) {
        self.hint_ready();
    }

    fn hint_cancelled(&self, run: RunId) {
        self.hint_cancelled(run);
    }
}
