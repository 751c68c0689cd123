//! The Markdown of a note as lines that a canvas can draw: headings, lists, quotes and code; of all else the words.
//! Widths are guessed, so that the same note has the same lines wherever it is drawn. Nothing in a text is followed or run.

use std::sync::Arc;

use kurbo::Size;

/// The text of a note is so large, in pixels at zoom 1,
pub const NOTE_TEXT: f64 = 12.0;
/// and one line stands so far below the other.
pub const NOTE_LINE: f64 = NOTE_TEXT * 1.18 * 1.12;
/// Between the rim of a note and its text.
pub const NOTE_PADDING: f64 = 12.0;
/// How wide a letter is, in parts of the size of its font.
const LETTER: f64 = 0.54;

#[derive(Clone, PartialEq, Debug)]
pub struct NoteLine {
    pub text: Arc<str>,
    pub is_heading: bool,
    /// Pixels from the left.
    pub indent: f64,
}

/// What a note of such a size shows.
pub(super) fn lines_in(text: &str, note: Size) -> Arc<[NoteLine]> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a note has a size that is bounded")]
    let most = ((note.height - 2.0 * NOTE_PADDING) / NOTE_LINE).clamp(0.0, 1_000.0) as usize;
    let lines = lines(text, note.width - 2.0 * NOTE_PADDING, NOTE_TEXT, most).into_iter();
    lines.map(|Line { text, is_heading, indent }| NoteLine { text: text.into(), is_heading, indent }).collect()
}

/// What it says, whole and without signs, for whoever reads it in a list: a line for each that was written.
pub fn note_words(text: &str) -> String {
    let lines: Vec<String> =
        lines(text, f64::INFINITY, NOTE_TEXT, usize::MAX).into_iter().map(|line| line.text).collect();
    lines.join("\n")
}

struct Line {
    text: String,
    is_heading: bool,
    indent: f64,
}

impl Line {
    fn blank() -> Self {
        Self { text: String::new(), is_heading: false, indent: 0.0 }
    }
}

/// At most so many lines of so many pixels; the last one ends with dots where there is more. `size` is that of the text, in pixels.
fn lines(text: &str, width: f64, size: f64, most: usize) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::new();
    let mut is_code = false;
    let mut is_cut = false;
    for source in text.lines() {
        if out.len() >= most {
            is_cut |= !source.trim().is_empty();
            continue;
        }
        if source.trim_start().starts_with("```") {
            is_code = !is_code;
            continue;
        }
        let block = if is_code { Block::code(source) } else { Block::of(source) };
        if block.words.is_empty() {
            // One blank line between paragraphs, none before the first.
            if out.last().is_some_and(|last| !last.text.is_empty()) {
                out.push(Line::blank());
            }
            continue;
        }
        let letters = letters_in(width - block.indent, if block.is_heading { size * 1.1 } else { size });
        let wrapped = wrapped(&block.words, letters);
        let room = most - out.len();
        is_cut |= wrapped.len() > room;
        let line = |text: String| Line { text, is_heading: block.is_heading, indent: block.indent };
        out.extend(wrapped.into_iter().take(room).map(line));
    }
    while out.last().is_some_and(|last| last.text.is_empty()) {
        out.pop();
    }
    if is_cut && let Some(last) = out.last_mut() {
        last.text.push('…');
    }
    out
}

struct Block {
    words: String,
    is_heading: bool,
    indent: f64,
}

impl Block {
    fn code(source: &str) -> Self {
        Self { words: source.trim_end().replace('\t', "  "), is_heading: false, indent: 8.0 }
    }

