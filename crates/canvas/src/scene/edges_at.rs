//! The lines at each card, in one array beside where those of each card begin: a list for each card would be thousands of small pieces of
//! memory, made anew with every edit. It knows numbers of cards and lines alone.

use std::ops::Index;

/// By node, the edges that end there, or that begin there; each ascending.
#[derive(Clone, Debug, Default)]
pub struct EdgesAt {
    /// By node, where its edges begin, and behind the last one their number.
    begins: Vec<u32>,
    edges: Vec<u32>,
}

impl EdgesAt {
    /// `nodes` has the node of each edge, in the order of the edges.
    pub(super) fn of(n_nodes: usize, nodes: impl Iterator<Item = u32> + Clone) -> Self {
        let mut begins = vec![0_u32; n_nodes + 1];
        for node in nodes.clone() {
            begins[node as usize + 1] += 1;
        }
        let mut n_before = 0;
        for begin in &mut begins {
            n_before += *begin;
            *begin = n_before;
        }
        let mut edges = vec![0; n_before as usize];
        let mut next = begins.clone();
        for (edge, node) in (0..).zip(nodes) {
            let place = &mut next[node as usize];
            edges[*place as usize] = edge;
            *place += 1;
        }
        Self { begins, edges }
    }
}

impl Index<usize> for EdgesAt {
    type Output = [u32];

    /// # Panics
    /// If there is no such node.
    fn index(&self, node: usize) -> &[u32] {
        &self.edges[self.begins[node] as usize..self.begins[node + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_node_has_its_edges_in_their_order(nodes in prop::collection::vec(0_u32..9, 0..40)) {
            let found = EdgesAt::of(9, nodes.iter().copied());
            for node in 0..9_u32 {
                let expected: Vec<u32> =
                    (0..).zip(&nodes).filter(|(_, at)| **at == node).map(|(edge, _)| edge).collect();
                prop_assert_eq!(&found[node as usize], expected.as_slice());
            }
        }
    }
}
