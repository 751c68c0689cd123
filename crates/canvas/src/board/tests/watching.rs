//! Watching a run: times, the slowest path, the camera that follows, and that nothing asks for a frame while nothing changes.

use workflow::{StepStatus, view::LeftOut};

use super::{
    testing::{run_of, step},
    *,
};
use crate::paint::{DisplayList, Fill, Ink, Renderer, Shape, Stroke, Text, TextRun};

/// Milliseconds since 1970 of the second of the first minute in which the runs here happen.
fn second(n: i64) -> i64 {
    1_767_225_600_000 + n * 1000
}

/// a before b, and c by itself; with these steps of the run.
fn watched(steps: &[Value]) -> Board {
    let mut board = Board::watch(&run_of_three(&Value::from(steps.to_vec())), BTreeMap::new());
    board.set_viewport(Size::new(1000.0, 700.0));
    board
}

#[derive(Default)]
struct Texts {
    texts: Vec<String>,
    /// The widths of the lines between steps.
    lines: Vec<f64>,
}

impl Renderer for Texts {
    fn clear(&mut self, _: Option<Ink>, _: Size) {}
    fn fill(&mut self, _: Fill, _: &[Shape]) {}
    fn stroke(&mut self, style: Stroke, shapes: &[Shape]) {
        let lines = shapes.iter().filter(|shape| matches!(shape, Shape::Curve(_) | Shape::Bends(..)));
        self.lines.extend(lines.map(|_| style.pixels()));
    }
    fn text(&mut self, _: Text, runs: &[TextRun]) {
        self.texts.extend(runs.iter().map(|run| run.text.to_string()));
    }
}

fn seen(list: &DisplayList) -> Texts {
    let mut texts = Texts::default();
    list.render(&mut texts);
    texts
}

/// Draws as a stage does, and tells what there was to draw.
fn frame(board: &mut Board, now_ms: i64) -> (bool, Vec<String>) {
    board.tell_time(Some(now_ms));
    let is_drawn = board.take_dirty().base;
    let texts = seen(&board.paint()).texts;
    (is_drawn, texts)
}

#[test]
fn cards_say_how_long_steps_took_and_those_that_run_count_on_each_second() {
    let mut board = watched(&[
        step("a", "completed", Some(("00", Some("03")))),
        step("b", "running", Some(("05", None))),
        step("c", "pending", None),
    ]);
    let (_, texts) = frame(&mut board, second(7) + 300);
    assert!(texts.contains(&"3.0 s".to_owned()) && texts.contains(&"2 s".to_owned()), "{texts:?}");
    assert!(board.counts_time());
    assert!(!frame(&mut board, second(7) + 900).0, "the same second is the same picture");
    let (is_drawn, texts) = frame(&mut board, second(8));
    assert!(is_drawn && texts.contains(&"3 s".to_owned()), "{texts:?}");
    // The server is lost, and was last heard a while ago: no time goes back.
    board.tell_time(None);
    assert!(!board.take_dirty().base && seen(&board.paint()).texts.contains(&"3 s".to_owned()));
    let node = |board: &Board, key: &str| board.scene().node(&key.into()).unwrap();
    assert!(board.scene().describe(node(&board, "a")).contains("completed, took 3.0 s"));
    assert!(!board.scene().describe(node(&board, "b")).contains("took"), "a list that is read aloud does not count");
    assert_eq!(board.scene().time_words(node(&board, "c"), Some(second(9))), None);
    assert_eq!(board.scene().time_words(node(&board, "b"), Some(second(1))).as_deref(), Some("0 s"), "clocks differ");
}

#[test]
fn a_time_that_has_no_room_beside_the_words_is_left_to_the_list() {
    let mut stopped = step("a", "failed", Some(("00", Some("03"))));
    stopped["reason"] = json!("context_length");
    let mut board = watched(&[stopped]);
    let (_, texts) = frame(&mut board, second(9));
    assert!(
        texts.iter().any(|text| text.starts_with("Failed · ")) && !texts.contains(&"3.0 s".to_owned()),
        "{texts:?}"
    );
}

