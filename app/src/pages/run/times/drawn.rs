//! The chart as it is drawn: the axis, and of thousands of rows those that are in sight. It is hidden from those who cannot see it: what
//! is chosen is told beside it, and all of it stands in a table.

use chrono::{DateTime, Utc};
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use workflow::{
    gantt::{
        Bar, Window,
        axis::ticks,
        bars, density,
        reach::Place,
        rows::{Row, in_sight},
    },
    spans::Span,
    status::Outcome,
    words::shortened,
};

use super::chart::{Chart, Frame, ROW};
use crate::{clock, reactive::effect, words};

/// What the names of the steps take, and what a mark of the axis takes.
const NAMES: f64 = 168.0;
const MARK: f64 = 96.0;
const NAME_CHARS: usize = 22;
/// A list's row shows how many of its items were at work in so many parts.
const PARTS: usize = 160;
/// Where bars stand in a row.
const BAR_TOP: f64 = 6.0;
const BAR_HEIGHT: f64 = 16.0;

#[component]
pub(super) fn Drawn(chart: Chart) -> impl IntoView {
    let measure = move || {
        let Some(scroller) = chart.scroller.get_untracked() else { return };
        let frame = Frame {
            width: f64::from(scroller.client_width()),
            height: f64::from(scroller.client_height()),
            top: f64::from(scroller.scroll_top()),
        };
        if chart.frame.get_untracked() != frame {
            chart.frame.set(frame);
        }
    };
    effect(move || {
        // Also once there are rows: a bar to scroll by takes of the width.
        if chart.scroller.get().is_some() {
            chart.rows.track();
            measure();
        }
    });
    let resized = window_event_listener(ev::resize, move |_| measure());
    on_cleanup(move || resized.remove());
    view! {
        <svg class="times-axis" aria-hidden="true" height="22">{move || axis(chart)}</svg>
        <div
            class="times-rows"
            node_ref=chart.scroller
            tabindex="0"
            // Around the chart alone: a screen reader that reads by arrow keys would keep them from it otherwise.
            role="application"
            aria-roledescription="chart"
            aria-label="Chart of the times: arrow keys go from bar to bar, Space opens a list, Enter leads to the step"
            on:scroll=move |_| measure()
            on:keydown=move |event| chart.press(&event)
            on:click=move |event| hit(chart, &event)
            on:dblclick=move |_| chart.look_at_step()
        >
            <svg class="times-chart" aria-hidden="true" height=move || pixels(whole_height(chart))>
                {move || rows_in_sight(chart)}
            </svg>
        </div>
    }
}

#[expect(clippy::cast_precision_loss, reason = "10,000 rows fit an f64")]
fn whole_height(chart: Chart) -> f64 {
    chart.rows.with(Vec::len) as f64 * ROW
}

/// What is pressed says where it is.
fn hit(chart: Chart, event: &web_sys::Event) {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) else { return };
    let number = |name: &str| target.get_attribute(name).and_then(|text| text.parse::<usize>().ok());
    let Some(row) = number("data-row") else { return };
    let nth = number("data-nth");
    chart.choose(Place { row, nth });
    if nth.is_none() {
        // The name of a list opens it.
        chart.turn_list();
    }
}

fn pixels(n: f64) -> String {
    format!("{n:.1}")
}

/// As much as bars have.
fn width_of(frame: Frame) -> f64 {
    (frame.width - NAMES).max(1.0)
}

#[expect(clippy::cast_possible_truncation, reason = "a screen is not so wide")]
fn axis(chart: Chart) -> Option<AnyView> {
    let window = chart.window()?;
    let width = width_of(chart.frame.get());
    let (step, marks) = ticks(window, (width / MARK) as i64, clock::ahead_of_utc(window.from));
    let marks = marks.into_iter().map(|at| {
        let x = NAMES + window.x(at, width);
        view! {
            <line class="times-mark" x1=pixels(x) x2=pixels(x) y1="16" y2="22"></line>
            <text class="times-time" x=pixels(x + 3.0) y="13">{clock::mark_time(at, step)}</text>
        }
    });
    Some(marks.collect_view().into_any())
}

/// Redrawn as a whole: no more than what is in sight, and a little beside it.
fn rows_in_sight(chart: Chart) -> Option<AnyView> {
    let window = chart.window()?;
    let (frame, now, chosen) = (chart.frame.get(), chart.now(), chart.place.get());
    let width = width_of(frame);
    let then = chart.history.past.moment().map(|(_, at)| NAMES + window.x(at.timestamp_millis(), width));
    let drawn = chart.rows.with(|rows| {
        let range = in_sight(rows.len(), ROW, frame.top, frame.height);
        let first = range.start;
        let in_range = rows.get(range).unwrap_or_default().iter().enumerate();
        in_range
            .map(|(n, row)| {
                let nth = chosen.filter(|place| place.row == first + n);
                draw_row(chart, row, &Sight { window, width, now, row: first + n, chosen: nth })
            })
            .collect_view()
    });
    let bottom = pixels(whole_height(chart));
    Some(
        view! {
            {drawn}
            {then.filter(|x| *x >= NAMES).map(|x| view! {
                <line class="times-then" x1=pixels(x) x2=pixels(x) y1="0" y2=bottom></line>
            })}
        }
        .into_any(),
    )
}

