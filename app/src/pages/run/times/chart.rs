//! What the chart of times knows and does: its rows, what part of the time is in sight, and the bar that is chosen. What is drawn is
//! worked out in `workflow::gantt`.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};
use leptos::{html, prelude::*};
use workflow::{
    StepKey,
    gantt::{
        Window,
        reach::{Place, Way, lead},
        rows::{Row, rows},
    },
    spans::Span,
    status::Outcome,
    timing::slowest_path,
};

use super::{
    super::state::{LiveRun, title_of},
    history::History,
};
use crate::{
    clock,
    reactive::{effect, memo},
};

/// How high a row is.
pub(super) const ROW: f64 = 28.0;
const SECOND: Duration = Duration::from_secs(1);
/// So many times as much is in sight after a press.
const NEARER: f64 = 0.6;

/// How much of it is in sight, in pixels.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub(super) struct Frame {
    pub width: f64,
    pub height: f64,
    pub top: f64,
}

#[derive(Clone, Copy)]
pub(super) struct Chart {
    pub live: LiveRun,
    pub history: History,
    pub rows: Memo<Vec<Row>>,
    open: RwSignal<BTreeSet<StepKey>>,
    /// Only what is not over or failed.
    pub is_wanted_only: RwSignal<bool>,
    /// None where all of it is in sight.
    zoom: RwSignal<Option<Window>>,
    pub place: RwSignal<Option<Place>>,
    now: RwSignal<i64>,
    pub frame: RwSignal<Frame>,
    pub path: Memo<BTreeSet<StepKey>>,
    pub scroller: NodeRef<html::Div>,
    is_over: Memo<bool>,
}

impl Chart {
    pub(super) fn of(history: History) -> Self {
        let live = history.live;
        let open = RwSignal::new(BTreeSet::<StepKey>::new());
        let is_wanted_only = RwSignal::new(false);
        let now = RwSignal::new(clock::now());
        let is_over = memo(move || live.run.with(|run| run.finished_at.is_some()));
        let chart = Self {
            live,
            history,
            rows: memo(move || {
                let only = is_wanted_only.get();
                open.with(|open| live.slowly(|run| rows(run, open, only)))
            }),
            open,
            is_wanted_only,
            zoom: RwSignal::new(None),
            place: RwSignal::new(None),
            now,
            frame: RwSignal::new(Frame::default()),
            path: memo(move || {
                let now = now.get();
                let path = live.slowly(|run| slowest_path(run, Some(now)));
                path.map(|path| path.steps.into_iter().collect()).unwrap_or_default()
            }),
            scroller: NodeRef::new(),
            is_over,
        };
        effect(move || {
            if !is_over.get()
                && !history.is_paused.get()
                && let Ok(timer) = set_interval_with_handle(
                    move || {
                        now.try_set(clock::now());
                    },
                    SECOND,
                )
            {
                on_cleanup(move || timer.clear());
            }
        });
        chart
    }

