//! Which way a picture runs: from left to right where there is room, from top to bottom in narrow windows.
//! Places are stored as for the first, and turned for the second: nothing else may know that there are two.

use kurbo::{Point, Rect, Size, Vec2};
use workflow::definition::Position;

/// A turned picture is as much denser along its way, because cards are lower than they are wide,
const DENSER: f64 = 0.5;
/// and as much wider across it.
const WIDER: f64 = 4.0;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Flow {
    #[default]
    Right,
    Down,
}

impl Flow {
    /// The direction of every line.
    pub fn forward(self) -> Vec2 {
        match self {
            Self::Right => Vec2::new(1.0, 0.0),
            Self::Down => Vec2::new(0.0, 1.0),
        }
    }

    /// As if it ran to the right; turning twice changes nothing.
    #[must_use]
    pub fn turn(self, at: Point) -> Point {
        match self {
            Self::Right => at,
            Self::Down => Point::new(at.y, at.x),
        }
    }

    #[must_use]
    pub fn turn_size(self, size: Size) -> Size {
        match self {
            Self::Right => size,
            Self::Down => Size::new(size.height, size.width),
        }
    }

    #[must_use]
    pub fn turn_rect(self, rect: Rect) -> Rect {
        match self {
            Self::Right => rect,
            Self::Down => Rect::new(rect.y0, rect.x0, rect.y1, rect.x1),
        }
    }

    /// Where something stored is drawn. Cards that do not overlap in one picture do not in the other.
    pub fn drawn(self, stored: Position) -> Point {
        match self {
            Self::Right => Point::new(stored.x, stored.y),
            Self::Down => Point::new(stored.y * WIDER, stored.x * DENSER),
        }
    }

    /// How something drawn is stored.
    pub fn stored(self, drawn: Point, is_pinned: bool) -> Position {
        let at = match self {
            Self::Right => drawn,
            Self::Down => Point::new(drawn.y / DENSER, drawn.x / WIDER),
        };
        Position { x: at.x, y: at.y, pinned: is_pinned }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scene::{HEAD_HEIGHT, NODE_WIDTH, STATUS_HEIGHT};

    proptest! {
        #[test]
        fn what_is_drawn_is_stored_where_it_came_from(x in -1e5..1e5, y in -1e5..1e5, is_pinned in any::<bool>()) {
            let stored = Position { x, y, pinned: is_pinned };
            for flow in [Flow::Right, Flow::Down] {
                prop_assert_eq!(flow.stored(flow.drawn(stored), is_pinned), stored);
            }
        }

        #[test]
        fn cards_that_stand_apart_stay_apart_when_the_picture_turns(x in -900.0..900.0, y in -400.0..400.0, is_run in any::<bool>()) {
            let height = HEAD_HEIGHT + if is_run { STATUS_HEIGHT } else { 0.0 };
            let card = |at: Point| Rect::from_origin_size(at, (NODE_WIDTH, height));
            let other = Position { x, y, pinned: false };
            prop_assume!(!card(Point::ORIGIN).overlaps(card(Flow::Right.drawn(other))));
            prop_assert!(!card(Point::ORIGIN).overlaps(card(Flow::Down.drawn(other))));
        }
    }
}
