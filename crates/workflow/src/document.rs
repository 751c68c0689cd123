//! What the editor changes as a whole, and what is compared and merged: the definition of a workflow, and what the workflow is called.
//! Nothing else of a workflow belongs here: who may run it or which version is live is changed by the server alone.

use serde::{Deserialize, Serialize};

use crate::{api::TemplateView, definition::Definition};

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Document {
    pub name: String,
    pub description: String,
    pub definition: Definition,
}

impl From<Definition> for Document {
    fn from(definition: Definition) -> Self {
        Self { definition, ..Self::default() }
    }
}

impl From<&TemplateView> for Document {
    fn from(template: &TemplateView) -> Self {
        Self {
            name: template.name.clone(),
            description: template.description.clone(),
            definition: template.definition.clone(),
        }
    }
}

impl Document {
    /// As the server stores it, which cuts blanks around names.
    #[must_use]
    pub fn as_stored(&self) -> Self {
        Self {
            name: self.name.trim().to_owned(),
            description: self.description.trim().to_owned(),
            definition: self.definition.clone(),
        }
    }

    /// Whether the server would store the two alike.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.name.trim() == other.name.trim()
            && self.description.trim() == other.description.trim()
            && self.definition == other.definition
    }

    /// Equal for what the server would store alike, and for hardly anything else.
    pub fn fingerprint(&self) -> String {
        // Of thousands of steps a value in between takes ten times the room of the text, and it is made with each save.
        let words = [self.name.trim(), self.description.trim(), &self.definition.to_text()];
        let lengths: String = words.map(|word| format!("{} ", word.len())).concat();
        crate::hash::sha256_hex((lengths + &words.concat()).as_bytes())
    }
}
