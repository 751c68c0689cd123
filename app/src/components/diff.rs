//! Diff: two texts line by line, one under the other or side by side, with the changed words marked inside changed lines; long equal
//! stretches are folded.
//! Additions and removals differ by their sign, not by colour alone. No clock is used, so both sides render alike.
//! Lines and words are compared as numbers: one copy of the algorithm serves both, which the size of the download feels.

use std::collections::HashMap;

use crate::reactive::memo;
use leptos::prelude::*;
use similar::{
    DiffOp, DiffTag,
    algorithms::{Capture, Replace, myers},
    group_diff_ops,
};

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
    /// What was before stands on the left of what is now.
    #[prop(optional)]
    beside: bool,
) -> impl IntoView {
    let lines = memo(move || before.with(|b| after.with(|a| compare(b, a))));
    let count = move |tag: Tag| lines.with(|lines| lines.iter().filter(|line| line.tag == tag).count());
    let rows = move || {
        let lines = lines.get();
        if lines.iter().all(|line| !matches!(line.tag, Tag::Insert | Tag::Delete)) {
            return view! { <tr class="diff-gap" role="row"><td colspan="4" role="cell">"Both texts are the same"</td></tr> }
                .into_any();
        }
        if beside {
            return paired(lines).into_iter().map(pair_row).collect_view().into_any();
        }
        lines.into_iter().map(row).collect_view().into_any()
    };
    view! {
        <div class="diff">
            <div class="content-bar">
                <span class="truncate">{move || title.get()}</span>
                <span class="diff-stat row">
                    <span class="add">{move || format!("+{}", crate::words::number(count(Tag::Insert)))} <span class="visually-hidden">" lines added"</span></span>
                    <span class="del">{move || format!("−{}", crate::words::number(count(Tag::Delete)))} <span class="visually-hidden">" lines removed"</span></span>
                </span>
            </div>
            <div class="diff-scroll" tabindex="0" role="region" aria-label=move || title.get()>
                // Side by side the roles are said: on a phone its rows are laid out as no table is, which takes the meaning of the elements.
                <table data-beside=beside.then_some("") role=beside.then_some("table")>
                    {beside.then(|| view! { <colgroup><col class="diff-no"/><col/><col class="diff-no"/><col/></colgroup> })}
                    <tbody role=beside.then_some("rowgroup")>{rows}</tbody>
                </table>
            </div>
        </div>
    }
}

fn gap_row(n: usize) -> AnyView {
    let words = crate::words::count(n, "unchanged line");
    view! { <tr class="diff-gap" role="row"><td colspan="4" role="cell">{words}</td></tr> }.into_any()
}

/// Two lines that stand side by side; or so many that are folded.
#[derive(PartialEq, Eq, Debug)]
enum Pair {
    Lines(Option<Line>, Option<Line>),
    Gap(usize),
}

/// What was removed beside what was put in its place, line by line.
fn paired(lines: Vec<Line>) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for line in lines {
        match line.tag {
            Tag::Delete => {
                // What is removed after something was added belongs to the next change.
                if !added.is_empty() {
                    close(&mut pairs, &mut removed, &mut added);
                }
                removed.push(line);
            }
            Tag::Insert => added.push(line),
            Tag::Equal => {
                close(&mut pairs, &mut removed, &mut added);
                pairs.push(Pair::Lines(Some(line.clone()), Some(line)));
            }
            Tag::Gap(n) => {
                close(&mut pairs, &mut removed, &mut added);
                pairs.push(Pair::Gap(n));
            }
        }
    }
    close(&mut pairs, &mut removed, &mut added);
    pairs
}

fn close(pairs: &mut Vec<Pair>, removed: &mut Vec<Line>, added: &mut Vec<Line>) {
    let n = removed.len().max(added.len());
    let (mut removed, mut added) = (removed.drain(..), added.drain(..));
    pairs.extend((0..n).map(|_| Pair::Lines(removed.next(), added.next())));
}

fn pair_row(pair: Pair) -> AnyView {
    match pair {
        Pair::Gap(n) => gap_row(n),
        Pair::Lines(old, new) => {
            let (old, new) = (side(old, false), side(new, true));
            view! { <tr role="row">{old} {new}</tr> }.into_any()
        }
    }
}

