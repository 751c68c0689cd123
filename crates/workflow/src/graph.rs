//! The dependency graph of a definition: order, reachability, and the path that would close a cycle.
//! Edges run from a dependency to its dependent. Unknown steps are left out: the validator names them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petgraph::{algo, graphmap::DiGraphMap};

use crate::{definition::Definition, id::StepKey};

#[derive(Clone, Debug)]
pub struct Graph<'a> {
    keys: Vec<&'a StepKey>,
    index: BTreeMap<&'a StepKey, u32>,
    edges: DiGraphMap<u32, ()>,
}

impl<'a> Graph<'a> {
    pub fn of(definition: &'a Definition) -> Self {
        let keys: Vec<&StepKey> = definition.steps.keys().collect();
        let index: BTreeMap<&StepKey, u32> = keys.iter().copied().zip(0..).collect();
        let mut edges = DiGraphMap::with_capacity(keys.len(), keys.len());
        for &node in index.values() {
            edges.add_node(node);
        }
        for (key, step) in &definition.steps {
            for dependency in step.direct_dependencies() {
                if let Some(&from) = index.get(dependency)
                    && dependency != key
                {
                    edges.add_edge(from, index[key], ());
                }
            }
        }
        Self { keys, index, edges }
    }

    fn key(&self, node: u32) -> &'a StepKey {
        self.keys[node as usize]
    }

    /// The steps in an order in which every dependency comes first, ties by key; or the steps that stand on cycles.
    pub fn order(&self) -> Result<Vec<&'a StepKey>, Vec<&'a StepKey>> {
        let mut waiting: Vec<usize> = (0..)
            .take(self.keys.len())
            .map(|node| self.edges.neighbors_directed(node, petgraph::Incoming).count())
            .collect();
        let mut ready: BTreeSet<u32> =
            (0..).zip(&waiting).filter(|(_, left)| **left == 0).map(|(node, _)| node).collect();
        let mut order = Vec::with_capacity(self.keys.len());
        while let Some(node) = ready.pop_first() {
            order.push(self.key(node));
            for next in self.edges.neighbors(node) {
                waiting[next as usize] -= 1;
                if waiting[next as usize] == 0 {
                    ready.insert(next);
                }
            }
        }
        if order.len() == self.keys.len() {
            return Ok(order);
        }
        let mut on_cycle: Vec<&StepKey> = self.on_cycles().into_iter().flatten().collect();
        on_cycle.sort();
        Err(on_cycle)
    }

    /// The steps that stand on cycles, those together that wait for each other.
    pub fn on_cycles(&self) -> Vec<Vec<&'a StepKey>> {
        // Not Tarjan's way: petgraph calls itself there for every step, and a draft may be one ring of all its steps.
        let components = algo::kosaraju_scc(&self.edges).into_iter().filter(|component| component.len() > 1);
        components.map(|component| component.into_iter().map(|node| self.key(node)).collect()).collect()
    }

    /// The steps that `key` waits for, directly or not.
    pub fn ancestors(&self, key: &StepKey) -> BTreeSet<&'a StepKey> {
        self.reach(key, petgraph::Incoming)
    }

    /// The steps that wait for `key`, directly or not.
    pub fn descendants(&self, key: &StepKey) -> BTreeSet<&'a StepKey> {
        self.reach(key, petgraph::Outgoing)
    }

    fn reach(&self, key: &StepKey, direction: petgraph::Direction) -> BTreeSet<&'a StepKey> {
        let mut seen = BTreeSet::new();
        let mut queue: VecDeque<u32> = self.index.get(key).copied().into_iter().collect();
        while let Some(node) = queue.pop_front() {
            for next in self.edges.neighbors_directed(node, direction) {
                if seen.insert(self.key(next)) {
                    queue.push_back(next);
                }
            }
        }
        seen
    }

    /// The cycle that a new edge `from` -> `to` (`to` depends on `from`) would close, as the path from `to` back to `to`.
    pub fn cycle_with(&self, from: &StepKey, to: &StepKey) -> Option<Vec<&'a StepKey>> {
        let (&start, &end) = (self.index.get(to)?, self.index.get(from)?);
        if start == end {
            return Some(vec![self.key(start), self.key(start)]);
        }
        let mut came_from: BTreeMap<u32, u32> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            if node == end {
                let mut path = vec![self.key(start)];
                let mut at = end;
                while at != start {
                    path.push(self.key(at));
                    at = came_from[&at];
                }
                path.push(self.key(start));
                path.reverse();
                return Some(path);
            }
            for next in self.edges.neighbors(node) {
                if next != start && !came_from.contains_key(&next) {
                    came_from.insert(next, node);
                    queue.push_back(next);
                }
            }
        }
        None
    }

    pub fn n_edges(&self) -> usize {
        self.edges.edge_count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn chain() -> Definition {
        Definition::from_value(&json!({"steps":{
            "a":{"agent_id":"x"}, "b":{"agent_id":"x","depends_on":["a"]}, "c":{"agent_id":"x","depends_on":["b"]}}}))
        .unwrap()
    }

    #[test]
    fn the_closing_path_is_told() {
        let definition = chain();
        let graph = Graph::of(&definition);
        let path = graph.cycle_with(&"c".into(), &"a".into()).unwrap();
        assert_eq!(path.iter().map(|key| key.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "a"]);
        assert!(graph.cycle_with(&"a".into(), &"c".into()).is_none());
        assert!(graph.cycle_with(&"a".into(), &"a".into()).is_some());
    }

    #[test]
    fn a_ring_of_all_steps_is_found_on_a_small_stack() {
        let n_steps = crate::limits::MAX_STEPS;
        let key = |n: usize| StepKey::new(format!("s{n:05}"));
        let mut ring = Definition::default();
        for n in 0..n_steps {
            let mut step = crate::Step::new("x".into());
            step.depends_on.insert(key((n + n_steps - 1) % n_steps));
            ring.steps.insert(key(n), step);
        }
        let judged = std::thread::Builder::new().stack_size(256 * 1024).spawn(move || {
            let graph = Graph::of(&ring);
            let path = graph.cycle_with(&key(n_steps - 1), &key(0)).unwrap();
            let is_straight = path.iter().zip((0..n_steps).chain([0])).all(|(step, n)| **step == key(n));
            (graph.order().unwrap_err().len(), path.len(), is_straight)
        });
        assert_eq!(judged.unwrap().join().unwrap(), (n_steps, n_steps + 1, true));
    }

    proptest! {
        #[test]
        fn an_edge_closes_a_cycle_exactly_when_the_order_is_lost(
            edges in prop::collection::vec((0_u8..8, 0_u8..8), 0..24), from in 0_u8..8, to in 0_u8..8,
        ) {
            let mut definition = Definition::default();
            for n in 0..8_u8 {
                definition.steps.insert(StepKey::new(format!("s{n}")), crate::Step::new("x".into()));
            }
            // Only forward edges, so that the base graph has none.
            for (a, b) in edges.into_iter().filter(|(a, b)| a < b) {
                definition.steps.get_mut(format!("s{b}").as_str()).unwrap().depends_on.insert(StepKey::new(format!("s{a}")));
            }
            let (from, to) = (StepKey::new(format!("s{from}")), StepKey::new(format!("s{to}")));
            let closes = Graph::of(&definition).cycle_with(&from, &to).is_some();
            definition.steps.get_mut(&to).unwrap().depends_on.insert(from.clone());
            let ordered = Graph::of(&definition).order().is_ok() && from != to;
            prop_assert_eq!(closes, !ordered);
        }
    }
}
