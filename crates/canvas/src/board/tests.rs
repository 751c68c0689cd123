//! Tests that drive the board as a person would, by pointer and keyboard, and check the invariants after each input.
//! No test looks at pixels here; `paint` has its own.

use kurbo::{Point, Vec2};
use proptest::prelude::*;
use serde_json::{Value, json};
use workflow::{definition::Position, graph::Graph};

mod anything;
mod drawing;
mod marks;
mod watching;

use super::*;
use crate::{
    clip::Outside,
    scene::{Said, hit::Precision},
};

const NONE: Mods = Mods { shift: false, ctrl: false, alt: false };
const SHIFT: Mods = Mods { shift: true, ..NONE };
const CTRL: Mods = Mods { ctrl: true, ..NONE };

fn three() -> Board {
    let definition = Definition::from_value(&json!({"steps":{
        "a":{"agent_id":"x","title":"A","ui":{"x":0,"y":0}},
        "b":{"agent_id":"x","title":"B","depends_on":["a"],"ui":{"x":400,"y":0}},
        "c":{"agent_id":"x","title":"C","ui":{"x":400,"y":200}}}}))
    .unwrap();
    let mut board = Board::editor(definition, AgentCatalog::default());
    board.is_fit_wanted = false;
    board.set_viewport(Size::new(1000.0, 700.0));
    board.camera = Camera { origin: Point::new(-100.0, -100.0), zoom: 1.0 };
    board
}

/// As by a press in the list of agents while nothing is selected.
fn add_in_the_middle(board: &mut Board, item: &PaletteItem) -> Vec<Output> {
    board.select(Vec::new(), &mut Vec::new());
    board.add_where_it_fits(item)
}

fn run_of_three(steps: &Value) -> RunView {
    testing::run_of(three().definition(), steps)
}

#[test]
fn a_step_without_a_worker_says_so_as_long_as_it_waits_and_once_aloud() {
    let step = |status: &str| {
        json!([{"key": "a", "title": "First", "agent_id": "x", "agent_version": 1, "kind": "worker",
        "status": status, "reason": null, "generation": 1, "attempts": []}])
    };
    let mut board = Board::watch(&run_of_three(&step("ready")), BTreeMap::new());
    let node = board.scene().node(&"a".into()).unwrap();
    let absent = BTreeMap::from([(StepKey::from("a"), Said::Absent("No worker since 14:02".into()))]);
    assert_eq!(board.set_said(&absent).len(), 1);
    assert_eq!(board.set_said(&absent), [] as [String; 0]);
    assert_eq!(&**board.scene().status_words(node), "No worker since 14:02");
    assert!(board.scene().describe(node).contains("no worker since 14:02"));
    board.set_run(&run_of_three(&step("running")));
    board.set_viewport(Size::new(1_200.0, 700.0));
    let n_moving = board.paint_overlay(Some(0.5)).n_items();
    let progress = Said::Progress { words: "3 of 10".into(), share: Some(0.3) };
    assert_eq!(board.set_said(&BTreeMap::from([("a".into(), progress)])), [] as [String; 0]);
    assert_eq!((&**board.scene().status_words(node), board.scene().share(node)), ("3 of 10", Some(0.3)));
    assert_eq!(board.paint_overlay(Some(0.5)).n_items() + 1, n_moving, "the bar that says how far it is stands alone");
    board.set_run(&run_of_three(&step("completed")));
    assert_eq!((&**board.scene().status_words(node), board.scene().share(node)), ("Completed", None));
}

#[test]
fn what_is_watched_stays_fitted_until_the_camera_is_moved() {
    let run = run_of_three(&json!([]));
    let mut board = Board::watch(&run, BTreeMap::new());
    let sized = |board: &mut Board, width: f64| {
        board.set_viewport(Size::new(width, 700.0));
        board.camera()
    };
    let (wide, narrow) = (sized(&mut board, 1000.0), sized(&mut board, 500.0));
    assert!(narrow.zoom < wide.zoom);
    board.zoom_by(1.5);
    let chosen = board.camera();
    assert_eq!(sized(&mut board, 1000.0), chosen);
    board.fit();
    assert_eq!(sized(&mut board, 500.0), narrow);
}

