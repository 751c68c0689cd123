//! Content, as the tables of a database hold it: what is small lies with its artifact, what is large among the blobs, written ahead.
//! It must never hand out content that no commit and no blob brought.

use std::{collections::BTreeMap, sync::Arc};

use workflow::{ArtifactId, run::RunEvent};

use crate::commit::RunCommit;

#[derive(Clone, Debug, Default)]
pub struct Contents {
    artifacts: BTreeMap<ArtifactId, Artifact>,
    blobs: BTreeMap<String, Arc<[u8]>>,
}

#[derive(Clone, Debug)]
struct Artifact {
    hash: String,
    /// None: it lies among the blobs.
    content: Option<Arc<[u8]>>,
}

impl Contents {
    pub fn of(&self, id: ArtifactId) -> Option<&Arc<[u8]>> {
        let Artifact { hash, content } = self.artifacts.get(&id)?;
        content.as_ref().or_else(|| self.blobs.get(hash))
    }

    pub(crate) fn put(&mut self, hash: &str, bytes: &[u8]) {
        self.blobs.insert(hash.to_owned(), Arc::from(bytes));
    }

    pub(super) fn has_blob(&self, hash: &str) -> bool {
        self.blobs.contains_key(hash)
    }

    /// The new artifacts of an event, with what goes with its commit.
    pub(super) fn write(&mut self, event: &RunEvent, commit: &RunCommit) {
        for version in &event.data.artifacts {
            if self.artifacts.contains_key(&version.id) {
                continue;
            }
            let hash = version.content_hash.clone();
            let copied = || self.artifacts.get(&version.copy_of?)?.content.clone();
            let content = commit.content(&hash).map(Arc::from).or_else(copied);
            self.artifacts.insert(version.id, Artifact { hash, content });
        }
    }
}
