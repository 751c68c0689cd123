//! JSON values as people wrote them: read without losing a key or a digit, and compared by what they mean.
//! Must never go through floating point: 12345678901234567.89 is a number like any other.

mod decimal;
mod exact;
mod parse;
mod tree;

use std::{cmp::Ordering, io};

use serde::{Serialize, de::Error};
use serde_json::{Map, Number, Value};

pub use decimal::{Decimal, Rounding, canonical_number, is_whole};
pub use exact::{Exact, Whole, WholeMap, exact, exact_given, kept, to_value};
pub use parse::{Bounds, Refused, is_reserved, number, parse, parse_first};
pub use tree::Tree;

/// Equality as people mean it: 1, 1.0 and 10e-1 are the same number, and the order of keys does not matter.
pub fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b).is_eq(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Whether one of the values means what `wanted` means. Costs by the size of the values, and by that of `wanted` once.
pub fn contains(values: &[Value], wanted: &Value) -> bool {
    let Value::Number(number) = wanted else { return values.iter().any(|value| is_same(value, wanted)) };
    let decimal = Decimal::of(number);
    values.iter().any(|value| matches!(value, Value::Number(n) if n == number || Decimal::of(n) == decimal))
}

/// The order of two numbers or of two texts; nothing else has one.
pub fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => Some(compare_numbers(a, b)),
        _ => None,
    }
}

pub(crate) fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    // Most numbers that are compared are written alike.
    if a == b { Ordering::Equal } else { Decimal::of(a).cmp(&Decimal::of(b)) }
}

/// How many bytes a document has as JSON, without making the text.
pub fn n_bytes(value: &impl Serialize) -> usize {
    struct Counted(usize);

    impl io::Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut counted = Counted(0);
    // What cannot be written is not stored either: whoever stores it says so.
    serde_json::to_writer(&mut counted, value).map_or(0, |()| counted.0)
}

/// A document of a type whose variants a field names, with that field taken out. Derived readers of such types keep what follows the
/// field in a buffer, in which a number that is no machine number is a map.
pub(crate) struct Tagged {
    pub tag: String,
    pub rest: Value,
}

impl Tagged {
    pub(crate) fn read<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
        field: &'static str,
    ) -> Result<Self, D::Error> {
        let mut map: Map<String, Value> = exact(deserializer)?;
        match map.shift_remove(field) {
            Some(Value::String(tag)) => Ok(Self { tag, rest: Value::Object(map) }),
            Some(_) => Err(D::Error::custom(format!("`{field}` must be a text"))),
            None => Err(D::Error::missing_field(field)),
        }
    }

    /// What follows, as the variant that the tag names.
    pub(crate) fn rest<T: serde::de::DeserializeOwned, E: Error>(self) -> Result<T, E> {
        T::deserialize(Tree::new(self.rest))
    }
}

/// What the tests of this crate try with numbers.
#[cfg(test)]
pub(crate) mod testing {
    /// Spellings that readers of JSON like to change.
    pub(crate) const SPELLINGS: [&str; 14] = [
        "1E2",
        "1e2",
        "1e+02",
        "1.0E-7",
        "-0",
        "-0.0",
        "-0e1",
        "1.10",
        "1.0",
        "100000000000000000001",
        "-100000000000000000000000000000000000000001",
        "12345678901234567.89",
        "1E400",
        "0.1000000000000000055511151231257827",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        parse(text, Bounds::VALUE).unwrap()
    }

    #[test]
    fn equal_numbers_are_the_same_however_they_are_written() {
        for (a, b) in [
            ("1", "1.0"),
            ("1.10", "11e-1"),
            ("100", "1e2"),
            ("1E+2", "100.00"),
            ("0", "-0"),
            ("-0", "-0.0"),
            ("1e+02", "1E2"),
            ("0.0e99", "0"),
            ("100000000000000000001", "100000000000000000001.0"),
            (r#"{"a":[1.0],"b":2}"#, r#"{"b":2e0,"a":[1]}"#),
        ] {
            assert!(is_same(&value(a), &value(b)), "{a} = {b}");
        }
        for (a, b) in [
            ("100000000000000000001", "100000000000000000002"),
            ("12345678901234567.89", "12345678901234567.90"),
            ("1e400", "1e401"),
            ("1", "-1"),
            ("1", "\"1\""),
            ("[1,2]", "[1]"),
        ] {
            assert!(!is_same(&value(a), &value(b)), "{a} <> {b}");
        }
    }

    #[test]
    fn a_document_is_as_large_as_its_text() {
        for text in ["null", r#""é\n""#, r#"{"a":[1,2.50,"x"],"b":{}}"#] {
            assert_eq!(n_bytes(&value(text)), text.len(), "{text}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let ordered = [
            "-1e400",
            "-100000000000000000002",
            "-100000000000000000001",
            "-2.5",
            "-1",
            "-1e-400",
            "0",
            "1e-400",
            "0.09",
            "0.1",
            "1",
            "1.10",
            "9",
            "10",
            "12345678901234567.88",
            "12345678901234567.89",
            "1e400",
        ];
        for (n, a) in ordered.iter().enumerate() {
            for (m, b) in ordered.iter().enumerate() {
                assert_eq!(compare(&value(a), &value(b)), Some(n.cmp(&m)), "{a} {b}");
            }
        }
    }
}
