//! How the draft stands with the server: what it has, what is on its way, and what is only here.
//! Must never send or show anything.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use canvas::Document;
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};
use workflow::api::{ErrorCode, TemplateView};

use super::{content::Live, keep::Kept};
use crate::error::AppError;

/// Remembered, to know our own draft again.
const MOST_SENT: usize = 50;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum SaveState {
    Saved,
    Saving,
    /// The server has not answered for a while: nothing failed yet, or only the wait for it was given up.
    Slow,
    /// The server cannot be reached, or cannot save now.
    Offline,
    SignedOut,
    /// Somebody saved a newer draft, which is about to be merged with what is here.
    Merging,
    /// The two do not go together unless a person decides.
    Conflict,
    /// The server will not take it as it is.
    Refused(AppError),
}

impl SaveState {
    pub(super) fn of(error: AppError) -> Self {
        match error.code() {
            ErrorCode::StaleRevision => Self::Merging,
            ErrorCode::Unauthenticated => Self::SignedOut,
            _ if error.is_too_late() => Self::Slow,
            ErrorCode::Unavailable | ErrorCode::Internal | ErrorCode::TooManyRequests => Self::Offline,
            _ => Self::Refused(error),
        }
    }

    /// Whether the server has what was sent is not known, and it is sent again.
    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self, Self::Slow | Self::Offline)
    }

    /// A newer draft stands before the next save.
    pub(super) fn is_behind(&self) -> bool {
        matches!(self, Self::Merging | Self::Conflict)
    }
}

/// What outlives the page: a save that is on its way when one leaves.
#[derive(Debug)]
pub(super) struct Core {
    pub base: i64,
    /// What the server has, as far as this page knows: what the edits here began from.
    pub saved: Arc<Document>,
    /// What the edits here began from is not known: there was no room to keep it. `saved` is then somebody else's draft.
    pub is_base_lost: bool,
    /// Fingerprints of what was sent without an answer, on earlier visits too: the server may have taken any of it.
    pub sent: Vec<String>,
    /// The fingerprint of what is on its way, until it is answered.
    pub in_flight: Option<String>,
    /// A merge waits until nobody is in the middle of something.
    pub is_waiting: bool,
    /// Saves in a row that the server did not answer.
    pub n_failures: u32,
    /// Merges in a row without a save that the server took.
    pub n_merges: u32,
    /// What was there when the page was left while a save was on its way.
    pub left: Option<Document>,
}

impl Core {
    pub(super) fn new(base: i64, saved: Document) -> Self {
        Self {
            base,
            saved: Arc::new(saved),
            is_base_lost: false,
            sent: Vec::new(),
            in_flight: None,
            is_waiting: false,
            n_failures: 0,
            n_merges: 0,
            left: None,
        }
    }

    /// The server has this now, so nothing that was sent before matters any more.
    pub(super) fn stands_at(&mut self, base: i64, saved: Document) {
        (self.base, self.saved, self.is_base_lost) = (base, Arc::new(saved), false);
        self.sent.clear();
    }

    /// An answer that comes late may be older than what is here.
    pub(super) fn is_behind(&self, theirs: &Theirs) -> bool {
        self.base < theirs.revision
    }

    /// What is kept in the browser while the server does not have it.
    pub(super) fn kept(&self, n_edits: usize, content: Document) -> Kept {
        self.beginning().kept(n_edits, content)
    }

    /// What the server has, for a page that may still come with less.
    pub(super) fn taken(&self) -> Kept {
        let content = Document::clone(&self.saved);
        Kept { base_revision: self.base, base: None, sent: Vec::new(), n_edits: 0, content, is_taken: true }
    }

    /// What to keep beside the edits, so that it can be read when this cannot any more.
    pub(super) fn beginning(&self) -> Beginning {
        let base = (!self.is_base_lost).then(|| Arc::clone(&self.saved));
        Beginning { revision: self.base, base, sent: self.sent.iter().chain(&self.in_flight).cloned().collect() }
    }

    /// Whether the server has something of what was sent.
    pub(super) fn is_ours(&self, current: &Document) -> bool {
        self.sent.contains(&current.fingerprint())
    }

    pub(super) fn note_unanswered(&mut self, error: &AppError, sent: String) {
        let is_unknown = SaveState::of(error.clone()).is_unanswered();
        if is_unknown && !self.sent.contains(&sent) {
            self.sent.push(sent);
            let surplus = self.sent.len().saturating_sub(MOST_SENT);
            self.sent.drain(..surplus);
        }
    }
}

