//! The library in the left panel: agents by kind, to be dragged onto the canvas or onto a line, or added by a press: after the selected
//! step, onto the selected line, or else in the middle.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use workflow::{
    AgentId, AgentSpec,
    api::{AgentView, OfferView},
};

use super::draft::Draft;
use crate::{
    behind::Later,
    components::{
        Badge, Dialog, Icon, Size, TextInput, Tone,
        dom::{all, by_id, focus, key_of, window_width},
        open_while_chosen,
    },
    later::{View, later, once_drawn},
    pages::agents::{
        kind::{self, KINDS},
        outside::{OfferReview, provide_offers},
    },
    reactive::memo,
};

later! {
    more: review, View<StoredValue<(OfferView, Callback<AgentSpec>)>>, |of| {
        let (offer, on_accepted) = of.get_value();
        view! { <OfferReview offer on_accepted/> }.into_any()
    };
    more: offered, View<(Draft, RwSignal<String>)>, |(draft, wanted)| view! { <Offered draft wanted/> }.into_any();
}

/// Below it the palette lies over the canvas, and there is nothing to drag onto.
const NARROW: f64 = 900.0;

#[component]
pub(super) fn Palette(draft: Draft) -> impl IntoView {
    let wanted = RwSignal::new(String::new());
    let agents = memo(move || {
        let mut agents = draft.catalog.with(|catalog| catalog.latest().map(AgentView::from).collect::<Vec<_>>());
        // By what is seen of them.
        agents.sort_by_cached_key(|agent| agent.name.to_lowercase());
        agents
    });
    let found = memo(move || {
        let wanted = wanted.get();
        agents.with(|agents| agents.iter().filter(|agent| matches(agent, &wanted)).cloned().collect::<Vec<_>>())
    });
    let of_kind = move |kind: &'static str| {
        found.with(|found| found.iter().filter(|agent| agent.kind == kind).cloned().collect::<Vec<_>>())
    };
    // One stop of Tab for all of them: arrows lead on from the search and from each, and Tab on to the canvas.
    let held = RwSignal::new(None::<AgentId>);
    let stop = memo(move || {
        found.with(|found| {
            let held = held.get().filter(|held| found.iter().any(|agent| agent.id == *held));
            let first = || KINDS.iter().find_map(|kind| found.iter().find(|agent| agent.kind == kind.name));
            held.or_else(|| first().map(|agent| agent.id.clone()))
        })
    });
    let group = move |name: &'static str, label: &'static str| {
        view! {
            <Show when=move || !of_kind(name).is_empty()>
                <div class="palette-group" role="group" aria-label=label>
                    <h3>{label}</h3>
                    <For each=move || of_kind(name) key=|agent| (agent.id.clone(), agent.version) let:agent>
                        <Item draft agent held stop/>
                    </For>
                </div>
            </Show>
        }
    };
    // What workers offer is asked for once the page is there in any case.
    let offered = once_drawn(offered);
    let groups = KINDS.iter().map(|kind| group(kind.name, kind.plural)).collect_view();
    view! {
        <div class="palette-agents" on:keydown=move |event| key_down(&event, wanted)>
            <TextInput value=wanted kind="search" icon="search" label="Search agents" placeholder="Search"/>
            {groups}
            {move || offered.get().map(|view| view((draft, wanted)))}
            <Show when=move || found.with(Vec::is_empty)>
                <p class="muted small palette-none" role="status">
                    {move || if agents.with(Vec::is_empty) { "No agents yet" } else { "No agent matches" }}
                </p>
            </Show>
        </div>
    }
}

