//! Knows in an error what is only quoted of the request, so that a prompt about temperatures is not taken for a refused parameter.
//! It must never take a provider's own words for a quotation because they share a word with the prompt.

use super::Message;

/// Fields of requests, and of validators' errors, whose values are quoted.
const QUOTED_FIELDS: [&str; 11] = [
    "input",
    "input_value",
    "messages",
    "content",
    "contents",
    "prompt",
    "instructions",
    "system",
    "body",
    "request",
    "parts",
];
/// So many characters around a word that are the same as in the prompt are no coincidence.
const SAME_CHARS: usize = 14;

/// What was said to the model.
#[derive(Clone, Copy)]
pub(in crate::llm) struct Asked<'a> {
    pub(in crate::llm) system: &'a str,
    pub(in crate::llm) messages: &'a [Message],
}

impl Asked<'_> {
    #[cfg(test)]
    pub(super) const NOTHING: Self = Self { system: "", messages: &[] };

    /// The same as errors are looked into: in small letters, a space for each gap.
    pub(super) fn prompt(&self) -> Prompt {
        let texts = self.messages.iter().map(|message| message.text.as_str()).chain([self.system]);
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
        Prompt(texts.filter(|text| !text.is_empty()).map(plain).collect())
    }
}

pub(super) struct Prompt(Vec<String>);

impl Prompt {
    /// Whether what stands at a place of an error's words is from the prompt.
    pub(super) fn is_quoted(&self, words: &str, at: usize, n_bytes: usize) -> bool {
        let word = &words[at..at + n_bytes];
        self.0.iter().any(|text| {
            text.match_indices(word).take(1_000).any(|(place, _)| {
                let (begin, end) = (&text[..place], &text[place + n_bytes..]);
                let before = same(words[..at].chars().rev(), begin.chars().rev());
                let after = same(words[at + n_bytes..].chars(), end.chars());
                let is_all =
                    || text.len() < 200 && before + after > 0 && before + after == text.chars().count() - n_bytes;
                before + after >= SAME_CHARS || is_all()
            })
        })
    }
}

/// How many characters are the same, up to where it matters.
fn same(one: impl Iterator<Item = char>, other: impl Iterator<Item = char>) -> usize {
    one.zip(other).take(4 * SAME_CHARS).take_while(|(one, other)| one == other).count()
}

/// Words without the values of fields that quote the request: `'input': {...}`, `"messages": [...]`, `input_value='...'`.
pub(super) fn without_quotations(words: &str) -> String {
    let mut kept = String::with_capacity(words.len());
    let mut rest = words;
    while let Some((name_end, value_len)) = next_quotation(rest) {
        kept.push_str(&rest[..name_end]);
        rest = &rest[name_end + value_len..];
    }
    kept.push_str(rest);
    kept
}

/// Where the next quoted value begins, and how long it is.
fn next_quotation(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = text[from..].find([':', '=']) {
        let at = from + found;
        from = at + 1;
        let name = text[..at].trim_end_matches(['\'', '"', '`', ' ']);
        let begin = name.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |place| place + 1);
        let begin = if name.is_char_boundary(begin) { begin } else { continue };
        if !QUOTED_FIELDS.contains(&&name[begin..]) {
            continue;
        }
        let value = text[from..].trim_start();
        let n_spaces = text.len() - from - value.len();
        if let Some(length) = length_of_value(value) {
            return Some((from + n_spaces, length));
        }
    }
    None
}

/// The length of the list, object or text that a text begins with; all of it where that does not end, since errors are shortened.
fn length_of_value(text: &str) -> Option<usize> {
    if !text.starts_with(['{', '[', '(', '\'', '"']) {
        return None;
    }
    let (mut depth, mut quote, mut is_escaped) = (0_usize, None, false);
    for (place, c) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
            continue;
        }
        match (c, quote) {
            ('\\', Some(_)) => is_escaped = true,
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            ('{' | '[' | '(', None) => depth += 1,
            ('}' | ']' | ')', None) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && quote.is_none() {
            return Some(place + c.len_utf8());
        }
    }
    Some(text.len())
}

#[cfg(test)]
mod tests {
    use super::{super::Role, *};

    #[test]
    fn what_an_error_quotes_of_the_request_is_taken_out() {
        let table = [
            (
                "[{'loc': ('body', 'messages'), 'input': {'model': 'm', 'temperature': 0.2}, 'msg': 'x'}]",
                "[{'loc': ('body', 'messages'), 'input': , 'msg': 'x'}]",
            ),
            ("bad \"messages\": [{\"content\": \"the } temperature\"}]!", "bad \"messages\": !"),
            ("Extra [input_value='temperature is', input_type=str]", "Extra [input_value=, input_type=str]"),
            ("input: {'temperature'", "input: "),
            ("'temperature': is no input", "'temperature': is no input"),
        ];
        for (words, expected) in table {
            assert_eq!(without_quotations(words), expected);
        }
    }

    #[test]
    fn what_stands_in_the_prompt_is_a_quotation_and_a_shared_word_is_none() {
        let messages = [Message { role: Role::User, text: "What temperature does water boil at?".to_owned() }];
        let prompt = Asked { system: "", messages: &messages }.prompt();
        let is_quoted = |words: &str| prompt.is_quoted(words, words.find("temperature").unwrap(), 11);
        assert!(is_quoted("flagged: what temperature does water boil at?"));
        assert!(is_quoted("flagged: what temperature does wat..."));
        assert!(!is_quoted("'temperature' is not supported"));
        assert!(!is_quoted("the temperature does not fit"));
    }
}
