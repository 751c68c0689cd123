//! Adding while drawing, as a person does it: lines let go beside every step, agents dropped on lines, ends of lines moved, and
//! the picture that moves at its edges. Each is one step of undo, and Escape leaves nothing of it.

use super::*;
use crate::{
    board::edge_pan::TICK_MS,
    edit::testing::{agents, definition, reads},
    scene::{HEAD_HEIGHT, Kind, NODE_WIDTH, SNAP},
};

fn board_of(definition: Definition) -> Board {
    let mut board = Board::editor(definition, agents());
    board.is_fit_wanted = false;
    board.set_viewport(Size::new(1000.0, 700.0));
    board.camera = Camera { origin: Point::new(-100.0, -100.0), zoom: 1.0 };
    board
}

fn board() -> Board {
    board_of(definition())
}

fn item(id: &str, name: &str) -> PaletteItem {
    PaletteItem { agent_id: id.into(), name: name.into(), kind: Kind::Template }
}

fn move_to(board: &mut Board, at: Point) -> Vec<Output> {
    board.handle(Input::Move { id: 1, at, mods: NONE })
}

fn let_go(board: &mut Board, at: Point) -> Vec<Output> {
    board.handle(Input::Up { id: 1, at, mods: NONE })
}

fn drop_on(board: &mut Board, item: PaletteItem, at: Point) -> Vec<Output> {
    board.begin_palette_drag(item);
    let mut out = move_to(board, at);
    out.extend(let_go(board, at));
    out
}

fn grip(board: &Board, from: &str, to: &str, end: Side) -> Point {
    let node = |key: &str| board.scene.node(&key.into()).unwrap();
    let edge = board.scene.edge_between(node(from), node(to)).unwrap();
    board.scene.grip(&board.camera, edge, end)
}

fn said(out: &[Output]) -> Vec<&str> {
    out.iter()
        .filter_map(|output| match output {
            Output::Say(words) | Output::Note(words) => Some(&**words),
            _ => None,
        })
        .collect()
}

fn deps(board: &Board, key: &str) -> Vec<String> {
    board.definition().steps[key].direct_dependencies().into_iter().map(ToString::to_string).collect()
}

/// Takes one step back and expects to be where it began.
fn undone(board: &mut Board, before: &Definition) {
    board.undo().unwrap();
    assert_eq!(board.definition(), before);
    assert_eq!(board.history().n_undoable(), 0);
}

fn overlaps(board: &Board) -> usize {
    let scene = board.scene();
    scene.nodes().filter(|node| scene.nodes_in(scene.rect(*node)) != [*node]).count()
}

const EMPTY: Point = Point::new(800.0, 500.0);

#[test]
fn a_line_let_go_where_nothing_is_asks_for_an_agent_and_adds_it_joined_and_mapped() {
    let mut board = board();
    let before = board.definition().clone();
    let (from, let_go_at) = (out_port(&board, "a"), board.camera.to_world(EMPTY));
    drag(&mut board, from, EMPTY, NONE);
    let question = board.question().unwrap();
    assert_eq!((question.title.as_str(), question.at), ("Add a step after A", EMPTY));
    let choices = board.choices();
    let told: Vec<(&str, Option<&str>)> =
        choices.iter().map(|choice| (&*choice.label, choice.refusal.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("Echo", None),
            ("Join", None),
            ("Shout", None),
            ("Collect", Some("Takes list, not text")),
            ("Plan", Some("Takes no input")),
        ]
    );
    assert_eq!(choices[1].kind, "left, right");
    let out = board.choose("shout");
    assert!(board.question().is_none());
    assert_eq!(said(&out), ["Shout added after A, which feeds its text"]);
    assert_eq!((keys(&board), deps(&board, "shout")), (vec!["shout"], vec!["a".to_owned()]));
    assert_eq!(board.definition().steps["shout"].inputs.get("text"), Some(&reads("a")));
    // In the picture: the new card is brought into view.
    let port = board.camera.to_world(board.port_point(&"shout".into(), Side::In).unwrap());
    assert!(port.distance(let_go_at) <= SNAP);
    undone(&mut board, &before);
}

