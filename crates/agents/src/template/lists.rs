//! Filters over lists that compare what is in them: sorted, grouped and told apart by value, as `compare` has it.
//! Each pays before it compares, by what its keys hold and how often each may be read; none may hold more than one form of each key.

use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

use minijinja::{
    Environment, Error, State, Value,
    value::{Enumerator, Kwargs, Object, ObjectRepr, ValueIter, ValueKind},
};

use super::{
    bounds::invalid,
    compare::{Sortable, order, pay, pay_both},
    ops::present,
};

pub(super) fn add_to(env: &mut Environment<'static>) {
    env.add_filter("sort", sort);
    env.add_filter("dictsort", sort_map);
    env.add_filter("min", |state: &State, list: &Value, kwargs: Kwargs| first(state, list, &kwargs, Ordering::Less));
    env.add_filter("max", |state: &State, list: &Value, kwargs: Kwargs| first(state, list, &kwargs, Ordering::Greater));
    env.add_filter("unique", unique);
    env.add_filter("groupby", group);
}

/// What items are compared by.
struct By {
    /// Paths into each item; the item itself, if there are none.
    paths: Vec<String>,
    is_case_sensitive: bool,
    /// In place of what is missing.
    missing: Value,
}

impl By {
    fn of(attributes: Option<&str>, kwargs: &Kwargs) -> Result<Self, Error> {
        let paths = attributes.into_iter().flat_map(|paths| paths.split(',')).map(|path| path.trim().to_owned());
        Ok(Self {
            paths: paths.filter(|path| !path.is_empty()).collect(),
            is_case_sensitive: kwargs.get::<Option<bool>>("case_sensitive")?.unwrap_or(false),
            missing: Value::UNDEFINED,
        })
    }

    fn key(&self, item: &Value) -> Value {
        let part = |path: &String| match part(item, path) {
            Ok(part) if !part.is_undefined() => self.folded(part),
            _ => self.missing.clone(),
        };
        match self.paths.as_slice() {
            [] => self.folded(item.clone()),
            [path] => part(path),
            paths => paths.iter().map(part).collect(),
        }
    }

    fn folded(&self, value: Value) -> Value {
        match value.as_str() {
            Some(text) if !self.is_case_sensitive => Value::from(text.to_lowercase()),
            _ => value,
        }
    }
}

/// What a dotted path leads to.
pub(super) fn part(item: &Value, path: &str) -> Result<Value, Error> {
    path.split('.').try_fold(item.clone(), |whole, name| match name.parse::<usize>() {
        Ok(n) => whole.get_item_by_index(n),
        Err(_) => whole.get_attr(name),
    })
}

fn items_of(list: &Value) -> Result<ValueIter, Error> {
    present(list)?;
    list.try_iter().map_err(|error| invalid(format!("this is no list, but {}", list.kind())).with_source(error))
}

/// The items, each with its key, and paid for so that each key can be read as often as sorting them may take.
fn keyed(state: &State, list: &Value, by: &By) -> Result<Vec<(Sortable, Value)>, Error> {
    let mut items = Vec::new();
    for item in items_of(list)? {
        state.consume_fuel(1)?;
        let key = by.key(&item);
        // Its lower-case form, which was made already, and which is no longer than a few times the item.
        pay(state, &key, 1)?;
        items.push((Sortable(key), item));
    }
    let n_times = n_reads(items.len());
    state.consume_fuel(n_times.saturating_mul(items.len() as u64))?;
    for (key, _) in &items {
        pay(state, &key.0, n_times)?;
    }
    Ok(items)
}

/// How often each of so many values is read until its place is found.
fn n_reads(n_items: usize) -> u64 {
    u64::from(usize::BITS - n_items.leading_zeros())
}

