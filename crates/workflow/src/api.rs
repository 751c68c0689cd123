//! Requests and answers, one set of types for REST, server functions, the live feed and the browser.
//! More fields may come; a name that stands here stays.

mod events;
mod verbs;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Value, value::RawValue};

pub use events::*;
pub use verbs::*;

use crate::{
    access::{Role, Scope},
    agent::{AgentConfig, AgentSpec, InputPort, OutputOf, OutputPort},
    definition::{Definition, RunInput},
    id::{AgentId, ArtifactId, RunId, StepKey, TemplateId, TokenId, UserId},
    problem::Problem,
    progress::Progress,
    run::{RunEvent, state::Emails},
    schema::Schema,
    status::{RunStatus, StatusReason},
    transcript::Transcript,
    view::ArtifactMeta,
};

/// Why a request was refused: the body of every error, as `application/problem+json` over REST.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ApiError {
    pub status: u16,
    /// Stable; programs decide by it.
    pub code: ErrorCode,
    /// What happened, why, and what to do.
    pub detail: String,
    /// The field it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// To quote to support; set for internal errors, whose cause is only in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// 400: the request cannot be read.
    Malformed,
    /// 401: nobody is signed in.
    Unauthenticated,
    /// 401: the email or the password is wrong.
    WrongCredentials,
    /// 403: signed in, but not allowed.
    Forbidden,
    /// 403: the API token was not made for this; see its scopes.
    InsufficientScope,
    /// 403: not for API tokens, whatever their scopes: somebody has to sign in for it.
    SessionRequired,
    /// 403: give the password again (`POST /api/me/confirm`), then send the same request.
    ConfirmPassword,
    /// 403: the request came from another site.
    CrossOrigin,
    /// 404: it does not exist, or is not yours to see.
    NotFound,
    /// 409: somebody saved a newer draft.
    StaleRevision,
    /// 409: the thing is not in a state that allows this.
    Conflict,
    /// 409: the template has no published version.
    NotPublished,
    /// 409: the same Idempotency-Key came with another request.
    IdempotencyMismatch,
    /// 413
    TooLarge,
    /// 422: understood, but a field is wrong.
    Invalid,
    /// 422: the definition has errors; see `problems`.
    InvalidDefinition,
    /// 429: too fast; try again after the time that `Retry-After` names.
    TooManyRequests,
    /// 429: a quota of yours is used up; the detail says which, and what to do.
    QuotaExceeded,
    /// 500
    Internal,
    /// 503: the database cannot be reached; try again.
    Unavailable,
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ApiError {}

/// A part of a list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// There is more: give it back as `after` for the next page.
    pub next: Option<String>,
}

// ---- people

/// What the login page has to offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SetupState {
    /// There is no account yet: create the admin.
    pub needs_admin: bool,
    /// The server is reachable from outside: the one-time token printed at its start is wanted.
    pub needs_token: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct UserView {
    pub id: UserId,
    pub email: String,
    pub role: Role,
    pub is_disabled: bool,
    pub created_at: DateTime<Utc>,
}

/// Somebody who may be asked at a gate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PersonView {
    pub email: String,
    pub is_disabled: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SessionView {
    /// Short public name of the session, never its secret.
    pub id: String,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub user_agent: String,
    pub is_current: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TokenView {
    pub id: TokenId,
    pub name: String,
    pub scopes: Vec<Scope>,
    pub created_at: DateTime<Utc>,
    /// To the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Afterwards it is refused.
    pub expires_at: DateTime<Utc>,
    pub is_expired: bool,
}

/// A token to be made.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NewToken {
    pub name: String,
    /// Reading is always among them.
    #[serde(default)]
    pub scopes: Vec<Scope>,
    /// 90 unless said otherwise, and a year at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u16>,
}

/// Shown once.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CreatedToken {
    pub token: String,
    pub view: TokenView,
}

/// What of the audit log is asked for; what is absent restricts nothing.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditFilter {
    /// An email, or `operator` for the command line. A failed sign-in is of whom it was tried as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// An action such as `token.created`, or all of a kind, such as `token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// What it was done to: an id, an email, a slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Not itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<DateTime<Utc>>,
    /// Older than this entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u16>,
}

