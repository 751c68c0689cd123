//! Node cards at three levels of detail: icon, title, agent, status by colour, shape and words, ports and badges.
//! A status must never be told by colour alone where its shape can still be made out.

mod status;

pub(super) use status::{DISC, DISC_SCALE};

use std::{collections::BTreeMap, sync::Arc};

use kurbo::{Point, Rect, Vec2};
use workflow::{StepStatus, merge::Fate};

use super::{
    View, landmarks,
    list::{Align, Batches, Dash, Fill, Font, Ink, Shape, Stroke, Text, TextRun},
    piles::piles,
};
use crate::{
    camera::Lod,
    scene::{HEAD_HEIGHT, Kind, Mark, NODE_WIDTH, STATUS_HEIGHT, Side},
};

/// From where a card is a box, the sign of its status is as large as this part of life size.
const DISC_AFAR: f64 = 0.8;
/// Nodes begin above the edges; those that overlap others rise layer by layer.
const FIRST_LAYER: u16 = 2;
const RADIUS: f64 = 10.0;
const DIMMED: u8 = 96;
/// Below this zoom a title would be longer than its box.
const MIN_TITLE_ZOOM: f64 = 0.22;
/// Below this zoom a card has room for two lines of the same legible size, but not for two sizes.
const TWO_LINES_ZOOM: f64 = 0.72;

pub(super) fn paint(view: &View<'_>, batches: &mut Batches) {
    let nodes = nodes_in_view(view);
    if view.lod == Lod::Far {
        for node in &nodes {
            far(view, *node, batches);
        }
        return landmarks::paint(view, &nodes, batches);
    }
    // A batch per style would let the text of a covered card shine through, so a card lies a layer above what it overlaps.
    let piles = piles(view.scene, &nodes);
    let mut layers = BTreeMap::new();
    let mut by_layer: Vec<(u16, u32)> = Vec::with_capacity(nodes.len());
    if has_landmarks(view) {
        landmarks::paint(view, &nodes, batches);
    }
    let (selected, plain): (Vec<u32>, Vec<u32>) = nodes.into_iter().partition(|node| view.selected[*node as usize]);
    for node in plain.into_iter().chain(selected) {
        let pile = piles.get(&node);
        let highest = pile.into_iter().flatten().filter_map(|other| layers.get(other).copied()).max();
        let layer = highest.map_or(FIRST_LAYER, |layer: u16| layer.saturating_add(1));
        if pile.is_some() {
            layers.insert(node, layer);
        }
        by_layer.push((layer, node));
    }
    for (layer, node) in by_layer {
        let card = Card { view, node, layer, alpha: if view.is_dimmed(node) { DIMMED } else { 255 } };
        card.body(batches);
        if view.lod == Lod::Full {
            card.full(batches);
        } else {
            card.middle(batches);
        }
    }
}

/// Without those that a collapsed group stands for.
fn nodes_in_view(view: &View<'_>) -> Vec<u32> {
    let mut nodes = view.scene.nodes_in(view.seen);
    nodes.retain(|node| view.scene.folded_in(*node).is_none());
    nodes
}

/// Whether cards are too small for titles of their own.
fn has_landmarks(view: &View<'_>) -> bool {
    view.lod == Lod::Far || view.zoom < MIN_TITLE_ZOOM
}

/// Where titles stand of what is in view, if any do.
pub(super) fn labels(view: &View<'_>) -> Option<Vec<landmarks::Label>> {
    has_landmarks(view).then(|| landmarks::place(view, &nodes_in_view(view)))
}

fn ink_of(fate: Fate) -> Ink {
    match fate {
        Fate::Added => Ink::PortValid,
        Fate::Removed => Ink::Error,
        Fate::Changed => Ink::Warning,
    }
}

/// Counter-scaled: as large as can still be read, whatever the zoom.
pub(super) fn legible(font: Font, zoom: f64) -> f64 {
    zoom.max((font.size() - 2.0) / font.size())
}

