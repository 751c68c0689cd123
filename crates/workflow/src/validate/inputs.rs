//! Checks of the run inputs that a definition declares.

use crate::{
    definition::Definition,
    limits,
    problem::{Problem, ProblemCode},
    source::Source,
};

pub(super) fn check(definition: &Definition, problems: &mut Vec<Problem>) {
    for (key, input) in &definition.inputs {
        let field = format!("inputs.{key}");
        if !crate::StepKey::new(key.as_str()).is_well_formed() {
            problems.push(Problem::error(
                None,
                Some(field.clone()),
                ProblemCode::InvalidKey,
                format!("`{key}` is no input key: use lower-case letters, digits and `_`, beginning with a letter"),
            ));
        }
        if input.title.chars().count() > limits::MAX_NAME_CHARS {
            problems.push(Problem::error(
                None,
                Some(format!("{field}.title")),
                ProblemCode::InvalidValue,
                "Keep the title under 200 characters",
            ));
        }
        for (at, fault) in input.schema.problems() {
            problems.push(Problem::error(None, Some(format!("{field}.schema{at}")), ProblemCode::InvalidValue, fault));
        }
        if let Some(default) = &input.default {
            for (path, fault) in input.schema.check(default) {
                problems.push(Problem::error(
                    None,
                    Some(format!("{field}.default{path}")),
                    ProblemCode::TypeMismatch,
                    format!("The default {fault}"),
                ));
            }
        }
        let is_used = definition
            .steps
            .values()
            .flat_map(|step| step.sources().chain(step.concurrency.iter().map(|concurrency| &concurrency.key)))
            .any(|source| matches!(source, Source::Run { key: used, .. } if used == key));
        if !is_used {
            problems.push(Problem::warning(
                None,
                Some(field),
                ProblemCode::UnusedInput,
                format!("No step uses the input `{key}`"),
            ));
        }
    }
}
