//! Tests of history and of the edits under it: whatever a person does, it can be taken back exactly.
//! Random edits include refused ones, because a refusal must leave no trace either.

use proptest::prelude::*;
use serde_json::json;
use workflow::{
    Definition, Step, StepKey,
    definition::{Colour, Group, Note, Position, RunInput},
    graph::Graph,
    schema::{Schema, Within},
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

fn any_colour() -> impl Strategy<Value = Option<Colour>> {
    prop::option::of(prop::sample::select(Colour::ALL.to_vec()))
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
        3 => prop::collection::vec((k(), any_step()), 1..3).prop_map(Edit::AddSteps),
        1 => prop::collection::vec(k(), 1..3).prop_map(Edit::RemoveSteps),
        1 => "[a-c ]{0,2}".prop_map(Edit::SetName),
        1 => "[a-c]{0,2}".prop_map(Edit::SetDescription),
        1 => prop::collection::btree_map(k(), any_step(), 0..3).prop_map(|steps| {
            // Nothing to wait for: what is taken up was judged by whoever made it.
            let alone = steps.into_iter().map(|(key, step)| (key, Step { ui: step.ui, ..Step::new("x".into()) }));
            let definition = Definition { steps: alone.collect(), ..Definition::default() };
            Edit::SetDocument { document: Box::new(definition.into()), renamed: Vec::new() }
        }),
        2 => (k(), any_step()).prop_map(|(key, step)| Edit::set(key, step)),
        4 => (k(), k()).prop_map(|(from, to)| Edit::Connect { from, to }),
        2 => (k(), k()).prop_map(|(from, to)| Edit::Disconnect { from, to }),
        3 => (k(), "[ab]", source).prop_map(|(step, port, source)| Edit::SetInput { step, port, source }),
        1 => prop::collection::vec((k(), place), 0..4).prop_map(Edit::MoveSteps),
        2 => (k(), k()).prop_map(|(from, to)| Edit::RenameStep { from, to }),
        1 => ("[ab]", "[abc]").prop_map(|(from, to)| Edit::RenameRunInput { from, to }),
        1 => ("[ab]", prop::option::of("[a-c]{0,2}")).prop_map(|(key, title)| Edit::SetRunInput {
            key, input: title.map(|title| Box::new(RunInput { title, ..RunInput::default() })) }),
        1 => prop::collection::vec((k(), any_colour()), 0..4).prop_map(Edit::ColourSteps),
        1 => prop::collection::vec((k(), prop::option::of("[ab]")), 0..4).prop_map(Edit::GroupSteps),
        1 => ("[ab]", prop::option::of(("[a-c]{0,2}", any_colour()))).prop_map(|(id, group)| Edit::SetGroup {
            group: group.map(|(title, colour)| Group { title, colour }), id }),
        1 => (0_usize..3, "[ab]", any_colour()).prop_map(|(at, id, colour)| Edit::InsertNote {
            at, note: Note { id, colour, ..Note::default() } }),
        1 => ("[ab]", prop::option::of("[a-c]{0,2}")).prop_map(|(id, text)| Edit::SetNote {
            note: text.map(|text| Note { id: id.clone(), text, ..Note::default() }), id }),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Edit::Batch))
}