#[test]
fn a_list_tells_how_many_of_its_items_are_done_and_failed_also_when_it_is_over() {
    let item = |key: &str, status: &str, from: &str, to: &str| {
        let mut item = step(&format!("a[{key}]"), status, Some((from, Some(to))));
        item["item_of"] = json!("a");
        item
    };
    let items = [item("x", "completed", "00", "02"), item("y", "failed", "01", "09")];
    let at = |status: &str, reason: Value| {
        let mut map = step("a", status, None);
        map["reason"] = reason;
        let steps: Vec<Value> = std::iter::once(map).chain(items.clone()).collect();
        let board = watched(&steps);
        let node = board.scene().node(&"a".into()).unwrap();
        let time = board.scene().time_words(node, Some(second(20)));
        (board.scene().status_words(node).to_string(), time.unwrap_or_default())
    };
    let words = |words: &str, time: &str| (words.to_owned(), time.to_owned());
    assert_eq!(at("running", Value::Null), words("1 of 2 done, 1 failed", "9 s"));
    assert_eq!(at("failed", json!("item_failed")), words("Failed · 1 of 2 done, 1 failed", "9.0 s"));
    assert_eq!(at("completed", Value::Null), words("Completed · 1 of 2 done, 1 failed", "9.0 s"));
    assert_eq!(at("failed", json!("stopped")).0, "Failed · stopped by a person");
}

#[test]
fn nothing_asks_for_a_frame_while_nothing_that_is_seen_changes() {
    let steps = |status: &str| {
        let ended = (status != "running").then_some("09");
        [step("a", "completed", Some(("00", Some("03")))), step("b", status, Some(("05", ended)))]
    };
    let mut board = watched(&steps("running"));
    frame(&mut board, second(6));
    assert!(board.has_motion() && board.counts_time());
    let run = run_of_three(&Value::from(steps("running").to_vec()));
    assert_eq!(board.set_run(&run), [] as [String; 0]);
    board.set_path(&[]);
    board.set_said(&BTreeMap::new());
    board.set_stale(|_| false);
    board.tell_time(Some(second(6) + 500));
    assert_eq!(board.take_dirty(), Dirty::default(), "told what is known already");

    // Out of view, nothing moves and nothing counts.
    board.look_aside(Vec2::new(5.0, 5.0));
    frame(&mut board, second(7));
    assert!(!board.has_motion() && !board.counts_time());
    assert!(!frame(&mut board, second(8)).0);

    // From afar there is no sign that could move, nor a time.
    board.show_all();
    board.zoom_to(0.1);
    frame(&mut board, second(9));
    assert!(!board.has_motion() && !board.counts_time());

    // What is over neither moves nor counts.
    board.fit();
    board.set_run(&run_of_three(&Value::from(steps("completed").to_vec())));
    frame(&mut board, second(10));
    assert!(!board.has_motion() && !board.counts_time());
    assert!(!frame(&mut board, second(11)).0 && board.take_dirty() == Dirty::default());
}

#[test]
fn only_what_is_in_view_pulses_and_where_nothing_may_move_nothing_is_drawn_for_it() {
    let mut board = watched(&[step("a", "running", Some(("00", None))), step("b", "running", Some(("00", None)))]);
    board.paint();
    let n_both = board.paint_overlay(Some(0.5)).n_items();
    let a = board.scene().rect(board.scene().node(&"a".into()).unwrap());
    board.camera = Camera { origin: Point::new(a.x0 - 10.0, a.y0 - 10.0), zoom: 1.0 };
    board.viewport = Size::new(a.width() + 20.0, 200.0);
    board.paint();
    assert_eq!(board.paint_overlay(Some(0.5)).n_items() * 2, n_both);
    assert!(board.paint_overlay(None).is_empty(), "a phase of none is how a stage says that nothing may move");
}