    fn of(source: &str) -> Self {
        let inner = source.trim_start();
        let depth = source.chars().take_while(|c| c.is_whitespace()).count().min(8);
        let indent = f64::from(u32::try_from(depth).unwrap_or(0)) * 5.0;
        let inner = inner.trim_end();
        let n_signs = inner.chars().take_while(|c| *c == '#').count();
        if (1..=6).contains(&n_signs) && inner[n_signs..].starts_with(' ') {
            return Self { words: plain(inner[n_signs..].trim()), is_heading: true, indent: 0.0 };
        }
        if let Some(quoted) = inner.strip_prefix('>') {
            return Self { words: plain(quoted.trim_start()), is_heading: false, indent: indent + 10.0 };
        }
        if let Some(item) = ["- ", "* ", "+ "].iter().find_map(|sign| inner.strip_prefix(sign)) {
            let task = [("[ ] ", "☐ "), ("[x] ", "☑ "), ("[X] ", "☑ ")];
            let found = task.iter().find_map(|(sign, shown)| Some((item.strip_prefix(sign)?, *shown)));
            let (item, sign) = found.unwrap_or((item, "• "));
            return Self { words: format!("{sign}{}", plain(item)), is_heading: false, indent };
        }
        Self { words: plain(inner), is_heading: false, indent }
    }
}

/// The words, without the signs that say how they look.
fn plain(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    words(&chars, &mut Links::of(&chars))
}

fn words(chars: &[char], links: &mut Links<'_>) -> String {
    let is_word = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphanumeric());
    let is_blank = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_none_or(|c| c.is_whitespace());
    let mut out = String::with_capacity(chars.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let (before, after) = (at.checked_sub(1), at.checked_add(1));
        match c {
            '\\' if after.and_then(|at| chars.get(at)).is_some_and(char::is_ascii_punctuation) => {
                at += 1;
                out.extend(chars.get(at));
            }
            '`' => {}
            // A sign with room on both sides is one of a sum.
            '*' | '~' if !(is_blank(before) && is_blank(after)) => {}
            '_' if !(is_word(before) && is_word(after) || is_blank(before) && is_blank(after)) => {}
            '!' if chars.get(at + 1) == Some(&'[') && links.at(at + 1).is_some() => {}
            '[' => match links.at(at) {
                Some((label, end)) => {
                    out.push_str(&plain(&label));
                    at = end;
                }
                None => out.push(c),
            },
            _ => out.push(c),
        }
        at += 1;
    }
    out
}

/// The links of a text. Each may only be asked for behind those that were asked for before: so each letter is looked at a few times,
/// whatever somebody wrote.
struct Links<'a> {
    chars: &'a [char],
    /// Before here no round bracket that closes a link is left.
    close: usize,
    #[cfg(test)]
    n_looked: usize,
}

impl<'a> Links<'a> {
    fn of(chars: &'a [char]) -> Self {
        Self {
            chars,
            close: 0,
            #[cfg(test)]
            n_looked: 0,
        }
    }

    /// The words of a link that begins here, and where it ends.
    fn at(&mut self, from: usize) -> Option<(String, usize)> {
        let mut middle = from + 1;
        // In a label stands no other bracket, so that whoever looks from the next one does not come by here again.
        while !matches!(self.look(middle)?, '[' | ']') {
            middle += 1;
        }
        if self.chars.get(middle) != Some(&']') || self.chars.get(middle + 1) != Some(&'(') {
            return None;
        }
        self.close = self.close.max(middle + 2);
        while self.look(self.close)? != ')' {
            self.close += 1;
        }
        Some((self.chars[from + 1..middle].iter().collect(), self.close))
    }

    fn look(&mut self, at: usize) -> Option<char> {
        #[cfg(test)]
        {
            self.n_looked += 1;
        }
        self.chars.get(at).copied()
    }
}

/// How many letters fit, at least a few.
fn letters_in(width: f64, size: f64) -> usize {
    const LEAST: usize = 4;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
    let letters = (width / (size * LETTER)).clamp(0.0, 10_000.0) as usize;
    letters.max(LEAST)
}

