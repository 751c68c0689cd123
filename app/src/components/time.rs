//! `RelativeTime` and Elapsed. The server prints UTC, an effect localises after hydration: no clock and no locale in a first render.
//! The exact time is always there: in `datetime` and on hover.

use std::time::Duration;

use crate::link::use_link;
use crate::reactive::effect;
use chrono::{DateTime, SecondsFormat, Utc};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

/// "5 min ago", with the exact local time on hover.
#[component]
pub fn RelativeTime(#[prop(into)] at: Signal<DateTime<Utc>>) -> impl IntoView {
    let now = ticking(Duration::from_secs(20));
    let text = move || match now.get() {
        Some(now) => relative(at.get().timestamp_millis(), now)
            .unwrap_or_else(|| local(at.get().timestamp_millis(), Precision::Day)),
        None => absolute(at.get()),
    };
    let exact = move || match now.get() {
        Some(_) => local(at.get().timestamp_millis(), Precision::Second),
        None => absolute(at.get()),
    };
    view! {
        <time class="tip" datetime=move || at.get().to_rfc3339_opts(SecondsFormat::Millis, true) data-tip=exact>
            {text}
        </time>
    }
}

/// How long something took, or has been going on: it counts while `until` is `None`, up to when the server was last heard.
#[component]
pub fn Elapsed(
    #[prop(into)] since: Signal<DateTime<Utc>>,
    #[prop(into)] until: Signal<Option<DateTime<Utc>>>,
) -> impl IntoView {
    let now = ticking(Duration::from_secs(1));
    let lost_since = use_link().map(|link| Signal::derive(move || link.lost_since()));
    let text = move || {
        let known_until = || lost_since.and_then(|since| since.get());
        let end = until.get().map(|end| end.timestamp_millis()).or_else(|| known_until().or_else(|| now.get()));
        end.map_or_else(String::new, |end| duration_words(end - since.get().timestamp_millis()))
    };
    view! { <span class="num">{text}</span> }
}

/// The browser's clock in milliseconds; `None` until hydrated, then renewed at the given pace.
fn ticking(pace: Duration) -> RwSignal<Option<i64>> {
    let now = RwSignal::new(None);
    effect(move || {
        now.set(Some(browser_now()));
        if let Ok(timer) = set_interval_with_handle(
            move || {
                now.try_set(Some(browser_now()));
            },
            pace,
        ) {
            on_cleanup(move || timer.clear());
        }
    });
    now
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit an i64")]
pub(crate) fn browser_now() -> i64 {
    js_sys::Date::now() as i64
}

fn absolute(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y, %H:%M UTC").to_string()
}

/// "14:02:31" in the browser's own manner.
pub(crate) fn clock_time(at_ms: i64) -> String {
    local(at_ms, Precision::Clock)
}

#[derive(Clone, Copy)]
enum Precision {
    Day,
    Second,
    /// The time of day alone.
    Clock,
}

/// In the browser's own time zone and manner.
#[expect(clippy::cast_precision_loss, reason = "JavaScript's dates are f64")]
fn local(at_ms: i64, precision: Precision) -> String {
    let date = js_sys::Date::new(&JsValue::from_f64(at_ms as f64));
    let language = window().navigator().language().unwrap_or_else(|| "en".to_owned());
    let options = js_sys::Object::new();
    let set = |key: &str, value: &str| drop(js_sys::Reflect::set(&options, &key.into(), &value.into()));
    if !matches!(precision, Precision::Clock) {
        set("dateStyle", "medium");
    }
    if !matches!(precision, Precision::Day) {
        set("timeStyle", "medium");
    }
    date.to_locale_string(&language, &options).into()
}

/// Within a week; `None` where the date says more.
fn relative(at_ms: i64, now_ms: i64) -> Option<String> {
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

/// "840 ms", "2.4 s", "3 min 5 s", "2 h 14 min".
pub fn duration_words(ms: i64) -> String {
    let ms = ms.max(0);
    let seconds = ms / 1000;
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{}.{} s", seconds, ms % 1000 / 100),
        10_000..60_000 => format!("{seconds} s"),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::{duration_words, relative};

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
    fn durations_keep_two_units_at_most() {
        assert_eq!(duration_words(840), "840 ms");
        assert_eq!(duration_words(2_449), "2.4 s");
        assert_eq!(duration_words(59_999), "59 s");
        assert_eq!(duration_words(185_000), "3 min 5 s");
        assert_eq!(duration_words(8_040_000), "2 h 14 min");
        assert_eq!(duration_words(-5), "0 ms");
    }
}
