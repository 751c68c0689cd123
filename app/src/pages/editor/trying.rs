//! Trying the draft on its page: what is pinned and was seen last, the try that was started last, and the one way to start one.
//! Must never send what to run: that is the draft as the server has saved it. Here it is only said how much of it, and on what.

mod dialog;
mod form;
mod outputs;
mod progress;
mod question;
mod seen_value;
mod starter;

use std::collections::BTreeSet;

use leptos::{prelude::*, task::spawn_local};
use serde_json::Value;
use workflow::{
    StepKey,
    api::{Pin, PinPlace, Seen, SeenValue},
    source::{Source, at_path},
    trying::Extent,
};

pub(super) use self::{
    dialog::TryDialog,
    form::{Origin, Prefill, TryForm},
    outputs::Outputs,
    progress::{Followed, StepOutcome, TryOnCanvas, TryProgress},
    question::TryQuestion,
    seen_value::{LastSeen, in_a_line},
    starter::Starter,
};
use super::draft::Draft;
use crate::reactive::effect;
use crate::{
    api::{self, LoadedRun},
    error::AppError,
};

/// So many are asked for at once.
const MOST_STEPS: usize = 100;

#[derive(Clone, Copy)]
pub(super) struct Trying {
    pub draft: Draft,
    /// What this person keeps; none until it is known.
    pub pins: RwSignal<Option<Vec<Pin>>>,
    pub seen: RwSignal<Seen>,
    /// The steps whose values were asked for and came, or did not.
    known: RwSignal<BTreeSet<StepKey>>,
    /// Whether anything was asked for and came, or did not.
    has_looked: RwSignal<bool>,
    /// Why something of that is not there.
    pub fault: RwSignal<Option<AppError>>,
    /// The try that was started last on this page.
    pub tried: RwSignal<Option<LoadedRun>>,
    /// What follows it, once for all that shows it.
    followed: StoredValue<Option<Followed>>,
    /// Of the page: panels come and go while a try is followed.
    owner: StoredValue<Option<Owner>>,
    /// What the dialog is open for.
    pub asking: RwSignal<Option<Extent>>,
}

impl Trying {
    pub(super) fn provide(draft: Draft) {
        let trying = Self {
            draft,
            pins: RwSignal::new(None),
            seen: RwSignal::default(),
            known: RwSignal::default(),
            has_looked: RwSignal::new(false),
            fault: RwSignal::new(None),
            tried: RwSignal::new(None),
            followed: StoredValue::new(None),
            owner: StoredValue::new(Owner::current()),
            asking: RwSignal::new(None),
        };
        effect(move || {
            spawn_local(async move {
                match api::list_pins(draft.id).await {
                    Ok(pins) => {
                        trying.pins.try_set(Some(pins));
                    }
                    Err(error) => {
                        trying.miss(error);
                        trying.pins.try_set(Some(Vec::new()));
                    }
                }
            });
        });
        provide_context(trying);
    }

    fn miss(self, error: AppError) {
        self.draft.session.note(&error);
        self.fault.try_set(Some(error));
    }

    /// Asks for what these steps gave last, and the workflow got.
    pub(super) fn look(self, steps: Vec<StepKey>) {
        spawn_local(async move {
            match api::last_seen(self.draft.id, steps.clone()).await {
                Ok(now) => {
                    self.fault.try_set(None);
                    self.seen.try_update(|seen| {
                        seen.runs = now.runs;
                        seen.inputs = now.inputs;
                        seen.outputs.extend(now.outputs);
                    });
                }
                Err(error) => self.miss(error),
            }
            self.known.try_update(|known| known.extend(steps));
            self.has_looked.try_set(true);
        });
    }

    /// Asks for what is not known yet of these steps.
    pub(super) fn look_for(self, mut steps: Vec<StepKey>) {
        self.known.with_untracked(|known| steps.retain(|key| !known.contains(key)));
        steps.truncate(MOST_STEPS);
        if !steps.is_empty() {
            self.look(steps);
        }
    }

    /// The same, after a try went through this step: what comes before it may have given something new as well.
    fn look_again(self, step: StepKey) {
        let others =
            self.known.with_untracked(|known| known.iter().filter(|key| **key != step).cloned().collect::<Vec<_>>());
        self.look([step].into_iter().chain(others).take(MOST_STEPS).collect());
    }

    /// Whether it is known what to begin a form about this step with.
    pub(super) fn is_ready(self, step: Option<&StepKey>) -> bool {
        let is_known = step.is_none_or(|step| self.known.with(|known| known.contains(step)));
        is_known && self.has_looked.get() && self.pins.with(Option::is_some)
    }

    pub(super) fn pinned(self, place: &PinPlace) -> Option<Value> {
        self.pins.with(|pins| {
            let pin = pins.iter().flatten().find(|pin| pin.place == *place)?;
            Some(pin.value.clone())
        })
    }

    pub(super) fn is_pinned(self, place: &PinPlace) -> bool {
        self.pins.with(|pins| pins.iter().flatten().any(|pin| pin.place == *place))
    }

    /// Keeps a value for tries, or keeps it no longer.
    pub(super) fn pin(self, place: PinPlace, value: Option<Value>) {
        spawn_local(async move {
            let (id, is_set) = (self.draft.id, value.is_some());
            let answer = match value {
                Some(value) => api::set_pin(id, Pin { place: place.clone(), value }).await.map(Some),
                None => api::remove_pin(id, place.clone()).await.map(|()| None),
            };
            match answer {
                Ok(pin) => {
                    self.pins.try_update(|pins| {
                        let pins = pins.get_or_insert_default();
                        pins.retain(|known| known.place != place);
                        pins.extend(pin);
                    });
                }
                Err(error) => {
                    self.draft.session.note(&error);
                    let what = if is_set { "Not pinned" } else { "Still pinned" };
                    self.draft.toasts.error(format!("{what}: {}", error.0.detail));
                }
            }
        });
    }

    /// The same, alone.
    pub(super) fn value_of(self, source: &Source) -> Option<Value> {
        self.seen_of(source).map(|(value, _)| value)
    }

    /// What a source gave last.
    pub(super) fn seen_of(self, source: &Source) -> Option<(Value, SeenValue)> {
        let (of, path) = match source {
            Source::Run { key, path } => (self.seen.with(|seen| seen.inputs.get(key).cloned()), path),
            Source::Step { step, artifact, path } => (self.seen_output(step, artifact), path),
            Source::Const(_) | Source::Item { .. } => return None,
        };
        let of = of?;
        let value = at_path(of.value.as_ref()?, path)?.clone();
        Some((value, of))
    }

    pub(super) fn seen_output(self, step: &StepKey, name: &str) -> Option<SeenValue> {
        self.seen.with(|seen| seen.outputs.get(step)?.get(name).cloned())
    }
}

pub(super) fn use_trying() -> Trying {
    expect_context::<Trying>()
}
