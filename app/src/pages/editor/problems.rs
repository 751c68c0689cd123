//! The drawer at the foot: everything the shared validator finds. A press leads to the field.

use std::{collections::BTreeMap, time::Duration};

use canvas::edit::Fix;
use leptos::prelude::*;
use workflow::{Problem, Severity, graph::Graph};

use super::{draft::Draft, fixes, focus};
use crate::{
    behind::Later,
    components::{Badge, Empty, Icon, MoreRows, Tone, quoted},
    later::{View, later},
    reactive::{effect, memo},
};

later! {
    more: listed, View<(Draft, RwSignal<usize>)>, |(draft, most)| view! { <Listed draft most/> }.into_any();
}

/// Listed at once; a definition of thousands of steps may have as many problems.
const PORTION: usize = 200;
const HEARD_AFTER: Duration = Duration::from_secs(2);

#[component]
pub(super) fn Problems(draft: Draft) -> impl IntoView {
    let is_open = RwSignal::new(false);
    let most = RwSignal::new(PORTION);
    let counts = memo(move || {
        draft.problems.with(|problems| {
            let n_errors = problems.iter().filter(|problem| problem.is_error()).count();
            (n_errors, problems.len() - n_errors)
        })
    });
    let words = memo(move || match counts.get() {
        (0, 0) => "No problems".to_owned(),
        (errors, warnings) => {
            let part = |n: usize, noun: &str| (n > 0).then(|| crate::words::count(n, noun));
            [part(errors, "error"), part(warnings, "warning")].into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
    });
    let heard = settled(words);
    let n_more = move || draft.problems.with(Vec::len).saturating_sub(most.get());
    view! {
        <section class="bottom-drawer" data-open=move || is_open.get() aria-label="Problems">
            <div class="bottom-drawer-head">
                <button
                    class="btn"
                    type="button"
                    data-variant="quiet"
                    data-size="sm"
                    aria-expanded=move || if is_open.get() { "true" } else { "false" }
                    aria-controls="problems"
                    on:click=move |_| is_open.update(|open| *open = !*open)
                >
                    <span class="btn-label">
                        <Icon name="list-checks"/>
                        "Problems"
                    </span>
                </button>
                <span aria-hidden="true">
                    {move || {
                        let tone = match counts.get() {
                            (0, 0) => Tone::Success,
                            (0, _) => Tone::Warn,
                            _ => Tone::Error,
                        };
                        view! { <Badge tone>{words.get()}</Badge> }
                    }}
                </span>
                // Heard when it changes, as a connection or a source makes it.
                <span class="visually-hidden" role="status">{move || format!("Now {}", heard.get().to_lowercase())}</span>
            </div>
            <div class="bottom-drawer-body" id="problems">
                <Show when=move || is_open.get()>
                    <Later part=listed of=(draft, most)/>
                    <MoreRows
                        has_more=Signal::derive(move || n_more() > 0)
                        on_more=move |()| most.update(|most| *most += PORTION)
                        label=Signal::derive(move || format!("{} more", n_more()))
                    />
                    <Show when=move || draft.problems.with(Vec::is_empty)>
                        <Empty icon="circle-check" title="No problems" text="The workflow can be published as it is"/>
                    </Show>
                </Show>
            </div>
        </section>
    }
}

#[component]
fn Listed(draft: Draft, most: RwSignal<usize>) -> impl IntoView {
    move || {
        draft.problems.with(|problems| {
            let order = draft.handle.with_definition_untracked(|definition| {
                let order = Graph::of(definition).order().unwrap_or_default();
                order.into_iter().enumerate().map(|(place, key)| (key.clone(), place)).collect::<BTreeMap<_, _>>()
            });
            let mut problems: Vec<&Problem> = problems.iter().collect();
            // What is wrong with the workflow itself comes first, then step by step as they run.
            problems
                .sort_by_key(|problem| problem.step.as_ref().map(|key| order.get(key).copied().unwrap_or(usize::MAX)));
            let shown: Vec<Problem> = problems.into_iter().take(most.get()).cloned().collect();
            let offered = fixes::offered(draft, &shown);
            shown.into_iter().zip(offered).map(|(problem, fixes)| view! { <Item draft problem fixes/> }).collect_view()
        })
    }
}

/// Once it has stayed for a moment: what is typed makes problems and takes them away with each pause, and nobody wants to hear that.
fn settled(words: Memo<String>) -> RwSignal<String> {
    let heard = RwSignal::new(words.get_untracked());
    effect(move || {
        let now = words.get();
        if heard.with_untracked(|heard| *heard == now) {
            return;
        }
        let tell = move || {
            heard.try_set(now);
        };
        if let Ok(timer) = set_timeout_with_handle(tell, HEARD_AFTER) {
            on_cleanup(move || timer.clear());
        }
    });
    heard
}

#[component]
fn Item(draft: Draft, problem: Problem, fixes: Vec<Fix>) -> impl IntoView {
    let (severity, icon, spoken) = match problem.severity {
        Severity::Error => ("error", "circle-alert", "Error"),
        Severity::Warning => ("warning", "triangle-alert", "Warning"),
    };
    let place = problem.step.as_ref().map_or_else(|| "Workflow".to_owned(), |key| untrack(|| draft.title_of(key)));
    let message = problem.message.clone();
    let buttons = (!fixes.is_empty()).then(|| fixes::buttons(draft, &problem, fixes));
    view! {
        <div class="problem-row" data-row="">
            <button class="problem" type="button" data-severity=severity on:click=move |_| focus::go_to(draft, &problem)>
                <Icon name=icon/>
                <strong><span class="visually-hidden">{spoken} " in "</span> {place}</strong>
                <span>{quoted(&message)}</span>
            </button>
            {buttons}
        </div>
    }
}
