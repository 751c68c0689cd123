//! Room for a new card: beside what stands there already, or between two cards, where what comes later makes way.
//! No card may come to cover another one that it did not cover before.

use std::collections::BTreeSet;

use kurbo::{Point, Rect, Size, Vec2};

use super::Board;
use crate::{
    flow::Flow,
    scene::{HEAD_HEIGHT, NODE_WIDTH, SNAP},
};

/// From one card to the next along a line.
const GAP: f64 = 40.0;
/// The same for what is put after a step, as Tidy up would.
const PITCH: f64 = 72.0;

/// Where a new card stands, and what moves for it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Room {
    pub place: Point,
    pub moves: Vec<(u32, Point)>,
}

fn up(length: f64) -> f64 {
    (length / SNAP).ceil() * SNAP
}

fn size(flow: Flow) -> Size {
    flow.turn_size(Size::new(NODE_WIDTH, HEAD_HEIGHT))
}

impl Board {
    /// The nearest place across `flow` where a new card covers nothing.
    pub(super) fn free_place(&self, place: Point, flow: Flow) -> Point {
        let mut at = flow.turn(place);
        loop {
            let card = flow.turn_rect(Rect::from_origin_size(at, size(flow))).inflate(SNAP, SNAP);
            let Some(taken) = self.scene.bounds_of(self.scene.nodes_in(card)) else {
                return flow.turn(at);
            };
            at.y = up(flow.turn_rect(taken).y1 + 2.0 * SNAP);
        }
    }

    /// Right after a step, beside what stands there.
    pub(super) fn place_after(&self, node: u32) -> Point {
        let card = self.flow.turn_rect(self.scene.rect(node));
        self.free_place(self.flow.turn(Point::new(up(card.x1 + PITCH), card.y0)), self.flow)
    }

    /// Between two steps: where it is wished, if that is between them; what follows makes way where there is too little room.
    pub(super) fn room_between(&self, from: u32, to: u32, wish: Option<Point>) -> Room {
        let flow = self.flow;
        let (a, b) = (flow.turn_rect(self.scene.rect(from)), flow.turn_rect(self.scene.rect(to)));
        let size = size(flow);
        let middle = Point::new(f64::midpoint(a.x1, b.x0) - size.width / 2.0, f64::midpoint(a.y0, b.y0));
        let wish = wish.map_or(middle, |wish| flow.turn(wish));
        if b.x0 <= a.x0 {
            // The line runs back: there is nothing between its ends that could be too narrow.
            let at = Point::new((wish.x / SNAP).round() * SNAP, (wish.y / SNAP).round() * SNAP);
            return Room { place: self.free_place(flow.turn(at), flow), moves: Vec::new() };
        }
        let first = up(a.x1 + GAP);
        let by = up(first + size.width + GAP - b.x0).max(0.0);
        let last = (b.x0 + by - GAP - size.width).max(first);
        let mut at = Point::new((wish.x.clamp(first, last) / SNAP).round() * SNAP, (wish.y / SNAP).round() * SNAP);
        let pushed = if by > 0.0 { self.pushed(from, to, by) } else { BTreeSet::new() };
        let onwards = |node: u32| flow.turn_rect(self.scene.rect(node)) + Vec2::new(by, 0.0);
        loop {
            let card = Rect::from_origin_size(at, size).inflate(SNAP, SNAP);
            let staying = self.scene.nodes_in(flow.turn_rect(card)).into_iter().filter(|node| !pushed.contains(node));
            let staying = staying.map(|node| flow.turn_rect(self.scene.rect(node)));
            let taken = staying.chain(pushed.iter().map(|node| onwards(*node)).filter(|rect| rect.overlaps(card)));
            let Some(floor) = taken.map(|rect| rect.y1).reduce(f64::max) else {
                break;
            };
            at.y = up(floor + 2.0 * SNAP);
        }
        let moves = pushed.iter().map(|node| (*node, flow.turn(onwards(*node).origin()))).collect();
        Room { place: flow.turn(at), moves }
    }

    /// What moves on along the picture if `to` does: the steps that come after it, and whatever is in the way of these.
    fn pushed(&self, from: u32, to: u32, by: f64) -> BTreeSet<u32> {
        let turned = |node: u32| self.flow.turn_rect(self.scene.rect(node));
        let start = turned(to).x0;
        let mut pushed = BTreeSet::from([to]);
        let mut seen = pushed.clone();
        let mut queue = vec![to];
        while let Some(node) = queue.pop() {
            for edge in &self.scene.edges_out[node as usize] {
                let next = self.scene.edges[*edge as usize].to;
                if next != from && seen.insert(next) {
                    queue.push(next);
                    if turned(next).x0 >= start {
                        pushed.insert(next);
                    }
                }
            }
        }
        queue.extend(&pushed);
        while let Some(node) = queue.pop() {
            let card = turned(node);
            let way = card.union(card + Vec2::new(by, 0.0)).inflate(SNAP, SNAP);
            for other in self.scene.nodes_in(self.flow.turn_rect(way)) {
                if other != from && turned(other).x0 >= card.x0 && pushed.insert(other) {
                    queue.push(other);
                }
            }
        }
        pushed
    }
}
