//! Artifacts as the values that steps read. A version never changes, so one that many steps read is read and parsed once.
//! What is kept is bounded by bytes, and what is read by whoever asks for it, who knows its size before.
//! What cannot be read stays an error of the step that wants it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::OnceCell;
use workflow::{
    ArtifactId,
    content::{Read, parse},
    run::state::Version,
};

use crate::{
    bugs::{Bug, is_on},
    shelf::{self, Shelf},
};

/// Bytes of content after which what was kept before grows old, and what was old goes: so twice as much is kept for the next step that
/// reads it, and never what came last is forgotten. A value is a few times larger.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Lists whose items run now, however large each is.
const MAX_LISTS: usize = 4;

type Cell = Arc<OnceCell<Option<Arc<Value>>>>;

#[derive(Default)]
pub(crate) struct Contents {
    kept: Mutex<Kept>,
    lists: Mutex<VecDeque<(ArtifactId, Cell)>>,
}

#[derive(Default)]
struct Kept {
    young: HashMap<ArtifactId, Option<Arc<Value>>>,
    old: HashMap<ArtifactId, Option<Arc<Value>>>,
    /// Of those that are young.
    bytes: usize,
}

impl Kept {
    fn get(&self, id: ArtifactId) -> Option<&Option<Arc<Value>>> {
        self.young.get(&id).or_else(|| self.old.get(&id))
    }

    fn put(&mut self, id: ArtifactId, bytes: usize, value: Option<Arc<Value>>) {
        // Several that began at the same time read the same: it takes room once.
        if self.young.contains_key(&id) {
            return;
        }
        if self.bytes + bytes > MAX_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += bytes;
        self.young.insert(id, value);
    }
}

impl Contents {
    /// Versions as their readers see them, in the order in which they are asked for.
    pub(crate) async fn read(&self, from: &dyn Shelf, metas: Vec<Version>) -> shelf::Result<Vec<Read>> {
        let mut known: BTreeMap<ArtifactId, Option<Arc<Value>>> = BTreeMap::new();
        {
            let kept = self.kept();
            known.extend(metas.iter().filter_map(|meta| Some((meta.id, kept.get(meta.id)?.clone()))));
        }
        let missing: BTreeMap<ArtifactId, &Version> =
            metas.iter().filter(|meta| !known.contains_key(&meta.id)).map(|meta| (meta.id, meta)).collect();
        if !missing.is_empty() {
            let ids: Vec<ArtifactId> = missing.keys().copied().collect();
            for (id, bytes) in from.contents(&ids).await? {
                let Some(meta) = missing.get(&id) else { continue };
                let value = parse(&meta.media_type, &bytes).map(Arc::new);
                self.keep(id, bytes.len(), value.clone());
                known.insert(id, value);
            }
        }
        let read = |meta: Version| Read { value: known.get(&meta.id).cloned().flatten(), meta };
        Ok(metas.into_iter().map(read).collect())
    }

    /// The list whose items many attempts read at the same time: it is read once for all of them.
    pub(crate) async fn list(&self, from: &dyn Shelf, meta: &Version) -> shelf::Result<Option<Arc<Value>>> {
        if let Some(value) = self.kept().get(meta.id) {
            return Ok(value.clone());
        }
        let cell = self.cell(meta.id);
        let read = async {
            let bytes = from.contents(&[meta.id]).await?.remove(&meta.id);
            let value = bytes.as_deref().and_then(|bytes| parse(&meta.media_type, bytes)).map(Arc::new);
            self.keep(meta.id, bytes.map_or(0, |bytes| bytes.len()), value.clone());
            Ok::<_, shelf::Error>(value)
        };
        cell.get_or_try_init(|| read).await.cloned()
    }

    fn cell(&self, id: ArtifactId) -> Cell {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cell)) = lists.iter().find(|(known, _)| *known == id || is_on(Bug::ReadsOtherList)) {
            return Arc::clone(cell);
        }
        if lists.len() >= MAX_LISTS {
            lists.pop_front();
        }
        let cell = Cell::default();
        lists.push_back((id, Arc::clone(&cell)));
        cell
    }

    /// What was made here is most often read here.
    pub(crate) fn keep_made(&self, id: ArtifactId, media_type: &str, bytes: &[u8]) {
        self.keep(id, bytes.len(), parse(media_type, bytes).map(Arc::new));
    }

    fn keep(&self, id: ArtifactId, bytes: usize, value: Option<Arc<Value>>) {
        if bytes <= MAX_BYTES {
            self.kept().put(id, bytes, value);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_last_is_kept_and_what_came_long_before_is_not() {
        let (contents, size) = (Contents::default(), MAX_BYTES / 4);
        let id = |n: u128| ArtifactId(uuid::Uuid::from_u128(n));
        let mut most = 0;
        for n in 0..40 {
            contents.keep(id(n), size, None);
            let kept = contents.kept();
            let is_there = |n: u128| kept.get(id(n)).is_some();
            assert!((n.saturating_sub(4)..=n).all(is_there), "of the last five none is forgotten at {n}");
            most = most.max(kept.young.len() + kept.old.len());
        }
        assert_eq!(most, 8, "twice as much as grows old at once");
        contents.keep(id(99), MAX_BYTES + 1, None);
        assert!(contents.kept().get(id(99)).is_none());
        for _ in 0..40 {
            contents.keep(id(39), size, None);
        }
        assert!(contents.kept().get(id(32)).is_some(), "one that comes again makes nobody older");
    }
}
