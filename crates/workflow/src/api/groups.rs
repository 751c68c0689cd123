//! Groups of people: who is in them, and which workflows are for them.
//! Must say nothing of an account but its email and whether it can sign in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{GroupId, RunId, StepKey, TemplateId, UserId};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupView {
    pub id: GroupId,
    pub name: String,
    pub n_members: i64,
    /// Those of them who can sign in.
    pub n_active: i64,
    pub created_at: DateTime<Utc>,
}

/// A group to be made. Its id is never changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    pub id: GroupId,
    pub name: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RenameGroup {
    pub name: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddMember {
    pub email: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberView {
    pub id: UserId,
    pub email: String,
    pub is_disabled: bool,
}

/// What a workflow is to one group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AudienceGroup {
    pub group_id: GroupId,
    /// Its members start runs; while no group may, everybody may.
    #[serde(default)]
    pub may_start: bool,
    /// Its members see the runs of others, and do nothing there.
    #[serde(default)]
    pub may_see: bool,
}

/// For whom a workflow is, as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Audience {
    pub groups: Vec<AudienceGroup>,
}

/// For whom a workflow is to be.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeAudience {
    pub groups: Vec<AudienceGroup>,
    /// What it was when whoever changes it looked. Where it is something else by now, nothing changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Vec<AudienceGroup>>,
}

/// An open gate at which too few can decide.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StuckGate {
    pub run_id: RunId,
    pub step: StepKey,
    pub template_id: TemplateId,
    pub template_name: String,
    /// What the run is about.
    pub about: Option<String>,
    /// So many have to agree.
    pub quorum: i32,
    /// So many of those who are asked can sign in. Admins may decide as well.
    pub n_can: i64,
    pub opened_at: DateTime<Utc>,
}
