//! What is another one between two versions of an agent, in words: its ports down to their fields, its prompt, its model, and all else.
//! Must never tell the value of a header: keys are sent in them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{AgentConfig, AgentSpec};
use crate::{
    difference::{Difference, excerpts},
    schema::Schema,
};

/// Everything that differs: ports first, then what the agent does.
pub fn differences(before: &AgentSpec, after: &AgentSpec) -> Vec<Difference> {
    let mut told = Vec::new();
    compare("Input ", &inputs(before), &inputs(after), &mut told);
    compare("Output ", &outputs(before), &outputs(after), &mut told);
    let answer = |spec: &AgentSpec| spec.outputs.first().map(|port| port.name.clone());
    if answer(before) != answer(after) && [before, after].iter().all(|spec| spec.outputs.len() > 1) {
        told.push(Difference { what: "Answer".to_owned(), before: answer(before), after: answer(after) });
    }
    text("Name", &before.name, &after.name, &mut told);
    text("Description", &before.description, &after.description, &mut told);
    let most = |spec: &AgentSpec| spec.max_parallel.map(|n| n.to_string()).unwrap_or_default();
    text("At once, over all runs", &most(before), &most(after), &mut told);
    config(&before.config, &after.config, &mut told);
    told
}

fn inputs(spec: &AgentSpec) -> Vec<Port<'_>> {
    spec.inputs.iter().map(|port| Port::new(&port.name, &port.schema, Some(port.required))).collect()
}

fn outputs(spec: &AgentSpec) -> Vec<Port<'_>> {
    spec.outputs.iter().map(|port| Port::new(&port.name, &port.schema, None)).collect()
}

/// A port, or a field of an object.
struct Port<'a> {
    name: &'a str,
    schema: &'a Schema,
    /// None of an output.
    required: Option<bool>,
}

impl<'a> Port<'a> {
    fn new(name: &'a str, schema: &'a Schema, required: Option<bool>) -> Self {
        Self { name, schema, required }
    }

    fn words(&self) -> String {
        super::port_words(self.schema, self.required)
    }
}

fn compare(place: &str, before: &[Port<'_>], after: &[Port<'_>], told: &mut Vec<Difference>) {
    for port in after {
        let what = format!("{place}{}", port.name);
        let Some(known) = before.iter().find(|known| known.name == port.name) else {
            told.push(Difference { what, before: None, after: Some(port.words()) });
            continue;
        };
        let (was, is) = (known.words(), port.words());
        if was != is {
            told.push(Difference { what: what.clone(), before: Some(was), after: Some(is) });
        }
        parts(&what, known.schema, port.schema, told);
    }
    for known in before.iter().filter(|known| after.iter().all(|port| port.name != known.name)) {
        let what = format!("{place}{}", known.name);
        told.push(Difference { what, before: Some(known.words()), after: None });
    }
}

/// What differs inside of two types.
fn parts(place: &str, before: &Schema, after: &Schema, told: &mut Vec<Difference>) {
    fn fields(schema: &Schema) -> Vec<Port<'_>> {
        let fields = schema.properties.iter();
        fields.map(|(name, field)| Port::new(name, field, Some(schema.required.contains(name)))).collect()
    }
    compare(&format!("{place}, field "), &fields(before), &fields(after), told);
    let (was, is) = (before.item(), after.item());
    if was != is {
        let place = format!("{place}, each item");
        // The kind of an item is told with its list.
        let more = |item: &Schema| (item.choices.clone(), item.format.clone(), item.bounds_words());
        if more(&was) != more(&is) {
            text(&place, &was.words(), &is.words(), told);
        }
        parts(&place, &was, &is, told);
    }
}

fn config(before: &AgentConfig, after: &AgentConfig, told: &mut Vec<Difference>) {
    let fields = |config: &AgentConfig| match crate::json::to_value(config) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (was, is) = (fields(before), fields(after));
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    for name in names {
        let (was, is) = (was.get(name), is.get(name));
        if was == is {
            continue;
        }
        match name.as_str() {
            "headers" => headers(was, is, told),
            // Two of an outside agent differ in their ports or side effects, which are told.
            "hash" => {}
            name => text(&label(name), &words(was), &words(is), told),
        }
    }
}

