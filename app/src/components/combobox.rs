//! Combobox: a searchable list of typed options; those that cannot be chosen stay visible and say why.
//! The ARIA combobox pattern: the focus stays in the input, the active option is named by `aria-activedescendant`.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::dom::{Align, aria, by_id, place_near, rove, set_style};
use super::field::Wiring;
use super::icon::Icon;

#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ComboOption {
    pub value: String,
    pub label: String,
    /// The type, as "string" or "list of objects".
    pub kind: String,
    /// Why it cannot be chosen.
    pub reason: Option<String>,
}

impl ComboOption {
    fn matches(&self, needle: &str) -> bool {
        [&self.label, &self.value, &self.kind].iter().any(|text| text.to_lowercase().contains(needle))
    }
}

#[component]
pub fn Combobox(
    value: RwSignal<String>,
    #[prop(into)] options: Signal<Vec<ComboOption>>,
    /// Needed outside a Field.
    #[prop(optional, into)]
    id: Option<String>,
    #[prop(optional, into)] placeholder: Option<String>,
    #[prop(optional, into)] disabled: Signal<bool>,
    #[prop(optional, into)] label: Option<String>,
) -> impl IntoView {
    let wiring = Wiring::find(id);
    let id = StoredValue::new(wiring.id.clone().unwrap_or_default());
    let list_id = move || id.with_value(|id| format!("{id}-list"));
    let option_id = move |i: usize| id.with_value(|id| format!("{id}-option-{i}"));
    let input = NodeRef::<html::Input>::new();
    let list = NodeRef::<html::Div>::new();
    let open = RwSignal::new(false);
    let query = RwSignal::new(None::<String>);
    let active = RwSignal::new(None::<usize>);

    let chosen = Memo::new(move |_| {
        let value = value.get();
        options.with(|options| options.iter().find(|o| o.value == value).map_or(value.clone(), |o| o.label.clone()))
    });
    let found = Memo::new(move |_| {
        let needle = query.get().unwrap_or_default().trim().to_lowercase();
        options.with(|options| options.iter().filter(|o| needle.is_empty() || o.matches(&needle)).cloned().collect::<Vec<_>>())
    });

    let close = move || {
        open.set(false);
        query.set(None);
        active.set(None);
        if let Some(list) = list.get_untracked() {
            drop(list.unchecked_ref::<HtmlElement>().hide_popover());
        }
        if let Some(input) = input.get_untracked() {
            input.set_value(&chosen.get_untracked());
        }
    };
    let show = move || {
        if open.get_untracked() {
            return;
        }
        open.set(true);
        active.set(found.with_untracked(|found| found.iter().position(|o| o.value == value.get_untracked())));
        request_animation_frame(move || {
            let (Some(input), Some(list)) = (input.get_untracked(), list.get_untracked()) else { return };
            set_style(&list, "width", &format!("{}px", input.offset_width().max(220)));
            drop(list.unchecked_ref::<HtmlElement>().show_popover());
            place_near(&input, &list, Align::Start, 4.0);
        });
    };
    let choose = move |i: usize| {
        let option = found.with_untracked(|found| found.get(i).cloned());
        if let Some(option) = option.filter(|o| o.reason.is_none()) {
            value.set(option.value);
            close();
        }
    };
    // The text follows the choice when that is changed from outside.
    Effect::new(move |_| {
        let text = chosen.get();
        if let Some(input) = input.get()
            && !open.get_untracked()
        {
            input.set_value(&text);
        }
    });
    Effect::new(move |_| {
        if let Some(option) = active.get().and_then(|i| by_id(&option_id(i))) {
            let nearest = web_sys::ScrollIntoViewOptions::new();
            nearest.set_block(web_sys::ScrollLogicalPosition::Nearest);
            option.scroll_into_view_with_scroll_into_view_options(&nearest);
        }
    });
    let on_key = move |event: leptos::ev::KeyboardEvent| match event.key().as_str() {
        "ArrowDown" | "ArrowUp" if !open.get_untracked() => {
            event.prevent_default();
            show();
        }
        key @ ("ArrowDown" | "ArrowUp") => {
            event.prevent_default();
            active.set(rove(key, active.get_untracked(), found.with_untracked(Vec::len)));
        }
        "Enter" if open.get_untracked() => {
            event.prevent_default();
            if let Some(i) = active.get_untracked() {
                choose(i);
            }
        }
        "Escape" if open.get_untracked() => {
            // Esc closes the list, not the dialog around it.
            event.prevent_default();
            event.stop_propagation();
            close();
        }
        _ => (),
    };
    let entries = move || {
        let found = found.get();
        if found.is_empty() {
            return view! { <p class="combo-none">"Nothing matches"</p> }.into_any();
        }
        let value = value.get();
        found
            .into_iter()
            .enumerate()
            .map(|(i, option)| {
                let is_chosen = option.value == value;
                let refused = option.reason.is_some();
                view! {
                    <div
                        class="menu-item"
                        role="option"
                        id=option_id(i)
                        aria-selected=aria(is_chosen)
                        aria-disabled=refused.then_some("true")
                        data-active=move || active.get() == Some(i)
                        on:pointerdown=move |event| event.prevent_default()
                        on:click=move |_| choose(i)
                    >
                        <span>{is_chosen.then(|| view! { <Icon name="check"/> })}</span>
                        <span class="truncate">{option.label}</span>
                        <span class="combo-type">{option.kind}</span>
                        {option.reason.map(|reason| view! { <span class="combo-reason">{reason}</span> })}
                    </div>
                }
            })
            .collect_view()
            .into_any()
    };
    let described_by = wiring.described_by;
    let invalid = wiring.aria_invalid();
    view! {
        <span class="combo input-wrap">
            <input
                node_ref=input
                class="input"
                type="text"
                id=wiring.id.clone()
                role="combobox"
                autocomplete="off"
                spellcheck="false"
                value=chosen.get_untracked()
                placeholder=placeholder
                required=wiring.required
                disabled=move || disabled.get()
                aria-label=label
                aria-autocomplete="list"
                aria-controls=list_id()
                aria-expanded=move || aria(open.get())
                aria-activedescendant=move || active.get().map(option_id)
                aria-describedby=move || described_by.get()
                aria-invalid=invalid
                on:click=move |_| show()
                on:input=move |event| {
                    query.set(Some(event_target_value(&event)));
                    show();
                    active.set(found.with_untracked(|found| found.iter().position(|o| o.reason.is_none())));
                }
                on:keydown=on_key
                on:blur=move |_| close()
            />
            <Icon name="chevrons-up-down"/>
            <div node_ref=list class="popup combo-list" id=list_id() role="listbox" popover="manual" aria-label="Options">
                <Show when=move || open.get()>{entries}</Show>
            </div>
        </span>
    }
}
