//! A history that outlives the page: the entries nearest to now, as many as fit into a number of bytes.
//! Must never be used on another document than the one that it was kept with: whoever keeps it has to tell the two apart.

use serde::{Deserialize, Serialize};

use super::{Entry, History};

/// What can be undone and redone, the last of each being the next.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    done: Vec<Entry>,
    undone: Vec<Entry>,
}

impl Kept {
    pub fn is_empty(&self) -> bool {
        self.done.is_empty() && self.undone.is_empty()
    }
}

impl History {
    /// The entries that fit, nearest first; what can be undone goes before what can be redone.
    pub fn kept(&self, max_bytes: usize) -> Kept {
        let mut room = max_bytes;
        let mut nearest = |entries: &[Entry]| {
            let fit = entries.iter().rev().take_while(|entry| {
                let is_room = entry.bytes + entry.label.len() <= room;
                room -= if is_room { entry.bytes + entry.label.len() } else { room };
                is_room
            });
            let mut kept: Vec<Entry> = fit.cloned().collect();
            kept.reverse();
            kept
        };
        Kept { done: nearest(&self.done), undone: nearest(&self.undone) }
    }

    /// Takes up what an earlier visit kept. What was done since then goes on top of it.
    pub fn take_up(&mut self, kept: Kept) {
        if self.editing.is_none() || !self.done.is_empty() || !self.undone.is_empty() {
            return;
        }
        let Kept { done, undone } = kept;
        self.bytes = done.iter().chain(&undone).map(|entry| entry.bytes).sum();
        (self.done, self.undone) = (done, undone);
        self.seal();
    }
}
