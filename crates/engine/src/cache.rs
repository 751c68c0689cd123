//! What never changes and is asked for all the time: the frozen part of runs by version, agent versions, and which prompts are kept.
//! Bounded; anything that can change (overrides, artifacts) must never be kept here.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use store::{Store, protocol::RunContext};
use workflow::{AgentId, AgentSpec, RunId};

use crate::content::Contents;

const MAX_RUNS: usize = 512;
const MAX_AGENTS: usize = 1024;
const MAX_PROMPTS: usize = 4096;

#[derive(Default)]
pub(crate) struct Cache {
    /// A run that moved on to another version is read again.
    runs: Mutex<HashMap<RunId, Arc<RunContext>>>,
    agents: Mutex<HashMap<(AgentId, i32), Arc<AgentSpec>>>,
    /// Hashes of prompts that the database is known to hold.
    prompts: Mutex<HashSet<String>>,
    pub contents: Contents,
}

fn keep<K: std::hash::Hash + Eq, V>(map: &Mutex<HashMap<K, V>>, max: usize, items: impl IntoIterator<Item = (K, V)>) {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    if map.len() >= max {
        // Everything can be read again; a full sweep now and then is cheaper than keeping an order of use.
        map.clear();
    }
    map.extend(items);
}

impl Cache {
    /// The contexts of all named runs; a run that is gone is absent.
    pub(crate) async fn runs(
        &self,
        store: &Store,
        wanted: BTreeSet<(RunId, i32)>,
    ) -> Result<BTreeMap<RunId, Arc<RunContext>>, store::Error> {
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        {
            let known = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            for (run, version) in wanted {
                match known.get(&run) {
                    Some(context) if context.version >= version => {
                        found.insert(run, Arc::clone(context));
                    }
                    _ => missing.push(run),
                }
            }
        }
        if !missing.is_empty() {
            let read: Vec<_> = store
                .run_contexts(&missing)
                .await?
                .into_iter()
                .map(|(run, context)| (run, Arc::new(context)))
                .collect();
            found.extend(read.iter().cloned());
            keep(&self.runs, MAX_RUNS, read);
        }
        Ok(found)
    }

    pub(crate) async fn agents(
        &self,
        store: &Store,
        wanted: BTreeSet<(AgentId, i32)>,
    ) -> Result<BTreeMap<(AgentId, i32), Arc<AgentSpec>>, store::Error> {
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        {
            let known = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
            for agent in wanted {
                match known.get(&agent) {
                    Some(spec) => {
                        found.insert(agent, Arc::clone(spec));
                    }
                    None => missing.push(agent),
                }
            }
        }
        if !missing.is_empty() {
            let read: Vec<_> = store
                .agent_versions(missing)
                .await?
                .into_iter()
                .map(|spec| ((spec.id.clone(), spec.version), Arc::new(spec)))
                .collect();
            found.extend(read.iter().cloned());
            keep(&self.agents, MAX_AGENTS, read);
        }
        Ok(found)
    }

    /// Remembers a prompt that an attempt is made with. Failing costs only the text in a later lineage.
    pub(crate) async fn keep_prompt(&self, store: &Store, hash: &str, text: &str) {
        if self.prompts.lock().unwrap_or_else(PoisonError::into_inner).contains(hash) {
            return;
        }
        match store.keep_prompt(hash, text).await {
            Ok(()) => {
                let mut known = self.prompts.lock().unwrap_or_else(PoisonError::into_inner);
                if known.len() >= MAX_PROMPTS {
                    known.clear();
                }
                known.insert(hash.to_owned());
            }
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "a prompt was not kept"),
        }
    }
}
