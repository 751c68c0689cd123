//! Which values are equal and which comes first, for everything in a template that asks: operators, tests, and filters over lists.
//! Numbers go by their value, whatever their spelling; true and false are no numbers, as in JSON; maps are equal in any order of keys.
//! Who compares pays first, by what comparing may read.

use std::cmp::Ordering;

use minijinja::{Error, State, Value, value::ValueKind};

use super::{
    bounds::fuel_for,
    values::{Exact, decimal},
};

/// Whether two values are the same. What is no number at all (`nan`) is not even equal to itself.
pub(super) fn is_same(a: &Value, b: &Value) -> bool {
    match (rank(a), rank(b)) {
        (Rank::List, Rank::List) => match (a.try_iter(), b.try_iter()) {
            (Ok(mut a), Ok(mut b)) => loop {
                match (a.next(), b.next()) {
                    (None, None) => return true,
                    (Some(a), Some(b)) if is_same(&a, &b) => {}
                    _ => return false,
                }
            },
            _ => false,
        },
        // Not by their order, which would have to sort them.
        (Rank::Map, Rank::Map) => {
            a.len() == b.len()
                && a.try_iter().is_ok_and(|mut keys| {
                    keys.all(|key| match (a.get_item(&key), b.get_item(&key)) {
                        (Ok(a), Ok(b)) => is_same(&a, &b),
                        _ => false,
                    })
                })
        }
        _ => !is_nan(a) && order(a, b).is_eq(),
    }
}

/// An order of all values: by kind, and within a kind by value.
pub(super) fn order(a: &Value, b: &Value) -> Ordering {
    let kind = rank(a);
    kind.cmp(&rank(b)).then_with(|| match kind {
        Rank::Bool => a.is_true().cmp(&b.is_true()),
        Rank::Number => order_numbers(a, b),
        Rank::Text => a.as_str().cmp(&b.as_str()),
        Rank::List => order_lists(a, b),
        Rank::Map => order_maps(a, b),
        Rank::Missing | Rank::Null => Ordering::Equal,
        Rank::Other => a.cmp(b),
    })
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Missing,
    Null,
    Bool,
    Number,
    Text,
    List,
    Map,
    Other,
}

fn rank(value: &Value) -> Rank {
    match value.kind() {
        ValueKind::Undefined => Rank::Missing,
        ValueKind::None => Rank::Null,
        ValueKind::Bool => Rank::Bool,
        ValueKind::Number => Rank::Number,
        ValueKind::String => Rank::Text,
        ValueKind::Seq | ValueKind::Iterable => Rank::List,
        ValueKind::Map => Rank::Map,
        _ if value.downcast_object_ref::<Exact>().is_some() => Rank::Number,
        _ => Rank::Other,
    }
}

fn is_nan(value: &Value) -> bool {
    value.kind() == ValueKind::Number && f64::try_from(value.clone()).is_ok_and(f64::is_nan)
}

fn order_numbers(a: &Value, b: &Value) -> Ordering {
    if a.is_integer()
        && b.is_integer()
        && let (Some(a), Some(b)) = (a.as_i64(), b.as_i64())
    {
        return a.cmp(&b);
    }
    match (decimal(a), decimal(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (a_digits, b_digits) => end(a, a_digits.is_some()).cmp(&end(b, b_digits.is_some())),
    }
}

/// Where a number without digits stands among those that have some.
fn end(value: &Value, has_digits: bool) -> i8 {
    if has_digits {
        return 0;
    }
    match f64::try_from(value.clone()) {
        Ok(number) if number == f64::NEG_INFINITY => -1,
        Ok(number) if number == f64::INFINITY => 1,
        _ => 2,
    }
}

fn order_lists(a: &Value, b: &Value) -> Ordering {
    match (a.try_iter(), b.try_iter()) {
        (Ok(a), Ok(b)) => a.map(Sortable).cmp(b.map(Sortable)),
        _ => Ordering::Equal,
    }
}

fn order_maps(a: &Value, b: &Value) -> Ordering {
    let entries = |map: &Value| {
        let mut entries: Vec<(Sortable, Sortable)> = map
            .try_iter()
            .into_iter()
            .flatten()
            .map(|key| (Sortable(key.clone()), Sortable(map.get_item(&key).unwrap_or_default())))
            .collect();
        entries.sort();
        entries
    };
    entries(a).cmp(&entries(b))
}

/// A value that sorts by [`order`].
pub(super) struct Sortable(pub(super) Value);

impl Ord for Sortable {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0, &other.0)
    }
}

impl PartialOrd for Sortable {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Sortable {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Sortable {}

/// Pays for what comparing two values may read.
pub(super) fn pay_both(state: &State, a: &Value, b: &Value) -> Result<(), Error> {
    match (rank(a), rank(b)) {
        (Rank::Text, Rank::Text) => state.consume_fuel(fuel_for(n_bytes(a).min(n_bytes(b)))),
        (a_rank, b_rank) if a_rank == b_rank => pay(state, a, 1).and_then(|()| pay(state, b, 1)),
        // Their kinds decide.
        _ => Ok(()),
    }
}

/// Pays for reading a value so many times, with all that is in it.
pub(super) fn pay(state: &State, value: &Value, n_times: u64) -> Result<(), Error> {
    match rank(value) {
        Rank::List => {
            for item in value.try_iter()? {
                state.consume_fuel(n_times)?;
                pay(state, &item, n_times)?;
            }
            Ok(())
        }
        Rank::Map => {
            for key in value.try_iter()? {
                pay(state, &key, n_times)?;
                pay(state, &value.get_item(&key)?, n_times)?;
            }
            Ok(())
        }
        Rank::Text | Rank::Number => match n_bytes(value) {
            0 => Ok(()),
            n => state.consume_fuel(fuel_for(n) * n_times),
        },
        _ => Ok(()),
    }
}

fn n_bytes(value: &Value) -> usize {
    match value.as_str() {
        Some(text) => text.len(),
        None => value.downcast_object_ref::<Exact>().map_or(0, |exact| exact.text.len()),
    }
}
