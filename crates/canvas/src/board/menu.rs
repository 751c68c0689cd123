//! What a menu is about: what lies under a place of the canvas, or what the keyboard stands on. That is selected, as by a press.
//! What stands in the menu is the page's; nothing here changes the definition.

use kurbo::{Point, Rect};
use workflow::StepKey;

use super::{Board, input::Output};
use crate::scene::hit::{Hit, Precision};

/// What a menu is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    Step(StepKey),
    /// Several steps and notes.
    Selection {
        steps: usize,
        notes: usize,
    },
    /// A note, by its id.
    Note(String),
    /// A line, from one step to another.
    Line(StepKey, StepKey),
    /// Nothing stands there.
    Canvas,
}

impl Board {
    /// By pointer. A gesture that runs is given up first.
    pub fn menu_at(&mut self, at: Point, precision: Precision) -> (Subject, Vec<Output>) {
        let mut out = Vec::new();
        self.cancel_gesture();
        // What is put there by a choice lands where the menu was asked for.
        self.pointer = Some(at);
        let subject = match self.hit(at, precision) {
            Hit::Node(node) | Hit::Port(node, _) => {
                let key = self.scene.key(node).clone();
                if !self.selection.contains(&key) {
                    self.select(vec![key], &mut out);
                }
                self.subject()
            }
            Hit::Note(note) | Hit::Corner(note) => {
                let id = self.scene.notes[note as usize].id.clone();
                if !self.selected_notes.contains(&id) {
                    self.select_both(Vec::new(), vec![id], &mut out);
                }
                self.subject()
            }
            Hit::Group(group) => {
                let (keys, notes) = self.held_by(group);
                if !self.are_selected(&keys) {
                    self.select_both(keys, notes, &mut out);
                }
                self.subject()
            }
            Hit::Edge(edge) | Hit::End(edge, _) => {
                self.select_edge(edge, &mut out);
                self.subject()
            }
            Hit::Nothing => {
                self.select(Vec::new(), &mut out);
                Subject::Canvas
            }
        };
        (subject, out)
    }

    /// By keyboard, with the place that it is about on the screen.
    pub fn menu_at_focus(&mut self) -> (Subject, Rect, Vec<Output>) {
        let mut out = Vec::new();
        self.cancel_gesture();
        self.is_keyboard_used = true;
        if self.selection.is_empty()
            && self.selected_notes.is_empty()
            && self.selected_edge.is_none()
            && let Some(key) = self.focus.clone()
        {
            self.select(vec![key], &mut out);
        }
        let window = Rect::from_origin_size(Point::ORIGIN, self.viewport);
        let subject = self.subject();
        let place = match &subject {
            Subject::Step(key) => self.node_rect(key),
            Subject::Selection { .. } => self.focus.as_ref().and_then(|key| self.node_rect(key)),
            Subject::Line(_, to) => self.node_rect(to),
            Subject::Note(id) => self.note_place(id),
            Subject::Canvas => None,
        };
        let middle = Rect::from_center_size(window.center(), (0.0, 0.0));
        let seen = place.map(|place| place.intersect(window)).filter(|place| place.area() > 0.0);
        (subject, seen.unwrap_or(middle), out)
    }

    /// What is selected.
    fn subject(&self) -> Subject {
        match (&self.selected_edge, self.selection.as_slice(), self.selected_notes.as_slice()) {
            (Some((from, to)), ..) => Subject::Line(from.clone(), to.clone()),
            (None, [], []) => Subject::Canvas,
            (None, [key], []) => Subject::Step(key.clone()),
            (None, [], [id]) => Subject::Note(id.clone()),
            (None, keys, notes) => Subject::Selection { steps: keys.len(), notes: notes.len() },
        }
    }
}

#[cfg(test)]
mod tests {
    use kurbo::Size;
    use serde_json::json;
    use workflow::{AgentCatalog, Definition};

    use super::*;
    use crate::board::{Input, Mods};

    fn board() -> Board {
        let definition = Definition::from_value(&json!({"steps": {
            "a": {"agent_id": "x", "ui": {"x": 0, "y": 0}},
            "b": {"agent_id": "x", "depends_on": ["a"], "ui": {"x": 400, "y": 0}},
            "c": {"agent_id": "x", "ui": {"x": 400, "y": 200}}}}))
        .unwrap();
        let mut board = Board::editor(definition, AgentCatalog::default());
        board.set_viewport(Size::new(1000.0, 700.0));
        board
    }

    fn middle(board: &Board, key: &str) -> Point {
        board.node_rect(&key.into()).unwrap().center()
    }

    #[test]
    fn a_menu_is_about_what_lies_there_and_that_is_selected() {
        let mut board = board();
        let (a, b) = (middle(&board, "a"), middle(&board, "b"));
        assert_eq!(board.menu_at(a, Precision::Mouse).0, Subject::Step("a".into()));
        assert_eq!(board.selection(), ["a".into()]);
        assert_eq!(board.menu_at(a.midpoint(b), Precision::Mouse).0, Subject::Line("a".into(), "b".into()));
        assert!(board.selection().is_empty());
        assert_eq!(board.menu_at(Point::new(5.0, 5.0), Precision::Mouse).0, Subject::Canvas);
        assert_eq!(board.selected_edge(), None);
        board.select_keys(vec!["a".into(), "b".into()], false);
        assert_eq!(board.menu_at(b, Precision::Mouse).0, Subject::Selection { steps: 2, notes: 0 });
        assert_eq!(board.menu_at(middle(&board, "c"), Precision::Touch).0, Subject::Step("c".into()));
        assert_eq!(board.definition().steps.len(), 3);
        assert_eq!(board.revision(), 0);
    }

    #[test]
    fn by_keyboard_it_is_about_where_the_keyboard_stands() {
        let mut board = board();
        let (subject, place, _) = board.menu_at_focus();
        assert_eq!((subject, place.center()), (Subject::Canvas, Point::new(500.0, 350.0)));
        board.focus_node(&"b".into());
        let (subject, place, _) = board.menu_at_focus();
        assert_eq!((subject, Some(place)), (Subject::Step("b".into()), board.node_rect(&"b".into())));
        // Let go with Escape, it is still where the keyboard stands.
        board.handle(Input::Key { key: crate::board::Key::Escape, mods: Mods::default() });
        assert_eq!(board.menu_at_focus().0, Subject::Step("b".into()));
    }
}
