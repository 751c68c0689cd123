//! Checks of a step's control flow: its map, its concurrency key, its retries, and what it gives when it fails.

use super::{Told, sources};
use crate::{
    agent::{AgentCatalog, AgentSpec},
    decide::map_items,
    definition::{Definition, MapOver, OnError, OnReviewTimeout, Step},
    limits,
    problem::ProblemCode,
    schema::{Compatibility, Kind, Schema, article},
    source::{Source, is_pointer},
    status::Reason,
};

/// The error classes after which another try can help.
pub const RETRYABLE: [Reason; 8] = [
    Reason::ChildFailed,
    Reason::InvalidOutput,
    Reason::OutputTooLarge,
    Reason::Permanent,
    Reason::RateLimit,
    Reason::Server,
    Reason::Timeout,
    Reason::Unauthorized,
];

pub(super) fn check(
    definition: &Definition,
    agents: &AgentCatalog,
    spec: Option<&AgentSpec>,
    step: &Step,
    told: &mut Told<'_>,
) {
    retry(step, told);
    if let Some(map) = &step.map {
        self::map(definition, agents, step, map, told);
    }
    if let Some(concurrency) = &step.concurrency {
        if !(1..=limits::MAX_PARALLEL).contains(&concurrency.limit) {
            told.invalid("concurrency.limit", "Allow from 1 to 10,000 steps at once");
        }
        concurrency_key(definition, &concurrency.key, told);
    }
    default_output(spec, step, told);
}

fn retry(step: &Step, told: &mut Told<'_>) {
    if step.max_retries() > limits::MAX_RETRIES {
        told.invalid("retry.max", format!("At most {} retries", limits::MAX_RETRIES));
    }
    if !(0.0..=1.0).contains(&step.retry.jitter) {
        told.invalid("retry.jitter", "Use a jitter from 0 to 1");
    }
    for (field, ms) in [("retry.initial_ms", step.retry.initial_ms), ("retry.max_ms", step.retry.max_ms)] {
        if ms > limits::MAX_RETRY_MS {
            told.invalid(field, "Wait at most 24 hours between two attempts");
        }
    }
    for word in &step.retry.on {
        if !RETRYABLE.iter().any(|class| class.as_str() == word) {
            let known = RETRYABLE.map(Reason::as_str).join(", ");
            told.invalid("retry.on", format!("`{word}` is no error that can be retried: use some of {known}"));
        }
    }
}

fn map(definition: &Definition, agents: &AgentCatalog, step: &Step, map: &MapOver, told: &mut Told<'_>) {
    if !(1..=limits::MAX_MAP_ITEMS).contains(&map.max_items) {
        told.invalid("map.max_items", "Allow from 1 to 10,000 items");
    }
    if map.max_parallel.is_some_and(|n| !(1..=limits::MAX_PARALLEL).contains(&n)) {
        told.invalid("map.max_parallel", "Allow from 1 to 10,000 items at once, or leave the limit out");
    }
    let key_is_pointer = map.key.as_deref().is_none_or(is_pointer);
    if !key_is_pointer {
        told.invalid("map.key", "The key is a JSON Pointer into each item: begin it with `/`");
    } else if let Some(key) = &map.key
        && let Some(list) = sources::given(definition, agents, step, &map.over)
    {
        let item = list.item();
        sources::no_part(&item, key, "map.key", told);
        let fits = |kind: &Kind| matches!(kind, Kind::String | Kind::Number | Kind::Integer);
        if let Some(kind) = item.part_at(key).ok().and_then(|key| key.kind).filter(|kind| !fits(kind)) {
            told.error(
                "map.key",
                ProblemCode::TypeMismatch,
                format!("The key of an item is a text or a number, but this is {}", article(kind)),
            );
        }
    }
    match &map.over {
        Source::Item { .. } => told.invalid("map.over", "A map cannot go over its own items: choose a list"),
        Source::Const(value) if key_is_pointer => {
            if let Err(reason) = map_items(map, Some(value)) {
                told.invalid("map.over", reason.to_string());
            }
        }
        source => match sources::given(definition, agents, step, source) {
            Some(Schema { kind: None, .. }) => told.warning(
                "map.over",
                ProblemCode::TypeUnknown,
                "The map may not fit: it goes over something of any type, but a list is wanted",
            ),
            Some(Schema { kind: Some(kind), .. }) if kind != Kind::Array => told.error(
                "map.over",
                ProblemCode::TypeMismatch,
                format!("A map goes over a list, but this is of type {}", kind.as_str()),
            ),
            _ => {}
        },
    }
}

