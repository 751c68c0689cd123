//! `StatusChip` and `StatusIcon`: the status of a step or a run in shape, colour and words, all three always together or the words spoken.
//! Takes the status' own name, as in the API; an unknown name is shown as it is, never hidden.

use leptos::prelude::*;
use workflow::{RunStatus, StepStatus, status::StatusReason};

/// The words for a status.
pub fn status_label(status: &str) -> &str {
    match status {
        "pending" => "Pending",
        "ready" => "Ready",
        "running" => "Running",
        "awaiting_review" => "Awaiting review",
        "paused" => "Paused",
        "completed" => "Completed",
        "failed" => "Failed",
        "skipped" => "Skipped",
        "cancelled" => "Cancelled",
        other => other,
    }
}

/// The status of a run by the same names. One that nothing but reviews hold is shown as what it waits for, in the word of its steps: nobody
/// has paused it.
pub fn run_status(status: RunStatus, reason: Option<StatusReason>) -> &'static str {
    match (status, reason) {
        (RunStatus::Paused, Some(StatusReason::Review)) => StepStatus::AwaitingReview.as_str(),
        (status, _) => status.as_str(),
    }
}

/// The shape's name in the sprite; unknown ones look like what has not begun.
fn shape(status: &str) -> &str {
    match status {
        "ready" | "running" | "awaiting_review" | "paused" | "completed" | "failed" | "skipped" | "cancelled"
        | "stale" => status,
        _ => "pending",
    }
}

/// The shape alone; `spoken` says the status for those who cannot see it, and is on unless words stand beside it.
#[component]
pub fn StatusIcon(#[prop(into)] status: Signal<String>, #[prop(default = true)] spoken: bool) -> impl IntoView {
    view! {
        <svg
            class="status-icon"
            data-status=move || status.get()
            role=if spoken { "img" } else { "presentation" }
            aria-hidden=(!spoken).then_some("true")
            aria-label=move || spoken.then(|| status.with(|s| status_label(s).to_owned()))
        >
            <use_ href=move || status.with(|s| format!("{}#s-{}", crate::site::icons(), shape(s)))></use_>
        </svg>
    }
}

/// `stale` hatches the chip and adds the word: stale is derived, not a status of its own.
#[component]
pub fn StatusChip(
    #[prop(into)] status: Signal<String>,
    #[prop(optional, into)] stale: Signal<bool>,
    /// More words after the status, as the reason or the attempt.
    #[prop(optional, into)]
    detail: Signal<String>,
) -> impl IntoView {
    view! {
        <span class="status-chip" data-status=move || status.get() data-stale=move || stale.get()>
            <StatusIcon status spoken=false/>
            <span>{move || status.with(|s| status_label(s).to_owned())}</span>
            <Show when=move || stale.get()>
                <span class="status-stale-word">"Stale"</span>
            </Show>
            {move || detail.with(|d| (!d.is_empty()).then(|| view! { <span>{format!("· {d}")}</span> }))}
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_waits_for_a_review_is_not_called_paused() {
        let label = |reason| status_label(run_status(RunStatus::Paused, reason)).to_owned();
        assert_eq!(label(Some(StatusReason::Review)), "Awaiting review");
        assert_eq!(label(Some(StatusReason::Person)), "Paused");
        assert_eq!(run_status(RunStatus::Running, None), "running");
    }
}
