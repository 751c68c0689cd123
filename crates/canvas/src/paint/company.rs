//! Who else is here: a line around what others have selected, and their initials at its corner. On the overlay, so that the picture below
//! is not drawn again for it. It must never cover what a card says, nor look like one's own selection: that is a solid line.

use std::{collections::BTreeMap, sync::Arc};

use kurbo::{Point, Rect};

use super::{
    View,
    list::{Align, Batches, Dash, Fill, Font, HUES, Ink, Shape, Stroke, Text, TextRun},
};
use crate::{board::Visitor, camera::Lod};

const LAYER: u16 = 0;
/// Under what follows the pointer.
const LINE_RANK: u8 = 3;
const DISC_RANK: u8 = 4;
/// People shown at one card; of more, the last disc tells how many.
const MAX_SHOWN: usize = 3;
/// In pixels, whatever the zoom: initials are to be read.
const DISC: f64 = 9.0;

pub(super) fn paint(view: &View<'_>, batches: &mut Batches) {
    for (card, visitors) in by_card(view) {
        let card = view.camera.rect_to_screen(card);
        for (n, visitor) in (0_u8..).zip(visitors.iter().take(MAX_SHOWN)) {
            let out = 4.0 + 3.0 * f64::from(n);
            let stroke = Stroke { dash: Dash::Dashed, ..Stroke::new(ink_of(visitor), 2.0) };
            let line = Shape::Round(card.inflate(out, out), 10.0 * view.zoom + out);
            batches.stroke(LAYER, LINE_RANK, stroke).push(line);
        }
        if view.lod == Lod::Far {
            continue;
        }
        for (n, (ink, words)) in (0_u8..).zip(discs(&visitors)) {
            let at = Point::new(card.x0 + 14.0 + (2.0 * DISC + 2.0) * f64::from(n), card.y0 - 6.0);
            batches.fill(LAYER, DISC_RANK, Fill { ink, alpha: 255 }).push(Shape::Circle(at, DISC));
            let style = Text { align: Align::Center, ..Text::new(Ink::OnAccent, Font::Badge, 0.95) };
            batches.text(LAYER, DISC_RANK, style).push(TextRun::line(at, words, 2.0 * DISC));
        }
    }
}