/// Something that somebody did, outside of runs: these have their own events.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AuditEntry {
    pub id: i64,
    pub at: DateTime<Utc>,
    /// Absent for the operator at the command line, and for somebody who was not signed in.
    pub actor: Option<UserId>,
    /// Of the actor, while the account is there.
    pub actor_email: Option<String>,
    /// `session`, `token`, `operator`, or nothing.
    pub via: Option<String>,
    pub address: Option<String>,
    pub action: String,
    pub subject: String,
    /// Of the subject, where it is a person.
    pub subject_email: Option<String>,
    /// Of the subject, where it is a workflow that is still there.
    #[serde(default)]
    pub subject_name: Option<String>,
    #[serde(deserialize_with = "crate::json::exact")]
    pub data: Value,
}

/// Newest first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AuditPage {
    pub entries: Vec<AuditEntry>,
    /// The `before` of the next page, if there is more.
    pub next: Option<i64>,
}

// ---- agents

/// What a published version takes and offers to an agent that runs it as one step.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WorkflowPorts {
    pub inputs: BTreeMap<String, RunInput>,
    /// By step; what its steps make, as other steps see it.
    pub offers: Vec<OfferedOutput>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OfferedOutput {
    pub of: OutputOf,
    pub step_title: String,
    pub schema: Schema,
}

/// An agent as the builder's library lists it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AgentView {
    pub id: AgentId,
    pub name: String,
    pub description: String,
    pub kind: String,
    pub version: i32,
    pub inputs: Vec<InputPort>,
    pub outputs: Vec<OutputPort>,
}

impl From<&AgentSpec> for AgentView {
    fn from(spec: &AgentSpec) -> Self {
        Self {
            id: spec.id.clone(),
            name: spec.name.clone(),
            description: spec.description.clone(),
            kind: spec.kind().to_owned(),
            version: spec.version,
            inputs: spec.inputs.clone(),
            outputs: spec.outputs.clone(),
        }
    }
}

/// Creates an agent, or its next version.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SaveAgent {
    pub id: AgentId,
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub inputs: Vec<InputPort>,
    #[serde(default)]
    pub outputs: Vec<OutputPort>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u32>,
    pub config: AgentConfig,
    /// The version this edit began from; absent to create. A newer one is a conflict.
    #[serde(default)]
    pub base_version: Option<i32>,
}

/// Tries an agent on sample input: a run of kind `test`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TestAgent {
    pub agent_id: AgentId,
    #[serde(default)]
    pub version: Option<i32>,
    #[serde(default, deserialize_with = "crate::json::exact")]
    pub inputs: BTreeMap<String, Value>,
}

/// A language-model provider as the server is configured, without its key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProviderView {
    pub name: String,
    /// `openai`, `anthropic`, `gemini`, `ollama`, ...
    pub kind: String,
    pub model: String,
}

// ---- templates

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TemplateSummary {
    pub id: TemplateId,
    pub name: String,
    pub description: String,
    pub draft_revision: i64,
    pub published_version: Option<i32>,
    pub n_steps: i64,
    pub created_by: UserId,
    pub updated_at: DateTime<Utc>,
    /// Set aside: no new runs, not in the gallery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<DateTime<Utc>>,
}

/// A template with its draft, as admins see it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TemplateView {
    pub id: TemplateId,
    pub name: String,
    pub description: String,
    pub definition: Definition,
    pub draft_revision: i64,
    pub published_version: Option<i32>,
    /// Whether the draft means something else than the published version.
    pub has_unpublished_changes: bool,
    pub created_by: UserId,
    pub updated_at: DateTime<Utc>,
    /// Set aside: no new runs, not in the gallery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<DateTime<Utc>>,
    pub problems: Vec<Problem>,
}