fn sorted(mut items: Vec<(Sortable, Value)>, is_reverse: bool) -> Vec<(Sortable, Value)> {
    items.sort_by(|(a, _), (b, _)| if is_reverse { b.cmp(a) } else { a.cmp(b) });
    items
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]
fn sort(state: &State, list: &Value, kwargs: Kwargs) -> Result<Value, Error> {
    let by = By::of(kwargs.get("attribute")?, &kwargs)?;
    let is_reverse = kwargs.get::<Option<bool>>("reverse")?.unwrap_or(false);
    kwargs.assert_all_used()?;
    Ok(sorted(keyed(state, list, &by)?, is_reverse).into_iter().map(|(_, item)| item).collect())
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]
fn sort_map(state: &State, map: &Value, kwargs: Kwargs) -> Result<Value, Error> {
    present(map)?;
    if map.kind() != ValueKind::Map {
        return Err(invalid("`dictsort` sorts the entries of a map"));
    }
    let path = if kwargs.get::<Option<&str>>("by")? == Some("value") { "1" } else { "0" };
    let by = By::of(Some(path), &kwargs)?;
    let is_reverse = kwargs.get::<Option<bool>>("reverse")?.unwrap_or(false);
    kwargs.assert_all_used()?;
    let mut entries = Vec::new();
    for key in map.try_iter()? {
        state.consume_fuel(1)?;
        let value = map.get_item(&key)?;
        entries.push(Value::from(vec![key, value]));
    }
    Ok(sorted(keyed(state, &Value::from(entries), &by)?, is_reverse).into_iter().map(|(_, item)| item).collect())
}

/// The first item in an order, and of those that are equal the first in the list.
fn first(state: &State, list: &Value, kwargs: &Kwargs, wanted: Ordering) -> Result<Value, Error> {
    let by = By::of(kwargs.get("attribute")?, kwargs)?;
    kwargs.assert_all_used()?;
    let mut found: Option<(Value, Value)> = None;
    for item in items_of(list)? {
        state.consume_fuel(1)?;
        let key = by.key(&item);
        if let Some((best, _)) = &found {
            pay_both(state, &key, best)?;
        }
        if found.as_ref().is_none_or(|(best, _)| order(&key, best) == wanted) {
            found = Some((key, item));
        }
    }
    Ok(found.map_or(Value::UNDEFINED, |(_, item)| item))
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]
fn unique(state: &State, list: &Value, kwargs: Kwargs) -> Result<Value, Error> {
    let by = By::of(kwargs.get("attribute")?, &kwargs)?;
    kwargs.assert_all_used()?;
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for (key, item) in keyed(state, list, &by)? {
        if seen.insert(key) {
            kept.push(item);
        }
    }
    Ok(Value::from(kept))
}

/// Items with the same key, in the order of the keys, under the key of the first.
#[derive(Debug)]
struct Group {
    key: Value,
    items: Value,
}

impl Object for Group {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match (key.as_usize(), key.as_str()) {
            (Some(0), None) | (None, Some("grouper")) => Some(self.key.clone()),
            (Some(1), None) | (None, Some("list")) => Some(self.items.clone()),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(2)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]
fn group(state: &State, list: &Value, attribute: Option<&str>, kwargs: Kwargs) -> Result<Value, Error> {
    let attribute = attribute.or(kwargs.get("attribute")?).ok_or_else(|| invalid("`groupby` wants an attribute"))?;
    let by = By { missing: kwargs.get::<Option<Value>>("default")?.unwrap_or_default(), ..By::of(None, &kwargs)? };
    let by = By { paths: vec![attribute.to_owned()], ..by };
    kwargs.assert_all_used()?;
    let mut groups = Vec::new();
    let mut items = sorted(keyed(state, list, &by)?, false).into_iter().peekable();
    while let Some((key, item)) = items.next() {
        // As it is written in the first, not folded.
        let label = part(&item, attribute).ok().filter(|label| !label.is_undefined()).unwrap_or(by.missing.clone());
        let mut members = vec![item];
        while let Some((_, member)) = items.next_if(|(other, _)| *other == key) {
            members.push(member);
        }
        groups.push(Value::from_object(Group { key: label, items: Value::from(members) }));
    }
    Ok(Value::from(groups))
}
