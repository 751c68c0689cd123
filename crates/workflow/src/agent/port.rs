//! The typed ports of an agent: what a step may be given, and what it makes.
//! Must know nothing of kinds: every agent has ports, whatever it does.

use serde::{Deserialize, Serialize};

use crate::schema::Schema;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct InputPort {
    pub name: String,
    #[serde(default)]
    pub schema: Schema,
    #[serde(default)]
    pub required: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OutputPort {
    pub name: String,
    #[serde(default)]
    pub schema: Schema,
}

/// Whether templates and mappings can name it.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.chars().next().is_some_and(|c| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What is told of a port wherever two versions stand beside each other: "text, required, “What it is for”". None is `required` of an output.
pub fn port_words(schema: &Schema, required: Option<bool>) -> String {
    let mut parts = vec![schema.words()];
    if let Some(required) = required {
        parts.push(if required { "required" } else { "optional" }.to_owned());
    }
    if !schema.description.is_empty() {
        parts.push(format!("“{}”", schema.description));
    }
    parts.join(", ")
}
