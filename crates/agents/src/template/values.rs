//! From JSON to the template engine's values and back to text: keys keep their order, and a number keeps the digits that it was
//! given with.
//! It must never show a value in the words of a programming language: what is written is JSON's, or the text itself.

use std::{cmp::Ordering, fmt, sync::Arc};

use minijinja::{
    Value,
    value::{DynObject, Enumerator, Object, ObjectRepr, ValueKind},
};
use serde_json::Value as Json;
use workflow::json::Decimal;

/// A number whose text no number of the engine would show again, such as `1.10`, or one with more digits than it can hold.
#[derive(Debug)]
pub(super) struct Exact {
    text: String,
    decimal: Decimal,
}

impl Object for Exact {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.decimal.is_zero()
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.decimal.cmp(&other.downcast_ref::<Self>()?.decimal))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The engine's form of a JSON value, and whether any number in it is [`Exact`].
pub(super) fn from_json(json: &Json, has_exact: &mut bool) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(flag) => Value::from(*flag),
        Json::Number(number) => from_number(number.to_string(), has_exact),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(|item| from_json(item, has_exact)).collect(),
        Json::Object(map) => {
            Value::from_pairs(map.iter().map(|(key, value)| (key.as_str(), from_json(value, has_exact))))
        }
    }
}

/// By its text, so that no digit is lost wherever the text has them all.
pub(super) fn from_number(text: String, has_exact: &mut bool) -> Value {
    let plain = text
        .parse::<i64>()
        .map(Value::from)
        .or_else(|_| text.parse::<i128>().map(Value::from))
        .or_else(|_| text.parse::<f64>().map(Value::from));
    match plain {
        Ok(value) if number_text(&value).as_deref() == Some(text.as_str()) => value,
        _ => match Decimal::parse(&text) {
            Some(decimal) => {
                *has_exact = true;
                Value::from_object(Exact { text, decimal })
            }
            None => Value::from(text),
        },
    }
}

/// A number as JSON writes it; nothing for what is no number, or has no word in JSON.
pub(super) fn number_text(value: &Value) -> Option<String> {
    if let Some(exact) = value.downcast_object_ref::<Exact>() {
        return Some(exact.text.clone());
    }
    if value.is_integer() {
        return Some(value.to_string());
    }
    if value.kind() != ValueKind::Number {
        return None;
    }
    f64::try_from(value.clone()).ok().and_then(serde_json::Number::from_f64).map(|number| number.to_string())
}

pub(super) fn is_number(value: &Value) -> bool {
    value.is_number() || value.downcast_object_ref::<Exact>().is_some()
}

/// A number that the engine can calculate with, as near as it gets; any other value as it is.
pub(super) fn calculable(value: Value) -> Value {
    match value.downcast_object_ref::<Exact>() {
        // A text that is a JSON number is one of floating point too, if perhaps an infinite one.
        Some(exact) => exact.text.parse::<f64>().map_or(value.clone(), Value::from),
        None => value,
    }
}

/// The order of two numbers by all their digits; nothing where either is no number.
pub(super) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    let parse = |value: &Value| number_text(value).and_then(|text| Decimal::parse(&text));
    Some(parse(a)?.cmp(&parse(b)?))
}
