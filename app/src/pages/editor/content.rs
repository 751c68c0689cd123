//! How the draft on the page stands to what people start.

use workflow::api::{DraftSaved, TemplateView};

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

    /// After a save.
    pub(super) fn after(saved: &DraftSaved) -> Self {
        Self { version: saved.published_version, has_unpublished_changes: saved.has_unpublished_changes }
    }
}