fn down(board: &mut Board, at: Point, mods: Mods) -> Vec<Output> {
    board.handle(Input::Down { id: 1, at, button: Button::Main, precision: Precision::Mouse, mods, clicks: 1 })
}

fn drag(board: &mut Board, from: Point, to: Point, mods: Mods) -> Vec<Output> {
    let mut out = down(board, from, mods);
    for part in 1..=4 {
        let at = from.lerp(to, f64::from(part) / 4.0);
        out.extend(board.handle(Input::Move { id: 1, at, mods }));
    }
    out.extend(board.handle(Input::Up { id: 1, at: to, mods }));
    out
}

fn press(board: &mut Board, key: Key, mods: Mods) -> Vec<Output> {
    board.handle(Input::Key { key, mods })
}

fn middle(board: &Board, key: &str) -> Point {
    board.node_rect(&key.into()).unwrap().center()
}

fn out_port(board: &Board, key: &str) -> Point {
    board.port_point(&key.into(), Side::Out).unwrap()
}

fn refusals(out: &[Output]) -> Vec<&str> {
    out.iter().filter_map(|output| if let Output::Refused(words) = output { Some(&**words) } else { None }).collect()
}

fn keys(board: &Board) -> Vec<&str> {
    board.selection().iter().map(StepKey::as_str).collect()
}

#[test]
fn dragging_a_node_is_one_snapped_move_that_undo_takes_back() {
    let mut board = three();
    let before = board.definition().clone();
    let from = middle(&board, "a");
    let out = drag(&mut board, from, from + Vec2::new(50.0, 33.0), NONE);
    assert!(out.contains(&Output::Changed { label: "Move".into() }));
    assert_eq!(board.definition().steps["a"].ui, Some(Position { x: 48.0, y: 32.0, pinned: false }));
    assert_eq!(board.history().n_undoable(), 1);
    press(&mut board, Key::Char('z'), CTRL);
    assert_eq!(*board.definition(), before);
    press(&mut board, Key::Char('Z'), Mods { shift: true, ..CTRL });
    assert_eq!(board.definition().steps["a"].ui, Some(Position { x: 48.0, y: 32.0, pinned: false }));
}

#[test]
fn ctrl_lets_a_node_stand_between_the_grid() {
    let mut board = three();
    let from = middle(&board, "a");
    drag(&mut board, from, from + Vec2::new(50.0, 33.0), CTRL);
    assert_eq!(board.definition().steps["a"].ui, Some(Position { x: 50.0, y: 33.0, pinned: false }));
}

#[test]
fn dragging_one_of_several_selected_moves_them_all() {
    let mut board = three();
    press(&mut board, Key::Char('a'), CTRL);
    assert_eq!(keys(&board), ["a", "b", "c"]);
    let from = middle(&board, "c");
    drag(&mut board, from, from + Vec2::new(80.0, 0.0), NONE);
    let x: Vec<f64> = board.definition().steps.values().map(|step| step.ui.unwrap().x).collect();
    assert_eq!(x, [80.0, 480.0, 480.0]);
    assert_eq!(board.history().n_undoable(), 1);
}

#[test]
fn a_connection_is_drawn_from_port_to_node_in_either_direction() {
    for backwards in [false, true] {
        let mut board = three();
        let (from, to) = if backwards {
            (board.port_point(&"c".into(), Side::In).unwrap(), middle(&board, "b"))
        } else {
            (out_port(&board, "b"), middle(&board, "c"))
        };
        let out = drag(&mut board, from, to, NONE);
        assert!(out.contains(&Output::Changed { label: "Connect".into() }), "{out:?}");
        assert!(board.definition().steps["c"].depends_on.contains("b"));
    }
}

