//! The overlay: what moves or follows the pointer, so that the picture below need not be drawn again for it.
//! Nothing here may be needed to understand the graph: it can be dropped for a frame.

use std::f64::consts::TAU;

use kurbo::{Point, Rect, Vec2};
use workflow::StepStatus;

use super::{
    View,
    card::{DISC, DISC_SCALE, glyph},
    edges,
    list::{Align, Batches, Dash, Fill, Font, Ink, Shape, Stroke, Text, TextRun},
};
use crate::{
    board::{Board, Drag, Gesture, Spot},
    camera::Lod,
    scene::{
        HEAD_HEIGHT, NODE_WIDTH, Side, curve_between,
        hit::{Hit, MIN_PORT_ZOOM},
        port_of,
    },
};

const LAYER: u16 = 0;

pub(super) fn paint(view: &View<'_>, phase: Option<f64>, batches: &mut Batches) {
    if let Some(phase) = phase {
        running(view, phase, batches);
    }
    match view.board.gesture() {
        Gesture::Connect(_) => connection(view, batches),
        Gesture::Marquee(marquee) => {
            let area = view.camera.rect_to_screen(marquee.area());
            batches.fill(LAYER, 5, Fill { ink: Ink::Selected, alpha: 26 }).push(Shape::Rect(area));
            let dash = if marquee.is_touching() { Dash::Dashed } else { Dash::Solid };
            let stroke = Stroke { dash, ..Stroke::new(Ink::Selected, 1.0) };
            batches.stroke(LAYER, 5, stroke).push(Shape::Rect(area));
        }
        Gesture::KeyConnect(connect) => {
            if let Some(target) = connect.target() {
                let curve = curve_between(
                    view.scene.port(connect.from, Side::Out),
                    view.scene.port(target, Side::In),
                    view.scene.flow,
                );
                let stroke = Stroke { dash: Dash::Dashed, ..Stroke::new(Ink::PortValid, 2.0) };
                batches.stroke(LAYER, 5, stroke).push(Shape::Curve(edges::on_screen(view, curve)));
                ring(view, target, Ink::PortValid, batches);
            }
        }
        Gesture::Palette { onto, .. } => {
            if let Some(edge) = onto {
                edges::paint_marked(view, *edge, LAYER, batches);
            }
            ghost(view, batches);
        }
        Gesture::Adding(spot) => wanted(view, spot, batches),
        Gesture::Idle => hover(view, batches),
        Gesture::Drag(drag) => {
            copies(view, drag, batches);
            guides(view, drag, batches);
        }
        Gesture::Press(_) | Gesture::Pan { .. } | Gesture::Pinch { .. } | Gesture::Resize(_) | Gesture::Reading(_) => {}
    }
    if let Some(edge) = view.board.selected_line()
        && view.board.is_editor()
        && view.moved.is_none()
        && view.zoom >= MIN_PORT_ZOOM
    {
        edges::paint_grips(view, edge, LAYER + 1, batches);
    }
    if view.board.is_keyboard_used()
        && let Some(node) = view.board.focus().and_then(|key| view.scene.node(key))
    {
        let rect = view.camera.rect_to_screen(view.scene.rect(node)).inflate(5.0, 5.0);
        let shape = Shape::Round(rect, 10.0 * view.zoom + 5.0);
        let stroke = Stroke { dash: Dash::Dotted, ..Stroke::new(Ink::Selected, 1.5) };
        batches.stroke(LAYER, 6, stroke).push(shape);
    }
}

fn ring(view: &View<'_>, node: u32, ink: Ink, batches: &mut Batches) {
    let rect = view.camera.rect_to_screen(view.scene.rect(node)).inflate(2.0, 2.0);
    batches.stroke(LAYER, 6, Stroke::new(ink, 2.5)).push(Shape::Round(rect, 10.0 * view.zoom + 2.0));
}

fn hover(view: &View<'_>, batches: &mut Batches) {
    match view.board.hover() {
        Hit::Edge(_) => edges::paint_hovered(view, LAYER, batches),
        Hit::End(edge, _) => {
            edges::paint_hovered(view, LAYER, batches);
            edges::paint_grips(view, edge, LAYER + 1, batches);
        }
        Hit::Node(node) if view.lod != Lod::Far && !view.selected[node as usize] => {
            let rect = view.camera.rect_to_screen(view.scene.rect(node));
            let shape = Shape::Round(rect.inflate(0.5, 0.5), 10.0 * view.zoom);
            batches.stroke(LAYER, 1, Stroke { alpha: 150, ..Stroke::new(Ink::Selected, 1.5) }).push(shape);
        }
        Hit::Port(node, side) => {
            let at = view.camera.to_screen(view.scene.port(node, side));
            let radius = (7.0 * view.zoom).max(5.0);
            batches.fill(LAYER, 1, Fill { ink: Ink::Selected, alpha: 255 }).push(Shape::Circle(at, radius));
        }
        Hit::Node(_) | Hit::Note(_) | Hit::Corner(_) | Hit::Group(_) | Hit::Nothing => {}
    }
}

