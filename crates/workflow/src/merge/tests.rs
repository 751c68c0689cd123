//! What the merge tells people, and what it asks them about, case by case.

mod drawn;
mod large;
mod laws;

use serde_json::{Value, json};

use super::*;
use crate::definition::Definition;

fn definition(document: &Value) -> Definition {
    Definition::from_value(document).unwrap()
}

fn document(steps: &Value) -> Document {
    definition(&json!({"steps": steps})).into()
}

fn lines(changes: &[Change]) -> Vec<String> {
    let words = |side: &Option<String>| side.clone().unwrap_or_else(|| "–".to_owned());
    let line = |change: &Change| {
        let of = change.of.as_ref().map(|of| format!("{of}: ")).unwrap_or_default();
        format!("{of}{}: {} → {}", change.place.label(), words(&change.before), words(&change.after))
    };
    changes.iter().map(line).collect()
}

#[test]
fn changes_are_told_by_field_in_words() {
    let before = Document {
        name: "Brief".into(),
        ..definition(&json!({
            "inputs": {"topic": {"title": "Topic"}},
            "steps": {
                "plan": {"agent_id": "planner", "title": "Plan"},
                "write": {"agent_id": "writer", "agent_version": 1, "title": "Write", "depends_on": ["plan"],
                    "inputs": {"t": {"from": "run", "key": "topic"}}, "ui": {"x": 1, "y": 2}}}}))
        .into()
    };
    let after = Document {
        name: "Long brief".into(),
        ..definition(&json!({
            "inputs": {"topic": {"title": "Topic"}},
            "limits": {"max_parallel": 2},
            "steps": {
                "check": {"agent_id": "checker", "title": "Check"},
                "write": {"agent_id": "writer", "agent_version": 2, "title": "Write", "depends_on": ["check"],
                    "when": {"eq": [{"from": "run", "key": "topic"}, {"const": "long"}]}, "review": {"mode": "always"},
                    "inputs": {"t": {"from": "step", "step": "check", "artifact": "text", "path": "/a"}},
                    "ui": {"x": 50, "y": 2}}}}))
        .into()
    };
    let told = changes(&before, &after);
    assert_eq!(
        lines(&told),
        [
            "Name: Brief → Long brief",
            "Steps at once: – → 2",
            "Check: Step: – → from agent checker latest",
            "Plan: Step: from agent planner latest → –",
            "Write: Agent: writer v1 → writer v2",
            "Write: Waits for: Plan → Check",
            "Write: Runs only if: – → run input Topic is long",
            "Write: Input t: run input Topic → Check · text /a",
            "Write: Review: – → mode: always",
        ]
    );
    assert_eq!(summary(&told).unwrap(), "1 step added, 1 step removed, 1 step changed, name and steps at once changed");
    assert_eq!(summary(&changes(&before, &before)), None);
}

#[test]
fn one_field_that_both_changed_is_asked_about_and_as_it_is_chosen() {
    let base = document(&json!({"a": {"agent_id": "x", "prompt": "old"}}));
    let of =
        |prompt: &str, limit: u32| document(&json!({"a": {"agent_id": "x", "prompt": prompt, "timeout_s": limit}}));
    let (mine, theirs) = (of("mine", 600), of("theirs", 60));
    let conflicts = merge(&base, &mine, &theirs, &Choices::new()).unwrap_err();
    let [Conflict { why: Why::Both, change }] = conflicts.as_slice() else { panic!("{conflicts:?}") };
    assert_eq!(lines(std::slice::from_ref(change)), ["a: Prompt of this step: mine → theirs"]);
    for (side, prompt) in [(Side::Mine, "mine"), (Side::Theirs, "theirs")] {
        let merged = merge(&base, &mine, &theirs, &[(change.place.clone(), side)].into()).unwrap();
        assert_eq!(merged.document, of(prompt, 60));
    }
}

