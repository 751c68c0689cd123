//! Texts as the words that are looked for in them: small letters without accents, so that nobody has to type as it is written. What is
//! written without blanks is cut into pairs of letters.
//! Must cut what is looked for as it cuts what is searched: else nothing is found.

use std::{collections::BTreeSet, fmt::Write as _};

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Letters of one word; what is beyond is another word.
const MOST_LETTERS: usize = 40;

/// A piece of a text: a word, or letters of a script that is written without blanks.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Word(String),
    Letters(Vec<char>),
}

/// Adds the words of a text, until they are `most_bytes` together.
pub(super) fn add(text: &str, words: &mut BTreeSet<String>, n_bytes: &mut usize, most_bytes: usize) {
    let mut keep = |word: String| {
        if *n_bytes < most_bytes {
            let size = word.len();
            if words.insert(word) {
                // With what the database keeps beside each.
                *n_bytes += size + 4;
            }
        }
    };
    pieces(text, |piece| match piece {
        Piece::Word(word) => keep(word),
        Piece::Letters(letters) => {
            letters.windows(2).for_each(|pair| keep(pair.iter().collect()));
            // It begins no pair.
            if let Some(last) = letters.last() {
                keep(last.to_string());
            }
        }
    });
}

/// What is looked for, as the database asks for it: all words, each at least begun. None where there are none.
pub(super) fn query(search: &str) -> Option<String> {
    let mut query = String::new();
    let mut want = |word: &str, is_begun: bool| {
        let and = if query.is_empty() { "" } else { " & " };
        let begun = if is_begun { ":*" } else { "" };
        // Words are of letters and digits alone, so there is nothing to escape; and writing to a text cannot fail.
        let _infallible = write!(query, "{and}'{word}'{begun}");
    };
    pieces(search, |piece| match piece {
        Piece::Word(word) => want(&word, true),
        Piece::Letters(letters) if letters.len() == 1 => want(&letters[0].to_string(), true),
        Piece::Letters(letters) => {
            letters.windows(2).for_each(|pair| want(&pair.iter().collect::<String>(), false));
        }
    });
    (!query.is_empty()).then_some(query)
}

fn pieces(text: &str, mut take: impl FnMut(Piece)) {
    let mut word = String::new();
    let mut n_letters = 0;
    let mut letters = Vec::new();
    // The blank at the end ends the last one.
    let folded = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    for c in folded.chain(std::iter::once(' ')) {
        let is_unspaced = is_unspaced(c);
        let is_of_word = c.is_alphanumeric() && !is_unspaced;
        if !is_unspaced && !letters.is_empty() {
            take(Piece::Letters(std::mem::take(&mut letters)));
        }
        if (!is_of_word || n_letters == MOST_LETTERS) && !word.is_empty() {
            take(Piece::Word(std::mem::take(&mut word)));
            n_letters = 0;
        }
        if is_unspaced {
            letters.push(c);
        } else if is_of_word {
            word.push(c);
            n_letters += 1;
        }
    }
}

/// Han, kana, Thai, Lao, Myanmar and Khmer.
fn is_unspaced(c: char) -> bool {
    c.is_alphanumeric()
        && matches!(c,
            '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let (mut words, mut n_bytes) = (BTreeSet::new(), 0);
        add(text, &mut words, &mut n_bytes, 1_000);
        words.into_iter().collect()
    }

    #[test]
    fn words_are_small_letters_without_accents() {
        assert_eq!(words("Überraschung, l'Été 2026!"), ["2026", "ete", "l", "uberraschung"]);
        assert_eq!(query("ÉTÉ 50%").as_deref(), Some("'ete':* & '50':*"));
        assert_eq!(words("مايو 🌧️"), ["مايو"]);
    }

    #[test]
    fn what_has_no_blanks_is_found_by_its_pairs() {
        assert_eq!(words("雨が降る。x"), ["x", "か降", "る", "降る", "雨か"]);
        assert_eq!(query("降る").as_deref(), Some("'降る'"));
        assert_eq!(query("雨").as_deref(), Some("'雨':*"));
        assert_eq!(query("雨が降る x").as_deref(), Some("'雨か' & 'か降' & '降る' & 'x':*"));
    }

    #[test]
    fn nothing_of_what_is_typed_is_an_operator_and_all_is_bounded() {
        assert_eq!(query("a' | !b & \\ :* <-> \0"), Some("'a':* & 'b':*".into()));
        assert_eq!(query(" '' %_ "), None);
        assert!(words(&"x".repeat(1_000)).iter().all(|word| word.chars().count() <= MOST_LETTERS));
        let (mut words, mut n_bytes) = (BTreeSet::new(), 0);
        let text = (0..10_000).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ");
        add(&text, &mut words, &mut n_bytes, 500);
        assert!((500..550).contains(&n_bytes), "{n_bytes}");
    }
}
