//! The id of a new agent, made from its name.

use leptos::prelude::*;

use super::form::AgentForm;
use crate::reactive::effect_with;

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

pub(super) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' => slug.push(c),
            '0'..='9' if !slug.is_empty() => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    slug.truncate(64);
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use workflow::AgentId;

    use super::slug;

    #[test]
    fn a_suggested_id_is_well_formed() {
        assert_eq!(slug("Find action items (v2)"), "find-action-items-v2");
        assert_eq!(slug("2. Ünïcode"), "n-code");
        assert!(AgentId::new(slug(&"long name ".repeat(20))).is_well_formed());
        assert_eq!(slug("!"), "");
    }
}
