//! Autosave: after a pause in the edits, with the revision they began from, one save at a time.
//! A newer draft of somebody else is merged and never overwritten unasked, and what could not be saved stays in this browser.

use std::time::Duration;

use canvas::Document;
use leptos::{ev, prelude::*, task::spawn_local};
use workflow::{
    TemplateId,
    api::{DraftSaved, DraftUpdate, ErrorCode, SentDefinition},
};

use super::{
    content::Live,
    draft::Draft,
    keep,
    merging::TakenIn,
    saving::{Core, SaveState, Shared, Theirs, lock, pause_after},
};
use crate::reactive::{effect, effect_with};
use crate::{api, crash, error::AppError};

const PAUSE: Duration = Duration::from_millis(600);
/// So long a merge waits before it looks again whether somebody is still in the middle of something.
const UNTIL_FREE: Duration = Duration::from_millis(300);
const MAX_RETRY_S: u64 = 30;
/// After it a save that is on its way is said to take long.
const LONG: Duration = Duration::from_secs(4);

impl Draft {
    pub(super) fn follow_saving(self) {
        let saving = self.saving;
        effect_with(move |before: Option<()>| {
            self.handle.revision().track();
            if before.is_some() {
                untrack(|| self.changed());
            }
        });
        effect_with(move |before: Option<u32>| {
            let epoch = self.session.epoch();
            if before.is_some_and(|before| before != epoch)
                && saving.state.with_untracked(|state| *state == SaveState::SignedOut)
            {
                self.save();
            }
            epoch
        });
        effect(move || {
            let listeners = [
                window_event_listener(ev::online, move |_| {
                    if saving.state.try_with_untracked(SaveState::is_unanswered) == Some(true) {
                        self.save();
                    }
                }),
                window_event_listener(ev::beforeunload, move |event| {
                    // After a crash everything is kept already, and what is still here may be broken.
                    if !crash::has_crashed() && saving.is_dirty.try_get_value() == Some(true) {
                        self.keep();
                        saving.is_left.set_value(true);
                        event.prevent_default();
                        event.set_return_value("Some changes are not saved yet");
                    }
                }),
                window_event_listener(ev::pagehide, move |_| {
                    if crash::has_crashed() {
                        return;
                    }
                    self.keep_past();
                    if saving.is_dirty.try_get_value() == Some(true) {
                        self.keep();
                    }
                }),
            ];
            on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
        });
        on_cleanup(move || {
            saving.stop_timer();
            self.keep_past();
            if saving.is_dirty.get_value() {
                self.leave();
            }
            crash::let_go();
        });
    }

    /// Puts the unsaved edits into this browser's storage.
    fn keep(self) {
        let saving = self.saving;
        let Some(core) = saving.core.try_get_value() else { return };
        let n_edits = saving.n_edits.get_untracked().max(1);
        let kept = lock(&core).kept(n_edits, self.content());
        let is_kept = keep::write(self.kept_in, kept);
        saving.is_kept.set(is_kept);
    }

    /// A crash of the page would write them there: by then the draft itself may not be readable.
    fn hold(self) {
        let saving = self.saving;
        let Some(core) = saving.core.try_get_value() else { return };
        let (place, n_edits, content) = (self.kept_in, saving.n_edits.get_untracked().max(1), self.content());
        let known = lock(&core).beginning();
        crash::hold(move || {
            // Taken as it then is: saves go on meanwhile. A crash under the lock leaves it locked; what was known when this was made is as
            // sound a beginning, from which only more has to be merged.
            let now = core.try_lock().map_or(known, |core| core.beginning());
            keep::write(place, now.kept(n_edits, content))
        });
    }

    /// Leaves the page inside the app with something unsaved: it is sent on, and kept until that is done.
    fn leave(self) {
        self.keep();
        let saving = self.saving;
        let is_behind = saving.state.try_with_untracked(SaveState::is_behind) == Some(true);
        let Some(shared) = saving.core.try_get_value().filter(|_| !is_behind) else { return };
        let content = self.content();
        let mut core = lock(&shared);
        if core.in_flight.is_some() {
            core.left = Some(content);
        } else {
            let base = core.base;
            spawn_local(async move { self.send_and_forget(base, content).await });
        }
    }

