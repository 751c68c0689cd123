//! The library at the left: agents by kind, to be dragged onto the canvas, or added in its middle by a press.

use leptos::prelude::*;
use workflow::api::AgentView;

use super::draft::Draft;
use crate::reactive::memo;
use crate::{
    components::{Icon, LeftClose, LeftPanel, LinkButton, PanelHandle, Side, Size, TextInput, Variant},
    pages::agents::kind::{self, KINDS},
};

/// Below it the palette lies over the canvas, and there is nothing to drag onto.
const NARROW: f64 = 900.0;

#[component]
pub(super) fn Palette(draft: Draft, panel: LeftPanel) -> impl IntoView {
    let wanted = RwSignal::new(String::new());
    let agents = memo(move || {
        let mut agents = draft.catalog.with(|catalog| catalog.latest().map(AgentView::from).collect::<Vec<_>>());
        // By what is seen of them.
        agents.sort_by_cached_key(|agent| agent.name.to_lowercase());
        agents
    });
    let found = memo(move || {
        let needle = wanted.with(|wanted| wanted.trim().to_lowercase());
        agents.with(|agents| agents.iter().filter(|agent| matches(agent, &needle)).cloned().collect::<Vec<_>>())
    });
    let of_kind = move |kind: &'static str| {
        found.with(|found| found.iter().filter(|agent| agent.kind == kind).cloned().collect::<Vec<_>>())
    };
    let group = move |name: &'static str, label: &'static str| {
        view! {
            <Show when=move || !of_kind(name).is_empty()>
                <div class="palette-group" role="group" aria-label=label>
                    <h3>{label}</h3>
                    <For each=move || of_kind(name) key=|agent| (agent.id.clone(), agent.version) let:agent>
                        <Item draft agent/>
                    </For>
                </div>
            </Show>
        }
    };
    let groups = KINDS.iter().map(|kind| group(kind.name, kind.plural)).collect_view();
    view! {
        <aside class="panel palette" id="palette" aria-label="Agents">
            <div class="panel-head">
                <h2>"Agents"</h2>
                <LinkButton href="/admin/agents" variant=Variant::Quiet size=Size::Sm>"Manage"</LinkButton>
                <LeftClose panel label="Close the agents"/>
            </div>
            <div class="panel-body">
                <TextInput value=wanted kind="search" icon="search" label="Search agents" placeholder="Search"/>
                {groups}
                <Show when=move || found.with(Vec::is_empty)>
                    <p class="muted small palette-none" role="status">
                        {move || if agents.with(Vec::is_empty) { "No agents yet" } else { "No agent matches" }}
                    </p>
                </Show>
            </div>
            <PanelHandle side=Side::Right key="editor-palette" label="Resize the palette" max=420.0/>
        </aside>
    }
}

fn matches(agent: &AgentView, needle: &str) -> bool {
    needle.is_empty()
        || [&agent.name, &agent.description, &agent.kind].iter().any(|text| text.to_lowercase().contains(needle))
        || agent.id.as_str().contains(needle)
}

#[component]
fn Item(draft: Draft, agent: AgentView) -> impl IntoView {
    let handle = draft.handle;
    let (name, description) = (agent.name.clone(), agent.description.clone());
    let tip = if description.is_empty() {
        format!("{name}: drag onto the canvas, or press to add")
    } else {
        description.clone()
    };
    let add = format!("Add {name}");
    let icon = kind::icon(&agent.kind);
    let agent = StoredValue::new(agent);
    view! {
        <button
            class="palette-item"
            type="button"
            data-tip=tip
            data-agent=agent.with_value(|agent| agent.id.to_string())
            aria-label=add
            on:pointerdown=move |event| {
                let width = window().inner_width().ok().and_then(|width| width.as_f64()).unwrap_or(NARROW);
                if width >= NARROW {
                    agent.with_value(|agent| handle.begin_palette_drag(agent, &event));
                }
            }
            on:click=move |_| {
                agent.with_value(|agent| handle.add_agent(agent));
                draft.shown.set("canvas".to_owned());
            }
        >
            <span class="kind-icon"><Icon name=icon/></span>
            <strong>{name}</strong>
            <small>{description}</small>
        </button>
    }
}
