//! Gestures: the state machine behind press, drag, marquee, resize, connect, pan and pinch.
//! A gesture draws ahead in the scene only; the definition changes once, on release, and never after a cancel.

use std::collections::BTreeSet;

use kurbo::{Point, Rect, Size, Vec2};
use workflow::{StepKey, definition::Position};

use super::{
    Board,
    building::Act,
    choosing::Spot,
    connect::Connect,
    guides::Guide,
    input::{Button, Input, Mods, Output},
    key_connect::KeyConnect,
    palette::PaletteItem,
    reading::Reading,
};
use crate::{
    edit::Edit,
    scene::{
        hit::{Hit, Precision},
        snapped,
    },
};

#[derive(Clone, PartialEq, Debug, Default)]
pub enum Gesture {
    #[default]
    Idle,
    /// Down, but not yet moved far enough to be a drag.
    Press(Press),
    Pan {
        id: i32,
        last: Point,
    },
    Marquee(Marquee),
    Drag(Drag),
    Resize(Resize),
    Connect(Connect),
    Pinch {
        ids: [i32; 2],
        at: [Point; 2],
    },
    /// Connecting by keyboard: walking through the targets.
    KeyConnect(KeyConnect),
    /// Something from the palette; its pointer began outside the canvas.
    Palette {
        item: PaletteItem,
        at: Option<Point>,
        /// The line that it would be put onto.
        onto: Option<u32>,
    },
    /// A step is to be added here, once its agent is chosen.
    Adding(Spot),
    /// A line was drawn, and which input it feeds is to be chosen.
    Reading(Reading),
}

#[derive(Clone, PartialEq, Debug)]
pub struct Press {
    id: i32,
    at: Point,
    hit: Hit,
    precision: Precision,
    mods: Mods,
    /// The press itself selected the node, so the release must not take it back.
    has_selected: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Marquee {
    id: i32,
    /// On the plane, so that zooming under it does not tear it off.
    from: Point,
    pub(super) to: Point,
    pub(super) before: Vec<StepKey>,
    pub(super) notes_before: Vec<String>,
}

impl Marquee {
    pub fn area(&self) -> Rect {
        Rect::from_points(self.from, self.to)
    }

