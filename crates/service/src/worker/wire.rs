//! What outside workers say and hear, as it is spelled on the wire: docs/workers.md.
//! Must never hold more than its shape: what is wrong with a value is told by the use cases, which name the field.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::Value;
use workflow::{
    AgentId, RunId, StepKey,
    agent::SideEffects,
    api::{LogLevel, Sdk, Standing, WorkerState},
    id::WorkerId,
    schema::Schema,
};

// ---- sessions

#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WireRegister)]
pub struct Register {
    pub protocol: u32,
    #[serde(default)]
    pub sdk: Sdk,
    pub name: String,
    #[serde(default)]
    pub host: String,
    #[serde(default)]
    pub pid: i64,
    #[serde(default)]
    pub build_id: Option<String>,
    pub slots: i32,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    pub agents: Vec<OfferedAgent>,
}

#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WireOfferedAgent)]
pub struct OfferedAgent {
    pub id: AgentId,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, OfferedInput>)]
    pub inputs: Ports<OfferedInput>,
    #[schema(value_type = BTreeMap<String, OfferedOutput>)]
    pub outputs: Ports<OfferedOutput>,
    #[serde(default)]
    pub side_effects: SideEffects,
    #[serde(default)]
    pub timeout_s: Option<u32>,
}

#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WireOfferedInput)]
#[serde(deny_unknown_fields)]
pub struct OfferedInput {
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub schema: Schema,
    #[serde(default)]
    pub required: bool,
}

#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WireOfferedOutput)]
#[serde(deny_unknown_fields)]
pub struct OfferedOutput {
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub schema: Schema,
}

/// Ports by name, in the order in which they are told.
#[derive(Clone, Debug)]
pub struct Ports<T>(pub Vec<(String, T)>);

impl<T> Default for Ports<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Ports<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<T>(PhantomData<T>);

        impl<'de, T: DeserializeOwned> Visitor<'de> for InOrder<T> {
            type Value = Ports<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of ports by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ports<T>, A::Error> {
                let mut ports = Vec::new();
                while let Some(port) = map.next_entry()? {
                    ports.push(port);
                }
                Ok(Ports(ports))
            }
        }

        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireRegistered)]
pub struct Registered {
    pub session: WorkerId,
    pub beat_every_ms: u64,
    pub lease_ms: u64,
    pub wait_ms_max: u64,
    pub inline_max: usize,
    pub server_time: DateTime<Utc>,
    pub agents: BTreeMap<AgentId, Known>,
}

/// How an offered agent stands, as its worker is told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireKnown)]
pub struct Known {
    #[serde(flatten)]
    pub standing: Standing,
    pub hash: String,
}

// ---- claims

#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
#[schema(as = WireClaim)]
pub struct Claim {
    pub max: usize,
    #[serde(default)]
    pub wait_ms: u64,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireTasks)]
pub struct Tasks {
    pub tasks: Vec<Task>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireTask)]
pub struct Task {
    pub token: String,
    pub agent: AgentId,
    pub agent_version: i32,
    pub hash: String,
    pub run: RunId,
    pub step: StepKey,
    pub item: Option<String>,
    pub generation: i32,
    pub attempt: i32,
    pub idempotency_key: String,
    pub inputs: BTreeMap<String, Content>,
    pub prompt: Option<String>,
    pub revision: Option<Revision>,
    pub checkpoint: Option<Value>,
    pub started_at: DateTime<Utc>,
    pub timeout_at: DateTime<Utc>,
    pub lease_until: DateTime<Utc>,
    pub traceparent: String,
}

/// A value: as it is, or as content of its own.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = WireContent)]
#[serde(deny_unknown_fields)]
pub struct Content {
    pub media_type: String,
    /// Null is a value: it is not the same as none.
    #[serde(default, deserialize_with = "workflow::json::exact_given", skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireRevision)]
pub struct Revision {
    pub outputs: BTreeMap<String, Content>,
    pub feedback: Vec<Asked>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireAsked)]
