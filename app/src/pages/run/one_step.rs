//! What the parts of the step panel share: the chosen step as it is now, and the one way to send a verb about it.
//! A verb that is sent again after a lost answer keeps its idempotency key, so that it has one effect.

use leptos::prelude::*;
use workflow::{
    RunView, Step, StepKey, StepStatus,
    access::Actor,
    view::{ArtifactMeta, StepView},
};

use super::{
    press::Press,
    state::LiveRun,
    verbs::{self, Verb},
};
pub(super) use crate::pages::review::ask::Ask;
use crate::reactive::{effect_with, memo};
use crate::{
    pages::review::subject::Subject,
    session::{Session, use_session},
};

#[derive(Clone, Copy)]
pub(super) struct OneStep {
    pub live: LiveRun,
    key: StoredValue<StepKey>,
    pub step: Memo<Option<StepView>>,
    pub status: Memo<StepStatus>,
    /// The latest version of each output.
    pub latest: Memo<Vec<ArtifactMeta>>,
    pub session: Session,
}

impl OneStep {
    pub(super) fn new(live: LiveRun, key: StepKey) -> Self {
        let key = StoredValue::new(key);
        let step = memo(move || key.with_value(|key| live.step(key)));
        Self {
            live,
            key,
            step,
            status: memo(move || step.with(|step| step.as_ref().map_or(StepStatus::Pending, |step| step.status))),
            latest: memo(move || {
                key.with_value(|key| live.run.with(|run| run.latest_artifacts(key).cloned().collect()))
            }),
            session: use_session(),
        }
    }

    pub(super) fn key(self) -> StepKey {
        self.key.get_value()
    }

    pub(super) fn read<R: Default>(self, read: impl FnOnce(&StepView) -> R) -> R {
        self.step.with(|step| step.as_ref().map(read)).unwrap_or_default()
    }

    /// The step as its author drew it; an item's is that of its map step.
    pub(super) fn definition<R: Default>(self, read: impl FnOnce(&Step) -> R) -> R {
        let key = self.key.with_value(|key| key.split().0);
        self.live.run.with(|run| run.run_definition.steps.get(&key).map(read)).unwrap_or_default()
    }

    pub(super) fn title(self) -> String {
        self.read(|step| step.title.clone())
    }

    /// The generation that was seen, without following it.
    pub(super) fn generation(self) -> Option<i32> {
        self.live.run.with_untracked(|run| self.key.with_value(|key| run.step(key).map(|step| step.generation)))
    }

    /// The digest of what is shown, without following it.
    pub(super) fn digest(self) -> String {
        self.live.run.with_untracked(|run| self.key.with_value(|key| run.review_digest(key)))
    }

    /// What is typed about this step and not sent yet: it stays when a dialog closes, and while other steps are looked at.
    pub(super) fn draft(self, name: &str) -> RwSignal<String> {
        self.subject().draft(name)
    }

    /// All that a form needs to know of it.
    pub(super) fn subject(self) -> Subject {
        Subject::new(self.live.id, self.key, self.live.drafts)
    }

    /// This person has decided here: the page goes on to what else of the run waits for them.
    pub(super) fn lead_on(self) {
        self.live.lead_on(&self.key(), self.session.user_untracked().as_ref());
    }

    pub(super) fn is_human(self) -> bool {
        self.read(|step| step.kind == "human")
    }

    /// Why a verb is not there; follows the run.
    pub(super) fn refusal(self, verb: Verb) -> Option<String> {
        if self.live.is_past {
            return Some("You look at the run as it was: go back to now first".to_owned());
        }
        self.in_run(|run, step, me| verbs::refusal(verb, run, step, me)).flatten()
    }

    /// Whether its gate asks others alone; follows the run.
    pub(super) fn is_for_others(self) -> bool {
        self.in_run(|run, step, me| me.is_some_and(|me| verbs::is_for_others(run, step, me))) == Some(true)
    }

    /// In whose place this person decides at its gate, by email; follows the run, and whose reviews they have.
    pub(super) fn in_place_of(self) -> Option<String> {
        self.in_run(verbs::in_place_of).flatten()
    }

    /// Whether older versions of what it made can become the latest again; follows the run.
    pub(super) fn can_roll_back(self) -> bool {
        !self.live.is_past && self.in_run(verbs::can_roll_back) == Some(true)
    }

    /// None where the run has no such step any more.
    fn in_run<R>(self, read: impl FnOnce(&RunView, &StepView, Option<&Actor>) -> R) -> Option<R> {
        self.live.run.with(|run| {
            let step = self.key.with_value(|key| run.step(key))?;
            // Who is put into a group while they look at its gate may decide there at once.
            Some(self.session.with_user(|me| read(run, step, me)))
        })
    }

    /// Closes a dialog once another generation begins: the feed may tell of it before the answer does, or instead of it.
    pub(super) fn close_with_generation(self, open: RwSignal<bool>) {
        let generation = memo(move || self.read(|step| step.generation));
        effect_with(move |before: Option<i32>| {
            let now = generation.get();
            if before.is_some_and(|before| before != now) {
                open.set(false);
            }
            now
        });
    }
}

/// Sends verbs about one step.
pub(super) type Sender = Press<Ask>;

impl Sender {
    pub(super) fn new(one: OneStep, on_ok: impl Fn() + Send + Sync + 'static) -> Self {
        Self::on(one.live, move |ask: Ask, key| ask.send(one.live.id, one.key(), key), on_ok)
    }
}
