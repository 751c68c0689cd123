//! What attempts need beside the log of their runs: agents, definitions and content to read, and places for what they write down.
//! Nothing of it decides about a run, and none of it is lost when it is asked for again.

mod stored;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use workflow::{
    AgentId, AgentSpec, ArtifactId, Definition, RunId, StepKey, TemplateId, api::Delta, id::WorkerId,
    transcript::Transcript,
};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the shelf did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Asking again may help.
    #[error("it cannot be reached")]
    Unavailable(#[source] Source),
    /// Its form is such that it will never be kept.
    #[error("it cannot be kept")]
    Refused(#[source] Source),
    #[error("it cannot be read")]
    Unreadable(#[source] Source),
}

type Source = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    pub(crate) fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// A version as it was published.
#[derive(Clone, PartialEq, Debug)]
pub struct Published {
    pub name: String,
    pub definition: Definition,
    pub is_archived: bool,
}

#[async_trait]
pub trait Shelf: Send + Sync + 'static {
    /// How many histories of what it reads from were seen to end. What was read under a smaller number may be something else by now.
    fn history(&self) -> u64 {
        0
    }

    /// Those of the named versions that exist.
    async fn agent_versions(&self, wanted: &BTreeSet<(AgentId, i32)>) -> Result<Vec<AgentSpec>>;

    /// Whatever became of its template.
    async fn published(&self, template: TemplateId, version: i32) -> Result<Option<Published>>;

    /// Content by artifact; what is not there is left out.
    async fn contents(&self, ids: &[ArtifactId]) -> Result<BTreeMap<ArtifactId, Vec<u8>>>;

    /// Keeps large content before the commit that names it.
    async fn put_blob(&self, hash: &str, bytes: &[u8]) -> Result<()>;

    async fn keep_prompt(&self, hash: &str, text: &str) -> Result<()>;

    /// What an attempt said and heard; written again, the later one stays.
    async fn put_transcript(&self, run: RunId, step: &StepKey, attempt: i32, transcript: &Transcript) -> Result<()>;

    /// The runs that somebody looks at now.
    async fn watched_runs(&self) -> Result<BTreeSet<RunId>>;

    /// Throws away what nobody needs any more, and tables of runs that are over for so many days.
    async fn clean(&self, keep_days: Option<u32>) -> Result<()>;

    /// Reads what runs wrote since, for those who search in it, and says whether there may be more.
    async fn read_texts(&self) -> Result<bool> {
        Ok(false)
    }

    /// Runs of which is yet to be worked out whether anything is stale, each as of its last commit that was read.
    async fn unjudged_runs(&self) -> Result<Vec<(RunId, DateTime<Utc>)>> {
        Ok(Vec::new())
    }

    /// Keeps that for lists.
    async fn keep_is_stale(&self, _run: RunId, _as_of: DateTime<Utc>, _is_stale: bool) -> Result<()> {
        Ok(())
    }

    /// Adds what runs did since to the totals of their days, for charts, and says whether there may be more.
    async fn count_runs(&self) -> Result<bool> {
        Ok(false)
    }

    /// Deletes the runs whose time has come, clears away what is left of others, and says whether there may be more.
    /// Runs that are over for so many days go by themselves.
    async fn delete_runs(&self, _keep_days: Option<u32>) -> Result<bool> {
        Ok(false)
    }

    /// Tokens on their way to whoever watches; they may be lost.
    fn send_delta(&self, delta: Delta);

    /// Tells other processes that a run changed, and which worker takes what it left with its next commits. This and the two after it are
    /// hints: everybody also looks by himself.
    fn hint_changed(&self, run: RunId, kept_for: Option<WorkerId>);

    /// Steps may be claimed.
    fn hint_ready(&self);

    /// Attempts of the run were ended: whoever has one should stop.
    fn hint_cancelled(&self, run: RunId);
}
