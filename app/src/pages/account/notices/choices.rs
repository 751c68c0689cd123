//! How soon one is told by mail and at each address; what is chosen holds at once.
//! Must show what the server answered, also where a choice was refused.

use leptos::prelude::*;
use workflow::{
    api::{AddressKind, ChooseNotice, MyNotices, NoticeWhen},
    id::NoticeAddressId,
};

use super::exceptions::Exceptions;
use crate::{
    api,
    components::{Badge, RowsSkeleton, Segment, Segmented, Tone},
    error::AppError,
    form::{FormError, outcome},
    load::Loaded,
    reactive::{effect, memo, tie},
    session::use_session,
};

#[component]
pub(super) fn Choices() -> impl IntoView {
    let session = use_session();
    let mine = Resource::new(move || session.epoch(), |_| api::my_notices());
    view! {
        <Loaded of=mine fallback=|| view! { <RowsSkeleton n=1/> } let:mine>
            <Chosen mine/>
        </Loaded>
    }
}

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
fn general(mine: &MyNotices, address: Option<NoticeAddressId>) -> NoticeWhen {
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

#[component]
fn Chosen(mine: MyNotices) -> impl IntoView {
    let known = RwSignal::new(mine);
    let choose = Action::new(|choice: &ChooseNotice| api::choose_notice(choice.clone()));
    let error = outcome(choose, move |mine| known.set(mine));
    let board = Board { known, choose, error };
    let has_address = memo(move || known.with(|mine| !mine.addresses.is_empty()));
    view! {
        <FormError error/>
        <For each=move || known.with(ways) key=|way| format!("{way:?}") let:way>
            <WayRow way board/>
        </For>
        <p class="muted small">
            "Hourly gathers what came up into one message. After a decision, whoever was told hears what came of it. "
            {move || {
                (!has_address.get()).then_some("Rooms of a chat and other programs can be told too, once an admin has registered them.")
            }}
        </p>
        <Exceptions board/>
    }
}

#[component]
fn WayRow(way: Way, board: Board) -> impl IntoView {
    let Board { known, choose, error } = board;
    let address = way.address;
    let when = memo(move || known.with(|mine| general(mine, address)).as_str().to_owned());
    let chosen = RwSignal::new(when.get_untracked());
    tie(when, chosen, move |now| {
        if let Some(when) = when_of(&now) {
            choose.dispatch(ChooseNotice { address, template_id: None, when: Some(when) });
        }
    });
    effect(move || {
        if error.with(Option::is_some) {
            chosen.set(when.get_untracked());
        }
    });
    let about = match way.kind {
        None if way.is_off => {
            "This Weft sends no mail yet. What you choose holds once an admin has set it up.".to_owned()
        }
        None => known.with_untracked(|mine| format!("To {}", mine.email)),
        Some(AddressKind::Slack) => "A room of a chat, which others may read".to_owned(),
        Some(AddressKind::Webhook) => "A program that an admin connected".to_owned(),
    };
    let is_switched_off = way.is_off && way.kind.is_some();
    let name = way.name.clone();
    view! {
        <div class="setting">
            <div>
                <strong><bdi>{name}</bdi></strong>
                {is_switched_off.then(|| view! { " " <Badge tone=Tone::Warn>"Switched off"</Badge> })}
                <p class="muted">{about}</p>
            </div>
            <Segmented
                name=format!("notice-{}", way.key())
                label=format!("{}: how soon", way.name)
                value=chosen
                segments=segments()
            />
        </div>
    }
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
