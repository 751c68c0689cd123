//! What each failover took, as a table: what Patroni takes to notice, apart from what the product takes once somebody answers.

use std::{fmt::Write as _, time::Duration};

use super::node::Loss;

/// Times since the loss, and from `work` on since something could be written again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failover {
    pub(crate) loss: Loss,
    /// Until the standby had the leader's lock.
    pub(crate) detection: Duration,
    /// Until it answered as a primary.
    pub(crate) promotion: Duration,
    /// Until it answered that something was written, for which it waits for a standby of its own.
    pub(crate) answers: Duration,
    /// Until the next step succeeded.
    pub(crate) work: Duration,
    /// Until nobody held a step any more who did so before the loss.
    pub(crate) taken_over: Duration,
    /// Answers that people had before.
    pub(crate) n_told: u32,
}

impl Failover {
    pub(crate) fn line(&self, n: usize) -> String {
        let [detection, promotion, answers, work, taken_over] = self.seconds();
        format!(
            "{n}: {} lost; noticed after {detection} s, a primary after {promotion} s, it takes writes after {answers} s; \
             then work goes on after {work} s, and all is taken over after {taken_over} s",
            self.loss.words()
        )
    }

    fn seconds(&self) -> [String; 5] {
        [self.detection, self.promotion, self.answers, self.work, self.taken_over]
            .map(|time| format!("{:.1}", time.as_secs_f32()))
    }
}

pub(crate) fn table(all: &[Failover]) -> String {
    let mut text = "| # | lost | answers before | detected, s | a primary, s | it takes writes, s | then work goes on, s | all taken over, s |\n\
                    |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for (n, failover) in (1..).zip(all) {
        let (words, n_told, seconds) = (failover.loss.words(), failover.n_told, failover.seconds().join(" | "));
        // Writing to a text cannot fail.
        let _ = writeln!(text, "| {n} | {words} | {n_told} | {seconds} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failover_is_a_row_with_its_times() {
        let time = Duration::from_millis;
        let (detection, promotion, answers) = (time(20_260), time(20_600), time(33_000));
        let (work, taken_over, n_told) = (time(940), time(4_260), 120);
        let failover = Failover { loss: Loss::Machine, detection, promotion, answers, work, taken_over, n_told };
        let table = table(&[failover]);
        assert_eq!(table.lines().count(), 3);
        assert!(table.ends_with("| 1 | machine | 120 | 20.3 | 20.6 | 33.0 | 0.9 | 4.3 |\n"), "{table}");
    }
}
