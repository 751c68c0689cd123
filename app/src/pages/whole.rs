//! The verbs on a workflow or an agent as a whole, for menus: of its row in a list, and of its own page.
//! What follows one is its owner's; must never ask the server for what it does not offer.

use leptos::prelude::*;
use workflow::{TemplateId, api::TemplateView};

use crate::{
    api,
    components::{MenuItem, MenuLink},
    error::AppError,
    form::outcome,
};

/// Makes a copy of a workflow's draft, under a name of its own.
#[derive(Clone, Copy)]
pub(super) struct Duplicating {
    action: Action<TemplateId, Result<TemplateView, AppError>>,
    pub error: Signal<Option<AppError>>,
}

impl Duplicating {
    pub(super) fn new(on_made: impl Fn(TemplateView) + Send + Sync + 'static) -> Self {
        let action = Action::new(|id: &TemplateId| api::duplicate_template(*id));
        Self { action, error: outcome(action, on_made) }
    }

    pub(super) fn duplicate(self, id: TemplateId) {
        self.action.dispatch(id);
    }
}

#[component]
pub(super) fn DuplicateItem(
    #[prop(into)] on_select: Callback<()>,
    #[prop(default = "Duplicate")] words: &'static str,
) -> impl IntoView {
    view! { <MenuItem icon="copy-plus" on_select>{words}</MenuItem> }
}

/// The workflow as a file: its draft as the server has it.
#[component]
pub(super) fn ExportItem(id: TemplateId, #[prop(default = "Export")] words: &'static str) -> impl IntoView {
    let href = format!("/api/workflows/templates/{id}/export");
    view! { <MenuLink href icon="download" download=true>{words}</MenuLink> }
}

#[component]
pub(super) fn DeleteItem(
    #[prop(into)] on_select: Callback<()>,
    /// Why it cannot be deleted.
    #[prop(optional, into)]
    refusal: Signal<Option<String>>,
    #[prop(default = "Delete")] words: &'static str,
) -> impl IntoView {
    view! { <MenuItem icon="trash-2" danger=true refusal on_select>{words}</MenuItem> }
}
