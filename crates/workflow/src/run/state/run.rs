//! What can change about a run itself, apart from its steps. An event tells it whole, so the state takes it as it is.
//! Must hold nothing that follows from the steps alone but the status, which `decide` writes with them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    status::{RunStatus, StatusReason},
    view::BudgetView,
};

/// All of the run itself that can change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunChange {
    pub status: RunStatus,
    pub status_reason: Option<StatusReason>,
    pub auto_run: bool,
    pub finished_at: Option<DateTime<Utc>>,
    /// How long it was over, each time before it went on again.
    #[serde(default)]
    pub rested_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetView>,
    /// By a person or by a budget: what is ready is not admitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<StatusReason>,
    /// Totals.
    #[serde(default)]
    pub used_tokens: i64,
    #[serde(default)]
    pub used_cost_micros: i64,
}
