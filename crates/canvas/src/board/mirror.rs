//! The accessible list beside the picture: which nodes it holds, in which order, and what they are called.
//! It holds a window of a large graph, never ten thousand elements, and always the node the keyboard stands on.

use std::collections::{BTreeSet, HashSet};

use kurbo::Rect;
use workflow::StepKey;

use super::Board;

/// Up to so many nodes are all listed.
pub(super) const MAX_LISTED: usize = 300;
/// In large graphs: at most so many of those in view,
const MAX_IN_VIEW: usize = 200;
/// and so many on each side of the one in focus.
const AROUND_FOCUS: usize = 25;

#[derive(Clone, PartialEq, Debug)]
pub struct MirrorNode {
    pub key: StepKey,
    pub label: String,
    /// Which one it is of how many, from 1: of all steps, also where a part of them is listed.
    pub place: usize,
    pub of: usize,
    /// On the plane; the list as a whole is moved with the camera.
    pub rect: Rect,
    pub is_selected: bool,
    /// The one that Tab reaches.
    pub is_focus: bool,
    /// The keyboard stands on it: it is selected, or keys lead from it through its lines, or through the notes.
    pub holds_focus: bool,
}

impl Board {
    /// The nodes to list, every one after what it depends on.
    pub fn mirror(&self) -> Vec<MirrorNode> {
        let order = &self.scene.order;
        let all = order.iter().copied().enumerate();
        let listed: Vec<(usize, u32)> = if order.len() <= MAX_LISTED {
            all.collect()
        } else {
            let focus = self.focus.as_ref().and_then(|key| self.scene.node(key));
            let at = focus.and_then(|focus| order.iter().position(|node| *node == focus)).unwrap_or(0);
            let around = at.saturating_sub(AROUND_FOCUS)..(at + AROUND_FOCUS + 1).min(order.len());
            let seen = self.scene.nodes_in(self.camera.visible(self.viewport, 0.0));
            let mut wanted: BTreeSet<u32> = seen.into_iter().take(MAX_IN_VIEW).collect();
            wanted.extend(&order[around]);
            all.filter(|(_, node)| wanted.contains(node)).collect()
        };
        // Thousands may be selected.
        let selected: HashSet<&StepKey> = self.selection.iter().collect();
        let has_focus = self.focus.is_some();
        let is_walking = self.is_keyboard_used && (self.selected_edge.is_some() || !self.selected_notes.is_empty());
        listed
            .into_iter()
            .enumerate()
            .map(|(n, (place, node))| {
                let key = self.scene.key(node).clone();
                let (is_selected, stands_here) = (selected.contains(&key), self.focus.as_ref() == Some(&key));
                MirrorNode {
                    label: self.scene.describe(node),
                    place: place + 1,
                    of: order.len(),
                    rect: self.scene.rect(node),
                    is_selected,
                    is_focus: if has_focus { stands_here } else { n == 0 },
                    holds_focus: stands_here && (is_selected || is_walking),
                    key,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use kurbo::Size;
    use serde_json::{Map, json};
    use workflow::{AgentCatalog, Definition};

    use super::*;
    use crate::board::{Input, Key, Mods};

    /// So many steps, each after the one before.
    fn chain(n: usize) -> Board {
        let step = |at: usize| {
            let after: Vec<String> = at.checked_sub(1).map(|before| format!("s{before}")).into_iter().collect();
            (
                format!("s{at}"),
                json!({"agent_id": "x", "depends_on": after, "ui": {"x": at % 40 * 320, "y": at / 40 * 200}}),
            )
        };
        let steps: Map<_, _> = (0..n).map(step).collect();
        let mut board =
            Board::editor(Definition::from_value(&json!({"steps": steps})).unwrap(), AgentCatalog::default());
        board.set_viewport(Size::new(1000.0, 700.0));
        board
    }

    #[test]
    fn the_keyboard_stays_on_the_step_whose_lines_it_goes_through() {
        let mut board = chain(4);
        let holder = |board: &Board| board.mirror().into_iter().find(|node| node.holds_focus).map(|node| node.place);
        assert_eq!(holder(&board), None);
        board.focus_node(&"s1".into());
        assert_eq!(holder(&board), Some(2));
        board.handle(Input::Key { key: Key::Char('l'), mods: Mods::default() });
        assert!(board.selection().is_empty() && board.selected_edge().is_some());
        assert_eq!(holder(&board), Some(2));
        board.handle(Input::Key { key: Key::Escape, mods: Mods::default() });
        assert_eq!(holder(&board), None, "nothing is selected");
    }

    #[test]
    fn each_listed_step_says_which_of_all_it_is_and_comes_after_what_it_depends_on() {
        for (n, at) in [(4, 2), (1_000, 500)] {
            let mut board = chain(n);
            board.focus_node(&StepKey::new(format!("s{at}")));
            let listed = board.mirror();
            assert!(listed.len() <= MAX_LISTED);
            assert!(listed.iter().all(|node| node.of == n));
            assert!(listed.is_sorted_by(|before, after| before.place < after.place));
            for node in &listed {
                assert_eq!(node.key.as_str(), format!("s{}", node.place - 1));
            }
            let focused: Vec<usize> = listed.iter().filter(|node| node.is_focus).map(|node| node.place).collect();
            assert_eq!(focused, [at + 1]);
        }
    }
}
