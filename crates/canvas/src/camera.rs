//! The camera: which part of the endless plane is on the screen, and how large. All of it in f64 and CSS pixels.
//! Whatever zooms must keep the point under the pointer where it is.

use kurbo::{Point, Rect, Size, Vec2};

pub const MIN_ZOOM: f64 = 0.02;
pub const MAX_ZOOM: f64 = 4.0;
/// Beyond this nothing is placed and nothing is looked at, so that sums stay exact enough to draw.
pub const MAX_COORDINATE: f64 = 1.0e6;

const FAR_BELOW: f64 = 0.15;
const MIDDLE_BELOW: f64 = 0.45;
/// A level is left only this far beyond its border, so that zooming at the border does not flicker.
const HYSTERESIS: f64 = 0.15;

/// `screen = (world - origin) * zoom`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Camera {
    /// The point of the plane at the top left corner of the screen.
    pub origin: Point,
    pub zoom: f64,
}

impl Default for Camera {
    fn default() -> Self {
        Self { origin: Point::ORIGIN, zoom: 1.0 }
    }
}

impl Camera {
    pub fn to_screen(&self, world: Point) -> Point {
        ((world - self.origin) * self.zoom).to_point()
    }

    pub fn to_world(&self, screen: Point) -> Point {
        self.origin + screen.to_vec2() / self.zoom
    }

    pub fn rect_to_screen(&self, world: Rect) -> Rect {
        Rect::from_points(self.to_screen(world.origin()), self.to_screen(Point::new(world.x1, world.y1)))
    }

    /// Moves the picture by so many pixels.
    pub fn pan_by(&mut self, pixels: Vec2) {
        if pixels.is_finite() {
            self.look_from(self.origin - pixels / self.zoom);
        }
    }

    /// Zooms by a factor; the plane under `anchor` stays there.
    pub fn zoom_at(&mut self, anchor: Point, factor: f64) {
        self.zoom_to(anchor, self.zoom * factor);
    }

    pub fn zoom_to(&mut self, anchor: Point, zoom: f64) {
        if !(zoom.is_finite() && anchor.is_finite()) {
            return;
        }
        let fixed = self.to_world(anchor);
        self.zoom = zoom.clamp(MIN_ZOOM, MAX_ZOOM);
        self.look_from(fixed - anchor.to_vec2() / self.zoom);
    }

    /// Shows all of `bounds` with a margin, never larger than life.
    pub fn fit(&mut self, bounds: Rect, viewport: Size, margin: f64) {
        let room = (viewport - Size::new(2.0 * margin, 2.0 * margin)).max(Size::new(1.0, 1.0));
        let zoom = (room.width / bounds.width().max(1.0)).min(room.height / bounds.height().max(1.0));
        self.zoom = zoom.clamp(MIN_ZOOM, 1.0);
        self.center_on(bounds.center(), viewport);
    }

    pub fn center_on(&mut self, world: Point, viewport: Size) {
        self.look_from(world - (viewport / 2.0).to_vec2() / self.zoom);
    }

    /// Moves just enough for `bounds` to be on the screen.
    pub fn reveal(&mut self, bounds: Rect, viewport: Size, margin: f64) -> bool {
        let on_screen = self.rect_to_screen(bounds);
        let shift = |low: f64, high: f64, room: f64| {
            if high - low + 2.0 * margin > room {
                (room - low - high) / 2.0
            } else if low < margin {
                margin - low
            } else {
                (room - margin - high).min(0.0)
            }
        };
        let is_inside = on_screen.x0 >= 0.0
            && on_screen.y0 >= 0.0
            && on_screen.x1 <= viewport.width
            && on_screen.y1 <= viewport.height;
        if is_inside {
            return false;
        }
        let by = Vec2::new(
            shift(on_screen.x0, on_screen.x1, viewport.width),
            shift(on_screen.y0, on_screen.y1, viewport.height),
        );
        self.pan_by(by);
        true
    }

    /// The part of the plane on the screen, and so many pixels around it.
    pub fn visible(&self, viewport: Size, padding: f64) -> Rect {
        let corner = Point::new(viewport.width, viewport.height);
        Rect::from_points(self.origin, self.to_world(corner)).inflate(padding / self.zoom, padding / self.zoom)
    }