#[test]
fn a_step_that_one_removed_and_the_other_needs_is_asked_about() {
    let base = document(&json!({"a": {"agent_id": "x"}, "b": {"agent_id": "x"}}));
    let theirs = document(&json!({"b": {"agent_id": "x"}}));
    let reading = document(&json!({"a": {"agent_id": "x"}, "b": {"agent_id": "x", "depends_on": ["a"],
        "inputs": {"t": {"from": "step", "step": "a", "artifact": "text"}}}}));
    let changed = document(&json!({"a": {"agent_id": "x", "title": "Mine"}, "b": {"agent_id": "x"}}));
    let moved = document(&json!({"a": {"agent_id": "x", "ui": {"x": 9, "y": 9}}, "b": {"agent_id": "x"}}));
    let place = Place::step(&"a".into(), StepField::Whole);
    let why = |mine: &Document| {
        let conflicts = merge(&base, mine, &theirs, &Choices::new()).unwrap_err();
        let [conflict] = conflicts.as_slice() else { panic!("{conflicts:?}") };
        assert_eq!(conflict.change.place, place);
        conflict.why.clone()
    };
    assert_eq!(why(&reading), Why::Used { by: vec!["b".into()] });
    assert_eq!(why(&changed), Why::Removed);
    assert_eq!(
        merge(&base, &moved, &theirs, &Choices::new()).unwrap().document,
        theirs,
        "moving is no reason to keep it"
    );
    let chosen =
        |mine: &Document, side: Side| merge(&base, mine, &theirs, &[(place.clone(), side)].into()).unwrap().document;
    assert_eq!((chosen(&reading, Side::Mine), chosen(&reading, Side::Theirs)), (reading, theirs.clone()));
    assert_eq!((chosen(&changed, Side::Mine), chosen(&changed, Side::Theirs)), (changed, theirs));
}

#[test]
fn two_steps_that_were_added_under_one_key_are_two_steps() {
    let (base, theirs) = (document(&json!({})), document(&json!({"w": {"agent_id": "y"}})));
    let of = |key: &str, more: &Value| {
        let reads = json!({"agent_id": "x", "depends_on": [key],
            "inputs": {"t": {"from": "step", "step": key, "artifact": "text"}}});
        let mut steps = more.clone();
        (steps[key], steps["after"]) = (json!({"agent_id": "x"}), reads);
        document(&steps)
    };
    let mine = of("w", &json!({}));
    let merged = merge(&base, &mine, &theirs, &Choices::new()).unwrap();
    assert_eq!(merged.document, of("w_2", &json!({"w": {"agent_id": "y"}})));
    assert_eq!(summary(&merged.taken).unwrap(), "1 step added");
    assert_eq!(merged.renamed, [(StepKey::from("w"), StepKey::from("w_2"))], "whoever stands on it goes along");
}

#[test]
fn two_connections_that_lead_in_a_circle_are_asked_about() {
    let of = |first: &[&str], second: &[&str]| {
        document(&json!({"a": {"agent_id": "x", "depends_on": first}, "b": {"agent_id": "x", "depends_on": second}}))
    };
    let (base, mine, theirs) = (of(&[], &[]), of(&["b"], &[]), of(&[], &["a"]));
    let conflicts = merge(&base, &mine, &theirs, &Choices::new()).unwrap_err();
    let [Conflict { why: Why::Circle { path }, change }] = conflicts.as_slice() else { panic!("{conflicts:?}") };
    assert_eq!(path.len(), 3);
    assert_eq!((change.before.as_deref(), change.after.as_deref()), (Some("b → a"), Some("a → b")), "mine, theirs");
    for (side, expected) in [(Side::Mine, &mine), (Side::Theirs, &theirs)] {
        assert_eq!(
            merge(&base, &mine, &theirs, &[(Place::Order("a".into()), side)].into()).unwrap().document,
            *expected
        );
    }
    // A circle that was stored is not the merge's: it stays where only one of them had it.
    let circle = of(&["b"], &["a"]);
    assert_eq!(merge(&base, &base, &circle, &Choices::new()).unwrap().document, circle);
}

