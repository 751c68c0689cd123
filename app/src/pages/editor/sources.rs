//! What an input can be mapped to: the item of a list, run inputs, artifacts of earlier steps, steps that could become earlier ones, a constant.
//! Compatible ones first; the others stay in sight with the reason. Pure, so that it is tested without a browser.

use std::collections::BTreeSet;

use serde_json::Value;
use workflow::{
    AgentCatalog, Definition, StepKey,
    agent::InputPort,
    definition::in_order,
    graph::Graph,
    schema::{Compatibility, Kind, Schema},
    source::{Source, at_path},
    validate::source_schema,
};

use super::trying::in_a_line;
use crate::components::ComboOption;

/// Between the parts of an option's value; no key or pointer that a person types has it.
const SEPARATOR: char = '\n';
const CONSTANT: &str = "constant";

/// An option's value: which source, with the part of it that is taken.
pub(super) fn encode(source: Option<&Source>) -> String {
    let joined = |parts: &[&str]| parts.join(&SEPARATOR.to_string());
    match source {
        None => String::new(),
        Some(Source::Const(_)) => CONSTANT.to_owned(),
        Some(Source::Run { key, path }) => joined(&["run", key, path]),
        Some(Source::Step { step, artifact, path }) => joined(&["step", step.as_str(), artifact, path]),
        Some(Source::Item { path }) => joined(&["item", path]),
    }
}

/// The source that a value stands for. `first` is the constant to begin with.
pub(super) fn decode(value: &str, first: impl FnOnce() -> Source) -> Option<Source> {
    let parts: Vec<&str> = value.split(SEPARATOR).collect();
    Some(match *parts.as_slice() {
        [CONSTANT] => first(),
        ["run", key, path] => Source::Run { key: key.to_owned(), path: path.to_owned() },
        ["step", step, artifact, path] => {
            Source::Step { step: StepKey::new(step), artifact: artifact.to_owned(), path: path.to_owned() }
        }
        ["item", path] => Source::Item { path: path.to_owned() },
        _ => return None,
    })
}

/// The name of a source, as the option and the closed control show it.
pub(super) fn label(definition: &Definition, source: &Source) -> String {
    let part = |path: &str| path.split('/').skip(1).map(segment).collect::<String>();
    match source {
        Source::Const(_) => "Constant value".to_owned(),
        Source::Run { key, path } => {
            let title = definition.inputs.get(key).map(|input| input.title.as_str()).filter(|title| !title.is_empty());
            format!("Run input: {}{}", title.unwrap_or(key), part(path))
        }
        Source::Step { step, artifact, path } => {
            let title = definition.steps.get(step).map_or(step.as_str(), |found| found.title_or(step));
            format!("{title} · {artifact}{}", part(path))
        }
        Source::Item { path } => format!("Item of the list{}", part(path)),
    }
}

/// One step of a path in words: the name of a field, or which item of a list.
fn segment(segment: &str) -> String {
    match segment.parse::<u32>() {
        Ok(n) => format!(" › item {}", u64::from(n) + 1),
        Err(_) => format!(" › {}", segment.replace("~1", "/").replace("~0", "~")),
    }
}

/// One line of the list, with what it is sorted by.
struct Entry {
    rank: u8,
    group: u8,
    option: ComboOption,
}

/// Which kinds of sources a place takes.
#[expect(clippy::struct_excessive_bools, reason = "a set of flags")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Takes {
    pub constant: bool,
    pub item: bool,
    pub steps: bool,
    pub none: bool,
}

impl Takes {
    /// What an input takes.
    pub(super) fn all(port: &InputPort) -> Self {
        Self { constant: true, item: true, steps: true, none: !port.required }
    }
}

/// What is chosen for: the draft, the step, its input, and what sources gave last.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub definition: &'a Definition,
    pub agents: &'a AgentCatalog,
    pub key: &'a StepKey,
    pub port: &'a InputPort,
    /// What a whole source gave last.
    pub seen: &'a dyn Fn(&Source) -> Option<Value>,
}

