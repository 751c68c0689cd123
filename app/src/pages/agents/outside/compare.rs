//! The ports of two versions of an agent side by side: what is new, what is gone, and what is another one.
//! Pure: drawing is `ports`.

use workflow::{
    AgentSpec,
    agent::{AgentConfig, InputPort, OutputPort, SideEffects, port_words},
    api::OfferView,
    schema::Schema,
};

/// What a step's author sees of an agent.
#[derive(Clone, PartialEq, Debug, Default)]
pub(in crate::pages) struct Ports {
    pub inputs: Vec<InputPort>,
    pub outputs: Vec<OutputPort>,
    pub side_effects: SideEffects,
}

impl Ports {
    pub(in crate::pages) fn of_offer(offer: &OfferView) -> Self {
        Self { inputs: offer.inputs.clone(), outputs: offer.outputs.clone(), side_effects: offer.side_effects }
    }

    pub(in crate::pages) fn of_agent(spec: &AgentSpec) -> Self {
        let side_effects = match &spec.config {
            AgentConfig::Worker(config) => config.side_effects,
            _ => SideEffects::None,
        };
        Self { inputs: spec.inputs.clone(), outputs: spec.outputs.clone(), side_effects }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    Same,
    Added,
    Removed,
    Changed,
}

impl Change {
    /// None where there is nothing to say.
    pub(super) fn words(self) -> Option<&'static str> {
        match self {
            Self::Same => None,
            Self::Added => Some("Added"),
            Self::Removed => Some("Removed"),
            Self::Changed => Some("Changed"),
        }
    }
}

/// One port, before and after, each in words.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Row {
    pub name: String,
    pub is_input: bool,
    pub change: Change,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// What is told of one port.
struct Port<'a> {
    name: &'a str,
    schema: &'a Schema,
    /// None of an output.
    required: Option<bool>,
}

impl Port<'_> {
    fn words(&self) -> String {
        port_words(self.schema, self.required)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.schema == other.schema && self.required == other.required
    }
}

/// Every port of both, inputs first, in the order of the new one; what is gone comes last. Without a `before` nothing is changed: all of it
/// is new.
pub(super) fn compare(before: Option<&Ports>, after: &Ports) -> Vec<Row> {
    fn inputs(ports: &Ports) -> Vec<Port<'_>> {
        let ports = ports.inputs.iter();
        ports.map(|InputPort { name, schema, required }| Port { name, schema, required: Some(*required) }).collect()
    }
    fn outputs(ports: &Ports) -> Vec<Port<'_>> {
        ports.outputs.iter().map(|OutputPort { name, schema }| Port { name, schema, required: None }).collect()
    }
    let mut rows = Vec::new();
    for is_input in [true, false] {
        let of = if is_input { inputs } else { outputs };
        rows.extend(compare_lists(before.map(of), &of(after), is_input));
    }
    rows
}

fn compare_lists(before: Option<Vec<Port<'_>>>, after: &[Port<'_>], is_input: bool) -> Vec<Row> {
    let is_new = before.is_none();
    let before = before.unwrap_or_default();
    let row = |port: &Port<'_>| {
        let known = before.iter().find(|known| known.name == port.name);
        let change = match known {
            None if is_new => Change::Same,
            None => Change::Added,
            Some(known) if known.is_same(port) => Change::Same,
            Some(_) => Change::Changed,
        };
        Row { name: port.name.to_owned(), is_input, change, before: known.map(Port::words), after: Some(port.words()) }
    };
    let gone = before.iter().filter(|known| after.iter().all(|port| port.name != known.name)).map(|port| Row {
        name: port.name.to_owned(),
        is_input,
        change: Change::Removed,
        before: Some(port.words()),
        after: None,
    });
    after.iter().map(row).chain(gone).collect()
}

