//! The dialog in which an admin says which agents may use a secret: these and no others.

use leptos::prelude::*;
use workflow::api::{AgentView, GrantSecret as Wanted, SecretView};

use super::agents::{Boxes, choices, chosen};
use crate::{
    api,
    components::{Dialog, DialogForm, RowsSkeleton, open_while_chosen, use_toasts},
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
    let agents = Resource::new(|| (), |()| all(|after| api::list_agents(None, after)));
    let secret = StoredValue::new(secret);
    view! {
        <Loaded of=agents fallback=|| view! { <RowsSkeleton n=1/> } let:agents>
            <Choose secret=secret.get_value() agents open on_done/>
        </Loaded>
    }
}

#[component]
fn Choose(
    secret: SecretView,
    agents: Vec<AgentView>,
    open: RwSignal<bool>,
    on_done: Callback<SecretView>,
) -> impl IntoView {
    let toasts = use_toasts();
    let (name, shown) = (secret.name, secret.agents);
    let boxes = choices(&shown, agents);
    let of_boxes = boxes.clone();
    let grant = Action::new(move |(): &()| {
        let wanted = Wanted { agents: chosen(&of_boxes), expect: Some(shown.clone()) };
        api::grant_secret(name.clone(), wanted)
    });
    let error = outcome(grant, move |secret: SecretView| {
        open.set(false);
        toasts.success(match secret.agents.len() {
            0 => format!("No agent may use {}", secret.name),
            1 => format!("1 agent may use {}", secret.name),
            n => format!("{} may use {}", crate::words::count(n, "agent"), secret.name),
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
            <Boxes choices=boxes/>
        </DialogForm>
    }
}
