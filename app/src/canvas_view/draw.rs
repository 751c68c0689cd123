//! Draws a display list on a 2D context: one path and one style per batch.
//! No save and restore, no shadows, no clipping but around a whole part: they cost more than everything else together.

use std::{collections::HashMap, sync::Arc};

use canvas::{
    Rect, Renderer, Size,
    paint::{Align, Dash, Fill, Font, Ink, LINE_HEIGHT, Part, Shape, Stroke, Text, TextRun, fitted},
};
use web_sys::CanvasRenderingContext2d;

use super::theme::Theme;

/// Beyond it the cache begins anew: titles being typed would fill it for ever.
const MAX_TEXTS: usize = 20_000;

/// As lines end and turn where nothing else is said.
const ROUND: &str = "round";
/// From so many lines of a style on it matters what their ends cost,
const MANY_LINES: usize = 100;
/// and from so many pixels on it is seen how they are.
const THICK: f64 = 2.0;

/// What a cut depends on: the font, the text, and how wide and how many its lines may be.
type CutKey = (Font, Arc<str>, u64, u8);

/// Texts are set in halves of a pixel: while somebody zooms, each size of its own would be another font, with letters of its own to be made.
fn font_pixels(style: Text) -> f64 {
    (style.pixels() * 2.0).round().max(2.0) / 2.0
}

/// Texts cut to their width. Widths are in the font's own size, so that zooming changes no cut.
#[derive(Default)]
pub(super) struct TextCache {
    cut: HashMap<CutKey, Arc<[String]>>,
}

impl TextCache {
    pub(super) fn clear(&mut self) {
        self.cut.clear();
    }

    /// The lines of the text, or as much of its beginning as fits with an ellipsis. The context's font must be the batch's.
    fn fit(&mut self, context: &CanvasRenderingContext2d, style: Text, run: &TextRun) -> Arc<[String]> {
        let key = (style.font, run.text.clone(), run.max_width.to_bits(), run.max_lines);
        if let Some(cut) = self.cut.get(&key) {
            return cut.clone();
        }
        let scale = font_pixels(style) / style.font.size();
        let fits =
            |text: &str| context.measure_text(text).map_or(0.0, |metrics| metrics.width()) / scale <= run.max_width;
        let cut: Arc<[String]> = fitted(&run.text, run.max_lines, fits).into();
        if self.cut.len() >= MAX_TEXTS {
            self.cut.clear();
        }
        self.cut.insert(key, cut.clone());
        cut
    }
}

pub(super) struct Brush<'a> {
    context: &'a CanvasRenderingContext2d,
    theme: &'a Theme,
    texts: &'a mut TextCache,
    ratio: f64,
}

impl<'a> Brush<'a> {
    pub(super) fn new(
        context: &'a CanvasRenderingContext2d,
        theme: &'a Theme,
        texts: &'a mut TextCache,
        ratio: f64,
    ) -> Self {
        Self { context, theme, texts, ratio }
    }

    /// Draws a part of the picture over what was there, and nothing beside it.
    pub(super) fn render_part(&mut self, part: &Part) {
        let (context, ratio) = (self.context, self.ratio);
        context.save();
        // Whole pixels of the screen: the edge of the area must not be mixed with what is beside it.
        let (x0, y0) = ((part.area.x0 * ratio).floor(), (part.area.y0 * ratio).floor());
        let (x1, y1) = ((part.area.x1 * ratio).ceil(), (part.area.y1 * ratio).ceil());
        // Fails only for numbers that are not finite.
        let _ = context.set_transform(1.0, 0.0, 0.0, 1.0, 0.0, 0.0);
        context.begin_path();
        context.rect(x0, y0, x1 - x0, y1 - y0);
        context.clip();
        part.list.render(self);
        context.restore();
    }

