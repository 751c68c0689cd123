//! Which nodes can be the other end of a line, and why the others cannot: one walk over the graph when a line is begun.
//! What is told here must be what the edit itself says; it is only told earlier.

use std::collections::VecDeque;

use workflow::StepKey;

use crate::{
    edit::Refused,
    scene::{Scene, Side},
};

/// Whether one node can be the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Free,
    /// It is the step that the line begins at.
    Own,
    /// There is such a line already.
    Taken,
    /// A line would close a cycle; the next step on the way that is there already.
    Circle {
        next: u32,
    },
}

/// What is known of every node while a line is drawn from `anchor`.
#[derive(Clone, PartialEq, Debug)]
pub struct Ends {
    anchor: u32,
    side: Side,
    verdicts: Vec<Verdict>,
    /// The line cannot be moved at all.
    held: Option<Refused>,
}

impl Ends {
    /// `side` is that of the port at the anchor. `moved` is the node that a line is being moved away from: it may come back.
    pub(super) fn of(scene: &Scene, anchor: u32, side: Side, moved: Option<u32>, held: Option<Refused>) -> Self {
        let mut verdicts = vec![Verdict::Free; scene.n_nodes()];
        verdicts[anchor as usize] = Verdict::Own;
        // Against the line: from every node that is met a way leads on to the anchor, or from it.
        let mut queue = VecDeque::from([anchor]);
        while let Some(node) = queue.pop_front() {
            let edges = match side {
                Side::Out => &scene.edges_in[node as usize],
                Side::In => &scene.edges_out[node as usize],
            };
            for edge in edges {
                let edge = &scene.edges[*edge as usize];
                let other = if side == Side::Out { edge.from } else { edge.to };
                if verdicts[other as usize] == Verdict::Free {
                    verdicts[other as usize] = Verdict::Circle { next: node };
                    queue.push_back(other);
                }
            }
        }
        let joined = match side {
            Side::Out => &scene.edges_out[anchor as usize],
            Side::In => &scene.edges_in[anchor as usize],
        };
        for edge in joined {
            let edge = &scene.edges[*edge as usize];
            let other = if side == Side::Out { edge.to } else { edge.from };
            if Some(other) != moved {
                verdicts[other as usize] = Verdict::Taken;
            }
        }
        Self { anchor, side, verdicts, held }
    }

    /// It cannot be the other end.
    pub fn is_blocked(&self, node: u32) -> bool {
        self.held.is_some() || self.verdicts[node as usize] != Verdict::Free
    }

    /// A line to it would close a circle.
    pub(super) fn is_circle(&self, node: u32) -> bool {
        self.held.is_none() && matches!(self.verdicts[node as usize], Verdict::Circle { .. })
    }

    /// Why it cannot be the other end, if it cannot.
    pub fn refusal(&self, scene: &Scene, node: u32) -> Option<Refused> {
        let key = |node: u32| scene.key(node).clone();
        if let Some(held) = &self.held {
            return Some(held.clone());
        }
        match self.verdicts[node as usize] {
            Verdict::Free => None,
            Verdict::Own => Some(Refused::SelfDependency(key(node))),
            Verdict::Taken => {
                let (from, to) = self.in_order(node);
                Some(Refused::Duplicate { from: key(from), to: key(to) })
            }
            Verdict::Circle { .. } => Some(Refused::Cycle { path: self.path(scene, node) }),
        }
    }

    /// The two ends in the direction of the line.
    pub(super) fn in_order(&self, other: u32) -> (u32, u32) {
        match self.side {
            Side::Out => (self.anchor, other),
            Side::In => (other, self.anchor),
        }
    }

    /// From the step that would come second along the lines that are there back to itself.
    fn path(&self, scene: &Scene, node: u32) -> Vec<StepKey> {
        let mut way = vec![node];
        let mut at = node;
        while let Verdict::Circle { next } = self.verdicts[at as usize] {
            way.push(next);
            at = next;
        }
        if self.side == Side::In {
            way.reverse();
        }
        way.push(way[0]);
        way.into_iter().map(|node| scene.key(node).clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use workflow::{AgentCatalog, Definition, Step, graph::Graph};

    use super::*;
    use crate::{edit::refuse_edge, flow::Flow, scene::Source};

    fn graph_of(n: u32, lines: &[(u32, u32)]) -> Definition {
        let key = |node: u32| StepKey::new(format!("s{node}"));
        let mut definition = Definition::default();
        for node in 0..n {
            definition.steps.insert(key(node), Step::new("x".into()));
        }
        for (a, b) in lines.iter().map(|(a, b)| (a % n, b % n)).filter(|(a, b)| a != b) {
            let (from, to) = (key(a.min(b)), key(a.max(b)));
            definition.steps.get_mut(&to).unwrap().depends_on.insert(from);
        }
        definition
    }

    proptest! {
        #[test]
        fn what_is_told_of_every_node_is_what_the_edit_says(
            n in 2..10_u32, lines in prop::collection::vec((0..10_u32, 0..10_u32), 0..20), anchor in 0..10_u32, outwards in any::<bool>(),
        ) {
            let definition = graph_of(n, &lines);
            let agents = AgentCatalog::default();
            let source = Source::Draft { agents: &agents };
            let scene = Scene::build(&definition, source, Flow::Right, &mut BTreeMap::new(), None);
            let side = if outwards { Side::Out } else { Side::In };
            let ends = Ends::of(&scene, anchor % n, side, None, None);
            let graph = Graph::of(&definition);
            for node in scene.nodes() {
                let (from, to) = ends.in_order(node);
                let by_edit = refuse_edge(&definition, &graph, scene.key(from), scene.key(to));
                let told = ends.refusal(&scene, node);
                prop_assert_eq!(told.is_some(), ends.is_blocked(node));
                // Of two ways of one length either may be told.
                if let (Some(Refused::Cycle { path }), Some(Refused::Cycle { path: other })) = (&told, &by_edit) {
                    prop_assert_eq!(path.len(), other.len());
                    prop_assert_eq!((path.first(), path.last()), (Some(scene.key(to)), Some(scene.key(to))));
                    for pair in path.windows(2).take(path.len() - 2) {
                        prop_assert!(definition.steps[&pair[1]].depends_on.contains(&pair[0]));
                    }
                } else {
                    prop_assert_eq!(told, by_edit);
                }
            }
        }
    }
}
