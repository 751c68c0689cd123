//! Lists of runs that are searched, narrowed and sorted, and what people call a run and keep with it.
//! Must never carry a rule: whose runs somebody sees is judged where they are read.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Value, value::RawValue};

use super::RunSummary;
use crate::id::{GroupId, RunId, TemplateId};

/// Which runs are wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunQuery {
    #[serde(skip_serializing_if = "is_default")]
    pub scope: RunScope,
    #[serde(skip_serializing_if = "is_default")]
    pub sort: RunSort,
    /// Words that its workflow, its title, its tags or what it is about has, or with which words of its text outputs begin, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<RunState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<TemplateId>,
    /// The email of whoever started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// One of the audience of its workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Started then or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Started before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<DateTime<Utc>>,
    /// What its attempts cost was at least this, as far as it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_cost_micros: Option<i64>,
    /// Those in which a step was stale when that was worked out last: some seconds after the run was quiet.
    #[serde(skip_serializing_if = "is_default")]
    pub stale: bool,
    /// Those that were archived, in place of all others.
    #[serde(skip_serializing_if = "is_default")]
    pub archived: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunScope {
    #[default]
    Mine,
    /// Those of others that a group of mine sees.
    Shared,
    /// Those of others that are shared with me, or with a group of mine.
    WithMe,
    /// For admins: everybody's.
    All,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunSort {
    #[default]
    Newest,
    Oldest,
    /// What took longest first, or takes: one that is not over has taken until now.
    Longest,
    /// What cost most first, as far as its cost was read: some seconds after it was quiet.
    Dearest,
}

/// The status of a run as lists show it: what nothing but reviews hold is not called paused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Pending,
    Running,
    AwaitingReview,
    /// By a person or its budget.
    Paused,
    Completed,
    Failed,
    Cancelled,
}

impl RunState {
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Running,
        Self::AwaitingReview,
        Self::Paused,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// As it stands in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::AwaitingReview => "awaiting_review",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What people call a run, and by what they find it again: of their lists, never of the run itself.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RunLabels {
    /// Shown in place of what it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// Runs that one request may name.
pub const MOST_RUNS_AT_ONCE: usize = 200;

/// What is done with many runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunAction {
    Cancel,
    /// Takes runs that are over out of the lists; they stay as they are, and are found among those that were archived.
    Archive,
    /// Takes them back.
    Unarchive,
    /// Deletes runs that are over, with their sub-workflows: half a minute later, so that it can be taken back.
    Delete,
    /// Takes that back.
    Keep,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeRuns {
    pub action: RunAction,
    pub runs: Vec<RunId>,
    /// Only says with which of them it would be done.
    #[serde(default)]
    pub dry_run: bool,
}

/// With which of them it was done, or would be, and why not with the others.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangedRuns {
    pub done: Vec<RunId>,
    pub refused: Vec<RefusedRun>,
    /// Runs of sub-workflows that go with those that are deleted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub n_parts: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedRun {
    pub id: RunId,
    /// In words.
    pub why: String,
}

/// What a run was started with, for another one with the same.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RunInputs {
    #[serde(deserialize_with = "crate::json::exact")]
    pub inputs: BTreeMap<String, Value>,
}

/// A run in such a list.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ListedRun {
    #[serde(flatten)]
    pub run: RunSummary,
    #[serde(flatten)]
    pub labels: RunLabels,
    /// What its attempts used and cost so far, as far as they told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<i64>,
    /// So many milliseconds it was over before it went on again, as far as that was read.
    #[serde(skip_serializing_if = "is_zero")]
    pub rested_ms: i64,
}

#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives what it looks at by reference")
)]
fn is_zero(ms: &i64) -> bool {
    *ms == 0
}

impl ListedRun {
    /// Where its time counts from: as if it had begun later by what it rested.
    pub fn counts_from(&self) -> DateTime<Utc> {
        self.run.created_at + TimeDelta::milliseconds(self.rested_ms)
    }
}

impl<'de> Deserialize<'de> for ListedRun {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Used {
            #[serde(default)]
            tokens: Option<i64>,
            #[serde(default)]
            cost_micros: Option<i64>,
            #[serde(default)]
            rested_ms: i64,
        }
        // By hand, as with an artifact: a derived reader keeps what is flattened in a buffer that does not know numbers by their text.
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let run = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        let labels = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        let Used { tokens, cost_micros, rested_ms } = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        Ok(Self { run, labels, tokens, cost_micros, rested_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_run_comes_back_as_it_was_sent() {
        let id = "00000000-0000-0000-0000-000000000000";
        let text = format!(
            r#"{{"id":"{id}","template_id":"{id}","template_name":"T","template_version":3,"status":"paused","status_reason":"review","auto_run":true,"user_id":"{id}","user_email":"a@b.c","progress":{{"total":3,"completed":1,"skipped":0,"failed":0,"cancelled":0}},"n_waiting":1,"about":"rain","created_at":"2026-01-01T00:00:00Z","finished_at":null,"title":"May","tags":["a","b"],"cost_micros":4294967296,"rested_ms":5000}}"#
        );
        let read: ListedRun = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (read.labels.title.as_deref(), read.cost_micros, read.tokens),
            (Some("May"), Some(4_294_967_296), None)
        );
        assert_eq!(read.counts_from().to_rfc3339(), "2026-01-01T00:00:05+00:00");
        let again: ListedRun = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read);
        // One without labels says nothing of them.
        let plain = ListedRun { labels: RunLabels::default(), cost_micros: None, rested_ms: 0, ..read };
        let text = serde_json::to_string(&plain).unwrap();
        assert!(!text.contains("title\":") && !text.contains("tags") && !text.contains("cost_micros"), "{text}");
        assert!(!text.contains("rested_ms"), "{text}");
        assert_eq!(serde_json::from_str::<ListedRun>(&text).unwrap(), plain);
    }

    #[test]
    fn states_stand_in_addresses_as_they_are_sent() {
        for state in RunState::ALL {
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.as_str()));
        }
    }
}
