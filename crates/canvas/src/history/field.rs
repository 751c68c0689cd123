//! Which field an edit types in, whether one edit makes another one moot, and what an edit weighs.
//! Choices (a mode, a switch) are no typing: each is an entry of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use serde_json::Value;
use workflow::{
    Step, StepKey,
    definition::{Position, RunInput},
    source::Source,
};

use crate::edit::Edit;

/// The one typed field that differs between an edit and its inverse, as a name that equal fields share.
pub(super) fn typed(edit: &Edit, inverse: &Edit) -> Option<String> {
    match (edit, inverse) {
        (Edit::SetStep { key, step }, Edit::SetStep { step: before, .. }) => {
            typed_in_step(before, step).map(|field| format!("step {key} {field}"))
        }
        (
            Edit::SetInput { step, port, source: Some(Source::Const(_)) },
            Edit::SetInput { source: Some(Source::Const(_)), .. },
        ) => Some(format!("step {step} inputs.{port}")),
        (Edit::SetRunInput { key, input: Some(input) }, Edit::SetRunInput { input: Some(before), .. }) => {
            let with = |change: fn(&mut RunInput, &RunInput)| {
                let mut same = before.clone();
                change(&mut same, input);
                same == *input
            };
            if with(|same, input| same.title.clone_from(&input.title)) {
                Some(format!("run input {key} title"))
            } else {
                // A name, a choice or a sentence is typed; another shape, or another order, is chosen.
                let is_typing = before.schema.shape() == input.schema.shape()
                    && !input.schema.is_reordered(&before.schema)
                    && with(|same, input| same.schema.clone_from(&input.schema));
                is_typing.then(|| format!("run input {key} type"))
            }
        }
        (Edit::SetNote { id, note: Some(note) }, Edit::SetNote { note: Some(before), .. }) => {
            let mut same = before.clone();
            same.text.clone_from(&note.text);
            (same == *note).then(|| format!("note {id} text"))
        }
        (Edit::SetGroup { id, group: Some(group) }, Edit::SetGroup { group: Some(before), .. }) => {
            (group.colour == before.colour).then(|| format!("group {id} title"))
        }
        (Edit::SetLimits(limits), Edit::SetLimits(before)) => {
            let is_choice = limits.budget.as_ref().map(|budget| budget.on_exceed)
                != before.budget.as_ref().map(|budget| budget.on_exceed)
                && limits.budget.is_some()
                && before.budget.is_some();
            (!is_choice).then(|| "limits".to_owned())
        }
        (Edit::SetName(_), Edit::SetName(_)) => Some("name".to_owned()),
        (Edit::SetDescription(_), Edit::SetDescription(_)) => Some("description".to_owned()),
        _ => None,
    }
}

fn typed_in_step(before: &Step, after: &Step) -> Option<String> {
    let with = |change: fn(&mut Step, &Step)| {
        let mut same = before.clone();
        change(&mut same, after);
        same == *after
    };
    if before == after {
        None
    } else if with(|same, after| same.title.clone_from(&after.title)) {
        Some("title".into())
    } else if before.prompt.is_some() && with(|same, after| same.prompt.clone_from(&after.prompt)) {
        // Switching an override on or off is a choice; writing in it is typing.
        after.prompt.is_some().then(|| "prompt".into())
    } else if with(|same, after| same.inputs.clone_from(&after.inputs)) {
        let mut changed = after.inputs.iter().filter(|(port, source)| before.inputs.get(*port) != Some(*source));
        let (port, source) = changed.next()?;
        let is_typing = before.inputs.len() == after.inputs.len()
            && changed.next().is_none()
            && matches!((before.inputs.get(port)?, source), (Source::Const(_), Source::Const(_)));
        is_typing.then(|| format!("inputs.{port}"))
    } else {
        typed_in_settings(before, after)
    }
}