fn far(view: &View<'_>, node: u32, batches: &mut Batches) {
    let rect = view.camera.rect_to_screen(view.scene.rect(node));
    // Never thinner than can be seen.
    let rect = Rect::from_origin_size(rect.origin(), rect.size().max(kurbo::Size::new(3.0, 2.0)));
    let ink = if view.scene.n_errors[node as usize] > 0 {
        Ink::Error
    } else {
        let plain = view.scene.colour[node as usize].map_or(Ink::Port, Ink::Mark);
        let fate = view.scene.fate(node).map_or(plain, ink_of);
        view.scene.status[node as usize].map_or(fate, Ink::Status)
    };
    let alpha = if view.is_dimmed(node) { DIMMED } else { 255 };
    batches.fill(FIRST_LAYER, 0, Fill { ink, alpha }).push(Shape::Rect(rect));
    if view.selected[node as usize] {
        batches.stroke(FIRST_LAYER, 1, Stroke::new(Ink::Selected, 2.0)).push(Shape::Rect(rect.inflate(2.0, 2.0)));
    }
}

/// One card being drawn.
struct Card<'a> {
    view: &'a View<'a>,
    node: u32,
    layer: u16,
    alpha: u8,
}

impl Card<'_> {
    fn at(&self) -> usize {
        self.node as usize
    }

    fn rect(&self) -> Rect {
        self.view.camera.rect_to_screen(self.view.scene.rect(self.node))
    }

    fn fill(&self, ink: Ink) -> Fill {
        Fill { ink, alpha: self.alpha }
    }

    fn stroke(&self, ink: Ink, width: f64) -> Stroke {
        Stroke { alpha: self.alpha, ..Stroke::new(ink, width) }
    }

    fn status(&self) -> Option<StepStatus> {
        self.view.scene.status[self.at()]
    }

    /// A point of the card, from its top left corner on the plane.
    fn point(&self, x: f64, y: f64) -> Point {
        self.view.camera.to_screen(self.view.scene.place[self.at()] + Vec2::new(x, y))
    }

    fn body(&self, batches: &mut Batches) {
        let (rect, radius) = (self.rect(), RADIUS * self.view.zoom);
        // A dimmed card still covers what lies below it.
        let ground = Fill { ink: Ink::NodeGround, alpha: 255 };
        batches.fill(self.layer, 0, ground).push(Shape::Round(rect, radius));
        let is_stale = self.view.scene.is_stale[self.at()];
        let fate = self.view.scene.fate(self.node);
        let border = match self.status() {
            _ if is_stale => Ink::Stale,
            None if fate.is_some() => fate.map_or(Ink::NodeBorder, ink_of),
            Some(status @ (StepStatus::Running | StepStatus::AwaitingReview | StepStatus::Failed)) => {
                Ink::Status(status)
            }
            _ => Ink::NodeBorder,
        };
        let is_gone = self.status() == Some(StepStatus::Skipped) || fate == Some(Fate::Removed);
        let dash = if is_stale || is_gone { Dash::Dashed } else { Dash::Solid };
        let is_on_path = self.view.scene.path[self.at()].is_some();
        let width = if is_on_path {
            3.0
        } else if fate.is_some() {
            2.0
        } else {
            1.0
        };
        let stroke = Stroke { dash, ..self.stroke(border, width) };
        batches.stroke(self.layer, 3, stroke).push(Shape::Round(rect, radius));
        if let Some(colour) = self.view.scene.colour[self.at()] {
            let zoom = self.view.zoom;
            let bar = Rect::new(rect.x0 + zoom, rect.y0 + 6.0 * zoom, rect.x0 + 6.0 * zoom, rect.y1 - 6.0 * zoom);
            batches.fill(self.layer, 2, self.fill(Ink::Mark(colour))).push(Shape::Round(bar, 2.5 * zoom));
        }
        if self.view.selected[self.at()] {
            let ring = Shape::Round(rect.inflate(1.5, 1.5), radius + 1.5);
            batches.stroke(self.layer, 4, self.stroke(Ink::Selected, 2.0)).push(ring);
        }
    }

    fn middle(&self, batches: &mut Batches) {
        let zoom = self.view.zoom;
        if let Some(status) = self.status() {
            let rect = self.rect();
            let strip = Rect::new(rect.x0, rect.y1 - (STATUS_HEIGHT * zoom * 0.6).max(3.0), rect.x1, rect.y1);
            batches.fill(self.layer, 1, self.fill(Ink::Status(status))).push(Shape::Round(strip, 3.0 * zoom));
            if zoom >= MIN_TITLE_ZOOM {
                self.status_disc(status, self.point(0.0, 0.0), DISC_AFAR, batches);
            }
        }
        if zoom >= MIN_TITLE_ZOOM || self.view.selected[self.at()] {
            let scale = legible(Font::Title, zoom);
            let room = (NODE_WIDTH - 20.0) * zoom / scale;
            let run =
                TextRun::line(self.point(10.0, HEAD_HEIGHT / 2.0), self.view.scene.title[self.at()].clone(), room);
            let style = Text { alpha: self.alpha, ..Text::new(Ink::Title, Font::Title, scale) };
            batches.text(self.layer, 5, style).push(run);
        }
        if self.view.joining.is_some() {
            self.ports(batches);
        }
        self.badge(batches);
    }

    fn full(&self, batches: &mut Batches) {
        let (view, zoom) = (self.view, self.view.zoom);
        let icon = Rect::from_points(self.point(12.0, 15.0), self.point(42.0, 45.0));
        batches.fill(self.layer, 1, self.fill(Ink::IconGround)).push(Shape::Round(icon, 7.0 * zoom));
        glyph(view.scene.kind[self.at()], icon.center(), zoom, self.stroke(Ink::Sub, 1.5 * zoom), |stroke| {
            batches.stroke(self.layer, 4, stroke)
        });
        let marks = &view.scene.marks[self.at()];
        let room = NODE_WIDTH - 68.0;
        // The signs stand beside the second line, so that a title keeps its room.
        let mut right = NODE_WIDTH - 20.0;
        for mark in marks.iter().rev() {
            self.mark(*mark, self.point(right, 41.0), batches);
            right -= 18.0;
        }
        let beside_marks = if marks.is_empty() { room } else { right - 54.0 };
        let title = &view.scene.title[self.at()];
        if zoom < TWO_LINES_ZOOM {
            // Smaller, both lines are for the title.
            self.text(Font::Title, Ink::Title, (54.0, HEAD_HEIGHT / 2.0), title, (beside_marks, 2), batches);
        } else {
            self.text(Font::Title, Ink::Title, (54.0, 22.0), title, (room, 1), batches);
            if let Some(status) = self.tried() {
                self.tried_words(status, (54.0, 41.0), beside_marks, batches);
            } else {
                let sub = &view.scene.sub[self.at()];
                self.text(Font::Sub, Ink::Sub, (54.0, 41.0), sub, (beside_marks, 1), batches);
            }
        }
        if let Some(status) = self.tried() {
            self.status_disc(status, self.point(DISC.0, DISC.1), DISC_SCALE * zoom, batches);
        } else if let Some(status) = self.status() {
            self.status_row(status, batches);
        }
        self.ports(batches);
        self.badge(batches);
    }

    /// `room` is how wide it may be on the card, and in how many lines.
    fn text(&self, font: Font, ink: Ink, at: (f64, f64), text: &Arc<str>, room: (f64, u8), batches: &mut Batches) {
        let scale = legible(font, self.view.zoom);
        let style = Text { alpha: self.alpha, ..Text::new(ink, font, scale) };
        let max_width = room.0 * self.view.zoom / scale;
        let run = TextRun { at: self.point(at.0, at.1), text: text.clone(), max_width, max_lines: room.1 };
        batches.text(self.layer, 5, style).push(run);
    }

    /// A small sign: copies for a list, a diamond for a condition, the bars of a review for a gate, an arrow for a newer version,
    /// and what differs where two states are compared.
    fn mark(&self, mark: Mark, center: Point, batches: &mut Batches) {
        let zoom = self.view.zoom;
        let p = |x: f64, y: f64| center + Vec2::new(x * zoom, y * zoom);
        let thin = self.stroke(Ink::Sub, 1.4 * zoom);
        match mark {
            Mark::Map => {
                let shapes = batches.stroke(self.layer, 5, thin);
                shapes.push(Shape::Round(Rect::from_points(p(-5.0, -2.0), p(2.0, 5.0)), 1.5 * zoom));
                shapes.push(Shape::Polyline(vec![p(-2.0, -5.0), p(5.0, -5.0), p(5.0, 2.0)]));
            }
            Mark::Condition => {
                let diamond = vec![p(0.0, -5.5), p(5.5, 0.0), p(0.0, 5.5), p(-5.5, 0.0)];
                batches.stroke(self.layer, 5, thin).push(Shape::Polygon(diamond));
            }
            Mark::Gate => self.status_shape(StepStatus::AwaitingReview, center, (zoom, 5), batches),
            // An arrow that goes up, to a bar.
            Mark::Behind => {
                let shapes = batches.stroke(self.layer, 5, self.stroke(Ink::Warning, 1.6 * zoom));
                shapes.push(Shape::Line(p(-4.5, -5.5), p(4.5, -5.5)));
                shapes.push(Shape::Line(p(0.0, 5.5), p(0.0, -2.0)));
                shapes.push(Shape::Polyline(vec![p(-3.5, 1.5), p(0.0, -2.0), p(3.5, 1.5)]));
            }
            Mark::Pin => {
                let shapes = batches.stroke(self.layer, 5, thin);
                shapes.push(Shape::Circle(p(0.0, -2.0), 3.5 * zoom));
                shapes.push(Shape::Line(p(0.0, 1.5), p(0.0, 6.0)));
            }
            // Plus, minus, and a line that is bent.
            Mark::Differs(fate) => {
                let shapes = batches.stroke(self.layer, 5, self.stroke(ink_of(fate), 2.0 * zoom));
                match fate {
                    Fate::Added => {
                        shapes.push(Shape::Line(p(-5.0, 0.0), p(5.0, 0.0)));
                        shapes.push(Shape::Line(p(0.0, -5.0), p(0.0, 5.0)));
                    }
                    Fate::Removed => shapes.push(Shape::Line(p(-5.0, 0.0), p(5.0, 0.0))),
                    Fate::Changed => {
                        let bent = vec![p(-5.5, 2.0), p(-2.5, -2.5), p(2.5, 2.5), p(5.5, -2.0)];
                        shapes.push(Shape::Polyline(bent));
                    }
                }
            }
        }
    }

    fn ports(&self, batches: &mut Batches) {
        let (view, zoom) = (self.view, self.view.zoom);
        let is_editor = view.board.is_editor();
        let radius = if is_editor { 5.0 } else { 3.0 } * zoom;
        for side in [Side::In, Side::Out] {
            if !is_editor {
                let edges = if side == Side::In { &view.scene.edges_in } else { &view.scene.edges_out };
                if edges[self.at()].is_empty() {
                    continue;
                }
            }
            let at = view.camera.to_screen(view.scene.port(self.node, side));
            let is_open =
                view.joining.filter(|(_, from, _)| *from != side).map(|(.., ends)| !ends.is_blocked(self.node));
            let (ground, ink, radius) = match is_open {
                // Told by size and filling too, not by colour alone.
                Some(true) => (Ink::PortValid, Ink::PortValid, radius * 1.3),
                Some(false) => (Ink::NodeGround, Ink::PortInvalid, radius * 0.8),
                None => (Ink::NodeGround, Ink::Port, radius),
            };
            batches.fill(self.layer, 6, self.fill(ground)).push(Shape::Circle(at, radius));
            let alpha = if is_open.is_some() { 255 } else { self.alpha };
            let rim = Stroke { alpha, ..Stroke::new(ink, 1.6 * zoom.max(0.7)) };
            batches.stroke(self.layer, 7, rim).push(Shape::Circle(at, radius));
        }
    }

    fn badge(&self, batches: &mut Batches) {
        let scene = self.view.scene;
        let (ink, n) = match (scene.n_errors[self.at()], scene.n_warnings[self.at()]) {
            (0, 0) => return,
            (0, n) => (Ink::Warning, n),
            (errors, warnings) => (Ink::Error, errors + warnings),
        };
        let scale = self.view.zoom.max(0.95);
        let at = self.point(NODE_WIDTH - 6.0, 2.0);
        batches.fill(self.layer, 8, self.fill(ink)).push(Shape::Circle(at, 8.5 * scale));
        let words = if n > 9 { "9+".to_owned() } else { n.to_string() };
        // On the warning's light amber the dark theme needs the ground's colour to be read.
        let style = Text { align: Align::Center, alpha: self.alpha, ..Text::new(Ink::NodeGround, Font::Badge, scale) };
        batches.text(self.layer, 9, style).push(TextRun::line(at, words.into(), 20.0));
    }
}

