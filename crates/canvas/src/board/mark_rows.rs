//! Notes and groups as rows of a list, for those who cannot or do not want to use the picture.
//! Nothing here changes anything.

use std::sync::Arc;

use workflow::definition::Note;

use super::Board;
use crate::scene::{GroupBox, NoteBox};

/// A note or a group in the list of steps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MarkRow {
    pub id: String,
    pub title: String,
    /// All that a note says, as it is written.
    pub text: Arc<str>,
    /// Steps of a group.
    pub n_steps: usize,
    pub is_collapsed: bool,
}

impl Board {
    /// The notes, for a list.
    pub fn note_rows(&self) -> Vec<MarkRow> {
        let row = |(note, seen): (&Note, &NoteBox)| MarkRow {
            id: note.id.clone(),
            title: note.title(),
            text: Arc::clone(&seen.text),
            n_steps: 0,
            is_collapsed: false,
        };
        self.document.definition.notes.iter().zip(&self.scene.notes).map(row).collect()
    }

    /// The groups, for a list.
    pub fn group_rows(&self) -> Vec<MarkRow> {
        let row = |group: &GroupBox| MarkRow {
            id: group.id.clone(),
            title: group.title.to_string(),
            text: Arc::default(),
            n_steps: group.members.len(),
            is_collapsed: group.is_collapsed(),
        };
        self.scene.groups.iter().map(row).collect()
    }
}
