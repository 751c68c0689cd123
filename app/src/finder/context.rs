//! The finder as pages know it: what they offer, that it is open, and the keys that open it.

use std::sync::Arc;

use canvas::shortcuts::{Command, Press, command, latin};
use leptos::{ev, prelude::*};
use web_sys::KeyboardEvent;

use super::entry::Entry;
use crate::{
    components::{dom::key_of, is_typing},
    reactive::effect,
    single_keys,
};

/// What a page has to be found, asked for when the list is opened.
type Offer = Arc<dyn Fn() -> Vec<Entry> + Send + Sync>;

#[derive(Clone, Copy)]
pub struct Finder {
    pub open: RwSignal<bool>,
    pub help: RwSignal<bool>,
    offers: StoredValue<Vec<(u64, Offer)>>,
    last: StoredValue<u64>,
}

/// To be called once, by the frame around the pages.
pub fn provide_finder() -> Finder {
    let finder = Finder {
        open: RwSignal::new(false),
        help: RwSignal::new(false),
        offers: StoredValue::new(Vec::new()),
        last: StoredValue::new(0),
    };
    provide_context(finder);
    effect(move || {
        let listener = window_event_listener(ev::keydown, move |event| finder.press(&event));
        on_cleanup(move || listener.remove());
    });
    finder
}

pub fn use_finder() -> Option<Finder> {
    use_context()
}

impl Finder {
    /// As long as the page, or the part of it, is there.
    pub fn offer(self, entries: impl Fn() -> Vec<Entry> + Send + Sync + 'static) {
        let id = self.last.get_value() + 1;
        self.last.set_value(id);
        self.offers.update_value(|offers| offers.push((id, Arc::new(entries))));
        on_cleanup(move || {
            self.offers.try_update_value(|offers| offers.retain(|(known, _)| *known != id));
        });
    }

    /// What the pages offer now; the last that came is asked first.
    pub(super) fn offered(self) -> Vec<Entry> {
        let offers: Vec<Offer> =
            self.offers.with_value(|offers| offers.iter().map(|(_, offer)| offer.clone()).collect());
        untrack(|| offers.iter().rev().flat_map(|offer| offer()).collect())
    }

    fn press(self, event: &KeyboardEvent) {
        let wanted = match command_of(event) {
            Some(Command::Find) => self.open,
            Some(Command::Help) => self.help,
            _ => return,
        };
        let is_open = wanted.get_untracked();
        // Another question is to be answered first.
        if event.default_prevented() || (!is_open && matches!(document().query_selector("dialog[open]"), Ok(Some(_)))) {
            return;
        }
        event.prevent_default();
        wanted.set(!is_open);
    }
}

/// What a press means by the table of shortcuts.
pub fn command_of(event: &KeyboardEvent) -> Option<Command> {
    meaning_of(event, command)
}

/// The same for a page with keys of its own in that table.
pub fn meaning_of<M>(event: &KeyboardEvent, ask: impl FnOnce(&Press<'_>) -> Option<M>) -> Option<M> {
    let key = key_of(event);
    if key.is_empty() {
        return None;
    }
    ask(&Press {
        key: &latin(&key, &event.code()),
        ctrl: event.ctrl_key() || event.meta_key(),
        shift: event.shift_key(),
        alt: event.alt_key(),
        is_typing: is_typing(event),
        are_single_off: !single_keys::are_on(),
    })
}