/// "1 input added, 1 output changed"; what is no port is said too.
pub(super) fn summary(before: Option<&Ports>, after: &Ports) -> String {
    let rows = compare(before, after);
    let Some(before) = before else {
        let n = |is_input| rows.iter().filter(|row| row.is_input == is_input).count();
        return format!("{}, {}", crate::words::count(n(true), "input"), crate::words::count(n(false), "output"));
    };
    let mut parts = Vec::new();
    for (is_input, noun) in [(true, "input"), (false, "output")] {
        for (change, verb) in [(Change::Added, "added"), (Change::Removed, "removed"), (Change::Changed, "changed")] {
            let n = rows.iter().filter(|row| row.is_input == is_input && row.change == change).count();
            if n > 0 {
                parts.push(format!("{} {verb}", crate::words::count(n, noun)));
            }
        }
    }
    if before.side_effects != after.side_effects {
        parts.push("side effects changed".to_owned());
    }
    if parts.is_empty() { "No port changed".to_owned() } else { parts.join(", ") }
}

/// What doing it twice does, for people.
pub(in crate::pages) fn side_effect_words(of: SideEffects) -> &'static str {
    match of {
        SideEffects::None => "None: it changes nothing outside",
        SideEffects::Idempotent => "Idempotent: done twice under one key, it has one effect",
        SideEffects::External => "External: each try acts outside again",
    }
}

/// Both ports as JSON, for what the words do not tell.
pub(super) fn as_json(ports: &Ports) -> String {
    let value = serde_json::json!({
        "inputs": ports.inputs, "outputs": ports.outputs, "side_effects": ports.side_effects,
    });
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ports(inputs: serde_json::Value, outputs: serde_json::Value) -> Ports {
        Ports {
            inputs: serde_json::from_value(inputs).unwrap(),
            outputs: serde_json::from_value(outputs).unwrap(),
            side_effects: SideEffects::None,
        }
    }

    fn changes(before: &Ports, after: &Ports) -> Vec<(String, Change)> {
        compare(Some(before), after).into_iter().map(|row| (row.name, row.change)).collect()
    }

    #[test]
    fn what_is_new_gone_or_another_one_is_told_port_by_port() {
        let text = json!({"type": "string"});
        let before = ports(
            json!([{"name": "text", "schema": text, "required": true}, {"name": "tone", "schema": text}]),
            json!([{"name": "summary", "schema": text}]),
        );
        let after = ports(
            json!([{"name": "text", "schema": text, "required": true}, {"name": "words", "schema": {"type": "integer"}}]),
            json!([{"name": "summary", "schema": {"type": "object", "properties": {"a": text}}}]),
        );
        let expected = [
            ("text".to_owned(), Change::Same),
            ("words".to_owned(), Change::Added),
            ("tone".to_owned(), Change::Removed),
            ("summary".to_owned(), Change::Changed),
        ];
        assert_eq!(changes(&before, &after), expected);
        assert_eq!(summary(Some(&before), &after), "1 input added, 1 input removed, 1 output changed");
        assert_eq!(summary(None, &after), "2 inputs, 1 output");
        assert_eq!(summary(Some(&after), &after), "No port changed");
        let acting = Ports { side_effects: SideEffects::External, ..after.clone() };
        assert_eq!(summary(Some(&after), &acting), "side effects changed");
    }

    #[test]
    fn a_part_of_a_type_that_changed_is_a_change() {
        let of = |inner: &str| {
            ports(json!([{"name": "a", "schema": {"type": "object", "properties": {"b": {"type": inner}}}}]), json!([]))
        };
        assert_eq!(changes(&of("string"), &of("number")), [("a".to_owned(), Change::Changed)]);
        let needed = ports(json!([{"name": "a", "required": true}]), json!([]));
        let wished = ports(json!([{"name": "a", "required": false}]), json!([]));
        let rows = compare(Some(&needed), &wished);
        assert_eq!(
            (rows[0].before.as_deref(), rows[0].after.as_deref()),
            (Some("any, required"), Some("any, optional"))
        );
    }

    #[test]
    fn a_port_is_told_in_words() {
        let port = ports(
            json!([{"name": "a", "schema": {"type": "string", "enum": ["plain", "loud"], "description": "How"}, "required": true}]),
            json!([{"name": "b", "schema": {"type": "array", "items": {"type": "number"}}}]),
        );
        let words: Vec<_> = compare(None, &port).into_iter().filter_map(|row| row.after).collect();
        assert_eq!(words[1], "list of number");
        assert!(words[0].starts_with("one of plain, loud, required, “How”"), "{}", words[0]);
    }
}
