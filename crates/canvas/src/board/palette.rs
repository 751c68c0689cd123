//! New steps from the palette by pointer: a card hangs on it, and lands on the canvas or on a line.
//! What is let go outside the canvas leaves nothing.

use kurbo::{Point, Rect, Vec2};
use workflow::{AgentId, AgentSpec, api::AgentView};

use super::{Board, Gesture, input::Output};
use crate::scene::{HEAD_HEIGHT, Kind, NODE_WIDTH, snapped};

/// Pixels around a line within which an agent is put onto it.
const REACH: f64 = 20.0;

/// An agent as it hangs on the pointer.
#[derive(Clone, PartialEq, Debug)]
pub struct PaletteItem {
    pub agent_id: AgentId,
    pub name: String,
    pub kind: Kind,
}

impl PaletteItem {
    pub(super) fn of(agent: &AgentSpec) -> Self {
        Self { agent_id: agent.id.clone(), name: agent.name.clone(), kind: Kind::of(agent.kind()) }
    }
}

impl From<&AgentView> for PaletteItem {
    fn from(agent: &AgentView) -> Self {
        Self { agent_id: agent.id.clone(), name: agent.name.clone(), kind: Kind::of(&agent.kind) }
    }
}

impl Board {
    /// From now on pointer input moves the item, wherever its pointer went down.
    pub fn begin_palette_drag(&mut self, item: PaletteItem) {
        self.cancel_gesture();
        if self.is_editor() {
            self.gesture = Gesture::Palette { item, at: None, onto: None };
        }
    }

    /// Where the dragged item would be put: the card under the pointer, snapped.
    pub fn palette_ghost(&self) -> Option<(&PaletteItem, Rect)> {
        match &self.gesture {
            Gesture::Palette { item, at: Some(at), .. } => {
                let place = card_at(self.camera.to_world(*at));
                Some((item, Rect::from_origin_size(place, (NODE_WIDTH, HEAD_HEIGHT))))
            }
            _ => None,
        }
    }

    pub(super) fn palette_to(&mut self, pointer: Point, out: &mut Vec<Output>) {
        let is_inside = Rect::from_origin_size(Point::ORIGIN, self.viewport).contains(pointer);
        let is_over_card = self.scene.hit_node(&self.camera, pointer).is_some();
        let line = (is_inside && !is_over_card).then(|| self.scene.hit_edge(&self.camera, pointer, REACH)).flatten();
        let Gesture::Palette { item, at, onto } = &mut self.gesture else {
            return;
        };
        *at = is_inside.then_some(pointer);
        *onto = line;
        let words = line.map(|edge| {
            let edge = &self.scene.edges[edge as usize];
            let title = |node: u32| &self.scene.title[node as usize];
            format!("Let go to put {} between {} and {}", item.name, title(edge.from), title(edge.to))
        });
        self.dirty.overlay = true;
        self.set_hint(words, out);
    }

    pub(super) fn drop_from_palette(&mut self, out: &mut Vec<Output>) {
        let place = self.palette_ghost().map(|(_, rect)| rect.origin());
        let Gesture::Palette { item, onto, .. } = std::mem::take(&mut self.gesture) else {
            return;
        };
        self.dirty.overlay = true;
        self.set_hint(None, out);
        match (place, onto) {
            (Some(place), Some(edge)) => self.add_onto(&item, edge, Some(place), out),
            (Some(place), None) => self.add_step(&item, place, out),
            (None, _) => {}
        }
    }
}

pub(super) fn card_at(middle: Point) -> Point {
    snapped(middle - Vec2::new(NODE_WIDTH / 2.0, HEAD_HEIGHT / 2.0))
}
