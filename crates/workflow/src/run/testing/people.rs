//! Accounts of a world in which things change: people are put into a group and taken out of it, disabled and enabled, and give others their
//! reviews. It says by itself who may decide at a gate, and must never ask the code that it is there to check.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::cast::{Dice, admin, owner, person};
use crate::{
    access::{Absent, Actor, Role},
    definition,
    id::{GroupId, UserId},
    run::{
        Since, Voters,
        state::{ClosedReview, Verdict},
    },
};

/// The group that gates ask.
pub const GROUP: &str = "legal";

#[derive(Clone, PartialEq, Debug)]
struct Account {
    who: Actor,
    /// Since when they are in the group.
    joined_at: Option<DateTime<Utc>>,
    /// Since when they can sign in.
    enabled_at: Option<DateTime<Utc>>,
    /// Whose their reviews are, and since when.
    gave: Option<(UserId, DateTime<Utc>)>,
}

/// The owner of the runs, an admin, three in the group and one who is not. The admin has the owner's reviews, and one of the group those of
/// the two others.
#[derive(Clone, PartialEq, Debug)]
pub struct People(Vec<Account>);

impl Default for People {
    fn default() -> Self {
        let at = DateTime::UNIX_EPOCH;
        let all = [owner(), admin()].into_iter().chain((5..9).map(|n| person(n, Role::User)));
        let mut people = Self(
            all.enumerate()
                .map(|(n, who)| Account {
                    who,
                    joined_at: (2..5).contains(&n).then_some(at),
                    enabled_at: Some(at),
                    gave: None,
                })
                .collect(),
        );
        for (from, to) in [(0, 1), (2, 3), (4, 3)] {
            people.0[from].gave = Some((people.0[to].who.id, at));
        }
        people
    }
}

impl People {
    /// Something happens to somebody.
    pub fn change(&mut self, dice: &mut impl Dice, at: DateTime<Utc>) {
        let n = dice.roll(self.0.len());
        let is_first = n < 2;
        match dice.roll(4) {
            0 if !is_first => {
                let account = &mut self.0[n];
                account.joined_at = if account.joined_at.is_some() { None } else { Some(at) };
            }
            1 if !is_first => self.disable_or_enable(n, at),
            _ => self.give_or_take(n, dice.roll(self.0.len()), at),
        }
    }

    fn disable_or_enable(&mut self, n: usize, at: DateTime<Utc>) {
        if self.0[n].enabled_at.is_none() {
            self.0[n].enabled_at = Some(at);
            return;
        }
        let id = self.0[n].who.id;
        self.0[n].enabled_at = None;
        self.0[n].gave = None;
        for account in &mut self.0 {
            account.gave = account.gave.filter(|(to, _)| *to != id);
        }
    }

    fn give_or_take(&mut self, from: usize, to: usize, at: DateTime<Utc>) {
        let stand = self.0[from].enabled_at.is_some() && self.0[to].enabled_at.is_some();
        if self.0[from].gave.is_some() {
            self.0[from].gave = None;
        } else if stand && !self.leads(to, from) {
            self.0[from].gave = Some((self.0[to].who.id, at));
        }
    }

    /// Whether the reviews of one come to the other, by whichever way.
    fn leads(&self, from: usize, to: usize) -> bool {
        let mut at = from;
        for _ in 0..=self.0.len() {
            if at == to {
                return true;
            }
            let next = self.0[at].gave.and_then(|(id, _)| self.0.iter().position(|account| account.who.id == id));
            match next {
                Some(next) => at = next,
                None => return false,
            }
        }
        false
    }

    fn account(&self, id: UserId) -> Option<&Account> {
        self.0.iter().find(|account| account.who.id == id)
    }

    /// Somebody as they come in now; nobody where they cannot sign in.
    pub fn actor(&self, id: UserId) -> Option<Actor> {
        let account = self.account(id).filter(|account| account.enabled_at.is_some())?;
        let acts_for = self.0.iter().filter_map(|away| {
            let (_, since) = away.gave.filter(|(to, _)| *to == id)?;
            let Actor { id, email, role, .. } = away.who.clone();
            Some(Absent { id, email, role, groups: groups(away), since })
        });
        Some(Actor { groups: groups(account), acts_for: acts_for.collect(), ..account.who.clone() })
    }

    pub fn somebody(&self, dice: &mut impl Dice) -> Option<Actor> {
        self.actor(self.0[dice.roll(self.0.len())].who.id)
    }

    /// Everybody, as they stand.
    pub fn voters(&self) -> Voters {
        let mut voters = Voters::looked_up();
        for account in &self.0 {
            voters.set(account.who.id, self.actor(account.who.id));
            if let Some(enabled_at) = account.enabled_at {
                let joined: BTreeMap<GroupId, DateTime<Utc>> =
                    account.joined_at.map(|at| (GroupId::new(GROUP), at)).into_iter().collect();
                voters.since(account.who.id, Since { enabled_at, joined });
            }
        }
        voters
    }

    /// What is wrong with how a gate passed: it wants so many different people, each of whom may decide there as things stand, in their own
    /// name or in that of somebody who gave them their reviews, and nobody's name counts twice.
    pub fn wrong_approval(
        &self,
        closed: &ClosedReview,
        asked: &definition::Review,
        run_owner: UserId,
    ) -> Option<String> {
        if closed.verdict != Verdict::Approved || asked.quorum <= 1 {
            return None;
        }
        let words: Vec<(UserId, UserId)> =
            closed.votes.iter().map(|by| (*by, closed.voted_for.get(by).copied().unwrap_or(*by))).collect();
        let different = |who: BTreeSet<UserId>| who.len() == words.len();
        let wrong = if words.len() < asked.quorum as usize {
            "too few approved"
        } else if !different(words.iter().map(|(by, _)| *by).collect()) {
            "one person approved twice"
        } else if !different(words.iter().map(|(_, of)| *of).collect()) {
            "it was approved twice in one name"
        } else if !words.iter().all(|(by, of)| self.may_speak(*by, *of, asked, run_owner)) {
            "somebody approved who may not"
        } else {
            return None;
        };
        Some(format!("the gate of {} passed, but {wrong}: {words:?} of {:?}", closed.step, self.0))
    }

    fn may_speak(&self, by: UserId, of: UserId, asked: &definition::Review, run_owner: UserId) -> bool {
        let stands = |id| self.account(id).filter(|account| account.enabled_at.is_some());
        let (Some(speaker), Some(named)) = (stands(by), stands(of)) else { return false };
        let in_place = named.gave.is_some_and(|(to, _)| to == by);
        let is_own = by == of;
        let is_asked = asked.assignees.users.contains(&named.who.email)
            || (named.joined_at.is_some() && asked.assignees.groups.iter().any(|group| group == GROUP))
            || (asked.assignees.is_empty() && of == run_owner);
        if is_own { is_asked || speaker.who.is_admin() } else { in_place && is_asked }
    }
}

fn groups(account: &Account) -> BTreeSet<GroupId> {
    account.joined_at.map(|_| GroupId::new(GROUP)).into_iter().collect()
}