    /// Something was edited: it is saved after a pause.
    fn changed(self) {
        let saving = self.saving;
        saving.is_dirty.set_value(true);
        saving.is_left.set_value(false);
        if saving.timer.with_value(Option::is_none) {
            saving.n_edits.update(|n| *n += 1);
        }
        saving.stop_timer();
        if saving.state.with_untracked(|state| *state == SaveState::Saved) {
            saving.set(SaveState::Saving);
        }
        self.hold();
        self.save_soon();
    }

    /// After a pause, which is longer where somebody else saves again and again.
    pub(super) fn save_soon(self) {
        self.save_in(PAUSE.max(self.pause_of_merges()));
    }

    fn pause_of_merges(self) -> Duration {
        pause_after(self.saving.core.try_get_value().map_or(0, |core| lock(&core).n_merges))
    }

    fn save_in(self, pause: Duration) {
        self.saving.stop_timer();
        let timer = set_timeout_with_handle(
            move || {
                self.saving.timer.try_set_value(None);
                self.save();
            },
            pause,
        );
        self.saving.timer.set_value(timer.ok());
    }

    /// Saves now, unless a save is on its way: then after that one.
    pub(super) fn save(self) {
        let saving = self.saving;
        let Some(core) = saving.core.try_get_value() else { return };
        if saving.state.with_untracked(SaveState::is_behind) {
            self.keep();
            // What was in the way may have been taken back.
            self.take_in();
            return;
        }
        self.keep_past();
        if lock(&core).in_flight.is_some() {
            // Where that takes long, what was changed meanwhile is kept as it says.
            if saving.state.with_untracked(|state| *state == SaveState::Slow) {
                self.keep();
            }
            return;
        }
        let content = self.content();
        let base = {
            let mut core = lock(&core);
            if *core.saved == content && !core.is_base_lost {
                core.n_merges = 0;
                drop(core);
                self.settled();
                return;
            }
            core.in_flight = Some(content.fingerprint());
            core.base
        };
        let is_troubled = saving.state.with_untracked(|state| !matches!(state, SaveState::Saved | SaveState::Saving));
        if is_troubled {
            self.keep();
        } else {
            saving.set(SaveState::Saving);
        }
        let long = set_timeout_with_handle(move || self.note_long(), LONG).ok();
        spawn_local(async move {
            let answer = send(self.id, base, &content).await;
            if let Some(long) = long {
                long.clear();
            }
            self.answered(&core, content, answer).await;
        });
    }

    /// A save is still on its way. Nothing failed, so nobody is told that they are offline.
    fn note_long(self) {
        let is_told_otherwise = |state: &SaveState| matches!(state, SaveState::Saving | SaveState::Offline);
        if self.saving.state.try_with_untracked(is_told_otherwise) == Some(true) {
            self.keep();
            self.saving.set(SaveState::Slow);
        }
    }

    /// Takes in what somebody else saved, and saves both over it.
    pub(super) fn take_in(self) {
        match self.merge_in() {
            TakenIn::Merged => self.save_merged(),
            TakenIn::Later => self.take_in_soon(),
            TakenIn::Not => {}
        }
    }

    /// Later, where somebody else saves again and again: what the merge changed comes to `changed` a moment later, and waits as long.
    fn save_merged(self) {
        if self.pause_of_merges().is_zero() {
            self.save();
        } else {
            self.save_soon();
        }
    }

    /// Looks again in a moment; one such look is on its way at most.
    fn take_in_soon(self) {
        let Some(core) = self.saving.core.try_get_value() else { return };
        if std::mem::replace(&mut lock(&core).is_waiting, true) {
            return;
        }
        let look = move || {
            lock(&core).is_waiting = false;
            self.take_in();
        };
        set_timeout(look, UNTIL_FREE);
    }

    /// Looks at what somebody saved meanwhile, where a refusal says that there is such a thing.
    pub(super) fn catch_up(self) {
        spawn_local(async move {
            let theirs = match api::get_template(self.id).await {
                Ok(template) => Theirs::from(&template),
                Err(error) => return self.session.note(&error),
            };
            let is_newer = self.saving.core.try_get_value().is_some_and(|core| {
                let core = lock(&core);
                core.in_flight.is_none() && core.is_behind(&theirs)
            });
            if is_newer {
                self.saving.theirs.set(Some(theirs));
                self.saving.set(SaveState::Merging);
                self.take_in();
            }
        });
    }

