//! `RelativeTime`, `ClockTime` and Elapsed. The server prints UTC, an effect localises after hydration: no clock and no locale in a first render.
//! The exact time is always there: in `datetime` and on hover.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use leptos::prelude::*;

use crate::{
    clock::{self, Precision, absolute, absolute_clock, ago, duration_words, local, relative, since_words},
    link::{Link, use_link},
    reactive::effect,
};

/// "5 min ago", with the exact local time on hover.
#[component]
pub fn RelativeTime(
    #[prop(into)] at: Signal<DateTime<Utc>>,
    /// The clock of a list of many, which needs one for all; see `ticking`.
    #[prop(optional)]
    now: Option<RwSignal<Option<i64>>>,
    /// It may be still to come, as a time limit may.
    #[prop(optional)]
    ahead: bool,
) -> impl IntoView {
    let words = if ahead { relative } else { ago };
    let now = now.unwrap_or_else(|| ticking(Duration::from_secs(20), None));
    let text = move || match now.get() {
        Some(now) => words(at.get().timestamp_millis(), now)
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

/// "14:02", with the date where it is not of today, and the exact local time on hover: for what begins at a point in time.
#[component]
pub fn ClockTime(#[prop(into)] at: Signal<DateTime<Utc>>) -> impl IntoView {
    let now = ticking(Duration::from_mins(10), None);
    let text = move || match now.get() {
        Some(_) => since_words(at.get()),
        None => absolute_clock(at.get(), Precision::ClockMinute),
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

/// How long something took, or has been going on: it counts while `until` is `None` and the server is heard. It never goes back.
#[component]
pub fn Elapsed(
    #[prop(into)] since: Signal<DateTime<Utc>>,
    #[prop(into)] until: Signal<Option<DateTime<Utc>>>,
) -> impl IntoView {
    let now = ticking(Duration::from_secs(1), use_link());
    let text = move || {
        let end = until.get().map(|end| end.timestamp_millis()).or_else(|| now.get());
        end.map_or_else(String::new, |end| duration_words(end - since.get().timestamp_millis()))
    };
    view! { <span class="num">{text}</span> }
}

/// The browser's clock in milliseconds; `None` until hydrated, then renewed at the given pace, and standing while that link is lost.
pub fn ticking(pace: Duration, link: Option<Link>) -> RwSignal<Option<i64>> {
    let now = RwSignal::new(None);
    let lost_since = move || link.and_then(Link::lost_since_untracked);
    effect(move || {
        now.set(Some(lost_since().unwrap_or_else(clock::now)));
        if let Ok(timer) = set_interval_with_handle(
            move || {
                if lost_since().is_none() {
                    now.try_set(Some(clock::now()));
                }
            },
            pace,
        ) {
            on_cleanup(move || timer.clear());
        }
    });
    now
}
