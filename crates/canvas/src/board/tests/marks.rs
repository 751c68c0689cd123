//! Tests of notes, groups and colours on the board: each act is one step of undo, none changes what the workflow means, and what one
//! person collapsed is nobody else's.

use std::{cell::Cell, cmp::Ordering, sync::Arc};

use workflow::definition::{Colour, Group, Note};

use super::*;
use crate::{clip::Clip, edit::Edit, scene::hit::Hit};

fn note(board: &Board, n: usize) -> &Note {
    &board.definition().notes[n]
}

fn add_note(board: &mut Board, id: &str, x: f64, y: f64) {
    let note = Note { id: id.to_owned(), x, y, width: 200.0, height: 60.0, ..Note::default() };
    board.dispatch(Edit::SetNote { id: id.to_owned(), note: Some(note) }, "Add note").unwrap();
}

/// B and C in a group.
fn grouped() -> Board {
    let mut board = three();
    board.select_keys(vec!["b".into(), "c".into()], false);
    let out = press(&mut board, Key::Char('g'), NONE);
    assert!(out.contains(&Output::Write(Written::Group("g1".into()))), "{out:?}");
    press(&mut board, Key::Escape, NONE);
    board
}

fn title_of(board: &Board, group: &str) -> Point {
    board.group_place(group).unwrap().center()
}

/// The picture, with the names of its inks.
fn drawn(board: &mut Board) -> String {
    let mut svg = crate::paint::Svg::new(crate::paint::Ink::token, |_: crate::paint::Text, _: &str| 0.0, "x");
    board.paint().render(&mut svg);
    svg.finish()
}

fn y_of(board: &Board, key: &str) -> f64 {
    board.definition().steps[key].ui.unwrap().y
}

#[test]
fn a_note_is_added_moved_resized_written_and_deleted_and_means_nothing() {
    let mut board = three();
    let before = board.definition().clone();
    board.handle(Input::Move { id: 1, at: Point::new(200.0, 500.0), mods: NONE });
    let out = press(&mut board, Key::Char('t'), NONE);
    assert!(out.contains(&Output::Write(Written::Note("n1".into()))), "{out:?}");
    assert_eq!((note(&board, 0).x, note(&board, 0).y), (-24.0, 328.0));

    let middle = board.note_place("n1").unwrap().center();
    drag(&mut board, middle, middle + Vec2::new(80.0, 16.0), NONE);
    assert_eq!((note(&board, 0).x, note(&board, 0).y), (56.0, 344.0));
    let corner = board.corner_point("n1").unwrap();
    drag(&mut board, corner, corner + Vec2::new(40.0, -24.0), NONE);
    assert_eq!((note(&board, 0).width, note(&board, 0).height), (280.0, 120.0));
    press(&mut board, Key::Right, NONE);
    assert_eq!((note(&board, 0).x, note(&board, 0).y), (64.0, 344.0));
    assert_eq!(board.history().n_undoable(), 4);
    assert_eq!(press(&mut board, Key::Enter, NONE), [Output::Write(Written::Note("n1".into()))]);
    board.colour_selected(Some(Colour::Teal));
    assert_eq!(note(&board, 0).colour, Some(Colour::Teal));
    assert_eq!(board.definition().semantic_hash(), before.semantic_hash());
    press(&mut board, Key::Delete, NONE);
    assert!(board.definition().notes.is_empty() && board.selected_notes().is_empty());
    while board.undo().unwrap().is_some() {}
    assert_eq!(*board.definition(), before);
}

#[test]
fn a_step_and_a_note_moved_by_many_presses_are_one_entry_that_does_not_grow() {
    for has_place in [true, false] {
        let mut board = three();
        add_note(&mut board, "n1", 0.0, 300.0);
        if !has_place {
            // The first move says where it stands, too.
            board.dispatch(Edit::add("d".into(), workflow::Step::new("x".into())), "Add step").unwrap();
        }
        board.select_both(vec!["a".into()], vec!["n1".into()], &mut Vec::new());
        let (before, n) = (board.definition().clone(), board.history().n_undoable());
        press(&mut board, Key::Right, NONE);
        let bytes = board.history().bytes();
        for _ in 1..200 {
            press(&mut board, Key::Right, NONE);
        }
        assert_eq!(board.history().n_undoable(), n + 1);
        assert!(board.history().bytes() < bytes + 100, "{bytes} bytes became {}", board.history().bytes());
        let after = board.definition().clone();
        assert_eq!((note(&board, 0).x, after.steps["a"].ui.map(|place| place.x)), (1_600.0, Some(1_600.0)));
        board.undo().unwrap();
        assert_eq!(*board.definition(), before);
        board.redo().unwrap();
        assert_eq!(*board.definition(), after);
    }
}

