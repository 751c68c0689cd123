//! Tests of the clipboard: what is pasted says what was copied, under names of its own, and nothing hostile gets in.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use workflow::{AgentCatalog, graph::Graph};

use super::*;
use crate::{
    Board, Size,
    board::Output,
    edit::{self, Edit},
};

const HOME: &str = "00000000-0000-7000-8000-000000000001";

fn definition(document: &Value) -> Definition {
    Definition::from_value(document).unwrap()
}

fn whole(definition: &Definition) -> Clip {
    Clip::of(definition, definition.steps.clone())
}

/// Brief, then draft from it under a condition, then a list over the draft.
fn three() -> Definition {
    definition(&json!({
        "inputs": {"topic": {"title": "Topic", "schema": {"type": "string"}}, "unread": {}},
        "steps": {
            "brief": {"agent_id": "x", "title": "Brief", "inputs": {"t": {"from": "run", "key": "topic"}}, "ui": {"x": 0, "y": 0}},
            "draft": {"agent_id": "x", "title": "Draft", "depends_on": ["brief"], "ui": {"x": 400, "y": 0},
                "inputs": {"t": {"from": "step", "step": "brief", "artifact": "text"}, "c": {"const": {"zz": 1, "a": 2}}},
                "when": {"exists": {"from": "step", "step": "brief", "artifact": "text"}}},
            "each": {"agent_id": "y", "title": "Each", "depends_on": ["draft"], "ui": {"x": 800, "y": 0},
                "map": {"over": {"from": "step", "step": "draft", "artifact": "list"}, "max_items": 5}}}}))
}

/// The definition with the keys and titles of its steps replaced, so that it can be compared with what was copied.
fn renamed(pasted: &Pasted, clip: &Clip) -> Steps {
    let back: BTreeMap<&StepKey, &StepKey> = pasted.steps.iter().map(|(old, (new, _))| (new, old)).collect();
    let steps = pasted.steps.iter().map(|(old, (_, step))| {
        let mut step = Step { title: clip.steps()[old].title.clone(), ..step.clone() };
        step.depends_on = step.depends_on.iter().map(|key| back.get(key).map_or(key, |old| old).to_owned()).collect();
        each_source(&mut step, &mut |source| {
            if let Source::Step { step, .. } = source
                && let Some(old) = back.get(step)
            {
                *step = (*old).clone();
            }
        });
        (old.clone(), step)
    });
    steps.collect()
}

#[test]
fn steps_pasted_beside_themselves_have_names_of_their_own_and_are_joined_as_before() {
    let home = three();
    let clip = Clip::read(&whole(&home).to_text()).unwrap();
    let pasted = clip.pasted(&home, Outside::Keep);
    let names: Vec<(&str, &str)> = pasted.steps.iter().map(|(_, (key, step))| (key.as_str(), &*step.title)).collect();
    assert_eq!(names, [("brief_2", "Brief 2"), ("draft_2", "Draft 2"), ("each_2", "Each 2")]);
    assert_eq!(renamed(&pasted, &clip), home.steps);
    assert_eq!((pasted.n_let_go, pasted.inputs.len()), (0, 0));
}

#[test]
fn what_a_step_read_outside_is_kept_at_home_and_let_go_elsewhere() {
    let home = three();
    let clip =
        Clip::of(&home, [("draft".into(), home.steps["draft"].clone()), ("each".into(), home.steps["each"].clone())]);
    let step = |pasted: &Pasted, n: usize| pasted.steps[n].1.1.clone();
    let kept = clip.pasted(&home, Outside::Keep);
    assert!(step(&kept, 0).depends_on.contains("brief") && step(&kept, 0).inputs.contains_key("t"));
    assert_eq!(kept.n_let_go, 0);

    // The other workflow has a step by the key of the one that was read, which is another one.
    let there = definition(&json!({"steps": {"brief": {"agent_id": "z", "title": "Something else"}}}));
    let dropped = clip.pasted(&there, Outside::Drop);
    let draft = step(&dropped, 0);
    assert!(!draft.depends_on.contains("brief"));
    assert_eq!(draft.inputs.keys().collect::<Vec<_>>(), ["c"]);
    let read: Vec<&StepKey> = draft.sources().filter_map(Source::step).collect();
    assert_eq!(read, [&StepKey::from("brief_2")], "the condition names what is not there, and not another step");
    assert!(!dropped.steps.iter().any(|(_, (key, _))| key.as_str() == "brief_2"));
    assert_eq!(
        step(&dropped, 1).map,
        kept.steps[1].1.1.map.clone().map(|map| workflow::definition::MapOver {
            over: Source::Step { step: "draft".into(), artifact: "list".into(), path: String::new() },
            ..map
        })
    );
}

