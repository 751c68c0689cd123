//! Connecting by keyboard: the steps that can come after this one are walked through, and the others say why they cannot.
//! What is chosen here is judged by the same verdicts as what is dragged.

use super::{Board, Gesture, ends::Ends, input::Output};
use crate::scene::Side;

#[derive(Clone, PartialEq, Debug)]
pub struct KeyConnect {
    pub from: u32,
    /// The possible targets, what follows in the picture first.
    pub targets: Vec<u32>,
    pub at: usize,
    ends: Ends,
}

impl KeyConnect {
    pub fn target(&self) -> Option<u32> {
        self.targets.get(self.at).copied()
    }

    pub fn ends(&self) -> &Ends {
        &self.ends
    }
}

impl Board {
    pub(super) fn begin_key_connect(&mut self, out: &mut Vec<Output>) {
        let Some(from) = self.focus.as_ref().and_then(|key| self.scene.node(key)) else {
            out.push(Output::Say("Select a step to connect from".to_owned()));
            return;
        };
        let ends = Ends::of(&self.scene, from, Side::Out, None, None);
        let targets: Vec<u32> = self.scene.order.iter().copied().filter(|node| !ends.is_blocked(*node)).collect();
        if targets.is_empty() {
            let words = format!("No step can come after {}", self.scene.title[from as usize]);
            out.push(Output::Say(words.clone()));
            if self.scene.n_nodes() < 2 {
                out.push(Output::Refused(words));
                return;
            }
            self.set_hint(Some(words), out);
        }
        // Begin after the step itself: what follows it in the picture is what is meant most often.
        let before = self.scene.order.iter().take_while(|node| **node != from);
        let n_before = before.filter(|node| !ends.is_blocked(**node)).count();
        let at = if n_before < targets.len() { n_before } else { 0 };
        self.gesture = Gesture::KeyConnect(KeyConnect { from, targets, at, ends });
        self.dirty.base = true;
        self.tell_key_connect(out);
    }

    pub(super) fn step_key_connect(&mut self, forward: bool, out: &mut Vec<Output>) {
        if let Gesture::KeyConnect(connect) = &mut self.gesture
            && !connect.targets.is_empty()
        {
            let n = connect.targets.len();
            connect.at = if forward { (connect.at + 1) % n } else { (connect.at + n - 1) % n };
        }
        self.tell_key_connect(out);
    }

    /// The target that a list beside the canvas points at.
    pub(super) fn key_connect_at(&mut self, node: u32, out: &mut Vec<Output>) {
        if let Gesture::KeyConnect(connect) = &mut self.gesture
            && let Some(at) = connect.targets.iter().position(|target| *target == node)
            && connect.at != at
        {
            connect.at = at;
            // The list says itself what it points at: it would be heard twice.
            self.show_key_connect(out);
        }
    }

    fn tell_key_connect(&mut self, out: &mut Vec<Output>) {
        if let Some(words) = self.show_key_connect(out) {
            out.push(Output::Say(format!("{words}. Arrows choose, Enter connects, Escape leaves")));
        }
    }

    /// Brings the target into view, with the words over the canvas; answers with them.
    fn show_key_connect(&mut self, out: &mut Vec<Output>) -> Option<String> {
        let Gesture::KeyConnect(connect) = &self.gesture else {
            return None;
        };
        let target = connect.target()?;
        let title = |node: u32| &self.scene.title[node as usize];
        let n = connect.targets.len();
        let words = format!("Connect {} to {} ({} of {n})", title(connect.from), title(target), connect.at + 1);
        let margin = self.margin();
        if self.camera.reveal(self.scene.rect(target), self.viewport, margin) {
            self.camera_moved();
        }
        self.dirty.overlay = true;
        self.set_hint(Some(format!("{words} · Enter connects, Esc leaves")), out);
        Some(words)
    }

    pub(super) fn finish_key_connect(&mut self, out: &mut Vec<Output>) {
        if let Gesture::KeyConnect(connect) = std::mem::take(&mut self.gesture) {
            self.set_hint(None, out);
            (self.dirty.base, self.dirty.overlay) = (true, true);
            if let Some(target) = connect.target() {
                self.connect_nodes(connect.from, target, out);
            }
        }
    }

    /// Connects to the step that was chosen from a list, or says why not.
    pub(super) fn key_connect_to(&mut self, node: u32, out: &mut Vec<Output>) {
        if let Gesture::KeyConnect(connect) = std::mem::take(&mut self.gesture) {
            self.set_hint(None, out);
            (self.dirty.base, self.dirty.overlay) = (true, true);
            match connect.ends.refusal(&self.scene, node) {
                Some(refused) => out.push(Output::Refused(self.words_of(&refused))),
                None => self.connect_nodes(connect.from, node, out),
            }
        }
    }
}
