//! A display list as SVG: the same drawing, in any size, for documents and for Git.
//! Must never write a text as it is: titles are anybody's, and a drawing is opened in browsers.

use std::fmt::Write as _;

use kurbo::{Point, Rect, Size};

use super::{
    cut::fitted,
    list::{Align, Fill, Ink, LINE_HEIGHT, Renderer, Shape, Stroke, Text, TextRun},
};

/// Draws into a text. What an ink looks like, and how wide a text is in its font's own size, is for others to say.
pub struct Svg<C, W> {
    out: String,
    colour: C,
    width_of: W,
    family: String,
}

impl<C: Fn(Ink) -> String, W: Fn(Text, &str) -> f64> Svg<C, W> {
    pub fn new(colour: C, width_of: W, family: &str) -> Self {
        Self { out: String::new(), colour, width_of, family: escaped(family) }
    }

    /// The document.
    pub fn finish(mut self) -> String {
        self.out.push_str("</svg>\n");
        self.out
    }

    fn put(&mut self, part: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.out.write_fmt(part);
    }
}

impl<C: Fn(Ink) -> String, W: Fn(Text, &str) -> f64> Renderer for Svg<C, W> {
    fn clear(&mut self, ink: Option<Ink>, size: Size) {
        let (width, height) = (number(size.width), number(size.height));
        let family = self.family.clone();
        self.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"{family}\" stroke-linecap=\"round\" stroke-linejoin=\"round\">\n"
        ));
        if let Some(ink) = ink {
            let colour = escaped(&(self.colour)(ink));
            self.put(format_args!("<rect width=\"{width}\" height=\"{height}\" fill=\"{colour}\"/>\n"));
        }
    }

    fn fill(&mut self, style: Fill, shapes: &[Shape]) {
        let (path, colour) = (path(shapes), escaped(&(self.colour)(style.ink)));
        let alpha = alpha("fill-opacity", style.alpha);
        self.put(format_args!("<path d=\"{path}\" fill=\"{colour}\"{alpha}/>\n"));
    }

    fn stroke(&mut self, style: Stroke, shapes: &[Shape]) {
        let (path, colour) = (path(shapes), escaped(&(self.colour)(style.ink)));
        let (width, alpha) = (number(style.pixels()), alpha("stroke-opacity", style.alpha));
        let pattern: Vec<String> = style.dash.pattern().iter().map(|length| number(*length)).collect();
        let dash =
            if pattern.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{}\"", pattern.join(" ")) };
        self.put(format_args!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"{alpha}{dash}/>\n"
        ));
    }

    fn text(&mut self, style: Text, runs: &[TextRun]) {
        let (size, weight, colour) = (number(style.pixels()), style.font.weight(), escaped(&(self.colour)(style.ink)));
        let anchor = match style.align {
            Align::Left => "start",
            Align::Center => "middle",
            Align::Right => "end",
        };
        let alpha = alpha("fill-opacity", style.alpha);
        self.put(format_args!(
            "<g font-size=\"{size}\" font-weight=\"{weight}\" fill=\"{colour}\"{alpha} text-anchor=\"{anchor}\" dominant-baseline=\"central\">\n"
        ));
        for run in runs {
            let lines = fitted(&run.text, run.max_lines, |part| (self.width_of)(style, part) <= run.max_width);
            let height = style.pixels() * LINE_HEIGHT;
            let mut y = run.at.y - height * (f64::from(u32::try_from(lines.len()).unwrap_or(1)) - 1.0) / 2.0;
            for line in lines {
                self.put(format_args!(
                    "<text x=\"{}\" y=\"{}\">{}</text>\n",
                    number(run.at.x),
                    number(y),
                    escaped(&line)
                ));
                y += height;
            }
        }
        self.out.push_str("</g>\n");
    }
}

fn alpha(name: &str, alpha: u8) -> String {
    if alpha == u8::MAX { String::new() } else { format!(" {name}=\"{}\"", number(f64::from(alpha) / 255.0)) }
}

