//! Trying the step: on which values, alone or with all that it needs, and what came of it, right here.

use leptos::prelude::*;
use workflow::{
    AgentSpec,
    api::{PinPlace, PinSide, TryDraft},
    trying::{self, Extent},
};

use super::{
    super::trying::{Origin, Outputs, Prefill, Starter, StepOutcome, TryForm, TryQuestion, Trying, use_trying},
    one_step::OneStep,
    section::Section,
};
use crate::reactive::{effect, memo};
use crate::{
    components::{Button, Size, Skeleton, Variant},
    load::PartFailed,
};

#[component]
pub(super) fn TryIt(one: OneStep) -> impl IntoView {
    let trying = use_trying();
    // What this step gave, and what it reads.
    let wanted = memo(move || {
        let mut keys = vec![one.key()];
        keys.extend(one.read(|step| step.direct_dependencies().into_iter().cloned().collect::<Vec<_>>()));
        keys.truncate(100);
        keys
    });
    effect(move || trying.look(wanted.get()));
    let ports = memo(move || {
        one.agent.with(|agent| agent.as_ref().map(|agent: &AgentSpec| agent.outputs.clone()).unwrap_or_default())
    });
    let again = move || {
        trying
            .fault
            .get()
            .map(|error| view! { <PartFailed error on_retry=move |()| trying.look(wanted.get_untracked())/> })
    };
    view! {
        <Section one name="Try">
            <p class="small muted">"Runs the draft as it stands here. Nothing is published, and nobody but you and other admins sees it."</p>
            {again}
            <Form one trying/>
            <StepOutcome key=one.key()/>
            <Outputs key=one.key() ports/>
        </Section>
    }
}

#[component]
fn Form(one: OneStep, trying: Trying) -> impl IntoView {
    let draft = one.draft;
    let question = TryQuestion::new("try-step-values", Starter::new(trying, || ()));
    let ready = memo(move || one.key.with_value(|key| trying.is_ready(Some(key))));
    let asked = memo(move || {
        draft.handle.with_definition(|definition| {
            draft.catalog.with(|agents| one.key.with_value(|key| trying::asked(definition, agents, key)))
        })
    });
    let fields = move || {
        if !ready.get() {
            return view! { <Skeleton/> }.into_any();
        }
        let inputs = asked.get();
        let key = one.key();
        let made = TryForm::new("try-step", Some(&key), &inputs, &untrack(|| prefill(one, trying)));
        question.form.set(Some(made));
        made.view().into_any()
    };
    let run = move |()| {
        let extent = Extent::Step(one.key());
        question.start(|from_run, inputs| {
            // Whoever names a run wants what was there.
            let use_pins = from_run.is_none();
            TryDraft { from_run, use_pins, ..TryDraft::new(extent, inputs) }
        });
    };
    view! {
        {question.view(trying, "try-step-outside", fields)}
        <div class="row try-actions">
            <Button variant=Variant::Primary size=Size::Sm icon="play" loading=question.pending() on_click=run>"Run this step"</Button>
            <Button size=Size::Sm icon="network" on_click=move |()| trying.asking.set(Some(Extent::UpTo(one.key())))>
                "Run up to here"
            </Button>
        </div>
    }
}

/// What the form begins with: what is pinned, else what was seen last, else something made up.
fn prefill(one: OneStep, trying: Trying) -> Prefill {
    let draft = one.draft;
    let key = one.key();
    let made_up = draft
        .handle
        .with_definition(|definition| draft.catalog.with(|agents| trying::samples(definition, agents, &key)));
    let asked =
        draft.handle.with_definition(|definition| draft.catalog.with(|agents| trying::asked(definition, agents, &key)));
    let known = asked.into_keys().filter_map(|port| {
        let place = PinPlace { step: Some(key.clone()), side: PinSide::Input, name: port.clone() };
        let pinned = || trying.pinned(&place).map(|value| (value, Origin::Pinned));
        let seen = || {
            let source = one.read(|step| trying::source_of(step, &port).cloned())?;
            let (value, seen) = trying.seen_of(&source)?;
            Some((value, if seen.is_test { Origin::Try } else { Origin::Run }))
        };
        let sample = || made_up.get(&port).cloned().map(|value| (value, Origin::MadeUp));
        let value = pinned().or_else(seen).or_else(sample)?;
        Some((port, value))
    });
    known.collect()
}