    async fn answered(self, core: &Shared, content: Document, answer: Result<DraftSaved, AppError>) {
        let answer = match answer {
            Err(error) if error.code() == ErrorCode::StaleRevision => self.recognise(core, error).await,
            answer => answer.map(|saved| (saved, content)),
        };
        let left = {
            let mut core = lock(core);
            match (&answer, core.in_flight.take()) {
                (Ok((saved, taken)), _) => core.stands_at(saved.draft_revision, taken.clone()),
                (Err(error), Some(sent)) => core.note_unanswered(error, sent),
                (Err(_), None) => {}
            }
            core.left.take().map(|left| (left, core.base))
        };
        if let Some((left, base)) = left {
            if answer.is_ok() {
                self.send_and_forget(base, left).await;
            }
            return;
        }
        match answer {
            Ok((saved, _)) => self.saved(&saved),
            Err(error) => self.failed(error),
        }
    }

    /// A newer draft may be our own save whose answer was lost; else it is somebody else's, and to be merged.
    async fn recognise(self, core: &Shared, stale: AppError) -> Result<(DraftSaved, Document), AppError> {
        // Where the newer draft cannot be read now, the save is tried again as one that could not be sent.
        let theirs = api::get_template(self.id).await?;
        let current = Document::from(&theirs);
        let is_ours = lock(core).is_ours(&current);
        if is_ours {
            return Ok((theirs.into(), current));
        }
        self.saving.theirs.try_set(Some(Theirs::from(&theirs)));
        Err(stale)
    }

    fn saved(self, saved: &DraftSaved) {
        let saving = self.saving;
        saving.theirs.try_set(None);
        let live = Live::after(saved);
        if self.live.try_with_untracked(|known| *known != live) == Some(true) {
            self.live.set(live);
        }
        let Some(core) = saving.core.try_get_value() else { return };
        self.hear(&saved.problems);
        let is_all = {
            let mut core = lock(&core);
            (core.n_failures, core.n_merges) = (0, 0);
            self.handle.with_document_untracked(|now| *core.saved == *now)
        };
        if is_all {
            self.settled();
        } else {
            saving.set(SaveState::Saving);
            if saving.timer.with_value(Option::is_none) {
                self.save_soon();
            }
        }
    }

    /// The server has everything.
    pub(super) fn settled(self) {
        let saving = self.saving;
        saving.is_dirty.set_value(false);
        saving.n_edits.set(0);
        saving.is_kept.set(false);
        saving.restored.set(None);
        saving.set(SaveState::Saved);
        crash::let_go();
        // What a crash has rescued is for the page that is loaded after it: how much of this one still works nobody knows.
        if crash::has_crashed() {
            return;
        }
        let is_left = saving.is_left.try_get_value() == Some(true);
        if is_left && let Some(core) = saving.core.try_get_value() {
            let taken = lock(&core).taken();
            keep::note_taken(self.kept_in, taken);
        } else {
            keep::forget(self.kept_in);
        }
    }

    async fn send_and_forget(self, base: i64, content: Document) {
        if let Ok(saved) = send(self.id, base, &content).await {
            keep::note_taken(self.kept_in, Core::new(saved.draft_revision, content).taken());
        }
    }

    fn failed(self, error: AppError) {
        let saving = self.saving;
        self.session.note(&error);
        // The page was left meanwhile; what it could not save is kept.
        let Some(core) = saving.core.try_get_value() else { return };
        let state = SaveState::of(error);
        let (is_unanswered, is_behind) = (state.is_unanswered(), state.is_behind());
        saving.set(state);
        self.keep();
        if is_behind {
            self.take_in();
        }
        if is_unanswered {
            let n = {
                let mut core = lock(&core);
                core.n_failures = core.n_failures.saturating_add(1);
                core.n_failures
            };
            let wait = 2_u64.saturating_pow(n.min(8)).min(MAX_RETRY_S);
            self.save_in(Duration::from_secs(wait));
        }
    }
}

async fn send(id: TemplateId, base: i64, content: &Document) -> Result<DraftSaved, AppError> {
    let update = DraftUpdate {
        // A workflow keeps its last name while the field is empty.
        name: Some(content.name.clone()).filter(|name| !name.trim().is_empty()),
        description: Some(content.description.clone()),
        definition: Some(SentDefinition::Definition(Box::new(content.definition.clone()))),
        base_revision: Some(base),
    };
    api::save_draft(id, update).await
}
