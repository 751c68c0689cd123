//! The way of a line from one port to another: a curve where that is free, else straight pieces through the channels between
//! cards. A line must never lie behind a card that it has nothing to do with, as long as there is a way around it.
//! Everything here is thought of as running to the right.

mod search;

use kurbo::{CubicBez, Line, ParamCurve, ParamCurveNearest, Point, Rect, Vec2};

use crate::flow::Flow;

/// Lines end this far from the middle of a port: at its rim.
pub const PORT_RADIUS: f64 = 5.0;
/// As near as a line comes to a card in passing.
const CLEARANCE: f64 = 6.0;
/// From a port to where a line may turn, and how far the lanes in a channel lie apart.
const STUB: f64 = 16.0;
const LANE: f64 = 8.0;
/// A row that is wider than this is no channel.
const WIDE_ROW: f64 = 64.0;
/// How far aside of its ends a way is looked for first.
const NEAR: f64 = 160.0;
/// Pieces of a curve that are looked at together.
const CHUNK: usize = 6;

#[derive(Clone, PartialEq, Debug)]
pub enum Route {
    Curve(CubicBez),
    /// At least two points; what draws it rounds the corners.
    Bent(Box<[Point]>),
}

impl Route {
    pub fn start(&self) -> Point {
        match self {
            Self::Curve(curve) => curve.p0,
            Self::Bent(points) => points.first().copied().unwrap_or_default(),
        }
    }

    pub fn end(&self) -> Point {
        match self {
            Self::Curve(curve) => curve.p3,
            Self::Bent(points) => points.last().copied().unwrap_or_default(),
        }
    }

    /// Where the name of what travels along it is written.
    pub fn middle(&self) -> Point {
        match self {
            Self::Curve(curve) => curve.eval(0.5),
            Self::Bent(points) => {
                let longest = points.windows(2).max_by(|a, b| length(a).total_cmp(&length(b)));
                longest.map_or_else(Point::default, |pair| pair[0].midpoint(pair[1]))
            }
        }
    }

    /// A box that holds it.
    pub fn bounds(&self) -> Rect {
        match self {
            Self::Curve(curve) => Rect::from_points(curve.p0, curve.p3).union_pt(curve.p1).union_pt(curve.p2),
            Self::Bent(points) => points
                .iter()
                .fold(Rect::from_points(self.start(), self.start()), |bounds, point| bounds.union_pt(*point)),
        }
    }

    pub fn distance(&self, from: Point) -> f64 {
        match self {
            Self::Curve(curve) => curve.nearest(from, 1e-6).distance_sq.sqrt(),
            Self::Bent(points) => {
                let to = |pair: &[Point]| Line::new(pair[0], pair[1]).nearest(from, 1e-6).distance_sq.sqrt();
                points.windows(2).map(to).fold(f64::INFINITY, f64::min)
            }
        }
    }

    /// Short straight pieces that together are it, or lie as near as an eye can see.
    pub fn pieces(&self) -> Vec<Line> {
        match self {
            Self::Curve(curve) => flattened(*curve),
            Self::Bent(points) => points.windows(2).map(|pair| Line::new(pair[0], pair[1])).collect(),
        }
    }

    /// The point so far along it from its beginning, or back from its end; never beyond a quarter of it.
    pub fn along(&self, from_end: bool, by: f64) -> Point {
        let mut pieces = self.pieces();
        if from_end {
            pieces.reverse();
            for piece in &mut pieces {
                *piece = Line::new(piece.p1, piece.p0);
            }
        }
        let length = |piece: &Line| piece.p0.distance(piece.p1);
        let mut left = by.min(pieces.iter().map(length).sum::<f64>() / 4.0);
        for piece in &pieces {
            let length = length(piece);
            if left <= length {
                return if length > 0.0 { piece.p0.lerp(piece.p1, left / length) } else { piece.p0 };
            }
            left -= length;
        }
        if from_end { self.start() } else { self.end() }
    }

    #[must_use]
    pub fn map(&self, f: impl Fn(Point) -> Point) -> Self {
        match self {
            Self::Curve(curve) => Self::Curve(CubicBez::new(f(curve.p0), f(curve.p1), f(curve.p2), f(curve.p3))),
            Self::Bent(points) => Self::Bent(points.iter().map(|point| f(*point)).collect()),
        }
    }
}

fn length(pair: &[Point]) -> f64 {
    pair[0].distance(pair[1])
}

