//! How much one process decides at a time, and keeps of what it knows.

#[derive(Clone, Debug)]
pub struct Options {
    /// Of states that are kept.
    pub cache_bytes: usize,
    pub batch_runs: usize,
    pub batch_rows: usize,
    /// Of one run in a batch. Less than a batch, so that who waits for the run is answered soon, and what it starts works while the rest is
    /// written.
    pub run_rows: usize,
    pub batch_bytes: usize,
    /// Batches on their way at the same time, of different runs.
    pub parallel_commits: usize,
    /// Beside them, of what people ask.
    pub people_commits: usize,
    /// Commands that wait to be looked at; whoever asks beyond that waits.
    pub queue: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            batch_runs: 200,
            batch_rows: 1_000,
            run_rows: 250,
            batch_bytes: 4 << 20,
            parallel_commits: 4,
            people_commits: 2,
            queue: 4_096,
        }
    }
}
