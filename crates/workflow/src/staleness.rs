//! Which completed steps are stale, and why: a pure function of what a person sees of the run.
//! Stale is derived and must never be stored as a fact of the run; the list of runs keeps what was worked out last, to find it by. Hashes
//! decide, not versions: going back to what was consumed makes everything fresh again.
//!
//! A step is held against the attempts that its current versions rest on. A step that rests on none (supplied, imported) cannot be
//! stale. A map step is held against the list its items were made of (the port [`MAP_PORT`] of its own attempt) and is stale through its items;
//! what an item reads of itself is judged when the map expands again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    api::{StaleReason, Staleness},
    definition::Step,
    hash,
    id::StepKey,
    provenance::{Provenance, prompt_hash},
    resolve::{MAP_PORT, effective_override, run_input},
    source::Source,
    status::StepStatus,
    view::{AttemptView, ConsumedInput, RunView, StepOverride, StepView},
};

/// The stale steps of a run. Near linear in the size of the view.
pub fn staleness(view: &RunView) -> BTreeMap<StepKey, Staleness> {
    let provenance = Provenance::of(view);
    let mut now = Now {
        provenance: &provenance,
        facts: BTreeMap::new(),
        inputs: RunInputs { view, hashes: BTreeMap::new() },
        null: hash::value_hash(&Value::Null),
    };
    let mut because: BTreeMap<&StepKey, Vec<StaleReason>> = BTreeMap::new();
    // Who consumed from whom, both ways.
    let mut consumed_from: BTreeMap<&StepKey, BTreeSet<&StepKey>> = BTreeMap::new();
    let mut consumers: BTreeMap<&StepKey, Vec<&StepKey>> = BTreeMap::new();

    for step in view.steps.iter().filter(|step| step.status == StepStatus::Completed) {
        let Some(definition) = view.run_definition.steps.get(step.definition_key()) else {
            continue;
        };
        let mut reasons = Vec::new();
        let mut sources = BTreeSet::new();
        for attempt in provenance.attempts_behind(step) {
            for reason in now.compare(step, definition, attempt) {
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
            let artifacts = attempt.inputs.iter().filter_map(|input| provenance.artifact(input.artifact_id?));
            sources.extend(artifacts.map(|artifact| &artifact.producing_step_id));
            if step.item_of.is_some() && definition.inputs.values().any(|source| matches!(source, Source::Item { .. }))
            {
                sources.extend(definition.map.as_ref().and_then(|map| map.over.step()));
            }
        }
        sources.extend(provenance.items(&step.key).iter().map(|item| &item.key));
        for &source in &sources {
            consumers.entry(source).or_default().push(&step.key);
        }
        consumed_from.insert(&step.key, sources);
        if !reasons.is_empty() {
            because.insert(&step.key, reasons);
        }
    }

    let mut stale: BTreeSet<&StepKey> = because.keys().copied().collect();
    let mut queue: Vec<&StepKey> = stale.iter().copied().collect();
    while let Some(key) = queue.pop() {
        for &consumer in consumers.get(key).into_iter().flatten() {
            if stale.insert(consumer) {
                queue.push(consumer);
            }
        }
    }
    stale
        .iter()
        .map(|&key| {
            let through = consumed_from[key].iter().filter(|source| stale.contains(*source));
            let staleness = Staleness {
                because: because.remove(key).unwrap_or_default(),
                through: through.map(|&source| source.clone()).collect(),
            };
            (key.clone(), staleness)
        })
        .collect()
}

/// What is in force now; what all items of a map share is worked out once.
struct Now<'a> {
    provenance: &'a Provenance<'a>,
    facts: BTreeMap<(&'a StepKey, bool), Facts<'a>>,
    inputs: RunInputs<'a>,
    /// The hash of nothing.
    null: String,
}

/// What the run was started with, by its hashes: each part is hashed once, for it may be long and thousands of steps may read it.
struct RunInputs<'a> {
    view: &'a RunView,
    hashes: BTreeMap<(&'a str, &'a str), String>,
}

impl<'a> RunInputs<'a> {
    fn hash(&mut self, key: &'a str, path: &'a str) -> String {
        let view = self.view;
        let hashed = || {
            let value = run_input(&view.run_definition, &view.inputs, key, path);
            hash::value_hash(value.unwrap_or(&Value::Null))
        };
        self.hashes.entry((key, path)).or_insert_with(hashed).clone()
    }
}

/// What the definition and the run say of a step; an item's own override comes on top.
struct Facts<'a> {
    ports: BTreeMap<&'a str, Port<'a>>,
    overrides: Option<&'a StepOverride>,
    prompt: Option<String>,
    dependencies: String,
}

/// What a port is fed with by the definition.
enum Port<'a> {
    Artifact {
        step: &'a StepKey,
        name: &'a str,
    },
    Hash(String),
    /// Only the map knows, when it expands.
    Item,
}

