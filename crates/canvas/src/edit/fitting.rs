//! What a new connection is most likely for: the one result of a step that fits the one input still missing in the other.
//! It must never guess: where two would do, nothing is mapped.

use workflow::{AgentCatalog, Definition, StepKey, schema::Compatibility, source::Source, validate::source_schema};

use super::Edit;

/// Maps a required input of `to` that nothing feeds to what `from` makes, if exactly one pair of them surely fits.
pub(crate) fn map_what_fits(
    definition: &Definition,
    agents: &AgentCatalog,
    from: &StepKey,
    to: &StepKey,
) -> Option<Edit> {
    let spec = |key: &StepKey| {
        let step = definition.steps.get(key)?;
        agents.get(&step.agent_id, step.agent_version)
    };
    let (outputs, inputs) = (&spec(from)?.outputs, &spec(to)?.inputs);
    let mapped = &definition.steps.get(to)?.inputs;
    let sources: Vec<_> = outputs
        .iter()
        .filter_map(|output| {
            let source = Source::Step { step: from.clone(), artifact: output.name.clone(), path: String::new() };
            Some((source_schema(definition, agents, &source)?, source))
        })
        .collect();
    let mut fitting = inputs.iter().filter(|port| port.required && !mapped.contains_key(&port.name)).flat_map(|port| {
        let fits = |schema: &workflow::schema::Schema| matches!(schema.feeds(&port.schema), Compatibility::Yes);
        sources.iter().filter(move |(schema, _)| fits(schema)).map(move |(_, source)| (port, source))
    });
    let (port, source) = fitting.next()?;
    fitting.next().is_none().then(|| Edit::SetInput {
        step: to.clone(),
        port: port.name.clone(),
        source: Some(source.clone()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use workflow::AgentSpec;

    use super::*;

    fn agent(id: &str, inputs: &Value, outputs: &Value) -> AgentSpec {
        serde_json::from_value(json!({"id": id, "version": 1, "name": id, "inputs": inputs, "outputs": outputs,
            "config": {"kind": "template", "template": "x"}}))
        .unwrap()
    }

    /// What is mapped when `a` is connected to `b`.
    fn mapped(outputs: &Value, inputs: &Value, already: &Value) -> Option<(String, String)> {
        let agents = AgentCatalog::new([agent("from", &json!([]), outputs), agent("to", inputs, &json!([]))]);
        let definition = Definition::from_value(
            &json!({"steps": {"a": {"agent_id": "from"}, "b": {"agent_id": "to", "inputs": already}}}),
        )
        .unwrap();
        match map_what_fits(&definition, &agents, &"a".into(), &"b".into())? {
            Edit::SetInput { port, source: Some(Source::Step { artifact, .. }), .. } => Some((port, artifact)),
            other => panic!("{other:?}"),
        }
    }

    fn port(name: &str, kind: &str) -> Value {
        json!({"name": name, "schema": {"type": kind}, "required": true})
    }

    fn output(name: &str, kind: &str) -> Value {
        json!({"name": name, "schema": {"type": kind}})
    }

    #[test]
    fn the_one_result_that_fits_feeds_the_one_input_that_is_missing() {
        let found = mapped(
            &json!([output("list", "array"), output("text", "string")]),
            &json!([port("known", "string"), port("text", "string"), port("count", "integer")]),
            &json!({"known": {"const": "k"}}),
        );
        assert_eq!(found, Some(("text".into(), "text".into())));
    }

    #[test]
    fn nothing_is_mapped_where_two_would_do_or_none_is_needed() {
        let texts = json!([output("one", "string"), output("two", "string")]);
        assert_eq!(mapped(&texts, &json!([port("text", "string")]), &json!({})), None);
        let one = json!([output("text", "string")]);
        assert_eq!(mapped(&one, &json!([port("left", "string"), port("right", "string")]), &json!({})), None);
        assert_eq!(mapped(&one, &json!([port("text", "string")]), &json!({"text": {"const": "k"}})), None);
        let optional = json!([{"name": "text", "schema": {"type": "string"}, "required": false}]);
        assert_eq!(mapped(&one, &optional, &json!({})), None);
        assert_eq!(mapped(&one, &json!([port("list", "array")]), &json!({})), None);
    }
}
