//! The API tokens of somebody, for admins: seen and revoked, never made and never shown whole.

use leptos::prelude::*;
use workflow::{
    api::{TokenView, UserView},
    id::{TokenId, UserId},
};

use crate::{
    api,
    components::{Button, Dialog, RowsSkeleton, Variant, open_while_chosen, use_toasts},
    form::{FormError, outcome},
    load::Loaded,
    paged::Paged,
    pages::token_row::TokenList,
};

/// Opens for whoever is put into `of`.
#[component]
pub(super) fn TokensOf(of: RwSignal<Option<UserView>>) -> impl IntoView {
    let open = open_while_chosen(of);
    let title = Signal::derive(move || {
        of.with(|user| user.as_ref().map(|user| format!("API tokens of {}", user.email)).unwrap_or_default())
    });
    view! {
        <Dialog id="tokens-of" open title description="Programs that use a token are refused as soon as it is revoked. This cannot be undone.">
            {move || of.get_untracked().map(|user| view! { <List user=user.id open/> })}
        </Dialog>
    }
}

#[component]
fn List(user: UserId, open: RwSignal<bool>) -> impl IntoView {
    let toasts = use_toasts();
    let tokens = Resource::new(|| (), move |()| api::list_user_tokens(user, None));
    let revoke = Action::new(move |id: &TokenId| api::revoke_user_token(user, *id));
    let error = outcome(revoke, move |()| {
        toasts.success("Token revoked");
        tokens.refetch();
    });
    let ask = Callback::new(move |token: TokenView| {
        revoke.dispatch(token.id);
    });
    view! {
        <div class="form">
            <FormError error/>
            <Loaded of=tokens fallback=|| view! { <RowsSkeleton n=1/> } let:page>
                <TokenList tokens=Paged::new(page, move |after| api::list_user_tokens(user, after)) none="No token" ask/>
            </Loaded>
            <div class="form-actions">
                <Button variant=Variant::Primary on_click=move |()| open.set(false)>"Done"</Button>
            </div>
        </div>
    }
}
