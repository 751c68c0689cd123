//! What an operator may set about one engine; the defaults fit a small machine.

use std::time::Duration;

use workflow::cell::CellNumber;

use crate::{AgentNames, Dice, Kinds};

#[derive(Clone, Debug)]
pub struct Options {
    /// Attempts that run at the same time in this process. Agents mostly wait for others, so it may be large.
    pub slots: usize,
    /// Of which agents: of these kinds, and of those these. Whatever else a run needs, such as conditions that want judging, every
    /// process does.
    pub kinds: Kinds,
    pub agents: AgentNames,
    /// Bytes that attempts may hold together of what they read and answer, roughly as it takes them in memory.
    pub memory: usize,
    /// How often the queue is looked at when no hint comes.
    pub poll: Duration,
    pub beat: Duration,
    /// Without a beat for so long a worker is suspected.
    pub lease: Duration,
    /// Between two sweeps; a worker must look expired in two of them.
    pub sweep: Duration,
    /// Without a successful beat for so long this process stops its own attempts: others may take them over soon.
    pub self_fence: Duration,
    /// How long running attempts may finish after a stop was asked for.
    pub drain: Duration,
    /// Runs that are over for so many days are deleted; none: never.
    pub keep_days: Option<u32>,
    pub dice: Dice,
    /// Which of several installations this is: ids of runs carry it.
    pub cell: CellNumber,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            slots: 1024,
            kinds: Kinds::default(),
            agents: AgentNames::default(),
            memory: 512 * 1024 * 1024,
            poll: Duration::from_millis(400),
            beat: Duration::from_secs(2),
            lease: Duration::from_secs(10),
            sweep: Duration::from_secs(2),
            self_fence: Duration::from_secs(6),
            drain: Duration::from_secs(30),
            keep_days: None,
            dice: Dice::default(),
            cell: CellNumber::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chores::SPREAD;

    /// From a kill to the next attempt with one process left, which waits longest: the last beat was up to a beat before; then the lease,
    /// the rest of a pause until a sweep suspects it, one more until the next is sure, and a look at what waits.
    #[test]
    fn what_a_process_ran_that_was_killed_is_anothers_within_fifteen_seconds() {
        const N: u32 = 40;
        let Options { beat, lease, sweep, poll, .. } = Options::default();
        let share = |n: u32| (f64::from(n) + 0.5) / f64::from(N);
        let longest = sweep.mul_f64(1.0 + SPREAD);
        let mut times = Vec::new();
        for since_beat in (0..N).map(|n| beat.mul_f64(share(n))) {
            for first in (0..N).map(|n| longest.mul_f64(share(n))) {
                for second in (0..N).map(|n| sweep.mul_f64(SPREAD.mul_add(share(n), 1.0))) {
                    times.push((lease + first + second + poll).saturating_sub(since_beat));
                }
            }
        }
        times.sort_unstable();
        assert!(times[times.len() / 100 * 99] <= Duration::from_secs(15), "of 99 in 100 kills");
        // As docs/processes.md has it.
        assert!(times[0] >= Duration::from_secs(10) && times[times.len() - 1] <= Duration::from_millis(15_500));
        assert_eq!(times[times.len() / 2].as_millis().div_ceil(1000), 13);
    }
}