#[test]
fn a_line_from_an_input_asks_for_what_comes_before() {
    let mut before = definition();
    before.steps.get_mut("b").unwrap().inputs.clear();
    before.steps.get_mut("b").unwrap().depends_on.clear();
    let mut board = board_of(before.clone());
    let from = board.port_point(&"b".into(), Side::In).unwrap();
    drag(&mut board, from, Point::new(300.0, 330.0 - 130.0), NONE);
    assert_eq!(board.question().unwrap().title, "Add a step before B");
    board.choose("echo");
    assert_eq!(deps(&board, "b"), ["echo"]);
    assert_eq!(board.definition().steps["b"].inputs.get("text"), Some(&reads("echo")));
    assert_eq!(overlaps(&board), 0, "it makes way for what stands there");
    undone(&mut board, &before);
}

#[test]
fn escape_a_press_and_a_line_that_was_hardly_drawn_leave_nothing() {
    let mut board = board();
    let (before, from) = (board.definition().clone(), out_port(&board, "c"));
    drag(&mut board, from, from + Vec2::new(10.0, 10.0), NONE);
    assert!(board.question().is_none(), "it was merely pressed");
    for give_up in [Input::Cancel, Input::Key { key: Key::Escape, mods: NONE }] {
        drag(&mut board, from, EMPTY, NONE);
        assert!(board.question().is_some() && board.is_held());
        board.handle(give_up);
        assert!(board.question().is_none() && board.choices().is_empty());
        assert!(board.choose("echo").is_empty());
        assert_eq!((board.definition(), board.gesture()), (&before, &Gesture::Idle));
    }
    assert_eq!(board.history().n_undoable(), 0);
}

#[test]
fn a_double_click_where_nothing_is_adds_there_and_on_a_step_opens_it() {
    let mut board = board();
    let before = board.definition().clone();
    let twice =
        |at: Point| Input::Down { id: 1, at, button: Button::Main, precision: Precision::Mouse, mods: NONE, clicks: 2 };
    board.handle(twice(EMPTY));
    assert_eq!(board.question().unwrap().title, "Add a step here");
    assert!(board.choices().iter().all(|choice| choice.refusal.is_none()));
    board.choose("plan");
    assert!(board.node_rect(&"plan".into()).unwrap().center().distance(EMPTY) <= SNAP);
    assert!(deps(&board, "plan").is_empty());
    undone(&mut board, &before);
    let at = middle(&board, "a");
    assert!(board.handle(twice(at)).contains(&Output::Opened("a".into())));
    assert!(board.question().is_none());
}

#[test]
fn an_agent_dropped_on_a_line_is_put_between_and_later_steps_make_way() {
    let mut board = board();
    let before = board.definition().clone();
    let at = Point::new(416.0, 130.0);
    board.begin_palette_drag(item("shout", "Shout"));
    let out = move_to(&mut board, at);
    assert!(out.contains(&Output::Hint(Some("Let go to put Shout between A and B".into()))), "{out:?}");
    let out = let_go(&mut board, at);
    assert_eq!(said(&out), ["Shout put between A and B, which feeds “B” now"]);
    assert!(board.hint().is_none());
    assert_eq!((deps(&board, "shout"), deps(&board, "b")), (vec!["a".to_owned()], vec!["shout".to_owned()]));
    let rect = |key: &str| board.scene.rect(board.scene.node(&key.into()).unwrap());
    assert!(rect("a").x1 < rect("shout").x0 && rect("shout").x1 < rect("b").x0);
    assert!((rect("c").x0 - 400.0).abs() < 1e-9, "what does not follow and is not in the way stays");
    assert_eq!(overlaps(&board), 0);
    undone(&mut board, &before);
}

#[test]
fn where_nothing_fits_the_words_are_clear_and_nothing_is_lost() {
    let mut board = board();
    let out = drop_on(&mut board, item("collect", "Collect"), Point::new(416.0, 130.0));
    let words = said(&out).join("|");
    assert!(
        words.contains("Collect put between A and B. Choose in its panel what “Collect” reads as its parts."),
        "{words}"
    );
    assert!(
        words.contains("“B” goes on reading its text from “A”: “Collect” makes nothing that surely fits."),
        "{words}"
    );
    assert_eq!(board.definition().steps["b"].inputs.get("text"), Some(&reads("a")));
    assert_eq!(deps(&board, "b"), ["a", "collect"]);
}

#[test]
fn an_agent_dropped_beside_every_line_stands_alone() {
    let mut board = board();
    drop_on(&mut board, item("shout", "Shout"), EMPTY);
    assert!(deps(&board, "shout").is_empty());
    assert!(board.definition().steps.values().all(|step| !step.depends_on.contains("shout")));
}

