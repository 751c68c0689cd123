//! What is not on the server: what an earlier visit left in this browser is taken up, and a newer draft of somebody else decided about.
//! Only a person's word may drop it or put it over somebody else's draft.

use canvas::Document;
use leptos::{prelude::*, task::spawn_local};
use workflow::api::TemplateView;

use super::{
    content::Live,
    draft::Draft,
    keep,
    saving::{SaveState, lock},
};
use crate::{api, reactive::effect};

impl Draft {
    /// Takes up what an earlier visit could not save, once the page is the browser's.
    pub(super) fn take_up_unsaved(self) {
        effect(move || {
            self.restore();
            self.take_up_past();
        });
    }

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
            self.save_soon();
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

    /// Shows the server's draft and drops what is here.
    pub(super) fn take_theirs(self, theirs: &TemplateView) {
        self.begin_from(theirs);
        let content = Document::from(theirs);
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
            lock(&core).saved = Document::from(theirs);
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
            core.unanswered.clear();
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
