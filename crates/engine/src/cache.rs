//! What never changes and is asked for all the time: the frozen part of runs, and agent versions.
//! Bounded; anything that can change (overrides, artifacts) must never be kept here.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use store::{Store, protocol::RunContext};
use workflow::{AgentId, AgentSpec, RunId};

const MAX_RUNS: usize = 512;
const MAX_AGENTS: usize = 1024;

#[derive(Default)]
pub(crate) struct Cache {
    runs: Mutex<HashMap<RunId, Arc<RunContext>>>,
    agents: Mutex<HashMap<(AgentId, i32), Arc<AgentSpec>>>,
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
        wanted: BTreeSet<RunId>,
    ) -> Result<BTreeMap<RunId, Arc<RunContext>>, store::Error> {
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        {
            let known = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            for run in wanted {
                match known.get(&run) {
                    Some(context) => {
                        found.insert(run, Arc::clone(context));
                    }
                    None => missing.push(run),
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
}
