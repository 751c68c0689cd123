//! Steps that are kept at an older version of their agent: how far they are behind, and the edit that brings all of them up at once.
//! What follows the newest one is never behind, and is never pinned by this.

use workflow::{AgentCatalog, AgentId, Definition, Problem, Step, StepKey, validate};

use super::{Edit, apply};
use crate::Document;

/// How many versions a step is behind the newest one of its agent; none where it is not.
pub fn behind(step: &Step, agents: &AgentCatalog) -> Option<u32> {
    let newest = agents.get(&step.agent_id, None)?.version;
    let kept = step.agent_version?;
    u32::try_from(newest.saturating_sub(kept)).ok().filter(|n| *n > 0)
}

/// The steps of this agent that are behind.
pub fn outdated<'a>(
    definition: &'a Definition,
    agents: &'a AgentCatalog,
    agent: &'a AgentId,
) -> impl Iterator<Item = (&'a StepKey, &'a Step)> {
    definition.steps.iter().filter(move |(_, step)| step.agent_id == *agent && behind(step, agents).is_some())
}

/// Brings these steps up to the newest version of their agents; none where there is nothing to bring up.
pub fn raised<'a>(
    definition: &Definition,
    agents: &AgentCatalog,
    steps: impl IntoIterator<Item = &'a StepKey>,
) -> Option<Edit> {
    let raised = steps.into_iter().filter_map(|key| {
        let step = definition.steps.get(key)?;
        behind(step, agents)?;
        let newest = agents.get(&step.agent_id, None)?.version;
        Some(Edit::set(key.clone(), Step { agent_version: Some(newest), ..step.clone() }))
    });
    let mut raised: Vec<Edit> = raised.collect();
    match raised.len() {
        0 => None,
        1 => raised.pop(),
        _ => Some(Edit::Batch(raised)),
    }
}

/// What the validator would say after an edit that it does not say now.
pub fn new_problems(definition: &Definition, agents: &AgentCatalog, edit: &Edit) -> Vec<Problem> {
    let mut document = Document::from(definition.clone());
    if apply(&mut document, edit).is_err() {
        return Vec::new();
    }
    let known = validate(definition, agents).1;
    let mut problems = validate(&document.definition, agents).1;
    problems.retain(|problem| !known.contains(problem));
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use workflow::{AgentSpec, problem::ProblemCode};

    use super::*;

    fn version(version: i32, inputs: &Value) -> AgentSpec {
        serde_json::from_value(json!({"id": "x", "version": version, "name": "X", "inputs": inputs,
            "outputs": [{"name": "text", "schema": {"type": "string"}}], "config": {"kind": "template", "template": "x"}}))
        .unwrap()
    }

    fn fixture() -> (Definition, AgentCatalog) {
        let text = |name: &str| json!([{"name": name, "schema": {"type": "string"}}]);
        let agents = AgentCatalog::new([version(3, &text("old")), version(5, &text("new")), {
            AgentSpec { id: "y".into(), ..version(2, &text("old")) }
        }]);
        let definition = Definition::from_value(&json!({"steps": {
            "a": {"agent_id": "x", "agent_version": 3, "inputs": {"old": {"const": "kept"}}},
            "b": {"agent_id": "x", "agent_version": 3, "depends_on": ["a"]},
            "c": {"agent_id": "x"}, "d": {"agent_id": "x", "agent_version": 5}, "e": {"agent_id": "x", "agent_version": 9},
            "f": {"agent_id": "y", "agent_version": 2}, "g": {"agent_id": "gone", "agent_version": 1}}}))
        .unwrap();
        (definition, agents)
    }

    #[test]
    fn only_a_step_that_is_kept_at_an_older_version_is_behind() {
        let (definition, agents) = fixture();
        let behind: Vec<_> = definition.steps.values().map(|step| behind(step, &agents)).collect();
        assert_eq!(behind, [Some(2), Some(2), None, None, None, None, None]);
    }

    #[test]
    fn all_steps_of_an_agent_are_brought_up_as_one_edit_and_what_does_not_fit_stays_and_is_told() {
        let (definition, agents) = fixture();
        let id = AgentId::new("x");
        let keys: Vec<&StepKey> = outdated(&definition, &agents, &id).map(|(key, _)| key).collect();
        let edit = raised(&definition, &agents, keys).unwrap();
        let told = new_problems(&definition, &agents, &edit);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].code, told[0].field.as_deref()), (ProblemCode::UnknownPort, Some("inputs.old")));
        let mut document = Document::from(definition.clone());
        let inverse = apply(&mut document, &edit).unwrap();
        let after = &document.definition;
        assert_eq!((after.steps["a"].agent_version, after.steps["b"].agent_version), (Some(5), Some(5)));
        assert_eq!((after.steps["c"].agent_version, after.steps["e"].agent_version), (None, Some(9)));
        assert!(after.steps["a"].inputs.contains_key("old"), "nothing that an author wrote is lost");
        assert!(raised(after, &agents, after.steps.keys()).is_none());
        apply(&mut document, &inverse).unwrap();
        assert_eq!(document.definition, definition);
    }
}
