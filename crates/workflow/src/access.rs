//! Who may do what: the rules alone, asked by `service` on every use case.
//! Must never be the only guard: every list of runs carries its viewer into the query.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{GroupId, UserId};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    User,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = crate::status::Unknown;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "admin" => Ok(Self::Admin),
            "user" => Ok(Self::User),
            other => Err(crate::status::Unknown(other.to_owned())),
        }
    }
}

/// What an API token may be used for. Whoever made it may do more; nothing makes it do more than they may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See what its person sees. Every token may, but one for metrics alone.
    Read,
    /// Start runs and steer them.
    Run,
    /// Decide at gates, and answer forms.
    Review,
    /// Draw workflows, make agents, manage people. Never a user's.
    Admin,
    /// Read figures about the whole of Weft, and the queues of outside workers. Never a user's, and by itself for nothing else.
    Metrics,
}

impl Scope {
    pub const ALL: [Self; 5] = [Self::Read, Self::Run, Self::Review, Self::Admin, Self::Metrics];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Run => "run",
            Self::Review => "review",
            Self::Admin => "admin",
            Self::Metrics => "metrics",
        }
    }

    /// Whether only an admin's token may have it, for as long as they are one.
    pub fn is_admins(self) -> bool {
        matches!(self, Self::Admin | Self::Metrics)
    }
}

impl std::str::FromStr for Scope {
    type Err = crate::status::Unknown;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| crate::status::Unknown(text.to_owned()))
    }
}

/// A signed-in person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Actor {
    pub id: UserId,
    pub email: String,
    pub role: Role,
    /// Whose member they are just now: asked for with the person, so that nobody acts for a group that they have left.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<GroupId>,
    /// Those who are away just now and gave them their reviews, by email. Whom these act for is nobody's business here: nothing is passed
    /// on twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts_for: Vec<Absent>,
}

/// Somebody who is away, as they stand just now, to whoever has their reviews.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Absent {
    pub id: UserId,
    pub email: String,
    /// It says which gates ask them. What an admin may do besides is not passed on.
    pub role: Role,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<GroupId>,
    /// Since when somebody else has their reviews.
    pub since: DateTime<Utc>,
}

/// What a gate may ask somebody by.
#[derive(Clone, Copy, Debug)]
pub struct KnownAs<'a> {
    pub email: &'a str,
    pub role: Role,
    pub groups: &'a BTreeSet<GroupId>,
}

impl Absent {
    pub fn known_as(&self) -> KnownAs<'_> {
        KnownAs { email: &self.email, role: self.role, groups: &self.groups }
    }
}

impl Actor {
    /// Themselves, whomever they act for.
    pub fn known_as(&self) -> KnownAs<'_> {
        KnownAs { email: &self.email, role: self.role, groups: &self.groups }
    }

    /// One of those who gave them their reviews.
    pub fn absent(&self, id: UserId) -> Option<&Absent> {
        self.acts_for.iter().find(|absent| absent.id == id)
    }

    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Create, edit and publish agents and templates, manage people.
    pub fn may_administer(&self) -> bool {
        self.is_admin()
    }

    /// See a run, and do every verb on it.
    pub fn may_run(&self, owner: UserId) -> bool {
        self.is_admin() || self.id == owner
    }
}
