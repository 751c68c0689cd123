//! Which dialogs of the chosen step are open, and the verbs that open them or need none.
//! Must show nothing: the buttons stand in `needs`, the dialogs in `dialogs`, and the latter are fetched when they are needed.

use leptos::prelude::*;
use workflow::{
    StepStatus,
    api::{AbsentWorker, ContinueStep},
};

use super::{
    absent,
    one_step::{Ask, OneStep, Sender},
    verbs::Verb,
};
use crate::reactive::memo;

/// The dialogs of a step, and the sender of the verbs that have none.
#[derive(Clone, Copy)]
pub(super) struct Doors {
    pub one: OneStep,
    pub again: RwSignal<bool>,
    pub edit: RwSignal<bool>,
    pub reject: RwSignal<bool>,
    pub skip: RwSignal<bool>,
    pub supply: RwSignal<bool>,
    pub stop: RwSignal<bool>,
    pub fork: RwSignal<bool>,
    pub go_on: Sender,
    /// The worker that it waits for.
    pub absent: Memo<Option<AbsentWorker>>,
    /// It was tried in vain and waits before it is tried again.
    pub backs_off: Memo<bool>,
}

impl Doors {
    pub(super) fn new(one: OneStep) -> Self {
        let closed = || RwSignal::new(false);
        let (again, edit, reject, skip) = (closed(), closed(), closed(), closed());
        let (supply, stop, fork) = (closed(), closed(), closed());
        Self {
            one,
            again,
            edit,
            reject,
            skip,
            supply,
            stop,
            fork,
            go_on: Sender::new(one, move || one.lead_on()),
            absent: absent::of(one),
            backs_off: memo(move || one.read(|step| step.status == StepStatus::Ready && step.not_before.is_some())),
        }
    }

    pub(super) fn act(self, verb: Verb) {
        let open = match verb {
            Verb::Again => self.again,
            Verb::Edit => self.edit,
            Verb::Reject => self.reject,
            Verb::Skip => self.skip,
            Verb::Supply => self.supply,
            Verb::Stop => self.stop,
            Verb::Fork => self.fork,
            Verb::Continue => {
                return self.go_on.send(Ask::Continue(ContinueStep {
                    content_hash: Some(self.one.digest()),
                    expect_generation: self.one.generation(),
                }));
            }
        };
        open.set(true);
    }

    /// A form is answered by its own button.
    pub(super) fn on_panel(self) -> &'static [Verb] {
        if self.is_form() {
            &[]
        } else if self.backs_off.get() && self.absent.with(Option::is_none) {
            // The wait has its own buttons.
            &[Verb::Skip]
        } else {
            Verb::on_panel(self.one.status.get())
        }
    }

    /// Whether a person's answer is what is waited for, rather than a judgement of one.
    pub(super) fn is_form(self) -> bool {
        let one = self.one;
        one.status.get() == StepStatus::AwaitingReview && one.is_human() && one.latest.with(Vec::is_empty)
    }

    const fn all(self) -> [RwSignal<bool>; 7] {
        [self.again, self.edit, self.reject, self.skip, self.supply, self.stop, self.fork]
    }

    /// Follows whether one of the dialogs is open.
    pub(super) fn any_is_open(self) -> Signal<bool> {
        Signal::derive(move || self.all().iter().any(|open| open.get()))
    }

    pub(super) fn close(self) {
        for open in self.all() {
            open.set(false);
        }
    }
}