fn flattened(curve: CubicBez) -> Vec<Line> {
    let around = (curve.p1 - curve.p0).hypot() + (curve.p2 - curve.p1).hypot() + (curve.p3 - curve.p2).hypot();
    let n = (around / 24.0).ceil().clamp(8.0, 96.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a small positive number")]
    let steps = n as u32;
    let at = |step: u32| curve.eval(f64::from(step) / n);
    (0..steps).map(|step| Line::new(at(step), at(step + 1))).collect()
}

/// A line leaves in the direction of the picture and arrives in it.
pub fn curve_between(from: Point, to: Point, flow: Flow) -> CubicBez {
    let turned = straight_curve(flow.turn(from), flow.turn(to));
    let at = |point: Point| flow.turn(point);
    CubicBez::new(at(turned.p0), at(turned.p1), at(turned.p2), at(turned.p3))
}

fn straight_curve(from: Point, to: Point) -> CubicBez {
    let reach = if to.x >= from.x {
        ((to.x - from.x) / 2.0).clamp(24.0, 240.0)
    } else {
        // Backwards it swings out far enough to be followed by the eye.
        (60.0 + (from.x - to.x) / 6.0).min(240.0)
    };
    CubicBez::new(from, from + Vec2::new(reach, 0.0), to - Vec2::new(reach, 0.0), to)
}

/// What a router looks around in.
pub(super) struct Space<'a> {
    pub flow: Flow,
    /// Every card that overlaps a rectangle of the plane, and whether the line begins or ends at it.
    pub cards_in: &'a dyn Fn(Rect) -> Vec<(Rect, bool)>,
    /// All cards together.
    pub bounds: Rect,
}

impl Space<'_> {
    /// Cards, turned and with some air, that overlap a turned rectangle.
    fn obstacles(&self, area: Rect) -> Vec<Rect> {
        let area = self.flow.turn_rect(area.inflate(CLEARANCE, CLEARANCE));
        let cards = (self.cards_in)(area).into_iter();
        cards
            .map(|(rect, is_own)| {
                // Its own cards must let it out at the rim of the port.
                let air = if is_own { PORT_RADIUS - 2.0 } else { CLEARANCE };
                self.flow.turn_rect(rect).inflate(air, air)
            })
            .collect()
    }

    fn is_free(&self, from: Point, to: Point) -> bool {
        let area = Rect::from_points(from, to).inflate(0.5, 0.5);
        self.obstacles(area).iter().all(|rect| !rect.overlaps(area))
    }
}

/// The way from the rim of one port to that of another. `lanes` keeps lines of different cards apart in one channel.
pub(super) fn route(space: &Space<'_>, from: Point, to: Point, lanes: (u32, u32)) -> Route {
    let flow = space.flow;
    let (a, b) = (flow.turn(from), flow.turn(to));
    let curve = straight_curve(a, b);
    let turned = if is_clear(space, curve) {
        Route::Curve(curve)
    } else if let Some(points) = through_channels(space, a, b, lanes).or_else(|| search::around(space, a, b)) {
        Route::Bent(simplified(points).into())
    } else {
        Route::Curve(curve)
    };
    turned.map(|point| flow.turn(point))
}

fn is_clear(space: &Space<'_>, curve: CubicBez) -> bool {
    let pieces = flattened(curve);
    // Bit by bit: the box of a long curve may hold thousands of cards that it comes nowhere near.
    pieces.chunks(CHUNK).all(|pieces| {
        let ends = pieces.iter().flat_map(|piece| [piece.p0, piece.p1]);
        let first = pieces[0].p0;
        let area = ends.fold(Rect::from_points(first, first), |area, point| area.union_pt(point));
        space.obstacles(area).iter().all(|rect| !pieces.iter().any(|piece| crosses(*piece, *rect)))
    })
}

/// Whether a straight piece passes through a rectangle.
pub(crate) fn crosses(line: Line, rect: Rect) -> bool {
    let by = line.p1 - line.p0;
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    for (at, by, low, high) in [(line.p0.x, by.x, rect.x0, rect.x1), (line.p0.y, by.y, rect.y0, rect.y1)] {
        if by.abs() < 1e-9 {
            if at <= low || at >= high {
                return false;
            }
        } else {
            let (first, last) = ((low - at) / by, (high - at) / by);
            from = from.max(first.min(last));
            to = to.min(first.max(last));
        }
    }
    from < to
}

