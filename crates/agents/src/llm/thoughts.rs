//! Parts a model's thoughts from its answer while both stream in. A thought is a block that opens the answer; templates may have
//! written its opening tag already, so that only the closing one comes. A tag later in a text, or in code, is text: it must never
//! eat an answer that only speaks of tags.

mod place;
mod tags;

use self::{
    place::Place,
    tags::{Begins, ENDINGS, TAGS, Tag, WRAPPINGS, begins, find, holds_opening},
};

/// Bytes that are looked at in one go.
const MAX_PIECE_BYTES: usize = 4 * 1024;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Answer(String),
    Thought(String),
    /// All that was taken for the answer so far was a thought.
    WasThought,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    /// Nothing but white space and whole thoughts so far.
    #[default]
    Start,
    Thinking(Tag),
    /// In the answer, with the tags whose closing would make a thought of it.
    Answer(Closings),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Closings {
    None,
    /// No thought came: the template may have opened one.
    Prefilled,
    /// The thought that closed had opened another one in itself.
    Nested(Tag),
}

impl Closings {
    fn takes(self, tag: &Tag) -> bool {
        match self {
            Self::None => false,
            Self::Prefilled => tag.is_prefilled,
            Self::Nested(nested) => *tag == nested,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Thoughts {
    state: State,
    /// The white space in front of what is told next.
    blank: String,
    /// What cannot be told yet: the beginning of a tag, perhaps.
    held: String,
    has_thought: bool,
    /// How often the thought opened another one in itself.
    n_nested: usize,
    /// An opening tag stands in the answer itself.
    saw_opening: bool,
    /// The last bytes, in which an opening tag may be under way.
    tail: String,
    /// Where the end of the answer stands.
    place: Place,
    /// Marks around the answer were left in, so there may be one behind it.
    is_wrapped: bool,
}

impl Thoughts {
    pub(super) fn push(&mut self, piece: &str) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut rest = piece;
        // In short pieces, so that each tag costs little however many there are.
        while !rest.is_empty() {
            let mut end = rest.len().min(MAX_PIECE_BYTES);
            while !rest.is_char_boundary(end) {
                end -= 1;
            }
            self.held.push_str(&rest[..end]);
            rest = &rest[end..];
            while self.step(&mut parts) {}
        }
        parts
    }

    /// What was held back, and whether the answer ended within a thought.
    pub(super) fn end(&mut self) -> (Vec<Part>, bool) {
        let mut held = std::mem::take(&mut self.blank) + &std::mem::take(&mut self.held);
        if let State::Thinking(_) = self.state {
            return (vec![Part::Thought(held)], true);
        }
        if self.is_wrapped && ENDINGS.contains(&held.trim_end()) {
            held.clear();
        }
        if held.is_empty() { (Vec::new(), false) } else { (vec![Part::Answer(held)], false) }
    }

    /// Whether there may be more to do.
    fn step(&mut self, parts: &mut Vec<Part>) -> bool {
        match self.state {
            State::Start => self.start(),
            State::Thinking(tag) => self.think(tag, parts),
            State::Answer(closings) => self.answer(closings, parts),
        }
    }

    fn start(&mut self) -> bool {
        // White space is looked at once, however much of it comes.
        let n_blank = self.held.len() - self.held.trim_start().len();
        self.blank.extend(self.held.drain(..n_blank));
        if self.held.is_empty() {
            return false;
        }
        let mut is_open = false;
        for tag in TAGS {
            match begins(&self.held, tag.opening) {
                Begins::With(n_bytes) => {
                    self.held.drain(..n_bytes);
                    self.blank.clear();
                    (self.has_thought, self.n_nested) = (true, 0);
                    self.tail.clear();
                    self.is_wrapped |= tag.opening.ends_with("|>");
                    self.state = State::Thinking(tag);
                    return true;
                }
                Begins::Perhaps => is_open = true,
                Begins::Otherwise => {}
            }
        }
        for wrapping in WRAPPINGS {
            match begins(&self.held, wrapping) {
                Begins::With(n_bytes) => {
                    self.held.drain(..n_bytes);
                    self.is_wrapped = true;
                    self.begin_answer(Closings::None);
                    return true;
                }
                Begins::Perhaps => is_open = true,
                Begins::Otherwise => {}
            }
        }
        if is_open {
            return false;
        }
        self.begin_answer(if self.has_thought { Closings::None } else { Closings::Prefilled });
        true
    }

    fn begin_answer(&mut self, closings: Closings) {
        self.held.insert_str(0, &std::mem::take(&mut self.blank));
        self.tail.clear();
        (self.saw_opening, self.place) = (false, Place::default());
        self.state = State::Answer(closings);
    }

    fn think(&mut self, tag: Tag, parts: &mut Vec<Part>) -> bool {
        let words = [tag.closing, tag.opening];
        match find(&self.held, &words.into_iter()) {
            Some((word, place, Begins::With(n_bytes))) => {
                let before: String = self.held.drain(..place + n_bytes).collect();
                let is_closing = word == tag.closing;
                let said = if is_closing { before[..place].to_owned() } else { before };
                if !said.is_empty() || is_closing {
                    parts.push(Part::Thought(said));
                }
                if !is_closing {
                    self.n_nested += 1;
                } else if self.n_nested > 0 {
                    // Either the thought only spoke of its tag, or this closed the inner one: another closing tells.
                    self.n_nested -= 1;
                    self.begin_answer(Closings::Nested(tag));
                } else {
                    self.state = State::Start;
                }
                true
            }
            found => {
                let n_told = found.map_or(self.held.len(), |(_, place, _)| place);
                let said: String = self.held.drain(..n_told).collect();
                if !said.is_empty() {
                    parts.push(Part::Thought(said));
                }
                false
            }
        }
    }

    fn answer(&mut self, closings: Closings, parts: &mut Vec<Part>) -> bool {
        let tags = TAGS.iter().filter(|tag| closings.takes(tag)).map(|tag| tag.closing);
        let endings = ENDINGS.into_iter().filter(|_| self.is_wrapped);
        let found = find(&self.held, &tags.chain(endings));
        let n_told = found.map_or(self.held.len(), |(_, place, _)| place);
        let said: String = self.held.drain(..n_told).collect();
        if !said.is_empty() {
            self.note(&said);
            parts.push(Part::Answer(said));
        }
        let Some((word, _, Begins::With(n_bytes))) = found else { return false };
        if ENDINGS.contains(&word) {
            // The end, if nothing follows.
            if self.held[n_bytes..].trim().is_empty() {
                return false;
            }
        } else if !self.saw_opening && !self.place.is_in_content() {
            self.held.drain(..n_bytes);
            self.has_thought = true;
            parts.push(Part::WasThought);
            match closings {
                Closings::Nested(tag) if self.n_nested > 0 => {
                    self.n_nested -= 1;
                    self.begin_answer(Closings::Nested(tag));
                }
                _ => self.state = State::Start,
            }
            return true;
        }
        // It is text.
        let word: String = self.held.drain(..n_bytes).collect();
        self.note(&word);
        parts.push(Part::Answer(word));
        true
    }

    /// Looks over what was said in the answer.
    fn note(&mut self, said: &str) {
        if self.state == State::Answer(Closings::None) {
            return;
        }
        self.place.read(said);
        if self.saw_opening {
            return;
        }
        self.tail.push_str(said);
        self.saw_opening = holds_opening(&self.tail);
        let mut from = self.tail.len().saturating_sub(tags::LONGEST);
        while !self.tail.is_char_boundary(from) {
            from += 1;
        }
        self.tail.drain(..from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (thoughts, answer, ended within a thought), however the text is cut.
    fn parted(text: &str) -> (String, String, bool) {
        let whole = parted_in(std::iter::once(text));
        let mut rest = text;
        let characters = std::iter::from_fn(|| {
            let c = rest.chars().next()?;
            let (first, after) = rest.split_at(c.len_utf8());
            rest = after;
            Some(first)
        });
        assert_eq!(parted_in(characters), whole, "cut between any two characters");
        whole
    }

    fn parted_in<'a>(pieces: impl Iterator<Item = &'a str>) -> (String, String, bool) {
        let mut splitter = Thoughts::default();
        let (mut thoughts, mut answer) = (String::new(), String::new());
        let mut take = |parts: Vec<Part>| {
            for part in parts {
                match part {
                    Part::Answer(text) => answer.push_str(&text),
                    Part::Thought(text) => thoughts.push_str(&text),
                    Part::WasThought => thoughts.push_str(&std::mem::take(&mut answer)),
                }
            }
        };
        for piece in pieces {
            take(splitter.push(piece));
        }
        let (parts, is_open) = splitter.end();
        take(parts);
        (thoughts, answer.trim().to_owned(), is_open)
    }

    #[test]
    fn white_space_is_looked_at_once() {
        let began = std::time::Instant::now();
        let mut thoughts = Thoughts::default();
        for _ in 0..300_000 {
            assert_eq!(thoughts.push("\n"), []);
        }
        assert_eq!(thoughts.push("Hi"), [Part::Answer(format!("{}Hi", "\n".repeat(300_000)))]);
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }

    #[test]
    fn a_thought_is_a_block_that_opens_the_answer() {
        let table = [
            ("Hello", ("", "Hello", false)),
            ("<think>hm {\"n\":1}</think>\n\n{\"n\":2}", ("hm {\"n\":1}", "{\"n\":2}", false)),
            (" \n<think>\n</think>Hi", ("\n", "Hi", false)),
            ("<thinking>a</thinking><think>b</think>c", ("ab", "c", false)),
            ("[THINK]a[/THINK]b", ("a", "b", false)),
            ("◁think▷ä◁/think▷ö", ("ä", "ö", false)),
            ("<seed:think>a</seed:think>b", ("a", "b", false)),
            // Only the closing tag: the template had opened it.
            ("so it is 4.\n</think>\n\n4", ("so it is 4.\n", "4", false)),
            ("so\n</think>Write </think> to end", ("so\n", "Write </think> to end", false)),
            ("<Think>a</THINK>b", ("a", "b", false)),
            ("<think >a</think >b", ("a", "b", false)),
            ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", ("a", "b", false)),
            (
                "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>",
                ("a<|end|><|start|>assistant", "b", false),
            ),
            ("<|channel|>final<|message|>b", ("", "b", false)),
            ("<think>a <think>b</think> c</think>Hi", ("a <think>b c", "Hi", false)),
            ("<think>I close <think> now</think>Hi", ("I close <think> now", "Hi", false)),
            // A closing tag that is mere content.
            (r#"{"n":1,"s":"ends with </think> tag"}"#, ("", r#"{"n":1,"s":"ends with </think> tag"}"#, false)),
            ("Use the tag `</think>` to end a thought.", ("", "Use the tag `</think>` to end a thought.", false)),
            ("```xml\n<a>\n</thinking>\n```\nok", ("", "```xml\n<a>\n</thinking>\n```\nok", false)),
            (
                "<doc><reasoning type=\"x\">abc</reasoning><answer>Hi</answer></doc>",
                ("", "<doc><reasoning type=\"x\">abc</reasoning><answer>Hi</answer></doc>", false),
            ),
            ("<doc><think type=\"x\">abc</think></doc>", ("", "<doc><think type=\"x\">abc</think></doc>", false)),
            ("It ends: </thought> so", ("", "It ends: </thought> so", false)),
            // It never closes.
            ("<think>on and on", ("on and on", "", true)),
            ("<think>a</think><think>b", ("ab", "", true)),
            ("<think>a</thinking>b", ("a</thinking>b", "", true)),
            // A tag later in a text is text.
            ("Use <think>x</think> so", ("", "Use <think>x</think> so", false)),
            ("<think>a</think>Use <think>x</think>", ("a", "Use <think>x</think>", false)),
            ("<thin", ("", "<thin", false)),
            ("<thinker>x", ("", "<thinker>x", false)),
            ("a </thin", ("", "a </thin", false)),
            ("", ("", "", false)),
        ];
        for (text, (thoughts, answer, is_open)) in table {
            assert_eq!(parted(text), (thoughts.to_owned(), answer.to_owned(), is_open), "{text:?}");
        }
    }
}
