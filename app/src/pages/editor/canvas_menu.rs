//! The menus of the canvas: of a step, of a line, of a note, of several of them, and of the empty canvas. What the keyboard does has its keys beside it.

use canvas::{Subject, Written, clip::counted, shortcuts::Command};
use leptos::prelude::*;
use workflow::{StepKey, trying::Extent};

use super::{
    arrange_menu::{AlignItem, Along, ColourItem, FurtherMenu, Grouping, Leading, Sizes},
    draft::Draft,
    find_items::FindItems,
    focus,
    trying::use_trying,
};
use crate::{
    canvas_view::Asked,
    components::{ContextMenu, MenuItem, MenuLine},
};

/// Goes beside the canvas; shows the menu that was asked for there.
#[component]
pub(super) fn CanvasMenu(draft: Draft) -> impl IntoView {
    let asked = draft.handle.asked();
    let open = RwSignal::new(None);
    let menu = move || {
        asked.get().map(|Asked { subject, at }| {
            let label = match &subject {
                Subject::Step(key) => format!("Actions for {}", untrack(|| draft.title_of(key))),
                Subject::Line(..) => "Actions for the connection".to_owned(),
                Subject::Note(_) => "Actions for the note".to_owned(),
                Subject::Selection { steps, notes } => format!("Actions for {}", counted(*steps, *notes)),
                Subject::Canvas => "Actions for the canvas".to_owned(),
            };
            let leading = Leading { open, at };
            view! {
                <ContextMenu label at on_close=move |()| asked.set(None)>
                    {match subject {
                        Subject::Step(key) => view! { <OfStep draft leading key/> }.into_any(),
                        Subject::Line(from, to) => view! { <OfLine draft from to/> }.into_any(),
                        Subject::Note(id) => view! { <OfNote draft leading id/> }.into_any(),
                        Subject::Selection { notes, .. } => view! { <OfSelection draft leading has_notes={notes > 0}/> }.into_any(),
                        Subject::Canvas => view! { <OfCanvas draft/> }.into_any(),
                    }}
                </ContextMenu>
            }
        })
    };
    view! {
        {menu}
        <FurtherMenu draft open/>
    }
}

#[component]
fn OfStep(draft: Draft, leading: Leading, key: StepKey) -> impl IntoView {
    let trying = use_trying();
    let key = StoredValue::new(key);
    view! {
        <MenuItem icon="settings" keys="Enter" on_select=move |()| focus::open_step(draft, key.get_value())>"Open"</MenuItem>
        <MenuItem icon="pencil" on_select=move |()| focus::open_step(draft, key.get_value())>"Rename"</MenuItem>
        <MenuItem icon="plus" keys="N" on_select=move |()| draft.handle.add_by_key()>"Add a step after it…"</MenuItem>
        <MenuItem icon="spline" keys="C" on_select=move |()| draft.handle.connect_by_key()>"Connect to…"</MenuItem>
        <MenuItem icon="spline" keys="L" on_select=move |()| draft.handle.next_line()>"Go to its connections"</MenuItem>
        <MenuItem icon="flask-conical" on_select=move |()| trying.asking.set(Some(Extent::UpTo(key.get_value())))>
            "Try up to here…"
        </MenuItem>
        <Pin draft/>
        <MenuLine/>
        <Along draft/>
        <ColourItem leading/>
        <Grouping draft leading/>
        <MenuLine/>
        <CopyItems draft/>
        <MenuLine/>
        <Delete draft/>
    }
}

#[component]
fn OfNote(draft: Draft, leading: Leading, id: String) -> impl IntoView {
    let id = StoredValue::new(id);
    let write = move |()| draft.handle.writing().set(Some(Written::Note(id.get_value())));
    view! {
        <MenuItem icon="pencil" keys="Enter" on_select=write>"Edit"</MenuItem>
        <Sizes on_choose=move |is_larger| draft.handle.resize_notes(is_larger)/>
        <ColourItem leading/>
        <MenuLine/>
        <CopyItems draft/>
        <MenuLine/>
        <Delete draft/>
    }
}

