//! How the draft stands with the server, in words.
//! Must never say "Saved" of something that only this browser has, nor "Offline" of a server that is merely slow.

use leptos::prelude::*;

use super::{draft::Draft, saving::SaveState};
use crate::{components::Icon, link::use_link};

#[component]
pub(super) fn SaveWords(draft: Draft) -> impl IntoView {
    let saving = draft.saving;
    let link = use_link();
    // The shell says then that there is no connection, and so does this.
    let is_away = move || link.is_some_and(|link| link.is_lost() && !link.has_answers());
    let words = move || {
        let edits = crate::words::count(saving.n_edits.get().max(1), "edit");
        let kept = if saving.is_kept.get() { "kept here" } else { "not saved: keep this page open" };
        saving.state.with(|state| match state {
            SaveState::Saved => "Saved".to_owned(),
            SaveState::Saving => "Saving…".to_owned(),
            SaveState::Slow if !is_away() => format!("Saving takes long: {edits} {kept}"),
            SaveState::Merging => "Merging…".to_owned(),
            SaveState::Slow | SaveState::Offline => format!("Offline: {edits} {kept}"),
            SaveState::SignedOut => format!("Signed out: {edits} {kept}"),
            SaveState::Conflict => "Not saved: somebody changed the same".to_owned(),
            SaveState::Refused(_) => format!("Not saved: {edits} {kept}"),
        })
    };
    let name = move || {
        saving.state.with(|state| match state {
            SaveState::Saved => "saved",
            SaveState::Slow if is_away() => "offline",
            SaveState::Saving | SaveState::Slow | SaveState::Merging => "saving",
            SaveState::Conflict => "conflict",
            SaveState::Offline | SaveState::SignedOut | SaveState::Refused(_) => "offline",
        })
    };
    let icon = move || match name() {
        "saved" => view! { <Icon name="check"/> }.into_any(),
        "saving" => view! { <Icon name="loader-circle" spin=true/> }.into_any(),
        "conflict" => view! { <Icon name="users"/> }.into_any(),
        _ => view! { <Icon name="cloud-off"/> }.into_any(),
    };
    let tip = move || match draft.live.get().version {
        Some(version) => format!("The draft saves itself; people start version {version} until you publish again"),
        None => "The draft saves itself; nobody can start it before you publish".to_owned(),
    };
    view! {
        <span class="save-state" data-state=name data-tip=tip>
            {icon}
            <span class="save-words">{words}</span>
        </span>
    }
}