#[test]
fn a_connection_maps_the_one_input_that_it_can_be_for_and_both_are_undone_together() {
    let agent = |id: &str, ports: &str| {
        let port = json!([{"name": "text", "schema": {"type": "string"}, "required": true}]);
        let mut agent = json!({"id": id, "version": 1, "name": id, "config": {"kind": "template", "template": "x"}});
        agent[ports] = if ports == "outputs" { json!([{"name": "text", "schema": {"type": "string"}}]) } else { port };
        serde_json::from_value(agent).unwrap()
    };
    let mut board = three();
    board.dispatch(Edit::set("b".into(), workflow::Step::new("from".into())), "Change").unwrap();
    board.dispatch(Edit::set("c".into(), workflow::Step::new("to".into())), "Change").unwrap();
    board.set_agents(AgentCatalog::new([agent("from", "outputs"), agent("to", "inputs")]));
    let before = board.definition().clone();
    let (from, to) = (out_port(&board, "b"), middle(&board, "c"));
    let out = drag(&mut board, from, to, NONE);
    assert!(out.contains(&Output::Say("c now depends on b, which feeds its text".into())), "{out:?}");
    let source = workflow::source::Source::Step { step: "b".into(), artifact: "text".into(), path: String::new() };
    assert_eq!(board.definition().steps["c"].inputs.get("text"), Some(&source));
    assert_eq!(board.undo().unwrap().as_deref(), Some("Connect"));
    assert_eq!(*board.definition(), before);
}

#[test]
fn a_cycle_a_loop_and_a_second_edge_are_refused_with_reasons_while_dragging() {
    let mut board = three();
    let before = board.definition().clone();
    let from = out_port(&board, "b");
    down(&mut board, from, NONE);
    let at = middle(&board, "a");
    let out = board.handle(Input::Move { id: 1, at, mods: NONE });
    let reason = "This would close the cycle A > B > A";
    assert!(out.contains(&Output::Hint(Some(reason.into()))));
    assert_eq!(board.cursor(), Cursor::NotAllowed);
    let out = board.handle(Input::Up { id: 1, at, mods: NONE });
    assert_eq!(refusals(&out), [reason]);

    let (from, to) = (out_port(&board, "a"), middle(&board, "b"));
    let out = drag(&mut board, from, to, NONE);
    assert_eq!(refusals(&out), ["“B” already depends on “A”"]);
    let (from, to) = (out_port(&board, "a"), middle(&board, "a"));
    drag(&mut board, from, to, NONE);
    assert_eq!(*board.definition(), before);
}

#[test]
fn escape_and_a_lost_pointer_leave_nothing_behind() {
    for cancel in [Input::Cancel, Input::Key { key: Key::Escape, mods: NONE }] {
        for (start, mods) in [("node", NONE), ("port", NONE), ("empty", SHIFT), ("empty", NONE)] {
            let mut board = three();
            let (before, scene) = (board.definition().clone(), board.scene().place.clone());
            let from = match start {
                "node" => middle(&board, "a"),
                "port" => out_port(&board, "a"),
                _ => Point::new(20.0, 600.0),
            };
            down(&mut board, from, mods);
            board.handle(Input::Move { id: 1, at: Point::new(700.0, 150.0), mods });
            board.handle(cancel);
            assert_eq!((board.gesture(), board.definition()), (&Gesture::Idle, &before));
            assert_eq!(board.scene().place, scene);
            assert_eq!(board.history().n_undoable(), 0);
            assert!(board.hint().is_none());
        }
    }
}

#[test]
fn a_marquee_takes_what_is_inside_and_backwards_what_it_touches() {
    let mut board = three();
    drag(&mut board, Point::new(480.0, 80.0), Point::new(800.0, 180.0), SHIFT);
    assert_eq!(keys(&board), ["b"]);
    drag(&mut board, Point::new(20.0, 600.0), Point::new(21.0, 601.0), NONE);
    assert!(keys(&board).is_empty());
    drag(&mut board, Point::new(800.0, 320.0), Point::new(600.0, 90.0), SHIFT);
    assert_eq!(keys(&board), ["b", "c"]);
}

