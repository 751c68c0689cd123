//! The ports of an agent as a table; with an earlier version, both side by side with what changed.

use leptos::prelude::*;

use super::compare::{Change, Ports, Row, as_json, compare, side_effect_words, summary};
use crate::components::{Badge, CodeView, Diff, Icon, TableShell, Tone};

/// A version of the ports and what it is called, as in "Version 3".
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Named {
    pub name: String,
    pub ports: Ports,
}

#[expect(clippy::needless_pass_by_value, reason = "a component takes its props by value")]
#[component]
pub(super) fn PortsTable(before: Option<Named>, after: Named) -> impl IntoView {
    let said = summary(before.as_ref().map(|before| &before.ports), &after.ports);
    let rows = compare(before.as_ref().map(|before| &before.ports), &after.ports);
    let has_before = before.is_some();
    let body = if rows.is_empty() {
        view! { <p class="small muted">"No ports"</p> }.into_any()
    } else {
        let name = after.name.clone();
        let head = before.as_ref().map(|before| view! { <th scope="col">{before.name.clone()}</th> });
        view! {
            <TableShell label="Ports">
                <thead>
                    <tr>
                        <th scope="col">"Port"</th>
                        {head}
                        <th scope="col">{name}</th>
                    </tr>
                </thead>
                <tbody>{rows.into_iter().map(|row| draw(row, has_before)).collect_view()}</tbody>
            </TableShell>
        }
        .into_any()
    };
    let effects_now = side_effect_words(after.ports.side_effects);
    let effects_before =
        before.as_ref().map(|before| before.ports.side_effects).filter(|of| *of != after.ports.side_effects);
    let json = match before {
        Some(before) => {
            let title = format!("{} and {}", before.name, after.name);
            view! { <Diff before=as_json(&before.ports) after=as_json(&after.ports) title/> }.into_any()
        }
        None => view! { <CodeView text=as_json(&after.ports) title="Ports as JSON Schema"/> }.into_any(),
    };
    view! {
        <div class="stack" data-gap="3">
            <p class="muted small">{said}</p>
            {body}
            <dl class="facts">
                <dt>"Side effects"</dt>
                <dd>
                    {effects_now}
                    {effects_before.map(|of| view! {
                        " " <Badge tone=Tone::Warn>"Changed"</Badge>
                        <span class="muted small">{format!(" It was: {}", side_effect_words(of))}</span>
                    })}
                </dd>
            </dl>
            <details class="fold">
                <summary><Icon name="chevron-right"/> "Every detail"</summary>
                <div class="fold-body">{json}</div>
            </details>
        </div>
    }
}

fn draw(row: Row, has_before: bool) -> AnyView {
    let Row { name, is_input, change, before, after } = row;
    let tone = match change {
        Change::Added => Tone::Success,
        Change::Removed => Tone::Error,
        Change::Changed | Change::Same => Tone::Warn,
    };
    let nothing = || view! { <span class="muted">"–"</span> };
    let cell = move |words: Option<String>| match words {
        Some(words) => view! { <td class="wrap">{words}</td> }.into_any(),
        None => view! { <td>{nothing()}</td> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">
                <span class="cell-line">
                    <code>{name}</code>
                    <span class="muted small">{if is_input { "in" } else { "out" }}</span>
                    {change.words().map(|words| view! { <Badge tone>{words}</Badge> })}
                </span>
            </th>
            {has_before.then(|| cell(before))}
            {cell(after)}
        </tr>
    }
    .into_any()
}
