//! The question before the whole draft, or a part that leads up to a step, is tried: on which inputs of the workflow.

use std::collections::BTreeMap;

use leptos::prelude::*;
use workflow::{
    api::{PinPlace, PinSide, TryDraft},
    definition::RunInput,
    source::Source,
    trying::{self, Extent, StandIns},
};

use super::{Origin, Prefill, Starter, TryForm, TryQuestion, Trying, use_trying};
use crate::components::{Button, Dialog, Skeleton, Variant, focus_in_dialog, open_while_chosen};
use crate::reactive::{effect, memo};

#[component]
pub(in crate::pages::editor) fn TryDialog() -> impl IntoView {
    let trying = use_trying();
    let open = open_while_chosen(trying.asking);
    let starter = Starter::new(trying, move || {
        // A step is shown in its own panel; the whole is shown where nothing is selected.
        let is_whole = trying.asking.with_untracked(|asking| matches!(asking, Some(Extent::Whole)));
        if is_whole {
            trying.draft.handle.select(Vec::new());
        }
        trying.draft.shown.set("panel".to_owned());
        open.set(false);
    });
    let question = TryQuestion::new("try-values", starter);
    effect(move || {
        if trying.asking.with(Option::is_some) {
            trying.look(Vec::new());
        }
    });
    let title = Signal::derive(move || match trying.asking.get() {
        Some(Extent::UpTo(key)) => format!("Try up to {}", trying.draft.title_of(&key)),
        _ => "Try the draft".to_owned(),
    });
    let begin = move |()| {
        if let Some(extent) = trying.asking.get_untracked() {
            question.start(|from_run, inputs| TryDraft { from_run, ..TryDraft::new(extent, inputs) });
        }
    };
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button variant=Variant::Primary icon="play" loading=question.pending() on_click=begin>"Run it"</Button>
        }
    };
    view! {
        <Dialog id="try-draft" open title actions>
            <div class="stack" data-gap="3">
                <p class="muted">
                    "The draft runs as it stands here. Nothing is published, and only you and other admins see it. Where it waits for somebody, it waits for you."
                </p>
                {question.view(trying, "try-draft-outside", view! { <Fields trying form=question.form/> })}
            </div>
        </Dialog>
    }
}

#[component]
fn Fields(trying: Trying, form: RwSignal<Option<TryForm>>) -> impl IntoView {
    let ready = memo(move || trying.is_ready(None));
    // Only what the part reads is asked for.
    let asked = memo(move || trying.asking.get().map(|extent| needed(trying, &extent)).unwrap_or_default());
    move || {
        if !ready.get() {
            return view! { <Skeleton/> }.into_any();
        }
        let inputs = asked.get();
        let prefill = untrack(|| prefill(trying, &inputs));
        let made = TryForm::new("try", None, &inputs, &prefill);
        form.set(Some(made));
        focus_in_dialog("try-draft");
        if inputs.is_empty() {
            return view! { <p>"It needs no inputs."</p> }.into_any();
        }
        made.view().into_any()
    }
}

/// The workflow's inputs that the part reads, with what is pinned taken into account.
fn needed(trying: Trying, extent: &Extent) -> BTreeMap<String, RunInput> {
    let mut stand_ins = StandIns::default();
    trying.pins.with(|pins| {
        for pin in pins.iter().flatten().filter(|pin| pin.place.side == PinSide::Output) {
            if let Some(step) = &pin.place.step {
                let values = stand_ins.outputs.entry(step.clone()).or_default();
                values.insert(pin.place.name.clone(), pin.value.clone());
            }
        }
    });
    let part = trying.draft.handle.with_definition(|definition| {
        trying.draft.catalog.with(|agents| trying::part(definition, agents, extent, &stand_ins))
    });
    part.map(|part| part.definition.inputs).unwrap_or_default()
}

fn prefill(trying: Trying, inputs: &BTreeMap<String, RunInput>) -> Prefill {
    let known = inputs.iter().filter_map(|(key, input)| {
        let place = PinPlace { step: None, side: PinSide::Input, name: key.clone() };
        let source = Source::Run { key: key.clone(), path: String::new() };
        let pinned = || trying.pinned(&place).map(|value| (value, Origin::Pinned));
        let seen = || {
            let (value, seen) = trying.seen_of(&source)?;
            Some((value, if seen.is_test { Origin::Try } else { Origin::Run }))
        };
        let default = || input.default.clone().map(|value| (value, Origin::Default));
        let title = if input.title.is_empty() { key } else { &input.title };
        let made_up = || trying::sample(&input.schema, title).map(|value| (value, Origin::MadeUp));
        Some((key.clone(), pinned().or_else(seen).or_else(default).or_else(made_up)?))
    });
    known.collect()
}
