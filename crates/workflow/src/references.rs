//! Every place where a step names another step, or reads something: one list of them, so that none is forgotten by what follows or
//! rewrites references. Must judge nothing: whoever renames knows whether the new key is free.

use std::collections::BTreeMap;

use crate::{
    condition::Condition,
    definition::{Definition, Step},
    id::StepKey,
    source::Source,
};

/// Every step that a step waits for or reads, also where it could never be read.
pub fn named_steps(step: &Step) -> impl Iterator<Item = &StepKey> {
    let shared = step.concurrency.iter().filter_map(|shared| shared.key.step());
    step.depends_on.iter().chain(step.sources().filter_map(Source::step)).chain(shared)
}

/// Gives a step another key, and with it everything that names it. False where there is no such step.
pub fn rename_step(definition: &mut Definition, from: &StepKey, to: &StepKey) -> bool {
    let is_there = definition.steps.contains_key(from);
    if is_there {
        rename_steps(definition, &[(from.clone(), to.clone())].into());
    }
    is_there
}

/// The same of many steps, all at once: each key of `keys` becomes what it leads to.
pub fn rename_steps(definition: &mut Definition, keys: &BTreeMap<StepKey, StepKey>) {
    if keys.is_empty() {
        return;
    }
    let moved: Vec<_> =
        keys.iter().filter_map(|(from, to)| Some((to.clone(), definition.steps.remove(from)?))).collect();
    definition.steps.extend(moved);
    let names_one = |_: &StepKey, step: &Step| named_steps(step).any(|named| keys.contains_key(named));
    definition.steps.change_where(names_one, |_, step| {
        let waits = std::mem::take(&mut step.depends_on);
        step.depends_on = waits.into_iter().map(|on| keys.get(&on).cloned().unwrap_or(on)).collect();
        each_source(step, &mut |source| {
            if let Source::Step { step, .. } = source
                && let Some(to) = keys.get(step)
            {
                step.clone_from(to);
            }
        });
    });
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

    #[test]
    fn many_steps_get_other_keys_at_once() {
        let of = |a: &str, b: &str| {
            let read = json!({"from": "step", "step": a, "artifact": "text"});
            let steps = json!({
                a: {"agent_id": "x"},
                b: {"agent_id": "y", "depends_on": [a], "inputs": {"t": read}, "when": {"exists": read}},
                "c": {"agent_id": "x", "depends_on": [a, b, "nowhere"]}});
            Definition::from_value(&json!({"steps": steps})).unwrap()
        };
        // One after the other would lose a step of these two.
        let mut definition = of("a", "b");
        rename_steps(&mut definition, &[("a".into(), "b".into()), ("b".into(), "a".into())].into());
        assert_eq!(definition, of("b", "a"));
        assert!(!rename_step(&mut definition, &"nowhere".into(), &"d".into()));
        assert_eq!(definition, of("b", "a"));
    }
}
