//! What never changes and is asked for all the time: agent versions, what published versions come to, and which prompts are kept.
//! Bounded; anything that can change (overrides, artifacts) must never be kept here.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::OnceCell;
use workflow::{AgentCatalog, AgentId, AgentSpec, Definition, Plan, TemplateId};

use crate::{
    content::Contents,
    shelf::{self, Shelf},
};

const MAX_AGENTS: usize = 1024;
const MAX_PROMPTS: usize = 4096;
const MAX_VERSIONS: usize = 64;

/// A published version as a sub-workflow begins with it, or why it cannot.
pub(crate) type Judged = Result<Arc<Startable>, String>;

#[derive(Debug)]
pub(crate) struct Startable {
    pub(crate) definition: Arc<Definition>,
    pub(crate) plan: Plan,
    pub(crate) agents: AgentCatalog,
}

#[derive(Default)]
pub(crate) struct Cache {
    agents: Mutex<HashMap<(AgentId, i32), Arc<AgentSpec>>>,
    versions: Mutex<HashMap<(TemplateId, i32), Judged>>,
    /// By hash, whether the database holds a prompt. Attempts that begin at the same time wait for one answer.
    prompts: Mutex<HashMap<String, Arc<OnceCell<bool>>>>,
    /// Of the database that all of it was read from.
    history: AtomicU64,
    pub(crate) contents: Contents,
}

fn keep<K: Hash + Eq, V>(map: &Mutex<HashMap<K, V>>, max: usize, items: impl IntoIterator<Item = (K, V)>) {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    if map.len() >= max {
        // Everything can be read again; a full sweep now and then is cheaper than keeping an order of use.
        map.clear();
    }
    map.extend(items);
}

fn known<K: Hash + Eq, V: Clone>(map: &Mutex<HashMap<K, V>>, key: &K) -> Option<V> {
    map.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
}

impl Cache {
    /// A worker begins. On another history of the database a number may stand for something else; contents have ids that never come again.
    pub(crate) fn begin(&self, history: u64) {
        if self.history.swap(history, Ordering::SeqCst) == history {
            return;
        }
        self.agents.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.prompts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) async fn agent(
        &self,
        from: &dyn Shelf,
        id: &AgentId,
        version: i32,
    ) -> shelf::Result<Option<Arc<AgentSpec>>> {
        let wanted = (id.clone(), version);
        if let Some(spec) = known(&self.agents, &wanted) {
            return Ok(Some(spec));
        }
        Ok(self.agents(from, [wanted.clone()].into()).await?.remove(&wanted))
    }

    pub(crate) async fn agents(
        &self,
        from: &dyn Shelf,
        wanted: BTreeSet<(AgentId, i32)>,
    ) -> shelf::Result<BTreeMap<(AgentId, i32), Arc<AgentSpec>>> {
        let mut found = BTreeMap::new();
        let mut missing = BTreeSet::new();
        for agent in wanted {
            match known(&self.agents, &agent) {
                Some(spec) => {
                    found.insert(agent, spec);
                }
                None => {
                    missing.insert(agent);
                }
            }
        }
        if !missing.is_empty() {
            let read = from.agent_versions(&missing).await?;
            let read: Vec<_> = read.into_iter().map(|spec| ((spec.id.clone(), spec.version), Arc::new(spec))).collect();
            found.extend(read.iter().cloned());
            keep(&self.agents, MAX_AGENTS, read);
        }
        Ok(found)
    }

    pub(crate) fn version(&self, template: TemplateId, version: i32) -> Option<Judged> {
        known(&self.versions, &(template, version))
    }

    pub(crate) fn keep_version(&self, template: TemplateId, version: i32, judged: Judged) {
        keep(&self.versions, MAX_VERSIONS, [((template, version), judged)]);
    }

    /// Remembers a prompt that an attempt is made with. Failing costs only the text in a later lineage.
    pub(crate) async fn keep_prompt(&self, from: &dyn Shelf, hash: &str, text: &str) {
        let cell = {
            let mut prompts = self.prompts.lock().unwrap_or_else(PoisonError::into_inner);
            if prompts.len() >= MAX_PROMPTS && !prompts.contains_key(hash) {
                prompts.clear();
            }
            Arc::clone(prompts.entry(hash.to_owned()).or_default())
        };
        let kept = cell.get_or_init(|| async {
            let kept = from.keep_prompt(hash, text).await;
            if let Err(error) = &kept {
                tracing::warn!(error = error as &dyn std::error::Error, "a prompt was not kept");
            }
            kept.is_ok()
        });
        if !*kept.await {
            // Who begins later tries again; those who waited do not, or they would wait for the database one after the other.
            let mut prompts = self.prompts.lock().unwrap_or_else(PoisonError::into_inner);
            if prompts.get(hash).is_some_and(|known| Arc::ptr_eq(known, &cell)) {
                prompts.remove(hash);
            }
        }
    }
}
