//! Artifacts: one version with its content, the list of all versions, what one was made from, and going back to one.
//! Must never resolve an artifact outside the run that the viewer may see.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use workflow::{
    ArtifactId, RunId, StepKey,
    api::{ArtifactBeginning, ArtifactVersions, ArtifactView, Encoding, Lineage, RollbackArtifact},
    run::Command,
    view::ArtifactMeta,
};

use crate::{
    Error, OpContext, Result, Wanted,
    runs::{
        self, Done,
        asking::{Brings, on_artifact},
    },
};

/// How many times its size an artifact takes in memory, roughly: its chunks and the whole; a text once more as the answer;
/// a JSON value is several times as large as its text.
const AS_BYTES: u64 = 2;
const AS_TEXT: u64 = 3;
const AS_JSON: u64 = 8;

/// Bytes up to which an artifact is shown as a whole at once, and of a longer one those that it begins with: a page holds what it shows
/// twice, and whoever opens one wants to read, not to wait for what is out of sight.
const WHOLE_BYTES: i32 = 128 * 1024;
const BEGINNING_BYTES: i32 = 64 * 1024;

/// The bytes as they were given, to save as a file.
pub async fn bytes(ctx: &OpContext, run: RunId, id: ArtifactId) -> Result<(ArtifactMeta, Vec<u8>)> {
    read(ctx, run, id, |_| AS_BYTES).await
}

/// Reads an artifact once there is room for it, which the request then holds until its answer is sent.
async fn read(
    ctx: &OpContext,
    run: RunId,
    id: ArtifactId,
    weight: impl FnOnce(&str) -> u64,
) -> Result<(ArtifactMeta, Vec<u8>)> {
    runs::visible(ctx, run).await?;
    let (size, media_type) = ctx.store().artifact_size(run, id).await?.ok_or(Error::NotFound)?;
    ctx.make_room(u64::try_from(size).unwrap_or_default().saturating_mul(weight(&media_type))).await?;
    ctx.store().artifact(run, id).await?.ok_or(Error::NotFound)
}

pub async fn get(ctx: &OpContext, run: RunId, id: ArtifactId) -> Result<ArtifactView> {
    let weight = |media_type: &str| if media_type == "application/json" { AS_JSON } else { AS_TEXT };
    let (meta, bytes) = read(ctx, run, id, weight).await?;
    let (encoding, content) = shown(&meta.media_type, bytes);
    Ok(ArtifactView { meta, encoding, content })
}

/// What a page shows of an artifact before somebody asks for all of it. Of a long one no more is read than that.
pub async fn beginning(ctx: &OpContext, run: RunId, id: ArtifactId) -> Result<ArtifactBeginning> {
    runs::visible(ctx, run).await?;
    let (size, media_type) = ctx.store().artifact_size(run, id).await?.ok_or(Error::NotFound)?;
    let is_whole = size <= i64::from(WHOLE_BYTES);
    let most = if is_whole { WHOLE_BYTES } else { BEGINNING_BYTES };
    let read = size.min(i64::from(most));
    ctx.make_room(u64::try_from(read).unwrap_or_default().saturating_mul(AS_JSON)).await?;
    let bytes = ctx.store().artifact_beginnings(&[id], most).await?.remove(&id).ok_or(Error::NotFound)?;
    Ok(begun(&media_type, bytes, is_whole))
}

/// Versions of one artifact, or of all of a step, or of the run, oldest first.
pub async fn versions(
    ctx: &OpContext,
    run: RunId,
    step: Option<&StepKey>,
    name: Option<&str>,
    wanted: &Wanted,
) -> Result<ArtifactVersions> {
    runs::visible(ctx, run).await?;
    let is_storable = |text: &str| !text.contains('\0');
    if !step.map(StepKey::as_str).is_none_or(is_storable) || !name.is_none_or(is_storable) {
        return Ok(ArtifactVersions { artifacts: Vec::new(), next: None });
    }
    let page = ctx.store().artifact_versions(run, step, name, wanted.window()).await?;
    Ok(ArtifactVersions { artifacts: page.items, next: page.next })
}

/// Everything an artifact was made from, back to the inputs of the run.
pub async fn lineage(ctx: &OpContext, run: RunId, id: ArtifactId) -> Result<Lineage> {
    let view = runs::get(ctx, run).await?;
    let attempts = view.steps.iter().flat_map(|step| &step.attempts);
    let hashes: BTreeSet<String> =
        attempts.filter_map(|attempt| attempt.basis.as_ref().and_then(|basis| basis.prompt.clone())).collect();
    let prompts = ctx.store().prompts(&hashes.into_iter().collect::<Vec<_>>()).await?;
    workflow::lineage::lineage(&view, id, &prompts).ok_or(Error::NotFound)
}