fn connection(view: &View<'_>, batches: &mut Batches) {
    let Gesture::Connect(connect) = view.board.gesture() else {
        return;
    };
    let ink = match (connect.target, &connect.refusal) {
        (None, _) => Ink::EdgeActive,
        (Some(_), None) => Ink::PortValid,
        (Some(_), Some(_)) => Ink::PortInvalid,
    };
    let anchor = view.scene.port(connect.anchor, connect.side);
    let loose = view.camera.to_world(connect.at);
    // Snapped to the port it would join, but never to one it cannot.
    let other = match connect.target {
        Some(target) if connect.refusal.is_none() => view.scene.port(target, connect.side.other()),
        _ => loose,
    };
    let (from, to) = if connect.side == Side::Out { (anchor, other) } else { (other, anchor) };
    let dash = if connect.target.is_some() && connect.refusal.is_none() { Dash::Solid } else { Dash::Dashed };
    let mut curve = curve_between(from, to, view.scene.flow);
    if connect.target.is_none() || connect.refusal.is_some() {
        // A loose end points at the pointer, without the swing that an edge takes before a port.
        match connect.side {
            Side::Out => curve.p2 = curve.p3,
            Side::In => curve.p1 = curve.p0,
        }
    }
    let curve = edges::on_screen(view, curve);
    batches.stroke(LAYER, 5, Stroke { dash, ..Stroke::new(ink, 2.0) }).push(Shape::Curve(curve));
    let ends = [view.camera.to_screen(from), view.camera.to_screen(to)];
    let radius = (5.0 * view.zoom).clamp(4.0, 8.0);
    batches.fill(LAYER, 6, Fill { ink, alpha: 255 }).extend(ends.map(|end: Point| Shape::Circle(end, radius)));
    if let Some(target) = connect.target {
        ring(view, target, ink, batches);
    }
}

/// The card that would be added, and the line to it.
fn wanted(view: &View<'_>, spot: &Spot, batches: &mut Batches) {
    let card = Board::spot_card(spot);
    let rect = view.camera.rect_to_screen(card);
    let dashed = Stroke { dash: Dash::Dashed, ..Stroke::new(Ink::Selected, 1.5) };
    batches.fill(LAYER, 5, Fill { ink: Ink::NodeGround, alpha: 160 }).push(Shape::Round(rect, 10.0 * view.zoom));
    batches.stroke(LAYER, 6, dashed).push(Shape::Round(rect, 10.0 * view.zoom));
    let Some((node, side)) = spot.joined.as_ref().and_then(|(key, side)| Some((view.scene.node(key)?, *side))) else {
        return;
    };
    let anchor = view.scene.port(node, side);
    let other = port_of(card, side.other(), view.scene.flow);
    let (from, to) = if side == Side::Out { (anchor, other) } else { (other, anchor) };
    let curve = edges::on_screen(view, curve_between(from, to, view.scene.flow));
    let stroke = Stroke { dash: Dash::Dashed, ..Stroke::new(Ink::EdgeActive, 2.0) };
    batches.stroke(LAYER, 4, stroke).push(Shape::Curve(curve));
}

fn ghost(view: &View<'_>, batches: &mut Batches) {
    let Some((item, rect)) = view.board.palette_ghost() else {
        return;
    };
    let zoom = view.zoom;
    let rect: Rect = view.camera.rect_to_screen(rect);
    let at = |x: f64, y: f64| rect.origin() + Vec2::new(x * zoom, y * zoom);
    batches.fill(LAYER, 5, Fill { ink: Ink::NodeGround, alpha: 225 }).push(Shape::Round(rect, 10.0 * zoom));
    let stroke = Stroke { dash: Dash::Dashed, ..Stroke::new(Ink::Selected, 1.5) };
    batches.stroke(LAYER, 6, stroke).push(Shape::Round(rect, 10.0 * zoom));
    glyph(item.kind, at(27.0, HEAD_HEIGHT / 2.0), zoom, Stroke::new(Ink::Sub, 1.5 * zoom), |stroke| {
        batches.stroke(LAYER, 7, stroke)
    });
    let style = Text { align: Align::Left, ..Text::new(Ink::Title, Font::Title, zoom) };
    let run = TextRun::line(at(54.0, HEAD_HEIGHT / 2.0), item.name.as_str().into(), NODE_WIDTH - 68.0);
    batches.text(LAYER, 8, style).push(run);
}

