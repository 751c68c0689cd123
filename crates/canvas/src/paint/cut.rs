//! Breaking and cutting texts to the room that they have; how wide a text is, only a renderer knows.
//! Must never cut where everything fits, and never in the middle of a letter.

/// The lines of the text, or as much of its beginning as fits with an ellipsis.
pub fn fitted(text: &str, most: u8, fits: impl Fn(&str) -> bool) -> Vec<String> {
    lines(text, most, fits).into_iter().map(|line| isolated(&line)).collect()
}

/// Breaks between words, and cuts the last line, or a word that is too long for one.
fn lines(text: &str, most: u8, fits: impl Fn(&str) -> bool) -> Vec<String> {
    if fits(text) {
        return vec![text.to_owned()];
    }
    let (mut lines, mut rest) = (Vec::new(), text);
    for _ in 1..most {
        let breaks = rest.char_indices().filter(|(_, c)| *c == ' ').map(|(at, _)| at);
        let Some(end) = breaks.take_while(|end| fits(&rest[..*end])).last().filter(|end| *end > 0) else { break };
        lines.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    lines.push(if fits(rest) { rest.to_owned() } else { cut(rest, fits) });
    lines
}

fn cut(text: &str, fits: impl Fn(&str) -> bool) -> String {
    let ends = ends(text);
    let with_ellipsis = |end: usize| format!("{}…", text[..end].trim_end());
    let n = ends.partition_point(|end| fits(&with_ellipsis(*end)));
    with_ellipsis(n.checked_sub(1).and_then(|n| ends.get(n)).copied().unwrap_or(0))
}

/// Where a text may be cut: before what is seen as a letter of its own, however many characters that is made of.
fn ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut is_joined, mut n_flag_letters) = (false, 0_u32);
    for (at, c) in text.char_indices() {
        // Two of these are a flag.
        let is_flag_letter = matches!(c, '\u{1F1E6}'..='\u{1F1FF}');
        let ends_flag = is_flag_letter && n_flag_letters % 2 == 1;
        if !(is_joined || goes_on(c) || ends_flag) {
            ends.push(at);
        }
        is_joined = c == JOINER;
        n_flag_letters = if is_flag_letter { n_flag_letters + 1 } else { 0 };
    }
    ends
}

/// Makes one picture of those before and behind it, as of a family.
const JOINER: char = '\u{200D}';

/// It belongs to the letter before it: an accent, a vowel sign, a colour of skin, another form of the same picture.
fn goes_on(c: char) -> bool {
    matches!(
        c,
        JOINER
            | '\u{300}'..='\u{36F}'
            | '\u{591}'..='\u{5BD}'
            | '\u{64B}'..='\u{65F}'
            | '\u{93A}'..='\u{93C}'
            | '\u{93E}'..='\u{94F}'
            | '\u{E31}'
            | '\u{E34}'..='\u{E3A}'
            | '\u{E47}'..='\u{E4E}'
            | '\u{1AB0}'..='\u{1AFF}'
            | '\u{1DC0}'..='\u{1DFF}'
            | '\u{20D0}'..='\u{20FF}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FE20}'..='\u{FE2F}'
            | '\u{1F3FB}'..='\u{1F3FF}'
            | '\u{E0020}'..='\u{E007F}'
            | '\u{E0100}'..='\u{E01EF}'
    )
}

/// A text that is written from right to left keeps its own direction: so its ellipsis stands where it was cut.
fn isolated(text: &str) -> String {
    if text.chars().any(is_right_to_left) { format!("\u{2068}{text}\u{2069}") } else { text.to_owned() }
}

fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFF}' | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}

#[cfg(test)]
mod tests {
    use super::{fitted, isolated};

    fn broken(text: &str, most: u8, letters: usize) -> Vec<String> {
        fitted(text, most, |part| part.chars().count() <= letters)
    }

    #[test]
    fn a_title_is_broken_between_words_and_cut_only_where_it_does_not_fit() {
        assert_eq!(broken("Summarise the text", 1, 20), ["Summarise the text"]);
        assert_eq!(broken("Summarise the text", 2, 10), ["Summarise", "the text"]);
        assert_eq!(broken("Summarise the long text", 2, 10), ["Summarise", "the long…"]);
        assert_eq!(broken("Summarise", 2, 5), ["Summ…"]);
        assert_eq!(broken("Summarise", 1, 0), ["…"]);
    }

    #[test]
    fn what_is_seen_as_one_letter_is_there_whole_or_not_at_all() {
        let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}";
        assert_eq!(broken(&format!("ab{family}cd"), 1, 6), ["ab…"]);
        assert_eq!(broken(&format!("ab{family}cd"), 1, 8), [format!("ab{family}…")]);
        let flags = "\u{1F1E9}\u{1F1EA}\u{1F1EB}\u{1F1F7}";
        assert_eq!(broken(&format!("x{flags}y"), 1, 5), ["x\u{1F1E9}\u{1F1EA}…"]);
        assert_eq!(broken("ne\u{301}wer", 1, 3), ["n…"]);
        assert_eq!(broken("\u{1F44D}\u{1F3FD}good", 1, 2), ["…"]);
        assert_eq!(broken("कार्यप्रवाह", 1, 4), ["का…"]);
    }

    #[test]
    fn a_text_from_right_to_left_keeps_its_direction_and_so_the_end_that_is_cut() {
        assert_eq!(isolated("Take"), "Take");
        assert_eq!(isolated("סיכום ה…"), "\u{2068}סיכום ה…\u{2069}");
    }
}
