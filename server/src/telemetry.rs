//! Logging to standard error, so that standard output holds only what a command has to say.

use std::io::{self, IsTerminal, Stderr, Write};

use tracing_subscriber::{EnvFilter, filter::ParseError};

use crate::config::{Log, LogFormat};

#[derive(Debug, thiserror::Error)]
#[error(
    "the log filter `{filter}` cannot be read\nUse a level (error, warn, info, debug, trace) or levels by module, such as info,store=debug"
)]
pub struct BadFilter {
    filter: String,
    #[source]
    source: ParseError,
}

/// Libraries that tell at higher levels what is not worth knowing here; a filter that names them wins.
const QUIET: &str = "sqlx=warn,sqlx_core=warn,sqlx_postgres=warn";

/// To be called once, before anything logs.
pub fn start(log: &Log) -> Result<(), BadFilter> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", log.filter))
        .map_err(|source| BadFilter { filter: log.filter.clone(), source })?;
    let is_terminal = io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(WithoutSecrets::stderr).with_ansi(is_terminal);
    let started = match log.log_format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    if started.is_err() {
        // A test has set up logging of its own.
        tracing::debug!("logging was set up before");
    }
    Ok(())
}

/// Standard error, to which no value of a secret goes that this process has opened, whoever logs it.
struct WithoutSecrets(Stderr);

impl WithoutSecrets {
    fn stderr() -> Self {
        Self(io::stderr())
    }
}

impl Write for WithoutSecrets {
    /// An entry comes whole.
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(entry) {
            Ok(text) => self.0.write_all(agents::redact::redacted(text).as_bytes())?,
            Err(_) => self.0.write_all(entry)?,
        }
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
