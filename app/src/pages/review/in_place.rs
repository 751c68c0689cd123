//! Said before anything is decided: in whose place that would be.

use leptos::prelude::*;

use crate::components::Banner;

#[component]
pub(in crate::pages) fn InPlaceOf(
    /// The email of whoever is away.
    #[prop(into)]
    whose: Signal<Option<String>>,
) -> impl IntoView {
    move || {
        whose.get().map(|email| {
            view! {
                <Banner>
                    <span>"You decide for " <strong><bdi>{email}</bdi></strong> ", who is away. The timeline names you both."</span>
                </Banner>
            }
        })
    }
}
