//! Guides: while something is dragged, where it comes into line with what stands around it; near enough, it goes there.
//! The same place always has the same guides. Nothing here moves anything.

use kurbo::{Point, Rect};

use super::{Board, Gesture};
use crate::scene::{SNAP, snapped};

/// Pixels within which it goes into line.
const REACH: f64 = 6.0;
/// With more around it, or more that is dragged, lines would be everywhere and mean nothing.
const MANY: usize = 400;

/// A line along which two things stand, on the plane.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Guide {
    pub from: Point,
    pub to: Point,
}

impl Board {
    /// Where what is grabbed comes to stand, near to where it is held, and with what it is in line there.
    pub(super) fn guided(&self, card: Rect) -> (Point, Vec<Guide>) {
        let others = self.around_dragged();
        let reach = (REACH / self.camera.zoom).clamp(SNAP / 2.0, 2.0 * SNAP);
        let place = in_line(card, snapped(card.origin()), &others, reach);
        (place, guides(card.with_origin(place), &others))
    }

    /// What is seen and stays where it is.
    fn around_dragged(&self) -> Vec<Rect> {
        let Gesture::Drag(drag) = &self.gesture else {
            return Vec::new();
        };
        let window = self.camera.visible(self.viewport, 0.0);
        let (seen, notes) = (self.scene.nodes_in(window), self.scene.notes_in(window, true));
        if drag.nodes.len() > MANY || seen.len() + notes.len() > MANY {
            return Vec::new();
        }
        let is_held = |held: &[(u32, Point)], id: u32| held.iter().any(|(known, _)| *known == id);
        let cards = seen.into_iter().filter(|node| !is_held(&drag.nodes, *node)).map(|node| self.scene.rect(node));
        let notes = notes.into_iter().filter(|note| !is_held(&drag.notes, *note));
        cards.chain(notes.map(|note| self.scene.notes[note as usize].rect)).collect()
    }
}

/// The places of a card that stand in line: its beginning, its middle and its end.
fn lines(low: f64, high: f64) -> [f64; 3] {
    [low, f64::midpoint(low, high), high]
}

/// The nearest place along one axis that is in line with another one's beginning, middle or end; none where none is near enough.
fn nearest(low: f64, length: f64, others: impl Iterator<Item = (f64, f64)>, reach: f64) -> Option<f64> {
    // From the other one's own places, so that what is in line is so to the last digit.
    let places = others.flat_map(|(from, to)| [from, from + (to - from - length) / 2.0, to - length]);
    let off = |place: &f64| (place - low).abs();
    places.filter(|place| off(place) <= reach).min_by(|a, b| off(a).total_cmp(&off(b)))
}

/// The place that is in line with a neighbour; along an axis where none is near, that of the grid.
fn in_line(card: Rect, on_grid: Point, others: &[Rect], reach: f64) -> Point {
    let across = nearest(card.x0, card.width(), others.iter().map(|other| (other.x0, other.x1)), reach);
    let down = nearest(card.y0, card.height(), others.iter().map(|other| (other.y0, other.y1)), reach);
    Point::new(across.unwrap_or(on_grid.x), down.unwrap_or(on_grid.y))
}

/// One line for each axis along which it is in line, to the nearest that it is in line with.
fn guides(card: Rect, others: &[Rect]) -> Vec<Guide> {
    // Turned, what stands side by side stands one above the other.
    let turned = |rect: &Rect| Rect::new(rect.y0, rect.x0, rect.y1, rect.x1);
    let upright = guide(card, others.iter().copied());
    let level = guide(turned(&card), others.iter().map(turned)).map(|guide| {
        let turned = |at: Point| Point::new(at.y, at.x);
        Guide { from: turned(guide.from), to: turned(guide.to) }
    });
    upright.into_iter().chain(level).collect()
}

/// The upright line.
fn guide(card: Rect, others: impl Iterator<Item = Rect>) -> Option<Guide> {
    const SAME: f64 = 0.01;
    let own = lines(card.x0, card.x1);
    let found = others.filter_map(|other| {
        let x = own.iter().zip(lines(other.x0, other.x1)).find(|(own, other)| (*own - other).abs() < SAME)?;
        let gap = (other.y0 - card.y1).max(card.y0 - other.y1).max(0.0);
        Some((gap, *x.0, other))
    });
    let (_, x, other) = found.min_by(|a, b| a.0.total_cmp(&b.0))?;
    let (top, bottom) = (card.y0.min(other.y0), card.y1.max(other.y1));
    Some(Guide { from: Point::new(x, top), to: Point::new(x, bottom) })
}

