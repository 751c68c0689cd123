//! What can be undone and redone, kept in this tab: a reload, or the way to another page and back, takes nothing of it away.
//! It is never used on another state of the workflow than the one it was kept with, and never shown to another person.

use canvas::{Document, history::Kept};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::draft::Draft;
use crate::device;

/// Bytes of JSON; a tab has room for about twice as much.
const MOST: usize = 2 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
struct Past {
    /// Tells the state of the workflow to which it leads.
    of: String,
    history: Kept,
}

impl Draft {
    fn place_of_past(self) -> Option<String> {
        let user = self.session.user_untracked()?;
        Some(device::place_of(user.id, &format!("past:{}", self.id)))
    }

    /// Tells the state of the workflow.
    fn state(self) -> String {
        self.handle.with_document_untracked(Document::fingerprint)
    }

    /// Takes up what an earlier visit in this tab could undo, if the workflow is still as it left it.
    pub(super) fn take_up_past(self) {
        let Some(place) = self.place_of_past() else { return };
        let Some(past) = device::read_in_tab(&place).and_then(|text| serde_json::from_str::<Past>(&text).ok()) else {
            return;
        };
        if past.of == self.state() {
            self.handle.take_up_history(past.history);
        } else {
            device::forget_in_tab(&place);
        }
    }

    /// Keeps it, unless nothing happened since it was kept last.
    pub(super) fn keep_past(self) {
        let Some(now) = self.handle.revision().try_get_untracked() else { return };
        if self.kept_at.try_get_value() == Some(Some(now)) {
            return;
        }
        let Some(place) = self.place_of_past() else { return };
        let history = self.handle.kept_history(MOST);
        let text =
            (!history.is_empty()).then(|| serde_json::to_string(&Past { of: self.state(), history }).ok()).flatten();
        match text {
            // A tab that is full forgets what could be undone with its reload; nothing else is lost by that.
            Some(text) if device::write_in_tab(&place, &text) => {}
            Some(_) | None => device::forget_in_tab(&place),
        }
        self.kept_at.try_set_value(Some(now));
    }
}
