//! A slider over the events of the run, with marks where a gate opened or something failed: the page shows the run as it was there.

use std::time::Duration;

use leptos::prelude::*;
use workflow::replay::{Mark, thinned};

use super::history::History;
use crate::{
    clock,
    components::{IconButton, Size},
    reactive::{effect, memo},
    words,
};

/// Marks have so many places at most.
const COLUMNS: i64 = 200;
/// A replay goes on so often, and takes no more steps than that to its end.
const PACE: Duration = Duration::from_millis(300);
const STRIDES: i64 = 200;

#[component]
pub(super) fn Scrubber(history: History) -> impl IntoView {
    let past = history.past;
    let is_playing = RwSignal::new(false);
    let last = move || history.read.get();
    let at = memo(move || past.moment().map_or_else(last, |(seq, _)| seq));
    let go = move |seq: i64| history.go_to(seq.clamp(1, history.read.get_untracked().max(1)));
    let stop_and_go = move |seq: Option<i64>| {
        is_playing.set(false);
        if let Some(seq) = seq {
            go(seq);
        }
    };
    let mark = move |is_after: bool| history.with_untracked(|replay| replay.mark_beside(at.get_untracked(), is_after));
    let step_on = move || {
        let (now, last) = (at.try_get_untracked(), history.read.try_get_untracked());
        let Some((now, last)) = now.zip(last) else { return };
        if now >= last {
            is_playing.set(false);
        } else {
            go(now.saturating_add((last / STRIDES).max(1)).min(last));
        }
    };
    effect(move || {
        if is_playing.get()
            && let Ok(timer) = set_interval_with_handle(step_on, PACE)
        {
            on_cleanup(move || timer.clear());
        }
    });
    let play = move || {
        let is_on = !is_playing.get_untracked();
        // From the beginning, unless one is somewhere on the way.
        if is_on && at.get_untracked() >= history.read.get_untracked() {
            go(1);
        }
        is_playing.set(is_on);
    };
    let marks = memo(move || history.with(|replay| thinned(replay.marks(), replay.seq(), COLUMNS)));
    let told = move || match past.moment() {
        Some((seq, at)) => {
            let time = clock::clock_time(at.timestamp_millis());
            format!("Event {} of {}, {time}", words::number(seq), words::number(last()))
        }
        None => format!("Now, after {}", words::count(last(), "event")),
    };
    view! {
        <div class="row times-scrubber" role="group" aria-label="Replay">
            <IconButton
                icon="play"
                label="Replay"
                size=Size::Sm
                pressed=Signal::derive(move || Some(is_playing.get()))
                on_click=move |()| play()
            />
            <IconButton
                icon="chevrons-left"
                label="To the review or failure before"
                size=Size::Sm
                on_click=move |()| stop_and_go(mark(false))
            />
            <div class="times-slider">
                <svg class="times-marks" aria-hidden="true" height="6">{move || drawn(&marks.get())}</svg>
                <input
                    type="range"
                    aria-label="Show the run as it was after an event"
                    min="1"
                    max=move || last().max(1).to_string()
                    step="1"
                    aria-valuetext=told
                    disabled=move || last() == 0
                    prop:value=move || at.get().to_string()
                    on:input=move |event| stop_and_go(event_target_value(&event).parse().ok())
                />
            </div>
            <IconButton
                icon="chevrons-right"
                label="To the review or failure after"
                size=Size::Sm
                on_click=move |()| stop_and_go(mark(true))
            />
            <span class="times-at small">{told}</span>
        </div>
    }
}

fn drawn(marks: &std::collections::BTreeMap<i64, Mark>) -> AnyView {
    let marks = marks.iter().map(|(column, mark)| {
        // Columns are so few that each has more than a half of a percent.
        let tenths = column * 1_000 / COLUMNS;
        // A failure is as high as there is room, and what waited for a person half of it: colour is never all that tells them apart.
        let (y, height) = if *mark == Mark::Failure { ("0", "6") } else { ("3", "3") };
        view! { <rect data-mark=mark.as_str() x=format!("{}.{}%", tenths / 10, tenths % 10) y=y width="2" height=height></rect> }
    });
    marks.collect_view().into_any()
}
