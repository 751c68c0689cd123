//! What is wrong with the form of a template, in the words of whoever writes it: which sign is missing, and at which line it is missed.
//! The parser's own words name its parts, and the place where it gave up; here stands where the mistake began.

use minijinja::{
    Error,
    machinery::{Token, tokenize},
};

use super::{Fault, syntax};
use crate::problem::ProblemCode;

/// The parser's names for its parts, longest first, and what people see of them.
const PARTS: [(&str, &str); 12] = [
    ("start of variable block", "`{{`"),
    ("end of variable block", "`}}`"),
    ("start of block", "`{%`"),
    ("end of block", "`%}`"),
    ("end of input", "the end of the template"),
    ("template-data", "text"),
    ("block keyword", "a word such as `if` or `for`"),
    ("identifier or integer", "a name or a number"),
    ("identifier", "a name"),
    ("integer", "a number"),
    ("float", "a number"),
    ("string", "a quoted text"),
];
/// Statements that have an end of their own.
const BLOCKS: [&str; 3] = ["if", "for", "with"];

/// What a template is not parsed for.
pub(super) fn fault(source: &str, error: &Error) -> Fault {
    let line = error.line().unwrap_or(1);
    let words = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let (line, reason) =
        unclosed(source, line, &words).or_else(|| unpaired(source)).unwrap_or_else(|| (line, plain(&words)));
    Fault { line, code: ProblemCode::InvalidValue, reason }
}

/// A tag, a comment or a raw part that nothing closes, and where it begins.
fn unclosed(source: &str, line: usize, words: &str) -> Option<(usize, String)> {
    match words {
        "unexpected end of comment" => {
            let after = source.rfind("#}").map_or(0, |end| end + 2);
            let start = after + source[after..].find("{#")?;
            return Some((line_of(source, start), "`{#` is not closed: write `#}` behind it".to_owned()));
        }
        "unexpected end of raw block" => {
            return Some((line, "`{% raw %}` is not closed: write `{% endraw %}` behind it".to_owned()));
        }
        _ => {}
    }
    // The last tag that begins before the parser gave up.
    let mut last = None;
    for token in tokenize(source, false, syntax()) {
        let Ok((token, span)) = token else { break };
        let (open, close) = match token {
            Token::VariableStart => ("{{", "}}"),
            Token::BlockStart => ("{%", "%}"),
            _ => continue,
        };
        if usize::from(span.start_line) > line {
            break;
        }
        last = Some((usize::from(span.start_line), usize::try_from(span.end_offset).ok()?, open, close));
    }
    let (begins, inside, open, close) = last?;
    let rest = source.get(inside..)?;
    let closed = rest.find(close);
    let next = ["{{", "{%"].iter().filter_map(|tag| rest.find(tag)).min();
    let is_open = match (closed, next) {
        (None, _) => true,
        (Some(closed), Some(next)) => next < closed,
        (Some(_), None) => false,
    };
    is_open.then(|| (begins, format!("`{open}` is not closed: write `{close}` behind it")))
}

/// A statement without its end, or an end without its statement.
fn unpaired(source: &str) -> Option<(usize, String)> {
    let mut open: Vec<(&str, usize)> = Vec::new();
    let mut at_keyword = false;
    for token in tokenize(source, false, syntax()) {
        let (token, span) = token.ok()?;
        let was_at_keyword = std::mem::replace(&mut at_keyword, matches!(token, Token::BlockStart));
        let (Token::Ident(word), true) = (token, was_at_keyword) else { continue };
        let line = usize::from(span.start_line);
        if BLOCKS.contains(&word) {
            open.push((word, line));
        } else if let Some(ended) = word.strip_prefix("end").filter(|ended| BLOCKS.contains(ended)) {
            match open.pop() {
                Some((begun, _)) if begun == ended => {}
                Some((begun, at)) => {
                    let reason = format!(
                        "`{{% {word} %}}` stands where `{{% {begun} %}}` of line {at} is still open: write `{{% end{begun} %}}` first"
                    );
                    return Some((line, reason));
                }
                None => {
                    return Some((
                        line,
                        format!("`{{% {word} %}}` closes nothing: there is no `{{% {ended} %}}` before it"),
                    ));
                }
            }
        }
    }
    let (begun, line) = open.pop()?;
    Some((line, format!("`{{% {begun} %}}` is not closed: write `{{% end{begun} %}}` behind it")))
}

/// What is left of the parser's words, with what people see in place of its names.
fn plain(words: &str) -> String {
    match words {
        "unexpected end of string" => return "a quoted text is not closed: its second quote is missing".to_owned(),
        "unexpected character" => return "there is a sign that means nothing inside of `{{ }}` and `{% %}`".to_owned(),
        _ => {}
    }
    let seen = PARTS.iter().fold(words.to_owned(), |words, (part, seen)| words.replace(part, seen));
    let Some(unexpected) = seen.strip_prefix("unexpected ") else { return seen };
    match unexpected.split_once(", expected ") {
        Some((found, wanted)) => format!("there is {found} where {wanted} should be"),
        None => format!("{unexpected} cannot stand here: something is missing before it"),
    }
}

fn line_of(source: &str, offset: usize) -> usize {
    source.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The known name that was most likely meant.
pub(super) fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|known| (distance(name, known), known)).min()?;
    (near.0 <= 2 && near.0 < name.chars().count()).then_some(near.1)
}

/// How many letters have to be added, left out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_meant_when_few_letters_differ() {
        let known = || ["abs", "lower", "trim", "upper"].into_iter();
        for (name, expected) in
            [("uper", Some("upper")), ("Upper", Some("upper")), ("strip", Some("trim")), ("x", None), ("", None)]
        {
            assert_eq!(meant(name, known()), expected, "{name}");
        }
    }

    #[test]
    fn the_parsers_names_are_told_as_what_is_seen() {
        assert_eq!(
            plain("unexpected identifier, expected end of variable block"),
            "there is a name where `}}` should be"
        );
        assert_eq!(plain("unexpected end of variable block"), "`}}` cannot stand here: something is missing before it");
        assert_eq!(plain("'break' must be placed inside a loop"), "'break' must be placed inside a loop");
    }
}
