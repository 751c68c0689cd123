//! The small language model that Weft can run beside itself.
//! Both values or none: half a configuration is told, never guessed.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Local language model")]
pub struct LocalModel {
    /// The local-llm program; started with the server and offered to agents as the provider "local"
    #[arg(long = "local-llm-bin", env = "WEFT_LOCAL_LLM_BIN", value_name = "FILE")]
    program: Option<PathBuf>,
    /// The GGUF model file it serves
    #[arg(long = "local-llm-model", env = "WEFT_LOCAL_LLM_MODEL", value_name = "FILE")]
    model: Option<PathBuf>,
}

/// What it takes to start the model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Files {
    pub program: PathBuf,
    pub model: PathBuf,
}

impl LocalModel {
    /// The files, if both are named. One alone is no reason not to start; the caller warns.
    pub fn files(&self) -> Option<Files> {
        match (&self.program, &self.model) {
            (Some(program), Some(model)) if !program.as_os_str().is_empty() && !model.as_os_str().is_empty() => {
                Some(Files { program: program.clone(), model: model.clone() })
            }
            _ => None,
        }
    }

    pub fn is_half_configured(&self) -> bool {
        self.files().is_none() && (self.program.is_some() != self.model.is_some())
    }
}
