//! Content of artifacts as values: JSON as it is, everything else as text. For whoever gives values to agents, inside and outside.
//! Pure: the bytes come from the caller, who bounds them by [`weight`] before.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use crate::{
    hash::{content_and_value, sha256_hex},
    id::{ArtifactId, StepKey},
    resolve::{InputArtifact, InputArtifacts},
    run::state::{NewVersion, Version},
    source::Source,
};

pub const JSON: &str = "application/json";

/// Bytes of JSON that is compared by its value; what is larger is equal only byte for byte.
const MAX_COMPARED_BYTES: usize = 4 * 1024 * 1024;

/// A version as its readers see it.
#[derive(Clone, Debug)]
pub struct Read {
    pub meta: Version,
    /// None when it is not what its type says.
    pub value: Option<Arc<Value>>,
}

/// An artifact that is no value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("The artifact `{name}` of `{step}` is no JSON")]
    NoJson { step: StepKey, name: String },
    #[error("The artifact `{name}` of `{step}` is a file of the type {media_type}, which cannot be read as text")]
    NoText { step: StepKey, name: String, media_type: String },
}

/// Bytes of memory that reading these takes, roughly: a text is there twice, as the artifact and as what an agent is given,
/// and a JSON value is several times as large as its text.
pub fn weight<'v>(metas: impl IntoIterator<Item = &'v Version>) -> u64 {
    let each = metas.into_iter().map(|meta| {
        let size = u64::try_from(meta.size).unwrap_or_default();
        size.saturating_mul(if meta.media_type == JSON { 8 } else { 2 })
    });
    each.fold(0, u64::saturating_add)
}

/// JSON as it is, everything else as text.
pub fn parse(media_type: &str, bytes: &[u8]) -> Option<Value> {
    if media_type == JSON {
        crate::json::kept(bytes)
    } else {
        std::str::from_utf8(bytes).ok().map(|text| Value::String(text.to_owned()))
    }
}

/// The steps' artifacts that sources read.
pub fn names<'a>(sources: impl IntoIterator<Item = &'a Source>) -> BTreeSet<(&'a StepKey, &'a String)> {
    sources
        .into_iter()
        .filter_map(|source| match source {
            Source::Step { step, artifact, .. } => Some((step, artifact)),
            Source::Const(_) | Source::Run { .. } | Source::Item { .. } => None,
        })
        .collect()
}

/// Artifacts as sources see them; one that cannot be read is the step's failure.
pub fn inputs(read: &[Read]) -> Result<InputArtifacts, Unreadable> {
    read.iter().map(|read| input(read).ok_or_else(|| unreadable(&read.meta))).collect()
}

/// The same, without what cannot be read.
pub fn readable(read: &[Read]) -> InputArtifacts {
    read.iter().filter_map(input).collect()
}

fn input(read: &Read) -> Option<((StepKey, String), InputArtifact)> {
    let (meta, value) = (&read.meta, read.value.clone()?);
    let value_hash = meta.value_hash.as_ref().unwrap_or(&meta.content_hash).clone();
    let artifact = InputArtifact { id: meta.id, version: meta.version, value_hash, value };
    Some(((meta.producing_step_id.clone(), meta.name.clone()), artifact))
}

fn unreadable(meta: &Version) -> Unreadable {
    let (name, step) = (meta.name.clone(), meta.producing_step_id.clone());
    if meta.media_type == JSON {
        Unreadable::NoJson { step, name }
    } else {
        Unreadable::NoText { step, name, media_type: meta.media_type.clone() }
    }
}

/// The hash of the bytes, and that of the JSON value in them where it is another.
pub fn hashes(media_type: &str, bytes: &[u8]) -> (String, Option<String>) {
    let is_compared = media_type == JSON && bytes.len() <= MAX_COMPARED_BYTES;
    let value: Option<Value> = is_compared.then(|| crate::json::kept(bytes)).flatten();
    match value.and_then(|value| content_and_value(bytes, &value)) {
        Some((hash, value)) => (hash, Some(value)),
        None => (sha256_hex(bytes), None),
    }
}

/// The version that an agent's output becomes.
pub fn version(id: ArtifactId, name: String, media_type: String, bytes: &[u8]) -> NewVersion {
    let (content_hash, value_hash) = hashes(&media_type, bytes);
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    NewVersion { id, name, media_type, content_hash, value_hash, size, copy_of: None }
}
