//! What of a workflow the editor can change, and how that stands to what people start.

use serde::{Deserialize, Serialize};
use workflow::{Definition, api::TemplateView};

/// Everything of a workflow that this page can change.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Content {
    pub name: String,
    pub description: String,
    pub definition: Definition,
}

impl Content {
    pub(super) fn of(template: &TemplateView) -> Self {
        Self {
            name: template.name.clone(),
            description: template.description.clone(),
            definition: template.definition.clone(),
        }
    }

    /// Whether the server would store the two alike.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.name.trim() == other.name.trim()
            && self.description.trim() == other.description.trim()
            && self.definition == other.definition
    }
}

/// How the draft stands to what people start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Live {
    pub version: Option<i32>,
    pub has_unpublished_changes: bool,
}

impl Live {
    pub(super) fn of(template: &TemplateView) -> Self {
        Self { version: template.published_version, has_unpublished_changes: template.has_unpublished_changes }
    }
}
