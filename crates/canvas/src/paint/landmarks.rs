//! Landmarks: from afar a few titles stay as large as they can be read, so that one knows where one is.
//! Which ones depends on the plane and not on the screen, so that none comes and goes while the picture is moved.

use std::collections::BTreeMap;

use super::{
    View,
    edges::label_width,
    list::{Batches, Fill, Font, Ink, Shape, Stroke, Text, TextRun},
};
use crate::scene::wants_somebody;
use kurbo::{Rect, Size};

/// Over every card.
const LAYER: u16 = u16::MAX;
/// One title for so much of the screen, at most.
const CELL: Size = Size::new(210.0, 64.0);
const HEIGHT: f64 = 18.0;
const MOST_LETTERS: usize = 26;

/// A title, and where it stands on the screen.
pub(super) struct Label {
    node: u32,
    rect: Rect,
}

/// Of a part of the screen those that reach into it: which ones there are depends on all that is in view.
pub(super) fn paint(view: &View<'_>, nodes: &[u32], batches: &mut Batches) {
    match &view.labels {
        Some(labels) => {
            let part = view.camera.rect_to_screen(view.seen);
            draw(view, labels.iter().filter(|label| label.rect.overlaps(part)), batches);
        }
        None => draw(view, place(view, nodes).iter(), batches),
    }
}

/// Chooses them among all nodes in view.
pub(super) fn place(view: &View<'_>, nodes: &[u32]) -> Vec<Label> {
    // Powers of two, so that the same cells hold over a range of zooms.
    let power = |pixels: f64| (pixels / view.zoom).log2().ceil().exp2();
    let (width, height) = (power(CELL.width), power(CELL.height));
    let mut best: BTreeMap<(i64, i64), u32> = BTreeMap::new();
    for node in nodes {
        let at = view.scene.place[*node as usize];
        #[expect(clippy::cast_possible_truncation, reason = "places are bounded, and so are cells")]
        let cell = ((at.y / height).floor() as i64, (at.x / width).floor() as i64);
        best.entry(cell)
            .and_modify(|known| {
                if weight(view, *node) > weight(view, *known) {
                    *known = *node;
                }
            })
            .or_insert(*node);
    }
    let mut labels: Vec<Label> = Vec::new();
    for node in best.into_values() {
        let title = &view.scene.title[node as usize];
        let card = view.camera.rect_to_screen(view.scene.rect(node));
        let size = Size::new(label_width(title, MOST_LETTERS), HEIGHT);
        let rect = Rect::from_origin_size((card.x0, card.center().y - HEIGHT / 2.0), size);
        if !labels.iter().any(|other| other.rect.inflate(4.0, 2.0).overlaps(rect)) {
            labels.push(Label { node, rect });
        }
    }
    labels
}

fn draw<'l>(view: &View<'_>, labels: impl Iterator<Item = &'l Label>, batches: &mut Batches) {
    for Label { node, rect: label } in labels {
        let (title, label) = (&view.scene.title[*node as usize], *label);
        batches.fill(LAYER, 0, Fill { ink: Ink::NodeGround, alpha: 235 }).push(Shape::Round(label, 4.0));
        batches.stroke(LAYER, 1, Stroke::new(Ink::NodeBorder, 1.0)).push(Shape::Round(label, 4.0));
        let at = kurbo::Point::new(label.x0 + 6.0, label.center().y);
        let style = Text::new(Ink::Title, Font::Label, 1.0);
        batches.text(LAYER, 2, style).push(TextRun::line(at, title.clone(), label.width() - 12.0));
    }
}

/// What wants somebody comes first, then where many lines meet, then what comes first in the graph.
fn weight(view: &View<'_>, node: u32) -> (bool, usize, std::cmp::Reverse<u32>) {
    let at = node as usize;
    let wants = wants_somebody(view.scene.status[at]) || view.scene.n_errors[at] > 0;
    (wants, view.scene.edges_in[at].len() + view.scene.edges_out[at].len(), std::cmp::Reverse(node))
}
