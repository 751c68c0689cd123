//! The lines by keyboard: those of the step that the keyboard stands on, one after the other, and first those that lead to it.
//! The keyboard goes on standing on that step, so that the next arrow leads on from there. Nothing here changes the definition.

use workflow::StepKey;

use super::{Board, End, input::Output};
use crate::scene::Side;

impl Board {
    /// Selects the next line of the step that the keyboard stands on, or the one before.
    pub(super) fn walk_lines(&mut self, is_forward: bool, out: &mut Vec<Output>) {
        let Some(node) = self.focus.as_ref().and_then(|key| self.scene.node(key)) else {
            // Seen too: where a line is selected by the pointer, the key would seem to do nothing.
            out.push(Output::Note("Select a step first".to_owned()));
            return;
        };
        let lines = self.lines_of(node);
        let n = lines.len();
        let known = self.selected_line().and_then(|line| lines.iter().position(|known| *known == line));
        let Some((at, &line)) = round(known, n, is_forward).and_then(|at| Some((at, lines.get(at)?))) else {
            out.push(Output::Note(format!("{} has no connection", self.scene.title[node as usize])));
            return;
        };
        self.hold_edge(line, out);
        let (from, to) = (self.scene.edges[line as usize].from, self.scene.edges[line as usize].to);
        let title = |node: u32| &self.scene.title[node as usize];
        out.push(Output::Say(format!(
            "Connection from {} to {}, {} of {n}. N puts a step between them, Delete removes it",
            title(from),
            title(to),
            at + 1
        )));
        let other = self.scene.key(if from == node { to } else { from }).clone();
        self.reveal(&other);
    }

    /// Selects a line from outside, as from the list of steps, and shows where it leads.
    pub fn select_line(&mut self, from: &StepKey, to: &StepKey) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if let Some(line) = self.line_between(from, to) {
            self.select_edge(line, &mut out);
            self.reveal(to);
        }
        out
    }

    /// Every other step that one end of a line could lead to instead, with why not: the end at an in port or at an out port.
    pub fn ends_instead(&self, from: &StepKey, to: &StepKey, end: Side) -> Vec<End> {
        let Some(line) = self.line_between(from, to) else {
            return Vec::new();
        };
        let (ends, anchor, now) = self.ends_of_line(line, end);
        let mut n_told = 0;
        let others = self.scene.order.iter().filter(|node| **node != anchor && **node != now);
        let mut listed: Vec<End> = others
            .map(|node| End {
                key: self.scene.key(*node).clone(),
                title: self.scene.title[*node as usize].to_string(),
                refusal: self.why_not(&ends, *node, &mut n_told),
            })
            .collect();
        listed.sort_by_key(|end| end.refusal.is_some());
        listed
    }

    /// Leads one end of a line to another step, as dragging it there does.
    pub fn move_line_end(&mut self, from: &StepKey, to: &StepKey, end: Side, other: &StepKey) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if let (Some(line), Some(other), true) = (self.line_between(from, to), self.scene.node(other), self.is_editor())
        {
            match self.ends_of_line(line, end).0.refusal(&self.scene, other) {
                Some(refused) => out.push(Output::Refused(self.words_of(&refused))),
                None => self.move_end(line, end, other, &mut out),
            }
        }
        out
    }

    fn line_between(&self, from: &StepKey, to: &StepKey) -> Option<u32> {
        self.scene.edge_between(self.scene.node(from)?, self.scene.node(to)?)
    }

    /// In the order of the graph: what comes in, then what goes out.
    fn lines_of(&self, node: u32) -> Vec<u32> {
        let (at, scene) = (node as usize, &self.scene);
        let mut rank = vec![0_usize; scene.n_nodes()];
        for (place, node) in scene.order.iter().enumerate() {
            rank[*node as usize] = place;
        }
        let mut lines = scene.edges_in[at].to_vec();
        lines.sort_by_key(|line| rank[scene.edges[*line as usize].from as usize]);
        let mut leaving = scene.edges_out[at].to_vec();
        leaving.sort_by_key(|line| rank[scene.edges[*line as usize].to as usize]);
        lines.append(&mut leaving);
        lines
    }
}

/// From one of so many to the next one or the one before, and round again; from none to the first or the last.
pub(super) fn round(known: Option<usize>, n: usize, is_forward: bool) -> Option<usize> {
    let last = n.checked_sub(1)?;
    Some(match known {
        Some(at) if is_forward => (at + 1) % n,
        Some(at) => (at + last) % n,
        None if is_forward => 0,
        None => last,
    })
}

#[cfg(test)]
mod tests {
    use kurbo::Size;
    use serde_json::json;
    use workflow::Definition;

    use super::*;
    use crate::{
        board::{Input, Key, Mods, Subject},
        edit::testing::{agents, reads},
    };

    /// A feeds B, which feeds C and D.
    fn board() -> Board {
        let step = |title: &str, after: &[&str], x: i32, y: i32| {
            let text = after.first().map_or(json!({"const": "x"}), |from| json!(reads(from)));
            json!({"agent_id": "echo", "title": title, "depends_on": after, "ui": {"x": x, "y": y}, "inputs": {"text": text}})
        };
        let definition = json!({"steps": {"a": step("A", &[], 0, 0), "b": step("B", &["a"], 600, 0),
            "c": step("C", &["b"], 1200, 0), "d": step("D", &["b"], 1200, 200), "e": step("E", &[], 0, 400)}});
        let mut board = Board::editor(Definition::from_value(&definition).unwrap(), agents());
        board.set_viewport(Size::new(1000.0, 700.0));
        board
    }

