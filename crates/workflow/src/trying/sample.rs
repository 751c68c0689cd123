//! Values that fit a type, made up from the type alone: the same ones each time, so that two tries can be compared.

use serde_json::{Map, Number, Value, json};

use crate::{
    agent::AgentSpec,
    definition::Step,
    schema::{Kind, Schema},
    source::Source,
};

/// A value of this type; none where nobody can make one up: a file, or a choice of nothing.
pub fn sample(schema: &Schema, title: &str) -> Option<Value> {
    if schema.is_file() {
        return None;
    }
    if schema.choices.is_some() {
        return schema.choices().first().cloned();
    }
    let made = match schema.kind {
        None | Some(Kind::String) => json!(format!("Sample of {}", if title.is_empty() { "a text" } else { title })),
        Some(Kind::Number | Kind::Integer) => Value::Number(schema.nearest(Number::from(1))),
        Some(Kind::Boolean) => json!(true),
        Some(Kind::Null) => Value::Null,
        Some(Kind::Array) => match &schema.items {
            Some(items) => Value::Array(sample(items, title).into_iter().collect()),
            None => json!([format!("Sample of {}", if title.is_empty() { "an item" } else { title })]),
        },
        Some(Kind::Object) => return object(schema),
    };
    Some(made)
}

fn object(schema: &Schema) -> Option<Value> {
    let mut made = Map::new();
    for (name, property) in &schema.properties {
        match sample(property, name) {
            Some(value) => {
                made.insert(name.clone(), value);
            }
            None if schema.required.contains(name) => return None,
            None => {}
        }
    }
    // A property may be required and not described.
    for name in &schema.required {
        made.entry(name.clone()).or_insert_with(|| json!(format!("Sample of {name}")));
    }
    Some(Value::Object(made))
}

/// A list of one item for a step that is repeated: of the list's type where that says something of its items, else with the parts that
/// the step reads of an item.
pub fn sample_list(schema: &Schema, step: &Step, agent: Option<&AgentSpec>) -> Option<Value> {
    if schema.items.as_ref().is_some_and(|items| items.kind.is_some()) {
        return sample(schema, "item").filter(|list| list != &json!([]));
    }
    let mut item = json!("Sample of an item");
    for (port, source) in &step.inputs {
        let Source::Item { path } = source else { continue };
        let schema = agent.and_then(|agent| agent.input(port)).map(|port| port.schema.clone()).unwrap_or_default();
        put(&mut item, path, sample(&schema, port)?);
    }
    if let Some(key) = step.map.as_ref().and_then(|map| map.key.as_deref())
        && item.pointer(key).is_none()
    {
        put(&mut item, key, json!("sample"));
    }
    Some(json!([item]))
}

/// Puts a value at the place that a JSON Pointer names, making objects on the way.
fn put(whole: &mut Value, path: &str, value: Value) {
    let mut place = whole;
    for segment in path.split('/').skip(1) {
        let name = segment.replace("~1", "/").replace("~0", "~");
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[name];
    }
    *place = value;
}
