//! The text of a file as a document: JSON, or YAML for people who write by hand. Both are bounded in depth and in the number of values, and
//! a key twice is refused. Must never lose a digit without a word, which is why YAML's large numbers are refused.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use serde_saphyr::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy, Options};
use workflow::{
    json::{self, Bounds},
    words::{QUOTED_CHARS, shortened},
};

use crate::{Error, Result};

/// From here on a float cannot tell a whole number from the next one.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// As many characters of a fault as are told: a reader may quote what it stumbled over.
const MAX_TOLD_CHARS: usize = 600;

/// What begins like JSON is JSON: its reader names the fault better, and keeps every number as it was written.
pub(super) fn parse(file: &str) -> Result<Value> {
    let file = file.strip_prefix('\u{feff}').unwrap_or(file);
    if file.trim().is_empty() {
        return Err(Error::invalid("file", "The file is empty. Choose one that `weft export` or Export made."));
    }
    if file.trim_start().starts_with(['{', '[']) {
        return json::parse(file, Bounds::BODY).map_err(|fault| {
            let detail = match fault.place() {
                Some(_) => format!("{fault}."),
                None => format!("The file is not JSON: {fault}."),
            };
            Error::invalid(fault.place().unwrap_or("file"), detail)
        });
    }
    serde_saphyr::from_str_with_options::<Yaml>(file, options()).map(|Yaml(value)| value).map_err(|fault| {
        Error::invalid(
            "file",
            format!("The file is neither JSON nor YAML that can be read: {}.", told(&fault.to_string())),
        )
    })
}

/// A fault without its middle, if it is long: its words end with the line and the column.
fn told(fault: &str) -> String {
    let n_chars = fault.chars().count();
    if n_chars <= MAX_TOLD_CHARS {
        return fault.to_owned();
    }
    let end: String = fault.chars().skip(n_chars - MAX_TOLD_CHARS / 2).collect();
    format!("{}{end}", shortened(fault, MAX_TOLD_CHARS / 2))
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: Bounds::BODY.depth,
            max_nodes: Bounds::BODY.nodes,
            max_documents: 1,
            max_aliases: 1_000,
            max_anchors: 1_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        strict_booleans: true,
        with_snippet: false,
    }
}

/// A value that was written as YAML.
struct Yaml(Value);

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values).map(Self)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).filter(|_| value.abs() < EXACT);
        number.map(Value::Number).ok_or_else(|| {
            E::custom("a number of this size loses digits in YAML: write it as a text, or the file as JSON")
        })
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Yaml(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                let key = shortened(&key, QUOTED_CHARS);
                return Err(A::Error::custom(format!("`{key}` is there twice: keep one of them")));
            }
            if json::is_reserved(&key) {
                let key = shortened(&key, QUOTED_CHARS);
                return Err(A::Error::custom(format!(
                    "`{key}` is a key that JSON readers use themselves: take another"
                )));
            }
            let Yaml(value) = entries.next_value()?;
            map.insert(key, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(file: &str) -> (String, String) {
        let error = parse(file).expect_err(&file.chars().take(60).collect::<String>()).to_api();
        (error.field.unwrap_or_default(), error.detail)
    }

    #[test]
    fn yaml_says_what_json_says() {
        let yaml = "weft: 1\nmain: brief\nlist:\n  - yes\n  - true\n  - ~\n  - 1.5\n  - -3\n  - 'x: y'\ntext: |\n  a\n  b\n__proto__: 1\n";
        let told = json!({"weft": 1, "main": "brief", "list": ["yes", true, null, 1.5, -3, "x: y"], "text": "a\nb\n", "__proto__": 1});
        assert_eq!(parse(yaml).unwrap(), told);
        assert_eq!(parse(&told.to_string()).unwrap(), told);
        assert_eq!(parse("a: &x [1]\nb: *x").unwrap(), json!({"a": [1], "b": [1]}));
        let exact = r#"{"n": 12345678901234567.89}"#;
        assert_eq!(parse(exact).unwrap().to_string().replace(':', ": "), exact);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_place() {
        for (file, field, words) in [
            ("", "file", "empty"),
            ("{", "file", "not JSON"),
            ("{\"a\": 1}}", "file", "line 1 column 9"),
            ("{\"a\": 1, \"a\": 2}", "a", "twice"),
            ("{\"a\": {\"b\": 1, \"b\": 2}}", "a.b", "twice"),
            ("{\"a\": \"\\ud800\"}", "a", "half a character"),
            ("{\"a\": \"\u{0}\"}", "file", "not JSON"),
            ("{\"$serde_json::private::Number\": 1}", "file", "JSON readers use themselves"),
            ("a: 1\na: 2", "file", "line 2"),
            ("a:\n  b: 1\n  b: 2", "file", "line 3"),
            ("a: [1, 2", "file", "line"),
            ("a: \u{0}", "file", "YAML"),
            ("a: \"\\ud800\"", "file", "YAML"),
            ("a: 1\n---\nb: 2", "file", "YAML"),
            ("a: .inf", "file", "line 1"),
            ("a: 9007199254740993.5", "file", "loses digits"),
            ("<<: {a: 1}", "file", "YAML"),
            ("a: *nobody", "file", "YAML"),
            ("$serde_json::private::RawValue: '1'", "file", "JSON readers use themselves"),
            ("\"$serde_json::private::RawValue\": '1'", "file", "JSON readers use themselves"),
            ("'$serde_json::private::Number': '1'", "file", "JSON readers use themselves"),
            ("a:\n  - b: {\"\\u0024serde_json::private::Number\": '1'}", "file", "JSON readers use themselves"),
        ] {
            let (at, detail) = refused(file);
            assert!(at == field && detail.contains(words), "{file:?}: {at}: {detail}");
        }
    }

    #[test]
    fn a_long_key_is_not_repeated() {
        let key = "k".repeat(1_000_000);
        for file in [format!("{{\"{key}\": 1, \"{key}\": 2}}"), format!("\"{key}\": 1\n\"{key}\": 2\n")] {
            let (field, detail) = refused(&file);
            assert!(field.len() < 1_000 && detail.len() < 2_000, "{} {}", field.len(), detail.len());
        }
    }

    #[test]
    fn what_would_take_all_memory_or_time_is_refused() {
        let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        assert!(refused(&deep("[", "]")).1.contains("deeper"));
        assert!(refused(&deep("{\"a\":", "}")).1.contains("deeper"));
        refused(&format!("a: {}", deep("[", "]")));
        let nested: Vec<String> = (0..10_000).map(|n| format!("{}a:", " ".repeat(n))).collect();
        refused(&nested.join("\n"));
        let digits = "9".repeat(1_001);
        assert!(refused(&format!("{{\"n\": {digits}}}")).1.contains("more than 1,000 characters"));
        refused(&format!("n: {digits}"));
        let many = format!("[{}1]", "1,".repeat(500_001));
        assert!(refused(&many).1.contains("more than 500,000 values"));
        let mut bomb = vec!["a0: &a0 [x, x, x, x, x, x, x, x, x, x]".to_owned()];
        for n in 1..20 {
            let before = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb.push(format!("a{n}: &a{n} [{before}]"));
        }
        let began = std::time::Instant::now();
        refused(&bomb.join("\n"));
        assert!(began.elapsed().as_secs() < 5);
    }
}
