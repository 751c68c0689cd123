//! A workflow as a small drawing for lists of workflows: where its steps stand and how they hang together, with no text on it.
//! Must never grow with the workflow: one page shows many of them.

use std::collections::BTreeMap;

use kurbo::{Point, Rect, Size, Vec2};
use workflow::{
    AgentCatalog, Definition, StepKey, StepStatus,
    graph::Graph,
    words::{count, shortened, thousands},
};

use super::{
    list::{Batches, DisplayList, Fill, Ink, Shape, Stroke, Text},
    svg::Svg,
};
use crate::{
    flow::Flow,
    scene::{Mark, Route, Scene, Source},
};

/// A drawing, and what it shows for whoever does not see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thumbnail {
    pub svg: String,
    pub words: String,
}

/// No drawing takes more.
const MAX_BYTES: usize = 6 * 1024;

/// Of a drawing, in its own pixels.
const SIZE: Size = Size::new(264.0, 72.0);
const MARGIN: f64 = 4.0;
/// A workflow of one step is not drawn larger than others.
const MAX_SCALE: f64 = 0.24;
/// Up to so many steps each is drawn as a card.
const MAX_CARDS: usize = 40;
/// Of larger workflows, neighbouring stages become one column.
const MAX_COLUMNS: usize = 48;
/// A card is never smaller, so that it is seen.
const LEAST: Size = Size::new(4.0, 3.0);
/// Cards from this width on have room for signs.
const SIGN_WIDTH: f64 = 14.0;
const LINE: f64 = 1.25;

/// Up to so many steps the words name each,
const MAX_NAMED: usize = 12;
/// by so much of its title.
const MAX_TITLE_CHARS: usize = 40;

/// Draws it in the colours of the page: as inks by their tokens.
pub fn thumbnail(definition: &Definition) -> Thumbnail {
    let stages = stages(definition);
    Thumbnail { svg: drawn(definition, &stages), words: words(definition, &stages) }
}

fn drawn(definition: &Definition, stages: &[Vec<&StepKey>]) -> String {
    if definition.steps.is_empty() {
        return String::new();
    }
    if definition.steps.len() <= MAX_CARDS {
        let svg = written(&cards(definition));
        // Many lines between few steps.
        if svg.len() <= MAX_BYTES {
            return svg;
        }
    }
    written(&columns(stages))
}

fn written(list: &DisplayList) -> String {
    let mut svg = Svg::new(|ink: Ink| format!("var({})", ink.token()), |_: Text, _: &str| 0.0, "");
    list.render(&mut svg);
    svg.finish()
}

/// Each step where the editor lays it out, and each line along its way.
fn cards(definition: &Definition) -> DisplayList {
    let agents = AgentCatalog::default();
    let source = Source::Draft { agents: &agents };
    // What is not drawn must not make the rest smaller.
    let definition = Definition { steps: definition.steps.clone(), ..Definition::default() };
    let scene = Scene::build(&definition, source, Flow::Right, &mut BTreeMap::new(), None);
    let mut batches = Batches::default();
    let Some(world) = scene.drawn_bounds() else { return batches.into_list(None, SIZE) };
    let place = Place::of(world);
    for edge in &scene.edges {
        let line = match edge.route.map(|at| place.point(at)) {
            Route::Curve(curve) => Shape::Curve(curve),
            Route::Bent(points) => Shape::Polyline(points.into_vec()),
        };
        batches.stroke(0, 0, Stroke::new(Ink::Edge, LINE)).push(line);
    }
    for node in scene.nodes() {
        let card = place.rect(scene.rect(node));
        let marks = &scene.marks[node as usize];
        let has_room = card.width() >= SIGN_WIDTH;
        // A list is a pile of cards; a gate has a bar at its end, in the colour of what waits.
        if has_room && marks.contains(&Mark::Map) {
            outlined(&mut batches, 1, card + Vec2::new(2.0, -2.0));
        }
        outlined(&mut batches, 2, card);
        if has_room && marks.contains(&Mark::Gate) {
            let bar = Rect::new(card.x1 - 4.0, card.y0 + 2.0, card.x1 - 2.0, card.y1 - 2.0);
            let ink = Ink::Status(StepStatus::AwaitingReview);
            batches.fill(3, 0, Fill { ink, alpha: 255 }).push(Shape::Rect(bar));
        }
    }
    batches.into_list(None, SIZE)
}

fn outlined(batches: &mut Batches, layer: u16, card: Rect) {
    batches.fill(layer, 0, Fill { ink: Ink::NodeGround, alpha: 255 }).push(Shape::Rect(card));
    batches.stroke(layer, 0, Stroke::new(Ink::Port, 1.0)).push(Shape::Rect(card));
}

