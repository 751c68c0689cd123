//! `TableShell`: the frame around a `<table class="table">`, with a sticky head, sideways scrolling and room for paging.
//! Pages write their own `<thead>` and `<tbody>`: rows differ too much to be described by data.

use leptos::prelude::*;

use super::button::Button;
use super::icon::Size;

/// `label` names the table for those who cannot see its heading. Children are `<thead>` and `<tbody>`.
#[component]
pub fn TableShell(
    #[prop(into)] label: String,
    /// Without a frame, inside a card or panel.
    #[prop(optional)]
    plain: bool,
    /// What stands under the rows, such as `MoreRows`.
    #[prop(optional, into)]
    foot: ViewFn,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="table-wrap" data-plain=plain role="region" aria-label=label tabindex="0">
            <table class="table" aria-label=label.clone()>
                {children()}
            </table>
            {move || foot.run()}
        </div>
    }
}

/// Keyset paging: the next page comes under the rows that are there; nothing when there is none.
#[component]
pub fn MoreRows(
    #[prop(into)] has_more: Signal<bool>,
    #[prop(optional, into)] loading: Signal<bool>,
    #[prop(into)] on_more: Callback<()>,
) -> impl IntoView {
    view! {
        <Show when=move || has_more.get()>
            <div class="table-foot">
                <Button size=Size::Sm loading on_click=move |()| on_more.run(())>
                    "Show more"
                </Button>
            </div>
        </Show>
    }
}