#[test]
fn the_slowest_path_is_a_thicker_line_and_is_told_aloud() {
    let mut board = watched(&[step("a", "completed", None), step("b", "completed", None)]);
    let thin = seen(&board.paint()).lines;
    board.take_dirty();
    board.set_path(&["a".into(), "b".into()]);
    assert!(board.dirty().base && board.dirty().mirror);
    let thick = seen(&board.paint()).lines;
    assert_eq!((thin.len(), thick.len()), (1, 1));
    assert!(thick[0] > 2.0 * thin[0], "{thin:?} {thick:?}");
    let told = |board: &Board, key: &str| {
        board.scene().describe(board.scene().node(&key.into()).unwrap()).contains("on the slowest path")
    };
    assert!(told(&board, "a") && told(&board, "b") && !told(&board, "c"));
    board.take_dirty();
    board.set_path(&["a".into(), "b".into()]);
    assert_eq!(board.take_dirty(), Dirty::default());
    // The other way round it is no line, and after another layout it is still the path.
    board.set_flow(Flow::Down);
    assert!(told(&board, "a") && board.scene().is_on_path(0));
    board.set_path(&["b".into(), "a".into()]);
    assert!(!board.scene().is_on_path(0));
    board.set_path(&[]);
    assert!(!told(&board, "a"));
}

#[test]
fn what_was_told_of_steps_stays_told_when_the_window_becomes_narrow() {
    let mut board = watched(&[step("a", "ready", None), step("b", "completed", None)]);
    board.set_stale(|key| key.as_str() == "b");
    board.set_said(&BTreeMap::from([("a".into(), Said::Absent("No worker since 14:02".into()))]));
    board.set_flow(Flow::Down);
    let told = |key: &str| board.scene().describe(board.scene().node(&key.into()).unwrap());
    assert!(told("b").contains("stale") && told("a").contains("no worker since 14:02"));
}

/// Twelve steps after each other, of which these run.
fn long(running: &[usize]) -> RunView {
    let mut steps = serde_json::Map::new();
    for n in 0..12 {
        let before: Vec<String> = if n == 0 { Vec::new() } else { vec![format!("s{:02}", n - 1)] };
        steps.insert(format!("s{n:02}"), json!({"agent_id": "x", "depends_on": before, "ui": {"x": n * 320, "y": 0}}));
    }
    let definition = Definition::from_value(&json!({ "steps": steps })).unwrap();
    let views: Vec<Value> = (0..12)
        .map(|n| {
            let since = format!("{n:02}");
            let is_running = running.contains(&n);
            let worked = is_running.then_some((since.as_str(), None));
            step(&format!("s{n:02}"), if is_running { "running" } else { "pending" }, worked)
        })
        .collect();
    run_of(&definition, &Value::from(views))
}

fn is_in_view(board: &Board, n: usize) -> bool {
    let rect = board.node_rect(&StepKey::new(format!("s{n:02}"))).unwrap();
    Rect::from_origin_size(Point::ORIGIN, board.viewport()).contains_rect(rect)
}

#[test]
fn the_camera_follows_what_runs_and_moves_no_more_than_it_must() {
    let mut board = Board::watch(&long(&[0]), BTreeMap::new());
    board.set_viewport(Size::new(1000.0, 700.0));
    board.set_following(true);
    assert!(board.is_following() && is_in_view(&board, 0) && !is_in_view(&board, 9));
    board.set_run(&long(&[9]));
    assert!(is_in_view(&board, 9));
    let camera = board.camera();
    board.set_run(&long(&[8]));
    assert_eq!(board.camera(), camera, "it is in view already");
    board.set_run(&long(&[8, 9, 10]));
    assert!([8, 9, 10].into_iter().all(|n| is_in_view(&board, n)) && board.camera().zoom >= READABLE);
    // Too far apart to be read together: what began last.
    board.set_run(&long(&[0, 11]));
    assert!(is_in_view(&board, 11) && !is_in_view(&board, 0));
    let camera = board.camera();
    board.set_run(&long(&[]));
    assert_eq!(board.camera(), camera, "nothing runs");
    board.set_viewport(Size::new(500.0, 400.0));
    board.set_run(&long(&[3]));
    assert!(is_in_view(&board, 3));
}

