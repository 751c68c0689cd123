//! Tabs and `TabPanel`: arrows, Home and End move between tabs, Tab goes into the panel.
//! Ids derive from the set's `id`: `ID-tab-KEY` and `ID-panel-KEY`.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::dom::{aria, by_id, focus, rove};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tab {
    pub key: &'static str,
    pub label: String,
    pub count: Option<usize>,
}

impl Tab {
    pub fn new(key: &'static str, label: impl Into<String>) -> Self {
        Self { key, label: label.into(), count: None }
    }

    /// A zero says nothing that the panel does not say better.
    #[must_use]
    pub fn with_count(mut self, count: usize) -> Self {
        self.count = (count > 0).then_some(count);
        self
    }
}

#[component]
pub fn Tabs(
    #[prop(into)] id: String,
    #[prop(into)] label: String,
    #[prop(into)] tabs: Signal<Vec<Tab>>,
    selected: RwSignal<String>,
) -> impl IntoView {
    let id = StoredValue::new(id);
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        let keys: Vec<&str> = tabs.with(|tabs| tabs.iter().map(|tab| tab.key).collect());
        let current = selected.with_untracked(|s| keys.iter().position(|key| key == s));
        if matches!(event.key().as_str(), "ArrowUp" | "ArrowDown") {
            return;
        }
        if let Some(next) = rove(&event.key(), current, keys.len()) {
            event.prevent_default();
            selected.set(keys[next].to_owned());
            if let Some(tab) = by_id(&id.with_value(|id| format!("{id}-tab-{}", keys[next]))) {
                focus(&tab);
            }
        }
    };
    let buttons = move || {
        tabs.get()
            .into_iter()
            .map(|tab| {
                let key = tab.key;
                let on = move || selected.with(|s| s == key);
                view! {
                    <button
                        class="tab"
                        type="button"
                        role="tab"
                        id=id.with_value(|id| format!("{id}-tab-{key}"))
                        aria-controls=id.with_value(|id| format!("{id}-panel-{key}"))
                        aria-selected=move || aria(on())
                        tabindex=move || if on() { "0" } else { "-1" }
                        on:click=move |_| selected.set(key.to_owned())
                    >
                        {tab.label}
                        {tab.count.map(|n| view! { <span class="count">{crate::words::number(n)}</span> })}
                    </button>
                }
            })
            .collect_view()
    };
    view! {
        <div class="tabs" role="tablist" aria-label=label on:keydown=on_key>
            {buttons}
        </div>
    }
}

/// The panel of one tab; its content exists only while the tab is selected.
#[component]
pub fn TabPanel(
    /// The id of the Tabs.
    #[prop(into)]
    tabs: String,
    tab: &'static str,
    selected: RwSignal<String>,
    children: ChildrenFn,
) -> impl IntoView {
    let on = move || selected.with(|s| s == tab);
    let (id, labelled_by) = (format!("{tabs}-panel-{tab}"), format!("{tabs}-tab-{tab}"));
    drop(tabs);
    view! {
        <div
            class="tab-panel"
            role="tabpanel"
            id=id
            aria-labelledby=labelled_by
            tabindex="0"
            hidden=move || !on()
        >
            <Show when=on>{children()}</Show>
        </div>
    }
}

/// What an `<input>` is called that no character is written into.
const PRESSED: [&str; 8] = ["button", "checkbox", "color", "file", "image", "radio", "reset", "submit"];

/// Whether an event came from a control that types text, so that a page's shortcuts leave it alone.
pub fn is_typing(event: &web_sys::Event) -> bool {
    let Some(element) = event.target().and_then(|t| t.dyn_into::<web_sys::HtmlElement>().ok()) else {
        return false;
    };
    match element.tag_name().as_str() {
        "INPUT" => !element.get_attribute("type").is_some_and(|kind| PRESSED.contains(&kind.as_str())),
        "TEXTAREA" | "SELECT" => true,
        _ => element.is_content_editable(),
    }
}
