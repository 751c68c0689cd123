//! By which ids a run stands in a trace (W3C Trace Context): the run is the trace, and in it the run, each generation of a step, each
//! attempt and each of its calls is a span. They follow from what the span is of, so every process names it alike, an attempt's before
//! anything of it was sent, and one that is sent twice is the same.
//!
//! Must never depend on anything but the run, its steps and numbers: a worker outside was told its attempt's, and its spans hang there.

use crate::{
    hash::sha256_hex,
    id::{RunId, StepKey},
};

/// Hexadecimal digits of a span's id.
const DIGITS: usize = 16;

/// The id of a span: never 0, which would be none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SpanId(pub u64);

impl SpanId {
    fn of(text: &str) -> Self {
        let hash = sha256_hex(text.as_bytes());
        let id = hash.get(..DIGITS).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        Self(id.unwrap_or_default().max(1))
    }

    pub fn of_run(run: RunId) -> Self {
        Self::of(&format!("{}.run", run.0.simple()))
    }

    pub fn of_step(run: RunId, step: &StepKey, generation: i32) -> Self {
        Self::of(&format!("{}.step.{generation}.{step}", run.0.simple()))
    }

    pub fn of_attempt(run: RunId, step: &StepKey, number: i32) -> Self {
        Self::of(&format!("{}.{number}.{step}", run.0.simple()))
    }

    /// `n`: which request of the attempt it is, from 0.
    pub fn of_call(run: RunId, step: &StepKey, number: i32, n: usize) -> Self {
        Self::of(&format!("{}.{number}.call.{n}.{step}", run.0.simple()))
    }
}

/// What an attempt is told to whoever does it.
pub fn traceparent(run: RunId, step: &StepKey, number: i32) -> String {
    let SpanId(span) = SpanId::of_attempt(run, step, number);
    format!("00-{}-{span:016x}-01", run.0.simple())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_span_is_known_by_what_it_is_of_and_each_is_another() {
        let (run, step, other) = (RunId(Uuid::from_u128(7)), StepKey::new("digest"), StepKey::new("each[a.1]"));
        let ids = || {
            let mut ids = BTreeSet::from([SpanId::of_run(run), SpanId::of_run(RunId(Uuid::from_u128(8)))]);
            for key in [&step, &other] {
                for n in 1..3 {
                    ids.insert(SpanId::of_step(run, key, n));
                    ids.insert(SpanId::of_attempt(run, key, n));
                    ids.extend((0..2).map(|call| SpanId::of_call(run, key, n, call)));
                }
            }
            ids
        };
        assert_eq!(ids().len(), 2 + 2 * 2 * 4);
        assert_eq!(ids(), ids());
        let told = traceparent(run, &step, 2);
        assert_eq!(told, format!("00-{:032x}-{:016x}-01", 7, SpanId::of_attempt(run, &step, 2).0));
        assert_eq!(told.len(), 55);
    }
}
