//! What else can be done with a step of the list: all that the canvas does with one that is selected there.
//! About the step alone, or about all that is selected where it is one of these. Nothing here has rules of its own.

use canvas::Way;
use leptos::prelude::*;
use workflow::{StepKey, trying::Extent};

use super::{arrange_menu::Further, draft::Draft, focus, trying::use_trying};
use crate::components::{MenuItem, MenuLine, dom};

/// A menu that one of the items leads to, and where in the window.
pub(super) type Leads = RwSignal<Option<(Further, (f64, f64))>>;

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
        handle.add_by_key();
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
    let about = move || {
        if !is_selected {
            handle.select(vec![key.get_value()]);
        }
    };
    let also = move |()| {
        let mut keys = selection.get_untracked();
        if is_selected {
            key.with_value(|key| keys.retain(|known| known != key));
        } else {
            keys.push(key.get_value());
        }
        handle.select(keys);
    };
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
        draft.copy_by_menu(is_cut);
    };
    let try_it = move |()| trying.asking.set(Some(Extent::UpTo(key.get_value())));
    view! {
        <MenuItem icon="list-checks" on_select=also>
            {if is_selected { "Take it out of the selection" } else { "Select it, too" }}
        </MenuItem>
        <MenuItem icon="arrow-left" on_select=move |()| along(Way::Upstream)>"Select everything before"</MenuItem>
        <MenuItem icon="arrow-right" on_select=move |()| along(Way::Downstream)>"Select everything after"</MenuItem>
        <MenuItem icon="layers" on_select=group>"Group"</MenuItem>
        <MenuItem icon="circle-dot" on_select=colour>"Colour…"</MenuItem>
        <MenuItem icon="lock" on_select=pin>"Pin or unpin"</MenuItem>
        <MenuLine/>
        <MenuItem icon="flask-conical" on_select=try_it>"Try up to here…"</MenuItem>
        <MenuItem icon="copy" on_select=move |()| copy(false)>"Copy"</MenuItem>
        <MenuItem icon="scissors" on_select=move |()| copy(true)>"Cut"</MenuItem>
    }
}
