//! Gives a step or a run input another key in place, with every reference to it; and every place where a step names another.
//! Nothing may go on naming the old key, and nothing that dangled may come alive: a key that is still named is not given.

use workflow::{Definition, Step, StepKey, condition::Condition, source::Source};

use super::refused::Refused;

/// Renames in place. The shape of the key is not judged: undoing must be able to bring back one that was loaded.
pub(super) fn step(definition: &mut Definition, from: &StepKey, to: &StepKey) -> Result<(), Refused> {
    if from != to && definition.steps.contains_key(to) {
        return Err(Refused::StepExists(to.clone()));
    }
    if from != to && is_step_named(definition, to) {
        return Err(Refused::StillNamed(to.to_string()));
    }
    let step = definition.steps.remove(from).ok_or_else(|| Refused::UnknownStep(from.clone()))?;
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
    Ok(())
}

/// The same of a run input.
pub(super) fn run_input(definition: &mut Definition, from: &str, to: &str) -> Result<(), Refused> {
    if from != to && definition.inputs.contains_key(to) {
        return Err(Refused::InputExists(to.to_owned()));
    }
    if from != to && reads_run_input(definition, to) {
        return Err(Refused::StillNamed(to.to_owned()));
    }
    let input = definition.inputs.remove(from).ok_or_else(|| Refused::UnknownRunInput(from.to_owned()))?;
    definition.inputs.insert(to.to_owned(), input);
    for step in definition.steps.values_mut() {
        each_source(step, &mut |source| {
            if let Source::Run { key, .. } = source
                && key == from
            {
                to.clone_into(key);
            }
        });
    }
    Ok(())
}

/// Whether anything waits for a step of this key, or reads it.
pub(super) fn is_step_named(definition: &Definition, key: &StepKey) -> bool {
    definition.steps.values().any(|step| named_steps(step).any(|named| named == key))
}

/// Every step that a step waits for or reads, also where it could never be read.
pub(super) fn named_steps(step: &Step) -> impl Iterator<Item = &StepKey> {
    let shared = step.concurrency.iter().filter_map(|shared| shared.key.step());
    step.depends_on.iter().chain(step.sources().filter_map(Source::step)).chain(shared)
}

/// Whether any step reads a run input of this key.
pub fn reads_run_input(definition: &Definition, key: &str) -> bool {
    let reads = |source: &Source| matches!(source, Source::Run { key: read, .. } if read == key);
    let shared = |step: &Step| step.concurrency.as_ref().is_some_and(|shared| reads(&shared.key));
    definition.steps.values().any(|step| step.sources().any(reads) || shared(step))
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
