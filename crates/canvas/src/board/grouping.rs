//! Groups on the board: made, let go, coloured, and seen as one card. The group is the document's; what is collapsed is one person's
//! and never comes into an edit.

use kurbo::Rect;
use workflow::{
    StepKey,
    definition::{Colour, Group},
    words::count,
};

use super::{
    Board,
    input::{Output, Written},
};
use crate::edit::{Edit, emptied, fresh_id};

const TITLE: &str = "New group";

impl Board {
    /// What a group holds: its steps, and the notes that lie in its frame.
    pub(super) fn held_by(&self, group: u32) -> (Vec<StepKey>, Vec<String>) {
        let known = &self.scene.groups[group as usize];
        let keys = known.members.iter().map(|node| self.scene.key(*node).clone()).collect();
        if known.is_collapsed() {
            return (keys, Vec::new());
        }
        let notes = self.scene.notes_in(self.scene.frame(group), false).into_iter();
        (keys, notes.map(|note| self.scene.notes[note as usize].id.clone()).collect())
    }

    /// The group that every selected step is in, if it is one.
    pub fn group_of_selection(&self) -> Option<&str> {
        let steps = &self.document.definition.steps;
        let mut ids = self.selection.iter().map(|key| steps.get(key).and_then(|step| step.group.as_deref()));
        let first = ids.next()??;
        (ids.all(|id| id == Some(first)) && self.scene.group(first).is_some()).then_some(first)
    }

    /// Puts a frame around the selected steps, whose title is to be written at once. Each leaves the group that it was in.
    pub fn group_selected(&mut self) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if !self.is_editor() {
            return out;
        }
        if self.selection.is_empty() {
            out.push(Output::Say("Select a step first".to_owned()));
            return out;
        }
        let definition = &self.document.definition;
        let is_taken = |id: &str| {
            definition.groups.contains_key(id)
                || definition.steps.values().any(|step| step.group.as_deref() == Some(id))
        };
        let id = fresh_id('g', is_taken);
        let mut edits = self.leaving(Some(&id));
        edits.push(Edit::SetGroup { id: id.clone(), group: Some(Group { title: TITLE.to_owned(), colour: None }) });
        let n = self.selection.len();
        if self.commit(Edit::Batch(edits), "Group", None, &mut out) {
            out.push(Output::Say(format!("{} grouped", count(n, "step"))));
            out.push(Output::Write(Written::Group(id)));
        }
        out
    }

    /// Takes the selected steps out of their groups; a group in which none is left goes.
    pub fn ungroup_selected(&mut self) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if !self.is_editor() {
            return out;
        }
        let steps = &self.document.definition.steps;
        let is_grouped = |key: &StepKey| steps.get(key).is_some_and(|step| step.group.is_some());
        if !self.selection.iter().any(is_grouped) {
            out.push(Output::Say("Nothing that is selected is in a group".to_owned()));
            return out;
        }
        let edits = self.leaving(None);
        if self.commit(Edit::Batch(edits), "Ungroup", None, &mut out) {
            out.push(Output::Say("Ungrouped".to_owned()));
        }
        out
    }

    /// The selected steps go into another group or into none.
    fn leaving(&self, to: Option<&str>) -> Vec<Edit> {
        let members = self.selection.iter().map(|key| (key.clone(), to.map(str::to_owned)));
        let gone = emptied(&self.document.definition, &self.selection).into_iter();
        let gone = gone.map(|id| Edit::SetGroup { id: id.clone(), group: None });
        std::iter::once(Edit::GroupSteps(members.collect())).chain(gone).collect()
    }

    pub fn colour_group(&mut self, id: &str, colour: Option<Colour>) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if let Some(group) = self.document.definition.groups.get(id).filter(|_| self.is_editor()) {
            let group = Some(Group { colour, ..group.clone() });
            self.commit(Edit::SetGroup { id: id.to_owned(), group }, "Colour group", None, &mut out);
        }
        out
    }

    /// Selects what a group holds, as from a list, and shows it.
    pub fn select_group(&mut self, id: &str) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if let Some(group) = self.scene.group(id) {
            let (keys, notes) = self.held_by(group);
            self.select_both(keys, notes, &mut out);
            let frame = self.scene.frame(group);
            if self.camera.reveal(frame, self.viewport, self.margin()) {
                self.camera_moved();
            }
        }
        out
    }

    /// Where the title of a group stands on the screen, or its card.
    pub fn group_place(&self, id: &str) -> Option<Rect> {
        Some(self.camera.rect_to_screen(self.scene.handle(self.scene.group(id)?)))
    }

    /// The ids of the groups that are seen as one card.
    pub fn collapsed(&self) -> impl Iterator<Item = &str> {
        self.scene.collapsed.iter().map(String::as_str)
    }

    /// Shows these groups as one card each, as somebody left them.
    pub fn set_collapsed(&mut self, ids: impl IntoIterator<Item = String>) {
        self.cancel_gesture();
        let groups = &self.document.definition.groups;
        self.scene.collapsed = ids.into_iter().filter(|id| groups.contains_key(id)).collect();
        self.rebuild();
    }

    pub fn toggle_collapsed(&mut self, id: &str) {
        self.cancel_gesture();
        if !self.scene.collapsed.remove(id) {
            self.scene.collapsed.insert(id.to_owned());
        }
        self.rebuild();
    }
}
