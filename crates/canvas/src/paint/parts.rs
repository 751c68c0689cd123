//! Parts of the picture: where only some steps look different, only what is around them is drawn anew.
//! Each part is drawn whole, ground and all, so that it comes to what the whole picture shows there. Must never be asked for where anything
//! was moved since the whole was drawn.

use std::collections::BTreeMap;

use kurbo::{Point, Rect, Size};

use super::{CULL_PADDING, View, card, list::DisplayList, painted};
use crate::{board::Board, camera::Lod};

/// So many pixels beyond a card and its lines reach its border, its sign and its arrowheads, at life size and below,
const REACH: f64 = 16.0;
/// and from afar, where cards have none of these.
const REACH_AFAR: f64 = 4.0;
/// Up to so many steps are a part each. Of more, as those at the edge of a marquee, the tiles that they lie on are.
const MOST_ALONE: usize = 32;
const TILE: f64 = 48.0;
/// More of the screen than this share of it is not worth it.
const MOST_OF_SCREEN: f64 = 0.45;

/// A part of the screen in pixels, and all that is to be seen there.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    pub area: Rect,
    /// Holds more than that: the renderer has to keep to the area.
    pub list: DisplayList,
}

impl Board {
    /// Around the steps that look different since the picture was drawn, and the lines to them. None where all has to be drawn, or may as
    /// well be.
    pub fn paint_parts(&mut self) -> Option<Vec<Part>> {
        let nodes = self.take_restyled();
        if Lod::at(self.camera().zoom, self.lod()) != self.lod() {
            return None;
        }
        let screen = Rect::from_origin_size(Point::ORIGIN, self.viewport());
        let mut view = View::of(self);
        let areas = nodes.into_iter().map(|node| area_of(&view, node));
        let areas: Vec<Rect> = areas.filter(|area| area.overlaps(screen)).map(|area| area.intersect(screen)).collect();
        let areas = if areas.len() > MOST_ALONE { tiled(&areas, screen.size()) } else { areas };
        if areas.iter().map(Rect::area).sum::<f64>() > MOST_OF_SCREEN * screen.area() {
            return None;
        }
        view.labels = if areas.is_empty() { None } else { card::labels(&view) };
        let padding = if view.lod == Lod::Far { REACH_AFAR } else { CULL_PADDING };
        let parts = areas.into_iter().map(|area| {
            let around = area.inflate(padding, padding);
            let corner = Point::new(around.x1, around.y1);
            view.seen = Rect::from_points(view.camera.to_world(around.origin()), view.camera.to_world(corner));
            Part { area, list: painted(&view, around) }
        });
        Some(parts.collect())
    }
}