#[test]
fn a_text_is_read_when_it_or_the_size_of_its_note_changes_and_never_while_drawing() {
    use crate::paint::Font;

    assert!((Font::Sub.size() - crate::scene::NOTE_TEXT).abs() < f64::EPSILON);
    let mut board = three();
    let note = Note { id: "n1".into(), text: "one two three four five six".into(), y: 300.0, ..Note::default() };
    board.dispatch(Edit::SetNote { id: "n1".into(), note: Some(note.clone()) }, "Add note").unwrap();
    let lines = |board: &Board| board.scene().notes[0].lines.clone();
    let first = lines(&board);
    assert_eq!(first.len(), 1);
    board.paint();
    let moved = Note { x: 800.0, colour: Some(Colour::Teal), ..note.clone() };
    board.dispatch(Edit::SetNote { id: "n1".into(), note: Some(moved) }, "Move").unwrap();
    assert!(Arc::ptr_eq(&first, &lines(&board)), "a moved note says what it said");
    assert_eq!(board.scene().notes[0].colour, Some(Colour::Teal));
    board.undo().unwrap();
    let corner = board.corner_point("n1").unwrap();
    drag(&mut board, corner, corner + Vec2::new(-120.0, 0.0), NONE);
    assert!(lines(&board).len() > 1, "{:?}", lines(&board));
    board.undo().unwrap();
    let written = Note { text: "other".into(), ..note };
    board.dispatch(Edit::SetNote { id: "n1".into(), note: Some(written) }, "Write").unwrap();
    assert_eq!(&*lines(&board)[0].text, "other");
    assert!(drawn(&mut board).contains(">other</text>"));
    board.zoom_to(0.1);
    assert!(!drawn(&mut board).contains(">other</text>"), "far away nobody could read it");
}

#[test]
fn the_corner_of_a_note_is_taken_up_only_where_the_note_is_large_on_the_screen() {
    let mut board = three();
    add_note(&mut board, "n1", 0.0, 300.0);
    board.select_note("n1");
    for (zoom, precision, is_corner) in [
        (1.0, Precision::Mouse, true),
        (1.0, Precision::Touch, false),
        (2.0, Precision::Touch, true),
        (0.3, Precision::Mouse, false),
        (0.1, Precision::Mouse, false),
    ] {
        board.camera = Camera { origin: Point::new(-100.0, 200.0), zoom };
        let corner = board.corner_point("n1").unwrap();
        let inside = board.hit(corner - Vec2::new(1.0, 1.0), precision);
        assert_eq!(inside, if is_corner { Hit::Corner(0) } else { Hit::Note(0) }, "at {zoom}");
        let outside = board.hit(corner + Vec2::new(2.0, 2.0), precision);
        assert_eq!(outside, if is_corner { Hit::Corner(0) } else { Hit::Nothing }, "at {zoom}");
        if precision == Precision::Mouse {
            let has_handle = drawn(&mut board).contains("fill=\"--canvas-selected\"");
            assert_eq!(has_handle, is_corner, "at {zoom}");
        }
    }
}

#[test]
fn notes_are_made_larger_and_smaller_without_a_pointer_in_one_step_of_undo() {
    let mut board = three();
    add_note(&mut board, "n1", 0.0, 300.0);
    add_note(&mut board, "n2", 0.0, 500.0);
    let before = board.definition().clone();
    let sizes = |board: &Board| {
        let size = |note: &Note| (note.width, note.height);
        board.definition().notes.iter().map(size).collect::<Vec<_>>()
    };
    assert_eq!(*board.note_rows()[0].text, *before.notes[0].text);
    board.select_note("n1");
    let out = board.resize_selected_notes(Vec2::new(40.0, 24.0));
    assert!(out.contains(&Output::Say("The note is 240 wide and 84 high now".into())), "{out:?}");
    assert_eq!(sizes(&board), [(240.0, 84.0), (200.0, 60.0)]);
    assert_eq!(board.selected_notes(), ["n1".to_owned()]);
    board.select_all();
    let n = board.history().n_undoable();
    let out = board.resize_selected_notes(Vec2::new(-40.0, -24.0));
    assert!(out.contains(&Output::Say("2 notes resized".into())), "{out:?}");
    assert_eq!(sizes(&board), [(200.0, 60.0), (160.0, 48.0)]);
    assert_eq!(board.history().n_undoable(), n + 1);
    board.undo().unwrap();
    board.undo().unwrap();
    assert_eq!(*board.definition(), before);

    // As small as a note becomes: that is said, and nothing to undo.
    for _ in 0..9 {
        board.resize_selected_notes(Vec2::new(-40.0, -24.0));
    }
    let n = board.history().n_undoable();
    assert!(matches!(board.resize_selected_notes(Vec2::new(-40.0, -24.0)).as_slice(), [Output::Say(_)]));
    assert_eq!(board.history().n_undoable(), n);
    board.select(Vec::new(), &mut Vec::new());
    assert!(matches!(board.resize_selected_notes(Vec2::new(40.0, 24.0)).as_slice(), [Output::Say(_)]));
}

