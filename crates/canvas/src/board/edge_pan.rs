//! Looking on while something is held at the edge of the screen: the picture moves under it, tick by tick.
//! There is no clock here: the same ticks always come to the same picture, whoever counts them.

use kurbo::{Point, Size, Vec2};

use super::{
    Board, Gesture,
    building::Act,
    input::{Mods, Output},
};

/// Ticks are this far apart.
pub const TICK_MS: f64 = 1000.0 / 60.0;
/// Pixels from the edge within which the picture moves,
const ZONE: f64 = 40.0;
/// and at most so many of them with each tick.
const MOST: f64 = 14.0;
/// Ticks before it begins, so that what is merely carried past the edge moves nothing,
const PATIENCE: u32 = 12;
/// and until it is as fast as it gets.
const RAMP: u32 = 18;

/// Where the pointer holds something, and for how long it has done so at the edge.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Held {
    at: Point,
    mods: Mods,
    n_ticks: u32,
}

/// How far the camera moves with a tick, in pixels.
fn pan_at(at: Point, viewport: Size) -> Vec2 {
    let along = |at: f64, length: f64| {
        let zone = ZONE.min(length / 4.0);
        if zone < 1.0 {
            return 0.0;
        }
        let (before, behind) = ((zone - at) / zone, (at - (length - zone)) / zone);
        (behind.clamp(0.0, 1.0) - before.clamp(0.0, 1.0)) * MOST
    };
    Vec2::new(along(at.x, viewport.width), along(at.y, viewport.height))
}

impl Board {
    /// The pointer of a gesture that may lead beyond the edge is here now.
    pub(super) fn hold_at(&mut self, at: Point, mods: Mods) {
        let before = self.held.map_or(0, |held| held.n_ticks);
        let n_ticks = if pan_at(at, self.viewport) == Vec2::ZERO { 0 } else { before };
        self.held = Some(Held { at, mods, n_ticks });
    }

    /// Another gesture begins: whatever was held before is let go.
    pub(super) fn let_go(&mut self) {
        self.held = None;
    }

    fn edge_pan(&self) -> Option<(Held, Vec2)> {
        let may = matches!(self.gesture, Gesture::Connect(_) | Gesture::Drag(_) | Gesture::Marquee(_));
        let held = self.held.filter(|_| may)?;
        let by = pan_at(held.at, self.viewport);
        (by != Vec2::ZERO).then_some((held, by))
    }

    /// Whether ticks would come to anything.
    pub fn wants_ticks(&self) -> bool {
        self.edge_pan().is_some()
    }

    pub(super) fn tick(&mut self, out: &mut Vec<Output>) {
        let Some((Held { at, mods, n_ticks }, by)) = self.edge_pan() else {
            return;
        };
        let n_ticks = n_ticks.saturating_add(1);
        self.held = Some(Held { at, mods, n_ticks });
        let n_moving = n_ticks.saturating_sub(PATIENCE);
        if n_moving == 0 {
            return;
        }
        let speed = f64::from(n_moving.min(RAMP)) / f64::from(RAMP);
        self.camera.pan_by(-by * speed);
        self.camera_moved();
        // What is held stays under the pointer.
        match &mut self.gesture {
            Gesture::Connect(_) => self.build(Act::ConnectTo(at), out),
            Gesture::Drag(_) => self.build(Act::DragTo { at, mods }, out),
            Gesture::Marquee(marquee) => {
                marquee.to = self.camera.to_world(at);
                self.marquee_moved(out);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_moves_only_near_the_edge_and_faster_the_nearer() {
        let viewport = Size::new(1000.0, 700.0);
        let pan = |x: f64, y: f64| pan_at(Point::new(x, y), viewport);
        assert_eq!(pan(500.0, 350.0), Vec2::ZERO);
        assert_eq!(pan(40.0, 660.0), Vec2::ZERO);
        assert!(pan(980.0, 350.0).x > 0.0 && pan(990.0, 350.0).x > pan(980.0, 350.0).x);
        assert!(pan(20.0, 350.0).x < 0.0 && pan(500.0, 10.0).y < 0.0);
        assert_eq!(pan(5000.0, -900.0), Vec2::new(MOST, -MOST));
        assert_eq!(pan_at(Point::ORIGIN, Size::ZERO), Vec2::ZERO);
    }
}
