//! Numbers in words: the same on every page, on the canvas and on the command line.
//! Must know no locale: the server and the browser print alike.

/// "1 step", "12,400 steps".
pub fn count(n: impl TryInto<i64>, noun: &str) -> String {
    let n = n.try_into().unwrap_or(i64::MAX);
    format!("{} {}", thousands(n), plural(n, noun))
}

/// "step" for one, "steps" for any other number.
pub fn plural(n: i64, noun: &str) -> String {
    if n == 1 { noun.to_owned() } else { format!("{noun}s") }
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

#[cfg(test)]
mod tests {
    use super::{count, thousands};

    #[test]
    fn numbers_are_grouped_and_have_units() {
        assert_eq!([0, 999, 12_400, -1_234_567].map(thousands), ["0", "999", "12,400", "−1,234,567"]);
        assert_eq!([count(1, "step"), count(2_000, "step")], ["1 step", "2,000 steps"]);
    }
}
