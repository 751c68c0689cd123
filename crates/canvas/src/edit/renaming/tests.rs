//! A key is another one, and nothing else is: what every reference leads to, and what the validator says, up to the name.

use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};
use workflow::{AgentCatalog, AgentSpec, validate};

use super::*;
use crate::{Document, edit::apply};

#[test]
fn a_renamed_step_is_read_as_before_and_its_old_key_is_named_nowhere() {
    let definition = Definition::from_value(&json!({"steps": {
        "draft": {"agent_id": "x", "title": "Plan", "ui": {"x": 1, "y": 2}},
        "write": {"agent_id": "x", "depends_on": ["draft"], "inputs": {
            "t": {"from": "step", "step": "draft", "artifact": "text", "path": "/x"}, "c": {"const": "draft"}},
            "when": {"and": [{"not": {"exists": {"from": "step", "step": "draft", "artifact": "text"}}}]},
            "map": {"over": {"from": "step", "step": "draft", "artifact": "list"}, "max_items": 5}}}}))
    .unwrap();
    let before = definition.clone();
    let edit = rename_step(&definition, &"draft".into(), "plan").unwrap();
    let mut document = Document::from(definition);
    let inverse = apply(&mut document, &edit).unwrap();
    let definition = document.definition.clone();
    assert_eq!(definition.steps["plan"], before.steps["draft"]);
    assert!(definition.steps["write"].direct_dependencies().iter().all(|key| key.as_str() == "plan"));
    assert_eq!(definition.to_value().to_string().matches("draft").count(), 1, "only the constant");
    apply(&mut document, &inverse).unwrap();
    assert_eq!(document.definition, before);
}

#[test]
fn a_key_that_cannot_be_given_is_refused_with_the_reason() {
    let definition = Definition::from_value(&json!({
        "inputs": {"topic": {}, "tone": {}},
        "steps": {
            "draft": {"agent_id": "x"},
            "write": {"agent_id": "x", "depends_on": ["gone"], "inputs": {"t": {"from": "run", "key": "lost"}}}}}))
    .unwrap();
    let step = |new: &str| rename_step(&definition, &"draft".into(), new).unwrap_err();
    assert_eq!(step(""), KeyFault::Empty);
    assert_eq!(step("write"), KeyFault::StepTaken("write".into()));
    assert_eq!(step("gone"), KeyFault::StillNamed("gone".into()));
    assert!(step("Clean Text").to_string().ends_with("such as `clean_text`"));
    // What it names instead is free.
    assert!(step("Write").to_string().ends_with("such as `write_2`"));
    assert!(step(&"x".repeat(65)).to_string().contains("at most 64"));
    let input = |new: &str| rename_run_input(&definition, "topic", new).unwrap_err();
    assert_eq!(input("tone"), KeyFault::InputTaken("tone".into()));
    assert_eq!(input("lost"), KeyFault::StillNamed("lost".into()));
    assert!(matches!(input("9"), KeyFault::Malformed { .. }));
    // The model refuses by itself as well, and leaves no trace.
    let mut document = Document::from(definition.clone());
    for edit in [
        Edit::RenameStep { from: "draft".into(), to: "write".into() },
        Edit::RenameStep { from: "draft".into(), to: "gone".into() },
        Edit::RenameStep { from: "gone".into(), to: "new".into() },
        Edit::RenameRunInput { from: "topic".into(), to: "tone".into() },
        Edit::RenameRunInput { from: "topic".into(), to: "lost".into() },
        Edit::RenameRunInput { from: "lost".into(), to: "new".into() },
    ] {
        assert!(apply(&mut document, &edit).is_err(), "{edit:?}");
        assert_eq!(document.definition, definition);
    }
}

#[test]
fn a_malformed_key_that_was_loaded_can_be_put_right_and_brought_back() {
    let definition = Definition::from_value(&json!({"steps": {
        "Bad Key": {"agent_id": "x"}, "b": {"agent_id": "x", "depends_on": ["Bad Key"]}}}))
    .unwrap();
    let mut document = Document::from(definition.clone());
    let edit = rename_step(&definition, &"Bad Key".into(), "good").unwrap();
    let inverse = apply(&mut document, &edit).unwrap();
    assert!(document.definition.steps["b"].depends_on.contains("good"));
    apply(&mut document, &inverse).unwrap();
    assert_eq!(document.definition, definition);
}

fn agents() -> AgentCatalog {
    let spec = |id: &str, inputs: Value, output: Value| -> AgentSpec {
        serde_json::from_value(json!({"id": id, "version": 1, "name": id, "inputs": inputs,
            "outputs": [{"name": "text", "schema": output}],
            "config": {"kind": "template", "template": "{{ a }}"}}))
        .unwrap()
    };
    let text = json!({"type": "string"});
    AgentCatalog::new([
        spec(
            "texts",
            json!([{"name": "a", "schema": text, "required": true}, {"name": "b", "schema": text}]),
            text.clone(),
        ),
        spec("lists", json!([{"name": "a", "schema": {"type": "array"}}]), json!({"type": "array", "items": text})),
    ])
}

