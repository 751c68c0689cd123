//! Drawing a connection, by pointer or by keyboard: which ends are possible is known from the start, and a refusal has words.
//! The verdict shown while dragging and the one on release come from the same function as the edit's own.

use kurbo::Point;
use workflow::graph::Graph;

use super::{Board, Content, Gesture, input::Output};
use crate::{
    edit::{Edit, Refused, map_what_fits, refuse_edge},
    scene::{Side, hit::Precision},
};

#[derive(Clone, PartialEq, Debug)]
pub struct Connect {
    pub(super) id: i32,
    /// The node the connection was begun at, and the side of the port.
    pub anchor: u32,
    pub side: Side,
    /// The pointer, on the screen.
    pub at: Point,
    pub target: Option<u32>,
    /// By node: it cannot be the other end.
    pub blocked: Vec<bool>,
    /// Why the present target is refused.
    pub refusal: Option<Refused>,
}

impl Connect {
    /// The ends in the direction of the edge.
    fn ends(&self, other: u32) -> (u32, u32) {
        match self.side {
            Side::Out => (self.anchor, other),
            Side::In => (other, self.anchor),
        }
    }
}

impl Board {
    pub(super) fn begin_connect(&mut self, id: i32, anchor: u32, side: Side, at: Point, out: &mut Vec<Output>) {
        let blocked = self.blocked(anchor, side);
        self.gesture = Gesture::Connect(Connect { id, anchor, side, at, target: None, blocked, refusal: None });
        (self.dirty.base, self.dirty.overlay) = (true, true);
        let words = match side {
            Side::Out => "Drag to the step that comes after",
            Side::In => "Drag to the step that comes before",
        };
        self.set_hint(Some(words.to_owned()), out);
    }

    /// Which nodes cannot be the other end: one walk over the graph, once per gesture.
    fn blocked(&self, anchor: u32, side: Side) -> Vec<bool> {
        let mut blocked = vec![false; self.scene.n_nodes()];
        blocked[anchor as usize] = true;
        let graph = Graph::of(&self.document.definition);
        let key = self.scene.key(anchor);
        let (closing, edges) = match side {
            Side::Out => (graph.ancestors(key), &self.scene.edges_out[anchor as usize]),
            Side::In => (graph.descendants(key), &self.scene.edges_in[anchor as usize]),
        };
        for node in closing.into_iter().filter_map(|key| self.scene.node(key)) {
            blocked[node as usize] = true;
        }
        for edge in edges {
            let edge = &self.scene.edges[*edge as usize];
            let other = if side == Side::Out { edge.to } else { edge.from };
            blocked[other as usize] = true;
        }
        blocked
    }

    pub(super) fn connect_to(&mut self, at: Point, out: &mut Vec<Output>) {
        let Gesture::Connect(connect) = &self.gesture else {
            return;
        };
        // Let go anywhere on a card and it is that card's port that is meant.
        let reach = Precision::Touch.port_radius();
        let port = self.scene.hit_port(&self.camera, at, reach, Some(connect.side.other()));
        let target = port.map(|(node, _)| node).or_else(|| self.scene.hit_node(&self.camera, at));
        let target = target.filter(|target| *target != connect.anchor);
        let (before, side) = (connect.target, connect.side);
        let ends = target.map(|target| connect.ends(target));
        if let Gesture::Connect(connect) = &mut self.gesture {
            (connect.at, connect.target) = (at, target);
        }
        self.dirty.overlay = true;
        if target == before {
            return;
        }
        let refusal = ends.and_then(|(from, to)| {
            let graph = Graph::of(&self.document.definition);
            refuse_edge(&self.document.definition, &graph, self.scene.key(from), self.scene.key(to))
        });
        let words = match (ends, &refusal) {
            (_, Some(refused)) => self.words_of(refused),
            (Some((from, to)), None) => {
                format!("{} → {}", self.scene.title[from as usize], self.scene.title[to as usize])
            }
            (None, None) if side == Side::Out => "Drag to the step that comes after".to_owned(),
            (None, None) => "Drag to the step that comes before".to_owned(),
        };
        if let Gesture::Connect(connect) = &mut self.gesture {
            connect.refusal = refusal;
        }
        self.set_hint(Some(words), out);
    }

