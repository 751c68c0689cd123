//! Where the log of an attempt is folded away until somebody opens it. It must follow nothing while it is closed.

use leptos::prelude::*;

use super::{logs::Log, one_step::OneStep};
use crate::{
    behind::Later,
    components::Icon,
    later::{View, later},
    reactive::memo,
};

later! {
    more: log, View<(OneStep, i32)>, |(one, attempt)| view! { <Log one attempt/> }.into_any();
}

/// A fold that reads the log when it is opened.
#[component]
pub(super) fn LogFold(one: OneStep, attempt: i32) -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <details
            class="fold"
            on:toggle=move |event| {
                // Both ways: what is closed is not followed.
                open.set(event_target::<web_sys::HtmlDetailsElement>(&event).open());
            }
        >
            <summary><Icon name="chevron-right"/> "Log"</summary>
            <div class="fold-body stack">
                <Show when=move || open.get()><Later part=log of=(one, attempt)/></Show>
            </div>
        </details>
    }
}

/// The log of the last attempt, under what it makes; nothing for agents that log nowhere.
#[component]
pub(super) fn CurrentLog(one: OneStep) -> impl IntoView {
    let last = memo(move || {
        let number = one.read(|step| step.attempts.last().map(|attempt| attempt.number));
        number.filter(|_| one.read(|step| step.kind == "worker"))
    });
    move || last.get().map(|attempt| view! { <LogFold one attempt/> })
}
