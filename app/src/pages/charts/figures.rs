//! The four charts of the totals of days: what each shows, says and has in its table. Must work nothing out but sums and shares.

use workflow::{
    api::{DayTotals, Percentiles, RunTotals},
    words::{count, duration, thousands},
};

use super::{
    plot::{Kind, Series},
    shown::{Chart, long},
};
use crate::words::{money, number};

#[expect(clippy::cast_precision_loss, reason = "a plot is a thousand points wide")]
fn float(n: i64) -> f64 {
    n as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a tick of a scale, which was a whole number")]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

fn sum(totals: &RunTotals, of: fn(&DayTotals) -> i64) -> i64 {
    totals.days.iter().map(of).sum()
}

fn series(totals: &RunTotals, name: &'static str, look: &'static str, of: fn(&DayTotals) -> Option<i64>) -> Series {
    Series { name, look, values: totals.days.iter().map(|day| of(day).map(float)).collect() }
}

fn rows(totals: &RunTotals, cells: fn(&DayTotals) -> Vec<String>) -> Vec<Vec<String>> {
    totals.days.iter().map(cells).collect()
}

/// That there is nothing before some day, where the charts begin earlier.
pub(super) fn cut(totals: &RunTotals) -> Option<String> {
    let first = totals.first.filter(|first| *first > totals.from)?;
    Some(format!(
        "Nothing is known of days before {}: runs of earlier days were deleted, or there were none.",
        long(first)
    ))
}

pub(super) fn runs(totals: &RunTotals) -> Chart {
    let n = sum(totals, |day| day.n_runs);
    let most = totals.days.iter().max_by_key(|day| day.n_runs).filter(|day| day.n_runs > 0);
    let most = most.map(|day| format!(", most of them on {}: {}", long(day.day), thousands(day.n_runs)));
    Chart {
        id: "chart-runs",
        title: "Runs a day",
        said: format!("{} in {}{}.", count(n, "run"), count(totals.days.len(), "day"), most.unwrap_or_default()),
        kind: Kind::Bars,
        series: vec![
            series(totals, "Completed", "done", |day| Some(day.n_completed)),
            series(totals, "Failed", "failed", |day| Some(day.n_failed)),
            series(totals, "Cancelled", "off", |day| Some(day.n_cancelled)),
            series(totals, "Not over", "open", |day| Some(day.n_open())),
        ],
        top: None,
        tick: |value| thousands(whole(value)),
        heads: vec!["Started", "Completed", "Failed", "Cancelled", "Not over"],
        rows: rows(totals, |day| {
            [day.n_runs, day.n_completed, day.n_failed, day.n_cancelled, day.n_open()].map(number).to_vec()
        }),
    }
}

/// In percent, of those that completed or failed.
fn share(day: &DayTotals) -> Option<i64> {
    percent(day.n_completed, day.n_failed)
}

/// Rounded down, so that 100 % says that none failed.
fn percent(n_completed: i64, n_failed: i64) -> Option<i64> {
    let ended = n_completed + n_failed;
    (ended > 0).then(|| n_completed * 100 / ended)
}

pub(super) fn success(totals: &RunTotals) -> Chart {
    let (completed, failed) = (sum(totals, |day| day.n_completed), sum(totals, |day| day.n_failed));
    let said = match percent(completed, failed) {
        Some(percent) => {
            format!("{percent} % completed of {} that completed or failed.", count(completed + failed, "run"))
        }
        None => "No run has completed or failed yet.".to_owned(),
    };
    Chart {
        id: "chart-success",
        title: "Success",
        said,
        kind: Kind::Lines,
        series: vec![series(totals, "Completed", "done", share)],
        top: Some(100.0),
        tick: |value| format!("{} %", whole(value)),
        heads: vec!["Completed", "Of"],
        rows: rows(totals, |day| {
            vec![
                share(day).map(|share| format!("{share} %")).unwrap_or_default(),
                number(day.n_completed + day.n_failed),
            ]
        }),
    }
}

pub(super) fn times(totals: &RunTotals) -> Chart {
    let took = totals.took.map_or_else(
        || "No run has completed yet.".to_owned(),
        |took| {
            format!(
                "Half took at most {}, 95 of 100 at most {}, without waiting for people.",
                duration(took.p50_ms),
                duration(took.p95_ms)
            )
        },
    );
    let waited = totals.waited.map(|waited| {
        let n = count(waited.n, "run");
        format!(" Of {n} that waited for people, half waited at most {}.", duration(waited.p50_ms))
    });
    let half = |of: Option<Percentiles>| of.map(|of| of.p50_ms);
    let cell = |ms: Option<i64>| ms.map(duration).unwrap_or_default();
    Chart {
        id: "chart-times",
        title: "How long runs took",
        said: format!("{took}{} Times are exact to 5 %.", waited.unwrap_or_default()),
        kind: Kind::Lines,
        series: vec![
            Series {
                values: totals.days.iter().map(|day| half(day.took).map(float)).collect(),
                name: "Half at most",
                look: "main",
            },
            series(totals, "95 of 100 at most", "second", |day| day.took.map(|took| took.p95_ms)),
            series(totals, "Waited for people, half at most", "wait", |day| day.waited.map(|waited| waited.p50_ms)),
        ],
        top: None,
        tick: |value| duration(whole(value)),
        heads: vec![
            "Half at most",
            "95 of 100 at most",
            "Waited for people, half at most",
            "Waited, 95 of 100 at most",
        ],
        rows: totals
            .days
            .iter()
            .map(|day| {
                let (took, waited) = (day.took, day.waited);
                let high = |of: Option<Percentiles>| of.map(|of| of.p95_ms);
                [half(took), high(took), half(waited), high(waited)].map(cell).to_vec()
            })
            .collect(),
    }
}

pub(super) fn usage(totals: &RunTotals) -> Chart {
    let (tokens, cost) = (sum(totals, |day| day.tokens), sum(totals, |day| day.cost_micros));
    let paid = if cost > 0 {
        format!(", which cost {} in the currency of the provider's prices", money(cost))
    } else {
        String::new()
    };
    Chart {
        id: "chart-usage",
        title: "Tokens and cost",
        said: format!("{}{paid}.", count(tokens, "token")),
        kind: Kind::Bars,
        series: vec![series(totals, "Tokens", "main", |day| Some(day.tokens))],
        top: None,
        tick: |value| thousands(whole(value)),
        heads: vec!["Tokens", "Cost"],
        rows: rows(totals, |day| vec![number(day.tokens), money(day.cost_micros)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals() -> RunTotals {
        let day = |text: &str| text.parse().unwrap();
        let first = DayTotals {
            n_runs: 1_203,
            n_completed: 1_199,
            n_failed: 1,
            n_cancelled: 2,
            took: Some(Percentiles { n: 1_199, p50_ms: 2_400, p95_ms: 125_000 }),
            tokens: 12_400,
            cost_micros: 1_500_000,
            ..DayTotals::empty(day("2026-11-12"))
        };
        RunTotals {
            from: first.day,
            to: day("2026-11-13"),
            first: Some(first.day),
            took: first.took,
            days: vec![first, DayTotals::empty(day("2026-11-13"))],
            waited: None,
            workflows: vec![],
            agents: vec![],
            models: vec![],
            people: vec![],
            choices: vec![],
        }
    }

    #[test]
    fn each_chart_says_in_words_what_it_shows() {
        let totals = totals();
        assert_eq!(runs(&totals).said, "1,203 runs in 2 days, most of them on 12 Nov 2026: 1,203.");
        assert_eq!(success(&totals).said, "99 % completed of 1,200 runs that completed or failed.");
        assert!(times(&totals).said.starts_with("Half took at most 2.4 s, 95 of 100 at most 2 min 5 s, without"));
        assert_eq!(usage(&totals).said, "12,400 tokens, which cost 1.50 in the currency of the provider's prices.");
        for chart in [runs(&totals), success(&totals), times(&totals), usage(&totals)] {
            assert!(chart.rows.iter().all(|row| row.len() == chart.heads.len()), "{}", chart.title);
            assert!(chart.series.iter().all(|series| series.values.len() == totals.days.len()), "{}", chart.title);
        }
        assert_eq!(success(&totals).series[0].values, [Some(99.0), None], "a day without an end is a gap");
    }

    #[test]
    fn it_is_said_where_nothing_is_known() {
        let whole = totals();
        assert_eq!(cut(&whole), None);
        let late = RunTotals { first: Some(whole.to), ..whole };
        assert!(cut(&late).is_some_and(|words| words.contains("before 13 Nov 2026")));
    }
}
