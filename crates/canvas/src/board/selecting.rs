//! Selecting along the lines: what the selection comes from, and what comes of it.
//! Nothing here changes the definition, and nothing that was selected is let go.

use workflow::{StepKey, words::count};

use super::{Board, input::Output};

/// Which way lines are followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// To what comes before.
    Upstream,
    /// To what comes after.
    Downstream,
}

impl Board {
    /// The nodes that are selected, in the order in which they were.
    pub(super) fn selected_nodes(&self) -> Vec<u32> {
        self.selection.iter().filter_map(|key| self.scene.node(key)).collect()
    }

    /// By node, whether it is selected.
    pub(crate) fn selected_of_all(&self) -> Vec<bool> {
        let mut selected = vec![false; self.scene.n_nodes()];
        for node in self.selected_nodes() {
            selected[node as usize] = true;
        }
        selected
    }

    /// Selects everything that comes before, or after, what is selected too. Of a line its one end begins.
    pub fn select_along(&mut self, way: Way) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        let begin: Vec<u32> = match (&self.selected_edge, way) {
            (Some((from, _)), Way::Upstream) => self.scene.node(from).into_iter().collect(),
            (Some((_, to)), Way::Downstream) => self.scene.node(to).into_iter().collect(),
            (None, _) => self.selected_nodes(),
        };
        if begin.is_empty() {
            out.push(Output::Say("Select a step first".to_owned()));
            return out;
        }
        let found = self.reached(&begin, way);
        if found.is_empty() {
            let words = match way {
                Way::Upstream => "Nothing else comes before what is selected",
                Way::Downstream => "Nothing else comes after what is selected",
            };
            out.push(Output::Say(words.to_owned()));
        }
        let key = |node: &u32| self.scene.key(*node).clone();
        // Where the keyboard stood it stays: the last one is its place.
        let selection: Vec<StepKey> = self.scene.in_order(found).iter().chain(&begin).map(key).collect();
        let n = selection.len();
        self.select(selection, &mut out);
        out.push(Output::Say(format!("{} selected", count(n, "step"))));
        out
    }

    /// Every other node that a way along the lines leads to.
    fn reached(&self, begin: &[u32], way: Way) -> Vec<u32> {
        let mut is_known = vec![false; self.scene.n_nodes()];
        for node in begin {
            is_known[*node as usize] = true;
        }
        let mut found = Vec::new();
        let mut left = begin.to_vec();
        while let Some(node) = left.pop() {
            let edges = match way {
                Way::Upstream => &self.scene.edges_in[node as usize],
                Way::Downstream => &self.scene.edges_out[node as usize],
            };
            for edge in edges {
                let edge = &self.scene.edges[*edge as usize];
                let next = match way {
                    Way::Upstream => edge.from,
                    Way::Downstream => edge.to,
                };
                if !std::mem::replace(&mut is_known[next as usize], true) {
                    found.push(next);
                    left.push(next);
                }
            }
        }
        found
    }
}
