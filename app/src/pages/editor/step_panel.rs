//! The panel of one step, top to bottom in the order in which one builds it: name, agent, order, condition, list,
//! inputs, prompt, review, failure, limits.
//! Every control changes the draft at once and can be undone; problems stand at the field that they are about.

mod agent;
mod bound;
mod condition;
mod failure;
mod find_person;
mod inputs;
mod limits;
mod people;
mod prompt;
mod repeat;
mod review;
mod source_field;
mod waits_for;

use leptos::prelude::*;
use workflow::{AgentSpec, Step, StepKey};

use self::{
    agent::Agent, condition::RunsIf, failure::Failure, inputs::Inputs, limits::Limits, prompt::Prompt, repeat::Repeat,
    review::Review, waits_for::WaitsFor,
};
use super::{draft::Draft, focus::field_id};
use crate::components::{Button, CopyId, Field, Icon, IconButton, Size, TextInput, Variant};
use crate::pages::agents::kind;
use crate::reactive::memo;

/// What the parts of the panel share.
#[derive(Clone, Copy)]
struct OneStep {
    draft: Draft,
    key: StoredValue<StepKey>,
    step: Memo<Option<Step>>,
    agent: Memo<Option<AgentSpec>>,
}

impl OneStep {
    fn key(self) -> StepKey {
        self.key.get_value()
    }

    fn read<R: Default>(self, f: impl FnOnce(&Step) -> R) -> R {
        self.step.with(|step| step.as_ref().map(f)).unwrap_or_default()
    }

    fn change(self, label: &str, change: impl FnOnce(&mut Step)) {
        self.draft.change_step(&self.key(), label, change);
    }

    /// Changes the step, and says whether the model took it: a cycle is refused.
    fn try_change(self, label: &str, change: impl FnOnce(&mut Step)) -> bool {
        self.draft.try_change_step(&self.key(), label, change)
    }

    /// What is wrong with one field of this step.
    fn problem(self, field: impl Into<String>) -> Signal<Option<String>> {
        self.draft.problem_at(Some(self.key()), field.into())
    }

    /// What is wrong with one field of this step, or with a part of it.
    fn problem_under(self, field: impl Into<String>) -> Signal<Option<String>> {
        self.draft.problem_under(Some(self.key()), field.into())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a component takes its props by value")]
#[component]
pub(super) fn StepPanel(draft: Draft, key: StepKey) -> impl IntoView {
    let stored = StoredValue::new(key.clone());
    let step = memo(move || stored.with_value(|key| draft.step(key)));
    let agent = memo(move || step.with(|step| step.as_ref().and_then(|step| draft.agent_of(step))));
    let one = OneStep { draft, key: stored, step, agent };
    let title = draft.bind(
        move |definition| {
            stored.with_value(|key| definition.steps.get(key).map(|step| step.title.clone())).unwrap_or_default()
        },
        move |title| one.change("Rename step", |step| step.title = title),
    );
    let heading = move || stored.with_value(|key| draft.title_of(key));
    let icon = move || {
        let kind = agent.with(|agent| agent.as_ref().map(AgentSpec::kind));
        view! { <Icon name=kind.map_or("bot", kind::icon)/> }
    };
    let placeholder = key.to_string();
    view! {
        <div class="panel-head">
            <span class="kind-icon">{icon}</span>
            <h2 id="side-panel-title" tabindex="-1">{heading}</h2>
            <IconButton
                icon="x"
                label="Back to the workflow's settings"
                size=Size::Sm
                on_click=move |()| draft.handle.select(Vec::new())
            />
        </div>
        <div class="panel-body">
            <section class="panel-section" on:focusout=move |_| draft.handle.seal()>
                <Field id=field_id("title") label="Title" error=one.problem("title")>
                    <TextInput value=title maxlength=200 placeholder autocomplete="off"/>
                </Field>
                <div class="row small muted" id=field_id("key") tabindex="-1">
                    "Key"
                    <CopyId value=Signal::stored(key.to_string()) what="step key"/>
                </div>
                <Agent one/>
            </section>
            <WaitsFor one/>
            <RunsIf one/>
            <Repeat one/>
            <Inputs one/>
            <Prompt one/>
            <Review one/>
            <Failure one/>
            <Limits one/>
        </div>
        <div class="panel-foot">
            <Button variant=Variant::Danger size=Size::Sm icon="trash-2" on_click=move |()| draft.handle.delete_selected()>
                "Delete step"
            </Button>
        </div>
    }
}
