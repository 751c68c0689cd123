//! The ways in which somebody may be told, what holds for each, and what the rows that choose share.
//! Must never ask or tell the server anything.

use leptos::prelude::*;
use workflow::{
    api::{AddressKind, ChooseNotice, MyNotices, NoticeWhen},
    id::NoticeAddressId,
};

use crate::{components::Segment, error::AppError};

/// A way to be told: one's own email, or an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Way {
    pub(super) address: Option<NoticeAddressId>,
    pub(super) name: String,
    pub(super) kind: Option<AddressKind>,
    /// Nothing is sent there at the moment.
    pub(super) is_off: bool,
}

impl Way {
    /// Unlike that of any other way: for ids of controls and for options.
    pub(super) fn key(&self) -> String {
        self.address.map_or_else(|| "email".to_owned(), |id| id.to_string())
    }
}

pub(super) fn ways(mine: &MyNotices) -> Vec<Way> {
    let email = Way { address: None, name: "Email".to_owned(), kind: None, is_off: !mine.has_email };
    let addresses = mine.addresses.iter().map(|address| Way {
        address: Some(address.id),
        name: address.name.clone(),
        kind: Some(address.kind),
        is_off: address.is_disabled,
    });
    std::iter::once(email).chain(addresses).collect()
}

/// What holds for workflows about which nothing was chosen.
pub(super) fn general(mine: &MyNotices, address: Option<NoticeAddressId>) -> NoticeWhen {
    let is_it = |choice: &&workflow::api::NoticeChoice| choice.address == address && choice.template_id.is_none();
    let default = if address.is_none() { mine.email_default } else { NoticeWhen::Never };
    mine.choices.iter().find(is_it).map_or(default, |choice| choice.when)
}

pub(super) fn when_words(when: NoticeWhen) -> &'static str {
    match when {
        NoticeWhen::AtOnce => "At once",
        NoticeWhen::Hourly => "Hourly",
        NoticeWhen::Never => "Never",
    }
}

pub(super) fn when_of(value: &str) -> Option<NoticeWhen> {
    NoticeWhen::ALL.into_iter().find(|when| when.as_str() == value)
}

pub(super) fn segments() -> Vec<Segment> {
    NoticeWhen::ALL.into_iter().map(|when| Segment::new(when.as_str(), when_words(when))).collect()
}

/// What the rows share.
#[derive(Clone, Copy)]
pub(super) struct Board {
    pub(super) known: RwSignal<MyNotices>,
    pub(super) choose: Action<ChooseNotice, Result<MyNotices, AppError>>,
    pub(super) error: Signal<Option<AppError>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mine() -> MyNotices {
        serde_json::from_value(json!({
            "email": "a@b.c", "has_email": false, "email_default": "hourly",
            "addresses": [{"id": uuid::Uuid::nil(), "name": "Room", "kind": "slack", "is_disabled": true}],
            "choices": [
                {"address": null, "template_id": uuid::Uuid::nil(), "template_name": "T", "when": "never"},
                {"address": uuid::Uuid::nil(), "template_id": null, "template_name": null, "when": "at_once"}
            ]
        }))
        .unwrap()
    }

    #[test]
    fn what_holds_is_what_was_chosen_or_what_is_usual() {
        let mut mine = mine();
        let room = Some(NoticeAddressId(uuid::Uuid::nil()));
        assert_eq!(general(&mine, None), NoticeWhen::Hourly, "a choice for one workflow says nothing of the others");
        assert_eq!(general(&mine, room), NoticeWhen::AtOnce);
        mine.choices.clear();
        assert_eq!(general(&mine, room), NoticeWhen::Never);
    }

    #[test]
    fn ways_are_the_email_and_then_the_addresses() {
        let ways = ways(&mine());
        let shown: Vec<(&str, bool)> = ways.iter().map(|way| (way.name.as_str(), way.is_off)).collect();
        assert_eq!(shown, [("Email", true), ("Room", true)]);
        assert_ne!(ways[0].key(), ways[1].key());
        assert!(segments().iter().all(|segment| when_of(segment.value).map(when_words) == Some(segment.label)));
    }
}
