//! The id of a new agent, made from its name.

use leptos::prelude::*;

use super::form::AgentForm;
use crate::{pages::slug::slug, reactive::effect_with};

/// The id follows the name until somebody types another one.
pub(super) fn follow_name(form: AgentForm) {
    effect_with(move |before: Option<String>| {
        let suggested = form.name.with(|name| slug(name));
        if before.is_some_and(|before| form.id.with_untracked(|id| *id == before)) {
            form.id.set(suggested.clone());
        }
        suggested
    });
}