#[test]
fn escape_gives_up_moving_and_resizing_a_note() {
    let mut board = three();
    add_note(&mut board, "n1", 0.0, 300.0);
    let before = board.definition().clone();
    for at in [board.note_place("n1").unwrap().center(), board.corner_point("n1").unwrap()] {
        let place = board.note_place("n1");
        down(&mut board, at, NONE);
        board.handle(Input::Move { id: 1, at: at + Vec2::new(60.0, 60.0), mods: NONE });
        assert_ne!(board.note_place("n1"), place);
        press(&mut board, Key::Escape, NONE);
        assert_eq!(board.note_place("n1"), place);
        board.handle(Input::Up { id: 1, at, mods: NONE });
    }
    assert_eq!(*board.definition(), before);
}

#[test]
fn a_frame_moves_its_steps_and_the_notes_in_it_and_goes_with_its_last_step() {
    let mut board = grouped();
    assert_eq!(board.definition().steps["b"].group.as_deref(), Some("g1"));
    let node = board.scene().node(&"b".into()).unwrap();
    assert!(board.scene().describe(node).contains(", in the group New group, depends on A"));
    add_note(&mut board, "n1", 410.0, 100.0);
    let before = board.definition().clone();
    let title = title_of(&board, "g1");
    // Also where its steps are selected already.
    board.select_keys(vec!["b".into(), "c".into()], false);
    drag(&mut board, title, title + Vec2::new(0.0, 80.0), NONE);
    assert_eq!((y_of(&board, "a"), y_of(&board, "b"), y_of(&board, "c")), (0.0, 80.0, 280.0));
    assert_eq!((note(&board, 0).x, note(&board, 0).y), (410.0, 180.0));
    assert_eq!(board.definition().semantic_hash(), before.semantic_hash());
    board.undo().unwrap();
    assert_eq!(*board.definition(), before);

    down(&mut board, title, NONE);
    board.handle(Input::Up { id: 1, at: title, mods: NONE });
    assert_eq!(keys(&board), ["b", "c"]);
    assert_eq!(board.group_of_selection(), Some("g1"));
    press(&mut board, Key::Delete, NONE);
    assert!(board.definition().groups.is_empty() && board.definition().notes.is_empty());
    board.undo().unwrap();
    assert_eq!(*board.definition(), before);
}

/// Counts how often it is held against another.
#[derive(Clone, Debug)]
struct Counted(u32);

thread_local! {
    static N_COMPARED: Cell<usize> = const { Cell::new(0) };
}