/// The published version of a template, as everybody sees it: enough for the gallery card and the start form.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PublishedTemplate {
    pub id: TemplateId,
    pub name: String,
    pub description: String,
    pub version: i32,
    pub n_steps: i64,
    pub inputs: BTreeMap<String, RunInput>,
    pub published_at: DateTime<Utc>,
    /// For admins who ask for this one: how the draft stands to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<DraftNotes>,
}

/// What an admin should know before starting a published version.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct DraftNotes {
    /// Whether the draft means something else.
    pub has_unpublished_changes: bool,
    /// Who is asked at the gates of the published version and cannot come any more.
    pub problems: Vec<Problem>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CreateTemplate {
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// A document, read by `Definition::from_value`.
    #[serde(default = "empty_object", deserialize_with = "crate::json::exact")]
    pub definition: Value,
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct UpdateTemplate {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default, deserialize_with = "crate::json::exact")]
    pub definition: Option<Value>,
    /// The revision this edit began from. 422 without one, 409 when it is stale.
    #[serde(default)]
    pub base_revision: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Published {
    pub version: i32,
}

// ---- runs

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StartRun {
    pub template_id: TemplateId,
    /// Absent for the published version.
    #[serde(default)]
    pub version: Option<i32>,
    #[serde(default, deserialize_with = "crate::json::exact")]
    pub inputs: BTreeMap<String, Value>,
    /// On unless switched off.
    #[serde(default = "on")]
    pub auto_run: bool,
}

fn on() -> bool {
    true
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RunSummary {
    pub id: RunId,
    pub template_id: TemplateId,
    pub template_name: String,
    pub template_version: i32,
    pub status: RunStatus,
    pub status_reason: Option<StatusReason>,
    pub auto_run: bool,
    pub user_id: UserId,
    pub user_email: String,
    pub progress: Progress,
    /// Steps and items that wait for a review.
    pub n_waiting: i64,
    /// The beginnings of the inputs it was started on, in one line.
    pub about: Option<String>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RunPage {
    pub runs: Vec<RunSummary>,
    /// Give it back as `after` for the next page.
    pub next: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PatchRun {
    pub auto_run: bool,
}

/// An artifact with its content: a JSON value, text, or base64 for what is neither.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ArtifactView {
    #[serde(flatten)]
    pub meta: ArtifactMeta,
    pub encoding: Encoding,
    pub content: Value,
}

impl<'de> Deserialize<'de> for ArtifactView {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Body {
            encoding: Encoding,
            #[serde(deserialize_with = "crate::json::exact")]
            content: Value,
        }
        // By hand, because a derived reader keeps the fields of `meta` in a buffer that does not know numbers by their text. Both halves
        // are read from the text, so that a browser brings no second reader of `meta`.
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let Body { encoding, content } = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        Ok(Self { meta: serde_json::from_str(text.get()).map_err(D::Error::custom)?, encoding, content })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    Json,
    Text,
    Base64,
}

/// What an attempt told a language model and what came back; absent where no model was asked, or nothing is kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AttemptTranscript {
    pub transcript: Option<Transcript>,
}

/// What the run page needs to show a step's prompt: the text in force and where it comes from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StepPrompt {
    /// Absent for kinds without a prompt.
    pub effective: Option<String>,
    /// What the template says, without the run's override.
    pub of_template: Option<String>,
    pub inputs: Vec<InputPort>,
    /// What an edit, a supplied output or the answer to a form consists of.
    #[serde(default)]
    pub outputs: Vec<OutputPort>,
}

// ---- live

/// The first message of a live socket, and of each reconnect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Follow {
    #[serde(default)]
    pub after: i64,
}

/// Asks whether the other side is still there. A browser cannot send a ping, and a path that swallows everything closes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Beat {
    /// Any number; it comes back in the answer.
    pub beat: u32,
}

/// A frame of `/api/workflows/runs/{id}/live`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", try_from = "RawRunFrame")]
pub enum RunFrame {
    /// In its wire form, with the emails of those whom it names.
    Event { event: Box<RunEvent>, people: Emails },
    /// Tokens as they come; lossy, the artifact replaces them.
    Delta(Delta),
    /// The reader was too slow, or the server lost the thread: fetch the run again.
    Resync,
    /// The answer to a `Beat`.
    Beat(Beat),
}