/// Everything that the input of a step can be mapped to, best first.
pub(super) fn options(place: Place<'_>, current: Option<&Source>, takes: Takes) -> Vec<ComboOption> {
    let Place { definition, agents, key, port, .. } = place;
    let Some(step) = definition.steps.get(key) else { return Vec::new() };
    let mut entries = Vec::new();
    if let Some(map) = step.map.as_ref().filter(|_| takes.item) {
        let list = source_schema(definition, agents, &map.over);
        let schema = list.and_then(|list| list.items).map_or_else(Schema::any, |items| *items);
        let source = |path: &str| Source::Item { path: path.to_owned() };
        push(&mut entries, place, &schema, (0, ""), &source);
    }
    for (name, input) in in_order(&definition.inputs) {
        let source = |path: &str| Source::Run { key: name.clone(), path: path.to_owned() };
        push(&mut entries, place, &input.schema, (0, ""), &source);
    }
    let graph = Graph::of(definition);
    let later = graph.descendants(key);
    let earlier = graph.ancestors(key);
    let direct: BTreeSet<&StepKey> = step.direct_dependencies();
    // In the order in which they run; a draft with a cycle has none.
    let order = graph.order().unwrap_or_else(|_| definition.steps.keys().collect());
    let producers = order.into_iter().filter_map(|from| Some((from, definition.steps.get(from)?)));
    for (from, producer) in producers.filter(|_| takes.steps) {
        // What waits for this step can never feed it.
        if from == key || later.contains(from) {
            continue;
        }
        let Some(spec) = agents.get(&producer.agent_id, producer.agent_version) else { continue };
        let group = if direct.contains(from) {
            (1, "")
        } else if earlier.contains(from) {
            (2, "")
        } else {
            (3, " (connects)")
        };
        for output in &spec.outputs {
            let source =
                |path: &str| Source::Step { step: from.clone(), artifact: output.name.clone(), path: path.to_owned() };
            // Of a map step it is the list of what its items made.
            let schema = source_schema(definition, agents, &source("")).unwrap_or_else(|| output.schema.clone());
            push(&mut entries, place, &schema, group, &source);
        }
    }
    let constant = ComboOption {
        value: CONSTANT.to_owned(),
        label: "Constant value".to_owned(),
        kind: port.schema.type_name().to_owned(),
        ..ComboOption::default()
    };
    if takes.constant {
        entries.push(Entry { rank: 0, group: 8, option: constant });
    }
    if takes.none {
        let none = ComboOption { label: "None".to_owned(), ..ComboOption::default() };
        entries.push(Entry { rank: 0, group: 9, option: none });
    }
    entries.sort_by_key(|entry| (entry.rank, entry.group));
    let mut options: Vec<ComboOption> = entries.into_iter().map(|entry| entry.option).collect();
    // What is set stays in the list, even if it is broken by now.
    if let Some(missing) = current.and_then(|source| only(definition, Some(source)).pop())
        && !options.iter().any(|option| option.value == missing.value)
    {
        options.insert(0, missing);
    }
    options
}

/// The list while nobody looks at it: what is set, so that its name can be shown.
pub(super) fn only(definition: &Definition, current: Option<&Source>) -> Vec<ComboOption> {
    current
        .map(|source| ComboOption {
            value: encode(Some(source)),
            label: label(definition, source),
            ..ComboOption::default()
        })
        .into_iter()
        .collect()
}

/// A source as a whole, and those parts of it that fit, however deep they lie. Where no parts are declared, those of the last value.
fn push(
    entries: &mut Vec<Entry>,
    place: Place<'_>,
    schema: &Schema,
    group: (u8, &str),
    source: &dyn Fn(&str) -> Source,
) {
    let whole = source("");
    let value = (place.seen)(&whole);
    entries.push(entry(place, schema, group, &whole, value.as_ref()));
    let declared = schema.parts();
    let (parts, is_sure) = match &value {
        Some(value) if declared.is_empty() && matches!(schema.kind, None | Some(Kind::Object | Kind::Array)) => {
            (Schema::like(value).parts(), false)
        }
        _ => (declared, true),
    };
    for part in parts {
        let seen = value.as_ref().and_then(|value| at_path(value, &part.path));
        let mut found = entry(place, &part.schema, group, &source(&part.path), seen);
        if found.option.reason.is_some() {
            continue;
        }
        // An item may be missing, and so may what was seen once.
        if part.is_of_item || !is_sure {
            found.rank = found.rank.max(1);
        }
        entries.push(found);
    }
}

fn entry(place: Place<'_>, schema: &Schema, group: (u8, &str), source: &Source, seen: Option<&Value>) -> Entry {
    let (group, note) = group;
    let (rank, reason) = match schema.feeds(&place.port.schema) {
        Compatibility::Yes => (0, None),
        Compatibility::Unsure(_) => (1, None),
        Compatibility::No(reason) => (2, Some(sentence(&reason))),
    };
    let option = ComboOption {
        value: encode(Some(source)),
        label: format!("{}{note}", label(place.definition, source)),
        kind: schema.words(),
        reason,
        seen: seen.map(in_a_line).unwrap_or_default(),
    };
    Entry { rank, group, option }
}