#[component]
fn OfLine(draft: Draft, from: StepKey, to: StepKey) -> impl IntoView {
    let title = |key: &StepKey| untrack(|| draft.title_of(key));
    let (first, second) = (format!("Go to “{}”", title(&from)), format!("Go to “{}”", title(&to)));
    let (from, to) = (StoredValue::new(from), StoredValue::new(to));
    let go = move |key: StoredValue<StepKey>| {
        draft.handle.select(vec![key.get_value()]);
        draft.handle.take_focus();
    };
    view! {
        <MenuItem icon="plus" keys="N" on_select=move |()| draft.handle.add_by_key()>"Add a step between…"</MenuItem>
        <MenuItem icon="arrow-left" on_select=move |()| go(from)>{first}</MenuItem>
        <MenuItem icon="arrow-right" on_select=move |()| go(to)>{second}</MenuItem>
        <Along draft/>
        <MenuLine/>
        <Delete draft/>
    }
}

#[component]
fn OfSelection(draft: Draft, leading: Leading, has_notes: bool) -> impl IntoView {
    let sizes = has_notes.then(|| view! { <Sizes on_choose=move |is_larger| draft.handle.resize_notes(is_larger)/> });
    view! {
        <AlignItem leading/>
        {sizes}
        <ColourItem leading/>
        <Grouping draft leading/>
        <Along draft/>
        <MenuLine/>
        <CopyItems draft/>
        <MenuLine/>
        <MenuItem icon="network" on_select=move |()| draft.handle.tidy()>"Tidy up these steps"</MenuItem>
        <Pin draft/>
        <MenuLine/>
        <Delete draft/>
    }
}

#[component]
fn OfCanvas(draft: Draft) -> impl IntoView {
    let handle = draft.handle;
    view! {
        <MenuItem icon="clipboard-paste" keys="Ctrl V" on_select=move |()| draft.paste_by_menu()>"Paste"</MenuItem>
        <MenuItem icon="file-text" keys="T" on_select=move |()| handle.add_note()>"Add a note"</MenuItem>
        <MenuItem icon="list-checks" keys="Ctrl A" on_select=move |()| handle.select_all()>"Select all"</MenuItem>
        <MenuItem icon="network" on_select=move |()| handle.tidy()>"Tidy up"</MenuItem>
        <MenuLine/>
        <MenuItem icon="maximize" keys="Shift 1" on_select=move |()| handle.fit()>"Fit"</MenuItem>
        <MenuItem icon="scan" keys="Shift 2" on_select=move |()| handle.show_all()>"Show everything"</MenuItem>
        <MenuLine/>
        <FindItems/>
    }
}

/// What the clipboard does with the selected steps; where none is, each says so.
#[component]
pub(super) fn CopyItems(draft: Draft, #[prop(optional, into)] refusal: Signal<Option<String>>) -> impl IntoView {
    let handle = draft.handle;
    view! {
        <MenuItem icon="copy" keys="Ctrl C" refusal on_select=move |()| draft.copy_by_menu(false)>"Copy"</MenuItem>
        <MenuItem icon="scissors" keys="Ctrl X" refusal on_select=move |()| draft.copy_by_menu(true)>"Cut"</MenuItem>
        <MenuItem icon="copy-plus" keys=Command::Duplicate.keys() refusal on_select=move |()| handle.duplicate_selected()>
            "Duplicate"
        </MenuItem>
    }
}

#[component]
fn Pin(draft: Draft) -> impl IntoView {
    let is_pinned = draft.handle.is_pinned();
    view! {
        <MenuItem icon="lock" keys="P" on_select=move |()| draft.handle.toggle_pin()>
            {move || if is_pinned.get() { "Unpin" } else { "Pin" }}
        </MenuItem>
    }
}

/// What is selected: steps, notes, or the connection.
#[component]
pub(super) fn Delete(draft: Draft, #[prop(optional, into)] refusal: Signal<Option<String>>) -> impl IntoView {
    let delete = move |()| {
        draft.handle.delete_selected();
        // What had the focus is gone.
        draft.handle.take_focus();
    };
    view! { <MenuItem icon="trash-2" keys="Del" danger=true refusal on_select=delete>"Delete"</MenuItem> }
}
