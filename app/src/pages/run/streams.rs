//! The texts that attempts write, as far as they have come. Pieces may be lost, doubled or late, and the artifact replaces them:
//! a gap must show.

use std::collections::BTreeMap;

use workflow::{StepKey, api::Delta, pieces::Pieces};

/// By step and attempt.
#[derive(Clone, PartialEq, Debug, Default)]
pub(in crate::pages) struct Streams(BTreeMap<(StepKey, i32), Stream>);

#[derive(Clone, PartialEq, Debug, Default)]
struct Stream {
    pieces: Pieces,
    /// What they are as one text.
    shown: String,
}

impl Streams {
    pub(super) fn text(&self, step: &StepKey, attempt: i32) -> Option<&str> {
        self.0.get(&(step.clone(), attempt)).map(|stream| stream.shown.as_str())
    }

    pub(super) fn forget(&mut self, step: &StepKey, attempt: i32) {
        self.0.remove(&(step.clone(), attempt));
    }

    pub(super) fn add(&mut self, delta: &Delta) {
        let stream = self.0.entry((delta.step.clone(), delta.attempt)).or_default();
        let is_next = delta.offset == stream.pieces.end();
        stream.pieces.add(delta.offset, &delta.text);
        if is_next {
            // As nearly all are: what is there is not written anew.
            stream.shown.push_str(&delta.text);
        } else {
            stream.shown = stream.pieces.shown();
        }
    }
}

#[cfg(test)]
mod tests {
    use workflow::RunId;

    use super::*;

    fn piece(offset: i64, text: &str) -> Delta {
        Delta { run: RunId(uuid::Uuid::nil()), step: "a".into(), attempt: 1, offset, text: text.into() }
    }

    #[test]
    fn a_repeated_piece_is_ignored_and_a_lost_one_is_marked() {
        let mut streams = Streams::default();
        for delta in [piece(0, "one "), piece(0, "one "), piece(4, "two "), piece(12, "four")] {
            streams.add(&delta);
        }
        assert_eq!(streams.text(&"a".into(), 1), Some("one two  … four"));
        for delta in [piece(0, "one two "), piece(8, "and four"), piece(0, "one two ")] {
            streams.add(&delta);
        }
        assert_eq!(streams.text(&"a".into(), 1), Some("one two and four"), "sent again, it is whole");
        streams.add(&piece(16, "teen"));
        assert_eq!(streams.text(&"a".into(), 1), Some("one two and fourteen"));
    }
}
