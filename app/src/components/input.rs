//! `TextInput`, `TextArea`, `NumberInput`, Select: native controls bound to a signal. Inside a Field they take its id and its error.
//! They must never lose what was typed before hydration.

use crate::reactive::{effect, memo};
use leptos::html;
use leptos::prelude::*;

use super::dom::{bind_value, set_style};
use super::field::Wiring;
use super::icon::Icon;

/// Firefox fills a form in with what it held before a reload, every browser after Back, and those without a name by their order: a text of
/// one field stands in another then, and over what somebody else has saved. What was typed and not sent is kept by the app itself.
pub(crate) const NOT_RESTORED: &str = "off";

/// One line of text. `kind` is the native type: text, email, password, search, url, date.
#[component]
pub fn TextInput(
    value: RwSignal<String>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] name: Option<String>,
    #[prop(default = "text")] kind: &'static str,
    #[prop(optional, into)] placeholder: Option<String>,
    #[prop(optional)] autocomplete: Option<&'static str>,
    #[prop(optional)] maxlength: Option<u32>,
    /// The least and the greatest, of numbers.
    #[prop(default = None)]
    min: Option<String>,
    #[prop(default = None)] max: Option<String>,
    #[prop(optional, into)] disabled: Signal<bool>,
    #[prop(optional, into)] readonly: Signal<bool>,
    /// For ids, keys and URLs.
    #[prop(optional)]
    mono: bool,
    #[prop(optional)] autofocus: bool,
    /// An icon at the start, as the lens of a search.
    #[prop(optional)]
    icon: Option<&'static str>,
    /// The name for controls without a Field, such as a search box.
    #[prop(optional, into)]
    label: Option<String>,
) -> impl IntoView {
    let wiring = Wiring::find(id);
    let node = NodeRef::<html::Input>::new();
    bind_value(node, value);
    let described_by = wiring.described_by;
    let invalid = wiring.aria_invalid();
    view! {
        <span class="input-wrap">
            {icon.map(|name| view! { <span class="input-icon row"><Icon name/></span> })}
            <input
                node_ref=node
                class="input"
                type=kind
                id=wiring.id
                name=name
                value=value.get_untracked()
                placeholder=placeholder
                autocomplete=autocomplete.unwrap_or(NOT_RESTORED)
                maxlength=maxlength
                min=min
                max=max
                data-mono=mono
                autofocus=autofocus
                spellcheck=mono.then_some("false")
                required=wiring.required
                disabled=move || disabled.get()
                readonly=move || readonly.get()
                aria-label=label
                aria-describedby=move || described_by.get()
                aria-invalid=invalid
                on:input=move |event| value.set(event_target_value(&event))
            />
        </span>
    }
}

/// Bytes from which a text has a field of fixed size: one that grows with it would be laid out anew with every key.
const LONG: usize = 64 * 1024;

/// Many lines; grows with its text up to 60% of the window (by `field-sizing`, or by measuring where that is missing).
#[component]
pub fn TextArea(
    value: RwSignal<String>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] name: Option<String>,
    #[prop(optional, into)] placeholder: Option<String>,
    #[prop(default = 3)] rows: u32,
    #[prop(optional)] maxlength: Option<u32>,
    #[prop(optional, into)] disabled: Signal<bool>,
    #[prop(optional, into)] readonly: Signal<bool>,
    #[prop(optional)] mono: bool,
    #[prop(optional, into)] label: Option<String>,
) -> impl IntoView {
    let wiring = Wiring::find(id);
    let node = NodeRef::<html::Textarea>::new();
    bind_value(node, value);
    let is_long = memo(move || value.with(|text| text.len() >= LONG));
    effect(move || {
        value.track();
        if is_long.get() {
            return;
        }
        let Some(area) = node.get() else { return };
        let element: &web_sys::HtmlElement = &area;
        let grows_by_itself = js_sys::Reflect::has(&element.style(), &"fieldSizing".into()).unwrap_or(false);
        if !grows_by_itself {
            set_style(element, "height", "auto");
            let height = element.scroll_height() + 2;
            set_style(element, "height", &format!("{height}px"));
        }
    });
    let described_by = wiring.described_by;
    let invalid = wiring.aria_invalid();
    view! {
        <textarea
            node_ref=node
            class="input"
            id=wiring.id
            name=name
            rows=rows
            autocomplete=NOT_RESTORED
            placeholder=placeholder
            maxlength=maxlength
            data-mono=mono
            data-long=move || is_long.get().then_some("")
            spellcheck=move || (mono || is_long.get()).then_some("false")
            required=wiring.required
            disabled=move || disabled.get()
            readonly=move || readonly.get()
            aria-label=label
            aria-describedby=move || described_by.get()
            aria-invalid=invalid
            on:input=move |event| value.set(event_target_value(&event))
            // A text child would be a lone space when empty, which hydration needs and a textarea shows.
            inner_html=textarea_html(&value.get_untracked())
        ></textarea>
    }
}

