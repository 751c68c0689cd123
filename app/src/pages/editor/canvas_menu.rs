//! The menus of the canvas: of a step, of a line, of several steps, and of the empty canvas. What the keyboard does has its keys beside it.

use canvas::{Subject, shortcuts::Command};
use leptos::prelude::*;
use workflow::{StepKey, trying::Extent};

use super::{draft::Draft, focus, replacing::Replacing, trying::use_trying};
use crate::{
    canvas_view::Asked,
    components::{ContextMenu, MenuItem, MenuLine},
    finder::use_finder,
};

/// Goes beside the canvas; shows the menu that was asked for there.
#[component]
pub(super) fn CanvasMenu(draft: Draft) -> impl IntoView {
    let asked = draft.handle.asked();
    move || {
        asked.get().map(|Asked { subject, at }| {
            let label = match &subject {
                Subject::Step(key) => format!("Actions for {}", untrack(|| draft.title_of(key))),
                Subject::Line(..) => "Actions for the connection".to_owned(),
                Subject::Selection(n) => format!("Actions for {n} steps"),
                Subject::Canvas => "Actions for the canvas".to_owned(),
            };
            view! {
                <ContextMenu label at on_close=move |()| asked.set(None)>
                    {match subject {
                        Subject::Step(key) => view! { <OfStep draft key/> }.into_any(),
                        Subject::Line(from, to) => view! { <OfLine draft from to/> }.into_any(),
                        Subject::Selection(_) => view! { <OfSelection draft/> }.into_any(),
                        Subject::Canvas => view! { <OfCanvas draft/> }.into_any(),
                    }}
                </ContextMenu>
            }
        })
    }
}

#[component]
fn OfStep(draft: Draft, key: StepKey) -> impl IntoView {
    let trying = use_trying();
    let key = StoredValue::new(key);
    view! {
        <MenuItem icon="settings" keys="Enter" on_select=move |()| focus::open_step(draft, key.get_value())>"Open"</MenuItem>
        <MenuItem icon="pencil" on_select=move |()| focus::open_step(draft, key.get_value())>"Rename"</MenuItem>
        <MenuItem icon="plus" keys="N" on_select=move |()| draft.handle.add_by_key()>"Add a step after it…"</MenuItem>
        <MenuItem icon="spline" keys="C" on_select=move |()| draft.handle.connect_by_key()>"Connect to…"</MenuItem>
        <MenuItem icon="flask-conical" on_select=move |()| trying.asking.set(Some(Extent::UpTo(key.get_value())))>
            "Try up to here…"
        </MenuItem>
        <Pin draft/>
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
        <MenuItem icon="arrow-left" on_select=move |()| go(from)>{first}</MenuItem>
        <MenuItem icon="arrow-right" on_select=move |()| go(to)>{second}</MenuItem>
        <MenuLine/>
        <Delete draft/>
    }
}

#[component]
fn OfSelection(draft: Draft) -> impl IntoView {
    view! {
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
    let replacing = expect_context::<Replacing>();
    let finder = use_finder();
    view! {
        <MenuItem icon="clipboard-paste" keys="Ctrl V" on_select=move |()| draft.paste_by_menu()>"Paste"</MenuItem>
        <MenuItem icon="list-checks" keys="Ctrl A" on_select=move |()| handle.select_all()>"Select all"</MenuItem>
        <MenuItem icon="network" on_select=move |()| handle.tidy()>"Tidy up"</MenuItem>
        <MenuLine/>
        <MenuItem icon="maximize" keys="Shift 1" on_select=move |()| handle.fit()>"Fit"</MenuItem>
        <MenuItem icon="scan" keys="Shift 2" on_select=move |()| handle.show_all()>"Show everything"</MenuItem>
        <MenuLine/>
        {finder.map(|finder| view! {
            <MenuItem icon="search" keys=Command::Find.keys() on_select=move |()| finder.open.set(true)>"Find…"</MenuItem>
        })}
        <MenuItem icon="file-text" keys=Command::Replace.keys() on_select=move |()| replacing.open.set(true)>
            "Search and replace…"
        </MenuItem>
        {finder.map(|finder| view! {
            <MenuItem icon="keyboard" keys=Command::Help.keys() on_select=move |()| finder.help.set(true)>"Shortcuts"</MenuItem>
        })}
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

/// The steps or the connection that are selected.
#[component]
pub(super) fn Delete(draft: Draft, #[prop(optional, into)] refusal: Signal<Option<String>>) -> impl IntoView {
    let delete = move |()| {
        draft.handle.delete_selected();
        // What had the focus is gone.
        draft.handle.take_focus();
    };
    view! { <MenuItem icon="trash-2" keys="Del" danger=true refusal on_select=delete>"Delete"</MenuItem> }
}