/// A number or a text deep in the settings: the one leaf that differs, if it is one that is typed.
fn typed_in_settings(before: &Step, after: &Step) -> Option<String> {
    const TYPED: [&str; 8] = [
        "/timeout_s",
        "/queue_timeout_s",
        "/retry/",
        "/review/",
        "/map/",
        "/concurrency/",
        "/when/",
        "/default_output/",
    ];
    // Choices from a list are entries of their own.
    const CHOSEN: [&str; 5] = ["/mode", "/on_timeout", "/on_item_error", "/from", "/step"];
    let (before, after) = (workflow::json::to_value(before).ok()?, workflow::json::to_value(after).ok()?);
    let mut leaves = Vec::new();
    differing(&before, &after, String::new(), &mut leaves);
    match leaves.as_slice() {
        [leaf] => {
            let is_typed =
                TYPED.iter().any(|start| leaf.starts_with(start)) && !CHOSEN.iter().any(|end| leaf.ends_with(end));
            is_typed.then(|| leaf.clone())
        }
        _ => None,
    }
}

/// The places of numbers and texts that differ; an absent number or text differs from one that is there.
fn differing(before: &Value, after: &Value, place: String, leaves: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                let (old, new) = (before.get(key).unwrap_or(&Value::Null), after.get(key).unwrap_or(&Value::Null));
                differing(old, new, format!("{place}/{key}"), leaves);
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (n, (old, new)) in before.iter().zip(after).enumerate() {
                differing(old, new, format!("{place}/{n}"), leaves);
            }
        }
        (before, after) if before == after => {}
        // More than a leaf has changed: that is never typing.
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => {
            leaves.extend([place.clone(), place]);
        }
        _ => leaves.push(place),
    }
}

/// Whether applying `later` right after `earlier` leaves nothing of `earlier`.
pub(super) fn overwrites(later: &Edit, earlier: &Edit) -> bool {
    match (later, earlier) {
        (Edit::SetLimits(_), Edit::SetLimits(_))
        | (Edit::SetName(_), Edit::SetName(_))
        | (Edit::SetDescription(_), Edit::SetDescription(_)) => true,
        (Edit::SetStep { key: a, .. }, Edit::SetStep { key: b, .. }) => a == b,
        (Edit::SetInput { step: a, port: p, .. }, Edit::SetInput { step: b, port: q, .. }) => a == b && p == q,
        (Edit::SetRunInput { key: a, .. }, Edit::SetRunInput { key: b, .. })
        | (Edit::SetNote { id: a, .. }, Edit::SetNote { id: b, .. })
        | (Edit::SetGroup { id: a, .. }, Edit::SetGroup { id: b, .. }) => a == b,
        (Edit::MoveSteps(a), Edit::MoveSteps(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((a, _), (b, _))| a == b)
        }
        (Edit::Batch(a), Edit::Batch(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(later, earlier)| overwrites(later, earlier))
        }
        _ => false,
    }
}

/// The one edit that does what `earlier` and then `later` do, and that the inverse of `earlier` takes back.
pub(super) fn both_in_one(later: &Edit, earlier: &Edit) -> Option<Edit> {
    match (later, earlier) {
        // The first move also says where all those stand that had no place, the next ones move fewer.
        (Edit::MoveSteps(moves), Edit::MoveSteps(first)) => {
            let keys: BTreeSet<&StepKey> = first.iter().map(|(key, _)| key).collect();
            let now: BTreeMap<&StepKey, Option<Position>> = moves.iter().map(|(key, place)| (key, *place)).collect();
            let as_now =
                |(key, place): &(StepKey, Option<Position>)| (key.clone(), now.get(key).copied().unwrap_or(*place));
            now.keys().all(|key| keys.contains(key)).then(|| Edit::MoveSteps(first.iter().map(as_now).collect()))
        }
        (Edit::Batch(later), Edit::Batch(earlier)) => {
            let ((second, later), (first, earlier)) = (later.split_first()?, earlier.split_first()?);
            // Only what comes first may keep something of before: nothing of it was written over since.
            let is_rest_new = later.len() == earlier.len() && later.iter().zip(earlier).all(|(a, b)| overwrites(a, b));
            let both = both_in_one(second, first).filter(|_| is_rest_new)?;
            Some(Edit::Batch(std::iter::once(both).chain(later.iter().cloned()).collect()))
        }
        _ => overwrites(later, earlier).then(|| later.clone()),
    }
}

/// Bytes of the edit as JSON, which is close to what it holds in memory.
pub(super) fn size(edit: &Edit) -> usize {
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, edit) {
        Ok(()) => count.0,
        // Such an edit cannot be made of JSON; it counts as large rather than as free.
        Err(_) => 1024 * 1024,
    }
}

struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
