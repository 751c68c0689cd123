//! Reads types from a parsed value, with errors of the caller's own kind: which field is missing is then told by type, not by words.
//! It must hand over what `serde_json` would, and the text of a value whole and as it was written to who asks for that. One thing is
//! refused that `serde_json` takes: an array in place of an object with named fields, since nobody was told of any order of these.

use std::{iter, marker::PhantomData};

use serde::{
    Deserializer,
    de::{
        Error, IntoDeserializer, Unexpected, Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Number, Value};

use super::parse::{NUMBER_KEY, RAW_KEY};

/// A value to be read.
pub struct Tree<E> {
    value: Value,
    error: PhantomData<E>,
}

impl<E> Tree<E> {
    pub fn new(value: Value) -> Self {
        Self { value, error: PhantomData }
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $number:ty),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
            match &self.value {
                Value::Number(number) => match number.as_str().parse::<$number>() {
                    Ok(number) => visitor.$visit(number),
                    Err(_) => Err(unfit(number, &visitor)),
                },
                _ => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de, E: Error> Deserializer<'de> for Tree<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(flag),
            Value::Number(number) => any_number(&number, visitor),
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(Self::new));
                let read = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(read)
            }
            Value::Object(map) => {
                let mut entries = MapDeserializer::new(map.into_iter().map(entry));
                let read = visitor.visit_map(&mut entries)?;
                entries.end()?;
                Ok(read)
            }
        }
    }

    whole_numbers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_u128 visit_u128 u128,
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match &self.value {
            Value::Number(number) => match number.as_f64() {
                Some(number) => visitor.visit_f64(number),
                None => Err(unfit(number, &visitor)),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, E> {
        if name == RAW_KEY {
            return visitor.visit_map(MapDeserializer::new(iter::once((RAW_KEY, self.value.to_string()))));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        match self.value {
            Value::String(variant) => visitor.visit_enum(variant.into_deserializer()),
            Value::Object(map) if map.len() == 1 => {
                let entries = MapDeserializer::new(map.into_iter().map(entry));
                visitor.visit_enum(MapAccessDeserializer::new(entries))
            }
            Value::Object(_) => Err(E::invalid_value(Unexpected::Map, &"map with a single key")),
            other => Err(E::invalid_type(unexpected(&other), &"string or map")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        self.deserialize_map(visitor)
    }

    /// What stands under the name of a variant with fields is read as a map as well.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.value {
            Value::Array(_) => Err(E::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool char str string bytes byte_buf unit unit_struct seq tuple tuple_struct identifier
    }
}

impl<E: Error> IntoDeserializer<'_, E> for Tree<E> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A key is read like any text.
fn entry<E>((key, value): (String, Value)) -> (Tree<E>, Tree<E>) {
    (Tree::new(Value::String(key)), Tree::new(value))
}

/// As what it is, where a machine number says it all; else as `serde_json` tells a number by its text.
fn any_number<'de, V: Visitor<'de>, E: Error>(number: &Number, visitor: V) -> Result<V::Value, E> {
    let text = number.as_str();
    if let Ok(number) = text.parse() {
        return visitor.visit_u64(number);
    }
    if text != "-0"
        && let Ok(number) = text.parse()
    {
        return visitor.visit_i64(number);
    }
    let float = number.as_f64().filter(|float| Number::from_f64(*float).is_some_and(|again| again.as_str() == text));
    match float {
        Some(float) => visitor.visit_f64(float),
        None => visitor.visit_map(MapDeserializer::new(iter::once((NUMBER_KEY, text.to_owned())))),
    }
}

fn unfit<E: Error>(number: &Number, wanted: &dyn serde::de::Expected) -> E {
    E::invalid_value(Unexpected::Other(&format!("number `{number}`")), wanted)
}

pub(super) fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(flag) => Unexpected::Bool(*flag),
        Value::Number(_) => Unexpected::Other("number"),
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, de::DeserializeOwned};
    use serde_json::json;

    use super::*;

    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(rename_all = "snake_case")]
    enum Shape {
        Dot,
        Round(f64),
        Box { width: u8, depth: Option<i64> },
        Line(i32, i32),
    }

    #[derive(Deserialize, PartialEq, Debug)]
    struct Name(String);

    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(deny_unknown_fields)]
    struct Drawing {
        shapes: Vec<Shape>,
        #[serde(default)]
        names: BTreeMap<Shade, Name>,
        flag: Option<bool>,
        #[serde(deserialize_with = "crate::json::exact")]
        any: Value,
    }

    #[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
    struct Shade(String);

    fn both<T: DeserializeOwned + PartialEq + std::fmt::Debug>(value: &Value) -> Option<T> {
        let theirs: Option<T> = serde_json::from_value(value.clone()).ok();
        let ours = T::deserialize(Tree::<serde_json::Error>::new(value.clone())).ok();
        assert_eq!(ours, theirs, "{value}");
        ours
    }

    #[test]
    fn it_reads_what_serde_json_reads_and_refuses_what_it_refuses() {
        let whole = json!({
            "shapes": ["dot", {"dot": null}, {"round": 1}, {"round": 1.5}, {"box": {"width": 255}}, {"line": [1, -2]}],
            "names": {"a": "b"}, "flag": null, "any": {"n": [1, -1, 0.5, null, true, "t"]},
        });
        assert!(both::<Drawing>(&whole).is_some());
        for (place, wrong) in [
            ("/shapes/0", json!("square")),
            ("/shapes/0", json!({"dot": 1})),
            ("/shapes/0", json!({})),
            ("/shapes/0", json!({"round": 1, "dot": null})),
            ("/shapes/0", json!(1)),
            ("/shapes/2/round", json!("1")),
            ("/shapes/4/box/width", json!(256)),
            ("/shapes/4/box/width", json!(-1)),
            ("/shapes/4/box/width", json!(1.5)),
            ("/shapes/4/box", json!({})),
            ("/shapes/5/line", json!([1])),
            ("/shapes/5/line", json!([1, 2, 3])),
            ("/names", json!([])),
            ("/names/a", json!(1)),
            ("/flag", json!("true")),
        ] {
            let mut document = whole.clone();
            *document.pointer_mut(place).unwrap() = wrong;
            assert!(both::<Drawing>(&document).is_none(), "{document}");
        }
        for name in ["shapes", "any", "flag"] {
            let mut document = whole.clone();
            document.as_object_mut().unwrap().remove(name);
            assert_eq!(both::<Drawing>(&document).is_some(), name == "flag");
        }
        let mut more = whole;
        more["more"] = json!(1);
        assert!(both::<Drawing>(&more).is_none());
    }

    #[test]
    fn a_list_is_no_object_whose_fields_are_told_by_their_order() {
        #[derive(Deserialize, PartialEq, Debug)]
        struct Place {
            x: i32,
            y: Option<i32>,
        }
        let read = |value: Value| Place::deserialize(Tree::<serde_json::Error>::new(value));
        assert_eq!(read(json!({"x": 1})).unwrap(), Place { x: 1, y: None });
        for list in [json!([]), json!([1, 2]), json!([1, null])] {
            let fault = read(list).unwrap_err().to_string();
            assert_eq!(fault, "invalid type: sequence, expected struct Place");
        }
        let shape = |value: Value| Shape::deserialize(Tree::<serde_json::Error>::new(value));
        assert_eq!(shape(json!({"box": {"width": 1}})).unwrap(), Shape::Box { width: 1, depth: None });
        assert!(shape(json!({"box": [1, null]})).is_err(), "nor is one under the name of a variant");
        assert_eq!(shape(json!({"line": [1, 2]})).unwrap(), Shape::Line(1, 2), "that one has no names");
    }

    #[test]
    fn numbers_are_told_as_what_they_are() {
        let read =
            |text: &str| Tree::<serde_json::Error>::new(super::super::parse(text, crate::json::Bounds::VALUE).unwrap());
        assert_eq!(u64::deserialize(read("18446744073709551615")).unwrap(), u64::MAX);
        assert_eq!(i64::deserialize(read("-0")).unwrap(), 0);
        assert_eq!(f64::deserialize(read("1E2")).unwrap().to_bits(), 100_f64.to_bits());
        assert!(f64::deserialize(read("1E400")).is_err(), "there is no such number");
        let fault = u8::deserialize(read("300")).unwrap_err().to_string();
        assert_eq!(fault, "invalid value: number `300`, expected u8");
        assert_eq!(Value::deserialize(read("-0")).unwrap().to_string(), "-0");
        assert_eq!(Value::deserialize(read("100000000000000000001")).unwrap().to_string(), "100000000000000000001");
    }
}