    fn trace(&self, shapes: &[Shape]) {
        let context = self.context;
        context.begin_path();
        for shape in shapes {
            match shape {
                Shape::Rect(rect) => context.rect(rect.x0, rect.y0, rect.width(), rect.height()),
                Shape::Round(rect, radius) => round(context, *rect, *radius),
                Shape::Circle(at, radius) => {
                    context.move_to(at.x + radius, at.y);
                    // Fails only for a negative radius, which no shape has.
                    let _ = context.arc(at.x, at.y, radius.max(0.0), 0.0, std::f64::consts::TAU);
                }
                Shape::Arc(at, radius, from, to) => {
                    context.move_to(at.x + radius * from.cos(), at.y + radius * from.sin());
                    let _ = context.arc(at.x, at.y, radius.max(0.0), *from, *to);
                }
                Shape::Line(from, to) => {
                    context.move_to(from.x, from.y);
                    context.line_to(to.x, to.y);
                }
                Shape::Curve(curve) => {
                    context.move_to(curve.p0.x, curve.p0.y);
                    let (a, b, c) = (curve.p1, curve.p2, curve.p3);
                    context.bezier_curve_to(a.x, a.y, b.x, b.y, c.x, c.y);
                }
                Shape::Bends(points, radius) => bends(context, points, *radius),
                Shape::Triangle(points) => {
                    polyline(context, points);
                    context.close_path();
                }
                Shape::Polyline(points) => polyline(context, points),
                Shape::Polygon(points) => {
                    polyline(context, points);
                    context.close_path();
                }
            }
        }
    }
}

fn polyline(context: &CanvasRenderingContext2d, points: &[canvas::Point]) {
    if let Some((first, rest)) = points.split_first() {
        context.move_to(first.x, first.y);
        for point in rest {
            context.line_to(point.x, point.y);
        }
    }
}

/// Each corner as round as its pieces are long enough for.
fn bends(context: &CanvasRenderingContext2d, points: &[canvas::Point], radius: f64) {
    let [first, .., last] = points else { return };
    context.move_to(first.x, first.y);
    for corner in points.windows(3) {
        let half = corner[0].distance(corner[1]).min(corner[1].distance(corner[2])) / 2.0;
        // Fails only for a negative radius.
        let _ = context.arc_to(corner[1].x, corner[1].y, corner[2].x, corner[2].y, radius.min(half).max(0.0));
    }
    context.line_to(last.x, last.y);
}

fn round(context: &CanvasRenderingContext2d, rect: Rect, radius: f64) {
    let radius = radius.min(rect.width() / 2.0).min(rect.height() / 2.0).max(0.0);
    // Fails only for a negative radius.
    let _ = context.round_rect_with_f64(rect.x0, rect.y0, rect.width(), rect.height(), radius);
}

