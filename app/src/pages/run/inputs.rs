//! What the chosen step is fed with: where each input comes from, one press from there, and the version that the last attempt used.

use leptos::prelude::*;
use workflow::{
    RunId, RunView, Step, StepKey,
    resolve::effective_override,
    resolve::run_input,
    source::Source,
    view::{ArtifactMeta, ConsumedInput, StepView},
};

use super::{artifact::Artifact, one_step::OneStep, state::title_of};
use crate::address::step_of_run;
use crate::components::{CodeView, Empty};
use crate::reactive::memo;

/// Characters of a value that stands where it is fed from.
const SHORT: usize = 160;
/// Bytes of one that is laid out as a whole.
const LONG: usize = 16 * 1024;

/// A port, where it is fed from, and what it got.
#[derive(Clone, PartialEq)]
struct Row {
    port: String,
    from: String,
    /// The step that made it.
    of: Option<StepKey>,
    value: Fed,
}

#[derive(Clone, PartialEq)]
enum Fed {
    /// Written where it comes from, or not known.
    Nothing,
    Value(String),
    Artifact(Box<ArtifactMeta>),
}

#[component]
pub(super) fn Inputs(one: OneStep) -> impl IntoView {
    let rows = memo(move || {
        let key = one.key();
        one.live.run.with(|run| run.step(&key).map(|step| rows(run, step)).unwrap_or_default())
    });
    let run = one.live.id;
    let list = move || rows.get().into_iter().map(|row| view! { <InputRow run row/> }).collect_view();
    view! {
        <Show
            when=move || !rows.with(Vec::is_empty)
            fallback=|| view! { <Empty icon="plug" title="No inputs" text="This step takes nothing from the run or from other steps"/> }
        >
            <dl class="facts">{list}</dl>
        </Show>
    }
}

#[component]
fn InputRow(run: RunId, row: Row) -> impl IntoView {
    let Row { port, from, of, value } = row;
    let from = match of {
        Some(step) => {
            let href = step_of_run(run, &step);
            view! { <a href=href><bdi>{from}</bdi></a> }.into_any()
        }
        None => view! { <bdi>{from}</bdi> }.into_any(),
    };
    let value = match value {
        Fed::Nothing => ().into_any(),
        Fed::Value(text) if text.chars().count() <= SHORT => view! { <div class="streaming">{text}</div> }.into_any(),
        Fed::Value(text) if text.len() <= LONG => {
            view! { <InputFold><div class="streaming">{text.clone()}</div></InputFold> }.into_any()
        }
        Fed::Value(text) => {
            view! { <InputFold><CodeView text=text.clone() title="What it got" wrap=true/></InputFold> }.into_any()
        }
        Fed::Artifact(artifact) => {
            view! { <InputFold><Artifact run artifact=(*artifact).clone()/></InputFold> }.into_any()
        }
    };
    view! {
        <div>
            <dt>{port}</dt>
            <dd>{from} " " {value}</dd>
        </div>
    }
}

/// What is long, or has to be asked for, is there once it is opened.
#[component]
fn InputFold(children: ChildrenFn) -> impl IntoView {
    let is_seen = RwSignal::new(false);
    view! {
        <details class="input-fold" on:toggle=move |_| is_seen.set(true)>
            <summary>"What it got"</summary>
            <Show when=move || is_seen.get()>{children()}</Show>
        </details>
    }
}

fn rows(run: &RunView, step: &StepView) -> Vec<Row> {
    let Some(definition) = run.run_definition.steps.get(step.definition_key()) else { return Vec::new() };
    let consumed = step.attempts.last().map(|attempt| attempt.inputs.as_slice()).unwrap_or_default();
    let set = effective_override(&run.overrides, &step.key).map(|over| over.inputs).unwrap_or_default();
    // A person may also set a port that nothing is mapped to.
    let unmapped = set.keys().filter(|port| !definition.inputs.contains_key(*port)).map(|port| (port, None));
    let mapped = definition.inputs.iter().map(|(port, source)| (port, Some(source)));
    let row = |(port, source): (&String, Option<&Source>)| {
        let used = consumed.iter().find(|input| input.port == *port);
        let (from, value) = match (set.get(port), source) {
            (Some(value), _) => ("set in this run".to_owned(), Fed::Value(text(value))),
            (None, Some(source)) => (source_words(run, source, used, Some(&step.key)), fed(run, source, used)),
            (None, None) => (String::new(), Fed::Nothing),
        };
        let of = source.filter(|_| !set.contains_key(port)).and_then(|source| made_by(definition, source)).cloned();
        Row { port: port.clone(), from, of, value }
    };
    mapped.chain(unmapped).map(row).collect()
}

/// The step that made what a source reads; of an item, the one that made the list.
fn made_by<'a>(step: &'a Step, source: &'a Source) -> Option<&'a StepKey> {
    match source {
        Source::Item { .. } => step.map.as_ref().and_then(|map| map.over.step()),
        Source::Step { .. } | Source::Run { .. } | Source::Const(_) => source.step(),
    }
}

fn fed(run: &RunView, source: &Source, used: Option<&ConsumedInput>) -> Fed {
    let artifact = used.and_then(|used| used.artifact_id);
    match source {
        Source::Run { key, path } => {
            let value = run_input(&run.run_definition, &run.inputs, key, path);
            value.map_or(Fed::Nothing, |value| Fed::Value(text(value)))
        }
        // The version that was used, or the latest before there is an attempt.
        Source::Step { step, artifact: name, .. } => {
            let is_it = |known: &&ArtifactMeta| match artifact {
                Some(id) => known.id == id,
                None => known.is_latest && known.producing_step_id == *step && known.name == *name,
            };
            run.artifacts.iter().find(is_it).cloned().map_or(Fed::Nothing, |artifact| Fed::Artifact(Box::new(artifact)))
        }
        Source::Const(_) | Source::Item { .. } => Fed::Nothing,
    }
}

/// A text as it is, anything else as JSON.
fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
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