/// Who has selected what is in view; a collapsed group is one card, whichever of its steps it is.
fn by_card<'a>(view: &View<'a>) -> Vec<(Rect, Vec<&'a Visitor>)> {
    let mut cards: BTreeMap<(bool, u32), (Rect, Vec<&'a Visitor>)> = BTreeMap::new();
    for visitor in view.board.visitors() {
        for node in visitor.selected.iter().filter_map(|key| view.scene.node(key)) {
            let rect = view.scene.rect(node);
            if !rect.overlaps(view.seen) {
                continue;
            }
            let card = view.scene.folded_in(node).map_or((false, node), |group| (true, group));
            let (_, here) = cards.entry(card).or_insert_with(|| (rect, Vec::new()));
            if here.last().is_none_or(|last| !std::ptr::eq(*last, visitor)) {
                here.push(visitor);
            }
        }
    }
    cards.into_values().collect()
}

fn discs(visitors: &[&Visitor]) -> Vec<(Ink, Arc<str>)> {
    let n_named = if visitors.len() > MAX_SHOWN { MAX_SHOWN - 1 } else { visitors.len() };
    let (named, more) = visitors.split_at(n_named);
    let named = named.iter().map(|visitor| (ink_of(visitor), Arc::clone(&visitor.initials)));
    let more = more.first().map(|first| (ink_of(first), format!("+{}", more.len()).into()));
    named.chain(more).collect()
}

fn ink_of(visitor: &Visitor) -> Ink {
    Ink::Person(visitor.hue % HUES)
}

#[cfg(test)]
mod tests {
    use kurbo::{Size, Vec2};
    use serde_json::json;
    use workflow::{AgentCatalog, Definition, StepKey};

    use super::*;
    use crate::{
        board::{Board, Dirty},
        paint::Renderer,
    };

    fn board() -> Board {
        let step = |x: u32, after: &[&str]| json!({"agent_id": "x", "depends_on": after, "ui": {"x": x, "y": 0}});
        let steps = json!({"steps": {"a": step(0, &[]), "b": step(320, &["a"]), "far": step(50_000, &["a"])}});
        let mut board = Board::editor(Definition::from_value(&steps).unwrap(), AgentCatalog::default());
        // It shows the beginning, as large as can be read: what stands far away is not in view.
        board.set_viewport(Size::new(1280.0, 800.0));
        board
    }

    fn visitor(initials: &str, hue: u8, selected: &[&str]) -> Visitor {
        Visitor { initials: initials.into(), hue, selected: selected.iter().map(|key| StepKey::new(*key)).collect() }
    }

    /// Lines of people, and words in discs.
    #[derive(Default, PartialEq, Debug)]
    struct Seen {
        lines: Vec<(u8, Dash, Rect)>,
        words: Vec<String>,
        n_discs: usize,
    }

    impl Renderer for Seen {
        fn clear(&mut self, _: Option<Ink>, _: Size) {}

        fn fill(&mut self, style: Fill, shapes: &[Shape]) {
            self.n_discs += if matches!(style.ink, Ink::Person(_)) { shapes.len() } else { 0 };
        }

        fn stroke(&mut self, style: Stroke, shapes: &[Shape]) {
            for shape in shapes {
                if let (Ink::Person(hue), Shape::Round(rect, _)) = (style.ink, shape) {
                    self.lines.push((hue, style.dash, *rect));
                }
            }
        }

        fn text(&mut self, _: Text, runs: &[TextRun]) {
            self.words.extend(runs.iter().map(|run| run.text.to_string()));
        }
    }

    fn seen(board: &Board) -> Seen {
        let mut seen = Seen::default();
        board.paint_overlay(None).render(&mut seen);
        seen
    }

    #[test]
    fn what_others_have_selected_has_a_line_around_it_and_their_initials() {
        let mut board = board();
        assert_eq!(seen(&board), Seen::default());
        board.set_visitors(vec![visitor("AL", 1, &["a", "gone"]), visitor("B", 2, &[]), visitor("C", 3, &["far"])]);
        let Seen { lines, words, n_discs } = seen(&board);
        assert_eq!((lines.len(), words.as_slice(), n_discs), (1, ["AL".to_owned()].as_slice(), 1));
        let (hue, dash, line) = lines[0];
        let card = board.node_rect(&"a".into()).unwrap();
        assert_eq!((hue, dash), (1, Dash::Dashed), "one's own selection is a solid line");
        assert!(line.contains(card.origin()) && !line.contains(card.origin() - Vec2::new(12.0, 12.0)));
    }

    #[test]
    fn several_at_one_card_are_side_by_side_and_a_crowd_is_counted() {
        let mut board = board();
        board.set_visitors(vec![visitor("A", 0, &["b"]), visitor("B", 9, &["b", "b"])]);
        let two = seen(&board);
        assert_eq!(two.words, ["A", "B"]);
        assert_ne!(two.lines[0].2, two.lines[1].2, "no line hides the other");
        let crowd = ["A", "B", "C", "D", "E"].map(|initials| visitor(initials, 4, &["b"]));
        board.set_visitors(crowd.to_vec());
        let crowd = seen(&board);
        assert_eq!((crowd.words, crowd.lines.len()), (vec!["A".to_owned(), "B".to_owned(), "+3".to_owned()], 3));
    }

    #[test]
    fn from_afar_lines_are_left_and_nothing_else_is_drawn_again() {
        let mut board = board();
        board.take_dirty();
        let visitors = vec![visitor("A", 0, &["a"])];
        board.set_visitors(visitors.clone());
        assert_eq!(board.take_dirty(), Dirty { overlay: true, ..Dirty::default() });
        board.set_visitors(visitors);
        assert_eq!(board.take_dirty(), Dirty::default(), "told what is known already");
        board.show_all();
        // The level of detail is chosen as the picture below is drawn.
        board.paint();
        let afar = seen(&board);
        assert_eq!((afar.lines.len(), afar.words.len()), (1, 0));
    }

    #[test]
    fn a_collapsed_group_is_one_card_for_all_that_is_in_it() {
        let steps = json!({
            "steps": {
                "a": {"agent_id": "x", "group": "g1", "ui": {"x": 0, "y": 0}},
                "b": {"agent_id": "x", "group": "g1", "ui": {"x": 320, "y": 0}}
            },
            "groups": {"g1": {"title": "Both"}}
        });
        let mut board = Board::editor(Definition::from_value(&steps).unwrap(), AgentCatalog::default());
        board.set_viewport(Size::new(1280.0, 800.0));
        board.set_visitors(vec![visitor("A", 0, &["a", "b"])]);
        assert_eq!(seen(&board).lines.len(), 2);
        board.set_collapsed(["g1".to_owned()]);
        assert_eq!((seen(&board).lines.len(), seen(&board).words), (1, vec!["A".to_owned()]));
    }
}
