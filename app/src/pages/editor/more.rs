//! What can be done with the workflow as a whole: find in it, its versions, a copy of it, and away with it as long as nobody ever used it.

use leptos::{prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use workflow::api::TemplateView;

use super::{
    draft::Draft,
    find_items::FindItems,
    parts,
    saving::{SaveState, lock},
};
use crate::{
    api,
    behind::LaterDialogs,
    canvas_view::{EditorHandle, Picture},
    components::{Menu, MenuItem, MenuLine},
    error::AppError,
    finder::{Entry, Finder, Group, use_finder},
    later::later,
    pages::{
        deleting::{DeleteQuestion, Deleting, UNUSED_WORKFLOW},
        whole::{DeleteItem, DuplicateItem, Duplicating, ExportItem},
    },
    reactive::effect,
};

/// Makes a file of the drawing, of this name. False where the browser makes none.
type Take = fn(EditorHandle, Picture, &str) -> bool;

later! {
    more: taking, Take, EditorHandle::download_picture;
}

#[component]
pub(super) fn More(draft: Draft) -> impl IntoView {
    let navigate = use_navigate();
    let saving = draft.saving;
    let wants_copy = RwSignal::new(false);
    let duplicating = Duplicating::new(move |made: TemplateView| {
        draft.toasts.success(format!("This is “{}” now", made.name));
        navigate(&format!("/admin/workflows/{}", made.id), NavigateOptions::default());
    });
    // The server copies what it has, so it is to have everything first.
    effect(move || {
        if !wants_copy.get() {
            return;
        }
        match saving.state.get() {
            SaveState::Saved => {
                wants_copy.set(false);
                duplicating.duplicate(draft.id);
            }
            SaveState::Saving | SaveState::Slow | SaveState::Merging => {}
            SaveState::Offline | SaveState::SignedOut | SaveState::Conflict | SaveState::Refused(_) => {
                wants_copy.set(false);
                draft.toasts.error("It can be duplicated once your last edits are saved".to_owned());
            }
        }
    });
    let navigate = use_navigate();
    let deleting = Deleting::new(
        |(id, revision)| api::delete_template(id, revision),
        move || {
            draft.let_go();
            navigate("/admin/workflows", NavigateOptions { replace: true, ..NavigateOptions::default() });
        },
    );
    let ask = move || {
        let base = saving.core.try_get_value().map_or(0, |core| lock(&core).base);
        deleting.ask((draft.id, base), draft.name.get_untracked());
    };
    effect(move || {
        let error: Option<AppError> = duplicating.error.get().or_else(|| deleting.error.get());
        if let Some(error) = error {
            draft.toasts.error(error.0.detail);
        }
    });
    let used = Signal::derive(move || {
        let is_used = draft.live.get().version.is_some();
        is_used.then(|| "It was published: archive it in the list of workflows".to_owned())
    });
    let versions = RwSignal::new(false);
    if let Some(finder) = use_finder() {
        offer_versions(finder, versions);
    }
    view! {
        <Menu id="workflow-more" label="More for this workflow">
            <FindItems/>
            <MenuItem icon="history" on_select=move |()| versions.set(true)>"Versions…"</MenuItem>
            <MenuLine/>
            <DuplicateItem
                words="Duplicate workflow"
                on_select=move |()| {
                    if !saving.state.with_untracked(|state| *state == SaveState::Saved) {
                        draft.save();
                    }
                    wants_copy.set(true);
                }
            />
            // What is saved: the last edits are a second behind at most, and the state beside the name says so.
            <ExportItem id=draft.id words="Export to a file"/>
            <MenuItem icon="image" on_select=move |()| take_picture(draft, Picture::Svg)>"Download drawing (SVG)"</MenuItem>
            <MenuItem icon="image" on_select=move |()| take_picture(draft, Picture::Png)>"Download drawing (PNG)"</MenuItem>
            <DeleteItem words="Delete workflow" refusal=used on_select=move |()| ask()/>
        </Menu>
        <LaterDialogs
            part=parts::versions
            of=(draft, versions)
            wanted=versions
            on_failure=move |()| versions.set(false)
        />
        <DeleteQuestion deleting what="workflow" text=UNUSED_WORKFLOW/>
    }
}

fn offer_versions(finder: Finder, versions: RwSignal<bool>) {
    finder.offer(move || {
        let run = move || versions.set(true);
        vec![Entry::run(Group::Commands, "history", "Versions", run).about("history compare restore")]
    });
}

fn take_picture(draft: Draft, picture: Picture) {
    let (handle, toasts, name) = (draft.handle, draft.toasts, draft.name.get_untracked());
    spawn_local(async move {
        match taking().await {
            Ok(take) if take(handle, picture, &name) => {}
            Ok(_) => toasts.error("This browser made no file of the drawing".to_owned()),
            Err(_) => toasts.error(AppError::not_fetched().0.detail),
        }
    });
}
