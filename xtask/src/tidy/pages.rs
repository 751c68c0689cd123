//! The pages of the tree hold what they promise: links lead somewhere, and files, settings and tests that they name are there.
//! Must not judge prose. What is not plainly a name of the tree is passed over, since a false alarm would teach people to write less.

mod links;
mod names;
mod page;
mod paths;
mod settings;

use super::Tree;
use page::Page;

/// What tells of the past, and what others wrote.
const NOT_OURS: &[&str] = &["CHANGELOG.md", "style/public/LICENSES.md"];

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let pages: Vec<Page<'_>> = tree
        .with_extension(&["md"])
        .filter(|(path, _)| !NOT_OURS.contains(path))
        .map(|(path, text)| Page::new(path, text))
        .collect();
    let paths = paths::all(tree);
    let mut problems = links::check(&pages, &paths);
    problems.extend(paths::check(&pages, &paths));
    problems.extend(settings::check(tree, &pages));
    problems.extend(names::check(tree, &pages));
    problems
}

/// What a name with alternatives in braces stands for: `a::{b, c}` is `a::b` and `a::c`.
fn alternatives(name: &str) -> Vec<String> {
    let Some((before, rest)) = name.split_once('{') else { return vec![name.to_owned()] };
    let Some((inner, after)) = rest.split_once('}') else { return vec![name.to_owned()] };
    inner.split(',').flat_map(|one| alternatives(&format!("{before}{}{after}", one.trim()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_alternatives() {
        assert_eq!(alternatives("a::b"), ["a::b"]);
        assert_eq!(alternatives("a::{b, c}::{d,e}"), ["a::b::d", "a::b::e", "a::c::d", "a::c::e"]);
        assert_eq!(alternatives("a{b"), ["a{b"]);
    }

    #[test]
    fn the_past_and_what_others_wrote_are_not_judged() {
        let broken = "[gone](gone.md)\n";
        assert_eq!(check(&Tree::of(&[("docs/a.md", broken)])).len(), 1);
        assert!(check(&Tree::of(&[("CHANGELOG.md", broken), ("style/public/LICENSES.md", broken)])).is_empty());
    }
}
