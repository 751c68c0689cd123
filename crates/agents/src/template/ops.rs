//! What the engine's own operators and tests do otherwise: values compare as in `compare`, and `~` joins texts and JSON.
//! Each pays fuel by what it reads; none may read more than it was paid for by more than the size of its operands.

use std::cmp::Ordering;

use minijinja::{
    Environment, Error, ErrorKind, State, Value,
    value::{Rest, ValueKind},
};

use super::{
    bounds::{MAX_RENDERED_BYTES, fuel_for, invalid},
    compare::{is_same, order, pay, pay_both},
    values::calculable,
    write::{self, Counted},
};

/// Makes a number one that the engine can calculate with.
pub(super) const CALCULABLE: &str = "__calculable";
/// Makes a value the text that it would be inserted as.
pub(super) const TEXT: &str = "__text";
/// Pays for a value that is about to be read.
pub(super) const PAID: &str = "__paid";
/// Joins two values as they would be inserted.
pub(super) const CONCAT: &str = "__concat";
/// Several comparisons in a row, `a < b < c`: its last argument names them.
pub(super) const CHAIN: &str = "__chain";
pub(super) const NEGATIVE: &str = "__neg";

/// A comparison: the operator, the filter that stands for it, and the tests that are another form of it.
pub(super) struct Comparison {
    pub(super) name: &'static str,
    tests: &'static [&'static str],
    holds: fn(&State, &Value, &Value) -> Result<bool, Error>,
}

pub(super) const EQ: Comparison =
    Comparison { name: "__eq", tests: &["eq", "equalto", "=="], holds: |_, a, b| Ok(is_same(a, b)) };
pub(super) const NE: Comparison =
    Comparison { name: "__ne", tests: &["ne", "!="], holds: |_, a, b| Ok(!is_same(a, b)) };
pub(super) const LT: Comparison = Comparison {
    name: "__lt",
    tests: &["lt", "lessthan", "<"],
    holds: |_, a, b| Ok(is_in_order(a, b, Ordering::is_lt)),
};
pub(super) const LE: Comparison =
    Comparison { name: "__le", tests: &["le", "<="], holds: |_, a, b| Ok(is_in_order(a, b, Ordering::is_le)) };
pub(super) const GT: Comparison = Comparison {
    name: "__gt",
    tests: &["gt", "greaterthan", ">"],
    holds: |_, a, b| Ok(is_in_order(a, b, Ordering::is_gt)),
};
pub(super) const GE: Comparison =
    Comparison { name: "__ge", tests: &["ge", ">="], holds: |_, a, b| Ok(is_in_order(a, b, Ordering::is_ge)) };
pub(super) const IN: Comparison = Comparison { name: "__in", tests: &["in"], holds: contains };
pub(super) const NOT_IN: Comparison =
    Comparison { name: "__not_in", tests: &[], holds: |state, a, b| contains(state, a, b).map(|is_in| !is_in) };

const COMPARISONS: [Comparison; 8] = [EQ, NE, LT, LE, GT, GE, IN, NOT_IN];

pub(super) fn add_to(env: &mut Environment<'static>) {
    env.add_filter(CALCULABLE, calculable);
    env.add_filter(TEXT, text_of);
    env.add_filter(PAID, |state: &State, value: Value| pay(state, &value, 1).map(|()| value));
    env.add_filter(CONCAT, |state: &State, a: &Value, b: &Value| {
        given(a, b)?;
        joined(state, &[a, b])
    });
    env.add_filter(CHAIN, chain);
    for Comparison { name, tests, holds } in COMPARISONS {
        env.add_filter(name, move |state: &State, a: &Value, b: &Value| {
            given(a, b).and_then(|()| paid(state, a, b, holds))
        });
        for test in tests {
            env.add_test(*test, move |state: &State, a: &Value, b: &Value| {
                // Asking whether something missing is this or that is no fault, nor is asking what has no parts.
                let has_none = name == IN.name && (a.is_undefined() || b.as_str().is_none() && b.try_iter().is_err());
                if has_none && !b.is_undefined() { Ok(false) } else { paid(state, a, b, holds) }
            });
        }
    }
}

/// Whether a test is a comparison, which pays by itself.
pub(super) fn is_test(name: &str) -> bool {
    COMPARISONS.iter().any(|comparison| comparison.tests.contains(&name))
}

fn given(a: &Value, b: &Value) -> Result<(), Error> {
    present(a).and_then(|()| present(b))
}

/// Refuses what is missing, for what would take it for something empty.
pub(super) fn present(value: &Value) -> Result<(), Error> {
    if value.is_undefined() { Err(ErrorKind::UndefinedError.into()) } else { Ok(()) }
}

fn paid(
    state: &State,
    a: &Value,
    b: &Value,
    holds: fn(&State, &Value, &Value) -> Result<bool, Error>,
) -> Result<bool, Error> {
    pay_both(state, a, b)?;
    holds(state, a, b)
}

/// What is no number stands in no order.
fn is_in_order(a: &Value, b: &Value, is_so: fn(Ordering) -> bool) -> bool {
    let order = order(a, b);
    is_so(order) && (order.is_ne() || is_same(a, b))
}

/// All operands are known already, while the engine would not look at those behind the first comparison that fails.
#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]
fn chain(state: &State, values: Rest<Value>) -> Result<bool, Error> {
    let Some((names, values)) = values.split_last() else {
        return Ok(true);
    };
    let names = names.as_str().unwrap_or_default().split(' ');
    for (name, pair) in names.zip(values.windows(2)) {
        let comparison = COMPARISONS.into_iter().find(|comparison| comparison.name == name);
        let holds =
            comparison.map(|comparison| comparison.holds).ok_or_else(|| invalid("it compares in no known way"))?;
        given(&pair[0], &pair[1])?;
        if !paid(state, &pair[0], &pair[1], holds)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn contains(state: &State, part: &Value, whole: &Value) -> Result<bool, Error> {
    present(whole)?;
    if let Some(text) = whole.as_str() {
        state.consume_fuel(fuel_for(text.len()))?;
        let part = joined(state, &[part])?;
        return Ok(text.contains(&part));
    }
    if whole.kind() == ValueKind::Map {
        return Ok(whole.get_item(part).is_ok_and(|item| !item.is_undefined()));
    }
    for item in whole.try_iter()? {
        state.consume_fuel(1)?;
        pay_both(state, &item, part)?;
        if is_same(&item, part) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A text as it is, any other value as it would be inserted. What is missing stays so, and is told by who wants it.
pub(super) fn text_of(state: &State, value: Value) -> Result<Value, Error> {
    if value.as_str().is_some() || value.is_undefined() { Ok(value) } else { joined(state, &[&value]).map(Value::from) }
}

/// Values one after the other as they would be inserted.
pub(super) fn joined(state: &State, values: &[&Value]) -> Result<String, Error> {
    let mut text = String::new();
    for value in values {
        let before = text.len();
        let mut counted = Counted { n_bytes: before, out: &mut text, is_full: false };
        let written = write::text(&mut counted, value);
        if counted.is_full {
            return Err(invalid(format!("a text becomes longer than {} MiB", MAX_RENDERED_BYTES >> 20)));
        }
        written?;
        // Lists and maps take longer to write than texts.
        let price = if value.as_str().is_some() { 1 } else { 16 };
        state.consume_fuel(fuel_for((text.len() - before) * price))?;
    }
    Ok(text)
}