#[test]
fn the_first_input_lets_go_and_a_look_does_not() {
    let at = Point::new(500.0, 600.0);
    let (id, mods, precision) = (1, NONE, Precision::Mouse);
    let wheel = Input::Wheel { at, by: Vec2::new(0.0, 40.0), is_zoom: false, mods };
    let pressed = Input::Down { id, at, button: Button::Main, precision, mods, clicks: 1 };
    let key = Input::Key { key: Key::Right, mods };
    for input in [wheel, pressed, key] {
        let mut board = Board::watch(&long(&[0]), BTreeMap::new());
        board.set_viewport(Size::new(1000.0, 700.0));
        board.set_following(true);
        assert!(board.handle(Input::Move { id, at, mods }).is_empty() && board.handle(Input::Leave).is_empty());
        assert!(board.is_following(), "to look on is no input");
        let out = board.handle(input);
        assert!(!board.is_following(), "{input:?}");
        assert!(out.contains(&Output::Say("No longer following what runs".to_owned())));
        assert!(!out.iter().any(|output| matches!(output, Output::Followed(_))), "to let go is no choice");
        let camera = board.camera();
        board.set_run(&long(&[9]));
        assert_eq!(board.camera(), camera, "{input:?}");
    }
    let mut board = Board::watch(&long(&[0]), BTreeMap::new());
    board.set_viewport(Size::new(1000.0, 700.0));
    board.set_following(true);
    board.look_at_map(Point::new(90.0, 50.0), Size::new(184.0, 116.0));
    assert!(!board.is_following(), "the map leads elsewhere");
}

#[test]
fn what_the_page_chooses_does_not_lead_the_camera_and_what_a_person_chooses_does() {
    let mut board = Board::watch(&long(&[9]), BTreeMap::new());
    board.set_viewport(Size::new(1000.0, 700.0));
    board.set_following(true);
    let camera = board.camera();
    board.select_proposed(vec!["s00".into()]);
    assert_eq!((board.camera(), board.selection()), (camera, &["s00".into()][..]));
    assert!(board.is_following());

    // It is selected already, and out of view.
    board.look_at_step(&"s00".into());
    assert!(!board.is_following() && is_in_view(&board, 0));
    board.set_run(&long(&[10]));
    assert!(is_in_view(&board, 0), "the camera stays with the person");
    board.select_proposed(vec!["s10".into()]);
    assert!(is_in_view(&board, 10), "who does not follow is shown what the page chose");
}

#[test]
fn of_a_run_that_is_over_nobody_hears_that_it_is_not_followed_any_more() {
    for (status, is_said) in [("running", true), ("completed", false)] {
        let mut board = watched(&["a", "b", "c"].map(|key| step(key, status, None)));
        board.set_following(true);
        let out = press(&mut board, Key::Right, NONE);
        assert!(!board.is_following());
        let words = Output::Say("No longer following what runs".to_owned());
        assert_eq!(out.contains(&words), is_said, "{status}");
    }
}

#[test]
fn a_key_begins_and_ends_following_and_a_draft_does_not_run() {
    let mut board = Board::watch(&long(&[11]), BTreeMap::new());
    board.set_viewport(Size::new(1000.0, 700.0));
    assert!(!is_in_view(&board, 11));
    assert!(press(&mut board, Key::Char('f'), NONE).contains(&Output::Followed(true)));
    assert!(board.is_following() && is_in_view(&board, 11));
    assert!(press(&mut board, Key::Char('F'), NONE).contains(&Output::Followed(false)));
    assert!(!board.is_following());
    let mut draft = three();
    assert!(press(&mut draft, Key::Char('f'), NONE).is_empty() && draft.toggle_following().is_empty());
    draft.set_following(true);
    assert!(!draft.is_following());
}

