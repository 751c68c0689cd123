//! How the draft stands with the server: what it has, what is on its way, and what is only here.
//! Must never send or show anything.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use canvas::Document;
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};
use workflow::api::{ErrorCode, TemplateView};

use super::content::Live;
use crate::error::AppError;

/// Remembered, to know our own draft again.
const MOST_UNANSWERED: usize = 5;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum SaveState {
    Saved,
    Saving,
    /// The server does not answer, or cannot save now.
    Offline,
    SignedOut,
    /// Somebody saved a newer draft.
    Conflict,
    /// The server will not take it as it is.
    Refused(AppError),
}

impl SaveState {
    pub(super) fn of(error: AppError) -> Self {
        match error.code() {
            ErrorCode::StaleRevision => Self::Conflict,
            ErrorCode::Unauthenticated => Self::SignedOut,
            ErrorCode::Unavailable | ErrorCode::Internal | ErrorCode::TooManyRequests => Self::Offline,
            _ => Self::Refused(error),
        }
    }
}

/// What outlives the page: a save that is on its way when one leaves.
#[derive(Debug)]
pub(super) struct Core {
    pub base: i64,
    /// What the server has, as far as this page knows: what the edits here began from.
    pub saved: Document,
    /// What was sent without an answer: the server may have taken any of it.
    pub unanswered: Vec<Document>,
    pub is_in_flight: bool,
    /// Saves in a row that the server did not answer.
    pub n_failures: u32,
    /// What was there when the page was left while a save was on its way.
    pub left: Option<Document>,
}

impl Core {
    pub(super) fn note_unanswered(&mut self, error: &AppError, content: Document) {
        let is_unknown = matches!(SaveState::of(error.clone()), SaveState::Offline);
        if is_unknown && self.unanswered.last() != Some(&content) {
            self.unanswered.push(content);
            let surplus = self.unanswered.len().saturating_sub(MOST_UNANSWERED);
            self.unanswered.drain(..surplus);
        }
    }
}

pub(super) type Shared = Arc<Mutex<Core>>;

pub(super) fn lock(core: &Shared) -> MutexGuard<'_, Core> {
    // There is one thread in the browser, and a half-made change of these fields is none.
    core.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What somebody else saved.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Theirs {
    pub revision: i64,
    pub content: Document,
    pub live: Live,
}

impl From<&TemplateView> for Theirs {
    fn from(template: &TemplateView) -> Self {
        Self { revision: template.draft_revision, content: Document::from(template), live: Live::of(template) }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Saving {
    pub state: RwSignal<SaveState>,
    /// Edits since the last save, counted by pauses.
    pub n_edits: RwSignal<usize>,
    /// The unsaved edits are also in this browser's storage.
    pub is_kept: RwSignal<bool>,
    /// The newer draft of somebody else, until it is merged with what is here.
    pub theirs: RwSignal<Option<Theirs>>,
    /// How many edits an earlier visit had left here, until the person has read it.
    pub restored: RwSignal<Option<usize>>,
    pub core: StoredValue<Shared>,
    pub is_dirty: StoredValue<bool>,
    pub timer: StoredValue<Option<TimeoutHandle>>,
}

impl Saving {
    pub(super) fn new(template: &TemplateView) -> Self {
        let core = Core {
            base: template.draft_revision,
            saved: Document::from(template),
            unanswered: Vec::new(),
            is_in_flight: false,
            n_failures: 0,
            left: None,
        };
        Self {
            state: RwSignal::new(SaveState::Saved),
            n_edits: RwSignal::new(0),
            is_kept: RwSignal::new(false),
            theirs: RwSignal::new(None),
            restored: RwSignal::new(None),
            core: StoredValue::new(Arc::new(Mutex::new(core))),
            is_dirty: StoredValue::new(false),
            timer: StoredValue::new(None),
        }
    }

    pub(super) fn is_saved(self) -> bool {
        self.state.with(|state| *state == SaveState::Saved)
    }

    pub(super) fn set(self, state: SaveState) {
        if self.state.try_with_untracked(|known| *known != state) == Some(true) {
            self.state.set(state);
        }
    }

    pub(super) fn stop_timer(self) {
        if let Some(timer) = self.timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    }
}
