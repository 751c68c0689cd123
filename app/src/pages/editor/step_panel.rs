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
mod one_step;
mod outside;
mod people;
mod prompt;
mod repeat;
mod review;
mod source_field;
mod waits_for;

use leptos::prelude::*;
use workflow::{AgentSpec, StepKey};

use self::{
    agent::Agent, condition::RunsIf, failure::Failure, inputs::Inputs, limits::Limits, one_step::OneStep,
    outside::Outside, prompt::Prompt, repeat::Repeat, review::Review, waits_for::WaitsFor,
};
use super::{draft::Draft, focus::field_id};
use crate::components::{Button, CopyId, Field, Icon, IconButton, Size, TextInput, Variant};
use crate::pages::agents::kind;

#[expect(clippy::needless_pass_by_value, reason = "a component takes its props by value")]
#[component]
pub(super) fn StepPanel(draft: Draft, key: StepKey) -> impl IntoView {
    let one = OneStep::new(draft, key.clone());
    let title = draft.bind(
        move |definition| {
            one.key.with_value(|key| definition.steps.get(key).map(|step| step.title.clone())).unwrap_or_default()
        },
        move |title| one.change("Rename step", |step| step.title = title),
    );
    let heading = move || one.key.with_value(|key| draft.title_of(key));
    let icon = move || {
        let kind = one.agent.with(|agent| agent.as_ref().map(AgentSpec::kind));
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
            <Outside one/>
            <Limits one/>
        </div>
        <div class="panel-foot">
            <Button variant=Variant::Danger size=Size::Sm icon="trash-2" on_click=move |()| draft.handle.delete_selected()>
                "Delete step"
            </Button>
        </div>
    }
}
