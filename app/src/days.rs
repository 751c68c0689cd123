//! Days of UTC: as fields have them, 2026-01-31, and as times.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

/// When the day begins.
pub fn begin(text: &str) -> Option<DateTime<Utc>> {
    day(text).map(midnight)
}

/// When the day is over: the last one of two is meant too.
pub fn end(text: &str) -> Option<DateTime<Utc>> {
    day(text)?.checked_add_days(Days::new(1)).map(midnight)
}

/// What is wrong with a first and a last day, where both are there.
pub fn fault(from: &str, to: &str) -> Option<String> {
    let (from, to) = (day(from)?, day(to)?);
    (from > to).then(|| "This is before the first day. Choose the same or a later one.".to_owned())
}

fn day(text: &str) -> Option<NaiveDate> {
    text.trim().parse().ok()
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}