#[test]
fn the_run_inputs_that_are_read_come_along_where_they_are_missing() {
    let home = three();
    let clip = Clip::read(&whole(&home).to_text()).unwrap();
    let there = definition(&json!({"inputs": {"other": {"order": 4}}, "steps": {}}));
    let inputs = clip.pasted(&there, Outside::Drop).inputs;
    assert_eq!(inputs.iter().map(|(key, input)| (key.as_str(), input.order)).collect::<Vec<_>>(), [("topic", 5)]);
    assert!(!clip.to_text().contains("unread"));
}

#[test]
fn what_is_no_clip_or_a_bad_one_is_refused_with_what_is_wrong() {
    let with = |steps: &str| format!(r#"{{"weft_steps":1,"steps":{steps}}}"#);
    let many = (0..10_001).map(|n| format!(r#","s{n}":{{"agent_id":"x"}}"#)).collect::<Vec<_>>().concat();
    let deep = format!(
        r#"{{"a":{{"agent_id":"x","inputs":{{"t":{{"const":{}1{}}}}}}}}}"#,
        "[".repeat(99_999),
        "]".repeat(99_999)
    );
    for (text, words) in [
        (String::new(), "no steps of a workflow"),
        ("Lorem ipsum".into(), "no steps of a workflow"),
        (r#"{"steps":{"a":{"agent_id":"x"}}}"#.into(), "no steps of a workflow"),
        (r#"{"text":"\"weft_steps\""}"#.into(), "no steps of a workflow"),
        (r#"{"text":["weft_steps"]}"#.into(), "no steps of a workflow"),
        (format!("{{\"x\":\"{}\"}}", "y".repeat(50_000_000)), "no steps of a workflow"),
        (
            with(&format!(r#"{{"a":{{"agent_id":"{}"}}}}"#, "y".repeat(50_000_000))),
            "too large: 48 MiB, and at most 4 MiB",
        ),
        (r#"{"weft_steps":2,"steps":{}}"#.into(), "newer Weft"),
        (r#"{"weft_steps":"1","steps":{}}"#.into(), "`weft_steps` is no version"),
        (r#"{"weft_steps":1,"steps":{}"#.into(), "damaged"),
        (with("{}"), "No step is in"),
        (r#"{"weft_steps":1}"#.into(), "No step is in"),
        (with(r#"{"a":{"agent_id":"x"},"a":{"agent_id":"y"}}"#), "`steps.a` is there twice"),
        (with(r#"{"__proto__":{"agent_id":"x"}}"#), "`steps.__proto__` is no key"),
        (with(r#"{"a":{"agent_id":"x","__proto__":{"polluted":true}}}"#), "__proto__"),
        (r#"{"weft_steps":1,"__proto__":{},"steps":{"a":{"agent_id":"x"}}}"#.into(), "`__proto__` is not known"),
        (r#"{"weft_steps":1,"limits":{},"steps":{"a":{"agent_id":"x"}}}"#.into(), "`limits` is not known"),
        (r#"{"weft_steps":1,"workflow":7,"steps":{"a":{"agent_id":"x"}}}"#.into(), "`workflow` is no id"),
        (with(r#"{"a":{"agent_id":"x","timeout_s":"soon"}}"#), "steps.a.timeout_s"),
        (with(&deep), "nested deeper than 64 levels"),
        (with(&format!("{{{}}}", &many[1..])), "10,001 steps were copied; a workflow has at most 10,000"),
        (with(&format!(r#"{{"{}":{{"agent_id":"x"}}}}"#, "Z".repeat(9_000))), "is no key"),
        (with(&format!(r#"{{"a":{{"{}":1}}}}"#, "z".repeat(9_000))), "damaged"),
        (with("[]"), "steps"),
    ] {
        let refused = Clip::read(&text).expect_err(words).to_string();
        assert!(refused.contains(words), "{refused} instead of {words}");
        assert!(refused.len() < 300, "{refused}");
    }
}

#[test]
fn a_clip_tells_its_workflow_and_its_text_is_the_documented_one() {
    let home = three();
    let mut clip = Clip::of(&home, [("brief".into(), home.steps["brief"].clone())]);
    clip.workflow = HOME.parse().ok();
    let text = clip.to_text();
    assert_eq!(
        text,
        format!(
            r#"{{"weft_steps":1,"workflow":"{HOME}","inputs":{{"topic":{{"title":"Topic","schema":{{"type":"string"}},"required":false}}}},"steps":{{"brief":{{"title":"Brief","agent_id":"x","depends_on":[],"inputs":{{"t":{{"from":"run","key":"topic"}}}},"ui":{{"x":0.0,"y":0.0}}}}}}}}"#
        )
    );
    assert_eq!(Clip::read(&format!("\n {text} \n")).unwrap(), clip);
}

fn board(definition: Definition) -> Board {
    let mut board = Board::editor(definition, AgentCatalog::default());
    board.set_viewport(Size::new(1000.0, 700.0));
    board
}

fn refusal(out: &[Output]) -> Option<&str> {
    out.iter().find_map(|output| if let Output::Refused(words) = output { Some(&**words) } else { None })
}

fn covers_nothing(board: &Board) -> bool {
    let scene = board.scene();
    scene.nodes().all(|node| scene.nodes_in(scene.rect(node)) == [node])
}

#[test]
fn a_paste_that_cannot_be_is_refused_and_changes_nothing() {
    let cycle = r#"{"weft_steps":1,"steps":{"a":{"agent_id":"x","title":"A","depends_on":["b"]},"b":{"agent_id":"x","title":"B","depends_on":["a"]}}}"#;
    let own = r#"{"weft_steps":1,"steps":{"a":{"agent_id":"x","depends_on":["a"]}}}"#;
    let full = (0..10_000).map(|n| format!(r#","s{n}":{{"agent_id":"x"}}"#)).collect::<Vec<_>>().concat();
    let full = format!(r#"{{"weft_steps":1,"steps":{{{}}}}}"#, &full[1..]);
    let large = format!(
        r#"{{"weft_steps":1,"steps":{{"a":{{"agent_id":"x","inputs":{{"t":{{"const":"{}"}}}}}}}}}}"#,
        "y".repeat(4_190_000)
    );
    let mut home = three();
    home.steps.get_mut("brief").unwrap().prompt = Some("p".repeat(10_000));
    for (text, words) in [
        (cycle, "would close the cycle"),
        (own, "cycle"),
        (&*full, "at most 10,000 steps"),
        (&*large, "With these steps the workflow would have 5 MiB; at most 4 MiB can be stored"),
    ] {
        let mut board = board(home.clone());
        let out = board.paste(&Clip::read(text).unwrap(), Outside::Drop);
        assert!(refusal(&out).is_some_and(|found| found.contains(words)), "{out:?}");
        assert_eq!((board.definition(), board.history().n_undoable()), (&home, 0));
        assert!(board.selection().is_empty());
    }
}

#[test]
fn ten_thousand_steps_are_pasted_into_an_empty_workflow_and_taken_back_in_one_step() {
    let steps = (0..10_000)
        .map(|n| {
            format!(r#","s{n}":{{"agent_id":"x","title":"Same","ui":{{"x":{},"y":{}}}}}"#, n % 100 * 300, n / 100 * 100)
        })
        .collect::<Vec<_>>()
        .concat();
    let clip = Clip::read(&format!(r#"{{"weft_steps":1,"steps":{{{}}}}}"#, &steps[1..])).unwrap();
    let mut board = board(Definition::default());
    board.paste(&clip, Outside::Drop);
    assert_eq!(board.definition().steps.len(), 10_000);
    assert_eq!(board.definition().steps["same_10000"].title, "Same 10000");
    board.undo().unwrap();
    assert_eq!(*board.definition(), Definition::default());
}

#[test]
fn what_is_pasted_lands_under_the_pointer_or_in_the_middle_and_covers_nothing() {
    use crate::{Input, Mods, Point};
    let mut board = board(three());
    board.select_keys(vec!["brief".into(), "draft".into()], false);
    let clip = board.copy().unwrap();
    let at = Point::new(620.0, 560.0);
    board.handle(Input::Move { id: 1, at, mods: Mods::default() });
    board.paste(&clip, Outside::Keep);
    let rects = [board.node_rect(&"brief_2".into()).unwrap(), board.node_rect(&"draft_2".into()).unwrap()];
    assert!(rects[0].union(rects[1]).center().distance(at) < 12.0);
    assert_eq!(board.selection().iter().map(StepKey::as_str).collect::<Vec<_>>(), ["brief_2", "draft_2"]);
    // Again, at the same place: aside, and again in the middle of what is seen.
    board.paste(&clip, Outside::Keep);
    board.handle(Input::Leave);
    for _ in 0..3 {
        board.paste(&clip, Outside::Keep);
    }
    assert!(covers_nothing(&board));
    assert_eq!(board.history().n_undoable(), 5);
}

#[test]
fn the_layout_places_what_has_no_place_or_one_out_of_the_world() {
    for ui in ["", r#","ui":{"x":1e300,"y":0}"#, r#","ui":{"x":-9000000,"y":0}"#] {
        let text = format!(
            r#"{{"weft_steps":1,"steps":{{"a":{{"agent_id":"x","depends_on":["b"]{ui}}},"b":{{"agent_id":"x","ui":{{"x":0,"y":0}}}}}}}}"#
        );
        let mut board = board(three());
        assert_eq!(refusal(&board.paste(&Clip::read(&text).unwrap(), Outside::Drop)), None);
        assert!(covers_nothing(&board), "{ui}");
    }
}

#[test]
fn cutting_is_one_change_and_pasting_again_gives_the_names_back() {
    let mut board = board(three());
    let before = board.definition().clone();
    board.select_keys(vec!["draft".into(), "each".into()], false);
    let (clip, out) = board.cut();
    assert!(out.contains(&Output::Say("2 steps cut".into())));
    assert_eq!((board.definition().steps.len(), board.history().n_undoable()), (1, 1));
    board.paste(&clip.unwrap(), Outside::Keep);
    let bare = |steps: &Steps| -> Vec<Step> { steps.values().map(|step| Step { ui: None, ..step.clone() }).collect() };
    assert_eq!(bare(&board.definition().steps), bare(&before.steps));
    board.undo().unwrap();
    board.undo().unwrap();
    assert_eq!(*board.definition(), before);
}

#[test]
fn alt_drags_a_copy_and_leaves_the_step_where_it_is() {
    use crate::{Button, Cursor, Input, Mods, Precision, Vec2, board::Gesture};
    let mut board = board(three());
    let before = board.definition().clone();
    let (rect, alt) = (board.node_rect(&"draft".into()).unwrap(), Mods { alt: true, ..Mods::default() });
    let (from, to) = (rect.center(), rect.center() + Vec2::new(0.0, 160.0));
    let press =
        Input::Down { id: 1, at: from, button: Button::Main, precision: Precision::Mouse, mods: alt, clicks: 1 };
    board.handle(press);
    board.handle(Input::Move { id: 1, at: to, mods: alt });
    assert_eq!(board.node_rect(&"draft".into()), Some(rect));
    assert_eq!(board.cursor(), Cursor::Copy);
    let Gesture::Drag(drag) = board.gesture() else { panic!("nothing is dragged") };
    assert_eq!(drag.copies().count(), 1);
    board.handle(Input::Up { id: 1, at: to, mods: alt });
    let copy = board.node_rect(&"draft_2".into()).unwrap();
    assert!((copy.center() - to).hypot() < 8.0 && board.node_rect(&"draft".into()) == Some(rect));
    assert_eq!(
        board.definition().steps["draft_2"].inputs,
        before.steps["draft"].inputs,
        "it reads what the step reads"
    );
    assert_eq!(board.selection().iter().map(StepKey::as_str).collect::<Vec<_>>(), ["draft_2"]);
    assert_eq!(board.undo().unwrap().as_deref(), Some("Duplicate Draft 2"));
    assert_eq!(*board.definition(), before);

    // Let go of the key before the button: it is moved. Escape: nothing was.
    board.handle(press);
    board.handle(Input::Move { id: 1, at: to, mods: alt });
    board.handle(Input::Up { id: 1, at: to, mods: Mods::default() });
    assert_eq!(board.definition().steps.len(), 3);
    board.undo().unwrap();
    board.handle(press);
    board.handle(Input::Move { id: 1, at: to, mods: alt });
    board.handle(Input::Cancel);
    assert_eq!((board.definition(), board.gesture()), (&before, &Gesture::Idle));
}

#[test]
fn duplicates_stand_beside_what_they_are_of_and_tell_what_came_along() {
    let mut board = board(three());
    board.select_keys(vec!["brief".into(), "draft".into(), "each".into()], false);
    let out = board.duplicate_selected();
    assert!(covers_nothing(&board));
    assert!(out.contains(&Output::Say("3 steps duplicated".into())));
    assert!(
        out.iter().any(
            |output| matches!(output, Output::Note(words) if words.contains("The agents of 3 steps are not here"))
        )
    );
    board.select_keys(Vec::new(), false);
    let before = board.definition().clone();
    assert_eq!((board.duplicate_selected(), board.definition()), (Vec::new(), &before));
}

fn any_definition() -> impl Strategy<Value = Definition> {
    let step = (
        prop::collection::btree_set(0_u8..8, 0..3),
        prop::option::of(0_u8..8),
        prop::option::of(0_u8..8),
        "[A-B]{0,1}( 2)?",
        (-40..40, -40..40),
    );
    prop::collection::btree_map(0_u8..8, step, 1..8).prop_map(|steps| {
        let key = |n: u8| StepKey::new(format!("s{n}"));
        let text = |n: u8| Source::Step { step: key(n), artifact: "text".into(), path: String::new() };
        let steps = steps.into_iter().map(|(n, (after, source, when, title, (x, y)))| {
            // Only upwards, so that there is no cycle.
            let mut step = Step::new("x".into());
            step.depends_on = after.into_iter().filter(|from| *from < n).map(key).collect();
            step.inputs.extend(source.filter(|from| *from < n).map(|from| ("in".to_owned(), text(from))));
            step.inputs.insert("topic".into(), Source::Run { key: "topic".into(), path: String::new() });
            step.when = when.filter(|from| *from < n).map(|from| workflow::condition::Condition::Exists(text(from)));
            step.title = title;
            step.ui =
                Some(workflow::definition::Position { x: f64::from(x) * 8.0, y: f64::from(y) * 8.0, pinned: false });
            (key(n), step)
        });
        let inputs = BTreeMap::from([("topic".to_owned(), workflow::definition::RunInput::default())]);
        Definition { inputs, steps: steps.collect(), ..Definition::default() }
    })
}

proptest! {
    #[test]
    fn what_is_pasted_is_what_was_copied_under_fresh_names(from in any_definition(), to in any_definition(), picked in any::<u8>()) {
        let picked = from.steps.iter().enumerate().filter(|(n, _)| picked & (1 << n) != 0);
        let clip = Clip::of(&from, picked.map(|(_, (key, step))| (key.clone(), step.clone())));
        prop_assume!(!clip.steps().is_empty());
        let read = Clip::read(&clip.to_text()).unwrap();
        prop_assert_eq!(&read, &clip);
        for (target, outside) in [(&from, Outside::Keep), (&to, Outside::Drop)] {
            let pasted = clip.pasted(target, outside);
            let mut names: BTreeSet<&str> = target.steps.keys().map(StepKey::as_str).collect();
            let mut titles: BTreeSet<&str> = target.steps.iter().map(|(key, step)| step.title_or(key)).collect();
            for (_, (key, step)) in &pasted.steps {
                prop_assert!(key.is_well_formed() && names.insert(key.as_str()));
                prop_assert!(titles.insert(step.title_or(key)));
            }
            let again = renamed(&pasted, &clip);
            for (key, step) in clip.steps() {
                let inner = |step: &Step| -> BTreeSet<StepKey> {
                    step.direct_dependencies().into_iter().filter(|key| clip.steps().contains_key(*key)).cloned().collect()
                };
                prop_assert_eq!(inner(step), inner(&again[key]));
                if outside == Outside::Keep {
                    let is_there = |key: &StepKey| from.steps.contains_key(key) || clip.steps().contains_key(key);
                    let depends_on: BTreeSet<StepKey> = step.depends_on.iter().filter(|key| is_there(key)).cloned().collect();
                    prop_assert_eq!(&depends_on, &again[key].depends_on);
                } else {
                    let outer = again[key].depends_on.iter().find(|key| !clip.steps().contains_key(*key));
                    prop_assert_eq!(outer, None, "nothing of another workflow is waited for");
                    let reads = again[key].sources().filter_map(Source::step).find(|key| to.steps.contains_key(*key) && !clip.steps().contains_key(*key));
                    prop_assert_eq!(reads, None, "and nothing of it is read");
                }
            }
            let mut board = board(target.clone());
            let n_covered = |board: &Board| board.scene().nodes().map(|node| board.scene().nodes_in(board.scene().rect(node)).len() - 1).sum::<usize>();
            let covered = n_covered(&board);
            board.paste(&clip, outside);
            prop_assert!(Graph::of(board.definition()).order().is_ok());
            let new: Vec<u32> = board.selection().iter().filter_map(|key| board.scene().node(key)).collect();
            prop_assert_eq!(new.len(), clip.steps().len());
            let old_covered: usize = board.scene().nodes().filter(|node| !new.contains(node))
                .map(|node| board.scene().nodes_in(board.scene().rect(node)).len() - 1).sum();
            prop_assert_eq!(old_covered, covered, "nothing that stood there is covered");
            board.undo().unwrap();
            prop_assert_eq!(board.definition(), target);
        }
    }

    #[test]
    fn no_text_breaks_the_reader(text in ".{0,80}", cut in 0_usize..400) {
        let clip = whole(&three()).to_text();
        let at = clip.char_indices().map(|(at, _)| at).nth(cut % clip.len()).unwrap_or(0);
        let _ = Clip::read(&text);
        let spliced = format!("{}{text}{}", &clip[..at], &clip[at..]);
        if let Ok(clip) = Clip::read(&spliced) {
            let mut document = crate::Document::from(three());
            let steps = clip.pasted(&document.definition, Outside::Drop).steps;
            let edit = Edit::AddSteps(steps.into_iter().map(|(_, step)| step).collect());
            if let Ok(inverse) = edit::apply(&mut document, &edit) {
                edit::apply(&mut document, &inverse).unwrap();
            }
            prop_assert_eq!(document.definition, three());
        }
    }
}
