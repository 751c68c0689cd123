//! Whether a failed attempt is followed by another one by itself, and when. Decided by the error's class, never by its text.

use std::time::Duration;

use workflow::{Step, status::Reason};

/// The pause before the next attempt; none when the person has to decide. `dice` is a random number from 0 to 1.
pub(crate) fn pause(
    step: &Step,
    class: Reason,
    fail_count: i32,
    retry_after_ms: Option<u64>,
    dice: f64,
) -> Option<Duration> {
    let failures = u32::try_from(fail_count).unwrap_or(0) + 1;
    if !step.retry.on.contains(class.as_str()) || failures > step.max_retries() {
        return None;
    }
    let base = Duration::from_millis(step.retry.delay_ms(failures, retry_after_ms));
    // Jitter only ever lengthens the wait: the other side's Retry-After is a floor.
    Some(base.mul_f64(1.0 + step.retry.jitter.clamp(0.0, 1.0) * dice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_classes_are_retried_and_only_so_often() {
        let step = Step::new("x".into());
        assert_eq!(pause(&step, Reason::Server, 0, None, 0.0), Some(Duration::from_secs(1)));
        assert_eq!(pause(&step, Reason::Server, 1, None, 1.0), Some(Duration::from_millis(2_400)));
        assert_eq!(pause(&step, Reason::Server, 2, None, 0.0), None);
        assert_eq!(pause(&step, Reason::Permanent, 0, None, 0.0), None);
        assert_eq!(pause(&step, Reason::RateLimit, 0, Some(60_000), 0.0), Some(Duration::from_mins(1)));
    }
}
