//! Everything an artifact was made from, in one walk back to the inputs of the run.
//! Pure: the view knows every version and every attempt. It must list each version once, however many paths lead to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    api::{Lineage, LineageInput, LineageNode, LineageSource},
    hash,
    id::{ArtifactId, StepKey},
    provenance::Provenance,
    resolve::{MAP_PORT, run_input},
    source::Source,
    status::{Origin, Outcome},
    view::{ArtifactMeta, AttemptView, ConsumedInput, RunView, StepView},
};

/// The lineage of one artifact, none where the run has no such. `prompts` are texts by their hash, as far as they are known.
pub fn lineage(view: &RunView, artifact: ArtifactId, prompts: &BTreeMap<String, String>) -> Option<Lineage> {
    let walk = Walk { provenance: Provenance::of(view), view, prompts };
    let first = walk.provenance.artifact(artifact)?;
    let mut lineage = Lineage::default();
    let mut seen = BTreeSet::from([first.id]);
    let mut queue = VecDeque::from([first]);
    while let Some(artifact) = queue.pop_front() {
        let Some((node, sources)) = walk.node(artifact) else {
            continue;
        };
        lineage.artifacts.push(node);
        queue.extend(sources.into_iter().filter(|source| seen.insert(source.id)));
    }
    Some(lineage)
}

struct Walk<'a> {
    provenance: Provenance<'a>,
    view: &'a RunView,
    prompts: &'a BTreeMap<String, String>,
}

impl<'a> Walk<'a> {
    /// One version, and those it was made from.
    fn node(&self, artifact: &'a ArtifactMeta) -> Option<(LineageNode, Vec<&'a ArtifactMeta>)> {
        let step = self.view.step(&artifact.producing_step_id)?;
        let attempt = self.provenance.attempt_of(step, artifact);
        let mut sources = Vec::new();
        let mut inputs = Vec::new();
        for consumed in attempt.into_iter().flat_map(|attempt| &attempt.inputs) {
            let source = match consumed.artifact_id.and_then(|id| self.provenance.artifact(id)) {
                Some(source) => {
                    sources.push(source);
                    named(source)
                }
                None => match self.unnamed(step, consumed) {
                    Some(source) => source,
                    None => continue,
                },
            };
            inputs.push(LineageInput { port: consumed.port.clone(), source });
        }
        // An item's own input has no version of its own: the list it was taken from has.
        sources.extend(step.item_of.as_ref().and_then(|map| self.list_of(map, artifact)));
        for item in self.collected(step, artifact) {
            sources.push(item);
            inputs.push(LineageInput { port: item.producing_step_id.to_string(), source: named(item) });
        }
        if artifact.origin == Origin::HumanEdit {
            sources.extend(artifact.parent.and_then(|parent| self.provenance.artifact(parent)));
        }
        let basis = attempt.and_then(|attempt| attempt.basis.as_ref());
        let node = LineageNode {
            artifact: artifact.clone(),
            step_title: step.title.clone(),
            agent_id: step.agent_id.clone(),
            agent_version: basis.map_or(step.agent_version, |basis| basis.agent_version),
            failed_attempts: attempt.map_or(0, |attempt| failures_before(step, attempt)),
            prompt: basis.and_then(|basis| self.prompts.get(basis.prompt.as_ref()?)).cloned(),
            model: attempt.and_then(|attempt| attempt.usage.as_ref()?.model.clone()),
            feedback: attempt
                .filter(|attempt| attempt.generation == step.generation)
                .and_then(|_| step.feedback.clone()),
            attempt: attempt.cloned(),
            inputs,
        };
        Some((node, sources))
    }

    /// Where a value that was no artifact came from; none where there was nothing.
    fn unnamed(&self, step: &StepView, consumed: &ConsumedInput) -> Option<LineageSource> {
        let definition = self.view.run_definition.steps.get(step.definition_key())?;
        let is_this = |value: Option<&serde_json::Value>| {
            hash::value_hash(value.unwrap_or(&serde_json::Value::Null)) == consumed.hash
        };
        match definition.inputs.get(&consumed.port) {
            Some(Source::Item { .. }) => Some(LineageSource::Item),
            Some(Source::Const(value)) if is_this(Some(value)) => Some(LineageSource::Const),
            Some(Source::Run { key, path })
                if is_this(run_input(&self.view.run_definition, &self.view.inputs, key, path)) =>
            {
                Some(LineageSource::RunInput { key: key.clone() })
            }
            Some(Source::Step { .. }) if is_this(None) => None,
            _ => Some(LineageSource::Override),
        }
    }

