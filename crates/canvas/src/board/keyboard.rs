//! The keyboard: everything the pointer can do, without it.
//! Arrows follow edges, or move several steps; L selects lines, M notes, C connects, N adds, Delete deletes; while a gesture runs only Escape and the keys of connect mode count.

use kurbo::{Point, Vec2};
use workflow::StepKey;

use super::{
    Board, Gesture,
    building::Act,
    input::{Key, Mods, Output, Written},
    selecting::Way,
};
use crate::{flow::Flow, scene::SNAP};

const ZOOM_STEP: f64 = 1.25;
/// The larger move by keyboard.
const FAR: f64 = 5.0 * SNAP;

impl Board {
    pub(super) fn key(&mut self, key: Key, mods: Mods, out: &mut Vec<Output>) {
        self.is_keyboard_used = true;
        self.dirty.overlay = true;
        match &self.gesture {
            Gesture::Idle => {}
            Gesture::KeyConnect(_) => return self.key_while_connecting(key, out),
            _ if key == Key::Escape => {
                let had_selection = matches!(self.gesture, Gesture::Marquee(_));
                self.cancel_gesture();
                out.push(Output::Hint(None));
                if had_selection {
                    out.push(Output::Selected);
                }
                return;
            }
            _ => return,
        }
        match (key, mods.ctrl, mods.shift) {
            (Key::Char('z' | 'Z'), true, shift) => self.build(Act::Travel { is_back: !shift }, out),
            (Key::Char('y' | 'Y'), true, _) => self.build(Act::Travel { is_back: false }, out),
            (Key::Char('a' | 'A'), true, _) => out.extend(self.select_all()),
            (Key::Char('d' | 'D'), true, _) => self.build(Act::Duplicate, out),
            (Key::Char('1' | '!'), false, true) => self.fit(),
            (Key::Char('2' | '"' | '@'), false, true) => self.show_all(),
            (Key::Char('p' | 'P'), false, _) => self.build(Act::Pin, out),
            (Key::Char('0'), false, _) => self.zoom_to(1.0),
            (Key::Char('+' | '='), _, _) => self.zoom_by(ZOOM_STEP),
            (Key::Char('-' | '_'), _, _) => self.zoom_by(1.0 / ZOOM_STEP),
            (Key::Char('c' | 'C'), false, _) => self.build(Act::KeyConnect, out),
            (Key::Char('n' | 'N'), false, _) => self.build(Act::AddByKey, out),
            (Key::Char('u' | 'U'), false, _) => self.build(Act::SelectAlong(Way::Upstream), out),
            (Key::Char('d' | 'D'), false, _) => self.build(Act::SelectAlong(Way::Downstream), out),
            (Key::Char('l' | 'L'), false, shift) => self.build(Act::WalkLines { is_forward: !shift }, out),
            (Key::Char('m' | 'M'), false, shift) => self.build(Act::WalkNotes { is_forward: !shift }, out),
            (Key::Char('t' | 'T'), false, _) => self.build(Act::AddNote, out),
            (Key::Char('g' | 'G'), false, false) => self.build(Act::Group, out),
            (Key::Char('g' | 'G'), false, true) => self.build(Act::Ungroup, out),
            (Key::Char('f' | 'F'), false, _) => out.extend(self.toggle_following()),
            (Key::Delete, ..) => self.build(Act::Delete, out),
            (Key::Escape, ..) => self.select(Vec::new(), out),
            (Key::Enter | Key::Space, ..) => self.open_focused(out),
            (Key::Home, ..) => self.walk_to(self.scene.order.first().copied(), out),
            (Key::End, ..) => self.walk_to(self.scene.order.last().copied(), out),
            (Key::Left | Key::Right | Key::Up | Key::Down, ctrl, shift) => {
                // From several, or from a note, there is no one step to go on from, so they move.
                let n_selected = self.selection.len() + 2 * self.selected_notes.len();
                let are_many = self.is_editor() && n_selected > 1;
                if ctrl || shift || are_many {
                    let is_far = shift && (ctrl || are_many);
                    self.build(Act::Nudge { key, by: if is_far { FAR } else { SNAP } }, out);
                } else {
                    self.walk(key, out);
                }
            }
            (Key::Char(_), ..) => {}
        }
    }

    fn key_while_connecting(&mut self, key: Key, out: &mut Vec<Output>) {
        match key {
            Key::Right | Key::Down => self.build(Act::StepKeyConnect { forward: true }, out),
            Key::Left | Key::Up => self.build(Act::StepKeyConnect { forward: false }, out),
            Key::Enter | Key::Space => self.build(Act::FinishKeyConnect, out),
            Key::Escape => {
                self.cancel_gesture();
                out.push(Output::Hint(None));
                out.push(Output::Say("Connecting left".to_owned()));
            }
            Key::Home | Key::End | Key::Delete | Key::Char(_) => {}
        }
    }