/// What edits began from. It is made with each of them, so nothing large is copied for it.
pub(super) struct Beginning {
    revision: i64,
    base: Option<Arc<Document>>,
    sent: Vec<String>,
}

impl Beginning {
    pub(super) fn kept(self, n_edits: usize, content: Document) -> Kept {
        let base = self.base.map(Arc::unwrap_or_clone);
        Kept { base_revision: self.revision, base, sent: self.sent, n_edits, content, is_taken: false }
    }
}

/// How long a merged draft waits before it is saved: somebody who saves without end must not make this page do so too.
pub(super) fn pause_after(n_merges: u32) -> Duration {
    const AT_ONCE: u32 = 3;
    const MOST_S: u64 = 30;
    match n_merges.saturating_sub(AT_ONCE) {
        0 => Duration::ZERO,
        more => Duration::from_secs(2_u64.saturating_pow(more.min(8)).min(MOST_S)),
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
    /// The browser was told to leave the page. It goes on until the next one comes, and whoever leads it away may yet stay.
    pub is_left: StoredValue<bool>,
    pub timer: StoredValue<Option<TimeoutHandle>>,
}

impl Saving {
    pub(super) fn new(template: &TemplateView) -> Self {
        let core = Core::new(template.draft_revision, Document::from(template));
        Self {
            state: RwSignal::new(SaveState::Saved),
            n_edits: RwSignal::new(0),
            is_kept: RwSignal::new(false),
            theirs: RwSignal::new(None),
            restored: RwSignal::new(None),
            core: StoredValue::new(Arc::new(Mutex::new(core))),
            is_dirty: StoredValue::new(false),
            is_left: StoredValue::new(false),
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

#[cfg(test)]
mod tests {
    use workflow::api::ApiError;

    use super::*;

    fn named(name: &str) -> Document {
        Document { name: name.into(), ..Document::default() }
    }

    #[test]
    fn a_newer_draft_is_no_conflict_before_it_was_looked_at() {
        let refusal = ApiError {
            status: 409,
            code: ErrorCode::StaleRevision,
            detail: String::new(),
            field: None,
            problems: Vec::new(),
            id: None,
        };
        let state = SaveState::of(AppError(refusal));
        assert_eq!((state.is_behind(), state), (true, SaveState::Merging));
        assert!(SaveState::Conflict.is_behind() && !SaveState::Offline.is_behind());
    }

    #[test]
    fn a_server_that_is_slow_is_not_called_offline_and_what_was_sent_to_it_is_known_again() {
        let late = AppError::no_answer(Duration::from_secs(15));
        assert_eq!(SaveState::of(late.clone()), SaveState::Slow);
        assert_eq!(SaveState::of(AppError::broke_off()), SaveState::Offline);
        assert_eq!(SaveState::of(AppError::behind_a_proxy(502)), SaveState::Offline);
        let mut core = Core::new(1, named("first"));
        core.note_unanswered(&late, named("second").fingerprint());
        assert!(core.is_ours(&named("second")), "the server may have taken it all the same");
    }

    #[test]
    fn an_answer_that_is_older_than_what_is_here_is_not_newer() {
        let of = |revision: i64| Theirs {
            revision,
            content: named("theirs"),
            live: Live { version: None, has_unpublished_changes: true },
        };
        let core = Core::new(5, named("first"));
        assert_eq!([4, 5, 6].map(|revision| core.is_behind(&of(revision))), [false, false, true]);
    }

    #[test]
    fn what_is_on_its_way_is_kept_as_sent_and_known_again_as_ours() {
        let mut core = Core::new(1, named("first"));
        core.sent.push(named("lost").fingerprint());
        core.in_flight = Some(named("second").fingerprint());
        let kept = core.kept(2, named("third"));
        assert_eq!(kept.sent, [named("lost").fingerprint(), named("second").fingerprint()]);
        let mut next = Core::new(1, named("first"));
        next.sent = kept.sent;
        assert!(next.is_ours(&named("second")) && !next.is_ours(&named("somebody else's")));
        assert_eq!(next.kept(2, named("third")).sent.len(), 2, "what was sent is known as long as it is not answered");
        next.stands_at(2, named("second"));
        assert!(next.kept(1, named("third")).sent.is_empty());
    }

    #[test]
    fn who_merges_again_and_again_waits_longer_and_never_too_long() {
        let seconds: Vec<u64> = [0, 1, 3, 4, 5, 6, 9, u32::MAX].map(|n| pause_after(n).as_secs()).into();
        assert_eq!(seconds, [0, 0, 0, 2, 4, 8, 30, 30]);
    }
}