proptest! {
    #[test]
    fn no_sequence_of_edits_makes_a_cycle_and_every_inverse_is_exact(edits in prop::collection::vec(any_edit(), 0..60)) {
        let mut document = Document::default();
        for edit in edits {
            let before = document.clone();
            if let Ok(inverse) = edit::apply(&mut document, &edit) {
                prop_assert!(Graph::of(&document.definition).order().is_ok());
                let mut back = document.clone();
                let again = edit::apply(&mut back, &inverse);
                prop_assert!(again.is_ok(), "{again:?}");
                prop_assert_eq!(back, before);
            } else {
                prop_assert_eq!(&document, &before);
            }
            prop_assert!(!document.definition.steps.iter().any(|(key, step)| step.direct_dependencies().contains(key)));
        }
    }

    #[test]
    fn undoing_all_is_the_beginning_and_redoing_all_is_the_end(
        edits in prop::collection::vec((any_edit(), prop::bool::weighted(0.2)), 0..40),
    ) {
        let mut document = Document::default();
        let mut history = History::default();
        for (edit, seals) in edits {
            // A refusal is part of the game.
            let _ = history.apply(&mut document, edit, "edit");
            if seals {
                history.seal();
            }
        }
        let end = document.clone();
        let mut states = vec![end.clone()];
        while history.undo(&mut document).unwrap().is_some() {
            states.push(document.clone());
            prop_assert!(Graph::of(&document.definition).order().is_ok());
        }
        prop_assert_eq!(&document, &Document::default());
        states.pop();
        while history.redo(&mut document).unwrap().is_some() {
            let expected = states.pop();
            prop_assert_eq!(Some(&document), expected.as_ref());
        }
        prop_assert_eq!(&document, &end);
        prop_assert_eq!(serde_json::to_string(&document).unwrap(), serde_json::to_string(&end).unwrap());
    }

    #[test]
    fn a_history_that_was_kept_takes_back_and_repeats_what_it_would_have(
        edits in prop::collection::vec(any_edit(), 0..30), n_undone in 0_usize..5,
    ) {
        let mut document = Document::default();
        let mut history = History::default();
        for edit in edits {
            let _ = history.apply(&mut document, edit, "edit");
        }
        for _ in 0..n_undone {
            history.undo(&mut document).unwrap();
        }
        let text = serde_json::to_string(&(&document, history.kept(usize::MAX))).unwrap();
        let (mut again, kept): (Document, Kept) = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(again.fingerprint(), document.fingerprint());
        let mut taken_up = History::default();
        taken_up.take_up(kept);
        prop_assert_eq!(taken_up.bytes(), history.bytes());
        while history.redo(&mut document).unwrap().is_some() {
            prop_assert!(taken_up.redo(&mut again).unwrap().is_some());
            prop_assert_eq!(&again, &document);
        }
        prop_assert_eq!(taken_up.redo(&mut again).unwrap(), None);
        while taken_up.undo(&mut again).unwrap().is_some() {}
        prop_assert_eq!(again, Document::default());
    }

    #[test]
    fn edits_survive_the_wire(edit in any_edit()) {
        let text = serde_json::to_string(&edit).unwrap();
        prop_assert_eq!(serde_json::from_str::<Edit>(&text).unwrap(), edit);
    }
}

fn document(definition: &serde_json::Value) -> Document {
    Definition::from_value(definition).unwrap().into()
}

fn two_steps() -> Document {
    document(&json!({"steps":{"a":{"agent_id":"x"},"b":{"agent_id":"x","depends_on":["a"],
        "inputs":{"text":{"from":"step","step":"a","artifact":"text"}}}}}))
}

fn titled(document: &Document, title: &str) -> Edit {
    Edit::set("a".into(), Step { title: title.into(), ..document.definition.steps["a"].clone() })
}

#[test]
fn typing_a_title_is_one_entry_until_sealed() {
    let mut document = two_steps();
    let before = document.clone();
    let mut history = History::default();
    for title in ["S", "Su", "Sum"] {
        let edit = titled(&document, title);
        history.apply(&mut document, edit, "Rename").unwrap();
    }
    assert_eq!(history.n_undoable(), 1);
    history.seal();
    let edit = titled(&document, "Summary");
    history.apply(&mut document, edit, "Rename").unwrap();
    assert_eq!(history.n_undoable(), 2);
    history.undo(&mut document).unwrap();
    assert_eq!(document.definition.steps["a"].title, "Sum");
    history.undo(&mut document).unwrap();
    assert_eq!(document, before);
    assert_eq!(history.redo_label(), Some("Rename"));
}

#[test]
fn typing_something_and_deleting_it_leaves_no_entry() {
    let mut document = two_steps();
    let mut history = History::default();
    for title in ["S", ""] {
        let edit = titled(&document, title);
        history.apply(&mut document, edit, "Rename").unwrap();
    }
    assert_eq!((history.n_undoable(), history.bytes()), (0, 0));
}

