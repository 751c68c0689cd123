//! The small JSON tree of conditions (`when`, concurrency keys, review conditions): parsed and stored here.
//! There is no expression language and no eval, and there must never be one.

use serde::{Deserialize, Serialize};

use crate::source::Source;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Eq(Source, Source),
    Ne(Source, Source),
    Lt(Source, Source),
    Le(Source, Source),
    Gt(Source, Source),
    Ge(Source, Source),
    In(Source, Source),
    Contains(Source, Source),
    Exists(Source),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
}

impl Condition {
    /// All sources the condition reads, in writing order.
    pub fn sources(&self) -> Vec<&Source> {
        match self {
            Self::Eq(a, b)
            | Self::Ne(a, b)
            | Self::Lt(a, b)
            | Self::Le(a, b)
            | Self::Gt(a, b)
            | Self::Ge(a, b)
            | Self::In(a, b)
            | Self::Contains(a, b) => vec![a, b],
            Self::Exists(source) => vec![source],
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::sources).collect(),
            Self::Not(inner) => inner.sources(),
        }
    }
}
