//! The prompt of the step: the agent's own, or one that replaces it here.
//! The agent's prompt is always there to be read, and to go back to.

use leptos::prelude::*;

use super::{super::focus::field_id, one_step::OneStep, section::Section};
use crate::components::{Badge, Button, CodeView, Dialog, Field, Icon, Size, TextArea, Tone, Variant};
use crate::reactive::memo;

#[component]
pub(super) fn Prompt(one: OneStep) -> impl IntoView {
    let own =
        memo(move || one.agent.with(|agent| agent.as_ref().and_then(|agent| agent.config.prompt().map(str::to_owned))));
    let is_overridden = memo(move || one.read(|step| step.prompt.is_some()));
    let text = one.draft.bind(
        move |definition| {
            one.key.with_value(|key| definition.steps.get(key).and_then(|step| step.prompt.clone())).unwrap_or_default()
        },
        move |prompt| {
            one.change("Change prompt", |step| {
                if step.prompt.is_some() {
                    step.prompt = Some(prompt);
                }
            });
        },
    );
    let variables = move || {
        let names = one.agent.with(|agent| {
            agent.as_ref().map(|agent| agent.inputs.iter().map(|port| port.name.clone()).collect::<Vec<_>>())
        });
        names
            .unwrap_or_default()
            .into_iter()
            .map(|name| view! { <code>{format!("{{{{ {name} }}}}")}</code> })
            .collect_view()
    };
    let is_large = RwSignal::new(false);
    let large_title =
        Signal::derive(move || format!("Prompt of {}", one.key.with_value(|key| one.draft.title_of(key))));
    let reference = Signal::derive(move || own.get().unwrap_or_default());
    let begin = move || {
        let prompt = own.get_untracked().unwrap_or_default();
        one.change("Change prompt", |step| step.prompt = Some(prompt));
        super::super::focus::focus_soon("prompt".to_owned());
    };
    let body = move || {
        if is_overridden.get() {
            view! {
                <Field id=field_id("prompt") label="Prompt of this step" error=one.problem("prompt")>
                    <TextArea value=text rows=6 mono=true/>
                </Field>
                <div class="row">
                    <p class="small muted variables">"Inputs: " {variables}</p>
                    <span class="push"></span>
                    <Button size=Size::Sm variant=Variant::Quiet icon="maximize" on_click=move |()| is_large.set(true)>
                        "Edit large"
                    </Button>
                </div>
                <details class="fold">
                    <summary><Icon name="chevron-right"/> "The agent's own prompt"</summary>
                    <div class="fold-body">
                        <CodeView text=reference title="Prompt of the agent" wrap=true/>
                    </div>
                </details>
                <div class="row">
                    <Button
                        size=Size::Sm
                        variant=Variant::Quiet
                        icon="undo-2"
                        on_click=move |()| one.change("Use the agent's prompt", |step| step.prompt = None)
                    >
                        "Use the agent's prompt"
                    </Button>
                </div>
            }
            .into_any()
        } else {
            view! {
                <CodeView text=reference title="Prompt of the agent" wrap=true/>
                <div class="row">
                    <Button size=Size::Sm icon="pencil" on_click=move |()| begin()>"Change for this step"</Button>
                </div>
            }
            .into_any()
        }
    };
    view! {
        <Show when=move || own.with(Option::is_some) || is_overridden.get()>
            <Section
                one
                name="Prompt"
                aside=move || is_overridden.get().then(|| view! { <Badge tone=Tone::Accent>"Changed here"</Badge> })
            >
                {body}
                <Dialog id="prompt-editor" open=is_large title=large_title size=Size::Lg>
                    <div class="prompt-large">
                        <TextArea value=text rows=20 mono=true id="prompt-large" label="Prompt of this step"/>
                        <p class="small muted variables">"Inputs: " {variables}</p>
                    </div>
                </Dialog>
            </Section>
        </Show>
    }
}