/// The number and the text of one side; nothing where the other one stands alone.
fn side(line: Option<Line>, is_new: bool) -> AnyView {
    let Some(line) = line else {
        return view! { <td class="diff-no" role="cell"></td> <td class="diff-text" data-change="none" role="cell"></td> }
            .into_any();
    };
    let (change, mark, spoken) = signs(line.tag);
    let n = if is_new { line.new } else { line.old };
    view! {
        <td class="diff-no" role="cell">{number(n)}</td>
        <td class="diff-text" data-change=change role="cell">
            <span class="diff-mark" aria-hidden="true">{mark}</span>
            <span class="visually-hidden">{spoken}</span>
            {marked(line.words)}
        </td>
    }
    .into_any()
}

/// A change as the style knows it, as a sign, and as it is spoken.
fn signs(tag: Tag) -> (&'static str, &'static str, &'static str) {
    match tag {
        Tag::Insert => ("insert", "+", "added"),
        Tag::Delete => ("delete", "−", "removed"),
        Tag::Equal | Tag::Gap(_) => ("equal", "", ""),
    }
}

fn number(n: Option<usize>) -> String {
    n.map(|n| n.to_string()).unwrap_or_default()
}

fn marked(words: Vec<(bool, String)>) -> AnyView {
    let words = words.into_iter();
    words
        .map(|(changed, text)| if changed { view! { <mark>{text}</mark> }.into_any() } else { text.into_any() })
        .collect_view()
        .into_any()
}

fn row(line: Line) -> AnyView {
    if let Tag::Gap(n) = line.tag {
        return gap_row(n);
    }
    let (change, mark, spoken) = signs(line.tag);
    let words = marked(line.words);
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

/// Texts as numbers: equal ones have the same.
#[derive(Default)]
struct Numbers<'a>(HashMap<&'a str, u32>);

impl<'a> Numbers<'a> {
    fn of(&mut self, parts: &[&'a str]) -> Vec<u32> {
        parts
            .iter()
            .map(|part| {
                let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
                *self.0.entry(part).or_insert(next)
            })
            .collect()
    }
}

fn changes(before: &[u32], after: &[u32]) -> Vec<DiffOp> {
    let mut hook = Replace::new(Capture::new());
    // Capturing cannot fail: its error has no value.
    let _ = myers::diff(&mut hook, before, 0..before.len(), after, 0..after.len());
    hook.into_inner().into_ops()
}

fn compare(before: &str, after: &str) -> Vec<Line> {
    let with_words = before.len().max(after.len()) <= WORDS_UP_TO;
    let old_lines: Vec<&str> = before.split_inclusive('\n').collect();
    let new_lines: Vec<&str> = after.split_inclusive('\n').collect();
    let mut numbers = Numbers::default();
    let ops = changes(&numbers.of(&old_lines), &numbers.of(&new_lines));
    let mut lines = Vec::new();
    let mut next_old = 0;
    let mut is_any = false;
    for group in group_diff_ops(ops, CONTEXT_LINES) {
        for op in group {
            is_any = true;
            let (tag, old, new) = op.as_tag_tuple();
            gap(&mut lines, old.start.saturating_sub(next_old));
            next_old = old.end.max(next_old);
            if tag == DiffTag::Equal {
                for (at, text) in old.clone().zip(&old_lines[old.clone()]) {
                    lines.push(line(Tag::Equal, Some(at), Some(new.start + at - old.start), vec![(false, text)]));
                }
                continue;
            }
            // Line for line, as far as both go: one that has little in common with the one before is told whole.
            let words = |at: usize| {
                if with_words { changed_words(old_lines[old.start + at], new_lines[new.start + at]) } else { None }
            };
            let pairs: Vec<_> = (0..old.len().min(new.len())).map(words).collect();
            for (n, at) in old.clone().enumerate() {
                let words = pairs.get(n).and_then(|pair| pair.as_ref().map(|(removed, _)| removed.clone()));
                lines.push(line(Tag::Delete, Some(at), None, words.unwrap_or_else(|| vec![(false, old_lines[at])])));
            }
            for (n, at) in new.clone().enumerate() {
                let words = pairs.get(n).and_then(|pair| pair.as_ref().map(|(_, added)| added.clone()));
                lines.push(line(Tag::Insert, None, Some(at), words.unwrap_or_else(|| vec![(false, new_lines[at])])));
            }
        }
    }
    if is_any {
        gap(&mut lines, old_lines.len().saturating_sub(next_old));
    }
    lines
}

type Words<'a> = Vec<(bool, &'a str)>;