fn sentence(reason: &str) -> String {
    let mut chars = reason.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use workflow::AgentSpec;

    use super::*;

    fn agent(id: &str, output: &Value) -> AgentSpec {
        serde_json::from_value(json!({
            "id": id, "version": 1, "name": id,
            "inputs": [{"name": "text", "schema": {"type": "string"}}],
            "outputs": [{"name": "out", "schema": output}],
            "config": {"kind": "template", "template": "x"}}))
        .unwrap()
    }

    fn fixture() -> (Definition, AgentCatalog) {
        let definition = Definition::from_value(&json!({
            "inputs": {"topic": {"title": "Topic", "schema": {"type": "string"}}, "n": {"schema": {"type": "number"}}},
            "steps": {
                "far": {"agent_id": "texts"}, "near": {"agent_id": "texts", "depends_on": ["far"]},
                "me": {"agent_id": "texts", "depends_on": ["near"]}, "after": {"agent_id": "texts", "depends_on": ["me"]},
                "other": {"agent_id": "texts"}, "plan": {"agent_id": "objects"}}}))
        .unwrap();
        let object = json!({"type": "object", "properties": {"title": {"type": "string"}, "n": {"type": "number"}}});
        (definition, AgentCatalog::new([agent("texts", &json!({"type": "string"})), agent("objects", &object)]))
    }

    #[test]
    fn what_fits_comes_first_and_the_rest_says_why() {
        let (definition, agents) = fixture();
        let port = agents.latest().find(|spec| spec.id.as_str() == "texts").unwrap().inputs[0].clone();
        let me = "me".into();
        let place = Place { definition: &definition, agents: &agents, key: &me, port: &port, seen: &|_| None };
        let shown: Vec<String> = options(place, None, Takes::all(&port))
            .into_iter()
            .map(|option| match option.reason {
                Some(reason) => format!("{}: {reason}", option.label),
                None => format!("{} [{}]", option.label, option.kind),
            })
            .collect();
        assert_eq!(
            shown,
            [
                "Run input: Topic [text]",
                "near · out [text]",
                "far · out [text]",
                "other · out (connects) [text]",
                "plan · out › title (connects) [text]",
                "Constant value [text]",
                "None []",
                "Run input: n: Number given, but text is wanted",
                "plan · out (connects): Object given, but text is wanted",
            ]
        );
    }

    #[test]
    fn nested_fields_are_offered_with_their_type_and_what_was_seen_there_last() {
        let object = json!({"type": "object", "properties": {
            "meta": {"type": "object", "properties": {"title": {"type": "string"}}},
            "parts": {"type": "array", "items": {"type": "object", "properties": {"text": {"type": "string"}}}}}});
        let agents = AgentCatalog::new([
            agent("objects", &object),
            agent("free", &json!({})),
            agent("texts", &json!({"type": "string"})),
        ]);
        let definition = Definition::from_value(&json!({"steps": {
            "plan": {"agent_id": "objects"}, "free": {"agent_id": "free"},
            "me": {"agent_id": "texts", "depends_on": ["plan", "free"]}}}))
        .unwrap();
        let seen = |source: &Source| match source {
            Source::Step { step, .. } if step.as_str() == "plan" => {
                Some(json!({"meta": {"title": "The  plan"}, "parts": [{"text": "One"}]}))
            }
            Source::Step { .. } => Some(json!({"found": {"name": "Ada"}})),
            _ => None,
        };
        let port = agents.latest().find(|spec| spec.id.as_str() == "texts").unwrap().inputs[0].clone();
        let me = "me".into();
        let place = Place { definition: &definition, agents: &agents, key: &me, port: &port, seen: &seen };
        let shown: Vec<String> = options(place, None, Takes { constant: false, none: false, ..Takes::all(&port) })
            .into_iter()
            .filter(|option| option.reason.is_none())
            .map(|option| format!("{} [{}] {}", option.label, option.kind, option.seen))
            .collect();
        assert_eq!(
            shown,
            [
                "plan · out › meta › title [text] The plan",
                "free · out [any] {\"found\":{\"name\":\"Ada\"}}",
                "free · out › found › name [text] Ada",
                "plan · out › parts › item 1 › text [text] One",
            ]
        );
        // For what takes anything, as a condition does, every part is there.
        let anything = InputPort { schema: Schema::any(), ..port.clone() };
        let place = Place { port: &anything, ..place };
        let all = options(place, None, Takes::all(&anything));
        for part in ["plan · out › meta", "plan · out › meta › title", "free · out › found › name"] {
            assert!(all.iter().any(|option| option.label == part), "{part}");
        }
    }

    #[test]
    fn a_value_stands_for_its_source() {
        for document in [
            json!({"from": "run", "key": "topic"}),
            json!({"from": "step", "step": "a", "artifact": "out", "path": "/x/y"}),
            json!({"from": "item", "path": "/x"}),
        ] {
            let source: Source = serde_json::from_value(document).unwrap();
            assert_eq!(decode(&encode(Some(&source)), || Source::Const(json!(1))), Some(source));
        }
        assert_eq!(decode("", || Source::Const(json!(1))), None);
        assert_eq!(decode(CONSTANT, || Source::Const(json!(1))), Some(Source::Const(json!(1))));
    }
}
