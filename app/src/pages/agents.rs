//! /admin/agents: the library. The list, the form of one agent with its versions, and a test on sample input.

mod config;
mod conflict;
mod earlier;
mod edit;
mod faults;
mod form;
mod history;
pub(super) mod kind;
pub(super) mod outside;
mod ports;
mod sub_workflow;
mod test;
mod typed;

use leptos::prelude::*;
use workflow::{
    AgentId, AgentSpec,
    api::{self as wire, AgentView},
};

pub use self::edit::{AgentPage, NewAgentPage};
use self::outside::Offers;
use crate::{
    api,
    components::{Badge, Empty, Icon, LinkButton, Menu, MenuLink, RowsSkeleton, Size, TableShell, TextInput, Variant},
    form::FormError,
    load::Loaded,
    paged::More,
    pages::{
        deleting::{DeleteQuestion, Deleting},
        whole::DeleteItem,
    },
    searched::Searched,
    session::use_session,
    shell::Page,
};

#[component]
pub fn AgentsPage() -> impl IntoView {
    let session = use_session();
    let agents = Resource::new(move || session.epoch(), |_| api::list_agents(None, None));
    let new_button = || {
        view! {
            <LinkButton href="/admin/agents/new" variant=Variant::Primary icon="plus">
                "New agent"
            </LinkButton>
        }
    };
    view! {
        <Page title="Agents" actions=new_button>
            <div class="page">
                <div class="page-head">
                    <h1>"Agents"</h1>
                    <p>"What does the work of a step: a language model, a web service, a template, a person, another workflow, or a program of yours. Each save makes a new version."</p>
                </div>
                <Offers on_accepted=move |_: AgentSpec| agents.refetch()/>
                <Loaded of=agents fallback=|| view! { <RowsSkeleton n=5 has_search=true/> } let:page>
                    {if page.items.is_empty() {
                        view! { <NoAgent/> }.into_any()
                    } else {
                        view! { <List page on_changed=move |()| agents.refetch()/> }.into_any()
                    }}
                </Loaded>
            </div>
        </Page>
    }
}

#[component]
fn NoAgent() -> impl IntoView {
    view! {
        <Empty
            icon="bot"
            framed=true
            title="No agent yet"
            text="An agent takes typed inputs and gives typed outputs. Workflows are drawn from them."
        >
            <LinkButton href="/admin/agents/new" icon="plus">"New agent"</LinkButton>
        </Empty>
    }
}

fn above() -> Vec<(String, String)> {
    vec![("Agents".to_owned(), "/admin/agents".to_owned())]
}

#[component]
fn List(page: wire::Page<AgentView>, #[prop(into)] on_changed: Callback<()>) -> impl IntoView {
    let deleting = Deleting::new(api::delete_agent, move || on_changed.run(()));
    let Searched { list, typed, sought, error } = Searched::new(page, api::list_agents);
    let is_none_found = move || sought.with(Option::is_some) && list.items.with(Vec::is_empty);
    view! {
        <div class="stack" data-gap="3">
            <div class="toolbar">
                <TextInput value=typed kind="search" icon="search" label="Search agents" placeholder="Search"/>
            </div>
            <FormError error/>
            <FormError error=deleting.error/>
            <TableShell label="Agents">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col" class="wide-only">"Id"</th>
                        <th scope="col">"Kind"</th>
                        <th scope="col" class="num wide-only">"Version"</th>
                        <th scope="col" class="agent-words">"Description"</th>
                        <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || list.items.get() key=|agent| agent.id.clone() let:agent>
                        <Row agent deleting/>
                    </For>
                </tbody>
            </TableShell>
            <Show when=is_none_found>
                <p class="muted" role="status">"No agent matches"</p>
            </Show>
            <More of=list/>
            <DeleteQuestion
                deleting
                what="agent"
                text="All its versions go with it, and they cannot be brought back. An agent that a published workflow has used is kept."
            />
        </div>
    }
}

#[component]
fn Row(agent: AgentView, deleting: Deleting<AgentId>) -> impl IntoView {
    let href = format!("/admin/agents/{}", agent.id);
    let (menu_id, label) = (format!("agent-{}", agent.id), format!("Actions for {}", agent.name));
    // What an outside worker does is offered by it, and not written here.
    let copy = (agent.kind != kind::WORKER).then(|| format!("/admin/agents/new?from={}", agent.id));
    let stored = StoredValue::new((agent.id.clone(), agent.name.clone()));
    let on_delete = move |()| {
        let (id, name) = stored.get_value();
        deleting.ask(id, name);
    };
    view! {
        <tr>
            <th scope="row">
                <span class="agent-name">
                    <span class="kind-icon"><Icon name=kind::icon(&agent.kind)/></span>
                    <a href=href>{agent.name}</a>
                </span>
            </th>
            <td class="wide-only"><code>{agent.id.to_string()}</code></td>
            <td><Badge>{kind::label(&agent.kind)}</Badge></td>
            <td class="num wide-only">{agent.version}</td>
            <td class="muted agent-words">{agent.description}</td>
            <td class="row-actions">
                <Menu id=menu_id label size=Size::Sm>
                    {copy.clone().map(|href| view! { <MenuLink href icon="copy-plus">"Duplicate"</MenuLink> })}
                    <DeleteItem on_select=on_delete/>
                </Menu>
            </td>
        </tr>
    }
}
