//! Menu: a button and a popover of verbs. Arrows, Home, End and letters move, Enter acts, Esc closes and gives the focus back.
//! Its items exist only while it is open, so a table may hold hundreds; a list that is longer than its room can be scrolled by keyboard. `ContextMenu`: the same without a button, where it was asked for.

use leptos::context::Provider;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::button::Variant;
use super::dom::{Align, all, aria, focus, place_at, place_near, rove};
use super::icon::{Icon, Size};
use crate::reactive::{effect, next_frame};

/// What an item does before it acts: the menu closes, and the focus is where it was.
#[derive(Clone, Copy)]
struct MenuContext {
    close: Callback<()>,
}

/// `label` names the list, and the button where it has no `text`. `id` must be unique on the page.
#[component]
pub fn Menu(
    #[prop(into)] id: String,
    #[prop(into)] label: Signal<String>,
    #[prop(default = "ellipsis")] icon: &'static str,
    /// Words on the button.
    #[prop(optional, into)]
    text: Option<String>,
    #[prop(default = Variant::Quiet)] variant: Variant,
    #[prop(optional)] size: Size,
    #[prop(default = Align::End)] align: Align,
    #[prop(optional, into)] disabled: Signal<bool>,
    children: ChildrenFn,
) -> impl IntoView {
    let popup = NodeRef::<html::Div>::new();
    let button = NodeRef::<html::Button>::new();
    let open = RwSignal::new(false);
    let on_toggle = move |_| {
        let Some(popup) = popup.get_untracked() else { return };
        let now = popup.matches(":popover-open").unwrap_or(false);
        open.set(now);
        if now {
            // The items are rendered by the signal above; measured and focused once they are there.
            // By then the row that it is of may have been drawn anew.
            next_frame(button, move || {
                if let Some(button) = button.get_untracked() {
                    place_near(&button, &popup, align, 4.0);
                }
                if let Some(first) = items(&popup).first() {
                    focus(first);
                }
            });
        }
    };
    let hide = move |()| {
        if let Some(popup) = popup.get_untracked() {
            drop(popup.unchecked_ref::<HtmlElement>().hide_popover());
        }
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        let Some(popup) = popup.get_untracked() else { return };
        if event.key() == "Tab" {
            hide(());
        } else {
            walk(&popup, &event);
        }
    };
    let context = MenuContext { close: Callback::new(hide) };
    let icon_only = text.is_none();
    let class = if icon_only { "btn icon-btn" } else { "btn" };
    let children = StoredValue::new(children);
    view! {
        <span class="menu">
            <button
                node_ref=button
                class=class
                type="button"
                data-variant=variant.name()
                data-size=size.name()
                data-tip=move || icon_only.then(|| label.get())
                aria-label=move || icon_only.then(|| label.get())
                aria-haspopup="menu"
                aria-expanded=move || aria(open.get())
                popovertarget=id.clone()
                disabled=move || disabled.get()
            >
                {match text {
                    None => view! { <Icon name=icon/> }.into_any(),
                    Some(text) => view! { <span class="btn-label">{text} <Icon name="chevron-down" size=Size::Sm/></span> }.into_any(),
                }}
            </button>
            <div node_ref=popup class="popup" id=id popover="auto" role="menu" aria-label=move || label.get() on:toggle=on_toggle on:keydown=on_key>
                <Provider value=context>
                    <Show when=move || open.get()>{move || children.with_value(|children| children())}</Show>
                </Provider>
            </div>
        </span>
    }
}

/// A menu where it was asked for, as on a canvas: drawn when it is, taken away by `on_close`, and never in a first render.
#[component]
pub fn ContextMenu(
    #[prop(into)] label: String,
    /// Where in the window.
    at: (f64, f64),
    #[prop(into)] on_close: Callback<()>,
    children: Children,
) -> impl IntoView {
    let popup = NodeRef::<html::Div>::new();
    let before = document().active_element().and_then(|active| active.dyn_into::<HtmlElement>().ok());
    let before = StoredValue::new_local(before);
    let leave = move |()| {
        before.with_value(|before| before.iter().for_each(focus));
        on_close.run(());
    };
    effect(move || {
        let Some(popup) = popup.get() else { return };
        // By hand: a popover that closes by itself would close with the release of the button that asked for it.
        drop(popup.unchecked_ref::<HtmlElement>().show_popover());
        place_at(&popup, at);
        if let Some(first) = items(&popup).first() {
            focus(first);
        }
    });
    effect(move || {
        let outside = window_event_listener(leptos::ev::pointerdown, move |event| {
            let target = event.target().and_then(|target| target.dyn_into::<web_sys::Node>().ok());
            let popup = popup.try_get_untracked().flatten();
            let is_inside = popup.is_some_and(|popup| popup.contains(target.as_ref()));
            if !is_inside {
                // The focus goes where was pressed.
                on_close.run(());
            }
        });
        on_cleanup(move || outside.remove());
    });
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        let Some(popup) = popup.get_untracked() else { return };
        match event.key().as_str() {
            "Escape" | "Tab" => {
                event.prevent_default();
                event.stop_propagation();
                leave(());
            }
            _ => walk(&popup, &event),
        }
    };
    let context = MenuContext { close: Callback::new(leave) };
    view! {
        <div
            node_ref=popup
            class="popup"
            popover="manual"
            role="menu"
            aria-label=label
            on:keydown=on_key
            on:contextmenu=|event| event.prevent_default()
        >
            <Provider value=context>{children()}</Provider>
        </div>
    }
}

