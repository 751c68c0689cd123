//! Staleness against a second opinion: a world of plain contents, judged by comparing the contents themselves.
//! The second opinion knows neither hashes, versions nor views, and looks at everything again for each step.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    status::{Origin, Outcome},
    testing::{self, OUT},
    view::StepOverride,
};

fn reasons(view: &RunView) -> BTreeMap<String, Vec<String>> {
    staleness(view)
        .into_iter()
        .map(|(key, stale)| {
            let because = stale.because.iter().map(|reason| match reason {
                StaleReason::Artifact { step, consumed, now, .. } => format!("{step} {consumed}->{now}"),
                other => serde_json::to_value(other).unwrap()["kind"].as_str().unwrap().to_owned(),
            });
            let through = stale.through.iter().map(|key| format!("through {key}"));
            (key.to_string(), because.chain(through).collect())
        })
        .collect()
}

fn stale(view: &RunView) -> String {
    serde_json::to_string(&reasons(view)).unwrap()
}

/// a -> b -> c, each reading the one before at `in`.
fn chain() -> RunView {
    let read = |step: &str| json!({"in": {"from": "step", "step": step, "artifact": OUT}});
    let mut view = testing::run(&json!({
        "a": {"agent_id": "x"}, "b": {"agent_id": "x", "inputs": read("a")}, "c": {"agent_id": "x", "inputs": read("b")}}));
    testing::succeed(&mut view, "a", "one", &[]);
    testing::succeed(&mut view, "b", "b", &[("in", "a")]);
    testing::succeed(&mut view, "c", "c", &[("in", "b")]);
    view
}

