//! Notes and groups: under every line and every card, so that they cover nothing; and the one card of a collapsed group.
//! A colour only repeats what a title or a text says: nothing here may be told by it alone.

use kurbo::{Point, Rect, Vec2};
use workflow::words::count;

use super::{
    View, card,
    edges::label_width,
    list::{Batches, Dash, Fill, Font, Ink, Shape, Stroke, Text, TextRun},
};
use crate::{
    camera::Lod,
    scene::{FRAME_HEAD, GroupBox, NODE_WIDTH, NOTE_LINE, NOTE_PADDING, NoteBox, hit::Precision},
};

/// Over the grid, under the lines.
const LAYER: u16 = 0;
const GROUP_RANK: u8 = 1;
const NOTE_RANK: u8 = 4;
/// Notes that lie over each other in the order of the document; those behind share the last place.
const MOST_RANKS: u8 = 80;
/// Where the cards of steps begin, too.
const CARD_LAYER: u16 = 2;
const RADIUS: f64 = 10.0;
/// From so many pixels on a frame has room for its title, whatever the zoom.
const TITLED: f64 = 90.0;

pub(super) fn paint(view: &View<'_>, batches: &mut Batches) {
    for (id, group) in (0..).zip(&view.scene.groups) {
        let frame = view.scene.frame(id);
        if !frame.overlaps(view.seen) {
            continue;
        }
        let is_selected = group.members.iter().all(|member| view.selected[*member as usize]);
        if group.is_collapsed() {
            collapsed(view, group, frame, is_selected, batches);
        } else {
            open(view, group, frame, is_selected, batches);
        }
    }
    let mut rank = NOTE_RANK;
    for note in view.scene.notes.iter().filter(|note| note.rect.overlaps(view.seen)) {
        paint_note(view, note, rank, batches);
        rank = if rank < NOTE_RANK + 3 * MOST_RANKS { rank + 3 } else { rank };
    }
}

fn open(view: &View<'_>, group: &GroupBox, frame: Rect, is_selected: bool, batches: &mut Batches) {
    let rect = view.camera.rect_to_screen(frame);
    let radius = (RADIUS + 4.0) * view.zoom;
    let ground = group.colour.map_or(Ink::IconGround, Ink::MarkSoft);
    batches.fill(LAYER, GROUP_RANK, Fill { ink: ground, alpha: 150 }).push(Shape::Round(rect, radius));
    let (ink, width) = match group.colour {
        _ if is_selected => (Ink::Selected, 2.0),
        Some(colour) => (Ink::Mark(colour), 1.0),
        None => (Ink::NodeBorder, 1.0),
    };
    batches.stroke(LAYER, GROUP_RANK + 1, Stroke::new(ink, width)).push(Shape::Round(rect, radius));
    if rect.width() < TITLED {
        return;
    }
    let ink = group.colour.map_or(Ink::Sub, Ink::Mark);
    let at = view.camera.to_screen(Point::new(frame.x0 + 14.0, frame.y0 + FRAME_HEAD / 2.0 + 2.0));
    if view.lod == Lod::Full {
        let scale = card::legible(Font::Title, view.zoom);
        let room = (frame.width() - 28.0) * view.zoom / scale;
        let run = TextRun::line(at, group.title.clone(), room);
        batches.text(LAYER, GROUP_RANK + 2, Text::new(ink, Font::Title, scale)).push(run);
    } else {
        // A landmark stays as large as it can be read.
        let room = (rect.width() - 12.0).min(label_width(&group.title, 40));
        let run = TextRun::line(Point::new(rect.x0 + 6.0, at.y.max(rect.y0 + 9.0)), group.title.clone(), room);
        batches.text(LAYER, GROUP_RANK + 2, Text::new(ink, Font::Label, 1.0)).push(run);
    }
}

