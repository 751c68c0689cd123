//! The validator as a table: one definition, the codes it is told.
//! Words and positions are the product's: a test that changes them changes what people read.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{AgentCatalog, AgentSpec, Definition, ProblemCode as Code, Severity, problem::Problem, validate};

fn agents() -> AgentCatalog {
    let specs: Vec<AgentSpec> = serde_json::from_value(json!([
        {"id": "source", "version": 1, "name": "Source",
         "outputs": [{"name": "text", "schema": {"type": "string"}}, {"name": "n", "schema": {"type": "integer"}}],
         "config": {"kind": "template", "template": "x"}},
        {"id": "sink", "version": 3, "name": "Sink",
         "inputs": [{"name": "text", "schema": {"type": "string"}, "required": true}, {"name": "any"}],
         "outputs": [{"name": "out"}],
         "config": {"kind": "http", "url": "https://example.com"}},
    ]))
    .unwrap();
    AgentCatalog::new(specs)
}

fn problems(definition: &Value) -> Vec<Problem> {
    validate(&Definition::from_value(definition).unwrap(), &agents()).1
}

fn codes(definition: &Value) -> Vec<Code> {
    problems(definition).into_iter().map(|problem| problem.code).collect()
}

fn sink(more: &Value) -> Value {
    let mut step = json!({"agent_id": "sink", "depends_on": ["a"],
        "inputs": {"text": {"from": "step", "step": "a", "artifact": "text"}}});
    for (key, value) in more.as_object().unwrap() {
        step[key] = value.clone();
    }
    json!({"steps": {"a": {"agent_id": "source"}, "b": step}})
}

#[test]
fn each_mistake_has_its_code() {
    let table: [(Value, &[Code]); 24] = [
        (sink(&json!({})), &[]),
        (json!({"steps": {}}), &[Code::NoSteps]),
        (json!({"steps": {"Bad Key": {"agent_id": "source"}}}), &[Code::InvalidKey]),
        (json!({"steps": {"a": {"agent_id": "nobody"}}}), &[Code::UnknownAgent]),
        (json!({"steps": {"a": {"agent_id": "source", "agent_version": 9}}}), &[Code::UnknownAgentVersion]),
        (json!({"steps": {"a": {"agent_id": "source", "depends_on": ["a"]}}}), &[Code::SelfDependency]),
        (json!({"steps": {"a": {"agent_id": "source", "depends_on": ["zz"]}}}), &[Code::UnknownStep]),
        (
            json!({"steps": {"a": {"agent_id": "source", "depends_on": ["b"]}, "b": {"agent_id": "source", "depends_on": ["a"]}}}),
            &[Code::Cycle, Code::Cycle],
        ),
        (sink(&json!({"inputs": {}})), &[Code::MissingInput]),
        (sink(&json!({"depends_on": []})), &[Code::SourceNotUpstream]),
        (sink(&json!({"inputs": {"text": {"from": "step", "step": "a", "artifact": "zz"}}})), &[Code::UnknownArtifact]),
        (sink(&json!({"inputs": {"text": {"from": "step", "step": "zz", "artifact": "text"}}})), &[Code::UnknownStep]),
        (sink(&json!({"inputs": {"text": {"from": "step", "step": "a", "artifact": "n"}}})), &[Code::TypeMismatch]),
        (sink(&json!({"inputs": {"text": {"const": 5}}})), &[Code::TypeMismatch]),
        (sink(&json!({"inputs": {"text": {"const": "x"}, "zz": {"const": 1}}})), &[Code::UnknownPort]),
        (sink(&json!({"inputs": {"text": {"from": "run", "key": "zz"}}})), &[Code::UnknownRunInput]),
        (sink(&json!({"prompt": "x"})), &[Code::NoPrompt]),
        (sink(&json!({"timeout_s": 0})), &[Code::InvalidValue]),
        (
            sink(&json!({"when": {"exists": {"from": "run", "key": "x"}}})),
            &[Code::UnknownRunInput, Code::NotSupportedYet],
        ),
        (sink(&json!({"trigger_rule": "all_done"})), &[Code::NotSupportedYet]),
        (sink(&json!({"map": {"over": {"from": "step", "step": "a", "artifact": "text"}}})), &[Code::NotSupportedYet]),
        (sink(&json!({"review": {"mode": "always", "quorum": 2}})), &[Code::NotSupportedYet]),
        (sink(&json!({"review": {"mode": "always"}})), &[]),
        (
            json!({"inputs": {"topic": {"schema": {"type": "string"}}}, "steps": {"a": {"agent_id": "source"}}}),
            &[Code::UnusedInput],
        ),
    ];
    for (definition, expected) in table {
        let mut found = codes(&definition);
        let mut wanted = expected.to_vec();
        found.sort_by_key(|code| format!("{code:?}"));
        wanted.sort_by_key(|code| format!("{code:?}"));
        assert_eq!(found, wanted, "{definition}");
    }
}

#[test]
fn a_problem_names_its_step_and_field() {
    let problem = problems(&sink(&json!({"inputs": {}}))).remove(0);
    assert_eq!((problem.step.unwrap().as_str(), problem.field.as_deref()), ("b", Some("inputs.text")));
    assert_eq!(problem.severity, Severity::Error);
}

#[test]
fn a_grandparents_artifact_may_be_read_and_becomes_a_direct_dependency() {
    let definition = Definition::from_value(&json!({"steps": {
        "a": {"agent_id": "source"},
        "b": {"agent_id": "source", "depends_on": ["a"]},
        "c": {"agent_id": "sink", "depends_on": ["b"], "inputs": {"text": {"from": "step", "step": "a", "artifact": "text"}}},
    }}))
    .unwrap();
    let (plan, problems) = validate(&definition, &agents());
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(plan.steps["c"].dependencies.len(), 2);
    assert_eq!(plan.steps["c"].agent_version, Some(3));
    assert_eq!(plan.order.iter().map(crate::StepKey::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn ten_thousand_steps_are_judged_in_a_moment() {
    let keys: Vec<String> = (0..9_998).map(|n| format!("s{n}")).collect();
    let mut steps: serde_json::Map<String, Value> =
        keys.iter().map(|key| (key.clone(), json!({"agent_id": "source", "depends_on": ["first"]}))).collect();
    steps.insert("first".into(), json!({"agent_id": "source"}));
    steps.insert("last".into(), json!({"agent_id": "source", "depends_on": keys}));
    let definition = Definition::from_value(&json!({"steps": steps})).unwrap();
    let (plan, problems) = validate(&definition, &agents());
    assert!(problems.is_empty());
    assert_eq!(plan.order.len(), 10_000);
}

proptest! {
    #[test]
    fn the_plan_orders_every_dependency_before_its_dependent(edges in prop::collection::vec((0_u8..9, 0_u8..9), 0..30)) {
        let mut steps = serde_json::Map::new();
        for n in 0..9 {
            let deps: Vec<String> =
                edges.iter().filter(|(a, b)| *b == n && a < b).map(|(a, _)| format!("s{a}")).collect();
            steps.insert(format!("s{n}"), json!({"agent_id": "source", "depends_on": deps}));
        }
        let (plan, _) = validate(&Definition::from_value(&json!({"steps": steps})).unwrap(), &agents());
        for (at, key) in plan.order.iter().enumerate() {
            for dependency in &plan.steps[key].dependencies {
                prop_assert!(plan.order[..at].contains(dependency));
            }
        }
    }
}
