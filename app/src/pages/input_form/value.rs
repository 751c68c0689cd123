//! From what was typed to the value of an input, with a reason at the field when it does not fit.
//! Must agree with the server, which checks with the same `Schema` again.

use serde_json::Value;
use workflow::{
    json::{self, Bounds, parse},
    schema::{Kind, Schema},
};

/// How an input is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::pages) enum Control {
    Line,
    Text,
    Number,
    Switch,
    Choice,
    File,
    /// Rows of cells, kept as JSON.
    List,
    Json,
}

pub(in crate::pages) fn control(schema: &Schema) -> Control {
    if schema.choices.is_some() {
        return Control::Choice;
    }
    match (schema.kind, schema.format.as_str()) {
        (Some(Kind::String), "file") => Control::File,
        (Some(Kind::String), "multiline" | "markdown") => Control::Text,
        (Some(Kind::String), _) => Control::Line,
        (Some(Kind::Number | Kind::Integer), _) => Control::Number,
        (Some(Kind::Boolean), _) => Control::Switch,
        _ => Control::Json,
    }
}

/// The text that stands for a value in its control.
pub(in crate::pages) fn text_of(control: Control, value: &Value) -> String {
    match (control, value) {
        (_, Value::Null) => String::new(),
        (Control::Choice | Control::List, value) => value.to_string(),
        (Control::Json, value) => serde_json::to_string_pretty(value).unwrap_or_default(),
        (_, Value::String(text)) => text.clone(),
        (_, value) => value.to_string(),
    }
}

/// The words for a choice.
pub(in crate::pages) fn choice_label(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// The value of a text, none when it is left empty, or the sentence that says what to do.
pub(in crate::pages) fn read(control: Control, schema: &Schema, text: &str) -> Result<Option<Value>, String> {
    let value = match control {
        Control::Line | Control::Text | Control::File if text.is_empty() => return Ok(None),
        Control::Line | Control::Text | Control::File => Value::String(text.to_owned()),
        _ if text.trim().is_empty() => return Ok(None),
        Control::Number => number(text.trim()).ok_or_else(|| "Enter a number, such as 12 or 0.5".to_owned())?,
        Control::Switch | Control::Choice | Control::List | Control::Json => {
            parse(text, Bounds::VALUE).map_err(|fault| format!("This is not valid JSON: {fault}"))?
        }
    };
    match schema.check(&value).into_iter().next() {
        None => Ok(Some(value)),
        Some((path, fault)) if path.is_empty() => Err(format!("This {fault}")),
        Some((path, fault)) => Err(format!("{path} {fault}")),
    }
}

fn number(text: &str) -> Option<Value> {
    // As it was typed: 1.10 stays 1.10.
    json::number(text).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(document: Value) -> Schema {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn the_schema_chooses_the_control() {
        let table = [
            (json!({"type":"string"}), Control::Line),
            (json!({"type":"string","format":"multiline"}), Control::Text),
            (json!({"type":"string","format":"file"}), Control::File),
            (json!({"type":"string","enum":["a","b"]}), Control::Choice),
            (json!({"type":"integer"}), Control::Number),
            (json!({"type":"boolean"}), Control::Switch),
            (json!({"type":"array"}), Control::Json),
            (json!({}), Control::Json),
        ];
        for (document, expected) in table {
            assert_eq!(control(&schema(document.clone())), expected, "{document}");
        }
    }

    #[test]
    fn what_was_typed_comes_back_as_it_was() {
        let number = schema(json!({"type": "number"}));
        for text in
            ["1.10", "100000000000000000001", "12345678901234567.89", "-0.0", "-0", "1E2", "1e+02", "1E400", "7"]
        {
            let value = read(Control::Number, &number, text).unwrap().unwrap();
            assert_eq!((value.to_string().as_str(), text_of(Control::Number, &value).as_str()), (text, text));
        }
        for text in ["1.", "0x10", "1_000", "Infinity", "+1", "01"] {
            assert!(read(Control::Number, &number, text).is_err(), "{text}");
        }
        let value = read(Control::Json, &Schema::any(), r#"{"b":1.10,"a":2}"#).unwrap().unwrap();
        assert_eq!(text_of(Control::Json, &value), "{\n  \"b\": 1.10,\n  \"a\": 2\n}");
    }

    #[test]
    fn texts_become_values_or_reasons() {
        let table = [
            (json!({"type":"string"}), "", Ok(None)),
            (json!({"type":"string"}), "  x", Ok(Some(json!("  x")))),
            (json!({"type":"integer"}), " 12 ", Ok(Some(json!(12)))),
            (json!({"type":"integer"}), "1.5", Err("whole number")),
            (json!({"type":"number"}), "1.5", Ok(Some(json!(1.5)))),
            (json!({"type":"number"}), "twelve", Err("Enter a number")),
            (json!({"type":"number","minimum":1,"maximum":10}), "10.0", Ok(Some(json!(10.0)))),
            (json!({"type":"number","minimum":1,"maximum":10}), "0.5", Err("must be at least 1")),
            (json!({"type":"number","minimum":1,"maximum":10}), "11", Err("must be at most 10")),
            (json!({"type":"array","items":{"type":"string"}}), "[\"a\"]", Ok(Some(json!(["a"])))),
            (json!({"type":"array"}), "[1", Err("not valid JSON")),
            (json!({}), r#"{"a":1,"a":2}"#, Err("`a` is there twice")),
            (json!({"type":"array","items":{"type":"string"}}), "[1]", Err("/0 must be a text")),
            (json!({"type":"string","enum":["a"]}), "\"a\"", Ok(Some(json!("a")))),
            (json!({"type":"boolean"}), "true", Ok(Some(json!(true)))),
        ];
        for (document, text, expected) in table {
            let schema = schema(document.clone());
            match (read(control(&schema), &schema, text), expected) {
                (Ok(value), Ok(expected)) => assert_eq!(value, expected, "{document} {text}"),
                (Err(reason), Err(part)) => assert!(reason.contains(part), "{reason}"),
                (read, expected) => panic!("{document} {text:?}: {read:?} instead of {expected:?}"),
            }
        }
    }
}
