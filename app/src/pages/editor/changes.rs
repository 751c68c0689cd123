//! What differs between two states of a workflow, by step and by field: for publishing, and for looking at its versions.
//! Must compare what publishing would make of a draft: a step on the latest agent is one at the version that is the latest now.

use canvas::Document;
use leptos::prelude::*;
use workflow::{
    AgentCatalog,
    difference::Difference,
    merge::{Change, Fate, Place, summary},
};

use crate::components::{Badge, Tone};

/// Steps and inputs that are listed; more is a rewrite, which nobody reads field by field.
const MOST: usize = 60;

/// As publishing would pin it now.
pub(super) fn pinned(document: &Document, agents: &AgentCatalog) -> Document {
    let mut pinned = document.as_stored();
    pinned.definition.steps.change_where(
        |_, step| step.agent_version.is_none(),
        |_, step| step.agent_version = agents.get(&step.agent_id, None).map(|spec| spec.version),
    );
    pinned
}

/// What is listed together: all of one step, of one run input, or of the workflow itself.
struct Group {
    /// What it is about, and whether that is a run input.
    of: Option<(String, bool)>,
    fate: Fate,
    rows: Vec<Difference>,
}

fn groups(changes: Vec<Change>) -> Vec<Group> {
    let mut groups: Vec<(Option<String>, Group)> = Vec::new();
    for change in changes {
        let id = match &change.place {
            Place::Step { key, .. } => Some(format!("step {key}")),
            Place::Input { key, .. } => Some(format!("input {key}")),
            Place::Workflow(_) | Place::Note(_) | Place::Order(_) | Place::Size => None,
        };
        if groups.last().is_none_or(|(known, _)| *known != id) {
            let is_input = matches!(change.place, Place::Input { .. });
            let of = change.of.clone().map(|of| (of, is_input));
            groups.push((id, Group { of, fate: change.fate(), rows: Vec::new() }));
        }
        if let Some((_, group)) = groups.last_mut() {
            group.rows.push(change.told());
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

#[component]
pub(super) fn ChangeList(changes: Vec<Change>) -> impl IntoView {
    let Some(words) = summary(&changes) else {
        return view! { <p class="muted">"Nothing differs but where steps stand"</p> }.into_any();
    };
    let groups = groups(changes);
    let n_more = groups.len().saturating_sub(MOST);
    let rows = groups.into_iter().take(MOST).map(|group| {
        let Group { of, fate, rows } = group;
        let (title, kind) = match of {
            Some((of, true)) => (of, Some("Run input")),
            Some((of, false)) => (of, None),
            None => ("The workflow".to_owned(), None),
        };
        let (tone, word) = match fate {
            Fate::Added => (Tone::Success, "Added"),
            Fate::Removed => (Tone::Error, "Removed"),
            Fate::Changed => (Tone::Accent, "Changed"),
        };
        view! {
            <li>
                <p class="row">
                    <strong><bdi>{title}</bdi></strong>
                    {kind.map(|kind| view! { <span class="muted small">{kind}</span> })}
                    <Badge tone>{word}</Badge>
                </p>
                <dl class="facts small">{rows.into_iter().map(crate::components::difference_row).collect_view()}</dl>
            </li>
        }
    });
    view! {
        <p class="change-summary" role="status">{words}</p>
        <ul class="change-list" aria-label="What differs">{rows.collect_view()}</ul>
        {(n_more > 0).then(|| view! { <p class="muted small">{format!("and {} more", crate::words::number(n_more))}</p> })}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use workflow::{Definition, merge::changes};

    use super::{Document, groups};

    #[test]
    fn what_belongs_to_one_step_is_listed_together() {
        let document = |document: &serde_json::Value| Document::from(Definition::from_value(document).unwrap());
        let before = document(&json!({"steps": {"a": {"agent_id": "x"}, "b": {"agent_id": "x"}}}));
        let after = document(&json!({
            "inputs": {"topic": {}},
            "steps": {"a": {"agent_id": "x", "prompt": "p", "timeout_s": 5}, "b": {"agent_id": "x"}}}));
        let told: Vec<(Option<String>, usize)> = groups(changes(&before, &after))
            .into_iter()
            .map(|one| (one.of.map(|(of, _)| of), one.rows.len()))
            .collect();
        assert_eq!(told, [(Some("topic".to_owned()), 1), (Some("a".to_owned()), 2)]);
    }
}
