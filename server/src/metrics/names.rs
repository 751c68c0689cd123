//! The names that a label may have, so that nobody makes more series than whoever keeps them can keep: the first that come have their
//! own, and all beyond are one.
//! Must never have a run's id in it, nor what somebody outside may say as often as they like in other words.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use workflow::words::is_direction;

/// What has no name.
const NONE: &str = "none";
/// Whatever came too late to have a series of its own, or has no name that people could read.
const OTHER: &str = "other";
/// Longer than any that is well-formed here.
const MAX_CHARS: usize = 128;

#[derive(Debug)]
pub(super) struct Names {
    most: usize,
    known: Mutex<BTreeSet<String>>,
}

impl Names {
    pub(super) fn at_most(most: usize) -> Self {
        Self { most, known: Mutex::default() }
    }

    /// The label of what is called so.
    pub(super) fn label(&self, name: &str) -> String {
        if name.is_empty() {
            return NONE.to_owned();
        }
        if name.chars().any(|c| c.is_control() || is_direction(c)) || name.chars().count() > MAX_CHARS {
            return OTHER.to_owned();
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(name) {
            if known.len() >= self.most {
                return OTHER.to_owned();
            }
            known.insert(name.to_owned());
        }
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_have_names_of_their_own_and_all_beyond_are_one() {
        let names = Names::at_most(2);
        let labels = ["a", "b", "c", "a", "", "d"].map(|name| names.label(name));
        assert_eq!(labels, ["a", "b", "other", "a", "none", "other"]);
        let names = Names::at_most(2);
        assert_eq!(names.label(&"x".repeat(200)), "other");
        assert_eq!(names.label("two\nlines"), "other");
        assert_eq!(names.label("gpt\u{202e}5"), "other", "it would turn what stands behind it");
        assert_eq!(names.label("gpt-5"), "gpt-5", "what is refused takes no place");
    }
}