/// The tiles of the screen that the areas lie on, those side by side as one.
fn tiled(areas: &[Rect], screen: Size) -> Vec<Rect> {
    #[expect(clippy::cast_possible_truncation, reason = "within a screen")]
    let tile = |at: f64| (at / TILE).floor() as i32;
    let mut rows: BTreeMap<i32, Vec<(i32, i32)>> = BTreeMap::new();
    for area in areas {
        for row in tile(area.y0)..=tile(area.y1) {
            rows.entry(row).or_default().push((tile(area.x0), tile(area.x1) + 1));
        }
    }
    let mut tiles = Vec::new();
    for (row, mut runs) in rows {
        runs.sort_unstable();
        let mut joined: Vec<(i32, i32)> = Vec::new();
        for (from, to) in runs {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        let (y0, y1) = (f64::from(row) * TILE, f64::from(row + 1) * TILE);
        tiles.extend(joined.into_iter().map(|(from, to)| {
            let right = (f64::from(to) * TILE).min(screen.width);
            Rect::new(f64::from(from) * TILE, y0, right, y1.min(screen.height))
        }));
    }
    tiles
}

/// Where a step, and the lines that take their look from it, are on the screen.
fn area_of(view: &View<'_>, node: u32) -> Rect {
    let lines = view.scene.edges_of(node).map(|edge| view.scene.edges[edge as usize].route.bounds());
    let world = lines.fold(view.scene.rect(node), |all, line| all.union(line));
    let reach = if view.lod == Lod::Far { REACH_AFAR } else { REACH * view.zoom.max(1.0) };
    view.camera.rect_to_screen(world).inflate(reach, reach)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use workflow::{AgentCatalog, Definition, RunView, Step, StepKey, definition::Position};

    use super::*;
    use crate::{
        board::{Button, Input, Mods, testing},
        paint::{Fill, Ink, Renderer, Shape, Stroke, Text, TextRun},
        scene::hit::Precision,
    };

    fn key(at: u32) -> String {
        format!("s{at:05}")
    }

    /// Rows of 70 steps, each after the one before it.
    fn rows(n: u32) -> Definition {
        let mut definition = Definition::default();
        for at in 0..n {
            let mut step = Step::new("x".into());
            step.ui = Some(Position { x: f64::from(at % 70) * 300.0, y: f64::from(at / 70) * 120.0, pinned: false });
            if at % 70 > 0 {
                step.depends_on.insert(StepKey::new(key(at - 1)));
            }
            definition.steps.insert(StepKey::new(key(at)), step);
        }
        definition
    }

    /// All of its steps are pending but these.
    fn run(n: u32, others: &[(u32, &str)]) -> RunView {
        let status = |at: u32| others.iter().find(|(other, _)| *other == at).map_or("pending", |(_, status)| *status);
        let steps: Vec<Value> = (0..n).map(|at| testing::step(&key(at), status(at), None)).collect();
        testing::run_of(&rows(n), &Value::from(steps))
    }

    /// One that was drawn, and of which nothing is dirty.
    fn drawn(n: u32) -> Board {
        shown(Board::watch(&run(n, &[]), BTreeMap::new()))
    }

    fn shown(mut board: Board) -> Board {
        board.set_viewport(Size::new(1280.0, 800.0));
        board.show_all();
        board.paint();
        board.take_dirty();
        board
    }

    /// What is drawn within an area, in the order in which it is.
    struct Within {
        area: Rect,
        found: Vec<String>,
    }

    impl Within {
        fn note(&mut self, style: &impl std::fmt::Debug, shapes: &[Shape]) {
            for shape in shapes {
                let bounds = match shape {
                    Shape::Rect(rect) | Shape::Round(rect, _) => *rect,
                    Shape::Circle(at, radius) => Rect::from_center_size(*at, (2.0 * radius, 2.0 * radius)),
                    Shape::Line(from, to) => Rect::from_points(*from, *to),
                    _ => continue,
                };
                if bounds.overlaps(self.area) {
                    self.found.push(format!("{style:?} {shape:?}"));
                }
            }
        }
    }

    impl Renderer for Within {
        fn clear(&mut self, _: Option<Ink>, _: Size) {}

        fn fill(&mut self, style: Fill, shapes: &[Shape]) {
            // The dots are counted on from another one.
            if style.ink != Ink::Grid {
                self.note(&style, shapes);
            }
        }

        fn stroke(&mut self, style: Stroke, shapes: &[Shape]) {
            self.note(&style, shapes);
        }

        fn text(&mut self, style: Text, runs: &[TextRun]) {
            let area = self.area;
            let within = runs.iter().filter(|run| area.contains(run.at));
            self.found.extend(within.map(|run| format!("{style:?} {run:?}")));
        }
    }

    fn within(area: Rect, list: &DisplayList) -> Vec<String> {
        let mut within = Within { area, found: Vec::new() };
        list.render(&mut within);
        within.found
    }

    #[test]
    fn ten_statuses_of_five_thousand_draw_what_is_around_ten_cards() {
        let mut board = drawn(5_000);
        let others: Vec<(u32, &str)> = (0..10).map(|n| (400 * n + 33, "running")).collect();
        board.set_run(&run(5_000, &others));
        let dirty = board.take_dirty();
        assert!(dirty.nodes && !dirty.base && !dirty.overlay, "{dirty:?}");
        let parts = board.paint_parts().unwrap();
        let n_items: usize = parts.iter().map(|part| part.list.n_items()).sum();
        assert!(parts.len() == 10 && n_items < 800, "{} parts, {n_items} items", parts.len());
        assert!(board.paint().n_items() > 9_000);
        assert_eq!(board.paint_parts(), Some(Vec::new()), "all of it was drawn");
    }

    #[test]
    fn a_part_is_what_the_whole_picture_shows_there() {
        for zoom in [0.045, 0.2, 0.35, 1.0] {
            let mut board = drawn(2_000);
            board.zoom_to(zoom);
            board.paint();
            board.take_dirty();
            let seen = board.scene().nodes_in(board.camera().visible(board.viewport(), -60.0));
            let others: Vec<(u32, &str)> =
                seen.iter().take(3).zip(["running", "ready", "completed"]).map(|(at, to)| (*at, to)).collect();
            board.set_run(&run(2_000, &others));
            let parts = board.paint_parts().unwrap();
            let whole = board.paint();
            assert_eq!(parts.len(), 3, "{zoom}");
            for part in parts {
                let found = within(part.area, &part.list);
                assert!(!found.is_empty());
                assert_eq!(found, within(part.area, &whole), "{zoom}");
            }
        }
    }

    #[test]
    fn a_marquee_over_thousands_draws_what_is_at_its_edge() {
        let mut board = shown(Board::editor(rows(5_000), AgentCatalog::default()));
        let mods = Mods { shift: true, ..Mods::default() };
        let to = |board: &mut Board, at: Point| board.handle(Input::Move { id: 1, at, mods });
        let (at, button, precision) = (Point::new(4.0, 4.0), Button::Main, Precision::Mouse);
        board.handle(Input::Down { id: 1, at, button, precision, mods, clicks: 1 });
        to(&mut board, Point::new(700.0, 500.0));
        board.paint();
        board.take_dirty();
        to(&mut board, Point::new(720.0, 510.0));
        let dirty = board.take_dirty();
        assert!(dirty.nodes && dirty.overlay && !dirty.base && !dirty.mirror, "{dirty:?}");
        let parts = board.paint_parts().unwrap();
        let whole = board.paint();
        let n_items: usize = parts.iter().map(|part| part.list.n_items()).sum();
        assert!(n_items > 0 && n_items < whole.n_items() / 2, "{n_items} of {}", whole.n_items());
        for part in parts {
            assert_eq!(within(part.area, &part.list), within(part.area, &whole));
        }
        board.handle(Input::Up { id: 1, at: Point::new(720.0, 510.0), mods });
        assert!(!board.take_dirty().base);
    }

    #[test]
    fn all_is_drawn_where_other_steps_may_be_named_now_or_very_many_look_different() {
        let mut board = drawn(5_000);
        board.set_run(&run(5_000, &[(500, "failed")]));
        assert!(board.take_dirty().base);
        board.paint();
        let all: Vec<(u32, &str)> = (0..5_000).map(|at| (at, "completed")).collect();
        let others: Vec<(u32, &str)> = all.into_iter().filter(|(at, _)| *at != 500).chain([(500, "failed")]).collect();
        board.set_run(&run(5_000, &others));
        assert!(board.take_dirty().nodes);
        assert_eq!(board.paint_parts(), None);
    }
}
