//! Gates: what an open one asks for, how one was closed, and what people wanted when they rejected.
//! People are ids here; emails are joined when a run is shown. Those whom the definition names are the emails that it names.

use std::{collections::BTreeMap, fmt, str::FromStr};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    access::{Absent, Actor},
    definition::{self, OnReviewTimeout},
    id::{StepKey, UserId},
    run::{
        seeded::{self, Bug},
        voters::Voters,
    },
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
    /// In whose place those of them did who were not asked themselves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub voted_for: BTreeMap<UserId, UserId>,
}

/// An approval as it counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::run) struct Word {
    /// Who gave it.
    pub by: UserId,
    /// Whose it is: theirs, or that of somebody who is away and gave them their reviews.
    pub of: UserId,
}

/// What became of an approval.
enum Stand {
    Counts(UserId),
    Void,
    /// Something has to be looked up first.
    Unknown,
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
            voted_for: BTreeMap::new(),
        }
    }

    /// Whether somebody is asked by name, by group or by role, themselves or in the place of somebody who is away; in the run of this
    /// owner, whose the gates are that ask nobody.
    pub fn asks(&self, actor: &Actor, owner: UserId) -> bool {
        self.asks_themselves(actor) || actor.acts_for.iter().any(|absent| self.asks_absent(absent, owner))
    }

    /// Whether somebody is asked, whomever they act for.
    pub fn asks_themselves(&self, actor: &Actor) -> bool {
        definition::asks(&self.roles, &self.groups, &self.users, actor.known_as())
    }

    /// Whether whoever has the reviews of somebody who is away may decide here in their place.
    pub fn asks_absent(&self, absent: &Absent, owner: UserId) -> bool {
        definition::asks(&self.roles, &self.groups, &self.users, absent.known_as())
            || (self.asks_nobody() && absent.id == owner)
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

    /// Whether the approval of somebody counts as their own, as they stand now, in the run of this owner.
    pub(in crate::run) fn counts(&self, voter: &Actor, owner: UserId) -> bool {
        voter.is_admin() || self.asks_themselves(voter) || (self.asks_nobody() && voter.id == owner)
    }

    /// Everybody about whom it has to be known how they stand before their approvals count.
    pub fn voters(&self) -> impl Iterator<Item = UserId> + '_ {
        self.votes.iter().chain(self.voted_for.values()).copied()
    }

    /// The approvals that count, in order: one of each person, and one in each person's name. None where something has to be looked up
    /// first.
    pub(in crate::run) fn standing(&self, voters: &Voters, owner: UserId) -> Option<Vec<Word>> {
        let mut standing: Vec<Word> = Vec::with_capacity(self.votes.len() + 1);
        for by in self.votes.iter().copied() {
            let of = match self.stand(by, voters, owner) {
                Stand::Counts(of) => of,
                Stand::Void => continue,
                Stand::Unknown => return None,
            };
            if seeded::is(Bug::CountsPersonTwice) || standing.iter().all(|word| word.by != by && word.of != of) {
                standing.push(Word { by, of });
            }
        }
        Some(standing)
    }

    /// In whose name the approval that somebody gave counts: that of whom they gave it for, while they have their reviews, or else their
    /// own, if they are asked themselves.
    fn stand(&self, by: UserId, voters: &Voters, owner: UserId) -> Stand {
        if seeded::is(Bug::CountsRemoved) {
            return Stand::Counts(by);
        }
        let voted_at = self.voted_at.get(&by).copied();
        if let Some(of) = self.voted_for.get(&by).copied() {
            match voters.stands_for(by, of, voted_at, |absent| self.asks_absent(absent, owner)) {
                Some(true) => return Stand::Counts(of),
                Some(false) => {}
                None => return Stand::Unknown,
            }
        }
        match voters.stands(by, voted_at, |voter| self.counts(voter, owner)) {
            Some(true) => Stand::Counts(by),
            Some(false) => Stand::Void,
            None => Stand::Unknown,
        }
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
        given.retain(|by| !matches!(self.stand(*by, voters, owner), Stand::Void));
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
    /// In whose place they did, where they were not asked themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted_for: Option<UserId>,
    /// What was latest: what the decision is bound to.
    pub digest: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<UserId>,
    /// In whose place those of them were given that were not of somebody's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub voted_for: BTreeMap<UserId, UserId>,
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