/// Out into the channel behind the first card, along a free row, into the channel before the second.
fn through_channels(space: &Space<'_>, a: Point, b: Point, lanes: (u32, u32)) -> Option<Vec<Point>> {
    let lane = |n: u32| f64::from(n) * LANE;
    // A lane that is taken by a card makes room for the nearest one that is not.
    let outs = [STUB + lane(lanes.0 % 4), STUB, STUB / 2.0].map(|by| a.x + by);
    let ins = [STUB + lane(lanes.1 % 2), STUB, STUB / 2.0].map(|by| b.x - by);
    let out = outs.into_iter().find(|x| space.is_free(a, Point::new(*x, a.y)))?;
    let back = ins.into_iter().find(|x| space.is_free(Point::new(*x, b.y), b))?;
    if out <= back {
        for x in [back, out, f64::midpoint(out, back)] {
            let (first, last) = (Point::new(x, a.y), Point::new(x, b.y));
            if space.is_free(a, first) && space.is_free(first, last) && space.is_free(last, b) {
                return Some(vec![a, first, last, b]);
            }
        }
    }
    let (low, high) = (a.y.min(b.y), a.y.max(b.y));
    // Beside either end first, so that little has to be looked at; then between and around them, then anywhere.
    let windows = [
        (b.y - NEAR, b.y + NEAR),
        (a.y - NEAR, a.y + NEAR),
        (low - 4.0 * NEAR, high + 4.0 * NEAR),
        (f64::NEG_INFINITY, f64::INFINITY),
    ];
    for window in windows {
        let row = rows(space, (a, b), (out, back), window, lanes).into_iter().find(|y| {
            let (first, last) = (Point::new(out, *y), Point::new(back, *y));
            space.is_free(Point::new(out, a.y), first) && space.is_free(last, Point::new(back, b.y))
        });
        if let Some(y) = row {
            return Some(vec![
                a,
                Point::new(out, a.y),
                Point::new(out, y),
                Point::new(back, y),
                Point::new(back, b.y),
                b,
            ]);
        }
    }
    None
}

/// Free rows between two channels, the shortest way first.
fn rows(
    space: &Space<'_>,
    ends: (Point, Point),
    channels: (f64, f64),
    window: (f64, f64),
    lanes: (u32, u32),
) -> Vec<f64> {
    let (a, b) = ends;
    let high = a.y.max(b.y);
    let all = space.flow.turn_rect(space.bounds);
    let area = Rect::new(
        channels.0.min(channels.1),
        window.0.max(all.y0 - 4.0 * STUB),
        channels.0.max(channels.1),
        window.1.min(all.y1 + 4.0 * STUB),
    );
    let mut taken: Vec<(f64, f64)> = space.obstacles(area).iter().map(|rect| (rect.y0, rect.y1)).collect();
    taken.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut rows = Vec::new();
    let mut floor = area.y0;
    // Beside each other in a row, but never out of it.
    let aside = (f64::from((lanes.0 + 3 * lanes.1) % 3) - 1.0) * LANE / 2.0;
    for (from, to) in taken.into_iter().chain(std::iter::once((area.y1, area.y1))) {
        if from - floor > 1.0 {
            let is_in = |y: f64| y >= floor && y <= from;
            let middle = f64::midpoint(floor, from);
            let wish = if is_in(a.y) {
                a.y
            } else if is_in(b.y) {
                b.y
            } else if from - floor <= WIDE_ROW {
                middle + aside
            } else if middle > high {
                // In a wide row nearer to where one comes from than its middle.
                floor + STUB + aside
            } else {
                from - STUB + aside
            };
            let (first, last) = (floor + 0.6, from - 0.6);
            if first < last {
                rows.push(wish.clamp(first, last));
            }
        }
        floor = floor.max(to);
    }
    let way = |y: f64| (y - a.y).abs() + (y - b.y).abs();
    rows.sort_by(|x, y| way(*x).total_cmp(&way(*y)));
    rows.truncate(24);
    rows
}

/// Without points that lie on the way between their neighbours.
/// The same way by fewer points, and from and to exactly the same ports.
fn simplified(points: Vec<Point>) -> Vec<Point> {
    let end = points.last().copied();
    let mut kept: Vec<Point> = Vec::with_capacity(points.len());
    for point in points {
        if kept.last().is_some_and(|last| last.distance(point) < 0.5) {
            continue;
        }
        if let [.., before, last] = kept.as_slice() {
            let (into, out) = (*last - *before, point - *last);
            let is_straight = into.cross(out).abs() < 1e-6;
            if is_straight && into.dot(out) >= 0.0 {
                kept.pop();
            }
        }
        kept.push(point);
    }
    // The last turn may lie so near to the port that it was taken for it.
    if let ([_, .., last], Some(end)) = (kept.as_mut_slice(), end) {
        *last = end;
    }
    kept
}

#[cfg(test)]
mod tests;
