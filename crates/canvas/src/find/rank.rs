//! How well a text fits what is typed: equal, at its beginning, at the beginning of a word, inside of one, or only its letters in this order.
//! The same letters over the same texts always come out in the same order.

use std::ops::Range;

/// No more of a text is looked at, so that a long one costs little.
const MOST_CHARS: usize = 256;
/// So many letters are looked for.
const MOST_TYPED: usize = 64;
/// What a letter costs that begins a word, and one in the middle of one.
const AT_WORD: u32 = 1;
const ASIDE: u32 = 4;

/// The best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fit {
    Exact,
    Prefix,
    WordStart,
    Inside,
    Fuzzy,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub fit: Fit,
    /// Among equals the cheaper one is meant.
    pub cost: u32,
    /// The bytes that were found, in order; for a mark.
    pub letters: Vec<Range<usize>>,
}

/// A letter as it is compared, and the bytes it comes from.
struct Letter {
    folded: char,
    bytes: Range<usize>,
    begins_word: bool,
}

fn letters(text: &str) -> Vec<Letter> {
    let mut letters = Vec::new();
    let mut before = None::<char>;
    for (at, char) in text.char_indices().take(MOST_CHARS) {
        let begins_word = char.is_alphanumeric()
            && before.is_none_or(|before| !before.is_alphanumeric() || (before.is_lowercase() && char.is_uppercase()));
        let bytes = at..at + char.len_utf8();
        let folded = char.to_lowercase();
        letters.extend(folded.map(|folded| Letter { folded, bytes: bytes.clone(), begins_word }));
        before = Some(char);
    }
    letters
}

fn folded(typed: &str) -> Vec<char> {
    typed.trim().chars().take(MOST_TYPED).flat_map(char::to_lowercase).collect()
}

/// Whether one of the texts is meant by what is typed: for a list that keeps its own order, in which scattered letters would find too much.
/// Nothing typed means everything.
pub fn is_meant<'a>(typed: &str, texts: impl IntoIterator<Item = &'a str>) -> bool {
    let typed = folded(typed);
    typed.is_empty()
        || texts.into_iter().any(|text| {
            let letters = letters(text);
            as_it_stands(&typed, &letters).or_else(|| by_words(&typed, &letters)).is_some()
        })
}

/// Whether, and how well, the text fits what is typed. Nothing typed fits everything.
pub fn fit(typed: &str, text: &str) -> Option<Found> {
    let typed = folded(typed);
    if typed.is_empty() {
        return Some(Found { fit: Fit::Fuzzy, cost: 0, letters: Vec::new() });
    }
    let letters = letters(text);
    as_it_stands(&typed, &letters).or_else(|| by_words(&typed, &letters)).or_else(|| scattered(&typed, &letters))
}

fn found(fit: Fit, cost: usize, letters: &[Letter], at: impl IntoIterator<Item = usize>) -> Found {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for bytes in at.into_iter().filter_map(|at| letters.get(at)).map(|letter| letter.bytes.clone()) {
        match ranges.last_mut() {
            // One letter may be compared as two.
            Some(last) if last.end >= bytes.start => last.end = last.end.max(bytes.end),
            _ => ranges.push(bytes),
        }
    }
    Found { fit, cost: u32::try_from(cost).unwrap_or(u32::MAX), letters: ranges }
}

fn is_at(typed: &[char], letters: &[Letter], at: usize) -> bool {
    letters
        .get(at..at + typed.len())
        .is_some_and(|part| part.iter().zip(typed).all(|(letter, typed)| letter.folded == *typed))
}

/// All of it in one piece; where a word begins rather than inside of one.
fn as_it_stands(typed: &[char], letters: &[Letter]) -> Option<Found> {
    let places = || (0..letters.len()).filter(|at| is_at(typed, letters, *at));
    let at = places().find(|at| letters[*at].begins_word).or_else(|| places().next())?;
    let fit = match at {
        0 if typed.len() == letters.len() => Fit::Exact,
        0 => Fit::Prefix,
        _ if letters[at].begins_word => Fit::WordStart,
        _ => Fit::Inside,
    };
    Some(found(fit, at, letters, at..at + typed.len()))
}

