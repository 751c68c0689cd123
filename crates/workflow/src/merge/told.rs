//! The values of a draft in words, for people who compare two of them.
//! Must name steps and run inputs by their titles, and must end whatever is written in a definition.

use serde::Serialize;
use serde_json::Value;

use crate::{
    condition::Condition,
    definition::{Definition, MapOver, RunInput, Step},
    id::{AgentId, StepKey},
    json,
    schema::Schema,
    source::Source,
    words::number,
};

/// What things are called: as they are afterwards, else as they were.
#[derive(Clone, Copy)]
pub(super) struct Titles<'a> {
    pub(super) before: &'a Definition,
    pub(super) after: &'a Definition,
}

impl Titles<'_> {
    pub(super) fn step(self, key: &StepKey) -> String {
        let step = self.after.steps.get(key).or_else(|| self.before.steps.get(key));
        step.map_or(key.as_str(), |step| step.title_or(key)).to_owned()
    }

    pub(super) fn input(self, key: &str) -> String {
        let input = self.after.inputs.get(key).or_else(|| self.before.inputs.get(key));
        input.map(|input| input.title.as_str()).filter(|title| !title.is_empty()).unwrap_or(key).to_owned()
    }

    pub(super) fn steps<'k>(self, keys: impl IntoIterator<Item = &'k StepKey>) -> Option<String> {
        let titles: Vec<String> = keys.into_iter().map(|key| self.step(key)).collect();
        (!titles.is_empty()).then(|| titles.join(", "))
    }

    pub(super) fn source(self, source: &Source) -> String {
        let (from, path) = match source {
            Source::Const(value) => return literal(value),
            Source::Run { key, path } => (format!("run input {}", self.input(key)), path),
            Source::Step { step, artifact, path } => (format!("{} · {artifact}", self.step(step)), path),
            Source::Item { path } => ("the entry".to_owned(), path),
        };
        if path.is_empty() { from } else { format!("{from} {path}") }
    }

    pub(super) fn condition(self, condition: &Condition) -> String {
        let two = |a: &Source, verb: &str, b: &Source| format!("{} {verb} {}", self.source(a), self.source(b));
        let joined = |all: &[Condition], word: &str| {
            let parts: Vec<String> = all.iter().map(|one| format!("({})", self.condition(one))).collect();
            parts.join(word)
        };
        match condition {
            Condition::Eq(a, b) => two(a, "is", b),
            Condition::Ne(a, b) => two(a, "is not", b),
            Condition::Lt(a, b) => two(a, "is less than", b),
            Condition::Le(a, b) => two(a, "is at most", b),
            Condition::Gt(a, b) => two(a, "is more than", b),
            Condition::Ge(a, b) => two(a, "is at least", b),
            Condition::In(a, b) => two(a, "is one of", b),
            Condition::Contains(a, b) => two(a, "contains", b),
            Condition::Exists(source) => format!("{} is there", self.source(source)),
            Condition::And(all) => joined(all, " and "),
            Condition::Or(all) => joined(all, " or "),
            Condition::Not(inner) => format!("not ({})", self.condition(inner)),
        }
    }

    pub(super) fn map(self, map: &MapOver) -> String {
        let mut parts = vec![format!("of {}", self.source(&map.over))];
        parts.extend(map.key.as_ref().map(|key| format!("known by {key}")));
        parts.push(format!("at most {} entries", number(map.max_items)));
        parts.extend(map.max_parallel.map(|n| format!("{n} at the same time")));
        parts.push(format!("if one fails: {}", map.on_item_error.as_str()));
        parts.join(", ")
    }
}

/// A step in short, where all of it came or went.
pub(super) fn step(step: &Step) -> String {
    format!("from agent {}", agent(&step.agent_id, step.agent_version))
}

pub(super) fn agent(id: &AgentId, version: Option<i32>) -> String {
    let version = version.map_or_else(|| "latest".to_owned(), |version| format!("v{version}"));
    format!("{id} {version}")
}

pub(super) fn input(input: &RunInput) -> String {
    let required = if input.required { "required" } else { "optional" };
    format!("{}, {required}", input.schema.words())
}

/// A type: in words where these tell it from the other one, else as it is stored.
pub(super) fn schema(schema: &Schema) -> String {
    let stored = json::to_value(schema).map(|value| value.to_string()).unwrap_or_default();
    format!("{}: {stored}", schema.words())
}

pub(super) fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

pub(super) fn seconds(seconds: u32) -> String {
    format!("{seconds} s")
}

/// A text as it is, anything else as JSON.
pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The settings of a group that are not as usual: "mode: always, quorum: 2".
pub(super) fn settings<T: Serialize>(group: &T, usual: Option<&T>) -> Option<String> {
    let Ok(Value::Object(fields)) = json::to_value(group) else { return None };
    let usual = usual.and_then(|usual| json::to_value(usual).ok()).unwrap_or_default();
    let told: Vec<String> = fields
        .iter()
        .filter(|(name, value)| usual.get(name.as_str()) != Some(*value))
        .map(|(name, value)| format!("{}: {}", name.replace('_', " "), literal(value).replace('_', " ")))
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}
