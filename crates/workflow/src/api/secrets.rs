//! Secrets as admins see them: by name, where they may be sent, by whom they may be used. Nobody is told a value.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    id::{AgentId, SecretName},
    secret::Hidden,
};

/// All that anybody is told of a secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SecretView {
    pub name: SecretName,
    pub description: String,
    /// Where it may be sent.
    pub hosts: Vec<String>,
    /// The agents that may use it.
    pub agents: Vec<AgentId>,
    /// Which key its value was encrypted with.
    pub key_id: String,
    /// Whether this server has that key.
    pub is_readable: bool,
    /// Who gave the value; absent for the operator.
    pub set_by: Option<String>,
    pub set_at: DateTime<Utc>,
    /// To the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A value, and where it may go from now on. Who widens that has to know the value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSecret {
    pub value: Hidden,
    pub hosts: Vec<String>,
    #[serde(default)]
    pub description: String,
    /// Absent: whoever may use it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<Vec<AgentId>>,
}

/// The agents that may use a secret from now on, and no others.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantSecret {
    pub agents: Vec<AgentId>,
}
