//! Undo and redo over edits with exact inverses; consecutive typing in one field is one entry.
//! Only changes of the document are recorded: camera and selection never are, and only a new edit drops what can be redone.

mod field;
mod kept;

use serde::{Deserialize, Serialize};

use crate::{
    Document,
    edit::{self, Edit, Refused},
};

pub use kept::Kept;

/// What the entries may take together before the oldest are forgotten.
pub const DEFAULT_CAP_BYTES: usize = 16 * 1024 * 1024;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Entry {
    label: String,
    forward: Edit,
    inverse: Edit,
    /// What the next edit must also touch to be taken into this entry.
    group: Option<String>,
    bytes: usize,
}

/// What changes a document, and what is known of an edit.
#[derive(Debug)]
struct Editing {
    apply: fn(&mut Document, &Edit) -> Result<Edit, Refused>,
    replay: fn(&mut Document, &Edit) -> Result<Edit, Refused>,
    typed: fn(&Edit, &Edit) -> Option<String>,
    size: fn(&Edit) -> usize,
}

static EDITING: Editing = Editing { apply: edit::apply, replay: edit::replay, typed: field::typed, size: field::size };

#[derive(Clone, Debug)]
pub struct History {
    /// Behind a pointer, so that the page of a run, which only watches, does not load what edits.
    editing: Option<&'static Editing>,
    done: Vec<Entry>,
    undone: Vec<Entry>,
    bytes: usize,
    cap_bytes: usize,
}

impl Default for History {
    fn default() -> Self {
        Self::with_cap(DEFAULT_CAP_BYTES)
    }
}

impl History {
    pub fn with_cap(cap_bytes: usize) -> Self {
        Self { editing: Some(&EDITING), done: Vec::new(), undone: Vec::new(), bytes: 0, cap_bytes }
    }

    /// Of what is only watched: every edit is refused.
    pub(crate) fn of_watched() -> Self {
        Self { editing: None, done: Vec::new(), undone: Vec::new(), bytes: 0, cap_bytes: 0 }
    }

    fn editing(&self) -> Result<&'static Editing, Refused> {
        self.editing.ok_or(Refused::Watched)
    }

    /// Applies and records. Typing in the same field as the entry before is taken into that entry.
    pub fn apply(&mut self, document: &mut Document, edit: Edit, label: impl Into<String>) -> Result<(), Refused> {
        let editing = self.editing()?;
        let inverse = (editing.apply)(document, &edit)?;
        let group = (editing.typed)(&edit, &inverse);
        self.record(editing, edit, inverse, label.into(), group);
        Ok(())
    }

    /// Applies and records, taken into the entry before if that one is of the same group: nudging by keyboard.
    pub fn apply_in_group(
        &mut self,
        document: &mut Document,
        edit: Edit,
        label: impl Into<String>,
        group: &str,
    ) -> Result<(), Refused> {
        let editing = self.editing()?;
        let inverse = (editing.apply)(document, &edit)?;
        self.record(editing, edit, inverse, label.into(), Some(format!("group {group}")));
        Ok(())
    }

    fn record(&mut self, editing: &Editing, forward: Edit, inverse: Edit, label: String, group: Option<String>) {
        if forward == inverse {
            return;
        }
        for entry in self.undone.drain(..) {
            self.bytes -= entry.bytes;
        }
        if group.is_some()
            && let Some(last) = self.done.pop_if(|last| last.group == group)
        {
            self.bytes -= last.bytes;
            let (forward, inverse) = merged(last.forward, last.inverse, forward, inverse);
            if forward != inverse {
                self.push(Entry::new(editing, label, forward, inverse, group));
            }
            return;
        }
        self.push(Entry::new(editing, label, forward, inverse, group));
    }

    fn push(&mut self, entry: Entry) {
        self.bytes += entry.bytes;
        self.done.push(entry);
        let mut n_forgotten = 0;
        // The newest stays whatever its size, so that the last step can always be taken back.
        while self.bytes > self.cap_bytes && n_forgotten + 1 < self.done.len() {
            self.bytes -= self.done[n_forgotten].bytes;
            n_forgotten += 1;
        }
        self.done.drain(..n_forgotten);
    }

    /// Ends the current entry: what comes next is an entry of its own, even in the same field.
    pub fn seal(&mut self) {
        if let Some(last) = self.done.last_mut() {
            last.group = None;
        }
    }

    /// Takes the last entry back and answers with its label.
    pub fn undo(&mut self, document: &mut Document) -> Result<Option<String>, Refused> {
        let Some(entry) = self.done.last() else {
            return Ok(None);
        };
        (self.editing()?.replay)(document, &entry.inverse)?;
        Ok(self.done.pop().map(|mut entry| {
            let label = entry.label.clone();
            entry.group = None;
            self.undone.push(entry);
            self.seal();
            label
        }))
    }

    /// Repeats the entry that was taken back last and answers with its label.
    pub fn redo(&mut self, document: &mut Document) -> Result<Option<String>, Refused> {
        let Some(entry) = self.undone.last() else {
            return Ok(None);
        };
        (self.editing()?.replay)(document, &entry.forward)?;
        Ok(self.undone.pop().map(|entry| {
            let label = entry.label.clone();
            self.done.push(entry);
            label
        }))
    }

    /// What undo would apply.
    pub(crate) fn next_undo(&self) -> Option<&Edit> {
        self.done.last().map(|entry| &entry.inverse)
    }

    /// What redo would apply.
    pub(crate) fn next_redo(&self) -> Option<&Edit> {
        self.undone.last().map(|entry| &entry.forward)
    }

    /// The label of what undo would take back.
    pub fn undo_label(&self) -> Option<&str> {
        self.done.last().map(|entry| entry.label.as_str())
    }

    /// The label of what redo would repeat.
    pub fn redo_label(&self) -> Option<&str> {
        self.undone.last().map(|entry| entry.label.as_str())
    }

    #[cfg(test)]
    pub(crate) fn n_undoable(&self) -> usize {
        self.done.len()
    }

    #[cfg(test)]
    pub(crate) fn n_redoable(&self) -> usize {
        self.undone.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Entry {
    fn new(editing: &Editing, label: String, forward: Edit, inverse: Edit, group: Option<String>) -> Self {
        let bytes = (editing.size)(&forward) + (editing.size)(&inverse);
        Self { label, forward, inverse, group, bytes }
    }
}

/// Two entries in one: the later outcome, the earlier way back.
fn merged(first: Edit, first_inverse: Edit, second: Edit, second_inverse: Edit) -> (Edit, Edit) {
    if let Some(both) = field::both_in_one(&second, &first) {
        return (both, first_inverse);
    }
    (Edit::Batch(vec![first, second]), Edit::Batch(vec![second_inverse, first_inverse]))
}

#[cfg(test)]
mod tests;
