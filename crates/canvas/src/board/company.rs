//! Who else is at this board, and what they have selected: told from outside, drawn on the overlay.
//! Must never change what is built, selected or in view here: others are seen, and nothing more.

use std::sync::Arc;

use workflow::StepKey;

use super::Board;

/// Somebody else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Visitor {
    pub initials: Arc<str>,
    /// Which of the colours that people are told apart by; the same wherever this person is shown.
    pub hue: u8,
    pub selected: Vec<StepKey>,
}

impl Board {
    pub fn visitors(&self) -> &[Visitor] {
        &self.visitors
    }

    pub fn set_visitors(&mut self, visitors: Vec<Visitor>) {
        if self.visitors != visitors {
            self.visitors = visitors;
            self.dirty.overlay = true;
        }
    }
}
