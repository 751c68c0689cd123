//! The step that a form is about, and where what is typed about it is kept.
//! Must know nothing of how the step stands: whoever shows the form does.

use leptos::prelude::*;
use workflow::{RunId, StepKey};

use super::drafts::Drafts;

#[derive(Clone, Copy)]
pub(in crate::pages) struct Subject {
    pub run: RunId,
    key: StoredValue<StepKey>,
    pub drafts: Drafts,
}

impl Subject {
    pub(in crate::pages) fn new(run: RunId, key: StoredValue<StepKey>, drafts: Drafts) -> Self {
        Self { run, key, drafts }
    }

    pub(in crate::pages) fn key(self) -> StepKey {
        self.key.get_value()
    }

    /// What is typed about this step and not sent yet: it stays when a dialog closes, and while other steps are looked at.
    pub(in crate::pages) fn draft(self, name: &str) -> RwSignal<String> {
        self.drafts.text(&format!("{name} {}", self.key()))
    }
}
