//! Arranging what is selected: in one line, or with the same room between each two. Each is one change.
//! What is meant is the picture as it is seen, whichever way it runs; lines and pins stay as they are.

use kurbo::{Point, Rect, Vec2};

use super::{Board, input::Output};

/// In which line steps are put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alignment {
    Left,
    Centre,
    Right,
    Top,
    Middle,
    Bottom,
}

impl Alignment {
    pub const ALL: [Self; 6] = [Self::Left, Self::Centre, Self::Right, Self::Top, Self::Middle, Self::Bottom];

    /// What undo and the menu call it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Left => "Align left",
            Self::Centre => "Align centre",
            Self::Right => "Align right",
            Self::Top => "Align top",
            Self::Middle => "Align middle",
            Self::Bottom => "Align bottom",
        }
    }

    /// How far a card goes to come into line with all of them.
    fn shift(self, card: Rect, all: Rect) -> Vec2 {
        match self {
            Self::Left => Vec2::new(all.x0 - card.x0, 0.0),
            Self::Centre => Vec2::new(all.center().x - card.center().x, 0.0),
            Self::Right => Vec2::new(all.x1 - card.x1, 0.0),
            Self::Top => Vec2::new(0.0, all.y0 - card.y0),
            Self::Middle => Vec2::new(0.0, all.center().y - card.center().y),
            Self::Bottom => Vec2::new(0.0, all.y1 - card.y1),
        }
    }
}

/// Along which way the room is shared out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Axis {
    Horizontal,
    Vertical,
}

impl Axis {
    pub const ALL: [Self; 2] = [Self::Horizontal, Self::Vertical];

    pub fn words(self) -> &'static str {
        match self {
            Self::Horizontal => "Distribute horizontally",
            Self::Vertical => "Distribute vertically",
        }
    }

    /// Where a card begins and ends.
    fn span(self, card: Rect) -> (f64, f64) {
        match self {
            Self::Horizontal => (card.x0, card.x1),
            Self::Vertical => (card.y0, card.y1),
        }
    }

    fn along(self, by: f64) -> Vec2 {
        match self {
            Self::Horizontal => Vec2::new(by, 0.0),
            Self::Vertical => Vec2::new(0.0, by),
        }
    }
}

impl Board {
    /// Puts what is selected into one line.
    pub fn align(&mut self, alignment: Alignment) -> Vec<Output> {
        self.arrange(2, alignment.words(), |cards| {
            let all = cards.iter().copied().reduce(|a, b| a.union(b)).unwrap_or_default();
            cards.iter().map(|card| alignment.shift(*card, all)).collect()
        })
    }

    /// Shares out the room between the first and the last, which stay.
    pub fn distribute(&mut self, axis: Axis) -> Vec<Output> {
        self.arrange(3, axis.words(), |cards| spread(cards, axis))
    }

    /// Moves the selected steps as `shifts` says of their cards, in one change.
    fn arrange(&mut self, least: usize, label: &str, shifts: impl FnOnce(&[Rect]) -> Vec<Vec2>) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if !self.is_editor() {
            return out;
        }
        let nodes = self.selected_nodes();
        if nodes.len() < least {
            out.push(Output::Say(format!("Select at least {least} steps first")));
            return out;
        }
        let cards: Vec<Rect> = nodes.iter().map(|node| self.scene.rect(*node)).collect();
        let moves: Vec<(u32, Point)> = nodes
            .iter()
            .zip(&cards)
            .zip(shifts(&cards))
            .filter(|(_, by)| *by != Vec2::ZERO)
            .map(|((node, card), by)| (*node, card.origin() + by))
            .collect();
        if moves.is_empty() {
            out.push(Output::Say("It stands like that already".to_owned()));
            return out;
        }
        let shifted: Vec<u32> = moves.iter().map(|(node, _)| *node).collect();
        self.scene.move_nodes(&moves);
        let edit = self.moves_to_here(&shifted);
        if self.commit(edit, label, None, &mut out) {
            out.push(Output::Say(format!("{label}: {} moved", workflow::words::count(shifted.len(), "step"))));
        }
        out
    }
}