    /// To the right takes what is inside, to the left also what is touched.
    pub fn is_touching(&self) -> bool {
        self.to.x < self.from.x
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Drag {
    id: i32,
    grabbed: Point,
    /// What is under the pointer, as it stood before.
    anchor: Rect,
    /// With where each stood before.
    pub(super) nodes: Vec<(u32, Point)>,
    pub(super) notes: Vec<(u32, Point)>,
    by: Vec2,
    /// A copy is dragged, and what was grabbed stays where it is.
    is_copy: bool,
    /// With what it is in line.
    guides: Vec<Guide>,
}

/// A note is made larger or smaller by its lower right corner.
#[derive(Clone, PartialEq, Debug)]
pub struct Resize {
    id: i32,
    grabbed: Point,
    pub(super) note: u32,
    pub(super) from: Size,
}

impl Drag {
    pub fn is_copying(&self) -> bool {
        self.is_copy
    }

    pub fn guides(&self) -> &[Guide] {
        &self.guides
    }

    /// Where the copies would stand, as long as copies are dragged.
    pub fn copies(&self) -> impl Iterator<Item = (u32, Point)> + '_ {
        self.nodes.iter().filter(|_| self.is_copy).map(|(node, place)| (*node, *place + self.by))
    }

    /// The same of notes.
    pub fn note_copies(&self) -> impl Iterator<Item = (u32, Point)> + '_ {
        self.notes.iter().filter(|_| self.is_copy).map(|(note, place)| (*note, *place + self.by))
    }
}

impl Board {
    /// Takes one input and answers with what came of it.
    pub fn handle(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Down { at, .. } | Input::Move { at, .. } if at.is_finite() => self.pointer = Some(at),
            Input::Leave => self.pointer = None,
            _ => {}
        }
        self.let_go_of_run(&input, &mut out);
        match input {
            Input::Down { at, .. } | Input::Move { at, .. } | Input::Up { at, .. } | Input::Wheel { at, .. }
                if !at.is_finite() => {}
            Input::Down { id, at, button, precision, mods, clicks } => {
                self.is_keyboard_used = false;
                self.pointer_down(id, at, button, precision, mods, clicks, &mut out);
            }
            Input::Move { id, at, mods } => self.pointer_move(id, at, mods, &mut out),
            Input::Up { id, at, mods } => {
                self.pointer_move(id, at, mods, &mut out);
                self.pointer_up(id, mods, &mut out);
            }
            Input::Leave => self.set_hover(Hit::Nothing),
            Input::Wheel { at, by, is_zoom, mods } => self.wheel(at, by, is_zoom, mods),
            Input::Key { key, mods } => self.key(key, mods, &mut out),
            Input::Tick => self.tick(&mut out),
            Input::Cancel => {
                if self.gesture != Gesture::Idle {
                    let was_marquee = matches!(self.gesture, Gesture::Marquee(_));
                    self.cancel_gesture();
                    out.push(Output::Hint(None));
                    if was_marquee {
                        out.push(Output::Selected);
                    }
                }
            }
        }
        out
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one input, taken apart once")]
    fn pointer_down(
        &mut self,
        id: i32,
        at: Point,
        button: Button,
        precision: Precision,
        mods: Mods,
        clicks: u32,
        out: &mut Vec<Output>,
    ) {
        if let Some((first, last)) = self.one_finger()
            && first != id
            && precision == Precision::Touch
        {
            self.cancel_gesture();
            self.gesture = Gesture::Pinch { ids: [first, id], at: [last, at] };
            return;
        }
        if self.gesture != Gesture::Idle {
            // A second button, or a pointer whose release was lost: begin anew, without half a gesture left over.
            self.cancel_gesture();
            out.push(Output::Hint(None));
        }
        match button {
            Button::Other => return,
            Button::Middle => {
                self.gesture = Gesture::Pan { id, last: at };
                return;
            }
            Button::Main => {}
        }
        let hit = self.hit(at, precision);
        let mut has_selected = false;
        self.let_go();
        match hit {
            Hit::Port(node, side) => return self.build(Act::Connect { id, node, side, at }, out),
            Hit::Nothing if clicks >= 2 && self.is_editor() => return self.build(Act::AddAt(at), out),
            Hit::Node(node) => {
                let key = self.scene.key(node).clone();
                if clicks >= 2 {
                    out.push(Output::Opened(key.clone()));
                }
                if !self.selection.contains(&key) {
                    let mut selection = if mods.shift || mods.ctrl { self.selection.clone() } else { Vec::new() };
                    selection.push(key);
                    self.select(selection, out);
                    has_selected = true;
                }
            }
            Hit::Note(_) | Hit::Corner(_) | Hit::Group(_) => has_selected = self.press_mark(hit, clicks, mods, out),
            Hit::Edge(edge) | Hit::End(edge, _) if !mods.shift => self.select_edge(edge, out),
            // With Shift a rectangle may begin here: a large graph has lines nearly everywhere.
            Hit::Edge(_) | Hit::End(..) | Hit::Nothing => {}
        }
        self.gesture = Gesture::Press(Press { id, at, hit, precision, mods, has_selected });
    }

    /// The one pointer of a gesture that a second finger turns into a pinch.
    fn one_finger(&self) -> Option<(i32, Point)> {
        match &self.gesture {
            Gesture::Press(press) => Some((press.id, press.at)),
            Gesture::Pan { id, last } => Some((*id, *last)),
            Gesture::Drag(drag) => Some((drag.id, self.camera.to_screen(drag.grabbed))),
            Gesture::Connect(connect) => Some((connect.id, connect.at)),
            _ => None,
        }
    }