#[test]
fn a_marquee_may_begin_on_a_line_and_a_line_is_selected_with_shift_too() {
    let mut board = three();
    let line = Point::new(100.0 + 316.0, 100.0 + 30.0);
    // To the left it takes what it touches.
    drag(&mut board, line, Point::new(300.0, 180.0), SHIFT);
    assert_eq!((keys(&board), board.selected_edge()), (vec!["a"], None));
    drag(&mut board, line, line, SHIFT);
    assert_eq!(board.selected_edge(), Some(&("a".into(), "b".into())));
    assert!(keys(&board).is_empty());
}

#[test]
fn an_edge_is_selected_and_deleted() {
    let mut board = three();
    let at = Point::new(100.0 + 316.0, 100.0 + 30.0);
    drag(&mut board, at, at, NONE);
    assert_eq!(board.selected_edge(), Some(&("a".into(), "b".into())));
    press(&mut board, Key::Delete, NONE);
    assert!(board.definition().steps["b"].depends_on.is_empty());
    assert!(board.selected_edge().is_none());
}

#[test]
fn deleting_steps_is_one_entry() {
    let mut board = three();
    let before = board.definition().clone();
    press(&mut board, Key::Char('a'), CTRL);
    press(&mut board, Key::Delete, NONE);
    assert!(board.definition().steps.is_empty());
    press(&mut board, Key::Char('z'), CTRL);
    assert_eq!(*board.definition(), before);
}

#[test]
fn a_palette_item_lands_under_the_pointer_or_nowhere() {
    let item = PaletteItem { agent_id: "writer".into(), name: "Writer".into(), kind: crate::scene::Kind::Llm };
    let mut board = three();
    board.begin_palette_drag(item.clone());
    board.handle(Input::Move { id: 9, at: Point::new(-50.0, 10.0), mods: NONE });
    assert!(board.palette_ghost().is_none());
    board.handle(Input::Up { id: 9, at: Point::new(-50.0, 10.0), mods: NONE });
    assert_eq!(board.definition().steps.len(), 3);

    board.begin_palette_drag(item.clone());
    let out = board.handle(Input::Up { id: 9, at: Point::new(300.0, 500.0), mods: NONE });
    assert!(out.contains(&Output::Changed { label: "Add Writer".into() }));
    assert_eq!(keys(&board), ["writer"]);
    assert!(board.node_rect(&"writer".into()).unwrap().center().distance(Point::new(300.0, 500.0)) < 8.0);

    add_in_the_middle(&mut board, &item);
    add_in_the_middle(&mut board, &item);
    assert_ne!(board.node_rect(&"writer_2".into()), board.node_rect(&"writer_3".into()));
}

#[test]
fn a_press_takes_the_card_that_is_drawn_on_top() {
    let mut board = three();
    let (from, to) = (middle(&board, "a"), middle(&board, "c"));
    drag(&mut board, from, to, NONE);
    let at = middle(&board, "a");
    drag(&mut board, at, at + Vec2::new(0.0, 160.0), NONE);
    assert_eq!(keys(&board), ["a"]);
    assert_eq!(board.definition().steps["c"].ui, Some(Position { x: 400.0, y: 200.0, pinned: false }));
}

#[test]
fn what_is_added_by_keyboard_covers_nothing() {
    let item = PaletteItem { agent_id: "writer".into(), name: "Writer".into(), kind: crate::scene::Kind::Llm };
    let mut board = three();
    for _ in 0..4 {
        add_in_the_middle(&mut board, &item);
    }
    let scene = board.scene();
    for node in scene.nodes() {
        assert_eq!(scene.nodes_in(scene.rect(node)), [node]);
    }
}

