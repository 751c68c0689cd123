//! What lies under a point of the screen: ports before the ends of lines before nodes before edges before notes and groups, with radii that do not shrink with the picture.
//! The order is total: the same point always hits the same thing.

use kurbo::{Point, Rect};

use super::{NoteBox, Scene, Side};
use crate::camera::Camera;

/// How exactly the pointer points.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Precision {
    #[default]
    Mouse,
    Touch,
}

impl Precision {
    /// Pixels around a port.
    pub fn port_radius(self) -> f64 {
        match self {
            Self::Mouse => 12.0,
            Self::Touch => 22.0,
        }
    }

    /// Pixels around an edge.
    pub fn edge_radius(self) -> f64 {
        match self {
            Self::Mouse => 6.0,
            Self::Touch => 14.0,
        }
    }

    /// Whether a note that is seen so large is taken up by its corner, too. Of a small one the corner would be most of it.
    pub fn has_corner(self, seen: Rect) -> bool {
        seen.width().min(seen.height()) >= 3.0 * self.port_radius()
    }

    /// Pixels before a press becomes a drag.
    pub fn slop(self) -> f64 {
        match self {
            Self::Mouse => 4.0,
            Self::Touch => 8.0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Hit {
    Port(u32, Side),
    /// The end of a line, by the side of the port that it lies at.
    End(u32, Side),
    Node(u32),
    Edge(u32),
    Note(u32),
    /// The corner that a note is made larger or smaller by.
    Corner(u32),
    /// The title of a group, or the card of a collapsed one.
    Group(u32),
    #[default]
    Nothing,
}

/// How far a port reaches into its card, on the plane.
const PORT_DEPTH: f64 = 16.0;
/// Pixels from its end to where a line is taken up.
const GRIP: f64 = 22.0;
/// Below this zoom ports are no target: cards are so small that every press would hit one.
pub const MIN_PORT_ZOOM: f64 = 0.3;

impl Scene {
    /// Ports, notes and groups are there to be hit only where something is built.
    pub fn hit(&self, camera: &Camera, screen: Point, precision: Precision, to_build: bool) -> Hit {
        if !screen.is_finite() {
            return Hit::Nothing;
        }
        if to_build
            && camera.zoom >= MIN_PORT_ZOOM
            && let Some((node, side)) = self.hit_port(camera, screen, precision.port_radius(), None)
        {
            return Hit::Port(node, side);
        }
        if let Some(node) = self.hit_node(camera, screen) {
            return Hit::Node(node);
        }
        let card = (0..).zip(&self.groups).find(|(group, known)| {
            to_build && known.is_collapsed() && self.handle(*group).contains(camera.to_world(screen))
        });
        if let Some((group, _)) = card {
            return Hit::Group(group);
        }
        let edge = self.hit_edge(camera, screen, precision.edge_radius()).map(Hit::Edge);
        let mark = || if to_build { self.hit_mark(camera, screen, precision) } else { None };
        edge.or_else(mark).unwrap_or_default()
    }

    /// The topmost note, or else the title of the last group there.
    fn hit_mark(&self, camera: &Camera, screen: Point, precision: Precision) -> Option<Hit> {
        let world = camera.to_world(screen);
        let reach = precision.port_radius();
        let is_corner = |note: &NoteBox| {
            let seen = camera.rect_to_screen(note.rect);
            precision.has_corner(seen) && Point::new(seen.x1, seen.y1).distance(screen) <= reach
        };
        let here = |note: &NoteBox| is_corner(note) || note.rect.contains(world);
        if let Some((id, note)) = (0..).zip(&self.notes).filter(|(_, note)| here(note)).last() {
            return Some(if is_corner(note) { Hit::Corner(id) } else { Hit::Note(id) });
        }
        let titles = (0..).zip(&self.groups).filter(|(group, _)| self.handle(*group).contains(world));
        titles.last().map(|(group, _)| Hit::Group(group))
    }

    /// The nearest port within `radius` pixels; ties go to the node on top.
    pub fn hit_port(&self, camera: &Camera, screen: Point, radius: f64, only: Option<Side>) -> Option<(u32, Side)> {
        let world = camera.to_world(screen);
        let reach = radius / camera.zoom;
        let mut best: Option<(f64, u32, Side)> = None;
        // A node may lie over another one's port: then the port is not there to be seen.
        let covering = self.hit_node(camera, screen);
        for node in self.nodes_in(Rect::from_center_size(world, (2.0 * reach, 2.0 * reach))) {
            for side in [Side::In, Side::Out] {
                let is_no_port = only.is_some_and(|only| only != side) || self.folded_in(node).is_some();
                if is_no_port || covering.is_some_and(|top| top > node) {
                    continue;
                }
                let distance = self.port(node, side).distance(world);
                // Of a card itself only the rim is its port's, or a finger could not touch a small one.
                let is_inside = self.rect(node).contains(world);
                let reach = if is_inside { reach.min(PORT_DEPTH) } else { reach };
                if distance <= reach && best.is_none_or(|(least, ..)| distance <= least) {
                    best = Some((distance, node, side));
                }
            }
        }
        best.map(|(_, node, side)| (node, side))
    }

    /// The topmost node: later keys are drawn over earlier ones.
    pub fn hit_node(&self, camera: &Camera, screen: Point) -> Option<u32> {
        let world = camera.to_world(screen);
        let here = Rect::from_center_size(world, (1.0, 1.0));
        let is_here = |node: &u32| self.rect(*node).contains(world) && self.folded_in(*node).is_none();
        self.nodes_in(here).into_iter().rev().find(is_here)
    }

    pub fn hit_edge(&self, camera: &Camera, screen: Point, radius: f64) -> Option<u32> {
        let world = camera.to_world(screen);
        let reach = radius / camera.zoom;
        let near = Rect::from_center_size(world, (2.0 * reach, 2.0 * reach));
        let mut best: Option<(f64, u32)> = None;
        for edge in self.edges_near(near) {
            let route = &self.edges[edge as usize].route;
            // The box of the control points is larger than the curve's, and free.
            if !route.bounds().inflate(reach, reach).contains(world) {
                continue;
            }
            let distance = route.distance(world);
            if distance <= reach && best.is_none_or(|(least, _)| distance <= least) {
                best = Some((distance, edge));
            }
        }
        best.map(|(_, edge)| edge)
    }

    /// Where one end of a line is taken up, on the screen.
    pub fn grip(&self, camera: &Camera, edge: u32, end: Side) -> Point {
        camera.to_screen(self.edges[edge as usize].route.along(end == Side::In, GRIP / camera.zoom))
    }

    /// The nearest grip within `radius` pixels; ties go to the line on top.
    pub fn hit_grip(&self, camera: &Camera, screen: Point, radius: f64) -> Option<(u32, Side)> {
        let world = camera.to_world(screen);
        let reach = radius / camera.zoom;
        let mut best: Option<(f64, u32, Side)> = None;
        for edge in self.edges_near(Rect::from_center_size(world, (2.0 * reach, 2.0 * reach))) {
            let route = &self.edges[edge as usize].route;
            for (end, tip) in [(Side::Out, route.start()), (Side::In, route.end())] {
                // A grip lies near the end of its line: most lines that pass by need not be walked along.
                if tip.distance(world) > (radius + GRIP) / camera.zoom {
                    continue;
                }
                let distance = self.grip(camera, edge, end).distance(screen);
                if distance <= radius && best.is_none_or(|(least, ..)| distance <= least) {
                    best = Some((distance, edge, end));
                }
            }
        }
        best.map(|(_, edge, end)| (edge, end))
    }

    /// Nodes in a marquee: those inside it, or with `touching` also those it cuts.
    pub fn marquee(&self, area: Rect, touching: bool) -> Vec<u32> {
        let mut nodes = self.nodes_in(area);
        if !touching {
            nodes.retain(|node| area.contains_rect(self.rect(*node)));
        }
        nodes
    }
}