#[test]
fn a_change_makes_what_read_it_stale_and_a_rollback_makes_it_fresh_again() {
    let mut view = chain();
    assert_eq!(stale(&view), "{}");
    testing::write(&mut view, "a", "two", Origin::HumanEdit, None);
    assert_eq!(stale(&view), r#"{"b":["a 1->2"],"c":["through b"]}"#);
    testing::roll_back(&mut view, "a", 1);
    assert_eq!(stale(&view), "{}");
    // Equal bytes are no change, whatever the version says.
    testing::write(&mut view, "a", "two", Origin::HumanEdit, None);
    testing::succeed(&mut view, "a", "one", &[]);
    assert_eq!(stale(&view), "{}");
}

#[test]
fn what_many_steps_read_of_the_run_is_hashed_once() {
    let read = |path: &str| json!({"agent_id": "x", "inputs": {"in": {"from": "run", "key": "topic", "path": path}}});
    let view = testing::run(&json!({"a": read(""), "b": read(""), "c": read("/title"), "d": read("")}));
    let mut inputs = RunInputs { view: &view, hashes: BTreeMap::new() };
    for definition in view.run_definition.steps.values() {
        assert!(matches!(ports(&mut inputs, definition, false)["in"], Port::Hash(_)));
    }
    assert_eq!(inputs.hashes.keys().copied().collect::<Vec<_>>(), [("topic", ""), ("topic", "/title")]);
}

#[test]
fn an_early_cut_off_holds_both_ways() {
    let mut view = chain();
    testing::write(&mut view, "a", "two", Origin::HumanEdit, None);
    // b runs again and says the same as before: c was never touched.
    testing::succeed(&mut view, "b", "b", &[("in", "a")]);
    assert_eq!(stale(&view), "{}");
    // Going back makes b stale by what it read last, and c only through it.
    testing::roll_back(&mut view, "a", 1);
    assert_eq!(stale(&view), r#"{"b":["a 2->1"],"c":["through b"]}"#);
    testing::roll_back(&mut view, "b", 1);
    assert_eq!(stale(&view), "{}");
}

#[test]
fn prompts_agents_literals_and_dependencies_count() {
    let mut view = chain();
    let over = |prompt: Option<&str>, inputs: Value| StepOverride {
        prompt: prompt.map(str::to_owned),
        inputs: serde_json::from_value(inputs).unwrap(),
    };
    view.overrides.insert("b".into(), over(Some("other"), json!({})));
    assert_eq!(stale(&view), r#"{"b":["prompt"],"c":["through b"]}"#);
    // An override that says what the agent says itself changes nothing.
    view.overrides.insert("b".into(), over(Some("own"), json!({})));
    assert_eq!(stale(&view), "{}");
    view.overrides.insert("b".into(), over(None, json!({"in": 1, "more": 2})));
    assert_eq!(stale(&view), r#"{"b":["input","input"],"c":["through b"]}"#);
    view.overrides.clear();
    testing::step(&mut view, "b").agent_version = 2;
    assert_eq!(stale(&view), r#"{"b":["agent_version"],"c":["through b"]}"#);
    testing::step(&mut view, "b").agent_version = 1;
    Arc::make_mut(&mut view.run_definition).steps.get_mut("c").unwrap().depends_on.insert("a".into());
    assert_eq!(stale(&view), r#"{"c":["dependencies"]}"#);
}

#[test]
fn an_edit_rests_on_the_attempt_beneath_it_and_a_supplied_version_on_none() {
    let mut view = chain();
    testing::write(&mut view, "b", "edited", Origin::HumanEdit, None);
    assert_eq!(stale(&view), r#"{"c":["b 1->2"]}"#);
    testing::write(&mut view, "a", "two", Origin::HumanEdit, None);
    assert_eq!(stale(&view), r#"{"b":["a 1->2"],"c":["b 1->2","through b"]}"#);
    testing::write(&mut view, "b", "brought", Origin::Import, None);
    assert_eq!(stale(&view), r#"{"c":["b 1->3"]}"#);
}

#[test]
fn a_form_answered_twice_rests_on_the_attempt_that_asked_last() {
    let mut view = chain();
    testing::step(&mut view, "b").kind = "human".into();
    let answer = view.artifacts.iter_mut().find(|artifact| artifact.producing_step_id.as_str() == "b").unwrap();
    (answer.origin, answer.attempt) = (Origin::HumanEdit, None);
    testing::write(&mut view, "a", "two", Origin::HumanEdit, None);
    assert!(reasons(&view).contains_key("b"));
    testing::attempt(&mut view, "b", &[("in", "a")], Outcome::Succeeded);
    testing::write(&mut view, "b", "second answer", Origin::HumanEdit, None);
    assert!(!reasons(&view).contains_key("b"));
    testing::roll_back(&mut view, "a", 1);
    assert_eq!(reasons(&view)["b"], ["a 2->1"]);
}

#[test]
fn a_map_is_stale_by_its_list_or_through_an_item() {
    let mut view = testing::run(&json!({"a": {"agent_id": "x"},
        "m": {"agent_id": "x", "map": {"over": {"from": "step", "step": "a", "artifact": OUT}},
              "inputs": {"it": {"from": "item"}, "all": {"from": "step", "step": "a", "artifact": OUT}}}}));
    testing::succeed(&mut view, "a", "list", &[]);
    testing::add_items(&mut view, "m", &["1", "2"]);
    for key in ["m[1]", "m[2]"] {
        testing::succeed(&mut view, key, "x", &[("all", "a")]);
    }
    testing::succeed(&mut view, "m", "collected", &[(MAP_PORT, "a")]);
    assert_eq!(stale(&view), "{}");
    view.overrides.insert("m[1]".into(), StepOverride { prompt: Some("mine".into()), ..StepOverride::default() });
    assert_eq!(stale(&view), r#"{"m":["through m[1]"],"m[1]":["prompt"]}"#);
    view.overrides.insert("m".into(), StepOverride { prompt: Some("all".into()), ..StepOverride::default() });
    assert_eq!(stale(&view), r#"{"m":["through m[1]","through m[2]"],"m[1]":["prompt"],"m[2]":["prompt"]}"#);
    view.overrides.clear();
    testing::write(&mut view, "a", "longer list", Origin::HumanEdit, None);
    assert_eq!(reasons(&view)["m"], ["a 1->2", "through m[1]", "through m[2]"]);
    assert_eq!(reasons(&view)["m[2]"], ["a 1->2"]);
}

#[test]
fn ten_thousand_items_are_judged_in_a_moment() {
    let mut view = testing::run(&json!({"a": {"agent_id": "x"},
        "m": {"agent_id": "x", "map": {"over": {"from": "step", "step": "a", "artifact": OUT}},
              "inputs": {"it": {"from": "item"}, "all": {"from": "step", "step": "a", "artifact": OUT}, "c": {"const": "long ".repeat(100)}}}}));
    testing::succeed(&mut view, "a", "list", &[]);
    let keys: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
    testing::add_items(&mut view, "m", &keys.iter().map(String::as_str).collect::<Vec<_>>());
    testing::succeed(&mut view, "m[0]", "x", &[("all", "a")]);
    testing::write(&mut view, "a", "longer list", Origin::HumanEdit, None);
    // All items like the first one, without going through the reducer 10,000 times.
    let first = view.step(&"m[0]".into()).unwrap().clone();
    let artifact = testing::latest(&view, "m[0]").unwrap();
    view.artifacts.retain(|known| known.producing_step_id.as_str() == "a");
    for step in view.steps.iter_mut().filter(|step| step.item_of.is_some()) {
        let step = Arc::make_mut(step);
        step.status = StepStatus::Completed;
        step.attempts.clone_from(&first.attempts);
        let id = crate::ArtifactId(uuid::Uuid::from_u128(5_000 + u128::from(step.item_index.unwrap().unsigned_abs())));
        view.artifacts.push(crate::view::ArtifactMeta { id, producing_step_id: step.key.clone(), ..artifact.clone() });
    }
    let began = std::time::Instant::now();
    assert_eq!(staleness(&view).len(), 10_000);
    // Far above what it takes, far below what anything quadratic would.
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    println!("10,000 items: {:?}", began.elapsed());
}

// ---- the second opinion

const N: usize = 6;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Fed {
    Nothing,
    Literal(u8),
    Content(usize, u8),
}

impl Fed {
    fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Content(_, a), Self::Content(_, b)) => a == b,
            (a, b) => a == b,
        }
    }
}

#[derive(Clone, Debug)]
struct Tried {
    fed: Vec<Fed>,
    prompt: u8,
    agent: i32,
}

#[derive(Clone, Debug, Default)]
struct Sim {
    reads: Vec<usize>,
    /// Content, and the attempt it rests on.
    versions: Vec<(u8, Option<usize>)>,
    latest: usize,
    tried: Vec<Tried>,
    /// 0 is the agent's own.
    prompt: Option<u8>,
    literal: Option<u8>,
    agent: i32,
    is_completed: bool,
}

#[derive(Clone, Debug)]
enum Op {
    Run(usize, u8),
    Fail(usize),
    Edit(usize, u8),
    Import(usize, u8),
    RollBack(usize, usize),
    Prompt(usize, Option<u8>),
    Literal(usize, Option<u8>),
    Agent(usize, i32),
}

fn op() -> impl Strategy<Value = Op> {
    let (step, content) = (0..N, 0_u8..3);
    prop_oneof![
        6 => (step.clone(), content.clone()).prop_map(|(s, c)| Op::Run(s, c)),
        1 => step.clone().prop_map(Op::Fail),
        2 => (step.clone(), content.clone()).prop_map(|(s, c)| Op::Edit(s, c)),
        1 => (step.clone(), content).prop_map(|(s, c)| Op::Import(s, c)),
        3 => (step.clone(), 0_usize..4).prop_map(|(s, v)| Op::RollBack(s, v)),
        1 => (step.clone(), prop::option::of(0_u8..2)).prop_map(|(s, p)| Op::Prompt(s, p)),
        1 => (step.clone(), prop::option::of(0_u8..2)).prop_map(|(s, l)| Op::Literal(s, l)),
        1 => (step, 1_i32..3).prop_map(|(s, a)| Op::Agent(s, a)),
    ]
}

struct World {
    sims: Vec<Sim>,
    view: RunView,
}

fn name(n: usize) -> String {
    format!("s{n}")
}

impl World {
    fn new(edges: &[(usize, usize)]) -> Self {
        let mut sims = vec![Sim { agent: 1, ..Sim::default() }; N];
        for &(from, to) in edges.iter().filter(|(from, to)| from < to) {
            if !sims[to].reads.contains(&from) {
                sims[to].reads.push(from);
            }
        }
        let steps: BTreeMap<String, Value> = sims
            .iter()
            .enumerate()
            .map(|(n, sim)| {
                let inputs: BTreeMap<String, Value> = sim
                    .reads
                    .iter()
                    .map(|&from| (name(from), json!({"from": "step", "step": name(from), "artifact": OUT})))
                    .collect();
                (name(n), json!({"agent_id": "x", "inputs": inputs}))
            })
            .collect();
        Self { sims, view: testing::run(&json!(steps)) }
    }

    /// What each port is fed with now; a literal goes to the first.
    fn fed(&self, n: usize) -> Vec<Fed> {
        let sim = &self.sims[n];
        let of = |(place, &from): (usize, &usize)| match (sim.literal, &self.sims[from]) {
            (Some(literal), _) if place == 0 => Fed::Literal(literal),
            (_, source) => source.versions.get(source.latest).map_or(Fed::Nothing, |v| Fed::Content(from, v.0)),
        };
        sim.reads.iter().enumerate().map(of).collect()
    }

    fn write(&mut self, n: usize, content: u8, rests_on: Option<usize>) {
        let sim = &mut self.sims[n];
        sim.versions.push((content, rests_on));
        sim.latest = sim.versions.len() - 1;
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Run(n, content) => {
                let tried =
                    Tried { fed: self.fed(n), prompt: self.sims[n].prompt.unwrap_or(0), agent: self.sims[n].agent };
                self.sims[n].tried.push(tried.clone());
                let attempt = self.sims[n].tried.len() - 1;
                self.write(n, content, Some(attempt));
                self.sims[n].is_completed = true;

                let ports: Vec<String> = self.sims[n].reads.iter().map(|&from| name(from)).collect();
                let read: Vec<(&str, &str)> = ports.iter().map(|port| (port.as_str(), port.as_str())).collect();
                testing::succeed(&mut self.view, &name(n), &format!("content {content}"), &read);
                if let (Some(literal), Some(first)) = (self.sims[n].literal, ports.first()) {
                    let step = testing::step(&mut self.view, &name(n));
                    let input = step.attempts.last_mut().unwrap().inputs.iter_mut().find(|input| input.port == *first);
                    *input.unwrap() = ConsumedInput {
                        port: first.clone(),
                        artifact_id: None,
                        version: None,
                        hash: hash::value_hash(&json!(literal)),
                    };
                }
            }
            Op::Fail(n) => {
                self.sims[n].is_completed = false;
                testing::attempt(&mut self.view, &name(n), &[], Outcome::Failed);
                testing::step(&mut self.view, &name(n)).status = StepStatus::Failed;
            }
            Op::Edit(n, content) | Op::Import(n, content) => {
                let is_edit = matches!(op, Op::Edit(..));
                let beneath = self.sims[n].versions.get(self.sims[n].latest).and_then(|version| version.1);
                self.write(n, content, beneath.filter(|_| is_edit));
                self.sims[n].is_completed = true;
                let origin = if is_edit { Origin::HumanEdit } else { Origin::Import };
                testing::write(&mut self.view, &name(n), &format!("content {content}"), origin, None);
                testing::step(&mut self.view, &name(n)).status = StepStatus::Completed;
            }
            Op::RollBack(n, version) => {
                if version < self.sims[n].versions.len() {
                    self.sims[n].latest = version;
                    testing::roll_back(&mut self.view, &name(n), i32::try_from(version).unwrap() + 1);
                }
            }
            Op::Prompt(n, prompt) => {
                self.sims[n].prompt = prompt;
                self.override_step(n);
            }
            Op::Literal(n, literal) => {
                if !self.sims[n].reads.is_empty() {
                    self.sims[n].literal = literal;
                    self.override_step(n);
                }
            }
            Op::Agent(n, version) => {
                self.sims[n].agent = version;
                testing::step(&mut self.view, &name(n)).agent_version = version;
            }
        }
    }

    fn override_step(&mut self, n: usize) {
        let sim = &self.sims[n];
        let prompt = sim.prompt.map(|prompt| if prompt == 0 { "own".to_owned() } else { format!("prompt {prompt}") });
        let inputs = sim.literal.map(|literal| (name(sim.reads[0]), json!(literal))).into_iter().collect();
        self.view.overrides.insert(StepKey::new(name(n)), StepOverride { prompt, inputs });
    }

    /// The attempt that a completed step rests on.
    fn rests_on(&self, n: usize) -> Option<&Tried> {
        let sim = &self.sims[n];
        sim.versions.get(sim.latest).filter(|_| sim.is_completed)?.1.map(|attempt| &sim.tried[attempt])
    }

    fn is_directly_stale(&self, n: usize) -> bool {
        self.rests_on(n).is_some_and(|tried| {
            tried.prompt != self.sims[n].prompt.unwrap_or(0)
                || tried.agent != self.sims[n].agent
                || tried.fed.iter().zip(self.fed(n)).any(|(was, now)| !was.is_same(now))
        })
    }

    fn stale_sources(&self, n: usize) -> BTreeSet<usize> {
        let fed = self.rests_on(n).map(|tried| tried.fed.clone()).unwrap_or_default();
        let sources = fed.into_iter().filter_map(|fed| match fed {
            Fed::Content(source, _) => Some(source),
            _ => None,
        });
        sources.filter(|&source| self.is_stale(source)).collect()
    }

    fn is_stale(&self, n: usize) -> bool {
        self.is_directly_stale(n) || !self.stale_sources(n).is_empty()
    }
}

proptest! {
    #[test]
    fn the_second_opinion_agrees_after_any_history(
        edges in prop::collection::vec((0..N, 0..N), 0..14), ops in prop::collection::vec(op(), 0..40),
    ) {
        let mut world = World::new(&edges);
        for op in &ops {
            world.apply(op);
            let told = staleness(&world.view);
            for n in 0..N {
                let found = told.get(&StepKey::new(name(n)));
                prop_assert_eq!(found.is_some(), world.is_stale(n), "{} after {:?}", name(n), ops);
                prop_assert_eq!(found.is_some_and(|stale| !stale.because.is_empty()), world.is_directly_stale(n));
                let through: BTreeSet<String> =
                    found.into_iter().flat_map(|stale| &stale.through).map(ToString::to_string).collect();
                prop_assert_eq!(through, world.stale_sources(n).into_iter().map(name).collect());
            }
        }
    }

    #[test]
    fn going_back_to_a_version_takes_back_everything_its_successors_did(
        edges in prop::collection::vec((0..N, 0..N), 0..14), ops in prop::collection::vec(op(), 0..30),
        step in 0..N, contents in prop::collection::vec(0_u8..5, 1..4),
    ) {
        let mut world = World::new(&edges);
        for op in &ops {
            world.apply(op);
        }
        if !world.sims[step].is_completed {
            return Ok(());
        }
        let before = staleness(&world.view);
        let version = world.sims[step].latest;
        for content in contents {
            world.apply(&Op::Edit(step, content));
        }
        world.apply(&Op::RollBack(step, version));
        prop_assert_eq!(staleness(&world.view), before);
    }
}