#[test]
fn the_keyboard_walks_edges_and_connects() {
    let mut board = three();
    press(&mut board, Key::Right, NONE);
    assert_eq!(keys(&board), ["a"]);
    press(&mut board, Key::Right, NONE);
    assert_eq!(keys(&board), ["b"]);
    press(&mut board, Key::Down, NONE);
    assert_eq!(keys(&board), ["c"]);
    assert!(press(&mut board, Key::Left, NONE).contains(&Output::Say("This step depends on nothing".into())));
    press(&mut board, Key::Home, NONE);
    let out = press(&mut board, Key::Char('c'), NONE);
    assert!(
        out.iter().any(|output| matches!(output, Output::Say(words) if words.starts_with("Connect A to C (1 of 1)")))
    );
    press(&mut board, Key::Enter, NONE);
    assert!(board.definition().steps["c"].depends_on.contains("a"));
    assert!(press(&mut board, Key::Enter, NONE).contains(&Output::Opened("a".into())));
}

#[test]
fn nudging_is_one_entry() {
    let mut board = three();
    press(&mut board, Key::Home, NONE);
    for _ in 0..5 {
        press(&mut board, Key::Right, SHIFT);
    }
    assert_eq!(board.definition().steps["a"].ui, Some(Position { x: 40.0, y: 0.0, pinned: false }));
    assert_eq!(board.history().n_undoable(), 1);
}

#[test]
fn tidying_up_is_one_entry_and_gives_everything_back_to_the_layout() {
    let mut board = three();
    let before = board.definition().clone();
    board.tidy();
    assert!(board.definition().steps.values().all(|step| step.ui.is_none()));
    assert_eq!(board.history().n_undoable(), 1);
    let tidied = board.scene().place.clone();
    assert!(board.tidy().contains(&Output::Say("Already tidy".into())));
    assert_eq!(board.scene().place, tidied);
    board.undo().unwrap();
    assert_eq!(*board.definition(), before);
}

#[test]
fn what_is_pinned_stays_where_it_is_when_the_rest_is_tidied() {
    let mut board = three();
    board.select_keys(vec!["c".into()], false);
    board.toggle_pin();
    assert!(board.is_selection_pinned());
    let kept = board.definition().steps["c"].ui;
    board.select_keys(Vec::new(), false);
    board.tidy();
    assert_eq!(board.definition().steps["c"].ui, kept);
    assert_eq!(kept, Some(Position { x: 400.0, y: 200.0, pinned: true }));
    assert_eq!(board.definition().steps["a"].ui, None);
    board.undo().unwrap();
    board.undo().unwrap();
    assert_eq!(board.definition().steps["c"].ui, Some(Position { x: 400.0, y: 200.0, pinned: false }));
}

#[test]
fn tidying_some_covers_none_of_the_others() {
    let mut board = three();
    board.select_keys(vec!["a".into(), "b".into()], false);
    board.dispatch(Edit::moves([("c".into(), Position { x: 300.0, y: 0.0, pinned: false })]), "Move").unwrap();
    board.tidy();
    let scene = board.scene();
    for node in scene.nodes() {
        assert_eq!(scene.nodes_in(scene.rect(node)), [node]);
    }
    assert_eq!(board.definition().steps["c"].ui, Some(Position { x: 300.0, y: 0.0, pinned: false }));
}

#[test]
fn a_narrow_window_shows_the_same_workflow_from_top_to_bottom_and_stores_what_is_moved_in_it() {
    let mut board = three();
    board.set_flow(Flow::Down);
    let (a, b) = (middle(&board, "a"), middle(&board, "b"));
    assert!(b.y > a.y);
    assert!(board.port_point(&"b".into(), Side::In).unwrap().y < b.y);
    drag(&mut board, b, b + Vec2::new(80.0, 0.0), NONE);
    let moved = board.definition().steps["b"].ui.unwrap();
    assert_eq!((moved.x, moved.y), (400.0, 20.0));
    board.set_flow(Flow::Right);
    assert!(middle(&board, "b").x > middle(&board, "a").x);
    board.set_flow(Flow::Down);
    press(&mut board, Key::Home, NONE);
    press(&mut board, Key::Down, NONE);
    assert_eq!(keys(&board), ["b"]);
}

