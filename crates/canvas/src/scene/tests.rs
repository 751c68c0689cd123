//! Tests of the scene: the index agrees with brute force, descriptions say what is drawn, places stay where they are.
//! Scenes here are random but always built by the same code as on the screen.

use std::collections::BTreeMap;

use kurbo::Vec2;
use proptest::prelude::*;
use serde_json::json;
use workflow::{AgentCatalog, Definition, Problem, ProblemCode, Step, definition::Position, graph::Graph};

use super::{
    hit::{Hit, Precision},
    *,
};
use crate::camera::Camera;

fn scene_of(definition: &Definition) -> Scene {
    let agents = AgentCatalog::default();
    Scene::build(definition, Source::Draft { agents: &agents }, Flow::Right, &mut BTreeMap::new(), None)
}

fn any_definition() -> impl Strategy<Value = Definition> {
    let node = (-1500.0..1500.0, -1500.0..1500.0, prop::collection::vec(0_u8..24, 0..3));
    prop::collection::vec(node, 1..24).prop_map(|nodes| {
        let mut definition = Definition::default();
        for (n, (x, y, from)) in nodes.iter().enumerate() {
            let mut step = Step::new("x".into());
            step.ui = Some(Position { x: *x, y: *y, pinned: false });
            let earlier = from.iter().filter(|from| usize::from(**from) < n);
            step.depends_on = earlier.map(|from| StepKey::new(format!("s{from:02}"))).collect();
            definition.steps.insert(StepKey::new(format!("s{n:02}")), step);
        }
        definition
    })
}

proptest! {
    #[test]
    fn steps_come_in_the_order_of_the_graph_and_by_key_where_that_has_none(
        lines in prop::collection::vec((0_u8..10, 0_u8..10), 0..14),
    ) {
        let mut definition = Definition::default();
        for n in 0_u8..10 {
            let mut step = Step::new("x".into());
            let mine = lines.iter().filter(|(_, to)| *to == n);
            step.depends_on = mine.map(|(from, _)| StepKey::new(format!("s{from:02}"))).collect();
            step.depends_on.insert("nowhere".into());
            definition.steps.insert(StepKey::new(format!("s{n:02}")), step);
        }
        let scene = scene_of(&definition);
        let expected: Vec<u32> = match Graph::of(&definition).order() {
            Ok(order) => order.into_iter().map(|key| scene.node(key).unwrap()).collect(),
            Err(_) => scene.nodes().collect(),
        };
        prop_assert_eq!(&scene.order, &expected);
        for node in scene.nodes() {
            let ends = |at: fn(&Edge) -> u32| -> Vec<u32> {
                (0..).zip(&scene.edges).filter(|(_, edge)| at(edge) == node).map(|(id, _)| id).collect()
            };
            prop_assert_eq!(scene.edges_in[node as usize].to_vec(), ends(|edge| edge.to));
            prop_assert_eq!(scene.edges_out[node as usize].to_vec(), ends(|edge| edge.from));
        }
    }

    #[test]
    fn hits_and_culls_agree_with_brute_force_after_any_moves(
        definition in any_definition(),
        moves in prop::collection::vec((any::<prop::sample::Index>(), -1500.0..1500.0, -1500.0..1500.0), 0..12),
        zoom in 0.1..3.0, x in 0.0..1200.0, y in 0.0..800.0,
    ) {
        let mut scene = scene_of(&definition);
        for (index, x, y) in moves {
            let node = u32::try_from(index.index(scene.n_nodes())).unwrap();
            scene.move_nodes(&[(node, Point::new(x, y))]);
        }
        let camera = Camera { origin: Point::new(-600.0, -400.0), zoom };
        let screen = Point::new(x, y);
        let world = camera.to_world(screen);
        let top = scene.nodes().rev_find(|node| scene.rect(*node).contains(world));
        prop_assert_eq!(scene.hit_node(&camera, screen), top);

        let reach = 6.0 / zoom;
        let near: Vec<u32> = (0..u32::try_from(scene.edges.len()).unwrap())
            .filter(|edge| scene.edges[*edge as usize].route.distance(world) <= reach)
            .collect();
        prop_assert_eq!(scene.hit_edge(&camera, screen, 6.0).is_some(), !near.is_empty());
        if let Some(edge) = scene.hit_edge(&camera, screen, 6.0) {
            prop_assert!(near.contains(&edge));
        }

        let area = Rect::from_points(world, Point::ORIGIN);
        let touched: Vec<u32> = scene.nodes().filter(|node| scene.rect(*node).overlaps(area)).collect();
        prop_assert_eq!(scene.marquee(area, true), touched);
        let inside: Vec<u32> = scene.nodes().filter(|node| area.contains_rect(scene.rect(*node))).collect();
        prop_assert_eq!(scene.marquee(area, false), inside);
        for edge in &scene.edges {
            let by = Vec2::new(PORT_RADIUS, 0.0);
            prop_assert_eq!(edge.route.start(), scene.port(edge.from, Side::Out) + by);
            prop_assert_eq!(edge.route.end(), scene.port(edge.to, Side::In) - by);
        }
    }

    #[test]
    fn the_hit_does_not_depend_on_where_the_camera_stands(definition in any_definition(), x in -900.0..900.0, y in -900.0..900.0) {
        let scene = scene_of(&definition);
        let world = Point::new(x, y);
        let mut camera = Camera::default();
        let before = scene.hit(&camera, camera.to_screen(world), Precision::Mouse, true);
        camera.pan_by(Vec2::new(512.0, -256.0));
        prop_assert_eq!(scene.hit(&camera, camera.to_screen(world), Precision::Mouse, true), before);
    }
}

