//! A newer draft of somebody else is merged with what is here, as one step that can be undone.
//! Must never choose between the two: where both changed one field, a person does. Saving what came of it is for whoever calls.

use std::collections::BTreeSet;

use canvas::{Document, Edit};
use leptos::{prelude::*, task::spawn_local};
use workflow::{
    AgentId,
    merge::{Choices, Conflict, Merged, summary},
};

use super::{
    draft::{Draft, Merge},
    saving::{SaveState, Theirs, lock},
};
use crate::{api, reactive::effect_with};

/// What undo and redo call it.
const TAKEN_IN: &str = "Take in the changes of others";

/// Whether what somebody else saved is in the draft now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TakenIn {
    /// It is, and is to be saved.
    Merged,
    /// Somebody holds something on the canvas, or writes on it; or what merges has not come yet.
    Later,
    /// There is nothing, or it is to be decided first.
    Not,
}

impl Draft {
    /// Says it where a merge is undone: it came unasked, so whoever means to undo an edit of their own may not know of it.
    pub(super) fn follow_merging(self) {
        let (undo, redo) = (self.handle.undo_label(), self.handle.redo_label());
        effect_with(move |before: Option<Option<String>>| {
            let (undo, redo) = (undo.get(), redo.get());
            if is_taken_out(before.flatten().as_deref(), redo.as_deref()) {
                let words = "What somebody else saved is undone too. Redo (Ctrl Shift Z) takes it in again.";
                self.handle.say_over(words.to_owned());
            }
            undo
        });
    }

    /// Takes in what somebody else saved, if it fits; else it stays in conflict until somebody has decided.
    pub(super) fn merge_in(self) -> TakenIn {
        let Some(Some(theirs)) = self.saving.theirs.try_get_untracked() else { return TakenIn::Not };
        // It is fetched once the page is drawn; a merge waits for it as it does for a hand on the canvas.
        let Some(merge) = self.merger.try_get_untracked().flatten() else { return TakenIn::Later };
        let is_writing = self.handle.writing().with_untracked(Option::is_some);
        if self.handle.is_held() || is_writing {
            return TakenIn::Later;
        }
        let merged = self.handle.with_document_untracked(|mine| self.merged(merge, mine, &theirs, &Choices::new()));
        if merged.is_ok_and(|merged| self.go_on_with(&theirs, merged)) {
            return TakenIn::Merged;
        }
        self.saving.set(SaveState::Conflict);
        TakenIn::Not
    }

    /// What is here and what they saved as one draft, or what is to be decided first.
    pub(super) fn merged(
        self,
        merge: Merge,
        mine: &Document,
        theirs: &Theirs,
        choices: &Choices,
    ) -> Result<Merged, Vec<Conflict>> {
        let core = self.saving.core.get_value();
        let base = {
            let core = lock(&core);
            if core.is_base_lost {
                // Nobody can say who changed what: mine can only be kept as a copy.
                return Err(Vec::new());
            }
            core.saved.as_stored()
        };
        merge(&base, &mine.as_stored(), &theirs.content.as_stored(), choices)
    }

    /// The merged draft is what is here from now on, and is to be saved over theirs. False where it cannot be: it was said why.
    pub(super) fn go_on_with(self, theirs: &Theirs, merged: Merged) -> bool {
        let Merged { document, taken, renamed } = merged;
        let is_other = self.handle.with_document_untracked(|mine| mine.as_stored() != document);
        let edit = Edit::SetDocument { document: Box::new(document), renamed };
        if is_other && !self.apply(edit, TAKEN_IN) {
            return false;
        }
        self.saving.stop_timer();
        if let Some(core) = self.saving.core.try_get_value() {
            let mut core = lock(&core);
            core.n_merges = core.n_merges.saturating_add(1);
            core.stands_at(theirs.revision, theirs.content.clone());
        }
        self.saving.theirs.set(None);
        self.saving.set(SaveState::Saving);
        if self.live.with_untracked(|known| *known != theirs.live) {
            self.live.set(theirs.live);
        }
        if let Some(words) = summary(&taken) {
            // Over the canvas, where the next such news takes its place: two who draw at once would pile up toasts.
            self.handle.say_over(format!("Somebody else saved too, and it is merged with yours: {words}"));
        }
        self.know_agents();
        true
    }

    /// Fetches the agents of steps that were drawn elsewhere.
    pub(super) fn know_agents(self) {
        let missing: BTreeSet<(AgentId, Option<i32>)> = self.catalog.with_untracked(|agents| {
            self.handle.with_definition_untracked(|definition| {
                let named = definition.steps.values().map(|step| (&step.agent_id, step.agent_version));
                let missing = named.filter(|(id, version)| agents.get(id, *version).is_none());
                missing.map(|(id, version)| (id.clone(), version)).collect()
            })
        });
        if missing.is_empty() {
            return;
        }
        spawn_local(async move {
            for (id, version) in missing {
                // One that there is not is named by the validator.
                if let Ok(spec) = api::get_agent(id, version).await {
                    self.catalog.try_update(|agents| agents.insert(spec));
                }
            }
            if let Some(agents) = self.catalog.try_get_untracked() {
                self.handle.set_agents(agents);
            }
        });
    }
}

/// Of what could be undone before, and what can be redone now.
fn is_taken_out(undo_before: Option<&str>, redo: Option<&str>) -> bool {
    undo_before == Some(TAKEN_IN) && redo == Some(TAKEN_IN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_undoing_a_merge_is_told() {
        let own = Some("Add step");
        assert!(is_taken_out(Some(TAKEN_IN), Some(TAKEN_IN)));
        assert!(!is_taken_out(None, Some(TAKEN_IN)), "it was undone on an earlier visit");
        assert!(!is_taken_out(own, Some(TAKEN_IN)), "an edit before it is redone");
        assert!(!is_taken_out(own, own) && !is_taken_out(Some(TAKEN_IN), None) && !is_taken_out(Some(TAKEN_IN), own));
    }
}
