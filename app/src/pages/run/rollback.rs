//! Make an older version the latest again. Nothing is copied and nothing runs; what was made from the other version turns stale.

use leptos::prelude::*;
use workflow::{
    ArtifactId, RunView, StepStatus, api::RollbackArtifact, definition::ReviewMode, staleness::staleness,
    view::ArtifactMeta,
};

use super::{
    one_step::{Ask, OneStep, Sender},
    state::title_of,
};
use crate::reactive::effect;
use crate::{
    components::{ConfirmDialog, open_while_chosen},
    words,
};

/// Names listed before "and N more".
const NAMED: usize = 6;

/// Whether a version can become the latest again.
pub(super) fn is_possible(one: OneStep, artifact: &ArtifactMeta) -> bool {
    !artifact.is_latest && one.can_roll_back()
}

/// Whether the gate opens again for a version that never passed it: that of a completed step which is no list of others.
fn reopens(one: OneStep) -> bool {
    let is_map = one.definition(|step| step.map.is_some()) && one.read(|step| step.item_of.is_none());
    one.status.get() == StepStatus::Completed
        && !is_map
        && one.definition(|step| step.review.mode == ReviewMode::Always)
}

/// What a rollback would make of other steps: the rule of the run itself, tried on a copy.
fn consequences(run: &RunView, id: ArtifactId) -> String {
    let before = staleness(run);
    let mut after = run.clone();
    let Some(target) = after.artifacts.iter().find(|artifact| artifact.id == id).cloned() else { return String::new() };
    for artifact in &mut after.artifacts {
        if artifact.producing_step_id == target.producing_step_id && artifact.name == target.name {
            artifact.is_latest = artifact.id == id;
        }
    }
    let after = staleness(&after);
    let names = |of: Vec<&workflow::StepKey>| {
        words::list(&of.into_iter().map(|key| title_of(run, key)).collect::<Vec<_>>(), NAMED)
    };
    let stale: Vec<_> = after.keys().filter(|key| !before.contains_key(*key)).collect();
    let fresh: Vec<_> = before.keys().filter(|key| !after.contains_key(*key)).collect();
    let mut sentences = vec!["Nothing runs, and no version is lost.".to_owned()];
    if !stale.is_empty() {
        sentences.push(format!("Turns stale: {}.", names(stale)));
    }
    if !fresh.is_empty() {
        sentences.push(format!("Fresh again: {}.", names(fresh)));
    }
    if sentences.len() == 1 {
        sentences.push("No other step turns stale by it.".to_owned());
    }
    sentences.join(" ")
}

/// `chosen` is the version to go back to; the dialog is open while there is one.
#[component]
pub(super) fn RollbackDialog(one: OneStep, chosen: RwSignal<Option<ArtifactMeta>>) -> impl IntoView {
    let open = open_while_chosen(chosen);
    let sender = Sender::new(one, move || open.set(false));
    effect(move || {
        if chosen.with(Option::is_some) {
            sender.clear();
        }
    });
    let title = Signal::derive(move || {
        chosen.with(|chosen| {
            chosen
                .as_ref()
                .map(|artifact| format!("Roll {} back to v{}?", artifact.name, artifact.version))
                .unwrap_or_default()
        })
    });
    let text = Signal::derive(move || {
        if let Some(error) = sender.error.get() {
            return error.0.detail;
        }
        let Some((id, is_approved)) =
            chosen.with(|chosen| chosen.as_ref().map(|chosen| (chosen.id, chosen.is_approved)))
        else {
            return String::new();
        };
        let gate = if !is_approved && reopens(one) {
            " This version was never approved, so the step waits for a review again."
        } else {
            ""
        };
        format!("{}{gate}", one.live.run.with_untracked(|run| consequences(run, id)))
    });
    let confirm = Signal::derive(move || {
        chosen.with(|chosen| {
            chosen.as_ref().map(|artifact| format!("Roll back to v{}", artifact.version)).unwrap_or_default()
        })
    });
    view! {
        <ConfirmDialog
            id="rollback"
            open
            title
            text
            confirm
            busy=sender.pending()
            on_confirm=move |()| {
                if let Some(id) = chosen.with_untracked(|chosen| chosen.as_ref().map(|chosen| chosen.id)) {
                    sender.send(Ask::Rollback(id, RollbackArtifact { expect_generation: one.generation() }));
                }
            }
        />
    }
}