/// Each word that is typed begins one of the text, in whatever order.
fn by_words(typed: &[char], letters: &[Letter]) -> Option<Found> {
    let mut taken = vec![false; letters.len()];
    let words: Vec<&[char]> = typed.split(|char| char.is_whitespace()).filter(|word| !word.is_empty()).collect();
    if words.len() < 2 {
        return None;
    }
    for word in &words {
        let at = (0..letters.len()).find(|at| letters[*at].begins_word && !taken[*at] && is_at(word, letters, *at))?;
        taken[at..at + word.len()].fill(true);
    }
    let at: Vec<usize> = (0..taken.len()).filter(|at| taken[*at]).collect();
    Some(found(Fit::WordStart, letters.len(), letters, at))
}

/// The letters in this order, with others between them: as few pieces as possible, which begin words if possible.
fn scattered(typed: &[char], letters: &[Letter]) -> Option<Found> {
    let typed: Vec<char> = typed.iter().copied().filter(|char| !char.is_whitespace()).collect();
    // By letter of the text: the least cost of what is typed so far with its last letter there.
    let mut costs: Vec<Option<u32>> = vec![None; letters.len()];
    let mut from: Vec<Vec<usize>> = Vec::with_capacity(typed.len());
    for (n, wanted) in typed.iter().enumerate() {
        let mut next = vec![None; letters.len()];
        let mut came_from = vec![0; letters.len()];
        // The cheapest that ends somewhere before the letter before.
        let mut apart: Option<(u32, usize)> = None;
        for (at, letter) in letters.iter().enumerate() {
            if at >= 2
                && let Some(cost) = costs[at - 2]
                && apart.is_none_or(|(least, _)| cost < least)
            {
                apart = Some((cost, at - 2));
            }
            if letter.folded != *wanted {
                continue;
            }
            let jump = if letter.begins_word { AT_WORD } else { ASIDE };
            let beside = at.checked_sub(1).and_then(|before| Some((costs[before]?, before)));
            let best = if n == 0 {
                Some((jump, at))
            } else {
                let jumped = apart.map(|(cost, before)| (cost + jump, before));
                beside.into_iter().chain(jumped).min()
            };
            if let Some((cost, before)) = best {
                (next[at], came_from[at]) = (Some(cost), before);
            }
        }
        costs = next;
        from.push(came_from);
    }
    let (cost, last) = costs.iter().enumerate().filter_map(|(at, cost)| Some(((*cost)?, at))).min()?;
    let mut at = vec![last; typed.len()];
    for n in (1..typed.len()).rev() {
        at[n - 1] = from[n][at[n]];
    }
    Some(found(Fit::Fuzzy, usize::try_from(cost).unwrap_or(usize::MAX), letters, at))
}

