//! The board as a picture for others: everything that stands on it, and nothing of who looks at it.
//! Must never grow beyond what a browser can draw in one piece.

use kurbo::{Point, Size, Vec2};

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

impl Board {
    /// The same board with all of it on the screen, at its own size; without what can be undone, which may be large.
    pub(crate) fn as_picture(&mut self) -> Self {
        let history = std::mem::take(&mut self.history);
        let mut board = self.clone();
        self.history = history;
        board.selection.clear();
        board.selected_notes.clear();
        if board.collapsed().next().is_some() {
            // What one person does not want to see is there for all others.
            board.set_collapsed(Vec::new());
        }
        // What somebody tried is no part of what is drawn.
        board.set_tried(None);
        board.selected_edge = None;
        board.focus = None;
        board.is_keyboard_used = false;
        board.hover = Hit::Nothing;
        board.pointer = None;
        board.gesture = Gesture::Idle;
        board.hint = None;
        board.lod = Lod::Full;
        board.scene.find_more_ways(usize::MAX);
        let (corner, size) = match board.scene.drawn_bounds() {
            Some(bounds) => (bounds.origin(), bounds.size()),
            None => (Point::ORIGIN, Size::ZERO),
        };
        let room = MOST - 2.0 * MARGIN;
        let zoom = (room / size.width.max(size.height).max(1.0)).clamp(MIN_ZOOM, 1.0);
        let margin = Vec2::new(MARGIN, MARGIN) / zoom;
        board.camera = Camera { origin: corner - margin, zoom };
        let drawn = size * zoom + Size::new(2.0 * MARGIN, 2.0 * MARGIN);
        board.viewport = Size::new(drawn.width.clamp(LEAST.width, MOST), drawn.height.clamp(LEAST.height, MOST));
        board
    }
}
