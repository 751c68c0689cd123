//! The order in which people read steps: each after what it waits for, as the outline of a run has them; also of two definitions at once.
//! Must never fail: a definition with a cycle is in order by key.

use std::collections::BTreeMap;

use crate::{definition::Definition, graph::Graph, id::StepKey};

pub fn of(definition: &Definition) -> Vec<&StepKey> {
    Graph::of(definition).order().unwrap_or_else(|_| definition.steps.keys().collect())
}

/// The place of every step of either: those of the first as they are there, what only the second has behind what it follows in that one.
pub fn of_both<'a>(first: &'a Definition, second: &'a Definition) -> BTreeMap<&'a StepKey, usize> {
    let mut follows: BTreeMap<Option<&StepKey>, Vec<&StepKey>> = BTreeMap::new();
    let mut last = None;
    for key in of(second) {
        if first.steps.contains_key(key) {
            last = Some(key);
        } else {
            follows.entry(last).or_default().push(key);
        }
    }
    let mut order = follows.remove(&None).unwrap_or_default();
    for key in of(first) {
        order.push(key);
        order.extend(follows.remove(&Some(key)).unwrap_or_default());
    }
    order.into_iter().zip(0..).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition(steps: &serde_json::Value) -> Definition {
        Definition::from_value(&json!({"steps": steps})).unwrap()
    }

    #[test]
    fn steps_are_read_as_they_follow_each_other() {
        fn names(keys: Vec<&StepKey>) -> Vec<&str> {
            keys.into_iter().map(StepKey::as_str).collect()
        }
        let first = definition(&json!({
            "write": {"agent_id": "x"}, "check": {"agent_id": "x", "depends_on": ["write"]},
            "another": {"agent_id": "x", "depends_on": ["check"]}}));
        let second = definition(&json!({
            "write": {"agent_id": "x"}, "between": {"agent_id": "x", "depends_on": ["write"]},
            "another": {"agent_id": "x", "depends_on": ["between"]}}));
        assert_eq!(names(of(&first)), ["write", "check", "another"]);
        let mut both: Vec<(&StepKey, usize)> = of_both(&first, &second).into_iter().collect();
        both.sort_by_key(|(_, place)| *place);
        assert_eq!(names(both.into_iter().map(|(key, _)| key).collect()), ["write", "between", "check", "another"]);
    }
}
