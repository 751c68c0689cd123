//! Gates that bind: with assignees, a quorum above 1, or without the author's own approval. Until its own rule has approved what is
//! latest, nothing starts on it, and no verb of somebody who may not approve gets around it: not skipping it, not a literal in place of
//! what it feeds, not another version of the workflow in which it is gone or weaker.

use super::draft::Draft;
use crate::{
    Definition,
    definition::Review,
    id::StepKey,
    run::{
        Refused,
        command::{Changes, Patch},
        seeded::{self, Bug},
        state::Version,
    },
    source::Source,
};

/// Whether a gate asks for less than another one did.
fn is_weaker(review: &Review, than: &Review) -> bool {
    let names = |list: &[String]| -> std::collections::BTreeSet<String> {
        list.iter().map(|name| name.to_lowercase()).collect()
    };
    let was_named = !than.assignees.is_empty();
    let asks_others = !names(&review.assignees.users).is_subset(&names(&than.assignees.users))
        || !names(&review.assignees.groups).is_subset(&names(&than.assignees.groups))
        || !names(&review.assignees.roles).is_subset(&names(&than.assignees.roles));
    review.quorum < than.quorum
        || (review.allow_self && !than.allow_self)
        || (was_named && (review.assignees.is_empty() || asks_others))
}

impl Draft<'_> {
    pub(super) fn binds(&self, key: &StepKey) -> bool {
        self.definition(key).is_some_and(|step| step.review.binds(self.asks_a_person(key)))
    }

    /// Whether whoever asks may approve at the gate of a step, by its rule.
    pub(super) fn may_approve(&self, key: &StepKey) -> bool {
        let (Some(actor), Some(step)) = (self.ctx.actor, self.definition(key)) else { return false };
        let review = &step.review;
        let is_allowed = review.assignees.asks(actor) || actor.is_admin() || review.assignees.is_empty();
        is_allowed && (review.allow_self || !self.is_own(key))
    }

    pub(super) fn refuse_if_bound(&self, key: &StepKey) -> Result<(), Refused> {
        if self.binds(key) && !self.may_approve(key) { Err(Refused::Bound(key.clone())) } else { Ok(()) }
    }

    /// The latest version of an output, if it may be read: behind a gate that binds, only what it approved.
    pub(super) fn readable(&self, key: &StepKey, name: &str) -> Option<&Version> {
        self.latest_of(key, name)
            .filter(|version| version.is_approved || !self.binds(key) || seeded::is(Bug::ReadsUnapproved))
    }

    /// A literal in place of what a gate that binds lets through is for those who may approve there.
    pub(super) fn refuse_bound_literals(&self, key: &StepKey, changes: &Changes) -> Result<(), Refused> {
        let Patch::Set(inputs) = &changes.inputs else { return Ok(()) };
        self.refuse_bound_ports(key, inputs.keys())
    }

    pub(super) fn refuse_bound_ports<'p>(
        &self,
        key: &StepKey,
        ports: impl Iterator<Item = &'p String>,
    ) -> Result<(), Refused> {
        let of = self.definition(key).or_else(|| self.design().step(&key.split().0));
        for port in ports {
            if let Some(Source::Step { step, .. }) = of.and_then(|step| step.inputs.get(port)) {
                self.refuse_if_bound(step)?;
            }
        }
        Ok(())
    }

    /// A version of the workflow in which a gate that binds is gone or weaker is not for those who may not approve there.
    pub(super) fn refuse_weaker_gates(
        &self,
        new: &Definition,
        is_form: impl Fn(&StepKey) -> bool,
    ) -> Result<(), Refused> {
        for (key, step) in &self.design().definition.steps {
            let is_gone = new
                .steps
                .get(key)
                .is_none_or(|other| !other.review.binds(is_form(key)) || is_weaker(&other.review, &step.review));
            if is_gone {
                self.refuse_if_bound(key)?;
            }
        }
        Ok(())
    }
}