/// How far each card goes so that the gaps between them are equal, in the order in which they stand.
fn spread(cards: &[Rect], axis: Axis) -> Vec<Vec2> {
    let mut order: Vec<usize> = (0..cards.len()).collect();
    order.sort_by(|a, b| {
        let (a_span, b_span) = (axis.span(cards[*a]), axis.span(cards[*b]));
        a_span.0.total_cmp(&b_span.0).then(a_span.1.total_cmp(&b_span.1)).then(a.cmp(b))
    });
    let mut shifts = vec![Vec2::ZERO; cards.len()];
    let [first, between @ .., last] = order.as_slice() else {
        return shifts;
    };
    let length = |at: usize| axis.span(cards[at]).1 - axis.span(cards[at]).0;
    let room = axis.span(cards[*last]).0 - axis.span(cards[*first]).1;
    let taken: f64 = between.iter().map(|at| length(*at)).sum();
    let gap = (room - taken) / n_of(between.len() + 1);
    let mut next = axis.span(cards[*first]).1 + gap;
    for at in between {
        shifts[*at] = axis.along(next - axis.span(cards[*at]).0);
        next += length(*at) + gap;
    }
    shifts
}

fn n_of(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use kurbo::Size;
    use proptest::prelude::*;
    use serde_json::json;
    use workflow::{AgentCatalog, Definition, StepKey, definition::Position};

    use super::*;
    use crate::board::{Input, Key, Mods, Way};

    fn board() -> Board {
        let definition = Definition::from_value(&json!({"steps": {
            "a": {"agent_id": "x", "ui": {"x": 0, "y": 0}},
            "b": {"agent_id": "x", "depends_on": ["a"], "ui": {"x": 400, "y": 40}},
            "c": {"agent_id": "x", "depends_on": ["b"], "ui": {"x": 900, "y": 200, "pinned": true}},
            "d": {"agent_id": "x", "depends_on": ["a"], "ui": {"x": 400, "y": 400}}}}))
        .unwrap();
        let mut board = Board::editor(definition, AgentCatalog::default());
        board.set_viewport(Size::new(1000.0, 700.0));
        board
    }

    fn select(board: &mut Board, keys: &[&str]) {
        board.select_keys(keys.iter().map(|key| StepKey::from(*key)).collect(), false);
    }

    fn place(board: &Board, key: &str) -> (f64, f64) {
        let at = board.definition().steps[key].ui.unwrap();
        (at.x, at.y)
    }

    fn selected(board: &Board) -> Vec<&str> {
        board.selection().iter().map(StepKey::as_str).collect()
    }

    #[test]
    fn what_is_selected_comes_into_one_line_as_one_step_of_undo() {
        for (alignment, b, d) in [
            (Alignment::Left, (0.0, 40.0), (0.0, 400.0)),
            (Alignment::Right, (400.0, 40.0), (400.0, 400.0)),
            (Alignment::Centre, (200.0, 40.0), (200.0, 400.0)),
            (Alignment::Top, (400.0, 0.0), (400.0, 0.0)),
            (Alignment::Bottom, (400.0, 400.0), (400.0, 400.0)),
            (Alignment::Middle, (400.0, 200.0), (400.0, 200.0)),
        ] {
            let mut board = board();
            let before = board.definition().clone();
            select(&mut board, &["a", "b", "d"]);
            board.align(alignment);
            assert_eq!((place(&board, "b"), place(&board, "d")), (b, d), "{alignment:?}");
            assert_eq!(board.definition().semantic_hash(), before.semantic_hash());
            assert_eq!(board.undo().unwrap().as_deref(), Some(alignment.words()));
            assert_eq!(*board.definition(), before);
        }
    }

    #[test]
    fn distributing_leaves_the_outermost_and_pins_and_gives_equal_gaps() {
        let mut board = board();
        select(&mut board, &["c", "a", "b"]);
        board.distribute(Axis::Horizontal);
        assert_eq!((place(&board, "a").0, place(&board, "b").0, place(&board, "c").0), (0.0, 450.0, 900.0));
        assert!(board.definition().steps["c"].ui.unwrap().pinned);
        assert_eq!(board.history().n_undoable(), 1);
        board.distribute(Axis::Horizontal);
        assert_eq!(board.history().n_undoable(), 1, "what stands so already is no change");
        select(&mut board, &["a", "b"]);
        let said = board.distribute(Axis::Vertical);
        assert_eq!(said, [Output::Say("Select at least 3 steps first".into())]);
    }

    #[test]
    fn upstream_and_downstream_add_what_the_lines_lead_to() {
        let mut board = board();
        select(&mut board, &["b"]);
        board.select_along(Way::Upstream);
        assert_eq!(selected(&board), ["a", "b"]);
        select(&mut board, &["a"]);
        let press = |board: &mut Board, key: char| {
            board.handle(Input::Key { key: Key::Char(key), mods: Mods::default() });
        };
        press(&mut board, 'd');
        assert_eq!(board.selection().len(), 4);
        assert_eq!(board.focus().map(StepKey::as_str), Some("a"), "the keyboard stays where it stood");
        select(&mut board, &["c"]);
        press(&mut board, 'u');
        assert_eq!(selected(&board), ["a", "b", "c"]);
        assert_eq!(board.revision(), 0);
        select(&mut board, &[]);
        assert_eq!(board.select_along(Way::Upstream), [Output::Say("Select a step first".into())]);
    }

    #[test]
    fn arrows_move_several_steps_by_the_grid_and_a_burst_is_one_step_of_undo() {
        let mut board = board();
        let before = board.definition().clone();
        select(&mut board, &["a", "b"]);
        let press = |board: &mut Board, key: Key, shift: bool| {
            board.handle(Input::Key { key, mods: Mods { shift, ..Mods::default() } });
        };
        press(&mut board, Key::Right, false);
        press(&mut board, Key::Down, false);
        press(&mut board, Key::Right, true);
        assert_eq!((place(&board, "a"), place(&board, "b")), ((48.0, 8.0), (448.0, 48.0)));
        assert_eq!(board.history().n_undoable(), 1);
        board.undo().unwrap();
        assert_eq!(*board.definition(), before);
    }

    proptest! {
        #[test]
        fn whatever_is_arranged_one_undo_takes_back_and_gaps_come_out_equal(
            places in prop::collection::vec((-900_i32..900, -900_i32..900), 3..8),
        ) {
            let mut definition = Definition::default();
            for (n, (x, y)) in places.iter().enumerate() {
                let mut step = workflow::Step::new("x".into());
                step.ui = Some(Position { x: f64::from(*x), y: f64::from(*y), pinned: false });
                definition.steps.insert(StepKey::new(format!("s{n}")), step);
            }
            let mut board = Board::editor(definition.clone(), AgentCatalog::default());
            board.set_viewport(Size::new(1000.0, 700.0));
            board.select_all();
            for axis in Axis::ALL {
                board.distribute(axis);
                let mut spans: Vec<(f64, f64)> =
                    board.scene().nodes().map(|node| axis.span(board.scene().rect(node))).collect();
                spans.sort_by(|a, b| a.0.total_cmp(&b.0));
                let gaps: Vec<f64> = spans.windows(2).map(|pair| pair[1].0 - pair[0].1).collect();
                prop_assert!(gaps.iter().all(|gap| (gap - gaps[0]).abs() < 1e-6), "{gaps:?}");
            }
            for alignment in Alignment::ALL {
                board.align(alignment);
            }
            while board.undo().unwrap().is_some() {}
            prop_assert_eq!(board.definition(), &definition);
        }
    }
}