impl Ord for Counted {
    fn cmp(&self, other: &Self) -> Ordering {
        N_COMPARED.set(N_COMPARED.get() + 1);
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Counted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Counted {}

#[test]
fn what_is_selected_of_a_large_group_is_found_without_holding_each_against_each() {
    let all: Vec<Counted> = (0..5_000).map(Counted).collect();
    let left = crate::board::marks::without(&all, &all[1..]);
    assert!(N_COMPARED.get() < 1_000_000, "{} comparisons", N_COMPARED.get());
    assert_eq!(left, [Counted(0)]);
}

#[test]
fn a_press_on_a_frame_with_shift_takes_its_steps_along_and_the_next_one_lets_them_go() {
    let mut board = grouped();
    let title = title_of(&board, "g1");
    let click = |board: &mut Board| {
        down(board, title, SHIFT);
        board.handle(Input::Up { id: 1, at: title, mods: SHIFT });
    };
    board.select_keys(vec!["b".into(), "a".into()], false);
    click(&mut board);
    assert_eq!(keys(&board), ["b", "a", "c"], "in the order in which they were selected");
    click(&mut board);
    assert_eq!(keys(&board), ["a"]);
}

#[test]
fn numbers_are_told_in_the_same_words_everywhere() {
    use crate::clip::counted;

    let told = [(1, 0), (0, 2), (1_234, 1)].map(|(n_steps, n_notes)| counted(n_steps, n_notes));
    assert_eq!(told, ["1 step", "2 notes", "1,234 steps and 1 note"]);
    let mut board = three();
    assert!(board.select_all().contains(&Output::Say("3 steps selected".into())));
    board.dispatch(Edit::RemoveSteps(vec!["b".into(), "c".into()]), "Delete").unwrap();
    assert!(board.select_all().contains(&Output::Say("1 step selected".into())));
}

#[test]
fn steps_leave_a_group_one_by_one_and_the_last_one_takes_it_along() {
    let mut board = grouped();
    let before = board.definition().clone();
    for (key, is_left) in [("b", true), ("c", false)] {
        board.select_keys(vec![key.into()], false);
        press(&mut board, Key::Char('G'), SHIFT);
        assert_eq!(board.definition().steps[key].group, None);
        assert_eq!(board.definition().groups.contains_key("g1"), is_left);
    }
    assert!(!press(&mut board, Key::Char('G'), SHIFT).is_empty(), "it says that there is nothing to leave");
    board.undo().unwrap();
    board.undo().unwrap();
    assert_eq!(*board.definition(), before);
    // Into another group: the one that is left empty goes in the same step.
    board.select_keys(vec!["b".into(), "c".into()], false);
    press(&mut board, Key::Char('g'), NONE);
    assert_eq!(board.definition().groups.keys().collect::<Vec<_>>(), ["g2"]);
    board.undo().unwrap();
    assert_eq!(*board.definition(), before);
}

#[test]
fn what_is_collapsed_is_one_card_that_moves_its_steps_and_is_in_no_document_and_no_picture() {
    let mut board = grouped();
    let (before, revision) = (board.definition().clone(), board.revision());
    board.set_collapsed(["g1".to_owned(), "gone".to_owned()]);
    assert_eq!(board.collapsed().collect::<Vec<_>>(), ["g1"]);
    assert_eq!((board.definition(), board.revision()), (&before, revision));
    assert_eq!(board.node_rect(&"b".into()), board.node_rect(&"c".into()));
    let card = title_of(&board, "g1");
    assert_eq!(board.hit(card, Precision::Mouse), Hit::Group(0));
    assert!(!board.as_picture().scene().groups[0].is_collapsed());

    drag(&mut board, card, card + Vec2::new(0.0, 80.0), NONE);
    assert_eq!((y_of(&board, "b"), y_of(&board, "c")), (80.0, 280.0));
    board.undo().unwrap();
    assert_eq!(*board.definition(), before);

    let at = title_of(&board, "g1");
    let (button, precision) = (Button::Main, Precision::Mouse);
    board.handle(Input::Down { id: 1, at, button, precision, mods: NONE, clicks: 2 });
    board.handle(Input::Up { id: 1, at, mods: NONE });
    assert_eq!(board.collapsed().count(), 0);
    assert_ne!(board.node_rect(&"b".into()), board.node_rect(&"c".into()));
}

#[test]
fn a_marquee_to_the_right_takes_what_is_inside_and_to_the_left_what_it_touches_notes_too() {
    let mut board = three();
    add_note(&mut board, "n1", 400.0, 300.0);
    let (corner, middle) = (Point::new(460.0, 290.0), Point::new(710.0, 420.0));
    drag(&mut board, corner, middle, SHIFT);
    assert_eq!((keys(&board), board.selected_notes()), (vec![], &[] as &[String]));
    drag(&mut board, middle, corner, SHIFT);
    assert_eq!((keys(&board), board.selected_notes()), (vec!["c"], &["n1".to_owned()] as &[String]));
}

#[test]
fn colours_are_one_step_of_undo_and_what_cannot_be_stored_is_refused() {
    let mut board = three();
    board.select_all();
    let before = board.definition().clone();
    board.colour_selected(Some(Colour::Violet));
    assert!(board.definition().steps.values().all(|step| step.colour == Some(Colour::Violet)));
    assert_eq!(board.definition().semantic_hash(), before.semantic_hash());
    assert_eq!(board.history().n_undoable(), 1);
    board.undo().unwrap();
    assert_eq!(*board.definition(), before);
    let text = "x".repeat(workflow::limits::MAX_NOTE_TEXT_CHARS + 1);
    let long = Note { id: "n".into(), text, ..Note::default() };
    let refused = board.dispatch(Edit::SetNote { id: "n".into(), note: Some(long) }, "Write note").unwrap_err();
    assert!(refused.to_string().contains("10,001 characters"), "{refused}");
    assert_eq!(*board.definition(), before);
}

#[test]
fn a_drawing_holds_notes_frames_and_colours() {
    let mut board = grouped();
    let note = Note { id: "n1".into(), text: "# Why <b>".into(), y: 400.0, ..Note::default() };
    board.dispatch(Edit::SetNote { id: "n1".into(), note: Some(note) }, "Add note").unwrap();
    board.colour_group("g1", Some(Colour::Blue));
    let width = |_: crate::paint::Text, text: &str| f64::from(u32::try_from(text.len()).unwrap()) * 6.0;
    let mut svg = crate::paint::Svg::new(|ink| format!("var({})", ink.token()), width, "x");
    board.picture().render(&mut svg);
    let drawn = svg.finish();
    for part in [">New group</text>", ">Why &lt;b&gt;</text>", "var(--mark-blue)", "var(--mark-blue-soft)"] {
        assert!(drawn.contains(part), "{part} is not in {drawn}");
    }
}

proptest! {
    #[test]
    fn what_is_drawn_is_pasted_as_it_was_copied(
        members in prop::collection::vec(prop::option::of(0_usize..3), 1..6),
        notes in prop::collection::vec(("[a-z# ]{0,12}", -50_i32..50, -50_i32..50), 0..4),
    ) {
        let mut definition = Definition::default();
        for (n, group) in (0_u32..).zip(&members) {
            let mut step = workflow::Step::new("x".into());
            step.group = group.map(|group| format!("g{group}"));
            step.colour = group.map(|group| Colour::ALL[group]);
            step.ui = Some(Position { x: f64::from(n) * 304.0, y: 0.0, pinned: false });
            definition.steps.insert(StepKey::new(format!("s{n}")), step);
        }
        for group in members.iter().flatten() {
            let title = format!("Group {group}");
            definition.groups.insert(format!("g{group}"), Group { title, colour: Some(Colour::ALL[*group]) });
        }
        for (n, (text, x, y)) in notes.iter().enumerate() {
            let (x, y) = (f64::from(*x) * 8.0, f64::from(*y) * 8.0);
            definition.notes.push(Note { id: format!("n{n}"), text: text.clone(), x, y, ..Note::default() });
        }
        let mut board = Board::editor(definition.clone(), AgentCatalog::default());
        board.set_viewport(Size::new(1000.0, 700.0));
        board.select_all();
        let clip = board.copy().unwrap();
        prop_assert_eq!(&Clip::read(&clip.to_text()).unwrap(), &clip);
        board.paste(&clip, Outside::Drop);

        let now = board.definition();
        prop_assert_eq!((now.steps.len(), now.notes.len()), (2 * members.len(), 2 * notes.len()));
        prop_assert_eq!(now.groups.len(), 2 * definition.groups.len());
        let old: Vec<&workflow::Step> = definition.steps.values().collect();
        let new: Vec<&workflow::Step> = board.selection().iter().map(|key| &now.steps[key]).collect();
        prop_assert_eq!(new.len(), old.len());
        for (a, b) in old.iter().zip(&new) {
            prop_assert_eq!(a.colour, b.colour);
            let group = |step: &workflow::Step| step.group.as_ref().map(|id| now.groups[id].clone());
            prop_assert_eq!(group(a), group(b));
            prop_assert!(b.group.as_ref().is_none_or(|id| !definition.groups.contains_key(id)), "with a frame of its own");
            for (c, d) in old.iter().zip(&new) {
                prop_assert_eq!(a.group == c.group, b.group == d.group);
            }
        }
        let by = |old: &Note, new: &Note| (new.x - old.x, new.y - old.y);
        let shift = (new[0].ui.unwrap().x - old[0].ui.unwrap().x, new[0].ui.unwrap().y - old[0].ui.unwrap().y);
        for (a, b) in definition.notes.iter().zip(&now.notes[notes.len()..]) {
            prop_assert_eq!(&a.text, &b.text);
            prop_assert_eq!(by(a, b), shift);
        }
        board.undo().unwrap();
        prop_assert_eq!(board.definition(), &definition);
    }
}