/// The best of many, the best first: by their names, else by other words that they are known by, which are not marked.
/// Among equals the shorter name is meant, and then the one that stood first.
pub fn best<'a, T>(
    typed: &str,
    items: &'a [T],
    name: impl Fn(&T) -> &str,
    also: impl Fn(&T) -> &str,
    most: usize,
) -> Vec<(&'a T, Found)> {
    let mut ranked: Vec<_> = items
        .iter()
        .enumerate()
        .filter_map(|(place, item)| {
            let by_name = fit(typed, name(item)).map(|found| (found, false));
            let by_others = || {
                let found = fit(typed, also(item)).filter(|found| found.fit < Fit::Fuzzy)?;
                Some((Found { letters: Vec::new(), ..found }, true))
            };
            let (found, is_other) = match by_name {
                // Scattered letters of a name say less than a whole word elsewhere.
                Some((found, _)) if found.fit == Fit::Fuzzy => by_others().unwrap_or((found, false)),
                Some(by_name) => by_name,
                None => by_others()?,
            };
            let rank = (found.fit, is_other, found.cost, name(item).len(), place);
            Some((rank, item, found))
        })
        .collect();
    ranked.sort_by_key(|(rank, ..)| *rank);
    ranked.into_iter().take(most).map(|(_, item, found)| (item, found)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marked(typed: &str, text: &str) -> Option<(Fit, String)> {
        let found = fit(typed, text)?;
        let mut marked = String::new();
        let mut end = 0;
        for letters in found.letters {
            marked.push_str(&text[end..letters.start]);
            marked = format!("{marked}[{}]", &text[letters.clone()]);
            end = letters.end;
        }
        Some((found.fit, marked + &text[end..]))
    }

    #[test]
    fn a_text_fits_as_well_as_it_begins_with_what_is_typed() {
        for (typed, text, expected) in [
            ("join both", "Join both", Some((Fit::Exact, "[Join both]"))),
            (" JOIN ", "Join both", Some((Fit::Prefix, "[Join] both"))),
            ("both", "Join both", Some((Fit::WordStart, "Join [both]"))),
            ("bo jo", "Join both", Some((Fit::WordStart, "[Jo]in [bo]th"))),
            ("text", "cleanText", Some((Fit::WordStart, "clean[Text]"))),
            ("oth", "Join both", Some((Fit::Inside, "Join b[oth]"))),
            ("jb", "Join both", Some((Fit::Fuzzy, "[J]oin [b]oth"))),
            ("wes", "Write each section", Some((Fit::Fuzzy, "[W]rite [e]ach [s]ection"))),
            ("straße", "Die STRASSE", None),
            ("é", "Café", Some((Fit::Inside, "Caf[é]"))),
            ("ibb", "Join both", None),
            ("", "Join both", Some((Fit::Fuzzy, "Join both"))),
        ] {
            let expected = expected.map(|(fit, text)| (fit, text.to_owned()));
            assert_eq!(marked(typed, text), expected, "{typed:?} in {text:?}");
        }
    }

    #[test]
    fn a_list_in_its_own_order_leaves_out_what_only_has_the_letters() {
        let items = ["Join both", "jot", "Count letters"];
        let meant = |typed: &str| items.iter().filter(|item| is_meant(typed, [**item])).copied().collect::<Vec<_>>();
        assert_eq!(meant(" "), items);
        assert_eq!(meant("JO"), ["Join both", "jot"]);
        assert_eq!(meant("bo jo"), ["Join both"]);
        assert_eq!(meant("jb"), [""; 0]);
        assert!(is_meant("writer", ["Draft", "writer"]));
    }

    #[test]
    fn the_best_come_first_and_other_words_find_as_well() {
        let items = [
            ("Draft the plan", "draft_1 writer"),
            ("Plan", "plan"),
            ("Planning", "planning"),
            ("Explanation", "x"),
            ("Pull a lane", "n"),
            ("Anything", "plan_2"),
            ("Nothing", "nothing"),
        ];
        let names = |typed: &str, most| -> Vec<&str> {
            best(typed, &items, |item| item.0, |item| item.1, most).into_iter().map(|(item, _)| item.0).collect()
        };
        let expected = ["Plan", "Planning", "Anything", "Draft the plan", "Explanation", "Pull a lane"];
        assert_eq!(names("plan", 9), expected);
        assert_eq!(names("plan", 2), expected[..2]);
        assert_eq!(names("", 3), ["Plan", "Nothing", "Planning"]);
    }

    #[test]
    fn a_thousand_long_names_are_ranked() {
        let items: Vec<String> = (0..1_000).map(|n| format!("{} step {n}", "aspect ".repeat(25))).collect();
        assert_eq!(best("aaaaaaaaaaaasp", &items, |item| item, |_| "", 5).len(), 5);
    }

    proptest! {
        #[test]
        fn what_is_marked_is_what_was_typed(typed in "[a-cA-C ]{0,5}", text in "[a-cA-CéİßÄ _-]{0,20}") {
            if let Some(found) = fit(&typed, &text) {
                let lower = |text: &str| text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect::<Vec<_>>();
                let mut letters: Vec<char> = found.letters.iter().flat_map(|range| lower(&text[range.clone()])).collect();
                let mut wanted = lower(&typed);
                if found.fit == Fit::WordStart {
                    letters.sort_unstable();
                    wanted.sort_unstable();
                }
                prop_assert_eq!(letters, wanted);
            }
        }

        #[test]
        fn every_part_of_a_text_finds_it(text in "\\PC{1,40}", from in 0_usize..40, n in 1_usize..10) {
            let part: String = text.chars().skip(from).take(n).collect();
            prop_assert!(fit(&part, &text).is_some(), "{:?} in {:?}", part, text);
        }
    }
}
