//! Outside workers as admins see them: who is connected, what they offer, their tokens; and what a run page shows of what they do.
//! Must never hold a token's secret, but for the one answer in which it is shown.

use std::{collections::BTreeMap, fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    agent::{InputPort, OutputPort, SideEffects},
    id::{AgentId, RunId, StepKey, TokenId, WorkerId},
    status::{Unknown, words},
};

words!(
    /// What a session of an outside worker is to do.
    WorkerState {
        Working = "working",
        /// It takes nothing until it is to work again.
        Paused = "paused",
        /// It finishes what it has, and ends.
        Draining = "draining",
        /// It is over, for good: it ended, its lease ran out, or its token was revoked.
        Gone = "gone",
    }
);

words!(
    /// How an agent that a session offers stands to the library.
    OfferState {
        /// An admin has to accept it.
        Offered = "offered",
        Accepted = "accepted",
        /// The id is another's.
        Refused = "refused",
    }
);

/// A session of an outside worker.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkerView {
    pub id: WorkerId,
    pub name: String,
    pub host: String,
    pub pid: i64,
    pub sdk: Sdk,
    pub build_id: Option<String>,
    /// How many tasks it takes at a time.
    pub slots: i32,
    pub labels: BTreeMap<String, String>,
    pub token: TokenId,
    pub token_name: String,
    pub state: WorkerState,
    pub agents: Vec<WorkerAgent>,
    pub connected_at: DateTime<Utc>,
    pub last_beat_at: DateTime<Utc>,
    /// The last beat is longer ago than its lease: it will be taken for gone.
    pub is_late: bool,
    pub n_running: i64,
    /// What it runs, the oldest first; the first 20.
    pub running: Vec<WorkerTask>,
    pub last_error: Option<String>,
    pub last_error_at: Option<DateTime<Utc>>,
}

/// What speaks for the worker.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Sdk {
    pub name: String,
    pub version: String,
    pub language: String,
}

/// An agent that a session offers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkerAgent {
    pub id: AgentId,
    pub hash: String,
    pub standing: Standing,
}

/// Whether tasks of an offered agent come, and why not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Standing {
    pub state: OfferState,
    /// The newest version with these very ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
    /// Of what is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a session runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkerTask {
    pub run: RunId,
    pub step: StepKey,
    pub attempt: i32,
    pub started_at: DateTime<Utc>,
}

/// An admin's wish for a session: `working`, `paused` or `draining`; `gone` ends it at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetWorker {
    pub state: WorkerState,
}

/// An agent that outside workers offered, with these very ports.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferView {
    pub agent_id: AgentId,
    pub hash: String,
    pub name: String,
    pub description: String,
    pub inputs: Vec<InputPort>,
    pub outputs: Vec<OutputPort>,
    pub side_effects: SideEffects,
    pub timeout_s: Option<u32>,
    pub token: TokenId,
    pub token_name: String,
    pub first_offered_at: DateTime<Utc>,
    pub last_offered_at: DateTime<Utc>,
    /// The version that it became. None: it waits for an admin.
    pub accepted_version: Option<i32>,
    /// Sessions that offer it now.
    pub n_sessions: i64,
    /// The agent's newest version, if it has one: what it would follow.
    pub latest_version: Option<i32>,
}

/// What waits for the workers of an agent, and how many they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueView {
    /// Steps that could start now.
    pub queued: i64,
    /// Tasks that workers hold.
    pub running: i64,
    /// How long the first of `queued` has waited.
    pub oldest_s: i64,
    /// Sessions that live and offer the agent.
    pub workers: i64,
    /// Of those that are not paused; a session that offers several agents counts for each.
    pub slots_free: i64,
}

/// Takes an offer into the library, as the next version of its agent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AcceptOffer {
    pub agent_id: AgentId,
    pub hash: String,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkerTokenView {
    pub id: TokenId,
    pub name: String,
    /// The agents that it may offer: ids, or beginnings such as `report-*`.
    pub agents: Vec<String>,
    /// What each of its sessions has to say of itself; none: anything.
    pub labels: BTreeMap<String, String>,
    /// Absent where the operator made it.
    pub created_by: Option<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub is_expired: bool,
    /// To the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A worker token to be made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewWorkerToken {
    pub name: String,
    pub agents: Vec<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// 90 unless said otherwise, and a year at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u16>,
}

/// Shown once.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedWorkerToken {
    pub token: String,
    pub view: WorkerTokenView,
}

/// A step that is ready, and nobody is there to do it; or one that runs, and nothing is heard of who does it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AbsentWorker {
    pub step: StepKey,
    pub agent_id: AgentId,
    /// Since when there was no worker for its agent, or since the step is ready, if that was later. Of a silent one: its last beat.
    pub since: DateTime<Utc>,
    /// The step runs at a worker of which nothing was heard for more than half its lease. It may come back, and may be dead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_silent: bool,
}

/// How far an attempt says that it is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TaskProgress {
    pub done: u64,
    /// 0: nobody knows.
    pub total: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A line that an attempt logged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogLine {
    pub at: DateTime<Utc>,
    #[serde(default)]
    pub level: LogLevel,
    pub text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Debug,
    #[default]
    Info,
    Warning,
    Error,
}

/// The last lines that an attempt logged, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttemptLogs {
    pub lines: Vec<LogLine>,
    /// Older lines that were not kept.
    pub n_dropped: i64,
}

/// Something that an attempt says of itself while it runs, on its way to whoever watches. Lossy: the next one replaces it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Telling {
    pub run: RunId,
    pub step: StepKey,
    pub attempt: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<TaskProgress>,
    /// New lines of its log; all of them are to be had where the attempt is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LogLine>,
}
