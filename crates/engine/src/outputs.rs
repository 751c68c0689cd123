//! From bytes to an artifact that can be committed: bounded, hashed, and written ahead where it is large.
//! Content is never truncated.

use std::time::Duration;

use agents::{AgentError, StepOutput};
use serde_json::Value;
use store::{Store, protocol::NewArtifact};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workflow::{
    ArtifactId,
    hash::{content_and_value, sha256_hex},
    limits,
    status::Reason,
};

/// Bytes of JSON that is compared by its value; what is larger is equal only byte for byte.
const MAX_COMPARED_BYTES: usize = 4 * 1024 * 1024;

/// All outputs of an attempt. None when it was cancelled meanwhile.
pub(crate) async fn artifacts(
    store: &Store,
    output: StepOutput,
    cancel: &CancellationToken,
) -> Option<Result<Vec<NewArtifact>, AgentError>> {
    let mut artifacts = Vec::with_capacity(output.outputs.len());
    for output in output.outputs {
        match artifact(store, output.name, output.media_type, output.bytes, cancel).await? {
            Ok(artifact) => artifacts.push(artifact),
            Err(error) => return Some(Err(error)),
        }
    }
    Some(Ok(artifacts))
}

/// One output; large content is in the database when this returns. None when it was cancelled meanwhile.
pub(crate) async fn artifact(
    store: &Store,
    name: String,
    media_type: String,
    bytes: Vec<u8>,
    cancel: &CancellationToken,
) -> Option<Result<NewArtifact, AgentError>> {
    if bytes.len() > limits::MAX_ARTIFACT_BYTES {
        let mib = limits::MAX_ARTIFACT_BYTES / 1024 / 1024;
        let message = format!("The output `{name}` is larger than {mib} MiB");
        return Some(Err(AgentError::new(Reason::OutputTooLarge, message)));
    }
    let (hash, value_hash) = hashes(&media_type, &bytes);
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let is_large = bytes.len() > limits::INLINE_ARTIFACT_BYTES;
    if is_large && let Err(error) = write_ahead(store, &hash, &bytes, cancel).await? {
        return Some(Err(error));
    }
    let id = ArtifactId(Uuid::now_v7());
    Some(Ok(NewArtifact { id, name, media_type, hash, value_hash, size, content: (!is_large).then_some(bytes) }))
}

/// The hash of the bytes, and that of the JSON value in them where it is another.
fn hashes(media_type: &str, bytes: &[u8]) -> (String, Option<String>) {
    let is_compared = media_type == "application/json" && bytes.len() <= MAX_COMPARED_BYTES;
    let value: Option<Value> = is_compared.then(|| workflow::json::kept(bytes)).flatten();
    match value.and_then(|value| content_and_value(bytes, &value)) {
        Some((hash, value)) => (hash, Some(value)),
        None => (sha256_hex(bytes), None),
    }
}

/// Content-addressed, so it is tried until it is there, however often the database goes away.
async fn write_ahead(
    store: &Store,
    hash: &str,
    bytes: &[u8],
    cancel: &CancellationToken,
) -> Option<Result<(), AgentError>> {
    loop {
        match store.put_blob(hash, bytes).await {
            Ok(()) => return Some(Ok(())),
            Err(error) if error.is_refused_value() => {
                return Some(Err(
                    AgentError::new(Reason::InvalidOutput, "The output could not be stored").with_source(error)
                ));
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "content was not written; trying again");
                cancel.run_until_cancelled(tokio::time::sleep(Duration::from_millis(500))).await?;
            }
        }
    }
}
