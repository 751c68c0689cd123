//! `LogView`: the last lines of a log, newest last, which it follows until somebody scrolls up to read.
//! Lines are text only: they are a program's word, and perhaps an attacker's. No line is read aloud by itself; who wants them goes there.

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast;
use workflow::api::{AttemptLogs, LogLevel, LogLine};

use super::{button::Button, copy::CopyButton, icon::Size};
use crate::{
    clock::{Precision, absolute_clock, local},
    reactive::{effect, memo, next_frame},
    words,
};

/// So near the end one is at it.
const AT_END: i32 = 24;

#[component]
pub fn LogView(
    #[prop(into)] log: Signal<AttemptLogs>,
    /// What it is the log of.
    #[prop(into)]
    title: Signal<String>,
    /// Whether more may come.
    #[prop(optional, into)]
    live: Signal<bool>,
) -> impl IntoView {
    let frame = NodeRef::<html::Div>::new();
    let follows = RwSignal::new(true);
    let is_here = RwSignal::new(false);
    effect(move || is_here.set(true));
    // A line keeps its number when older ones go, so that only what is new is drawn.
    let lines = move || {
        log.with(|log| {
            let first = log.n_dropped;
            log.lines.iter().cloned().zip(first..).map(|(line, n)| (n, line)).collect::<Vec<_>>()
        })
    };
    let to_end = move || {
        if let Some(frame) = frame.get_untracked() {
            frame.set_scroll_top(frame.scroll_height());
        }
    };
    effect(move || {
        log.track();
        if follows.get() {
            // The rows are there with the next frame.
            next_frame(follows, move || {
                if follows.get_untracked() {
                    to_end();
                }
            });
        }
    });
    let dropped = memo(move || log.with(|log| log.n_dropped));
    let text = Signal::derive(move || log.with(|log| log.lines.iter().map(written).collect::<String>()));
    let n_words = move || words::count(log.with(|log| log.lines.len()), "line");
    view! {
        <div class="log-view">
            <div class="content-bar">
                <span class="truncate">{move || title.get()}</span>
                <span class="muted num">{n_words}</span>
                <Show when=move || live.get() && !follows.get()>
                    <Button size=Size::Sm icon="arrow-down" on_click=move |()| follows.set(true)>"Follow"</Button>
                </Show>
                <CopyButton text label="Copy the log"/>
            </div>
            <div
                node_ref=frame
                class="log-lines"
                role="log"
                aria-live="off"
                aria-label=move || title.get()
                tabindex="0"
                on:scroll=move |event| {
                    let Some(frame) = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) else {
                        return;
                    };
                    follows.set(frame.scroll_height() - frame.scroll_top() - frame.client_height() < AT_END);
                }
            >
                <Show when=move || { dropped.get() > 0 }>
                    <p class="log-dropped">{move || format!("{} dropped", words::count(dropped.get(), "older line"))}</p>
                </Show>
                <ol>
                    <For each=lines key=|(n, _)| *n let((_, line))>
                        <Line line is_here/>
                    </For>
                </ol>
            </div>
        </div>
    }
}

#[component]
fn Line(line: LogLine, is_here: RwSignal<bool>) -> impl IntoView {
    let at = line.at;
    let clock = move || {
        if is_here.get() {
            local(at.timestamp_millis(), Precision::Clock)
        } else {
            absolute_clock(at, Precision::Clock)
        }
    };
    let (level, word) = level_words(line.level);
    view! {
        <li data-level=level>
            <time class="num">{clock}</time>
            {word.map(|word| view! { <span class="log-level">{word}</span> })}
            <span class="log-text">{line.text}</span>
        </li>
    }
}

/// Its name in the styles, and the word that says what the colour does. What is usual needs none.
fn level_words(level: LogLevel) -> (&'static str, Option<&'static str>) {
    match level {
        LogLevel::Debug => ("debug", Some("Debug")),
        LogLevel::Info => ("info", None),
        LogLevel::Warning => ("warning", Some("Warning")),
        LogLevel::Error => ("error", Some("Error")),
    }
}

/// A line as it is copied.
fn written(line: &LogLine) -> String {
    let word = level_words(line.level).1.map(|word| format!("{} ", word.to_uppercase())).unwrap_or_default();
    format!("{} {word}{}\n", line.at.format("%Y-%m-%dT%H:%M:%S%.3fZ"), line.text)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn a_copied_line_says_when_and_how_bad() {
        let line = |level| LogLine { at: DateTime::UNIX_EPOCH, level, text: "gone".into() };
        assert_eq!(written(&line(LogLevel::Info)), "1970-01-01T00:00:00.000Z gone\n");
        assert_eq!(written(&line(LogLevel::Error)), "1970-01-01T00:00:00.000Z ERROR gone\n");
    }
}
