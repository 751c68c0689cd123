//! The shipped content: workflows that a newcomer runs on their own text, each as one file in `server/seed`, as `weft export` writes it.
//! It goes in through the service like any other file, and never over what somebody made.

use service::library::Library;

/// A workflow that others run comes before those.
const FILES: [&str; 9] = [
    include_str!("../seed/document-brief.weft.json"),
    include_str!("../seed/rewrite-for-an-audience.weft.json"),
    include_str!("../seed/meeting-notes-to-actions.weft.json"),
    include_str!("../seed/answer-a-message.weft.json"),
    include_str!("../seed/one-line-each.weft.json"),
    include_str!("../seed/short-version.weft.json"),
    include_str!("../seed/two-texts-side-by-side.weft.json"),
    include_str!("../seed/two-drafts.weft.json"),
    include_str!("../seed/request-and-approval.weft.json"),
];

/// What a new server's library holds.
pub fn library() -> Library {
    Library { files: FILES.to_vec() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use workflow::{
        AgentCatalog, AgentId, Definition,
        agent::{AgentConfig, AgentSpec},
        exchange::{self, Bundle},
        json,
    };

    use super::*;

    /// As many tokens as the local model answers in some seconds.
    const MOST_TOKENS: u32 = 400;
    /// The rest of the files.
    const MOST_TOKENS_OF_SIX: u32 = 80;
    const OLDER: [&str; 3] = ["document-brief", "meeting-notes-to-actions", "rewrite-for-an-audience"];

    fn bundles() -> Vec<Bundle> {
        let read = |file: &&str| exchange::read(&json::parse(file, json::Bounds::BODY).unwrap()).unwrap();
        FILES.iter().map(read).collect()
    }

    /// The agents of a file, as its steps count their versions.
    fn agents(bundle: &Bundle) -> Vec<AgentSpec> {
        bundle.agents.values().flatten().map(|agent| agent.spec.clone()).collect()
    }

    #[test]
    fn each_file_is_as_an_export_writes_it() {
        for (file, bundle) in FILES.iter().zip(bundles()) {
            assert_eq!(bundle.to_text().unwrap(), *file, "{}", bundle.main);
        }
    }

    #[test]
    fn the_shipped_content_has_no_problems() {
        for bundle in bundles() {
            for spec in agents(&bundle) {
                assert_eq!(spec.problems(), [], "{}", spec.id);
                if let AgentConfig::Llm(config) = &spec.config {
                    let most = if OLDER.contains(&bundle.main.as_str()) { MOST_TOKENS } else { MOST_TOKENS_OF_SIX };
                    assert!(
                        config.max_tokens.is_some_and(|max| max <= most),
                        "{} is answered in reasonable time",
                        spec.id
                    );
                    assert!(config.provider.is_empty() && config.model.is_empty(), "{} takes what is there", spec.id);
                }
            }
            let catalog = AgentCatalog::new(agents(&bundle));
            for workflow in bundle.workflows.values().flatten() {
                let (_, problems) = workflow::validate(&workflow.definition, &catalog);
                assert_eq!(problems, [], "{}", workflow.name);
                assert!(!workflow.description.is_empty(), "{} says what it is for", workflow.name);
                let is_placed = workflow.definition.steps.values().any(|step| step.ui.is_some());
                assert!(!is_placed, "{} is laid out as wide or as high as the page is that shows it", workflow.name);
            }
        }
    }

    /// Else a later file would change what an earlier one brought, and be left out.
    #[test]
    fn what_several_files_hold_is_the_same_in_all_of_them() {
        let mut agents: BTreeMap<AgentId, AgentSpec> = BTreeMap::new();
        let mut workflows: BTreeMap<String, (String, String, Definition)> = BTreeMap::new();
        for bundle in bundles() {
            for (id, versions) in &bundle.agents {
                let [agent] = versions.as_slice() else { panic!("{id} is there once in a file") };
                let known = agents.entry(id.clone()).or_insert_with(|| agent.spec.clone());
                assert_eq!(known, &agent.spec);
            }
            for (slug, versions) in &bundle.workflows {
                let [workflow] = versions.as_slice() else { panic!("{slug} is there once in a file") };
                let mut definition = workflow.definition.clone();
                // One that is run as a step names the versions of its agents, of which a file has one each.
                definition.steps.values_mut().for_each(|step| step.agent_version = None);
                let told = (workflow.name.clone(), workflow.description.clone(), definition);
                assert_eq!(workflows.entry(slug.clone()).or_insert_with(|| told.clone()), &told);
            }
        }
        assert_eq!(workflows.len(), FILES.len(), "each one is also a file of its own");
    }
}
