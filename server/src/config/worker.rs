//! How much one process executes at once, and of what.

use clap::Args;
use engine::{AgentNames, Kinds};
use workflow::AgentId;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Worker")]
pub struct Worker {
    /// Steps that this process runs at once
    #[arg(long, env = "WEFT_WORKER_SLOTS", default_value_t = 1024, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub worker_slots: u32,
    /// Kinds of agents whose steps this process runs, such as llm,http; by default all. Some process has to run each
    #[arg(long = "kinds", env = "WEFT_WORKER_KINDS", value_name = "KINDS", value_delimiter = ',', value_parser = kind)]
    kinds: Vec<String>,
    /// Agents whose steps this process runs, of those kinds: ids, or beginnings with a star such as gpu-*; by default all. Some process
    /// has to run each
    #[arg(long = "agents", env = "WEFT_WORKER_AGENTS", value_name = "AGENTS", value_delimiter = ',', value_parser = agent)]
    agents: Vec<String>,
    /// Mebibytes that they may hold in memory together of what they read and answer; more waits its turn
    #[arg(long, env = "WEFT_WORKER_MEMORY_MB", default_value_t = 512, value_name = "MIB", value_parser = clap::value_parser!(u32).range(16..=1_048_576))]
    pub worker_memory_mb: u32,
    /// Days after their end that runs are deleted, with all they made and their sub-workflows; without it never
    #[arg(long, env = "WEFT_DELETE_RUNS_AFTER_DAYS", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub delete_runs_after_days: Option<u32>,
}

impl Worker {
    pub fn kinds(&self) -> Kinds {
        let named = self.kinds.iter().map(String::as_str).filter(|kind| !kind.is_empty());
        let named: Vec<&str> = named.collect();
        if named.is_empty() { Kinds::default() } else { Kinds::only(named) }
    }

    pub fn agents(&self) -> AgentNames {
        AgentNames::only(self.agents.iter().map(String::as_str).filter(|agent| !agent.is_empty()))
    }
}

/// The same for agents. Whether there are such agents is not asked: they may be made later.
fn agent(text: &str) -> Result<String, String> {
    let text = text.trim();
    let id = text.strip_suffix('*').unwrap_or(text);
    if id.is_empty() || AgentId::new(id).is_well_formed() {
        return Ok(text.to_owned());
    }
    Err("the id of an agent begins with a letter and has a-z, 0-9, `-` and `_`; a star may stand at its end".to_owned())
}

/// An empty one is none, as an empty variable is.
fn kind(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || Kinds::known().any(|known| known == text) {
        return Ok(text.to_owned());
    }
    let known: Vec<&str> = Kinds::known().collect();
    Err(format!("there is no such kind here; there are {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        worker: Worker,
    }

    fn kinds(args: &[&str]) -> Option<Kinds> {
        let args = ["weft"].iter().chain(args);
        Cli::try_parse_from(args).ok().map(|cli| cli.worker.kinds())
    }

    fn agents(args: &[&str]) -> Option<AgentNames> {
        let args = ["weft"].iter().chain(args);
        Cli::try_parse_from(args).ok().map(|cli| cli.worker.agents())
    }

    #[test]
    fn a_process_runs_all_agents_unless_it_is_told_some_by_their_ids_or_beginnings() {
        assert_eq!(agents(&[]), Some(AgentNames::default()));
        assert_eq!(agents(&["--agents", ""]), Some(AgentNames::default()));
        assert_eq!(agents(&["--agents", "say, gpu-*"]), Some(AgentNames::only(["gpu-*", "say"])));
        assert_eq!(agents(&["--agents", "say", "--agents", "gpu-*"]), Some(AgentNames::only(["gpu-*", "say"])));
        for wrong in ["Say", "gpu-*-x", "a b", "say;drop", "say,%", &"x".repeat(200)] {
            assert_eq!(agents(&["--agents", wrong]), None, "{wrong}");
        }
    }

    #[test]
    fn a_process_runs_all_kinds_unless_it_is_told_some_that_there_are() {
        assert_eq!(kinds(&[]), Some(Kinds::default()));
        assert_eq!(kinds(&["--kinds", ""]), Some(Kinds::default()));
        assert_eq!(kinds(&["--kinds", "http, llm"]), Some(Kinds::only(["llm", "http"])));
        assert_eq!(kinds(&["--kinds", "http", "--kinds", "llm"]), Some(Kinds::only(["llm", "http"])));
        for wrong in ["worker", "llms", "LLM", "http,json"] {
            assert_eq!(kinds(&["--kinds", wrong]), None, "{wrong}");
        }
    }
}