fn collapsed(view: &View<'_>, group: &GroupBox, card: Rect, is_selected: bool, batches: &mut Batches) {
    let zoom = view.zoom;
    let rect = view.camera.rect_to_screen(card);
    let ground = Fill { ink: group.colour.map_or(Ink::NodeGround, Ink::MarkSoft), alpha: 255 };
    let border = Stroke::new(group.colour.map_or(Ink::NodeBorder, Ink::Mark), 1.0);
    // Cards behind it say that there are more.
    for (n, rank) in [(2.0, 0), (1.0, 2), (0.0, 4)] {
        let shape = Shape::Round(rect + Vec2::new(4.0 * n * zoom, 4.0 * n * zoom), RADIUS * zoom);
        batches.fill(CARD_LAYER, rank, ground).push(shape.clone());
        batches.stroke(CARD_LAYER, rank + 1, border).push(shape);
    }
    if is_selected {
        let ring = Shape::Round(rect.inflate(1.5, 1.5), RADIUS * zoom + 1.5);
        batches.stroke(CARD_LAYER, 6, Stroke::new(Ink::Selected, 2.0)).push(ring);
    }
    if view.lod == Lod::Far {
        return;
    }
    let line = |y: f64, font: Font, text: std::sync::Arc<str>| {
        let scale = card::legible(font, zoom);
        let at = rect.origin() + Vec2::new(16.0 * zoom, y * zoom);
        (scale, TextRun::line(at, text, (NODE_WIDTH - 32.0) * zoom / scale))
    };
    let n_problems: u32 = group
        .members
        .iter()
        .map(|member| view.scene.n_errors[*member as usize] + view.scene.n_warnings[*member as usize])
        .sum();
    let (scale, run) = line(22.0, Font::Title, group.title.clone());
    batches.text(CARD_LAYER, 7, Text::new(Ink::Title, Font::Title, scale)).push(run);
    if view.lod == Lod::Full {
        let (scale, run) = line(41.0, Font::Sub, inside(group.members.len(), n_problems).into());
        batches.text(CARD_LAYER, 7, Text::new(Ink::Sub, Font::Sub, scale)).push(run);
    }
}

/// What a collapsed group holds, in words.
fn inside(n_steps: usize, n_problems: u32) -> String {
    let steps = count(n_steps, "step");
    if n_problems == 0 { steps } else { format!("{steps} · {}", count(n_problems, "problem")) }
}

fn paint_note(view: &View<'_>, note: &NoteBox, rank: u8, batches: &mut Batches) {
    let zoom = view.zoom;
    let rect = view.camera.rect_to_screen(note.rect);
    let shape = Shape::Round(rect, 6.0 * zoom);
    let ground = note.colour.map_or(Ink::NodeGround, Ink::MarkSoft);
    batches.fill(LAYER, rank, Fill { ink: ground, alpha: 255 }).push(shape.clone());
    let is_selected = view.board.selected_notes().contains(&note.id);
    let border = if is_selected {
        Stroke::new(Ink::Selected, 2.0)
    } else {
        let ink = note.colour.map_or(Ink::NodeBorder, Ink::Mark);
        Stroke { dash: Dash::Solid, ..Stroke::new(ink, 1.0) }
    };
    batches.stroke(LAYER, rank + 1, border).push(shape);
    if is_selected && view.board.is_editor() && Precision::Mouse.has_corner(rect) {
        let corner = Point::new(rect.x1, rect.y1);
        batches.fill(LAYER, rank + 2, Fill { ink: Ink::Selected, alpha: 255 }).push(Shape::Circle(corner, 4.5));
    }
    if view.lod != Lod::Full {
        return;
    }
    let room = note.rect.width() - 2.0 * NOTE_PADDING;
    let mut y = note.rect.y0 + NOTE_PADDING + NOTE_LINE / 2.0;
    for line in &*note.lines {
        if !line.text.is_empty() {
            let font = if line.is_heading { Font::Title } else { Font::Sub };
            let at = view.camera.to_screen(Point::new(note.rect.x0 + NOTE_PADDING + line.indent, y));
            let run = TextRun::line(at, line.text.clone(), room - line.indent);
            batches.text(LAYER, rank + 2, Text::new(Ink::Title, font, zoom)).push(run);
        }
        y += NOTE_LINE;
    }
}