/// With what the dragged card is in line.
fn guides(view: &View<'_>, drag: &Drag, batches: &mut Batches) {
    for guide in drag.guides() {
        let line = Shape::Line(view.camera.to_screen(guide.from), view.camera.to_screen(guide.to));
        batches.stroke(LAYER, 7, Stroke::new(Ink::Selected, 1.0)).push(line);
    }
}

/// The copies that are dragged, as cards and notes that are not there yet.
fn copies(view: &View<'_>, drag: &Drag, batches: &mut Batches) {
    let zoom = view.zoom;
    for (note, at) in drag.note_copies() {
        let rect = view.camera.rect_to_screen(view.scene.notes[note as usize].rect.with_origin(at));
        let stroke = Stroke { dash: Dash::Dashed, ..Stroke::new(Ink::Selected, 1.5) };
        batches.fill(LAYER, 5, Fill { ink: Ink::NodeGround, alpha: 160 }).push(Shape::Round(rect, 6.0 * zoom));
        batches.stroke(LAYER, 6, stroke).push(Shape::Round(rect, 6.0 * zoom));
    }
    for (node, at) in drag.copies() {
        let height = view.scene.height[node as usize];
        let world = Rect::from_origin_size(at, (NODE_WIDTH, height));
        if !world.overlaps(view.seen) {
            continue;
        }
        let rect = view.camera.rect_to_screen(world);
        batches.fill(LAYER, 5, Fill { ink: Ink::NodeGround, alpha: 225 }).push(Shape::Round(rect, 10.0 * zoom));
        let stroke = Stroke { dash: Dash::Dashed, ..Stroke::new(Ink::Selected, 1.5) };
        batches.stroke(LAYER, 6, stroke).push(Shape::Round(rect, 10.0 * zoom));
        if view.lod != Lod::Far {
            let style = Text { align: Align::Left, ..Text::new(Ink::Title, Font::Title, zoom) };
            let from = rect.origin() + Vec2::new(54.0 * zoom, HEAD_HEIGHT / 2.0 * zoom);
            let run = TextRun::line(from, view.scene.title[node as usize].clone(), NODE_WIDTH - 68.0);
            batches.text(LAYER, 8, style).push(run);
        }
    }
}

/// A ring that turns, for every running node in view; and a line that runs along the foot of those that have no bar.
fn running(view: &View<'_>, phase: f64, batches: &mut Batches) {
    if view.lod == Lod::Far {
        return;
    }
    let zoom = view.zoom;
    let ink = Ink::Status(StepStatus::Running);
    for node in view.scene.nodes_in(view.seen) {
        // What a collapsed group holds is not seen: its card is the group's.
        let is_seen = view.scene.folded_in(node).is_none();
        if !is_seen || view.scene.status[node as usize] != Some(StepStatus::Running) {
            continue;
        }
        let rect = view.camera.rect_to_screen(view.scene.rect(node));
        let inner = rect.inset(-10.0 * zoom);
        let length = inner.width() * 0.35;
        let x = inner.x0 + (inner.width() + length) * phase - length;
        let (from, to) = (x.max(inner.x0), (x + length).min(inner.x1));
        let has_row = view.scene.has_status_row(node);
        // It stands in the row of the status.
        let has_bar = view.lod == Lod::Full && has_row && view.scene.share(node).is_some();
        if to > from && !has_bar {
            let y = rect.y1 - 1.0;
            let stroke = Stroke::new(ink, (2.0 * zoom).max(1.5));
            batches.stroke(LAYER, 0, stroke).push(Shape::Line(Point::new(from, y), Point::new(to, y)));
        }
        if view.lod == Lod::Full {
            let in_row = ((21.0, HEAD_HEIGHT + 8.0), 1.0, Ink::StatusSoft(StepStatus::Running));
            let ((x, y), part, soft) = if has_row { in_row } else { (DISC, DISC_SCALE, Ink::NodeGround) };
            let (center, scale) = (rect.origin() + Vec2::new(x, y) * zoom, part * zoom);
            let start = phase * TAU;
            // The ring below stands still; it is covered before the turning one is drawn over it.
            batches.stroke(LAYER, 1, Stroke::new(soft, 2.4 * scale)).push(Shape::Circle(center, 5.0 * scale));
            let arc = Shape::Arc(center, 5.0 * scale, start, start + TAU * 0.75);
            batches.stroke(LAYER, 2, Stroke::new(ink, 1.6 * scale)).push(arc);
        }
    }
}