/// A column for each stage, or for some that follow each other, as high as it has steps.
fn columns(stages: &[Vec<&StepKey>]) -> DisplayList {
    let heights: Vec<f64> = stages
        .chunks(stages.len().div_ceil(MAX_COLUMNS).max(1))
        .map(|some| number(some.iter().map(Vec::len).max().unwrap_or(0)))
        .collect();
    let most = heights.iter().copied().fold(1.0, f64::max);
    let inner = SIZE - Size::new(2.0 * MARGIN, 2.0 * MARGIN);
    let pitch = (inner.width / number(heights.len()).max(1.0)).min(24.0);
    let middle = SIZE.height / 2.0;
    let mut batches = Batches::default();
    let end = MARGIN + pitch * number(heights.len()) - pitch * 0.4;
    let axis = Shape::Line(rounded(Point::new(MARGIN, middle)), rounded(Point::new(end, middle)));
    batches.stroke(0, 0, Stroke::new(Ink::Edge, LINE)).push(axis);
    for (n, height) in heights.into_iter().enumerate() {
        let left = MARGIN + pitch * number(n);
        // By the root: beside a stage of thousands one of ten is still seen.
        let half = ((height / most).sqrt() * inner.height / 2.0).max(LEAST.height / 2.0);
        let (from, to) = (Point::new(left, middle - half), Point::new(left + pitch * 0.6, middle + half));
        let bar = Rect::from_points(rounded(from), rounded(to));
        batches.fill(1, 0, Fill { ink: Ink::Port, alpha: 255 }).push(Shape::Rect(bar));
    }
    batches.into_list(None, SIZE)
}

/// How the plane lies in the drawing.
struct Place {
    world: Rect,
    scale: f64,
}

impl Place {
    fn of(world: Rect) -> Self {
        let (across, down) = (SIZE.width - 2.0 * MARGIN, SIZE.height - 2.0 * MARGIN);
        let scale = (across / world.width().max(1.0)).min(down / world.height().max(1.0)).min(MAX_SCALE);
        Self { world, scale }
    }

    /// From the left, in the middle of the height.
    fn point(&self, at: Point) -> Point {
        let aside = (at - Point::new(self.world.x0, self.world.center().y)) * self.scale;
        rounded(Point::new(MARGIN, SIZE.height / 2.0) + aside)
    }

    fn rect(&self, card: Rect) -> Rect {
        let rect = Rect::from_points(self.point(card.origin()), self.point(Point::new(card.x1, card.y1)));
        Rect::from_origin_size(rect.origin(), rect.size().max(LEAST))
    }
}

/// To half a pixel: nobody sees more, and it takes fewer digits.
fn rounded(at: Point) -> Point {
    Point::new((at.x * 2.0).round() / 2.0, (at.y * 2.0).round() / 2.0)
}