/// Some step, some run input, an item, or a constant; steps later than this one, and ones that are not there, among them.
fn any_source(n_steps: usize) -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (0..n_steps + 2, select(vec!["text", "gone"]), select(vec!["", "/0", "/part"])).prop_map(|(n, artifact, path)| {
            json!({"from": "step", "step": format!("kay{n}"), "artifact": artifact, "path": path})
        }),
        3 => (0_usize..4, select(vec!["", "/part"])).prop_map(|(n, path)| json!({"from": "run", "key": format!("arg{n}"), "path": path})),
        1 => Just(json!({"from": "item"})),
        1 => Just(json!({"const": "x"})),
    ]
}

/// Steps that wait only for earlier ones or for ones that are not there, and are broken in every other way.
fn any_definition() -> impl Strategy<Value = Definition> {
    const N: usize = 5;
    let step = (
        prop::bool::ANY,
        prop::collection::vec(0..N + 2, 0..3),
        prop::collection::vec(("[abz]", any_source(N)), 0..3),
        prop::option::of((any_source(N), any_source(N))),
        prop::option::of(any_source(N)),
        prop::option::of(any_source(N)),
    );
    prop::collection::vec(step, N).prop_map(|steps| {
        let mut made = serde_json::Map::new();
        for (n, (is_list, depends_on, inputs, when, over, shared)) in steps.into_iter().enumerate() {
            // No cycles: which names a cycle tells first goes by the alphabet.
            let is_fine = |source: &Value| {
                let step = source["step"].as_str().and_then(|key| key.strip_prefix("kay")?.parse::<usize>().ok());
                step.is_none_or(|of| of < n || of >= N)
            };
            let depends_on: Vec<String> =
                depends_on.into_iter().filter(|of| *of < n || *of >= N).map(|of| format!("kay{of}")).collect();
            let mut step = json!({"agent_id": if is_list { "lists" } else { "texts" }, "depends_on": depends_on});
            let inputs = inputs.into_iter().filter(|(_, source)| is_fine(source));
            step["inputs"] = inputs.collect::<serde_json::Map<_, _>>().into();
            if let Some((a, b)) = when.filter(|(a, b)| is_fine(a) && is_fine(b)) {
                step["when"] = json!({"or": [{"eq": [a, b]}, {"not": {"exists": a}}, {"in": [{"const": 1}, b]}]});
            }
            if let Some(over) = over.filter(is_fine) {
                step["map"] = json!({"over": over});
            }
            if let Some(key) = shared.filter(is_fine) {
                step["concurrency"] = json!({"key": key, "limit": 2});
            }
            made.insert(format!("kay{n}"), step);
        }
        let inputs = json!({"arg0": {"schema": {"type": "string"}}, "arg1": {"schema": {"type": "array"}}, "arg2": {"title": "T"}});
        Definition::from_value(&json!({"inputs": inputs, "steps": made})).unwrap()
    })
}

/// What the validator says, each as one text, in no order.
fn said(definition: &Definition) -> Vec<String> {
    let problems = validate(definition, &agents()).1;
    problems.iter().map(|problem| serde_json::to_string(problem).unwrap()).collect()
}

fn renamed(texts: Vec<String>, old: &str, new: &str) -> Vec<String> {
    let mut texts: Vec<String> = texts.into_iter().map(|text| text.replace(old, new)).collect();
    texts.sort();
    texts
}

proptest! {
    #[test]
    fn every_reference_follows_a_step_and_its_problems_are_the_same_up_to_the_name(
        definition in any_definition(), n in 0_usize..5,
    ) {
        let old = format!("kay{n}");
        let mut document = Document::from(definition.clone());
        let edit = rename_step(&definition, &StepKey::new(old.as_str()), "zed").unwrap();
        let inverse = apply(&mut document, &edit).unwrap();
        let text = definition.to_value().to_string();
        prop_assert!(!document.definition.to_value().to_string().contains(&old));
        // Nothing but the name is another one.
        let again = Definition::from_value(&serde_json::from_str(&text.replace(&old, "zed")).unwrap()).unwrap();
        prop_assert_eq!(&document.definition, &again);
        prop_assert_eq!(renamed(said(&document.definition), "", ""), renamed(said(&definition), &old, "zed"));
        apply(&mut document, &inverse).unwrap();
        prop_assert_eq!(document.definition, definition);
    }

    #[test]
    fn every_reference_follows_a_run_input_and_its_problems_are_the_same_up_to_the_name(
        definition in any_definition(), n in 0_usize..3,
    ) {
        let old = format!("arg{n}");
        let mut document = Document::from(definition.clone());
        let inverse = apply(&mut document, &rename_run_input(&definition, &old, "zed").unwrap()).unwrap();
        prop_assert!(!document.definition.to_value().to_string().contains(&old));
        prop_assert_eq!(renamed(said(&document.definition), "", ""), renamed(said(&definition), &old, "zed"));
        apply(&mut document, &inverse).unwrap();
        prop_assert_eq!(document.definition, definition);
    }
}
