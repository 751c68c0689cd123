//! `CopyId` and `CopyButton`: put a text on the clipboard and say so.
//! Over plain http on another host the browser gives no clipboard: then an old-style copy from a hidden field is tried.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::reactive::effect;

use super::button::Variant;
use super::icon::{Icon, Size};

/// A long id in its short form; a click copies the whole.
#[component]
pub fn CopyId(
    #[prop(into)] value: Signal<String>,
    /// What it is the id of, as in "run id".
    #[prop(into)]
    what: String,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let words = {
        let what = what.clone();
        move || if copied.get() { "Copied".to_owned() } else { format!("Copy {what}") }
    };
    // The name holds the text that is seen, for those who speak to the page.
    let label = move || {
        let verb = if copied.get() { "Copied" } else { "Copy" };
        value.with(|v| format!("{verb} {what} {}", short(v)))
    };
    view! {
        <button
            class="copy-id"
            type="button"
            data-tip=words
            aria-label=label
            on:click=move |_| copy(value.get_untracked(), copied)
        >
            {move || value.with(|v| short(v))}
            {move || if copied.get() { view! { <Icon name="check"/> } } else { view! { <Icon name="copy"/> } }}
        </button>
    }
}

/// A quiet icon button that copies a text.
#[component]
pub fn CopyButton(
    #[prop(into)] text: Signal<String>,
    #[prop(default = "Copy")] label: &'static str,
    /// Hears of each copy that was made.
    #[prop(optional, into)]
    on_copied: Option<Callback<()>>,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    if let Some(on_copied) = on_copied {
        effect(move || {
            if copied.get() {
                on_copied.run(());
            }
        });
    }
    let words = move || if copied.get() { "Copied" } else { label };
    view! {
        <button
            class="btn icon-btn"
            type="button"
            data-variant=Variant::Quiet.name()
            data-size=Size::Sm.name()
            data-tip=words
            aria-label=words
            on:click=move |_| copy(text.get_untracked(), copied)
        >
            {move || if copied.get() { view! { <Icon name="check"/> } } else { view! { <Icon name="copy"/> } }}
        </button>
    }
}

/// The last eight characters of a UUID (the first ones of a v7 are only the time); other ids whole.
fn short(id: &str) -> String {
    if id.len() == 36 && id.is_ascii() { id[28..].to_owned() } else { id.to_owned() }
}

fn copy(text: String, copied: RwSignal<bool>) {
    leptos::task::spawn_local(async move {
        let done = copy_text(&text).await;
        if done && copied.try_set(true).is_none() {
            set_timeout(
                move || {
                    copied.try_set(false);
                },
                Duration::from_millis(1500),
            );
        }
    });
}

/// Whether the clipboard has the text now.
pub async fn copy_text(text: &str) -> bool {
    if window().is_secure_context() {
        let promise = window().navigator().clipboard().write_text(text);
        wasm_bindgen_futures::JsFuture::from(promise).await.is_ok()
    } else {
        copy_by_selection(text).unwrap_or(false)
    }
}

fn copy_by_selection(text: &str) -> Option<bool> {
    let document = document();
    let area = document.create_element("textarea").ok()?.dyn_into::<web_sys::HtmlTextAreaElement>().ok()?;
    area.set_class_name("visually-hidden");
    area.set_value(text);
    let host = document.query_selector("dialog:modal").ok().flatten().or_else(|| document.body().map(Into::into))?;
    host.append_child(&area).ok()?;
    area.select();
    let done = document.unchecked_ref::<web_sys::HtmlDocument>().exec_command("copy").unwrap_or(false);
    area.remove();
    Some(done)
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn uuids_are_shown_by_their_random_end() {
        assert_eq!(short("01936f3c-8d2a-7b41-9c55-2f6a0e8b41d7"), "0e8b41d7");
        assert_eq!(short("summarise"), "summarise");
    }
}
