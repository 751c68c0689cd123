//! Notes and colours on the board: pressed, moved, resized and deleted as steps are. None of it changes what a workflow means.

use std::collections::BTreeSet;

use kurbo::{Point, Rect, Size, Vec2};
use workflow::{
    Definition, StepKey,
    definition::{Colour, Note},
    words::count,
};

use super::{
    Board,
    input::{Mods, Output, Written},
};
use crate::{
    clip::counted,
    edit::{Edit, emptied, fresh_id},
    scene::{NOTE_SIZE, Scene, bounded, hit::Hit, snapped},
};

impl Board {
    /// The ids of the notes that are selected.
    pub fn selected_notes(&self) -> &[String] {
        &self.selected_notes
    }

    /// The same, as the scene numbers them.
    pub(super) fn selected_note_boxes(&self) -> Vec<u32> {
        self.selected_notes.iter().filter_map(|id| self.scene.note(id)).collect()
    }

    /// A note or a group is pressed. Answers whether the press selected something.
    pub(super) fn press_mark(&mut self, hit: Hit, clicks: u32, mods: Mods, out: &mut Vec<Output>) -> bool {
        let many = mods.shift || mods.ctrl;
        match hit {
            Hit::Note(note) | Hit::Corner(note) => {
                let id = self.scene.notes[note as usize].id.clone();
                if clicks >= 2 && self.is_editor() {
                    out.push(Output::Write(Written::Note(id.clone())));
                }
                if self.selected_notes.contains(&id) {
                    return false;
                }
                self.select_also(Vec::new(), vec![id], many, out);
                true
            }
            Hit::Group(group) => {
                let (id, is_collapsed) = {
                    let group = &self.scene.groups[group as usize];
                    (group.id.clone(), group.is_collapsed())
                };
                if clicks >= 2 && is_collapsed {
                    self.toggle_collapsed(&id);
                } else if clicks >= 2 && self.is_editor() {
                    out.push(Output::Write(Written::Group(id)));
                }
                let (keys, notes) = self.held_by(group);
                if self.are_selected(&keys) {
                    // The notes in the frame come along, whatever else is selected.
                    self.select_also(Vec::new(), notes, true, out);
                    return false;
                }
                self.select_also(keys, notes, many, out);
                true
            }
            Hit::Port(..) | Hit::End(..) | Hit::Node(_) | Hit::Edge(_) | Hit::Nothing => false,
        }
    }

    /// The press was no drag.
    pub(super) fn click_mark(&mut self, hit: Hit, has_selected: bool, many: bool, out: &mut Vec<Output>) {
        let (keys, notes) = match hit {
            // A double click on a collapsed group may have been the last of it.
            Hit::Group(group) if (group as usize) < self.scene.groups.len() => self.held_by(group),
            Hit::Note(note) | Hit::Corner(note) if (note as usize) < self.scene.notes.len() => {
                (Vec::new(), vec![self.scene.notes[note as usize].id.clone()])
            }
            _ => return,
        };
        if !many {
            self.select_both(keys, notes, out);
        } else if !has_selected {
            let rest = without(&self.selection, &keys);
            let rest_notes = without(&self.selected_notes, &notes);
            self.select_both(rest, rest_notes, out);
        }
    }

    fn select_also(&mut self, keys: Vec<StepKey>, notes: Vec<String>, many: bool, out: &mut Vec<Output>) {
        if !many {
            return self.select_both(keys, notes, out);
        }
        let (keys, notes) = (without(&keys, &self.selection), without(&notes, &self.selected_notes));
        let selection = self.selection.iter().cloned().chain(keys).collect();
        let selected_notes = self.selected_notes.iter().cloned().chain(notes).collect();
        self.select_both(selection, selected_notes, out);
    }

    /// Whether each of them is.
    pub(super) fn are_selected(&self, keys: &[StepKey]) -> bool {
        without(keys, &self.selection).is_empty()
    }

