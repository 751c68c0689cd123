//! What is kept of a person on this device: a bounded part of the browser's storage, for texts that are not sent or saved yet.
//! Must never be shown to somebody else who signs in, and never grow without end.

use leptos::prelude::*;
use workflow::UserId;

use crate::{clock, session::use_session};

const PREFIX: &str = "weft:typed:";
/// UTF-16 units of everything kept. Browsers give a site about five million, and unsaved workflows need their part of them.
const MOST: usize = 4 * 1024 * 1024;

/// Where the texts of one form are, of the person who is signed in; none where nobody is.
pub fn place(form: &str) -> Option<String> {
    let user = use_session().user_untracked()?;
    Some(place_of(user.id, form))
}

pub fn place_of(user: UserId, form: &str) -> String {
    format!("{PREFIX}{user}:{form}")
}

/// What is there; only in the browser.
pub fn read(place: &str) -> Option<String> {
    let value = storage()?.get_item(place).ok().flatten()?;
    // The time before the first line break, so that the oldest is found without reading the texts.
    value.split_once('\n').map(|(_, text)| text.to_owned())
}

/// Whether it could be kept: a browser may forbid it, or there is too much. The oldest of the person's other texts make room.
pub fn write(place: &str, text: &str) -> bool {
    let Some(storage) = storage() else { return false };
    let value = format!("{}\n{text}", clock::now());
    let others = entries(&storage).into_iter().filter(|entry| entry.key != place).collect();
    let Some(evicted) = room_for(utf16_len(&value), others) else {
        forget(place);
        return false;
    };
    for key in evicted {
        // Removing fails only where writing did.
        let _ = storage.remove_item(&key);
    }
    storage.set_item(place, &value).is_ok()
}

pub fn forget(place: &str) {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(place);
    }
}

/// The texts of everybody else go when somebody signs in: a device that changes hands shows nothing.
pub fn forget_others(user: UserId) {
    let mine = place_of(user, "");
    for storage in [storage(), tab()].into_iter().flatten() {
        for key in keys(&storage).into_iter().filter(|key| !key.starts_with(&mine)) {
            let _ = storage.remove_item(&key);
        }
    }
}

/// What this tab keeps, through reloads and until it is closed.
pub fn read_in_tab(place: &str) -> Option<String> {
    tab()?.get_item(place).ok().flatten()
}

/// Whether it could be kept. Where there is no room, everything else that the tab keeps makes room.
pub fn write_in_tab(place: &str, text: &str) -> bool {
    let Some(tab) = tab() else { return false };
    if tab.set_item(place, text).is_ok() {
        return true;
    }
    for key in keys(&tab) {
        let _ = tab.remove_item(&key);
    }
    tab.set_item(place, text).is_ok()
}

pub fn forget_in_tab(place: &str) {
    if let Some(tab) = tab() {
        let _ = tab.remove_item(place);
    }
}

struct Entry {
    key: String,
    size: usize,
    at: i64,
}

/// The keys of what has to go for a text of this size, oldest first; none where it is too long by itself.
fn room_for(size: usize, mut others: Vec<Entry>) -> Option<Vec<String>> {
    if size > MOST {
        return None;
    }
    let mut total = size + others.iter().map(|entry| entry.size).sum::<usize>();
    others.sort_unstable_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    let mut evicted = Vec::new();
    for entry in others {
        if total <= MOST {
            break;
        }
        total -= entry.size;
        evicted.push(entry.key);
    }
    Some(evicted)
}

fn storage() -> Option<web_sys::Storage> {
    if cfg!(feature = "hydrate") { window().local_storage().ok().flatten() } else { None }
}

fn tab() -> Option<web_sys::Storage> {
    if cfg!(feature = "hydrate") { window().session_storage().ok().flatten() } else { None }
}

fn keys(storage: &web_sys::Storage) -> Vec<String> {
    let keys = (0..storage.length().unwrap_or(0)).filter_map(|n| storage.key(n).ok().flatten());
    keys.filter(|key| key.starts_with(PREFIX)).collect()
}

fn entries(storage: &web_sys::Storage) -> Vec<Entry> {
    let entry = |key: String| {
        let value = storage.get_item(&key).ok().flatten()?;
        let at = value.split_once('\n').and_then(|(at, _)| at.parse().ok()).unwrap_or(0);
        Some(Entry { size: utf16_len(&value), at, key })
    };
    keys(storage).into_iter().filter_map(entry).collect()
}

fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::{Entry, MOST, room_for};

    fn entry(key: &str, size: usize, at: i64) -> Entry {
        Entry { key: key.to_owned(), size, at }
    }

    #[test]
    fn the_oldest_goes_where_there_is_no_room() {
        let others = || vec![entry("new", MOST / 2, 20), entry("old", MOST / 4, 10), entry("older", MOST / 4, 5)];
        assert_eq!(room_for(1, Vec::new()), Some(Vec::new()));
        assert_eq!(room_for(10, others()), Some(vec!["older".to_owned()]));
        assert_eq!(room_for(MOST / 4 + 10, others()), Some(vec!["older".to_owned(), "old".to_owned()]));
        assert_eq!(room_for(MOST, others()).map(|keys| keys.len()), Some(3));
        assert_eq!(room_for(MOST + 1, others()), None, "nothing goes for what cannot be kept anyway");
    }
}
