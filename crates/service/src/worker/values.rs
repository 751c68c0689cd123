//! Values on their way to outside workers: what a task is given, read and resolved as for an agent inside, inline or as content of its own.
//! Must never give content that is not the run's: a hash that somebody typed opens nothing.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use workflow::{
    AgentId, AgentSpec,
    content::{JSON, Read, parse, weight},
    hash::sha256_hex,
    run::{state::Version, task::ItemFrom, task::Task},
    schema::Schema,
};

use super::{Inner, limits, wire::Content};
use crate::Result;

const MAX_AGENTS: usize = 1_024;
/// Memory is counted in these.
const UNIT: u64 = 4 * 1024;

/// Agent versions by the history that they were read in, in which they never change.
#[derive(Default)]
pub(super) struct Agents(Mutex<HashMap<(u64, AgentId, i32), Arc<AgentSpec>>>);

/// Memory for values that are read.
pub(super) struct Memory(Arc<Semaphore>);

impl Default for Memory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(limits::MEMORY / usize::try_from(UNIT).unwrap_or(1))))
    }
}

impl Memory {
    /// Waits its turn; what is larger than all of it gets all of it alone.
    pub(super) async fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let all = u64::try_from(limits::MEMORY).unwrap_or(u64::MAX) / UNIT;
        let units = u32::try_from((bytes / UNIT + 1).min(all)).unwrap_or(u32::MAX);
        Arc::clone(&self.0).acquire_many_owned(units).await.ok()
    }
}

impl Inner {
    pub(super) async fn agent(&self, id: &AgentId, version: i32) -> Result<Option<Arc<AgentSpec>>> {
        let key = (self.store.history(), id.clone(), version);
        let known = |agents: &Agents| agents.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(spec) = known(&self.agents) {
            return Ok(Some(spec));
        }
        let Some(spec) = self.store.agent(id, Some(version)).await?.map(Arc::new) else { return Ok(None) };
        let mut agents = self.agents.0.lock().unwrap_or_else(PoisonError::into_inner);
        if agents.len() >= MAX_AGENTS {
            agents.clear();
        }
        agents.insert(key, Arc::clone(&spec));
        Ok(Some(spec))
    }

    /// Versions as their readers see them, in the order in which they are asked for.
    pub(super) async fn read(&self, metas: Vec<Version>) -> Result<Vec<Read>> {
        let ids: Vec<_> = metas.iter().map(|meta| meta.id).collect();
        let contents = self.store.artifact_contents(&ids).await?;
        let value = |meta: &Version| parse(&meta.media_type, contents.get(&meta.id)?).map(Arc::new);
        Ok(metas.into_iter().map(|meta| Read { value: value(&meta), meta }).collect())
    }

    /// The value of the task's item, where it is one.
    pub(super) async fn item(&self, task: &Task) -> Result<Option<Value>> {
        match task.item_from() {
            ItemFrom::Nowhere => Ok(None),
            ItemFrom::Value(value) => Ok(value),
            ItemFrom::List(meta) => {
                let _held = self.memory.take(weight([meta])).await;
                let read = self.read(vec![meta.clone()]).await?;
                let list = read.first().and_then(|read| read.value.as_deref());
                Ok(list.and_then(|list| task.item_of(list)))
            }
        }
    }
}

/// Values of one task, with what of them has to be kept as content.
#[derive(Default)]
pub(super) struct Packing {
    /// Bytes that still go inline.
    pub(super) room: usize,
    /// By hash: what is given as content of its own.
    pub(super) blobs: BTreeMap<String, Vec<u8>>,
    /// Files that the values name.
    pub(super) files: Vec<String>,
}

impl Packing {
    pub(super) fn with_room(room: usize) -> Self {
        Self { room, ..Self::default() }
    }

    /// A value as its port has it. `media_type`: of the text that it is all of.
    pub(super) fn pack(&mut self, value: &Value, schema: Option<&Schema>, media_type: Option<&str>) -> Content {
        if let Some(schema) = schema {
            self.files.extend(schema.files(value).into_iter().map(|file| file.blob));
        }
        let (media_type, bytes) = match value {
            Value::String(text) => (text_type(schema, media_type), text.len()),
            other => (JSON.to_owned(), other.to_string().len()),
        };
        let mut content = Content { media_type, value: None, text: None, blob: None, size: None };
        if bytes <= limits::MAX_INLINE && bytes <= self.room {
            self.room -= bytes;
            match value {
                Value::String(text) => content.text = Some(text.clone()),
                other => content.value = Some(other.clone()),
            }
            return content;
        }
        let bytes = match value {
            Value::String(text) => text.clone().into_bytes(),
            other => other.to_string().into_bytes(),
        };
        let hash = sha256_hex(&bytes);
        (content.blob, content.size) = (Some(hash.clone()), Some(bytes.len() as u64));
        self.blobs.insert(hash, bytes);
        content
    }
}

fn text_type(schema: Option<&Schema>, media_type: Option<&str>) -> String {
    let is_markdown = schema.is_some_and(|schema| schema.format == "markdown");
    let known = media_type.filter(|known| *known != JSON).map(str::to_owned);
    known.unwrap_or_else(|| if is_markdown { "text/markdown" } else { "text/plain" }.to_owned())
}