#[test]
fn typing_the_name_of_a_field_and_moving_the_field_are_two_entries() {
    let mut document = document(&json!({"steps": {}, "inputs": {"order": {"schema": {"type": "object", "properties": {
        "lines": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}}}}}}}));
    let mut history = History::default();
    let mut change = |document: &mut Document, change: &dyn Fn(&mut Schema)| {
        let mut input = document.definition.inputs["order"].clone();
        change(input.schema.within_mut(&[Within::Field(0), Within::Items]).unwrap());
        history
            .apply(document, Edit::SetRunInput { key: "order".into(), input: Some(Box::new(input)) }, "Change")
            .unwrap();
        history.n_undoable()
    };
    let typed = ["s", "si", "size"].map(|name| change(&mut document, &|schema| schema.rename_field(0, name).unwrap()));
    assert_eq!(typed, [1, 1, 1]);
    assert_eq!(change(&mut document, &|schema| schema.move_field(0, false)), 2);
    assert_eq!(change(&mut document, &|schema| schema.rename_field(0, "c").unwrap()), 3);
}

#[test]
fn of_two_batches_of_a_group_nothing_is_lost_that_only_the_first_one_did() {
    let mut document = two_steps();
    let before = document.clone();
    let mut history = History::default();
    let at = |key: &str, x: f64| Edit::moves([(key.into(), Position { x, y: 0.0, pinned: false })]);
    for edit in [Edit::Batch(vec![at("a", 1.0), at("a", 2.0)]), Edit::Batch(vec![at("a", 3.0), at("b", 4.0)])] {
        history.apply_in_group(&mut document, edit, "Move", "a").unwrap();
    }
    let after = document.clone();
    assert_eq!(after.definition.steps["a"].ui.map(|place| place.x), Some(3.0));
    history.undo(&mut document).unwrap();
    assert_eq!(document, before);
    history.redo(&mut document).unwrap();
    assert_eq!(document, after);
}

#[test]
fn choices_are_entries_of_their_own() {
    let mut document = two_steps();
    let mut history = History::default();
    for mode in [workflow::definition::ReviewMode::Always, workflow::definition::ReviewMode::Never] {
        let mut step = document.definition.steps["a"].clone();
        step.review.mode = mode;
        history.apply(&mut document, Edit::set("a".into(), step), "Review").unwrap();
    }
    assert_eq!(history.n_undoable(), 2);
}

#[test]
fn nudges_of_one_group_are_one_entry() {
    let mut document = two_steps();
    let mut history = History::default();
    for x in [8.0, 16.0, 24.0] {
        let edit = Edit::moves([("a".into(), Position { x, y: 0.0, pinned: false })]);
        history.apply_in_group(&mut document, edit, "Move", "a").unwrap();
    }
    assert_eq!(history.n_undoable(), 1);
    history.undo(&mut document).unwrap();
    assert_eq!(document.definition.steps["a"].ui, None);
}

#[test]
fn only_a_new_edit_drops_what_can_be_redone() {
    let mut document = two_steps();
    let mut history = History::default();
    let edit = titled(&document, "A");
    history.apply(&mut document, edit, "Rename").unwrap();
    history.undo(&mut document).unwrap();
    let refused = history.apply(&mut document, Edit::Connect { from: "b".into(), to: "a".into() }, "Connect");
    assert!(matches!(refused, Err(Refused::Cycle { .. })));
    assert_eq!(history.n_redoable(), 1);
    history.apply(&mut document, Edit::remove("b".into()), "Delete").unwrap();
    assert_eq!(history.n_redoable(), 0);
}

#[test]
fn the_oldest_entries_are_forgotten_beyond_the_cap() {
    let mut document = two_steps();
    let mut history = History::with_cap(2_000);
    for n in 0..100 {
        let edit = titled(&document, &format!("Title {n}"));
        history.apply(&mut document, edit, "Rename").unwrap();
        history.seal();
    }
    assert!(history.bytes() <= 2_000);
    assert!((1..100).contains(&history.n_undoable()));
    while history.undo(&mut document).unwrap().is_some() {}
    assert_ne!(document.definition.steps["a"].title, "");
}

#[test]
fn a_cycle_is_refused_with_its_path() {
    let mut document = two_steps();
    let refused = edit::apply(&mut document, &Edit::Connect { from: "b".into(), to: "a".into() }).unwrap_err();
    assert_eq!(refused.to_string(), "This would close the cycle a > b > a");
}

