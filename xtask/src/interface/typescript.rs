//! TypeScript types of every shape in the document, as clients/typescript has them. Types alone: a program that takes one of them pays
//! nothing for the others.

use super::word;
use serde_json::Value;
use std::fmt::Write as _;

const HEAD: &str = "// The shapes of the REST interface, made of docs/openapi.json by `cargo xtask interface`: change the server's types, never this file.\n";

pub(super) fn types(document: &Value) -> String {
    let mut out = HEAD.to_owned();
    for (name, shape) in document["components"]["schemas"].as_object().into_iter().flatten() {
        out.push('\n');
        out.push_str(&comment(shape, ""));
        if shape["type"] == "object" && shape["properties"].is_object() {
            let _ = writeln!(out, "export interface {name} {}", fields(shape, ""));
        } else {
            let _ = writeln!(out, "export type {name} = {};", expression(shape, ""));
        }
    }
    out
}

/// The type that a schema is.
fn expression(schema: &Value, indent: &str) -> String {
    if let Some(to) = schema["$ref"].as_str() {
        return to.rsplit('/').next().unwrap_or("unknown").to_owned();
    }
    if let Some(all) = schema["enum"].as_array() {
        return union(all.iter().map(ToString::to_string));
    }
    for either in ["oneOf", "anyOf"] {
        if let Some(all) = schema[either].as_array() {
            return union(all.iter().map(|one| expression(one, indent)));
        }
    }
    if let Some(all) = schema["allOf"].as_array() {
        let all: Vec<String> = all.iter().map(|one| within(&expression(one, indent), '|')).collect();
        return all.join(" & ");
    }
    match &schema["type"] {
        Value::Array(kinds) => union(kinds.iter().map(|kind| of_kind(schema, word(kind), indent))),
        kind => of_kind(schema, word(kind), indent),
    }
}

fn of_kind(schema: &Value, kind: &str, indent: &str) -> String {
    match kind {
        "string" | "boolean" | "null" => kind.to_owned(),
        "integer" | "number" => "number".to_owned(),
        "array" => format!("readonly {}[]", within(&expression(&schema["items"], indent), ' ')),
        "object" if schema["properties"].is_object() => fields(schema, indent),
        "object" => {
            let of = if schema["additionalProperties"].is_object() {
                expression(&schema["additionalProperties"], indent)
            } else {
                "unknown".to_owned()
            };
            format!("Readonly<Record<string, {of}>>")
        }
        _ => "unknown".to_owned(),
    }
}

fn union(of: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = Vec::new();
    for one in of {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all.join(" | ")
}

/// In parentheses where something in it would be taken apart.
fn within(expression: &str, apart: char) -> String {
    if expression.contains(apart) { format!("({expression})") } else { expression.to_owned() }
}

fn fields(schema: &Value, indent: &str) -> String {
    let inner = format!("{indent}  ");
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().map(word).collect();
    let mut out = "{\n".to_owned();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        out.push_str(&comment(field, &inner));
        let optional = if required.contains(&name.as_str()) { "" } else { "?" };
        let _ = writeln!(out, "{inner}readonly {}{optional}: {};", key(name), expression(field, &inner));
    }
    let _ = write!(out, "{indent}}}");
    out
}

fn key(name: &str) -> String {
    let is_plain =
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    if is_plain { name.to_owned() } else { format!("{name:?}") }
}

/// What is said of it, where something is.
fn comment(schema: &Value, indent: &str) -> String {
    let said = word(&schema["description"]).replace("*/", "* /").replace('\n', " ");
    if said.is_empty() { String::new() } else { format!("{indent}/** {said} */\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(schema: &str) -> String {
        expression(&serde_json::from_str(schema).unwrap(), "")
    }

    #[test]
    fn each_schema_is_the_type_of_its_values() {
        for (schema, expected) in [
            (r##"{"$ref": "#/components/schemas/Run"}"##, "Run"),
            (r#"{"type": "string", "format": "uuid"}"#, "string"),
            (r#"{"type": "string", "enum": ["a", "b"]}"#, r#""a" | "b""#),
            (r#"{"type": ["integer", "null"]}"#, "number | null"),
            (r#"{"type": "array", "items": {"type": ["string", "null"]}}"#, "readonly (string | null)[]"),
            (
                r#"{"type": "array", "items": {"type": "array", "items": {"type": "string"}}}"#,
                "readonly (readonly string[])[]",
            ),
            (r#"{"type": "object", "additionalProperties": {"type": "number"}}"#, "Readonly<Record<string, number>>"),
            (r#"{"type": "object", "additionalProperties": false}"#, "Readonly<Record<string, unknown>>"),
            (r##"{"allOf": [{"$ref": "#/a/A"}, {"oneOf": [{"$ref": "#/a/B"}, {"type": "null"}]}]}"##, "A & (B | null)"),
            ("{}", "unknown"),
        ] {
            assert_eq!(made(schema), expected);
        }
    }

    #[test]
    fn fields_keep_their_order_and_say_what_they_are_for() {
        let document = r#"{"components": {"schemas": {"Run": {"type": "object", "description": "A run.",
            "required": ["id"], "properties": {"id": {"type": "string"}, "a-b": {"description": "Or */ not.", "type": "boolean"}}}}}}"#;
        let made = types(&serde_json::from_str(document).unwrap());
        let expected = "\n/** A run. */\nexport interface Run {\n  readonly id: string;\n  /** Or * / not. */\n  readonly \"a-b\"?: boolean;\n}\n";
        assert_eq!(made.strip_prefix(HEAD), Some(expected));
    }
}
