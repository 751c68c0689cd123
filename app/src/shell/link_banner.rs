//! The line that says since when the server cannot be reached, and when it is reached again.
//! Must never say more than the link knows.

use leptos::prelude::*;

use crate::{
    clock::clock_time,
    components::{Button, Icon, Size},
    link::Link,
    reactive::effect,
    session::use_session,
};

/// The line under the top bar. Its region is always there, so that a screen reader hears what comes into it.
#[component]
pub(super) fn LinkBanner(link: Link) -> impl IntoView {
    let session = use_session();
    // A session that has ended has its own dialog.
    let lost_since = move || link.lost_since().filter(|_| !session.has_ended());
    let words = move || {
        lost_since().map(|since| {
            let since = clock_time(since);
            if link.has_answers() {
                format!("No live updates since {since}")
            } else {
                format!("No connection since {since}")
            }
        })
    };
    effect(move || {
        // What moves to show that something goes on stands still while nothing is known.
        if let Some(root) = document().document_element() {
            // Setting an attribute fails only for names that are none.
            let _ = match lost_since() {
                Some(_) => root.set_attribute("data-link", "lost"),
                None => root.remove_attribute("data-link"),
            };
        }
    });
    on_cleanup(|| {
        if cfg!(feature = "hydrate")
            && let Some(root) = document().document_element()
        {
            let _ = root.remove_attribute("data-link");
        }
    });
    let lost = move || {
        words().map(|words| {
            view! {
                <div class="link-line" data-kind="warn">
                    <Icon name="wifi-off"/>
                    <span class="link-words"><strong>{words}</strong> " What you see may be old. Weft keeps trying."</span>
                    <Button size=Size::Sm on_click=move |()| link.ask()>"Try now"</Button>
                </div>
            }
        })
    };
    let back = move || {
        link.back_since().map(|since| {
            view! {
                <div class="link-line" data-kind="success">
                    <Icon name="circle-check"/>
                    <span class="link-words">{format!("Connected again at {}", clock_time(since))}</span>
                </div>
            }
        })
    };
    view! { <div class="link" role="status" aria-live="polite" aria-label="Connection">{lost} {back}</div> }
}
