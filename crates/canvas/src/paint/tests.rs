//! Tests of the display list: only what is in view, in one order, and ever less of it from afar.
//! Counts are the measure here, never milliseconds.

use workflow::{AgentCatalog, Definition, Step, StepKey, definition::Position};

use super::*;

fn lattice(n: u32) -> Board {
    let mut definition = Definition::default();
    for i in 0..n {
        let mut step = Step::new("x".into());
        step.ui = Some(Position { x: f64::from(i % 70) * 300.0, y: f64::from(i / 70) * 120.0 });
        if i % 70 > 0 {
            step.depends_on.insert(StepKey::new(format!("s{:05}", i - 1)));
        }
        definition.steps.insert(StepKey::new(format!("s{i:05}")), step);
    }
    let mut board = Board::editor(definition, AgentCatalog::default());
    board.set_viewport(Size::new(1280.0, 800.0));
    board
}

#[derive(Default)]
struct Recorder {
    n_calls: usize,
    rects: Vec<Rect>,
    n_texts: usize,
}

impl Renderer for Recorder {
    fn clear(&mut self, _: Option<Ink>, _: Size) {}

    fn fill(&mut self, style: Fill, shapes: &[Shape]) {
        self.n_calls += 1;
        for shape in shapes {
            if let (Shape::Round(rect, _) | Shape::Rect(rect), false) = (shape, style.ink == Ink::Grid) {
                self.rects.push(*rect);
            }
        }
    }

    fn stroke(&mut self, _: Stroke, _: &[Shape]) {
        self.n_calls += 1;
    }

    fn text(&mut self, _: Text, runs: &[TextRun]) {
        self.n_calls += 1;
        self.n_texts += runs.len();
    }
}

fn record(board: &mut Board) -> Recorder {
    let mut recorder = Recorder::default();
    board.paint().render(&mut recorder);
    recorder
}

#[test]
fn a_frame_holds_only_what_is_in_view_in_few_batches() {
    let mut board = lattice(5_000);
    board.zoom_to(1.0);
    let near = record(&mut board);
    assert!(near.rects.len() < 120 && near.n_calls < 24, "{} rects, {} calls", near.rects.len(), near.n_calls);
    let screen = Rect::new(0.0, 0.0, 1280.0, 800.0).inflate(260.0, 90.0);
    assert!(near.rects.iter().all(|rect| rect.overlaps(screen)));
    assert!(near.n_texts > 0);

    board.fit();
    let far = record(&mut board);
    assert_eq!((far.rects.len(), far.n_texts), (5_000, 0));
    assert!(far.n_calls < 8);
}

#[test]
fn the_same_board_is_painted_the_same() {
    let (mut a, mut b) = (lattice(200), lattice(200));
    assert_eq!(a.paint(), b.paint());
    a.zoom_to(0.3);
    b.zoom_to(0.3);
    assert_eq!(a.paint(), b.paint());
}

#[test]
fn nothing_to_show_is_an_empty_overlay() {
    assert!(lattice(10).paint_overlay(None).is_empty());
}

/// The order of calls: grounds and texts.
#[derive(Default)]
struct Order(Vec<char>);
impl Renderer for Order {
    fn clear(&mut self, _: Option<Ink>, _: Size) {}
    fn fill(&mut self, style: Fill, _: &[Shape]) {
        if style.ink == Ink::NodeGround && self.0.last() != Some(&'g') {
            self.0.push('g');
        }
    }
    fn stroke(&mut self, _: Stroke, _: &[Shape]) {}
    fn text(&mut self, _: Text, _: &[TextRun]) {
        if self.0.last() != Some(&'t') {
            self.0.push('t');
        }
    }
}

#[test]
fn a_card_that_covers_another_covers_its_text_too() {
    let mut definition = Definition::default();
    for (key, x) in [("a", 0.0), ("b", 40.0)] {
        let mut step = Step::new("x".into());
        step.ui = Some(Position { x, y: 0.0 });
        definition.steps.insert(key.into(), step);
    }
    let mut board = Board::editor(definition, AgentCatalog::default());
    board.set_viewport(Size::new(800.0, 600.0));
    let mut order = Order::default();
    board.paint().render(&mut order);
    let order: String = order.0.into_iter().collect();
    assert!(order.find("tg").is_some_and(|at| order[at..].contains("gt")), "{order}");
}

#[test]
fn every_ink_names_a_token_of_its_own() {
    let tokens: std::collections::BTreeSet<String> = Ink::all().map(Ink::token).collect();
    assert_eq!(tokens.len(), Ink::all().count());
    assert!(tokens.contains("--status-awaiting_review-soft"));
}
