//! Parts a model's thoughts from its answer while both stream in. A thought is a block that opens the answer; templates may have
//! written its opening tag already, so that only the closing one comes. A tag later in a text is text.

/// The tags that models put around their thoughts by themselves.
const TAGS: [(&str, &str); 8] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("◁think▷", "◁/think▷"),
];

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
    Thinking(&'static str),
    /// In the answer; `may_be_thought` until a closing tag or an opened block has decided it.
    Answer {
        may_be_thought: bool,
    },
}

#[derive(Debug, Default)]
pub(super) struct Thoughts {
    state: State,
    /// What cannot be told yet: the beginning of a tag, perhaps.
    held: String,
    has_thought: bool,
    /// The opening tags that the answer itself holds.
    saw_opening: bool,
    /// The last bytes of the answer, in which an opening tag may be under way.
    tail: String,
}

impl Thoughts {
    pub(super) fn push(&mut self, piece: &str) -> Vec<Part> {
        self.held.push_str(piece);
        let mut parts = Vec::new();
        while self.step(&mut parts) {}
        parts
    }

    /// What was held back, and whether the answer ended within a thought.
    pub(super) fn end(&mut self) -> (Vec<Part>, bool) {
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Thinking(_) => (vec![Part::Thought(held)], true),
            _ if held.is_empty() => (Vec::new(), false),
            _ => (vec![Part::Answer(held)], false),
        }
    }

    /// Whether there may be more to do.
    fn step(&mut self, parts: &mut Vec<Part>) -> bool {
        match self.state {
            State::Start => {
                let begin = self.held.trim_start();
                if let Some((opening, closing)) = TAGS.into_iter().find(|(opening, _)| begin.starts_with(opening)) {
                    self.held = begin[opening.len()..].to_owned();
                    self.has_thought = true;
                    self.state = State::Thinking(closing);
                    return true;
                }
                if begin.is_empty() || TAGS.into_iter().any(|(opening, _)| opening.starts_with(begin)) {
                    return false;
                }
                self.state = State::Answer { may_be_thought: !self.has_thought };
                true
            }
            State::Thinking(closing) => {
                if let Some(place) = self.held.find(closing) {
                    parts.push(Part::Thought(self.held[..place].to_owned()));
                    self.held.drain(..place + closing.len());
                    self.state = State::Start;
                    return true;
                }
                let kept = unfinished(&self.held, [closing].into_iter());
                let said: String = self.held.drain(..self.held.len() - kept).collect();
                if !said.is_empty() {
                    parts.push(Part::Thought(said));
                }
                false
            }
            State::Answer { may_be_thought: false } => {
                if !self.held.is_empty() {
                    parts.push(Part::Answer(std::mem::take(&mut self.held)));
                }
                false
            }
            State::Answer { may_be_thought: true } => {
                let closings = TAGS.into_iter().map(|(_, closing)| closing);
                let found = closings.clone().filter_map(|closing| Some((self.held.find(closing)?, closing))).min();
                if let Some((place, closing)) = found {
                    let before: String = self.held.drain(..place).collect();
                    self.note_openings(&before);
                    self.state = State::Answer { may_be_thought: false };
                    if self.saw_opening {
                        parts.push(Part::Answer(before));
                    } else {
                        self.held.drain(..closing.len());
                        self.has_thought = true;
                        self.state = State::Start;
                        parts.extend([Part::Answer(before), Part::WasThought]);
                    }
                    return true;
                }
                let kept = unfinished(&self.held, closings);
                let said: String = self.held.drain(..self.held.len() - kept).collect();
                if !said.is_empty() {
                    self.note_openings(&said);
                    parts.push(Part::Answer(said));
                }
                false
            }
        }
    }

    fn note_openings(&mut self, said: &str) {
        const LONGEST: usize = 32;
        self.tail.push_str(said);
        self.saw_opening |= TAGS.into_iter().any(|(opening, _)| self.tail.contains(opening));
        let mut from = self.tail.len().saturating_sub(LONGEST);
        while !self.tail.is_char_boundary(from) {
            from += 1;
        }
        self.tail.drain(..from);
    }
}

/// How many bytes at the end may be the beginning of a tag.
fn unfinished(text: &str, tags: impl Iterator<Item = &'static str>) -> usize {
    tags.filter_map(|tag| {
        let lengths = (1..tag.len()).rev().filter(|length| tag.is_char_boundary(*length));
        lengths.into_iter().find(|length| text.ends_with(&tag[..*length]))
    })
    .max()
    .unwrap_or(0)
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
