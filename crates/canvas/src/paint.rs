//! Painting: what is seen becomes a list of shapes and texts, sorted by style, that any renderer can draw.
//! The list holds only what is in view, in an order that depends on nothing but the scene.

mod card;
mod company;
mod cut;
mod edges;
mod landmarks;
mod list;
mod marks;
mod minimap;
mod overlay;
mod parts;
mod piles;
mod svg;
mod thumbnail;

use kurbo::{Point, Rect};

use crate::{
    board::{Board, Ends, Gesture},
    camera::{Camera, Lod},
    scene::{Scene, Side},
};

pub use cut::fitted;
pub use list::{Align, Dash, DisplayList, Fill, Font, Ink, LINE_HEIGHT, Renderer, Shape, Stroke, Text, TextRun};
pub use parts::Part;
pub use svg::Svg;
pub use thumbnail::{Thumbnail, thumbnail};

use list::Batches;

/// Pixels around the screen that are drawn too: strokes and badges reach over.
const CULL_PADDING: f64 = 24.0;
/// Dots stand this far apart on the plane, or a power of two of it.
const GRID_SPACING: f64 = 24.0;

/// What all painters share.
struct View<'a> {
    board: &'a Board,
    scene: &'a Scene,
    camera: Camera,
    zoom: f64,
    lod: Lod,
    /// The part of the plane that is drawn.
    seen: Rect,
    /// By node.
    selected: Vec<bool>,
    /// While connecting: the node the line holds on to, the side of its port, and what can be the other end.
    joining: Option<(u32, Side, &'a Ends)>,
    /// The line that is being moved is drawn by the pointer alone.
    moved: Option<u32>,
    /// Where the landmarks stand, if only a part of what is in view is drawn.
    labels: Option<Vec<landmarks::Label>>,
}

impl<'a> View<'a> {
    fn of(board: &'a Board) -> Self {
        let scene = board.scene();
        let (joining, moved) = match board.gesture() {
            Gesture::Connect(connect) => (Some((connect.anchor, connect.side, &connect.ends)), connect.moved_edge()),
            Gesture::KeyConnect(connect) => (Some((connect.from, Side::Out, connect.ends())), None),
            _ => (None, None),
        };
        let camera = board.camera();
        Self {
            board,
            scene,
            camera,
            zoom: camera.zoom,
            lod: board.lod(),
            seen: camera.visible(board.viewport(), CULL_PADDING),
            selected: board.selected_of_all(),
            joining,
            moved,
            labels: None,
        }
    }

    fn is_dimmed(&self, node: u32) -> bool {
        self.joining.is_some_and(|(anchor, _, ends)| node != anchor && ends.is_blocked(node))
    }
}

impl Board {
    /// Ground, edges and nodes.
    pub fn paint(&mut self) -> DisplayList {
        self.set_lod(Lod::at(self.camera().zoom, self.lod()));
        // What looks different is drawn with all else.
        drop(self.take_restyled());
        self.find_ways_of_seen();
        painted(&View::of(self), Rect::from_origin_size(Point::ORIGIN, self.viewport()))
    }

    /// All of it at its own size, whatever part is on the screen, and without what is selected.
    pub fn picture(&mut self) -> DisplayList {
        let mut board = self.as_picture();
        board.set_lod(Lod::at(board.camera().zoom, board.lod()));
        let view = View::of(&board);
        let mut batches = Batches::default();
        // Without the grid, which is for placing.
        marks::paint(&view, &mut batches);
        edges::paint(&view, &mut batches);
        card::paint(&view, &mut batches);
        batches.into_list(Some(Ink::Ground), board.viewport())
    }

    /// What lies over it: the connection being drawn, the marquee, what hangs on the pointer, what moves by itself, what others selected.
    /// `phase` runs from 0 to 1 and again; none stands still.
    pub fn paint_overlay(&self, phase: Option<f64>) -> DisplayList {
        let view = View::of(self);
        let mut batches = Batches::default();
        company::paint(&view, &mut batches);
        overlay::paint(&view, phase, &mut batches);
        batches.into_list(None, self.viewport())
    }
}

/// What is seen, with the dots of an area of the screen.
fn painted(view: &View<'_>, area: Rect) -> DisplayList {
    let mut batches = Batches::default();
    if view.lod != Lod::Far {
        grid(view, area, &mut batches);
    }
    marks::paint(view, &mut batches);
    edges::paint(view, &mut batches);
    card::paint(view, &mut batches);
    batches.into_list(Some(Ink::Ground), view.board.viewport())
}

fn grid(view: &View<'_>, area: Rect, batches: &mut Batches) {
    let mut step = GRID_SPACING * view.zoom;
    while step < 20.0 {
        step *= 2.0;
    }
    let world = step / view.zoom;
    let first = view.camera.to_screen(Point::new(
        (view.camera.origin.x / world).floor() * world,
        (view.camera.origin.y / world).floor() * world,
    ));
    // On from the last one before the area.
    let skipped = |from: f64, to: f64| ((to - from) / step).floor().max(0.0) * step;
    let first = Point::new(first.x + skipped(first.x, area.x0), first.y + skipped(first.y, area.y0));
    let dots = batches.fill(0, 0, Fill { ink: Ink::Grid, alpha: 255 });
    let mut x = first.x;
    while x < area.x1 {
        let mut y = first.y;
        while y < area.y1 {
            dots.push(Shape::Rect(Rect::new(x - 0.75, y - 0.75, x + 0.75, y + 0.75)));
            y += step;
        }
        x += step;
    }
}

#[cfg(test)]
mod forced_colours;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
