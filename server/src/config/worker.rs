//! How much one process executes at once.

use clap::Args;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Worker")]
pub struct Worker {
    /// Steps that this process runs at once
    #[arg(long, env = "WEFT_WORKER_SLOTS", default_value_t = 1024, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub worker_slots: u32,
}
