//! From a version of an artifact to the attempt it rests on: the common ground of staleness, lineage and re-runs.
//! Must never guess: a version that a person brought, or that came from another run, rests on no attempt.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    definition::Step,
    hash,
    id::{ArtifactId, StepKey},
    status::{Origin, Outcome},
    view::{ArtifactMeta, AttemptView, RunView, StepOverride, StepView},
};

/// A view with the paths through it that are taken often.
pub(crate) struct Provenance<'a> {
    pub(crate) view: &'a RunView,
    by_id: BTreeMap<ArtifactId, &'a ArtifactMeta>,
    items: BTreeMap<&'a StepKey, Vec<&'a StepView>>,
}

impl<'a> Provenance<'a> {
    pub(crate) fn of(view: &'a RunView) -> Self {
        let mut items: BTreeMap<&StepKey, Vec<&StepView>> = BTreeMap::new();
        for step in &view.steps {
            if let Some(map) = &step.item_of {
                items.entry(map).or_default().push(step);
            }
        }
        Self { view, by_id: view.artifacts.iter().map(|artifact| (artifact.id, artifact)).collect(), items }
    }

    pub(crate) fn artifact(&self, id: ArtifactId) -> Option<&'a ArtifactMeta> {
        self.by_id.get(&id).copied()
    }

    /// The items of a map step, by key.
    pub(crate) fn items(&self, map: &StepKey) -> &[&'a StepView] {
        self.items.get(map).map_or(&[], Vec::as_slice)
    }

    /// Every version of every artifact of a step; the view keeps them together.
    pub(crate) fn artifacts(&self, step: &StepKey) -> &'a [ArtifactMeta] {
        let all = &self.view.artifacts;
        let from = all.partition_point(|artifact| artifact.producing_step_id < *step);
        let n = all[from..].partition_point(|artifact| artifact.producing_step_id == *step);
        &all[from..from + n]
    }

    pub(crate) fn latest(&self, step: &StepKey, name: &str) -> Option<&'a ArtifactMeta> {
        self.artifacts(step).iter().find(|artifact| artifact.is_latest && artifact.name == name)
    }

    /// The attempts that the current versions of a step rest on, without repetition.
    pub(crate) fn attempts_behind(&self, step: &'a StepView) -> Vec<&'a AttemptView> {
        let latest = || self.artifacts(&step.key).iter().filter(|artifact| artifact.is_latest);
        if latest().next().is_none() {
            return newest_succeeded(step, |_| true).into_iter().collect();
        }
        let mut seen = BTreeSet::new();
        latest()
            .filter_map(|artifact| self.attempt_of(step, artifact))
            .filter(|attempt| seen.insert(attempt.number))
            .collect()
    }

    /// The attempt that made a version, or on whose result a person's edit was based.
    pub(crate) fn attempt_of(&self, step: &'a StepView, artifact: &ArtifactMeta) -> Option<&'a AttemptView> {
        let mut at = artifact;
        loop {
            if let Some(number) = at.attempt {
                return step.attempts.iter().find(|attempt| attempt.number == number);
            }
            match at.origin {
                Origin::Import => return None,
                Origin::Agent => return newest_succeeded(step, |_| true),
                // A form's answer follows the attempt that asked, whatever was answered before.
                Origin::HumanEdit if step.kind == "human" => {
                    return newest_succeeded(step, |attempt| {
                        attempt.ended_at.is_some_and(|ended| ended <= artifact.created_at)
                    });
                }
                Origin::HumanEdit => {
                    at = self.artifact(at.parent?).filter(|parent| parent.version < at.version)?;
                }
            }
        }
    }
}

/// The hash of the prompt in force; none where the kind has none or the view was not told.
pub(crate) fn prompt_hash(
    overrides: Option<&StepOverride>,
    definition: Option<&Step>,
    step: &StepView,
) -> Option<String> {
    let of_run = overrides.and_then(|overrides| overrides.prompt.as_deref());
    match of_run.or_else(|| definition?.prompt.as_deref()) {
        Some(text) => Some(hash::sha256_hex(text.as_bytes())),
        None => step.prompt_hash.clone(),
    }
}

fn newest_succeeded(step: &StepView, fits: impl Fn(&AttemptView) -> bool) -> Option<&AttemptView> {
    step.attempts.iter().rev().find(|attempt| attempt.outcome == Some(Outcome::Succeeded) && fits(attempt))
}
