//! /account: one's own look, notices, who decides while one is away, password, sessions and API tokens, and the way out.

mod away;
mod new_token;
mod notices;
mod password;
mod sessions;
mod tokens;

use leptos::{form::ActionForm, prelude::*};
use workflow::access::Role;

use self::{away::Away, notices::Notices, password::Password, sessions::Sessions, tokens::Tokens};
use crate::reactive::{effect, effect_with};
use crate::{
    api::Logout,
    behind::Later,
    components::{Avatar, Button, ButtonType, Segment, Segmented, Size},
    later::{View, later},
    prefs::{Theme, use_prefs},
    session::use_session,
    shell::Page,
};

later! {
    account: away, View<()>, |()| view! { <Away/> }.into_any();
}

#[component]
pub fn AccountPage() -> impl IntoView {
    let user = use_session().user_untracked();
    // Grows when a new password has ended what the lists below show.
    let ends = RwSignal::new(0_u32);
    let email = user.as_ref().map(|user| user.email.clone()).unwrap_or_default();
    let role = match user.map(|user| user.role) {
        Some(Role::Admin) => "Admin",
        Some(Role::User) | None => "User",
    };
    view! {
        <Page title="Account" actions=|| view! { <SignOut/> }>
            <div class="page" data-width="narrow">
                <div class="person">
                    <Avatar name=email.clone() size=Size::Lg/>
                    <div>
                        <h1>{email.clone()}</h1>
                        <p class="muted">{role}</p>
                    </div>
                </div>
                <Look/>
                <Notices/>
                <Later part=away of=()/>
                <Password on_done=move |()| ends.update(|n| *n += 1)/>
                <Sessions ends/>
                <Tokens ends/>
            </div>
        </Page>
    }
}

/// A plain form, so that signing out works whatever else does not.
#[component]
fn SignOut() -> impl IntoView {
    let logout = ServerAction::<Logout>::new();
    let value = logout.value();
    effect(move || {
        // A full load: nothing of this person stays in the page. An ended session is signed out already.
        if value.with(Option::is_some) {
            let _ = window().location().set_href("/login");
        }
    });
    view! {
        <ActionForm action=logout>
            <Button kind=ButtonType::Submit icon="log-out" loading=logout.pending()>"Sign out"</Button>
        </ActionForm>
    }
}

#[component]
fn Look() -> impl IntoView {
    let prefs = use_prefs();
    let theme = RwSignal::new(prefs.theme_untracked().as_str().to_owned());
    effect_with(move |before: Option<Theme>| {
        let theme = Theme::parse(&theme.get());
        if before.is_some_and(|before| before != theme) {
            prefs.set_theme(theme);
        }
        theme
    });
    let themes = vec![
        Segment::new("system", "System").with_icon("monitor"),
        Segment::new("light", "Light").with_icon("sun"),
        Segment::new("dark", "Dark").with_icon("moon"),
    ];
    view! {
        <section class="card">
            <div class="card-head"><h2>"Appearance"</h2></div>
            <div class="card-body setting">
                <div>
                    <strong>"Theme"</strong>
                    <p class="muted">"System follows your computer. Kept in this browser."</p>
                </div>
                <Segmented name="theme" label="Theme" value=theme segments=themes/>
            </div>
        </section>
    }
}
