//! Tests of history and of the edits under it: whatever a person does, it can be taken back exactly.
//! Random edits include refused ones, because a refusal must leave no trace either.

use proptest::prelude::*;
use serde_json::json;
use workflow::{
    Step, StepKey,
    definition::{Note, Position, RunInput},
    graph::Graph,
    source::Source,
};

use super::*;

fn key(n: u8) -> StepKey {
    StepKey::new(format!("s{n}"))
}

fn step_source(n: u8) -> Source {
    Source::Step { step: key(n), artifact: "text".into(), path: String::new() }
}

/// Quarters, which JSON text carries exactly.
fn any_place() -> impl Strategy<Value = Position> {
    (-400..400, -400..400).prop_map(|(x, y)| Position { x: f64::from(x) / 4.0, y: f64::from(y) / 4.0, pinned: false })
}

fn any_step() -> impl Strategy<Value = Step> {
    (
        prop::collection::btree_set((0_u8..8).prop_map(key), 0..3),
        prop::option::of((0_u8..8).prop_map(step_source)),
        prop::option::of(any_place()),
        "[a-c]{0,2}",
    )
        .prop_map(|(depends_on, source, place, title)| {
            let mut step = Step::new("x".into());
            step.depends_on = depends_on;
            step.inputs.extend(source.map(|source| ("in".to_owned(), source)));
            step.ui = place;
            step.title = title;
            step
        })
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let k = || (0_u8..8).prop_map(key);
    let place = prop::option::of(any_place());
    let source = prop_oneof![
        Just(None),
        (0_u8..8).prop_map(|n| Some(step_source(n))),
        (0_u8..4).prop_map(|n| Some(Source::Const(json!(n)))),
    ];
    let leaf = prop_oneof![
        3 => (k(), any_step()).prop_map(|(key, step)| Edit::add(key, step)),
        1 => k().prop_map(|key| Edit::RemoveStep { key }),
        2 => (k(), any_step()).prop_map(|(key, step)| Edit::set(key, step)),
        4 => (k(), k()).prop_map(|(from, to)| Edit::Connect { from, to }),
        2 => (k(), k()).prop_map(|(from, to)| Edit::Disconnect { from, to }),
        3 => (k(), "[ab]", source).prop_map(|(step, port, source)| Edit::SetInput { step, port, source }),
        1 => prop::collection::vec((k(), place), 0..4).prop_map(Edit::MoveSteps),
        1 => ("[ab]", prop::option::of("[a-c]{0,2}")).prop_map(|(key, title)| Edit::SetRunInput {
            key, input: title.map(|title| RunInput { title, ..RunInput::default() }) }),
        1 => ("[ab]", prop::option::of("[a-c]{0,2}")).prop_map(|(id, text)| Edit::SetNote {
            note: text.map(|text| Note { id: id.clone(), text, ..Note::default() }), id }),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Edit::Batch))
}

proptest! {
    #[test]
    fn no_sequence_of_edits_makes_a_cycle_and_every_inverse_is_exact(edits in prop::collection::vec(any_edit(), 0..60)) {
        let mut definition = Definition::default();
        for edit in edits {
            let before = definition.clone();
            if let Ok(inverse) = edit::apply(&mut definition, &edit) {
                prop_assert!(Graph::of(&definition).order().is_ok());
                let mut back = definition.clone();
                let again = edit::apply(&mut back, &inverse);
                prop_assert!(again.is_ok(), "{again:?}");
                prop_assert_eq!(back, before);
            } else {
                prop_assert_eq!(&definition, &before);
            }
            prop_assert!(!definition.steps.iter().any(|(key, step)| step.direct_dependencies().contains(key)));
        }
    }

    #[test]
    fn undoing_all_is_the_beginning_and_redoing_all_is_the_end(
        edits in prop::collection::vec((any_edit(), prop::bool::weighted(0.2)), 0..40),
    ) {
        let mut definition = Definition::default();
        let mut history = History::default();
        for (edit, seals) in edits {
            // A refusal is part of the game.
            let _ = history.apply(&mut definition, edit, "edit");
            if seals {
                history.seal();
            }
        }
        let end = definition.clone();
        let mut states = vec![end.clone()];
        while history.undo(&mut definition).unwrap().is_some() {
            states.push(definition.clone());
            prop_assert!(Graph::of(&definition).order().is_ok());
        }
        prop_assert_eq!(&definition, &Definition::default());
        states.pop();
        while history.redo(&mut definition).unwrap().is_some() {
            let expected = states.pop();
            prop_assert_eq!(Some(&definition), expected.as_ref());
        }
        prop_assert_eq!(&definition, &end);
        prop_assert_eq!(serde_json::to_string(&definition).unwrap(), serde_json::to_string(&end).unwrap());
    }

    #[test]
    fn edits_survive_the_wire(edit in any_edit()) {
        let text = serde_json::to_string(&edit).unwrap();
        prop_assert_eq!(serde_json::from_str::<Edit>(&text).unwrap(), edit);
    }
}

fn two_steps() -> Definition {
    Definition::from_value(&json!({"steps":{"a":{"agent_id":"x"},"b":{"agent_id":"x","depends_on":["a"],
        "inputs":{"text":{"from":"step","step":"a","artifact":"text"}}}}}))
    .unwrap()
}

fn titled(definition: &Definition, title: &str) -> Edit {
    Edit::set("a".into(), Step { title: title.into(), ..definition.steps["a"].clone() })
}

