//! Lines around cards on a large board: those that are seen find their ways before they are drawn, the others bit by bit between frames.
//! On a board that nobody looks at, such as a server's, none is looked for.

use super::{Board, Gesture};

/// Lines between two frames.
const AT_A_TIME: usize = 400;

impl Board {
    /// Whether some lines have found no way around cards yet.
    pub fn lacks_ways(&self) -> bool {
        self.scene.lacks_ways()
    }

    /// Lets some more lines find their ways; answers whether another frame is wanted for it.
    pub fn find_ways(&mut self) -> bool {
        // What is dragged is in the way of others for now, and all ways are looked for at the end of it.
        if !self.lacks_ways() || matches!(self.gesture, Gesture::Drag(_)) {
            return false;
        }
        let led = self.scene.find_more_ways(AT_A_TIME);
        let seen = self.camera.visible(self.viewport, 0.0);
        if led.into_iter().any(|edge| self.scene.edges[edge as usize].route.bounds().overlaps(seen)) {
            self.dirty.base = true;
        }
        self.dirty.base || self.lacks_ways()
    }

    /// Before they are drawn.
    pub(crate) fn find_ways_of_seen(&mut self) {
        if !matches!(self.gesture, Gesture::Drag(_)) {
            self.scene.find_ways_in(self.camera.visible(self.viewport, 0.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use kurbo::Size;
    use workflow::{AgentCatalog, Definition, Step, StepKey, definition::Position};

    use super::*;

    /// Rows of 50 cards, each line across two of them.
    fn board(n: u32) -> Board {
        let mut definition = Definition::default();
        for at in 0..n {
            let mut step = Step::new("x".into());
            step.ui = Some(Position { x: f64::from(at % 50) * 300.0, y: f64::from(at / 50) * 120.0, pinned: false });
            if at % 50 > 2 {
                step.depends_on.insert(StepKey::new(format!("s{:05}", at - 3)));
            }
            definition.steps.insert(StepKey::new(format!("s{at:05}")), step);
        }
        Board::editor(definition, AgentCatalog::default())
    }

    /// So many lines have no way yet.
    fn n_left(board: &Board) -> usize {
        let mut scene = board.scene.clone();
        scene.find_more_ways(usize::MAX).len()
    }

    #[test]
    fn a_board_that_nobody_sees_looks_for_no_way_and_a_frame_for_those_that_it_draws() {
        let mut board = board(5_000);
        let n_lines = n_left(&board);
        assert!(n_lines > 4_500, "as on a server: {n_lines}");
        board.set_viewport(Size::new(1280.0, 800.0));
        assert_eq!(n_left(&board), n_lines);
        board.paint();
        let n_seen = n_lines - n_left(&board);
        assert!(n_seen > 10 && n_seen < 200, "{n_seen} of {n_lines}");
        let mut n_frames = 0;
        while board.find_ways() {
            board.take_dirty();
            n_frames += 1;
        }
        assert_eq!(n_left(&board), 0);
        assert!((11..14).contains(&n_frames), "{n_frames}");
        assert!(!board.find_ways() && !board.lacks_ways(), "no frame is asked for any more");
    }

    #[test]
    fn an_edit_of_a_large_board_leads_anew_only_what_is_seen() {
        let mut board = board(5_000);
        board.set_viewport(Size::new(1280.0, 800.0));
        while board.find_ways() {
            board.take_dirty();
        }
        assert_eq!(n_left(&board), 0);
        board.select_keys(vec![StepKey::new("s00001")], false);
        board.delete_selected();
        assert_eq!(board.definition().steps.len(), 4_999);
        let n_lines = n_left(&board);
        board.paint();
        let n_seen = n_lines - n_left(&board);
        assert!(n_lines > 4_500 && n_seen > 10 && n_seen < 200, "{n_seen} of {n_lines}");
    }

    #[test]
    fn what_is_drawn_does_not_depend_on_how_far_the_ways_are() {
        let (mut early, mut late) = (board(1_000), board(1_000));
        for board in [&mut early, &mut late] {
            board.set_viewport(Size::new(1280.0, 800.0));
        }
        while late.find_ways() {
            late.take_dirty();
        }
        assert_eq!(early.paint(), late.paint());
        assert!(early.lacks_ways());
        assert_eq!(early.picture(), late.picture(), "a file has all of them");
        early.show_all();
        late.show_all();
        assert_eq!(early.paint(), late.paint());
        assert!(!early.lacks_ways(), "all of them are seen");
    }
}
