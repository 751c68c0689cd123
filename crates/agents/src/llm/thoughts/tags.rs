//! The tags that models put around their thoughts by themselves, and those around the answer behind them.
//! It must never know a tag that people use in texts of their own, but where it opens an answer.

/// A pair of tags. Compared without regard to case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tag {
    pub(super) opening: &'static str,
    pub(super) closing: &'static str,
    /// Templates write its opening for the model, so that the closing may come alone.
    pub(super) is_prefilled: bool,
}

const fn tag(opening: &'static str, closing: &'static str, is_prefilled: bool) -> Tag {
    Tag { opening, closing, is_prefilled }
}

/// Where one begins like another, the longer comes first.
pub(super) const TAGS: [Tag; 13] = [
    tag("<think>", "</think>", true),
    tag("<thinking>", "</thinking>", true),
    tag("<thought>", "</thought>", false),
    tag("<reasoning>", "</reasoning>", false),
    tag("<seed:think>", "</seed:think>", true),
    tag("[THINK]", "[/THINK]", true),
    tag("<|begin_of_thought|>", "<|end_of_thought|>", true),
    tag("◁think▷", "◁/think▷", true),
    tag("<|START_THINKING|>", "<|END_THINKING|>", true),
    tag("<unused94>", "<unused95>", false),
    // Harmony, where a server leaves it in: all channels but the last are thoughts.
    tag("<|channel|>analysis<|message|>", "<|channel|>final<|message|>", false),
    tag("<|channel|>commentary<|message|>", "<|channel|>final<|message|>", false),
    tag("<|start|>assistant<|channel|>analysis<|message|>", "<|channel|>final<|message|>", false),
];

/// What stands in front of an answer and is no part of it.
pub(super) const WRAPPINGS: [&str; 3] =
    ["<|START_RESPONSE|>", "<|channel|>final<|message|>", "<|start|>assistant<|channel|>final<|message|>"];

/// What ends a wrapped answer.
pub(super) const ENDINGS: [&str; 4] = ["<|END_RESPONSE|>", "<|return|>", "<|end|>", "<|END_OF_TURN_TOKEN|>"];

pub(super) const LONGEST: usize = 64;

/// How a text begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Begins {
    /// With the word, which takes so many bytes.
    With(usize),
    /// As the word does, so far.
    Perhaps,
    Otherwise,
}

/// Whether a text begins with a word, in any case; before a closing `>` there may be spaces.
pub(super) fn begins(text: &str, word: &str) -> Begins {
    let (mut text_bytes, mut at) = (text.bytes().peekable(), 0);
    for byte in word.bytes() {
        if byte == b'>' && !word.ends_with("|>") {
            while text_bytes.next_if(u8::is_ascii_whitespace).is_some() {
                at += 1;
                if at > LONGEST {
                    return Begins::Otherwise;
                }
            }
        }
        match text_bytes.next() {
            None => return Begins::Perhaps,
            Some(found) if found.eq_ignore_ascii_case(&byte) => at += 1,
            Some(_) => return Begins::Otherwise,
        }
    }
    Begins::With(at)
}

/// The first place at which one of these words stands, or may begin to at the end of the text: which, where, and how it begins.
pub(super) fn find<'a>(
    text: &str,
    words: &(impl Iterator<Item = &'a str> + Clone),
) -> Option<(&'a str, usize, Begins)> {
    let is_first = |byte: u8| matches!(byte, b'<' | b'[') || byte == "◁".as_bytes()[0];
    for (place, _) in text.bytes().enumerate().filter(|(_, byte)| is_first(*byte)) {
        let Some(rest) = text.get(place..) else { continue };
        let found = words.clone().map(|word| (word, begins(rest, word)));
        let mut perhaps = None;
        for (word, begins) in found {
            match begins {
                Begins::With(_) => return Some((word, place, begins)),
                Begins::Perhaps => perhaps = Some((word, place, begins)),
                Begins::Otherwise => {}
            }
        }
        if perhaps.is_some() {
            return perhaps;
        }
    }
    None
}

/// Whether an opening tag stands in a text, with attributes or without.
pub(super) fn holds_opening(text: &str) -> bool {
    let is_opening = |rest: &str| {
        TAGS.iter().any(|tag| {
            let stem = tag.opening.strip_suffix('>').filter(|stem| !stem.ends_with('|'));
            match begins(rest, stem.unwrap_or(tag.opening)) {
                Begins::With(n_bytes) => {
                    let after = rest[n_bytes..].chars().next();
                    stem.is_none() || after.is_some_and(|c| matches!(c, '>' | '/') || c.is_whitespace())
                }
                _ => false,
            }
        })
    };
    let places = text.char_indices().filter(|(_, c)| matches!(c, '<' | '[' | '◁'));
    places.into_iter().any(|(place, _)| is_opening(&text[place..]))
}