/// The text as the content of a `<textarea>`. A page's parser drops a first line break there, so the server gives it one to drop.
fn textarea_html(text: &str) -> String {
    let dropped = if cfg!(feature = "ssr") && text.starts_with('\n') { "\n" } else { "" };
    format!("{dropped}{}", text.replace('&', "&amp;").replace('<', "&lt;"))
}

/// A number; `None` while the text is empty or no number.
#[component]
pub fn NumberInput(
    value: RwSignal<Option<f64>>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] name: Option<String>,
    #[prop(optional)] min: Option<f64>,
    #[prop(optional)] max: Option<f64>,
    #[prop(optional)] step: Option<f64>,
    /// The unit at the end, as "s" or "tokens".
    #[prop(optional, into)]
    unit: Option<String>,
    #[prop(optional, into)] placeholder: Option<String>,
    #[prop(optional, into)] disabled: Signal<bool>,
    #[prop(optional, into)] label: Option<String>,
) -> impl IntoView {
    let wiring = Wiring::find(id);
    let node = NodeRef::<html::Input>::new();
    let text = RwSignal::new(value.get_untracked().map(|n| n.to_string()).unwrap_or_default());
    bind_value(node, text);
    // "1.50" and 1.5 are the same number: the text is replaced only when the number is another one.
    effect(move || {
        let number = value.get();
        if text.with_untracked(|t| parse(t)) != number {
            text.set(number.map(|n| n.to_string()).unwrap_or_default());
        }
    });
    effect(move || {
        let number = text.with(|t| parse(t));
        if value.get_untracked() != number {
            value.set(number);
        }
    });
    let described_by = wiring.described_by;
    let invalid = wiring.aria_invalid();
    let has_unit = unit.is_some();
    view! {
        <span class="input-wrap" data-unit=has_unit>
            <input
                node_ref=node
                class="input"
                type="number"
                inputmode="decimal"
                id=wiring.id
                name=name
                value=text.get_untracked()
                min=min.map(|n| n.to_string())
                max=max.map(|n| n.to_string())
                step=step.map_or_else(|| "any".to_owned(), |n| n.to_string())
                autocomplete=NOT_RESTORED
                placeholder=placeholder
                required=wiring.required
                disabled=move || disabled.get()
                aria-label=label
                aria-describedby=move || described_by.get()
                aria-invalid=invalid
                on:input=move |event| text.set(event_target_value(&event))
            />
            {unit.map(|unit| view! { <span class="input-unit" aria-hidden="true">{unit}</span> })}
        </span>
    }
}

fn parse(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|n: &f64| n.is_finite())
}

#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SelectOption {
    pub value: String,
    pub label: String,
    pub disabled: bool,
}

impl SelectOption {
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into(), disabled: false }
    }
}

/// The native select. For a search over many options, or reasons on disabled ones, use Combobox.
#[component]
pub fn Select(
    value: RwSignal<String>,
    #[prop(into)] options: Signal<Vec<SelectOption>>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] name: Option<String>,
    #[prop(optional, into)] disabled: Signal<bool>,
    #[prop(optional, into)] label: Option<String>,
) -> impl IntoView {
    let wiring = Wiring::find(id);
    let node = NodeRef::<html::Select>::new();
    bind_value(node, value);
    let described_by = wiring.described_by;
    let invalid = wiring.aria_invalid();
    let entries = move || {
        let chosen = value.get_untracked();
        options
            .get()
            .into_iter()
            .map(|o| {
                let selected = o.value == chosen;
                view! { <option value=o.value selected=selected disabled=o.disabled>{o.label}</option> }
            })
            .collect_view()
    };
    view! {
        <span class="select">
            <select
                node_ref=node
                class="input"
                id=wiring.id
                name=name
                autocomplete=NOT_RESTORED
                required=wiring.required
                disabled=move || disabled.get()
                aria-label=label
                aria-describedby=move || described_by.get()
                aria-invalid=invalid
                on:change=move |event| value.set(event_target_value(&event))
            >
                {entries}
            </select>
            <Icon name="chevron-down"/>
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, textarea_html};

    #[test]
    fn markup_in_a_textarea_stays_text() {
        assert_eq!(textarea_html("</textarea><b>&amp;"), "&lt;/textarea>&lt;b>&amp;amp;");
    }

    #[test]
    fn only_finite_numbers_are_numbers() {
        assert_eq!(parse(" 1.50 "), Some(1.5));
        assert_eq!(parse(""), None);
        assert_eq!(parse("inf"), None);
    }
}
