//! The rows that the steps of a definition begin as: what SQL needs to know of each without ever reading the definition again.
//! Pure encoding; must stay the only place that turns a definition into rows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use workflow::{
    AgentCatalog, AgentSpec, Definition, Plan, Step,
    definition::{OnError, Review, TriggerRule},
    hash::{canonical_json, content_and_value},
    schema::Kind,
    source::Source,
};

/// The steps of a definition as the functions of the engine take them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct NewSteps {
    pub(crate) rows: Vec<Value>,
    pub(crate) dep_from: Vec<String>,
    pub(crate) dep_to: Vec<String>,
    /// Keys of limits across runs, with what they allow.
    pub(crate) slots: BTreeMap<String, u32>,
    pub(crate) is_limited: bool,
    /// What default outputs mean, where that is not their bytes.
    pub(crate) meanings: BTreeSet<(String, String)>,
}

impl NewSteps {
    /// The limits of a run of the definition, as its row has them.
    pub(crate) fn limits(&self, definition: &Definition) -> Value {
        let limits = &definition.limits;
        let budget = limits.budget.as_ref();
        json!({
            "max_parallel": limits.max_parallel, "limited": self.is_limited, "timeout_s": limits.timeout_s,
            "tokens": budget.and_then(|budget| budget.tokens), "cost": budget.and_then(|budget| budget.cost_micros),
            "on_exceed": budget.map(|budget| budget.on_exceed.as_str()),
        })
    }

    /// All steps, in plan order, so that a run's rows stand on disk in the order in which they are worked.
    pub fn of(definition: &Definition, plan: &Plan, agents: &AgentCatalog, inputs: &BTreeMap<String, Value>) -> Self {
        let mut steps = Self::default();
        for key in &plan.order {
            let (Some(step), Some(planned)) = (definition.steps.get(key), plan.steps.get(key)) else { continue };
            let agent = agents.get(&planned.agent_id, planned.agent_version);
            let slot_keys = steps.take_slots(definition, step, agent, inputs);
            let limited = definition.limits.max_parallel.is_some()
                || step.map.as_ref().is_some_and(|map| map.max_parallel.is_some())
                || !slot_keys.is_empty();
            steps.is_limited |= limited;
            let mut row = Map::new();
            row.insert("key".into(), json!(key));
            row.insert("title".into(), json!(step.title_or(key)));
            row.insert("agent".into(), json!(planned.agent_id));
            row.insert("version".into(), json!(planned.agent_version.unwrap_or_default()));
            row.insert("kind".into(), json!(agent.map_or("", AgentSpec::kind)));
            // The gate of a map is at its items.
            row.insert("review".into(), json!(step.review.mode.as_str()));
            let mut set = |name: &str, value: Value| {
                row.insert(name.into(), value);
            };
            if step.when.is_some() || step.map.is_some() || step.trigger_rule != TriggerRule::NoneFailed {
                set("decides", json!(true));
            }
            if let Some(map) = &step.map {
                set("is_map", json!(true));
                set("map_parallel", json!(map.max_parallel));
            }
            if step.on_error != OnError::Fail {
                set("on_error", json!(step.on_error.as_str()));
            }
            if let Some(gate) = gate(&step.review) {
                set("gate", gate);
            }
            if limited {
                set("limited", json!(true));
            }
            if !slot_keys.is_empty() {
                set("slot_keys", json!(slot_keys));
            }
            if let (Some(outputs), Some(agent)) = (&step.default_output, agent) {
                let (rows, meanings) = defaults(agent, outputs);
                set("defaults", rows);
                steps.meanings.extend(meanings);
            }
            steps.rows.push(Value::Object(row));
            for dependency in &planned.dependencies {
                steps.dep_from.push(dependency.as_str().to_owned());
                steps.dep_to.push(key.as_str().to_owned());
            }
        }
        steps
    }

    fn take_slots(
        &mut self,
        definition: &Definition,
        step: &Step,
        agent: Option<&AgentSpec>,
        inputs: &BTreeMap<String, Value>,
    ) -> Vec<String> {
        let mut keys = Vec::new();
        if let Some(agent) = agent
            && let Some(max) = agent.max_parallel
        {
            let key = format!("agent:{}", agent.id);
            self.slots.insert(key.clone(), max);
            keys.push(key);
        }
        if let Some(concurrency) = &step.concurrency
            && let Some(text) = key_text(definition, &concurrency.key, inputs)
        {
            let key = format!("key:{text}");
            let max = self.slots.entry(key.clone()).or_insert(concurrency.limit);
            *max = (*max).min(concurrency.limit);
            keys.push(key);
        }
        keys
    }
}

fn key_text(definition: &Definition, source: &Source, inputs: &BTreeMap<String, Value>) -> Option<String> {
    let value = match source {
        Source::Const(value) => Some(value),
        Source::Run { key, path } => workflow::resolve::run_input(definition, inputs, key, path),
        Source::Step { .. } | Source::Item { .. } => None,
    }?;
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(canonical_json(other)),
    }
}

/// What a gate asks for beyond one approval by the run's owner; none where that is all.
fn gate(review: &Review) -> Option<Value> {
    let plain = Review { mode: review.mode, ..Review::default() };
    (*review != plain).then(|| {
        json!({
            "roles": review.assignees.roles, "users": review.assignees.users, "quorum": review.quorum,
            "allow_self": review.allow_self, "max_rounds": review.max_rounds,
            "timeout_s": review.timeout_s, "on_timeout": review.on_timeout.as_str(),
        })
    })
}

/// Default outputs as content: text stays text, everything else is JSON as its author wrote it.
fn defaults(agent: &AgentSpec, outputs: &Value) -> (Value, Vec<(String, String)>) {
    let mut meanings = Vec::new();
    let rows = agent.outputs.iter().filter_map(|port| {
        let value = outputs.get(&port.name)?;
        Some(match value {
            Value::String(text) if port.schema.kind == Some(Kind::String) => {
                json!({"name": port.name, "media_type": "text/plain", "content": text})
            }
            other => {
                let content = other.to_string();
                meanings.extend(content_and_value(content.as_bytes(), other));
                json!({"name": port.name, "media_type": "application/json", "content": content})
            }
        })
    });
    let rows = rows.collect();
    (rows, meanings)
}