impl Renderer for Brush<'_> {
    fn clear(&mut self, ink: Option<Ink>, size: Size) {
        let context = self.context;
        // Fails only for numbers that are not finite.
        let _ = context.set_transform(self.ratio, 0.0, 0.0, self.ratio, 0.0, 0.0);
        context.set_global_alpha(1.0);
        context.set_line_cap(ROUND);
        context.set_line_join(ROUND);
        context.set_text_baseline("middle");
        // Half a pixel more: the backing store is rounded up.
        let (width, height) = (size.width + 1.0, size.height + 1.0);
        match ink {
            Some(ink) => {
                context.set_fill_style_str(self.theme.colour(ink));
                context.fill_rect(0.0, 0.0, width, height);
            }
            None => context.clear_rect(0.0, 0.0, width, height),
        }
    }

    fn fill(&mut self, style: Fill, shapes: &[Shape]) {
        self.context.set_global_alpha(f64::from(style.alpha) / 255.0);
        self.context.set_fill_style_str(self.theme.colour(style.ink));
        self.trace(shapes);
        self.context.fill();
    }

    fn stroke(&mut self, style: Stroke, shapes: &[Shape]) {
        let context = self.context;
        context.set_global_alpha(f64::from(style.alpha) / 255.0);
        context.set_stroke_style_str(self.theme.colour(style.ink));
        context.set_line_width(style.pixels());
        set_dash(context, style.dash);
        let (cap, join) = ends(style, shapes);
        if cap != ROUND {
            context.set_line_cap(cap);
        }
        if join != ROUND {
            context.set_line_join(join);
        }
        self.trace(shapes);
        context.stroke();
        if cap != ROUND {
            context.set_line_cap(ROUND);
        }
        if join != ROUND {
            context.set_line_join(ROUND);
        }
        if style.dash != Dash::Solid {
            set_dash(context, Dash::Solid);
        }
    }

    fn text(&mut self, style: Text, runs: &[TextRun]) {
        let context = self.context;
        context.set_global_alpha(f64::from(style.alpha) / 255.0);
        context.set_fill_style_str(self.theme.colour(style.ink));
        context.set_font(&format!("{} {}px {}", style.font.weight(), font_pixels(style), self.theme.font_family));
        context.set_text_align(match style.align {
            Align::Left => "left",
            Align::Center => "center",
            Align::Right => "right",
        });
        for run in runs {
            let lines = self.texts.fit(context, style, run);
            let height = style.pixels() * LINE_HEIGHT;
            let mut y = run.at.y - height * (f64::from(u32::try_from(lines.len()).unwrap_or(1)) - 1.0) / 2.0;
            for line in lines.iter() {
                // Fails only for numbers that are not finite.
                let _ = context.fill_text(line, run.at.x, y);
                y += height;
            }
        }
    }
}

/// How lines end, and how their corners are. Round ones of thousands of frames and lines are most of what these cost, and nobody sees them:
/// what is round of a thin line is less than a pixel.
fn ends(style: Stroke, shapes: &[Shape]) -> (&'static str, &'static str) {
    let is_line =
        |shape: &Shape| matches!(shape, Shape::Line(..) | Shape::Curve(_) | Shape::Bends(..) | Shape::Polyline(_));
    if shapes.iter().all(|shape| matches!(shape, Shape::Rect(_))) {
        (ROUND, "miter")
    } else if shapes.len() >= MANY_LINES
        && style.dash == Dash::Solid
        && style.pixels() < THICK
        && shapes.iter().all(is_line)
    {
        ("butt", "bevel")
    } else {
        (ROUND, ROUND)
    }
}

fn set_dash(context: &CanvasRenderingContext2d, dash: Dash) {
    let pattern = js_sys::Array::new_typed();
    for length in dash.pattern() {
        pattern.push(&js_sys::Number::from(*length));
    }
    // Fails only for negative lengths.
    let _ = context.set_line_dash(&pattern);
}

#[cfg(test)]
mod tests {
    use canvas::Point;

    use super::*;

    #[test]
    fn the_ends_of_many_thin_lines_are_not_rounded_and_those_that_are_seen_are() {
        let lines = |n: usize| vec![Shape::Line(Point::ORIGIN, Point::new(9.0, 0.0)); n];
        let thin = Stroke::new(Ink::Edge, 1.5);
        assert_eq!(ends(thin, &lines(MANY_LINES)), ("butt", "bevel"));
        assert_eq!(ends(thin, &lines(MANY_LINES - 1)), (ROUND, ROUND), "near, where few are seen");
        assert_eq!(ends(Stroke::new(Ink::Edge, 2.5), &lines(MANY_LINES)), (ROUND, ROUND));
        // Dots are round ends and nothing else.
        assert_eq!(ends(Stroke { dash: Dash::Dotted, ..thin }, &lines(MANY_LINES)), (ROUND, ROUND));
        let mut mixed = lines(MANY_LINES);
        mixed.push(Shape::Circle(Point::ORIGIN, 2.0));
        assert_eq!(ends(thin, &mixed), (ROUND, ROUND));
        assert_eq!(ends(thin, &[Shape::Rect(Rect::ZERO)]), (ROUND, "miter"));
    }
}
