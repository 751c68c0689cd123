//! What there is to run in a world: agents, published versions of sub-workflows, and random documents that use all of it.

use std::{collections::BTreeMap, sync::Arc};

use runs::{memory::Rng, sim::Library};
use serde_json::{Value, json};
use uuid::Uuid;
use workflow::{
    AgentCatalog, AgentSpec, Definition, TemplateId,
    run::testing::{self, Dice},
    validate,
};

use crate::shelf::Published;

/// Published templates; one begins only those after it, so that they end.
const N_TEMPLATES: u128 = 3;
/// The agent that workers outside offer.
pub(super) const OUTSIDE: &str = "outside";
/// Documents that are tried until one is valid.
const MAX_TRIES: usize = 50;

pub(super) struct Shop {
    pub(super) agents: Vec<AgentSpec>,
    published: BTreeMap<TemplateId, Definition>,
}

pub(super) fn of(shop: &Arc<Shop>) -> Library {
    let agents = AgentCatalog::new(shop.agents.clone());
    let of_runs = agents.clone();
    Library { agents, document: Box::new(move |rng: &mut Rng, _| valid(rng, &of_runs, 0)) }
}

impl Shop {
    pub(super) fn new(seed: u64) -> Self {
        let agents = agents();
        let catalog = AgentCatalog::new(agents.clone());
        // Numbers of their own: the world's are drawn while it lives.
        let mut rng = Rng::new(!seed);
        let published = (1..=N_TEMPLATES).map(|n| {
            let document = valid(&mut rng, &catalog, n);
            (template(n), testing::definition(&document))
        });
        Self { agents, published: published.collect() }
    }

    pub(super) fn published(&self, id: TemplateId, rng: &mut Rng) -> Option<Published> {
        let definition = self.published.get(&id)?.clone();
        Some(Published { name: "sub".to_owned(), definition, is_archived: rng.one_in(60) })
    }
}

fn template(n: u128) -> TemplateId {
    TemplateId(Uuid::from_u128(70 + n))
}

/// Every agent has one output, `text`.
fn agents() -> Vec<AgentSpec> {
    let text = json!({"type": "string"});
    let own = json!({"kind": "template", "template": "own"});
    let sub = |n: u128| {
        json!({"kind": "workflow", "template_id": template(n).0, "version": 1,
            "outputs": {"text": {"step": "s0", "artifact": "text"}}})
    };
    let all = [
        ("echo", own.clone(), text.clone(), json!({})),
        ("judge", own.clone(), text.clone(), json!({})),
        ("list", own.clone(), json!({"type": "array"}), json!({})),
        ("needy", own.clone(), text.clone(), json!({"inputs": [{"name": "in", "required": true}]})),
        ("rare", own, text.clone(), json!({"max_parallel": 1})),
        ("model", json!({"kind": "llm", "prompt": "Go"}), text.clone(), json!({})),
        (OUTSIDE, json!({"kind": "worker", "hash": "0", "side_effects": "none"}), text.clone(), json!({})),
        ("form", json!({"kind": "human", "instructions": "Answer"}), text.clone(), json!({})),
        ("sub1", sub(1), text.clone(), json!({})),
        ("sub2", sub(2), text.clone(), json!({})),
        ("sub3", sub(3), text, json!({})),
    ];
    let spec = |(id, config, schema, more): (&str, Value, Value, Value)| {
        let mut spec = json!({"id": id, "version": 1, "name": id, "config": config,
            "inputs": [{"name": "in"}], "outputs": [{"name": "text", "schema": schema}]});
        for (name, value) in more.as_object().into_iter().flatten() {
            spec[name] = value.clone();
        }
        serde_json::from_value(spec).ok()
    };
    all.into_iter().filter_map(spec).collect()
}

/// A random document without an error. `after`: of a template, the number of the last that it may not begin.
fn valid(rng: &mut Rng, agents: &AgentCatalog, after: u128) -> Value {
    for _ in 0..MAX_TRIES {
        let document = document(rng, after);
        let (_, problems) = validate(&testing::definition(&document), agents);
        if !problems.iter().any(workflow::Problem::is_error) {
            return document;
        }
    }
    json!({"steps": {"s0": {"agent_id": "echo", "agent_version": 1}}})
}

