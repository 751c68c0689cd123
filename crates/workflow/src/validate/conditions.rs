//! Checks of a step's condition: it is finished, and its sides can be compared. One that is always false, or always true, is told
//! here rather than by steps that are always skipped.
//! Fields are paths as the condition is written, such as `when.and.0.eq.1`.

use serde_json::Value;

use super::{Told, WHEN, sources};
use crate::{
    agent::AgentCatalog,
    condition::Condition,
    definition::{Definition, Step},
    json,
    problem::ProblemCode,
    schema::{Kind, Schema, article},
    source::Source,
};

pub(super) fn check(definition: &Definition, agents: &AgentCatalog, step: &Step, told: &mut Told<'_>) {
    if let Some(when) = &step.when {
        Checker { definition, agents, step }.check(when, WHEN, told);
    }
}

struct Checker<'a> {
    definition: &'a Definition,
    agents: &'a AgentCatalog,
    step: &'a Step,
}

impl Checker<'_> {
    fn check(&self, condition: &Condition, field: &str, told: &mut Told<'_>) {
        let field = format!("{field}.{}", condition.word());
        match condition {
            Condition::Eq(a, b) | Condition::Ne(a, b) => self.same(a, b, &field, told),
            Condition::Lt(a, b) | Condition::Le(a, b) | Condition::Gt(a, b) | Condition::Ge(a, b) => {
                self.ordered(a, b, &field, told);
            }
            Condition::In(part, whole) => self.within(part, whole, [&field, ".0", ".1"], told),
            Condition::Contains(whole, part) => self.within(part, whole, [&field, ".1", ".0"], told),
            Condition::Exists(Source::Const(_)) => {
                told.invalid(field, "A constant is always there: choose what to look at");
            }
            Condition::Exists(_) => {}
            Condition::And(all) | Condition::Or(all) if all.is_empty() => {
                told.invalid(field, "The condition is not finished: add what it joins, or remove it");
            }
            Condition::And(all) | Condition::Or(all) => {
                for (n, one) in all.iter().enumerate() {
                    self.check(one, &format!("{field}.{n}"), told);
                }
            }
            Condition::Not(inner) => self.check(inner, &field, told),
        }
    }

    /// What a side gives; nothing where it is broken, which is told with the sources.
    fn schema(&self, side: &Source) -> Option<Schema> {
        match side {
            Source::Const(value) => Some(of_value(value)),
            source => sources::given(self.definition, self.agents, self.step, source),
        }
    }

    /// Both sides, if there is something to compare.
    fn sides(&self, a: &Source, b: &Source, field: &str, told: &mut Told<'_>) -> Option<(Schema, Schema)> {
        if matches!((a, b), (Source::Const(_), Source::Const(_))) {
            let message = "Both sides are constants, so this is always the same: choose what to look at";
            told.warning(format!("{field}.0"), ProblemCode::NoEffect, message);
            return None;
        }
        for (n, side) in [a, b].into_iter().enumerate() {
            if matches!(side, Source::Const(Value::Null)) {
                told.invalid(
                    format!("{field}.{n}"),
                    "The condition is not finished: give a value to compare with, or ask whether it is there",
                );
                return None;
            }
        }
        Some((self.schema(a)?, self.schema(b)?))
    }

    fn same(&self, a: &Source, b: &Source, field: &str, told: &mut Told<'_>) {
        let Some((left, right)) = self.sides(a, b, field, told) else { return };
        if let Some((one, other)) = differ(&left, &right) {
            told.error(
                format!("{field}.1"),
                ProblemCode::TypeMismatch,
                format!("{} is never equal to {}: {}", one, other, how(&left, &right)),
            );
        } else {
            for (schema, value) in [(&left, b), (&right, a)] {
                if let Source::Const(value) = value
                    && !schema.choices().is_empty()
                    && !json::contains(schema.choices(), value)
                {
                    let choices: Vec<String> = schema.choices().iter().map(ToString::to_string).collect();
                    told.error(
                        format!("{field}.1"),
                        ProblemCode::TypeMismatch,
                        format!("It is never {value}: there are {}", choices.join(", ")),
                    );
                }
            }
        }
    }

    fn ordered(&self, a: &Source, b: &Source, field: &str, told: &mut Told<'_>) {
        let Some((left, right)) = self.sides(a, b, field, told) else { return };
        for (n, schema) in [&left, &right].into_iter().enumerate() {
            if let Some(kind) = schema.kind.filter(|kind| !matches!(kind, Kind::String | Kind::Number | Kind::Integer))
            {
                told.error(
                    format!("{field}.{n}"),
                    ProblemCode::TypeMismatch,
                    format!("Only texts and numbers have an order, but this is {}", article(kind)),
                );
                return;
            }
        }
        if let Some((one, other)) = differ(&left, &right) {
            told.error(
                format!("{field}.1"),
                ProblemCode::TypeMismatch,
                format!("{one} cannot be compared with {other}: {}", how(&left, &right)),
            );
        }
    }

    fn within(&self, part: &Source, whole: &Source, [field, of_part, of_whole]: [&str; 3], told: &mut Told<'_>) {
        let Some((of, list)) = self.sides(part, whole, field, told) else { return };
        let (part_field, whole_field) = (format!("{field}{of_part}"), format!("{field}{of_whole}"));
        match list.kind {
            None => {}
            Some(Kind::Array) => {
                let items = match whole {
                    Source::Const(Value::Array(values)) if values.is_empty() => {
                        told.invalid(whole_field, "The condition is not finished: the list is empty");
                        return;
                    }
                    Source::Const(Value::Array(values)) => values.iter().map(of_value).collect(),
                    _ => vec![list.item()],
                };
                if items.iter().all(|item| differ(&of, item).is_some())
                    && let Some((one, other)) = items.first().and_then(|item| differ(&of, item))
                {
                    told.error(
                        part_field,
                        ProblemCode::TypeMismatch,
                        format!("{one} is never in this list, which holds {other}"),
                    );
                }
            }
            Some(Kind::String | Kind::Object) => {
                if let Some(kind) = of.kind.filter(|kind| *kind != Kind::String) {
                    told.error(
                        part_field,
                        ProblemCode::TypeMismatch,
                        format!("Only a text can be looked for here, but this is {}", article(kind)),
                    );
                }
            }
            Some(kind) => told.error(
                whole_field,
                ProblemCode::TypeMismatch,
                format!("A list, a text or an object can hold something, but this is {}", article(kind)),
            ),
        }
    }
}