#[test]
fn a_draft_shows_how_its_steps_stand_in_a_try_and_goes_on_while_it_is_drawn_on() {
    let mut board = three();
    let tried = [step("a", "completed", Some(("00", Some("03")))), step("b", "running", Some(("05", None)))];
    let run = run_of_three(&Value::from(tried.to_vec()));
    board.set_tried(Some(&run));
    let shown = |board: &mut Board| {
        let texts = frame(board, second(7)).1;
        ["Completed · 3.0 s", "Running · 2 s"].map(|words| texts.iter().any(|text| text == words))
    };
    assert_eq!(shown(&mut board), [true, true]);
    assert!(board.has_motion() && board.counts_time());
    let told = |board: &Board, key: &str| board.scene().describe(board.scene().node(&key.into()).unwrap());
    assert!(told(&board, "a").contains("last try completed, took 3.0 s"));
    assert!(!told(&board, "c").contains("last try"), "it is no part of the try");
    board.set_tried(Some(&run));
    assert_eq!(board.take_dirty(), Dirty::default());

    let from = middle(&board, "a");
    drag(&mut board, from, from + Vec2::new(0.0, 160.0), NONE);
    assert_eq!(shown(&mut board), [true, true]);
    assert!(
        !seen(&board.picture()).texts.iter().any(|text| text.starts_with("Completed")),
        "a picture is of the draft"
    );
    assert_eq!(shown(&mut board), [true, true]);

    board.set_tried(None);
    assert_eq!(shown(&mut board), [false, false]);
    assert!(!board.has_motion() && !told(&board, "a").contains("last try"));
    let mut watched = watched(&tried);
    watched.take_dirty();
    watched.set_tried(None);
    assert_eq!(watched.take_dirty(), Dirty::default(), "a run is no draft");
}

#[test]
fn what_a_step_did_in_a_try_is_known_of_it_when_it_comes_back_and_by_another_key() {
    let mut board = three();
    let steps = |status: &str| [step("a", status, None), step("b", "completed", Some(("05", Some("09"))))];
    let run = |status: &str| run_of_three(&Value::from(steps(status).to_vec()));
    board.set_tried(Some(&run("running")));
    let told = |board: &Board, key: &str| {
        let node = board.scene().node(&key.into())?;
        Some(board.scene().status_words(node).to_string())
    };
    board.select_keys(vec!["b".into()], false);
    board.delete_selected();
    assert_eq!(told(&board, "b"), None);
    board.undo().unwrap();
    assert_eq!(told(&board, "b").as_deref(), Some("Completed"));

    board.dispatch(Edit::RenameStep { from: "a".into(), to: "first".into() }, "Rename").unwrap();
    assert_eq!(told(&board, "first").as_deref(), Some("Running"));
    // The run goes on, and knows the step by the key that it had.
    board.set_tried(Some(&run("failed")));
    assert_eq!(told(&board, "first").as_deref(), Some("Failed"));
    board.undo().unwrap();
    assert_eq!(told(&board, "a").as_deref(), Some("Failed"));
    board.set_tried(Some(&run("completed")));
    assert_eq!(told(&board, "a").as_deref(), Some("Completed"));
    board.set_tried(None);
    board.redo().unwrap();
    assert_eq!(told(&board, "first").as_deref(), Some(""));
}

