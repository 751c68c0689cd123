//! Every place where a step names another step, or reads something: one list of them, so that none is forgotten by what follows or
//! rewrites references. Must judge nothing: whoever renames knows whether the new key is free.

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
    let Some(step) = definition.steps.remove(from) else { return false };
    definition.steps.insert(to.clone(), step);
    for step in definition.steps.values_mut() {
        if step.depends_on.remove(from) {
            step.depends_on.insert(to.clone());
        }
        each_source(step, &mut |source| {
            if let Source::Step { step, .. } = source
                && step == from
            {
                step.clone_from(to);
            }
        });
    }
    true
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
