//! What an operator may set about one engine; the defaults fit a small machine.

use std::time::Duration;

use crate::{Agents, Dice, Kinds};

#[derive(Clone, Debug)]
pub struct Options {
    /// Attempts that run at the same time in this process. Agents mostly wait for others, so it may be large.
    pub slots: usize,
    /// Of which agents: of these kinds, and of those these. Whatever else a run needs, such as conditions that want judging, every
    /// process does.
    pub kinds: Kinds,
    pub agents: Agents,
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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            slots: 1024,
            kinds: Kinds::default(),
            agents: Agents::default(),
            memory: 512 * 1024 * 1024,
            poll: Duration::from_millis(400),
            beat: Duration::from_secs(2),
            lease: Duration::from_secs(10),
            sweep: Duration::from_secs(2),
            self_fence: Duration::from_secs(6),
            drain: Duration::from_secs(30),
            keep_days: None,
            dice: Dice::default(),
        }
    }
}