    pub(super) fn now(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.now.get()).unwrap_or_default()
    }

    /// From the beginning of the run to its end, or to now.
    pub(super) fn whole(self) -> Option<Window> {
        let (from, last) = self.history.with(|replay| replay.spans().whole())?;
        let last = last.timestamp_millis();
        let to = if self.is_over.get() { last } else { last.max(self.now.get()) };
        Some(Window::new(from.timestamp_millis(), to))
    }

    pub(super) fn window(self) -> Option<Window> {
        self.zoom.get().or_else(|| self.whole())
    }

    pub(super) fn fit(self) {
        self.zoom.set(None);
    }

    /// Around the chosen bar where it is in sight, else around the middle.
    pub(super) fn nearer(self) {
        self.zoom_by(NEARER);
    }

    pub(super) fn farther(self) {
        self.zoom_by(1.0 / NEARER);
    }

    fn zoom_by(self, factor: f64) {
        let Some((window, whole)) = untrack(|| self.window().zip(self.whole())) else { return };
        let chosen = untrack(|| self.chosen().map(|(_, span)| span.since.timestamp_millis()));
        let is_in_sight = |at: &i64| (window.from..=window.to).contains(at);
        let around = chosen.filter(is_in_sight).unwrap_or(window.from + window.ms() / 2);
        let next = window.zoomed(factor, around, whole);
        self.zoom.set((next != whole).then_some(next));
    }

    pub(super) fn spans(self, key: &StepKey) -> Vec<Span> {
        let now = self.now();
        self.history.with(|replay| replay.spans().of(key, now))
    }

    pub(super) fn title(self, key: &StepKey) -> String {
        self.live.run.with_untracked(|run| title_of(run, key))
    }

    fn row(self, place: Place) -> Option<Row> {
        self.rows.with(|rows| rows.get(place.row).cloned())
    }

    /// The chosen bar, with the step that it is of.
    fn chosen(self) -> Option<(StepKey, Span)> {
        let place = self.place.get()?;
        let key = self.row(place)?.key;
        let span = self.spans(&key).into_iter().nth(place.nth?)?;
        Some((key, span))
    }

    /// What the chosen bar says. Not with the clock: what goes on would be read out anew each second.
    pub(super) fn words(self) -> Option<String> {
        let place = self.place.get()?;
        self.rows.track();
        self.history.read.track();
        untrack(|| {
            let row = self.row(place)?;
            let title = self.title(&row.key);
            let words = self.chosen().map(|(_, span)| words_of(&span, self.now()));
            Some(format!("{title}: {}", words.unwrap_or_else(|| "it has not begun".to_owned())))
        })
    }

    pub(super) fn press(self, event: &web_sys::KeyboardEvent) {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        match event.key().as_str() {
            "ArrowLeft" => self.go(Way::Before),
            "ArrowRight" => self.go(Way::After),
            "ArrowUp" => self.go(Way::Above),
            "ArrowDown" => self.go(Way::Below),
            "Home" => self.go(Way::First),
            "End" => self.go(Way::Last),
            "Enter" => self.look_at_step(),
            " " => self.turn_list(),
            "+" | "=" => self.nearer(),
            "-" => self.farther(),
            "0" => self.fit(),
            _ => return,
        }
        event.prevent_default();
    }

    fn go(self, way: Way) {
        untrack(|| {
            let n_rows = self.rows.with(Vec::len);
            let times = |row: usize| -> Vec<i64> {
                let spans = self.row(Place { row, nth: None }).map(|row| self.spans(&row.key)).unwrap_or_default();
                spans.iter().map(|span| span.since.timestamp_millis()).collect()
            };
            // The first press shows where one is.
            let next = match self.place.get() {
                Some(place) => lead(place, way, n_rows, times),
                None => lead(Place::default(), Way::First, n_rows, times),
            };
            self.choose(next);
        });
    }

    pub(super) fn choose(self, place: Place) {
        self.place.set(Some(place));
        untrack(|| {
            if let (Some(zoom), Some(whole), Some((_, span))) = (self.zoom.get(), self.whole(), self.chosen()) {
                self.zoom.set(Some(zoom.showing(span.since.timestamp_millis(), whole)));
            }
        });
        self.scroll_to(place.row);
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "10,000 rows fit both")]
    fn scroll_to(self, row: usize) {
        let Some(scroller) = self.scroller.get_untracked() else { return };
        let (top, height) = (f64::from(scroller.scroll_top()), f64::from(scroller.client_height()));
        let at = row as f64 * ROW;
        if at < top {
            scroller.set_scroll_top(at as i32);
        } else if at + ROW > top + height {
            scroller.set_scroll_top((at + ROW - height) as i32);
        }
    }

    pub(super) fn look_at_step(self) {
        if let Some(row) = untrack(|| self.place.get().and_then(|place| self.row(place))) {
            self.live.choose(row.key);
        }
    }

    /// Opens the chosen list, or closes it.
    pub(super) fn turn_list(self) {
        let Some(row) = untrack(|| self.place.get().and_then(|place| self.row(place))) else { return };
        if row.list.is_some() {
            self.open.update(|open| {
                if !open.remove(&row.key) {
                    open.insert(row.key);
                }
            });
        }
    }
}

/// "At work, attempt 2, failed: 3.2 s, from 14:02:05".
pub(super) fn words_of(span: &Span, now: DateTime<Utc>) -> String {
    let mut parts = vec![span.phase.words().to_owned()];
    parts.extend(span.attempt.map(|number| format!("attempt {number}")));
    parts.extend(span.outcome.map(|outcome| outcome_words(outcome).to_owned()));
    let goes_on = if span.until.is_none() { " so far" } else { "" };
    let took = clock::duration_words(span.ms(now));
    let since = clock::clock_time(span.since.timestamp_millis());
    format!("{}: {took}{goes_on}, from {since}", parts.join(", "))
}

fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::Lost => "lost with its worker",
        Outcome::Cancelled => "stopped",
        Outcome::Released => "given back",
    }
}
