//! How much one process executes at once.

use clap::Args;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Worker")]
pub struct Worker {
    /// Steps that this process runs at once
    #[arg(long, env = "WEFT_WORKER_SLOTS", default_value_t = 1024, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub worker_slots: u32,
    /// Mebibytes that they may hold in memory together of what they read and answer; more waits its turn
    #[arg(long, env = "WEFT_WORKER_MEMORY_MB", default_value_t = 512, value_name = "MIB", value_parser = clap::value_parser!(u32).range(16..=1_048_576))]
    pub worker_memory_mb: u32,
    /// Days after their end that runs are deleted, with all they made and their sub-workflows; without it never
    #[arg(long, env = "WEFT_DELETE_RUNS_AFTER_DAYS", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub delete_runs_after_days: Option<u32>,
}
