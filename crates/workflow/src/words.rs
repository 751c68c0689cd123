//! Numbers in words, and long names cut short: the same on every page, on the canvas and on the command line.
//! Must know no locale: the server and the browser print alike.

use std::borrow::Cow;

/// As many characters of a name as a message quotes: whoever chose the name must not choose how long the message is.
pub const QUOTED_CHARS: usize = 60;

/// A text of at most so many characters, and a sign that there was more.
pub fn shortened(text: &str, max_chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => Cow::Owned(format!("{}…", text[..end].trim_end())),
        None => Cow::Borrowed(text),
    }
}

/// Signs that show nothing and turn the direction of what stands behind them: a name has none where it stands among other words.
pub const fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// "1 step", "12,400 steps".
pub fn count(n: impl TryInto<i64>, noun: &str) -> String {
    let n = n.try_into().unwrap_or(i64::MAX);
    format!("{} {}", thousands(n), plural(n, noun))
}

/// "step" for one, "steps" for any other number.
pub fn plural(n: i64, noun: &str) -> String {
    if n == 1 { noun.to_owned() } else { format!("{noun}s") }
}

/// "12,400": a number that stands alone, of whatever sort.
pub fn number(n: impl TryInto<i64>) -> String {
    thousands(n.try_into().unwrap_or(i64::MAX))
}

/// "12,400".
pub fn thousands(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        grouped.push('−');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// "12 bytes", "1.2 KiB", "5.3 MiB".
pub fn size(bytes: impl TryInto<i64>) -> String {
    let bytes = bytes.try_into().unwrap_or(i64::MAX).max(0);
    let (unit, name) = match bytes {
        0..1_024 => return count(bytes, "byte"),
        1_024..1_048_576 => (1_024, "KiB"),
        _ => (1_048_576, "MiB"),
    };
    format!("{}.{} {name}", thousands(bytes / unit), bytes % unit * 10 / unit)
}

/// "840 ms", "2.4 s", "3 min 5 s", "2 h 14 min".
pub fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => lasting(ms),
    }
}

/// The same in whole seconds, for what goes on: "0 s", "3 min 5 s".
pub fn lasting(ms: i64) -> String {
    let ms = ms.max(0);
    let seconds = ms / 1000;
    match ms {
        0..60_000 => format!("{seconds} s"),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::{count, duration, lasting, shortened, size, thousands};

    #[test]
    fn durations_keep_two_units_at_most() {
        let all = [840, 2_449, 59_999, 185_000, 8_040_000, -5];
        assert_eq!(all.map(duration), ["840 ms", "2.4 s", "59 s", "3 min 5 s", "2 h 14 min", "0 ms"]);
        assert_eq!(all.map(lasting), ["0 s", "2 s", "59 s", "3 min 5 s", "2 h 14 min", "0 s"]);
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!([shortened("äöü", 3), shortened("äöüß", 3), shortened("", 0)], ["äöü", "äöü…", ""]);
    }

    #[test]
    fn sizes_have_one_digit_behind_the_point() {
        let all = [-1, 1, 1_005, 12_800, 5_242_880, 5_600_000, 3_000_000_000_i64].map(size);
        assert_eq!(all, ["0 bytes", "1 byte", "1,005 bytes", "12.5 KiB", "5.0 MiB", "5.3 MiB", "2,861.0 MiB"]);
    }

    #[test]
    fn numbers_are_grouped_and_have_units() {
        assert_eq!([0, 999, 12_400, -1_234_567].map(thousands), ["0", "999", "12,400", "−1,234,567"]);
        assert_eq!([count(1, "step"), count(2_000, "step")], ["1 step", "2,000 steps"]);
    }
}