trait RevFind: Iterator<Item = u32> + Sized {
    fn rev_find(self, f: impl Fn(&u32) -> bool) -> Option<u32> {
        self.filter(f).last()
    }
}
impl<I: Iterator<Item = u32>> RevFind for I {}

fn small() -> Definition {
    Definition::from_value(&json!({"steps":{
        "clean":{"agent_id":"cleaner","title":"Clean text","ui":{"x":0,"y":0}},
        "sum":{"agent_id":"summariser","title":"Summarise","depends_on":["clean"],"ui":{"x":400,"y":0},
            "inputs":{"text":{"from":"step","step":"clean","artifact":"text"}}},
        "join":{"agent_id":"joiner","title":"Join","depends_on":["sum"],"review":{"mode":"always"}}}}))
    .unwrap()
}

#[test]
fn ports_come_before_nodes_before_edges() {
    let scene = scene_of(&small());
    let camera = Camera::default();
    let hit = |x: f64, y: f64| scene.hit(&camera, Point::new(x, y), Precision::Mouse, true);
    let (clean, sum) = (scene.node(&"clean".into()).unwrap(), scene.node(&"sum".into()).unwrap());
    assert_eq!(hit(NODE_WIDTH, 30.0), Hit::Port(clean, Side::Out));
    assert_eq!(hit(NODE_WIDTH + 11.0, 30.0), Hit::Port(clean, Side::Out));
    assert_eq!(hit(389.0, 30.0), Hit::Port(sum, Side::In));
    assert_eq!(hit(100.0, 30.0), Hit::Node(clean));
    assert!(matches!(hit(316.0, 30.0), Hit::Edge(_)));
    assert_eq!(hit(316.0, 200.0), Hit::Nothing);
    assert_eq!(hit(f64::NAN, 0.0), Hit::Nothing);
}

#[test]
fn a_node_is_described_in_full() {
    let mut scene = scene_of(&small());
    scene.set_problems(&small(), &[Problem::error(Some(&"sum".into()), None, ProblemCode::MissingInput, "x")]);
    let say = |key: &str| scene.describe(scene.node(&key.into()).unwrap());
    assert_eq!(say("sum"), "Summarise, agent summariser, depends on Clean text, feeds Join, 1 problem");
    assert_eq!(say("join"), "Join, agent joiner, always reviewed, depends on Summarise");
    let label = scene.edges.iter().find(|edge| !edge.label.is_empty()).map(|edge| &*edge.label);
    assert_eq!(label, Some("text"));
}

#[test]
fn steps_without_a_place_stay_where_they_were_put() {
    let mut definition = small();
    let mut automatic = BTreeMap::new();
    let agents = AgentCatalog::default();
    let mut build = |definition: &Definition| {
        Scene::build(definition, Source::Draft { agents: &agents }, Flow::Right, &mut automatic, None)
    };
    let before = build(&definition);
    let join = before.rect(before.node(&"join".into()).unwrap());
    assert!(before.nodes().all(|node| before.key(node).as_str() == "join" || !before.rect(node).overlaps(join)));
    definition.steps.insert("later".into(), Step::new("x".into()));
    let after = build(&definition);
    assert_eq!(after.rect(after.node(&"join".into()).unwrap()), join);
}

#[test]
fn the_order_puts_every_node_after_what_it_depends_on() {
    let scene = scene_of(&small());
    let names: Vec<&str> = scene.order.iter().map(|node| scene.key(*node).as_str()).collect();
    assert_eq!(names, ["clean", "sum", "join"]);
}

#[test]
fn what_is_wrong_with_a_mapping_is_told_on_its_line() {
    let definition = small();
    let mut scene = scene_of(&definition);
    let of = |severity, field: &str, words: &str| Problem {
        severity,
        ..Problem::error(Some(&"sum".into()), Some(field.into()), ProblemCode::TypeMismatch, words)
    };
    let problems = [
        of(Severity::Warning, "inputs.text", "may not fit"),
        of(Severity::Error, "inputs.text", "does not fit"),
        of(Severity::Error, "timeout_s", "too long"),
    ];
    scene.set_problems(&definition, &problems);
    let faults: Vec<_> = scene.faults.values().map(|(severity, words)| (*severity, &**words)).collect();
    assert_eq!(faults, [(Severity::Error, "does not fit")]);
    scene.set_problems(&definition, &[]);
    assert!(scene.faults.is_empty());
}

#[test]
fn a_step_that_is_kept_at_an_older_version_says_how_far_it_is_behind() {
    let version = |version: i32| -> workflow::AgentSpec {
        serde_json::from_value(serde_json::json!({"id": "cleaner", "version": version, "name": "Cleaner",
            "outputs": [{"name": "text"}], "config": {"kind": "template", "template": "x"}}))
        .unwrap()
    };
    let agents = AgentCatalog::new([version(1), version(3)]);
    let mut definition = small();
    let mut say = |kept: Option<i32>| {
        definition.steps.get_mut("clean").unwrap().agent_version = kept;
        let scene =
            Scene::build(&definition, Source::Draft { agents: &agents }, Flow::Right, &mut BTreeMap::new(), None);
        scene.describe(scene.node(&"clean".into()).unwrap())
    };
    assert_eq!(say(Some(1)), "Clean text, agent Cleaner · v1, 2 versions behind, feeds Summarise");
    assert_eq!(say(None), "Clean text, agent Cleaner, feeds Summarise");
    assert_eq!(say(Some(3)), "Clean text, agent Cleaner · v3, feeds Summarise");
}
