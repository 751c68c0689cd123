//! Fresh step keys: well formed, free, and close to what the person would call the step.
//! A key must never be one that something in the definition still names, or a dangling reference would come alive.

use std::collections::{BTreeSet, HashMap};

use workflow::{Definition, StepKey, references::named_steps};

const MAX_CHARS: usize = 64;
/// Room for `_10000`.
const SUFFIX_CHARS: usize = 6;

/// A key made from `base` that nothing in the definition uses or refers to.
pub fn fresh_key(definition: &Definition, base: &str) -> StepKey {
    FreeKeys::of(definition).take(base)
}

/// The keys that are free, given away one by one.
pub(crate) struct FreeKeys {
    taken: BTreeSet<StepKey>,
    /// By how they begin, the number to try next.
    next: HashMap<String, u64>,
}

impl FreeKeys {
    pub(crate) fn of(definition: &Definition) -> Self {
        let named = definition.steps.values().flat_map(named_steps);
        Self { taken: definition.steps.keys().chain(named).cloned().collect(), next: HashMap::new() }
    }

    pub(crate) fn take(&mut self, base: &str) -> StepKey {
        let slug = slug(base);
        let mut key = StepKey::new(slug.as_str());
        let next = self.next.entry(slug.clone()).or_insert(2);
        while !self.taken.insert(key.clone()) {
            key = StepKey::new(format!("{slug}_{next}"));
            *next += 1;
        }
        key
    }
}

/// A key made from `base` that is not taken.
pub(super) fn free_slug(base: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let slug = slug(base);
    let others = (2..=u32::MAX).map(|n| format!("{slug}_{n}"));
    let found = std::iter::once(slug.clone()).chain(others).find(|key| !is_taken(key));
    found.unwrap_or(slug)
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
