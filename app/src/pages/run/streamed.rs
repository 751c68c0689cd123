//! What an attempt writes, as it comes: Markdown where a model answers in words, else the text as it is. It follows the tail until somebody
//! scrolls up to read. Must never render all of it again for each piece, and nothing of it is read aloud by itself.

use std::sync::Arc;

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast;
use workflow::StepKey;

use super::state::{LiveRun, pulse_of};
use crate::{
    components::{Button, Size, dom, is_data, markdown_blocks, markdown_to_html},
    reactive::{effect, memo, next_frame},
};

/// So near the end one is at it.
const AT_END: i32 = 24;

/// The text of an attempt that is under way.
#[derive(Clone, Copy)]
pub(super) struct Coming {
    pub live: LiveRun,
    pub key: StoredValue<StepKey>,
    /// The last attempt.
    pub attempt: Memo<Option<i32>>,
    /// A model writes it.
    pub is_model: bool,
}

impl Coming {
    /// Follows whether there is any.
    pub(super) fn is_there(self) -> bool {
        self.attempt.get().is_some_and(|attempt| {
            self.live.streams.with(|streams| self.key.with_value(|key| streams.text(key, attempt).is_some()))
        })
    }

    /// Reads it as it is, without following it.
    fn read<R>(self, read: impl FnOnce(&str) -> R) -> R {
        let attempt = self.attempt.get_untracked().unwrap_or_default();
        self.live
            .streams
            .with_untracked(|streams| self.key.with_value(|key| read(streams.text(key, attempt).unwrap_or_default())))
    }
}

#[component]
pub(super) fn Streamed(coming: Coming) -> impl IntoView {
    let frame = NodeRef::<html::Div>::new();
    let follows = RwSignal::new(true);
    // Where it was scrolled to last.
    let last_top = StoredValue::new(0);
    let pulse = pulse_of(move || coming.live.streams.track());
    let is_prose = memo(move || {
        pulse.track();
        coming.attempt.track();
        coming.is_model && coming.read(|text| !is_data(text))
    });
    let parts = move || {
        pulse.track();
        coming.attempt.track();
        let is_prose = is_prose.get();
        coming.read(|text| {
            let parts = if is_prose { markdown_blocks(text) } else { vec![text] };
            parts.into_iter().map(Arc::<str>::from).enumerate().collect::<Vec<_>>()
        })
    };
    effect(move || {
        pulse.track();
        if follows.get() {
            // What came is there with the next frame.
            next_frame(follows, move || {
                if follows.get_untracked()
                    && let Some(frame) = frame.get_untracked()
                {
                    frame.set_scroll_top(frame.scroll_height());
                }
            });
        }
    });
    let follow = move || {
        follows.set(true);
        // The button goes, and the focus with it.
        if let Some(frame) = frame.get_untracked() {
            dom::focus(&frame);
        }
    };
    let part = move |text: Arc<str>| {
        if is_prose.get_untracked() {
            view! { <div class="prose" dir="auto" translate="yes" inner_html=markdown_to_html(&text)></div> }.into_any()
        } else {
            view! { <span>{text.to_string()}</span> }.into_any()
        }
    };
    view! {
        <div class="stream-frame">
            <div
                node_ref=frame
                class="stream-scroll"
                role="region"
                aria-label="Output so far"
                tabindex="0"
                on:scroll=move |event| {
                    let Some(frame) = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) else {
                        return;
                    };
                    let top = frame.scroll_top();
                    let was = last_top.try_update_value(|last| std::mem::replace(last, top)).unwrap_or(top);
                    let left = frame.scroll_height() - top - frame.client_height();
                    if let Some(now) = follows_after(was, top, left) && follows.get_untracked() != now {
                        follows.set(now);
                    }
                }
            >
                <div class="streaming" data-live="true" data-prose=move || is_prose.get().then_some("")>
                    <For each=parts key=move |(n, text)| (*n, is_prose.get_untracked(), Arc::clone(text)) let((_, text))>
                        {part(text)}
                    </For>
                </div>
            </div>
            <Show when=move || !follows.get()>
                <div class="stream-follow">
                    <Button size=Size::Sm icon="arrow-down" on_click=move |()| follow()>"Follow"</Button>
                </div>
            </Show>
        </div>
    }
}

/// Whether its end is followed after it was scrolled from `was` to `top`, with so much left below; none where that says nothing. What is
/// told of a scroll of its own may be late: more may have come by then, and only who scrolls up wants to stay where they are.
fn follows_after(was: i32, top: i32, left: i32) -> Option<bool> {
    if left < AT_END {
        Some(true)
    } else if top < was {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::follows_after;

    #[test]
    fn the_tail_is_followed_until_somebody_scrolls_up() {
        assert_eq!(follows_after(0, 500, 0), Some(true), "at its end");
        assert_eq!(follows_after(400, 500, 200), None, "more came before its own scroll was told");
        assert_eq!(follows_after(500, 300, 200), Some(false));
        assert_eq!(follows_after(300, 500, 23), Some(true), "back at the end by hand");
    }
}
