//! Autosave: after a pause in the edits, with the revision they began from, one save at a time.
//! A newer draft of somebody else is never overwritten unasked, and what could not be saved stays in this browser.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use leptos::{ev, leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use workflow::{
    TemplateId,
    api::{ErrorCode, TemplateView, UpdateTemplate},
};

use super::{
    draft::{Content, Draft, Live},
    keep::{self, Kept},
};
use crate::{api, error::AppError};

const PAUSE: Duration = Duration::from_millis(600);
const MAX_RETRY_S: u64 = 30;

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
    fn of(error: AppError) -> Self {
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
struct Core {
    base: i64,
    /// What the server has, as far as this page knows.
    saved: Content,
    /// What was sent last; its answer may have been lost.
    sent: Option<Content>,
    is_in_flight: bool,
    /// What was there when the page was left while a save was on its way.
    left: Option<Content>,
}

type Shared = Arc<Mutex<Core>>;

fn lock(core: &Shared) -> MutexGuard<'_, Core> {
    // There is one thread in the browser, and a half-made change of these fields is none.
    core.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone, Copy)]
pub(super) struct Saving {
    pub state: RwSignal<SaveState>,
    /// Edits since the last save, counted by pauses.
    pub n_edits: RwSignal<usize>,
    /// The unsaved edits are also in this browser's storage.
    pub is_kept: RwSignal<bool>,
    /// The newer draft of a conflict.
    pub theirs: RwSignal<Option<TemplateView>>,
    /// How many edits an earlier visit had left here, until the person has read it.
    pub restored: RwSignal<Option<usize>>,
    core: StoredValue<Shared>,
    is_dirty: StoredValue<bool>,
    timer: StoredValue<Option<TimeoutHandle>>,
    n_failures: StoredValue<u32>,
}

impl Saving {
    pub(super) fn new(template: &TemplateView) -> Self {
        let core = Core {
            base: template.draft_revision,
            saved: Content::of(template),
            sent: None,
            is_in_flight: false,
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
            n_failures: StoredValue::new(0),
        }
    }

    pub(super) fn is_saved(self) -> bool {
        self.state.with(|state| *state == SaveState::Saved)
    }

    fn set(self, state: SaveState) {
        if self.state.try_with_untracked(|known| *known != state) == Some(true) {
            self.state.set(state);
        }
    }

    fn stop_timer(self) {
        if let Some(timer) = self.timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    }
}

impl Draft {
    pub(super) fn follow_saving(self) {
        let saving = self.saving;
        Effect::new(move |before: Option<()>| {
            self.handle.revision().track();
            self.name.track();
            self.description.track();
            if before.is_some() {
                untrack(|| self.changed());
            }
        });
        Effect::new(move || self.restore());
        Effect::new(move |before: Option<u32>| {
            let epoch = self.session.epoch();
            if before.is_some_and(|before| before != epoch)
                && saving.state.with_untracked(|state| *state == SaveState::SignedOut)
            {
                self.save();
            }
            epoch
        });
        Effect::new(move || {
            let listeners = [
                window_event_listener(ev::online, move |_| {
                    if saving.state.with_untracked(|state| *state == SaveState::Offline) {
                        self.save();
                    }
                }),
                window_event_listener(ev::beforeunload, move |event| {
                    if saving.is_dirty.get_value() {
                        self.keep();
                        event.prevent_default();
                        event.set_return_value("Some changes are not saved yet");
                    }
                }),
                window_event_listener(ev::pagehide, move |_| {
                    if saving.is_dirty.get_value() {
                        self.keep();
                    }
                }),
            ];
            on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
        });
        on_cleanup(move || {
            saving.stop_timer();
            if saving.is_dirty.get_value() {
                self.leave();
            }
        });
    }

