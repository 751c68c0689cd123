//! The frame around every signed-in page.
//! Must never know what a page shows: a page brings its own title, path and actions with `Page`.

mod link_banner;
mod page;
mod rail;
mod sign_in;

use leptos::prelude::*;
use leptos_router::{
    components::{Outlet, Redirect},
    hooks::use_location,
};

pub use self::page::{Page, PageTop, focus_main};
use self::{link_banner::LinkBanner, page::provide_arrival, rail::Rail, sign_in::SignInDialog};
use crate::{
    components::{Toaster, TooltipLayer, watch_back},
    counted, device,
    finder::{FinderDialogs, provide_finder},
    link::provide_link,
    live, notify,
    prefs::use_prefs,
    reactive::effect,
    return_path,
    session::use_session,
    waiting,
};

/// The layout route of everything behind the sign-in: who is not signed in is sent there, and comes back.
#[component]
pub fn AppShell() -> impl IntoView {
    if use_session().user_untracked().is_none() {
        let location = use_location();
        let path = location.pathname.get_untracked();
        let search = location.search.get_untracked();
        let asked = if search.is_empty() { path } else { format!("{path}?{search}") };
        return view! { <Redirect path=return_path::login_path(&asked)/> }.into_any();
    }
    view! { <Frame><Outlet/></Frame> }.into_any()
}

/// The rail around a page; the layers that float above everything are mounted here, once.
#[component]
pub fn Frame(children: Children) -> impl IntoView {
    let prefs = use_prefs();
    let link = provide_link();
    live::provide_mine();
    waiting::provide_waiting();
    counted::provide_count();
    notify::provide_notify();
    provide_arrival();
    let finder = provide_finder();
    effect(watch_back);
    let me = use_session().user_untracked().map(|user| user.id);
    effect(move || {
        if let Some(me) = me {
            device::forget_others(me);
        }
    });
    view! {
        <div class="shell" data-rail=move || if prefs.is_rail_slim() { "slim" } else { "wide" }>
            <a
                class="skip-link"
                href="#main"
                on:click=|event| {
                    // The router would only change the address.
                    event.prevent_default();
                    focus_main();
                }
            >
                "Skip to content"
            </a>
            <Rail/>
            <LinkBanner link/>
            {children()}
        </div>
        <FinderDialogs finder/>
        <SignInDialog/>
        <Toaster/>
        <TooltipLayer/>
    }
}
