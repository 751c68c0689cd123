//! Requests and answers, one set of types for REST, server functions, the live feed and the browser.
//! More fields may come; a name that stands here stays.

mod batches;
mod comparing;
mod delegations;
mod drafts;
mod error;
mod events;
mod groups;
mod inbox;
mod library;
mod lineage;
mod live;
mod notices;
mod people;
mod presence;
mod run_lists;
mod run_totals;
mod runs;
mod secrets;
mod sharing;
mod trying;
mod verbs;
mod workers;

use serde::{Deserialize, Serialize};

pub use batches::*;
pub use comparing::*;
pub use delegations::*;
pub use drafts::*;
pub use error::*;
pub use events::*;
pub use groups::*;
pub use inbox::*;
pub use library::*;
pub use lineage::*;
pub use live::*;
pub use notices::*;
pub use people::*;
pub use presence::*;
pub use run_lists::*;
pub use run_totals::*;
pub use runs::*;
pub use secrets::*;
pub use sharing::*;
pub use trying::*;
pub use verbs::*;
pub use workers::*;

/// A part of a list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// There is more: give it back as `after` for the next page.
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{agent::AgentConfig, definition::RunInput};

    /// Every type that serde tags, flattens or leaves untagged, with numbers in it: derived readers would find maps there.
    #[test]
    fn numbers_are_read_in_types_whose_variants_share_a_document() {
        fn comes_back<T: serde::de::DeserializeOwned + Serialize>(text: &str) {
            let value = crate::json::parse(text, crate::json::Bounds::BODY).unwrap();
            let read: T = serde_json::from_value(value).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
            let plain: T = serde_json::from_str(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert_eq!(serde_json::to_string(&plain).unwrap(), text);
        }
        let id = "00000000-0000-0000-0000-000000000000";
        comes_back::<AgentConfig>(
            r#"{"kind":"llm","provider":"","model":"m","prompt":"p","temperature":1.5,"max_tokens":100}"#,
        );
        let exponent: AgentConfig = serde_json::from_str(r#"{"temperature":1e-1,"kind":"llm"}"#).unwrap();
        assert!(matches!(exponent, AgentConfig::Llm(config) if config.temperature == Some(0.1)));
        let unknown = serde_json::from_str::<AgentConfig>(r#"{"kind":"llm","temprature":1}"#).unwrap_err();
        assert!(unknown.to_string().contains("temprature"), "{unknown}");
        for literal in crate::json::testing::SPELLINGS.into_iter().chain(["1.5", r#"{"b":1.10,"a":[1E400]}"#]) {
            comes_back::<crate::source::Source>(&format!(r#"{{"const":{literal}}}"#));
            comes_back::<crate::condition::Condition>(&format!(
                r#"{{"eq":[{{"const":{literal}}},{{"from":"item"}}]}}"#
            ));
            comes_back::<RunInput>(&format!(
                r#"{{"schema":{{"enum":[{literal}]}},"required":false,"default":{literal}}}"#
            ));
            comes_back::<crate::view::StepOverride>(&format!(r#"{{"inputs":{{"port":{literal}}}}}"#));
            comes_back::<ArtifactView>(&format!(
                r#"{{"id":"{id}","producing_step_id":"a","name":"n","version":3,"is_latest":true,"content_hash":"h","media_type":"m","size":4294967296,"origin":"agent","attempt":2,"parent":null,"created_at":"2026-01-01T00:00:00Z","encoding":"json","content":{literal}}}"#
            ));
        }
        comes_back::<Rerun>(
            r#"{"steps":[{"key":"a","title":"A","status":"completed","tokens":3000000000,"cost_micros":null,"seconds":1.5}],"total_tokens":7,"total_cost_micros":12}"#,
        );
        comes_back::<MoveAnswer>(r#"{"kept":["a"],"rerun":[],"added":[],"removed":[]}"#);
        for reason in [
            r#"{"kind":"artifact","port":"p","step":"s","name":"n","consumed":1,"now":2}"#,
            r#"{"kind":"artifact_gone","port":"p","step":"s","name":"n"}"#,
            r#"{"kind":"input","port":"p"}"#,
            r#"{"kind":"prompt"}"#,
            r#"{"kind":"agent_version","consumed":1,"now":2}"#,
            r#"{"kind":"dependencies"}"#,
        ] {
            comes_back::<StaleReason>(reason);
        }
        let artifact = format!(r#"{{"port":"p","from":"artifact","id":"{id}","step":"s","name":"n","version":2}}"#);
        comes_back::<LineageInput>(&artifact);
        for from in ["const", "override", "item"] {
            comes_back::<LineageInput>(&format!(r#"{{"port":"p","from":"{from}"}}"#));
        }
        comes_back::<LineageInput>(r#"{"port":"p","from":"run_input","key":"k"}"#);
        comes_back::<RunFrame>(&format!(
            r#"{{"type":"delta","run":"{id}","step":"a","attempt":1,"offset":4294967296,"text":"x"}}"#
        ));
    }
}