fn label(name: &str) -> String {
    match name {
        "prompt" => "Prompt",
        "system" => "System prompt",
        "model" => "Model",
        "provider" => "Provider",
        "temperature" => "Temperature",
        "max_tokens" => "Longest answer",
        "template" => "Template",
        "instructions" => "Instructions",
        "url" => "Address",
        "method" => "Method",
        "body" => "Body",
        "kind" => "Kind",
        "template_id" => "Workflow",
        "version" => "Version of the workflow",
        "outputs" => "What its outputs are",
        "side_effects" => "Side effects",
        "timeout_s" => "Time limit",
        other => return other.replace('_', " "),
    }
    .to_owned()
}

fn words(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The names of headers alone.
fn headers(before: Option<&Value>, after: Option<&Value>, told: &mut Vec<Difference>) {
    let names = |value: Option<&Value>| -> Vec<String> {
        value.and_then(Value::as_object).map(|map| map.keys().cloned().collect()).unwrap_or_default()
    };
    let (was, is) = (names(before), names(after));
    if was == is {
        let same = Some("with other values".to_owned());
        told.push(Difference { what: "Headers".to_owned(), before: Some(was.join(", ")), after: same });
    } else {
        text("Headers", &was.join(", "), &is.join(", "), told);
    }
}

fn text(what: &str, before: &str, after: &str, told: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    let (before, after) = excerpts(before, after);
    told.push(Difference { what: what.to_owned(), before, after });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: &AgentSpec, after: &AgentSpec) -> Vec<String> {
        let words = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        let told = differences(before, after).into_iter();
        told.map(|one| format!("{}: {} → {}", one.what, words(one.before), words(one.after))).collect()
    }

    fn llm(inputs: &Value, output: &Value, prompt: &str, model: &str) -> AgentSpec {
        serde_json::from_value(
            json!({"id": "a", "name": "A", "inputs": inputs, "outputs": [{"name": "out", "schema": output}],
            "config": {"kind": "llm", "prompt": prompt, "model": model}}),
        )
        .unwrap()
    }

    #[test]
    fn ports_prompt_and_model_are_told_down_to_the_field() {
        let text = json!({"type": "string"});
        let before = llm(
            &json!([{"name": "text", "schema": text, "required": true}, {"name": "tone", "schema": text}]),
            &json!({"type": "object", "properties": {"title": text, "parts": {"type": "array", "items": {"type": "object", "properties": {"n": text}}}}}),
            "Write {{ text }}",
            "small",
        );
        let after = llm(
            &json!([{"name": "text", "schema": text, "required": true}, {"name": "style", "schema": {"type": "string", "enum": ["plain", "loud"]}}]),
            &json!({"type": "object", "required": ["title"], "properties": {"title": text, "parts": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}}}}),
            "Write {{ text }} well",
            "large",
        );
        assert_eq!(
            told(&before, &after),
            [
                "Input style: – → one of plain, loud, optional",
                "Input tone: text, optional → –",
                "Output out, field title: text, optional → text, required",
                "Output out, field parts, each item, field n: text, optional → whole number, optional",
                "Model: small → large",
                "Prompt: Write {{ text }} → Write {{ text }} well",
            ]
        );
        assert_eq!(told(&after, &after), Vec::<String>::new());
    }

    #[test]
    fn the_value_of_a_header_is_never_told() {
        let http = |key: &str, value: &str| -> AgentSpec {
            serde_json::from_value(json!({"id": "a", "name": "A", "outputs": [{"name": "o"}],
                "config": {"kind": "http", "url": "https://h/", "headers": {key: value}}}))
            .unwrap()
        };
        let all = [
            told(&http("Authorization", "Bearer old-secret"), &http("Authorization", "Bearer new-secret")),
            told(&http("Authorization", "Bearer old-secret"), &http("X-Key", "new-secret")),
        ]
        .concat();
        assert_eq!(all, ["Headers: Authorization → with other values", "Headers: Authorization → X-Key"]);
    }
}