/// The keys that move inside a menu.
fn walk(popup: &HtmlElement, event: &leptos::ev::KeyboardEvent) {
    let items = items(popup);
    let active = document().active_element();
    let current = items.iter().position(|item| active.as_ref().is_some_and(|a| a.is_same_node(Some(item))));
    let key = event.key();
    let next = match key.as_str() {
        "ArrowLeft" | "ArrowRight" => return,
        _ => rove(&key, current, items.len()).or_else(|| by_letter(&items, current, &key)),
    };
    if let Some(item) = next.and_then(|i| items.get(i)) {
        event.prevent_default();
        focus(item);
    }
}

fn items(popup: &HtmlElement) -> Vec<HtmlElement> {
    all(popup, "[role=menuitem]:not(:disabled)")
}

/// The next item whose words begin with the letter typed.
fn by_letter(items: &[HtmlElement], current: Option<usize>, key: &str) -> Option<usize> {
    if key.chars().count() != 1 {
        return None;
    }
    let letter = key.to_lowercase();
    let start = current.map_or(0, |i| i + 1);
    (start..items.len())
        .chain(0..start)
        .find(|&i| items[i].text_content().is_some_and(|text| text.trim_start().to_lowercase().starts_with(&letter)))
}

/// One verb. `on_select` runs after the menu closed and the focus went back to its button.
#[component]
pub fn MenuItem(
    #[prop(into)] on_select: Callback<()>,
    #[prop(optional)] icon: Option<&'static str>,
    /// For what destroys something.
    #[prop(optional)]
    danger: bool,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// Why it cannot be done now. Unlike a disabled item it can be reached, so that everybody can read this.
    #[prop(optional, into)]
    refusal: Signal<Option<String>>,
    /// What does the same from the keyboard, as in "Ctrl C".
    #[prop(optional)]
    keys: Option<&'static str>,
    children: Children,
) -> impl IntoView {
    let context = use_context::<MenuContext>();
    let on_click = move |_| {
        if refusal.with_untracked(Option::is_some) {
            return;
        }
        if let Some(context) = context {
            context.close.run(());
        }
        on_select.run(());
    };
    view! {
        <button
            class="menu-item"
            type="button"
            role="menuitem"
            tabindex="0"
            data-danger=danger
            disabled=move || disabled.get()
            aria-disabled=move || refusal.with(Option::is_some).then_some("true")
            on:click=on_click
        >
            {icon.map(|name| view! { <Icon name/> })}
            <span>
                {children()}
                {move || refusal.get().map(|reason| view! { <small>{reason}</small> })}
            </span>
            {keys.map(|keys| view! {
                <span class="kbd" aria-hidden="true">
                    {keys.split(' ').map(|key| view! { <kbd>{key}</kbd> }).collect_view()}
                </span>
            })}
        </button>
    }
}

/// A place to go, in a menu; or a file to take, after which one stays.
#[component]
pub fn MenuLink(
    #[prop(into)] href: String,
    #[prop(optional)] icon: Option<&'static str>,
    /// It is a file.
    #[prop(optional)]
    download: bool,
    children: Children,
) -> impl IntoView {
    let context = use_context::<MenuContext>();
    let on_click = move |_| {
        if download && let Some(context) = context {
            context.close.run(());
        }
    };
    view! {
        <a class="menu-item" role="menuitem" tabindex="0" href=href download=download.then_some("") on:click=on_click>
            {icon.map(|name| view! { <Icon name/> })}
            <span>{children()}</span>
        </a>
    }
}

/// A hairline between groups of verbs.
#[component]
pub fn MenuLine() -> impl IntoView {
    view! { <hr class="menu-line"/> }
}