pub struct Asked {
    pub round: i32,
    pub by: String,
    pub text: String,
}

// ---- beats

#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[schema(as = WireBeat)]
pub struct Beat {
    #[serde(default)]
    pub wait_ms: u64,
    #[serde(default)]
    pub tasks: Vec<BeatOfTask>,
}

#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WireBeatOfTask)]
pub struct BeatOfTask {
    pub token: String,
    #[serde(default)]
    pub progress: Option<Progress>,
    #[serde(default)]
    pub deltas: Vec<Delta>,
    #[serde(default)]
    pub logs: Vec<Log>,
    #[serde(default, deserialize_with = "workflow::json::exact")]
    pub checkpoint: Option<Value>,
}

#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WireProgress)]
pub struct Progress {
    #[serde(default)]
    pub done: i64,
    #[serde(default)]
    pub total: i64,
    #[serde(default)]
    pub note: String,
}

#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WireDelta)]
pub struct Delta {
    pub output: String,
    pub text: String,
}

#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WireLog)]
pub struct Log {
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub level: LogLevel,
    pub text: String,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireBeaten)]
pub struct Beaten {
    pub session: SessionState,
    pub server_time: DateTime<Utc>,
    pub lease_until: DateTime<Utc>,
    pub agents: BTreeMap<AgentId, Known>,
    pub tasks: Vec<StateOfTask>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireSessionState)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    Ok,
    Paused,
    Drain,
}

impl From<WorkerState> for SessionState {
    fn from(state: WorkerState) -> Self {
        match state {
            WorkerState::Working => Self::Ok,
            WorkerState::Paused => Self::Paused,
            WorkerState::Draining | WorkerState::Gone => Self::Drain,
        }
    }
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireStateOfTask)]
pub struct StateOfTask {
    pub token: String,
    pub state: TaskState,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireTaskState)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    Ok,
    Cancel,
    Timeout,
    Fenced,
}

// ---- results

#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WireComplete)]
pub struct Complete {
    #[serde(default)]
    pub results: Vec<Outcome>,
    #[serde(default)]
    pub claim: Option<Claim>,
}

/// How an attempt ended. The result of a callback has no token.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WireOutcome)]
pub struct Outcome {
    #[serde(default)]
    pub token: String,
    pub outcome: Word,
    #[serde(default)]
    pub outputs: BTreeMap<String, Content>,
    #[serde(default)]
    pub usage: Option<Usage>,
    #[serde(default)]
    pub error: Option<Failure>,
    #[serde(default)]
    pub resume_within_s: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WireWord)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    Completed,
    Failed,
    Cancelled,
    Released,
    Waiting,
}

#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[schema(as = WireUsage)]
#[serde(default)]
pub struct Usage {
    pub model: String,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub cost_micros: Option<i64>,
}

#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WireFailure)]
pub struct Failure {
    pub class: FailureClass,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
    #[serde(default)]
    pub no_retry: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WireFailureClass)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    Timeout,
    RateLimit,
    Server,
    Permanent,
    Refused,
    InvalidOutput,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireCompleted)]
pub struct Completed {
    pub results: Vec<StatusOfResult>,
    pub tasks: Vec<Task>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireStatusOfResult)]
pub struct StatusOfResult {
    pub token: String,
    #[serde(flatten)]
    pub status: Status,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireStatus)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    Committed,
    Already,
    Fenced,
    InvalidOutput { problems: Vec<OutputProblem> },
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireOutputProblem)]
pub struct OutputProblem {
    pub field: String,
    pub message: String,
}

// ---- callbacks

#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WireWantCallback)]
pub struct WantCallback {
    pub within_s: i64,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WireCallback)]
pub struct Callback {
    pub callback: String,
    pub url: &'static str,
    pub expires_at: DateTime<Utc>,
}
