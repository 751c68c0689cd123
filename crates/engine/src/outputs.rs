//! From bytes to versions that can be committed: bounded, hashed, and written ahead where they are large.
//! Content is never truncated.

use std::{sync::Arc, time::Duration};

use agents::{AgentError, StepOutput};
use chrono::{DateTime, Utc};
use runs::Content;
use tokio_util::sync::CancellationToken;
use workflow::{ArtifactId, content::version, limits, run::state::NewVersion, status::Reason};

use crate::{
    bugs::{Bug, is_on},
    shared::Shared,
    shelf::{self, Shelf},
};

const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Versions that a command brings, and such of their content as goes with its commit.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pub(crate) versions: Vec<NewVersion>,
    pub(crate) contents: Vec<Content>,
}

impl Made {
    /// One more output; large content is in the database when this returns. None when it was cancelled meanwhile.
    pub(crate) async fn add(
        &mut self,
        shared: &Shared,
        at: DateTime<Utc>,
        output: agents::Output,
        cancel: &CancellationToken,
    ) -> Option<Result<(), AgentError>> {
        let agents::Output { name, media_type, bytes } = output;
        if bytes.len() > limits::MAX_ARTIFACT_BYTES {
            let mib = limits::MAX_ARTIFACT_BYTES / 1024 / 1024;
            let message = format!("The output `{name}` is larger than {mib} MiB");
            return Some(Err(AgentError::new(Reason::OutputTooLarge, message)));
        }
        let version = version(ArtifactId(shared.options.dice.id(at)), name, media_type, &bytes);
        if bytes.len() > limits::INLINE_ARTIFACT_BYTES {
            if let Err(error) = write_ahead(&*shared.shelf, &version.content_hash, &bytes, cancel).await? {
                return Some(Err(error));
            }
        } else {
            shared.cache.contents.keep_made(version.id, &version.media_type, &bytes);
            self.contents.push(Content { hash: version.content_hash.clone(), bytes: Arc::from(bytes) });
        }
        self.versions.push(version);
        Some(Ok(()))
    }

    /// All outputs of an attempt. None when it was cancelled meanwhile.
    pub(crate) async fn of(
        shared: &Shared,
        at: DateTime<Utc>,
        output: StepOutput,
        cancel: &CancellationToken,
    ) -> Option<Result<Self, AgentError>> {
        let mut made = Self::default();
        for output in output.outputs {
            if let Err(error) = made.add(shared, at, output, cancel).await? {
                return Some(Err(error));
            }
        }
        Some(Ok(made))
    }
}

/// Content-addressed, so it is tried until it is there, however often the database goes away.
async fn write_ahead(
    shelf: &dyn Shelf,
    hash: &str,
    bytes: &[u8],
    cancel: &CancellationToken,
) -> Option<Result<(), AgentError>> {
    loop {
        match shelf.put_blob(hash, bytes).await {
            Ok(()) => return Some(Ok(())),
            Err(shelf::Error::Unavailable(_)) if is_on(Bug::ToldBeforeKept) => return Some(Ok(())),
            Err(error @ shelf::Error::Refused(_)) => {
                let refused = AgentError::new(Reason::InvalidOutput, "The output could not be stored");
                return Some(Err(refused.with_source(error)));
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "content was not written; trying again");
                cancel.run_until_cancelled(tokio::time::sleep(TRY_AGAIN)).await?;
            }
        }
    }
}
