//! The same as the chart in words, for those who cannot see it and for who wants figures: a row for each of its rows, in portions.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use workflow::{
    StepKey,
    spans::{Phase, Span},
};

use super::chart::{Chart, words_of};
use crate::{
    clock,
    components::{Icon, MoreRows, TableShell, status_label},
};

/// Listed at once.
const PORTION: usize = 100;

#[component]
pub(super) fn Table(chart: Chart) -> impl IntoView {
    let is_open = RwSignal::new(false);
    view! {
        <details
            class="fold times-table"
            on:toggle=move |event| is_open.set(event_target::<web_sys::HtmlDetailsElement>(&event).open())
        >
            <summary><Icon name="chevron-right"/> "As a table"</summary>
            <Show when=move || is_open.get()>
                <Rows chart/>
            </Show>
        </details>
    }
}

#[component]
fn Rows(chart: Chart) -> impl IntoView {
    let most = RwSignal::new(PORTION);
    let rows = move || {
        let now = chart.now();
        chart.rows.with(|rows| {
            rows.iter()
                .take(most.get())
                .map(|row| one(chart, row.key.clone(), status_label(row.status.as_str()), now))
                .collect_view()
        })
    };
    let has_more = Signal::derive(move || chart.rows.with(Vec::len) > most.get());
    view! {
        <TableShell
            label="Times of the steps"
            plain=true
            foot=move || view! { <MoreRows has_more on_more=move |()| most.update(|most| *most += PORTION)/> }
        >
            <thead>
                <tr>
                    <th scope="col">"Step"</th>
                    <th scope="col">"Status"</th>
                    {Phase::ALL.into_iter().map(|phase| view! { <th scope="col">{phase.words()}</th> }).collect_view()}
                    <th scope="col">"Last"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </TableShell>
    }
}

fn one(chart: Chart, key: StepKey, status: &str, now: DateTime<Utc>) -> AnyView {
    let spans = chart.spans(&key);
    let is_on_path = chart.path.with(|path| path.contains(&key));
    let title = chart.title(&key);
    let times = Phase::ALL.into_iter().map(|phase| view! { <td class="num">{took(&spans, phase, now)}</td> });
    let times = times.collect_view();
    view! {
        <tr>
            <th scope="row">
                <button class="times-step" type="button" on:click=move |_| chart.live.choose(key.clone())>{title}</button>
                {is_on_path.then(|| view! { <span class="path-word">"On the slowest path"</span> })}
            </th>
            <td>{status.to_owned()}</td>
            {times}
            <td>{spans.last().map(|span| words_of(span, now))}</td>
        </tr>
    }
    .into_any()
}

/// All that the step was at this; nothing where it never was.
fn took(spans: &[Span], phase: Phase, now: DateTime<Utc>) -> Option<String> {
    let mut of_phase = spans.iter().filter(|span| span.phase == phase).map(|span| span.ms(now)).peekable();
    of_phase.peek()?;
    Some(clock::duration_words(of_phase.sum()))
}
