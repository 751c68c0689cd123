//! What is read and what is refused, with its place.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::json::{testing::SPELLINGS, to_value};

fn refused(text: &str) -> Refused {
    parse(text, Bounds::VALUE).expect_err(text)
}

#[test]
fn a_key_twice_is_refused_with_its_place() {
    for (text, place) in [
        (r#"{"steps":{"draft":{"agent_id":"a"},"draft":{"agent_id":"b"}}}"#, "steps.draft"),
        (r#"{"steps":{"a":{"title":"x","title":"x"}}}"#, "steps.a.title"),
        (r#"{"a":1,"\u0061":2}"#, "a"),
        (r#"{"list":[1,{"b":[{},{"c":1,"c":1}]}]}"#, "list[1].b[1].c"),
        (r#"{"":1,"":1}"#, ""),
    ] {
        assert_eq!(refused(text), Refused::Duplicate { place: place.to_owned() });
    }
    assert_eq!(parse(r#"[{"a":1},{"a":1}]"#, Bounds::VALUE).unwrap(), json!([{"a":1},{"a":1}]));
}

#[test]
fn a_long_key_is_not_repeated() {
    let key = "k".repeat(3_000_000);
    let refused = refused(&format!(r#"{{"{key}":1,"{key}":2}}"#));
    assert!(refused.to_string().len() < 1_000);
    assert!(refused.place().is_some_and(|place| place.starts_with("kkk") && place.len() < 1_000));
}

#[test]
fn a_number_has_so_many_characters_and_no_more() {
    let longest = "7".repeat(limits::MAX_NUMBER_CHARS);
    assert_eq!(number(&longest).unwrap().as_str(), longest);
    for text in [format!("{longest}7"), format!("-{longest}"), format!("0.{longest}"), format!("1e{longest}")] {
        assert!(number(&text).is_none());
        let refused = refused(&format!(r#"{{"a":[1,{text}]}}"#));
        assert_eq!(refused, Refused::LongNumber { place: "a[1]".to_owned(), max: limits::MAX_NUMBER_CHARS });
    }
}

#[test]
fn digits_and_order_are_kept() {
    let text = format!(r#"{{"b":[{}],"a":{{"z":null,"y":""}}}}"#, SPELLINGS.join(","));
    assert_eq!(parse(&text, Bounds::VALUE).unwrap().to_string(), text);
}

#[test]
fn a_number_is_read_as_it_is_or_not_at_all() {
    for text in SPELLINGS {
        assert_eq!(number(text).unwrap().as_str(), text);
    }
    for text in ["", "-", "+1", "01", "1.", ".5", "1e", "1e+", "1 ", " 1", "0x1", "NaN", "1,5", "--1", "1e5.0"] {
        assert!(number(text).is_none(), "{text}");
    }
}

#[test]
fn depth_and_number_of_values_are_bounded() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(parse(&nested(64), Bounds::VALUE).is_ok());
    assert!(matches!(refused(&nested(65)), Refused::TooDeep { max: 64, .. }));
    assert!(matches!(refused(&"[".repeat(6_000_000)), Refused::TooDeep { .. }));
    let bounds = Bounds { depth: 4, nodes: 3 };
    assert!(parse("[1,2]", bounds).is_ok());
    assert_eq!(parse("[1,2,3]", bounds), Err(Refused::TooMany { max: 3 }));
    assert_eq!(parse(r#"{"a":1,"b":2,"c":3}"#, bounds), Err(Refused::TooMany { max: 3 }));
}

#[test]
fn a_document_cannot_pass_for_a_number() {
    for under in
        ["\"17\"", "\"1\\u0037\"", "17", "null", "true", "[1]", "{}", "{\"$serde_json::private::Number\":\"1\"}"]
    {
        let text = format!(r#"{{"x":{{"$serde_json::private::Number":{under}}}}}"#);
        assert_eq!(refused(&text), Refused::ReservedKey { place: "x".to_owned() }, "{text}");
        let late = format!(r#"{{"x":{{"a":1,"\u0024serde_json::private::Number":{under}}}}}"#);
        assert_eq!(refused(&late), Refused::ReservedKey { place: "x".to_owned() }, "{late}");
        let raw = format!(r#"{{"x":{{"$serde_json::private::RawValue":{under}}}}}"#);
        assert_eq!(refused(&raw), Refused::ReservedKey { place: "x".to_owned() }, "{raw}");
    }
}

#[test]
fn what_is_no_json_says_where() {
    for text in ["", "{", "[1,]", "{\"a\" 1}", "nul", "01", "1.", "\"\u{1}\"", "1 2", "NaN", "{\"a\":1}}"] {
        let Refused::Malformed { message, .. } = refused(text) else { panic!("{text}") };
        assert!(message.contains("line 1 column"), "{message}");
    }
    assert!(matches!(refused("[1, 2"), Refused::Malformed { is_cut_off: true, .. }));
    assert!(matches!(refused("[1, 2}"), Refused::Malformed { is_cut_off: false, .. }));
}

#[test]
fn half_a_character_is_told_by_its_place_and_is_not_called_malformed() {
    let half = |place: &str, unit| Refused::HalfCharacter { place: place.to_owned(), unit };
    for (text, expected) in [
        (r#"{"inputs":{"text":"cut \ud83d"}}"#, half("inputs.text", 0xD83D)),
        (r#"["a","\uDE00b"]"#, half("[1]", 0xDE00)),
        (r#""\ud83d\ud83d\ude00""#, half("", 0xD83D)),
        (r#""\ud83d\u0041""#, half("", 0xD83D)),
        (r#"{"a":{"\ud800":1}}"#, half("a", 0xD800)),
    ] {
        let refused = refused(text);
        assert_eq!(refused, expected, "{text}");
        assert!(refused.to_string().contains(" holds half a character (`\\ud"), "{refused}");
    }
    // A whole one, and what only looks like half of one.
    for text in [r#""\ud83d\ude00""#, r#""\\ud83d""#, "\"😀\""] {
        assert!(parse(text, Bounds::VALUE).is_ok(), "{text}");
    }
    // What is malformed besides is told as that.
    for text in [r#""\x""#, r#""\u12""#, r#""\ud83d"#] {
        assert!(matches!(refused(text), Refused::Malformed { .. }), "{text}");
    }
}

#[test]
fn the_first_value_ends_where_it_ends() {
    let (value, n_bytes) = parse_first(r#"  {"a": "}"} and more"#, Bounds::VALUE).unwrap();
    assert_eq!((value, n_bytes), (json!({"a": "}"}), 12));
    assert!(parse_first("{\"a\":1,\"a\":2} x", Bounds::VALUE).is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?"
            .prop_map(|text| Value::Number(number(&text).unwrap())),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_was_written_comes_back(value in any_json()) {
        let text = value.to_string();
        let read = parse(&text, Bounds::VALUE).unwrap();
        prop_assert!(crate::json::is_same(&read, &value));
        prop_assert_eq!(&read.to_string(), &text);
        prop_assert_eq!(to_value(&read).unwrap().to_string(), text);
    }

    #[test]
    fn it_refuses_all_that_serde_json_refuses(text in "[\\[\\]{}\",:0-9a-z\\\\ .eE+-]{0,24}") {
        match serde_json::from_str::<Value>(&text) {
            Err(_) => prop_assert!(parse(&text, Bounds::VALUE).is_err()),
            Ok(value) => if let Ok(read) = parse(&text, Bounds::VALUE) {
                prop_assert!(crate::json::is_same(&read, &value));
            },
        }
    }
}
