//! `JsonTree`: a JSON value as nested `<details>`; the inside of a closed one is not rendered, long arrays come in portions.
//! Shows values exactly: strings quoted, keys in the order given; of a long one its beginning until asked for all of it.
//! All of it reads the one value: what is not shown must never be copied.

use std::sync::Arc;

use leptos::{html, prelude::*};
use serde_json::Value;
use wasm_bindgen::JsCast;

use super::button::{Button, Variant};
use super::dom::focus_if_lost;
use super::icon::{Icon, Size};
use crate::words;

/// How many entries of one array or object are shown at first, and more at each click.
const PORTION: usize = 100;
/// Longer ones start closed, however deep they are.
const OPEN_UP_TO: usize = 30;
/// Bytes of a leaf as it is written; of a longer one so many are shown until all are asked for.
const LONG_LEAF: usize = 16 * 1024;

#[component]
pub fn JsonTree(
    #[prop(into)] value: Signal<Arc<Value>>,
    /// How many levels are open at first.
    #[prop(default = 2)]
    open_depth: usize,
) -> impl IntoView {
    view! { <div class="json-tree">{move || node(None, Place { root: value.get(), path: Vec::new() }, open_depth)}</div> }
}

/// A value inside of another one: its entry on each level.
#[derive(Clone)]
struct Place {
    root: Arc<Value>,
    path: Vec<usize>,
}

impl Place {
    fn read<R>(&self, read: impl FnOnce(&Value) -> R) -> R {
        let inside = self.path.iter().try_fold(&*self.root, |value, at| match value {
            Value::Array(items) => items.get(*at),
            Value::Object(map) => map.values().nth(*at),
            _ => None,
        });
        // A path is made of entries that are there.
        read(inside.unwrap_or(&Value::Null))
    }

    /// Its first entries, with their keys.
    fn entries(&self, most: usize) -> Vec<(Option<String>, Self)> {
        let keys: Vec<Option<String>> = self.read(|value| match value {
            Value::Array(items) => (0..items.len().min(most)).map(|at| Some(at.to_string())).collect(),
            Value::Object(map) => map.keys().take(most).cloned().map(Some).collect(),
            _ => Vec::new(),
        });
        let at = |n: usize| {
            let mut path = self.path.clone();
            path.push(n);
            Self { root: Arc::clone(&self.root), path }
        };
        keys.into_iter().enumerate().map(|(n, key)| (key, at(n))).collect()
    }
}

fn node(key: Option<String>, place: Place, open_depth: usize) -> AnyView {
    let (n, note) = place.read(note);
    if n == 0 {
        return place.read(|leaf| leaf_view(key, leaf));
    }
    let starts_open = open_depth > 0 && n <= OPEN_UP_TO;
    let opened = RwSignal::new(starts_open);
    let shown = RwSignal::new(PORTION.min(n));
    let place = StoredValue::new(place);
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
        let entries = place.with_value(|place| place.entries(shown.get()));
        entries.into_iter().map(|(key, inner)| node(key, inner, open_depth.saturating_sub(1))).collect_view()
    };
    view! {
        <details open=starts_open on:toggle=on_toggle>
            <summary>
                <Icon name="chevron-right"/>
                {key_view(key)}
                <span class="json-note">{note}</span>
            </summary>
            <div node_ref=list>
                <Show when=move || opened.get()>
                    {inside}
                    <Show when=move || { shown.get() < n }>
                        <Button size=Size::Sm variant=Variant::Quiet on_click=move |()| show_more()>
                            {move || format!("Show {} more of {}", PORTION.min(n - shown.get()), words::number(n))}
                        </Button>
                    </Show>
                </Show>
            </div>
        </details>
    }
    .into_any()
}

/// How many entries a value has, and what stands for them while it is closed.
fn note(value: &Value) -> (usize, String) {
    match value {
        Value::Array(items) => (items.len(), format!("[ {} ]", words::count(items.len(), "item"))),
        Value::Object(map) => (map.len(), format!("{{ {} }}", words::count(map.len(), "key"))),
        _ => (0, String::new()),
    }
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
    let written = value.to_string();
    let n_bytes = written.len();
    if n_bytes <= LONG_LEAF {
        return view! {
            <div class="json-leaf">
                {key_view(key)} <span class=class>{written}</span>
            </div>
        }
        .into_any();
    }
    let all = RwSignal::new(false);
    let text = move || {
        let end = if all.get() { n_bytes } else { written.floor_char_boundary(LONG_LEAF) };
        written[..end].to_owned()
    };
    let leaf = NodeRef::<html::Div>::new();
    let show_all = move || {
        all.set(true);
        // The button goes, and the focus with it.
        focus_if_lost(move || leaf.get_untracked()?.dyn_into().ok());
    };
    view! {
        <div class="json-leaf" node_ref=leaf>
            {key_view(key)} <span class=class>{text}</span>
            <Show when=move || !all.get()>
                <Button size=Size::Sm variant=Variant::Quiet on_click=move |()| show_all()>
                    {format!("Show all of it, {}", words::size(n_bytes))}
                </Button>
            </Show>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_closed_says_how_many_there_are_as_everything_does() {
        assert_eq!(note(&json!({"a": 1})), (1, "{ 1 key }".to_owned()));
        assert_eq!(note(&json!(vec![0; 1_005])), (1_005, "[ 1,005 items ]".to_owned()));
        assert_eq!(note(&json!("x")).0, 0);
    }

    #[test]
    fn entries_are_read_where_they_are_and_never_copied() {
        let root = Arc::new(json!({"b": [1, {"deep": "x"}], "a": "y"}));
        let whole = Place { root: Arc::clone(&root), path: Vec::new() };
        let keys: Vec<_> = whole.entries(10).into_iter().filter_map(|(key, _)| key).collect();
        assert_eq!(keys, ["b", "a"], "in the order given");
        let (_, list) = whole.entries(1).remove(0);
        let (key, object) = list.entries(10).remove(1);
        assert_eq!((key.as_deref(), object.read(Value::clone)), (Some("1"), json!({"deep": "x"})));
        let inside = object.entries(1).remove(0).1;
        assert!(inside.read(|value| std::ptr::eq(value, &raw const root["b"][1]["deep"])));
        assert!(Arc::ptr_eq(&inside.root, &root));
        assert!(inside.entries(10).is_empty(), "a text has none");
    }
}
