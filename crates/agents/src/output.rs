//! From an answer to named outputs: text stays text, everything else is JSON that fits its port, its keys and digits as they came.
//! It must never repair or truncate: what does not fit is refused, with the place named.

use serde_json::Value;
use workflow::{
    AgentSpec,
    agent::OutputPort,
    json::{self, Refused},
    limits::{MAX_ARTIFACT_BYTES, MAX_DEPTH, depth},
    schema::{Kind, Schema},
    status::Reason,
    words::count,
};

use crate::Output;

const JSON: &str = "application/json";

/// Why an answer cannot become the declared outputs; continues a sentence that began with what answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Unfit {
    pub(crate) class: Reason,
    pub(crate) reason: String,
}

impl Unfit {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { class: Reason::InvalidOutput, reason: reason.into() }
    }
}

/// The form in which an agent's whole answer is wanted.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Wanted {
    Text(Schema),
    Json(Schema),
}

impl Wanted {
    /// One output is the answer itself; several are one JSON object with a property each.
    pub(crate) fn of(spec: &AgentSpec) -> Self {
        match spec.outputs.as_slice() {
            [] => Self::Text(Schema::text()),
            [only] if spec.answers_in_text() => Self::Text(only.schema.clone()),
            [only] => Self::Json(only.schema.clone()),
            several => Self::Json(Schema {
                properties: several.iter().map(|port| (port.name.clone(), port.schema.clone())).collect(),
                required: several.iter().map(|port| port.name.clone()).collect(),
                ..Schema::of(Kind::Object)
            }),
        }
    }
}

/// The declared outputs from a text answer.
pub(crate) fn from_text(spec: &AgentSpec, text: String) -> Result<Vec<Output>, Unfit> {
    match Wanted::of(spec) {
        Wanted::Text(_) => spec.outputs.first().map(|port| text_output(port, text)).into_iter().collect(),
        Wanted::Json(schema) => {
            let value = parse_json(&text)?;
            check(&schema, &value)?;
            from_json(spec, value, Some(&text))
        }
    }
}

/// The declared outputs from a JSON answer in the wanted form, with its text if it says the same.
pub(crate) fn from_json(spec: &AgentSpec, value: Value, text: Option<&str>) -> Result<Vec<Output>, Unfit> {
    match (spec.outputs.as_slice(), value) {
        ([only], value) => Ok(vec![json_output(only, value, text)?]),
        (several, Value::Object(mut map)) => several
            .iter()
            .map(|port| match map.shift_remove(&port.name) {
                Some(value) => value_output(port, value),
                None => Err(missing(port)),
            })
            .collect(),
        (several, _) => several.first().map_or(Ok(Vec::new()), |port| Err(missing(port))),
    }
}

/// What stands for no output at all, whatever type was wanted.
pub(crate) fn nothing(port: &OutputPort) -> Output {
    Output { name: port.name.clone(), media_type: JSON.to_owned(), bytes: b"null".to_vec() }
}

pub(crate) fn missing(port: &OutputPort) -> Unfit {
    Unfit::new(format!("did not produce the output `{}`", port.name))
}

/// A value as its port stores it: text for a text port, JSON otherwise.
pub(crate) fn value_output(port: &OutputPort, value: Value) -> Result<Output, Unfit> {
    json_output(port, value, None)
}

/// The same for a value that came as a text, which is what is kept: white space and the spelling of numbers are its author's.
pub(crate) fn json_output(port: &OutputPort, value: Value, text: Option<&str>) -> Result<Output, Unfit> {
    match value {
        Value::String(text) if port.schema.kind == Some(Kind::String) => text_output(port, text),
        value => {
            check(&port.schema, &value)?;
            if depth(&value) > MAX_DEPTH {
                return Err(Unfit::new(format!("nested the output `{}` deeper than {MAX_DEPTH} levels", port.name)));
            }
            if holds_nul(&value) {
                return Err(nul(port));
            }
            bounded(Output {
                name: port.name.clone(),
                media_type: JSON.to_owned(),
                bytes: text.map_or_else(|| value.to_string(), |text| text.trim().to_owned()).into_bytes(),
            })
        }
    }
}

fn text_output(port: &OutputPort, text: String) -> Result<Output, Unfit> {
    if text.contains('\0') {
        return Err(nul(port));
    }
    let text = if port.schema.choices.is_some() { choice(port, text)? } else { text };
    let media_type = if port.schema.format == "markdown" { "text/markdown" } else { "text/plain" };
    bounded(Output { name: port.name.clone(), media_type: media_type.to_owned(), bytes: text.into_bytes() })
}

/// One of the choices. White space around it, as most programs end their lines with, is no part of it.
fn choice(port: &OutputPort, text: String) -> Result<String, Unfit> {
    let is_one = |text: &str| check(&port.schema, &Value::from(text));
    if is_one(&text).is_ok() {
        return Ok(text);
    }
    let trimmed = text.trim();
    is_one(trimmed).map(|()| trimmed.to_owned())
}

