//! What a table would do: its columns and the inputs they give, its first rows, and every fault with its row and column.

use leptos::prelude::*;
use workflow::{
    api::{BatchCheck, BatchFault},
    words::count,
};

use crate::components::{Badge, Banner, Kind, TableShell, Tone};

#[component]
pub(super) fn Checked(check: BatchCheck) -> impl IntoView {
    let BatchCheck { separator, columns, n_rows, first, n_faults, faults, .. } = check;
    let separator = match separator {
        ',' => "commas",
        ';' => "semicolons",
        _ => "tabs",
    };
    let words = format!("{}, separated by {separator}", count(n_rows, "row"));
    let n_columns = columns.len();
    let heads = columns.into_iter().map(|column| {
        let input = match column.input {
            Some(input) => view! { <Badge tone=Tone::Success>{input}</Badge> }.into_any(),
            None => view! { <Badge tone=Tone::Warn>"No input"</Badge> }.into_any(),
        };
        view! { <th scope="col"><bdi>{column.name}</bdi> " " {input}</th> }
    });
    let heads = heads.collect_view();
    let rows = first.into_iter().map(|row| {
        let cells = row.into_iter().take(n_columns).map(|cell| view! { <td dir="auto">{cell}</td> }).collect_view();
        view! { <tr>{cells}</tr> }
    });
    let rows = rows.collect_view();
    let n_more = n_faults.saturating_sub(faults.len());
    let faults = (n_faults > 0).then(|| {
        let items = faults.into_iter().map(|fault| view! { <li>{place(&fault)} {fault.message}</li> }).collect_view();
        let more = (n_more > 0).then(|| view! { <li>{format!("And {} more", count(n_more, "fault"))}</li> });
        view! {
            <Banner kind=Kind::Error title=format!("{} to correct before anything starts", count(n_faults, "fault"))>
                <ul>{items} {more}</ul>
            </Banner>
        }
    });
    view! {
        <section class="stack" data-gap="3" aria-labelledby="table-check">
            <h2 id="table-check">"What is in the table"</h2>
            <p role="status">{words}</p>
            {faults}
            <TableShell label="The first rows">
                <thead>
                    <tr>{heads}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableShell>
        </section>
    }
}

/// "Row 3, topic: ".
fn place(fault: &BatchFault) -> String {
    match (fault.row, &fault.column) {
        (Some(row), Some(column)) => format!("Row {row}, {column}: "),
        (Some(row), None) => format!("Row {row}: "),
        (None, Some(column)) => format!("Column {column}: "),
        (None, None) => String::new(),
    }
}
