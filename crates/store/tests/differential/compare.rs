//! What both engines told of a run since the last look, and what they show of it, held against each other.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use workflow::{
    RunView, StepKey, UserId,
    run::{RunEvent, event::EventKind},
    view::ArtifactMeta,
};

use crate::{
    known::{self, Tally},
    twin::Twin,
    world::{Check, World, emails, people, shown},
};

/// An event as it is compared: its kind, its step, and who asked for it.
type Line = (String, Option<StepKey>, Option<UserId>);

pub(crate) async fn run(world: &mut World, t: usize, is_unordered: bool) -> Check {
    let viewer = &people()[1];
    let (run, seen) = (world.twins[t].run, world.twins[t].seen.seq);
    let told = world.store.events_after(run, seen, 100_000).await.map_err(shown)?;
    let view = world.store.run_view(run, viewer).await.map_err(shown)?.ok_or("it is not there")?;
    let (twin, tally) = (&mut world.twins[t], &mut world.tally);
    let fresh = std::mem::take(&mut twin.fresh);
    tally.events(&told);
    let mut old: Vec<Line> = told
        .iter()
        .filter(|event| !twin.by_itself.contains(&event.seq))
        .map(|event| {
            (event.kind.as_str().to_owned(), event.data.step.clone(), event.actor.as_ref().map(|actor| actor.id))
        })
        .collect();
    let mut new: Vec<Line> = fresh.iter().filter_map(|event| line(event, tally)).collect();
    known::fold_budgets(&mut old, &mut new, tally);
    known::forget_who_abandoned(&mut old, &new, tally);
    if is_unordered && old != new {
        old.sort();
        new.sort();
        tally.met("order of what happens at once");
    }
    if old != new {
        return Err(format!("the old engine tells {old:?}\n  the new one {new:?}"));
    }
    let shown_new = twin.state.view(&emails());
    let (old, new) = (of_old(&view, &shown_new, twin, tally), of_new(&shown_new, twin, tally));
    let differences = differences(&old, &new);
    if !differences.is_empty() {
        return Err(format!("they show\n    {}", differences.join("\n    ")));
    }
    twin.seen = view;
    tally.n_compared += 1;
    Ok(())
}

fn line(event: &RunEvent, tally: &mut Tally) -> Option<Line> {
    let name = match event.kind {
        EventKind::StepsStarted => "steps_started",
        EventKind::StepsAdmitted => "steps_admitted",
        EventKind::Continued => "continued",
        _ => return Some((event.kind.as_str().to_owned(), event.data.step.clone(), event.actor)),
    };
    tally.met(name);
    None
}

// ---- views

fn of_new(view: &RunView, twin: &Twin, tally: &mut Tally) -> Value {
    let mut view = view.clone();
    for step in &mut view.steps {
        known::forget_the_basis(step, tally);
        known::forget_halves_of_tokens(step, tally);
    }
    known::forget_what_maps_passed(&mut view, twin, tally);
    plain(&view)
}

fn of_old(view: &RunView, new: &RunView, twin: &Twin, tally: &mut Tally) -> Value {
    let mut view = view.clone();
    known::forget_short_awakenings(&mut view, new, tally);
    known::rename_items(&mut view, new, tally);
    for step in &mut view.steps {
        known::forget_the_basis(step, tally);
        known::forget_halves_of_tokens(step, tally);
        known::count_without_empty_generations(step, twin);
    }
    known::forget_what_maps_passed(&mut view, twin, tally);
    plain(&view)
}

/// Without numbers of events, and with versions in place of ids.
fn plain(view: &RunView) -> Value {
    let names: BTreeMap<String, String> =
        view.artifacts.iter().map(|artifact| (artifact.id.to_string(), name(artifact))).collect();
    let of = |id: &Value| match id.as_str() {
        Some(id) => json!(names.get(id).map_or("gone", String::as_str)),
        None => Value::Null,
    };
    let mut plain = json!(view);
    plain["seq"] = Value::Null;
    for artifact in plain["artifacts"].as_array_mut().into_iter().flatten() {
        for field in ["id", "parent"] {
            artifact[field] = of(&artifact[field]);
        }
    }
    for step in plain["steps"].as_array_mut().into_iter().flatten() {
        for attempt in step["attempts"].as_array_mut().into_iter().flatten() {
            for input in attempt.get_mut("inputs").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(id) = input.get_mut("artifact_id") {
                    *id = of(id);
                }
            }
        }
    }
    plain
}

fn name(artifact: &ArtifactMeta) -> String {
    format!("{}.{}.{}", artifact.producing_step_id, artifact.name, artifact.version)
}

/// Where two documents differ, by path.
fn differences(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    differ("", old, new, &mut found);
    found
}

fn differ(path: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let (a, b) = (a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null));
                differ(&format!("{path}.{name}"), a, b, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                // A step by its key says more than by its number.
                let name = a.get("key").and_then(Value::as_str).map_or_else(|| n.to_string(), str::to_owned);
                differ(&format!("{path}[{name}]"), a, b, found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            let only = |these: &[Value], those: &[Value]| -> Vec<String> {
                these.iter().filter(|one| !those.contains(one)).map(Value::to_string).collect()
            };
            found.push(format!("{path}: only old {:?}, only new {:?}", only(a, b), only(b, a)));
        }
        _ if old == new => {}
        _ => found.push(format!("{path}: {old} and {new}")),
    }
}
