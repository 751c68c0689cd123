//! Tests of the display list: only what is in view, in one order, and ever less of it from afar.
//! Counts are the measure here, never milliseconds.

use kurbo::Size;
use workflow::{AgentCatalog, Definition, Step, StepKey, definition::Position};

use super::*;

fn lattice(n: u32) -> Board {
    let mut definition = Definition::default();
    for i in 0..n {
        let mut step = Step::new("x".into());
        step.ui = Some(Position { x: f64::from(i % 70) * 300.0, y: f64::from(i / 70) * 120.0, pinned: false });
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

    board.show_all();
    let far = record(&mut board);
    assert!(far.n_calls < 10);
    assert!(far.rects.len() >= 5_000 && far.rects.len() < 5_100, "{}", far.rects.len());
    assert!(far.n_texts > 3 && far.n_texts < 60, "a few landmarks: {}", far.n_texts);
}

#[test]
fn what_a_frame_draws_at_life_size_does_not_grow_with_the_workflow() {
    let counts = [1_000, 5_000, 10_000].map(|n| {
        let mut board = lattice(n);
        board.zoom_to(1.0);
        let near = record(&mut board);
        (near.n_calls, near.rects.len(), near.n_texts, board.paint().n_items(), board.paint_overlay(None).n_items())
    });
    let [(calls, rects, texts, items, over), ..] = counts;
    assert!(rects > 20 && over == 0, "{counts:?}");
    for (n_calls, n_rects, n_texts, n_items, n_over) in counts {
        // Where fit begins may show half a row more or less.
        assert!(n_calls <= calls + 4 && n_rects <= rects + rects / 4 && n_texts <= texts + texts / 4, "{counts:?}");
        assert!(n_items <= items + items / 8 && n_over == 0, "{counts:?}");
    }
}

#[test]
fn landmarks_do_not_come_and_go_while_the_picture_is_moved_nor_cover_each_other() {
    #[derive(Default)]
    struct Titles(Vec<(std::sync::Arc<str>, f64, f64)>);
    impl Renderer for Titles {
        fn clear(&mut self, _: Option<Ink>, _: Size) {}
        fn fill(&mut self, _: Fill, _: &[Shape]) {}
        fn stroke(&mut self, _: Stroke, _: &[Shape]) {}
        fn text(&mut self, style: Text, runs: &[TextRun]) {
            assert!(style.pixels() >= 10.0, "too small to read");
            self.0.extend(runs.iter().map(|run| (run.text.clone(), run.at.x, run.at.y)));
        }
    }
    let mut board = lattice(5_000);
    board.show_all();
    let titles = |board: &mut Board| {
        let mut titles = Titles::default();
        board.paint().render(&mut titles);
        titles.0
    };
    let before = titles(&mut board);
    board.look_aside(kurbo::Vec2::new(0.1, 0.05));
    let after = titles(&mut board);
    let inner = |(_, x, y): &&(std::sync::Arc<str>, f64, f64)| (300.0..900.0).contains(x) && (100.0..600.0).contains(y);
    let n_inner = after.iter().filter(inner).count();
    assert!(n_inner > 3);
    assert!(after.iter().filter(inner).all(|(text, ..)| before.iter().any(|(known, ..)| known == text)));
    for (n, (_, x, y)) in after.iter().enumerate() {
        assert!(after[..n].iter().all(|(_, other, below)| (x - other).abs() > 40.0 || (y - below).abs() > 18.0));
    }
}

#[test]
fn every_text_of_a_card_can_be_read_wherever_fit_may_end() {
    struct Least(f64);
    impl Renderer for Least {
        fn clear(&mut self, _: Option<Ink>, _: Size) {}
        fn fill(&mut self, _: Fill, _: &[Shape]) {}
        fn stroke(&mut self, _: Stroke, _: &[Shape]) {}
        fn text(&mut self, style: Text, _: &[TextRun]) {
            self.0 = self.0.min(style.pixels());
        }
    }
    let mut board = lattice(40);
    board.fit();
    assert!(board.camera().zoom >= crate::board::READABLE);
    let mut least = Least(100.0);
    board.paint().render(&mut least);
    assert!((10.0..14.0).contains(&least.0), "{}", least.0);
}

#[test]
fn the_map_shows_everything_and_leads_to_every_place() {
    let size = Size::new(200.0, 130.0);
    let mut board = lattice(2_100);
    board.fit();
    assert!(board.needs_map());
    let first = board.minimap_view(size).unwrap();
    board.look_at_map(Point::new(150.0, 65.0), size);
    let seen = board.minimap_view(size).unwrap();
    assert!(seen.center().distance(Point::new(150.0, 65.0)) < 2.0, "{seen:?}");
    assert!(!first.contains(seen.center()));
    let mut recorder = Recorder::default();
    board.paint_minimap(size).render(&mut recorder);
    let map = Rect::from_origin_size((0.0, 0.0), size);
    assert!(recorder.rects.len() > 500 && recorder.rects.iter().all(|rect| map.contains_rect(*rect)));
    board.show_all();
    assert!(!board.needs_map());
    assert!(Board::editor(Definition::default(), AgentCatalog::default()).minimap_view(size).is_none());
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
        step.ui = Some(Position { x, y: 0.0, pinned: false });
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
