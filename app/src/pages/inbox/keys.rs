//! The keys of the inbox, from the table of shortcuts: walk, open, tick, and what is asked for of the one that is read.
//! They work on this page alone, and not while somebody writes or a dialog or a list is open over it. A key must never decide what is not
//! read, nor one that is held decide more than one review.

use canvas::shortcuts::{InboxKey, in_inbox};
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use super::{
    asked::Key,
    focus::{self, Part},
    state::{Command, Inbox},
};
use crate::{
    components::{dom, is_typing},
    finder::meaning_of,
    reactive::effect,
};

/// To be called once by the page.
pub(super) fn listen(inbox: Inbox) {
    effect(move || {
        let listener = window_event_listener(ev::keydown, move |event| {
            // Browsers that fill a field in tell of it by an event of another kind.
            if let Some(event) = event.dyn_ref::<KeyboardEvent>()
                && !event.default_prevented()
                && !is_something_open()
                && (act(inbox, event) || in_part(inbox, event))
            {
                event.prevent_default();
            }
        });
        on_cleanup(move || listener.remove());
    });
}

/// Whether it was a key of the table.
fn act(inbox: Inbox, event: &KeyboardEvent) -> bool {
    let Some(key) = meaning_of(event, in_inbox) else { return false };
    // Only walking goes on while a key is held: the next review may be there before it is let go.
    if event.repeat() && !matches!(key, InboxKey::Next | InboxKey::Previous) {
        return true;
    }
    match key {
        InboxKey::Next => walk(inbox, true),
        InboxKey::Previous => walk(inbox, false),
        InboxKey::Tick => {
            if let Some(gate) = at_hand(inbox) {
                let is_on = inbox.selected().with_untracked(|ticked| !ticked.contains(&gate));
                inbox.tick(&gate, is_on, false);
            }
        }
        InboxKey::Approve => ask(inbox, Command::Approve),
        InboxKey::Edit => ask(inbox, Command::Edit),
        InboxKey::Reject => ask(inbox, Command::Reject),
        InboxKey::Search => {
            if let Some(field) = dom::by_id(focus::SEARCH) {
                dom::focus(&field);
            }
        }
    }
    true
}

fn ask(inbox: Inbox, command: Command) {
    if inbox.chosen().with_untracked(Option::is_some) {
        inbox.command().set(Some(command));
    }
}

/// The row with the keyboard, else the one that is read.
fn at_hand(inbox: Inbox) -> Option<Key> {
    focus::row_here().or_else(|| inbox.place().gate())
}

/// Side by side, what one walks to is read at once; in a narrow window only where one is read already.
fn walk(inbox: Inbox, is_forward: bool) {
    let at = at_hand(inbox);
    let Some(next) = inbox.beside(at.as_ref(), is_forward) else { return };
    if is_forward && at.as_ref() == Some(&next) {
        inbox.load_more();
    }
    if focus::is_split() || inbox.place().gate().is_some() {
        inbox.place().choose(Some(next.clone()));
    }
    focus::to_row(&next);
}

/// What a key means where the keyboard stands; whether it meant something.
fn in_part(inbox: Inbox, event: &KeyboardEvent) -> bool {
    if event.ctrl_key() || event.meta_key() || event.alt_key() || event.shift_key() {
        return false;
    }
    let row = event.target().and_then(|target| target.dyn_into::<Element>().ok()).and_then(|at| {
        // Enter on what else stands in a row is its own.
        focus::row_of(&at).map(|row| (at.id() == focus::row_id(&row), row))
    });
    match (dom::key_of(event).as_str(), row) {
        ("ArrowDown", Some(_)) => walk(inbox, true),
        ("ArrowUp", Some(_)) => walk(inbox, false),
        ("Enter", Some((true, row))) => inbox.open(Some(row)),
        ("Escape", _) => return leave(inbox, event),
        _ => return false,
    }
    true
}

/// One step out: of the field to the list, of what is read to its row, of what is ticked.
fn leave(inbox: Inbox, event: &KeyboardEvent) -> bool {
    if is_typing(event) {
        let field = dom::by_id(focus::SEARCH)
            .filter(|field| document().active_element().is_some_and(|at| at.is_same_node(Some(field))));
        let is_empty = inbox.place().asked().with_untracked(|asked| asked.search.trim().is_empty());
        // The browser clears the field first. What is written elsewhere on the page is kept.
        let leaves = field.is_some() && is_empty;
        if leaves {
            focus::to_list(inbox.place().gate());
        }
        return leaves;
    }
    let gate = inbox.place().gate();
    if !focus::is_split() && gate.is_some() {
        inbox.open(None);
    } else if focus::here() == Some(Part::Pane) {
        focus::to_list(gate);
    } else if inbox.selected().with_untracked(|ticked| !ticked.is_empty()) {
        inbox.tick_all(false);
    } else {
        return false;
    }
    true
}

/// A dialog, a menu or a list of options has the keyboard.
fn is_something_open() -> bool {
    document().query_selector("dialog[open], .popup:popover-open").is_ok_and(|found| found.is_some())
}
