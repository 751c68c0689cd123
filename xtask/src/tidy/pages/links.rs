//! Links within the tree: each leads to a file or a folder, and its anchor to a heading.
//! Must not look at other hosts: a check of the tree needs no network.

use std::collections::{BTreeMap, BTreeSet};

use super::page::{Page, problem, prose};

pub(super) fn check(pages: &[Page<'_>], paths: &BTreeSet<&str>) -> Vec<String> {
    let headings: BTreeMap<&str, BTreeSet<String>> = pages.iter().map(|page| (page.path, anchors(page))).collect();
    let mut problems = Vec::new();
    for page in pages {
        for (line, text) in &page.lines {
            for target in targets(&prose(text)) {
                if let Some(words) = fault(page.path, &target, paths, &headings) {
                    problems.push(problem(page, *line, &words));
                }
            }
        }
    }
    problems
}

fn fault(
    page: &str,
    target: &str,
    paths: &BTreeSet<&str>,
    headings: &BTreeMap<&str, BTreeSet<String>>,
) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { Some(page.to_owned()) } else { resolved(page, file) };
    let Some(path) = path.filter(|path| paths.contains(path.as_str())) else {
        return Some(format!("the link {target} leads to no file"));
    };
    let is_dead = !anchor.is_empty() && headings.get(path.as_str()).is_some_and(|headings| !headings.contains(anchor));
    is_dead.then(|| format!("the link {target} leads to no heading of {path}"))
}

/// The path that a link of a page means, unless it leads out of the tree.
fn resolved(page: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Where the links of a line lead, without titles.
fn targets(line: &str) -> Vec<String> {
    let links = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    links.map(str::to_owned).collect()
}

/// The anchors of a page's headings, as GitHub makes them: one that comes again is numbered.
fn anchors(page: &Page<'_>) -> BTreeSet<String> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for (_, line) in &page.lines {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let anchor = anchor(heading);
        let n_before = times.entry(anchor.clone()).or_default();
        anchors.insert(if *n_before == 0 { anchor } else { format!("{anchor}-{n_before}") });
        *n_before += 1;
    }
    anchors
}

fn anchor(heading: &str) -> String {
    let letters = without_targets(heading).trim().to_lowercase();
    letters
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_' | ' '))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// A heading with the words of its links alone.
fn without_targets(heading: &str) -> String {
    let mut parts = heading.split("](");
    let mut words = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        words.push_str(part.split_once(')').map_or("", |(_, after)| after));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let pages = [
            Page::new("docs/a.md", text),
            Page::new("docs/b.md", "# Two words, `code` & more\n## Again\n## Again\n"),
            Page::new("README.md", "# Weft\n"),
        ];
        check(&pages, &BTreeSet::from(["docs", "docs/a.md", "docs/b.md", "docs/images/run.png", "README.md"]))
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        for text in [
            "[b](b.md), [`b`](./b.md) and [readme](../README.md), in [docs](../docs/)",
            "![a run](images/run.png \"A run\")",
            "[b](b.md#two-words-code--more) [b](b.md#again) [b](b.md#again-1)",
            "# Here\n[here](#here)",
            "[there](https://example.org/x.md#y) [mail](mailto:a@example.org)",
            "`[a](gone.md)`\n```\n[a](gone.md)\n```",
        ] {
            assert_eq!(problems(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_named_with_their_line() {
        assert_eq!(problems("\n[a](gone.md)"), ["docs/a.md:2: the link gone.md leads to no file"]);
        assert_eq!(
            problems("[a](b.md) [b](b.md#gone)"),
            ["docs/a.md:1: the link b.md#gone leads to no heading of docs/b.md"]
        );
        for text in ["[a](../../README.md)", "[a](README.md)", "[a](#here)", "[a](b.md#again-2)", "[a](b.md#Again)"] {
            assert_eq!(problems(text).len(), 1, "{text}");
        }
    }
}
