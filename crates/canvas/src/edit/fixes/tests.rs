//! Every fix takes its problem away, brings no new error, and is taken back exactly.

use serde_json::{Value, json};
use workflow::validate;

use super::*;
use crate::{
    Document,
    edit::{apply, replay},
};

fn agents() -> AgentCatalog {
    let spec = |id: &str, version: i32, inputs: Value, outputs: Value| -> AgentSpec {
        serde_json::from_value(json!({"id": id, "version": version, "name": id, "inputs": inputs, "outputs": outputs,
            "config": {"kind": "http", "url": "https://h/"}}))
        .unwrap()
    };
    let text = json!({"type": "string"});
    let object = json!({"type": "object", "properties": {"title": text, "n": {"type": "number"}}});
    let takes = |name: &str| json!([{"name": name, "schema": text, "required": true}]);
    AgentCatalog::new([
        spec("texts", 1, takes("text"), json!([{"name": "out", "schema": text}])),
        spec("objects", 1, json!([]), json!([{"name": "whole", "schema": object}])),
        spec("renamed", 1, takes("old"), json!([{"name": "out", "schema": text}])),
        spec("renamed", 2, takes("new"), json!([{"name": "out", "schema": text}])),
    ])
}

/// Each problem of the definition with what is offered for it, every fix proved.
fn offered(document: &Value) -> Vec<String> {
    let definition = Definition::from_value(document).unwrap();
    let agents = agents();
    let problems = validate(&definition, &agents).1;
    let n_errors = |problems: &[Problem]| problems.iter().filter(|problem| problem.is_error()).count();
    let mut said = Vec::new();
    for problem in &problems {
        for fix in fixes(&definition, &agents, &Graph::of(&definition), problem) {
            let mut fixed = Document::from(definition.clone());
            let inverse = apply(&mut fixed, &fix.edit).unwrap();
            let after = validate(&fixed.definition, &agents).1;
            assert!(!after.contains(problem), "{}: {problem:?}", fix.label);
            let may_want = fix.label == "Remove the mapping";
            assert!(n_errors(&after) <= n_errors(&problems), "{}: {after:?}", fix.label);
            assert!(
                may_want || !problem.is_error() || n_errors(&after) < n_errors(&problems),
                "{}: {after:?}",
                fix.label
            );
            replay(&mut fixed, &inverse).unwrap();
            assert_eq!(fixed.definition, definition, "{}", fix.label);
            said.push(fix.label);
        }
    }
    said
}

#[test]
fn a_mapping_to_an_input_that_is_gone_is_moved_or_removed() {
    let renamed = |version: i32, port: &str| {
        offered(
            &json!({"steps": {"a": {"agent_id": "renamed", "agent_version": version, "inputs": {port: {"const": "x"}}}}}),
        )
    };
    assert_eq!(renamed(2, "old"), ["Move it to new", "Remove the mapping"]);
    // Its agent has it by now.
    assert_eq!(renamed(1, "new"), ["Use version 2", "Move it to old", "Remove the mapping"]);
    assert_eq!(renamed(9, "new"), ["Use version 2"]);
}

#[test]
fn the_only_source_that_fits_is_offered_and_of_two_none() {
    let with = |inputs: Value| {
        offered(&json!({"inputs": inputs, "steps": {
            "a": {"agent_id": "objects"}, "b": {"agent_id": "texts", "depends_on": ["a"]}}}))
    };
    let text = json!({"schema": {"type": "string"}, "title": "Topic"});
    let used: Vec<String> =
        with(json!({"topic": text})).into_iter().filter(|label| label != "Delete the input").collect();
    assert_eq!(used, ["Use run input “Topic”"]);
    let two: Vec<String> = with(json!({"topic": text, "tone": text}));
    assert!(two.iter().all(|label| label == "Delete the input"), "{two:?}");
    let made = offered(&json!({"steps": {
        "a": {"agent_id": "texts", "title": "First", "inputs": {"text": {"const": "x"}}},
        "b": {"agent_id": "texts", "depends_on": ["a"]}}}));
    assert_eq!(made, ["Use “First” · out"]);
}

#[test]
fn what_is_read_of_an_earlier_step_is_put_right() {
    let reading = |source: Value, depends_on: Value| {
        offered(&json!({"steps": {
            "a": {"agent_id": "objects", "title": "Plan"}, "b": {"agent_id": "texts", "depends_on": depends_on, "inputs": {"text": source}}}}))
    };
    let of_a = |artifact: &str, path: &str| json!({"from": "step", "step": "a", "artifact": artifact, "path": path});
    assert_eq!(reading(of_a("whole", ""), json!(["a"])), ["Take its part /title"]);
    assert_eq!(reading(of_a("whole", "/gone"), json!(["a"])), ["Take its part /title", "Remove the mapping"]);
    assert_eq!(reading(of_a("whole", "/title"), json!([])), ["Connect “Plan” to this step"]);
    assert_eq!(reading(of_a("gone", ""), json!(["a"])), ["Remove the mapping"]);
    let gone = json!({"from": "step", "step": "gone", "artifact": "out"});
    assert_eq!(
        reading(gone, json!(["gone", "b"])),
        ["Remove all connections that lead nowhere", "Remove all connections that lead nowhere", "Remove the mapping"]
    );
    let input = json!({"from": "run", "key": "topic"});
    assert_eq!(reading(input, json!([])), ["Add the run input topic", "Remove the mapping"]);
}

#[test]
fn a_malformed_key_is_renamed_to_a_free_one() {
    let labels = offered(&json!({
        "inputs": {"My Topic": {"schema": {"type": "string"}}, "my_topic": {"schema": {"type": "string"}}},
        "steps": {"Bad Key": {"agent_id": "texts", "inputs": {"text": {"from": "run", "key": "My Topic"}}},
            "b": {"agent_id": "texts", "depends_on": ["Bad Key"], "inputs": {"text": {"from": "run", "key": "my_topic"}}}}}));
    assert_eq!(labels, ["Rename it to my_topic_2", "Rename it to bad_key"]);
}

#[test]
fn the_line_of_a_problem_is_that_of_the_source_it_is_about() {
    let of_a = json!({"from": "step", "step": "a", "artifact": "out"});
    let definition = Definition::from_value(&json!({"steps": {"b": {"agent_id": "x", "inputs": {"text": of_a, "c": {"const": 1}},
        "when": {"and": [{"exists": {"from": "run", "key": "k"}}, {"eq": [of_a, {"const": 1}]}]}, "map": {"over": of_a}}}}))
    .unwrap();
    let step = &definition.steps["b"];
    let a: StepKey = "a".into();
    for (field, line) in [
        ("inputs.text", Some(&a)),
        ("inputs.c", None),
        ("inputs.gone", None),
        ("when.and.1.eq.0", Some(&a)),
        ("when.and.1.eq.1", None),
        ("when.and.0.exists", None),
        ("map.over", Some(&a)),
        ("map.key", Some(&a)),
        ("title", None),
    ] {
        assert_eq!(line_of(step, field), line, "{field}");
    }
}