/// The sign of a kind, drawn in a 20 px square.
pub(super) fn glyph<'b>(
    kind: Kind,
    center: Point,
    zoom: f64,
    stroke: Stroke,
    into: impl FnOnce(Stroke) -> &'b mut Vec<Shape>,
) {
    let p = |x: f64, y: f64| center + Vec2::new(x * zoom, y * zoom);
    let shapes = into(stroke);
    match kind {
        // A spark: four points with hollow sides.
        Kind::Llm => {
            let star = [
                p(0.0, -8.0),
                p(1.8, -1.8),
                p(8.0, 0.0),
                p(1.8, 1.8),
                p(0.0, 8.0),
                p(-1.8, 1.8),
                p(-8.0, 0.0),
                p(-1.8, -1.8),
            ];
            shapes.push(Shape::Polygon(star.to_vec()));
        }
        // A globe.
        Kind::Http => {
            shapes.push(Shape::Circle(center, 7.0 * zoom));
            shapes.push(Shape::Line(p(-7.0, 0.0), p(7.0, 0.0)));
            shapes.push(Shape::Line(p(0.0, -7.0), p(0.0, 7.0)));
        }
        // Lines of text.
        Kind::Template => {
            for (y, x) in [(-5.0, 7.0), (0.0, 3.0), (5.0, 5.0)] {
                shapes.push(Shape::Line(p(-7.0, y), p(x, y)));
            }
        }
        // A person: head and shoulders.
        Kind::Human => {
            shapes.push(Shape::Circle(p(0.0, -3.5), 3.5 * zoom));
            shapes.push(Shape::Polyline(vec![p(-7.0, 7.5), p(-5.0, 3.5), p(5.0, 3.5), p(7.0, 7.5)]));
        }
        // Two boxes with a line between them.
        Kind::Workflow => {
            shapes.push(Shape::Round(Rect::from_points(p(-8.0, -7.0), p(-1.0, 0.0)), 1.5 * zoom));
            shapes.push(Shape::Round(Rect::from_points(p(1.0, 1.0), p(8.0, 8.0)), 1.5 * zoom));
            shapes.push(Shape::Polyline(vec![p(-4.5, 0.0), p(-4.5, 4.5), p(1.0, 4.5)]));
        }
        // A plug with its line: it comes from outside.
        Kind::Worker => {
            shapes.push(Shape::Line(p(-3.0, -8.0), p(-3.0, -4.0)));
            shapes.push(Shape::Line(p(3.0, -8.0), p(3.0, -4.0)));
            shapes.push(Shape::Round(Rect::from_points(p(-6.0, -4.0), p(6.0, 3.0)), 2.0 * zoom));
            shapes.push(Shape::Line(p(0.0, 3.0), p(0.0, 8.0)));
        }
        Kind::Other => shapes.push(Shape::Round(Rect::from_points(p(-6.0, -6.0), p(6.0, 6.0)), 3.0 * zoom)),
    }
}
