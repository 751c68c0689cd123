//! The display list: shapes and texts in screen pixels, one batch per style, and the trait that draws them.
//! Colours are names of tokens here; only a renderer knows what they look like.

use std::{collections::BTreeMap, sync::Arc};

use kurbo::{CubicBez, Point, Rect, Size};
use workflow::{StepStatus, definition::Colour};

/// People are told apart by so many colours, and by their initials.
pub(super) const HUES: u8 = 8;

/// A colour by its role.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Ink {
    Ground,
    Grid,
    Edge,
    EdgeActive,
    NodeGround,
    NodeBorder,
    Title,
    Sub,
    Selected,
    Port,
    PortValid,
    PortInvalid,
    IconGround,
    Error,
    Warning,
    OnAccent,
    Stale,
    StaleSoft,
    Status(StepStatus),
    StatusSoft(StepStatus),
    /// What somebody coloured a step, a note or a group with,
    Mark(Colour),
    /// and the ground that text stands on.
    MarkSoft(Colour),
    /// One of those by which people are told apart.
    Person(u8),
}

impl Ink {
    pub fn all() -> impl Iterator<Item = Self> {
        let plain = [
            Self::Ground,
            Self::Grid,
            Self::Edge,
            Self::EdgeActive,
            Self::NodeGround,
            Self::NodeBorder,
            Self::Title,
            Self::Sub,
            Self::Selected,
            Self::Port,
            Self::PortValid,
            Self::PortInvalid,
            Self::IconGround,
            Self::Error,
            Self::Warning,
            Self::OnAccent,
            Self::Stale,
            Self::StaleSoft,
        ];
        let statuses = StepStatus::ALL.iter().flat_map(|status| [Self::Status(*status), Self::StatusSoft(*status)]);
        let marks = Colour::ALL.into_iter().flat_map(|colour| [Self::Mark(colour), Self::MarkSoft(colour)]);
        plain.into_iter().chain(statuses).chain(marks).chain((0..HUES).map(Self::Person))
    }

