//! Edges: curves, and straight pieces with round corners where they go around something, each with one arrowhead.
//! An edge is drawn under every node, ends at the rims of its ports, and brightens with what it is connected to.

use kurbo::{CubicBez, Point, Rect, Vec2};
use workflow::{Severity, StepStatus};

use super::{
    View,
    list::{Align, Batches, Dash, Fill, Font, Ink, Shape, Stroke, Text, TextRun},
};
use crate::{
    camera::Lod,
    scene::{Route, Side, hit::Hit},
};

const LAYER: u16 = 1;
const CORNER: f64 = 12.0;
/// So many times as thick as others is a line of the slowest path.
const PATH_WIDTH: f64 = 2.7;

pub(super) fn paint(view: &View<'_>, batches: &mut Batches) {
    let selected_edge = view
        .board
        .selected_edge()
        .and_then(|(from, to)| view.scene.edge_between(view.scene.node(from)?, view.scene.node(to)?));
    // Every line begins at a card, so where all cards are seen none is out of sight.
    let are_all_seen = view.scene.extent().is_some_and(|all| view.seen.contains_rect(all));
    for id in view.scene.edges_near(view.seen) {
        let edge = &view.scene.edges[id as usize];
        if view.moved == Some(id) {
            continue;
        }
        if !are_all_seen && !edge.route.bounds().inflate(1.0, 1.0).overlaps(view.seen) {
            continue;
        }
        let (from, to) = (edge.from as usize, edge.to as usize);
        let is_selected = selected_edge == Some(id);
        let is_bright = is_selected || view.selected[from] || view.selected[to];
        let is_flowing =
            matches!(view.scene.status[to], Some(StepStatus::Running | StepStatus::Ready | StepStatus::AwaitingReview));
        let fault = view.scene.faults.get(&id).map(|(severity, _)| *severity);
        let ink = match view.scene.status[to] {
            _ if fault == Some(Severity::Error) => Ink::Error,
            _ if fault.is_some() => Ink::Warning,
            _ if is_bright => Ink::EdgeActive,
            Some(status) if is_flowing => Ink::Status(status),
            _ => Ink::Edge,
        };
        let is_on_path = view.scene.is_on_path(id);
        let plain_width = if is_selected { 2.5 } else { 1.5 };
        let width = if is_on_path { plain_width * PATH_WIDTH } else { plain_width };
        let is_waiting = matches!(view.scene.status[to], Some(StepStatus::Pending | StepStatus::Skipped));
        let stroke = Stroke {
            alpha: if view.joining.is_some() { 90 } else { 255 },
            // What is wrong is told by more than a colour.
            dash: match (view.lod, fault) {
                (Lod::Full, Some(_)) => Dash::Dotted,
                (Lod::Full, None) if is_waiting => Dash::Dashed,
                _ => Dash::Solid,
            },
            ..Stroke::new(ink, if view.lod == Lod::Far { width * 0.6 } else { width })
        };
        // What is bright lies over what is not.
        let rank = u8::from(is_bright || is_flowing || is_on_path || fault.is_some());
        let shapes = batches.stroke(LAYER, rank, stroke);
        if view.lod == Lod::Far {
            let at = |point: Point| view.camera.to_screen(point);
            shapes.push(match &edge.route {
                Route::Curve(curve) => Shape::Line(at(curve.p0), at(curve.p3)),
                Route::Bent(points) => Shape::Polyline(points.iter().map(|point| at(*point)).collect()),
            });
        } else {
            let arrow = arrow_length(view) * if is_on_path { 1.5 } else { 1.0 };
            shapes.push(line(view, &edge.route, arrow));
            let tip = view.camera.to_screen(edge.route.end());
            head(view, tip, arrow, Fill { ink, alpha: stroke.alpha }, rank, batches);
        }
    }
}

fn arrow_length(view: &View<'_>) -> f64 {
    (9.0 * view.zoom).clamp(3.0, 12.0)
}

