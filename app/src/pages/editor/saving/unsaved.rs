//! What is not on the server: kept in this browser, taken up at the next visit, sent on when the page is left, or decided about.
//! Only a person's word may drop it or put it over somebody else's draft.

use leptos::{prelude::*, task::spawn_local};
use workflow::{TemplateId, api::TemplateView};

use super::{
    super::{
        draft::{Content, Draft, Live},
        keep::{self, Kept},
    },
    PAUSE, SaveState, lock, send,
};
use crate::api;

impl Draft {
    /// Puts the unsaved edits into this browser's storage.
    pub(super) fn keep(self) {
        let saving = self.saving;
        let Some(core) = saving.core.try_get_value() else { return };
        let base_revision = lock(&core).base;
        let kept = Kept { base_revision, n_edits: saving.n_edits.get_untracked().max(1), content: self.content() };
        let is_kept = keep::write(self.id, &kept);
        saving.is_kept.set(is_kept);
    }

    /// Takes up what an earlier visit could not save.
    pub(super) fn restore(self) {
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

    pub(in super::super) fn fetch_theirs(self) {
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
    pub(super) fn leave(self) {
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
    pub(in super::super) fn take_theirs(self, theirs: &TemplateView) {
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
    pub(in super::super) fn overwrite(self, theirs: &TemplateView) {
        self.begin_from(theirs);
        if let Some(core) = self.saving.core.try_get_value() {
            lock(&core).saved = Content::of(theirs);
        }
        self.save();
    }

    /// What is here went into a copy; this page is left without it.
    pub(in super::super) fn let_go(self) {
        self.saving.stop_timer();
        self.saving.is_dirty.set_value(false);
        keep::forget(self.id);
    }

    fn begin_from(self, theirs: &TemplateView) {
        self.saving.stop_timer();
        if let Some(core) = self.saving.core.try_get_value() {
            let mut core = lock(&core);
            core.base = theirs.draft_revision;
            core.unanswered.clear();
        }
        self.saving.theirs.set(None);
        self.saving.set(SaveState::Saving);
    }

    /// Goes back to what the server has.
    pub(in super::super) fn discard_restored(self) {
        let Some(core) = self.saving.core.try_get_value() else { return };
        let saved = lock(&core).saved.clone();
        self.saving.stop_timer();
        self.show(saved);
        self.settled();
    }
}

pub(super) async fn send_and_forget(id: TemplateId, base: i64, content: Content) {
    if send(id, base, &content).await.is_ok() {
        keep::forget(id);
    }
}
