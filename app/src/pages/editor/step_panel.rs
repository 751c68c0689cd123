//! The panel of one step: its name, what it takes and what it says right below, then who does it, when, and what if not.
//! Every control changes the draft at once and can be undone; problems stand at the field that they are about.

mod agent;
mod behind;
mod bound;
mod condition;
mod failure;
mod find_person;
mod groups;
mod inputs;
mod key;
mod limits;
mod one_step;
mod outside;
mod people;
mod prompt;
mod repeat;
mod review;
mod section;
mod source_field;
mod title;
mod try_it;
mod waits_for;

use leptos::prelude::*;
use workflow::{AgentSpec, StepKey};

pub(super) use self::section::Folded;
use self::{
    agent::Agent, condition::RunsIf, failure::Failure, inputs::Inputs, key::Key, limits::Limits, one_step::OneStep,
    outside::Outside, prompt::Prompt, repeat::Repeat, review::Review, section::Section, title::Title, try_it::TryIt,
    waits_for::WaitsFor,
};
use super::draft::Draft;
use crate::components::{Button, Icon, IconButton, Size, Variant};
use crate::pages::agents::kind;

#[component]
pub(super) fn StepPanel(draft: Draft, key: StepKey) -> impl IntoView {
    let one = OneStep::new(draft, key);
    let heading = move || one.key.with_value(|key| draft.title_of(key));
    let icon = move || {
        let kind = one.agent.with(|agent| agent.as_ref().map(AgentSpec::kind));
        view! { <Icon name=kind.map_or("bot", kind::icon)/> }
    };
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
                <Title one/>
            </section>
            <Inputs one/>
            <Prompt one/>
            <TryIt one/>
            <Section one name="Agent">
                <Agent one/>
                <Key one/>
            </Section>
            <WaitsFor one/>
            <RunsIf one/>
            <Repeat one/>
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
