//! Fresh step keys: well formed, free, and close to what the person would call the step.
//! A key must never be one that something in the definition still names, or a dangling reference would come alive.

use std::collections::BTreeSet;

use workflow::{Definition, StepKey};

const MAX_CHARS: usize = 64;
/// Room for `_10000`.
const SUFFIX_CHARS: usize = 6;

/// A key made from `base` that nothing in the definition uses or refers to.
pub fn fresh_key(definition: &Definition, base: &str) -> StepKey {
    let slug = slug(base);
    let named: BTreeSet<&StepKey> = definition.steps.values().flat_map(workflow::Step::direct_dependencies).collect();
    let is_free = |key: &StepKey| !definition.steps.contains_key(key) && !named.contains(key);
    let plain = StepKey::new(slug.as_str());
    if is_free(&plain) {
        return plain;
    }
    let mut n = 2_u64;
    loop {
        let key = StepKey::new(format!("{slug}_{n}"));
        if is_free(&key) {
            return key;
        }
        n += 1;
    }
}

fn slug(base: &str) -> String {
    let mut slug = String::new();
    for c in base.chars().flat_map(char::to_lowercase) {
        if slug.len() >= MAX_CHARS - SUFFIX_CHARS {
            break;
        }
        match c {
            'a'..='z' => slug.push(c),
            '0'..='9' if !slug.is_empty() => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('_') => slug.push('_'),
            _ => {}
        }
    }
    let slug = slug.trim_end_matches('_');
    if slug.is_empty() { "step".into() } else { slug.into() }
}

#[cfg(test)]
mod tests {
    use workflow::Step;

    use super::*;

    #[test]
    fn a_key_is_well_formed_whatever_it_is_made_from() {
        let definition = Definition::default();
        for (base, key) in [
            ("summariser", "summariser"),
            ("Clean text (v2)", "clean_text_v2"),
            ("123", "step"),
            ("", "step"),
            ("Ünïcode", "n_code"),
            ("-web-fetch-", "web_fetch"),
        ] {
            assert_eq!(fresh_key(&definition, base).as_str(), key);
        }
        assert!(fresh_key(&definition, &"x".repeat(500)).is_well_formed());
    }

    #[test]
    fn a_taken_or_still_named_key_is_not_given_again() {
        let mut definition = Definition::default();
        let mut step = Step::new("x".into());
        step.depends_on.insert("draft_2".into());
        definition.steps.insert("draft".into(), step);
        assert_eq!(fresh_key(&definition, "draft").as_str(), "draft_3");
    }
}
