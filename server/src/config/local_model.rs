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
    /// Set by Weft itself where root opened the files for another user
    #[arg(long, env = HANDED_PROGRAM, hide = true)]
    handed_program: Option<PathBuf>,
    #[arg(long, env = HANDED_MODEL, hide = true)]
    handed_model: Option<PathBuf>,
}

/// The files as root opened them for the user as whom Weft goes on.
pub const HANDED_PROGRAM: &str = "WEFT_HANDED_LLM_BIN";
pub const HANDED_MODEL: &str = "WEFT_HANDED_LLM_MODEL";

/// What it takes to start the model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Files {
    pub program: PathBuf,
    pub model: PathBuf,
}

impl Files {
    /// What the model is called: its file's name, without the ending.
    pub fn model_name(&self) -> String {
        // A file that came open from root has a number for a name, which is a link to its own.
        let handed = self.model.starts_with("/proc/self/fd").then(|| self.model.read_link().ok()).flatten();
        let path = handed.as_ref().unwrap_or(&self.model);
        path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    }
}

impl LocalModel {
    /// The files, if both are named. One alone is no reason not to start; the caller warns.
    pub fn files(&self) -> Option<Files> {
        match (&self.program, &self.model) {
            (Some(program), Some(model)) if !program.as_os_str().is_empty() && !model.as_os_str().is_empty() => {
                Some(Files {
                    program: self.handed_program.as_ref().unwrap_or(program).clone(),
                    model: self.handed_model.as_ref().unwrap_or(model).clone(),
                })
            }
            _ => None,
        }
    }

    pub fn is_half_configured(&self) -> bool {
        self.files().is_none() && (self.program.is_some() != self.model.is_some())
    }
}
