//! `TableShell`: the frame around a `<table class="table">`, with a sticky head, sideways scrolling and room for paging.
//! Pages write their own `<thead>` and `<tbody>`: rows differ too much to be described by data.

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::button::Button;
use super::dom::{all, focus_if_lost};
use super::icon::Size;
use crate::reactive::effect_with;

/// `label` names the table for those who cannot see its heading. Children are `<thead>` and `<tbody>`.
#[component]
pub fn TableShell(
    #[prop(into)] label: String,
    /// Without a frame, inside a card or panel.
    #[prop(optional)]
    plain: bool,
    /// On a phone each row is a card: cells say with `data-at` where they stand in it (`pick`, `name`, `acts`, `below`, `beside`, `under`), and
    /// with their roles what they are, for what is laid out like that is no table any more for the browser.
    #[prop(optional)]
    cards: bool,
    /// What stands under the rows, such as `MoreRows`.
    #[prop(optional, into)]
    foot: ViewFn,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="table-wrap" data-plain=plain role="region" aria-label=label tabindex="0">
            <table
                class="table"
                aria-label=label.clone()
                data-cards=cards.then_some("")
                role=cards.then_some("table")
            >
                {children()}
            </table>
            {move || foot.run()}
        </div>
    }
}

/// On the last row that was there when more were asked for.
const MARK: &str = "data-more-after";

/// Keyset paging: the next page comes under the rows that are there; nothing when there is none.
/// With the last page the button goes: the focus that it had moves to the first row that came. Rows that are neither `<li>` nor `<tr>` say so
/// with `data-row`.
#[component]
pub fn MoreRows(
    #[prop(into)] has_more: Signal<bool>,
    #[prop(optional, into)] loading: Signal<bool>,
    #[prop(into)] on_more: Callback<()>,
    #[prop(default = "Show more".into(), into)] label: Signal<String>,
) -> impl IntoView {
    let foot = NodeRef::<html::Div>::new();
    let is_pressed = StoredValue::new(false);
    effect_with(move |had: Option<bool>| {
        let has = has_more.get();
        if had == Some(true) && !has && is_pressed.get_value() {
            move_focus_on();
        }
        has
    });
    // A list that is drawn anew in place has another button, but the same rows.
    on_cleanup(move || {
        if is_pressed.try_get_value() == Some(true) {
            move_focus_on();
        }
    });
    let press = move || {
        if let Some(foot) = foot.get_untracked() {
            mark_last_row(&foot);
            is_pressed.set_value(true);
        }
        on_more.run(());
    };
    view! {
        <Show when=move || has_more.get()>
            <div class="table-foot" node_ref=foot>
                <Button size=Size::Sm loading on_click=move |()| press()>
                    {move || label.get()}
                </Button>
            </div>
        </Show>
    }
}

fn mark_last_row(foot: &Element) {
    take_marked();
    let rows =
        foot.parent_element().map(|list| all(&list, ":is(li, tbody > tr, [data-row]):not(:is(li, tr, [data-row]) *)"));
    if let Some(last) = rows.and_then(|mut rows| rows.pop()) {
        // Setting an attribute fails only for names that are none.
        drop(last.set_attribute(MARK, ""));
    }
}

fn take_marked() -> Option<HtmlElement> {
    let marked: HtmlElement = document().query_selector(&format!("[{MARK}]")).ok().flatten()?.dyn_into().ok()?;
    drop(marked.remove_attribute(MARK));
    Some(marked)
}

fn move_focus_on() {
    focus_if_lost(|| {
        let last = take_marked()?;
        let next = last.next_element_sibling().and_then(|next| next.dyn_into::<HtmlElement>().ok());
        Some(next.unwrap_or(last))
    });
}
