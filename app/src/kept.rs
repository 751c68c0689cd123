//! What was typed and is not saved, kept in this browser until it is saved or a person drops it: no link, Back, reload or crash loses it.
//! Must never store a secret; whose it is and how much there may be is for `device` to say.

use std::{cell::RefCell, collections::BTreeMap};

use leptos::{ev, prelude::*};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    device,
    reactive::{effect, effect_with},
};

thread_local! {
    /// The same as it is on this page, whole: for a browser that stores nothing, and for what must not be stored.
    static HERE: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
}

/// What an earlier visit left; what cannot be read any more is left where it is.
pub fn read<T: DeserializeOwned>(place: &str) -> Option<T> {
    let text = HERE.with_borrow(|here| here.get(place).cloned()).or_else(|| device::read(place))?;
    serde_json::from_str(&text).ok()
}

/// Keeps all of it on this page, and on the device what may be stored. Says whether the device took it.
pub fn write<T: Typed>(place: &str, typed: &T) -> bool {
    let (Ok(whole), Ok(storable)) = (serde_json::to_string(typed), serde_json::to_string(&typed.storable())) else {
        return false;
    };
    HERE.with_borrow_mut(|here| here.insert(place.to_owned(), whole));
    device::write(place, &storable)
}

pub fn forget(place: &str) {
    HERE.with_borrow_mut(|here| here.remove(place));
    device::forget(place);
}

/// What a form holds, as one value that can be kept.
pub trait Typed: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Without what must not be stored.
    #[must_use]
    fn storable(&self) -> Self {
        self.clone()
    }

    /// Whether the two say the same to a person.
    fn is_same_as(&self, other: &Self) -> bool {
        self == other
    }
}

/// Keeps what a form holds for as long as it is not `saved`; what an earlier visit left is given to `restore` first.
/// Asks before the page is closed only where the device keeps nothing.
pub fn keep_typed<T: Typed>(
    place: String,
    typed: Memo<T>,
    saved: RwSignal<T>,
    restore: impl Fn(T) + Send + Sync + 'static,
) {
    let is_at_risk = StoredValue::new(false);
    effect_with(move |before: Option<()>| {
        if before.is_none()
            && let Some(found) = read::<T>(&place)
            && saved.with_untracked(|saved| !saved.is_same_as(&found))
        {
            untrack(|| restore(found));
        }
        let is_saved = typed.with(|typed| saved.with(|saved| saved.is_same_as(typed)));
        if is_saved {
            forget(&place);
            is_at_risk.set_value(false);
        } else {
            let is_stored = typed.with(|typed| write(&place, typed));
            is_at_risk.set_value(!is_stored);
        }
    });
    effect(move || {
        let listener = window_event_listener(ev::beforeunload, move |event| {
            if is_at_risk.try_get_value() == Some(true) {
                event.prevent_default();
                event.set_return_value("Some changes are not saved yet");
            }
        });
        on_cleanup(move || listener.remove());
    });
}
