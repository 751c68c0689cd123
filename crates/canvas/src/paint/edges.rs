//! Edges: curves with one arrowhead, straight lines from afar.
//! An edge is drawn under every node, and brightens with what it is connected to.

use kurbo::{CubicBez, Point, Rect, Vec2};
use workflow::StepStatus;

use super::{
    View,
    list::{Align, Batches, Dash, Fill, Font, Ink, Shape, Stroke, Text, TextRun},
};
use crate::{camera::Lod, scene::hit::Hit};

const LAYER: u16 = 1;

pub(super) fn paint(view: &View<'_>, batches: &mut Batches) {
    let selected_edge = view
        .board
        .selected_edge()
        .and_then(|(from, to)| view.scene.edge_between(view.scene.node(from)?, view.scene.node(to)?));
    for id in view.scene.edges_near(view.seen) {
        let edge = &view.scene.edges[id as usize];
        let bends = Rect::from_points(edge.curve.p0, edge.curve.p3).union_pt(edge.curve.p1).union_pt(edge.curve.p2);
        if !bends.overlaps(view.seen) {
            continue;
        }
        let (from, to) = (edge.from as usize, edge.to as usize);
        let is_selected = selected_edge == Some(id);
        let is_bright = is_selected || view.selected[from] || view.selected[to];
        let is_flowing =
            matches!(view.scene.status[to], Some(StepStatus::Running | StepStatus::Ready | StepStatus::AwaitingReview));
        let ink = match view.scene.status[to] {
            _ if is_bright => Ink::EdgeActive,
            Some(status) if is_flowing => Ink::Status(status),
            _ => Ink::Edge,
        };
        let width = if is_selected { 2.5 } else { 1.5 };
        let is_waiting = matches!(view.scene.status[to], Some(StepStatus::Pending | StepStatus::Skipped));
        let stroke = Stroke {
            alpha: if view.blocked.is_some() { 90 } else { 255 },
            dash: if is_waiting && view.lod == Lod::Full { Dash::Dashed } else { Dash::Solid },
            ..Stroke::new(ink, if view.lod == Lod::Far { width * 0.6 } else { width })
        };
        // What is bright lies over what is not.
        let rank = u8::from(is_bright || is_flowing);
        let curve = on_screen(view, edge.curve);
        if view.lod == Lod::Far {
            batches.stroke(LAYER, rank, stroke).push(Shape::Line(curve.p0, curve.p3));
        } else {
            batches.stroke(LAYER, rank, stroke).push(Shape::Curve(curve));
            arrow(view, curve.p3, Fill { ink, alpha: stroke.alpha }, rank, batches);
        }
    }
}

fn arrow(view: &View<'_>, tip: Point, fill: Fill, rank: u8, batches: &mut Batches) {
    let size = (9.0 * view.zoom).clamp(3.0, 12.0);
    // In front of the port's dot, which would swallow it.
    let tip = tip - Vec2::new((6.0 * view.zoom).max(1.0), 0.0);
    let back = tip - Vec2::new(size, 0.0);
    let half = Vec2::new(0.0, size * 0.55);
    batches.fill(LAYER, rank, fill).push(Shape::Triangle([tip, back - half, back + half]));
}

pub(super) fn on_screen(view: &View<'_>, curve: CubicBez) -> CubicBez {
    let at = |p: Point| view.camera.to_screen(p);
    CubicBez::new(at(curve.p0), at(curve.p1), at(curve.p2), at(curve.p3))
}

/// The name of what travels along the edge under the pointer.
pub(super) fn paint_hovered(view: &View<'_>, layer: u16, batches: &mut Batches) {
    let Hit::Edge(id) = view.board.hover() else {
        return;
    };
    let edge = &view.scene.edges[id as usize];
    let curve = on_screen(view, edge.curve);
    batches.stroke(layer, 0, Stroke::new(Ink::EdgeActive, 2.5)).push(Shape::Curve(curve));
    if edge.label.is_empty() || view.lod == Lod::Far {
        return;
    }
    let middle = kurbo::ParamCurve::eval(&curve, 0.5);
    // Near enough for a ground that only has to be wide enough: the text itself is centred.
    let width = 6.4 * f64::from(u32::try_from(edge.label.chars().count().min(30)).unwrap_or(30)) + 16.0;
    let ground = Rect::from_center_size(middle, (width, 20.0));
    batches.fill(layer, 1, Fill { ink: Ink::NodeGround, alpha: 255 }).push(Shape::Round(ground, 6.0));
    batches.stroke(layer, 1, Stroke::new(Ink::NodeBorder, 1.0)).push(Shape::Round(ground, 6.0));
    let style = Text { align: Align::Center, ..Text::new(Ink::Title, Font::Label, 1.0) };
    batches.text(layer, 2, style).push(TextRun { at: middle, text: edge.label.clone(), max_width: width - 8.0 });
}
