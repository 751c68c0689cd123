//! The laws of the merge, over random drafts of two people who began from one.
//! Must ask for nothing that holds for one kind of field alone: that is told case by case.

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::{
    definition::{Position, Step},
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
