//! `CodeView`: text in a monospace face with line numbers and a copy button.
//! Long texts show their first lines until asked for all, so that no artifact can stall the page.

use crate::{reactive::memo, words};
use leptos::prelude::*;

use super::copy::CopyButton;
use super::table::MoreRows;

const FIRST_LINES: usize = 1000;

#[component]
pub fn CodeView(
    #[prop(into)] text: Signal<String>,
    /// What it is: a file name, a media type, a port.
    #[prop(into)]
    title: Signal<String>,
    /// Breaks long lines instead of scrolling sideways.
    #[prop(optional)]
    wrap: bool,
) -> impl IntoView {
    let all = RwSignal::new(false);
    let n_lines = memo(move || text.with(|t| t.lines().count()));
    let lines = move || {
        let most = if all.get() { usize::MAX } else { FIRST_LINES };
        text.with(|t| {
            t.lines().take(most).map(|line| view! { <span class="code-line">{line.to_owned()}</span> }).collect_view()
        })
    };
    view! {
        <div class="code-view" data-wrap=wrap>
            <div class="content-bar">
                <span class="truncate">{move || title.get()}</span>
                <CopyButton text/>
            </div>
            <div class="code-scroll" data-row="" tabindex="0" role="region" aria-label=move || title.get()>
                {lines}
            </div>
            <MoreRows
                has_more=Signal::derive(move || n_lines.get() > FIRST_LINES && !all.get())
                on_more=move |()| all.set(true)
                label=Signal::derive(move || format!("Show all {}", words::count(n_lines.get(), "line")))
            />
        </div>
    }
}
