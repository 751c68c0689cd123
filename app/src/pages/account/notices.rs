//! Where and how soon one is told of reviews: in this browser, by mail, at addresses that admins registered.
//! Must never ask a browser for anything before a press.

mod choices;
mod exceptions;
mod in_browser;
mod ways;

use leptos::prelude::*;

use self::{choices::Choices, in_browser::InBrowser};
use crate::{
    behind::Later,
    later::{View, later},
};

later! {
    account: notice_choices, View<()>, |()| view! { <Choices/> }.into_any();
}

#[component]
pub(super) fn Notices() -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="notices">
            <div class="card-head"><h2 id="notices">"Notices"</h2></div>
            <div class="card-body stack">
                <p class="muted">"Where you are told of reviews that wait for you, beside your inbox."</p>
                <InBrowser/>
                <Later part=notice_choices of=()/>
            </div>
        </section>
    }
}
