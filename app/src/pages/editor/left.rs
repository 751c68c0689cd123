//! The left panel: the agents to draw with, or the steps as a list.
//! On a phone each is a view of its own, and the tabs of the page choose between them.

use leptos::prelude::*;

use super::{draft::Draft, palette::Palette, parts};
use crate::{
    behind::Later,
    components::{LeftClose, LeftPanel, LinkButton, PanelHandle, Side, Size, Tab, TabPanel, Tabs, Variant},
    reactive::effect,
};

/// `shown`: agents or steps.
#[component]
pub(super) fn Left(draft: Draft, panel: LeftPanel, shown: RwSignal<String>) -> impl IntoView {
    effect(move || {
        let wanted = match draft.shown.get().as_str() {
            "palette" => "agents",
            "steps" => "steps",
            _ => return,
        };
        shown.set(wanted.to_owned());
    });
    let is_agents = move || shown.with(|shown| shown == "agents");
    let label = move || if is_agents() { "Agents" } else { "Steps" };
    view! {
        <aside class="panel palette" id="palette" aria-label=label>
            <div class="panel-head">
                <h2 class="visually-hidden">{label}</h2>
                <div class="left-tabs">
                    <Tabs
                        id="left"
                        label="What the left panel shows"
                        tabs=Signal::stored(vec![Tab::new("agents", "Agents"), Tab::new("steps", "Steps")])
                        selected=shown
                    />
                </div>
                <LeftClose panel label="Close the panel"/>
            </div>
            <div class="panel-body">
                <TabPanel tabs="left" tab="agents" selected=shown>
                    <Palette draft/>
                    <LinkButton href="/admin/agents" variant=Variant::Quiet size=Size::Sm>"Manage agents"</LinkButton>
                </TabPanel>
                <TabPanel tabs="left" tab="steps" selected=shown>
                    <Later part=parts::outline of=()/>
                </TabPanel>
            </div>
            <PanelHandle side=Side::Right key="editor-palette" label="Resize the palette" max=420.0/>
        </aside>
    }
}
