//! The laws of the merge over random drafts, and what it tells people, case by case.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::*;
use crate::{
    definition::{Definition, Position, Step},
    graph::Graph,
    id::AgentId,
    source::Source,
};

const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// What an editor lets somebody do: it never leads in a circle, and what is removed goes with what reads it.
#[derive(Clone, Debug)]
enum Act {
    Title(&'static str, u8),
    Prompt(&'static str, u8),
    TimeLimit(&'static str, u8),
    Agent(&'static str, u8),
    Const(&'static str, &'static str, u8),
    Read(&'static str, &'static str),
    Connect(&'static str, &'static str),
    Disconnect(&'static str, &'static str),
    Move(&'static str, u8),
    Remove(&'static str),
    Add(&'static str, u8),
    Name(u8),
}

fn key() -> impl Strategy<Value = &'static str> {
    select(KEYS.to_vec())
}

/// What changes one field of a step that is there.
fn field_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (key(), 0_u8..3).prop_map(|(key, n)| Act::Title(key, n)),
        (key(), 0_u8..3).prop_map(|(key, n)| Act::Prompt(key, n)),
        (key(), 0_u8..3).prop_map(|(key, n)| Act::TimeLimit(key, n)),
        (key(), 0_u8..3).prop_map(|(key, n)| Act::Agent(key, n)),
        (key(), select(vec!["p", "q"]), 0_u8..3).prop_map(|(key, port, n)| Act::Const(key, port, n)),
        (0_u8..3).prop_map(Act::Name),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => field_act(),
        1 => (key(), key()).prop_map(|(from, to)| Act::Read(from, to)),
        2 => (key(), key()).prop_map(|(from, to)| Act::Connect(from, to)),
        1 => (key(), key()).prop_map(|(from, to)| Act::Disconnect(from, to)),
        1 => (key(), any::<u8>()).prop_map(|(key, n)| Act::Move(key, n)),
        1 => key().prop_map(Act::Remove),
        1 => (key(), 0_u8..3).prop_map(|(key, n)| Act::Add(key, n)),
    ]
}

fn first() -> Document {
    let steps: BTreeMap<&str, Value> = KEYS[..4].iter().map(|key| (*key, json!({"agent_id": "x"}))).collect();
    definition(&json!({"steps": steps})).into()
}

fn definition(document: &Value) -> Definition {
    Definition::from_value(document).unwrap()
}

fn document(steps: &Value) -> Document {
    definition(&json!({"steps": steps})).into()
}

fn done(mut document: Document, acts: &[Act]) -> Document {
    for act in acts {
        perform(&mut document, act);
    }
    document
}

fn perform(document: &mut Document, act: &Act) {
    let (key, n) = match act {
        Act::Title(key, n) | Act::Prompt(key, n) | Act::TimeLimit(key, n) | Act::Agent(key, n) => (*key, *n),
        _ => return perform_on_lines(document, act),
    };
    let Some(step) = document.definition.steps.get_mut(key) else { return };
    match act {
        Act::Title(..) => step.title = format!("T{n}"),
        Act::Prompt(..) => step.prompt = Some(format!("P{n}")),
        Act::TimeLimit(..) => step.timeout_s = 60 + u32::from(n),
        _ => (step.agent_id, step.agent_version) = (AgentId::new(format!("x{n}")), Some(1)),
    }
}

fn perform_on_lines(document: &mut Document, act: &Act) {
    let before = document.definition.clone();
    let steps = &mut document.definition.steps;
    match act {
        Act::Name(n) => document.name = format!("N{n}"),
        Act::Const(key, port, n) => {
            if let Some(step) = steps.get_mut(*key) {
                step.inputs.insert((*port).to_owned(), Source::Const(json!(n)));
            }
        }
        Act::Read(from, to) => {
            if steps.contains_key(*from)
                && let Some(step) = steps.get_mut(*to)
            {
                let source = Source::Step { step: (*from).into(), artifact: "text".into(), path: String::new() };
                step.inputs.insert("p".to_owned(), source);
                step.depends_on.insert((*from).into());
            }
        }
        Act::Connect(from, to) => {
            if steps.contains_key(*from)
                && let Some(step) = steps.get_mut(*to)
            {
                step.depends_on.insert((*from).into());
            }
        }
        Act::Disconnect(from, to) => {
            if let Some(step) = steps.get_mut(*to) {
                step.depends_on.remove(*from);
                step.inputs.retain(|_, source| source.step().is_none_or(|key| key.as_str() != *from));
            }
        }
        Act::Move(key, n) => {
            if let Some(step) = steps.get_mut(*key) {
                step.ui = Some(Position { x: f64::from(*n), y: 0.0, pinned: false });
            }
        }
        Act::Remove(gone) => {
            steps.remove(*gone);
            for step in steps.values_mut() {
                step.depends_on.remove(*gone);
                step.inputs.retain(|_, source| source.step().is_none_or(|key| key.as_str() != *gone));
            }
        }
        Act::Add(key, n) => {
            if !steps.contains_key(*key) {
                steps.insert((*key).into(), Step::new(AgentId::new(format!("new{n}"))));
            }
        }
        Act::Title(..) | Act::Prompt(..) | Act::TimeLimit(..) | Act::Agent(..) => {}
    }
    // As the editor refuses it.
    let is_self = document.definition.steps.iter().any(|(key, step)| step.direct_dependencies().contains(key));
    if is_self || Graph::of(&document.definition).order().is_err() {
        document.definition = before;
    }
}

/// The field that it changes.
fn place_of(act: &Act) -> String {
    match act {
        Act::Title(key, _) => format!("{key} title"),
        Act::Prompt(key, _) => format!("{key} prompt"),
        Act::TimeLimit(key, _) => format!("{key} limit"),
        Act::Agent(key, _) => format!("{key} agent"),
        Act::Const(key, port, _) => format!("{key} {port}"),
        other => format!("{other:?}").chars().take(4).collect(),
    }
}

fn places_of(changes: &[Change]) -> Vec<&Place> {
    changes.iter().map(|change| &change.place).collect()
}

fn is_sound(definition: &Definition) -> bool {
    let is_there = |key: &StepKey| definition.steps.contains_key(key);
    let mut reads = definition.steps.values().flat_map(Step::direct_dependencies);
    Graph::of(definition).order().is_ok() && reads.all(is_there)
}

proptest! {
    #[test]
    fn what_only_one_changed_is_as_that_one_has_it(
        begun in vec(act(), 0..8), changed in vec(act(), 0..10),
    ) {
        let base = done(first(), &begun);
        let other = done(base.clone(), &changed);
        let none = Choices::new();
        prop_assert_eq!(&merge(&base, &base, &other, &none).unwrap().document, &other);
        let kept = merge(&base, &other, &base, &none).unwrap();
        prop_assert_eq!((&kept.document, kept.taken), (&other, Vec::new()));
        let both = merge(&base, &other, &other, &none).unwrap();
        prop_assert_eq!((&both.document, both.taken), (&other, Vec::new()));
    }

    #[test]
    fn what_two_did_to_different_fields_is_all_there(
        begun in vec(act(), 0..8), mine in vec(field_act(), 0..8), theirs in vec(field_act(), 0..8),
    ) {
        let base = done(first(), &begun);
        let places: Vec<String> = mine.iter().map(place_of).collect();
        let theirs: Vec<Act> = theirs.into_iter().filter(|act| !places.contains(&place_of(act))).collect();
        let (left, right) = (done(base.clone(), &mine), done(base.clone(), &theirs));
        let merged = merge(&base, &left, &right, &Choices::new()).unwrap();
        prop_assert_eq!(&merged.document, &done(left.clone(), &theirs));
        // The same whoever of the two comes first.
        let other_way = merge(&base, &right, &left, &Choices::new()).unwrap();
        prop_assert_eq!(&other_way.document, &merged.document);
        let told = changes(&left, &merged.document);
        prop_assert_eq!(places_of(&merged.taken), places_of(&told));
    }

    #[test]
    fn what_is_merged_is_sound_or_refused_and_choosing_ends(
        begun in vec(act(), 0..8), mine in vec(act(), 0..10), theirs in vec(act(), 0..10), picks in vec(any::<bool>(), 1..8),
    ) {
        let base = done(first(), &begun);
        let (left, right) = (done(base.clone(), &mine), done(base.clone(), &theirs));
        let mut choices = Choices::new();
        let mut picks = picks.into_iter().cycle();
        let merged = loop {
            match merge(&base, &left, &right, &choices) {
                Ok(merged) => break merged,
                Err(conflicts) => {
                    prop_assert!(!conflicts.is_empty());
                    for conflict in conflicts {
                        let side = if picks.next() == Some(true) { Side::Mine } else { Side::Theirs };
                        let known = choices.insert(conflict.change.place.clone(), side);
                        prop_assert!(known.is_none(), "asked twice: {:?}", conflict);
                    }
                }
            }
        };
        prop_assert!(is_sound(&merged.document.definition), "{:?}", merged.document);
        if choices.is_empty() {
            let other_way = merge(&base, &right, &left, &choices);
            prop_assert!(other_way.is_ok(), "{:?}", other_way);
        }
    }

    #[test]
    fn changes_are_told_wherever_two_drafts_differ(begun in vec(act(), 0..8), changed in vec(act(), 0..10)) {
        let before = done(first(), &begun);
        let after = done(before.clone(), &changed);
        let told = changes(&before, &after);
        let is_same = before.name == after.name
            && before.definition.semantic_hash() == after.definition.semantic_hash();
        prop_assert_eq!(told.is_empty(), is_same, "{:?}", told);
        prop_assert_eq!(summary(&told).is_none(), is_same);
        let back = changes(&after, &before);
        prop_assert_eq!(places_of(&told), places_of(&back));
    }
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
fn a_note_with_an_id_of_its_own_never_gets_one_that_the_base_had() {
    let of = |notes: &[(&str, &str)]| -> Document {
        let notes: Vec<Value> = notes.iter().map(|(id, text)| json!({"id": id, "text": text})).collect();
        definition(&json!({"steps": {}, "notes": notes})).into()
    };
    let base = of(&[("m2", "old")]);
    let merged = merge(&base, &of(&[("n", "mine")]), &of(&[("n", "theirs")]), &Choices::new()).unwrap().document;
    assert_eq!(merged, of(&[("n", "theirs"), ("m3", "mine")]));
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
fn more_than_a_workflow_holds_is_named_and_is_no_choice() {
    let of = |step: &str, notes: usize| -> Document {
        let notes: Vec<Value> = (0..notes).map(|n| json!({"id": format!("{step}{n}"), "text": step})).collect();
        definition(&json!({"steps": {step: {"agent_id": "x"}}, "notes": notes})).into()
    };
    let most = crate::limits::MAX_NOTES;
    let base = document(&json!({}));
    assert!(merge(&base, &of("a", most - 1), &of("b", 1), &Choices::new()).is_ok());
    let conflicts = merge(&base, &of("a", most), &of("b", 1), &Choices::new()).unwrap_err();
    let why: Vec<Why> = conflicts.into_iter().map(|conflict| conflict.why).collect();
    assert_eq!(why, [Why::TooMuch { what: "notes", n: most + 1, most }]);

    let most = crate::limits::MAX_DEPENDENCIES;
    let of = |step: &str, n: usize| -> Document {
        let names: Vec<String> = (0..n).map(|n| format!("gone{n}")).collect();
        document(&json!({step: {"agent_id": "x", "depends_on": names}}))
    };
    let conflicts = merge(&base, &of("a", most - 1), &of("b", 2), &Choices::new()).unwrap_err();
    let why: Vec<Why> = conflicts.into_iter().map(|conflict| conflict.why).collect();
    assert_eq!(why, [Why::TooMuch { what: "connections", n: most + 1, most }]);
}

#[test]
fn a_large_circle_is_judged_at_once() {
    const N: usize = 5_000;
    let of = |is_ring: bool, title: &str| -> Document {
        let key = |n: usize| StepKey::new(format!("s{n:05}"));
        let mut chain = Definition::default();
        for n in 0..N {
            let mut step = Step::new("x".into());
            if n > 0 || is_ring {
                step.depends_on.insert(key((n + N - 1) % N));
            }
            chain.steps.insert(key(n), step);
        }
        chain.steps.get_mut("s00003").unwrap().title = title.into();
        chain.into()
    };
    // Each line of the ring is looked at once: with a search from each this would take minutes.
    let (chain, ring) = (of(false, ""), of(true, ""));
    assert_eq!(merge(&chain, &of(false, "Mine"), &ring, &Choices::new()).unwrap().document, of(true, "Mine"));
    let empty = document(&json!({}));
    assert_eq!(merge(&empty, &empty, &ring, &Choices::new()).unwrap().document, ring);
    assert_eq!(merge(&ring, &of(true, "Mine"), &ring, &Choices::new()).unwrap().document, of(true, "Mine"));
}

#[test]
fn many_names_that_lead_nowhere_are_merged_at_once() {
    let of = |names: usize, title: &str| -> Document {
        let mut step = Step { title: title.into(), ..Step::new("x".into()) };
        for n in 0..names {
            step.depends_on.insert(format!("n{n}").as_str().into());
            step.inputs.insert(format!("p{n}"), Source::Run { key: format!("r{n}"), path: String::new() });
        }
        Definition { steps: [("a".into(), step)].into(), ..Definition::default() }.into()
    };
    let names = crate::limits::MAX_DEPENDENCIES;
    // One look each: with a look at all of them for each, this would take minutes.
    let merged = merge(&of(names, ""), &of(names, "Mine"), &of(names, ""), &Choices::new()).unwrap();
    assert_eq!(merged.document, of(names, "Mine"));
    let added = merge(&of(0, ""), &of(names, ""), &of(0, ""), &Choices::new()).unwrap();
    assert_eq!(added.document, of(names, ""));
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

#[test]
fn notes_are_merged_by_their_ids_in_one_order() {
    let of = |notes: &[(&str, &str)]| -> Document {
        let notes: Vec<Value> = notes.iter().map(|(id, text)| json!({"id": id, "text": text})).collect();
        definition(&json!({"steps": {}, "notes": notes})).into()
    };
    let base = of(&[("1", "one"), ("2", "two")]);
    let mine = of(&[("1", "mine"), ("2", "two"), ("3", "three")]);
    let theirs = of(&[("2", "two"), ("1", "one"), ("4", "four")]);
    let merged = merge(&base, &mine, &theirs, &Choices::new()).unwrap().document;
    assert_eq!(merged, of(&[("2", "two"), ("1", "mine"), ("4", "four"), ("3", "three")]));
}

#[test]
fn two_new_groups_around_different_steps_are_two_groups_whatever_they_are_called() {
    let of = |groups: [Option<&str>; 2]| -> Document {
        let step = |group: Option<&str>| match group {
            Some(group) => json!({"agent_id": "x", "group": group}),
            None => json!({"agent_id": "x"}),
        };
        let frames: BTreeMap<&str, Value> = groups.into_iter().flatten().map(|id| (id, json!({}))).collect();
        definition(&json!({"steps": {"a": step(groups[0]), "b": step(groups[1])}, "groups": frames})).into()
    };
    let (base, mine, theirs) = (of([None, None]), of([Some("g1"), None]), of([None, Some("g1")]));
    let merged = |mine: &Document, theirs: &Document| merge(&base, mine, theirs, &Choices::new()).unwrap().document;
    assert_eq!(merged(&mine, &theirs), of([Some("m2"), Some("g1")]));
    // The same group of both is one.
    assert_eq!(merged(&mine, &mine), mine);

    // Around a step that both added under one key, which is two steps.
    let added = |agent: &str| -> Document {
        let steps = json!({"a": {"agent_id": "x"}, "b": {"agent_id": "x"}, "w": {"agent_id": agent, "group": "g1"}});
        definition(&json!({"steps": steps, "groups": {"g1": {}}})).into()
    };
    let steps = merged(&added("mine"), &added("theirs")).definition.steps;
    assert_eq!((steps["w"].group.as_deref(), steps["w_2"].group.as_deref()), (Some("g1"), Some("m2")));
}

#[test]
fn a_note_that_one_moved_loses_nothing_of_what_the_other_did_to_it() {
    let of = |notes: Value| -> Document { definition(&json!({"steps": {}, "notes": notes})).into() };
    let note = |text: &str, x: f64, width: f64, colour: &str| {
        of(json!([{"id": "n", "text": text, "x": x, "y": 0.0, "width": width, "height": 50.0, "colour": colour}]))
    };
    let merged = |base: &Document, mine: &Document, theirs: &Document| merge(base, mine, theirs, &Choices::new());
    let base = note("Why", 0.0, 100.0, "red");
    let (moved, sized) = (note("Why", 9.0, 100.0, "red"), note("Why", 0.0, 300.0, "teal"));
    let both = note("Why", 9.0, 300.0, "teal");
    assert_eq!(merged(&base, &moved, &sized).unwrap().document, both);
    assert_eq!(merged(&base, &sized, &moved).unwrap().document, both);
    // Moving is no reason to keep it; writing in it is one to ask.
    let empty = of(json!([]));
    assert_eq!(merged(&base, &moved, &empty).unwrap().document, empty);
    assert_eq!(merged(&base, &empty, &moved).unwrap().document, empty);
    let conflicts = merged(&base, &note("Because", 0.0, 100.0, "red"), &empty).unwrap_err();
    assert_eq!(conflicts.iter().map(|it| it.why.clone()).collect::<Vec<_>>(), [Why::Removed]);
}

#[test]
fn what_is_only_drawn_is_merged_and_nobody_is_asked_but_for_what_a_note_says() {
    let drawn = |colour: &str, group: &str, notes: Value, groups: Value| -> Document {
        let step = json!({"agent_id": "x", "colour": colour, "group": group});
        definition(&json!({"steps": {"a": step}, "notes": notes, "groups": groups})).into()
    };
    let note = |id: &str, text: &str, x: f64| json!({"id": id, "text": text, "x": x, "width": 100.0, "height": 50.0});
    let base = drawn("red", "g1", json!([note("n1", "Why", 0.0)]), json!({"g1": {"title": "One"}}));
    let mine = drawn(
        "blue",
        "g2",
        json!([note("n1", "Why", 5.0), note("n2", "Mine", 0.0)]),
        json!({"g1": {"title": "One"}, "g2": {"title": "Mine"}}),
    );
    let theirs = drawn(
        "teal",
        "g1",
        json!([note("n1", "Why not", 9.0), note("n2", "Theirs", 0.0)]),
        json!({"g1": {"title": "Two"}, "g2": {"title": "Theirs"}}),
    );
    let merged = merge(&base, &mine, &theirs, &Choices::new()).unwrap().document.definition;
    let step = &merged.steps["a"];
    assert_eq!((step.colour, step.group.as_deref()), (Some(crate::definition::Colour::Blue), Some("m2")));
    let titles: Vec<_> = merged.groups.iter().map(|(id, group)| (id.as_str(), group.title.as_str())).collect();
    assert_eq!(titles, [("g1", "Two"), ("g2", "Theirs"), ("m2", "Mine")]);
    let notes: BTreeMap<_, _> = merged.notes.iter().map(|note| (note.text.as_str(), note.x)).collect();
    assert_eq!(notes, [("Mine", 0.0), ("Theirs", 0.0), ("Why not", 5.0)].into());

    let other = drawn("red", "g1", json!([note("n1", "Because", 0.0)]), json!({"g1": {"title": "One"}}));
    let conflicts = merge(&base, &other, &theirs, &Choices::new()).unwrap_err();
    assert_eq!(conflicts.iter().map(|it| it.change.place.clone()).collect::<Vec<_>>(), [Place::Note("n1".into())]);
}
