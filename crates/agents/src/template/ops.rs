//! What the engine's own operators do otherwise: numbers compare by all their digits, and `~` joins texts and JSON.
//! Each pays fuel by what it reads; none may read more than it was paid for by more than the size of its operands.

use std::cmp::Ordering;

use minijinja::{Environment, Error, ErrorKind, State, Value, value::ValueKind};

use super::{
    filters::{CALCULABLE, CONCAT, MAX_RENDERED_BYTES, PAID, fuel_for, invalid},
    values::{calculable, order},
    write::{self, Counted},
};

pub(super) fn add_to(env: &mut Environment<'static>) {
    env.add_filter(CALCULABLE, calculable);
    env.add_filter(PAID, |state: &State, value: Value| pay(state, &value).map(|()| calculable(value)));
    env.add_filter(CONCAT, concat);
    env.add_filter("__eq", |state: &State, a: &Value, b: &Value| paid(state, a, b).map(|()| is_same(a, b)));
    env.add_filter("__ne", |state: &State, a: &Value, b: &Value| paid(state, a, b).map(|()| !is_same(a, b)));
    env.add_filter("__lt", |state: &State, a: &Value, b: &Value| paid(state, a, b).map(|()| compare(a, b).is_lt()));
    env.add_filter("__le", |state: &State, a: &Value, b: &Value| paid(state, a, b).map(|()| compare(a, b).is_le()));
    env.add_filter("__gt", |state: &State, a: &Value, b: &Value| paid(state, a, b).map(|()| compare(a, b).is_gt()));
    env.add_filter("__ge", |state: &State, a: &Value, b: &Value| paid(state, a, b).map(|()| compare(a, b).is_ge()));
    env.add_filter("__in", contains);
    env.add_filter("__neg", |value: Value| f64::try_from(calculable(value)).map(|number| -number));
}

fn given(a: &Value, b: &Value) -> Result<(), Error> {
    if a.is_undefined() || b.is_undefined() { Err(ErrorKind::UndefinedError.into()) } else { Ok(()) }
}

/// Both are given, and what comparing them may read is paid for.
fn paid(state: &State, a: &Value, b: &Value) -> Result<(), Error> {
    given(a, b)?;
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => state.consume_fuel(fuel_for(a.len().min(b.len()))),
        _ => pay(state, a).and_then(|()| pay(state, b)),
    }
}

/// Pays for reading a value once, with all that is in it.
fn pay(state: &State, value: &Value) -> Result<(), Error> {
    if let Some(text) = value.as_str() {
        return state.consume_fuel(fuel_for(text.len()));
    }
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            for item in value.try_iter()? {
                state.consume_fuel(1)?;
                pay(state, &item)?;
            }
            Ok(())
        }
        ValueKind::Map => {
            for key in value.try_iter()? {
                pay(state, &key)?;
                pay(state, &value.get_item(&key)?)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn is_same(a: &Value, b: &Value) -> bool {
    order(a, b).map_or_else(|| a == b, Ordering::is_eq)
}

fn compare(a: &Value, b: &Value) -> Ordering {
    order(a, b).unwrap_or_else(|| a.cmp(b))
}

fn contains(state: &State, part: &Value, whole: &Value) -> Result<bool, Error> {
    given(part, whole)?;
    if let Some(text) = whole.as_str() {
        state.consume_fuel(fuel_for(text.len()))?;
        let part = joined(state, &[part])?;
        return Ok(text.contains(&part));
    }
    if whole.kind() == ValueKind::Map {
        return Ok(whole.get_item(part).is_ok_and(|item| !item.is_undefined()));
    }
    for item in whole.try_iter()? {
        paid(state, &item, part)?;
        if is_same(&item, part) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn concat(state: &State, a: &Value, b: &Value) -> Result<String, Error> {
    given(a, b)?;
    joined(state, &[a, b])
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