#[test]
fn adding_with_a_step_selected_goes_on_after_it() {
    let mut board = board();
    board.select_keys(vec!["a".into()], false);
    let out = board.add_where_it_fits(&item("shout", "Shout"));
    assert_eq!(said(&out), ["Shout added after A, which feeds its text"]);
    board.add_where_it_fits(&item("echo", "Echo"));
    assert_eq!((deps(&board, "shout"), deps(&board, "echo")), (vec!["a".to_owned()], vec!["shout".to_owned()]));
    assert_eq!(overlaps(&board), 0);
    board.select_keys(vec!["a".into(), "b".into()], false);
    board.add_where_it_fits(&item("plan", "Plan"));
    assert!(deps(&board, "plan").is_empty(), "after which of the two?");
    let scene = board.scene();
    let edge = scene.edge_between(scene.node(&"a".into()).unwrap(), scene.node(&"b".into()).unwrap()).unwrap();
    board.select_edge(edge, &mut Vec::new());
    board.add_where_it_fits(&item("shout", "Shout"));
    assert_eq!(deps(&board, "b"), ["shout_2"], "a selected line takes it between");
    assert_eq!(overlaps(&board), 0);
}

#[test]
fn the_keyboard_adds_after_the_step_it_stands_on() {
    let mut board = board();
    press(&mut board, Key::Char('n'), NONE);
    assert_eq!(board.question().unwrap().title, "Add a step here");
    press(&mut board, Key::Escape, NONE);
    board.focus_node(&"a".into());
    press(&mut board, Key::Char('n'), NONE);
    assert_eq!(board.question().unwrap().title, "Add a step after A");
    board.choose("shout");
    assert_eq!((deps(&board, "shout"), overlaps(&board)), (vec!["a".to_owned()], 0));
}

#[test]
fn connect_mode_lists_what_is_possible_first_and_says_why_the_rest_is_not() {
    let mut board = board();
    board.focus_node(&"b".into());
    press(&mut board, Key::Char('c'), NONE);
    assert_eq!(board.question().unwrap().title, "Connect B to");
    let choices = board.choices();
    let told: Vec<(&str, Option<&str>)> =
        choices.iter().map(|choice| (&*choice.value, choice.refusal.as_deref())).collect();
    assert_eq!(told[3], ("a", Some("This would close the cycle A > B > A")));
    assert!(told[..3].iter().all(|(_, refusal)| refusal.is_none()));
    let out = board.point_at("parts");
    assert!(board.hint().unwrap().starts_with("Connect B to Parts"), "{out:?}");
    assert!(said(&out).is_empty(), "the list itself is heard");
    let before = board.definition().clone();
    assert_eq!(refusals(&board.choose("a")), ["This would close the cycle A > B > A"]);
    assert_eq!(*board.definition(), before);
    press(&mut board, Key::Char('c'), NONE);
    board.choose("c");
    assert_eq!(deps(&board, "c"), ["b"]);
    assert_eq!(board.definition().steps["c"].inputs.get("text"), Some(&reads("b")));
}

/// With a step that reads two texts.
fn board_with_a_join() -> Board {
    let mut definition = definition();
    let mut join = workflow::Step { title: "Both".into(), ..workflow::Step::new("join".into()) };
    join.ui = Some(Position { x: 400.0, y: 400.0, pinned: false });
    definition.steps.insert("both".into(), join);
    board_of(definition)
}

#[test]
fn a_line_that_two_inputs_would_take_asks_which_and_the_last_one_is_mapped_unasked() {
    let mut board = board_with_a_join();
    let before = board.definition().clone();
    let (from, to) = (out_port(&board, "a"), middle(&board, "both"));
    drag(&mut board, from, to, NONE);
    assert_eq!(board.question().unwrap().title, "Which input of Both reads A?");
    let choices = board.choices();
    let labels: Vec<&str> = choices.iter().map(|choice| choice.label.as_str()).collect();
    assert_eq!(labels, ["left", "right", "None: it only waits for A"]);
    let out = board.choose(&choices[1].value);
    assert_eq!(said(&out), ["A feeds right of Both"]);
    assert!(board.question().is_none());
    assert_eq!(board.definition().steps["both"].inputs.get("right"), Some(&reads("a")));
    // The other one is the only one left.
    let (from, to) = (out_port(&board, "b"), middle(&board, "both"));
    drag(&mut board, from, to, NONE);
    assert!(board.question().is_none());
    assert_eq!(board.definition().steps["both"].inputs.get("left"), Some(&reads("b")));
    while board.undo().unwrap().is_some() {}
    assert_eq!(*board.definition(), before);
}