impl<'a> Now<'a> {
    fn facts(&mut self, step: &'a StepView, definition: &'a Step, is_map: bool) -> &Facts<'a> {
        let view = self.provenance.view;
        let inputs = &mut self.inputs;
        self.facts.entry((step.definition_key(), is_map)).or_insert_with(|| {
            let overrides = view.overrides.get(step.definition_key());
            Facts {
                ports: ports(inputs, definition, is_map),
                overrides,
                prompt: prompt_hash(overrides, Some(definition), step),
                dependencies: hash::dependencies_hash(definition.direct_dependencies()),
            }
        })
    }

    /// Every difference between what an attempt was made with and what is in force.
    fn compare(&mut self, step: &'a StepView, definition: &'a Step, attempt: &'a AttemptView) -> Vec<StaleReason> {
        let provenance = self.provenance;
        let null = self.null.clone();
        let is_map = definition.map.is_some() && step.item_of.is_none();
        let facts = self.facts(step, definition, is_map);
        // An item's own override is rare; all others share what their map step has.
        let own = provenance.view.overrides.get(&step.key).filter(|_| step.item_of.is_some());
        let merged = own.and_then(|_| effective_override(&provenance.view.overrides, &step.key));
        // The ports of a map step are those of its items.
        let overrides = merged.as_ref().or(facts.overrides).filter(|_| !is_map);
        let literals = overrides.map(|overrides| &overrides.inputs);

        let consumed: BTreeMap<&str, &ConsumedInput> =
            attempt.inputs.iter().map(|input| (input.port.as_str(), input)).collect();
        let fed = literals.into_iter().flat_map(BTreeMap::keys).map(String::as_str);
        let known: BTreeSet<&str> = facts.ports.keys().chain(consumed.keys()).copied().chain(fed).collect();
        let mut reasons = Vec::new();
        for port in known {
            let was = consumed.get(port).copied();
            let old_hash = was.map_or(null.as_str(), |input| input.hash.as_str());
            let new_hash = match (literals.and_then(|literals| literals.get(port)), facts.ports.get(port)) {
                (Some(literal), _) => hash::value_hash(literal),
                (None, Some(Port::Hash(hash))) => hash.clone(),
                (None, None) => null.clone(),
                (None, Some(Port::Item)) => continue,
                (None, Some(Port::Artifact { step, name })) => {
                    reasons.extend(changed_artifact(provenance, port, step, name, was, old_hash == null));
                    continue;
                }
            };
            if new_hash != old_hash {
                reasons.push(StaleReason::Input { port: port.to_owned() });
            }
        }
        let Some(basis) = &attempt.basis else {
            return reasons;
        };
        if !is_map {
            let prompt = match &merged {
                Some(overrides) => prompt_hash(Some(overrides), Some(definition), step),
                None => facts.prompt.clone(),
            };
            if prompt.is_some() && prompt != basis.prompt {
                reasons.push(StaleReason::Prompt);
            }
            if basis.agent_version != step.agent_version {
                reasons.push(StaleReason::AgentVersion { consumed: basis.agent_version, now: step.agent_version });
            }
        }
        if basis.dependencies != facts.dependencies {
            reasons.push(StaleReason::Dependencies);
        }
        reasons
    }
}

fn ports<'a>(run: &mut RunInputs<'a>, definition: &'a Step, is_map: bool) -> BTreeMap<&'a str, Port<'a>> {
    let over = definition.map.iter().filter(|_| is_map).map(|map| (MAP_PORT, &map.over));
    let inputs = definition.inputs.iter().filter(|_| !is_map).map(|(name, source)| (name.as_str(), source));
    over.chain(inputs)
        .map(|(port, source)| {
            let fed = match source {
                Source::Const(value) => Port::Hash(hash::value_hash(value)),
                Source::Run { key, path } => Port::Hash(run.hash(key, path)),
                Source::Step { step, artifact, .. } => Port::Artifact { step, name: artifact },
                Source::Item { .. } => Port::Item,
            };
            (port, fed)
        })
        .collect()
}

fn changed_artifact(
    provenance: &Provenance<'_>,
    port: &str,
    step: &StepKey,
    name: &str,
    was: Option<&ConsumedInput>,
    was_nothing: bool,
) -> Option<StaleReason> {
    match provenance.latest(step, name) {
        Some(now) if was.is_some_and(|was| was.hash == now.meaning()) => None,
        Some(now) => Some(StaleReason::Artifact {
            port: port.to_owned(),
            step: step.clone(),
            name: name.to_owned(),
            consumed: was.and_then(|was| was.version).unwrap_or(0),
            now: now.version,
        }),
        None if was.is_some_and(|was| was.artifact_id.is_some()) => {
            Some(StaleReason::ArtifactGone { port: port.to_owned(), step: step.clone(), name: name.to_owned() })
        }
        None if was_nothing => None,
        None => Some(StaleReason::Input { port: port.to_owned() }),
    }
}

#[cfg(test)]
mod tests;