/// The line on the screen, as far as the back of its arrowhead.
fn line(view: &View<'_>, route: &Route, arrow: f64) -> Shape {
    let back = view.scene.flow.forward() * arrow;
    match route.map(|point| view.camera.to_screen(point)) {
        Route::Curve(curve) => Shape::Curve(CubicBez::new(curve.p0, curve.p1, curve.p2 - back, curve.p3 - back)),
        Route::Bent(mut points) => {
            if let Some(last) = points.last_mut() {
                *last -= back;
            }
            Shape::Bends(points.into_vec(), CORNER * view.zoom)
        }
    }
}

fn head(view: &View<'_>, tip: Point, size: f64, fill: Fill, rank: u8, batches: &mut Batches) {
    let forward = view.scene.flow.forward();
    let back = tip - forward * size;
    let half = Vec2::new(-forward.y, forward.x) * (size * 0.55);
    batches.fill(LAYER, rank, fill).push(Shape::Triangle([tip, back - half, back + half]));
}

pub(super) fn on_screen(view: &View<'_>, curve: CubicBez) -> CubicBez {
    let at = |p: Point| view.camera.to_screen(p);
    CubicBez::new(at(curve.p0), at(curve.p1), at(curve.p2), at(curve.p3))
}

/// A line that something is to be put onto.
pub(super) fn paint_marked(view: &View<'_>, id: u32, layer: u16, batches: &mut Batches) {
    let route = &view.scene.edges[id as usize].route;
    batches.stroke(layer, 0, Stroke::new(Ink::Selected, 3.5)).push(line(view, route, arrow_length(view)));
}

/// Where the ends of a line are taken up, as large on the screen as they always are.
pub(super) fn paint_grips(view: &View<'_>, id: u32, layer: u16, batches: &mut Batches) {
    for end in [Side::Out, Side::In] {
        let at = view.scene.grip(&view.camera, id, end);
        batches.fill(layer, 1, Fill { ink: Ink::NodeGround, alpha: 255 }).push(Shape::Circle(at, 5.0));
        batches.stroke(layer, 2, Stroke::new(Ink::Selected, 2.0)).push(Shape::Circle(at, 5.0));
    }
}

/// The name of what travels along the edge under the pointer.
pub(super) fn paint_hovered(view: &View<'_>, layer: u16, batches: &mut Batches) {
    let (Hit::Edge(id) | Hit::End(id, _)) = view.board.hover() else {
        return;
    };
    let edge = &view.scene.edges[id as usize];
    batches.stroke(layer, 0, Stroke::new(Ink::EdgeActive, 2.5)).push(line(view, &edge.route, arrow_length(view)));
    let fault = view.scene.faults.get(&id).map(|(_, words)| words);
    let label = fault.unwrap_or(&edge.label);
    if label.is_empty() || view.lod == Lod::Far {
        return;
    }
    let middle = view.camera.to_screen(edge.route.middle());
    let width = label_width(label, if fault.is_some() { 60 } else { 30 }) + 4.0;
    let ground = Rect::from_center_size(middle, (width, 20.0));
    batches.fill(layer, 1, Fill { ink: Ink::NodeGround, alpha: 255 }).push(Shape::Round(ground, 6.0));
    batches.stroke(layer, 1, Stroke::new(Ink::NodeBorder, 1.0)).push(Shape::Round(ground, 6.0));
    let style = Text { align: Align::Center, ..Text::new(Ink::Title, Font::Label, 1.0) };
    batches.text(layer, 2, style).push(TextRun::line(middle, label.clone(), width - 8.0));
}

/// How long a small text is at most, near enough for a ground that only has to be wide enough.
pub(super) fn label_width(text: &str, most: usize) -> f64 {
    6.4 * f64::from(u32::try_from(text.chars().count().min(most)).unwrap_or(u32::MAX)) + 12.0
}
