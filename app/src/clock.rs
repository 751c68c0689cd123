//! The clock of the browser, and the one form in which times and durations are written.
//! Only an effect or a handler may ask it: the server has another clock and no time zone, and both sides draw the same first page.

use chrono::{DateTime, Utc};
use wasm_bindgen::JsValue;

/// "840 ms", "3 min 5 s": as the canvas writes it.
pub use workflow::words::duration as duration_words;

/// Milliseconds since 1970.
#[expect(clippy::cast_possible_truncation, reason = "they fit an i64")]
pub fn now() -> i64 {
    js_sys::Date::now() as i64
}

/// "28 Nov 2026, 14:02 UTC", the same on both sides.
pub fn absolute(at: DateTime<Utc>) -> String {
    format!("{} UTC", written(at, Precision::Minute))
}

/// "14:02:31" by the browser's clock.
pub fn clock_time(at_ms: i64) -> String {
    local(at_ms, Precision::Clock)
}

/// "14:02" by the browser's clock, with the date where it is not of today: for what begins at a point in time.
pub fn since_words(at: DateTime<Utc>) -> String {
    let at_ms = at.timestamp_millis();
    local(at_ms, if is_near(at_ms, now()) { Precision::ClockMinute } else { Precision::Minute })
}

/// "28 Nov 2026, 14:02" by the browser's clock: for what a browser alone draws.
pub fn local_minute(at: DateTime<Utc>) -> String {
    local(at.timestamp_millis(), Precision::Minute)
}

/// How far the clock on the wall is ahead of UTC then, in milliseconds.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "JavaScript's dates are f64, offsets are minutes"
)]
pub fn ahead_of_utc(at_ms: i64) -> i64 {
    -(js_sys::Date::new(&JsValue::from_f64(at_ms as f64)).get_timezone_offset() as i64) * 60_000
}

/// A mark of an axis whose marks are so far from each other, by the browser's clock: as exact as that needs.
pub fn mark_time(at_ms: i64, step_ms: i64) -> String {
    match step_ms {
        0..1_000 => format!("{}.{:03}", local(at_ms, Precision::Clock), at_ms.rem_euclid(1_000)),
        1_000..60_000 => local(at_ms, Precision::Clock),
        60_000..86_400_000 => local(at_ms, Precision::ClockMinute),
        _ => local(at_ms, Precision::Day),
    }
}

#[derive(Clone, Copy)]
pub enum Precision {
    Day,
    Minute,
    Second,
    /// The time of day alone.
    Clock,
    /// The same without seconds.
    ClockMinute,
}

/// In the browser's time zone.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "JavaScript's dates are f64, offsets are minutes"
)]
pub fn local(at_ms: i64, precision: Precision) -> String {
    let behind_utc = js_sys::Date::new(&JsValue::from_f64(at_ms as f64)).get_timezone_offset() as i64;
    let shown = DateTime::from_timestamp_millis(at_ms - behind_utc * 60_000).unwrap_or_default();
    written(shown, precision)
}

/// One form of dates everywhere, whatever the language of the browser: "28 Nov 2026, 14:02".
fn written(at: DateTime<Utc>, precision: Precision) -> String {
    let form = match precision {
        Precision::Day => "%-d %b %Y",
        Precision::Minute => "%-d %b %Y, %H:%M",
        Precision::Second => "%-d %b %Y, %H:%M:%S",
        Precision::Clock => "%H:%M:%S",
        Precision::ClockMinute => "%H:%M",
    };
    at.format(form).to_string()
}

/// "14:02 UTC", the same on both sides.
pub fn absolute_clock(at: DateTime<Utc>, precision: Precision) -> String {
    format!("{} UTC", written(at, precision))
}

/// Whether it is so near that the time of day says enough.
fn is_near(at_ms: i64, now_ms: i64) -> bool {
    (now_ms - at_ms).abs() < 20 * 3_600_000
}

/// Within a week; `None` where the date says more.
pub fn relative(at_ms: i64, now_ms: i64) -> Option<String> {
    let seconds = (now_ms - at_ms) / 1000;
    let (count, unit) = match seconds.abs() {
        0..45 => return Some("just now".to_owned()),
        s @ 45..5_400 => ((s + 30) / 60, "min"),
        s @ 5_400..79_200 => ((s + 1_800) / 3_600, "h"),
        s @ 79_200..604_800 => ((s + 43_200) / 86_400, "d"),
        _ => return None,
    };
    Some(if seconds < 0 { format!("in {count} {unit}") } else { format!("{count} {unit} ago") })
}

/// The same of what has happened: to a clock that is behind that of the server it would be still to come.
pub fn ago(at_ms: i64, now_ms: i64) -> Option<String> {
    relative(at_ms, now_ms.max(at_ms))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::{Precision, absolute, absolute_clock, ago, relative, written};

    #[test]
    fn dates_have_one_form() {
        let at: DateTime<Utc> = "2026-02-06T15:04:05Z".parse().unwrap();
        let all = [Precision::Day, Precision::Minute, Precision::Second, Precision::Clock, Precision::ClockMinute]
            .map(|precision| written(at, precision));
        assert_eq!(all, ["6 Feb 2026", "6 Feb 2026, 15:04", "6 Feb 2026, 15:04:05", "15:04:05", "15:04"]);
        assert_eq!(absolute(at), "6 Feb 2026, 15:04 UTC");
        assert_eq!(absolute_clock(at, Precision::ClockMinute), "15:04 UTC");
    }

    #[test]
    fn times_within_a_week_are_relative() {
        let check = |seconds_ago: i64, expect: Option<&str>| {
            assert_eq!(relative(1_000_000_000_000 - seconds_ago * 1000, 1_000_000_000_000).as_deref(), expect);
        };
        check(3, Some("just now"));
        check(-3, Some("just now"));
        check(60, Some("1 min ago"));
        check(59 * 60, Some("59 min ago"));
        check(2 * 3600, Some("2 h ago"));
        check(-2 * 3600, Some("in 2 h"));
        check(26 * 3600, Some("1 d ago"));
        check(8 * 86_400, None);
    }

    #[test]
    fn what_has_happened_is_not_to_come_whatever_the_clock_of_the_browser() {
        let now = 1_000_000_000_000;
        let of_hours = |n: i64| ago(now + n * 3_600_000, now);
        assert_eq!(of_hours(3).as_deref(), Some("just now"));
        assert_eq!(of_hours(24 * 30).as_deref(), Some("just now"));
        assert_eq!(of_hours(-3), relative(now - 3 * 3_600_000, now));
    }
}
