//! All versions of what a step made, newest first: who made each and for which words, and any one beside any other.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use workflow::{
    ArtifactId, RunView, StepKey,
    view::{ArtifactMeta, Feedback},
};

use super::{
    artifact::{Artifact, facts, made_by},
    difference::Difference,
    lineage::LineageDrawer,
    older::{Older, PORTION},
    one_step::OneStep,
    rollback::{RollbackDialog, is_possible},
    state::title_of,
};
use crate::components::{
    Badge, Button, Empty, Field, RelativeTime, Segment, Segmented, Select, SelectOption, Size, Tone,
};
use crate::{reactive::memo, words};

/// Names in a sentence before "and N more".
const NAMED: usize = 4;

const WAYS: [Segment; 2] = [Segment::new("diff", "Differences"), Segment::new("beside", "Both")];

/// What is looked at: one version, and the one that it is compared with.
#[derive(Clone, Copy)]
struct Looked {
    one: OneStep,
    /// Newest first.
    versions: Memo<Vec<ArtifactMeta>>,
    chosen: RwSignal<Option<ArtifactId>>,
    /// The id of the version to compare with, where somebody chose another than the one before.
    against: RwSignal<String>,
    shown: Memo<Option<ArtifactMeta>>,
    other: Memo<Option<ArtifactMeta>>,
    /// So many of the newest are listed.
    most: RwSignal<usize>,
}

impl Looked {
    fn at(one: OneStep) -> Self {
        let run = one.live.run;
        let versions = memo(move || {
            let key = one.key();
            let of_step = |artifact: &&ArtifactMeta| artifact.producing_step_id == key;
            let mut versions: Vec<ArtifactMeta> =
                run.with(|run| run.artifacts.iter().filter(of_step).cloned().collect());
            versions.reverse();
            versions
        });
        let chosen = RwSignal::new(None::<ArtifactId>);
        let against = RwSignal::new(String::new());
        let shown = memo(move || {
            let id = chosen.get();
            versions.with(|versions| versions.iter().find(|known| Some(known.id) == id).or(versions.first()).cloned())
        });
        let other = memo(move || {
            let (shown, wanted) = (shown.get()?, against.get());
            versions.with(|versions| {
                let alike = || versions.iter().filter(|known| known.name == shown.name && known.id != shown.id);
                let named = alike().find(|known| known.id.to_string() == wanted);
                named.or_else(|| alike().find(|known| known.version < shown.version)).cloned()
            })
        });
        Self { one, versions, chosen, against, shown, other, most: RwSignal::new(PORTION) }
    }

    fn choose(self, id: ArtifactId) {
        self.chosen.set(Some(id));
        self.against.set(String::new());
    }

    /// Those that the shown one can be compared with, as far as they are listed.
    fn options(self) -> Vec<SelectOption> {
        let Some(shown) = self.shown.get() else { return Vec::new() };
        self.versions.with(|versions| {
            let alike =
                versions.iter().take(self.most.get()).filter(|known| known.name == shown.name && known.id != shown.id);
            let option = |known: &ArtifactMeta| {
                SelectOption::new(known.id.to_string(), format!("v{} · {}", known.version, made_by(known)))
            };
            let before = SelectOption::new("", "The version before it");
            std::iter::once(before).chain(alike.map(option)).collect()
        })
    }
}

