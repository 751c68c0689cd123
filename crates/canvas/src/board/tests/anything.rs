//! Everything that can be done on the canvas, in any order: pointers, fingers, wheel, keys, lists that are answered, agents that are
//! dragged in, windows that change their shape. Whatever comes of it, the graph is a graph, and taking it all back gives the first bytes.

use super::{testing::step, *};
use crate::{
    edit::testing::{agents, definition},
    flow::Flow,
    scene::Kind,
};

#[derive(Clone, Debug)]
enum Deed {
    Input(Input),
    Tidy,
    Pin,
    Duplicate,
    /// Answers the list that is open, if there is one.
    Choose(usize),
    /// Takes an agent from the list; the next moves are its own.
    Carry(usize),
    Resize(f64, f64),
    Turn(Flow),
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        24 => any_input().prop_map(Deed::Input),
        1 => Just(Deed::Tidy),
        1 => Just(Deed::Pin),
        1 => Just(Deed::Duplicate),
        4 => (0..8_usize).prop_map(Deed::Choose),
        2 => (0..8_usize).prop_map(Deed::Carry),
        1 => (200.0..1600.0, 200.0..900.0).prop_map(|(width, height)| Deed::Resize(width, height)),
        1 => prop_oneof![Just(Flow::Right), Just(Flow::Down)].prop_map(Deed::Turn),
    ]
}

fn perform(board: &mut Board, deed: &Deed) {
    match *deed {
        Deed::Input(input) => drop(board.handle(input)),
        Deed::Tidy => drop(board.tidy()),
        Deed::Pin => drop(board.toggle_pin()),
        Deed::Duplicate => drop(board.duplicate_selected()),
        Deed::Choose(at) => {
            let choices = board.choices();
            if !choices.is_empty() {
                drop(board.choose(&choices[at % choices.len()].value));
            }
        }
        Deed::Carry(at) => {
            let (id, name) = [("echo", "Echo"), ("join", "Join"), ("gone", "Gone")][at % 3];
            board.begin_palette_drag(PaletteItem { agent_id: id.into(), name: name.into(), kind: Kind::Template });
        }
        Deed::Resize(width, height) => board.set_viewport(Size::new(width, height)),
        Deed::Turn(flow) => board.set_flow(flow),
    }
}

/// What happens where a run is watched: to the run, on the page around it, and on the canvas.
#[derive(Clone, Debug)]
enum News {
    Input(Input),
    /// How each of the three steps stands.
    Run([usize; 3]),
    Follow(bool),
    Toggle,
    Propose(usize),
    LookAt(usize),
    Path(Vec<usize>),
    Time(i64),
    Resize(f64, f64),
    Turn(Flow),
}

fn any_news() -> impl Strategy<Value = News> {
    prop_oneof![
        8 => any_input().prop_map(News::Input),
        6 => [0..5_usize, 0..5_usize, 0..5_usize].prop_map(News::Run),
        2 => any::<bool>().prop_map(News::Follow),
        1 => Just(News::Toggle),
        2 => (0..4_usize).prop_map(News::Propose),
        2 => (0..4_usize).prop_map(News::LookAt),
        1 => prop::collection::vec(0..4_usize, 0..4).prop_map(News::Path),
        2 => (1_767_225_600_000..1_767_225_700_000_i64).prop_map(News::Time),
        1 => (200.0..1600.0, 200.0..900.0).prop_map(|(width, height)| News::Resize(width, height)),
        1 => prop_oneof![Just(Flow::Right), Just(Flow::Down)].prop_map(News::Turn),
    ]
}

fn run_that_stands(statuses: [usize; 3]) -> RunView {
    let steps = ["a", "b", "c"].into_iter().zip(statuses).map(|(key, status)| match status {
        0 => step(key, "pending", None),
        1 => step(key, "running", Some(("05", None))),
        2 => step(key, "awaiting_review", Some(("05", Some("09")))),
        3 => step(key, "failed", Some(("05", Some("09")))),
        _ => step(key, "completed", Some(("05", Some("09")))),
    });
    run_of_three(&Value::from(steps.collect::<Vec<_>>()))
}

