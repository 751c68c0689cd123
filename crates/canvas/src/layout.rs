//! Tidy up: a layered layout from left to right, dependencies before dependents.
//! Deterministic, without overlaps, and bounded: large graphs take the cheaper path instead of freezing the page.

use std::collections::BTreeMap;

use kurbo::Point;
use rust_sugiyama::configure::{Config, CrossingMinimization, RankingType};

use crate::scene::{NODE_WIDTH, SNAP};

const ROW_GAP: f64 = 40.0;
const COLUMN_GAP: f64 = 104.0;
/// Between parts that nothing connects.
const PART_GAP: f64 = 72.0;
/// Above it, swapping neighbours costs more than the crossings it saves.
const MAX_TRANSPOSED: usize = 500;
/// Above it, crossings are not looked at any more.
const MAX_LAYERED: usize = 6_000;
/// Ranks above which the library's recursion would need more stack than a browser gives.
const MAX_RANKS: u32 = 1_500;

/// The top left corner of every node. Edges run from a dependency to its dependent and must not name unknown nodes.
pub fn layered(heights: &[f64], edges: &[(u32, u32)]) -> Vec<Point> {
    let n = heights.len();
    let edges: Vec<(u32, u32)> =
        edges.iter().copied().filter(|(a, b)| a != b && (*a as usize) < n && (*b as usize) < n).collect();
    let ranks = ranks(n, &edges);
    let n_ranks = ranks.iter().max().map_or(0, |rank| rank + 1);
    let mut places = vec![Point::ORIGIN; n];
    let mut top = 0.0;
    for part in parts(n, &edges) {
        let place = if n > MAX_LAYERED || n_ranks > MAX_RANKS {
            columns(heights, &part, &ranks)
        } else {
            sugiyama(heights, &part, &edges)
        };
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for (node, at) in &place {
            low = low.min(at.y);
            high = high.max(at.y + heights[*node as usize]);
        }
        for (node, at) in place {
            let snap = |v: f64| (v / SNAP).round() * SNAP;
            places[node as usize] = Point::new(snap(at.x), snap(at.y - low + top));
        }
        top += high - low + if part.len() == 1 { ROW_GAP } else { PART_GAP };
    }
    places
}

/// Nodes that hang together, by their smallest member.
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
    parts.into_values().collect()
}

fn find(root: &mut [u32], mut node: u32) -> u32 {
    while root[node as usize] != node {
        root[node as usize] = root[root[node as usize] as usize];
        node = root[node as usize];
    }
    node
}

fn sugiyama(heights: &[f64], part: &[u32], edges: &[(u32, u32)]) -> Vec<(u32, Point)> {
    if let [only] = part {
        return vec![(*only, Point::ORIGIN)];
    }
    // The library draws from top to bottom: width and height change places, here and in the answer.
    let vertices: Vec<(u32, (f64, f64))> =
        part.iter().map(|node| (*node, (heights[*node as usize], NODE_WIDTH + COLUMN_GAP - ROW_GAP))).collect();
    let edges: Vec<(u32, u32)> = edges.iter().copied().filter(|(a, _)| part.binary_search(a).is_ok()).collect();
    let config = Config {
        vertex_spacing: ROW_GAP,
        ranking_type: RankingType::Up,
        c_minimization: CrossingMinimization::Barycenter,
        transpose: part.len() <= MAX_TRANSPOSED,
        ..Config::default()
    };
    let mut places = Vec::with_capacity(part.len());
    for (placed, _, _) in rust_sugiyama::from_vertices_and_edges(&vertices, &edges, &config) {
        for (id, (across, along)) in placed {
            // The library numbers vertices in the order they were given.
            if let Some(node) = part.get(id) {
                places.push((*node, Point::new(along, across - heights[*node as usize] / 2.0)));
            }
        }
    }
    places.sort_by_key(|(node, _)| *node);
    places
}

/// One column per rank, in the order of the nodes.
fn columns(heights: &[f64], part: &[u32], ranks: &[u32]) -> Vec<(u32, Point)> {
    let mut floor: BTreeMap<u32, f64> = BTreeMap::new();
    part.iter()
        .map(|node| {
            let rank = ranks[*node as usize];
            let y = floor.entry(rank).or_default();
            let at = Point::new(f64::from(rank) * (NODE_WIDTH + COLUMN_GAP), *y);
            *y += heights[*node as usize] + ROW_GAP;
            (*node, at)
        })
        .collect()
}

/// The longest way from a beginning to each node; nodes on cycles count from where the walk was cut.
fn ranks(n: usize, edges: &[(u32, u32)]) -> Vec<u32> {
    let mut waiting = vec![0_usize; n];
    let mut out: Vec<Vec<u32>> = vec![Vec::new(); n];
    for (from, to) in edges {
        waiting[*to as usize] += 1;
        out[*from as usize].push(*to);
    }
    let mut ranks = vec![0; n];
    let mut ready: Vec<u32> = (0..).take(n).filter(|node| waiting[*node as usize] == 0).collect();
    while let Some(node) = ready.pop() {
        for next in &out[node as usize] {
            let at = *next as usize;
            ranks[at] = ranks[at].max(ranks[node as usize] + 1);
            waiting[at] -= 1;
            if waiting[at] == 0 {
                ready.push(*next);
            }
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use kurbo::Rect;
    use proptest::prelude::*;

    use super::*;

    fn check(heights: &[f64], edges: &[(u32, u32)]) {
        let places = layered(heights, edges);
        assert_eq!(places, layered(heights, edges), "deterministic");
        let rects: Vec<Rect> =
            places.iter().zip(heights).map(|(at, h)| Rect::from_origin_size(*at, (NODE_WIDTH, *h))).collect();
        for (n, rect) in rects.iter().enumerate() {
            for other in &rects[..n] {
                assert!(!rect.overlaps(*other), "{rect:?} overlaps {other:?}");
            }
        }
        for (from, to) in edges.iter().filter(|(a, b)| a != b) {
            assert!(rects[*from as usize].x1 < rects[*to as usize].x0, "an edge runs backwards");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn nothing_overlaps_and_every_edge_runs_forward(
            heights in prop::collection::vec(prop_oneof![Just(60.0), Just(88.0)], 1..40),
            edges in prop::collection::btree_set((0_u32..40, 0_u32..40), 0..60),
        ) {
            let n = u32::try_from(heights.len()).unwrap();
            let edges: Vec<(u32, u32)> = edges.into_iter().filter(|(a, b)| a < b && *b < n).collect();
            check(&heights, &edges);
        }
    }

    #[test]
    fn nothing_and_one_and_cycles_are_laid_out_too() {
        assert!(layered(&[], &[]).is_empty());
        assert_eq!(layered(&[60.0], &[(0, 0)]), [Point::ORIGIN]);
        assert_eq!(layered(&[60.0, 60.0], &[(0, 1), (1, 0)]).len(), 2);
    }

    #[test]
    fn a_long_chain_does_not_exhaust_a_browsers_stack() {
        let lay_out = |n: u32| {
            let edges: Vec<(u32, u32)> = (1..n).map(|node| (node - 1, node)).collect();
            check(&vec![60.0; n as usize], &edges);
        };
        let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(move || {
            lay_out(MAX_RANKS);
            lay_out(3_000);
        });
        thread.unwrap().join().unwrap();
    }
}
