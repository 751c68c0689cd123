//! A draft as the editor saves it, and what comes back. Saved every few keys, of workflows of up to ten thousand steps: nothing of it is
//! written by way of a value, which takes ten times the room of its text, and nothing goes back that the editor has already.
//! Must read as `UpdateTemplate` does, which is what a save becomes on the server.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{TemplateView, UpdateTemplate};
use crate::{definition::Definition, json, problem::Problem};

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct DraftUpdate {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub definition: Option<SentDefinition>,
    /// The revision this edit began from.
    #[serde(default)]
    pub base_revision: Option<i64>,
}

/// A definition where it is written, and a document where it is read: what anybody may have sent is judged before it is a definition.
#[derive(Clone, PartialEq, Debug)]
pub enum SentDefinition {
    Definition(Box<Definition>),
    Document(Value),
}

impl SentDefinition {
    pub fn into_document(self) -> Value {
        match self {
            Self::Definition(definition) => definition.to_value(),
            Self::Document(document) => document,
        }
    }
}

impl Serialize for SentDefinition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Definition(definition) => definition.serialize(serializer),
            Self::Document(document) => document.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SentDefinition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::exact(deserializer).map(Self::Document)
    }
}

impl From<DraftUpdate> for UpdateTemplate {
    fn from(update: DraftUpdate) -> Self {
        let DraftUpdate { name, description, definition, base_revision } = update;
        Self { name, description, definition: definition.map(SentDefinition::into_document), base_revision }
    }
}

/// What came of a save. What was saved is with whoever sent it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DraftSaved {
    pub draft_revision: i64,
    pub published_version: Option<i32>,
    /// Whether the draft means something else than the published version.
    pub has_unpublished_changes: bool,
    pub problems: Vec<Problem>,
}

impl From<TemplateView> for DraftSaved {
    fn from(template: TemplateView) -> Self {
        let TemplateView { draft_revision, published_version, has_unpublished_changes, problems, .. } = template;
        Self { draft_revision, published_version, has_unpublished_changes, problems }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::testing::SPELLINGS;

    fn of(definition: &Definition) -> DraftUpdate {
        DraftUpdate {
            name: Some("N".into()),
            description: None,
            definition: Some(SentDefinition::Definition(Box::new(definition.clone()))),
            base_revision: Some(7),
        }
    }

    #[test]
    fn what_is_sent_is_word_for_word_what_a_value_of_it_would_be() {
        for literal in SPELLINGS {
            let text = format!(
                r#"{{"steps":{{"a":{{"agent_id":"x","inputs":{{"n":{{"const":{literal}}}}},"ui":{{"x":-1.5,"y":3}}}}}},"notes":[{{"id":"n1","text":"t"}}]}}"#
            );
            let document = json::parse(&text, json::Bounds::BODY).unwrap();
            let definition = Definition::from_value(&document).unwrap();
            let by_value = UpdateTemplate {
                name: Some("N".into()),
                definition: Some(definition.to_value()),
                base_revision: Some(7),
                ..UpdateTemplate::default()
            };
            let sent = serde_json::to_string(&of(&definition)).unwrap();
            assert_eq!(sent, serde_json::to_string(&by_value).unwrap());
            let read: DraftUpdate = serde_json::from_str(&sent).unwrap();
            assert!(matches!(read.definition, Some(SentDefinition::Document(_))), "nothing that came is trusted");
            assert_eq!(UpdateTemplate::from(read), by_value);
            assert_eq!(UpdateTemplate::from(of(&definition)), by_value);
        }
    }

    #[test]
    fn it_reads_whatever_an_update_does() {
        for text in
            ["{}", r#"{"definition":null}"#, r#"{"base_revision":1,"definition":[]}"#, r#"{"definition":7,"more":1}"#]
        {
            let read: DraftUpdate = serde_json::from_str(text).unwrap();
            assert_eq!(UpdateTemplate::from(read), serde_json::from_str::<UpdateTemplate>(text).unwrap(), "{text}");
        }
    }
}
