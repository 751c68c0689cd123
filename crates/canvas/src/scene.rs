//! The scene: what stands where, as flat arrays with a spatial index over nodes and one over edges.
//! Built from a definition (editor) or from a run; it is derived and never the truth.

mod build;
mod describe;
mod edges_at;
pub mod hit;
mod marks;
mod note_text;
pub mod route;
mod tried;
pub(crate) mod ways;

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap},
    sync::Arc,
};

use kurbo::{Point, Rect};
use workflow::{Severity, StepKey, StepStatus, definition::Colour, merge::Fate, timing::Worked};

use crate::{camera::MAX_COORDINATE, flow::Flow, grid::Grid};

pub(crate) use build::wants_somebody;
pub use build::{Changed, Source};
pub use describe::status_label;
pub use edges_at::EdgesAt;
pub(crate) use marks::note_rect;
pub use marks::{FRAME_HEAD, GroupBox, NOTE_SIZE, NoteBox};
pub use note_text::{NOTE_LINE, NOTE_PADDING, NOTE_TEXT, NoteLine, note_words};
pub use route::{PORT_RADIUS, Route, curve_between};
pub(crate) use tried::Tried;

/// Every card is this wide.
pub const NODE_WIDTH: f64 = 232.0;
/// Icon, title, agent.
pub const HEAD_HEIGHT: f64 = 60.0;
/// The row with the status, in runs.
pub const STATUS_HEIGHT: f64 = 28.0;
/// Edges that find their way anew with each move of what is dragged.
const MAX_ROUTED_ALONG: usize = 64;
/// Places snap to it.
pub const SNAP: f64 = 8.0;

/// What an agent does, for the icon.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Llm,
    Http,
    Template,
    Human,
    Workflow,
    Worker,
    Other,
}

impl Kind {
    pub fn of(kind: &str) -> Self {
        match kind {
            "llm" => Self::Llm,
            "http" => Self::Http,
            "template" => Self::Template,
            "human" => Self::Human,
            "workflow" => Self::Workflow,
            "worker" => Self::Worker,
            _ => Self::Other,
        }
    }

    /// What it is, where its name says enough already.
    pub fn words(self) -> &'static str {
        match self {
            Self::Llm => "Language model",
            Self::Http => "HTTP call",
            Self::Template => "Template",
            Self::Human => "Person",
            Self::Workflow => "Workflow",
            Self::Worker => "Outside worker",
            Self::Other => "Agent",
        }
    }
}

/// What is special about a step, as small signs on its card.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mark {
    /// It runs once for each entry of a list.
    Map,
    /// It runs only if a condition is true, or by another rule than the usual.
    Condition,
    /// A person always looks at the result.
    Gate,
    /// Its agent has a newer version than the one it is kept at.
    Behind,
    /// Tidy up leaves it where it is; shown where it can be moved.
    Pin,
    /// It is not the same in the two states that are compared.
    Differs(Fate),
}

/// The port before a card takes, the one behind it gives: left and right, or top and bottom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Side {
    In,
    Out,
}

impl Side {
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::In => Self::Out,
            Self::Out => Self::In,
        }
    }
}

/// What is known of a step that no event tells.
#[derive(Clone, PartialEq, Debug)]
pub enum Said {
    /// It is ready and nobody is there to do it, or it runs and nothing is heard of who does it.
    Absent(Arc<str>),
    /// How far its attempt says that it is; without a share, nobody knows of how much.
    Progress { words: Arc<str>, share: Option<f32> },
}

#[derive(Clone, PartialEq, Debug)]
pub struct Edge {
    pub from: u32,
    pub to: u32,
    pub route: Route,
    /// The artifacts that travel along it; empty for a mere order.
    pub label: Arc<str>,
}