/// What workers offer and nobody has accepted: there to be looked at, not to be drawn with.
#[component]
fn Offered(draft: Draft, wanted: RwSignal<String>) -> impl IntoView {
    let offers = provide_offers();
    let shown = memo(move || {
        let wanted = wanted.get();
        let is_found =
            |offer: &OfferView| canvas::find::is_meant(&wanted, [offer.name.as_str(), offer.agent_id.as_str()]);
        offers.with(|offers| offers.items.iter().filter(|offer| is_found(offer)).cloned().collect::<Vec<_>>())
    });
    let reviewed = RwSignal::new(None::<OfferView>);
    let open = open_while_chosen(reviewed);
    let title = Signal::derive(move || {
        reviewed.with(|offer| offer.as_ref().map(|offer| format!("{} is offered", offer.name)).unwrap_or_default())
    });
    let accepted = Callback::new(move |spec: AgentSpec| {
        open.set(false);
        offers.update(|offers| offers.items.retain(|offer| offer.agent_id != spec.id));
        draft.catalog.update(|catalog| catalog.insert(spec));
        draft.handle.set_agents(draft.catalog.get_untracked());
    });
    let item = move |offer: OfferView| {
        let (name, by) = (offer.name.clone(), format!("by the token {}", offer.token_name));
        let label = format!("{name} is offered {by}: review it");
        view! {
            <button class="palette-item" type="button" aria-label=label on:click=move |_| reviewed.set(Some(offer.clone()))>
                <span class="kind-icon"><Icon name=kind::icon(kind::WORKER)/></span>
                <strong>{name} " " <Badge tone=Tone::Accent>"Offered"</Badge></strong>
                <small>{by}</small>
            </button>
        }
    };
    view! {
        <Show when=move || !shown.with(Vec::is_empty)>
            <div class="palette-group" role="group" aria-label="Offered by workers">
                <h3>"Offered by workers"</h3>
                <For each=move || shown.get() key=|offer| (offer.agent_id.clone(), offer.hash.clone()) let:offer>
                    {item(offer)}
                </For>
                <Show when=move || offers.with(|offers| offers.next.is_some())>
                    <p class="small"><a href="/admin/agents">"More are offered in the library"</a></p>
                </Show>
            </div>
        </Show>
        <Dialog id="offer" open title size=Size::Lg>
            {move || {
                let of = StoredValue::new((reviewed.get_untracked()?, accepted));
                Some(view! { <Later part=review of/> })
            }}
        </Dialog>
    }
}

/// From the search down into the list and back; Enter adds what was found first.
fn key_down(event: &ev::KeyboardEvent, wanted: RwSignal<String>) {
    let (Some(body), Some(target)) = (by_id("palette"), event.target()) else { return };
    let items = all(&body, ".palette-item");
    let at = items.iter().position(|item| *item.unchecked_ref::<web_sys::EventTarget>() == target);
    let search = all(&body, "input[type=search]").into_iter().next();
    let is_search = search.as_ref().is_some_and(|search| *search.unchecked_ref::<web_sys::EventTarget>() == target);
    match key_of(event).as_str() {
        "ArrowDown" => items.get(at.map_or(0, |at| at + 1)).into_iter().for_each(focus),
        "ArrowUp" => match at {
            Some(0) => search.iter().for_each(focus),
            Some(at) => focus(&items[at - 1]),
            None => return,
        },
        "Enter" if is_search => items.first().into_iter().for_each(web_sys::HtmlElement::click),
        "Escape" if is_search && !wanted.with_untracked(String::is_empty) => wanted.set(String::new()),
        _ => return,
    }
    event.prevent_default();
}

fn matches(agent: &AgentView, wanted: &str) -> bool {
    let AgentView { id, name, description, kind, .. } = agent;
    canvas::find::is_meant(wanted, [name.as_str(), description.as_str(), kind.as_str(), id.as_str()])
}

#[component]
fn Item(
    draft: Draft,
    agent: AgentView,
    /// The one that the keyboard was on last.
    held: RwSignal<Option<AgentId>>,
    /// The one that Tab reaches.
    stop: Memo<Option<AgentId>>,
) -> impl IntoView {
    let handle = draft.handle;
    let (name, description) = (agent.name.clone(), agent.description.clone());
    let tip = if description.is_empty() {
        format!("{name}: drag onto the canvas or a line, or press to add it after the selected step")
    } else {
        description.clone()
    };
    let add = format!("Add {name}");
    let icon = kind::icon(&agent.kind);
    let agent = StoredValue::new(agent);
    let is_stop = move || stop.with(|stop| agent.with_value(|agent| stop.as_ref() == Some(&agent.id)));
    view! {
        <button
            class="palette-item"
            type="button"
            tabindex=move || if is_stop() { "0" } else { "-1" }
            data-tip=tip
            data-agent=agent.with_value(|agent| agent.id.to_string())
            aria-label=add
            on:pointerdown=move |event| {
                let width = window_width().unwrap_or(NARROW);
                if width >= NARROW {
                    agent.with_value(|agent| handle.begin_palette_drag(agent, &event));
                }
            }
            on:focus=move |_| held.set(Some(agent.with_value(|agent| agent.id.clone())))
            on:click=move |_| {
                agent.with_value(|agent| handle.press_agent(agent));
                draft.shown.set("canvas".to_owned());
            }
        >
            <span class="kind-icon"><Icon name=icon/></span>
            <strong>{name}</strong>
            <small>{description}</small>
        </button>
    }
}