/// With two digits at most: less than anybody sees, and the same on every machine.
fn number(n: f64) -> String {
    let text = format!("{n:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Without what XML means something by, and without what it has no place for.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn path(shapes: &[Shape]) -> String {
    let mut path = String::new();
    for shape in shapes {
        trace(&mut path, shape);
    }
    path
}

fn trace(path: &mut String, shape: &Shape) {
    let mut put = |command: char, numbers: &[f64]| {
        path.push(command);
        let numbers: Vec<String> = numbers.iter().map(|n| number(*n)).collect();
        path.push_str(&numbers.join(" "));
    };
    match shape {
        Shape::Rect(rect) => {
            put('M', &[rect.x0, rect.y0]);
            put('H', &[rect.x1]);
            put('V', &[rect.y1]);
            put('H', &[rect.x0]);
            put('Z', &[]);
        }
        Shape::Round(rect, radius) => round(&mut put, *rect, *radius),
        Shape::Circle(at, radius) => circle(&mut put, *at, *radius),
        Shape::Arc(at, radius, from, to) if (to - from).abs() >= std::f64::consts::TAU => {
            circle(&mut put, *at, *radius);
        }
        Shape::Arc(at, radius, from, to) => {
            let on = |angle: f64| (at.x + radius * angle.cos(), at.y + radius * angle.sin());
            let ((x0, y0), (x1, y1)) = (on(*from), on(*to));
            let is_large = f64::from(u8::from((to - from).rem_euclid(std::f64::consts::TAU) > std::f64::consts::PI));
            put('M', &[x0, y0]);
            put('A', &[*radius, *radius, 0.0, is_large, 1.0, x1, y1]);
        }
        Shape::Line(from, to) => pieces(&mut put, &[*from, *to]),
        Shape::Curve(curve) => {
            put('M', &[curve.p0.x, curve.p0.y]);
            put('C', &[curve.p1.x, curve.p1.y, curve.p2.x, curve.p2.y, curve.p3.x, curve.p3.y]);
        }
        Shape::Bends(points, radius) => bends(&mut put, points, *radius),
        Shape::Polyline(points) => pieces(&mut put, points),
        Shape::Triangle(points) => {
            pieces(&mut put, points);
            put('Z', &[]);
        }
        Shape::Polygon(points) => {
            pieces(&mut put, points);
            put('Z', &[]);
        }
    }
}

fn pieces(put: &mut impl FnMut(char, &[f64]), points: &[Point]) {
    for (n, point) in points.iter().enumerate() {
        put(if n == 0 { 'M' } else { 'L' }, &[point.x, point.y]);
    }
}

fn circle(put: &mut impl FnMut(char, &[f64]), at: Point, radius: f64) {
    let radius = radius.max(0.0);
    put('M', &[at.x - radius, at.y]);
    put('A', &[radius, radius, 0.0, 1.0, 1.0, at.x + radius, at.y]);
    put('A', &[radius, radius, 0.0, 1.0, 1.0, at.x - radius, at.y]);
    put('Z', &[]);
}

fn round(put: &mut impl FnMut(char, &[f64]), rect: Rect, radius: f64) {
    let r = radius.min(rect.width() / 2.0).min(rect.height() / 2.0).max(0.0);
    put('M', &[rect.x0 + r, rect.y0]);
    put('H', &[rect.x1 - r]);
    put('A', &[r, r, 0.0, 0.0, 1.0, rect.x1, rect.y0 + r]);
    put('V', &[rect.y1 - r]);
    put('A', &[r, r, 0.0, 0.0, 1.0, rect.x1 - r, rect.y1]);
    put('H', &[rect.x0 + r]);
    put('A', &[r, r, 0.0, 0.0, 1.0, rect.x0, rect.y1 - r]);
    put('V', &[rect.y0 + r]);
    put('A', &[r, r, 0.0, 0.0, 1.0, rect.x0 + r, rect.y0]);
    put('Z', &[]);
}

/// Each corner as round as its pieces are long enough for.
fn bends(put: &mut impl FnMut(char, &[f64]), points: &[Point], radius: f64) {
    let [first, .., last] = points else { return };
    put('M', &[first.x, first.y]);
    for corner in points.windows(3) {
        let [before, at, after] = [corner[0], corner[1], corner[2]];
        let r = radius.min(before.distance(at) / 2.0).min(at.distance(after) / 2.0).max(0.0);
        let towards = |other: Point| if at.distance(other) > 0.0 { at.lerp(other, r / at.distance(other)) } else { at };
        let (start, end) = (towards(before), towards(after));
        put('L', &[start.x, start.y]);
        put('Q', &[at.x, at.y, end.x, end.y]);
    }
    put('L', &[last.x, last.y]);
}

#[cfg(test)]
mod tests {
    use workflow::{AgentCatalog, Definition};

    use super::*;
    use crate::{
        board::Board,
        paint::{Dash, Font},
    };

    /// As wide as letters of the interface's font are on average.
    fn width_of(style: Text, text: &str) -> f64 {
        f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX)) * style.font.size() * 0.55
    }

    fn drawn(board: &mut Board) -> String {
        let mut svg = Svg::new(|ink| format!("var({})", ink.token()), width_of, "Inter, sans-serif");
        board.picture().render(&mut svg);
        svg.finish()
    }

    fn board(definition: &serde_json::Value) -> Board {
        Board::editor(Definition::from_value(definition).unwrap(), AgentCatalog::default())
    }

    fn brief() -> Board {
        board(&serde_json::json!({"steps": {
            "a": {"agent_id": "writer", "title": "<b>&amp;", "ui": {"x": 0.0, "y": 0.0}},
            "b": {"agent_id": "writer", "title": "Check", "depends_on": ["a"], "ui": {"x": 320.0, "y": 96.0}}
        }}))
    }

    #[test]
    fn a_drawing_is_written_byte_for_byte() {
        let mut svg = Svg::new(|ink| format!("var({})", ink.token()), width_of, "Inter, \"x\"");
        svg.clear(Some(Ink::Ground), Size::new(320.0, 200.5));
        svg.fill(Fill { ink: Ink::NodeGround, alpha: 255 }, &[Shape::Round(Rect::new(10.0, 10.0, 110.0, 50.0), 8.0)]);
        svg.stroke(Stroke::new(Ink::Edge, 2.0), &[Shape::Line(Point::new(0.0, 0.0), Point::new(1.0, 2.256))]);
        let title = Text { align: Align::Center, ..Text::new(Ink::Title, Font::Title, 1.0) };
        let run =
            TextRun { at: Point::new(60.0, 30.0), text: "Check the <text>".into(), max_width: 72.0, max_lines: 2 };
        svg.text(title, &[run]);
        let golden = [
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="320" height="200.5" viewBox="0 0 320 200.5" font-family="Inter, &quot;x&quot;" stroke-linecap="round" stroke-linejoin="round">"#,
            r#"<rect width="320" height="200.5" fill="var(--canvas-bg)"/>"#,
            r#"<path d="M18 10H102A8 8 0 0 1 110 18V42A8 8 0 0 1 102 50H18A8 8 0 0 1 10 42V18A8 8 0 0 1 18 10Z" fill="var(--canvas-node-bg)"/>"#,
            r#"<path d="M0 0L1 2.26" fill="none" stroke="var(--canvas-edge)" stroke-width="2"/>"#,
            r#"<g font-size="13" font-weight="560" fill="var(--canvas-node-title)" text-anchor="middle" dominant-baseline="central">"#,
            r#"<text x="60" y="22.33">Check the</text>"#,
            r#"<text x="60" y="37.67">&lt;text&gt;</text>"#,
            "</g>",
            "</svg>",
            "",
        ];
        assert_eq!(svg.finish(), golden.join("\n"));
    }

    #[test]
    fn the_same_board_is_drawn_the_same() {
        assert_eq!(drawn(&mut brief()), drawn(&mut brief()));
    }

    #[test]
    fn a_drawing_holds_everything_wherever_one_looks_and_nothing_that_is_ones_own() {
        let mut board = brief();
        let before = drawn(&mut board);
        board.set_viewport(Size::new(300.0, 200.0));
        board.zoom_to(0.1);
        board.select_all();
        let look = (board.camera(), board.viewport(), board.lod(), board.selection().to_vec(), board.revision());
        assert_eq!(drawn(&mut board), before);
        let after = (board.camera(), board.viewport(), board.lod(), board.selection().to_vec(), board.revision());
        assert_eq!(after, look, "it is looked at as before");
        board.toggle_pin();
        drawn(&mut board);
        assert!(board.undo().unwrap().is_some(), "what was done can be undone as before");
        assert!(before.contains(">Check</text>") && before.contains(">&lt;b&gt;&amp;amp;</text>"), "{before}");
        assert!(!before.contains("<b>"));
    }

    #[test]
    fn an_empty_board_and_a_huge_one_are_drawings_too() {
        assert!(drawn(&mut board(&serde_json::json!({}))).starts_with("<svg "));
        let steps: serde_json::Map<_, _> = (0..400)
            .map(|n| {
                (format!("s{n}"), serde_json::json!({"agent_id": "x", "ui": {"x": f64::from(n) * 400.0, "y": 0.0}}))
            })
            .collect();
        let size = board(&serde_json::json!({"steps": steps})).picture().size();
        assert!(size.width <= 8_001.0 && size.height <= 8_001.0, "{size:?}");
    }

    #[test]
    fn every_shape_is_drawn() {
        let points = vec![Point::new(0.0, 0.0), Point::new(10.0, 0.0), Point::new(10.0, 10.0)];
        for (shape, told) in [
            (Shape::Rect(Rect::new(0.0, 1.0, 2.0, 3.0)), "M0 1H2V3H0Z"),
            (Shape::Line(points[0], points[2]), "M0 0L10 10"),
            (Shape::Polyline(points.clone()), "M0 0L10 0L10 10"),
            (Shape::Polygon(points.clone()), "M0 0L10 0L10 10Z"),
            (Shape::Triangle([points[0], points[1], points[2]]), "M0 0L10 0L10 10Z"),
            (Shape::Bends(points.clone(), 4.0), "M0 0L6 0Q10 0 10 4L10 10"),
            (Shape::Circle(points[2], 2.0), "M8 10A2 2 0 1 1 12 10A2 2 0 1 1 8 10Z"),
            (Shape::Arc(Point::ORIGIN, 2.0, 0.0, std::f64::consts::PI / 2.0), "M2 0A2 2 0 0 1 0 2"),
            (Shape::Arc(Point::ORIGIN, 2.0, 0.0, 7.0), "M-2 0A2 2 0 1 1 2 0A2 2 0 1 1 -2 0Z"),
        ] {
            assert_eq!(path(&[shape]), told);
        }
        let mut svg = Svg::new(|_| "red".to_owned(), width_of, "x");
        svg.stroke(
            Stroke { dash: Dash::Dashed, alpha: 51, ..Stroke::new(Ink::Edge, 1.5) },
            &[Shape::Line(points[0], points[1])],
        );
        assert_eq!(
            svg.finish(),
            "<path d=\"M0 0L10 0\" fill=\"none\" stroke=\"red\" stroke-width=\"1.5\" stroke-opacity=\"0.2\" stroke-dasharray=\"6 4\"/>\n</svg>\n"
        );
        assert_eq!(escaped("a\u{0}\u{1b}\"'<"), "a  &quot;&#39;&lt;");
    }
}