#[test]
fn what_runs_in_a_collapsed_group_moves_nothing_and_asks_for_no_frame() {
    let definition = Definition::from_value(&json!({
        "groups": {"g1": {"title": "Gather"}},
        "steps": {"a": {"agent_id": "x", "title": "A", "ui": {"x": 0, "y": 0}, "group": "g1"},
            "b": {"agent_id": "x", "title": "B", "ui": {"x": 400, "y": 0}, "group": "g1"}}}))
    .unwrap();
    let run = run_of(&definition, &json!([step("a", "running", Some(("00", None)))]));
    let mut board = Board::editor(definition, AgentCatalog::default());
    board.set_viewport(Size::new(1000.0, 700.0));
    board.set_tried(Some(&run));
    assert!(board.has_motion() && board.counts_time() && !board.paint_overlay(Some(0.5)).is_empty());
    board.set_collapsed(["g1".to_owned()]);
    assert!(!board.has_motion() && !board.counts_time() && board.paint_overlay(Some(0.5)).is_empty());
    board.set_collapsed(Vec::new());
    assert!(board.has_motion(), "it runs still");
}

#[test]
fn a_running_list_has_a_bar_or_a_line_that_runs() {
    let mut item = step("a[x]", "running", Some(("01", None)));
    item["item_of"] = json!("a");
    let steps = [step("a", "running", None), item];
    let run = run_of_three(&Value::from(steps.to_vec()));
    let mut draft = three();
    draft.set_tried(Some(&run));
    let mut watched = watched(&steps);
    let moving = |board: &mut Board, zoom: f64| {
        board.zoom_to(zoom);
        board.paint();
        board.paint_overlay(Some(0.5)).n_items()
    };
    let in_row = moving(&mut watched, 1.0);
    assert_eq!(moving(&mut draft, 1.0), in_row + 1, "a card of a draft has no row, and so no bar");
    assert_eq!(moving(&mut watched, 0.3), 1, "and a box has none either");
}

#[test]
fn where_a_card_is_a_box_its_status_is_told_by_a_shape_too() {
    #[derive(Default)]
    struct Shapes(usize);
    impl Renderer for Shapes {
        fn clear(&mut self, _: Option<Ink>, _: Size) {}
        fn fill(&mut self, _: Fill, _: &[Shape]) {}
        fn stroke(&mut self, _: Stroke, shapes: &[Shape]) {
            self.0 += shapes.iter().filter(|shape| matches!(shape, Shape::Line(..))).count();
        }
        fn text(&mut self, _: Text, _: &[TextRun]) {}
    }
    let crosses = |status: &str| {
        let mut board = watched(&[step("a", status, None)]);
        board.zoom_to(0.3);
        let mut shapes = Shapes::default();
        board.paint().render(&mut shapes);
        shapes.0
    };
    assert_eq!((crosses("failed"), crosses("completed")), (2, 0));
}

#[test]
fn a_graph_of_which_a_part_was_there_is_laid_out_as_if_all_had_come_at_once() {
    let definition = json!({"steps": {"a": {"agent_id": "x"}, "b": {"agent_id": "x", "depends_on": ["a"]},
        "c": {"agent_id": "x", "depends_on": ["b"]}}});
    let whole = run_of(&Definition::from_value(&definition).unwrap(), &json!([]));
    let mut part = whole.clone();
    std::sync::Arc::make_mut(&mut part.run_definition).steps.retain(|key, _| key.as_str() != "a");
    part.left_out = Some(LeftOut::default());
    let mut board = Board::watch(&part, BTreeMap::new());
    assert_eq!(board.scene().place.len(), 2);
    board.set_run(&whole);
    assert_eq!(board.scene().place, Board::watch(&whole, BTreeMap::new()).scene().place);
}

#[test]
fn items_are_counted_although_only_some_of_them_are_there() {
    let mut run = run_of_three(&json!([step("b", "completed", None)]));
    let items = BTreeMap::from([("b".into(), BTreeMap::from([(StepStatus::Completed, 10_000)]))]);
    run.left_out = Some(LeftOut { items, ..LeftOut::default() });
    let board = Board::watch(&run, BTreeMap::new());
    let node = board.scene().node(&"b".into()).unwrap();
    assert_eq!(&**board.scene().status_words(node), "Completed · 10,000 of 10,000 done");
}
