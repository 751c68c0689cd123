//! What is not on the server: what an earlier visit left in this browser is taken up, and merged with what others saved since.
//! Only a person's word may drop it.

use leptos::prelude::*;

use super::{
    draft::Draft,
    keep,
    saving::{SaveState, Theirs, lock},
};
use crate::reactive::effect;

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
            // It began from another draft, so what this page came with is somebody else's.
            let theirs = {
                let mut core = lock(&core);
                let content = std::mem::replace(&mut core.saved, kept.base);
                let revision = std::mem::replace(&mut core.base, kept.base_revision);
                Theirs { revision, content, live: self.live.get_untracked() }
            };
            self.show(kept.content);
            saving.theirs.set(Some(theirs));
            saving.set(SaveState::Conflict);
            self.take_in();
        }
    }

    /// What is here went into a copy; this page is left without it.
    pub(super) fn let_go(self) {
        self.saving.stop_timer();
        self.saving.is_dirty.set_value(false);
        keep::forget(self.id);
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