/// As the core's, with content that decides: lists that others make, conditions on answers, inputs, and time limits.
fn document(rng: &mut Rng, after: u128) -> Value {
    let mut document = testing::document(rng);
    let Some(steps) = document["steps"].as_object_mut() else { return document };
    let keys: Vec<String> = steps.keys().cloned().collect();
    // Which agent each has, as those after it see it.
    let mut makes: BTreeMap<String, &str> = BTreeMap::new();
    for key in keys {
        let Some(step) = steps.get_mut(&key) else { continue };
        let mut deps: Vec<String> = serde_json::from_value(step["depends_on"].clone()).unwrap_or_default();
        let deciding = makes.iter().filter(|(dep, made)| ["judge", "list"].contains(made) && !deps.contains(dep));
        if let Some(dep) = deciding.map(|(dep, _)| dep.clone()).next_back().filter(|_| rng.one_in(2)) {
            deps.push(dep);
            step["depends_on"] = deps.clone().into();
        }
        let agent = match agent(rng, step, after) {
            // What it needs comes from a step before it.
            "needy" if deps.is_empty() => "echo",
            agent => agent,
        };
        step["agent_id"] = agent.into();
        step["agent_version"] = 1.into();
        // What a worker outside has not heard of is given back sooner than that.
        let timeout_s = if agent == OUTSIDE { 150 + rng.roll(100) } else { 3 + rng.roll(25) };
        step["timeout_s"] = timeout_s.into();
        if rng.one_in(4) {
            step["retry"] = json!({"max": rng.roll(4), "initial_ms": 200});
        }
        let of = |wanted: &str| deps.iter().find(|dep| makes.get(*dep) == Some(&wanted));
        let read = |dep: &String| json!({"from": "step", "step": dep, "artifact": "text"});
        if let Some(dep) = of("judge") {
            step["when"] = json!({"eq": [read(dep), {"const": "yes"}]});
        }
        if agent == "needy"
            && let Some(dep) = deps.first()
        {
            step["inputs"] = json!({"in": read(dep)});
        }
        if step.get("map").is_some() || of("list").is_some() && !agent.starts_with("sub") && agent != OUTSIDE {
            map_over(rng, step, of("list").map(read));
        }
        let is_map = step.get("map").is_some();
        if step.get("default_output").is_some() {
            let is_list = is_map || agent == "list";
            step["default_output"] = if is_list { json!({"text": ["fallback"]}) } else { json!({"text": "fallback"}) };
        }
        makes.insert(key, if is_map { "map" } else { agent });
    }
    document
}

fn agent(rng: &mut Rng, step: &Value, after: u128) -> &'static str {
    match step["agent_id"].as_str() {
        Some("sub") => {
            let n = after + 1 + rng.roll(2) as u128;
            [("sub1", 1), ("sub2", 2), ("sub3", 3)].into_iter().find(|(_, of)| *of == n).map_or("echo", |(sub, _)| sub)
        }
        Some("form") => "form",
        Some("rare") => "rare",
        // What it made does not tell what an item was.
        _ if step.get("map").is_none() && rng.one_in(8) => OUTSIDE,
        _ => ["echo", "echo", "judge", "judge", "list", "list", "needy", "model"][rng.roll(8)],
    }
}

/// Over what another step made, or a list that stands there.
fn map_over(rng: &mut Rng, step: &mut Value, list: Option<Value>) {
    let mut map = json!({"over": list.unwrap_or_else(|| json!({"const": items(rng)}))});
    if rng.one_in(2) {
        map["key"] = "/k".into();
    }
    if rng.one_in(3) {
        map["max_parallel"] = (1 + rng.roll(2)).into();
    }
    map["on_item_error"] = ["fail", "collect", "drop"][rng.roll(3)].into();
    step["map"] = map;
    step["inputs"] = json!({"in": {"from": "item"}});
}

/// Their keys are not in the order of the list, and each list has others.
pub(super) fn items(rng: &mut Rng) -> Value {
    let mut keys: Vec<&str> = ["c", "a", "b", "d"].into_iter().filter(|_| !rng.one_in(3)).collect();
    if rng.one_in(2) {
        keys.reverse();
    }
    keys.into_iter().map(|key| json!({"k": key, "n": rng.roll(3)})).collect()
}
