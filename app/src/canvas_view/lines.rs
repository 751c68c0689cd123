//! What the page does with the connections of a draft, without a pointer on the canvas: select them, and lead their ends elsewhere.
//! The rules are the board's; nothing may be decided here.

use canvas::{End, Input, Key, Mods, Side};
use leptos::prelude::*;
use workflow::StepKey;

use super::editor::EditorHandle;

impl EditorHandle {
    /// Selects the line from one step to another.
    pub fn select_line(self, from: &StepKey, to: &StepKey) {
        self.acted(|board| board.select_line(from, to));
    }

    /// Selects the next connection of the step that the keyboard stands on.
    pub fn next_line(self) {
        self.board.input(Input::Key { key: Key::Char('l'), mods: Mods::default() });
    }

    /// Every other step that an end of the line could lead to, with why not.
    pub fn ends_instead(self, from: &StepKey, to: &StepKey, end: Side) -> Vec<End> {
        self.board.revision.track();
        self.board.read(|board| board.ends_instead(from, to, end)).unwrap_or_default()
    }

    pub fn move_line_end(self, from: &StepKey, to: &StepKey, end: Side, other: &StepKey) {
        self.acted(|board| board.move_line_end(from, to, end, other));
    }
}
