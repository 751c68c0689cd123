//! Diff: two texts line by line, with the changed words marked inside changed lines; long equal stretches are folded.
//! Additions and removals differ by their sign, not by colour alone. No clock is used, so both sides render alike.

use leptos::prelude::*;
use similar::{ChangeTag, TextDiff};

/// Above this many bytes per side, changed words are not looked for: that search is quadratic in the worst case.
const WORDS_UP_TO: usize = 64 * 1024;
const CONTEXT_LINES: usize = 3;

#[derive(Clone, PartialEq, Eq, Debug)]
struct Line {
    tag: Tag,
    old: Option<usize>,
    new: Option<usize>,
    /// Pieces of the line; true where the words changed.
    words: Vec<(bool, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tag {
    Equal,
    Insert,
    Delete,
    /// So many equal lines are folded here.
    Gap(usize),
}

#[component]
pub fn Diff(
    #[prop(into)] before: Signal<String>,
    #[prop(into)] after: Signal<String>,
    /// What is compared with what, as in "v1 to v2".
    #[prop(into)]
    title: Signal<String>,
) -> impl IntoView {
    let lines = Memo::new(move |_| before.with(|b| after.with(|a| compare(b, a))));
    let count = move |tag: Tag| lines.with(|lines| lines.iter().filter(|line| line.tag == tag).count());
    let rows = move || {
        let lines = lines.get();
        if lines.iter().all(|line| !matches!(line.tag, Tag::Insert | Tag::Delete)) {
            return view! { <tr class="diff-gap"><td colspan="4">"Both texts are the same"</td></tr> }.into_any();
        }
        lines.into_iter().map(row).collect_view().into_any()
    };
    view! {
        <div class="diff">
            <div class="content-bar">
                <span class="truncate">{move || title.get()}</span>
                <span class="diff-stat row">
                    <span class="add">{move || format!("+{}", count(Tag::Insert))} <span class="visually-hidden">" lines added"</span></span>
                    <span class="del">{move || format!("−{}", count(Tag::Delete))} <span class="visually-hidden">" lines removed"</span></span>
                </span>
            </div>
            <div class="diff-scroll" tabindex="0" role="region" aria-label=move || title.get()>
                <table>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </div>
    }
}

fn row(line: Line) -> AnyView {
    let (change, mark, spoken) = match line.tag {
        Tag::Gap(n) => {
            let words = if n == 1 { "1 unchanged line".to_owned() } else { format!("{n} unchanged lines") };
            return view! { <tr class="diff-gap"><td colspan="4">{words}</td></tr> }.into_any();
        }
        Tag::Equal => ("equal", "", ""),
        Tag::Insert => ("insert", "+", "added"),
        Tag::Delete => ("delete", "−", "removed"),
    };
    let number = |n: Option<usize>| n.map(|n| n.to_string()).unwrap_or_default();
    let words = line
        .words
        .into_iter()
        .map(|(changed, text)| if changed { view! { <mark>{text}</mark> }.into_any() } else { text.into_any() })
        .collect_view();
    view! {
        <tr data-change=change>
            <td class="diff-no">{number(line.old)}</td>
            <td class="diff-no">{number(line.new)}</td>
            <td class="diff-mark"><span aria-hidden="true">{mark}</span><span class="visually-hidden">{spoken}</span></td>
            <td class="diff-text">{words}</td>
        </tr>
    }
    .into_any()
}

fn compare(before: &str, after: &str) -> Vec<Line> {
    let diff = TextDiff::from_lines(before, after);
    let with_words = before.len().max(after.len()) <= WORDS_UP_TO;
    let n_before = before.lines().count();
    let mut lines = Vec::new();
    let mut next_old = 0;
    for group in diff.grouped_ops(CONTEXT_LINES) {
        for op in &group {
            gap(&mut lines, op.old_range().start.saturating_sub(next_old));
            next_old = op.old_range().end.max(next_old);
            if with_words {
                lines.extend(diff.iter_inline_changes_deadline(op, None).map(|change| {
                    let words =
                        change.iter_strings_lossy().map(|(changed, text)| (changed, text.into_owned())).collect();
                    line(change.tag(), change.old_index(), change.new_index(), words)
                }));
            } else {
                lines.extend(diff.iter_changes(op).map(|change| {
                    line(change.tag(), change.old_index(), change.new_index(), vec![(false, change.value().to_owned())])
                }));
            }
        }
    }
    if next_old > 0 {
        gap(&mut lines, n_before.saturating_sub(next_old));
    }
    lines
}

fn gap(lines: &mut Vec<Line>, n: usize) {
    if n > 0 {
        lines.push(Line { tag: Tag::Gap(n), old: None, new: None, words: Vec::new() });
    }
}

fn line(tag: ChangeTag, old: Option<usize>, new: Option<usize>, mut words: Vec<(bool, String)>) -> Line {
    if let Some((_, last)) = words.last_mut() {
        last.truncate(last.trim_end_matches(['\n', '\r']).len());
    }
    words.retain(|(_, text)| !text.is_empty());
    let tag = match tag {
        ChangeTag::Equal => Tag::Equal,
        ChangeTag::Insert => Tag::Insert,
        ChangeTag::Delete => Tag::Delete,
    };
    Line { tag, old: old.map(|i| i + 1), new: new.map(|i| i + 1), words }
}

#[cfg(test)]
mod tests {
    use super::{Tag, compare};

    #[test]
    fn a_changed_word_is_marked_and_far_lines_are_folded() {
        let before = "0\n1\n2\n3\n4\nthe quick fox\n6\n7\n8\n9\n10\n";
        let after = "0\n1\n2\n3\n4\nthe slow fox\n6\n7\n8\n9\n10\n";
        let lines = compare(before, after);
        let tags: Vec<Tag> = lines.iter().map(|l| l.tag).collect();
        let equal = Tag::Equal;
        assert_eq!(
            tags,
            [Tag::Gap(2), equal, equal, equal, Tag::Delete, Tag::Insert, equal, equal, equal, Tag::Gap(2)]
        );
        let inserted = &lines[5];
        assert_eq!((inserted.old, inserted.new), (None, Some(6)));
        assert!(inserted.words.contains(&(true, "slow".to_owned())), "{:?}", inserted.words);
    }

    #[test]
    fn equal_texts_have_no_lines_to_show() {
        assert_eq!(compare("a\nb\n", "a\nb\n"), []);
        assert_eq!(compare("", ""), []);
    }
}