/// Broken between words, and inside of one that is longer than a line.
fn wrapped(words: &str, letters: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut n) = (String::new(), 0);
    for word in words.split(' ') {
        let length: usize = word.chars().map(width_of).sum();
        if n > 0 && n + 1 + length > letters {
            lines.push(std::mem::take(&mut line));
            n = 0;
        }
        if n > 0 {
            line.push(' ');
            n += 1;
        }
        for c in word.chars() {
            if n > 0 && n + width_of(c) > letters {
                lines.push(std::mem::take(&mut line));
                n = 0;
            }
            line.push(c);
            n += width_of(c);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Signs of the scripts of East Asia, and most pictures, are two letters wide.
fn width_of(c: char) -> usize {
    if u32::from(c) >= 0x1100 && !(0x2000..0x2E80).contains(&u32::from(c)) { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> Vec<String> {
        let line = |line: Line| if line.is_heading { format!("# {}", line.text) } else { line.text };
        lines(text, 200.0, 12.0, 40).into_iter().map(line).collect()
    }

    #[test]
    fn in_a_list_a_note_is_told_whole_and_without_signs() {
        let long = "word ".repeat(400);
        let text = format!("# Why\n\n- *so* [there](https://example.com)\n{long}");
        assert_eq!(note_words(&text), format!("Why\n\n• so there\n{}", long.trim_end()));
        assert_eq!(note_words(" \n"), "");
    }

    #[test]
    fn markdown_is_drawn_as_what_it_says() {
        assert_eq!(told("# Why\n\n\nBecause *it* is **so**"), ["# Why", "", "Because it is so"]);
        assert_eq!(
            told("- one\n* two\n- [ ] open\n- [x] done\n1. first"),
            ["• one", "• two", "☐ open", "☑ done", "1. first"]
        );
        assert_eq!(
            told("> see [the docs](https://example.org/a_b) and ![a picture](x.png)"),
            ["see the docs and a picture"]
        );
        assert_eq!(told("`a_b` snake_case _so_ 2 * 3 \\*kept\\*"), ["a_b snake_case so 2 * 3 *kept*"]);
        assert_eq!(told("words that go on to the next line"), ["words that go on to the next", "line"]);
        assert_eq!(told("```\n# no *heading*\n```\nafter"), ["# no *heading*", "after"]);
        assert_eq!(told("#no heading\n[no link] (x)"), ["#no heading", "[no link] (x)"]);
        assert_eq!(told("  \n\n"), [] as [&str; 0]);
    }

    #[test]
    fn what_does_not_fit_ends_with_dots() {
        let few = lines("one\ntwo\nthree", 200.0, 12.0, 2);
        assert_eq!(few.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["one", "two…"]);
        assert_eq!(lines(&"x".repeat(100), 10.0, 12.0, 3).len(), 3);
    }

    /// How many letters are looked at to find the links of a text, and how many it has.
    fn looked_at(text: &str) -> (usize, usize) {
        let chars: Vec<char> = text.chars().collect();
        let mut links = Links::of(&chars);
        words(&chars, &mut links);
        (links.n_looked, chars.len())
    }

    #[test]
    fn a_note_of_signs_alone_takes_no_more_time_than_any_other_as_long() {
        for sign in [
            "[", "]", "(", ")", "![", "[a](", "![a](", "[](", "[a](b)", "[]", "[[]", "\\[", "*[", "_[_", "`[`", "[ ",
            ">[",
        ] {
            for end in ["", ")", "]", "](x)"] {
                let text = sign.repeat(10_000 / sign.len()) + end;
                let (n_looked, n) = looked_at(&text);
                assert!(n_looked <= 4 * n, "{n_looked} for {n} of {sign:?}");
                assert!(!lines(&text, 200.0, 12.0, 3).iter().any(|line| line.text.contains('\n')));
            }
        }
        assert_eq!(told("[a](b [c](d) e"), ["a e"]);
        assert_eq!(told("[a](b c"), ["[a](b c"]);
    }

    proptest! {
        #[test]
        fn no_signs_make_finding_links_long(text in "[\\[\\]()!a\\\\* ]{0,600}") {
            let (n_looked, n) = looked_at(&text);
            prop_assert!(n_looked <= 4 * n, "{} for {}", n_looked, n);
        }

        #[test]
        fn no_text_breaks_it_and_it_keeps_to_its_lines(text in "(?s).{0,200}", width in 0.0..400.0, most in 0_usize..9) {
            let drawn = lines(&text, width, 12.0, most);
            prop_assert!(drawn.len() <= most);
            prop_assert!(drawn.iter().all(|line| !line.text.contains('\n')));
        }
    }
}
