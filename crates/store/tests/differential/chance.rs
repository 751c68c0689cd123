//! Chance that can be had again, and the definitions that it makes: every feature of a run has its chance.

use serde_json::{Value, json};

/// A small generator of our own, so that a seed walks the same way everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Self(seed);
        // Neighbouring seeds begin alike.
        for _ in 0..8 {
            dice.roll(2);
        }
        dice
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides.max(1)
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.roll(n) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.roll(of.len())].clone())
    }
}

/// What the sub-workflow of an agent runs. One of them has a sub-workflow itself.
pub(crate) fn child(agent: &str) -> Value {
    let first = if agent == "deep" { "sub" } else { "echo" };
    json!({"steps": {"a": {"agent_id": first, "agent_version": 1, "retry": {"jitter": 0}},
        "b": {"agent_id": "echo", "agent_version": 1, "depends_on": ["a"], "retry": {"jitter": 0}}}})
}

pub(crate) fn document(dice: &mut Dice) -> Value {
    // Of few steps each has more happen to it.
    let n = if dice.one_in(3) { 1 + dice.roll(2) } else { 2 + dice.roll(6) };
    let mut steps = serde_json::Map::new();
    for b in 0..n {
        let before: Vec<String> = (0..b).filter(|_| dice.one_in(3)).map(|a| format!("s{a}")).collect();
        steps.insert(format!("s{b}"), step(dice, &before));
    }
    let mut document = json!({"steps": steps});
    if dice.one_in(3) {
        document["limits"]["max_parallel"] = json!(1 + dice.roll(3));
    }
    if dice.one_in(3) {
        let on_exceed = if dice.one_in(2) { "fail" } else { "pause" };
        document["limits"]["budget"] = json!({"tokens": 5 + dice.roll(30), "on_exceed": on_exceed});
    }
    if dice.one_in(5) {
        document["limits"]["timeout_s"] = json!(20);
    }
    document
}

fn step(dice: &mut Dice, before: &[String]) -> Value {
    let mut step = json!({"agent_id": "echo", "depends_on": before, "retry": {"jitter": 0}});
    let rule = ["none_failed", "none_failed", "all_success", "all_done", "one_success"][dice.roll(5)];
    step["trigger_rule"] = json!(rule);
    match dice.roll(10) {
        0 => step["when"] = json!({"eq": [{"const": 1}, {"const": dice.roll(2)}]}),
        1 if !before.is_empty() => {
            let read = json!({"from": "step", "step": before[0], "artifact": "text"});
            step["when"] = json!({"eq": [read, {"const": "made"}]});
        }
        2 | 3 => {
            let on_item_error = ["fail", "continue", "drop"][dice.roll(3)];
            step["map"] = json!({"over": {"const": [1]}, "on_item_error": on_item_error});
            if dice.one_in(2) {
                step["map"]["max_parallel"] = json!(1 + dice.roll(2));
            }
            if dice.one_in(5) {
                step["agent_id"] = json!("form");
            }
        }
        4 => step["agent_id"] = json!("form"),
        5 => step["agent_id"] = json!(["sub", "sub", "deep"][dice.roll(3)]),
        6 => step["agent_id"] = json!("rare"),
        7 if !before.is_empty() => step["agent_id"] = json!("needy"),
        _ => {}
    }
    let is_binding = review(dice, &mut step);
    match dice.roll(6) {
        0 => step["on_error"] = json!("continue"),
        1 if !is_binding => {
            step["on_error"] = json!("default");
            let is_map = step.get("map").is_some();
            step["default_output"] = json!({"text": if is_map { json!(["fallback"]) } else { json!("fallback") }});
        }
        _ => {}
    }
    if dice.one_in(6) {
        step["concurrency"] = json!({"key": {"const": "one"}, "limit": 1});
    }
    if (dice.one_in(4) || step["agent_id"] == "needy") && !before.is_empty() {
        step["inputs"] = json!({"must": {"from": "step", "step": before[0], "artifact": "text"}});
    }
    if dice.one_in(8) {
        step["prompt"] = json!("of the step");
    }
    step
}

/// A gate, or none. True where it binds, so that neither time nor a default output may get around it.
fn review(dice: &mut Dice, step: &mut Value) -> bool {
    let rounds = dice.roll(3);
    let (review, is_binding) = match dice.roll(12) {
        0 => (json!({"mode": "always"}), false),
        1 => (json!({"mode": "always", "assignees": {"users": ["Asked@example.com"]}}), true),
        2 => (json!({"mode": "always", "assignees": {"roles": ["user"]}, "quorum": 2}), true),
        3 => (json!({"mode": "always", "quorum": 2}), true),
        4 => (json!({"mode": "always", "allow_self": false}), true),
        5 => (json!({"mode": "never"}), false),
        6 => (json!({"mode": "always", "timeout_s": 5}), false),
        7 if step["agent_id"] == "form" => (json!({"mode": "always", "timeout_s": 5}), false),
        7 => (json!({"mode": "always", "timeout_s": 5, "on_timeout": "approve"}), false),
        _ => return false,
    };
    step["review"] = review;
    step["review"]["max_rounds"] = json!(rounds);
    is_binding
}

/// The next version of a definition: something is another, is new, or is gone.
pub(crate) fn changed(dice: &mut Dice, document: &Value, n: i32) -> Value {
    let mut next = document.clone();
    let keys: Vec<String> = next["steps"].as_object().unwrap().keys().cloned().collect();
    let key = dice.pick(&keys).unwrap();
    let steps = next["steps"].as_object_mut().unwrap();
    match dice.roll(7) {
        0 => steps[&key]["prompt"] = json!(format!("of version {n}")),
        1 => {
            let before: Vec<String> = keys.iter().filter(|_| dice.one_in(3)).cloned().collect();
            let added = step(dice, &before);
            steps.insert(format!("x{n}"), added);
        }
        2 => steps[&key]["trigger_rule"] = json!("all_done"),
        3 if keys.len() > 1 => {
            steps.shift_remove(&key);
            for other in steps.values_mut() {
                if let Some(before) = other["depends_on"].as_array_mut() {
                    before.retain(|before| *before != key);
                }
            }
        }
        4 => steps[&key]["title"] = json!(format!("Title {n}")),
        5 => steps[&key]["on_error"] = json!("continue"),
        _ => next["limits"] = json!({"max_parallel": 2, "budget": {"tokens": 200}}),
    }
    next
}