#[test]
fn fit_shows_the_beginning_where_everything_could_not_be_read() {
    let mut definition = Definition::default();
    for n in 0..40 {
        let mut step = workflow::Step::new("x".into());
        step.ui = Some(Position { x: f64::from(n) * 300.0, y: 0.0, pinned: false });
        if n > 0 {
            step.depends_on.insert(StepKey::new(format!("s{:02}", n - 1)));
        }
        definition.steps.insert(StepKey::new(format!("s{n:02}")), step);
    }
    for flow in [Flow::Right, Flow::Down] {
        let mut board = Board::editor(definition.clone(), AgentCatalog::default());
        board.set_flow(flow);
        board.set_viewport(Size::new(900.0, 700.0));
        assert!((board.camera().zoom - READABLE).abs() < 1e-9);
        let screen = Rect::new(0.0, 0.0, 900.0, 700.0);
        assert!(screen.contains_rect(board.node_rect(&"s00".into()).unwrap()), "{flow:?}");
        assert!(board.node_rect(&"s39".into()).unwrap().intersect(screen).area() <= 0.0);
    }
}

#[test]
fn two_steps_of_one_agent_have_titles_of_their_own_and_keys_from_these() {
    let item = PaletteItem { agent_id: "agent-7".into(), name: "Clean text".into(), kind: crate::scene::Kind::Llm };
    let mut board = three();
    let agent =
        json!({"id": "agent-7", "version": 1, "name": "Clean text", "config": {"kind": "template", "template": "x"}});
    board.set_agents(AgentCatalog::new([serde_json::from_value(agent).unwrap()]));
    add_in_the_middle(&mut board, &item);
    let out = add_in_the_middle(&mut board, &item);
    assert!(out.contains(&Output::Say("Clean text 2 added".into())));
    let titles = |key: &str| board.definition().steps[key].title.clone();
    assert_eq!([titles("clean_text"), titles("clean_text_2")], ["Clean text", "Clean text 2"]);
    let node = board.scene().node(&"clean_text_2".into()).unwrap();
    assert!(!board.scene().describe(node).contains("agent "), "its name is said once");
}

#[test]
fn the_first_move_pins_what_the_layout_placed() {
    let definition =
        Definition::from_value(&json!({"steps":{"a":{"agent_id":"x"},"b":{"agent_id":"x","depends_on":["a"]}}}))
            .unwrap();
    let mut board = Board::editor(definition.clone(), AgentCatalog::default());
    board.set_viewport(Size::new(1000.0, 700.0));
    let from = middle(&board, "a");
    drag(&mut board, from, from + Vec2::new(80.0, 80.0), NONE);
    assert!(board.definition().steps["b"].ui.is_some());
    board.undo().unwrap();
    assert_eq!(*board.definition(), definition);
}

#[test]
fn two_fingers_zoom_around_their_middle() {
    let mut board = three();
    let finger = |id, x: f64| Input::Down {
        id,
        at: Point::new(x, 600.0),
        button: Button::Main,
        precision: Precision::Touch,
        mods: NONE,
        clicks: 1,
    };
    board.handle(finger(1, 400.0));
    board.handle(finger(2, 600.0));
    let fixed = board.camera().to_world(Point::new(500.0, 600.0));
    board.handle(Input::Move { id: 1, at: Point::new(300.0, 600.0), mods: NONE });
    board.handle(Input::Move { id: 2, at: Point::new(700.0, 600.0), mods: NONE });
    assert!((board.camera().zoom - 2.0).abs() < 1e-9);
    assert!(board.camera().to_screen(fixed).distance(Point::new(500.0, 600.0)) < 0.01);
    board.handle(Input::Up { id: 1, at: Point::new(300.0, 600.0), mods: NONE });
    board.handle(Input::Up { id: 2, at: Point::new(700.0, 600.0), mods: NONE });
    assert_eq!(board.gesture(), &Gesture::Idle);
    assert_eq!(board.hover(), Hit::Nothing, "no finger rests on anything");
}

