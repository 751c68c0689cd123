//! Totals of runs by day, for charts. Days are of UTC, and runs count on the day on which they were started.
//! Must never carry a rule: whose runs are counted for somebody is judged where they are read.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::RunScope;
use crate::id::TemplateId;

/// Days that are told at once.
pub const MOST_TOTAL_DAYS: u32 = 366;
/// Without a word about them.
pub const USUAL_TOTAL_DAYS: u32 = 30;

/// Which totals are wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TotalsQuery {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<RunScope>,
    /// So many days, today the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<TemplateId>,
    /// The email of whoever started them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

impl TotalsQuery {
    #[must_use]
    pub fn scope(&self) -> RunScope {
        self.scope.unwrap_or_default()
    }

    #[must_use]
    pub fn n_days(&self) -> u32 {
        self.days.unwrap_or(USUAL_TOTAL_DAYS)
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunTotals {
    /// The first and the last day.
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// The first day of which anything is known, within these or before; none where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<NaiveDate>,
    /// Each day, also those without a run.
    pub days: Vec<DayTotals>,
    /// Over all days.
    pub took: Option<Percentiles>,
    pub waited: Option<Percentiles>,
    /// What used most, and the rest together under no name, of each sort.
    pub workflows: Vec<UsedBy>,
    pub agents: Vec<UsedBy>,
    pub models: Vec<UsedBy>,
    /// Of totals over everybody's runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<UsedBy>,
    /// The workflows of which there are runs in these days, whichever one is asked for; at most 200, those with most runs.
    pub choices: Vec<WorkflowChoice>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DayTotals {
    pub day: NaiveDate,
    /// Started on that day, and how they ended; the others are not over.
    pub n_runs: i64,
    pub n_completed: i64,
    pub n_failed: i64,
    pub n_cancelled: i64,
    /// How long those took that completed, without the time in which a gate was open; and that time, of those that had any.
    pub took: Option<Percentiles>,
    pub waited: Option<Percentiles>,
    /// Of attempts that began on that day.
    pub tokens: i64,
    pub cost_micros: i64,
}

impl DayTotals {
    #[must_use]
    pub fn empty(day: NaiveDate) -> Self {
        Self {
            day,
            n_runs: 0,
            n_completed: 0,
            n_failed: 0,
            n_cancelled: 0,
            took: None,
            waited: None,
            tokens: 0,
            cost_micros: 0,
        }
    }

    /// Those that are not over.
    #[must_use]
    pub fn n_open(&self) -> i64 {
        (self.n_runs - self.n_completed - self.n_failed - self.n_cancelled).max(0)
    }
}

/// 5 % off at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Percentiles {
    /// Of so many.
    pub n: i64,
    pub p50_ms: i64,
    pub p95_ms: i64,
}

/// What was used in these days, by a workflow, an agent, a model or a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsedBy {
    /// The id of the workflow or the agent, the name of the model, the email; none of the rest, and empty where it is not known.
    pub id: Option<String>,
    pub name: String,
    pub n_attempts: i64,
    pub tokens: i64,
    pub cost_micros: i64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkflowChoice {
    pub id: TemplateId,
    pub name: String,
    pub n_runs: i64,
}
