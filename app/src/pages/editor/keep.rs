//! Unsaved edits, kept in this browser while the server does not take them, and for a moment after it has.
//! Must never be thrown away before the server has them or a person said so, nor taken up by another person who signs in here.

use std::time::Duration;

use canvas::Document;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use workflow::{TemplateId, UserId};

/// A page that was asked for is there by then, or asked for again.
const ASKED_FOR: Duration = Duration::from_secs(30);

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// What the edits began from, to merge them with what others saved meanwhile.
    pub base_revision: i64,
    /// Left out where the browser has no room for it.
    pub base: Option<Document>,
    /// Fingerprints of what was sent without an answer: the server may have taken any of it, and that is nobody else's.
    #[serde(default)]
    pub sent: Vec<String>,
    pub n_edits: usize,
    pub content: Document,
    /// The server has taken all of it, as this revision: it is what the edits of a page begin from that came with less.
    #[serde(default)]
    pub is_taken: bool,
}

/// Where the edits of one person in one workflow are. Whose they are is known when the draft is opened: somebody else may sign in on the
/// same page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub owner: UserId,
    pub template: TemplateId,
}

impl Place {
    fn key(self) -> String {
        format!("weft:draft:{}:{}", self.owner, self.template)
    }
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

/// What an earlier visit left; what cannot be read any more is left where it is.
pub(super) fn read(place: Option<Place>) -> Option<Kept> {
    let key = place?.key();
    let text = storage()?.get_item(&key).ok().flatten()?;
    serde_json::from_str(&text).ok()
}

/// Whether it could be kept: a browser may forbid it or be full, and without an owner nothing is.
pub(super) fn write(place: Option<Place>, kept: Kept) -> bool {
    let Some(place) = place else { return false };
    let Some(storage) = storage() else { return false };
    put_what_fits(kept, |text| storage.set_item(&place.key(), text).is_ok())
}

/// What is only here goes before what it began from.
fn put_what_fits(mut kept: Kept, put: impl Fn(&str) -> bool) -> bool {
    let is_put = |kept: &Kept| serde_json::to_string(kept).is_ok_and(|text| put(&text));
    is_put(&kept) || (kept.base.take().is_some() && is_put(&kept))
}

pub(super) fn forget(place: Option<Place>) {
    let Some(place) = place else { return };
    if let Some(storage) = storage() {
        // Removing fails only where writing did.
        let _ = storage.remove_item(&place.key());
    }
}

/// In place of what was kept, once the server has it. A page that was asked for before that comes with what there was then, and would show it
/// as the draft: the last edits would seem to be lost.
pub(super) fn note_taken(place: Option<Place>, taken: Kept) {
    if !write(place, taken) {
        return forget(place);
    }
    let is_still_it = move || read(place).is_some_and(|kept| kept.is_taken);
    set_timeout(
        move || {
            if is_still_it() {
                forget(place);
            }
        },
        ASKED_FOR,
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use workflow::Definition;

    use super::*;

    #[test]
    fn a_kept_draft_comes_back_as_it_was() {
        let definition = Definition::from_value(&json!({"steps":{"a":{"agent_id":"x","title":"<b>"}}})).unwrap();
        let content = Document { name: "N".into(), description: "D".into(), definition };
        let base = Document { description: "before".into(), ..content.clone() };
        let sent = vec!["f".into()];
        let kept = Kept { base_revision: 7, base: Some(base), sent, n_edits: 3, content, is_taken: false };
        let mut stored = serde_json::to_value(&kept).unwrap();
        assert_eq!(serde_json::from_value::<Kept>(stored.clone()).unwrap(), kept);
        // As it was kept before it said what was sent, and whether it was taken.
        for later in ["sent", "is_taken"] {
            stored.as_object_mut().unwrap().remove(later);
        }
        assert_eq!(serde_json::from_value::<Kept>(stored).unwrap(), Kept { sent: Vec::new(), ..kept });
    }

    #[test]
    fn where_both_do_not_fit_the_edits_are_kept_without_what_they_began_from() {
        let named = |name: &str| Document { name: name.into(), ..Document::default() };
        let (content, base) = (named("mine"), Some(named("before")));
        let kept = Kept { base_revision: 7, base, sent: Vec::new(), n_edits: 3, content, is_taken: false };
        let alone = Kept { base: None, ..kept.clone() };
        let put_into = |room: usize| {
            let written = std::cell::RefCell::new(None);
            let is_put = put_what_fits(kept.clone(), |text| {
                let fits = text.len() <= room;
                if fits {
                    *written.borrow_mut() = serde_json::from_str::<Kept>(text).ok();
                }
                fits
            });
            (is_put, written.into_inner())
        };
        let size = |kept: &Kept| serde_json::to_string(kept).unwrap().len();
        assert_eq!(put_into(size(&kept)), (true, Some(kept.clone())));
        assert_eq!(put_into(size(&kept) - 1), (true, Some(alone.clone())));
        assert_eq!(put_into(size(&alone) - 1), (false, None));
    }

    #[test]
    fn another_person_and_another_workflow_have_another_place() {
        let ids: Vec<String> = (1..=2).map(|n| format!("00000000-0000-0000-0000-00000000000{n}")).collect();
        let place = |owner: usize, template: usize| Place {
            owner: ids[owner].parse().unwrap(),
            template: ids[template].parse().unwrap(),
        };
        assert_eq!(place(0, 1).key(), format!("weft:draft:{}:{}", ids[0], ids[1]));
        let keys: std::collections::BTreeSet<String> = [(0, 0), (0, 1), (1, 0), (1, 1)]
            .into_iter()
            .map(|(owner, template)| place(owner, template).key())
            .collect();
        assert_eq!(keys.len(), 4);
    }

    #[test]
    fn nothing_is_kept_or_taken_up_without_an_owner() {
        let content = Document::from(Definition::default());
        let base = Some(content.clone());
        let kept = Kept { base_revision: 7, base, sent: Vec::new(), n_edits: 3, content, is_taken: false };
        assert!(!write(None, kept) && read(None).is_none());
        forget(None);
    }
}
