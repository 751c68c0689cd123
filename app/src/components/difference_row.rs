//! One thing that is another one, as a row of a list of facts. Must say in words what the arrow shows.

use leptos::prelude::*;
use workflow::difference::Difference;

pub fn difference_row(change: Difference) -> impl IntoView {
    let Difference { what, before, after } = change;
    let words = |text: Option<String>| match text {
        Some(text) => view! { <bdi>{text}</bdi> }.into_any(),
        None => view! { <span class="muted">"–"</span> }.into_any(),
    };
    view! {
        <dt>{what}</dt>
        <dd class="wrap">
            {words(before)} <span aria-hidden="true">" → "</span> <span class="visually-hidden">" is now "</span> {words(after)}
        </dd>
    }
}
