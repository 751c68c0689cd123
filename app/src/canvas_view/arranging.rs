//! What the editor page calls to arrange what is on the canvas: select along lines, align, colour, notes and groups.
//! Like all of the handle it decides nothing: the board does, and says what came of it.

use canvas::{Alignment, Axis, Input, Key, MarkRow, Mods, Rect, Vec2, Way, Written};
use leptos::prelude::*;
use workflow::definition::Colour;

use super::editor::EditorHandle;

/// From one size of a note to the next, without a pointer: some words wider, and a line or two higher.
const NOTE_STEP: Vec2 = Vec2::new(40.0, 24.0);

impl EditorHandle {
    /// Selects everything before, or after, what is selected too.
    pub fn select_along(self, way: Way) {
        self.acted(|board| board.select_along(way));
    }

    pub fn align(self, alignment: Alignment) {
        self.acted(|board| board.align(alignment));
    }

    pub fn distribute(self, axis: Axis) {
        self.acted(|board| board.distribute(axis));
    }

    /// Steps, notes, or both are selected.
    pub fn is_any_selected(self) -> bool {
        !(self.board.selection.with(Vec::is_empty) && self.board.selected_notes.with(Vec::is_empty))
    }

    /// Colours the selected steps and notes, or takes their colours away.
    pub fn colour_selected(self, colour: Option<Colour>) {
        self.acted(|board| board.colour_selected(colour));
    }

    /// Selects the note after the selected one.
    pub fn next_note(self) {
        self.board.input(Input::Key { key: Key::Char('m'), mods: Mods::default() });
    }

    pub fn add_note(self) {
        self.acted(canvas::Board::add_note);
    }

    /// Makes the selected notes a step larger, or smaller.
    pub fn resize_notes(self, is_larger: bool) {
        let by = if is_larger { NOTE_STEP } else { -NOTE_STEP };
        self.acted(|board| board.resize_selected_notes(by));
    }

    pub fn select_note(self, id: &str) {
        self.acted(|board| board.select_note(id));
    }

    /// The notes, read again in reactive places whenever the draft changed.
    pub fn note_rows(self) -> Vec<MarkRow> {
        self.board.revision.track();
        self.board.read(canvas::Board::note_rows).unwrap_or_default()
    }

    pub fn group_selected(self) {
        self.acted(canvas::Board::group_selected);
    }

    pub fn ungroup_selected(self) {
        self.acted(canvas::Board::ungroup_selected);
    }

    pub fn colour_group(self, id: &str, colour: Option<Colour>) {
        self.acted(|board| board.colour_group(id, colour));
    }

    pub fn select_group(self, id: &str) {
        self.acted(|board| board.select_group(id));
    }

    /// The groups, read again in reactive places whenever the draft, or what is collapsed, changed.
    pub fn group_rows(self) -> Vec<MarkRow> {
        self.board.revision.track();
        self.board.collapsed.track();
        self.board.read(canvas::Board::group_rows).unwrap_or_default()
    }

    /// The group that every selected step is in.
    pub fn group_of_selection(self) -> Option<String> {
        self.board.read(|board| board.group_of_selection().map(str::to_owned)).flatten()
    }

    /// The groups that this person sees as one card.
    pub fn collapsed(self) -> Signal<Vec<String>> {
        self.board.collapsed.into()
    }

    pub fn set_collapsed(self, ids: Vec<String>) {
        self.board.act(|board| board.set_collapsed(ids));
    }

    pub fn toggle_collapsed(self, id: &str) {
        self.board.act(|board| board.toggle_collapsed(id));
    }

    /// The note or the title that is being written in its place; none once it is done.
    pub fn writing(self) -> RwSignal<Option<Written>> {
        self.board.writing
    }

    /// Where that stands on the canvas; read again with every picture.
    pub fn place_of(self, what: &Written) -> Option<Rect> {
        self.board.frame.track();
        let place = |board: &canvas::Board| match what {
            Written::Note(id) => board.note_place(id),
            Written::Group(id) => board.group_place(id),
        };
        self.board.read(place).flatten()
    }
}