    /// The list that the items of a map were made of when an item's version appeared.
    fn list_of(&self, map: &StepKey, artifact: &ArtifactMeta) -> Option<&'a ArtifactMeta> {
        let attempts = &self.view.step(map)?.attempts;
        let then =
            attempts.iter().rev().find(|attempt| attempt.started_at <= artifact.created_at).or(attempts.last())?;
        let list = then.inputs.iter().find(|input| input.port == MAP_PORT)?;
        self.provenance.artifact(list.artifact_id?)
    }

    /// What a map step's version was collected from: of each item what was there then.
    fn collected(&self, step: &StepView, collected: &ArtifactMeta) -> Vec<&'a ArtifactMeta> {
        if collected.origin != Origin::Agent {
            return Vec::new();
        }
        let was_there = |known: &ArtifactMeta| {
            known.name == collected.name
                && if collected.is_latest { known.is_latest } else { known.created_at <= collected.created_at }
        };
        let of_item = |item: &&StepView| self.provenance.artifacts(&item.key).iter().rfind(|known| was_there(known));
        self.provenance.items(&step.key).iter().filter_map(of_item).collect()
    }
}

fn named(artifact: &ArtifactMeta) -> LineageSource {
    LineageSource::Artifact {
        id: artifact.id,
        step: artifact.producing_step_id.clone(),
        name: artifact.name.clone(),
        version: artifact.version,
    }
}

fn failures_before(step: &StepView, attempt: &AttemptView) -> i32 {
    let failed = step.attempts.iter().filter(|known| {
        known.generation == attempt.generation
            && known.number < attempt.number
            && matches!(known.outcome, Some(Outcome::Failed | Outcome::Lost))
    });
    i32::try_from(failed.count()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{self, OUT};

    fn shown(lineage: &Lineage) -> Vec<String> {
        lineage
            .artifacts
            .iter()
            .map(|node| format!("{} v{}", node.artifact.producing_step_id, node.artifact.version))
            .collect()
    }

    #[test]
    fn an_artifact_is_told_back_to_the_inputs_of_the_run() {
        let read = |step: &str| json!({"from": "step", "step": step, "artifact": OUT});
        let mut view = testing::run(&json!({"a": {"agent_id": "x"}, "b": {"agent_id": "x"},
            "c": {"agent_id": "x", "inputs": {"a": read("a"), "b": read("b"), "tone": {"const": "kind"}}}}));
        testing::succeed(&mut view, "a", "one", &[]);
        testing::succeed(&mut view, "b", "b", &[("a", "a")]);
        testing::write(&mut view, "a", "two", Origin::HumanEdit, None);
        testing::attempt(&mut view, "c", &[], Outcome::Failed);
        let n = testing::succeed(&mut view, "c", "c", &[("a", "a"), ("b", "b")]);
        testing::priced(&mut view, "c", n, 1, None);
        let tone = ConsumedInput {
            port: "tone".into(),
            artifact_id: None,
            version: None,
            hash: hash::value_hash(&json!("kind")),
        };
        testing::step(&mut view, "c").attempts[1].inputs.push(tone);

        let prompts = BTreeMap::from([(hash::sha256_hex(b"own"), "own".to_owned())]);
        let asked = testing::latest(&view, "c").unwrap().id;
        let lineage = lineage(&view, asked, &prompts).unwrap();
        // What was edited, what the edit was based on, and what b read before the edit: each once.
        assert_eq!(shown(&lineage), ["c v1", "a v2", "b v1", "a v1"]);
        let first = &lineage.artifacts[0];
        assert_eq!(
            (first.failed_attempts, first.prompt.as_deref(), first.model.as_deref()),
            (1, Some("own"), Some("m"))
        );
        let inputs: Vec<_> = first.inputs.iter().map(|input| json!(input)).collect();
        assert_eq!((inputs[1]["version"].as_i64(), inputs[2]["from"].as_str()), (Some(1), Some("const")));
        assert!(lineage.artifacts[1].attempt.is_some(), "an edit shows the attempt beneath it");
        assert!(super::lineage(&view, ArtifactId(uuid::Uuid::nil()), &prompts).is_none());
    }

    #[test]
    fn a_maps_list_is_told_through_its_items_to_the_list_it_was_made_over() {
        let mut view = testing::run(&json!({"a": {"agent_id": "x"},
            "m": {"agent_id": "x", "map": {"over": {"from": "step", "step": "a", "artifact": OUT}}, "inputs": {"it": {"from": "item"}}}}));
        testing::succeed(&mut view, "a", "list", &[]);
        testing::attempt(&mut view, "m", &[(MAP_PORT, "a")], Outcome::Succeeded);
        testing::add_items(&mut view, "m", &["x", "y"]);
        testing::succeed(&mut view, "m[x]", "1", &[]);
        testing::succeed(&mut view, "m[y]", "2", &[]);
        testing::write(&mut view, "m", "both", Origin::Agent, Some(1));
        let lineage = lineage(&view, testing::latest(&view, "m").unwrap().id, &BTreeMap::new()).unwrap();
        assert_eq!(shown(&lineage), ["m v1", "a v1", "m[x] v1", "m[y] v1"]);
        let from_list = super::lineage(&view, testing::latest(&view, "m[x]").unwrap().id, &BTreeMap::new()).unwrap();
        assert_eq!(shown(&from_list), ["m[x] v1", "a v1"]);
    }
}
