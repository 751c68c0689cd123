//! All versions of what a step made, newest first, and any one beside the one before it.

use leptos::prelude::*;
use workflow::{ArtifactId, StepKey, status::Origin, view::ArtifactMeta};

use super::{
    artifact::{Artifact, facts, text_of},
    state::LiveRun,
};
use crate::{
    api,
    components::{Badge, Diff, Empty, RelativeTime, Segment, Segmented, Skeleton, SkeletonKind, Tone},
    load::PartFailed,
};

const WAYS: [Segment; 2] = [Segment::new("beside", "Side by side"), Segment::new("diff", "Differences")];

#[component]
pub(super) fn Versions(live: LiveRun, key: StepKey) -> impl IntoView {
    let stored = StoredValue::new(key);
    let versions = Memo::new(move |_| {
        let mut versions: Vec<ArtifactMeta> = stored.with_value(|key| {
            live.run.with(|run| {
                run.artifacts.iter().filter(|artifact| artifact.producing_step_id == *key).cloned().collect()
            })
        });
        versions.reverse();
        versions
    });
    let chosen = RwSignal::new(None::<ArtifactId>);
    let way = RwSignal::new("beside".to_owned());
    let pair = Memo::new(move |_| {
        versions.with(|versions| {
            let at = match chosen.get() {
                Some(id) => versions.iter().position(|artifact| artifact.id == id)?,
                None => 0,
            };
            let new = versions.get(at)?.clone();
            let old = versions[at + 1..].iter().find(|old| old.name == new.name).cloned();
            Some((new, old))
        })
    });
    let rows = move || {
        versions
            .get()
            .into_iter()
            .map(|artifact| {
                let id = artifact.id;
                let is_chosen = move || pair.with(|pair| pair.as_ref().is_some_and(|(new, _)| new.id == id));
                let made = match artifact.origin {
                    Origin::Agent => artifact.attempt.map(|n| format!("attempt {n}")).unwrap_or_default(),
                    Origin::HumanEdit => "edited by a person".to_owned(),
                    Origin::Import => "imported".to_owned(),
                };
                view! {
                    <li>
                        <button class="outline-item" type="button" aria-current=move || if is_chosen() { "true" } else { "false" } on:click=move |_| chosen.set(Some(id))>
                            <Badge tone=if artifact.is_latest { Tone::Accent } else { Tone::default() }>{format!("v{}", artifact.version)}</Badge>
                            <span class="truncate">{artifact.name.clone()} " · " {made}</span>
                            <small><RelativeTime at=artifact.created_at/></small>
                        </button>
                    </li>
                }
            })
            .collect_view()
    };
    let comparison = move || {
        let (new, old) = pair.get()?;
        Some(match old {
            None => view! { <Artifact run=live.id artifact=new/> }.into_any(),
            Some(old) if way.with(|way| way == "diff") => view! { <Difference live old new/> }.into_any(),
            Some(old) => view! {
                <div class="beside">
                    <Artifact run=live.id artifact=old/>
                    <Artifact run=live.id artifact=new/>
                </div>
            }
            .into_any(),
        })
    };
    let has_older = move || pair.with(|pair| pair.as_ref().is_some_and(|(_, old)| old.is_some()));
    view! {
        <Show
            when=move || !versions.with(Vec::is_empty)
            fallback=|| view! { <Empty icon="history" title="No versions yet" text="Each time the step succeeds, what it makes is kept as a new version"/> }
        >
            <div class="stack">
                <ol class="versions" aria-label="Versions">{rows}</ol>
                <Show when=has_older>
                    <Segmented value=way segments=WAYS.to_vec() name="compare" label="How to compare"/>
                </Show>
                {comparison}
            </div>
        </Show>
    }
}

#[component]
fn Difference(live: LiveRun, old: ArtifactMeta, new: ArtifactMeta) -> impl IntoView {
    let title = format!("{} to {}", facts(&old), facts(&new));
    let (before, after) = (old.id, new.id);
    let both = Resource::new(
        || (),
        move |()| async move {
            let before = api::get_artifact(live.id, before).await?;
            Ok::<_, crate::error::AppError>((before, api::get_artifact(live.id, after).await?))
        },
    );
    view! {
        <Transition fallback=|| view! { <Skeleton kind=SkeletonKind::Row/> }>
            {move || {
                let title = title.clone();
                Suspend::new(async move {
                    match both.await {
                        Ok((before, after)) => view! { <Diff before=text_of(&before) after=text_of(&after) title/> }.into_any(),
                        Err(error) => view! { <PartFailed error on_retry=move |()| both.refetch()/> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
}