#[test]
fn a_large_graph_is_listed_through_a_window_that_holds_the_focus() {
    let mut definition = Definition::default();
    for n in 0..2_000 {
        let mut step = workflow::Step::new("x".into());
        step.ui = Some(Position { x: f64::from(n % 50) * 300.0, y: f64::from(n / 50) * 120.0, pinned: false });
        definition.steps.insert(StepKey::new(format!("s{n:04}")), step);
    }
    let mut board = Board::editor(definition, AgentCatalog::default());
    board.set_viewport(Size::new(1000.0, 700.0));
    board.focus_node(&"s1777".into());
    let list = board.mirror();
    assert!(list.len() <= 300);
    assert_eq!(list.iter().filter(|node| node.is_focus).map(|node| node.key.as_str()).collect::<Vec<_>>(), ["s1777"]);
}

fn any_input() -> impl Strategy<Value = Input> {
    let at = || {
        prop_oneof![
            8 => (-50.0..1050.0, -50.0..750.0).prop_map(|(x, y)| Point::new(x, y)),
            // Ports and cards of the test board.
            6 => prop::sample::select(vec![
                Point::new(332.0, 130.0), Point::new(500.0, 130.0), Point::new(732.0, 130.0), Point::new(500.0, 330.0),
                Point::new(732.0, 330.0), Point::new(200.0, 130.0), Point::new(600.0, 130.0), Point::new(600.0, 330.0)]),
            1 => Just(Point::new(f64::NAN, f64::INFINITY)),
        ]
    };
    let id = || 1..4_i32;
    let mods = || {
        (any::<bool>(), prop::bool::weighted(0.2), any::<bool>()).prop_map(|(shift, ctrl, alt)| Mods {
            shift,
            ctrl,
            alt,
        })
    };
    let button = prop_oneof![6 => Just(Button::Main), 1 => Just(Button::Middle), 1 => Just(Button::Other)];
    let precision = prop_oneof![Just(Precision::Mouse), Just(Precision::Touch)];
    let key = prop::sample::select(vec![
        Key::Left,
        Key::Right,
        Key::Up,
        Key::Down,
        Key::Home,
        Key::End,
        Key::Enter,
        Key::Space,
        Key::Escape,
        Key::Delete,
        Key::Char('z'),
        Key::Char('y'),
        Key::Char('a'),
        Key::Char('c'),
        Key::Char('d'),
        Key::Char('g'),
        Key::Char('l'),
        Key::Char('m'),
        Key::Char('n'),
        Key::Char('t'),
        Key::Char('u'),
        Key::Char('1'),
        Key::Char('+'),
        Key::Char('-'),
    ]);
    prop_oneof![
        6 => (id(), at(), button, precision, mods(), 1..3_u32)
            .prop_map(|(id, at, button, precision, mods, clicks)| Input::Down { id, at, button, precision, mods, clicks }),
        10 => (id(), at(), mods()).prop_map(|(id, at, mods)| Input::Move { id, at, mods }),
        6 => (id(), at(), mods()).prop_map(|(id, at, mods)| Input::Up { id, at, mods }),
        1 => Just(Input::Leave),
        4 => Just(Input::Tick),
        1 => (at(), -500.0..500.0, any::<bool>(), mods())
            .prop_map(|(at, y, is_zoom, mods)| Input::Wheel { at, by: Vec2::new(0.0, y), is_zoom, mods }),
        5 => (key, mods()).prop_map(|(key, mods)| Input::Key { key, mods }),
        1 => Just(Input::Cancel),
    ]
}

#[derive(Clone, Debug)]
enum Act {
    Input(Input),
    Copy,
    Cut,
    Paste,
    Name(String),
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        20 => any_input().prop_map(Act::Input),
        1 => Just(Act::Copy),
        1 => Just(Act::Cut),
        2 => Just(Act::Paste),
        1 => "[ab]{0,2}".prop_map(Act::Name),
    ]
}

