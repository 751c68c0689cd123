//! What has to be given before a step may be skipped: the required inputs that only it would have fed.
//! Items need nothing: what a map collects has a place for what is missing.

use crate::{
    agent::AgentCatalog, id::StepKey, resolve::effective_override, source::Source, status::StepStatus, view::RunView,
};

/// Required ports of dependents that read this step and have no literal of their own, as (step, port). Dependents that are done need nothing.
pub fn needs(view: &RunView, agents: &AgentCatalog, key: &StepKey) -> Vec<(StepKey, String)> {
    let mut needs = Vec::new();
    for (dependent, step) in &view.run_definition.steps {
        let reads = |source: &Source| source.step() == Some(key);
        if !step.inputs.values().any(reads) {
            continue;
        }
        let Some(of_run) = view.step(dependent) else {
            continue;
        };
        if matches!(of_run.status, StepStatus::Completed | StepStatus::Cancelled) {
            continue;
        }
        let Some(spec) = agents.get(&of_run.agent_id, Some(of_run.agent_version)) else {
            continue;
        };
        let given = effective_override(&view.overrides, dependent).map(|over| over.inputs).unwrap_or_default();
        let is_given = |port: &str| given.get(port).is_some_and(|value| !value.is_null());
        for port in spec.inputs.iter().filter(|port| port.required && !is_given(&port.name)) {
            if step.inputs.get(&port.name).is_some_and(reads) {
                needs.push((dependent.clone(), port.name.clone()));
            }
        }
    }
    needs
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{agent::AgentSpec, testing, view::StepOverride};

    #[test]
    fn only_required_ports_without_a_literal_of_their_own_are_asked_for() {
        let spec: AgentSpec = serde_json::from_value(json!({"id": "x", "version": 1, "name": "X",
            "inputs": [{"name": "must", "required": true}, {"name": "may"}], "outputs": [{"name": "out"}],
            "config": {"kind": "template", "template": "x"}}))
        .unwrap();
        let agents = AgentCatalog::new([spec]);
        let read = json!({"from": "step", "step": "a", "artifact": "out"});
        let mut view = testing::run(&json!({"a": {"agent_id": "x"},
            "b": {"agent_id": "x", "inputs": {"must": read, "may": read}},
            "c": {"agent_id": "x", "inputs": {"must": {"const": 1}, "may": read}},
            "d": {"agent_id": "x", "inputs": {"must": read}}}));
        let shown = |view: &RunView| {
            needs(view, &agents, &"a".into())
                .into_iter()
                .map(|(step, port)| format!("{step}.{port}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(&view), ["b.must", "d.must"]);
        testing::step(&mut view, "d").status = StepStatus::Completed;
        assert_eq!(shown(&view), ["b.must"]);
        let literal = StepOverride { inputs: [("must".to_owned(), json!(1))].into(), ..StepOverride::default() };
        view.overrides.insert("b".into(), literal);
        assert!(shown(&view).is_empty());
        let nothing = StepOverride { inputs: [("must".to_owned(), json!(null))].into(), ..StepOverride::default() };
        view.overrides.insert("b".into(), nothing);
        assert_eq!(shown(&view), ["b.must"], "null is nothing given");
    }
}
