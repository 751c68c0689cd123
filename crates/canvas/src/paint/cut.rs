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
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let with_ellipsis = |end: usize| format!("{}…", text[..end].trim_end());
    let n = ends.partition_point(|end| fits(&with_ellipsis(*end)));
    with_ellipsis(n.checked_sub(1).and_then(|n| ends.get(n)).copied().unwrap_or(0))
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
    fn a_text_from_right_to_left_keeps_its_direction_and_so_the_end_that_is_cut() {
        assert_eq!(isolated("Take"), "Take");
        assert_eq!(isolated("סיכום ה…"), "\u{2068}סיכום ה…\u{2069}");
    }
}
