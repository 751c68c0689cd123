//! Looking around: wheel, pinch, what the pointer rests on, and its shape.
//! Nothing here changes the definition or what is selected.

use kurbo::{Point, Rect, Size, Vec2};

use super::{
    Board, Gesture,
    input::{Cursor, Mods, WheelMode},
};
use crate::{
    flow::Flow,
    scene::{
        Side,
        hit::{Hit, MIN_PORT_ZOOM, Precision},
    },
};

/// What is fitted never becomes smaller: a title can still be read.
pub const READABLE: f64 = 0.6;
/// The foot of a canvas is its toolbar's.
const FOOT: f64 = 52.0;

impl Board {
    /// Pixels around what is fitted or brought into view.
    pub(super) fn margin(&self) -> f64 {
        (self.viewport.width.min(self.viewport.height) * 0.05).clamp(12.0, 40.0)
    }

    /// What is seen beside the toolbar; in a very low window it lies over the picture.
    pub(super) fn room(&self) -> Size {
        let foot = if self.viewport.height > 6.0 * FOOT { FOOT } else { 0.0 };
        Size::new(self.viewport.width, self.viewport.height - foot)
    }

    /// Shows everything, as long as it can be read; else its beginning.
    pub fn fit(&mut self) {
        let margin = self.margin();
        if let Some(bounds) = self.scene.drawn_bounds() {
            self.camera.fit(bounds, self.room(), margin);
            if self.camera.zoom < READABLE {
                self.show_beginning(bounds, margin);
            }
        } else {
            self.camera.zoom = 1.0;
            self.camera.center_on(Point::ORIGIN, self.viewport);
        }
        self.camera_moved();
        self.is_fitted = true;
    }

    /// Shows everything, however small.
    pub fn show_all(&mut self) {
        // Every line will be seen, and some may lead around the outermost cards.
        self.scene.find_more_ways(usize::MAX);
        if let Some(bounds) = self.scene.drawn_bounds() {
            let margin = self.margin();
            self.camera.fit(bounds, self.room(), margin);
            self.camera_moved();
        }
    }

    /// Puts a place of the plane in the middle.
    pub(crate) fn look_at(&mut self, world: Point) {
        self.stop_following();
        self.camera.center_on(world, self.viewport);
        self.camera_moved();
    }

    /// Moves what is seen by a part of the screen, as from the small map.
    pub fn look_aside(&mut self, by: Vec2) {
        self.stop_following();
        let pixels = Vec2::new(by.x * self.viewport.width, by.y * self.viewport.height);
        self.camera.pan_by(-pixels);
        self.camera_moved();
    }

    /// The first step at the edge where reading begins, and around it as much as there is room for.
    fn show_beginning(&mut self, bounds: Rect, margin: f64) {
        let first = self.scene.order.first().map_or(bounds, |node| self.scene.rect(*node));
        self.camera.zoom = READABLE;
        let seen = (self.room() - Size::new(2.0 * margin, 2.0 * margin)).max(Size::new(1.0, 1.0)) / READABLE;
        let along = |low: f64, high: f64, seen: f64, about: f64| {
            if high - low <= seen { f64::midpoint(low, high) - seen / 2.0 } else { about.clamp(low, high - seen) }
        };
        let center = first.center();
        let beside = center - Vec2::new(seen.width, seen.height) / 2.0;
        let corner = match self.flow {
            Flow::Right => Point::new(
                along(bounds.x0, bounds.x1, seen.width, first.x0),
                along(bounds.y0, bounds.y1, seen.height, beside.y),
            ),
            Flow::Down => Point::new(
                along(bounds.x0, bounds.x1, seen.width, beside.x),
                along(bounds.y0, bounds.y1, seen.height, first.y0),
            ),
        };
        self.camera.origin = corner - Vec2::new(margin, margin) / READABLE;
    }

