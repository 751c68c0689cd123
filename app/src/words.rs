//! Numbers in words: the same on every page and on both sides.
//! Must know no locale: the server and the browser print alike.

use workflow::words::is_direction;
pub use workflow::words::{count, number, size, thousands};

/// "1 person", "12,400 people".
pub fn people(n: impl TryInto<i64>) -> String {
    let n = n.try_into().unwrap_or(i64::MAX);
    format!("{} {}", thousands(n), if n == 1 { "person" } else { "people" })
}

/// "12,400 tokens", "about 33 tokens" where the provider did not say how many.
pub fn tokens(n: i64, is_estimated: bool) -> String {
    format!("{}{}", about(is_estimated), count(n, "token"))
}

/// What stands before a number that is a guess.
pub fn about(is_estimated: bool) -> &'static str {
    if is_estimated { "about " } else { "" }
}

/// Millionths of money as a number, with at least two and at most six digits behind the point.
pub fn money(micros: i64) -> String {
    let sign = if micros < 0 { "−" } else { "" };
    let micros = micros.unsigned_abs();
    let mut fraction = format!("{:06}", micros % 1_000_000);
    while fraction.len() > 2 && fraction.ends_with('0') {
        fraction.pop();
    }
    format!("{sign}{}.{fraction}", thousands(i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX)))
}

/// A name within a sentence that is one text: signs of direction in it turn nothing around that stands behind it.
pub fn isolated(name: &str) -> String {
    let plain: String = name.chars().filter(|c| !is_direction(*c)).collect();
    format!("\u{2068}{plain}\u{2069}")
}

/// "a", "a and b", "a, b and 3 more".
pub fn list(names: &[String], most: usize) -> String {
    let n_more = names.len().saturating_sub(most);
    let mut parts: Vec<String> = names.iter().take(most).cloned().collect();
    if n_more > 0 {
        parts.push(format!("{} more", number(n_more)));
    }
    match parts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{isolated, list, money, number, people, tokens};

    #[test]
    fn numbers_have_their_thousands_apart_and_people_are_not_persons() {
        assert_eq!(number(12_400_usize), "12,400");
        assert_eq!([0, 1, 1_005].map(people), ["0 people", "1 person", "1,005 people"]);
    }

    #[test]
    fn a_name_turns_nothing_behind_it() {
        assert_eq!(isolated("a\u{202E}b\u{2069}\u{2067}c"), "\u{2068}abc\u{2069}");
    }

    #[test]
    fn a_guess_is_not_shown_as_a_count() {
        assert_eq!(
            [tokens(33, true), tokens(33, false), tokens(1, false)],
            ["about 33 tokens", "33 tokens", "1 token"]
        );
    }

    #[test]
    fn money_has_at_least_two_digits_behind_the_point() {
        assert_eq!([0, 12_300, 1_500_000, 7].map(money), ["0.00", "0.0123", "1.50", "0.000007"]);
    }

    #[test]
    fn names_are_listed_up_to_a_number() {
        let names = ["a", "b", "c", "d"].map(String::from);
        assert_eq!([1, 2, 4].map(|n| list(&names[..n], 3)), ["a", "a and b", "a, b, c and 1 more"]);
    }
}