/// Where a row is drawn, and of what.
struct Sight {
    window: Window,
    width: f64,
    now: DateTime<Utc>,
    row: usize,
    chosen: Option<Place>,
}

#[expect(clippy::cast_precision_loss, reason = "10,000 rows fit an f64")]
fn draw_row(chart: Chart, row: &Row, sight: &Sight) -> AnyView {
    let top = sight.row as f64 * ROW;
    let spans = chart.spans(&row.key);
    let is_on_path = chart.path.with(|path| path.contains(&row.key));
    let name = name_of(chart, row);
    let indent = if row.is_item { 22.0 } else { 8.0 };
    let band = row.list.map(|_| band_of(chart, row, sight, top));
    let drawn = bars(&spans, sight.window, sight.width, sight.now);
    let drawn = drawn.into_iter().filter_map(|bar| Some(draw_bar(bar, spans.get(bar.nth)?, row, sight, top)));
    view! {
        <rect
            class="times-row"
            data-row=sight.row.to_string()
            data-chosen=sight.chosen.is_some()
            x="0"
            y=pixels(top)
            width="100%"
            height=pixels(ROW)
        ></rect>
        {is_on_path.then(|| view! {
            <rect class="times-path" x="0" y=pixels(top + 3.0) width="3" height=pixels(ROW - 6.0)></rect>
        })}
        <text class="times-name" data-row=sight.row.to_string() x=pixels(indent) y=pixels(top + 18.0)>{name}</text>
        {band}
        {drawn.collect_view()}
    }
    .into_any()
}

fn name_of(chart: Chart, row: &Row) -> String {
    let title = chart.title(&row.key);
    match row.list {
        None => shortened(&title, NAME_CHARS).into_owned(),
        Some(list) => {
            let sign = if list.is_open { '▾' } else { '▸' };
            format!("{sign} {} ({})", shortened(&title, NAME_CHARS - 8), words::number(list.n_items))
        }
    }
}

fn draw_bar(bar: Bar, span: &Span, row: &Row, sight: &Sight, top: f64) -> AnyView {
    // A list's own bars stand under the band of its items.
    let (dy, height) = if row.list.is_some() { (BAR_TOP + BAR_HEIGHT, 3.0) } else { (BAR_TOP, BAR_HEIGHT) };
    let is_chosen = sight.chosen.is_some_and(|place| place.nth == Some(bar.nth));
    view! {
        <rect
            class="times-bar"
            data-phase=span.phase.as_str()
            data-outcome=span.outcome.map(Outcome::as_str)
            data-chosen=is_chosen
            data-row=sight.row.to_string()
            data-nth=bar.nth.to_string()
            x=pixels(NAMES + bar.x)
            y=pixels(top + dy)
            width=pixels(bar.width)
            height=pixels(height)
            rx="2"
        ></rect>
    }
    .into_any()
}

/// How many items were at work, as a band that is the higher the more there were.
#[expect(clippy::cast_precision_loss, reason = "parts of a screen")]
fn band_of(chart: Chart, row: &Row, sight: &Sight, top: f64) -> AnyView {
    let parts = chart.history.with_untracked(|replay| {
        chart.live.run.with_untracked(|run| {
            let items = run.items(&row.key).iter().map(|item| replay.spans().told(&item.key));
            density(items, sight.window, PARTS, sight.now)
        })
    });
    let most = f64::from(parts.iter().copied().max().unwrap_or(0).max(1));
    let bottom = top + BAR_TOP + BAR_HEIGHT;
    let part = sight.width / PARTS as f64;
    let mut path = format!("M{} {}", pixels(NAMES), pixels(bottom));
    for (n, at_work) in parts.into_iter().enumerate() {
        let (left, right) = (NAMES + n as f64 * part, NAMES + (n + 1) as f64 * part);
        // Few of many are still seen.
        let share = if at_work == 0 { 0.0 } else { (f64::from(at_work) / most).max(0.15) };
        let y = pixels(bottom - share * BAR_HEIGHT);
        path.extend([format!("L{} {y}", pixels(left)), format!("L{} {y}", pixels(right))]);
    }
    path.extend([format!("L{} {}Z", pixels(NAMES + sight.width), pixels(bottom))]);
    view! { <path class="times-band" data-row=sight.row.to_string() d=path></path> }.into_any()
}
