//! What a file would do, for people: what is new or changes, what would be covered, and what is theirs to grant afterwards.

use leptos::prelude::*;
use workflow::{
    Problem,
    exchange::{Act, Change, Note, Report, Thing},
    words::count,
};

use crate::components::{Badge, Banner, Kind, TableShell, Tone, quoted};

#[component]
pub(super) fn Listed(report: Report) -> impl IntoView {
    let Report { name, changes, conflicts, grants, calls, problems, warnings, .. } = report;
    let n = changes.iter().filter(|change| change.act != Act::Nothing).count();
    let words = match n {
        0 => format!("Nothing to do: “{name}” is here as it is in the file"),
        _ => format!("“{name}”: {} would be made or changed", count(n, "thing")),
    };
    let rows = changes.into_iter().map(row).collect_view();
    let grants = (!grants.is_empty()).then(|| {
        let items = grants.into_iter().map(|grant| {
            view! { <li><Badge tone=Tone::Warn>{grant.kind.words()}</Badge> " " {quoted(&grant.message)}</li> }
        });
        let items = items.collect_view();
        view! {
            <section class="stack" data-gap="2" aria-labelledby="import-grants">
                <h2 id="import-grants">"To be granted one by one"</h2>
                <p class="muted">"A file grants nothing. After the import, do these yourself"</p>
                <ul class="stack" data-gap="2">{items}</ul>
            </section>
        }
    });
    view! {
        <section class="stack" data-gap="3" aria-labelledby="import-changes">
            <h2 id="import-changes">"What this file would do"</h2>
            <p role="status">{words}</p>
            <Notes notes=problems kind=Kind::Error title="It cannot be imported"/>
            <Notes notes=conflicts kind=Kind::Warn title="It would cover what is here"/>
            <TableShell label="What this file would do">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"What it is"</th>
                        <th scope="col">"What happens"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableShell>
        </section>
        <Notes notes=calls kind=Kind::Info title="Its agents send what they are given to these addresses"/>
        {grants}
        <Notes notes=warnings kind=Kind::Info title="Good to know"/>
    }
}

fn row(change: Change) -> impl IntoView {
    let Change { thing, id, name, act, version, fields } = change;
    let tone = match act {
        Act::Nothing => Tone::Neutral,
        Act::Create => Tone::Success,
        Act::NewVersion | Act::SaveDraft => Tone::Accent,
    };
    let words = match (act, version) {
        (Act::NewVersion, Some(version)) => format!("New version {version}"),
        _ => act.words().to_owned(),
    };
    let kind = match thing {
        Thing::Workflow => "Workflow",
        Thing::Agent => "Agent",
    };
    let fields = (!fields.is_empty()).then(|| view! { <br/><small class="muted">{fields.join(", ")}</small> });
    view! {
        <tr>
            <th scope="row">{name} " " <code>{id}</code></th>
            <td>{kind}</td>
            <td><Badge tone>{words}</Badge> {fields}</td>
        </tr>
    }
}

/// Messages, each with its place in the file.
#[component]
fn Notes(notes: Vec<Note>, kind: Kind, title: &'static str) -> impl IntoView {
    (!notes.is_empty()).then(|| {
        let items = notes.into_iter().map(|note| item(&note.place, &note.message)).collect_view();
        view! { <Banner kind title><ul>{items}</ul></Banner> }
    })
}

/// What keeps a file from being read at all.
#[component]
pub(super) fn Problems(problems: Signal<Vec<Problem>>) -> impl IntoView {
    move || {
        let problems = problems.get();
        // One alone is what the error says already.
        (problems.len() > 1).then(|| {
            let items =
                problems.iter().map(|problem| item(problem.field.as_deref().unwrap_or_default(), &problem.message));
            let items = items.collect_view();
            view! { <ul class="stack" data-gap="2" aria-label="Problems of the file">{items}</ul> }
        })
    }
}

fn item(place: &str, message: &str) -> impl IntoView + use<> {
    let place = place.to_owned();
    view! { <li><code>{place}</code> " " {quoted(message)}</li> }
}
