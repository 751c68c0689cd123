//! Titles that no other step has, so that the steps of a list can be told apart.
//! A name that ends with a number of its own keeps it: only a number that was given here is counted on.

use std::collections::{BTreeSet, HashMap};

use workflow::{Definition, limits::MAX_NAME_CHARS};

/// Room for ` 10000`.
const SUFFIX_CHARS: usize = 6;

/// The titles that are free, given away one by one.
pub(crate) struct FreeTitles {
    taken: BTreeSet<String>,
    /// By what is numbered, the number to try next.
    next: HashMap<String, u64>,
}

impl FreeTitles {
    pub(crate) fn of(definition: &Definition) -> Self {
        let titles = definition.steps.iter().map(|(key, step)| step.title_or(key).to_owned());
        Self { taken: titles.collect(), next: HashMap::new() }
    }

    /// The title itself, or with a number where another step is called so already.
    pub(crate) fn take(&mut self, title: &str) -> String {
        if self.taken.insert(title.to_owned()) {
            return title.to_owned();
        }
        let base: String = self.unnumbered(title).chars().take(MAX_NAME_CHARS - SUFFIX_CHARS).collect();
        let next = self.next.entry(base.clone()).or_insert(2);
        loop {
            let numbered = format!("{base} {next}");
            *next += 1;
            if self.taken.insert(numbered.clone()) {
                return numbered;
            }
        }
    }

    /// "Draft 2" beside a "Draft" is the second one of these.
    fn unnumbered<'a>(&self, title: &'a str) -> &'a str {
        match title.rsplit_once(' ') {
            Some((base, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) && self.taken.contains(base) => {
                base
            }
            _ => title,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_that_was_given_is_counted_on_and_one_of_the_name_is_kept() {
        let definition = Definition::from_value(&json!({"steps": {
            "a": {"agent_id": "x", "title": "Draft"}, "b": {"agent_id": "x", "title": "Draft 2"},
            "c": {"agent_id": "x", "title": "GPT 4"}, "d": {"agent_id": "x"}}}))
        .unwrap();
        let mut titles = FreeTitles::of(&definition);
        let taken: Vec<String> =
            ["Draft 2", "Draft", "GPT 4", "d", "New", "New"].iter().map(|title| titles.take(title)).collect();
        assert_eq!(taken, ["Draft 3", "Draft 4", "GPT 4 2", "d 2", "New", "New 2"]);
        let long = "x".repeat(MAX_NAME_CHARS);
        assert_eq!(titles.take(&long), long);
        assert!(titles.take(&long).chars().count() <= MAX_NAME_CHARS);
    }
}
