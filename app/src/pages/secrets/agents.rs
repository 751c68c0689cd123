//! Which agents may use a secret: a box for each that can send one.
//! Must never leave out one that may use it already, whatever it has become since.

use leptos::prelude::*;
use workflow::{AgentId, api::AgentView};

use crate::components::Checkbox;

/// An agent with its box.
#[derive(Clone)]
pub(super) struct Choice {
    id: AgentId,
    name: String,
    is_chosen: RwSignal<bool>,
}

/// Those that can send headers, and whatever may use it already.
pub(super) fn choices(granted: &[AgentId], agents: Vec<AgentView>) -> Vec<Choice> {
    let choice = |agent: AgentView| {
        let is_granted = granted.contains(&agent.id);
        let is_offered = is_granted || agent.kind == "http";
        is_offered.then(|| Choice { id: agent.id, name: agent.name, is_chosen: RwSignal::new(is_granted) })
    };
    agents.into_iter().filter_map(choice).collect()
}

pub(super) fn chosen(choices: &[Choice]) -> Vec<AgentId> {
    let chosen = choices.iter().filter(|choice| choice.is_chosen.get_untracked());
    chosen.map(|choice| choice.id.clone()).collect()
}

#[component]
pub(super) fn Boxes(choices: Vec<Choice>) -> impl IntoView {
    let is_empty = choices.is_empty();
    let choice = |choice: Choice| {
        let label = format!("{} ({})", choice.name, choice.id);
        view! { <li dir="auto"><Checkbox checked=choice.is_chosen label/></li> }
    };
    let boxes = choices.into_iter().map(choice).collect_view();
    view! {
        {is_empty.then(|| view! { <p>"There is no agent that calls an address yet"</p> })}
        <ul class="stack" data-gap="2" aria-label="Agents">{boxes}</ul>
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn agents_that_send_headers_are_offered_and_those_that_may_use_it_already() {
        let agent = |id: &str, kind: &str| -> AgentView {
            serde_json::from_value(json!({"id": id, "name": id, "description": "", "kind": kind, "version": 1,
                "inputs": [], "outputs": []}))
            .unwrap()
        };
        let ids = |choices: &[Choice]| choices.iter().map(|choice| choice.id.to_string()).collect::<Vec<_>>();
        let names = |ids: Vec<AgentId>| ids.iter().map(AgentId::to_string).collect::<Vec<_>>();
        Owner::new().with(|| {
            let agents = vec![agent("a", "http"), agent("b", "http"), agent("c", "llm"), agent("d", "template")];
            let offered = choices(&[AgentId::new("b"), AgentId::new("d")], agents);
            assert_eq!(ids(&offered), ["a", "b", "d"]);
            assert_eq!(names(chosen(&offered)), ["b", "d"]);
            offered[0].is_chosen.set(true);
            offered[1].is_chosen.set(false);
            assert_eq!(names(chosen(&offered)), ["a", "d"]);
        });
    }
}