    /// Something was edited: it is saved after a pause.
    fn changed(self) {
        let saving = self.saving;
        saving.is_dirty.set_value(true);
        if saving.timer.with_value(Option::is_none) {
            saving.n_edits.update(|n| *n += 1);
        }
        saving.stop_timer();
        if saving.state.with_untracked(|state| *state == SaveState::Saved) {
            saving.set(SaveState::Saving);
        }
        self.save_in(PAUSE);
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
        if saving.state.with_untracked(|state| *state == SaveState::Conflict) {
            self.keep();
            return;
        }
        let content = self.content();
        let base = {
            let mut core = lock(&core);
            if core.is_in_flight {
                return;
            }
            if core.saved == content {
                drop(core);
                self.settled();
                return;
            }
            core.is_in_flight = true;
            core.sent = Some(content.clone());
            core.base
        };
        let is_troubled = saving.state.with_untracked(|state| !matches!(state, SaveState::Saved | SaveState::Saving));
        if is_troubled {
            self.keep();
        } else {
            saving.set(SaveState::Saving);
        }
        spawn_local(async move {
            let answer = send(self.id, base, &content).await;
            self.answered(&core, content, answer).await;
        });
    }

    async fn answered(self, core: &Shared, content: Content, answer: Result<TemplateView, AppError>) {
        let id = self.id;
        // A stale base may be our own save, whose answer was lost.
        let answer = match answer {
            Err(error) if error.code() == ErrorCode::StaleRevision => match api::get_template(id).await {
                Ok(theirs) => {
                    let current = Content::of(&theirs);
                    let is_ours = lock(core).sent.as_ref().is_some_and(|sent| sent.is_same_as(&current));
                    self.saving.theirs.try_set(Some(theirs.clone()));
                    if is_ours { Ok(theirs) } else { Err(error) }
                }
                Err(_) => Err(error),
            },
            answer => answer,
        };
        let left = {
            let mut core = lock(core);
            core.is_in_flight = false;
            if let Ok(template) = &answer {
                core.base = template.draft_revision;
                core.saved = content;
                core.sent = None;
            }
            core.left.take().map(|left| (left, core.base))
        };
        if let Some((left, base)) = left {
            if answer.is_ok() {
                send_and_forget(id, base, left).await;
            }
            return;
        }
        match answer {
            Ok(template) => self.saved(&template),
            Err(error) => self.failed(error),
        }
    }

    fn saved(self, template: &TemplateView) {
        let saving = self.saving;
        saving.n_failures.try_set_value(0);
        saving.theirs.try_set(None);
        let live = Live::of(template);
        if self.live.try_with_untracked(|known| *known != live) == Some(true) {
            self.live.set(live);
        }
        let Some(core) = saving.core.try_get_value() else { return };
        let is_all = lock(&core).saved == self.content();
        if is_all {
            self.settled();
        } else {
            saving.set(SaveState::Saving);
            if saving.timer.with_value(Option::is_none) {
                self.save_in(PAUSE);
            }
        }
    }

    /// The server has everything.
    fn settled(self) {
        let saving = self.saving;
        saving.is_dirty.set_value(false);
        saving.n_edits.set(0);
        saving.is_kept.set(false);
        saving.restored.set(None);
        saving.set(SaveState::Saved);
        keep::forget(self.id);
    }

    fn failed(self, error: AppError) {
        let saving = self.saving;
        self.session.note(&error);
        let state = SaveState::of(error);
        let is_offline = state == SaveState::Offline;
        saving.set(state);
        self.keep();
        if is_offline {
            let n = saving.n_failures.try_update_value(|n| {
                *n += 1;
                *n
            });
            let wait = 2_u64.saturating_pow(n.unwrap_or(1).min(8)).min(MAX_RETRY_S);
            self.save_in(Duration::from_secs(wait));
        }
    }

    /// Puts the unsaved edits into this browser's storage.
    fn keep(self) {
        let saving = self.saving;
        let Some(core) = saving.core.try_get_value() else { return };
        let base_revision = lock(&core).base;
        let kept = Kept { base_revision, n_edits: saving.n_edits.get_untracked().max(1), content: self.content() };
        let is_kept = keep::write(self.id, &kept);
        saving.is_kept.set(is_kept);
    }

