//! What else can be done with a step of the list: all that the canvas does with one that is selected there.
//! About the step alone, or about all that is selected where it is one of these. Nothing here has rules of its own.

use canvas::Way;
use leptos::prelude::*;
use workflow::{StepKey, trying::Extent};

use super::{
    arrange_menu::Further,
    draft::Draft,
    focus,
    outline_rows::{focus_id, row_after},
    trying::use_trying,
};
use crate::{
    components::{MenuItem, MenuLine, dom},
    words,
};

/// A menu that one of the items leads to, and where in the window.
pub(super) type Leads = RwSignal<Option<(Further, (f64, f64))>>;

/// Selects the step, unless what is done with it is done with all that is selected.
pub(super) fn about(draft: Draft, key: &StepKey) {
    if draft.handle.selection().with_untracked(|keys| !keys.contains(key)) {
        draft.handle.select(vec![key.clone()]);
    }
}

/// "Delete", or "Delete 3 steps" where the step is one of several that are selected.
pub(super) fn verb_words(verb: &str, draft: Draft, key: &StepKey) -> String {
    let n = draft.handle.selection().with_untracked(|keys| if keys.contains(key) { keys.len() } else { 1 });
    if n > 1 { format!("{verb} {}", words::count(n, "step")) } else { verb.to_owned() }
}

/// New steps and lines.
#[component]
pub(super) fn Joining(
    draft: Draft,
    key: StoredValue<StepKey>,
    /// What it waits for, with the titles.
    after: Vec<(StepKey, String)>,
) -> impl IntoView {
    let handle = draft.handle;
    // The agent is chosen on the canvas, which a phone has to show for it.
    let add = move |()| {
        handle.select(vec![key.get_value()]);
        draft.shown.set("canvas".to_owned());
        draft.asked_from.set_value(Some(key.get_value()));
        handle.add_by_key();
        if handle.question().with_untracked(Option::is_none) {
            draft.asked_from.set_value(None);
        }
    };
    let line = move |(from, title): (StepKey, String)| {
        let from = StoredValue::new(from);
        let run = move |()| {
            handle.select_line(&from.get_value(), &key.get_value());
            draft.shown.set("panel".to_owned());
            focus::focus_soon(String::new());
        };
        view! { <MenuItem icon="spline" on_select=run>{format!("Connection from “{title}”")}</MenuItem> }
    };
    view! {
        <MenuItem icon="plus" on_select=add>"Add a step after it…"</MenuItem>
        {after.into_iter().map(line).collect_view()}
    }
}

/// Selecting, and what is done with all that is selected.
#[component]
pub(super) fn Selecting(
    draft: Draft,
    key: StoredValue<StepKey>,
    /// The id of its row.
    row: String,
    leads: Leads,
) -> impl IntoView {
    let (handle, trying) = (draft.handle, use_trying());
    let selection = handle.selection();
    let is_selected = selection.with_untracked(|keys| key.with_value(|key| keys.contains(key)));
    let about = move || about(draft, &key.get_value());
    let also = move |()| handle.toggle_selected(&key.get_value());
    let along = move |way: Way| {
        about();
        handle.select_along(way);
    };
    let group = move |()| {
        about();
        // Its title is written on the canvas.
        draft.shown.set("canvas".to_owned());
        handle.group_selected();
    };
    let colour = move |()| {
        about();
        let at = dom::by_id(&row).map(|row| row.get_bounding_client_rect());
        let at = at.map_or((0.0, 0.0), |row| (row.left(), row.bottom()));
        leads.set(Some((Further::Colour, at)));
    };
    let pin = move |()| {
        about();
        handle.toggle_pin();
    };
    let copy = move |is_cut: bool| {
        about();
        let next = selection.with_untracked(|keys| row_after(keys));
        draft.copy_by_menu_then(is_cut, move || focus_id(draft, next));
    };
    let is_pinned = if is_selected {
        handle.is_pinned().get_untracked()
    } else {
        handle.with_definition_untracked(|definition| {
            let step = key.with_value(|key| definition.steps.get(key).and_then(|step| step.ui));
            step.is_some_and(|place| place.pinned)
        })
    };
    let of_them = move |verb: &str| key.with_value(|key| verb_words(verb, draft, key));
    let try_it = move |()| trying.asking.set(Some(Extent::UpTo(key.get_value())));
    view! {
        <MenuItem icon="list-checks" on_select=also>
            {if is_selected { "Take it out of the selection" } else { "Select it, too" }}
        </MenuItem>
        <MenuItem icon="arrow-left" on_select=move |()| along(Way::Upstream)>"Select everything before"</MenuItem>
        <MenuItem icon="arrow-right" on_select=move |()| along(Way::Downstream)>"Select everything after"</MenuItem>
        <MenuItem icon="layers" on_select=group>"Group"</MenuItem>
        <MenuItem icon="circle-dot" on_select=colour>"Colour…"</MenuItem>
        <MenuItem icon="lock" on_select=pin>{if is_pinned { "Unpin" } else { "Pin" }}</MenuItem>
        <MenuLine/>
        <MenuItem icon="flask-conical" on_select=try_it>"Try up to here…"</MenuItem>
        <MenuItem icon="copy" on_select=move |()| copy(false)>{of_them("Copy")}</MenuItem>
        <MenuItem icon="scissors" on_select=move |()| copy(true)>{of_them("Cut")}</MenuItem>
    }
}
