//! Notes and groups in the scene: where they are, which steps a frame holds, and which of them are drawn as one card.
//! A frame follows its steps and has no place of its own; what is collapsed is so for one person and never in the document.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use kurbo::{Point, Rect, Size, Vec2};
use workflow::{
    Definition,
    definition::{Colour, Note},
};

use super::{
    HEAD_HEIGHT, NODE_WIDTH, Scene, bounded,
    note_text::{NoteLine, lines_in},
};
use crate::flow::Flow;

/// A note that says no size is so large,
pub const NOTE_SIZE: Size = Size::new(240.0, 144.0);
/// and none is smaller.
const NOTE_LEAST: Size = Size::new(96.0, 48.0);
/// Around the steps of a group,
const PADDING: f64 = 20.0;
/// and above them, for its title.
pub const FRAME_HEAD: f64 = 32.0;

#[derive(Clone, PartialEq, Debug)]
pub struct NoteBox {
    pub id: String,
    pub rect: Rect,
    pub text: Arc<str>,
    /// What of it is seen, whatever the zoom.
    pub lines: Arc<[NoteLine]>,
    pub colour: Option<Colour>,
}

impl NoteBox {
    fn of(note: &Note, flow: Flow, before: Option<&Self>) -> Self {
        let rect = note_rect(note, flow);
        match before.filter(|before| *before.text == *note.text && before.rect.size() == rect.size()) {
            Some(before) => Self { rect, colour: note.colour, ..before.clone() },
            None => Self {
                id: note.id.clone(),
                rect,
                text: note.text.as_str().into(),
                lines: lines_in(&note.text, rect.size()),
                colour: note.colour,
            },
        }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct GroupBox {
    pub id: String,
    pub title: Arc<str>,
    pub colour: Option<Colour>,
    /// Ascending, and never none.
    pub members: Vec<u32>,
    /// The corner of the one card that stands for them, while it is collapsed.
    card: Option<Point>,
}

impl GroupBox {
    pub fn is_collapsed(&self) -> bool {
        self.card.is_some()
    }
}

/// Where a note is drawn.
pub(crate) fn note_rect(note: &Note, flow: Flow) -> Rect {
    let place = workflow::definition::Position { x: note.x, y: note.y, pinned: false };
    let or_usual = |length: f64, usual: f64, least: f64| if length > 0.0 { length.max(least) } else { usual };
    let size = Size::new(
        or_usual(note.width, NOTE_SIZE.width, NOTE_LEAST.width),
        or_usual(note.height, NOTE_SIZE.height, NOTE_LEAST.height),
    );
    Rect::from_origin_size(bounded(flow.drawn(place)), size)
}

impl Scene {
    /// Takes in what is only drawn. The places of the nodes have to be known.
    pub(super) fn mark(&mut self, definition: &Definition, collapsed: BTreeSet<String>, before: &[NoteBox]) {
        self.colour = definition.steps.values().map(|step| step.colour).collect();
        let before: HashMap<&str, &NoteBox> = before.iter().map(|note| (note.id.as_str(), note)).collect();
        let notes = definition.notes.iter();
        self.notes = notes.map(|note| NoteBox::of(note, self.flow, before.get(note.id.as_str()).copied())).collect();
        let mut groups: Vec<GroupBox> = definition
            .groups
            .iter()
            .map(|(id, group)| GroupBox {
                id: id.clone(),
                title: group.title_or().into(),
                colour: group.colour,
                members: Vec::new(),
                card: None,
            })
            .collect();
        for (node, step) in (0..).zip(definition.steps.values()) {
            if let Some(id) = &step.group
                && let Ok(at) = groups.binary_search_by(|group| group.id.cmp(id))
            {
                groups[at].members.push(node);
            }
        }
        groups.retain(|group| !group.members.is_empty());
        self.groups = groups;
        self.collapsed = collapsed;
        self.fold();
    }

    fn fold(&mut self) {
        self.folded = Vec::new();
        for group in 0..self.groups.len() {
            if !self.collapsed.contains(&self.groups[group].id) {
                continue;
            }
            self.folded.resize(self.keys.len(), None);
            self.groups[group].card = Some(self.corner_of(group));
            for member in self.groups[group].members.clone() {
                self.folded[member as usize] = u32::try_from(group).ok();
            }
        }
    }

    /// Where the first of its steps stands, by the places that they have of their own.
    fn corner_of(&self, group: usize) -> Point {
        let places = self.groups[group].members.iter().map(|member| self.place[*member as usize]);
        places.reduce(|a, b| Point::new(a.x.min(b.x), a.y.min(b.y))).unwrap_or_default()
    }

    /// The collapsed group that a node is drawn as a part of.
    pub fn folded_in(&self, node: u32) -> Option<u32> {
        self.folded.get(node as usize).copied().flatten()
    }

    /// Both ends of a line are one card now, so that there is nothing to see of it.
    pub(super) fn is_inner(&self, from: u32, to: u32) -> bool {
        self.folded_in(from).is_some_and(|group| self.folded_in(to) == Some(group))
    }

    /// The one card of a collapsed group.
    pub(super) fn folded_card(&self, node: u32) -> Option<Rect> {
        let corner = self.groups.get(self.folded_in(node)? as usize)?.card?;
        Some(Rect::from_origin_size(corner, (NODE_WIDTH, HEAD_HEIGHT)))
    }

    /// Its steps were moved, and so is its card.
    pub(super) fn refold(&mut self, group: u32) {
        let at = group as usize;
        let old = self.frame(group);
        self.groups[at].card = Some(self.corner_of(at));
        let new = self.frame(group);
        for member in self.groups[at].members.clone() {
            self.node_grid.remove_rect(member, old);
            self.node_grid.insert_rect(member, new);
        }
        self.extent = self.extent.union(new);
    }

    pub fn note(&self, id: &str) -> Option<u32> {
        u32::try_from(self.notes.iter().position(|note| note.id == id)?).ok()
    }

    pub fn group(&self, id: &str) -> Option<u32> {
        u32::try_from(self.groups.binary_search_by(|group| group.id.as_str().cmp(id)).ok()?).ok()
    }

    /// Where a group is drawn: around its steps, or as one card.
    pub fn frame(&self, group: u32) -> Rect {
        let group = &self.groups[group as usize];
        if let Some(corner) = group.card {
            return Rect::from_origin_size(corner, (NODE_WIDTH, HEAD_HEIGHT));
        }
        let inner = self.bounds_of(group.members.iter().copied()).unwrap_or_default();
        let frame = inner.inflate(PADDING, PADDING);
        Rect::new(frame.x0, frame.y0 - FRAME_HEAD, frame.x1, frame.y1)
    }

    /// Where a group is taken hold of: its title, or all of its card.
    pub fn handle(&self, group: u32) -> Rect {
        let frame = self.frame(group);
        if self.groups[group as usize].is_collapsed() {
            return frame;
        }
        Rect::new(frame.x0, frame.y0, frame.x1, frame.y0 + FRAME_HEAD)
    }

    /// Every note and every frame.
    pub(super) fn marked_bounds(&self) -> Option<Rect> {
        let frames = (0..).zip(&self.groups).map(|(group, _)| self.frame(group));
        self.notes.iter().map(|note| note.rect).chain(frames).reduce(|a, b| a.union(b))
    }

    /// Notes in a marquee, as nodes are.
    pub fn notes_in(&self, area: Rect, touching: bool) -> Vec<u32> {
        let is_in = |rect: Rect| if touching { area.overlaps(rect) } else { area.contains_rect(rect) };
        (0..).zip(&self.notes).filter(|(_, note)| is_in(note.rect)).map(|(note, _)| note).collect()
    }

    /// Moves notes, in the picture only.
    pub fn move_notes(&mut self, moves: &[(u32, Point)]) {
        for (note, to) in moves {
            let note = &mut self.notes[*note as usize];
            note.rect = note.rect.with_origin(bounded(*to));
        }
    }

    /// Drags the lower right corner of a note, in the picture only.
    pub fn resize_note(&mut self, note: u32, by: Vec2, from: Size) {
        let note = &mut self.notes[note as usize];
        let bounded = |length: f64, least: f64| length.clamp(least, workflow::limits::MAX_NOTE_SIDE);
        let size =
            Size::new(bounded(from.width + by.x, NOTE_LEAST.width), bounded(from.height + by.y, NOTE_LEAST.height));
        if size != note.rect.size() {
            note.rect = note.rect.with_size(size);
            note.lines = lines_in(&note.text, size);
        }
    }
}