proptest! {
    #[test]
    fn no_sequence_of_events_breaks_the_board_or_leaves_a_gesture_open(acts in prop::collection::vec(any_act(), 0..120)) {
        let mut board = three();
        let loaded = board.document().clone();
        let mut clipboard = None;
        for act in acts {
            let revision = board.revision();
            let before = board.definition().clone();
            let out = match act {
                Act::Input(input) => board.handle(input),
                Act::Copy => {
                    clipboard = board.copy().or(clipboard);
                    Vec::new()
                }
                Act::Cut => {
                    let (clip, out) = board.cut();
                    clipboard = clip.or(clipboard);
                    out
                }
                Act::Paste => clipboard.as_ref().map(|clip| board.paste(clip, Outside::Keep)).unwrap_or_default(),
                Act::Name(name) => {
                    board.dispatch(Edit::SetName(name), "Rename workflow").unwrap();
                    continue;
                }
            };
            prop_assert!(Graph::of(board.definition()).order().is_ok());
            let told = out.iter().any(|output| matches!(output, Output::Changed { .. }));
            prop_assert_eq!(told, board.revision() != revision);
            prop_assert!(told || before == *board.definition());
            prop_assert!(board.selection().iter().all(|key| board.definition().steps.contains_key(key)));
            prop_assert!(board.camera().zoom.is_finite() && board.camera().origin.is_finite());
            board.paint();
            board.paint_overlay(Some(0.5));
            board.mirror();
        }
        board.handle(Input::Cancel);
        prop_assert_eq!(board.gesture(), &Gesture::Idle);
        for (node, key) in board.scene().nodes().zip(&board.scene().keys) {
            let place = board.definition().steps[key].ui.unwrap();
            prop_assert_eq!(board.scene().place[node as usize], Point::new(place.x, place.y));
        }
        while board.undo().unwrap().is_some() {}
        prop_assert_eq!(board.document(), &loaded);
    }
}

#[test]
fn a_renamed_step_stays_selected_and_where_it_is_also_when_that_is_taken_back() {
    let definition = Definition::from_value(&json!({"steps":{
        "a":{"agent_id":"x"}, "m":{"agent_id":"x","depends_on":["a"]}, "z":{"agent_id":"x","depends_on":["a"]}}}))
    .unwrap();
    let mut board = Board::editor(definition, AgentCatalog::default());
    board.set_viewport(Size::new(1000.0, 700.0));
    let mut out = Vec::new();
    board.select(vec!["z".into()], &mut out);
    let place = |board: &Board, key: &str| board.node_rect(&key.into());
    let before = place(&board, "z");
    let edit = crate::rename_step(board.definition(), &"z".into(), "b").unwrap();
    board.dispatch(edit, "Rename key").unwrap();
    assert_eq!((board.selection(), board.focus()), (["b".into()].as_slice(), Some(&"b".into())));
    assert_eq!(place(&board, "b"), before);
    board.undo().unwrap();
    assert_eq!((board.selection(), place(&board, "z")), (["z".into()].as_slice(), before));
    board.redo().unwrap();
    assert_eq!((board.selection(), place(&board, "b")), (["b".into()].as_slice(), before));
}

#[test]
fn a_step_that_a_merge_gave_another_key_stays_selected_also_when_the_merge_is_taken_back() {
    let of = |key: &str| {
        let steps = json!({"writer": {"agent_id": "y"}, key: {"agent_id": "x"}});
        Definition::from_value(&json!({"steps": steps})).unwrap()
    };
    let mut board = Board::editor(of("writer"), AgentCatalog::default());
    board.set_viewport(Size::new(1000.0, 700.0));
    board.select(vec!["writer".into()], &mut Vec::new());
    let edit = Edit::SetDocument {
        document: Box::new(of("writer_2").into()),
        renamed: vec![("writer".into(), "writer_2".into())],
    };
    board.dispatch(edit, "Take in the changes of others").unwrap();
    assert_eq!((board.selection(), board.focus()), (["writer_2".into()].as_slice(), Some(&"writer_2".into())));
    board.undo().unwrap();
    assert_eq!((board.selection(), board.focus()), (["writer".into()].as_slice(), Some(&"writer".into())));
    board.redo().unwrap();
    assert_eq!(board.selection(), [StepKey::from("writer_2")]);
}