    pub(super) fn travel(&mut self, is_back: bool, out: &mut Vec<Output>) {
        if !self.is_editor() {
            return;
        }
        let (done, verb, nothing) = if is_back {
            (self.undo(), "Undone", "Nothing to undo")
        } else {
            (self.redo(), "Redone", "Nothing to redo")
        };
        match done {
            Ok(Some(label)) => {
                out.push(Output::Say(format!("{verb}: {label}")));
                out.push(Output::Changed { label });
                out.push(Output::Selected);
            }
            Ok(None) => out.push(Output::Say(nothing.to_owned())),
            Err(refused) => out.push(Output::Refused(self.words_of(&refused))),
        }
    }

    fn open_focused(&mut self, out: &mut Vec<Output>) {
        if let ([], [note]) = (self.selection.as_slice(), self.selected_notes.as_slice()) {
            out.push(Output::Write(Written::Note(note.clone())));
        } else if let Some(key) = self.focus.clone() {
            self.select(vec![key.clone()], out);
            out.push(Output::Opened(key));
        }
    }

    /// The keyboard arrives at a node, as by Tab: it is selected and shown.
    pub fn focus_node(&mut self, key: &StepKey) -> Vec<Output> {
        let mut out = Vec::new();
        self.is_keyboard_used = true;
        self.walk_to(self.scene.node(key), &mut out);
        out
    }

    fn walk_to(&mut self, node: Option<u32>, out: &mut Vec<Output>) {
        if let Some(node) = node {
            let key = self.scene.key(node).clone();
            self.select(vec![key.clone()], out);
            self.focus = Some(key.clone());
            self.dirty.mirror = true;
            self.reveal(&key);
        }
    }

    /// Along the picture arrows follow edges; across it they go to the nearest node there.
    fn walk(&mut self, key: Key, out: &mut Vec<Output>) {
        let Some(from) = self.focus.as_ref().and_then(|key| self.scene.node(key)) else {
            return self.walk_to(self.scene.order.first().copied(), out);
        };
        let at = from as usize;
        let (next, nothing) = match (self.flow, key) {
            (Flow::Right, Key::Right) | (Flow::Down, Key::Down) => {
                let next = self.scene.edges_out[at].iter().map(|edge| self.scene.edges[*edge as usize].to);
                (self.nearest_across(from, next), "Nothing depends on this step")
            }
            (Flow::Right, Key::Left) | (Flow::Down, Key::Up) => {
                let next = self.scene.edges_in[at].iter().map(|edge| self.scene.edges[*edge as usize].from);
                (self.nearest_across(from, next), "This step depends on nothing")
            }
            (_, Key::Up) => (self.nearest_towards(from, -1.0), "Nothing above"),
            (_, Key::Left) => (self.nearest_towards(from, -1.0), "Nothing to the left"),
            (Flow::Down, _) => (self.nearest_towards(from, 1.0), "Nothing to the right"),
            (Flow::Right, _) => (self.nearest_towards(from, 1.0), "Nothing below"),
        };
        match next {
            Some(next) => self.walk_to(Some(next), out),
            None => out.push(Output::Say(nothing.to_owned())),
        }
    }

    fn nearest_across(&self, from: u32, nodes: impl Iterator<Item = u32>) -> Option<u32> {
        let across = |node: u32| self.flow.turn(self.scene.place[node as usize]).y;
        let distance = |node: &u32| (across(*node) - across(from)).abs();
        nodes.min_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.cmp(b)))
    }

    fn nearest_towards(&self, from: u32, direction: f64) -> Option<u32> {
        let here = self.flow.turn(self.scene.rect(from).center());
        let cost = |node: u32| {
            let by: Vec2 = self.flow.turn(self.scene.rect(node).center()) - here;
            // Sideways counts double, so that a column is walked before its neighbour.
            (by.y * direction > 0.0 && node != from).then(|| by.y.abs() + 2.0 * by.x.abs())
        };
        let best = self.scene.nodes().filter_map(|node| Some((cost(node)?, node)));
        best.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, node)| node)
    }

    pub(super) fn nudge(&mut self, key: Key, by: f64, out: &mut Vec<Output>) {
        if !self.is_editor() {
            return;
        }
        let by = match key {
            Key::Left => Vec2::new(-by, 0.0),
            Key::Right => Vec2::new(by, 0.0),
            Key::Up => Vec2::new(0.0, -by),
            _ => Vec2::new(0.0, by),
        };
        let (nodes, boxes) = (self.selected_nodes(), self.selected_note_boxes());
        let first = nodes.first().map(|node| self.scene.key(*node).as_str());
        let above = boxes.first().map(|note| self.scene.notes[*note as usize].id.as_str());
        let Some(first) = first.or(above) else {
            return;
        };
        let group = format!("nudge {first}");
        let moves: Vec<(u32, Point)> =
            nodes.iter().map(|node| (*node, self.scene.place[*node as usize] + by)).collect();
        let note_at = |note: u32| self.scene.notes[note as usize].rect.origin();
        let note_moves: Vec<(u32, Point)> = boxes.iter().map(|note| (*note, note_at(*note) + by)).collect();
        self.scene.move_nodes(&moves);
        self.scene.move_notes(&note_moves);
        let edit = self.all_to_here(&nodes, &boxes);
        if self.commit(edit, "Move", Some(&group), out)
            && let Some(key) = self.selection.last().cloned()
        {
            self.reveal(&key);
        }
    }
}