/// A frame as it is read: all fields of all kinds. Read by its tag instead, a frame would bring a second reader of everything inside
/// it into the browser.
#[derive(Deserialize)]
struct RawRunFrame {
    #[serde(rename = "type")]
    kind: String,
    event: Option<Box<RunEvent>>,
    people: Option<Emails>,
    run: Option<RunId>,
    step: Option<StepKey>,
    attempt: Option<i32>,
    offset: Option<i64>,
    text: Option<String>,
    beat: Option<u32>,
}

impl TryFrom<RawRunFrame> for RunFrame {
    type Error = crate::status::Unknown;

    fn try_from(raw: RawRunFrame) -> Result<Self, Self::Error> {
        let unknown = || crate::status::Unknown(raw.kind.clone());
        Ok(match raw.kind.as_str() {
            "event" => {
                Self::Event { event: raw.event.ok_or_else(unknown)?, people: raw.people.clone().unwrap_or_default() }
            }
            "delta" => Self::Delta(Delta {
                run: raw.run.ok_or_else(unknown)?,
                step: raw.step.clone().ok_or_else(unknown)?,
                attempt: raw.attempt.ok_or_else(unknown)?,
                offset: raw.offset.ok_or_else(unknown)?,
                text: raw.text.clone().ok_or_else(unknown)?,
            }),
            "resync" => Self::Resync,
            "beat" => Self::Beat(Beat { beat: raw.beat.ok_or_else(unknown)? }),
            _ => return Err(unknown()),
        })
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delta {
    pub run: RunId,
    pub step: StepKey,
    pub attempt: i32,
    /// Bytes of text before this piece: a gap means that a piece was lost.
    pub offset: i64,
    pub text: String,
}

/// A frame of `/api/live`: what changed among my runs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", from = "RawMyFrame")]
pub enum MyFrame {
    Runs {
        runs: Vec<RunSummary>,
        /// Those that are not mine to see any more: what I was asked there is decided.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        gone: Vec<RunId>,
    },
    Resync,
    /// The answer to a `Beat`.
    Beat(Beat),
}

#[derive(Deserialize)]
struct RawMyFrame {
    runs: Option<Vec<RunSummary>>,
    gone: Option<Vec<RunId>>,
    beat: Option<u32>,
}

impl From<RawMyFrame> for MyFrame {
    fn from(raw: RawMyFrame) -> Self {
        match (raw.runs, raw.beat) {
            (Some(runs), _) => Self::Runs { runs, gone: raw.gone.unwrap_or_default() },
            (None, Some(beat)) => Self::Beat(Beat { beat }),
            (None, None) => Self::Resync,
        }
    }
}

/// Versions of the artifacts of a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ArtifactVersions {
    pub artifacts: Vec<ArtifactMeta>,
    /// There is more: give it back as `after` for the next page.
    pub next: Option<String>,
}

impl ArtifactView {
    pub fn id(&self) -> ArtifactId {
        self.meta.id
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_come_back_as_they_were_sent() {
        let delta = json!({"type": "delta", "run": "00000000-0000-0000-0000-000000000000", "step": "a", "attempt": 1, "offset": 4, "text": "x"});
        let beat = json!({"type": "beat", "beat": 3});
        let people = json!({"00000000-0000-0000-0000-000000000003": "anna@example.org"});
        let event = json!({"seq": 3, "at": "2026-01-01T00:00:00Z", "kind": "run_paused", "data": {}});
        let event = json!({"type": "event", "event": event, "people": people});
        for document in [json!({"type": "resync"}), event, delta, beat.clone()] {
            let frame: RunFrame = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(serde_json::to_value(&frame).unwrap(), document);
        }
        let gone = json!({"type": "runs", "runs": [], "gone": ["00000000-0000-0000-0000-000000000001"]});
        for document in [json!({"type": "runs", "runs": []}), gone, json!({"type": "resync"}), beat] {
            let frame: MyFrame = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(serde_json::to_value(&frame).unwrap(), document);
        }
        assert!(serde_json::from_value::<RunFrame>(json!({"type": "event"})).is_err());
        assert!(serde_json::from_value::<RunFrame>(json!({"type": "else"})).is_err());
    }

    /// Every type that serde tags, flattens or leaves untagged, with numbers in it: derived readers would find maps there.
    #[test]
    fn numbers_are_read_in_types_whose_variants_share_a_document() {
        fn comes_back<T: serde::de::DeserializeOwned + Serialize>(text: &str) {
            let value = crate::json::parse(text, crate::json::Bounds::BODY).unwrap();
            let read: T = serde_json::from_value(value).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
            let plain: T = serde_json::from_str(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert_eq!(serde_json::to_string(&plain).unwrap(), text);
        }
        let id = "00000000-0000-0000-0000-000000000000";
        comes_back::<AgentConfig>(
            r#"{"kind":"llm","provider":"","model":"m","prompt":"p","temperature":1.5,"max_tokens":100}"#,
        );
        let exponent: AgentConfig = serde_json::from_str(r#"{"temperature":1e-1,"kind":"llm"}"#).unwrap();
        assert!(matches!(exponent, AgentConfig::Llm(config) if config.temperature == Some(0.1)));
        let unknown = serde_json::from_str::<AgentConfig>(r#"{"kind":"llm","temprature":1}"#).unwrap_err();
        assert!(unknown.to_string().contains("temprature"), "{unknown}");
        for literal in crate::json::testing::SPELLINGS.into_iter().chain(["1.5", r#"{"b":1.10,"a":[1E400]}"#]) {
            comes_back::<crate::source::Source>(&format!(r#"{{"const":{literal}}}"#));
            comes_back::<crate::condition::Condition>(&format!(
                r#"{{"eq":[{{"const":{literal}}},{{"from":"item"}}]}}"#
            ));
            comes_back::<RunInput>(&format!(
                r#"{{"schema":{{"enum":[{literal}]}},"required":false,"default":{literal}}}"#
            ));
            comes_back::<crate::view::StepOverride>(&format!(r#"{{"inputs":{{"port":{literal}}}}}"#));
            comes_back::<ArtifactView>(&format!(
                r#"{{"id":"{id}","producing_step_id":"a","name":"n","version":3,"is_latest":true,"content_hash":"h","media_type":"m","size":4294967296,"origin":"agent","attempt":2,"parent":null,"created_at":"2026-01-01T00:00:00Z","encoding":"json","content":{literal}}}"#
            ));
        }
        comes_back::<Rerun>(
            r#"{"steps":[{"key":"a","title":"A","status":"completed","tokens":3000000000,"cost_micros":null,"seconds":1.5}],"total_tokens":7,"total_cost_micros":12}"#,
        );
        comes_back::<MoveAnswer>(r#"{"kept":["a"],"rerun":[],"added":[],"removed":[]}"#);
        for reason in [
            r#"{"kind":"artifact","port":"p","step":"s","name":"n","consumed":1,"now":2}"#,
            r#"{"kind":"artifact_gone","port":"p","step":"s","name":"n"}"#,
            r#"{"kind":"input","port":"p"}"#,
            r#"{"kind":"prompt"}"#,
            r#"{"kind":"agent_version","consumed":1,"now":2}"#,
            r#"{"kind":"dependencies"}"#,
        ] {
            comes_back::<StaleReason>(reason);
        }
        let artifact = format!(r#"{{"port":"p","from":"artifact","id":"{id}","step":"s","name":"n","version":2}}"#);
        comes_back::<LineageInput>(&artifact);
        for from in ["const", "override", "item"] {
            comes_back::<LineageInput>(&format!(r#"{{"port":"p","from":"{from}"}}"#));
        }
        comes_back::<LineageInput>(r#"{"port":"p","from":"run_input","key":"k"}"#);
        comes_back::<RunFrame>(&format!(
            r#"{{"type":"delta","run":"{id}","step":"a","attempt":1,"offset":4294967296,"text":"x"}}"#
        ));
    }
}
