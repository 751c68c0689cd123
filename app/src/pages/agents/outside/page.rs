//! /admin/agents/{id} of an agent that outside workers do: what its code says of it, read only, with its versions and a test.

use leptos::prelude::*;
use workflow::{
    AgentSpec,
    agent::{AgentConfig, WorkerConfig},
};

use super::{
    compare::Ports,
    ports::{Named, PortsTable},
    review::{OfferReview, provide_offers},
};
use crate::{
    components::{Badge, Banner, Button, CopyId, Dialog, Size, Tone},
    pages::agents::{above, earlier::EarlierVersions, kind, test::TestPanel},
    reactive::memo,
    shell::Page,
    words,
};

#[component]
pub(in crate::pages::agents) fn OutsidePage(spec: AgentSpec) -> impl IntoView {
    let saved = RwSignal::new(spec);
    let title = Signal::derive(move || saved.with(|saved| saved.name.clone()));
    let is_dirty = memo(|| false);
    view! {
        <Page title above=above()>
            <div class="page agent-page">
                <div class="page-head">
                    <h1>{move || title.get()}</h1>
                    <p class="row" data-gap="2">
                        <code>{move || saved.with(|saved| saved.id.to_string())}</code>
                        <Badge>{move || format!("Version {}", saved.with(|saved| saved.version))}</Badge>
                        <Badge icon=kind::icon(kind::WORKER)>{kind::label(kind::WORKER)}</Badge>
                    </p>
                </div>
                <Offered saved/>
                <div class="agent-columns">
                    <div class="form">
                        <section class="form-section" aria-label="What it does">
                            <h2>"What it does"</h2>
                            <p>"A program of yours does it, and its code says what it takes and gives: offer it changed, and it can be accepted here as the next version. " <a href="/admin/workers">"See the workers"</a></p>
                            {move || saved.with(facts)}
                        </section>
                        <section class="form-section" aria-label="Ports">
                            <h2>"Ports"</h2>
                            {move || saved.with(|saved| view! { <PortsTable before=None after=named(saved)/> })}
                        </section>
                    </div>
                    <aside class="stack" aria-label="Try it">
                        <TestPanel saved is_dirty/>
                        <Versions saved/>
                    </aside>
                </div>
            </div>
        </Page>
    }
}

fn named(spec: &AgentSpec) -> Named {
    Named { name: format!("Version {}", spec.version), ports: Ports::of_agent(spec) }
}

fn facts(spec: &AgentSpec) -> AnyView {
    let WorkerConfig { hash, timeout_s, .. } = match &spec.config {
        AgentConfig::Worker(config) => config.clone(),
        _ => WorkerConfig::default(),
    };
    let description = spec.description.clone();
    view! {
        {(!description.is_empty()).then(|| view! { <p>{description}</p> })}
        <dl class="facts">
            {timeout_s.map(|seconds| view! {
                <dt>"Time for each try"</dt>
                <dd>{format!("{}, as its author says; the step decides", words::count(seconds, "second"))}</dd>
            })}
            {spec.max_parallel.map(|n| view! {
                <dt>"Most at the same time"</dt>
                <dd class="num">{n}</dd>
            })}
            <dt>"Hash of its ports"</dt>
            <dd class="agent-hash"><CopyId value=hash what="hash"/></dd>
        </dl>
    }
    .into_any()
}

/// Other ports of it that wait to be accepted.
#[component]
fn Offered(saved: RwSignal<AgentSpec>) -> impl IntoView {
    let offers = provide_offers();
    let of_this = memo(move || {
        let id = saved.with(|saved| saved.id.clone());
        offers.with(|offers| offers.items.iter().find(|offer| offer.agent_id == id).cloned())
    });
    let open = RwSignal::new(false);
    let banner = move || {
        of_this.get().map(|offer| {
            view! {
                <Banner
                    title=format!("{} is offered with other ports", offer.name)
                    action=move || view! { <Button size=Size::Sm on_click=move |()| open.set(true)>"Review…"</Button> }
                >
                    <Badge tone=Tone::Accent icon="plug">"Offered"</Badge>
                    {format!(" with the token {}. Workers that offer these get no work for it until they are accepted.", offer.token_name)}
                </Banner>
            }
        })
    };
    let accepted = Callback::new(move |spec: AgentSpec| {
        open.set(false);
        offers.update(|offers| offers.items.retain(|offer| offer.agent_id != spec.id));
        saved.set(spec);
    });
    view! {
        {banner}
        <Dialog id="offer" open title="Offered with other ports" size=Size::Lg>
            {move || of_this.get_untracked().map(|offer| view! { <OfferReview offer on_accepted=accepted/> })}
        </Dialog>
    }
}

/// Each version as it was, beside the newest.
#[component]
fn Versions(saved: RwSignal<AgentSpec>) -> impl IntoView {
    let draw = Callback::new(move |spec: AgentSpec| {
        let after = saved.with_untracked(named);
        view! { {facts(&spec)} <PortsTable before=Some(named(&spec)) after/> }.into_any()
    });
    view! {
        <EarlierVersions
            latest=memo(move || saved.get())
            label="Compare an earlier version with the newest"
            none="This is the first one. Each offer that is accepted adds a version; none is ever changed."
            draw
        />
    }
}
