//! Reads fields that hold JSON values, number for number as they were written: 1E2 stays 1E2, and -0 stays -0.
//! A derived reader must never read such a field by itself: `serde_json` hands values over piece by piece, and spells numbers anew on
//! the way. The text of a value it hands over whole, whether it reads a text or a tree, so that text is taken and read by our parser.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error},
};
use serde_json::{Map, Value, value::RawValue};

use super::parse::{Bounds, parse};

/// Values, and what holds them.
pub trait Exact: Sized {
    /// How it is read.
    type Read: DeserializeOwned;

    fn of(read: Self::Read) -> Self;
}

/// For `#[serde(deserialize_with = "crate::json::exact")]` at each field that holds values; such a field needs a `default` to be absent.
pub fn exact<'de, T: Exact, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::Read::deserialize(deserializer).map(T::of)
}

/// The same where null is a value, which is not the same as none.
pub fn exact_given<'de, T: Exact, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    exact(deserializer).map(Some)
}

/// The value of what has only texts for keys, with the numbers in it as they are.
pub fn to_value(from: &impl Serialize) -> serde_json::Result<Value> {
    parse(&serde_json::to_string(from)?, Bounds::KEPT).map_err(serde_json::Error::custom)
}

/// The value of stored content. What our parser refuses was let in by others, and is read as they read it.
pub fn kept(content: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(content).ok()?;
    parse(text, Bounds::KEPT).ok().or_else(|| serde_json::from_str(text).ok())
}

/// A value that was read from its text.
pub struct Whole(Value);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        parse(text.get(), Bounds::KEPT).map(Self).map_err(D::Error::custom)
    }
}

/// An object that was read from its text.
pub struct WholeMap(Map<String, Value>);

impl<'de> Deserialize<'de> for WholeMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Whole::deserialize(deserializer)?.0 {
            Value::Object(map) => Ok(Self(map)),
            other => Err(D::Error::invalid_type(super::tree::unexpected(&other), &"an object")),
        }
    }
}

impl Exact for Value {
    type Read = Whole;

    fn of(read: Whole) -> Self {
        read.0
    }
}

impl Exact for Map<String, Value> {
    type Read = WholeMap;

    fn of(read: WholeMap) -> Self {
        read.0
    }
}

impl<T: Exact> Exact for Option<T> {
    type Read = Option<T::Read>;

    fn of(read: Self::Read) -> Self {
        read.map(T::of)
    }
}

impl<T: Exact> Exact for Vec<T> {
    type Read = Vec<T::Read>;

    fn of(read: Self::Read) -> Self {
        read.into_iter().map(T::of).collect()
    }
}

impl<K: Ord + DeserializeOwned, T: Exact> Exact for BTreeMap<K, T> {
    type Read = BTreeMap<K, T::Read>;

    fn of(read: Self::Read) -> Self {
        read.into_iter().map(|(key, value)| (key, T::of(value))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Tree, testing::SPELLINGS};

    #[derive(Deserialize, Serialize)]
    struct Holder {
        #[serde(deserialize_with = "exact")]
        one: Value,
        #[serde(default, deserialize_with = "exact")]
        maybe: Option<Value>,
        #[serde(deserialize_with = "exact")]
        list: Vec<Value>,
        #[serde(deserialize_with = "exact")]
        nested: BTreeMap<String, BTreeMap<String, Value>>,
        #[serde(deserialize_with = "exact")]
        map: Map<String, Value>,
    }

    #[test]
    fn a_number_keeps_its_spelling_in_every_field_however_it_is_read() {
        for n in SPELLINGS {
            let text = format!(
                r#"{{"one":{n},"maybe":{{"z":[{n}],"a":{n}}},"list":[{n},[{n}]],"nested":{{"a":{{"b":{n}}}}},"map":{{"b":{n},"a":{{}}}}}}"#
            );
            let written = |holder: Holder| serde_json::to_string(&holder).unwrap();
            let tree = parse(&text, Bounds::VALUE).unwrap();
            assert_eq!(tree.to_string(), text, "parsed");
            assert_eq!(written(serde_json::from_str(&text).unwrap()), text, "from a text");
            assert_eq!(written(serde_json::from_slice(text.as_bytes()).unwrap()), text, "from bytes");
            assert_eq!(written(serde_json::from_value(tree.clone()).unwrap()), text, "from a value");
            assert_eq!(written(Holder::deserialize(&tree).unwrap()), text, "from a borrowed value");
            let read: Holder = Holder::deserialize(Tree::<serde_json::Error>::new(tree.clone())).unwrap();
            assert_eq!(written(read), text, "from a tree");
            assert_eq!(to_value(&tree).unwrap().to_string(), text, "to a value");
            assert_eq!(kept(text.as_bytes()).unwrap().to_string(), text, "from content");
        }
    }

    #[test]
    fn what_is_absent_null_or_no_object_is_told_apart() {
        let read = |text: &str| serde_json::from_str::<Holder>(text);
        let rest = r#""list":[],"nested":{},"map":{}"#;
        assert_eq!(read(&format!(r#"{{"one":null,{rest}}}"#)).unwrap().one, Value::Null);
        assert!(read(&format!(r#"{{"one":1,"maybe":null,{rest}}}"#)).unwrap().maybe.is_none());
        assert!(read(&format!("{{{rest}}}")).is_err(), "`one` has no default");
        assert!(read(r#"{"one":1,"list":[],"nested":{},"map":[]}"#).is_err(), "a list is no object");
    }

    #[test]
    fn content_that_our_parser_refuses_is_still_read() {
        assert_eq!(kept(br#"{"a":1,"a":2}"#), Some(serde_json::json!({"a": 2})));
        assert_eq!(kept(b"{"), None);
        let reserved = r#"{"$serde_json::private::Number":"1"}"#;
        assert_eq!(to_value(&kept(reserved.as_bytes())).unwrap().to_string(), reserved, "a name like any other");
    }
}
