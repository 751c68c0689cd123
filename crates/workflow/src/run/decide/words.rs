//! In whose name somebody decides at a gate: in their own where they are asked themselves, or else in that of somebody who is away and
//! gave them their reviews (docs/delegation.md). Must never let a person speak twice, nor twice in the name of one.

use super::draft::Draft;
use crate::{
    access::Absent,
    id::{StepKey, UserId},
    run::{
        Refused,
        seeded::{self, Bug},
        state::{Review, Step, Version, Word},
    },
    verbs::Access,
};

impl Draft<'_> {
    /// Whose word the approval of whoever asks is; `given`: those that count already.
    pub(super) fn word_of_asker(&self, key: &StepKey, review: &Review, given: &[Word]) -> Result<UserId, Refused> {
        let actor = self.ctx.actor.ok_or(Refused::Access(Access::Unauthenticated))?;
        let may = self.is_asked_themselves(review) && (!self.binds(key) || self.may_approve(key));
        let asked: Vec<&Absent> =
            actor.acts_for.iter().filter(|absent| self.asks_absent(key, review, absent)).collect();
        if !may && asked.is_empty() {
            return Err(Refused::Bound(key.clone()));
        }
        let able: Vec<&Absent> =
            asked.into_iter().filter(|absent| review.allow_self || !self.is_of(key, absent.id)).collect();
        if !may && able.is_empty() {
            return Err(Refused::SelfApproval);
        }
        if !seeded::is(Bug::CountsPersonTwice) && given.iter().any(|word| word.by == actor.id) {
            return Err(Refused::AlreadyVoted);
        }
        let own = may.then_some(actor.id);
        let mut names = own.into_iter().chain(able.into_iter().map(|absent| absent.id));
        names.find(|of| given.iter().all(|word| word.of != *of)).ok_or(Refused::AlreadyVoted)
    }

    /// In whose place whoever asks does something at an open gate that does not ask themselves.
    pub(super) fn in_place_of(&self, key: &StepKey) -> Option<UserId> {
        let (actor, review) = (self.ctx.actor?, self.step(key).ok()?.review()?);
        if self.is_asked_themselves(review) {
            return None;
        }
        let owner = self.base().birth.user_id;
        actor.acts_for.iter().find(|absent| review.asks_absent(absent, owner)).map(|absent| absent.id)
    }

    /// Whether whoever asks may approve what a form was just answered with, where its gate is open: themselves, or in somebody's place.
    pub(super) fn may_approve_answer(&self, key: &StepKey) -> bool {
        let review = self.step(key).ok().and_then(Step::review);
        let in_place =
            |review: &Review| (review.allow_self || !self.is_own(key)) && self.word_of_asker(key, review, &[]).is_ok();
        self.may_approve(key) || review.is_some_and(in_place)
    }

    /// Whether whoever asks started the run, or wrote what is latest.
    pub(super) fn is_own(&self, key: &StepKey) -> bool {
        self.actor().is_some_and(|actor| self.is_of(key, actor))
    }

    /// Whether somebody started the run, or wrote what is latest.
    fn is_of(&self, key: &StepKey, person: UserId) -> bool {
        let wrote = |version: &Version| version.made_by == Some(person);
        person == self.base().birth.user_id || self.latest(key).into_iter().any(wrote)
    }

    /// Whether the gate is theirs, whomever they act for: they are asked, are an admin, or the run is theirs.
    fn is_asked_themselves(&self, review: &Review) -> bool {
        let owner = self.base().birth.user_id;
        self.ctx.actor.is_some_and(|actor| actor.id == owner || review.counts(actor, owner))
    }

    /// Whether the gate asks somebody who is away: the open one, and where it binds also as the workflow has it now.
    fn asks_absent(&self, key: &StepKey, review: &Review, absent: &Absent) -> bool {
        let asked = self.definition(key).map(|step| &step.review.assignees);
        let still = !self.binds(key) || asked.is_some_and(|asked| asked.is_empty() || asked.asks_as(absent.known_as()));
        still && review.asks_absent(absent, self.base().birth.user_id)
    }
}
