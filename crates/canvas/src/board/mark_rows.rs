//! Notes and groups as rows of a list, for those who cannot or do not want to use the picture.
//! Nothing here changes anything.

use workflow::definition::Note;

use super::Board;
use crate::scene::GroupBox;

/// A note or a group in the list of steps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MarkRow {
    pub id: String,
    pub title: String,
    /// All that a note says.
    pub text: String,
    /// Steps of a group.
    pub n_steps: usize,
    pub is_collapsed: bool,
}

impl Board {
    /// The notes, for a list.
    pub fn note_rows(&self) -> Vec<MarkRow> {
        let row = |note: &Note| MarkRow {
            id: note.id.clone(),
            title: note.title(),
            text: note.text.clone(),
            n_steps: 0,
            is_collapsed: false,
        };
        self.document.definition.notes.iter().map(row).collect()
    }

    /// The groups, for a list.
    pub fn group_rows(&self) -> Vec<MarkRow> {
        let row = |group: &GroupBox| MarkRow {
            id: group.id.clone(),
            title: group.title.to_string(),
            text: String::new(),
            n_steps: group.members.len(),
            is_collapsed: group.is_collapsed(),
        };
        self.scene.groups.iter().map(row).collect()
    }
}