#[test]
fn typing_a_title_is_one_entry_until_sealed() {
    let mut definition = two_steps();
    let before = definition.clone();
    let mut history = History::default();
    for title in ["S", "Su", "Sum"] {
        let edit = titled(&definition, title);
        history.apply(&mut definition, edit, "Rename").unwrap();
    }
    assert_eq!(history.n_undoable(), 1);
    history.seal();
    let edit = titled(&definition, "Summary");
    history.apply(&mut definition, edit, "Rename").unwrap();
    assert_eq!(history.n_undoable(), 2);
    history.undo(&mut definition).unwrap();
    assert_eq!(definition.steps["a"].title, "Sum");
    history.undo(&mut definition).unwrap();
    assert_eq!(definition, before);
    assert_eq!(history.redo_label(), Some("Rename"));
}

#[test]
fn typing_something_and_deleting_it_leaves_no_entry() {
    let mut definition = two_steps();
    let mut history = History::default();
    for title in ["S", ""] {
        let edit = titled(&definition, title);
        history.apply(&mut definition, edit, "Rename").unwrap();
    }
    assert_eq!((history.n_undoable(), history.bytes()), (0, 0));
}

#[test]
fn choices_are_entries_of_their_own() {
    let mut definition = two_steps();
    let mut history = History::default();
    for mode in [workflow::definition::ReviewMode::Always, workflow::definition::ReviewMode::Never] {
        let mut step = definition.steps["a"].clone();
        step.review.mode = mode;
        history.apply(&mut definition, Edit::set("a".into(), step), "Review").unwrap();
    }
    assert_eq!(history.n_undoable(), 2);
}

#[test]
fn nudges_of_one_group_are_one_entry() {
    let mut definition = two_steps();
    let mut history = History::default();
    for x in [8.0, 16.0, 24.0] {
        let edit = Edit::moves([("a".into(), Position { x, y: 0.0, pinned: false })]);
        history.apply_in_group(&mut definition, edit, "Move", "a").unwrap();
    }
    assert_eq!(history.n_undoable(), 1);
    history.undo(&mut definition).unwrap();
    assert_eq!(definition.steps["a"].ui, None);
}

#[test]
fn only_a_new_edit_drops_what_can_be_redone() {
    let mut definition = two_steps();
    let mut history = History::default();
    let edit = titled(&definition, "A");
    history.apply(&mut definition, edit, "Rename").unwrap();
    history.undo(&mut definition).unwrap();
    let refused = history.apply(&mut definition, Edit::Connect { from: "b".into(), to: "a".into() }, "Connect");
    assert!(matches!(refused, Err(Refused::Cycle { .. })));
    assert_eq!(history.n_redoable(), 1);
    history.apply(&mut definition, Edit::RemoveStep { key: "b".into() }, "Delete").unwrap();
    assert_eq!(history.n_redoable(), 0);
}

#[test]
fn the_oldest_entries_are_forgotten_beyond_the_cap() {
    let mut definition = two_steps();
    let mut history = History::with_cap(2_000);
    for n in 0..100 {
        let edit = titled(&definition, &format!("Title {n}"));
        history.apply(&mut definition, edit, "Rename").unwrap();
        history.seal();
    }
    assert!(history.bytes() <= 2_000);
    assert!((1..100).contains(&history.n_undoable()));
    while history.undo(&mut definition).unwrap().is_some() {}
    assert_ne!(definition.steps["a"].title, "");
}

#[test]
fn a_cycle_is_refused_with_its_path() {
    let mut definition = two_steps();
    let refused = edit::apply(&mut definition, &Edit::Connect { from: "b".into(), to: "a".into() }).unwrap_err();
    assert_eq!(refused.to_string(), "This would close the cycle a > b > a");
}

#[test]
fn a_cycle_hidden_in_a_batch_or_in_a_mapping_is_refused_too() {
    let mut definition = two_steps();
    let before = definition.clone();
    let source = Source::Step { step: "b".into(), artifact: "text".into(), path: String::new() };
    for edit in [
        Edit::SetInput { step: "a".into(), port: "text".into(), source: Some(source) },
        Edit::Batch(vec![
            Edit::add("c".into(), Step { depends_on: ["b".into()].into(), ..Step::new("x".into()) }),
            Edit::Connect { from: "c".into(), to: "a".into() },
        ]),
    ] {
        assert!(matches!(edit::apply(&mut definition, &edit), Err(Refused::Cycle { .. })));
        assert_eq!(definition, before);
    }
}

#[test]
fn removing_a_step_takes_its_edges_and_mappings_and_undo_brings_them_back() {
    let mut definition = two_steps();
    let before = definition.clone();
    let inverse = edit::apply(&mut definition, &Edit::RemoveStep { key: "a".into() }).unwrap();
    assert!(definition.steps["b"].depends_on.is_empty() && definition.steps["b"].inputs.is_empty());
    edit::apply(&mut definition, &inverse).unwrap();
    assert_eq!(definition, before);
}

#[test]
fn undo_restores_even_a_cycle_that_was_loaded() {
    let mut definition = Definition::from_value(
        &json!({"steps":{"a":{"agent_id":"x","depends_on":["b"]},"b":{"agent_id":"x","depends_on":["a"]}}}),
    )
    .unwrap();
    let before = definition.clone();
    let mut history = History::default();
    history.apply(&mut definition, Edit::Disconnect { from: "a".into(), to: "b".into() }, "Disconnect").unwrap();
    history.undo(&mut definition).unwrap();
    assert_eq!(definition, before);
}

#[test]
fn what_is_only_watched_is_never_changed() {
    let (mut history, mut definition) = (History::of_watched(), Definition::default());
    let edit = Edit::AddStep { key: key(0), step: Box::new(Step::new("x".into())) };
    assert_eq!(history.apply(&mut definition, edit, "Add"), Err(Refused::Watched));
    assert_eq!(definition, Definition::default());
    assert_eq!((history.undo(&mut definition), history.redo(&mut definition)), (Ok(None), Ok(None)));
}
