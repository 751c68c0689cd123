//! The tokens with which workers come: what each may offer, when it was used, and the means to revoke it.
//! It must never show a token itself.

use leptos::prelude::*;
use workflow::{api::WorkerTokenView, id::TokenId};

use super::new_token::NewWorkerToken;
use crate::{
    api,
    components::{
        Badge, Button, ConfirmDialog, Dialog, Icon, RelativeTime, RowsSkeleton, Size, Tone, open_while_chosen,
        use_toasts,
    },
    form::{FormError, outcome},
    load::Loaded,
    paged::{More, Paged},
    pages::new_secret::Shown,
    reactive::effect,
    session::use_session,
};

#[component]
pub(super) fn Tokens(is_making: RwSignal<bool>) -> impl IntoView {
    let session = use_session();
    let tokens = Resource::new(move || session.epoch(), |_| api::list_worker_tokens(None));
    let toasts = use_toasts();
    let shown = Shown::new();
    effect(move || {
        // Closed after all, by whatever way, there is nothing left to copy.
        if !is_making.get() {
            shown.set(false);
        }
    });
    let revoking = RwSignal::new(None::<WorkerTokenView>);
    let is_asking = open_while_chosen(revoking);
    let revoke = Action::new(|id: &TokenId| api::revoke_worker_token(*id));
    let error = outcome(revoke, move |()| {
        is_asking.set(false);
        toasts.success("Token revoked; its workers are refused from now on");
        tokens.refetch();
    });
    effect(move || {
        if error.with(Option::is_some) {
            is_asking.set(false);
        }
    });
    let name = move || revoking.with(|token| token.as_ref().map(|token| token.name.clone()).unwrap_or_default());
    view! {
        <section class="card" aria-labelledby="worker-tokens">
            <div class="card-head"><h2 id="worker-tokens">"Worker tokens"</h2></div>
            <div class="card-body stack">
                <p class="muted">"A worker comes with one. It may offer the agents that you name for it and do their tasks, and nothing else. It ends with a new password of whoever made it, and when they are no admin any more; one that the operator made with "<code>"weft worker-token"</code>" does not."</p>
                <FormError error/>
                <Loaded of=tokens fallback=|| view! { <RowsSkeleton n=1/> } let:page>
                    <List tokens=Paged::new(page, api::list_worker_tokens) revoking/>
                </Loaded>
            </div>
        </section>
        <ConfirmDialog
            id="revoke-worker-token"
            open=is_asking
            danger=true
            title=Signal::derive(move || format!("Revoke “{}”?", name()))
            text="The sessions of its workers end within seconds, and what they run is done by others. This cannot be undone."
            confirm="Revoke"
            busy=revoke.pending()
            on_confirm=move |()| {
                if let Some(token) = revoking.get_untracked() {
                    revoke.dispatch(token.id);
                }
            }
        />
        <Dialog
            id="new-worker-token"
            open=is_making
            title="New worker token"
            locked=shown.is_uncopied
            on_refused=move |()| shown.is_asked.set(true)
        >
            <NewWorkerToken open=is_making shown on_done=move |()| tokens.refetch()/>
        </Dialog>
    }
}

#[component]
fn List(tokens: Paged<WorkerTokenView>, revoking: RwSignal<Option<WorkerTokenView>>) -> impl IntoView {
    if tokens.items.with_untracked(Vec::is_empty) {
        return view! { <p>"No worker token yet"</p> }.into_any();
    }
    view! {
        <ul class="plain-rows">
            <For each=move || tokens.items.get() key=|token| token.id let:token>
                <Row token revoking/>
            </For>
        </ul>
        <More of=tokens/>
    }
    .into_any()
}

#[component]
fn Row(token: WorkerTokenView, revoking: RwSignal<Option<WorkerTokenView>>) -> impl IntoView {
    let name = token.name.clone();
    let agents =
        token.agents.clone().into_iter().map(|agent| view! { <Badge><code>{agent}</code></Badge> }).collect_view();
    let labels = token
        .labels
        .clone()
        .into_iter()
        .map(|(name, value)| view! { <Badge>{format!("{name}={value}")}</Badge> })
        .collect_view();
    let used = match token.last_used_at {
        Some(at) => view! { <span>"last used " <RelativeTime at/></span> }.into_any(),
        None => view! { <span>"never used"</span> }.into_any(),
    };
    let ends = if token.is_expired { "expired " } else { "expires " };
    let by = token.created_by.clone().unwrap_or_else(|| "the operator".to_owned());
    view! {
        <li class="plain-row">
            <Icon name="key-round"/>
            <div class="list-main">
                <strong>{name.clone()}</strong>
                <div class="row small wrap">
                    {token.is_expired.then(|| view! { <Badge tone=Tone::Error>"Expired"</Badge> })}
                    {agents}
                    {labels}
                </div>
                <div class="list-sub">
                    {used}
                    <span>{ends} <RelativeTime at=token.expires_at ahead=true/></span>
                    <span>{format!("made by {by} ")} <RelativeTime at=token.created_at/></span>
                </div>
            </div>
            <Button size=Size::Sm on_click=move |()| revoking.set(Some(token.clone()))>
                "Revoke"
                <span class="visually-hidden">{name}</span>
            </Button>
        </li>
    }
}