fn nul(port: &OutputPort) -> Unfit {
    Unfit::new(format!("put a NUL character (U+0000) into the output `{}`", port.name))
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

pub(crate) fn bounded(output: Output) -> Result<Output, Unfit> {
    if output.bytes.len() > MAX_ARTIFACT_BYTES {
        return Err(Unfit {
            class: Reason::OutputTooLarge,
            reason: format!("made the output `{}` larger than {} MiB", output.name, MAX_ARTIFACT_BYTES >> 20),
        });
    }
    Ok(output)
}

pub(crate) fn parse_json(text: &str) -> Result<Value, Unfit> {
    json::parse(text.trim(), json::Bounds::VALUE).map_err(|refused| match refused {
        Refused::TooDeep { max, .. } => Unfit::new(format!("gave JSON nested deeper than {max} levels")),
        Refused::TooMany { max } => {
            Unfit { class: Reason::OutputTooLarge, reason: format!("gave JSON of more than {}", count(max, "value")) }
        }
        refused => Unfit::new(format!("did not give valid JSON: {refused}")),
    })
}

pub(crate) fn check(schema: &Schema, value: &Value) -> Result<(), Unfit> {
    let faults = schema.check(value);
    if faults.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = faults
        .into_iter()
        .map(|(path, fault)| if path.is_empty() { format!("it {fault}") } else { format!("`{path}` {fault}") })
        .collect();
    Err(Unfit::new(format!("gave a result that does not fit: {}", told.join("; "))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(outputs: &Value) -> AgentSpec {
        serde_json::from_value(json!({
            "id": "a", "name": "A", "config": {"kind": "template", "template": "x"}, "outputs": outputs,
        }))
        .unwrap()
    }

    fn shown(result: Result<Vec<Output>, Unfit>) -> String {
        match result {
            Err(unfit) => format!("{}: {}", unfit.class, unfit.reason),
            Ok(outputs) => outputs
                .into_iter()
                .map(|output| {
                    format!("{} {} {}", output.name, output.media_type, String::from_utf8(output.bytes).unwrap())
                })
                .collect::<Vec<_>>()
                .join(" | "),
        }
    }

    #[test]
    fn a_text_answer_becomes_the_declared_outputs() {
        let text = json!([{"name":"a","schema":{"type":"string"}}]);
        let table = [
            (text.clone(), "hi", "a text/plain hi"),
            (json!([{"name":"a","schema":{"type":"string","format":"markdown"}}]), "# hi", "a text/markdown # hi"),
            (text, "h\0i", "invalid_output: put a NUL character (U+0000) into the output `a`"),
            (
                json!([{"name":"a","schema":{"type":"string","enum":["yes","no"]}}]),
                "maybe",
                r#"invalid_output: gave a result that does not fit: it must be one of "yes", "no""#,
            ),
            (json!([{"name":"a","schema":{"type":"string","enum":["yes","no"]}}]), "\n yes \n", "a text/plain yes"),
            (json!([{"name":"a","schema":{"type":"integer"}}]), " 42\n", "a application/json 42"),
            (json!([{"name":"a","schema":{}}]), r#"{"b":1,"a":[1, 2]}"#, r#"a application/json {"b":1,"a":[1, 2]}"#),
            (
                json!([{"name":"a","schema":{}}]),
                r#" {"z":12345678901234567.89, "a":[1.10,100000000000000000001,1E2,-0]} "#,
                r#"a application/json {"z":12345678901234567.89, "a":[1.10,100000000000000000001,1E2,-0]}"#,
            ),
            (
                json!([{"name":"a","schema":{"type":"integer"}}]),
                "forty",
                "invalid_output: did not give valid JSON: expected ident at line 1 column 2",
            ),
            (
                json!([{"name":"a","schema":{}}]),
                r#"{"x":{"n":1,"n":2}}"#,
                "invalid_output: did not give valid JSON: `x.n` is there twice: keep one of them",
            ),
            (
                json!([{"name":"a","schema":{"type":"object","required":["x"]}}]),
                "{}",
                "invalid_output: gave a result that does not fit: `/x` is required",
            ),
            (
                json!([{"name":"a","schema":{}}]),
                r#"["\u0000"]"#,
                "invalid_output: put a NUL character (U+0000) into the output `a`",
            ),
            (
                json!([{"name":"t","schema":{"type":"string"}},{"name":"n","schema":{"type":"number"}}]),
                r#"{"n":1.5,"t":"hi","more":0}"#,
                "t text/plain hi | n application/json 1.5",
            ),
            (
                json!([{"name":"t","schema":{"type":"string"}},{"name":"n","schema":{"type":"number"}}]),
                r#"{"t":"hi"}"#,
                "invalid_output: gave a result that does not fit: `/n` is required",
            ),
        ];
        for (outputs, answer, expected) in table {
            assert_eq!(shown(from_text(&spec(&outputs), answer.to_owned())), expected, "{outputs} from {answer}");
        }
    }

    #[test]
    fn json_nested_beyond_the_limit_is_refused() {
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        let answer = shown(from_text(&spec(&json!([{"name":"a","schema":{}}])), deep));
        assert_eq!(answer, "invalid_output: gave JSON nested deeper than 64 levels");
    }
}
