//! API tokens: made with a name, shown once, revoked here.

use leptos::prelude::*;
use workflow::{
    api::{CreatedToken, TokenView},
    id::TokenId,
};

use crate::reactive::effect;
use crate::{
    api,
    components::{
        Banner, Button, ButtonType, ConfirmDialog, CopyButton, Dialog, Field, Icon, Kind, RelativeTime, Size, Skeleton,
        SkeletonKind, TextInput, Variant, use_toasts,
    },
    form::{FormError, at_field, outcome},
    load::PartFailed,
    session::use_session,
};

#[component]
pub(super) fn Tokens() -> impl IntoView {
    let session = use_session();
    let tokens = Resource::new(move || session.epoch(), |_| api::list_tokens());
    let toasts = use_toasts();
    let is_making = RwSignal::new(false);
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
                <p class="muted">"For scripts and other programs: sent as " <code>"Authorization: Bearer …"</code> ", a token may do what you may do."</p>
                <FormError error/>
                <Transition fallback=|| view! { <div aria-busy="true"><Skeleton kind=SkeletonKind::Row/></div> }>
                    {move || Suspend::new(async move {
                        match tokens.await {
                            Ok(list) if list.is_empty() => view! { <p>"No token yet"</p> }.into_any(),
                            Ok(list) => {
                                let rows = list.into_iter().map(|token| view! { <Row token ask/> }).collect_view();
                                view! { <ul class="plain-rows">{rows}</ul> }.into_any()
                            }
                            Err(error) => {
                                view! { <PartFailed error on_retry=move |()| tokens.refetch()/> }.into_any()
                            }
                        }
                    })}
                </Transition>
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
        <Dialog id="new-token" open=is_making title="New API token" size=Size::Sm>
            <NewToken open=is_making on_done=move |()| tokens.refetch()/>
        </Dialog>
    }
}

#[component]
fn Row(token: TokenView, ask: Callback<TokenView>) -> impl IntoView {
    let name = token.name.clone();
    let used = match token.last_used_at {
        Some(at) => view! { <span>"last used " <RelativeTime at/></span> }.into_any(),
        None => view! { <span>"never used"</span> }.into_any(),
    };
    view! {
        <li class="plain-row">
            <Icon name="key-round"/>
            <div class="list-main">
                <strong>{name.clone()}</strong>
                <div class="list-sub">
                    {used}
                    <span>"made " <RelativeTime at=token.created_at/></span>
                </div>
            </div>
            <Button size=Size::Sm on_click=move |()| ask.run(token.clone())>
                "Revoke"
                <span class="visually-hidden">{name}</span>
            </Button>
        </li>
    }
}

/// First the name, then the token, which only this dialog ever shows.
#[component]
fn NewToken(open: RwSignal<bool>, #[prop(into)] on_done: Callback<()>) -> impl IntoView {
    let name = RwSignal::new(String::new());
    let made = RwSignal::new(None::<String>);
    let create = Action::new(move |(): &()| api::create_token(name.get_untracked()));
    let error = outcome(create, move |created: CreatedToken| {
        made.set(Some(created.token));
        on_done.run(());
    });
    move || {
        match made.get() {
        None => view! {
            <form
                class="form"
                novalidate
                on:submit=move |event| {
                    event.prevent_default();
                    create.dispatch(());
                }
            >
                <FormError error fields=&["name"]/>
                <Field id="token-name" label="Name" required=true help="What will use it, such as “nightly import”" error=at_field(error, "name")>
                    <TextInput value=name autocomplete="off" autofocus=true/>
                </Field>
                <div class="form-actions">
                    <Button on_click=move |()| open.set(false)>"Cancel"</Button>
                    <Button variant=Variant::Primary kind=ButtonType::Submit loading=create.pending()>"Create token"</Button>
                </div>
            </form>
        }
        .into_any(),
        Some(token) => view! {
            <div class="form">
                <Banner kind=Kind::Warn title="Copy it now">"It is shown only this once; here it is kept only as a hash."</Banner>
                <div class="secret">
                    <code>{token.clone()}</code>
                    <CopyButton text=token label="Copy the token"/>
                </div>
                <div class="form-actions">
                    <Button variant=Variant::Primary on_click=move |()| open.set(false)>"Done"</Button>
                </div>
            </div>
        }
        .into_any(),
    }
    }
}
