//! A text in blocks of Markdown that stand for themselves: of one that grows what has come is rendered once, and only the last block again;
//! of a long one what is not in sight is not laid out.
//! A block must never change once another one stands after it, as long as the text only grows. Pure.

/// A block without an end of its own is cut after so many bytes.
const LONGEST: usize = 16 * 1024;

/// The blocks, which together are the text.
pub fn blocks(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut at) = (0, 0);
    let mut fence = None;
    let mut is_blank_before = false;
    for line in text.split_inclusive('\n') {
        let is_blank = line.trim().is_empty();
        // What is indented goes on with the list before it.
        let begins_anew = is_blank_before && !is_blank && !line.starts_with([' ', '\t']);
        // The rest of a table would be none without its head.
        let is_too_long = at - start >= LONGEST && !line.starts_with('|');
        if fence.is_none() && at > start && (begins_anew || is_too_long) {
            found.push(&text[start..at]);
            start = at;
        }
        fence = match fence {
            None => opened(line),
            Some(open) if closes(line, open) => None,
            open => open,
        };
        is_blank_before = is_blank;
        at += line.len();
    }
    if start < text.len() {
        found.push(&text[start..]);
    }
    found
}

/// The same in larger parts, for a text that is there already.
pub(super) fn parts(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut at) = (0, 0);
    for block in blocks(text) {
        at += block.len();
        if at - start >= LONGEST {
            found.push(&text[start..at]);
            start = at;
        }
    }
    if start < text.len() {
        found.push(&text[start..]);
    }
    found
}

/// The sign of a fence that code stands behind, and how often it is there.
fn opened(line: &str) -> Option<(char, usize)> {
    let line = unindented(line)?;
    let sign = line.chars().next().filter(|sign| matches!(sign, '`' | '~'))?;
    let n = line.chars().take_while(|c| *c == sign).count();
    // Behind backticks there is none in the same line, or it is code within a line.
    let is_one = n >= 3 && !(sign == '`' && line[n..].contains('`'));
    is_one.then_some((sign, n))
}

fn closes(line: &str, (sign, least): (char, usize)) -> bool {
    unindented(line).is_some_and(|line| {
        let line = line.trim_end();
        line.chars().count() >= least && line.chars().all(|c| c == sign)
    })
}

/// None where it is so far in that it is code by itself.
fn unindented(line: &str) -> Option<&str> {
    let inner = line.trim_start_matches(' ');
    (line.len() - inner.len() < 4).then_some(inner)
}

/// Whether it looks like data, which Markdown would make a mess of.
pub fn is_data(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_stand_for_themselves_and_code_stays_whole() {
        let table: [(&str, &[&str]); 6] = [
            ("", &[]),
            ("one\ntwo", &["one\ntwo"]),
            ("# One\n\ntwo\n\n\nthree", &["# One\n\n", "two\n\n\n", "three"]),
            ("- a\n\n  goes on\n\n- b", &["- a\n\n  goes on\n\n", "- b"]),
            ("```rust\na\n\nb\n```\n\nafter", &["```rust\na\n\nb\n```\n\n", "after"]),
            ("~~~~\n\n~~~\n\nstill", &["~~~~\n\n~~~\n\nstill"]),
        ];
        for (text, expected) in table {
            assert_eq!(blocks(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_has_no_paragraphs_is_cut_at_a_line() {
        let text = "a line of many\n".repeat(10_000);
        let found = blocks(&text);
        assert!(found.len() > 5 && found.iter().all(|block| block.len() < LONGEST + 20 && block.ends_with('\n')));
        assert_eq!(blocks(&"| a | b |\n".repeat(10_000)).len(), 1, "a table stays whole");
    }

    #[test]
    fn parts_are_few_and_together_the_text() {
        let text = "A paragraph.\n\n".repeat(10_000);
        let found = parts(&text);
        assert_eq!(found.concat(), text);
        assert!(found.len() < 12 && found.len() > 6, "{}", found.len());
        assert_eq!(parts(""), Vec::<&str>::new());
    }

    #[test]
    fn data_is_no_markdown() {
        assert!(is_data(" \n{\"a\": 1}") && is_data("[1]") && !is_data("A [link](x)") && !is_data(""));
    }

    #[test]
    fn a_block_stays_as_it_is_while_the_text_grows() {
        let whole = "# Été\n\none\n  \n\n- a\n\n  b\n- c\n\n```\nx\n\n``\n````\ny\n\n~~~ z\n\n```\n~~~\n\n    in\n\nend `` ` ``\n".repeat(3);
        let mut before: Vec<String> = Vec::new();
        for (at, c) in whole.char_indices() {
            let text = &whole[..at + c.len_utf8()];
            let now: Vec<String> = blocks(text).into_iter().map(str::to_owned).collect();
            assert_eq!(now.concat(), text);
            let settled = before.len().saturating_sub(1);
            assert_eq!(now[..settled], before[..settled], "{text:?}");
            before = now;
        }
        assert!(before.len() > 6, "{before:?}");
    }
}
