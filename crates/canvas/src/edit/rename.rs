//! Gives a step another key, with every reference to it, as one edit.
//! Nothing may go on naming the old key: a reference that was left behind would dangle.

use workflow::{Definition, Step, StepKey, condition::Condition, source::Source};

use super::Edit;

/// The edit that renames a step. `None` if there is no such step, or one with the new key.
pub fn renamed_step(definition: &Definition, old: &StepKey, new: &StepKey) -> Option<Edit> {
    let step = definition.steps.get(old)?;
    if definition.steps.contains_key(new) {
        return None;
    }
    let mut edits = vec![Edit::add(new.clone(), step.clone())];
    for (key, step) in definition.steps.iter().filter(|(key, _)| *key != old) {
        let mut after = step.clone();
        if after.depends_on.remove(old) {
            after.depends_on.insert(new.clone());
        }
        each_source(&mut after, &mut |source| {
            if let Source::Step { step, .. } = source
                && step == old
            {
                step.clone_from(new);
            }
        });
        if after != *step {
            edits.push(Edit::set(key.clone(), after));
        }
    }
    edits.push(Edit::remove(old.clone()));
    Some(Edit::Batch(edits))
}

/// Everything that a step reads: its inputs, its list, what it shares with others, and its condition.
pub fn each_source(step: &mut Step, f: &mut impl FnMut(&mut Source)) {
    step.inputs.values_mut().for_each(&mut *f);
    if let Some(map) = &mut step.map {
        f(&mut map.over);
    }
    if let Some(shared) = &mut step.concurrency {
        f(&mut shared.key);
    }
    if let Some(when) = &mut step.when {
        each_of_condition(when, f);
    }
}

fn each_of_condition(condition: &mut Condition, f: &mut impl FnMut(&mut Source)) {
    match condition {
        Condition::Eq(a, b)
        | Condition::Ne(a, b)
        | Condition::Lt(a, b)
        | Condition::Le(a, b)
        | Condition::Gt(a, b)
        | Condition::Ge(a, b)
        | Condition::In(a, b)
        | Condition::Contains(a, b) => {
            f(a);
            f(b);
        }
        Condition::Exists(source) => f(source),
        Condition::And(all) | Condition::Or(all) => {
            for condition in all {
                each_of_condition(condition, f);
            }
        }
        Condition::Not(inner) => each_of_condition(inner, f),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Document, edit::apply};

    #[test]
    fn a_renamed_step_is_read_as_before_and_its_old_key_is_named_nowhere() {
        let definition = Definition::from_value(&json!({"steps": {
            "draft": {"agent_id": "x", "title": "Plan", "ui": {"x": 1, "y": 2}},
            "write": {"agent_id": "x", "depends_on": ["draft"], "inputs": {
                "t": {"from": "step", "step": "draft", "artifact": "text", "path": "/x"}, "c": {"const": "draft"}},
                "when": {"and": [{"not": {"exists": {"from": "step", "step": "draft", "artifact": "text"}}}]},
                "map": {"over": {"from": "step", "step": "draft", "artifact": "list"}, "max_items": 5}}}}))
        .unwrap();
        let before = definition.clone();
        let edit = renamed_step(&definition, &"draft".into(), &"plan".into()).unwrap();
        let mut document = Document::from(definition);
        let inverse = apply(&mut document, &edit).unwrap();
        let definition = document.definition.clone();
        assert_eq!(definition.steps["plan"], before.steps["draft"]);
        assert!(definition.steps["write"].direct_dependencies().iter().all(|key| key.as_str() == "plan"));
        assert_eq!(definition.to_value().to_string().matches("draft").count(), 1, "only the constant");
        apply(&mut document, &inverse).unwrap();
        assert_eq!(document.definition, before);
        assert!(renamed_step(&before, &"draft".into(), &"write".into()).is_none());
        assert!(renamed_step(&before, &"gone".into(), &"plan".into()).is_none());
    }
}
