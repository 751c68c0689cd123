//! Those who voted at a gate: whether what they said then still counts.
//! Must never count a vote of whom nothing is known where it was looked who voted.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    access::{Absent, Actor},
    id::{GroupId, UserId},
};

/// Those who voted at a gate, as they stand when somebody else votes: an account's role and groups, or nothing where it cannot be
/// signed in with any more.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Voters {
    now: BTreeMap<UserId, Option<Actor>>,
    since: BTreeMap<UserId, Since>,
    /// It was looked who they are. Where nobody looked, no account is known to have changed.
    were_looked_up: bool,
}

/// Since when somebody is what they are. Whoever approved as them before that may have been somebody else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Since {
    /// They can sign in.
    pub enabled_at: DateTime<Utc>,
    pub joined: BTreeMap<GroupId, DateTime<Utc>>,
}

/// By so much the clocks of processes may differ from the database's.
const SKEW: TimeDelta = TimeDelta::seconds(10);

impl Voters {
    /// Those who had voted when it was looked. Whoever voted after that is to be looked up too before anything is decided.
    pub fn looked_up() -> Self {
        Self { were_looked_up: true, ..Self::default() }
    }

    pub fn set(&mut self, id: UserId, now: Option<Actor>) {
        self.now.insert(id, now);
    }

    pub fn since(&mut self, id: UserId, since: Since) {
        self.since.insert(id, since);
    }

    /// One of those who were looked up, if they can sign in.
    pub fn now(&self, id: UserId) -> Option<&Actor> {
        self.now.get(&id)?.as_ref()
    }

    /// Whether a vote of then still counts; none where that has to be looked up first.
    pub(super) fn stands(
        &self,
        id: UserId,
        voted_at: Option<DateTime<Utc>>,
        counts: impl FnOnce(&Actor) -> bool,
    ) -> Option<bool> {
        let Some(now) = self.now.get(&id) else { return (!self.were_looked_up).then_some(true) };
        let Some(now) = now else { return Some(false) };
        let (Some(since), Some(voted_at)) = (self.since.get(&id), voted_at) else { return Some(counts(now)) };
        let was_then = |at: &DateTime<Utc>| *at <= voted_at + SKEW;
        let mut always = now.clone();
        always.groups.retain(|group| since.joined.get(group).is_none_or(was_then));
        Some(was_then(&since.enabled_at) && counts(&always))
    }

    /// Whether a vote of then, in the place of somebody who was away, still counts as that: they still are, the same person still has
    /// their reviews, and both are what they were then. None where that has to be looked up first.
    pub(super) fn stands_for(
        &self,
        by: UserId,
        of: UserId,
        voted_at: Option<DateTime<Utc>>,
        counts: impl FnOnce(&Absent) -> bool,
    ) -> Option<bool> {
        let Some(now) = self.now.get(&by) else { return (!self.were_looked_up).then_some(true) };
        let Some(absent) = now.as_ref().and_then(|now| now.absent(of)) else { return Some(false) };
        if self.were_looked_up && !self.now.contains_key(&of) {
            return None;
        }
        let Some(voted_at) = voted_at else { return Some(counts(absent)) };
        let was_then = |at: &DateTime<Utc>| *at <= voted_at + SKEW;
        let were_enabled = [by, of].iter().all(|id| self.since.get(id).is_none_or(|since| was_then(&since.enabled_at)));
        let mut always = absent.clone();
        if let Some(since) = self.since.get(&of) {
            always.groups.retain(|group| since.joined.get(group).is_none_or(was_then));
        }
        Some(were_enabled && was_then(&absent.since) && counts(&always))
    }
}