fn hear(board: &mut Board, news: &News) {
    // One of them is not there.
    let key = |at: usize| StepKey::from(["a", "b", "c", "gone"][at]);
    match news {
        News::Input(input) => drop(board.handle(*input)),
        News::Run(statuses) => drop(board.set_run(&run_that_stands(*statuses))),
        News::Follow(is_on) => board.set_following(*is_on),
        News::Toggle => drop(board.toggle_following()),
        News::Propose(at) => drop(board.select_proposed(vec![key(*at)])),
        News::LookAt(at) => drop(board.look_at_step(&key(*at))),
        News::Path(path) => board.set_path(&path.iter().map(|at| key(*at)).collect::<Vec<_>>()),
        News::Time(now_ms) => board.tell_time(Some(*now_ms)),
        News::Resize(width, height) => board.set_viewport(Size::new(*width, *height)),
        News::Turn(flow) => board.set_flow(*flow),
    }
}

proptest! {
    #[test]
    fn whatever_happens_to_a_run_the_camera_is_led_only_while_somebody_wants_it_and_nothing_changes(
        news in prop::collection::vec(any_news(), 0..60),
    ) {
        let mut board = Board::watch(&run_that_stands([0, 0, 0]), BTreeMap::new());
        board.set_viewport(Size::new(1000.0, 700.0));
        for news in news {
            let (was_following, camera) = (board.is_following(), board.camera());
            hear(&mut board, &news);
            prop_assert_eq!(board.revision(), 0);
            prop_assert!(board.camera().zoom.is_finite() && board.camera().origin.is_finite());
            match news {
                News::Input(Input::Down { .. } | Input::Wheel { .. }) | News::LookAt(_) => {
                    prop_assert!(!board.is_following());
                }
                News::Run(_) if !was_following => prop_assert_eq!(board.camera(), camera),
                News::Propose(_) if was_following => prop_assert_eq!(board.camera(), camera),
                _ => {}
            }
            let may_begin = matches!(news, News::Follow(true) | News::Toggle | News::Input(Input::Key { .. }));
            prop_assert!(was_following || may_begin || !board.is_following());
            board.paint_parts();
            board.paint();
            board.paint_overlay(Some(0.5));
            board.mirror();
        }
    }

    #[test]
    fn nothing_that_can_be_done_breaks_the_graph_and_all_of_it_is_taken_back_to_the_byte(
        deeds in prop::collection::vec(any_deed(), 0..100),
    ) {
        let mut board = Board::editor(definition(), agents());
        board.is_fit_wanted = false;
        board.set_viewport(Size::new(1000.0, 700.0));
        board.camera = Camera { origin: Point::new(-100.0, -100.0), zoom: 1.0 };
        let first = serde_json::to_string(board.definition()).unwrap();
        for deed in deeds {
            perform(&mut board, &deed);
            prop_assert!(Graph::of(board.definition()).order().is_ok());
            prop_assert_eq!(board.scene().n_nodes(), board.definition().steps.len());
            prop_assert!(board.selection().iter().all(|key| board.definition().steps.contains_key(key)));
            prop_assert!(board.camera().zoom.is_finite() && board.camera().origin.is_finite());
            let scene = board.scene();
            prop_assert!(scene.nodes().all(|node| scene.nodes_in(scene.rect(node)).contains(&node)));
            board.paint_parts();
            board.paint();
            board.paint_overlay(Some(0.5));
            board.mirror();
        }
        board.handle(Input::Cancel);
        prop_assert_eq!(board.gesture(), &Gesture::Idle);
        while board.undo().unwrap().is_some() {}
        prop_assert_eq!(serde_json::to_string(board.definition()).unwrap(), first);
    }
}
