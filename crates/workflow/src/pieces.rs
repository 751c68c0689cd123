//! A text that comes in pieces, each with its place: late, doubled, or with some missing, as where several processes each took a part of it.
//! Must never show two pieces as one that do not belong together.

use std::collections::BTreeMap;

/// What has come of a text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pieces {
    /// By the bytes of text before each. No two touch.
    pieces: BTreeMap<i64, String>,
    n_bytes: usize,
}

impl Pieces {
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Bytes that are there.
    pub fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    pub fn n_pieces(&self) -> usize {
        self.pieces.len()
    }

    /// Where what comes next belongs.
    pub fn end(&self) -> i64 {
        self.pieces.last_key_value().map_or(0, |(at, text)| end(*at, text))
    }

    /// Each piece with the bytes of text before it.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &str)> {
        self.pieces.iter().map(|(at, text)| (*at, text.as_str()))
    }

    pub fn pop_first(&mut self) -> Option<(i64, String)> {
        let (at, text) = self.pieces.pop_first()?;
        self.n_bytes -= text.len();
        Some((at, text))
    }

    fn remove(&mut self, at: i64) -> Option<String> {
        let text = self.pieces.remove(&at)?;
        self.n_bytes -= text.len();
        Some(text)
    }

    /// Adds what of a piece is not there yet. Where one of them does not end at a whole character of the other, they are not of one text,
    /// and the new one is passed over.
    pub fn add(&mut self, offset: i64, text: &str) {
        if text.is_empty() {
            return;
        }
        let (mut start, mut merged) = (offset, None);
        if let Some((&at, before)) = self.pieces.range(..=offset).next_back()
            && let Ok(known) = usize::try_from(end(at, before).saturating_sub(offset))
        {
            if known >= text.len() || !text.is_char_boundary(known) {
                return;
            }
            if let Some(mut before) = self.remove(at) {
                before.push_str(&text[known..]);
                (start, merged) = (at, Some(before));
            }
        }
        let mut merged = merged.unwrap_or_else(|| text.to_owned());
        while let Some((&at, _)) = self.pieces.range(start..=end(start, &merged)).next() {
            let known = usize::try_from(end(start, &merged).saturating_sub(at)).unwrap_or(0);
            if let Some(rest) = self.remove(at).as_deref().and_then(|after| after.get(known..)) {
                merged.push_str(rest);
            }
        }
        self.n_bytes += merged.len();
        self.pieces.insert(start, merged);
    }

    /// All of it, with a mark where something is missing.
    pub fn shown(&self) -> String {
        let mut shown = String::with_capacity(self.n_bytes());
        let mut at = 0;
        for (start, text) in self.iter() {
            if start > at {
                shown.push_str(" … ");
            }
            shown.push_str(text);
            at = end(start, text);
        }
        shown
    }
}

fn end(at: i64, text: &str) -> i64 {
    at.saturating_add(i64::try_from(text.len()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_one_text_in_whatever_order_they_come() {
        const TEXT: &str = "one two three föur five";
        let cuts = [0, 4, 8, 14, 17, 20, TEXT.len()];
        let parts: Vec<(usize, usize)> = cuts.windows(2).map(|cut| (cut[0], cut[1])).collect();
        for turn in 0..parts.len() {
            for reverse in [false, true] {
                let mut order = parts.clone();
                order.rotate_left(turn);
                if reverse {
                    order.reverse();
                }
                let mut pieces = Pieces::default();
                for (from, to) in order.iter().chain(&parts) {
                    pieces.add(i64::try_from(*from).unwrap(), &TEXT[*from..*to]);
                }
                assert_eq!(pieces.iter().collect::<Vec<_>>(), [(0, TEXT)], "{order:?}");
                assert_eq!(
                    (pieces.n_bytes(), pieces.pop_first(), pieces.n_bytes()),
                    (TEXT.len(), Some((0, TEXT.to_owned())), 0)
                );
            }
        }
    }

    #[test]
    fn what_overlaps_is_taken_once_and_what_is_missing_shows() {
        let mut pieces = Pieces::default();
        for (offset, text) in [(8, "three"), (8, "three four"), (4, "two three"), (30, "late"), (9, "h"), (5, "")] {
            pieces.add(offset, text);
        }
        assert_eq!(pieces.shown(), " … two three four … late");
        assert_eq!((pieces.end(), pieces.n_bytes()), (34, 18));
        pieces.add(0, "one two three four, five and twenty");
        assert_eq!(pieces.shown(), "one two three four, five and twenty");
    }

    #[test]
    fn what_is_cut_within_a_character_is_of_another_text() {
        let mut pieces = Pieces::default();
        pieces.add(0, "ä");
        pieces.add(1, "ü!");
        assert_eq!(pieces.shown(), "ä");
        pieces.add(i64::MAX, "x");
        pieces.add(-5, "y");
        assert_eq!(pieces.iter().count(), 3);
    }
}
