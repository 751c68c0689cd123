//! One's own API tokens, and revoking them. Making one is a dialog of its own.

use leptos::prelude::*;
use workflow::{api::TokenView, id::TokenId};

use super::new_token::NewToken;

use crate::reactive::effect;
use crate::{
    api,
    components::{Button, ConfirmDialog, Dialog, RowsSkeleton, Size, use_toasts},
    form::{FormError, outcome},
    load::Loaded,
    paged::Paged,
    pages::{new_secret::Shown, token_row::TokenList},
    session::use_session,
};

#[component]
pub(super) fn Tokens(ends: RwSignal<u32>) -> impl IntoView {
    let session = use_session();
    let tokens = Resource::new(move || (session.epoch(), ends.get()), |_| api::list_tokens(None));
    let toasts = use_toasts();
    let is_making = RwSignal::new(false);
    let shown = Shown::new();
    effect(move || {
        // Closed after all, by whatever way, there is nothing left to copy.
        if !is_making.get() {
            shown.set(false);
        }
    });
    let revoking = RwSignal::new(None::<TokenView>);
    let is_asking = RwSignal::new(false);
    let revoke = Action::new(|id: &TokenId| api::revoke_token(*id));
    let error = outcome(revoke, move |()| {
        is_asking.set(false);
        toasts.success("Token revoked");
        tokens.refetch();
    });
    effect(move || {
        if error.with(Option::is_some) {
            is_asking.set(false);
        }
    });
    let ask = Callback::new(move |token| {
        revoking.set(Some(token));
        is_asking.set(true);
    });
    let name = move || revoking.with(|token| token.as_ref().map(|token| token.name.clone()).unwrap_or_default());
    view! {
        <section class="card">
            <div class="card-head">
                <h2>"API tokens"</h2>
                <span class="push">
                    <Button size=Size::Sm icon="plus" on_click=move |()| is_making.set(true)>"New token"</Button>
                </span>
            </div>
            <div class="card-body stack">
                <p class="muted">"For scripts and other programs: sent as " <code>"Authorization: Bearer …"</code> ", a token may do what you choose for it. Changing your password ends them all. " <a href="/api/docs" rel="external">"What programs can ask for"</a></p>
                <FormError error/>
                <Loaded of=tokens fallback=|| view! { <RowsSkeleton n=1/> } let:page>
                    <TokenList tokens=Paged::new(page, api::list_tokens) none="No token yet" ask/>
                </Loaded>
            </div>
        </section>
        <ConfirmDialog
            id="revoke-token"
            open=is_asking
            danger=true
            title=Signal::derive(move || format!("Revoke “{}”?", name()))
            text="Programs that use this token are refused from now on. This cannot be undone."
            confirm="Revoke"
            busy=revoke.pending()
            on_confirm=move |()| {
                if let Some(token) = revoking.get_untracked() {
                    revoke.dispatch(token.id);
                }
            }
        />
        <Dialog
            id="new-token"
            open=is_making
            title="New API token"
            locked=shown.is_uncopied
            on_refused=move |()| shown.is_asked.set(true)
        >
            <NewToken open=is_making shown on_done=move |()| tokens.refetch()/>
        </Dialog>
    }
}
