//! A class of the stylesheet has its rule in one file: who names something must not take the name of something else, or both are drawn by
//! the rules of both. Must not judge what a file says of a class beside others or inside of its own.

use std::collections::BTreeMap;

use super::{Tree, colours::without_comments};

const FOLDER: &str = "style/";

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut homes: BTreeMap<String, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for (path, text) in tree.with_extension(&["css"]).filter(|(path, _)| path.starts_with(FOLDER)) {
        for class in owned(&without_comments(text)) {
            let home = *homes.entry(class.to_owned()).or_insert(path);
            if home != path {
                problems
                    .push(format!("{path}: .{class} has its rule in {home} already; give one of them another name"));
            }
        }
    }
    problems
}

/// The classes that have a rule to themselves, outside of any other.
fn owned(css: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let mut owned = Vec::new();
    for part in css.split_inclusive(['{', '}', ';']) {
        if let Some(selector) = part.strip_suffix('{') {
            if depth == 0 {
                owned.extend(selector.trim().strip_prefix('.').filter(|name| is_name(name)));
            }
            depth += 1;
        } else if part.ends_with('}') {
            depth = depth.saturating_sub(1);
        }
    }
    owned
}

fn is_name(name: &str) -> bool {
    name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(first: &str, second: &str) -> Vec<String> {
        check(&Tree::of(&[("style/a.css", first), ("style/layouts/b.css", second), ("docs/c.css", first)]))
    }

    #[test]
    fn a_class_that_two_files_have_a_rule_for_is_named_with_both() {
        let found = problems(".row {\n  gap: 1px;\n}\n.chips {\n}\n", "/* x */\n.chips {\n  gap: 2px;\n}\n");
        assert_eq!(
            found,
            ["style/layouts/b.css: .chips has its rule in style/a.css already; give one of them another name"]
        );
    }

    #[test]
    fn what_is_said_of_a_class_within_another_or_beside_others_is_no_second_rule() {
        let first = ".chips {\n  > .chip {\n    gap: 1px;\n  }\n}\n";
        for second in [
            ".chip {\n}\n",
            ".panel .chips {\n}\n",
            ".chips[data-x] {\n}\n",
            ".panel,\n.chips {\n}\n",
            "@media (width < 640px) {\n  .chips {\n  }\n}\n",
            "/* .chips { } */\n",
        ] {
            assert_eq!(problems(first, second), Vec::<String>::new(), "{second}");
        }
    }
}
