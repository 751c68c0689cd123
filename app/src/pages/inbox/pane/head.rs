//! What a gate is: of which workflow and step, what its run is about, who started it, since when it waits and until when, and what binds whom.

use leptos::prelude::*;
use workflow::api::{Company, InboxItem};

use super::binding::binding;
use crate::{
    address::step_of_run,
    components::{LinkButton, RelativeTime, Size, Variant},
    pages::{
        inbox::decide::desk::{Desk, HEADING},
        review::{
            in_place::InPlaceOf,
            onlookers::Onlookers,
            rounds::{Rounds, then_words},
            subject::Subject,
        },
    },
    reactive::memo,
};

#[component]
pub(super) fn Head(desk: Desk, subject: Subject, company: Memo<Option<Company>>) -> impl IntoView {
    let item = memo(move || {
        let reading = desk.reading()?;
        Some(InboxItem { acts_for: desk.in_place_of(), ..reading.item.clone() })
    });
    let in_place_of = memo(move || desk.in_place_of());
    view! {
        <header class="pane-head">
            {move || item.get().map(|item| facts(desk, item))}
            <InPlaceOf whose=in_place_of/>
            <Onlookers company step=Signal::stored(subject.key())/>
        </header>
    }
}

fn facts(desk: Desk, item: InboxItem) -> AnyView {
    let binding = desk.session.with_user(|me| binding(&item, me));
    let href = step_of_run(item.run_id, &item.step);
    let of_list = item.step.split().1.map(ToOwned::to_owned);
    let rounds = Rounds { used: item.round, most: item.max_rounds };
    let due = item
        .due_at
        .map(|at| view! { <span><span>"Due " <RelativeTime at ahead=true/> ", " {then_words(item.on_timeout)}</span></span> });
    let votes = (item.quorum > 1).then(|| format!("{} of {} approvals", item.votes.len(), item.quorum));
    view! {
        <div class="pane-title">
            <h2 tabindex="-1" id=HEADING>
                <bdi>{item.template_name}</bdi> " › " <bdi>{item.title}</bdi>
                {of_list.map(|name| view! { " › " <bdi>{name}</bdi> })}
            </h2>
            <LinkButton href size=Size::Sm variant=Variant::Quiet icon="external-link">"Open the run"</LinkButton>
        </div>
        {item.about.map(|about| view! { <p class="pane-about" dir="auto">{about}</p> })}
        <div class="run-facts">
            <span>"Started by " <bdi>{item.owner}</bdi></span>
            <span><span>"Waits since " <RelativeTime at=item.opened_at/></span></span>
            {due}
            {(rounds.used > 0).then(|| view! { <span>"Sent back " {rounds.words()}</span> })}
            {votes.map(|votes| view! { <span>{votes}</span> })}
        </div>
        <p class="small">{binding}</p>
    }
    .into_any()
}