    fn pointer_move(&mut self, id: i32, at: Point, mods: Mods, out: &mut Vec<Output>) {
        match &mut self.gesture {
            Gesture::Idle | Gesture::KeyConnect(_) => {
                let hit = self.hit(at, Precision::Mouse);
                self.set_hover(hit);
            }
            Gesture::Press(press) if press.id == id => {
                if press.at.distance(at) >= press.precision.slop() {
                    let press = press.clone();
                    self.begin_drag(&press, at, mods, out);
                }
            }
            Gesture::Pan { id: own, last } if *own == id => {
                let by = at - *last;
                *last = at;
                self.camera.pan_by(by);
                self.camera_moved();
            }
            Gesture::Marquee(marquee) if marquee.id == id => {
                marquee.to = self.camera.to_world(at);
                self.marquee_moved(out);
            }
            Gesture::Drag(drag) if drag.id == id => self.build(Act::DragTo { at, mods }, out),
            Gesture::Resize(resize) if resize.id == id => self.resize_to(at, mods),
            Gesture::Connect(connect) if connect.id == id => self.build(Act::ConnectTo(at), out),
            Gesture::Pinch { ids, at: fingers } => {
                if let Some(finger) = ids.iter().position(|known| *known == id) {
                    let before = *fingers;
                    fingers[finger] = at;
                    let after = *fingers;
                    self.pinch(before, after);
                }
            }
            Gesture::Palette { .. } => self.build(Act::PaletteTo(at), out),
            Gesture::Press(_)
            | Gesture::Pan { .. }
            | Gesture::Marquee(_)
            | Gesture::Drag(_)
            | Gesture::Resize(_)
            | Gesture::Connect(_)
            | Gesture::Adding(_)
            | Gesture::Reading(_) => {}
        }
        if self.holds(id) {
            self.hold_at(at, mods);
        }
    }

    /// It is this pointer that holds something which may lead beyond the edge.
    fn holds(&self, id: i32) -> bool {
        match &self.gesture {
            Gesture::Marquee(marquee) => marquee.id == id,
            Gesture::Drag(drag) => drag.id == id,
            Gesture::Connect(connect) => connect.id == id,
            _ => false,
        }
    }

    fn begin_drag(&mut self, press: &Press, at: Point, mods: Mods, out: &mut Vec<Output>) {
        match press.hit {
            Hit::Node(node) if self.is_editor() => {
                let others = self.selected_nodes().into_iter().filter(|other| *other != node);
                let nodes = std::iter::once(node).chain(others).collect();
                self.drag_selected(press, self.scene.rect(node), nodes, at, mods, out);
            }
            Hit::Note(note) if self.is_editor() => {
                let anchor = self.scene.notes[note as usize].rect;
                self.drag_selected(press, anchor, self.selected_nodes(), at, mods, out);
            }
            Hit::Group(group) if self.is_editor() => {
                // Its first step goes onto the grid, and so do all.
                let first = self.scene.groups[group as usize].members.first();
                let anchor = first.map_or(Rect::ZERO, |node| self.scene.rect(*node));
                self.drag_selected(press, anchor, self.selected_nodes(), at, mods, out);
            }
            Hit::Corner(note) if self.is_editor() => {
                let from = self.scene.notes[note as usize].rect.size();
                let grabbed = self.camera.to_world(press.at);
                self.gesture = Gesture::Resize(Resize { id: press.id, grabbed, note, from });
                self.resize_to(at, mods);
            }
            Hit::End(edge, end) if self.is_editor() && !press.mods.shift => {
                self.build(Act::Reconnect { id: press.id, edge, end, at }, out);
            }
            Hit::Nothing | Hit::Edge(_) | Hit::End(..) if press.mods.shift && press.precision == Precision::Mouse => {
                let (from, to) = (self.camera.to_world(press.at), self.camera.to_world(at));
                let (before, notes_before) = (self.selection.clone(), self.selected_notes.clone());
                self.gesture = Gesture::Marquee(Marquee { id: press.id, from, to, before, notes_before });
                self.marquee_moved(out);
            }
            _ => {
                self.gesture = Gesture::Pan { id: press.id, last: at };
                self.camera.pan_by(at - press.at);
                self.camera_moved();
            }
        }
    }

    /// Takes up all that is selected, by what is under the pointer.
    fn drag_selected(
        &mut self,
        press: &Press,
        anchor: Rect,
        nodes: Vec<u32>,
        at: Point,
        mods: Mods,
        out: &mut Vec<Output>,
    ) {
        let nodes = nodes.into_iter().map(|node| (node, self.scene.place[node as usize])).collect();
        let boxes = self.selected_note_boxes().into_iter();
        let boxes = boxes.map(|note| (note, self.scene.notes[note as usize].rect.origin())).collect();
        let (id, grabbed) = (press.id, self.camera.to_world(press.at));
        let (by, guides) = (Vec2::ZERO, Vec::new());
        self.gesture = Gesture::Drag(Drag { id, grabbed, anchor, nodes, notes: boxes, by, is_copy: false, guides });
        self.build(Act::DragTo { at, mods }, out);
    }

