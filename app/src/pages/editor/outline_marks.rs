//! The groups and notes below the list of steps, with what can be done with them on the canvas.

use canvas::{Edit, MarkRow, Written, scene::note_words};
use leptos::prelude::*;
use workflow::words::count;

use super::{
    arrange_menu::{Colours, Sizes},
    draft::Draft,
};
use crate::{
    components::{Menu, MenuItem, MenuLine, Size, dom},
    reactive::memo,
};

#[component]
pub(super) fn Marks(draft: Draft) -> impl IntoView {
    let groups = memo(move || draft.handle.group_rows());
    let notes = memo(move || draft.handle.note_rows());
    view! {
        <Show when=move || groups.with(|rows| !rows.is_empty())>
            <h3 class="marks-head">"Groups"</h3>
            <ul class="step-list" aria-label="Groups">
                <For each=move || groups.get() key=|row| (row.id.clone(), row.title.clone(), row.n_steps, row.is_collapsed) let:row>
                    <Group draft row/>
                </For>
            </ul>
        </Show>
        <Show when=move || notes.with(|rows| !rows.is_empty())>
            <h3 class="marks-head">"Notes"</h3>
            <ul class="step-list" aria-label="Notes">
                <For each=move || notes.get() key=|row| (row.id.clone(), row.text.clone()) let:row>
                    <Note draft row/>
                </For>
            </ul>
        </Show>
    }
}

/// What is written is written on the canvas, which a phone has to show for it.
fn write(draft: Draft, what: Written) {
    draft.shown.set("canvas".to_owned());
    draft.handle.writing().set(Some(what));
}

fn group_row_id(id: &str) -> String {
    format!("outline-group-{id}")
}

#[component]
fn Group(draft: Draft, row: MarkRow) -> impl IntoView {
    let handle = draft.handle;
    let MarkRow { id, title, n_steps, is_collapsed, .. } = row;
    let (row_id, menu_id, label) =
        (group_row_id(&id), format!("outline-menu-group-{id}"), format!("Actions for {title}"));
    let id = StoredValue::new(id);
    let count = count(n_steps, "step");
    let about = if is_collapsed { format!("{count} · collapsed") } else { count };
    let select = move || handle.select_group(&id.get_value());
    let toggle = move |()| {
        handle.toggle_collapsed(&id.get_value());
        // The row is drawn anew.
        dom::focus_soon(id.with_value(|id| group_row_id(id)));
    };
    let ungroup = move |()| {
        select();
        handle.ungroup_selected();
        handle.take_focus();
    };
    view! {
        <li class="step-row">
            <button class="mark-open" type="button" id=row_id on:click=move |_| select()>
                <span class="truncate">{title}</span>
                <small class="truncate">{about}</small>
            </button>
            <Menu id=menu_id label size=Size::Sm>
                <MenuItem icon="pencil" on_select=move |()| {
                    select();
                    write(draft, Written::Group(id.get_value()));
                }>"Rename"</MenuItem>
                <MenuItem icon="layers" on_select=toggle>{if is_collapsed { "Expand" } else { "Collapse" }}</MenuItem>
                <MenuItem icon="split" on_select=ungroup>"Ungroup"</MenuItem>
                <MenuLine/>
                <Colours on_choose=move |colour| handle.colour_group(&id.get_value(), colour)/>
            </Menu>
        </li>
    }
}

#[component]
fn Note(draft: Draft, row: MarkRow) -> impl IntoView {
    let handle = draft.handle;
    let MarkRow { id, title, text, .. } = row;
    let (menu_id, label) = (format!("outline-menu-note-{id}"), format!("Actions for note {title}"));
    // Of a note of one line the title is all that there is.
    let text = (text.trim() != title).then(|| note_words(&text));
    let text_id = text.is_some().then(|| format!("outline-text-note-{id}"));
    let id = StoredValue::new(id);
    let select = move || handle.select_note(&id.get_value());
    let edit = move || {
        select();
        write(draft, Written::Note(id.get_value()));
    };
    let delete = move |()| {
        draft.apply(Edit::SetNote { id: id.get_value(), note: None }, "Delete note");
        handle.take_focus();
    };
    view! {
        <li class="step-row">
            <button class="mark-open" type="button" aria-describedby=text_id.clone() on:click=move |_| select()>
                <span class="truncate">{title}</span>
            </button>
            {text.map(|text| view! { <span id=text_id hidden=true>{text}</span> })}
            <Menu id=menu_id label size=Size::Sm>
                <MenuItem icon="pencil" on_select=move |()| edit()>"Edit"</MenuItem>
                <Sizes on_choose=move |is_larger| {
                    select();
                    handle.resize_notes(is_larger);
                }/>
                <MenuLine/>
                <Colours on_choose=move |colour| {
                    select();
                    handle.colour_selected(colour);
                }/>
                <MenuLine/>
                <MenuItem icon="trash-2" danger=true on_select=delete>"Delete"</MenuItem>
            </Menu>
        </li>
    }
}