/// Parallel arrays by node, in the order of the keys.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    pub flow: Flow,
    pub keys: Vec<StepKey>,
    pub place: Vec<Point>,
    pub height: Vec<f64>,
    pub title: Vec<Arc<str>>,
    /// Agent and version; what kind of agent, where the title is its name already.
    pub sub: Vec<Arc<str>>,
    /// The second line is no name, but a kind.
    is_named_for_agent: Vec<bool>,
    pub kind: Vec<Kind>,
    /// Absent in the editor.
    pub status: Vec<Option<StepStatus>>,
    /// The words beside the status.
    pub status_text: Vec<Arc<str>>,
    /// When it was worked on last; of a list, as long as any of its items was.
    pub(crate) worked: Vec<Option<Worked>>,
    /// Its place on the slowest path, if it lies on that.
    pub(crate) path: Vec<Option<u32>>,
    pub marks: Vec<Vec<Mark>>,
    /// What was consumed is another one now.
    pub is_stale: Vec<bool>,
    /// Tidy up leaves it where it is.
    pub is_pinned: Vec<bool>,
    pub colour: Vec<Option<Colour>>,
    /// How much of a list is over, from 0 to 1; of steps that have one.
    pub progress: Vec<Option<f32>>,
    /// What is said of a step beside its status.
    pub said: Vec<Option<Said>>,
    /// How many versions a step is behind the newest one of its agent; 0 where it is not.
    pub n_behind: Vec<u32>,
    pub n_errors: Vec<u32>,
    pub n_warnings: Vec<u32>,
    /// In the order of the document: later ones lie over others.
    pub notes: Vec<NoteBox>,
    /// By their ids; only those that hold a step.
    pub groups: Vec<GroupBox>,
    /// The ids of the groups that somebody wants to see as one card.
    pub(crate) collapsed: BTreeSet<String>,
    /// By node, the collapsed group that it is drawn as a part of; empty where there is none.
    folded: Vec<Option<u32>>,
    pub edges: Vec<Edge>,
    /// By edge, what is wrong with what travels along it.
    pub faults: HashMap<u32, (Severity, Arc<str>)>,
    /// By node, the edges that end there and that begin there.
    pub edges_in: EdgesAt,
    pub edges_out: EdgesAt,
    /// Every node after what it depends on.
    pub order: Vec<u32>,
    /// By node, its place in that order.
    rank: Vec<u32>,
    index: HashMap<StepKey, u32>,
    /// Holds every card.
    extent: Rect,
    /// Something was moved since the lines were drawn, so that some of them may lie behind it now.
    is_astray: bool,
    /// The lines that lie as if nothing stood in between, since no way was looked for yet.
    wayless: BTreeSet<u32>,
    node_grid: Grid,
    edge_grid: Grid,
}

impl Scene {
    pub fn n_nodes(&self) -> usize {
        self.keys.len()
    }

    /// All nodes, as the index type that edges and selections use.
    pub fn nodes(&self) -> impl Iterator<Item = u32> + use<> {
        (0..).take(self.keys.len())
    }

    pub fn node(&self, key: &StepKey) -> Option<u32> {
        self.index.get(key).copied()
    }

    pub fn key(&self, node: u32) -> &StepKey {
        &self.keys[node as usize]
    }

    /// What became of it, where two states are compared.
    pub fn fate(&self, node: u32) -> Option<Fate> {
        self.marks[node as usize].iter().find_map(|mark| match mark {
            Mark::Differs(fate) => Some(*fate),
            Mark::Map | Mark::Condition | Mark::Gate | Mark::Behind | Mark::Pin => None,
        })
    }

    pub fn rect(&self, node: u32) -> Rect {
        let at = node as usize;
        self.folded_card(node).unwrap_or_else(|| Rect::from_origin_size(self.place[at], (NODE_WIDTH, self.height[at])))
    }

    pub fn port(&self, node: u32, side: Side) -> Point {
        port_of(self.rect(node), side, self.flow)
    }

    /// Everything, or nothing to look at.
    pub fn bounds(&self) -> Option<Rect> {
        self.bounds_of(self.nodes())
    }

