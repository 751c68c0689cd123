//! The shipped content: agents and workflows that a newcomer runs on their own text, as JSON files in `server/seed`.
//! It goes in through the service like any other edit, and never over what somebody made.

use serde::de::DeserializeOwned;
use service::library::Library;
use workflow::json;

const AGENTS: &str = include_str!("../seed/agents.json");
const TEMPLATES: [&str; 3] = [
    include_str!("../seed/document-brief.json"),
    include_str!("../seed/rewrite-for-an-audience.json"),
    include_str!("../seed/meeting-notes-to-actions.json"),
];

/// What a new server's library holds.
pub fn library() -> Library {
    Library { agents: read(AGENTS), templates: TEMPLATES.iter().map(|template| read(template)).collect() }
}

fn read<T: DeserializeOwned>(text: &str) -> T {
    let document = json::parse(text, json::Bounds::BODY).expect("a test reads the shipped files");
    serde_json::from_value(document).expect("a test reads the shipped agents and workflows")
}

#[cfg(test)]
mod tests {
    use workflow::{AgentCatalog, AgentSpec, Definition, agent::AgentConfig};

    use super::*;

    #[test]
    fn the_shipped_content_has_no_problems() {
        let library = library();
        let specs: Vec<AgentSpec> = library
            .agents
            .iter()
            .map(|agent| AgentSpec {
                id: agent.id.clone(),
                version: 1,
                name: agent.name.clone(),
                description: agent.description.clone(),
                inputs: agent.inputs.clone(),
                outputs: agent.outputs.clone(),
                max_parallel: None,
                config: agent.config.clone(),
            })
            .collect();
        for spec in &specs {
            assert_eq!(spec.problems(), [], "{}", spec.id);
            if let AgentConfig::Llm(config) = &spec.config {
                assert!(config.max_tokens.is_some_and(|max| max <= 400), "{} is answered in reasonable time", spec.id);
            }
        }
        let catalog = AgentCatalog::new(specs);
        for template in &library.templates {
            let definition = Definition::from_value(&template.definition).unwrap();
            let (_, problems) = workflow::validate(&definition, &catalog);
            assert_eq!(problems, [], "{}", template.name);
            let is_placed = definition.steps.values().any(|step| step.ui.is_some());
            assert!(!is_placed, "{} is laid out as wide or as high as the page is that shows it", template.name);
        }
    }
}