#[test]
fn whoever_leaves_the_question_has_a_line_that_feeds_nothing() {
    for value in ["nothing", "7", ""] {
        let mut board = board_with_a_join();
        let (from, to) = (out_port(&board, "a"), middle(&board, "both"));
        drag(&mut board, from, to, NONE);
        if value.is_empty() {
            press(&mut board, Key::Escape, NONE);
        } else {
            board.choose(value);
        }
        assert!(board.question().is_none());
        assert_eq!(board.gesture(), &Gesture::Idle);
        assert_eq!(deps(&board, "both"), ["a"]);
        assert!(board.definition().steps["both"].inputs.is_empty());
    }
}

#[test]
fn from_the_list_of_steps_nothing_asks_on_the_canvas_and_what_is_left_is_told() {
    let mut board = board_with_a_join();
    let out = board.connect_keys(&"a".into(), &"both".into());
    assert_eq!(said(&out), ["Both now depends on A", "Choose in the panel of “Both” which of its inputs reads “A”."]);
    assert_eq!((board.question().is_none(), board.gesture()), (true, &Gesture::Idle));
}

#[test]
fn every_port_says_at_once_whether_it_can_be_the_other_end() {
    let mut board = board();
    let from = out_port(&board, "b");
    down(&mut board, from, NONE);
    let Gesture::Connect(connect) = board.gesture() else { panic!("no line is drawn") };
    let blocked = |key: &str| connect.ends.is_blocked(board.scene.node(&key.into()).unwrap());
    assert_eq!(["a", "b", "c", "list", "parts"].map(blocked), [true, true, false, false, false]);
    let at = middle(&board, "c");
    assert!(move_to(&mut board, at).contains(&Output::Hint(Some("B → C, which feeds its text".into()))));
}

#[test]
fn either_end_of_a_line_is_moved_and_what_it_brought_follows() {
    for (end, to, reader, read) in [(Side::In, "c", "c", "a"), (Side::Out, "c", "b", "c")] {
        let mut board = board();
        let before = board.definition().clone();
        let (from, target) = (grip(&board, "a", "b", end), middle(&board, to));
        let out = drag(&mut board, from, target, NONE);
        assert!(out.contains(&Output::Changed { label: "Move connection".into() }), "{out:?}");
        assert_eq!(board.definition().steps[reader].inputs.get("text"), Some(&reads(read)));
        assert_eq!(deps(&board, reader), [read]);
        assert_eq!(board.selected_edge(), Some(&(read.into(), reader.into())));
        if end == Side::In {
            assert!(deps(&board, "b").is_empty() && board.definition().steps["b"].inputs.is_empty());
        }
        undone(&mut board, &before);
    }
}

#[test]
fn a_moved_line_comes_back_by_escape_beside_every_step_and_where_it_was() {
    let mut board = board();
    let before = board.definition().clone();
    let from = grip(&board, "a", "b", Side::In);
    down(&mut board, from, NONE);
    move_to(&mut board, EMPTY);
    assert!(matches!(board.gesture(), Gesture::Connect(connect) if connect.moved_edge().is_some()));
    press(&mut board, Key::Escape, NONE);
    assert_eq!((board.definition(), board.gesture()), (&before, &Gesture::Idle));
    let out = drag(&mut board, from, EMPTY, NONE);
    assert!(board.question().is_none());
    assert!(said(&out).iter().any(|words| words.starts_with("The line is where it was")), "{out:?}");
    let back = middle(&board, "b");
    drag(&mut board, from, back, NONE);
    let out = drag(&mut board, from, middle(&three(), "a"), NONE);
    assert!(refusals(&out).is_empty(), "its other end is no target");
    assert_eq!(*board.definition(), before);
    assert_eq!(board.history().n_undoable(), 0);
}

