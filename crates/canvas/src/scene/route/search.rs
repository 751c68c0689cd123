//! The last resort of a line: the shortest way with the fewest corners along the rims of the cards around it.
//! Bounded: among very many cards a line goes straight rather than that the page stands still.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use kurbo::{Point, Rect};

use super::{STUB, Space};

/// Beyond so many cards nearby a way is not looked for.
const MOST_CARDS: usize = 60;
/// A corner is worth this way.
const CORNER: f64 = 40.0;
/// How far around the ends is looked.
const AROUND: [f64; 2] = [220.0, 900.0];

pub(super) fn around(space: &Space<'_>, a: Point, b: Point) -> Option<Vec<Point>> {
    AROUND.iter().find_map(|reach| {
        let area = Rect::from_points(a, b).inflate(*reach, *reach);
        let cards = space.obstacles(area);
        (cards.len() <= MOST_CARDS).then(|| way(&cards, a, b)).flatten()
    })
}

/// Along which axis a piece runs.
type Turned = bool;
type Place = (usize, usize, Turned);

fn way(cards: &[Rect], a: Point, b: Point) -> Option<Vec<Point>> {
    let (xs, ys) = lines(cards, a, b);
    let at = |(x, y, _): Place| Point::new(xs[x], ys[y]);
    let is_free = |from: Point, to: Point| {
        let piece = Rect::from_points(from, to).inflate(0.4, 0.4);
        cards.iter().all(|rect| !rect.overlaps(piece))
    };
    let index = |all: &[f64], v: f64| all.iter().position(|known| (known - v).abs() < 1e-9);
    let start: Place = (index(&xs, a.x)?, index(&ys, a.y)?, false);
    let goal = (index(&xs, b.x)?, index(&ys, b.y)?);
    // Costs are compared in hundredths, so that the order is total.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length on the plane")]
    let whole = |way: f64| (way * 100.0) as u64;
    let mut best: BTreeMap<Place, u64> = BTreeMap::from([(start, 0)]);
    let mut before: BTreeMap<Place, Place> = BTreeMap::new();
    let mut open = BinaryHeap::from([Reverse((0_u64, start))]);
    while let Some(Reverse((_, here))) = open.pop() {
        let cost = best[&here];
        // It has to arrive as it left: along the picture.
        if (here.0, here.1) == goal && !here.2 {
            let mut points = vec![at(here)];
            let mut place = here;
            while let Some(last) = before.get(&place) {
                place = *last;
                points.push(at(place));
            }
            points.reverse();
            return Some(points);
        }
        let (x, y, turned) = here;
        let mut next: Vec<Place> = vec![(x, y, !turned)];
        if turned {
            next.extend(y.checked_sub(1).map(|y| (x, y, turned)));
            next.extend((y + 1 < ys.len()).then_some((x, y + 1, turned)));
        } else {
            next.extend(x.checked_sub(1).map(|x| (x, y, turned)));
            next.extend((x + 1 < xs.len()).then_some((x + 1, y, turned)));
        }
        for to in next {
            let is_corner = to.2 != turned;
            if (is_corner && at(here) == a) || !is_free(at(here), at(to)) {
                continue;
            }
            let cost = cost + whole(at(here).distance(at(to)) + if is_corner { CORNER } else { 0.0 });
            if best.get(&to).is_none_or(|known| cost < *known) {
                best.insert(to, cost);
                before.insert(to, here);
                let rest = (at(to).x - b.x).abs() + (at(to).y - b.y).abs();
                open.push(Reverse((cost + whole(rest), to)));
            }
        }
    }
    None
}

/// Where a line may run: along the rims of cards, and through the ends.
fn lines(cards: &[Rect], a: Point, b: Point) -> (Vec<f64>, Vec<f64>) {
    let mut xs = vec![a.x, b.x, a.x + STUB, b.x - STUB];
    let mut ys = vec![a.y, b.y, f64::midpoint(a.y, b.y)];
    for card in cards {
        xs.extend([card.x0 - 1.0, card.x1 + 1.0]);
        ys.extend([card.y0 - 1.0, card.y1 + 1.0]);
    }
    for all in [&mut xs, &mut ys] {
        all.sort_by(f64::total_cmp);
        all.dedup();
    }
    (xs, ys)
}
