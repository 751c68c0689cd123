//! Skip a step: it counts as done, and makes nothing. What later steps need of it is asked for first.

use std::collections::BTreeMap;

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    StepKey,
    api::{SkipNeed, SkipStep},
    definition::RunInput,
};

use super::{
    failures::{LoadError, VerbError},
    one_step::{Ask, OneStep, Sender},
    restored::Restored,
    seen::{OvertakenGoOn, Seen},
};
use crate::reactive::effect;
use crate::{
    api,
    components::{Button, Dialog, Skeleton, SkeletonKind, Variant, focus_in_dialog},
    error::AppError,
    form::focus_first_error,
    pages::input_form::field::{InputField, InputView},
};

/// A value that a later step needs.
type Asked = (StepKey, InputField);

#[component]
pub(super) fn SkipDialog(one: OneStep, open: RwSignal<bool>) -> impl IntoView {
    let asked = RwSignal::new(None::<Vec<Asked>>);
    let load_error = RwSignal::new(None::<AppError>);
    let sender = Sender::new(one, move || {
        open.set(false);
        asked.with_untracked(|asked| asked.iter().flatten().for_each(|(_, field)| field.text.set(String::new())));
    });
    let seen = Seen::generation_of(one, open, sender);
    let owner = StoredValue::new(Owner::current());
    let load = move || {
        asked.set(None);
        load_error.set(None);
        spawn_local(async move {
            match api::skip_needs(one.live.id, one.key()).await {
                Ok(needs) => {
                    let make = || needs.into_iter().map(|need| field_of(one, need)).collect();
                    let fields = match owner.try_get_value().flatten() {
                        Some(owner) => owner.with(make),
                        None => make(),
                    };
                    asked.try_set(Some(fields));
                    focus_in_dialog("skip");
                }
                Err(error) => {
                    load_error.try_set(Some(error));
                }
            }
        });
    };
    effect(move || {
        if open.get() {
            seen.look();
            sender.clear();
            load();
        }
    });
    show_missing(asked, sender);
    let body = move || match asked.get() {
        None => view! { <Skeleton kind=SkeletonKind::Control/> }.into_any(),
        Some(asked) if asked.is_empty() => {
            view! { <p>"No later step needs what this one would have made."</p> }.into_any()
        }
        Some(asked) => view! {
            <p class="muted small">"Later steps need what this one would have made. Give them a value instead."</p>
            {asked.into_iter().map(|(_, field)| view! { <InputView field/> }.into_any()).collect_view()}
        }
        .into_any(),
    };
    let send = move || {
        let Some(asked) = asked.get_untracked() else { return };
        let mut inputs: BTreeMap<StepKey, BTreeMap<String, serde_json::Value>> = BTreeMap::new();
        let mut is_complete = true;
        for (step, field) in &asked {
            match InputField::read_all(std::slice::from_ref(field)) {
                Some(read) => inputs.entry(step.clone()).or_default().extend(read),
                None => is_complete = false,
            }
        }
        if is_complete {
            sender.send(Ask::Skip(SkipStep { inputs, expect_generation: seen.generation() }));
        } else {
            focus_first_error();
        }
    };
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button
                variant=Variant::Primary
                icon="skip-forward"
                loading=sender.pending()
                disabled=Signal::derive(move || asked.with(Option::is_none) || seen.is_overtaken.get())
                on_click=move |()| send()
            >
                "Skip"
            </Button>
        }
    };
    view! {
        <Dialog
            id="skip"
            open
            title=Signal::derive(move || format!("Skip “{}”", one.title()))
            description="The step counts as done and makes nothing. You can run it later."
            actions=actions
        >
            <div class="stack" data-gap="3">
                <LoadError error=load_error again=move |()| load()/>
                <VerbError error=sender.error/>
                <Restored of=one.subject() form="skip"/>
                <OvertakenGoOn seen text="What you typed is still here. Skipping it now would skip the step as it is now."/>
                <Show when=move || load_error.with(Option::is_none)>{body}</Show>
            </div>
        </Dialog>
    }
}

/// The server names a value that is missing by step and port.
fn show_missing(asked: RwSignal<Option<Vec<Asked>>>, sender: Sender) {
    effect(move || {
        let Some(error) = sender.error.get() else { return };
        let Some(field) = error.0.field.clone() else { return };
        asked.with_untracked(|asked| {
            for (step, input) in asked.iter().flatten() {
                if field == format!("inputs.{step}.{}", input.key) {
                    input.error.set(Some(error.0.detail.clone()));
                }
            }
        });
    });
}

fn field_of(one: OneStep, need: SkipNeed) -> Asked {
    let input = RunInput {
        title: format!("{} · {}", need.step_title, need.port),
        schema: need.schema,
        required: true,
        ..RunInput::default()
    };
    let field = InputField::of_form(&format!("skip-{}", need.step), &need.port, &input);
    let field = field.kept_in(one.draft(&format!("skip {} {}", need.step, need.port)));
    (need.step, field)
}