#[test]
fn an_end_is_grabbed_as_easily_at_every_zoom_and_by_a_finger_in_a_wider_circle() {
    for zoom in [0.4, 1.0, 3.0] {
        let mut board = board();
        board.camera.zoom = zoom;
        let scale = (zoom * 158.0_f64 / 4.0).min(22.0);
        let at = grip(&board, "a", "b", Side::In);
        let port = board.port_point(&"b".into(), Side::In).unwrap();
        assert!((at.distance(port) - (scale + 5.0 * zoom)).abs() < 3.0, "{zoom}: {at:?} {port:?}");
        let hit = |away: f64, precision: Precision| board.hit(at + Vec2::new(0.0, away), precision);
        assert!(matches!(hit(11.0, Precision::Mouse), Hit::End(_, Side::In)), "{zoom}");
        assert!(!matches!(hit(13.0, Precision::Mouse), Hit::End(..)), "{zoom}");
        assert!(matches!(hit(20.5, Precision::Touch), Hit::End(_, Side::In) | Hit::Port(_, Side::In)), "{zoom}");
        assert!(!matches!(hit(23.0, Precision::Touch), Hit::End(..)), "{zoom}");
    }
}

#[test]
fn a_port_still_begins_a_line_unless_the_end_of_the_selected_one_is_nearer() {
    let mut board = board();
    let port = board.port_point(&"b".into(), Side::In).unwrap();
    let near = port - Vec2::new(16.0, 0.0);
    assert!(matches!(board.hit(port, Precision::Touch), Hit::Port(..)));
    assert!(matches!(board.hit(near, Precision::Touch), Hit::Port(..)));
    let scene = board.scene();
    let edge = scene.edge_between(scene.node(&"a".into()).unwrap(), scene.node(&"b".into()).unwrap()).unwrap();
    board.select_edge(edge, &mut Vec::new());
    assert!(matches!(board.hit(port, Precision::Touch), Hit::Port(..)));
    assert_eq!(board.hit(near, Precision::Touch), Hit::End(edge, Side::In));
}

#[test]
fn a_line_that_a_condition_reads_along_says_so_wherever_it_is_dragged() {
    let mut before = definition();
    before.steps.get_mut("b").unwrap().when = Some(workflow::condition::Condition::Exists(reads("a")));
    let mut board = board_of(before.clone());
    let (from, to) = (grip(&board, "a", "b", Side::In), middle(&board, "c"));
    let out = drag(&mut board, from, to, NONE);
    assert_eq!(refusals(&out), ["The condition or the list of “B” reads “A”: change that first"]);
    assert_eq!(*board.definition(), before);
}

fn ticks(board: &mut Board, n: u32) {
    for _ in 0..n {
        board.handle(Input::Tick);
    }
}

#[test]
fn holding_at_the_edge_moves_the_picture_under_it_after_a_moment() {
    assert!((TICK_MS - 16.667).abs() < 0.01);
    let rim = Point::new(995.0, 300.0);
    for what in ["line", "step", "marquee"] {
        let mut board = board();
        let (from, mods) = match what {
            "line" => (out_port(&board, "a"), NONE),
            "step" => (middle(&board, "a"), NONE),
            _ => (Point::new(400.0, 400.0), SHIFT),
        };
        down(&mut board, from, mods);
        board.handle(Input::Move { id: 1, at: Point::new(600.0, 300.0), mods });
        assert!(!board.wants_ticks(), "{what}: not in the middle");
        let camera = board.camera();
        ticks(&mut board, 100);
        assert_eq!(board.camera(), camera);
        board.handle(Input::Move { id: 1, at: rim, mods });
        assert!(board.wants_ticks(), "{what}");
        let before = board.camera();
        ticks(&mut board, 12);
        assert_eq!(board.camera(), before, "{what}: what is carried past the edge moves nothing");
        ticks(&mut board, 40);
        assert!(board.camera().origin.x > before.origin.x + 200.0, "{what}: {:?}", board.camera());
        assert!((board.camera().origin.y - before.origin.y).abs() < 1e-9);
        let world = board.camera().to_world(rim);
        match board.gesture() {
            Gesture::Connect(connect) => assert_eq!(connect.at, rim),
            Gesture::Drag(_) => assert!(middle(&board, "a").distance(rim) <= 2.0 * SNAP),
            Gesture::Marquee(marquee) => assert!((marquee.area().x1 - world.x).abs() < 1e-9),
            other => panic!("{other:?}"),
        }
        board.handle(Input::Move { id: 1, at: Point::new(500.0, 300.0), mods });
        assert!(!board.wants_ticks());
        board.handle(Input::Cancel);
        assert!(!board.wants_ticks());
        assert_eq!(board.definition(), &definition());
    }
}

