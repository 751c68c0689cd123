//! The small map: everything at once, coloured by status, and which part of it is on the screen.
//! It knows no camera but the board's, and moves nothing else.

use std::collections::BTreeSet;

use kurbo::{Point, Rect, Size};

use super::list::{Batches, DisplayList, Fill, Ink, Shape};
use crate::board::Board;

/// Between the map's rim and the outermost cards.
const PADDING: f64 = 6.0;
/// A card is never drawn smaller.
const LEAST: Size = Size::new(2.0, 1.5);
/// From so many cards on, those that would fall on one dot are drawn once.
const MANY: usize = 1_500;
/// So much of the plane around everything may be looked at, too.
const AROUND: f64 = 120.0;

/// How the plane lies on the map.
#[derive(Clone, Copy)]
struct Projection {
    world: Rect,
    origin: Point,
    scale: f64,
}

impl Projection {
    fn of(board: &Board, size: Size) -> Option<Self> {
        let world = board.scene().extent()?.inflate(AROUND, AROUND);
        let room = (size - Size::new(2.0 * PADDING, 2.0 * PADDING)).max(Size::new(1.0, 1.0));
        let scale = (room.width / world.width()).min(room.height / world.height());
        let drawn = world.size() * scale;
        let origin = Point::new((size.width - drawn.width) / 2.0, (size.height - drawn.height) / 2.0);
        Some(Self { world, origin, scale })
    }

    fn on_map(self, world: Point) -> Point {
        self.origin + (world - self.world.origin()) * self.scale
    }

    fn on_plane(self, map: Point) -> Point {
        self.world.origin() + (map - self.origin) / self.scale
    }
}

impl Board {
    /// What stands where, for a map of this size.
    pub fn paint_minimap(&self, size: Size) -> DisplayList {
        let mut batches = Batches::default();
        if let Some(projection) = Projection::of(self, size) {
            let scene = self.scene();
            let mut drawn = BTreeSet::new();
            for node in scene.nodes() {
                let at = node as usize;
                let ink =
                    if scene.n_errors[at] > 0 { Ink::Error } else { scene.status[at].map_or(Ink::Port, Ink::Status) };
                let card = scene.rect(node);
                let corner = projection.on_map(card.origin());
                #[expect(clippy::cast_possible_truncation, reason = "inside of a small map")]
                let dot = ((corner.x / 2.0) as i32, (corner.y / 1.5) as i32, ink);
                if scene.n_nodes() < MANY || drawn.insert(dot) {
                    let rect = Rect::from_origin_size(corner, (card.size() * projection.scale).max(LEAST));
                    batches.fill(0, 0, Fill { ink, alpha: 255 }).push(Shape::Rect(rect));
                }
            }
        }
        batches.into_list(None, size)
    }

    /// The part of the map that is on the screen, as far as the map reaches.
    pub fn minimap_view(&self, size: Size) -> Option<Rect> {
        let projection = Projection::of(self, size)?;
        let seen = self.camera().visible(self.viewport(), 0.0);
        let corner = projection.on_map(Point::new(seen.x1, seen.y1));
        let view = Rect::from_points(projection.on_map(seen.origin()), corner);
        let rim = Rect::from_origin_size(Point::ORIGIN, size).inset(-1.0);
        let inside = view.intersect(rim);
        (inside.width() > 0.0 && inside.height() > 0.0).then_some(inside)
    }

    /// Brings the place under a point of the map to the middle of the screen.
    pub fn look_at_map(&mut self, at: Point, size: Size) {
        if let Some(projection) = Projection::of(self, size).filter(|_| at.is_finite()) {
            let world = projection.on_plane(at);
            let inside = Point::new(
                world.x.clamp(projection.world.x0, projection.world.x1),
                world.y.clamp(projection.world.y0, projection.world.y1),
            );
            self.look_at(inside);
        }
    }

    /// Not everything is on the screen, so there is something to find on a map.
    pub fn needs_map(&self) -> bool {
        let seen = self.camera().visible(self.viewport(), 1.0);
        self.viewport().area() > 1.0 && self.scene().extent().is_some_and(|bounds| !seen.contains_rect(bounds))
    }
}
