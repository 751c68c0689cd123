//! Whether a failed attempt is followed by another one by itself, and when. Decided by the error's class, never by its text.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use workflow::{Step, limits::MAX_RETRY_AFTER_MS, status::Reason};

/// The pause before the next attempt; none when the person has to decide. `dice` is a random number from 0 to 1.
pub(crate) fn pause(
    step: &Step,
    class: Reason,
    fail_count: i32,
    retry_after_ms: Option<u64>,
    dice: f64,
) -> Option<Duration> {
    let failures = u32::try_from(fail_count).unwrap_or(0) + 1;
    if !step.retry.on.contains(class.as_str()) || failures > step.max_retries() || is_too_long(step, retry_after_ms) {
        return None;
    }
    let base = Duration::from_millis(step.retry.delay_ms(failures, retry_after_ms));
    // Jitter only ever lengthens the wait: the other side's Retry-After is a floor.
    Some(base.mul_f64(1.0 + step.retry.jitter.clamp(0.0, 1.0) * dice))
}

/// Whether the other side wants a longer wait than a step may take by itself.
fn is_too_long(step: &Step, retry_after_ms: Option<u64>) -> bool {
    retry_after_ms.is_some_and(|wait| wait > MAX_RETRY_AFTER_MS.max(step.retry.max_ms))
}

/// What is said where the other side wants a longer wait than that.
pub(crate) fn too_long(step: &Step, retry_after_ms: Option<u64>, now: SystemTime) -> Option<String> {
    let wait = retry_after_ms.filter(|_| is_too_long(step, retry_after_ms))?;
    let until = DateTime::<Utc>::from(now.checked_add(Duration::from_millis(wait))?);
    Some(format!("it asks to wait until {}: retry the step then", until.format("%-d %B %Y, %H:%M UTC")))
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
        assert_eq!(pause(&step, Reason::Refused, 0, None, 0.0), None);
        assert_eq!(pause(&step, Reason::RateLimit, 0, Some(60_000), 0.0), Some(Duration::from_mins(1)));
    }

    #[test]
    fn a_wish_to_wait_is_granted_up_to_a_cap_and_then_told_with_its_date() {
        let mut step = Step::new("x".into());
        let now = SystemTime::UNIX_EPOCH + Duration::from_mins(29_930_703);
        let told = |step: &Step, ms| (pause(step, Reason::RateLimit, 0, Some(ms), 0.0), too_long(step, Some(ms), now));
        assert_eq!(told(&step, 600_000), (Some(Duration::from_mins(10)), None));
        let words = "it asks to wait until 29 November 2026, 05:03 UTC: retry the step then";
        assert_eq!(told(&step, 86_400_000), (None, Some(words.to_owned())));
        step.retry.max_ms = 86_400_000;
        assert_eq!(told(&step, 86_400_000), (Some(Duration::from_hours(24)), None), "the author waits longer");
        assert_eq!(too_long(&step, None, now), None);
    }
}
