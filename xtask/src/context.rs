//! Where things are: the project, cargo's target folder, the cache folder, the environment.
//!
//! The one file of xtask that reads environment variables.

use anyhow::{Context as _, Result, bail};
use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::Command,
};

/// The local model's file: in the cache folder, and inside the package that brings it.
pub(crate) const MODEL_FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// The paths that every command needs.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// The workspace root, which holds Cargo.toml.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, which may lie outside of the project.
    pub(crate) target: PathBuf,
    /// Downloads that outlive a clone: the model file.
    pub(crate) cache: PathBuf,
}

impl Context {
    pub(crate) fn discover() -> Result<Self> {
        let root = project_root()?;
        let target = match variable("CARGO_TARGET_DIR") {
            Some(dir) => root.join(dir),
            None => root.join("target"),
        };
        Ok(Self { cache: cache_folder()?, root, target })
    }

    /// The built site. It stays in the clone even when cargo's target folder lies elsewhere,
    /// because the server embeds it by a path relative to its own source.
    pub(crate) fn site(&self) -> PathBuf {
        self.root.join("target/site")
    }

    /// What xtask remembers between two calls, to skip work whose inputs did not change.
    pub(crate) fn stamps(&self) -> PathBuf {
        self.root.join("target/xtask")
    }

    /// A binary of the `ci` profile.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.binary_of("ci", name)
    }

    /// A binary of any profile.
    pub(crate) fn binary_of(&self, profile: &str, name: &str) -> PathBuf {
        // Cargo's own profile for development is the one whose folder has another name.
        let folder = if profile == "dev" { "debug" } else { profile };
        self.target.join(folder).join(name)
    }

    /// The local model's file: the person's own, or the one that setup downloads.
    pub(crate) fn model(&self) -> PathBuf {
        variable("WEFT_LOCAL_LLM_MODEL").map_or_else(|| self.downloaded_model(), PathBuf::from)
    }

    pub(crate) fn downloaded_model(&self) -> PathBuf {
        self.cache.join("models").join(MODEL_FILE)
    }

    /// `cargo` in the project, building from the committed query cache: no build needs a database.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target).env("SQLX_OFFLINE", "true");
        without_own_variables(&mut command);
        if std::io::stdout().is_terminal() && variable("NO_COLOR").is_none() && variable("CARGO_TERM_COLOR").is_none() {
            // Output that xtask reads along the way passes through a pipe and would lose its colours.
            command.env("CARGO_TERM_COLOR", "always");
        }
        command.env_remove("DATABASE_URL").env_remove("SQLX_OFFLINE_DIR");
        command
    }
}

/// What `cargo run` set for xtask itself must not leak into the builds and the tests that xtask starts.
pub(crate) fn without_own_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|own| name.starts_with(own)) {
            command.env_remove(name);
        }
    }
}

/// An environment variable, absent when empty.
#[expect(clippy::disallowed_methods, reason = "the home of xtask's environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// All of them that are text.
pub(crate) fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn project_root() -> Result<PathBuf> {
    let start = match variable("CARGO_MANIFEST_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => std::env::current_dir().context("cannot read the current folder")?,
    };
    match start.ancestors().find(|dir| is_workspace_root(dir)) {
        Some(root) => Ok(root.to_owned()),
        None => bail!("no workspace above {}: call `cargo xtask` inside the project", start.display()),
    }
}

fn is_workspace_root(dir: &Path) -> bool {
    std::fs::read_to_string(dir.join("Cargo.toml")).is_ok_and(|text| text.lines().any(|line| line == "[workspace]"))
}

fn cache_folder() -> Result<PathBuf> {
    if let Some(dir) = variable("WEFT_CACHE_DIR") {
        return Ok(PathBuf::from(dir));
    }
    if let Some(dir) = variable("XDG_CACHE_HOME") {
        return Ok(PathBuf::from(dir).join("weft"));
    }
    let home = variable("HOME")
        .context("neither WEFT_CACHE_DIR nor HOME is set: set WEFT_CACHE_DIR to a folder for downloads")?;
    Ok(PathBuf::from(home).join(".cache/weft"))
}
