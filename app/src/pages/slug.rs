//! An id made from a name: for an agent, for a group. Must never make one that is not well-formed, but for an empty one.

use leptos::prelude::*;

use crate::reactive::effect_with;

/// The id of something new follows its name until somebody types another one.
pub(super) fn follow(name: RwSignal<String>, id: RwSignal<String>) {
    effect_with(move |before: Option<String>| {
        let suggested = name.with(|name| slug(name));
        if before.is_some_and(|before| id.with_untracked(|id| *id == before)) {
            id.set(suggested.clone());
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
    use workflow::{AgentId, id::GroupId};

    use super::slug;

    #[test]
    fn a_suggested_id_is_well_formed() {
        assert_eq!(slug("Find action items (v2)"), "find-action-items-v2");
        assert_eq!(slug("2. Ünïcode"), "n-code");
        assert_eq!(slug("Legal & <b>compliance</b> ⚖️"), "legal-b-compliance-b");
        let long = slug(&"long name ".repeat(20));
        assert!(AgentId::new(long.as_str()).is_well_formed() && GroupId::new(long).is_well_formed());
        assert_eq!(slug("!"), "");
    }
}
