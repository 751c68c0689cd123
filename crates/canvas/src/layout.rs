//! Tidy up: a layered layout, dependencies before dependents, from left to right or from top to bottom.
//! Deterministic, without overlaps, in time that grows with the graph and not with its square.
//! All columns have one pitch, so that there is a free way between any two of them for the lines that do not fit elsewhere.

mod bands;
mod layers;
mod spread;

use std::collections::BTreeMap;

use kurbo::{Point, Rect, Size, Vec2};

use crate::{
    flow::Flow,
    scene::{NODE_WIDTH, SNAP},
};

use self::layers::Layers;

/// Below this zoom a whole picture is wrapped like lines of text,
const WRAPPED_BELOW: f64 = 0.68;
/// into as many as it takes to be comfortable to read.
const COMFORTABLE: f64 = 0.8;

/// Everything here is thought of as running to the right: along is x, across is y.
#[derive(Clone, Copy, Debug)]
struct Frame {
    flow: Flow,
    /// From one column to the next.
    pitch: f64,
    /// Between two columns,
    channel: f64,
    /// and between two cards of a column.
    gap: f64,
    /// What an ordinary window shows at zoom 1.
    room: Size,
    /// Up to so many layers are never wrapped.
    unwrapped: usize,
    /// Cards of a column: at least so many before it is split,
    least: usize,
    /// and in larger graphs the root of so many times their number.
    share: f64,
}

impl Frame {
    fn of(flow: Flow, heights: &[f64]) -> Self {
        match flow {
            Flow::Right => Self {
                flow,
                pitch: NODE_WIDTH + 72.0,
                channel: 72.0,
                gap: 40.0,
                room: Size::new(808.0, 600.0),
                unwrapped: 2,
                least: 6,
                share: 2.1,
            },
            Flow::Down => {
                let height = heights.iter().copied().fold(0.0, f64::max);
                Self {
                    flow,
                    pitch: up(height + 52.0),
                    channel: 52.0,
                    gap: 48.0,
                    room: Size::new(600.0, 560.0),
                    unwrapped: 24,
                    least: 3,
                    share: 0.35,
                }
            }
        }
    }

    fn across(self, height: f64) -> f64 {
        match self.flow {
            Flow::Right => height,
            Flow::Down => NODE_WIDTH,
        }
    }

    /// Cards that a column may hold, so that thousands of steps are no tower.
    fn most(self, n: usize) -> usize {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let n = n as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the root of a small number")]
        let root = (n * self.share).sqrt().ceil() as usize;
        root.max(self.least)
    }
}

fn up(v: f64) -> f64 {
    (v / SNAP).ceil() * SNAP
}

/// The top left corner of every node. Edges run from a dependency to its dependent; those that name unknown nodes are ignored.
pub fn layered(heights: &[f64], edges: &[(u32, u32)], flow: Flow) -> Vec<Point> {
    let n = heights.len();
    let edges: Vec<(u32, u32)> =
        edges.iter().copied().filter(|(a, b)| a != b && (*a as usize) < n && (*b as usize) < n).collect();
    let frame = Frame::of(flow, heights);
    let across: Vec<f64> = heights.iter().map(|height| frame.across(*height)).collect();
    let mut blocks: Vec<bands::Block> = parts(n, &edges)
        .into_iter()
        .map(|part| {
            let layers = Layers::of(&part, &edges, frame.most(part.len()));
            bands::block(&part, &layers, &across, frame)
        })
        .collect();
    bands::pack(&mut blocks, frame);
    let mut places = vec![Point::ORIGIN; n];
    for (node, at) in blocks.into_iter().flat_map(|block| block.places) {
        places[node as usize] = flow.turn(at);
    }
    places
}

/// A layout in which some nodes keep their places: the others arrange themselves about them and cover none of them.
pub fn around(heights: &[f64], edges: &[(u32, u32)], fixed: &[Option<Point>], flow: Flow) -> Vec<Point> {
    let mut places = layered(heights, edges, flow);
    let frame = Frame::of(flow, heights);
    let size = |node: usize| flow.turn_size(Size::new(NODE_WIDTH, heights[node]));
    let kept: Vec<(usize, Point)> =
        fixed.iter().enumerate().filter_map(|(node, at)| Some((node, flow.turn((*at)?)))).collect();
    let Some((first, at)) = kept.first() else {
        return places;
    };
    let snap = |v: f64| (v / SNAP).round() * SNAP;
    let by = *at - flow.turn(places[*first]);
    let by = Vec2::new(snap(by.x), snap(by.y));
    let kept_rects: Vec<Rect> = kept.iter().map(|(node, at)| Rect::from_origin_size(*at, size(*node))).collect();
    let mut free: Vec<(usize, Point)> = (0..heights.len())
        .filter(|node| fixed.get(*node).copied().flatten().is_none())
        .map(|node| (node, flow.turn(places[node]) + by))
        .collect();
    // Column by column, from the first to the last across: what is in the way pushes the rest of its column on.
    free.sort_by(|a, b| a.1.x.total_cmp(&b.1.x).then(a.1.y.total_cmp(&b.1.y)).then(a.0.cmp(&b.0)));
    let (mut column, mut floor) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    for (node, mut at) in free {
        if at.x > column {
            (column, floor) = (at.x, f64::NEG_INFINITY);
        }
        at.y = at.y.max(floor);
        let size = size(node);
        // Kept a little apart, so that a line has room between them.
        let in_the_way = |at: Point| {
            let card = Rect::from_origin_size(at, size).inflate(SNAP * 2.0, frame.gap / 2.0);
            kept_rects.iter().filter(|rect| rect.overlaps(card)).map(|rect| rect.y1).reduce(f64::max)
        };
        while let Some(end) = in_the_way(at) {
            at.y = up(end + frame.gap);
        }
        floor = up(at.y + size.height + frame.gap);
        places[node] = flow.turn(at);
    }
    for (node, at) in kept {
        places[node] = flow.turn(at);
    }
    places
}

/// Nodes that hang together, by their smallest member; those that hang on nothing are one part, the last.
fn parts(n: usize, edges: &[(u32, u32)]) -> Vec<Vec<u32>> {
    let mut root: Vec<u32> = (0..).take(n).collect();
    for (a, b) in edges {
        let (a, b) = (find(&mut root, *a), find(&mut root, *b));
        root[a.max(b) as usize] = a.min(b);
    }
    let mut parts: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for node in (0..).take(n) {
        parts.entry(find(&mut root, node)).or_default().push(node);
    }
    let (alone, mut together): (Vec<Vec<u32>>, Vec<Vec<u32>>) = parts.into_values().partition(|part| part.len() == 1);
    if !alone.is_empty() {
        together.push(alone.into_iter().flatten().collect());
    }
    together
}

fn find(root: &mut [u32], mut node: u32) -> u32 {
    while root[node as usize] != node {
        root[node as usize] = root[root[node as usize] as usize];
        node = root[node as usize];
    }
    node
}

#[cfg(test)]
mod tests;