    /// Takes up what an earlier visit could not save.
    fn restore(self) {
        let saving = self.saving;
        let Some(kept) = keep::read(self.id) else { return };
        let Some(core) = saving.core.try_get_value() else { return };
        let (base, is_same) = {
            let core = lock(&core);
            (core.base, core.saved.is_same_as(&kept.content))
        };
        if is_same {
            keep::forget(self.id);
            return;
        }
        saving.is_kept.set(true);
        saving.n_edits.set(kept.n_edits);
        saving.is_dirty.set_value(true);
        if kept.base_revision == base {
            saving.restored.set(Some(kept.n_edits));
            self.show(kept.content);
            self.save_in(PAUSE);
        } else {
            // The base it began from stays its base, so that nothing newer is overwritten by going on.
            lock(&core).base = kept.base_revision;
            self.show(kept.content);
            saving.set(SaveState::Conflict);
            self.fetch_theirs();
        }
    }

    pub(super) fn fetch_theirs(self) {
        spawn_local(async move {
            match api::get_template(self.id).await {
                Ok(theirs) => {
                    self.saving.theirs.try_set(Some(theirs));
                }
                Err(error) => self.session.note(&error),
            }
        });
    }

    /// Leaves the page inside the app with something unsaved: it is sent on, and kept until that is done.
    fn leave(self) {
        self.keep();
        let saving = self.saving;
        let is_conflict = saving.state.try_with_untracked(|state| *state == SaveState::Conflict) == Some(true);
        let Some(shared) = saving.core.try_get_value().filter(|_| !is_conflict) else { return };
        let content = self.content();
        let mut core = lock(&shared);
        if core.is_in_flight {
            core.left = Some(content);
        } else {
            let (id, base) = (self.id, core.base);
            spawn_local(async move { send_and_forget(id, base, content).await });
        }
    }

    /// Shows the server's draft and drops what is here.
    pub(super) fn take_theirs(self, theirs: &TemplateView) {
        self.begin_from(theirs);
        let content = Content::of(theirs);
        if let Some(core) = self.saving.core.try_get_value() {
            lock(&core).saved = content.clone();
        }
        self.show(content);
        self.live.set(Live::of(theirs));
        self.settled();
    }

    /// Takes the newer draft as the base and saves what is here over it: only ever by a person's word.
    pub(super) fn overwrite(self, theirs: &TemplateView) {
        self.begin_from(theirs);
        if let Some(core) = self.saving.core.try_get_value() {
            lock(&core).saved = Content::of(theirs);
        }
        self.save();
    }

    /// What is here went into a copy; this page is left without it.
    pub(super) fn let_go(self) {
        self.saving.stop_timer();
        self.saving.is_dirty.set_value(false);
        keep::forget(self.id);
    }

    fn begin_from(self, theirs: &TemplateView) {
        self.saving.stop_timer();
        if let Some(core) = self.saving.core.try_get_value() {
            let mut core = lock(&core);
            core.base = theirs.draft_revision;
            core.sent = None;
        }
        self.saving.theirs.set(None);
        self.saving.set(SaveState::Saving);
    }

    /// Goes back to what the server has.
    pub(super) fn discard_restored(self) {
        let Some(core) = self.saving.core.try_get_value() else { return };
        let saved = lock(&core).saved.clone();
        self.saving.stop_timer();
        self.show(saved);
        self.settled();
    }
}

async fn send(id: TemplateId, base: i64, content: &Content) -> Result<TemplateView, AppError> {
    let update = UpdateTemplate {
        // A workflow keeps its last name while the field is empty.
        name: Some(content.name.clone()).filter(|name| !name.trim().is_empty()),
        description: Some(content.description.clone()),
        definition: Some(content.definition.to_value()),
        base_revision: Some(base),
    };
    api::save_draft(id, update).await
}

async fn send_and_forget(id: TemplateId, base: i64, content: Content) {
    if send(id, base, &content).await.is_ok() {
        keep::forget(id);
    }
}