#[test]
fn a_cycle_hidden_in_a_batch_or_in_a_mapping_is_refused_too() {
    let mut document = two_steps();
    let before = document.clone();
    let source = Source::Step { step: "b".into(), artifact: "text".into(), path: String::new() };
    for edit in [
        Edit::SetInput { step: "a".into(), port: "text".into(), source: Some(source) },
        Edit::Batch(vec![
            Edit::add("c".into(), Step { depends_on: ["b".into()].into(), ..Step::new("x".into()) }),
            Edit::Connect { from: "c".into(), to: "a".into() },
        ]),
    ] {
        assert!(matches!(edit::apply(&mut document, &edit), Err(Refused::Cycle { .. })));
        assert_eq!(document, before);
    }
}

#[test]
fn removing_a_step_takes_its_edges_and_mappings_and_undo_brings_them_back() {
    let mut document = two_steps();
    let before = document.clone();
    let inverse = edit::apply(&mut document, &Edit::remove("a".into())).unwrap();
    assert!(document.definition.steps["b"].depends_on.is_empty() && document.definition.steps["b"].inputs.is_empty());
    edit::apply(&mut document, &inverse).unwrap();
    assert_eq!(document, before);
}

#[test]
fn undo_restores_even_a_cycle_that_was_loaded() {
    let mut document =
        document(&json!({"steps":{"a":{"agent_id":"x","depends_on":["b"]},"b":{"agent_id":"x","depends_on":["a"]}}}));
    let before = document.clone();
    let mut history = History::default();
    history.apply(&mut document, Edit::Disconnect { from: "a".into(), to: "b".into() }, "Disconnect").unwrap();
    history.undo(&mut document).unwrap();
    assert_eq!(document, before);
}

#[test]
fn what_is_only_watched_is_never_changed() {
    let (mut history, mut document) = (History::of_watched(), Document::default());
    let edit = Edit::add(key(0), Step::new("x".into()));
    assert_eq!(history.apply(&mut document, edit, "Add"), Err(Refused::Watched));
    assert_eq!(document, Document::default());
    assert_eq!((history.undo(&mut document), history.redo(&mut document)), (Ok(None), Ok(None)));
}

#[test]
fn typing_the_name_is_one_entry_and_so_is_the_description() {
    let mut document = two_steps();
    let before = document.clone();
    let mut history = History::default();
    for name in ["B", "Br", "Brief"] {
        history.apply(&mut document, Edit::SetName(name.into()), "Rename workflow").unwrap();
    }
    for text in ["O", "Of"] {
        history.apply(&mut document, Edit::SetDescription(text.into()), "Change description").unwrap();
    }
    assert_eq!(history.n_undoable(), 2);
    assert_eq!(history.undo(&mut document).unwrap().as_deref(), Some("Change description"));
    assert_eq!((document.name.as_str(), document.description.as_str()), ("Brief", ""));
    history.undo(&mut document).unwrap();
    assert_eq!(document, before);
}

#[test]
fn of_a_long_history_what_is_nearest_is_kept() {
    let mut document = two_steps();
    let mut history = History::default();
    for n in 0..100 {
        let edit = titled(&document, &format!("Title {n}"));
        history.apply(&mut document, edit, "Rename").unwrap();
        history.seal();
    }
    history.undo(&mut document).unwrap();
    let kept = history.kept(2_000);
    assert!(serde_json::to_string(&kept).unwrap().len() < 4_000);
    let mut taken_up = History::default();
    taken_up.take_up(kept);
    assert!((2..20).contains(&taken_up.n_undoable()));
    taken_up.undo(&mut document).unwrap();
    assert_eq!(document.definition.steps["a"].title, "Title 97");
    assert!(history.kept(0).is_empty());
}

#[test]
fn what_an_earlier_visit_kept_never_takes_the_place_of_what_was_done_since() {
    let (mut document, mut history) = (two_steps(), History::default());
    history.apply(&mut document, Edit::SetName("Now".into()), "Rename workflow").unwrap();
    let kept = history.kept(usize::MAX);
    history.seal();
    history.apply(&mut document, Edit::SetName("Later".into()), "Rename workflow").unwrap();
    history.take_up(kept);
    assert_eq!(history.n_undoable(), 2);
}