/// The words of two lines, each with whether it changed; none where the lines have little in common.
fn changed_words<'a>(before: &'a str, after: &'a str) -> Option<(Words<'a>, Words<'a>)> {
    let (old, new) = (split_words(before), split_words(after));
    let mut numbers = Numbers::default();
    let (old_ids, new_ids) = (numbers.of(&old), numbers.of(&new));
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let mut n_kept = 0;
    for op in changes(&old_ids, &new_ids) {
        let (tag, in_old, in_new) = op.as_tag_tuple();
        let is_changed = tag != DiffTag::Equal;
        n_kept += if is_changed { 0 } else { in_old.len() };
        removed.extend(old[in_old].iter().map(|word| (is_changed, *word)));
        added.extend(new[in_new].iter().map(|word| (is_changed, *word)));
    }
    (n_kept * 4 > old.len() + new.len()).then_some((removed, added))
}

/// Words and what stands between them.
fn split_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut was_word = None;
    for (at, c) in text.char_indices() {
        let is_word = c.is_alphanumeric() || c == '_';
        if was_word.is_some_and(|was_word| was_word != is_word) {
            words.push(&text[start..at]);
            start = at;
        }
        was_word = Some(is_word);
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

fn gap(lines: &mut Vec<Line>, n: usize) {
    if n > 0 {
        lines.push(Line { tag: Tag::Gap(n), old: None, new: None, words: Vec::new() });
    }
}

fn line(tag: Tag, old: Option<usize>, new: Option<usize>, words: Words<'_>) -> Line {
    let mut words: Vec<(bool, String)> =
        words.into_iter().map(|(is_changed, word)| (is_changed, word.to_owned())).collect();
    if let Some((_, last)) = words.last_mut() {
        last.truncate(last.trim_end_matches(['\n', '\r']).len());
    }
    words.retain(|(_, text)| !text.is_empty());
    Line { tag, old: old.map(|i| i + 1), new: new.map(|i| i + 1), words }
}

#[cfg(test)]
mod tests {
    use super::{Line, Pair, Tag, compare, paired};

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

    /// The numbers of both sides, row by row.
    fn numbers(pairs: &[Pair]) -> Vec<(Option<usize>, Option<usize>)> {
        let of = |pair: &Pair| match pair {
            Pair::Lines(old, new) => {
                let (old, new) = (old.as_ref(), new.as_ref());
                (old.and_then(|line: &Line| line.old), new.and_then(|line: &Line| line.new))
            }
            Pair::Gap(n) => (Some(*n), None),
        };
        pairs.iter().map(of).collect()
    }

    #[test]
    fn side_by_side_what_was_changed_stands_beside_what_it_became() {
        let pairs = paired(compare("a\nthe quick fox\nb\n", "a\nthe slow fox\nand more\nb\n"));
        assert_eq!(numbers(&pairs), [(Some(1), Some(1)), (Some(2), Some(2)), (None, Some(3)), (Some(3), Some(4))]);
        let Pair::Lines(Some(old), Some(new)) = &pairs[1] else { panic!("{pairs:?}") };
        assert!(old.words.contains(&(true, "quick".to_owned())) && new.words.contains(&(true, "slow".to_owned())));
        assert_eq!(numbers(&paired(compare("", "x\n"))), [(None, Some(1))]);
        assert_eq!(numbers(&paired(compare("x\n", ""))), [(Some(1), None)]);
        let far = format!("{}end\n", "same\n".repeat(10));
        assert_eq!(paired(compare(&far, &far.replace("end", "other")))[0], Pair::Gap(7));
    }
}