    fn look_from(&mut self, origin: Point) {
        // Twice the bound, so that the anchor of a zoom at the rim of the plane is not moved.
        let bound = 2.0 * MAX_COORDINATE;
        self.origin = Point::new(origin.x.clamp(-bound, bound), origin.y.clamp(-bound, bound));
    }
}

/// How much of a node can be made out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Lod {
    /// Coloured rectangles and straight lines.
    Far,
    /// Boxes, titles, status colours.
    Middle,
    Full,
}

impl Lod {
    /// The level at this zoom, coming from another one.
    #[must_use]
    pub fn at(zoom: f64, before: Self) -> Self {
        let border = |base: f64, lower: Self| {
            if before <= lower { base * (1.0 + HYSTERESIS) } else { base * (1.0 - HYSTERESIS) }
        };
        if zoom < border(FAR_BELOW, Self::Far) {
            Self::Far
        } else if zoom < border(MIDDLE_BELOW, Self::Middle) {
            Self::Middle
        } else {
            Self::Full
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VIEWPORT: Size = Size::new(1280.0, 800.0);

    fn any_camera() -> impl Strategy<Value = Camera> {
        (-1.0e6..1.0e6, -1.0e6..1.0e6, MIN_ZOOM..MAX_ZOOM)
            .prop_map(|(x, y, zoom)| Camera { origin: Point::new(x, y), zoom })
    }

    proptest! {
        #[test]
        fn levels_of_detail_do_not_flicker(zooms in prop::collection::vec(0.05..1.0_f64, 1..30)) {
            let mut lod = Lod::Full;
            for zoom in zooms {
                let next = Lod::at(zoom, lod);
                prop_assert_eq!(Lod::at(zoom, next), next, "one zoom, one level");
                if zoom < 0.12 { prop_assert_eq!(next, Lod::Far); }
                if zoom > 0.52 { prop_assert_eq!(next, Lod::Full); }
                lod = next;
            }
        }

        #[test]
        fn a_point_survives_the_round_trip(camera in any_camera(), x in 0.0..4000.0, y in 0.0..3000.0) {
            let screen = Point::new(x, y);
            prop_assert!(camera.to_screen(camera.to_world(screen)).distance(screen) < 1e-4);
        }

        #[test]
        fn zooming_keeps_what_is_under_the_pointer(
            camera in any_camera(), x in 0.0..1280.0, y in 0.0..800.0, factors in prop::collection::vec(0.2..5.0, 1..60),
        ) {
            let mut camera = Camera { origin: Point::new(camera.origin.x / 2.0, camera.origin.y / 2.0), ..camera };
            let anchor = Point::new(x, y);
            let fixed = camera.to_world(anchor);
            for factor in factors {
                camera.zoom_at(anchor, factor);
                prop_assert!((MIN_ZOOM..=MAX_ZOOM).contains(&camera.zoom));
                prop_assert!(camera.to_screen(fixed).distance(anchor) < 0.01);
            }
        }

        #[test]
        fn fitting_shows_everything_it_can(x in -1.0e4..1.0e4, y in -1.0e4..1.0e4, w in 1.0..5.0e4, h in 1.0..3.0e4) {
            let bounds = Rect::new(x, y, x + w, y + h);
            let mut camera = Camera::default();
            camera.fit(bounds, VIEWPORT, 40.0);
            if camera.zoom > MIN_ZOOM {
                let seen = camera.visible(VIEWPORT, 0.01);
                prop_assert!(seen.contains_rect(bounds));
            }
            prop_assert!(camera.zoom <= 1.0);
        }
    }

    #[test]
    fn nonsense_does_not_move_the_camera() {
        let mut camera = Camera::default();
        camera.pan_by(Vec2::new(f64::NAN, 1.0));
        camera.zoom_at(Point::new(1.0, 1.0), f64::INFINITY);
        assert_eq!(camera, Camera::default());
    }

    #[test]
    fn revealing_moves_only_what_is_hidden() {
        let mut camera = Camera::default();
        assert!(!camera.reveal(Rect::new(10.0, 10.0, 100.0, 100.0), VIEWPORT, 24.0));
        assert!(camera.reveal(Rect::new(1300.0, 10.0, 1500.0, 100.0), VIEWPORT, 24.0));
        assert!(camera.visible(VIEWPORT, 0.0).contains_rect(Rect::new(1300.0, 10.0, 1500.0, 100.0)));
    }
}
