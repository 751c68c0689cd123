//! With whom a run is shared, to look at and nothing more (docs/sharing.md).
//! Must say nothing of an account but its email, and whether it can sign in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{GroupId, ShareId};

/// With whom: one person or one group.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NewShare {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
}

/// That a run is shared with one person or one group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunShare {
    pub id: ShareId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    /// What the group is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The person cannot sign in, and so sees nothing.
    #[serde(default)]
    pub is_disabled: bool,
    /// The email of whoever shared it.
    pub shared_by: String,
    pub shared_at: DateTime<Utc>,
}

/// A group that a run can be shared with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShareGroup {
    pub id: GroupId,
    pub name: String,
}

/// With whom a run is shared, and with which groups whoever asks can share it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunShares {
    pub shares: Vec<RunShare>,
    pub groups: Vec<ShareGroup>,
}
