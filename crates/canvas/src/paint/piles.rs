//! Which of the cards in view lie over one another: hardly any do, and in each frame it is asked of all.
//! It knows rectangles alone; what lies above is for whoever draws them.

use std::collections::BTreeMap;

use kurbo::Rect;

use crate::scene::Scene;

/// By node, the others of these that its card touches; of one that touches none there is nothing.
pub(super) fn piles(scene: &Scene, nodes: &[u32]) -> BTreeMap<u32, Vec<u32>> {
    let mut cards: Vec<(Rect, u32)> = nodes.iter().map(|node| (scene.rect(*node), *node)).collect();
    cards.sort_by(|(a, _), (b, _)| a.y0.total_cmp(&b.y0));
    let mut found: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (at, (card, node)) in cards.iter().enumerate() {
        for (other, beside) in &cards[at + 1..] {
            // They come from top to bottom, and so do all that follow.
            if other.y0 > card.y1 {
                break;
            }
            if card.overlaps(*other) {
                found.entry(*node).or_default().push(*beside);
                found.entry(*beside).or_default().push(*node);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use workflow::{AgentCatalog, Definition, Step, StepKey, definition::Position};

    use super::*;
    use crate::board::Board;

    proptest! {
        #[test]
        fn the_same_lie_over_one_another_as_the_grid_finds(
            places in prop::collection::vec((-600.0..600.0, -400.0..400.0), 1..40),
        ) {
            let mut definition = Definition::default();
            for (at, (x, y)) in places.into_iter().enumerate() {
                let mut step = Step::new("x".into());
                step.ui = Some(Position { x, y, pinned: false });
                definition.steps.insert(StepKey::new(format!("s{at:02}")), step);
            }
            let board = Board::editor(definition, AgentCatalog::default());
            let scene = board.scene();
            let nodes: Vec<u32> = scene.nodes().collect();
            let found = piles(scene, &nodes);
            for node in nodes {
                let mut here = found.get(&node).cloned().unwrap_or_default();
                here.sort_unstable();
                let mut expected = scene.nodes_in(scene.rect(node));
                expected.retain(|other| *other != node);
                prop_assert_eq!(here, expected);
            }
        }
    }
}
