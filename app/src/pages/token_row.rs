//! API tokens in a list: what each is called, what it may be used for, when it was used and when it ends, with the means to revoke it.
//! For one's own account and for the people page; it must never show the token itself.

use leptos::prelude::*;
use workflow::{access::Scope, api::TokenView};

use crate::{
    components::{Badge, Button, Icon, RelativeTime, Size, Tone},
    paged::{More, Paged},
};

/// All of somebody's; `none` says that there is none.
#[component]
pub(super) fn TokenList(tokens: Paged<TokenView>, none: &'static str, ask: Callback<TokenView>) -> impl IntoView {
    if tokens.items.with_untracked(Vec::is_empty) {
        return view! { <p>{none}</p> }.into_any();
    }
    view! {
        <ul class="plain-rows">
            <For each=move || tokens.items.get() key=|token| token.id let:token>
                <TokenRow token ask/>
            </For>
        </ul>
        <More of=tokens/>
    }
    .into_any()
}

#[component]
fn TokenRow(token: TokenView, ask: Callback<TokenView>) -> impl IntoView {
    let (name, scopes) = (token.name.clone(), token.scopes.clone());
    let used = match token.last_used_at {
        Some(at) => view! { <span>"last used " <RelativeTime at/></span> }.into_any(),
        None => view! { <span>"never used"</span> }.into_any(),
    };
    let ends = if token.is_expired {
        view! { <span>"expired " <RelativeTime at=token.expires_at/></span> }.into_any()
    } else {
        view! { <span>"expires " <RelativeTime at=token.expires_at ahead=true/></span> }.into_any()
    };
    view! {
        <li class="plain-row">
            <Icon name="key-round"/>
            <div class="list-main">
                <strong>{name.clone()}</strong>
                <div class="row small">
                    {token.is_expired.then(|| view! { <Badge tone=Tone::Error>"Expired"</Badge> })}
                    {scopes.into_iter().map(|scope| view! { <Badge tone=tone(scope)>{label(scope)}</Badge> }).collect_view()}
                </div>
                <div class="list-sub">
                    {used}
                    {ends}
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

/// A scope as people read it.
pub(super) fn label(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "Read",
        Scope::Run => "Run",
        Scope::Review => "Review",
        Scope::Admin => "Admin",
        Scope::Metrics => "Metrics",
    }
}

fn tone(scope: Scope) -> Tone {
    if scope.is_admins() { Tone::Accent } else { Tone::Neutral }
}
