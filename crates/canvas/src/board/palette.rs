//! New steps: dragged from the palette by pointer, or put in the middle by keyboard.
//! A new step never lands exactly on another one, and is selected so that the next act configures it.

use kurbo::{Point, Rect, Vec2};
use workflow::{AgentId, Step, api::AgentView};

use super::{Board, Gesture, input::Output};
use crate::{
    edit::{Edit, FreeTitles, fresh_key},
    scene::{HEAD_HEIGHT, Kind, NODE_WIDTH, SNAP, bounded, snapped},
};

/// An agent as it hangs on the pointer.
#[derive(Clone, PartialEq, Debug)]
pub struct PaletteItem {
    pub agent_id: AgentId,
    pub name: String,
    pub kind: Kind,
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
            self.gesture = Gesture::Palette { item, at: None };
        }
    }

    /// Where the dragged item would be put: the card under the pointer, snapped.
    pub fn palette_ghost(&self) -> Option<(&PaletteItem, Rect)> {
        match &self.gesture {
            Gesture::Palette { item, at: Some(at) } => {
                let place = card_at(self.camera.to_world(*at));
                Some((item, Rect::from_origin_size(place, (NODE_WIDTH, HEAD_HEIGHT))))
            }
            _ => None,
        }
    }

    pub(super) fn palette_to(&mut self, pointer: Point) {
        let is_inside = Rect::from_origin_size(Point::ORIGIN, self.viewport).contains(pointer);
        if let Gesture::Palette { at, .. } = &mut self.gesture {
            *at = is_inside.then_some(pointer);
            self.dirty.overlay = true;
        }
    }

    pub(super) fn drop_from_palette(&mut self, out: &mut Vec<Output>) {
        let place = self.palette_ghost().map(|(_, rect)| rect.origin());
        let Gesture::Palette { item, .. } = std::mem::take(&mut self.gesture) else {
            return;
        };
        self.dirty.overlay = true;
        if let Some(place) = place {
            self.add_step(&item, place, out);
        }
    }

    /// Adds a step in the middle of what is seen.
    pub fn add_in_the_middle(&mut self, item: &PaletteItem) -> Vec<Output> {
        let mut out = Vec::new();
        self.cancel_gesture();
        if self.is_editor() {
            let middle = self.camera.visible(self.viewport, 0.0).center();
            let place = self.free_place(card_at(middle));
            self.add_step(item, place, &mut out);
            if let Some(key) = self.focus.clone() {
                self.reveal(&key);
            }
        }
        out
    }

    /// The nearest place below where a card covers nothing.
    fn free_place(&self, mut place: Point) -> Point {
        loop {
            let card = Rect::from_origin_size(place, (NODE_WIDTH, HEAD_HEIGHT)).inflate(SNAP, SNAP);
            let Some(floor) = self.scene.bounds_of(self.scene.nodes_in(card)) else {
                return place;
            };
            place.y = snapped(Point::new(0.0, floor.y1 + 2.0 * SNAP + SNAP / 2.0)).y;
        }
    }

    fn add_step(&mut self, item: &PaletteItem, place: Point, out: &mut Vec<Output>) {
        let mut place = place;
        // Two in a row at the same place would hide the first.
        while self.scene.nodes().any(|node| self.scene.place[node as usize].distance(place) < 8.0) {
            place += Vec2::new(24.0, 24.0);
        }
        let place = bounded(place);
        let title = FreeTitles::of(&self.document.definition).take(&item.name);
        let key = fresh_key(&self.document.definition, &title);
        let mut step = Step::new(item.agent_id.clone());
        step.title.clone_from(&title);
        step.ui = Some(self.flow.stored(place, false));
        let add = Edit::add(key.clone(), step);
        let edit = if self.automatic.is_empty() { add } else { Edit::Batch(vec![add, self.moves_to_here(&[])]) };
        if self.commit(edit, &format!("Add {title}"), None, out) {
            self.select(vec![key], out);
            out.push(Output::Say(format!("{title} added")));
        }
    }
}

fn card_at(middle: Point) -> Point {
    snapped(middle - Vec2::new(NODE_WIDTH / 2.0, HEAD_HEIGHT / 2.0))
}
