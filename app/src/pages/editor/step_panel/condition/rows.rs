//! A condition as rows: something to look at, how to compare, and a value; all joined alike. Pure.
//! What rows cannot say is `None`, and never anything less than the condition.

use serde_json::Value;
use workflow::{condition::Condition, source::Source};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Join {
    #[default]
    And,
    Or,
}

impl Join {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operator {
    Is,
    IsNot,
    Less,
    AtMost,
    More,
    AtLeast,
    In,
    Contains,
    Exists,
    ExistsNot,
}

pub(super) const OPERATORS: [Operator; 10] = [
    Operator::Is,
    Operator::IsNot,
    Operator::Less,
    Operator::AtMost,
    Operator::More,
    Operator::AtLeast,
    Operator::In,
    Operator::Contains,
    Operator::Exists,
    Operator::ExistsNot,
];

impl Operator {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Is => "eq",
            Self::IsNot => "ne",
            Self::Less => "lt",
            Self::AtMost => "le",
            Self::More => "gt",
            Self::AtLeast => "ge",
            Self::In => "in",
            Self::Contains => "contains",
            Self::Exists => "exists",
            Self::ExistsNot => "exists_not",
        }
    }

    /// The words of the condition, from the outside to the inside, as the validator names the place.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::ExistsNot => "not.exists",
            operator => operator.as_str(),
        }
    }

    pub(super) fn of(word: &str) -> Option<Self> {
        OPERATORS.into_iter().find(|operator| operator.as_str() == word)
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::IsNot => "is not",
            Self::Less => "is less than",
            Self::AtMost => "is at most",
            Self::More => "is more than",
            Self::AtLeast => "is at least",
            Self::In => "is one of",
            Self::Contains => "contains",
            Self::Exists => "is there",
            Self::ExistsNot => "is not there",
        }
    }

    pub(super) fn wants_value(self) -> bool {
        !matches!(self, Self::Exists | Self::ExistsNot)
    }
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Row {
    pub left: Source,
    pub operator: Operator,
    pub value: Value,
}

impl Row {
    pub(super) fn new(left: Source) -> Self {
        // Not finished before there is a value.
        Self { left, operator: Operator::Is, value: Value::Null }
    }

    fn of(condition: &Condition) -> Option<Self> {
        let row = |left: &Source, operator, right: &Source| match (left, right) {
            (Source::Const(_), _) => None,
            (left, Source::Const(value)) => Some(Self { left: left.clone(), operator, value: value.clone() }),
            _ => None,
        };
        let exists = |source: &Source, operator| {
            let is_const = matches!(source, Source::Const(_));
            (!is_const).then(|| Self { left: source.clone(), operator, value: Value::Null })
        };
        match condition {
            Condition::Eq(a, b) => row(a, Operator::Is, b),
            Condition::Ne(a, b) => row(a, Operator::IsNot, b),
            Condition::Lt(a, b) => row(a, Operator::Less, b),
            Condition::Le(a, b) => row(a, Operator::AtMost, b),
            Condition::Gt(a, b) => row(a, Operator::More, b),
            Condition::Ge(a, b) => row(a, Operator::AtLeast, b),
            Condition::In(a, b) => row(a, Operator::In, b),
            Condition::Contains(a, b) => row(a, Operator::Contains, b),
            Condition::Exists(source) => exists(source, Operator::Exists),
            Condition::Not(inner) => match &**inner {
                Condition::Exists(source) => exists(source, Operator::ExistsNot),
                _ => None,
            },
            Condition::And(_) | Condition::Or(_) => None,
        }
    }

    fn condition(&self) -> Condition {
        let (left, value) = (self.left.clone(), Source::Const(self.value.clone()));
        match self.operator {
            Operator::Is => Condition::Eq(left, value),
            Operator::IsNot => Condition::Ne(left, value),
            Operator::Less => Condition::Lt(left, value),
            Operator::AtMost => Condition::Le(left, value),
            Operator::More => Condition::Gt(left, value),
            Operator::AtLeast => Condition::Ge(left, value),
            Operator::In => Condition::In(left, value),
            Operator::Contains => Condition::Contains(left, value),
            Operator::Exists => Condition::Exists(left),
            Operator::ExistsNot => Condition::Not(Box::new(Condition::Exists(left))),
        }
    }
}

#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Rows {
    pub join: Join,
    pub rows: Vec<Row>,
}

impl Rows {
    pub(super) fn of(condition: &Condition) -> Option<Self> {
        let all = |conditions: &[Condition], join| {
            let rows: Option<Vec<Row>> = conditions.iter().map(Row::of).collect();
            // A join of one or none would come back as something else.
            rows.filter(|rows| rows.len() > 1).map(|rows| Self { join, rows })
        };
        match condition {
            Condition::And(conditions) => all(conditions, Join::And),
            Condition::Or(conditions) => all(conditions, Join::Or),
            single => Some(Self { join: Join::And, rows: vec![Row::of(single)?] }),
        }
    }

    pub(super) fn condition(&self) -> Condition {
        match (self.rows.as_slice(), self.join) {
            ([row], _) => row.condition(),
            (rows, Join::And) => Condition::And(rows.iter().map(Row::condition).collect()),
            (rows, Join::Or) => Condition::Or(rows.iter().map(Row::condition).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_rows_can_say_comes_back_as_it_was_and_the_rest_is_left_to_json() {
        let a = json!({"from": "step", "step": "a", "artifact": "out"});
        let c = |value: Value| json!({ "const": value });
        let table = [
            (json!({"eq": [a, c(json!("x"))]}), true),
            (json!({"in": [a, c(json!(["x", "y"]))]}), true),
            (json!({"exists": a}), true),
            (json!({"not": {"exists": a}}), true),
            (json!({"and": [{"gt": [a, c(json!(1))]}, {"ne": [a, c(json!(5))]}]}), true),
            (json!({"or": [{"contains": [a, c(json!("x"))]}, {"not": {"exists": a}}]}), true),
            (json!({"not": {"eq": [a, c(json!(1))]}}), false),
            (json!({"eq": [a, a]}), false),
            (json!({"eq": [c(json!(1)), a]}), false),
            (json!({"and": [{"eq": [a, c(json!(1))]}]}), false),
            (json!({"and": [{"or": []}, {"exists": a}]}), false),
        ];
        for (document, expected) in table {
            let condition: Condition = serde_json::from_value(document.clone()).unwrap();
            let rows = Rows::of(&condition);
            assert_eq!(rows.is_some(), expected, "{document}");
            if let Some(rows) = rows {
                assert_eq!(rows.condition(), condition, "{document}");
            }
        }
    }
}
