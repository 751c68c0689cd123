//! What a new connection is most likely for: the one result of a step that fits the one input still missing in the other.
//! It must never guess: where two would do, nothing is mapped.

use workflow::{
    AgentCatalog, AgentSpec, Definition, Step, StepKey,
    schema::{Compatibility, Schema},
    source::Source,
    validate::output_schema,
};

use super::Edit;

/// Maps a required input of `to` that nothing feeds to what `from` makes, if exactly one pair of them surely fits.
pub(crate) fn map_what_fits(
    definition: &Definition,
    agents: &AgentCatalog,
    from: &StepKey,
    to: &StepKey,
) -> Option<Edit> {
    let (port, source) = fit(agents, (from, definition.steps.get(from)?), definition.steps.get(to)?)?;
    Some(Edit::SetInput { step: to.clone(), port, source: Some(source) })
}

/// The same for steps that need not be in a definition yet: the port, and what feeds it.
pub(super) fn fit(agents: &AgentCatalog, from: (&StepKey, &Step), to: &Step) -> Option<(String, Source)> {
    let mut fitting = pairs(agents, from, to).into_iter();
    let one = fitting.next()?;
    fitting.next().is_none().then_some(one)
}

/// Every such pair, for whoever has to choose.
pub(crate) fn what_fits(
    definition: &Definition,
    agents: &AgentCatalog,
    from: &StepKey,
    to: &StepKey,
) -> Vec<(String, Source)> {
    let there = definition.steps.get(from).zip(definition.steps.get(to));
    there.map(|(first, last)| pairs(agents, (from, first), last)).unwrap_or_default()
}

/// Each input that is still missing with each result that surely fits it.
fn pairs(agents: &AgentCatalog, from: (&StepKey, &Step), to: &Step) -> Vec<(String, Source)> {
    let (made, missing) = (results(agents, from.1).unwrap_or_default(), missing(agents, to).unwrap_or_default());
    let mut pairs = Vec::new();
    for (port, wanted) in missing {
        let fitting = made.iter().filter(|(_, schema)| matches!(schema.feeds(wanted), Compatibility::Yes));
        pairs.extend(fitting.map(|(artifact, _)| (port.to_owned(), whole(from.0, artifact))));
    }
    pairs
}

/// All of what a step made by this name.
pub(super) fn whole(step: &StepKey, artifact: &str) -> Source {
    Source::Step { step: step.clone(), artifact: artifact.to_owned(), path: String::new() }
}

pub(super) fn spec<'a>(agents: &'a AgentCatalog, step: &Step) -> Option<&'a AgentSpec> {
    agents.get(&step.agent_id, step.agent_version)
}

/// What a step makes, each with its type as other steps see it; none where its agent is not known.
pub(super) fn results<'a>(agents: &'a AgentCatalog, step: &Step) -> Option<Vec<(&'a str, Schema)>> {
    let outputs = &spec(agents, step)?.outputs;
    Some(outputs.iter().map(|port| (port.name.as_str(), output_schema(step, port))).collect())
}

/// The inputs that a step needs and nothing feeds; none where its agent is not known.
pub(super) fn missing<'a>(agents: &'a AgentCatalog, step: &Step) -> Option<Vec<(&'a str, &'a Schema)>> {
    let inputs = spec(agents, step)?.inputs.iter();
    let inputs = inputs.filter(|port| port.required && !step.inputs.contains_key(&port.name));
    Some(inputs.map(|port| (port.name.as_str(), &port.schema)).collect())
}

/// The one of these results that surely feeds what is wanted.
pub(super) fn one_that_feeds<'a>(results: &[(&'a str, Schema)], wanted: &Schema) -> Option<&'a str> {
    let mut fitting = results.iter().filter(|(_, schema)| matches!(schema.feeds(wanted), Compatibility::Yes));
    let (artifact, _) = fitting.next()?;
    fitting.next().is_none().then_some(*artifact)
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
    fn where_two_would_do_both_are_told() {
        let agents = AgentCatalog::new([
            agent("from", &json!([]), &json!([output("text", "string"), output("count", "integer")])),
            agent("to", &json!([port("left", "string"), port("right", "string"), port("list", "array")]), &json!([])),
        ]);
        let definition =
            Definition::from_value(&json!({"steps": {"a": {"agent_id": "from"}, "b": {"agent_id": "to"}}})).unwrap();
        let told = what_fits(&definition, &agents, &"a".into(), &"b".into());
        let text = whole(&"a".into(), "text");
        assert_eq!(told, [("left".to_owned(), text.clone()), ("right".to_owned(), text)]);
        assert!(what_fits(&definition, &agents, &"a".into(), &"gone".into()).is_empty());
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
