//! What a schema takes, what it does not, and which schemas fit each other.

use serde_json::json;

use super::*;

fn schema(document: Value) -> Schema {
    serde_json::from_value(document).unwrap()
}

#[test]
fn a_secret_is_found_in_whatever_holds_it() {
    for holds in [
        json!({"type": "string", "format": "password"}),
        json!({"type": "string", "format": "secret"}),
        json!({"type": "array", "items": {"type": "object", "properties": {"key": {"type": "string", "format": "secret"}}}}),
        json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {"format": "password"}}}}),
    ] {
        assert!(schema(holds.clone()).holds_secret(), "{holds}");
    }
    for plain in [json!({}), json!({"format": "multiline"}), json!({"type": "object", "properties": {"secret": {}}})] {
        assert!(!schema(plain.clone()).holds_secret(), "{plain}");
    }
}

#[test]
fn compatibility_is_structural() {
    let table = [
        (json!({"type":"string"}), json!({"type":"string"}), "yes"),
        (json!({"type":"string"}), json!({"type":"number"}), "no"),
        (json!({"type":"integer"}), json!({"type":"number"}), "yes"),
        (json!({"type":"number"}), json!({"type":"integer"}), "no"),
        (json!({}), json!({"type":"string"}), "unsure"),
        (json!({"type":"string"}), json!({}), "yes"),
        (
            json!({"type":"object","properties":{"a":{"type":"string"}}}),
            json!({"type":"object","properties":{"a":{"type":"number"}}}),
            "no",
        ),
        (
            json!({"type":"object","properties":{"b":{}}}),
            json!({"type":"object","properties":{"a":{}},"required":["a"]}),
            "no",
        ),
        (json!({"type":"array","items":{"type":"string"}}), json!({"type":"array","items":{"type":"number"}}), "no"),
    ];
    for (from, to, expected) in table {
        let result = match schema(from.clone()).feeds(&schema(to.clone())) {
            Compatibility::Yes => "yes",
            Compatibility::Unsure(_) => "unsure",
            Compatibility::No(_) => "no",
        };
        assert_eq!(result, expected, "{from} -> {to}");
    }
}

#[test]
fn properties_stay_in_their_authors_order() {
    let text = r#"{"type":"object","properties":{"reasoning":{"type":"string"},"answer":{"type":"string"}}}"#;
    let read: Schema = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    let turned = r#"{"type":"object","properties":{"answer":{"type":"string"},"reasoning":{"type":"string"}}}"#;
    assert_ne!(read, serde_json::from_str(turned).unwrap());
}

#[test]
fn whole_numbers_and_choices_go_by_value() {
    let fits = |schema_text: &str, text: &str| {
        let schema: Schema = serde_json::from_str(schema_text).unwrap();
        schema.check(&serde_json::from_str(text).unwrap()).is_empty()
    };
    for whole in ["1.0", "1e2", "100000000000000000001", "-0", "1E400"] {
        assert!(fits(r#"{"type":"integer"}"#, whole), "{whole}");
    }
    for other in ["1.10", "12345678901234567.89", "1e-1"] {
        assert!(!fits(r#"{"type":"integer"}"#, other), "{other}");
    }
    assert!(fits(r#"{"enum":[1.10, 100]}"#, "1.1"));
    assert!(fits(r#"{"enum":[1.10, 100]}"#, "1e2"));
    assert!(!fits(r#"{"enum":[100000000000000000001]}"#, "100000000000000000002"));
}

#[test]
fn a_choice_without_options_stays_one_and_says_what_is_missing() {
    let none = json!({"type": "string", "enum": []});
    let choice = schema(none.clone());
    assert_eq!(serde_json::to_value(&choice).unwrap(), none);
    assert_ne!(choice, Schema::text());
    assert_eq!((choice.type_name(), Schema::text().type_name()), ("choice", "text"));
    assert_eq!(choice.problems(), [(".enum".to_owned(), "Give at least one choice".to_owned())]);
    assert_eq!(choice.check(&json!("a")), [(String::new(), "has nothing to choose from yet".to_owned())]);
    assert!(matches!(Schema::text().feeds(&choice), Compatibility::Unsure(_)));
    let nested = schema(json!({"properties": {"a": {"items": none}, "b": {"type": "integer", "enum": [1, "x"]}}}));
    let places: Vec<String> = nested.problems().into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, [".properties.a.items.enum", ".properties.b.enum"]);
    assert_eq!(schema(json!({"type": "number", "enum": [1, 2.5]})).problems(), []);
}

#[test]
fn a_fault_names_its_place() {
    let wanted = schema(
        json!({"type":"object","required":["a"],"properties":{"b":{"type":"array","items":{"type":"integer"}}}}),
    );
    let faults = wanted.check(&json!({"b":[1, "x"]}));
    assert_eq!(
        faults,
        [("/a".to_owned(), "is required".to_owned()), ("/b/1".to_owned(), "must be a whole number".to_owned())]
    );
}