    pub(super) fn finish_connect(&mut self, out: &mut Vec<Output>) {
        let Gesture::Connect(connect) = std::mem::take(&mut self.gesture) else {
            return;
        };
        (self.dirty.base, self.dirty.overlay) = (true, true);
        self.set_hint(None, out);
        let Some(target) = connect.target else {
            return;
        };
        if let Some(refused) = connect.refusal {
            out.push(Output::Refused(self.words_of(&refused)));
            return;
        }
        let (from, to) = connect.ends(target);
        self.connect_nodes(from, to, out);
    }

    pub(super) fn connect_nodes(&mut self, from: u32, to: u32, out: &mut Vec<Output>) {
        let (from_key, to_key) = (self.scene.key(from).clone(), self.scene.key(to).clone());
        let mut words = format!("{} now depends on {}", self.scene.title[to as usize], self.scene.title[from as usize]);
        let mapping = match &self.content {
            Content::Draft { agents } => map_what_fits(&self.document.definition, agents, &from_key, &to_key),
            Content::Run { .. } => None,
        };
        let mut edit = Edit::Connect { from: from_key, to: to_key };
        if let Some(mapping) = mapping {
            if let Edit::SetInput { port, .. } = &mapping {
                words = format!("{words}, which feeds its {port}");
            }
            edit = Edit::Batch(vec![edit, mapping]);
        }
        if self.commit(edit, "Connect", None, out) {
            out.push(Output::Say(words));
        }
    }

    /// Connect mode by keyboard: the possible targets, nearest in order of the graph.
    pub(super) fn begin_key_connect(&mut self, out: &mut Vec<Output>) {
        let Some(from) = self.focus.as_ref().and_then(|key| self.scene.node(key)) else {
            out.push(Output::Say("Select a step to connect from".to_owned()));
            return;
        };
        let blocked = self.blocked(from, Side::Out);
        let targets: Vec<u32> = self.scene.order.iter().copied().filter(|node| !blocked[*node as usize]).collect();
        if targets.is_empty() {
            let words = format!("No step can come after {}", self.scene.title[from as usize]);
            out.push(Output::Say(words.clone()));
            out.push(Output::Refused(words));
            return;
        }
        // Begin after the step itself: what follows it in the picture is what is meant most often.
        let rank = |node: u32| self.scene.order.iter().position(|known| *known == node);
        let at = targets.iter().position(|target| rank(*target) > rank(from)).unwrap_or(0);
        self.gesture = Gesture::KeyConnect { from, targets, at };
        self.tell_key_connect(out);
    }

    pub(super) fn step_key_connect(&mut self, forward: bool, out: &mut Vec<Output>) {
        if let Gesture::KeyConnect { targets, at, .. } = &mut self.gesture {
            let n = targets.len();
            *at = if forward { (*at + 1) % n } else { (*at + n - 1) % n };
        }
        self.tell_key_connect(out);
    }

    fn tell_key_connect(&mut self, out: &mut Vec<Output>) {
        let Gesture::KeyConnect { from, targets, at } = &self.gesture else {
            return;
        };
        let Some(target) = targets.get(*at).copied() else {
            return;
        };
        let title = |node: u32| &self.scene.title[node as usize];
        let n = targets.len();
        let words = format!("Connect {} to {} ({} of {n})", title(*from), title(target), at + 1);
        let margin = self.margin();
        if self.camera.reveal(self.scene.rect(target), self.viewport, margin) {
            self.camera_moved();
        }
        self.dirty.overlay = true;
        out.push(Output::Say(format!("{words}. Arrows choose, Enter connects, Escape leaves")));
        self.set_hint(Some(format!("{words} · Enter connects, Esc leaves")), out);
    }

    pub(super) fn finish_key_connect(&mut self, out: &mut Vec<Output>) {
        if let Gesture::KeyConnect { from, targets, at } = std::mem::take(&mut self.gesture) {
            self.set_hint(None, out);
            self.dirty.overlay = true;
            if let Some(target) = targets.get(at) {
                self.connect_nodes(from, *target, out);
            }
        }
    }
}
