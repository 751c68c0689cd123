//! All versions of what a step made, newest first, and any one beside the one before it.

use leptos::prelude::*;
use workflow::{ArtifactId, view::ArtifactMeta};

use super::{
    artifact::{Artifact, facts, made_by},
    difference::Difference,
    lineage::LineageDrawer,
    one_step::OneStep,
    rollback::{RollbackDialog, is_possible},
};
use crate::components::{Badge, Button, Empty, RelativeTime, Segment, Segmented, Size, Tone};
use crate::reactive::memo;

const WAYS: [Segment; 2] = [Segment::new("beside", "Both"), Segment::new("diff", "Differences")];

#[component]
pub(super) fn Versions(one: OneStep) -> impl IntoView {
    let live = one.live;
    let back_to = RwSignal::new(None::<ArtifactMeta>);
    let made_from = RwSignal::new(None::<ArtifactMeta>);
    let versions = memo(move || {
        let key = one.key();
        let mut versions: Vec<ArtifactMeta> = live
            .run
            .with(|run| run.artifacts.iter().filter(|artifact| artifact.producing_step_id == key).cloned().collect());
        versions.reverse();
        versions
    });
    let chosen = RwSignal::new(None::<ArtifactId>);
    let way = RwSignal::new("beside".to_owned());
    let pair = memo(move || {
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
                let made = made_by(&artifact);
                view! {
                    <li>
                        <button class="outline-item" type="button" aria-current=move || if is_chosen() { "true" } else { "false" } on:click=move |_| chosen.set(Some(id))>
                            <Badge tone=if artifact.is_latest { Tone::Accent } else { Tone::default() }>{format!("v{}", artifact.version)}</Badge>
                            <span class="outline-words">{artifact.name.clone()} " · " {made}</span>
                            <small>{standing(&artifact)} <RelativeTime at=artifact.created_at/></small>
                        </button>
                    </li>
                }
                .into_any()
            })
            .collect_view()
    };
    let comparison = move || {
        let (new, old) = pair.get()?;
        Some(match old {
            None => view! { <Artifact run=live.id artifact=new/> }.into_any(),
            Some(old) if way.with(|way| way == "diff") => {
                let title = format!("{} to {}", facts(&old), facts(&new));
                view! { <Difference left=(live.id, old.id) right=(live.id, new.id) title/> }.into_any()
            }
            Some(old) => view! {
                <div class="beside">
                    <Artifact run=live.id artifact=old/>
                    <Artifact run=live.id artifact=new/>
                </div>
            }
            .into_any(),
        })
    };
    let of_chosen = move || {
        let (new, _) = pair.get()?;
        let can_go_back = is_possible(one, &new);
        let (version, made, back) = (new.version, new.clone(), new);
        Some(view! {
            <div class="row">
                {can_go_back.then(|| view! {
                    <Button size=Size::Sm icon="undo-2" on_click=move |()| back_to.set(Some(back.clone()))>
                        {format!("Roll back to v{version}")}
                    </Button>
                })}
                <Button size=Size::Sm icon="git-branch" on_click=move |()| made_from.set(Some(made.clone()))>
                    {format!("What v{version} was made from")}
                </Button>
            </div>
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
                {of_chosen}
                <Show when=has_older>
                    <Segmented value=way segments=WAYS.to_vec() name="compare" label="How to compare"/>
                </Show>
                {comparison}
            </div>
        </Show>
        <RollbackDialog one chosen=back_to/>
        <LineageDrawer live chosen=made_from/>
    }
}

/// What a version is now, before its time: after a rollback the latest one is not the newest.
fn standing(artifact: &ArtifactMeta) -> String {
    let words = [(artifact.is_latest, "latest · "), (artifact.is_approved, "approved · ")];
    words.into_iter().filter_map(|(is_so, word)| is_so.then_some(word)).collect()
}
