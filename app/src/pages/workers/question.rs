//! What is asked before a worker is drained, or its session ended.

use leptos::prelude::*;
use workflow::{api::WorkerState, id::WorkerId};

use crate::components::ConfirmDialog;

/// A change that waits for an answer, with the name of its worker.
pub(super) type Asked = RwSignal<Option<(WorkerId, String, WorkerState)>>;

#[component]
pub(super) fn Question(
    asked: Asked,
    open: RwSignal<bool>,
    #[prop(into)] busy: Signal<bool>,
    #[prop(into)] on_confirm: Callback<(WorkerId, WorkerState)>,
) -> impl IntoView {
    let words = move || {
        asked.with(|asked| match asked {
            Some((_, name, WorkerState::Gone)) => (
                format!("End the session of {name}?"),
                "What it runs now is taken from it and done by another worker. The program may connect again with its token: revoke that to keep it out.",
                "End the session",
            ),
            Some((_, name, _)) => (
                format!("Drain {name}?"),
                "It takes nothing new, finishes what it runs, and its session ends. Whoever started the program decides whether it starts again.",
                "Drain",
            ),
            None => (String::new(), "", ""),
        })
    };
    view! {
        <ConfirmDialog
            id="change-worker"
            open
            danger=true
            title=Signal::derive(move || words().0)
            text=Signal::derive(move || words().1.to_owned())
            confirm=Signal::derive(move || words().2.to_owned())
            busy
            on_confirm=move |()| {
                if let Some((id, _, state)) = asked.get_untracked() {
                    on_confirm.run((id, state));
                }
            }
        />
    }
}
