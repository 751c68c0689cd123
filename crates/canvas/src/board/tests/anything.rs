//! Everything that can be done on the canvas, in any order: pointers, fingers, wheel, keys, lists that are answered, agents that are
//! dragged in, windows that change their shape. Whatever comes of it, the graph is a graph, and taking it all back gives the first bytes.

use super::*;
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

proptest! {
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