#[test]
fn whose_connections_stay_says_nothing_of_what_was_typed_beside_them() {
    let read = |step: &str| json!({"from": "step", "step": step, "artifact": "text"});
    let of = |first: &Value, second: &Value| document(&json!({"a": first, "b": second}));
    let plain = json!({"agent_id": "x"});
    let base = of(&plain, &plain);
    let mine = of(
        &json!({"agent_id": "x", "depends_on": ["b"], "inputs": {"t": read("b")}}),
        &json!({"agent_id": "x", "inputs": {"mine": {"const": 1}}}),
    );
    let theirs = of(
        &json!({"agent_id": "x", "inputs": {"theirs": {"const": 2}}}),
        &json!({"agent_id": "x", "depends_on": ["a"], "inputs": {"t": read("a")}}),
    );
    let chosen =
        |side: Side| merge(&base, &mine, &theirs, &[(Place::Order("a".into()), side)].into()).unwrap().document;
    let (one, two) = (json!({"const": 1}), json!({"const": 2}));
    let is_mine = of(
        &json!({"agent_id": "x", "depends_on": ["b"], "inputs": {"t": read("b"), "theirs": two}}),
        &json!({"agent_id": "x", "inputs": {"mine": one}}),
    );
    let is_theirs = of(
        &json!({"agent_id": "x", "inputs": {"theirs": two}}),
        &json!({"agent_id": "x", "depends_on": ["a"], "inputs": {"t": read("a"), "mine": one}}),
    );
    assert_eq!((chosen(Side::Mine), chosen(Side::Theirs)), (is_mine, is_theirs));
}

#[test]
fn two_circles_are_decided_apart() {
    let of = |waits: [&[&str]; 4]| {
        let step = |on: &[&str]| json!({"agent_id": "x", "depends_on": on});
        let [a, b, c, d] = waits.map(step);
        document(&json!({"a": a, "b": b, "c": c, "d": d}))
    };
    let none: &[&str] = &[];
    let (base, mine, theirs) = (of([none; 4]), of([&["b"], none, &["d"], none]), of([none, &["a"], none, &["c"]]));
    let conflicts = merge(&base, &mine, &theirs, &Choices::new()).unwrap_err();
    let mut places: Vec<Place> = conflicts.into_iter().map(|conflict| conflict.change.place).collect();
    places.sort();
    let order = |key: &str| Place::Order(key.into());
    assert_eq!(places, [order("a"), order("c")]);
    let choices: Choices = [(order("a"), Side::Mine), (order("c"), Side::Theirs)].into();
    let merged = merge(&base, &mine, &theirs, &choices).unwrap().document;
    assert_eq!(merged, of([&["b"], none, none, &["c"]]));
}

#[test]
fn a_run_input_that_one_removed_and_the_other_reads_is_asked_about() {
    let of = |inputs: &Value, reads: &Value| -> Document {
        definition(&json!({"inputs": inputs, "steps": {"a": {"agent_id": "x", "inputs": reads}}})).into()
    };
    let (topic, read) = (json!({"topic": {}}), json!({"t": {"from": "run", "key": "topic"}}));
    let (base, mine, theirs) = (of(&topic, &json!({})), of(&topic, &read), of(&json!({}), &json!({})));
    let conflicts = merge(&base, &mine, &theirs, &Choices::new()).unwrap_err();
    let [Conflict { why: Why::Used { by }, change }] = conflicts.as_slice() else { panic!("{conflicts:?}") };
    assert_eq!(*by, vec![StepKey::from("a")]);
    assert_eq!(change.place, Place::input("topic", InputField::Whole));
    let kept = merge(&base, &mine, &theirs, &[(change.place.clone(), Side::Mine)].into()).unwrap();
    assert_eq!(kept.document, mine);
}
