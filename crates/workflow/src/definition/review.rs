//! A step's gate as its author asks for it: when there is one, whom it asks, and what follows if nobody decides.

use serde::{Deserialize, Serialize};

use crate::access::{Actor, KnownAs};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Review {
    pub mode: ReviewMode,
    #[serde(skip_serializing_if = "Assignees::is_empty")]
    pub assignees: Assignees,
    pub quorum: u32,
    pub allow_self: bool,
    pub max_rounds: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u32>,
    pub on_timeout: OnReviewTimeout,
}

impl Review {
    /// Whether the gate binds everybody, the owner of a run too: it asks for more than one approval of whoever starts the run.
    /// A form always is a gate, whatever the mode.
    pub fn binds(&self, is_form: bool) -> bool {
        let is_strict = !self.assignees.is_empty() || self.quorum > 1 || !self.allow_self;
        is_strict && (is_form || self.mode == ReviewMode::Always)
    }
}

impl Default for Review {
    fn default() -> Self {
        Self {
            mode: ReviewMode::default(),
            assignees: Assignees::default(),
            quorum: 1,
            allow_self: true,
            max_rounds: 3,
            timeout_s: None,
            on_timeout: OnReviewTimeout::default(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReviewMode {
    /// A gate only while the run's auto-run is off.
    #[default]
    WhenManual,
    Always,
    Never,
}

impl ReviewMode {
    /// Whether a finished step waits for a person.
    pub fn gates(self, auto_run: bool) -> bool {
        match self {
            Self::Always => true,
            Self::WhenManual => !auto_run,
            Self::Never => false,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::WhenManual => "when_manual",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Assignees {
    pub roles: Vec<String>,
    /// By their ids; each with whoever is in it when somebody decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Emails.
    pub users: Vec<String>,
}

impl Assignees {
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.groups.is_empty() && self.users.is_empty()
    }

    /// Whether somebody is asked themselves, by role, by group or by name.
    pub fn asks(&self, actor: &Actor) -> bool {
        self.asks_as(actor.known_as())
    }

    /// The same of somebody who is known as this.
    pub fn asks_as(&self, who: KnownAs<'_>) -> bool {
        asks(&self.roles, &self.groups, &self.users, who)
    }
}

/// The one rule of who is asked, for a gate as it is drawn and for one that is open.
pub(crate) fn asks(roles: &[String], groups: &[String], users: &[String], who: KnownAs<'_>) -> bool {
    roles.iter().any(|role| role == who.role.as_str())
        || groups.iter().any(|group| who.groups.contains(group.as_str()))
        || users.iter().any(|email| email.to_lowercase() == who.email.to_lowercase())
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnReviewTimeout {
    #[default]
    Fail,
    Approve,
}

impl OnReviewTimeout {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Approve => "approve",
        }
    }
}

impl std::str::FromStr for OnReviewTimeout {
    type Err = crate::status::Unknown;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Fail, Self::Approve]
            .into_iter()
            .find(|word| word.as_str() == text)
            .ok_or_else(|| crate::status::Unknown(text.to_owned()))
    }
}
