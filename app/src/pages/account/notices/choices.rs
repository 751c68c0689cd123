//! How soon one is told by mail and at each address; what is chosen holds at once.
//! Must show what the server answered, also where a choice was refused.

use leptos::prelude::*;
use workflow::api::{AddressKind, ChooseNotice, MyNotices};

use super::{
    exceptions::Exceptions,
    ways::{Board, Way, general, segments, ways, when_of},
};
use crate::{
    api,
    components::{Badge, RowsSkeleton, Segmented, Tone},
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
