//! People, their sessions and tokens, and what was written down of what they did outside of runs.
//! Must never hold a secret, but for the one answer in which a token is shown.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    access::{Role, Scope},
    id::{TokenId, UserId},
};

/// What the login page has to offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SetupState {
    /// There is no account yet: create the admin.
    pub needs_admin: bool,
    /// The server is reachable from outside: the one-time token printed at its start is wanted.
    pub needs_token: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedToken {
    pub token: String,
    pub view: TokenView,
}

/// What of the audit log is asked for; what is absent restricts nothing.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditPage {
    pub entries: Vec<AuditEntry>,
    /// The `before` of the next page, if there is more.
    pub next: Option<i64>,
}