#[cfg(test)]
mod tests {
    use kurbo::{Size, Vec2};
    use serde_json::json;
    use workflow::{AgentCatalog, Definition};

    use super::*;
    use crate::{
        board::{Button, Input, Mods},
        camera::Camera,
        scene::hit::Precision,
    };

    #[test]
    fn what_is_near_enough_comes_into_line_and_the_rest_onto_the_grid() {
        let other = Rect::new(3.0, 500.0, 235.0, 560.0);
        let card = Rect::new(6.0, 101.0, 238.0, 161.0);
        let place = in_line(card, snapped(card.origin()), &[other], 6.0);
        assert_eq!(place, Point::new(3.0, 104.0));
        assert_eq!(
            guides(card.with_origin(place), &[other]),
            [Guide { from: Point::new(3.0, 104.0), to: Point::new(3.0, 560.0) }]
        );
        let far = Rect::new(30.0, 300.0, 262.0, 360.0);
        assert_eq!(in_line(far, snapped(far.origin()), &[other], 6.0), Point::new(32.0, 304.0));
        assert!(guides(far, &[other]).is_empty());
        // Middles count, too: of a wide note and a card.
        let wide = Rect::new(-97.0, 0.0, 303.0, 60.0);
        let under = Rect::new(-11.0, 200.0, 221.0, 260.0);
        assert_eq!(in_line(under, snapped(under.origin()), &[wide], 6.0), Point::new(-13.0, 200.0));
    }

    /// Drags B so far; answers with how many guides are seen, and with where it stands then.
    fn dragged(board: &mut Board, by: Vec2, mods: Mods) -> (usize, f64) {
        let at = board.node_rect(&"b".into()).unwrap().center();
        let (button, precision) = (Button::Main, Precision::Mouse);
        board.handle(Input::Down { id: 1, at, button, precision, mods: Mods::default(), clicks: 1 });
        board.handle(Input::Move { id: 1, at: at + by, mods });
        let Gesture::Drag(drag) = board.gesture() else { panic!("nothing is dragged") };
        let n_guides = drag.guides().len();
        board.handle(Input::Up { id: 1, at: at + by, mods });
        (n_guides, board.definition().steps["b"].ui.unwrap().x)
    }

    #[test]
    fn a_dragged_card_snaps_to_its_neighbour_shows_it_and_with_ctrl_does_not() {
        let definition = Definition::from_value(&json!({"steps": {
            "a": {"agent_id": "x", "ui": {"x": 3, "y": 0}}, "b": {"agent_id": "x", "ui": {"x": 400, "y": 200}}}}))
        .unwrap();
        for (ctrl, x, n_guides) in [(false, 3.0, 1), (true, 5.0, 0)] {
            let mut board = Board::editor(definition.clone(), AgentCatalog::default());
            board.set_viewport(Size::new(1000.0, 700.0));
            board.zoom_to(1.0);
            let now = dragged(&mut board, Vec2::new(-395.0, 0.0), Mods { ctrl, ..Mods::default() });
            assert_eq!(now.0, n_guides);
            assert!((now.1 - x).abs() < 1e-6, "{now:?}");
        }
    }

    #[test]
    fn a_note_guides_only_where_it_is_seen() {
        for (note_y, x, n_guides) in [(400, 3.0, 1), (90_000, 8.0, 0)] {
            let definition = Definition::from_value(&json!({
                "steps": {"b": {"agent_id": "x", "ui": {"x": 400, "y": 200}}},
                "notes": [{"id": "n1", "text": "Here", "x": 3, "y": note_y, "width": 300, "height": 99}]}))
            .unwrap();
            let mut board = Board::editor(definition, AgentCatalog::default());
            board.is_fit_wanted = false;
            board.set_viewport(Size::new(1000.0, 700.0));
            board.camera = Camera { origin: Point::new(-200.0, 0.0), zoom: 1.0 };
            let now = dragged(&mut board, Vec2::new(-395.0, 0.0), Mods::default());
            assert_eq!(now.0, n_guides, "of a note at {note_y}");
            assert!((now.1 - x).abs() < 1e-6, "{now:?}");
        }
    }
}
