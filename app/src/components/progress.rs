//! `ProgressBar`: how far something is, as a bar with its words; and `Meter`: how much of a known whole is taken.
//! Must say in words whatever the bar shows.

use leptos::prelude::*;

/// `share` is from 0 to 1; without one the bar only says that something goes on. `label` names what goes on.
#[component]
pub fn ProgressBar(
    #[prop(into)] label: Signal<String>,
    #[prop(into)] share: Signal<Option<f32>>,
    /// As in "3 of 10".
    #[prop(into)]
    words: Signal<String>,
    /// What is being done now.
    #[prop(optional, into)]
    note: Signal<String>,
) -> impl IntoView {
    // An attribute that is absent, not empty, is what makes the bar undetermined.
    let value = move || share.get().map(|share| format!("{:.3}", share.clamp(0.0, 1.0)));
    view! {
        <div class="progress-row">
            <progress class="progress-bar" max="1" value=value aria-label=move || label.get() aria-valuetext=move || words.get()></progress>
            <span class="num">{move || words.get()}</span>
            <span class="progress-note truncate">{move || note.get()}</span>
        </div>
    }
}

/// So many of so many.
#[component]
pub fn Meter(
    #[prop(into)] label: Signal<String>,
    #[prop(into)] used: Signal<i64>,
    #[prop(into)] of: Signal<i64>,
    #[prop(into)] words: Signal<String>,
) -> impl IntoView {
    view! {
        <span class="meter-row">
            <meter
                class="meter"
                min="0"
                max=move || of.get().max(1).to_string()
                value=move || used.get().clamp(0, of.get().max(1)).to_string()
                aria-label=move || label.get()
            ></meter>
            <span class="num">{move || words.get()}</span>
        </span>
    }
}
