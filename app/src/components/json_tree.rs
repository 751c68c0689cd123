//! `JsonTree`: a JSON value as nested `<details>`; the inside of a closed one is not rendered, long arrays come in portions.
//! Shows values exactly: strings quoted, keys in the order given.

use leptos::{html, prelude::*};
use serde_json::Value;
use wasm_bindgen::JsCast;

use super::button::{Button, Variant};
use super::dom::focus_if_lost;
use super::icon::{Icon, Size};

/// How many entries of one array or object are shown at first, and more at each click.
const PORTION: usize = 100;
/// Longer ones start closed, however deep they are.
const OPEN_UP_TO: usize = 30;

#[component]
pub fn JsonTree(
    #[prop(into)] value: Signal<Value>,
    /// How many levels are open at first.
    #[prop(default = 2)]
    open_depth: usize,
) -> impl IntoView {
    view! { <div class="json-tree">{move || node(None, value.get(), open_depth)}</div> }
}

fn node(key: Option<String>, value: Value, open_depth: usize) -> AnyView {
    let (entries, brackets): (Vec<(Option<String>, Value)>, _) = match value {
        Value::Array(items) if !items.is_empty() => {
            (items.into_iter().enumerate().map(|(i, item)| (Some(i.to_string()), item)).collect(), ("[", "]"))
        }
        Value::Object(map) if !map.is_empty() => {
            (map.into_iter().map(|(key, item)| (Some(key), item)).collect(), ("{", "}"))
        }
        leaf => return leaf_view(key, &leaf),
    };
    let n = entries.len();
    let noun = match (brackets.0, n) {
        ("[", 1) => "item",
        ("[", _) => "items",
        (_, 1) => "key",
        _ => "keys",
    };
    let starts_open = open_depth > 0 && n <= OPEN_UP_TO;
    let opened = RwSignal::new(starts_open);
    let shown = RwSignal::new(PORTION.min(n));
    let entries = StoredValue::new(entries);
    let on_toggle = move |event: leptos::ev::Event| {
        let open = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::HtmlDetailsElement>().ok())
            .is_some_and(|details| details.open());
        if open {
            opened.set(true);
        }
    };
    let list = NodeRef::<html::Div>::new();
    let show_more = move || {
        let first_new = shown.get_untracked();
        shown.update(|shown| *shown = (*shown + PORTION).min(n));
        // With the last portion the button goes, and the focus with it.
        focus_if_lost(move || {
            let row = list.get_untracked()?.children().item(u32::try_from(first_new).ok()?)?;
            row.dyn_into().ok()
        });
    };
    let inside = move || {
        entries.with_value(|entries| {
            entries
                .iter()
                .take(shown.get())
                .map(|(key, item)| node(key.clone(), item.clone(), open_depth.saturating_sub(1)))
                .collect_view()
        })
    };
    view! {
        <details open=starts_open on:toggle=on_toggle>
            <summary>
                <Icon name="chevron-right"/>
                {key_view(key)}
                <span class="json-note">{format!("{} {n} {noun} {}", brackets.0, brackets.1)}</span>
            </summary>
            <div node_ref=list>
                <Show when=move || opened.get()>
                    {inside}
                    <Show when=move || { shown.get() < n }>
                        <Button size=Size::Sm variant=Variant::Quiet on_click=move |()| show_more()>
                            {move || format!("Show {} more of {n}", PORTION.min(n - shown.get()))}
                        </Button>
                    </Show>
                </Show>
            </div>
        </details>
    }
    .into_any()
}

fn key_view(key: Option<String>) -> Option<impl IntoView> {
    key.map(|key| view! { <span><span class="json-key">{key}</span><span class="json-note">": "</span></span> })
}

fn leaf_view(key: Option<String>, value: &Value) -> AnyView {
    let class = match value {
        Value::String(_) => "json-string",
        Value::Number(_) => "json-number",
        Value::Bool(_) | Value::Null => "json-keyword",
        Value::Array(_) | Value::Object(_) => "json-note",
    };
    view! {
        <div class="json-leaf">
            {key_view(key)} <span class=class>{value.to_string()}</span>
        </div>
    }
    .into_any()
}
