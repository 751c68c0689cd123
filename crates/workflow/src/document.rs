//! What the editor changes as a whole, and what is compared and merged: the definition of a workflow, and what the workflow is called.
//! Nothing else of a workflow belongs here: who may run it or which version is live is changed by the server alone.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::{api::TemplateView, definition::Definition, hash::Hashing, json};

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
        let mut hashing = Hashing::default();
        self.write_told_apart(&mut hashing)
            .expect("a definition has only string keys and finite numbers, and hashing takes every byte");
        hashing.hex()
    }

    /// The three parts behind their lengths. It is written with each save, and of thousands of steps the text alone has megabytes: none is
    /// made.
    fn write_told_apart(&self, to: &mut impl Write) -> io::Result<()> {
        let (name, description) = (self.name.trim(), self.description.trim());
        write!(to, "{} {} {} {name}{description}", name.len(), description.len(), json::n_bytes(&self.definition))?;
        Ok(serde_json::to_writer(to, &self.definition)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fingerprint_is_that_of_the_text_which_browsers_have_kept() {
        let definition = Definition::from_value(&json!({
            "steps": {"a": {"agent_id": "x", "prompt": "é", "ui": {"x": 1.5, "y": 0}}, "b": {"agent_id": "x", "depends_on": ["a"]}}}))
        .unwrap();
        let document = Document { name: " Ä ".into(), description: "of it".into(), definition };
        let words = ["Ä", "of it", &serde_json::to_string(&document.definition).unwrap()];
        let lengths = words.map(|word| format!("{} ", word.len())).concat();
        assert_eq!(document.fingerprint(), crate::hash::sha256_hex((lengths + &words.concat()).as_bytes()));
        let other = Document { name: "Äo".into(), description: "f it".into(), ..document.clone() };
        assert_ne!(other.fingerprint(), document.fingerprint(), "where one ends and the next begins is told");
    }
}