/// Makes an older version the latest one again: no copy, no new generation.
pub async fn rollback(
    ctx: &OpContext,
    run: RunId,
    id: ArtifactId,
    rollback: RollbackArtifact,
    once: Option<String>,
) -> Result<Done> {
    let call = on_artifact(ctx, run, id, &rollback, once).await?;
    let command = Command::Rollback { artifact: id, expect_generation: rollback.expect_generation };
    call.execute(command, Brings::default()).await
}

/// As `shown`, but of what is no text nothing, and of a part text alone: a part of JSON is no value.
fn begun(media_type: &str, mut bytes: Vec<u8>, is_whole: bool) -> ArtifactBeginning {
    if !is_whole {
        // A letter may have been cut through.
        if let Err(error) = std::str::from_utf8(&bytes)
            && error.error_len().is_none()
        {
            bytes.truncate(error.valid_up_to());
        }
        // Nor does anybody want half a line, where there are lines.
        if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n').filter(|end| *end > bytes.len() / 2) {
            bytes.truncate(end + 1);
        }
    }
    let (encoding, content) = if is_whole {
        shown(media_type, bytes)
    } else {
        let kind = kind_of(media_type);
        match String::from_utf8(bytes) {
            Ok(text) if is_text(kind) => (Encoding::Text, Value::String(text)),
            _ => (Encoding::Base64, Value::Null),
        }
    };
    match encoding {
        Encoding::Base64 => ArtifactBeginning { encoding, content: Value::String(String::new()), is_whole: true },
        Encoding::Json | Encoding::Text => ArtifactBeginning { encoding, content, is_whole },
    }
}

fn kind_of(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn is_text(kind: &str) -> bool {
    kind.starts_with("text/") || kind == "application/json"
}

/// JSON as a value, text as text, and base64 for what is neither.
pub(crate) fn shown(media_type: &str, bytes: Vec<u8>) -> (Encoding, Value) {
    let kind = kind_of(media_type);
    if kind == "application/json"
        && let Some(value) = workflow::json::kept(&bytes)
    {
        return (Encoding::Json, value);
    }
    match String::from_utf8(bytes) {
        Ok(text) if is_text(kind) => (Encoding::Text, Value::String(text)),
        Ok(text) => (Encoding::Base64, Value::String(STANDARD.encode(text))),
        Err(error) => (Encoding::Base64, Value::String(STANDARD.encode(error.as_bytes()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_shown_as_what_it_is() {
        let table: [(&str, &[u8], Encoding, Value); 5] = [
            ("application/json", b"{\"a\":1}", Encoding::Json, serde_json::json!({"a": 1})),
            ("application/json", b"{", Encoding::Text, "{".into()),
            ("text/plain; charset=utf-8", "é".as_bytes(), Encoding::Text, "é".into()),
            ("text/plain", &[0xff], Encoding::Base64, "/w==".into()),
            ("image/png", b"png", Encoding::Base64, "cG5n".into()),
        ];
        for (media_type, bytes, encoding, content) in table {
            assert_eq!(shown(media_type, bytes.to_vec()), (encoding, content), "{media_type} {bytes:?}");
        }
    }

    #[test]
    fn the_beginning_of_a_long_one_is_whole_letters_and_lines_as_text() {
        let part = |media_type: &str, bytes: &[u8]| {
            let ArtifactBeginning { encoding, content, is_whole } = begun(media_type, bytes.to_vec(), false);
            (encoding, content, is_whole)
        };
        assert_eq!(part("text/plain", "one\ntwo\nth".as_bytes()), (Encoding::Text, "one\ntwo\n".into(), false));
        assert_eq!(part("text/plain", &"aé".as_bytes()[..2]), (Encoding::Text, "a".into(), false));
        assert_eq!(part("application/json", b"[1,2,"), (Encoding::Text, "[1,2,".into(), false));
        assert_eq!(part("image/png", b"png"), (Encoding::Base64, "".into(), true));
        assert_eq!(part("text/plain", &[b'a', 0xff, b'b']), (Encoding::Base64, "".into(), true));
        let whole = begun("application/json", b"[1]".to_vec(), true);
        assert_eq!((whole.encoding, whole.content, whole.is_whole), (Encoding::Json, serde_json::json!([1]), true));
    }
}
