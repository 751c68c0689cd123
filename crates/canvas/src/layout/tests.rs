//! Tests of the layout: nothing overlaps, lines run forward, what is kept is kept, and nothing becomes a tower.

use kurbo::Rect;
use proptest::prelude::*;

use super::*;

fn rects(places: &[Point], heights: &[f64]) -> Vec<Rect> {
    places.iter().zip(heights).map(|(at, h)| Rect::from_origin_size(*at, (NODE_WIDTH, *h))).collect()
}

fn check_apart(rects: &[Rect]) {
    let mut sorted: Vec<&Rect> = rects.iter().collect();
    sorted.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    for (n, rect) in sorted.iter().enumerate() {
        for other in sorted[n + 1..].iter().take_while(|other| other.x0 < rect.x1) {
            assert!(!rect.overlaps(**other), "{rect:?} overlaps {other:?}");
        }
    }
}

fn bounds(rects: &[Rect]) -> Rect {
    rects.iter().copied().reduce(|a, b| a.union(b)).unwrap()
}

fn check(heights: &[f64], edges: &[(u32, u32)]) {
    for flow in [Flow::Right, Flow::Down] {
        let places = layered(heights, edges, flow);
        assert_eq!(places, layered(heights, edges, flow), "deterministic");
        check_apart(&rects(&places, heights));
    }
}

fn acyclic(n: usize, edges: &std::collections::BTreeSet<(u32, u32)>) -> Vec<(u32, u32)> {
    let n = u32::try_from(n).unwrap();
    edges.iter().copied().filter(|(a, b)| a < b && *b < n).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn nothing_overlaps_and_every_layout_is_the_same_again(
        n in 1_usize..60, is_run in any::<bool>(),
        edges in prop::collection::btree_set((0_u32..60, 0_u32..60), 0..90),
    ) {
        check(&vec![if is_run { 88.0 } else { 60.0 }; n], &acyclic(n, &edges));
    }

    #[test]
    fn what_is_kept_stays_and_is_covered_by_nothing(
        n in 2_usize..40,
        edges in prop::collection::btree_set((0_u32..40, 0_u32..40), 0..60),
        kept in prop::collection::btree_map(0_usize..40, (-600.0..1600.0, -400.0..900.0), 1..4),
        is_down in any::<bool>(),
    ) {
        let flow = if is_down { Flow::Down } else { Flow::Right };
        let heights = vec![60.0; n];
        let mut fixed = vec![None; n];
        let mut taken: Vec<Rect> = Vec::new();
        for (node, (x, y)) in kept.into_iter().filter(|(node, _)| *node < n) {
            let rect = Rect::from_origin_size((x, y), (NODE_WIDTH, 60.0));
            // Two that cover each other were put so by hand.
            if taken.iter().all(|other| !other.overlaps(rect)) {
                taken.push(rect);
                fixed[node] = Some(Point::new(x, y));
            }
        }
        let places = around(&heights, &acyclic(n, &edges), &fixed, flow);
        for (at, kept) in places.iter().zip(&fixed) {
            prop_assert!(kept.is_none_or(|kept| kept == *at));
        }
        check_apart(&rects(&places, &heights));
    }
}

#[test]
fn a_few_layers_run_forward_and_no_further_than_can_be_read() {
    let diamond = [(0, 1), (0, 2), (1, 3), (2, 3)];
    for (flow, forward) in [(Flow::Right, Vec2::new(1.0, 0.0)), (Flow::Down, Vec2::new(0.0, 1.0))] {
        let places = layered(&[60.0; 4], &diamond, flow);
        for (from, to) in diamond {
            assert!((places[to as usize] - places[from as usize]).dot(forward) > 0.0);
        }
        let middle = flow.turn(places[1].midpoint(places[2])).y;
        assert!((flow.turn(places[0]).y - middle).abs() <= SNAP, "a fan is balanced");
    }
}

#[test]
fn eight_steps_in_a_row_are_wrapped_where_there_is_width_and_stand_in_one_column_where_there_is_none() {
    let chain: Vec<(u32, u32)> = (1..8).map(|n| (n - 1, n)).collect();
    let wide = bounds(&rects(&layered(&[88.0; 8], &chain, Flow::Right), &[88.0; 8]));
    assert!(wide.width() * COMFORTABLE <= 808.0 && wide.height() * COMFORTABLE <= 600.0, "{wide:?}");
    let places = layered(&[60.0; 8], &chain, Flow::Down);
    assert!(places.windows(2).all(|pair| pair[0].y < pair[1].y));
}

#[test]
fn a_thousand_steps_become_no_tower_and_no_line_whatever_hangs_on_what() {
    let n = 1_000_u32;
    let heights = vec![60.0; n as usize];
    let chain: Vec<(u32, u32)> = (1..n).map(|node| (node - 1, node)).collect();
    let fan: Vec<(u32, u32)> = (1..n - 1).flat_map(|node| [(0, node), (node, n - 1)]).collect();
    let wide: Vec<(u32, u32)> = (200..n).map(|node| (node - 200, node)).collect();
    for edges in [Vec::new(), chain, fan, wide] {
        for flow in [Flow::Right, Flow::Down] {
            let rects = rects(&layered(&heights, &edges, flow), &heights);
            check_apart(&rects);
            let bounds = bounds(&rects);
            let ratio = bounds.width() / bounds.height();
            assert!((0.2..5.0).contains(&ratio), "{} edges, {flow:?}: {bounds:?}", edges.len());
        }
    }
}

#[test]
fn nothing_and_one_and_cycles_are_laid_out_too() {
    assert!(layered(&[], &[], Flow::Right).is_empty());
    assert_eq!(layered(&[60.0], &[(0, 0)], Flow::Right), [Point::ORIGIN]);
    assert_eq!(layered(&[60.0, 60.0], &[(0, 1), (1, 0)], Flow::Down).len(), 2);
    check(&[60.0; 6], &[(0, 1), (1, 2), (2, 0), (2, 3), (3, 4)]);
}

#[test]
fn a_long_chain_does_not_exhaust_a_browsers_stack() {
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(|| {
        let n = 10_000_u32;
        let edges: Vec<(u32, u32)> = (1..n).map(|node| (node - 1, node)).collect();
        check(&vec![60.0; n as usize], &edges);
    });
    thread.unwrap().join().unwrap();
}
