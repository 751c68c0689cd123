//! The status of a step on its card: a shape, words and how long it took, beside the colour.
//! A status must never be told by colour alone where its shape can still be made out.

use std::{f64::consts::TAU, sync::Arc};

use kurbo::{Point, Rect, Vec2};
use workflow::StepStatus;

use super::{Card, legible};
use crate::{
    paint::list::{Align, Batches, Dash, Fill, Font, Ink, Shape, Stroke, Text, TextRun},
    scene::{HEAD_HEIGHT, NODE_WIDTH},
};

/// How wide a letter and a digit of the small font are, near enough to know whether both texts of a row fit.
const LETTER: f64 = 6.2;
const DIGIT: f64 = 7.0;
/// Where on a card of a draft the sign of a try stands: at the corner of its icon,
pub(in crate::paint) const DISC: (f64, f64) = (42.0, 45.0);
/// and as large as this part of a row's.
pub(in crate::paint) const DISC_SCALE: f64 = 0.9;

impl Card<'_> {
    /// Against the right, so that what counts on does not move about.
    fn time(&self, status: StepStatus, at: (f64, f64), words: Arc<str>, batches: &mut Batches) {
        let scale = legible(Font::Sub, self.view.zoom);
        let style = Text { alpha: self.alpha, align: Align::Right, ..Text::new(Ink::Status(status), Font::Sub, scale) };
        batches.text(self.layer, 5, style).push(TextRun::line(self.point(at.0, at.1), words, NODE_WIDTH));
    }

    pub(super) fn status_row(&self, status: StepStatus, batches: &mut Batches) {
        let zoom = self.view.zoom;
        let top = HEAD_HEIGHT - 4.0;
        let chip = Rect::from_points(self.point(8.0, top), self.point(NODE_WIDTH - 8.0, top + 24.0));
        batches.fill(self.layer, 1, self.fill(Ink::StatusSoft(status))).push(Shape::Round(chip, 6.0 * zoom));
        self.status_shape(status, self.point(21.0, top + 12.0), (zoom, 5), batches);
        let scene = self.view.scene;
        let is_stale = scene.is_stale[self.at()];
        let stale_width = 41.0 * legible(Font::Sub, zoom) / zoom;
        if is_stale {
            let tag = Rect::from_points(
                self.point(NODE_WIDTH - 11.0 - stale_width, top + 3.0),
                self.point(NODE_WIDTH - 11.0, top + 21.0),
            );
            batches.fill(self.layer, 3, self.fill(Ink::StaleSoft)).push(Shape::Round(tag, 5.0 * zoom));
            let at = (NODE_WIDTH - 5.0 - stale_width, top + 12.5);
            self.text(Font::Sub, Ink::Stale, at, &Arc::from("Stale"), (stale_width - 7.0, 1), batches);
        }
        let mut room = NODE_WIDTH - 50.0 - if is_stale { stale_width + 1.0 } else { 0.0 };
        let words = scene.status_words(self.node);
        if let Some(time) = scene.time_words(self.node, self.view.board.now_ms()) {
            let width = |text: &str, letter: f64| {
                let n = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
                f64::from(n) * letter * legible(Font::Sub, zoom) / zoom
            };
            let (time_width, words_width) = (width(&time, DIGIT), width(words, LETTER));
            // Words before figures: where both do not fit, the list of steps has the time.
            if words_width + time_width + 6.0 <= room {
                self.time(status, (33.0 + room, top + 12.5), time.into(), batches);
                room -= time_width + 6.0;
            }
        }
        self.text(Font::Sub, Ink::Status(status), (33.0, top + 12.5), words, (room, 1), batches);
        if let Some(share) = scene.share(self.node) {
            let end = 8.0 + (NODE_WIDTH - 16.0) * f64::from(share.clamp(0.0, 1.0));
            let bar = Rect::from_points(self.point(8.0, top + 24.0), self.point(end, top + 27.0));
            batches.fill(self.layer, 4, self.fill(Ink::Status(status))).push(Shape::Round(bar, 1.5 * zoom));
        }
    }

    /// How a step of a draft stands in a try; nothing of a run, whose cards have a row for it.
    pub(super) fn tried(&self) -> Option<StepStatus> {
        self.status().filter(|_| !self.view.scene.has_status_row(self.node))
    }

    /// How it stands in the try, in place of the second line.
    pub(super) fn tried_words(&self, status: StepStatus, at: (f64, f64), room: f64, batches: &mut Batches) {
        let scene = self.view.scene;
        let words = scene.status_words(self.node);
        let words = match scene.time_words(self.node, self.view.board.now_ms()) {
            Some(time) => format!("{words} · {time}").into(),
            None => words.clone(),
        };
        self.text(Font::Sub, Ink::Status(status), at, &words, (room, 1), batches);
    }

    /// The sign of the status on a ground of its own, where there is no row for it.
    pub(super) fn status_disc(&self, status: StepStatus, center: Point, scale: f64, batches: &mut Batches) {
        let disc = Shape::Circle(center, 8.5 * scale);
        let ground = Fill { ink: Ink::NodeGround, alpha: 255 };
        batches.fill(self.layer, 8, ground).push(disc.clone());
        batches.stroke(self.layer, 9, self.stroke(Ink::Status(status), 1.0)).push(disc);
        self.status_shape(status, center, (scale, 10), batches);
    }

    /// `size` is its scale, and its rank in the stack.
    pub(super) fn status_shape(&self, status: StepStatus, center: Point, size: (f64, u8), batches: &mut Batches) {
        let (zoom, rank) = size;
        let ink = Ink::Status(status);
        let thin = self.stroke(ink, 1.6 * zoom);
        let r = 5.0 * zoom;
        let p = |x: f64, y: f64| center + Vec2::new(x * zoom, y * zoom);
        let mut stroke = |style: Stroke, shape: Shape| batches.stroke(self.layer, rank, style).push(shape);
        match status {
            StepStatus::Pending => stroke(thin, Shape::Circle(center, r)),
            StepStatus::Ready => stroke(Stroke { dash: Dash::Dotted, ..thin }, Shape::Circle(center, r)),
            // Three quarters of a ring; the overlay lets it turn.
            StepStatus::Running => stroke(thin, Shape::Arc(center, r, -TAU / 4.0, TAU / 2.0)),
            StepStatus::AwaitingReview => {
                let bar = |x: f64| Shape::Rect(Rect::from_points(p(x, -4.5), p(x + 3.0, 4.5)));
                batches.fill(self.layer, rank, self.fill(ink)).extend([bar(-4.0), bar(1.0)]);
            }
            StepStatus::Completed => {
                stroke(self.stroke(ink, 2.0 * zoom), Shape::Polyline(vec![p(-4.5, 0.5), p(-1.5, 3.5), p(4.5, -3.5)]));
            }
            StepStatus::Failed => {
                let style = self.stroke(ink, 2.0 * zoom);
                stroke(style, Shape::Line(p(-3.5, -3.5), p(3.5, 3.5)));
                stroke(style, Shape::Line(p(3.5, -3.5), p(-3.5, 3.5)));
            }
            StepStatus::Skipped => {
                stroke(thin, Shape::Circle(center, r));
                stroke(thin, Shape::Line(p(-3.5, 3.5), p(3.5, -3.5)));
            }
            StepStatus::Cancelled => stroke(thin, Shape::Rect(Rect::from_points(p(-4.0, -4.0), p(4.0, 4.0)))),
        }
    }
}