#[component]
pub(super) fn Versions(one: OneStep) -> impl IntoView {
    let live = one.live;
    let looked = Looked::at(one);
    let back_to = RwSignal::new(None::<ArtifactMeta>);
    let made_from = RwSignal::new(None::<ArtifactMeta>);
    let way = RwSignal::new("diff".to_owned());
    let rows = move || {
        let sent_back = live.sent_back(&one.key());
        let most = looked.most.get();
        let listed: Vec<ArtifactMeta> = looked.versions.with(|versions| versions.iter().take(most).cloned().collect());
        listed.iter().map(|artifact| row(looked, artifact, &sent_back)).collect_view()
    };
    let readers = memo(move || {
        let shown = looked.shown.get();
        shown.map(|shown| (shown.version, live.slowly(|run| readers_of(run, shown.id))))
    });
    let used = move || readers.with(|readers| readers.as_ref().map(|(version, readers)| used_words(*version, readers)));
    let of_chosen = move || {
        let new = looked.shown.get()?;
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
    let options = Signal::derive(move || looked.options());
    let n = memo(move || looked.versions.with(Vec::len));
    let has_others = move || options.with(|options| options.len() > 1);
    view! {
        <Show
            when=move || !looked.versions.with(Vec::is_empty)
            fallback=|| view! { <Empty icon="history" title="No versions yet" text="Each time the step succeeds, what it makes is kept as a new version"/> }
        >
            <div class="stack">
                <div>
                    <ol class="versions" aria-label="Versions">{rows}</ol>
                    <Older n most=looked.most/>
                </div>
                {of_chosen}
                <p class="muted small">{used}</p>
                <Show when=has_others>
                    <Field id="compare-version" label="Compare with">
                        <Select value=looked.against options/>
                    </Field>
                </Show>
                <Show when=move || looked.other.with(Option::is_some)>
                    <Segmented value=way segments=WAYS.to_vec() name="compare" label="How to compare"/>
                </Show>
                {move || comparison(looked, way)}
            </div>
        </Show>
        <RollbackDialog one chosen=back_to/>
        <LineageDrawer live chosen=made_from/>
    }
}

fn row(looked: Looked, artifact: &ArtifactMeta, sent_back: &BTreeMap<i32, Feedback>) -> AnyView {
    let id = artifact.id;
    let is_shown = move || looked.shown.with(|shown| shown.as_ref().is_some_and(|shown| shown.id == id));
    let generation = untrack(|| generation_of(looked.one, artifact));
    let said = generation.and_then(|generation| sent_back.get(&generation)).map(|said| {
        let title = format!("{} asked for changes, round {}: ", words::isolated(&said.by), said.round);
        view! { <p class="muted small version-said">{title} <q dir="auto">{said.text.clone()}</q></p> }
    });
    view! {
        <li>
            <button
                class="outline-item"
                type="button"
                aria-current=move || if is_shown() { "true" } else { "false" }
                on:click=move |_| looked.choose(id)
            >
                <Badge tone=if artifact.is_latest { Tone::Accent } else { Tone::default() }>{format!("v{}", artifact.version)}</Badge>
                <span class="outline-words">{artifact.name.clone()} " · " {made_by(artifact)}</span>
                <small>{standing(artifact)} <RelativeTime at=artifact.created_at/></small>
            </button>
            {said}
        </li>
    }
    .into_any()
}

/// From the older one to the newer, whichever was chosen first; one that has no other stands alone.
fn comparison(looked: Looked, way: RwSignal<String>) -> Option<AnyView> {
    let run = looked.one.live.id;
    let shown = looked.shown.get()?;
    let Some(other) = looked.other.get() else {
        return Some(view! { <Artifact run artifact=shown/> }.into_any());
    };
    let (old, new) = if other.version > shown.version { (shown, other) } else { (other, shown) };
    if way.with(|way| way == "diff") {
        let title = format!("{} to {}", facts(&old), facts(&new));
        return Some(view! { <Difference left=(run, old.id) right=(run, new.id) title/> }.into_any());
    }
    let both = view! {
        <div class="beside">
            <Artifact run artifact=old/>
            <Artifact run artifact=new/>
        </div>
    };
    Some(both.into_any())
}

/// The generation in which an agent made it.
fn generation_of(one: OneStep, artifact: &ArtifactMeta) -> Option<i32> {
    let number = artifact.attempt?;
    one.read(|step| step.attempts.iter().find(|attempt| attempt.number == number).map(|attempt| attempt.generation))
}

/// The titles of the steps whose last attempt read a version; items by that of their list.
fn readers_of(run: &RunView, id: ArtifactId) -> Vec<String> {
    let steps = run.steps.iter().filter(|step| {
        step.attempts.last().is_some_and(|last| last.inputs.iter().any(|input| input.artifact_id == Some(id)))
    });
    let keys: BTreeSet<&StepKey> = steps.map(|step| step.definition_key()).collect();
    keys.into_iter().map(|key| words::isolated(&title_of(run, key))).collect()
}

fn used_words(version: i32, readers: &[String]) -> String {
    if readers.is_empty() {
        format!("No step has read v{version} in its last attempt")
    } else {
        format!("v{version} was read by {}", words::list(readers, NAMED))
    }
}

/// What a version is now, before its time: after a rollback the latest one is not the newest.
fn standing(artifact: &ArtifactMeta) -> String {
    let latest = if artifact.is_latest { "latest · " } else { "" };
    if !artifact.is_approved {
        return latest.to_owned();
    }
    // Somebody without an account any more has no name to show.
    let by = artifact.approved_by.iter().filter(|email| !email.is_empty()).map(|email| words::isolated(email));
    let by: Vec<String> = by.collect();
    let by = if by.is_empty() { String::new() } else { format!(" by {}", words::list(&by, NAMED)) };
    format!("{latest}approved{by} · ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_version_says_who_approved_it() {
        let version = |is_approved: bool, by: &[&str]| -> ArtifactMeta {
            serde_json::from_value(json!({
                "id": "00000000-0000-7000-8000-000000000001", "producing_step_id": "a", "name": "text", "version": 2,
                "is_latest": true, "content_hash": "00", "media_type": "text/plain", "size": 4, "origin": "agent",
                "attempt": 1, "parent": null, "is_approved": is_approved, "approved_by": by,
                "created_at": "2026-01-31T12:00:00Z",
            }))
            .unwrap()
        };
        assert_eq!(standing(&version(false, &[])), "latest · ");
        assert_eq!(standing(&version(true, &[])), "latest · approved · ");
        let both = format!("{} and {}", words::isolated("ada@x.org"), words::isolated("ben@x.org"));
        assert_eq!(standing(&version(true, &["ada@x.org", "ben@x.org"])), format!("latest · approved by {both} · "));
        assert_eq!(standing(&version(true, &[""])), "latest · approved · ", "whoever it was has no account any more");
    }
}
