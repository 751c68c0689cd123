//! Above the library: agents that workers offer and that nobody has accepted yet.

use leptos::prelude::*;
use workflow::{
    AgentSpec,
    api::{OfferView, Page},
};

use super::review::{OfferReview, first, follow_offers, offered_words};
use crate::{
    api,
    components::{Badge, Button, Dialog, Icon, MoreRows, Size, Tone, open_while_chosen},
    form::{FormError, outcome},
    pages::agents::kind,
    reactive::memo,
    words,
};

/// Nothing at all while nothing is offered.
#[component]
pub(in crate::pages::agents) fn Offers(#[prop(into)] on_accepted: Callback<AgentSpec>) -> impl IntoView {
    let read = Resource::new(|| (), |()| api::list_offers(None));
    view! {
        <Transition>
            {move || Suspend::new(async move {
                // An error shows once, at the library below, which fails alike; the list is read again.
                let read = read.await.unwrap_or(Page { items: Vec::new(), next: None });
                view! { <Shown read on_accepted/> }
            })}
        </Transition>
    }
}

#[component]
fn Shown(read: Page<OfferView>, on_accepted: Callback<AgentSpec>) -> impl IntoView {
    let offers = follow_offers(read);
    let shown = memo(move || offers.with(|offers| offers.items.clone()));
    let more = Action::new(move |(): &()| first(offers.with_untracked(|offers| offers.items.len()) + 1));
    let error = outcome(more, move |page| offers.set(page));
    let reviewed = RwSignal::new(None::<OfferView>);
    let open = open_while_chosen(reviewed);
    let title = Signal::derive(move || {
        reviewed.with(|offer| offer.as_ref().map(|offer| format!("{} is offered", offer.name)).unwrap_or_default())
    });
    let accepted = Callback::new(move |spec: AgentSpec| {
        open.set(false);
        let hash = hash_of(&spec);
        offers.update(|offers| {
            offers.items.retain(|offer| offer.agent_id != spec.id || Some(&offer.hash) != hash.as_ref());
        });
        on_accepted.run(spec);
    });
    view! {
        // Always there, so that a screen reader hears of what comes into it.
        <div role="status">
            <Show when=move || !shown.with(Vec::is_empty)>
                <p class="visually-hidden">{move || format!("{} offered", words::count(shown.with(Vec::len), "agent"))}</p>
            </Show>
        </div>
        <Show when=move || !shown.with(Vec::is_empty)>
            <section class="stack" data-gap="2" aria-labelledby="offers">
                <div class="section-head">
                    <h2 id="offers">"Offered by workers"</h2>
                    <span class="muted">"They get no work until you accept them"</span>
                </div>
                <ul class="list-rows">
                    <For each=move || shown.get() key=|offer| (offer.agent_id.clone(), offer.hash.clone(), offer.n_sessions) let:offer>
                        <Row offer reviewed/>
                    </For>
                </ul>
                <FormError error/>
                <MoreRows
                    has_more=Signal::derive(move || offers.with(|offers| offers.next.is_some()))
                    loading=more.pending()
                    on_more=move |()| {
                        more.dispatch(());
                    }
                />
            </section>
        </Show>
        <Dialog id="offer" open title size=Size::Lg>
            {move || reviewed.get_untracked().map(|offer| view! { <OfferReview offer on_accepted=accepted/> })}
        </Dialog>
    }
}

fn hash_of(spec: &AgentSpec) -> Option<String> {
    match &spec.config {
        workflow::agent::AgentConfig::Worker(config) => Some(config.hash.clone()),
        _ => None,
    }
}

#[component]
fn Row(offer: OfferView, reviewed: RwSignal<Option<OfferView>>) -> impl IntoView {
    let ports = |names: Vec<&str>| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let takes = ports(offer.inputs.iter().map(|port| port.name.as_str()).collect());
    let gives = ports(offer.outputs.iter().map(|port| port.name.as_str()).collect());
    let what = match offer.latest_version {
        Some(version) => {
            view! { <Badge tone=Tone::Warn>{format!("Changed since version {version}")}</Badge> }.into_any()
        }
        None => view! { <Badge>"New"</Badge> }.into_any(),
    };
    let name = offer.name.clone();
    let who = offered_words(&offer);
    let id = offer.agent_id.to_string();
    view! {
        <li class="list-row">
            <span class="kind-icon"><Icon name=kind::icon(kind::WORKER)/></span>
            <div class="list-main">
                <span class="cell-line">
                    <strong>{name.clone()}</strong>
                    <code class="small">{id}</code>
                    <Badge tone=Tone::Accent icon="plug">"Offered"</Badge>
                    {what}
                </span>
                <div class="list-sub">
                    <span>{who}</span>
                    <span>{format!("takes {takes}; gives {gives}")}</span>
                </div>
            </div>
            <span class="list-about"></span>
            <div class="list-side"></div>
            <Button size=Size::Sm on_click=move |()| reviewed.set(Some(offer.clone()))>
                "Review…"
                <span class="visually-hidden">{name}</span>
            </Button>
        </li>
    }
}
