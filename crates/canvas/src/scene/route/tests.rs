//! Tests of the lines: behind no card in any layout, around what stands in the way, and the same again.

use std::collections::BTreeSet;

use kurbo::Shape as _;
use proptest::prelude::*;
use workflow::{AgentCatalog, Definition, Step, StepKey, definition::Position};

use super::*;
use crate::scene::{Scene, Source};

fn scene(definition: &Definition, flow: Flow) -> Scene {
    let agents = AgentCatalog::default();
    Scene::build(definition, Source::Draft { agents: &agents }, flow, &mut std::collections::BTreeMap::new(), None)
}

fn graph(n: usize, edges: &BTreeSet<(u32, u32)>) -> Definition {
    let mut definition = Definition::default();
    for node in 0..u32::try_from(n).unwrap() {
        let mut step = Step::new("x".into());
        step.depends_on =
            edges.iter().filter(|(a, b)| *b == node && a < b).map(|(a, _)| StepKey::new(format!("s{a:04}"))).collect();
        definition.steps.insert(StepKey::new(format!("s{node:04}")), step);
    }
    definition
}

/// The cards that lie over a line which has nothing to do with them.
fn behind(scene: &Scene) -> Vec<(u32, u32, u32)> {
    let mut found = Vec::new();
    for edge in &scene.edges {
        for piece in edge.route.pieces() {
            for node in scene.nodes_in(piece.bounding_box().inflate(1.0, 1.0)) {
                if node != edge.from && node != edge.to && crosses(piece, scene.rect(node)) {
                    found.push((edge.from, edge.to, node));
                }
            }
        }
    }
    found
}

/// A line may touch its own cards only at their ports.
fn through_its_own(scene: &Scene) -> Vec<(u32, u32)> {
    let is_through = |route: &Route, rect: Rect| route.pieces().iter().any(|piece| crosses(*piece, rect.inset(-2.0)));
    let edges = scene.edges.iter();
    edges
        .filter(|edge| [edge.from, edge.to].iter().any(|node| is_through(&edge.route, scene.rect(*node))))
        .map(|edge| (edge.from, edge.to))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_line_of_a_layout_lies_behind_a_card(
        n in 2_usize..48,
        edges in prop::collection::btree_set((0_u32..48, 0_u32..48), 0..120),
        is_down in any::<bool>(),
    ) {
        let edges = edges.into_iter().filter(|(_, b)| (*b as usize) < n).collect();
        let scene = scene(&graph(n, &edges), if is_down { Flow::Down } else { Flow::Right });
        prop_assert_eq!(behind(&scene), []);
        prop_assert_eq!(through_its_own(&scene), []);
    }

    #[test]
    fn a_card_that_was_kept_in_place_is_gone_around_too(
        n in 3_usize..24,
        edges in prop::collection::btree_set((0_u32..24, 0_u32..24), 1..40),
        kept in 0_u32..24, x in -200.0..900.0, y in -200.0..600.0,
    ) {
        let edges = edges.into_iter().filter(|(_, b)| (*b as usize) < n).collect();
        let mut definition = graph(n, &edges);
        let key = StepKey::new(format!("s{:04}", kept as usize % n));
        if let Some(step) = definition.steps.get_mut(&key) {
            step.ui = Some(Position { x, y, pinned: true });
        }
        let scene = scene(&definition, Flow::Right);
        prop_assert_eq!(behind(&scene), []);
    }
}

#[test]
fn a_thousand_steps_have_no_line_behind_a_card() {
    let chains: BTreeSet<(u32, u32)> = (40..1_000_u32).flat_map(|n| [(n - 40, n), (n - 37 - n % 3, n)]).collect();
    let fan: BTreeSet<(u32, u32)> = (1..999_u32).flat_map(|n| [(0, n), (n, 999)]).collect();
    for edges in [chains, fan] {
        for flow in [Flow::Right, Flow::Down] {
            let scene = scene(&graph(1_000, &edges), flow);
            assert_eq!(behind(&scene), [], "{flow:?}");
        }
    }
}

#[test]
fn a_line_ends_at_the_rims_of_its_ports_and_a_free_one_is_a_curve() {
    for flow in [Flow::Right, Flow::Down] {
        let scene = scene(&graph(2, &BTreeSet::from([(0, 1)])), flow);
        let edge = &scene.edges[0];
        let by = flow.forward() * PORT_RADIUS;
        assert_eq!(edge.route.start(), scene.port(0, crate::scene::Side::Out) + by);
        assert_eq!(edge.route.end(), scene.port(1, crate::scene::Side::In) - by);
        assert!(matches!(edge.route, Route::Curve(_)));
    }
}

#[test]
fn a_last_turn_right_beside_a_port_is_no_reason_to_miss_it() {
    let at = |(x, y)| Point::new(x, y);
    let way = simplified([(0.0, 0.0), (99.8, 0.0), (99.8, 50.0), (100.0, 50.0)].map(at).into());
    assert_eq!(way, [(0.0, 0.0), (99.8, 0.0), (100.0, 50.0)].map(at));
}

#[test]
fn a_card_between_two_others_is_gone_around() {
    let mut definition = graph(3, &BTreeSet::from([(0, 2)]));
    for (key, x) in [("s0000", 0.0), ("s0001", 320.0), ("s0002", 640.0)] {
        definition.steps.get_mut(key).unwrap().ui = Some(Position { x, y: 0.0, pinned: false });
    }
    for flow in [Flow::Right, Flow::Down] {
        let scene = scene(&definition, flow);
        let edge = &scene.edges[0];
        let Route::Bent(points) = &edge.route else { panic!("{:?}", edge.route) };
        assert!(points.len() >= 4);
        assert_eq!(behind(&scene), []);
    }
}
