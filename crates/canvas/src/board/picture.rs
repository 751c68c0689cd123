//! The board as a picture for others: everything that stands on it, and nothing of who looks at it.
//! Must never grow beyond what a browser can draw in one piece.

use std::mem::swap;

use kurbo::{Point, Size, Vec2};
use workflow::StepKey;

use super::{Board, Gesture};
use crate::{
    camera::{Camera, Lod, MIN_ZOOM},
    scene::hit::Hit,
};

/// Around everything, in pixels of the picture.
const MARGIN: f64 = 32.0;
/// The longest side. Larger boards are drawn smaller.
const MOST: f64 = 8_000.0;
/// Of a board on which nothing stands.
const LEAST: Size = Size::new(320.0, 200.0);

/// How somebody looks at a board, and what they are about to do.
struct Look {
    selection: Vec<StepKey>,
    selected_edge: Option<(StepKey, StepKey)>,
    focus: Option<StepKey>,
    is_keyboard_used: bool,
    hover: Hit,
    gesture: Gesture,
    lod: Lod,
    camera: Camera,
    viewport: Size,
}

impl Board {
    /// Draws while all of it is on the screen at its own size, and nobody looks at it. The board is as it was afterwards: it is not copied,
    /// since its history may be large.
    pub(crate) fn as_picture<R>(&mut self, draw: impl FnOnce(&Self) -> R) -> R {
        let mut look = self.look_of_picture();
        self.swap_look(&mut look);
        let drawn = draw(self);
        self.swap_look(&mut look);
        drawn
    }

    fn look_of_picture(&self) -> Look {
        let (corner, size) = match self.scene.drawn_bounds() {
            Some(bounds) => (bounds.origin(), bounds.size()),
            None => (Point::ORIGIN, Size::ZERO),
        };
        let room = MOST - 2.0 * MARGIN;
        let zoom = (room / size.width.max(size.height).max(1.0)).clamp(MIN_ZOOM, 1.0);
        let margin = Vec2::new(MARGIN, MARGIN) / zoom;
        let drawn = size * zoom + Size::new(2.0 * MARGIN, 2.0 * MARGIN);
        Look {
            selection: Vec::new(),
            selected_edge: None,
            focus: None,
            is_keyboard_used: false,
            hover: Hit::Nothing,
            gesture: Gesture::Idle,
            lod: Lod::at(zoom, Lod::Full),
            camera: Camera { origin: corner - margin, zoom },
            viewport: Size::new(drawn.width.clamp(LEAST.width, MOST), drawn.height.clamp(LEAST.height, MOST)),
        }
    }

    fn swap_look(&mut self, look: &mut Look) {
        swap(&mut self.selection, &mut look.selection);
        swap(&mut self.selected_edge, &mut look.selected_edge);
        swap(&mut self.focus, &mut look.focus);
        swap(&mut self.is_keyboard_used, &mut look.is_keyboard_used);
        swap(&mut self.hover, &mut look.hover);
        swap(&mut self.gesture, &mut look.gesture);
        swap(&mut self.lod, &mut look.lod);
        swap(&mut self.camera, &mut look.camera);
        swap(&mut self.viewport, &mut look.viewport);
    }
}