    /// Selects a note from outside, as from a list, and shows it.
    pub fn select_note(&mut self, id: &str) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if let Some(note) = self.scene.note(id) {
            self.select_both(Vec::new(), vec![id.to_owned()], &mut out);
            let rect = self.scene.notes[note as usize].rect;
            if self.camera.reveal(rect, self.viewport, self.margin()) {
                self.camera_moved();
            }
        }
        out
    }

    /// Where a note stands on the screen.
    pub fn note_place(&self, id: &str) -> Option<Rect> {
        let note = &self.scene.notes[self.scene.note(id)? as usize];
        Some(self.camera.rect_to_screen(note.rect))
    }

    /// Puts an empty note where the pointer rests, or else in the middle of what is seen, to be written at once.
    pub fn add_note(&mut self) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if !self.is_editor() {
            return out;
        }
        let seen = self.camera.visible(self.viewport, 0.0).center();
        let at = self.pointer.map_or(seen, |at| self.camera.to_world(at));
        let corner = snapped(at - (NOTE_SIZE / 2.0).to_vec2());
        let id = fresh_note_id(&self.document.definition);
        let stored = self.flow.stored(bounded(corner), false);
        let note = Note {
            id: id.clone(),
            x: stored.x,
            y: stored.y,
            width: NOTE_SIZE.width,
            height: NOTE_SIZE.height,
            colour: Some(Colour::Amber),
            ..Note::default()
        };
        let edit = Edit::SetNote { id: id.clone(), note: Some(note) };
        if self.commit(edit, "Add note", None, &mut out) {
            self.select_both(Vec::new(), vec![id.clone()], &mut out);
            out.push(Output::Say("Note added: write it".to_owned()));
            out.push(Output::Write(Written::Note(id)));
        }
        out
    }

    /// Makes every selected note so much larger, or smaller, as by its corner.
    pub fn resize_selected_notes(&mut self, by: Vec2) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if !self.is_editor() {
            return out;
        }
        let size = |scene: &Scene, note: u32| scene.notes[note as usize].rect.size();
        let mut resized = Vec::new();
        for note in self.selected_note_boxes() {
            let from = size(&self.scene, note);
            self.scene.resize_note(note, by, from);
            if size(&self.scene, note) != from {
                resized.push(note);
            }
        }
        let Some(first) = resized.first() else {
            out.push(Output::Say("Nothing that is selected can be made so large or small".to_owned()));
            return out;
        };
        let Size { width, height } = size(&self.scene, *first);
        let words = if resized.len() == 1 {
            format!("The note is {width:.0} wide and {height:.0} high now")
        } else {
            format!("{} resized", count(resized.len(), "note"))
        };
        let edit = self.all_to_here(&[], &resized);
        if self.commit(edit, "Resize note", None, &mut out) {
            out.push(Output::Say(words));
        }
        out
    }

    /// Colours every selected step and note, or takes their colours away.
    pub fn colour_selected(&mut self, colour: Option<Colour>) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if !self.is_editor() {
            return out;
        }
        let keys = self.selection.iter().map(|key| (key.clone(), colour)).collect();
        let mut edits = vec![Edit::ColourSteps(keys)];
        let notes = self.document.definition.notes.iter().filter(|note| self.selected_notes.contains(&note.id));
        edits.extend(notes.map(|note| note_edit(Note { colour, ..note.clone() })));
        let what = self.selected_words();
        if self.commit(Edit::Batch(edits), "Colour", None, &mut out) {
            let name = colour.map_or("without a colour", Colour::words);
            out.push(Output::Say(format!("{what}: {}", name.to_lowercase())));
        }
        out
    }

    /// Where nodes and notes are in the scene, as one edit.
    pub(super) fn all_to_here(&self, nodes: &[u32], boxes: &[u32]) -> Edit {
        let moved = boxes.iter().filter_map(|note| self.note_to_here(*note)).map(note_edit);
        let mut edits: Vec<Edit> = moved.collect();
        if edits.is_empty() {
            return self.moves_to_here(nodes);
        }
        if !nodes.is_empty() {
            edits.insert(0, self.moves_to_here(nodes));
        }
        Edit::Batch(edits)
    }

    fn note_to_here(&self, note: u32) -> Option<Note> {
        let drawn = &self.scene.notes[note as usize];
        let note = self.document.definition.notes.iter().find(|note| note.id == drawn.id)?;
        let at = self.flow.stored(drawn.rect.origin(), false);
        let (width, height) = (drawn.rect.width(), drawn.rect.height());
        Some(Note { x: at.x, y: at.y, width, height, ..note.clone() })
    }

    /// Takes away all that is selected, and the groups of which nothing is left.
    pub(super) fn removal_of_selected(&self) -> Edit {
        let definition = &self.document.definition;
        let mut edits = Vec::new();
        for id in emptied(definition, &self.selection) {
            edits.push(Edit::SetGroup { id: id.clone(), group: None });
        }
        edits.extend(self.selected_notes.iter().map(|id| Edit::SetNote { id: id.clone(), note: None }));
        if edits.is_empty() {
            return Edit::RemoveSteps(self.selection.clone());
        }
        if !self.selection.is_empty() {
            edits.insert(0, Edit::RemoveSteps(self.selection.clone()));
        }
        Edit::Batch(edits)
    }

    /// What is selected: one by its title, several by their number.
    pub(super) fn selected_words(&self) -> String {
        if let ([key], []) = (self.selection.as_slice(), self.selected_notes.as_slice()) {
            return self.scene.node(key).map_or_else(String::new, |node| self.scene.title[node as usize].to_string());
        }
        counted(self.selection.len(), self.selected_notes.len())
    }

    /// The middle of the corner that a note is resized by, on the screen.
    pub fn corner_point(&self, id: &str) -> Option<Point> {
        self.note_place(id).map(|rect| Point::new(rect.x1, rect.y1))
    }
}

/// In a set, since a group may hold every step that there is.
pub(super) fn without<T: Clone + Ord>(some: &[T], others: &[T]) -> Vec<T> {
    let others: BTreeSet<&T> = others.iter().collect();
    some.iter().filter(|one| !others.contains(one)).cloned().collect()
}

fn note_edit(note: Note) -> Edit {
    Edit::SetNote { id: note.id.clone(), note: Some(note) }
}

fn fresh_note_id(definition: &Definition) -> String {
    fresh_id('n', |id| definition.notes.iter().any(|note| note.id == id))
}
