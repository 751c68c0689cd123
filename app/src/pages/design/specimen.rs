//! The frames in which components are shown on /design.

use leptos::prelude::*;

/// A card of specimens with a heading.
#[component]
pub(super) fn Group(title: &'static str, children: Children) -> impl IntoView {
    view! {
        <section class="card">
            <div class="card-head">
                <h2>{title}</h2>
            </div>
            <div class="card-body specimens">{children()}</div>
        </section>
    }
}

/// One component, named.
#[component]
pub(super) fn Specimen(name: &'static str, children: Children) -> impl IntoView {
    view! {
        <div class="specimen">
            <h3>{name}</h3>
            <div class="stack">{children()}</div>
        </div>
    }
}