    /// The custom property of the style sheet that holds it.
    pub fn token(self) -> String {
        match self {
            Self::Ground => "--canvas-bg".into(),
            Self::Grid => "--canvas-grid".into(),
            Self::Edge => "--canvas-edge".into(),
            Self::EdgeActive => "--canvas-edge-active".into(),
            Self::NodeGround => "--canvas-node-bg".into(),
            Self::NodeBorder => "--canvas-node-border".into(),
            Self::Title => "--canvas-node-title".into(),
            Self::Sub => "--canvas-node-sub".into(),
            Self::Selected => "--canvas-selected".into(),
            Self::Port => "--canvas-port".into(),
            Self::PortValid => "--canvas-port-valid".into(),
            Self::PortInvalid => "--canvas-port-invalid".into(),
            Self::IconGround => "--fill".into(),
            Self::Error => "--error".into(),
            Self::Warning => "--warn".into(),
            Self::OnAccent => "--on-accent".into(),
            Self::Stale => "--status-stale".into(),
            Self::StaleSoft => "--status-stale-soft".into(),
            Self::Status(status) => format!("--status-{status}"),
            Self::StatusSoft(status) => format!("--status-{status}-soft"),
            Self::Mark(colour) => format!("--mark-{}", colour.as_str()),
            Self::MarkSoft(colour) => format!("--mark-{}-soft", colour.as_str()),
            Self::Person(hue) => format!("--avatar-{hue}"),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Dash {
    Solid,
    Dotted,
    Dashed,
}

impl Dash {
    /// On and off, in pixels.
    pub fn pattern(self) -> &'static [f64] {
        match self {
            Self::Solid => &[],
            Self::Dotted => &[2.0, 3.0],
            Self::Dashed => &[6.0, 4.0],
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Font {
    Title,
    Sub,
    Badge,
    Label,
}

impl Font {
    /// Pixels at zoom 1.
    pub fn size(self) -> f64 {
        match self {
            Self::Title => 13.0,
            Self::Sub => 12.0,
            Self::Badge => 10.0,
            Self::Label => 11.0,
        }
    }

    pub fn weight(self) -> u16 {
        match self {
            Self::Title => 560,
            Self::Sub | Self::Label => 450,
            Self::Badge => 650,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Align {
    Left,
    Center,
    Right,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fill {
    pub ink: Ink,
    /// 255 covers.
    pub alpha: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stroke {
    pub ink: Ink,
    pub alpha: u8,
    /// In eighths of a pixel.
    pub width: u16,
    pub dash: Dash,
}

impl Stroke {
    pub fn new(ink: Ink, width: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
        let width = (width * 8.0).round().clamp(1.0, 800.0) as u16;
        Self { ink, alpha: 255, width, dash: Dash::Solid }
    }

    pub fn pixels(self) -> f64 {
        f64::from(self.width) / 8.0
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Text {
    pub ink: Ink,
    pub alpha: u8,
    pub font: Font,
    pub align: Align,
    /// The size in sixteenths of a pixel.
    pub size: u16,
}

impl Text {
    pub fn new(ink: Ink, font: Font, scale: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
        let size = (font.size() * scale * 16.0).round().clamp(16.0, 4_000.0) as u16;
        Self { ink, alpha: 255, font, align: Align::Left, size }
    }

    pub fn pixels(self) -> f64 {
        f64::from(self.size) / 16.0
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct TextRun {
    /// Left, centre or right of the line, in the middle of its height.
    pub at: Point,
    pub text: Arc<str>,
    /// How long it may be in the font's own size, before any zoom: so cuts do not change while zooming.
    pub max_width: f64,
    /// It may be broken into so many lines, around the same middle.
    pub max_lines: u8,
}

impl TextRun {
    pub fn line(at: Point, text: Arc<str>, max_width: f64) -> Self {
        Self { at, text, max_width, max_lines: 1 }
    }
}

/// From one line of a text to the next, in parts of its size.
pub const LINE_HEIGHT: f64 = 1.18;

#[derive(Clone, PartialEq, Debug)]
pub enum Shape {
    Rect(Rect),
    Round(Rect, f64),
    Circle(Point, f64),
    /// Centre, radius, start and end angle.
    Arc(Point, f64, f64, f64),
    Line(Point, Point),
    Curve(CubicBez),
    /// Straight pieces with round corners of so many pixels.
    Bends(Vec<Point>, f64),
    Triangle([Point; 3]),
    /// Open.
    Polyline(Vec<Point>),
    Polygon(Vec<Point>),
}

/// Draws a display list. All of one call has one style, so a backend sets it once.
pub trait Renderer {
    /// Covers everything with the ink, or makes it transparent.
    fn clear(&mut self, ink: Option<Ink>, size: Size);
    fn fill(&mut self, style: Fill, shapes: &[Shape]);
    fn stroke(&mut self, style: Stroke, shapes: &[Shape]);
    fn text(&mut self, style: Text, runs: &[TextRun]);
}

#[derive(Clone, PartialEq, Debug)]
enum Batch {
    Fill(Fill, Vec<Shape>),
    Stroke(Stroke, Vec<Shape>),
    Text(Text, Vec<TextRun>),
}

#[derive(Clone, PartialEq, Debug)]
pub struct DisplayList {
    ground: Option<Ink>,
    size: Size,
    batches: Vec<Batch>,
}

impl DisplayList {
    pub fn render(&self, renderer: &mut impl Renderer) {
        renderer.clear(self.ground, self.size);
        for batch in &self.batches {
            match batch {
                Batch::Fill(style, shapes) => renderer.fill(*style, shapes),
                Batch::Stroke(style, shapes) => renderer.stroke(*style, shapes),
                Batch::Text(style, runs) => renderer.text(*style, runs),
            }
        }
    }

    /// In pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Shapes and texts together: what a frame costs.
    pub fn n_items(&self) -> usize {
        let items = |batch: &Batch| match batch {
            Batch::Fill(_, shapes) | Batch::Stroke(_, shapes) => shapes.len(),
            Batch::Text(_, runs) => runs.len(),
        };
        self.batches.iter().map(items).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Style {
    Fill(Fill),
    Stroke(Stroke),
    Text(Text),
}

/// Collects by place in the stack and style: first the layer, then the rank within a node, then the style.
#[derive(Default)]
pub(super) struct Batches {
    shapes: BTreeMap<(u16, u8, Style), Vec<Shape>>,
    texts: BTreeMap<(u16, u8, Style), Vec<TextRun>>,
}

impl Batches {
    pub(super) fn fill(&mut self, layer: u16, rank: u8, style: Fill) -> &mut Vec<Shape> {
        self.shapes.entry((layer, rank, Style::Fill(style))).or_default()
    }

    pub(super) fn stroke(&mut self, layer: u16, rank: u8, style: Stroke) -> &mut Vec<Shape> {
        self.shapes.entry((layer, rank, Style::Stroke(style))).or_default()
    }

    pub(super) fn text(&mut self, layer: u16, rank: u8, style: Text) -> &mut Vec<TextRun> {
        self.texts.entry((layer, rank, Style::Text(style))).or_default()
    }

    pub(super) fn into_list(self, ground: Option<Ink>, size: Size) -> DisplayList {
        let shapes = self.shapes.into_iter().filter_map(|(key, shapes)| {
            let batch = match key.2 {
                Style::Fill(style) => Batch::Fill(style, shapes),
                Style::Stroke(style) => Batch::Stroke(style, shapes),
                Style::Text(_) => return None,
            };
            Some((key, batch))
        });
        let texts = self.texts.into_iter().filter_map(|(key, runs)| match key.2 {
            Style::Text(style) => Some((key, Batch::Text(style, runs))),
            Style::Fill(_) | Style::Stroke(_) => None,
        });
        let mut batches: Vec<_> = shapes.chain(texts).collect();
        batches.sort_by_key(|(key, _)| *key);
        DisplayList { ground, size, batches: batches.into_iter().map(|(_, batch)| batch).collect() }
    }
}
