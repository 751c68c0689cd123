//! The inbox: gates that wait for a person, across runs, and what was decided at gates that are closed.
//! Must never carry a rule: whether somebody may decide is judged by `run::decide`, for each gate alone.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Page;
use crate::{
    definition::OnReviewTimeout,
    id::{RunId, StepKey, TemplateId},
    run::state::Verdict,
    view::{ArtifactMeta, Feedback},
};

/// Which gates are wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InboxQuery {
    #[serde(skip_serializing_if = "is_default")]
    pub scope: InboxScope,
    #[serde(skip_serializing_if = "is_default")]
    pub sort: InboxSort,
    /// Words that the workflow, the step, what the run is about or who started it has, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<TemplateId>,
    /// Only those that are due before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_before: Option<DateTime<Utc>>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum InboxScope {
    /// What asks me, and what my runs wait for where nobody else is asked; not what I have approved already, nor what I may not decide.
    #[default]
    Mine,
    /// For admins: every open gate that they may decide.
    All,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum InboxSort {
    #[default]
    Oldest,
    Newest,
    /// What is due first, then what is due never.
    Due,
    /// By the workflow's name, oldest first in each.
    Workflow,
}

/// An open gate, as somebody who may decide there sees it in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InboxItem {
    pub run_id: RunId,
    /// With the key of its item, if it is one.
    pub step: StepKey,
    pub title: String,
    pub template_id: TemplateId,
    pub template_name: String,
    /// What the run is about.
    pub about: Option<String>,
    /// Who started the run.
    pub owner: String,
    pub generation: i32,
    /// Which gate of the generation it is.
    pub number: i32,
    /// It is a form: it wants an answer, and approving alone is not enough.
    pub is_form: bool,
    /// How often it was sent back, and how often it may be.
    pub round: i32,
    pub max_rounds: i32,
    pub opened_at: DateTime<Utc>,
    pub due_at: Option<DateTime<Utc>>,
    /// What happens then.
    pub on_timeout: OnReviewTimeout,
    pub quorum: i32,
    /// Emails of those who approved what is there now, as far as their votes count.
    pub votes: Vec<String>,
    /// Of those who are asked, so many can decide; absent where nobody in particular is asked.
    pub n_asked: Option<i64>,
    /// Ids of the groups that are asked, for words such as "two approvals of legal".
    pub groups: Vec<String>,
    /// What those of them are called that there are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub group_names: BTreeMap<String, String>,
    /// Who asked me to decide for them while they are away; absent where I am asked myself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acts_for: Option<String>,
}

impl InboxItem {
    /// The groups that are asked, as people call them; an unknown one by its id.
    pub fn groups_called(&self) -> Vec<String> {
        self.groups.iter().map(|id| self.group_names.get(id).unwrap_or(id).clone()).collect()
    }
}

/// How much waits, whole and by workflow.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InboxCounts {
    pub n: i64,
    /// By name.
    pub workflows: Vec<InboxWorkflow>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InboxWorkflow {
    pub template_id: TemplateId,
    pub name: String,
    pub n: i64,
}

/// Which decisions are wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HistoryQuery {
    /// Of everybody, for admins. Others see what they decided, and what was decided about their runs.
    pub all: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<TemplateId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// A gate that was closed, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryItem {
    pub run_id: RunId,
    pub step: StepKey,
    pub title: String,
    pub template_id: TemplateId,
    pub template_name: String,
    pub about: Option<String>,
    pub owner: String,
    pub generation: i32,
    pub number: i32,
    pub opened_at: DateTime<Utc>,
    pub closed_at: DateTime<Utc>,
    pub verdict: Verdict,
    /// Absent where time ran out, or nobody in particular closed it.
    pub by: Option<String>,
    /// Whom they decided for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted_for: Option<String>,
    /// Emails of those who approved.
    pub votes: Vec<String>,
    /// What was wanted instead.
    pub text: Option<String>,
}

/// A gate among many.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GateRef {
    pub run_id: RunId,
    pub step: StepKey,
}

/// What is read before a gate is decided.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateReading {
    pub item: InboxItem,
    /// What is decided about: the latest version of each output. None yet for a form that nobody answered.
    pub outputs: Vec<ArtifactMeta>,
    /// By name of the output, the version before it that somebody saw last: what was sent back, or what a person or the agent had
    /// written before.
    pub previous: Vec<ArtifactMeta>,
    /// What the step was given, port by port, as far as it came from artifacts.
    pub sources: Vec<GateSource>,
    /// The digest that a decision is bound to.
    pub content_hash: String,
    /// What was wanted when it was sent back.
    pub feedback: Option<Feedback>,
    /// Of a form, what the person is asked to do: the message of its latest attempt, which has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// Whether the viewer may continue, edit and reject, as `run::decide` has it; what is refused says why.
    pub may: GateVerbs,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateVerbs {
    pub approve: bool,
    pub edit: bool,
    pub reject: bool,
    /// In words, where one of them is not theirs.
    pub why_not: Option<String>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateSource {
    pub port: String,
    /// The title of the step that made it.
    pub title: String,
    pub artifact: ArtifactMeta,
}

/// The beginning of what a gate is about, for a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GatePreview {
    pub run_id: RunId,
    pub step: StepKey,
    /// What a decision about what is shown here is bound to.
    pub content_hash: String,
    pub generation: i32,
    /// Of each output its name and the first 500 characters.
    pub outputs: Vec<PreviewedOutput>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreviewedOutput {
    pub name: String,
    pub media_type: String,
    pub size: i64,
    /// Absent for what is neither text nor JSON.
    pub text: Option<String>,
    pub is_cut: bool,
}

/// One decision about many gates, at most `MOST_AT_ONCE`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DecideMany {
    pub decision: Decision,
    /// To all of them, where they are rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<String>,
    pub gates: Vec<DecideGate>,
}

/// So many gates are decided with one request.
pub const MOST_AT_ONCE: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Approve,
    Reject,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DecideGate {
    pub run_id: RunId,
    pub step: StepKey,
    /// What was shown: where something else is there by now, the gate is left.
    pub content_hash: String,
    pub expect_generation: i32,
}

/// What became of one of many.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateAnswer {
    pub run_id: RunId,
    pub step: StepKey,
    pub outcome: GateOutcome,
    /// In words, where it is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GateOutcome {
    /// Approved with enough votes, or sent back.
    Done,
    /// My vote counts, and more are wanted.
    Counted,
    /// Something else is there than what was shown.
    Changed,
    /// Somebody decided before, or the gate is not theirs.
    Gone,
    /// It may not be decided so; the message says why.
    Refused,
}

pub type InboxPage = Page<InboxItem>;
pub type HistoryPage = Page<HistoryItem>;