/// The type of a constant.
fn of_value(value: &Value) -> Schema {
    Schema::of(match value {
        Value::Null => Kind::Null,
        Value::Bool(_) => Kind::Boolean,
        Value::Number(_) => Kind::Number,
        Value::String(_) => Kind::String,
        Value::Array(_) => Kind::Array,
        Value::Object(_) => Kind::Object,
    })
}

/// The names of two types whose values are never equal.
fn differ(a: &Schema, b: &Schema) -> Option<(String, &'static str)> {
    let (a, b) = (a.kind?, b.kind?);
    let is_number = |kind| matches!(kind, Kind::Number | Kind::Integer);
    let fits = a == b || is_number(a) && is_number(b) || a == Kind::Null || b == Kind::Null;
    (!fits).then(|| (crate::template::sentence(article(a)), article(b)))
}

/// What to do about two types that do not fit.
fn how(a: &Schema, b: &Schema) -> &'static str {
    match (a.kind, b.kind) {
        (Some(Kind::String), _) | (_, Some(Kind::String)) => "compare it with a text, or choose another source",
        (Some(Kind::Number | Kind::Integer), _) | (_, Some(Kind::Number | Kind::Integer)) => {
            "compare it with a number, or choose another source"
        }
        _ => "choose another source or another value",
    }
}