fn number(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// The steps by how many others they come after, at least.
fn stages(definition: &Definition) -> Vec<Vec<&StepKey>> {
    let Ok(order) = Graph::of(definition).order() else { return vec![definition.steps.keys().collect()] };
    let mut at: BTreeMap<&StepKey, usize> = BTreeMap::new();
    let mut stages: Vec<Vec<&StepKey>> = Vec::new();
    for key in order {
        let before = definition.steps[key].direct_dependencies();
        let stage = before.into_iter().filter_map(|key| at.get(key)).max().map_or(0, |stage| stage + 1);
        at.insert(key, stage);
        if stage == stages.len() {
            stages.push(Vec::new());
        }
        stages[stage].push(key);
    }
    stages
}

fn words(definition: &Definition, stages: &[Vec<&StepKey>]) -> String {
    let n_steps = definition.steps.len();
    if n_steps > MAX_NAMED {
        let widest = stages.iter().map(Vec::len).max().unwrap_or(0);
        let widest = thousands(i64::try_from(widest).unwrap_or(i64::MAX));
        return format!(
            "{} in {}, at most {widest} side by side",
            count(n_steps, "step"),
            count(stages.len(), "stage")
        );
    }
    let titles = |stage: &Vec<&StepKey>| {
        let titles = stage.iter().map(|key| shortened(definition.steps[*key].title_or(key), MAX_TITLE_CHARS));
        titles.collect::<Vec<_>>().join(", ")
    };
    stages.iter().map(titles).collect::<Vec<_>>().join("; then ")
}

#[cfg(test)]
mod tests {
    use workflow::{
        Step,
        definition::{Group, Note, Position},
    };

    use super::*;

    fn of(document: &serde_json::Value) -> Thumbnail {
        thumbnail(&Definition::from_value(document).unwrap())
    }

    /// So many steps, each after those that `after` gives for it.
    fn many(n: usize, after: impl Fn(usize) -> Vec<usize>) -> Definition {
        let key = |n: usize| StepKey::new(format!("s{n:05}"));
        let mut definition = Definition::default();
        for at in 0..n {
            let mut step = Step::new("x".into());
            step.title = "A title that is as long as titles become, <b>and then some more</b>".repeat(2);
            step.depends_on = after(at).into_iter().map(key).collect();
            definition.steps.insert(key(at), step);
        }
        definition
    }

    #[test]
    fn a_small_workflow_is_drawn_card_by_card_with_its_signs() {
        let drawn = of(&serde_json::json!({"steps": {
            "a": {"agent_id": "x", "title": "Plan"},
            "b": {"agent_id": "x", "title": "Write", "depends_on": ["a"],
                "map": {"over": {"from": "step", "step": "a", "artifact": "parts"}}},
            "c": {"agent_id": "x", "title": "Count", "depends_on": ["a"]},
            "d": {"agent_id": "x", "depends_on": ["b", "c"], "review": {"mode": "always"}}
        }}));
        assert_eq!(drawn.words, "Plan; then Write, Count; then d");
        // Four cards and one behind, in the ground of cards; a bar for the gate; four lines.
        let paths: Vec<&str> = drawn.svg.lines().filter(|line| line.starts_with("<path")).collect();
        let n_shapes = |ink: &str, attribute: &str| {
            let of_ink = paths.iter().filter(|path| path.contains(&format!("{attribute}=\"var({ink})\"")));
            of_ink.map(|path| path.matches('M').count()).sum::<usize>()
        };
        assert_eq!(n_shapes("--canvas-node-bg", "fill"), 5, "{}", drawn.svg);
        assert_eq!(n_shapes("--canvas-port", "stroke"), 5);
        assert_eq!(n_shapes("--status-awaiting_review", "fill"), 1);
        assert_eq!(n_shapes("--canvas-edge", "stroke"), 4);
        assert!(!drawn.svg.contains("<text") && !drawn.svg.contains("Plan"));
        assert!(drawn.svg.len() < 2_000, "{}", drawn.svg.len());
        assert_eq!(of(&serde_json::json!({"steps": {}})), Thumbnail { svg: String::new(), words: String::new() });
    }

    #[test]
    fn notes_and_frames_which_are_not_drawn_take_no_room() {
        let bare = many(5, |n| n.checked_sub(1).into_iter().collect());
        let mut marked = bare.clone();
        marked.notes.push(Note { id: "n1".into(), text: "Far away".into(), x: -9_000.0, ..Note::default() });
        marked.groups.insert("g1".into(), Group { title: "All".into(), colour: None });
        for step in marked.steps.values_mut() {
            step.group = Some("g1".into());
        }
        assert_eq!(thumbnail(&marked), thumbnail(&bare));
    }

    #[test]
    fn every_colour_is_a_token() {
        for definition in [many(7, |n| n.checked_sub(1).into_iter().collect()), many(200, |_| Vec::new())] {
            let svg = thumbnail(&definition).svg;
            for attribute in ["fill=\"", "stroke=\""] {
                for value in svg.split(attribute).skip(1) {
                    assert!(value.starts_with("var(--") || value.starts_with("none"), "{value}");
                }
            }
        }
    }

    #[test]
    fn no_workflow_makes_a_large_drawing() {
        let chain = |n: usize| n.checked_sub(1).into_iter().collect::<Vec<_>>();
        for (name, definition) in [
            ("a chain of 40", many(40, chain)),
            ("everything on everything", many(40, |n| (0..n).collect())),
            ("a chain of 1,000", many(1_000, chain)),
            ("1,000 side by side", many(1_000, |_| Vec::new())),
            ("20 rows of 50", many(1_000, |n| n.checked_sub(20).into_iter().collect())),
            ("the most that there are", many(10_000, |n| n.checked_sub(7).into_iter().collect())),
        ] {
            let drawn = thumbnail(&definition);
            assert!(!drawn.svg.is_empty() && drawn.svg.len() <= MAX_BYTES, "{name}: {} bytes", drawn.svg.len());
            assert!(drawn.words.len() <= 1_024, "{name}: {}", drawn.words);
            assert_eq!(drawn, thumbnail(&definition), "{name} is drawn alike each time");
        }
        assert_eq!(thumbnail(&many(12, chain)).words.matches("; then ").count(), 11);
        assert_eq!(thumbnail(&many(1_000, chain)).words, "1,000 steps in 1,000 stages, at most 1 side by side");
        assert!(thumbnail(&many(1_000, chain)).svg.len() < 3_000, "a large one is simplified");
    }

    #[test]
    fn all_of_it_is_inside_wherever_its_steps_stand() {
        let mut definition = many(3, |n| n.checked_sub(1).into_iter().collect());
        let places = [(-1.0e6, 9.0e5), (3.0, 4.0), (1.0e6, -1.0e6)];
        for (step, (x, y)) in definition.steps.values_mut().zip(places) {
            step.ui = Some(Position { x, y, pinned: false });
        }
        let all = Rect::from_origin_size(Point::ORIGIN, SIZE);
        for definition in [definition, many(1, |_| Vec::new()), many(9, |_| Vec::new())] {
            let scene = Scene::build(
                &definition,
                Source::Draft { agents: &AgentCatalog::default() },
                Flow::Right,
                &mut BTreeMap::new(),
                None,
            );
            let place = Place::of(scene.drawn_bounds().unwrap());
            for node in scene.nodes() {
                let card = place.rect(scene.rect(node));
                assert!(all.union(card) == all, "{card:?}");
            }
        }
    }
}
