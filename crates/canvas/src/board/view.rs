//! Looking around: wheel, pinch, what the pointer rests on, and its shape.
//! Nothing here changes the definition or what is selected.

use kurbo::{Point, Vec2};

use super::{
    Board, Gesture,
    input::{Cursor, Mods, WheelMode},
};
use crate::scene::hit::{Hit, Precision};

impl Board {
    /// What lies under the pointer as it is drawn: selected cards lie over the others.
    pub(super) fn hit(&self, at: Point, precision: Precision) -> Hit {
        let hit = self.scene.hit(&self.camera, at, precision, self.is_editor());
        let Hit::Node(_) = hit else {
            return hit;
        };
        let world = self.camera.to_world(at);
        let selected = self.selection.iter().filter_map(|key| self.scene.node(key));
        selected.filter(|node| self.scene.rect(*node).contains(world)).max().map_or(hit, Hit::Node)
    }

    pub(super) fn pinch(&mut self, before: [Point; 2], after: [Point; 2]) {
        let spread = |p: [Point; 2]| p[0].distance(p[1]).max(1.0);
        let (was, is) = (before[0].midpoint(before[1]), after[0].midpoint(after[1]));
        self.camera.pan_by(is - was);
        self.camera.zoom_at(is, spread(after) / spread(before));
        self.camera_moved();
    }

    pub(super) fn wheel(&mut self, at: Point, by: Vec2, is_zoom: bool, mods: Mods) {
        if !by.is_finite() {
            return;
        }
        if is_zoom || self.wheel == WheelMode::Zoom {
            // One notch of a mouse is about 100, a pinch sends a few units at a time: both should feel alike.
            let speed = if is_zoom && by.y.abs() < 40.0 { 0.01 } else { 0.0022 };
            self.camera.zoom_at(at, (-by.y.clamp(-400.0, 400.0) * speed).exp());
        } else if mods.shift && by.x == 0.0 {
            self.camera.pan_by(Vec2::new(-by.y, 0.0));
        } else {
            self.camera.pan_by(-by);
        }
        self.camera_moved();
    }

    pub(super) fn camera_moved(&mut self) {
        self.is_fitted = false;
        (self.dirty.base, self.dirty.overlay, self.dirty.camera) = (true, true, true);
        if self.scene.n_nodes() > super::mirror::MAX_LISTED {
            self.dirty.mirror = true;
        }
    }

    pub(super) fn set_hover(&mut self, hit: Hit) {
        if self.hover != hit {
            self.hover = hit;
            self.dirty.overlay = true;
        }
    }

    /// What the pointer should look like now.
    pub fn cursor(&self) -> Cursor {
        match &self.gesture {
            Gesture::Pan { .. } | Gesture::Pinch { .. } | Gesture::Drag(_) | Gesture::Palette { .. } => {
                Cursor::Grabbing
            }
            Gesture::Connect(connect) if connect.refusal.is_some() => Cursor::NotAllowed,
            Gesture::Marquee(_) | Gesture::Connect(_) => Cursor::Crosshair,
            Gesture::Press(_) | Gesture::Idle | Gesture::KeyConnect { .. } => match self.hover {
                Hit::Port(..) => Cursor::Crosshair,
                Hit::Node(_) | Hit::Edge(_) => Cursor::Pointer,
                Hit::Nothing => Cursor::Grab,
            },
        }
    }
}
