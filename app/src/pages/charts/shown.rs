//! One chart: its sentence, its key, the plot with its scale and days, and the table that says the same. The plot itself is for the eye alone.

use chrono::{Datelike, NaiveDate};
use leptos::prelude::*;

use super::plot::{Kind, Series, svg, top};
use crate::components::TableShell;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// All that a chart shows.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// The same in a sentence.
    pub(super) said: String,
    pub(super) kind: Kind,
    pub(super) series: Vec<Series>,
    /// Of the scale, where it does not follow from what is shown.
    pub(super) top: Option<f64>,
    pub(super) tick: fn(f64) -> String,
    /// Beside that of the days.
    pub(super) heads: Vec<&'static str>,
    /// For each day a cell under each head.
    pub(super) rows: Vec<Vec<String>>,
}

/// "12 Nov".
pub(super) fn short(day: NaiveDate) -> String {
    let month = usize::try_from(day.month0()).unwrap_or_default();
    format!("{} {}", day.day(), MONTHS.get(month).copied().unwrap_or_default())
}

/// "12 Nov 2026".
pub(super) fn long(day: NaiveDate) -> String {
    format!("{} {}", short(day), day.year())
}

#[component]
pub(super) fn Figure(chart: Chart, days: Vec<NaiveDate>) -> impl IntoView {
    let Chart { id, title, said, kind, series, top: fixed, tick, heads, rows } = chart;
    let top = fixed.unwrap_or_else(|| top(kind, &series));
    let drawn = svg(kind, &series, top);
    let key = (series.len() > 1).then(|| {
        let names = series.iter().map(|series| view! { <li data-look=series.look>{series.name}</li> }).collect_view();
        view! { <ul class="chart-key">{names}</ul> }
    });
    let tips = days
        .iter()
        .zip(&rows)
        .map(|(day, cells)| {
            let told: Vec<String> = heads.iter().zip(cells).map(|(head, cell)| format!("{head}: {cell}")).collect();
            view! { <span data-tip=format!("{}. {}", long(*day), told.join(", "))></span> }
        })
        .collect_view();
    let ends = [days.first(), days.get(days.len() / 2), days.last()]
        .into_iter()
        .flatten()
        .map(|day| view! { <span>{short(*day)}</span> })
        .collect_view();
    let columns = heads.iter().map(|head| view! { <th scope="col" class="num">{*head}</th> }).collect_view();
    let body = days
        .into_iter()
        .zip(rows)
        .rev()
        .map(|(day, cells)| {
            let cells = cells.into_iter().map(|cell| view! { <td class="num">{cell}</td> }).collect_view();
            view! { <tr><th scope="row">{long(day)}</th>{cells}</tr> }
        })
        .collect_view();
    view! {
        <section class="chart" aria-labelledby=id>
            <h2 id=id>{title}</h2>
            <p class="small">{said}</p>
            {key}
            <div class="chart-plot" aria-hidden="true">
                <div class="chart-scale num">
                    <span>{tick(top)}</span>
                    <span>{tick(top / 2.0)}</span>
                    <span>{tick(0.0)}</span>
                </div>
                <div class="chart-drawn">
                    <div inner_html=drawn></div>
                    <div class="chart-tips">{tips}</div>
                </div>
                <div class="chart-days">{ends}</div>
            </div>
            <details class="chart-table">
                <summary>{format!("Table: {title}")}</summary>
                <TableShell label=format!("Table: {title}") plain=true>
                    <thead>
                        <tr><th scope="col">"Day (UTC)"</th>{columns}</tr>
                    </thead>
                    <tbody>{body}</tbody>
                </TableShell>
            </details>
        </section>
    }
}