    /// What lies under the pointer as it is drawn: selected cards lie over the others.
    pub(super) fn hit(&self, at: Point, precision: Precision) -> Hit {
        let hit = self.scene.hit(&self.camera, at, precision, self.is_editor());
        if let Some(end) = self.hit_end(at, precision, hit) {
            return end;
        }
        let Hit::Node(_) = hit else {
            return hit;
        };
        let world = self.camera.to_world(at);
        let selected = self.selection.iter().filter_map(|key| self.scene.node(key));
        selected.filter(|node| self.scene.rect(*node).contains(world)).max().map_or(hit, Hit::Node)
    }

    /// An end of a line that can be taken up here. Those of the selected line are shown, so they go before a port that is farther.
    fn hit_end(&self, at: Point, precision: Precision, hit: Hit) -> Option<Hit> {
        if !self.is_editor() || self.camera.zoom < MIN_PORT_ZOOM || !at.is_finite() {
            return None;
        }
        let radius = precision.port_radius();
        if let Some(edge) = self.selected_line() {
            let nearest = [Side::Out, Side::In].map(|end| (self.scene.grip(&self.camera, edge, end).distance(at), end));
            let (distance, end) = if nearest[0].0 <= nearest[1].0 { nearest[0] } else { nearest[1] };
            let is_nearer = match hit {
                Hit::Port(node, side) => distance < self.camera.to_screen(self.scene.port(node, side)).distance(at),
                _ => true,
            };
            if distance <= radius && is_nearer {
                return Some(Hit::End(edge, end));
            }
        }
        let is_beside = matches!(hit, Hit::Edge(_) | Hit::Nothing);
        let grip = is_beside.then(|| self.scene.hit_grip(&self.camera, at, radius)).flatten();
        grip.map(|(edge, end)| Hit::End(edge, end))
    }

    /// The line that is selected.
    pub(crate) fn selected_line(&self) -> Option<u32> {
        let (from, to) = self.selected_edge.as_ref()?;
        self.scene.edge_between(self.scene.node(from)?, self.scene.node(to)?)
    }

    pub(super) fn pinch(&mut self, before: [Point; 2], after: [Point; 2]) {
        let spread = |p: [Point; 2]| p[0].distance(p[1]).max(1.0);
        let (was, is) = (before[0].midpoint(before[1]), after[0].midpoint(after[1]));
        self.camera.pan_by(is - was);
        self.camera.zoom_at(is, spread(after) / spread(before));
        self.camera_moved();
        self.set_hover(Hit::Nothing);
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
        // Another card may lie under the pointer now.
        if matches!(self.gesture, Gesture::Idle) {
            let hit = self.hit(at, Precision::Mouse);
            self.set_hover(hit);
        }
    }

    pub(super) fn camera_moved(&mut self) {
        self.is_fitted = false;
        (self.dirty.base, self.dirty.overlay, self.dirty.camera) = (true, true, true);
        if self.scene.n_nodes() > super::mirror::MAX_LISTED {
            self.dirty.mirror_soon = true;
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
            Gesture::Drag(drag) if drag.is_copying() => Cursor::Copy,
            Gesture::Resize(_) => Cursor::Resize,
            Gesture::Pan { .. } | Gesture::Pinch { .. } | Gesture::Drag(_) | Gesture::Palette { .. } => {
                Cursor::Grabbing
            }
            Gesture::Connect(connect) if connect.refusal.is_some() => Cursor::NotAllowed,
            Gesture::Marquee(_) | Gesture::Connect(_) => Cursor::Crosshair,
            Gesture::Press(_) | Gesture::Idle | Gesture::KeyConnect(_) | Gesture::Adding(_) | Gesture::Reading(_) => {
                match self.hover {
                    Hit::Port(..) | Hit::End(..) => Cursor::Crosshair,
                    Hit::Node(_) | Hit::Edge(_) | Hit::Note(_) | Hit::Group(_) => Cursor::Pointer,
                    Hit::Corner(_) => Cursor::Resize,
                    Hit::Nothing => Cursor::Grab,
                }
            }
        }
    }
}
