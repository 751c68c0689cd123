//! "Made from": everything behind a version, back to the inputs of the run, as a tree that reads from the result to its sources.
//! What stands in several places is told once, and named where it comes again.

use std::collections::{BTreeMap, BTreeSet};

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    ArtifactId,
    api::{Lineage, LineageInput, LineageNode, LineageSource},
    status::Origin,
    view::ArtifactMeta,
};

use super::{
    artifact::made_by,
    attempts::{attempt_words, usage_words},
    state::LiveRun,
};
use crate::reactive::effect;
use crate::{
    api,
    components::{Badge, CodeView, Drawer, Icon, RelativeTime, Size, Skeleton, SkeletonKind, Tone, open_while_chosen},
    error::AppError,
    load::PartFailed,
    words,
};

/// `chosen` is the version that is asked about; the drawer is open while there is one.
#[component]
pub(super) fn LineageDrawer(live: LiveRun, chosen: RwSignal<Option<ArtifactMeta>>) -> impl IntoView {
    let open = open_while_chosen(chosen);
    let answer = RwSignal::new(None::<Result<Lineage, AppError>>);
    let read = move || {
        let Some(id) = chosen.with_untracked(|chosen| chosen.as_ref().map(|artifact| artifact.id)) else { return };
        answer.set(None);
        spawn_local(async move {
            let lineage = api::artifact_lineage(live.id, id).await;
            answer.try_set(Some(lineage));
        });
    };
    effect(move || {
        if chosen.with(Option::is_some) {
            read();
        }
    });
    let title = Signal::derive(move || {
        chosen.with(|chosen| {
            chosen
                .as_ref()
                .map(|artifact| {
                    format!("{} · {} v{}", live.title_of(&artifact.producing_step_id), artifact.name, artifact.version)
                })
                .unwrap_or_default()
        })
    });
    let body = move || match answer.get() {
        None => view! { <Skeleton kind=SkeletonKind::Row/> }.into_any(),
        Some(Err(error)) => view! { <PartFailed error on_retry=move |()| read()/> }.into_any(),
        Some(Ok(lineage)) => tree(live, lineage),
    };
    view! {
        <Drawer id="lineage" open title size=Size::Lg description="What this version was made from">
            {body}
        </Drawer>
    }
}

fn tree(live: LiveRun, lineage: Lineage) -> AnyView {
    let Some(root) = lineage.artifacts.first().map(|node| node.artifact.id) else {
        return view! { <p class="muted">"Nothing is known about it"</p> }.into_any();
    };
    let nodes: BTreeMap<ArtifactId, LineageNode> =
        lineage.artifacts.into_iter().map(|node| (node.artifact.id, node)).collect();
    let mut told = BTreeSet::new();
    view! { <ul class="lineage">{node_view(live, &nodes, root, &mut told)}</ul> }.into_any()
}

fn node_view(
    live: LiveRun,
    nodes: &BTreeMap<ArtifactId, LineageNode>,
    id: ArtifactId,
    told: &mut BTreeSet<ArtifactId>,
) -> AnyView {
    let Some(node) = nodes.get(&id) else { return ().into_any() };
    let name = format!("{} · {} v{}", node.step_title, node.artifact.name, node.artifact.version);
    if !told.insert(id) {
        return view! { <li class="muted small">{name} ", as told above"</li> }.into_any();
    }
    // An edit stands on the version before it.
    let parent = node
        .artifact
        .parent
        .filter(|parent| node.artifact.origin == Origin::HumanEdit && nodes.contains_key(parent))
        .map(|parent| view! { <li><span class="lineage-port">"written over"</span> <ul>{node_view(live, nodes, parent, told)}</ul></li> }.into_any());
    let inputs: Vec<AnyView> = node.inputs.iter().map(|input| input_view(live, nodes, input, told)).collect();
    let made = made_by(&node.artifact);
    let badge = match node.artifact.origin {
        Origin::HumanEdit => Some(view! { <Badge tone=Tone::Accent icon="pencil">{made}</Badge> }.into_any()),
        Origin::Import => Some(view! { <Badge>{made}</Badge> }.into_any()),
        Origin::Agent => None,
    };
    let created_at = node.artifact.created_at;
    let facts = facts(live, node);
    view! {
        <li>
            <div class="lineage-node">
                <strong>{name}</strong>
                {badge}
                <small class="muted"><RelativeTime at=created_at/></small>
                {facts}
            </div>
            <ul>{parent} {inputs}</ul>
        </li>
    }
    .into_any()
}

fn facts(live: LiveRun, node: &LineageNode) -> AnyView {
    let agent = format!("{} version {}", live.agent_name(&node.agent_id), node.agent_version);
    let attempt = node.attempt.as_ref().map(|attempt| {
        let mut words = attempt_words(attempt);
        if node.failed_attempts > 0 {
            words = format!("{words}, {} before it", words::count(i64::from(node.failed_attempts), "failed attempt"));
        }
        words
    });
    let usage = node.attempt.as_ref().and_then(usage_words).or_else(|| node.model.clone());
    let feedback = node.feedback.as_ref().map(|feedback| {
        let words = format!("{} asked in round {}: {}", feedback.by, feedback.round, feedback.text);
        view! { <blockquote>{words}</blockquote> }
    });
    let prompt = node.prompt.clone().map(|prompt| {
        view! {
            <details class="fold">
                <summary><Icon name="chevron-right"/> "Prompt"</summary>
                <div class="fold-body"><CodeView text=prompt title="Prompt" wrap=true/></div>
            </details>
        }
    });
    view! {
        <small class="muted">{[Some(agent), attempt, usage].into_iter().flatten().collect::<Vec<_>>().join(" · ")}</small>
        {feedback}
        {prompt}
    }
    .into_any()
}

fn input_view(
    live: LiveRun,
    nodes: &BTreeMap<ArtifactId, LineageNode>,
    input: &LineageInput,
    told: &mut BTreeSet<ArtifactId>,
) -> AnyView {
    let port = input.port.clone();
    let words = match &input.source {
        LineageSource::Artifact { id, .. } if nodes.contains_key(id) => {
            let inner = node_view(live, nodes, *id, told);
            return view! { <li><span class="lineage-port">{port}</span> <ul>{inner}</ul></li> }.into_any();
        }
        LineageSource::Artifact { step, name, version, .. } => format!("{step} · {name} v{version}"),
        LineageSource::RunInput { key } => format!("run input “{key}”"),
        LineageSource::Const => "constant".to_owned(),
        LineageSource::Override => "a value set in this run".to_owned(),
        LineageSource::Item => "its item of the list".to_owned(),
    };
    view! { <li><span class="lineage-port">{port}</span> " " <span class="small">{words}</span></li> }.into_any()
}
