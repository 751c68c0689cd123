//! Page: the top bar with path and actions, and the main region, of one page.
//! Must be used once by every page, also while it loads, so that title and path are right from the first byte.

use leptos::{prelude::*, text_prop::TextProp};
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use crate::components::dom;
use crate::counted::{count, with_count};
use crate::finder::FindButton;
use crate::reactive::{effect, effect_with};

/// `above` are the pages that this one lies under, as (name, path).
#[component]
pub fn Page(
    #[prop(into)] title: Signal<String>,
    #[prop(optional)] above: Vec<(String, String)>,
    /// Words of state, quiet buttons, and last the page's one primary action.
    #[prop(optional, into)]
    actions: ViewFnOnce,
    children: Children,
) -> impl IntoView {
    view! {
        <PageTop title above actions/>
        <main class="main" id="main" tabindex="-1" aria-label=move || title.get()>
            {children()}
        </main>
    }
}

/// The top bar alone, for pages with a main region of their own.
#[component]
pub fn PageTop(
    #[prop(into)] title: Signal<String>,
    #[prop(optional)] above: Vec<(String, String)>,
    #[prop(optional, into)] actions: ViewFnOnce,
) -> impl IntoView {
    let above = above.into_iter().map(|(name, path)| view! { <li><a href=path>{name}</a></li> }).collect_view();
    arrive();
    // The server writes the head last, when the owner of a title drawn on the way may be gone: there it is taken at once.
    let waiting = count();
    let text = if cfg!(feature = "ssr") {
        TextProp::from(title.get_untracked())
    } else {
        TextProp::from(move || with_count(title.get(), waiting.get()))
    };
    view! {
        <Title text/>
        <header class="topbar">
            <nav class="crumbs" aria-label="Breadcrumb">
                <ol>
                    {above}
                    <li aria-current="page">{move || title.get()}</li>
                </ol>
            </nav>
            <div class="topbar-actions"><FindButton/> {actions.run()}</div>
        </header>
    }
}

/// Whether the app has moved to another page since it was loaded, and the focus has not followed yet.
#[derive(Clone, Copy)]
struct Arrival {
    has_moved: StoredValue<bool>,
    is_due: StoredValue<bool>,
}

pub(super) fn provide_arrival() {
    let arrival = Arrival { has_moved: StoredValue::new(false), is_due: StoredValue::new(false) };
    provide_context(arrival);
    let path = use_location().pathname;
    effect_with(move |before: Option<String>| {
        let path = path.get();
        if before.is_some_and(|before| before != path) {
            arrival.has_moved.set_value(true);
            arrival.is_due.set_value(true);
        }
        path
    });
}

/// The focus goes to a page that was navigated to, so that the keyboard and a screen reader follow; the first page keeps the browser's own.
fn arrive() {
    let Some(arrival) = use_context::<Arrival>() else {
        return;
    };
    effect(move || {
        request_animation_frame(move || {
            let (Some(true), Some(is_due)) = (arrival.has_moved.try_get_value(), arrival.is_due.try_get_value()) else {
                return;
            };
            // A skeleton that had the focus takes it away when the page replaces it.
            let is_lost = document().active_element().is_none_or(|element| element.tag_name() == "BODY");
            if is_due || is_lost {
                arrival.is_due.set_value(false);
                focus_main();
            }
        });
    });
}

pub fn focus_main() {
    if let Some(main) = dom::by_id("main") {
        let options = web_sys::FocusOptions::new();
        options.set_prevent_scroll(true);
        drop(main.focus_with_options(&options));
    }
}
