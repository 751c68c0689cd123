//! What tests and the simulator share: people, agents, random definitions, and what must hold of every state.
//! Only there with the feature `testing`; it must never be part of the product, and draws no number by itself.

#![expect(clippy::unwrap_used, reason = "a document of a test that does not parse is an error of the test")]

mod cast;
pub mod invariants;
mod people;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    AgentCatalog, AgentSpec, Definition,
    id::{RunId, TemplateId, WorkerId},
    run::{
        command::{NewRun, Start},
        seeded::{Bug, SEEDED},
    },
    validate,
};

pub use cast::{Dice, admin, owner, person};
pub use people::{GROUP, People};

/// Mistakes of the core that the simulators switch on too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mistake {
    CountsPersonTwice,
    CountsRemoved,
}

/// Whatever is decided on this thread has this mistake from now on.
pub fn seed(mistake: Option<Mistake>) {
    SEEDED.set(mistake.map(|mistake| match mistake {
        Mistake::CountsPersonTwice => Bug::CountsPersonTwice,
        Mistake::CountsRemoved => Bug::CountsRemoved,
    }));
}

/// Whether tests that have a longer form take it: `cargo xtask test-long` sets `WEFT_LONG=1`.
#[expect(clippy::disallowed_methods, reason = "what a test is to do is said by whoever starts it")]
pub fn is_long() -> bool {
    std::env::var("WEFT_LONG").is_ok_and(|value| value == "1")
}

pub fn worker(n: u128) -> WorkerId {
    WorkerId(Uuid::from_u128(9_000 + n))
}

/// Every agent has one output, `text`.
pub fn agents() -> AgentCatalog {
    let agent = |id: &str, config: Value, more: Value| -> AgentSpec {
        let mut document = json!({"id": id, "version": 1, "name": id, "config": config,
            "outputs": [{"name": "text", "schema": {"type": "string"}}]});
        for (name, value) in more.as_object().unwrap() {
            document[name] = value.clone();
        }
        serde_json::from_value(document).unwrap()
    };
    let template = json!({"kind": "template", "template": "own"});
    let sub = json!({"kind": "workflow", "template_id": Uuid::from_u128(77), "version": 1,
        "outputs": {"text": {"step": "a", "artifact": "text"}}});
    AgentCatalog::new([
        agent("echo", template.clone(), json!({})),
        agent("needy", template.clone(), json!({"inputs": [{"name": "must", "required": true}]})),
        agent("form", json!({"kind": "human", "instructions": "Answer"}), json!({})),
        agent("sub", sub, json!({})),
        agent("outside", json!({"kind": "worker", "hash": "0", "side_effects": "external"}), json!({})),
        agent("rare", template, json!({"max_parallel": 1})),
    ])
}

pub fn definition(document: &Value) -> Definition {
    Definition::from_value(document).unwrap()
}

pub fn start_of(definition: &Definition, auto_run: bool, inputs: BTreeMap<String, Value>) -> Start {
    let agents = agents();
    let (plan, _) = validate(definition, &agents);
    Start::of(NewRun {
        id: RunId(Uuid::from_u128(1)),
        template_id: TemplateId(Uuid::from_u128(2)),
        template_name: "T".into(),
        template_version: 1,
        definition: Arc::new(definition.clone()),
        plan: &plan,
        agents: &agents,
        inputs,
        auto_run,
        user_id: owner().id,
        is_test: false,
    })
}

/// A random definition; every feature has its chance.
pub fn document(dice: &mut impl Dice) -> Value {
    let n = 2 + dice.roll(6);
    let mut steps = serde_json::Map::new();
    for b in 0..n {
        let deps: Vec<String> = (0..b).filter(|_| dice.one_in(3)).map(|a| format!("s{a}")).collect();
        let mut step = json!({"agent_id": "echo", "depends_on": deps});
        let rule = ["none_failed", "none_failed", "all_success", "all_done", "one_success"][dice.roll(5)];
        step["trigger_rule"] = json!(rule);
        match dice.roll(10) {
            9 => step["when"] = json!({"eq": [{"const": 1}, {"const": dice.roll(2)}]}),
            8 if !deps.is_empty() => {
                let read = json!({"from": "step", "step": deps[0], "artifact": "text"});
                step["when"] = json!({"eq": [read, {"const": 1}]});
            }
            7 | 6 => {
                step["map"] = json!({"over": {"const": [1]}});
                if dice.one_in(2) {
                    step["map"]["max_parallel"] = json!(1 + dice.roll(2));
                }
            }
            5 => step["agent_id"] = json!("form"),
            4 => step["agent_id"] = json!("sub"),
            3 => step["agent_id"] = json!("rare"),
            _ => {}
        }
        match dice.roll(7) {
            6 => step["review"] = json!({"mode": "always", "max_rounds": 1}),
            5 if dice.one_in(2) => {
                step["review"] = json!({"mode": "always", "max_rounds": 1, "assignees": {"users": ["p5@example.com"]}});
            }
            5 if dice.one_in(2) => {
                step["review"] = json!({"mode": "always", "quorum": 2, "assignees": {"groups": [GROUP]}});
            }
            5 => step["review"] = json!({"mode": "always", "quorum": 2}),
            4 => step["review"] = json!({"mode": "never"}),
            3 => step["review"] = json!({"mode": "always", "timeout_s": 5, "on_timeout": "approve"}),
            2 => step["review"] = json!({"mode": "always", "timeout_s": 5}),
            _ => {}
        }
        match dice.roll(6) {
            5 => step["on_error"] = json!("continue"),
            4 => {
                step["on_error"] = json!("default");
                let is_map = step.get("map").is_some();
                step["default_output"] = json!({"text": if is_map { json!(["fallback"]) } else { json!("fallback") }});
            }
            _ => {}
        }
        if dice.one_in(6) {
            step["concurrency"] = json!({"key": {"const": "one"}, "limit": 1});
        }
        if dice.one_in(4) && !deps.is_empty() {
            step["inputs"] = json!({"in": {"from": "step", "step": deps[0], "artifact": "text"}});
        }
        steps.insert(format!("s{b}"), step);
    }
    let mut document = json!({"steps": steps});
    if dice.one_in(3) {
        document["limits"]["max_parallel"] = json!(1 + dice.roll(3));
    }
    if dice.one_in(3) {
        let on_exceed = if dice.one_in(2) { "fail" } else { "pause" };
        document["limits"]["budget"] = json!({"tokens": 5 + dice.roll(25), "on_exceed": on_exceed});
    }
    if dice.one_in(5) {
        document["limits"]["timeout_s"] = json!(20);
    }
    document
}