fn concurrency_key(definition: &Definition, key: &Source, told: &mut Told<'_>) {
    const FIELD: &str = "concurrency.key";
    match key {
        Source::Const(value) => {
            let fits = value.as_str().is_some_and(|text| {
                let n_chars = text.chars().count();
                (1..=limits::MAX_NAME_CHARS).contains(&n_chars) && !text.chars().any(char::is_control)
            });
            if !fits {
                told.invalid(FIELD, "Use a text of 1 to 200 characters as the key");
            }
        }
        Source::Run { key, path } => {
            // That it is there is judged with all other sources.
            match definition.inputs.get(key).and_then(|input| input.schema.part_at(path).ok()) {
                None => {}
                Some(schema) => match schema.feeds(&Schema::text()) {
                    Compatibility::Yes => {}
                    Compatibility::Unsure(reason) => {
                        told.warning(FIELD, ProblemCode::TypeUnknown, format!("The key may not fit: {reason}"));
                    }
                    Compatibility::No(reason) => {
                        told.error(FIELD, ProblemCode::TypeMismatch, format!("The key does not fit: {reason}"));
                    }
                },
            }
        }
        Source::Step { .. } | Source::Item { .. } => {
            told.invalid(
                FIELD,
                "The key is a constant text or an input of the workflow: it must be known at the start",
            );
        }
    }
}

/// What stands in for a failure or a missing answer must have every output, in the right type.
fn default_output(spec: Option<&AgentSpec>, step: &Step, told: &mut Told<'_>) {
    const FIELD: &str = "default_output";
    let on_error = step.on_error == OnError::Default;
    let on_timeout =
        step.review.on_timeout == OnReviewTimeout::Approve && spec.is_some_and(|spec| spec.kind() == "human");
    let Some(given) = &step.default_output else {
        if on_error {
            told.error(FIELD, ProblemCode::MissingOutput, "Give the output that stands in when the step fails");
        }
        return;
    };
    if !on_error && !on_timeout {
        told.warning(FIELD, ProblemCode::NoEffect, "The default output is used only with `on_error: default`");
    }
    let Some(given) = given.as_object() else {
        told.invalid(FIELD, "Give an object with a value for each output, by its name");
        return;
    };
    let Some(spec) = spec else { return };
    for name in given.keys().filter(|name| spec.output(name).is_none()) {
        let message = format!("The agent `{}` has no output `{name}`", spec.id);
        told.error(format!("{FIELD}.{name}"), ProblemCode::UnknownArtifact, message);
    }
    for port in &spec.outputs {
        let field = format!("{FIELD}.{}", port.name);
        let Some(value) = given.get(&port.name) else {
            told.error(field, ProblemCode::MissingOutput, format!("Give a default for the output `{}`", port.name));
            continue;
        };
        // Answers are given item by item; a failure is the whole map's.
        let schema = if on_timeout { port.schema.clone() } else { sources::output_schema(step, port) };
        if let Some((path, fault)) = schema.check(value).into_iter().next() {
            let at = if path.is_empty() { String::new() } else { format!(" at `{path}`") };
            told.error(field, ProblemCode::TypeMismatch, format!("The default for `{}`{at} {fault}", port.name));
        }
    }
}
