//! A step that waits before it tries again: why, how long, and the ways to end the wait.
//! The time is the browser's guess of the server's: it must never be more than words.

use std::time::Duration;

use leptos::prelude::*;
use workflow::{api::TriggerStep, words::lasting};

use super::{
    attempts::error_words,
    doors::Doors,
    failures::VerbError,
    one_step::{Ask, Sender},
    verbs::Verb,
};
use crate::{
    components::{Button, Size, ticking},
    link::use_link,
    reactive::memo,
};

const TICK: Duration = Duration::from_secs(1);

#[component]
pub(super) fn Backoff(doors: Doors) -> impl IntoView {
    let one = doors.one;
    let now = ticking(TICK, use_link());
    let until = memo(move || one.read(|step| step.not_before).map(|until| until.timestamp_millis()));
    let left = memo(move || Some(until.get()? - now.get()?));
    let reason = move || one.read(|step| step.attempts.last().and_then(error_words));
    let at_once = Sender::new(one, || ());
    let refused = memo(move || one.refusal(Verb::Again).is_some());
    view! {
        <strong>{move || left_words(left.get())}</strong>
        {move || reason().map(|reason| view! { <span>{reason}</span> })}
        <VerbError error=at_once.error again=at_once.again()/>
        <Show when=move || !refused.get()>
            <div class="row" role="group" aria-label="While it waits">
                <Button
                    size=Size::Sm
                    icon="rotate-cw"
                    loading=at_once.pending()
                    on_click=move |()| {
                        at_once.send(Ask::Trigger(TriggerStep {
                            prompt_override: None,
                            inputs: None,
                            expect_generation: one.generation(),
                        }));
                    }
                >
                    "Try now"
                </Button>
                <Button size=Size::Sm icon="circle-stop" on_click=move |()| doors.act(Verb::Stop)>"Stop"</Button>
            </div>
        </Show>
    }
}

/// "Tries again in 12 s", once the wait is known.
fn left_words(left_ms: Option<i64>) -> String {
    match left_ms {
        None => "Tries again in a moment".to_owned(),
        Some(left) if left <= 0 => "Tries again as soon as a worker is free".to_owned(),
        Some(left) => format!("Tries again in {}", lasting(left.saturating_add(999))),
    }
}

#[cfg(test)]
mod tests {
    use super::left_words;

    #[test]
    fn the_wait_is_told_in_whole_seconds_and_never_below_none() {
        assert_eq!(left_words(None), "Tries again in a moment");
        assert_eq!(left_words(Some(-4)), "Tries again as soon as a worker is free");
        assert_eq!(left_words(Some(11_001)), "Tries again in 12 s");
        assert_eq!(left_words(Some(12_000)), "Tries again in 12 s");
    }
}
