//! From the parameters of a query to the fields of a struct, each read as what its field takes, and a mistake told by its name.
//! Must never know which parameters a route has: its structs say so.

use std::fmt;

use serde::{
    Deserializer,
    de::{self, DeserializeOwned, Expected, IntoDeserializer, Unexpected, Visitor, value::MapDeserializer},
    forward_to_deserialize_any,
};
use serde_path_to_error::Segment;

const A_NUMBER: &str = "a number, such as 50";

/// What is wrong with a parameter.
#[derive(Debug)]
pub(super) enum Mistake {
    Missing,
    /// It takes this.
    Takes(String),
    /// In the words of whoever read it.
    Said(String),
}

/// The names of the parameters that a struct has.
pub(super) fn names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It stops once the names are known.
    let _no_value = T::deserialize(Names(&mut names));
    names
}

/// A struct of these parameters, all of which it has. A mistake comes with the name of what it is in.
pub(super) fn read<'a, T: DeserializeOwned>(
    given: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<T, (String, Mistake)> {
    let map: MapDeserializer<'_, _, Wrong> = MapDeserializer::new(given.map(|(name, text)| (name, Text(text))));
    serde_path_to_error::deserialize(map).map_err(|error| {
        let name = error.path().iter().find_map(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            _ => None,
        });
        match error.into_inner() {
            Wrong::Missing(field) => (field.to_owned(), Mistake::Missing),
            Wrong::Takes(kind) => (name.unwrap_or_default(), Mistake::Takes(kind)),
            Wrong::Said(words) => (name.unwrap_or_default(), Mistake::Said(words)),
        }
    })
}

#[derive(Debug)]
enum Wrong {
    Missing(&'static str),
    Takes(String),
    Said(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(words) => f.write_str(words),
            Self::Takes(words) | Self::Said(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::Said(words.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Takes(expected.to_string())
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Takes(expected.to_string())
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Takes(format!("one of {}", expected.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// Asks a struct for the names of its fields alone.
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Wrong> {
        Err(Wrong::Said("only a struct has parameters".to_owned()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The value of one parameter.
struct Text<'a>(&'a str);

impl IntoDeserializer<'_, Wrong> for Text<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($deserialize:ident $visit:ident)*) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            let number = self.0.parse().map_err(|_| Wrong::Takes(A_NUMBER.to_owned()))?;
            visitor.$visit(number)
        })*
    };
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        let word: de::value::StrDeserializer<'_, Wrong> = self.0.into_deserializer();
        visitor.visit_enum(word)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let is_so = self.0.parse().map_err(|_| Wrong::Takes("true or false".to_owned()))?;
        visitor.visit_bool(is_so)
    }

    /// Texts of a kind of their own, such as times: what they are says more than why this one is none.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let kind = (&visitor as &dyn Expected).to_string();
        visitor.visit_str(self.0).map_err(|wrong| match wrong {
            Wrong::Said(_) => Wrong::Takes(kind),
            wrong => wrong,
        })
    }

    numbers! {
        deserialize_u8 visit_u8
        deserialize_u16 visit_u16
        deserialize_u32 visit_u32
        deserialize_u64 visit_u64
        deserialize_i8 visit_i8
        deserialize_i16 visit_i16
        deserialize_i32 visit_i32
        deserialize_i64 visit_i64
        deserialize_f32 visit_f32
        deserialize_f64 visit_f64
    }

    forward_to_deserialize_any! {
        i128 u128 char string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
