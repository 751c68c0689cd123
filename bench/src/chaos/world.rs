//! What people start while everything breaks: workflows of each form that a run can have, whose steps take a second or none.

use anyhow::Result;
use serde_json::{Value, json};

use super::dice::Dice;
use crate::{
    client::Client,
    definitions::{self, PROVIDER},
};

/// The step of a workflow at which somebody has to decide.
pub(crate) const GATE: &str = "gate";
/// An agent that takes a second, and of which few work at a time.
const RARE: &str = "chaos-rare";
const WAIT: &str = "bench-wait";
const STEP: &str = "bench-step";

/// Those that were published, each with whether it has a gate.
#[derive(Clone, Debug)]
pub(crate) struct Templates(Vec<(String, bool)>);

impl Templates {
    pub(crate) async fn publish(client: &Client) -> Result<Self> {
        for agent in definitions::agents().iter().chain([&rare()]) {
            client.post("/api/agents", agent).await?;
        }
        let mut templates = Vec::new();
        for (name, steps) in workflows() {
            let body = json!({"name": name, "description": "", "definition": {"steps": steps}});
            let template = client.make("/api/workflows/templates", &body).await?;
            client.post(&format!("/api/workflows/templates/{template}/publish"), &json!({})).await?;
            templates.push((template, steps.get(GATE).is_some()));
        }
        Ok(Self(templates))
    }

    pub(crate) fn any(&self, dice: &mut Dice) -> (String, bool) {
        self.0[dice.index(self.0.len())].clone()
    }
}

fn rare() -> Value {
    json!({"id": RARE, "name": RARE, "description": "", "inputs": [], "max_parallel": 4,
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "llm", "provider": PROVIDER, "model": PROVIDER, "prompt": "wait"}})
}

/// Each has a step `a`.
fn workflows() -> Vec<(&'static str, Value)> {
    let step = |agent: &str, after: &[&str]| json!({"agent_id": agent, "depends_on": after});
    let mut gate = step(WAIT, &["a"]);
    gate["review"] = json!({"mode": "always", "max_rounds": 50});
    let mut items = step(WAIT, &["a"]);
    items["map"] = json!({"over": {"const": ["x", "y", "z"]}, "max_parallel": 2});
    let mut chain = json!({"a": step(STEP, &[])});
    for (n, agent) in [STEP, WAIT, STEP, STEP, WAIT].into_iter().enumerate() {
        let before = if n == 0 { "a".to_owned() } else { format!("s{n}") };
        chain[format!("s{}", n + 1)] = step(agent, &[before.as_str()]);
    }
    vec![
        ("Chain", chain),
        (
            "Fan",
            json!({"a": step(STEP, &[]), "b": step(WAIT, &["a"]), "c": step(WAIT, &["a"]), "d": step(STEP, &["a"]),
                "e": step(STEP, &["b", "c", "d"])}),
        ),
        ("Gate", json!({"a": step(STEP, &[]), GATE: gate, "after": step(STEP, &[GATE])})),
        ("Map", json!({"a": step(STEP, &[]), "items": items, "after": step(STEP, &["items"])})),
        ("Rare", json!({"a": step(RARE, &[]), "b": step(RARE, &["a"]), "c": step(RARE, &["a"])})),
    ]
}

#[cfg(test)]
mod tests {
    use workflow::{AgentCatalog, AgentSpec, Definition, validate};

    use super::*;

    #[test]
    fn every_workflow_may_be_published() {
        let agents = AgentCatalog::new(definitions::agents().into_iter().chain([rare()]).map(|agent| {
            let mut spec: AgentSpec = serde_json::from_value(agent).unwrap();
            spec.version = 1;
            spec
        }));
        for (name, steps) in workflows() {
            assert!(steps.get("a").is_some(), "{name}");
            let definition = Definition::from_value(&json!({"steps": steps})).unwrap();
            let (_, problems) = validate(&definition, &agents);
            assert!(problems.iter().all(|problem| !problem.is_error()), "{name}: {problems:?}");
        }
    }
}
