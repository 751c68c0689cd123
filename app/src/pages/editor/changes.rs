//! What differs between two definitions, counted: for publishing and for conflicts.
//! Moving a node is no change.

use workflow::{AgentCatalog, Definition, Step};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Changes {
    pub added: usize,
    pub removed: usize,
    pub changed: usize,
    pub inputs: usize,
}

impl Changes {
    pub(super) fn between(before: &Definition, after: &Definition) -> Self {
        let is_new = |key: &&workflow::StepKey| !before.steps.contains_key(*key);
        let is_other = |(key, step): &(&workflow::StepKey, &Step)| {
            before.steps.get(*key).is_some_and(|known| !means_the_same(known, step))
        };
        let inputs_changed = after.inputs.iter().filter(|(key, input)| before.inputs.get(*key) != Some(input)).count();
        let inputs_removed = before.inputs.keys().filter(|key| !after.inputs.contains_key(*key)).count();
        Self {
            added: after.steps.keys().filter(is_new).count(),
            removed: before.steps.keys().filter(|key| !after.steps.contains_key(*key)).count(),
            changed: after.steps.iter().filter(is_other).count(),
            inputs: inputs_changed + inputs_removed,
        }
    }

    /// "2 steps added, 1 step changed"; none where nothing differs.
    pub(super) fn words(self) -> Option<String> {
        let count = |n: usize, what: &str, verb: &str| {
            (n > 0).then(|| format!("{n} {what}{} {verb}", if n == 1 { "" } else { "s" }))
        };
        let parts: Vec<String> = [
            count(self.added, "step", "added"),
            count(self.removed, "step", "removed"),
            count(self.changed, "step", "changed"),
            count(self.inputs, "run input", "changed"),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

fn means_the_same(a: &Step, b: &Step) -> bool {
    let bare = |step: &Step| Step { ui: None, ..step.clone() };
    a == b || bare(a) == bare(b)
}

/// The definition as publishing would pin it now.
pub(super) fn pinned(definition: &Definition, agents: &AgentCatalog) -> Definition {
    let mut pinned = definition.clone();
    for step in pinned.steps.values_mut() {
        if step.agent_version.is_none() {
            step.agent_version = agents.get(&step.agent_id, None).map(|spec| spec.version);
        }
    }
    pinned
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition(document: &serde_json::Value) -> Definition {
        Definition::from_value(document).unwrap()
    }

    #[test]
    fn steps_and_inputs_are_counted_and_places_are_not() {
        let before = definition(&json!({
            "inputs": {"topic": {"schema": {"type": "string"}}},
            "steps": {"a": {"agent_id": "x"}, "b": {"agent_id": "x"}, "c": {"agent_id": "x"}}}));
        let after = definition(&json!({"steps": {
            "a": {"agent_id": "x", "ui": {"x": 5, "y": 5}}, "b": {"agent_id": "y"}, "d": {"agent_id": "x"}}}));
        let changes = Changes::between(&before, &after);
        assert_eq!(changes, Changes { added: 1, removed: 1, changed: 1, inputs: 1 });
        assert_eq!(changes.words().unwrap(), "1 step added, 1 step removed, 1 step changed, 1 run input changed");
        assert_eq!(Changes::between(&before, &before).words(), None);
    }
}
