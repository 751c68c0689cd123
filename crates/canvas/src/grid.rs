//! A uniform grid over the plane: finds what lies in a rectangle without looking at everything.
//! Answers are sorted and without duplicates, so that drawing and hitting never depend on hashing order.

use std::collections::HashMap;

use kurbo::{CubicBez, ParamCurve, ParamCurveArclen, Rect};

use crate::scene::route::Route;

const CELL: f64 = 512.0;
/// From so many on, to tick them off costs less than to sort them: all of a large picture are asked for in each frame that shows it.
const MANY: usize = 512;

type Cell = (i32, i32);

#[derive(Clone, Debug, Default)]
pub struct Grid {
    cells: HashMap<Cell, Vec<u32>>,
}

impl Grid {
    pub fn insert_rect(&mut self, id: u32, rect: Rect) {
        for cell in cells_of(rect) {
            self.put(cell, id);
        }
    }

    pub fn remove_rect(&mut self, id: u32, rect: Rect) {
        for cell in cells_of(rect) {
            self.take(cell, id);
        }
    }

    /// Binned along the line: the box of a long one would cover half the plane.
    pub fn insert_route(&mut self, id: u32, route: &Route) {
        for cell in boxes(route).into_iter().flat_map(cells_of) {
            self.put(cell, id);
        }
    }

    pub fn remove_route(&mut self, id: u32, route: &Route) {
        for cell in boxes(route).into_iter().flat_map(cells_of) {
            self.take(cell, id);
        }
    }

    fn put(&mut self, cell: Cell, id: u32) {
        let ids = self.cells.entry(cell).or_default();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }

    fn take(&mut self, cell: Cell, id: u32) {
        if let Some(ids) = self.cells.get_mut(&cell) {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.cells.remove(&cell);
            }
        }
    }

    /// Everything that may lie in `rect`, ascending: no false negatives, some false positives.
    pub fn query(&self, rect: Rect, found: &mut Vec<u32>) {
        found.clear();
        let (low, high) = (cell_at(rect.x0, rect.y0), cell_at(rect.x1, rect.y1));
        let span = |low: i32, high: i32| usize::try_from(i64::from(high) - i64::from(low) + 1).unwrap_or(0);
        let n_asked = span(low.0, high.0).saturating_mul(span(low.1, high.1));
        // Zoomed far out there are fewer cells with something in them than cells on the screen.
        if n_asked > self.cells.len() {
            for (cell, ids) in &self.cells {
                if (low.0..=high.0).contains(&cell.0) && (low.1..=high.1).contains(&cell.1) {
                    found.extend(ids);
                }
            }
        } else {
            for x in low.0..=high.0 {
                for y in low.1..=high.1 {
                    found.extend(self.cells.get(&(x, y)).into_iter().flatten());
                }
            }
        }
        if found.len() > MANY {
            in_order(found);
        } else {
            found.sort_unstable();
            found.dedup();
        }
    }
}

/// Ascending and without duplicates: ids are places in arrays, so there are no more of them than the largest says.
fn in_order(found: &mut Vec<u32>) {
    let Some(most) = found.iter().max() else { return };
    let mut is_there = vec![false; *most as usize + 1];
    for id in found.drain(..) {
        is_there[id as usize] = true;
    }
    found.extend((0..).zip(is_there).filter_map(|(id, is_there)| is_there.then_some(id)));
}

#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates, and beyond i32 is beyond the plane")]
fn cell_at(x: f64, y: f64) -> Cell {
    ((x / CELL).floor() as i32, (y / CELL).floor() as i32)
}

fn cells_of(rect: Rect) -> impl Iterator<Item = Cell> {
    let (low, high) = (cell_at(rect.x0, rect.y0), cell_at(rect.x1, rect.y1));
    (low.0..=high.0).flat_map(move |x| (low.1..=high.1).map(move |y| (x, y)))
}

/// Boxes that together hold the line.
fn boxes(route: &Route) -> Vec<Rect> {
    match route {
        Route::Curve(curve) => pieces(*curve).collect(),
        Route::Bent(points) => points.windows(2).map(|pair| Rect::from_points(pair[0], pair[1])).collect(),
    }
}

