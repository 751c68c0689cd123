//! Files that pages name between backticks are in the tree, under that path or at the end of a longer one.
//! Must not take an address, a media type or a file of somebody's own for one of the tree: a name counts if it ends as code ends, or
//! begins with a folder of the tree.

use std::collections::BTreeSet;

use super::{
    Tree,
    page::{Page, problem},
};

/// Files with these endings are named for nothing else.
const CODE: &[&str] = &["rs", "ts", "css", "sql", "py", "sh"];

/// Names the files of the former engine, which are gone on purpose.
const OF_THE_PAST: &str = "docs/successors.md";

/// Every file of the tree and every folder.
pub(super) fn all(tree: &Tree) -> BTreeSet<&str> {
    let mut paths = BTreeSet::new();
    for path in tree.paths() {
        paths.insert(path);
        let ends = path.match_indices('/').map(|(end, _)| end);
        paths.extend(ends.filter_map(|end| path.get(..end)));
    }
    paths
}

pub(super) fn check(pages: &[Page<'_>], paths: &BTreeSet<&str>) -> Vec<String> {
    let mut problems = Vec::new();
    for page in pages.iter().filter(|page| page.path != OF_THE_PAST) {
        for (line, span) in page.spans() {
            if is_path(span, paths) && !is_placeholder(span) && !is_there(span, paths) {
                problems.push(problem(page, line, &format!("`{span}` is no file of the tree")));
            }
        }
    }
    problems
}

fn is_path(span: &str, paths: &BTreeSet<&str>) -> bool {
    let is_plain = span.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-/@*".contains(letter));
    if !is_plain || span.starts_with('/') || span.starts_with("..") {
        return false;
    }
    let is_code = span
        .rsplit_once('.')
        .is_some_and(|(name, extension)| CODE.contains(&extension) && !name.is_empty() && !name.ends_with('/'));
    is_code || span.split_once('/').is_some_and(|(folder, _)| paths.contains(folder))
}

/// Whether a part of it stands for a name of the reader's own, as in `app/src/pages/NAME.rs`.
fn is_placeholder(span: &str) -> bool {
    span.split(['/', '.']).any(|part| part.len() > 1 && part.chars().all(|letter| letter.is_ascii_uppercase()))
}

fn is_there(span: &str, paths: &BTreeSet<&str>) -> bool {
    let span = span.trim_end_matches('/');
    paths.contains(span) || paths.iter().any(|path| ends_with(path, span))
}

/// Whether the last parts of the path are those of the name, in which a star stands for any letters.
fn ends_with(path: &str, name: &str) -> bool {
    let mut parts = path.rsplit('/');
    name.rsplit('/').all(|wanted| {
        parts.next().is_some_and(|part| match wanted.split_once('*') {
            Some((before, after)) => {
                part.len() >= before.len() + after.len() && part.starts_with(before) && part.ends_with(after)
            }
            None => part == wanted,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        let tree = Tree::of(&[("app/src/pages/run.rs", ""), ("style/main.css", ""), ("docs/openapi.json", "")]);
        check(&[Page::new(path, text)], &all(&tree))
    }

    #[test]
    fn files_and_folders_of_the_tree_are_found_by_their_end() {
        for span in [
            "app/src/pages/run.rs",
            "pages/run.rs",
            "run.rs",
            "app/src/",
            "main.css",
            "style/*.css",
            "docs/openapi.json",
        ] {
            assert_eq!(problems("docs/a.md", &format!("`{span}`")), Vec::<String>::new(), "{span}");
        }
    }

    #[test]
    fn what_is_gone_is_named_with_its_line() {
        assert_eq!(
            problems("docs/a.md", "\n`app/src/gone.rs`"),
            ["docs/a.md:2: `app/src/gone.rs` is no file of the tree"]
        );
        for span in ["gone.spec.ts", "un.rs", "src/run.rs", "app/gone/", "style/*.rs", "docs/gone.json"] {
            assert_eq!(problems("docs/a.md", &format!("`{span}`")).len(), 1, "{span}");
        }
    }

    #[test]
    fn what_is_no_path_of_the_tree_is_passed_over() {
        for span in [
            "/runs/charts",
            "text/plain",
            "api.github.com",
            "ctx.open",
            "https://a/b.rs",
            "manifest.json",
            ".sql",
            "a b.rs",
            "target/xtask/a.json",
            "app/src/pages/NAME.rs",
            "../gone.rs",
        ] {
            assert_eq!(problems("docs/a.md", &format!("`{span}`")), Vec::<String>::new(), "{span}");
        }
        assert!(problems(OF_THE_PAST, "`crates/store/tests/it/success.rs`").is_empty());
    }
}
