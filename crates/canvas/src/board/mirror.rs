//! The accessible list beside the picture: which nodes it holds, in which order, and what they are called.
//! It holds a window of a large graph, never ten thousand elements, and always the node the keyboard stands on.

use std::collections::BTreeSet;

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
    /// On the plane; the list as a whole is moved with the camera.
    pub rect: Rect,
    pub is_selected: bool,
    /// The one that Tab reaches.
    pub is_focus: bool,
}

impl Board {
    /// The nodes to list, every one after what it depends on.
    pub fn mirror(&self) -> Vec<MirrorNode> {
        let order = &self.scene.order;
        let listed: Vec<u32> = if order.len() <= MAX_LISTED {
            order.clone()
        } else {
            let focus = self.focus.as_ref().and_then(|key| self.scene.node(key));
            let at = focus.and_then(|focus| order.iter().position(|node| *node == focus)).unwrap_or(0);
            let around = at.saturating_sub(AROUND_FOCUS)..(at + AROUND_FOCUS + 1).min(order.len());
            let seen = self.scene.nodes_in(self.camera.visible(self.viewport, 0.0));
            let mut wanted: BTreeSet<u32> = seen.into_iter().take(MAX_IN_VIEW).collect();
            wanted.extend(&order[around]);
            order.iter().copied().filter(|node| wanted.contains(node)).collect()
        };
        let has_focus = self.focus.is_some();
        listed
            .into_iter()
            .enumerate()
            .map(|(n, node)| {
                let key = self.scene.key(node).clone();
                MirrorNode {
                    label: self.scene.describe(node),
                    rect: self.scene.rect(node),
                    is_selected: self.selection.contains(&key),
                    is_focus: if has_focus { self.focus.as_ref() == Some(&key) } else { n == 0 },
                    key,
                }
            })
            .collect()
    }
}