    /// Every card, every line, every note and every frame.
    pub fn drawn_bounds(&self) -> Option<Rect> {
        let cards = self.bounds().into_iter().chain(self.marked_bounds()).reduce(|a, b| a.union(b))?;
        let pieces = self.edges.iter().filter_map(|edge| match &edge.route {
            // A free curve stays between its cards.
            Route::Curve(_) => None,
            Route::Bent(_) => Some(edge.route.bounds()),
        });
        Some(pieces.fold(cards, |all, line| all.union(line)))
    }

    /// Everything as it was built, and where it was moved to since; nothing is looked through for it.
    pub fn extent(&self) -> Option<Rect> {
        (!self.keys.is_empty()).then_some(self.extent)
    }

    pub fn bounds_of(&self, nodes: impl IntoIterator<Item = u32>) -> Option<Rect> {
        nodes.into_iter().map(|node| self.rect(node)).reduce(|a, b| a.union(b))
    }

    pub fn edge_between(&self, from: u32, to: u32) -> Option<u32> {
        self.edges_out[from as usize].iter().copied().find(|edge| self.edges[*edge as usize].to == to)
    }

    /// Whether its card has a row for the status: in a run, where every step has one. In a draft it is that of a try, if there is one.
    pub(crate) fn has_status_row(&self, node: u32) -> bool {
        self.height[node as usize] > HEAD_HEIGHT
    }

    /// Whether the slowest path leads along it.
    pub fn is_on_path(&self, edge: u32) -> bool {
        let edge = &self.edges[edge as usize];
        let place = |node: u32| self.path[node as usize];
        place(edge.from).zip(place(edge.to)).is_some_and(|(from, to)| from + 1 == to)
    }

    pub fn edges_of(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        self.edges_in[node as usize].iter().chain(&self.edges_out[node as usize]).copied()
    }

    /// Nodes that overlap the rectangle, ascending.
    pub fn nodes_in(&self, rect: Rect) -> Vec<u32> {
        let mut found = Vec::new();
        self.node_grid.query(rect, &mut found);
        found.retain(|node| self.rect(*node).overlaps(rect));
        found
    }

    /// The nodes, every one after what it depends on.
    pub fn in_order(&self, mut nodes: Vec<u32>) -> Vec<u32> {
        nodes.sort_by_key(|node| self.rank[*node as usize]);
        nodes
    }

    /// Edges that may pass through the rectangle, ascending.
    pub fn edges_near(&self, rect: Rect) -> Vec<u32> {
        let mut found = Vec::new();
        self.edge_grid.query(rect, &mut found);
        found
    }

    /// Moves nodes and the ends of their edges. The lines of other nodes stay where they are until the next build.
    pub fn move_nodes(&mut self, moves: &[(u32, Point)]) {
        let mut touched = BTreeSet::new();
        let mut refolded = BTreeSet::new();
        for (node, to) in moves {
            let (node, to) = (*node, bounded(*to));
            if self.place[node as usize] == to {
                continue;
            }
            if let Some(group) = self.folded_in(node) {
                self.place[node as usize] = to;
                self.is_astray = true;
                refolded.insert(group);
                touched.extend(self.edges_of(node));
            } else {
                self.node_grid.remove_rect(node, self.rect(node));
                self.place[node as usize] = to;
                self.is_astray = true;
                self.node_grid.insert_rect(node, self.rect(node));
                self.extent = self.extent.union(self.rect(node));
                touched.extend(self.edges_of(node));
            }
        }
        for group in refolded {
            self.refold(group);
        }
        // While very many move, a line finds its way around the others at the end.
        let is_few = touched.len() <= MAX_ROUTED_ALONG;
        for edge in touched {
            let (from, to) = (self.edges[edge as usize].from, self.edges[edge as usize].to);
            if self.is_inner(from, to) {
                continue;
            }
            let route = if is_few { self.route(from, to) } else { Route::Curve(self.curve(from, to)) };
            self.edge_grid.remove_route(edge, &self.edges[edge as usize].route);
            self.edge_grid.insert_route(edge, &route);
            self.edges[edge as usize].route = route;
        }
    }