fn pieces(curve: CubicBez) -> impl Iterator<Item = Rect> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a small positive number")]
    let n = (curve.arclen(1.0) / (CELL / 2.0)).ceil().clamp(2.0, 16_384.0) as u32;
    // The chord leaves the curve a little; a margin of an eighth of a cell is more than it ever does at this length.
    (0..n).map(move |i| {
        let (from, to) = (f64::from(i) / f64::from(n), f64::from(i + 1) / f64::from(n));
        Rect::from_points(curve.eval(from), curve.eval(to)).inflate(CELL / 8.0, CELL / 8.0)
    })
}

#[cfg(test)]
mod tests {
    use kurbo::{Point, Shape};
    use proptest::prelude::*;

    use super::*;

    fn any_rect() -> impl Strategy<Value = Rect> {
        (-3000.0..3000.0, -3000.0..3000.0, 0.0..900.0, 0.0..900.0)
            .prop_map(|(x, y, w, h)| Rect::new(x, y, x + w, y + h))
    }

    fn any_curve() -> impl Strategy<Value = CubicBez> {
        let p = || (-9000.0..9000.0, -9000.0..9000.0).prop_map(|(x, y)| Point::new(x, y));
        (p(), p(), p(), p()).prop_map(|(a, b, c, d)| CubicBez::new(a, b, c, d))
    }

    #[test]
    fn very_many_are_found_in_order_and_once() {
        let mut grid = Grid::default();
        for id in (0..2_000).rev() {
            let x = f64::from(id % 50) * 400.0;
            grid.insert_rect(
                id,
                Rect::new(x, f64::from(id / 50) * 400.0, x + 600.0, f64::from(id / 50) * 400.0 + 50.0),
            );
        }
        let mut found = Vec::new();
        grid.query(Rect::new(-100.0, -100.0, 30_000.0, 30_000.0), &mut found);
        assert_eq!(found, (0..2_000).collect::<Vec<u32>>());
        grid.remove_rect(7, Rect::new(2_800.0, 0.0, 3_400.0, 50.0));
        grid.query(Rect::new(-100.0, -100.0, 30_000.0, 30_000.0), &mut found);
        assert_eq!(found.len(), 1_999);
        assert!(found.is_sorted_by(|a, b| a < b) && !found.contains(&7));
    }

    proptest! {
        #[test]
        fn the_grid_finds_what_brute_force_finds_after_any_moves(
            rects in prop::collection::vec(any_rect(), 1..40),
            moves in prop::collection::vec((any::<prop::sample::Index>(), any_rect()), 0..40),
            asked in any_rect(),
        ) {
            let mut rects = rects;
            let mut grid = Grid::default();
            for (id, rect) in (0..).zip(&rects) {
                grid.insert_rect(id, *rect);
            }
            for (index, rect) in moves {
                let at = index.index(rects.len());
                let id = u32::try_from(at).unwrap();
                grid.remove_rect(id, rects[at]);
                grid.insert_rect(id, rect);
                rects[at] = rect;
            }
            let mut found = Vec::new();
            grid.query(asked, &mut found);
            let overlaps = |id: &u32| rects[*id as usize].overlaps(asked);
            found.retain(overlaps);
            let expected: Vec<u32> = (0..u32::try_from(rects.len()).unwrap()).filter(overlaps).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn a_curve_is_found_wherever_it_passes(curve in any_curve(), t in 0.0..1.0) {
            let mut grid = Grid::default();
            let route = Route::Curve(curve);
            grid.insert_route(7, &route);
            let mut found = Vec::new();
            grid.query(Rect::from_center_size(curve.eval(t), (1.0, 1.0)), &mut found);
            prop_assert_eq!(&found, &[7]);
            grid.query(curve.bounding_box(), &mut found);
            prop_assert_eq!(&found, &[7]);
            grid.remove_route(7, &route);
            grid.query(curve.bounding_box(), &mut found);
            prop_assert!(found.is_empty());
        }
    }
}
