//! What the chosen step is fed with: where each input comes from, and the version that the last attempt used.

use leptos::prelude::*;
use workflow::{
    RunView, StepKey,
    resolve::effective_override,
    source::Source,
    view::{ConsumedInput, StepView},
};

use super::{one_step::OneStep, state::title_of};
use crate::components::Empty;
use crate::reactive::memo;

#[component]
pub(super) fn Inputs(one: OneStep) -> impl IntoView {
    let rows = memo(move || {
        let key = one.key();
        one.live.run.with(|run| run.step(&key).map(|step| rows(run, step)).unwrap_or_default())
    });
    let list = move || {
        rows.get().into_iter().map(|(port, from)| view! { <div><dt>{port}</dt><dd>{from}</dd></div> }).collect_view()
    };
    view! {
        <Show
            when=move || !rows.with(Vec::is_empty)
            fallback=|| view! { <Empty icon="plug" title="No inputs" text="This step takes nothing from the run or from other steps"/> }
        >
            <dl class="facts">{list}</dl>
        </Show>
    }
}

fn rows(run: &RunView, step: &StepView) -> Vec<(String, String)> {
    let Some(definition) = run.run_definition.steps.get(step.definition_key()) else { return Vec::new() };
    let consumed = step.attempts.last().map(|attempt| attempt.inputs.as_slice()).unwrap_or_default();
    let set = effective_override(&run.overrides, &step.key).map(|over| over.inputs).unwrap_or_default();
    // A person may also set a port that nothing is mapped to.
    let unmapped = set.keys().filter(|port| !definition.inputs.contains_key(*port)).map(|port| (port, None));
    let mapped = definition.inputs.iter().map(|(port, source)| (port, Some(source)));
    let row = |(port, source): (&String, Option<&Source>)| {
        let from = match (set.get(port), source) {
            (Some(value), _) => format!("set in this run: {}", short(value)),
            (None, Some(source)) => {
                source_words(run, source, consumed.iter().find(|input| input.port == *port), Some(&step.key))
            }
            (None, None) => String::new(),
        };
        (port.clone(), from)
    };
    mapped.chain(unmapped).map(row).collect()
}

/// Where a source comes from.
pub(super) fn source_words(
    run: &RunView,
    source: &Source,
    used: Option<&ConsumedInput>,
    of: Option<&StepKey>,
) -> String {
    match source {
        Source::Const(value) => format!("constant {}", short(value)),
        Source::Run { key, .. } => format!("run input “{key}”"),
        Source::Step { step, artifact, path } => {
            let version = used.and_then(|input| input.version).map(|v| format!(" v{v}")).unwrap_or_default();
            let part = if path.is_empty() { String::new() } else { format!(" › {}", path.trim_start_matches('/')) };
            format!("{} · {artifact}{version}{part}", title_of(run, step))
        }
        Source::Item { path } => {
            let item = of.and_then(|key| key.split().1).map(|item| format!(" “{item}”")).unwrap_or_default();
            let part = if path.is_empty() { String::new() } else { format!(" › {}", path.trim_start_matches('/')) };
            format!("item{item} of the list{part}")
        }
    }
}

/// A value in a line.
pub(super) fn short(value: &serde_json::Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}
