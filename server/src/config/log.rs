//! What is logged, and how.

use clap::{Args, ValueEnum};

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Log")]
pub struct Log {
    /// What to log: a level, or levels by module such as info,store=debug; it goes to standard error
    #[arg(long = "log", env = "WEFT_LOG", default_value = "info", value_name = "FILTER", global = true)]
    pub filter: String,
    /// One line of text or one JSON object for each entry
    #[arg(long, env = "WEFT_LOG_FORMAT", default_value = "text", value_name = "FORMAT", global = true)]
    pub log_format: LogFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}