    fn press(board: &mut Board, key: Key, shift: bool) -> Vec<Output> {
        board.handle(Input::Key { key, mods: Mods { shift, ..Mods::default() } })
    }

    fn last_said(out: &[Output]) -> &str {
        let said = out.iter().rev().find_map(|output| match output {
            Output::Say(words) | Output::Note(words) => Some(words.as_str()),
            _ => None,
        });
        said.unwrap_or_default()
    }

    fn deps(board: &Board, key: &str) -> Vec<String> {
        board.definition().steps[key].direct_dependencies().into_iter().map(ToString::to_string).collect()
    }

    fn selected(board: &Board) -> Option<(&str, &str)> {
        board.selected_edge().map(|(from, to)| (from.as_str(), to.as_str()))
    }

    #[test]
    fn the_lines_of_a_step_are_walked_both_ways_and_said() {
        let mut board = board();
        let out = press(&mut board, Key::Char('l'), false);
        assert!(out.contains(&Output::Note("Select a step first".to_owned())), "seen too: {out:?}");
        board.focus_node(&"b".into());
        let out = press(&mut board, Key::Char('l'), false);
        assert_eq!(selected(&board), Some(("a", "b")));
        assert_eq!(out.iter().filter(|output| matches!(output, Output::Say(_))).count(), 1, "{out:?}");
        assert_eq!(last_said(&out), "Connection from A to B, 1 of 3. N puts a step between them, Delete removes it");
        press(&mut board, Key::Char('l'), false);
        assert_eq!(selected(&board), Some(("b", "c")));
        press(&mut board, Key::Char('l'), false);
        press(&mut board, Key::Char('l'), false);
        assert_eq!(selected(&board), Some(("a", "b")), "round and round");
        press(&mut board, Key::Char('L'), true);
        assert_eq!(selected(&board), Some(("b", "d")));
        assert_eq!(board.menu_at_focus().0, Subject::Line("b".into(), "d".into()));
        press(&mut board, Key::Right, false);
        assert_eq!(
            (selected(&board), board.selection()),
            (None, &["c".into()][..]),
            "on from the step, not from the line"
        );
        board.focus_node(&"e".into());
        assert_eq!(last_said(&press(&mut board, Key::Char('l'), false)), "E has no connection");
        assert_eq!(board.revision(), 0);
    }

    #[test]
    fn by_keyboard_a_line_is_deleted_and_a_step_put_onto_it_each_as_one_step_of_undo() {
        let mut board = board();
        let before = board.definition().clone();
        board.focus_node(&"b".into());
        press(&mut board, Key::Char('l'), false);
        press(&mut board, Key::Delete, false);
        assert_eq!(deps(&board, "b"), [""; 0]);
        board.undo().unwrap();
        assert_eq!(board.definition(), &before);

        board.focus_node(&"b".into());
        press(&mut board, Key::Char('l'), false);
        press(&mut board, Key::Char('n'), false);
        assert_eq!(board.question().unwrap().title, "Add a step between A and B");
        assert!(board.choices().iter().all(|choice| choice.refusal.is_none()), "what fits nothing says so afterwards");
        let out = board.choose("shout");
        assert!(last_said(&out).starts_with("Shout put between A and B"), "{out:?}");
        assert_eq!((deps(&board, "shout"), deps(&board, "b")), (vec!["a".to_owned()], vec!["shout".to_owned()]));
        board.undo().unwrap();
        assert_eq!(board.definition(), &before);
    }

    #[test]
    fn an_end_is_led_elsewhere_and_what_cannot_be_says_why() {
        let mut board = board();
        let before = board.definition().clone();
        let instead = board.ends_instead(&"b".into(), &"c".into(), Side::In);
        let told: Vec<(&str, bool)> = instead.iter().map(|end| (end.key.as_str(), end.refusal.is_some())).collect();
        assert_eq!(told, [("e", false), ("a", true), ("d", true)], "a circle, and one that is there already");
        let out = board.move_line_end(&"b".into(), &"c".into(), Side::In, &"a".into());
        assert!(out.iter().any(|output| matches!(output, Output::Refused(_))), "{out:?}");
        assert_eq!(board.definition(), &before);
        board.move_line_end(&"b".into(), &"c".into(), Side::In, &"e".into());
        assert_eq!((deps(&board, "c"), deps(&board, "e")), (Vec::new(), vec!["b".to_owned()]));
        assert_eq!(selected(&board), Some(("b", "e")));
        board.undo().unwrap();
        assert_eq!(board.definition(), &before);
        board.move_line_end(&"b".into(), &"c".into(), Side::Out, &"a".into());
        assert_eq!(deps(&board, "c"), ["a"]);
    }

    #[test]
    fn a_line_is_selected_from_outside_if_it_is_there() {
        let mut board = board();
        assert!(!board.select_line(&"b".into(), &"d".into()).is_empty());
        assert_eq!(selected(&board), Some(("b", "d")));
        assert!(board.select_line(&"d".into(), &"b".into()).is_empty());
        assert_eq!(selected(&board), Some(("b", "d")));
    }
}
