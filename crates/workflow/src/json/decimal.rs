//! Numbers by their decimal digits: one form for each value, an order, and whether it is whole.
//! Costs the length of the text, never the size of the exponent: 1e999999999 is written by anybody.

use std::{cmp::Ordering, fmt};

use serde_json::Number;

/// Zeros that a whole number is written with rather than an exponent.
const MAX_ZEROS: i64 = 40;

/// Where a rounded number goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    /// To the nearest, and halves to an even digit.
    Half,
    Up,
    Down,
}

/// The value 0.DIGITS x 10^point. Digits neither begin nor end with 0; zero has none, and no sign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decimal {
    is_negative: bool,
    digits: String,
    point: i64,
}

impl Decimal {
    pub fn of(number: &Number) -> Self {
        Self::of_digits(number.as_str())
    }

    /// The value of a text that is a JSON number.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<Number>().ok().map(|number| Self::of(&number))
    }

    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    fn of_digits(text: &str) -> Self {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let digits = all.trim_start_matches('0');
        let n_leading = i64::try_from(all.len() - digits.len()).unwrap_or(i64::MAX);
        let digits = digits.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Self { is_negative: false, digits, point: 0 };
        }
        let n_whole = i64::try_from(whole.len()).unwrap_or(i64::MAX);
        let point = exponent_of(exponent).saturating_add(n_whole).saturating_sub(n_leading);
        Self { is_negative, digits, point }
    }

    fn n_digits(&self) -> i64 {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX)
    }

    pub fn is_whole(&self) -> bool {
        self.point >= self.n_digits() || self.is_zero()
    }

    /// Whether this is a whole number that 2 divides.
    pub fn is_even(&self) -> bool {
        let last = self.digits.as_bytes().last().copied().unwrap_or(b'0');
        self.is_whole() && (self.point > self.n_digits() || last.is_ascii_digit() && (last - b'0').is_multiple_of(2))
    }

    /// Without its fraction.
    #[must_use]
    pub fn truncated(&self) -> Self {
        self.kept(self.point)
    }

    /// With so many digits behind the point (before it, if negative), and up or down by what is left out: halves to an even digit.
    #[must_use]
    pub fn rounded(&self, n_places: i64, rounding: Rounding) -> Self {
        let n_kept = self.point.saturating_add(n_places);
        if n_kept >= self.n_digits() {
            return self.clone();
        }
        let kept = self.kept(n_kept);
        let is_away = match rounding {
            Rounding::Down => self.is_negative,
            Rounding::Up => !self.is_negative,
            Rounding::Half => {
                let at = usize::try_from(n_kept).ok();
                let rest = at.and_then(|at| self.digits.get(at..)).unwrap_or_default();
                let last = at.and_then(|at| self.digits.as_bytes().get(at.checked_sub(1)?)).copied().unwrap_or(b'0');
                rest > "5" || rest == "5" && !(last - b'0').is_multiple_of(2)
            }
        };
        if is_away { kept.plus_one_at(n_places, self.is_negative) } else { kept }
    }

    /// The first so many digits.
    fn kept(&self, n_kept: i64) -> Self {
        let n_kept = usize::try_from(n_kept).unwrap_or_default();
        let digits = self.digits.get(..n_kept).unwrap_or(&self.digits).trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Self { is_negative: false, digits, point: 0 };
        }
        Self { is_negative: self.is_negative, digits, point: self.point }
    }

    /// One more, away from zero, at the last of so many places; this has no digits behind it.
    fn plus_one_at(&self, n_places: i64, is_negative: bool) -> Self {
        if self.is_zero() {
            return Self { is_negative, digits: "1".to_owned(), point: 1_i64.saturating_sub(n_places) };
        }
        let n_wanted = usize::try_from(self.point.saturating_add(n_places)).unwrap_or_default();
        let mut digits = format!("{:0<n_wanted$}", self.digits).into_bytes();
        let n_nines = digits.iter().rev().take_while(|digit| **digit == b'9').count();
        digits.truncate(digits.len() - n_nines);
        let mut point = self.point;
        if let Some(last) = digits.last_mut() {
            *last += 1;
        } else {
            digits.push(b'1');
            point = point.saturating_add(1);
        }
        let digits = String::from_utf8(digits).unwrap_or_default();
        Self { is_negative, digits, point }
    }

    /// What is left when this is divided by a whole number, if this is one too.
    pub fn remainder(&self, by: u64) -> Option<u64> {
        let by = u128::from(by);
        if !self.is_whole() || by == 0 {
            return None;
        }
        let left = self.digits.bytes().fold(0, |left, digit| (left * 10 + u128::from(digit - b'0')) % by);
        let (mut left, mut power, mut zeros) = (left, 10 % by, self.point.saturating_sub(self.n_digits()).max(0));
        while zeros > 0 {
            if zeros % 2 == 1 {
                left = left * power % by;
            }
            power = power * power % by;
            zeros /= 2;
        }
        u64::try_from(left).ok()
    }

    fn compare_size(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

/// Beyond what 64 bits hold all exponents are one, which nobody can tell from the value.
fn exponent_of(text: &str) -> i64 {
    text.strip_prefix('+').unwrap_or(text).parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX })
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, false) => self.compare_size(other),
            (true, true) => other.compare_size(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

/// The canonical text.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&canonical(self.clone()))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Whether the number has no fraction: 1.0 and 1e2 are whole.
pub fn is_whole(number: &Number) -> bool {
    Decimal::of(number).is_whole()
}

/// The one text of a number's value: 1.10, 11e-1 and 1.1 are `1.1`, -0 is `0`, 1e2 is `100`.
pub fn canonical_number(number: &Number) -> String {
    canonical(Decimal::of(number))
}

fn canonical(Decimal { is_negative, digits, point }: Decimal) -> String {
    let sign = if is_negative { "-" } else { "" };
    let zeros = |n: i64| "0".repeat(usize::try_from(n).unwrap_or_default());
    let n_digits = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    if digits.is_empty() {
        "0".to_owned()
    } else if point >= n_digits && point - n_digits <= MAX_ZEROS {
        format!("{sign}{digits}{}", zeros(point - n_digits))
    } else if (1..n_digits).contains(&point) {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
        format!("{sign}{whole}.{fraction}")
    } else if (-6..=0).contains(&point) {
        format!("{sign}0.{}{digits}", zeros(-point))
    } else {
        let (first, others) = digits.split_at(1);
        let dot = if others.is_empty() { "" } else { "." };
        format!("{sign}{first}{dot}{others}e{}", point.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_text() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.00e7", "0"),
            ("1", "1"),
            ("1.10", "1.1"),
            ("11e-1", "1.1"),
            ("1e2", "100"),
            ("1E+2", "100"),
            ("-1.50", "-1.5"),
            ("0.001", "0.001"),
            ("1e-3", "0.001"),
            ("100000000000000000001", "100000000000000000001"),
            ("12345678901234567.89", "12345678901234567.89"),
            ("1E400", "1e400"),
            ("-12.5e399", "-1.25e400"),
            ("1e-400", "1e-400"),
            ("1e999999999", "1e999999999"),
            ("1e99999999999999999999", "1e9223372036854775806"),
        ] {
            let number: Number = text.parse().unwrap();
            assert_eq!(canonical_number(&number), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_has_no_value() {
        for text in ["", "-", "x", "1.x", "1e", ".", "01", "1 ", "+1", "NaN"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(Decimal::parse("1.10"), Decimal::parse("11e-1"));
        assert!(Decimal::parse("-0.0e9").unwrap().is_zero());
    }

    #[test]
    fn a_number_is_rounded_by_its_digits() {
        let parse = |text: &str| Decimal::parse(text).unwrap();
        for (text, n_places, half, up, down) in [
            ("12345678901234567.89", 1, "12345678901234567.9", "12345678901234567.9", "12345678901234567.8"),
            ("12345678901234567.89", 0, "12345678901234568", "12345678901234568", "12345678901234567"),
            ("12345678901234567.89", -3, "12345678901235000", "12345678901235000", "12345678901234000"),
            ("-1.25", 1, "-1.2", "-1.2", "-1.3"),
            ("1.35", 1, "1.4", "1.4", "1.3"),
            ("999.96", 1, "1000", "1000", "999.9"),
            ("0.5", 0, "0", "1", "0"),
            ("0.51", 0, "1", "1", "0"),
            ("-0.51", 0, "-1", "0", "-1"),
            ("0.002", 1, "0", "0.1", "0"),
            ("7", -3, "0", "1000", "0"),
            ("1.10", 5, "1.1", "1.1", "1.1"),
            ("1e99999999999999999999", 2, "1e9223372036854775806", "1e9223372036854775806", "1e9223372036854775806"),
        ] {
            for (rounding, expected) in [(Rounding::Half, half), (Rounding::Up, up), (Rounding::Down, down)] {
                assert_eq!(
                    parse(text).rounded(n_places, rounding).to_string(),
                    expected,
                    "{text} {n_places} {rounding:?}"
                );
            }
        }
        assert_eq!(parse("-12345678901234567.89").truncated().to_string(), "-12345678901234567");
        assert_eq!(parse("0.9").truncated().to_string(), "0");
        assert_eq!(parse("1e30").truncated().to_string(), parse("1e30").to_string());
    }

    #[test]
    fn what_divides_a_number_follows_from_its_digits() {
        let parse = |text: &str| Decimal::parse(text).unwrap();
        for (text, is_even) in
            [("2.0", true), ("1e2", true), ("-0", true), ("3", false), ("2.5", false), ("1e-400", false)]
        {
            assert_eq!(parse(text).is_even(), is_even, "{text}");
        }
        assert_eq!(parse("100000000000000000001").remainder(7), Some(3));
        assert_eq!(parse("1e999999999").remainder(7), Some(6));
        assert_eq!(parse("-9.0").remainder(3), Some(0));
        assert_eq!(parse("1.5").remainder(3), None);
        assert_eq!(parse("1").remainder(0), None);
    }

    #[test]
    fn the_canonical_text_is_its_own() {
        for text in ["0", "1.1", "100", "-1.5", "0.001", "1e400", "1e-400", "-1.25e400"] {
            assert_eq!(canonical_number(&text.parse().unwrap()), text);
        }
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point_or_an_exponent() {
        for (text, expected) in [
            ("1", true),
            ("1.0", true),
            ("1e2", true),
            ("15e-1", false),
            ("10e-1", true),
            ("-0", true),
            ("1e-400", false),
            ("1.5e400", true),
        ] {
            assert_eq!(is_whole(&text.parse().unwrap()), expected, "{text}");
        }
    }
}
