//! A budget that fills up again with time: short bursts are fine, going on like that is not.
//! Time is an argument; whoever holds a bucket decides what a spent one means.

use std::time::Duration;

use tokio::time::Instant;

#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    size: f64,
    per_second: f64,
    /// Below zero while it owes.
    left: f64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(size: u32, per_second: u32, now: Instant) -> Self {
        Self { size: size.into(), per_second: per_second.into(), left: size.into(), at: now }
    }

    /// Takes one if there is one; otherwise says how long it takes until there is.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(wait) = self.wait(now) {
            return Err(wait);
        }
        self.left -= 1.0;
        Ok(())
    }

    /// How long it takes until there is one, where there is none now.
    pub(crate) fn wait(&mut self, now: Instant) -> Option<Duration> {
        self.fill(now);
        (self.left < 1.0).then(|| self.time_for(1.0 - self.left))
    }

    /// Takes `n` in any case, and says how long to wait before the next ones are taken.
    pub(crate) fn owe(&mut self, n: u32, now: Instant) -> Duration {
        self.fill(now);
        self.left -= f64::from(n);
        self.time_for(-self.left)
    }

    /// Whether forgetting it would give nothing away.
    pub(crate) fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.left >= self.size
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.per_second).min(self.size);
        self.at = self.at.max(now);
    }

    fn time_for(&self, n: f64) -> Duration {
        Duration::try_from_secs_f64(n.max(0.0) / self.per_second).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_the_rest_comes_with_time() {
        let begun = Instant::now();
        let after = |ms| begun + Duration::from_millis(ms);
        let mut bucket = Bucket::new(3, 2, begun);
        assert!(bucket.is_full(begun));
        assert_eq!([bucket.take(begun), bucket.take(begun), bucket.take(begun)], [Ok(()); 3]);
        assert_eq!(bucket.take(begun), Err(Duration::from_millis(500)));
        assert_eq!(bucket.take(after(500)), Ok(()));
        assert_eq!(bucket.owe(4, after(1_000)), Duration::from_millis(1_500));
        assert_eq!(bucket.take(after(2_500)), Err(Duration::from_millis(500)));
        assert!(bucket.is_full(after(60_000)));
        assert_eq!(bucket.owe(3, after(60_000)), Duration::ZERO);
    }
}
