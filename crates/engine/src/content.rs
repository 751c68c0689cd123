//! Artifacts as the values that steps read. A version never changes, so one that many steps read is read and parsed once.
//! What is kept is bounded by bytes, and what is read by whoever asks for it, who knows its size before.
//! What cannot be read stays an error of the step that wants it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use agents::AgentError;
use serde_json::Value;
use store::{Store, protocol::LatestArtifact};
use workflow::{
    ArtifactId, StepKey,
    resolve::{InputArtifact, InputArtifacts},
    source::Source,
    status::Reason,
};

/// Bytes of content that are kept for the next step that reads it; a value is a few times larger.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A version as its readers see it.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub meta: LatestArtifact,
    /// None when it is not what its type says.
    pub value: Option<Arc<Value>>,
}

#[derive(Default)]
pub(crate) struct Contents(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    values: HashMap<ArtifactId, Option<Arc<Value>>>,
    bytes: usize,
}

impl Contents {
    /// Versions as their readers see them, by the step that wants them.
    pub(crate) async fn read(
        &self,
        store: &Store,
        metas: Vec<LatestArtifact>,
    ) -> Result<BTreeMap<i64, Vec<Read>>, store::Error> {
        let mut known: BTreeMap<ArtifactId, Option<Arc<Value>>> = BTreeMap::new();
        {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for meta in &metas {
                if let Some(value) = kept.values.get(&meta.id) {
                    known.insert(meta.id, value.clone());
                }
            }
        }
        let missing: BTreeMap<ArtifactId, &LatestArtifact> =
            metas.iter().filter(|meta| !known.contains_key(&meta.id)).map(|meta| (meta.id, meta)).collect();
        if !missing.is_empty() {
            let ids: Vec<ArtifactId> = missing.keys().copied().collect();
            for (id, bytes) in store.contents(&ids).await? {
                let Some(meta) = missing.get(&id) else { continue };
                let value = parse(meta, &bytes).map(Arc::new);
                self.keep(id, bytes.len(), value.clone());
                known.insert(id, value);
            }
        }
        let mut found: BTreeMap<i64, Vec<Read>> = BTreeMap::new();
        for meta in metas {
            let value = known.get(&meta.id).cloned().flatten();
            found.entry(meta.step).or_default().push(Read { meta, value });
        }
        Ok(found)
    }

    fn keep(&self, id: ArtifactId, bytes: usize, value: Option<Arc<Value>>) {
        if bytes > MAX_BYTES / 4 {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + bytes > MAX_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += bytes;
        kept.values.insert(id, value);
    }
}

/// The latest versions that steps want: (step, key of the producer, name). Their content is not read yet.
pub(crate) async fn latest(
    store: &Store,
    wanted: &[(i64, StepKey, String)],
) -> Result<BTreeMap<i64, Vec<LatestArtifact>>, store::Error> {
    let mut found: BTreeMap<i64, Vec<LatestArtifact>> = BTreeMap::new();
    if !wanted.is_empty() {
        for meta in store.latest_artifacts(wanted).await? {
            found.entry(meta.step).or_default().push(meta);
        }
    }
    Ok(found)
}

/// Bytes of memory that reading these takes, roughly: a text is there twice, as the artifact and as what an agent is given,
/// and a JSON value is several times as large as its text.
pub(crate) fn weight(metas: &[LatestArtifact]) -> u64 {
    let each = metas.iter().map(|meta| {
        let size = u64::try_from(meta.size).unwrap_or_default();
        size.saturating_mul(if meta.media_type == "application/json" { 8 } else { 2 })
    });
    each.fold(0, u64::saturating_add)
}

/// JSON as it is, everything else as text.
fn parse(meta: &LatestArtifact, bytes: &[u8]) -> Option<Value> {
    if meta.media_type == "application/json" {
        workflow::json::kept(bytes)
    } else {
        std::str::from_utf8(bytes).ok().map(|text| Value::String(text.to_owned()))
    }
}

/// The steps' artifacts that sources read.
pub(crate) fn names<'a>(sources: impl IntoIterator<Item = &'a Source>) -> BTreeSet<(&'a StepKey, &'a String)> {
    sources
        .into_iter()
        .filter_map(|source| match source {
            Source::Step { step, artifact, .. } => Some((step, artifact)),
            Source::Const(_) | Source::Run { .. } | Source::Item { .. } => None,
        })
        .collect()
}

/// Artifacts as sources see them; one that cannot be read is the step's failure.
pub(crate) fn inputs(read: &[Read]) -> Result<InputArtifacts, AgentError> {
    read.iter()
        .map(|read| {
            let meta = &read.meta;
            let Some(value) = read.value.clone() else {
                let message = if meta.media_type == "application/json" {
                    format!("The artifact `{}` of `{}` is no JSON", meta.name, meta.key)
                } else {
                    format!(
                        "The artifact `{}` of `{}` is a file of the type {}, which cannot be read as text",
                        meta.name, meta.key, meta.media_type
                    )
                };
                return Err(AgentError::new(Reason::InvalidOutput, message));
            };
            let (id, version, value_hash) = (meta.id, meta.version, meta.hash.clone());
            Ok(((meta.key.clone(), meta.name.clone()), InputArtifact { id, version, value_hash, value }))
        })
        .collect()
}
