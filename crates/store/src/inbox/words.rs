//! What is searched for: words, each of which has to be somewhere in a row.
//! Must never be a pattern of whoever typed it: what means something to LIKE is taken for itself.

/// Letters and words of one search; what is beyond is not looked for.
const MOST_CHARS: usize = 200;
const MOST_WORDS: usize = 10;

/// The words; none where nothing is searched for.
pub(crate) fn words(text: Option<&str>) -> Vec<String> {
    // Postgres holds no NUL, so no row has one.
    let text: String = text.unwrap_or_default().chars().filter(|char| *char != '\0').take(MOST_CHARS).collect();
    text.split_whitespace().take(MOST_WORDS).map(str::to_owned).collect()
}

/// Each of them as a pattern.
pub(crate) fn patterns(text: Option<&str>) -> Vec<String> {
    words(text).iter().map(|word| pattern(word)).collect()
}

pub(crate) fn pattern(word: &str) -> String {
    let mut pattern = String::with_capacity(word.len() + 2);
    pattern.push('%');
    for char in word.chars() {
        if matches!(char, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(char);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_no_pattern_and_is_bounded() {
        assert_eq!(patterns(Some(" Rain  50%_\\ ")), ["%Rain%", "%50\\%\\_\\\\%"]);
        assert!(patterns(None).is_empty() && patterns(Some(" \0 \n")).is_empty());
        assert_eq!(patterns(Some(&"w ".repeat(40))).len(), MOST_WORDS);
        assert_eq!(patterns(Some(&"é".repeat(500))), [format!("%{}%", "é".repeat(MOST_CHARS))]);
    }
}
