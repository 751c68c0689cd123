//! The list beside what is being drawn: agents for a new step, the steps that a line can lead to, or the inputs that it can feed.
//! What there is to choose, and why some of it cannot be, is the board's; Escape leaves nothing behind.

use canvas::{Point, Question};
use leptos::{html, prelude::*};
use web_sys::HtmlElement;

use super::{draft::Draft, outline_rows::focus_row};
use crate::{
    components::{ComboOption, Combobox, dom::set_style},
    reactive::{effect, effect_with, memo},
};

const MARGIN: f64 = 8.0;

#[component]
pub(super) fn Chooser(draft: Draft) -> impl IntoView {
    let question = draft.handle.question();
    // It moves along with the picture; only another question is another list.
    let title = memo(move || question.with(|question| question.as_ref().map(|question| question.title.clone())));
    view! { {move || title.get().map(|title| view! { <Asked draft question title/> })} }
}

#[component]
fn Asked(draft: Draft, question: Signal<Option<Question>>, title: String) -> impl IntoView {
    let handle = draft.handle;
    let frame = NodeRef::<html::Div>::new();
    let options: Vec<ComboOption> = handle
        .choices()
        .into_iter()
        .map(|choice| ComboOption {
            value: choice.value,
            label: choice.label,
            kind: choice.kind,
            reason: choice.refusal,
            ..ComboOption::default()
        })
        .collect();
    let chosen = RwSignal::new(String::new());
    let asked_from = draft.asked_from.try_update_value(Option::take).flatten();
    let from_list = StoredValue::new(asked_from);
    // The keyboard goes on with the step that came of it, where it was asked for; or with the next list, where the answer leads to one.
    let asked_title = title.clone();
    let is_over = move || {
        question.try_with_untracked(|now| now.as_ref().is_some_and(|now| now.title != asked_title)) == Some(true)
    };
    let is_answered = is_over.clone();
    let go_on = move |is_chosen: bool| {
        if is_over() {
            return;
        }
        let Some(asked) = from_list.try_get_value().flatten() else { return handle.take_focus() };
        let new = handle.selection().with_untracked(|keys| keys.last().cloned()).filter(|_| is_chosen);
        draft.shown.set("steps".to_owned());
        focus_row(draft, &new.unwrap_or(asked));
    };
    effect(move || {
        if let (Some(frame), Some(at)) = (frame.get(), question.with(|question| question.as_ref().map(|q| q.at))) {
            place(&frame, at);
        }
    });
    let go_on_after = go_on.clone();
    effect_with(move |before: Option<()>| {
        let value = chosen.get();
        if before.is_some() && !value.is_empty() {
            handle.choose(&value);
            go_on_after(true);
        }
    });
    let leave = move |()| {
        if is_answered() {
            return;
        }
        let frame = frame.try_get_untracked().flatten();
        let is_here = frame.is_some_and(|frame| frame.contains(document().active_element().as_deref()));
        handle.give_up_choosing();
        // Whoever went elsewhere stays there.
        if is_here {
            go_on(false);
        }
    };
    view! {
        <div class="canvas-chooser" node_ref=frame>
            <p class="small" aria-hidden="true">{title.clone()}</p>
            <Combobox
                id="canvas-chooser"
                value=chosen
                options=Signal::stored(options)
                label=title
                placeholder="Search"
                opens=true
                on_active=move |value: String| handle.point_at(&value)
                on_leave=leave
            />
        </div>
    }
}

/// Beside the place that is asked about, as far as the canvas reaches.
fn place(frame: &HtmlElement, at: Point) {
    let Some(stage) = frame.parent_element() else { return };
    let within = |at: f64, length: i32, room: i32| {
        let most = f64::from(room) - f64::from(length) - MARGIN;
        at.min(most).max(MARGIN)
    };
    let left = within(at.x, frame.offset_width(), stage.client_width());
    let top = within(at.y + MARGIN, frame.offset_height(), stage.client_height());
    set_style(frame, "left", &format!("{left}px"));
    set_style(frame, "top", &format!("{top}px"));
}
