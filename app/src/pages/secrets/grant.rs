//! The dialog in which an admin says which agents may use a secret: these and no others.

use leptos::prelude::*;
use workflow::{
    AgentId, SecretName,
    api::{AgentView, GrantSecret as Wanted, SecretView},
};

use crate::{
    api,
    components::{Checkbox, Dialog, DialogForm, RowsSkeleton, open_while_chosen, use_toasts},
    form::{FormError, outcome},
    load::Loaded,
    paged::all,
};

/// Opens for whatever is put into `of`.
#[component]
pub(super) fn GrantSecret(
    of: RwSignal<Option<SecretView>>,
    #[prop(into)] on_done: Callback<SecretView>,
) -> impl IntoView {
    let open = open_while_chosen(of);
    let title = Signal::derive(move || {
        of.with(|secret| {
            secret.as_ref().map(|secret| format!("Agents that may use {}", secret.name)).unwrap_or_default()
        })
    });
    view! {
        <Dialog id="grant-secret" open title description="Agents that call an address, and no others, send headers">
            {move || of.get_untracked().map(|secret| view! { <Agents secret open on_done/> })}
        </Dialog>
    }
}

#[component]
fn Agents(secret: SecretView, open: RwSignal<bool>, on_done: Callback<SecretView>) -> impl IntoView {
    let agents = Resource::new(|| (), |()| all(api::list_agents));
    let secret = StoredValue::new(secret);
    view! {
        <Loaded of=agents fallback=|| view! { <RowsSkeleton n=1/> } let:agents>
            <Choose secret=secret.get_value() agents open on_done/>
        </Loaded>
    }
}

/// An agent with its box.
#[derive(Clone)]
struct Choice {
    id: AgentId,
    name: String,
    is_chosen: RwSignal<bool>,
}

/// Those that can send headers, and whatever may use it already.
fn choices(secret: &SecretView, agents: Vec<AgentView>) -> Vec<(AgentId, String, bool)> {
    let is_granted = |id: &AgentId| secret.agents.contains(id);
    let offered = agents.into_iter().filter(|agent| agent.kind == "http" || is_granted(&agent.id));
    offered.map(|agent| (agent.id.clone(), agent.name, is_granted(&agent.id))).collect()
}

#[component]
fn Choose(
    secret: SecretView,
    agents: Vec<AgentView>,
    open: RwSignal<bool>,
    on_done: Callback<SecretView>,
) -> impl IntoView {
    let toasts = use_toasts();
    let chosen: Vec<Choice> = choices(&secret, agents)
        .into_iter()
        .map(|(id, name, is_granted)| Choice { id, name, is_chosen: RwSignal::new(is_granted) })
        .collect();
    let boxes = chosen.clone().into_iter().map(|choice| {
        let label = format!("{} ({})", choice.name, choice.id);
        view! { <li dir="auto"><Checkbox checked=choice.is_chosen label/></li> }
    });
    let (is_empty, boxes) = (chosen.is_empty(), boxes.collect_view());
    let (name, shown): (SecretName, Vec<AgentId>) = (secret.name, secret.agents);
    let grant = Action::new(move |(): &()| {
        let agents = chosen.iter().filter(|choice| choice.is_chosen.get_untracked()).map(|choice| choice.id.clone());
        let wanted = Wanted { agents: agents.collect(), expect: Some(shown.clone()) };
        api::grant_secret(name.clone(), wanted)
    });
    let error = outcome(grant, move |secret: SecretView| {
        open.set(false);
        toasts.success(match secret.agents.len() {
            0 => format!("No agent may use {}", secret.name),
            1 => format!("1 agent may use {}", secret.name),
            n => format!("{n} agents may use {}", secret.name),
        });
        on_done.run(secret);
    });
    view! {
        <DialogForm
            open
            submit="Save"
            pending=grant.pending()
            on_submit=move |()| {
                grant.dispatch(());
            }
        >
            <FormError error/>
            {is_empty.then(|| view! { <p>"There is no agent that calls an address yet"</p> })}
            <ul class="stack" data-gap="2" aria-label="Agents">{boxes}</ul>
        </DialogForm>
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
        let secret = serde_json::from_value(json!({"name": "s", "description": "", "hosts": [], "agents": ["b", "d"],
            "key_id": "k", "is_readable": true, "set_by": null, "set_at": "2026-01-01T00:00:00Z", "last_used_at": null}))
        .unwrap();
        let agents = vec![agent("a", "http"), agent("b", "http"), agent("c", "llm"), agent("d", "template")];
        let offered = choices(&secret, agents).into_iter().map(|(id, _, is_granted)| (id.to_string(), is_granted));
        let expected = [("a".to_owned(), false), ("b".to_owned(), true), ("d".to_owned(), true)];
        assert_eq!(offered.collect::<Vec<_>>(), expected);
    }
}
