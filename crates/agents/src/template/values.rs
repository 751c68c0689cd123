//! From JSON to the template engine's values and back to text: keys keep their order, and a number keeps the digits that it was
//! given with.
//! It must never show a value in the words of a programming language: what is written is JSON's, or the text itself.

use std::{borrow::Cow, fmt, sync::Arc};

use minijinja::{
    Value,
    value::{Enumerator, Object, ObjectRepr, ValueKind},
};
use serde_json::Value as Json;
use workflow::json::Decimal;

/// A number whose text no number of the engine would show again, such as `1.10`, or one with more digits than it can hold.
#[derive(Debug)]
pub(super) struct Exact {
    pub(super) text: String,
    pub(super) decimal: Decimal,
    /// The nearest number that the engine can calculate with: found once, since the text may be as long as an input.
    near: f64,
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

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The engine's form of a JSON value.
pub(super) fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(flag) => Value::from(*flag),
        Json::Number(number) => from_number(number.to_string()),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(from_json).collect(),
        Json::Object(map) => Value::from_pairs(map.iter().map(|(key, value)| (key.as_str(), from_json(value)))),
    }
}

/// By its text, so that no digit is lost wherever the text has them all.
pub(super) fn from_number(text: String) -> Value {
    let whole = text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<i128>().map(Value::from));
    let near = text.parse::<f64>().unwrap_or(f64::NAN);
    let plain = whole.unwrap_or_else(|_| Value::from(near));
    // The engine writes some numbers in two ways, by who asks.
    if number_text(&plain).as_deref() == Some(text.as_str()) && plain.to_string() == text {
        return plain;
    }
    match Decimal::parse(&text) {
        Some(decimal) => Value::from_object(Exact { text, decimal, near }),
        None => Value::from(text),
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

/// A number by all its digits; nothing for what is no number, or none that has digits.
pub(super) fn decimal(value: &Value) -> Option<Cow<'_, Decimal>> {
    match value.downcast_object_ref::<Exact>() {
        Some(exact) => Some(Cow::Borrowed(&exact.decimal)),
        None => number_text(value).and_then(|text| Decimal::parse(&text)).map(Cow::Owned),
    }
}

/// A number that the engine can calculate with, as near as it gets; any other value as it is.
pub(super) fn calculable(value: Value) -> Value {
    match value.downcast_object_ref::<Exact>() {
        Some(exact) => Value::from(exact.near),
        None => value,
    }
}
