//! Tests that pages give as the proof of what they say are there.
//! Must not ask for the whole path: `store::it listed` and `service a_copy_says_...` are how people name tests. What is named stands in
//! that order in the path of a module or a function, and ends it.

use std::collections::BTreeMap;

use super::{
    Tree, alternatives,
    page::{Page, problem, spans},
};

/// The pages whose tables end with the tests of what each row says.
const PAGES: &[&str] = &["docs/progress.md", "docs/security.md", "docs/successors.md", "docs/testing.md"];
/// From so many words on, a name alone is the sentence that a test has for a name.
const N_WORDS: usize = 4;

/// Paths of modules and functions, by their last part.
type Paths<'a> = BTreeMap<&'a str, Vec<Vec<&'a str>>>;

pub(super) fn check(tree: &Tree, pages: &[Page<'_>]) -> Vec<String> {
    let paths = all(tree);
    let mut problems = Vec::new();
    for page in pages.iter().filter(|page| PAGES.contains(&page.path)) {
        for (line, cell) in page.last_cells() {
            for name in spans(cell).flat_map(alternatives) {
                if is_name(&name) && !is_there(&name, &paths) {
                    problems.push(problem(page, line, &format!("there is no test `{name}`")));
                }
            }
        }
    }
    problems
}

fn is_name(span: &str) -> bool {
    let span = span.strip_suffix("...").unwrap_or(span);
    let is_plain = span.chars().all(|letter| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '_' | ':' | '*' | ' ')
    });
    let last = span.rsplit([':', ' ']).next().unwrap_or(span);
    is_plain && (span.contains("::") || last.split('_').count() >= N_WORDS)
}

fn is_there(name: &str, paths: &Paths<'_>) -> bool {
    let mut wanted: Vec<&str> = name.split("::").flat_map(|part| part.split(' ')).collect();
    wanted.retain(|part| !part.is_empty() && *part != "self");
    let Some((last, before)) = wanted.split_last() else { return true };
    paths
        .iter()
        .filter(|(end, _)| is_meant(last, end))
        .flat_map(|(_, paths)| paths)
        .any(|path| stand_in_order(before, path))
}

fn stand_in_order(wanted: &[&str], path: &[&str]) -> bool {
    let mut parts = path.iter();
    wanted.iter().all(|wanted| parts.any(|part| is_meant(wanted, part)))
}

/// Whether the word is the one that is meant, whose end may be left out.
fn is_meant(wanted: &str, word: &str) -> bool {
    let beginning = wanted.strip_suffix("...").or_else(|| wanted.strip_suffix('*'));
    beginning.map_or(word == wanted, |beginning| word.starts_with(beginning))
}

/// Every module and every function of the sources. A function's path leaves out its own name, by which it is found.
fn all(tree: &Tree) -> Paths<'_> {
    let mut paths: Paths<'_> = BTreeMap::new();
    for (path, text) in tree.with_extension(&["rs", "py"]) {
        let mut module = module(path);
        if let Some((&last, before)) = module.split_last() {
            paths.entry(last).or_default().push(before.to_vec());
        }
        for name in names(text, "mod ") {
            paths.entry(name).or_default().push(module.clone());
        }
        if text.contains("\nmod tests {") {
            module.push("tests");
        }
        for name in names(text, "fn ").chain(names(text, "def ")) {
            paths.entry(name).or_default().push(module.clone());
        }
    }
    paths
}

/// The crate and the modules of a file.
fn module(path: &str) -> Vec<&str> {
    let path = path.rsplit_once('.').map_or(path, |(path, _)| path);
    path.split('/').filter(|part| !matches!(*part, "src" | "crates" | "lib" | "main")).collect()
}

/// The names that the word introduces at the beginning of a line, behind what says who sees them.
fn names<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let (before, rest) = line.split_once(word)?;
        let is_introduced = before.is_empty() || before.ends_with(' ');
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        (is_introduced && end > 0).then(|| &rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &[(&str, &str)] = &[
        ("crates/store/tests/it/listed.rs", "#[test]\nfn pages_follow_each_other() {}\n"),
        (
            "crates/service/src/labels.rs",
            "\n#[cfg(test)]\nmod tests {\n    async fn a_label_is_kept_for_long() {}\n}\n",
        ),
        ("app/src/lib.rs", "mod pages;\n"),
        ("clients/python/tests/test_worker.py", "def test_a_worker_works():\n    pass\n"),
    ];

    fn problems(row: &str) -> Vec<String> {
        check(&Tree::of(TREE), &[Page::new("docs/security.md", row)])
    }

    #[test]
    fn modules_and_tests_are_found_as_people_name_them() {
        for name in [
            "store::it listed",
            "it::listed::pages_follow_each_other",
            "store pages_follow_each_other",
            "service labels::tests",
            "labels::*::a_label_is_...",
            "labels::{self, tests}::a_label_is_kept_for_long",
            "a_label_is_kept_for_long",
            "store::it listed::*",
            "app::pages",
            "test_worker::test_a_worker_works",
        ] {
            assert_eq!(problems(&format!("| `WEFT_A::gone` | `{name}` |")), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn a_test_that_is_gone_is_named_with_its_line() {
        assert_eq!(problems("\n| a | `store::it gone` |"), ["docs/security.md:2: there is no test `store::it gone`"]);
        for name in [
            "labels::listed",
            "a_label_is_kept_for_ever",
            "it::a_label_is_kept_for_long",
            "listed::{pages_follow_each_other, gone}",
            "labels::tests::gone_*",
        ] {
            assert_eq!(problems(&format!("| a | `{name}` |")).len(), 1, "{name}");
        }
    }

    #[test]
    fn what_is_no_name_of_a_test_is_passed_over() {
        for text in
            ["| a | `make test` `State::apply` `two_words` `x.spec.ts` |", "`gone::tests`", "| `gone::tests` | a |"]
        {
            assert_eq!(problems(text), Vec::<String>::new(), "{text}");
        }
        assert!(check(&Tree::of(TREE), &[Page::new("docs/engine.md", "| a | `gone::tests` |")]).is_empty());
    }
}