#[test]
fn the_same_ticks_come_to_the_same_picture() {
    let end = || {
        let mut board = board();
        let from = out_port(&board, "a");
        down(&mut board, from, NONE);
        move_to(&mut board, Point::new(700.0, 690.0));
        ticks(&mut board, 77);
        board.camera()
    };
    assert_eq!(end(), end());
}

#[test]
fn a_board_to_watch_is_never_drawn_on() {
    let mut board = Board::watch(&run_of_three(&json!([])), BTreeMap::new());
    board.set_viewport(Size::new(1000.0, 700.0));
    let before = board.definition().clone();
    for key in ['c', 'n', 'd'] {
        press(&mut board, Key::Home, NONE);
        press(&mut board, Key::Char(key), NONE);
    }
    board.handle(Input::Down {
        id: 1,
        at: Point::new(5.0, 5.0),
        button: Button::Main,
        precision: Precision::Mouse,
        mods: NONE,
        clicks: 2,
    });
    board.handle(Input::Cancel);
    board.add_where_it_fits(&item("echo", "Echo"));
    assert!(board.question().is_none());
    assert_eq!(*board.definition(), before);
}

/// Rows of cards, some joined along their row.
fn any_rows() -> impl Strategy<Value = Definition> {
    prop::collection::vec(prop::collection::vec((0..120_u32, any::<bool>()), 1..6), 1..5).prop_map(|rows| {
        let mut definition = Definition::default();
        for (row, cards) in rows.into_iter().enumerate() {
            let (mut x, mut before) = (0.0, None);
            for (n, (gap, is_joined)) in cards.into_iter().enumerate() {
                let key = StepKey::new(format!("s{row}_{n}"));
                let mut step = workflow::Step::new("echo".into());
                #[expect(clippy::cast_precision_loss, reason = "a few rows")]
                let y = row as f64 * (HEAD_HEIGHT + 24.0);
                step.ui = Some(Position { x, y, pinned: false });
                step.depends_on.extend(before.filter(|_| is_joined));
                x += NODE_WIDTH + 20.0 + f64::from(gap);
                before = Some(key.clone());
                definition.steps.insert(key, step);
            }
        }
        definition
    })
}

proptest! {
    #[test]
    fn what_is_put_on_a_line_covers_nothing_and_lets_nothing_come_to_cover(
        definition in any_rows(), which in 0..20_usize, is_down in any::<bool>(),
    ) {
        let mut board = board_of(definition.clone());
        if is_down {
            board.set_flow(Flow::Down);
        }
        prop_assume!(!board.scene.edges.is_empty() && overlaps(&board) == 0);
        let edge = u32::try_from(which % board.scene.edges.len()).unwrap();
        let wish = board.scene.edges[edge as usize].route.middle();
        board.add_onto(&item("shout", "Shout"), edge, Some(wish), &mut Vec::new());
        prop_assert_eq!(board.definition().steps.len(), definition.steps.len() + 1);
        prop_assert_eq!(overlaps(&board), 0);
        let onwards = |board: &Board| board.scene.edges.iter().all(|edge| {
            let along = |node: u32| board.flow.turn_rect(board.scene.rect(node));
            along(edge.from).x1 < along(edge.to).x0
        });
        prop_assert!(onwards(&board));
        board.undo().unwrap();
        prop_assert_eq!(board.definition(), &definition);
    }

    #[test]
    fn drawing_never_breaks_the_board(acts in prop::collection::vec((any_input(), 0..6_usize, any::<bool>()), 0..80)) {
        let mut board = board();
        let loaded = board.document().clone();
        for (input, which, chooses) in acts {
            board.handle(input);
            let choices = board.choices();
            if chooses && let Some(choice) = choices.get(which) {
                board.point_at(&choice.value);
                board.choose(&choice.value);
            }
            prop_assert!(Graph::of(board.definition()).order().is_ok());
            prop_assert_eq!(board.question().is_some(), matches!(board.gesture(), Gesture::Adding(_) | Gesture::KeyConnect(_) | Gesture::Reading(_)));
            board.paint();
            board.paint_overlay(None);
        }
        board.handle(Input::Cancel);
        prop_assert_eq!(board.gesture(), &Gesture::Idle);
        prop_assert!(!board.wants_ticks());
        while board.undo().unwrap().is_some() {}
        prop_assert_eq!(board.document(), &loaded);
    }
}