    fn resize_to(&mut self, at: Point, mods: Mods) {
        let Gesture::Resize(resize) = &self.gesture else {
            return;
        };
        let by = self.camera.to_world(at) - resize.grabbed;
        let corner = Point::new(resize.from.width + by.x, resize.from.height + by.y);
        let size = if mods.ctrl { corner } else { snapped(corner) };
        let by = size - Point::new(resize.from.width, resize.from.height);
        self.scene.resize_note(resize.note, by, resize.from);
        (self.dirty.base, self.dirty.overlay) = (true, true);
    }

    pub(super) fn drag_to(&mut self, at: Point, mods: Mods) {
        let Gesture::Drag(drag) = &self.gesture else {
            return;
        };
        let anchor = drag.anchor;
        let raw = anchor.origin() + (self.camera.to_world(at) - drag.grabbed);
        // What is grabbed snaps; the others keep their distance to it.
        let (target, guides) = if mods.ctrl { (raw, Vec::new()) } else { self.guided(anchor.with_origin(raw)) };
        let Gesture::Drag(drag) = &mut self.gesture else {
            return;
        };
        (drag.by, drag.is_copy, drag.guides) = (target - anchor.origin(), mods.alt, guides);
        let by = if drag.is_copy { Vec2::ZERO } else { drag.by };
        let moved = |places: &[(u32, Point)]| -> Vec<(u32, Point)> {
            places.iter().map(|(id, place)| (*id, *place + by)).collect()
        };
        self.scene.move_nodes(&moved(&drag.nodes));
        self.scene.move_notes(&moved(&drag.notes));
        (self.dirty.base, self.dirty.overlay) = (true, true);
    }

    pub(super) fn marquee_moved(&mut self, out: &mut Vec<Output>) {
        let Gesture::Marquee(marquee) = &self.gesture else {
            return;
        };
        let inside = self.scene.marquee(marquee.area(), marquee.is_touching());
        // Each node inside comes once: only those of before are looked for, and not one after another.
        let before: BTreeSet<&StepKey> = marquee.before.iter().collect();
        let found = inside.into_iter().map(|node| self.scene.key(node)).filter(|key| !before.contains(key));
        let selection: Vec<StepKey> = marquee.before.iter().chain(found).cloned().collect();
        let mut notes = marquee.notes_before.clone();
        for note in self.scene.notes_in(marquee.area(), marquee.is_touching()) {
            let id = &self.scene.notes[note as usize].id;
            if !notes.contains(id) {
                notes.push(id.clone());
            }
        }
        self.dirty.overlay = true;
        let before = self.dirty;
        let was_selected = self.selected_of_all();
        // Frames of groups, notes and lines look different too.
        let are_steps_alone =
            self.scene.groups.is_empty() && self.selected_notes == notes && self.selected_edge.is_none();
        self.select_both(selection, notes, out);
        if are_steps_alone && !before.base {
            self.dirty.base = false;
            let is_selected = self.selected_of_all();
            let is_other = |node: &u32| was_selected[*node as usize] != is_selected[*node as usize];
            self.restyled.extend(self.scene.nodes().filter(is_other));
            self.dirty.nodes |= !self.restyled.is_empty();
        }
        if self.scene.n_nodes() > super::mirror::MAX_LISTED && !before.mirror && self.dirty.mirror {
            // Nobody hears sixty selections a second.
            (self.dirty.mirror, self.dirty.mirror_soon) = (false, true);
        }
    }

