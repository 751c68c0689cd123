//! How long many runs took, kept as how many fell into each of a few hundred buckets, so that days add up: each bucket begins a tenth above the
//! one before it, and what is told of one is its middle, which is 5 % off at most. Must never keep the times themselves.

use std::collections::BTreeMap;

use crate::api::Percentiles;

/// How many there are, by bucket.
pub type Buckets = BTreeMap<i16, i64>;

/// What each bucket begins at, over what the one before it does. The store has it in its words (`runs::counting`).
const STEP: f64 = 1.1;
/// The last one, which holds all that took longer: some million years.
const LAST: i16 = 400;

/// The middle of a bucket, in milliseconds.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the last bucket is far below what the number holds")]
pub fn millis(bucket: i16) -> i64 {
    STEP.powf(f64::from(bucket.clamp(0, LAST)) + 0.5).round() as i64
}

/// Half of them, and 95 of 100, took at most so long; nothing of none.
#[must_use]
pub fn percentiles(buckets: &Buckets) -> Option<Percentiles> {
    let n: i64 = buckets.values().sum();
    // The smallest bucket with which so many are reached: by counting, so that no rounding decides.
    let reached = |hundredths: i64| {
        let wanted = n.saturating_mul(hundredths).saturating_add(99) / 100;
        let mut so_far = 0;
        buckets.iter().find_map(|(bucket, count)| {
            so_far += count;
            (so_far >= wanted).then(|| millis(*bucket))
        })
    };
    if n <= 0 {
        return None;
    }
    Some(Percentiles { n, p50_ms: reached(50)?, p95_ms: reached(95)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the store's statement does it.
    fn bucket(ms: i64) -> i16 {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "of a test")]
        let bucket = ((ms.max(1) as f64).ln() / STEP.ln()).floor() as i16;
        bucket.min(LAST)
    }

    #[test]
    fn half_and_ninety_five_of_a_hundred_are_counted_not_guessed() {
        assert_eq!(percentiles(&Buckets::new()), None);
        let one = percentiles(&[(10, 1)].into()).unwrap();
        assert_eq!((one.n, one.p50_ms, one.p95_ms), (1, millis(10), millis(10)));
        let many = percentiles(&[(10, 50), (20, 45), (30, 5)].into()).unwrap();
        assert_eq!((many.n, many.p50_ms, many.p95_ms), (100, millis(10), millis(20)));
        let more = percentiles(&[(10, 50), (20, 44), (30, 6)].into()).unwrap();
        assert_eq!(more.p95_ms, millis(30));
    }

    proptest! {
        #[test]
        fn what_is_told_is_a_twentieth_off_at_most(times in prop::collection::vec(10_i64..10_000_000_000, 1..200)) {
            let mut buckets = Buckets::new();
            for ms in &times {
                *buckets.entry(bucket(*ms)).or_default() += 1;
            }
            let told = percentiles(&buckets).unwrap();
            let mut sorted = times;
            sorted.sort_unstable();
            for (told, hundredths) in [(told.p50_ms, 50), (told.p95_ms, 95)] {
                let exact = sorted[(sorted.len() * hundredths).div_ceil(100) - 1];
                // Half a millisecond more for rounding.
                prop_assert!((told - exact).abs() * 20 <= exact + 20, "{told} of {exact}");
            }
        }
    }
}