    fn rims(&self, from: u32, to: u32) -> (Point, Point) {
        let by = self.flow.forward() * PORT_RADIUS;
        (self.port(from, Side::Out) + by, self.port(to, Side::In) - by)
    }

    fn curve(&self, from: u32, to: u32) -> kurbo::CubicBez {
        let (first, last) = self.rims(from, to);
        curve_between(first, last, self.flow)
    }

    /// The way of a line between two nodes, around all others.
    fn route(&self, from: u32, to: u32) -> Route {
        if self.is_inner(from, to) {
            return Route::Curve(self.curve(from, to));
        }
        let cards_in = |area: Rect| {
            let nodes = self.nodes_in(area).into_iter();
            nodes.map(|node| (self.rect(node), node == from || node == to)).collect()
        };
        let space = route::Space { flow: self.flow, cards_in: &cards_in, bounds: self.extent };
        let (first, last) = self.rims(from, to);
        route::route(&space, first, last, (from, to))
    }

    fn index_nodes(&mut self) {
        self.node_grid = Grid::default();
        for node in self.nodes() {
            self.node_grid.insert_rect(node, self.rect(node));
        }
        self.extent = self.bounds().unwrap_or_default();
    }

    fn index_edges(&mut self) {
        self.edge_grid = Grid::default();
        for (id, edge) in (0..).zip(&self.edges) {
            if !self.is_inner(edge.from, edge.to) {
                self.edge_grid.insert_route(id, &edge.route);
            }
        }
        self.edges_out = EdgesAt::of(self.n_nodes(), self.edges.iter().map(|edge| edge.from));
        self.edges_in = EdgesAt::of(self.n_nodes(), self.edges.iter().map(|edge| edge.to));
    }

    /// Every node after what it depends on, ties by key; by key alone where there is a cycle. `workflow::graph::Graph::order` says the same,
    /// from a graph that would have to be made of the definition first, with every edit.
    fn ordered(&self) -> Vec<u32> {
        let mut waits_for: Vec<usize> = self.nodes().map(|node| self.edges_in[node as usize].len()).collect();
        let mut ready: BinaryHeap<Reverse<u32>> =
            self.nodes().filter(|node| waits_for[*node as usize] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(self.n_nodes());
        while let Some(Reverse(node)) = ready.pop() {
            order.push(node);
            for edge in &self.edges_out[node as usize] {
                let next = self.edges[*edge as usize].to;
                waits_for[next as usize] -= 1;
                if waits_for[next as usize] == 0 {
                    ready.push(Reverse(next));
                }
            }
        }
        if order.len() == self.n_nodes() { order } else { self.nodes().collect() }
    }
}

/// Where a port of such a card is.
pub(crate) fn port_of(card: Rect, side: Side, flow: Flow) -> Point {
    // In line with title and icon, whatever stands below them.
    let y = card.y0 + HEAD_HEIGHT / 2.0;
    match (flow, side) {
        (Flow::Right, Side::In) => Point::new(card.x0, y),
        (Flow::Right, Side::Out) => Point::new(card.x1, y),
        (Flow::Down, Side::In) => Point::new(card.center().x, card.y0),
        (Flow::Down, Side::Out) => Point::new(card.center().x, card.y1),
    }
}

pub fn bounded(place: Point) -> Point {
    let bound = |v: f64| if v.is_finite() { v.clamp(-MAX_COORDINATE, MAX_COORDINATE) } else { 0.0 };
    Point::new(bound(place.x), bound(place.y))
}

/// The nearest place on the grid.
pub fn snapped(place: Point) -> Point {
    Point::new((place.x / SNAP).round() * SNAP, (place.y / SNAP).round() * SNAP)
}

#[cfg(test)]
mod tests;
