//! Gates: what an open one asks for, how one was closed, and what people wanted when they rejected.
//! People are ids here; emails are joined when a run is shown. Those whom the definition names are the emails that it names.

use std::{collections::BTreeMap, fmt, str::FromStr};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    access::Actor,
    definition::{self, OnReviewTimeout},
    id::{StepKey, UserId},
    run::voters::Voters,
    status::{Unknown, words},
};

/// A gate that is open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Review {
    /// From 1 in each generation.
    pub number: i32,
    pub opened_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub on_timeout: OnReviewTimeout,
    pub quorum: u32,
    pub allow_self: bool,
    /// Empty with `groups` and `users`: the run's owner and admins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Ids of groups. Who is in them is no part of the run: whoever decides brings it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Emails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Those who approved what is latest now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<UserId>,
    /// When each of them did: what somebody approved before they were what they are now does not count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub voted_at: BTreeMap<UserId, DateTime<Utc>>,
}

impl Review {
    pub(in crate::run) fn open(asked: &definition::Review, number: i32, now: DateTime<Utc>) -> Self {
        Self {
            number,
            opened_at: now,
            due_at: asked.timeout_s.map(|seconds| now + TimeDelta::seconds(seconds.into())),
            on_timeout: asked.on_timeout,
            quorum: asked.quorum.max(1),
            allow_self: asked.allow_self,
            roles: asked.assignees.roles.clone(),
            groups: asked.assignees.groups.clone(),
            users: asked.assignees.users.iter().map(|email| email.to_lowercase()).collect(),
            votes: Vec::new(),
            voted_at: BTreeMap::new(),
        }
    }

    /// Whether somebody is asked by name, by group or by role.
    pub fn asks(&self, actor: &Actor) -> bool {
        definition::asks(&self.roles, &self.groups, &self.users, actor)
    }

    /// Roles and groups as a list of gates is looked through by: `group:ID`, which no role is called.
    pub fn kinds_asked(&self) -> Vec<String> {
        let groups = self.groups.iter().map(|group| format!("group:{group}"));
        self.roles.iter().cloned().chain(groups).collect()
    }

    /// Whether it asks nobody in particular: it is for the run's owner and admins.
    pub fn asks_nobody(&self) -> bool {
        self.roles.is_empty() && self.groups.is_empty() && self.users.is_empty()
    }

    /// Whether the approval of somebody counts, as they stand now, in the run of this owner.
    pub(in crate::run) fn counts(&self, voter: &Actor, owner: UserId) -> bool {
        voter.is_admin() || self.asks(voter) || (self.asks_nobody() && voter.id == owner)
    }

    /// Whether the approval that somebody gave counts; none where that has to be looked up first.
    pub(in crate::run) fn stands(&self, by: UserId, voters: &Voters, owner: UserId) -> Option<bool> {
        voters.stands(by, self.voted_at.get(&by).copied(), |voter| self.counts(voter, owner))
    }

    /// Those whose approvals count, but for those of whom it is not known.
    pub fn standing_votes(&self, voters: &Voters, owner: UserId) -> Vec<UserId> {
        let mut review = self.clone();
        review.leave_out_void(voters, owner);
        review.votes
    }

    /// Leaves those out that are known to count no more.
    pub(in crate::run) fn leave_out_void(&mut self, voters: &Voters, owner: UserId) {
        let mut given = std::mem::take(&mut self.votes);
        given.retain(|by| self.stands(*by, voters, owner) != Some(false));
        self.votes = given;
    }
}

/// A gate that is closed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClosedReview {
    pub step: StepKey,
    pub generation: i32,
    pub number: i32,
    pub verdict: Verdict,
    /// Absent where nobody in particular closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// What was latest: what the decision is bound to.
    pub digest: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<UserId>,
    /// Absent in the oldest logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<DateTime<Utc>>,
    /// What the step was called then; absent where that is its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

words!(
    /// How a gate was closed.
    Verdict {
        Approved = "approved",
        Rejected = "rejected",
        /// Auto-run was switched on.
        Released = "released",
        /// The run was cancelled.
        Cancelled = "cancelled",
        /// Nobody decided in time.
        TimedOut = "timed_out",
        /// The step was run, skipped, supplied or stopped instead.
        Superseded = "superseded",
    }
);

/// What a person asked for when rejecting. It stays with its round.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rejection {
    pub step: StepKey,
    /// The generation whose result was rejected.
    pub generation: i32,
    /// 1 for the first rejection in a row.
    pub round: i32,
    pub text: String,
    pub by: UserId,
    /// There was no round left: it ended the step.
    #[serde(default, skip_serializing_if = "crate::view::is_zero")]
    pub is_last: bool,
}