    fn pointer_up(&mut self, id: i32, mods: Mods, out: &mut Vec<Output>) {
        match &self.gesture {
            Gesture::Press(press) if press.id == id => {
                let press = press.clone();
                self.gesture = Gesture::Idle;
                self.click(&press, mods, out);
            }
            Gesture::Pan { id: own, .. } if *own == id => self.gesture = Gesture::Idle,
            Gesture::Marquee(marquee) if marquee.id == id => {
                self.gesture = Gesture::Idle;
                self.dirty.overlay = true;
            }
            Gesture::Drag(drag) if drag.id == id => {
                let nodes: Vec<u32> = drag.nodes.iter().map(|(node, _)| *node).collect();
                let boxes: Vec<u32> = drag.notes.iter().map(|(note, _)| *note).collect();
                if drag.is_copy {
                    let by = drag.by;
                    self.gesture = Gesture::Idle;
                    self.dirty.overlay = true;
                    if by != Vec2::ZERO {
                        self.build(Act::DuplicateTo { nodes, notes: boxes, by }, out);
                    }
                    return;
                }
                let note_at = |note: u32| self.scene.notes[note as usize].rect.origin();
                let has_moved = drag.nodes.iter().any(|(node, place)| self.scene.place[*node as usize] != *place)
                    || drag.notes.iter().any(|(note, place)| note_at(*note) != *place);
                self.gesture = Gesture::Idle;
                if has_moved {
                    self.build(Act::Place { nodes, notes: boxes, label: "Move" }, out);
                }
            }
            Gesture::Resize(resize) if resize.id == id => {
                let (note, from) = (resize.note, resize.from);
                self.gesture = Gesture::Idle;
                if self.scene.notes[note as usize].rect.size() != from {
                    self.build(Act::Place { nodes: Vec::new(), notes: vec![note], label: "Resize note" }, out);
                }
            }
            Gesture::Connect(connect) if connect.id == id => self.build(Act::FinishConnect, out),
            // The finger that stays pans on.
            Gesture::Pinch { ids, at } => {
                if let Some(lifted) = ids.iter().position(|known| *known == id) {
                    self.gesture = Gesture::Pan { id: ids[1 - lifted], last: at[1 - lifted] };
                    self.set_hover(Hit::Nothing);
                }
            }
            Gesture::Palette { .. } => self.build(Act::DropFromPalette, out),
            Gesture::Idle
            | Gesture::KeyConnect(_)
            | Gesture::Adding(_)
            | Gesture::Reading(_)
            | Gesture::Press(_)
            | Gesture::Pan { .. }
            | Gesture::Marquee(_)
            | Gesture::Drag(_)
            | Gesture::Resize(_)
            | Gesture::Connect(_) => {}
        }
    }

    pub(super) fn place_here(&mut self, nodes: &[u32], texts: &[u32], label: &str, out: &mut Vec<Output>) {
        let edit = self.all_to_here(nodes, texts);
        self.commit(edit, label, None, out);
    }

    /// Where the nodes stand in the scene, as an edit. Steps that the layout placed are pinned along, or they would move
    /// the next time the draft is opened.
    pub(super) fn moves_to_here(&self, nodes: &[u32]) -> Edit {
        let mut moves: Vec<(StepKey, Option<Position>)> = nodes
            .iter()
            .map(|node| {
                let (at, is_pinned) = (self.scene.place[*node as usize], self.scene.is_pinned[*node as usize]);
                (self.scene.key(*node).clone(), Some(self.flow.stored(at, is_pinned)))
            })
            .collect();
        let wanted: BTreeSet<u32> = nodes.iter().copied().collect();
        let is_moved = |key: &StepKey| self.scene.node(key).is_some_and(|node| wanted.contains(&node));
        let pinned = self.automatic.iter().filter(|(key, _)| !is_moved(key));
        moves.extend(pinned.map(|(key, place)| (key.clone(), Some(self.flow.stored(*place, false)))));
        Edit::MoveSteps(moves)
    }

    fn click(&mut self, press: &Press, mods: Mods, out: &mut Vec<Output>) {
        let many = mods.shift || mods.ctrl;
        match press.hit {
            Hit::Node(node) => {
                let key = self.scene.key(node).clone();
                if many && !press.has_selected {
                    let rest = self.selection.iter().filter(|known| **known != key).cloned().collect();
                    self.select(rest, out);
                } else if !many {
                    self.select(vec![key], out);
                }
            }
            Hit::Note(_) | Hit::Corner(_) | Hit::Group(_) => {
                self.click_mark(press.hit, press.has_selected, many, out);
            }
            Hit::Edge(edge) | Hit::End(edge, _) if press.mods.shift => self.select_edge(edge, out),
            Hit::Nothing if !many => self.select(Vec::new(), out),
            Hit::Nothing | Hit::Edge(_) | Hit::End(..) | Hit::Port(..) => {}
        }
    }
}
