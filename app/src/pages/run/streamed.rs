//! What an attempt writes, as it comes: Markdown where a model answers in words, else the text as it is. It follows the tail until somebody
//! scrolls up to read. Must never render all of it again for each piece, and nothing of it is read aloud by itself.

use std::sync::Arc;

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast;
use workflow::StepKey;

use super::state::{LiveRun, pulse_of};
use crate::{
    components::{Button, Size, is_data, markdown_blocks, markdown_to_html},
    reactive::{effect, memo},
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
            request_animation_frame(move || {
                if follows.try_get_untracked() == Some(true)
                    && let Some(frame) = frame.get_untracked()
                {
                    frame.set_scroll_top(frame.scroll_height());
                }
            });
        }
    });
    let part = move |text: Arc<str>| {
        if is_prose.get_untracked() {
            view! { <div class="prose" inner_html=markdown_to_html(&text)></div> }.into_any()
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
                    follows.set(frame.scroll_height() - frame.scroll_top() - frame.client_height() < AT_END);
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
                    <Button size=Size::Sm icon="arrow-down" on_click=move |()| follows.set(true)>"Follow"</Button>
                </div>
            </Show>
        </div>
    }
}
