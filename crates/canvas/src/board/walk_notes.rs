//! The notes by keyboard: one after the other, as they are listed. With one selected arrows move it, and Enter writes in it.
//! Nothing here changes the definition.

use super::{Board, input::Output, lines::round};

impl Board {
    /// Selects the next note, or the one before.
    pub(super) fn walk_notes(&mut self, is_forward: bool, out: &mut Vec<Output>) {
        let rows = self.note_rows();
        let known = match self.selected_notes.as_slice() {
            [id] => rows.iter().position(|row| row.id == *id),
            _ => None,
        };
        let Some((at, row)) = round(known, rows.len(), is_forward).and_then(|at| Some((at, rows.get(at)?))) else {
            out.push(Output::Note("There is no note".to_owned()));
            return;
        };
        out.extend(self.select_note(&row.id));
        let (title, n) = (&row.title, rows.len());
        out.push(Output::Say(format!("Note {title}, {} of {n}. Enter writes in it, arrows move it", at + 1)));
    }
}

#[cfg(test)]
mod tests {
    use kurbo::Size;
    use serde_json::json;
    use workflow::{AgentCatalog, Definition};

    use super::*;
    use crate::board::{Input, Key, Mods, Written};

    fn press(board: &mut Board, key: Key, shift: bool) -> Vec<Output> {
        board.handle(Input::Key { key, mods: Mods { shift, ..Mods::default() } })
    }

    #[test]
    fn notes_are_walked_both_ways_written_in_and_moved() {
        let note =
            |id: &str, text: &str, y: i32| json!({"id": id, "text": text, "x": 0, "y": y, "width": 240, "height": 144});
        let definition = json!({"steps": {"a": {"agent_id": "x", "ui": {"x": 0, "y": 0}}},
            "notes": [note("n1", "Why", 200), note("n2", "How", 400)]});
        let mut board = Board::editor(Definition::from_value(&definition).unwrap(), AgentCatalog::default());
        board.set_viewport(Size::new(1000.0, 700.0));
        let out = press(&mut board, Key::Char('m'), false);
        assert_eq!(board.selected_notes(), ["n1"]);
        assert!(
            out.contains(&Output::Say("Note Why, 1 of 2. Enter writes in it, arrows move it".to_owned())),
            "{out:?}"
        );
        press(&mut board, Key::Char('m'), false);
        assert_eq!(board.selected_notes(), ["n2"]);
        press(&mut board, Key::Char('m'), false);
        assert_eq!(board.selected_notes(), ["n1"], "round again");
        press(&mut board, Key::Char('M'), true);
        assert_eq!(board.selected_notes(), ["n2"]);
        assert_eq!(board.revision(), 0);
        assert!(press(&mut board, Key::Enter, false).contains(&Output::Write(Written::Note("n2".to_owned()))));
        press(&mut board, Key::Down, false);
        assert!(board.definition().notes[1].y > 400.0);
        press(&mut board, Key::Delete, false);
        press(&mut board, Key::Char('m'), false);
        press(&mut board, Key::Delete, false);
        assert!(press(&mut board, Key::Char('m'), false).contains(&Output::Note("There is no note".to_owned())));
    }
}
