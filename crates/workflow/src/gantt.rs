//! The times of a run as a chart: which rows it has, which part of them is in sight, and where bars and the marks of the axis stand.
//! Lengths are in pixels of whoever draws it, times in milliseconds since 1970. It must never read a clock, and never draw.

pub mod axis;
pub mod reach;
pub mod rows;

use chrono::{DateTime, Utc};

use crate::spans::{Phase, Span};

/// No bar is narrower, or nobody could see or hit it.
const LEAST: f64 = 3.0;

/// The part of the time that is in sight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    pub from: i64,
    pub to: i64,
}

impl Window {
    /// At least a moment long, since nothing can be divided by none.
    pub fn new(from: i64, to: i64) -> Self {
        Self { from, to: to.max(from.saturating_add(Self::SHORTEST)) }
    }

    /// So far one can go into it.
    const SHORTEST: i64 = 20;

    pub fn ms(self) -> i64 {
        self.to - self.from
    }

    /// Where a time stands, in so many pixels.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a run fit an f64")]
    pub fn x(self, at: i64, width: f64) -> f64 {
        (at - self.from) as f64 / self.ms() as f64 * width
    }

    /// Which time stands there.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "milliseconds fit both")]
    pub fn at(self, x: f64, width: f64) -> i64 {
        self.from + (x / width.max(1.0) * self.ms() as f64) as i64
    }

    /// So many times as much is in sight, around a time that stays where it is; never more than the whole.
    #[must_use]
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "milliseconds fit both")]
    pub fn zoomed(self, factor: f64, around: i64, whole: Self) -> Self {
        let around = around.clamp(self.from, self.to);
        let from = around - ((around - self.from) as f64 * factor) as i64;
        let to = around + ((self.to - around) as f64 * factor) as i64;
        Self::new(from, to).within(whole)
    }

    /// Another part of the same length; it never leaves the whole.
    #[must_use]
    pub fn moved(self, by: i64, whole: Self) -> Self {
        Self { from: self.from.saturating_add(by), to: self.to.saturating_add(by) }.within(whole)
    }

    /// So that a time is in sight.
    #[must_use]
    pub fn showing(self, at: i64, whole: Self) -> Self {
        if at < self.from {
            self.moved(at - self.from, whole)
        } else if at > self.to {
            self.moved(at - self.to, whole)
        } else {
            self
        }
    }

    fn within(self, whole: Self) -> Self {
        let ms = self.ms().min(whole.ms());
        let from = self.from.clamp(whole.from, whole.to - ms);
        Self { from, to: from + ms }
    }
}

/// A stretch of a row.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bar {
    /// The place of its span among those of its step.
    pub nth: usize,
    pub x: f64,
    pub width: f64,
}

/// Those of the spans that are in sight.
pub fn bars(spans: &[Span], window: Window, width: f64, now: DateTime<Utc>) -> Vec<Bar> {
    let in_sight = spans.iter().enumerate().filter_map(|(nth, span)| {
        let (since, until) = times(span, now);
        if until < window.from || since > window.to {
            return None;
        }
        // What reaches far beyond both edges is no longer drawn than what is in sight.
        let left = window.x(since.max(window.from), width);
        let right = window.x(until.min(window.to), width);
        Some(Bar { nth, x: left.min(width - LEAST), width: (right - left).max(LEAST) })
    });
    in_sight.collect()
}

/// How many of these were at work at most in each of so many parts of what is in sight: for thousands of items in one row.
pub fn density<'s>(
    of_items: impl IntoIterator<Item = &'s [Span]>,
    window: Window,
    n_parts: usize,
    now: DateTime<Utc>,
) -> Vec<u32> {
    // By part: how many begin there, and how many are over before the next one.
    let mut begin = vec![0_u32; n_parts + 1];
    let mut end = vec![0_u32; n_parts + 1];
    let part = |at: i64| {
        let ms = i128::from(at - window.from) * i128::try_from(n_parts).unwrap_or(1) / i128::from(window.ms());
        usize::try_from(ms).unwrap_or(0).min(n_parts.saturating_sub(1))
    };
    for span in of_items.into_iter().flatten().filter(|span| span.phase == Phase::Running) {
        let (since, until) = times(span, now);
        if until >= window.from && since <= window.to && n_parts > 0 {
            begin[part(since)] += 1;
            end[part(until) + 1] += 1;
        }
    }
    let mut at_work = 0_u32;
    let parts = begin.iter().zip(&end).take(n_parts).map(|(begin, end)| {
        at_work = (at_work + begin).saturating_sub(*end);
        at_work
    });
    parts.collect()
}

fn times(span: &Span, now: DateTime<Utc>) -> (i64, i64) {
    let since = span.since.timestamp_millis();
    (since, span.until.unwrap_or(now).timestamp_millis().max(since))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
    }

    fn span(since: i64, until: Option<i64>) -> Span {
        let phase = Phase::Running;
        Span { phase, since: at(since), until: until.map(at), generation: 1, attempt: Some(1), outcome: None }
    }

    #[test]
    fn bars_stand_where_their_times_are_and_what_goes_on_reaches_to_now() {
        let window = Window::new(100, 200);
        let spans = [span(0, Some(50)), span(90, Some(110)), span(150, Some(150)), span(160, None), span(201, None)];
        let drawn: Vec<(usize, f64, f64)> =
            bars(&spans, window, 1_000.0, at(180)).iter().map(|bar| (bar.nth, bar.x, bar.width)).collect();
        assert_eq!(drawn, [(1, 0.0, 100.0), (2, 500.0, LEAST), (3, 600.0, 200.0)]);
    }

    #[test]
    fn a_row_of_items_shows_how_many_were_at_work() {
        let items = [vec![span(0, Some(40))], vec![span(10, Some(19)), span(60, None)], vec![span(12, Some(15))]];
        let of = |n_parts| density(items.iter().map(Vec::as_slice), Window::new(0, 100), n_parts, at(70));
        assert_eq!(of(10), [1, 3, 1, 1, 1, 0, 1, 1, 0, 0]);
        assert!(of(0).is_empty());
    }

    #[test]
    fn what_is_in_sight_is_led_to_a_time() {
        let whole = Window::new(0, 1_000);
        let window = Window::new(200, 300);
        assert_eq!(window.showing(250, whole), window);
        assert_eq!(window.showing(150, whole), Window::new(150, 250));
        assert_eq!(window.showing(990, whole), Window::new(890, 990));
    }

    proptest! {
        #[test]
        fn whatever_is_zoomed_and_moved_stays_within_the_whole(
            from in 0_i64..1_000_000, ms in 20_i64..1_000_000,
            acts in prop::collection::vec((0.1_f64..4.0, -2_000_000_i64..2_000_000), 0..20),
        ) {
            let whole = Window::new(from, from + ms);
            let mut window = whole;
            for (factor, by) in acts {
                window = window.zoomed(factor, window.from + window.ms() / 3, whole);
                prop_assert!(window.from >= whole.from && window.to <= whole.to && window.ms() >= Window::SHORTEST);
                let before = window.ms();
                window = window.moved(by, whole);
                prop_assert!(window.from >= whole.from && window.to <= whole.to);
                prop_assert_eq!(window.ms(), before);
            }
        }
    }
}
