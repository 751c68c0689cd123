//! Delegations: who decides at gates in whose place, from a day to a day (docs/delegation.md).
//! Must say nothing of the other account but its email.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::id::DelegationId;

/// My reviews, to somebody, from a day to a day.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewDelegation {
    /// The email of who decides for me.
    pub delegate: String,
    /// The first day, `2026-12-01`.
    pub from_day: String,
    /// The last one.
    pub to_day: String,
    /// Where these days are mine, `Europe/Berlin`; `UTC` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DelegationView {
    pub id: DelegationId,
    /// The email of who is away.
    pub principal: String,
    /// The email of who decides for them.
    pub delegate: String,
    pub from_day: NaiveDate,
    pub to_day: NaiveDate,
    pub zone: String,
    pub starts_at: DateTime<Utc>,
    /// With the end of the last day.
    pub ends_at: DateTime<Utc>,
    /// It was ended before that, by one of the two, by an admin, or because one of them cannot sign in any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    /// It is so just now.
    pub lasts: bool,
}

/// What is not over, the first to begin first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MyDelegations {
    /// Reviews of mine that others have.
    pub given: Vec<DelegationView>,
    /// Reviews of others that I have.
    pub received: Vec<DelegationView>,
}
