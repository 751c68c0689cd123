//! What a step gave last, output by output, and whether tries use that in place of running it.

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    StepKey,
    agent::OutputPort,
    api::{Encoding, PinPlace, PinSide, SeenValue},
};

use super::{Trying, form::PinButton, seen_value::in_a_line, use_trying};
use crate::reactive::memo;
use crate::{api, components::RelativeTime};

#[component]
pub(in crate::pages::editor) fn Outputs(key: StepKey, ports: Memo<Vec<OutputPort>>) -> impl IntoView {
    let trying = use_trying();
    let key = StoredValue::new(key);
    let names = memo(move || ports.with(|ports| ports.iter().map(|port| port.name.clone()).collect::<Vec<_>>()));
    let shown = memo(move || {
        let is_known = |name: &String| {
            key.with_value(|key| trying.seen_output(key, name).is_some() || trying.is_pinned(&place(key, name)))
        };
        names.get().into_iter().filter(is_known).collect::<Vec<_>>()
    });
    view! {
        <Show when=move || !shown.with(Vec::is_empty)>
            <div class="stack" data-gap="2">
                <h4 class="try-heading">"Last output"</h4>
                <For each=move || shown.get() key=Clone::clone let:name>
                    <Output trying key=key.get_value() name/>
                </For>
                <p class="small muted">"A step whose output is pinned does not run in a try that goes past it."</p>
            </div>
        </Show>
    }
}

fn place(key: &StepKey, name: &str) -> PinPlace {
    PinPlace { step: Some(key.clone()), side: PinSide::Output, name: name.to_owned() }
}

#[component]
fn Output(trying: Trying, key: StepKey, name: String) -> impl IntoView {
    let place = StoredValue::new(place(&key, &name));
    let pinned = memo(move || place.with_value(|place| trying.pinned(place)));
    let is_pinned = memo(move || pinned.with(Option::is_some));
    let of = StoredValue::new((key, name.clone()));
    let seen = memo(move || of.with_value(|(key, name)| trying.seen_output(key, name)));
    let label = {
        let name = name.clone();
        Signal::derive(
            move || if is_pinned.get() { format!("Unpin output {name}") } else { format!("Pin output {name}") },
        )
    };
    let press = move |()| {
        if is_pinned.get_untracked() {
            trying.pin(place.get_value(), None);
        } else if let Some(seen) = seen.get_untracked() {
            keep(trying, place.get_value(), seen);
        }
    };
    let line = move || {
        match (pinned.get(), seen.get()) {
        (Some(value), _) | (None, Some(SeenValue { value: Some(value), .. })) => view! { <bdi>{in_a_line(&value)}</bdi> }.into_any(),
        (None, Some(seen)) => view! { <a href=format!("/runs/{}", seen.run_id)>{format!("{}, in the run", crate::words::size(seen.size))}</a> }.into_any(),
        (None, None) => ().into_any(),
    }
    };
    let from = move || {
        if is_pinned.get() {
            return view! { "Pinned" }.into_any();
        }
        seen.get()
            .map(|seen| {
                let words = if seen.is_test { "Try, " } else { "Run, " };
                view! { {words} <RelativeTime at=seen.at/> }
            })
            .into_any()
    };
    view! {
        <div class="mapping try-output">
            <div class="mapping-port">
                <span class="truncate">{name}</span>
                <span class="small muted">{from}</span>
                <span class="push"></span>
                <PinButton is_pinned label tip="Tries of yours use this in place of running the step" on_press=Callback::new(press)/>
            </div>
            <p class="last-seen small">{line}</p>
        </div>
    }
}

/// Pins a value that was seen; a large one is fetched for that.
fn keep(trying: Trying, place: PinPlace, seen: SeenValue) {
    if let Some(value) = seen.value {
        return trying.pin(place, Some(value));
    }
    let Some(artifact) = seen.artifact_id else { return };
    spawn_local(async move {
        match api::get_artifact(seen.run_id, artifact).await {
            Ok(artifact) if artifact.encoding == Encoding::Base64 => {
                trying.draft.toasts.error("This output is a file, which cannot be pinned");
            }
            Ok(artifact) => trying.pin(place, Some(artifact.content)),
            Err(error) => {
                trying.draft.session.note(&error);
                trying.draft.toasts.error(format!("Not pinned: {}", error.0.detail));
            }
        }
    });
}
