//! The rows of the list of steps by their ids, and which of them the keyboard goes on at when one is gone or new.
//! Must never lead who uses the list onto the picture, unless the list has nothing left to stand on.

use leptos::prelude::*;
use web_sys::HtmlElement;
use workflow::StepKey;

use super::draft::Draft;
use crate::components::dom::{self, all, by_id};

pub(super) fn row_id(key: &StepKey) -> String {
    format!("outline-{key}")
}

/// Where it stands once the list is drawn anew.
pub(super) fn focus_row(draft: Draft, key: &StepKey) {
    focus_id(draft, Some(row_id(key)));
}

/// A row of that id once the list is drawn anew; the canvas where it is not listed, as when the list is searched.
pub(super) fn focus_id(draft: Draft, id: Option<String>) {
    request_animation_frame(move || {
        request_animation_frame(move || match id.and_then(|id| by_id(&id)) {
            Some(row) => dom::focus(&row),
            None => draft.handle.take_focus(),
        });
    });
}

/// The id of the row that takes the place of these, of those that are listed: the next one, or the one before.
pub(super) fn row_after(gone: &[StepKey]) -> Option<String> {
    let gone: Vec<String> = gone.iter().map(row_id).collect();
    let listed: Vec<HtmlElement> = by_id("palette").map(|panel| all(&panel, ".step-open")).unwrap_or_default();
    next_left(&listed.iter().map(|row| row.id()).collect::<Vec<_>>(), &gone)
}

fn next_left(listed: &[String], gone: &[String]) -> Option<String> {
    let last = listed.iter().rposition(|id| gone.contains(id))?;
    let before = || listed[..last].iter().rev().find(|id| !gone.contains(id));
    listed.get(last + 1).or_else(before).cloned()
}

#[cfg(test)]
mod tests {
    use super::next_left;

    #[test]
    fn the_next_row_that_stays_takes_the_place_of_those_that_go() {
        let ids = |names: &str| names.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let next = |gone: &str| next_left(&ids("a b c d"), &ids(gone));
        assert_eq!(next("b").as_deref(), Some("c"));
        assert_eq!(next("a c").as_deref(), Some("d"));
        assert_eq!(next("d b").as_deref(), Some("c"));
        assert_eq!(next("c d").as_deref(), Some("b"));
        assert_eq!(next("a b c d"), None);
        assert_eq!(next("filtered_out"), None);
    }
}
