//! The workflows that are measured, those of the peers' benchmarks first, and the agents that they are made of.
//! Must never hold anything that makes a step cheaper than a real one: each leaves an artifact of 1 KB JSON.

use serde_json::{Map, Value, json};

/// The port of a step that reads one other.
const UP: &str = "up";
/// The output of every step.
pub(crate) const OUT: &str = "out";
const STEP: &str = "bench-step";
const JOIN: &str = "bench-join";
const LIST: &str = "bench-list";
const WAIT: &str = "bench-wait";
const HELD: &str = "bench-held";
/// What asks the model to hold on, and stands in no other request.
pub(crate) const HOLD: &str = "hold-on";
/// The provider of the model that answers after a second, as `WEFT_PROVIDER_<NAME>_*` names it.
pub(crate) const PROVIDER: &str = "bench";
/// The step that is done first in a `Shape::Big`.
pub(crate) const SOURCE: &str = "src";

/// A workflow of a certain form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Shape {
    /// 100 steps one after another.
    Chain,
    /// 1 -> 100 -> 1; the last reads all hundred.
    Fan,
    /// 1 -> 4 -> 4 -> 1, the middle layers linked pairwise.
    Dag,
    /// 1 -> 9,998 -> 1.
    Big,
    /// 1 -> a map of 10,000 items -> 1.
    Map,
    /// Layers as wide as that, each step linked to the one above it.
    Layers { layers: u32, width: u32 },
    /// 1,000 steps at once that each wait a second.
    Waits,
    /// 100 steps one after another that each wait a second.
    SlowChain,
    /// One step that waits a second.
    OneWait,
    /// One step whose result somebody has to approve.
    Gate,
    /// So many steps at once that go on for minutes.
    Held { width: u32 },
}

impl Shape {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Layers { layers, width } => format!("layers-{layers}-{width}"),
            Self::Held { width } => format!("held-{width}"),
            shape => format!("{shape:?}").to_lowercase(),
        }
    }

    /// Steps that run, the items of a map among them.
    pub(crate) fn n_steps(self) -> u32 {
        match self {
            Self::Chain | Self::SlowChain => 100,
            Self::Fan => 102,
            Self::Dag => 10,
            Self::Big => 10_000,
            Self::Map => 10_002,
            Self::Layers { layers, width } => layers * width,
            Self::Waits => 1000,
            Self::OneWait | Self::Gate => 1,
            Self::Held { width } => width,
        }
    }

    pub(crate) fn definition(self) -> Value {
        let steps = match self {
            Self::Chain => {
                steps((0_u32..100).map(|n| (format!("s{n}"), after(n.checked_sub(1).map(|n| format!("s{n}"))))))
            }
            Self::Fan => fan(100),
            Self::Dag => dag(),
            Self::Big => big(),
            Self::Map => map(),
            Self::Layers { layers, width } => grid(layers, width),
            Self::Waits => steps((0..1000).map(|n| (format!("w{n}"), waiting(None)))),
            Self::SlowChain => {
                steps((0_u32..100).map(|n| (format!("w{n}"), waiting(n.checked_sub(1).map(|n| format!("w{n}"))))))
            }
            Self::OneWait => steps([("w".to_owned(), waiting(None))]),
            Self::Held { width } => {
                let held = json!({"agent_id": HELD, "depends_on": [], "timeout_s": 600});
                steps((0..width).map(|n| (format!("h{n}"), held.clone())))
            }
            Self::Gate => {
                let gate = json!({"agent_id": STEP, "depends_on": [], "review": {"mode": "always"}});
                steps([("gate".to_owned(), gate)])
            }
        };
        json!({ "steps": steps })
    }
}

/// What is posted to make the agents.
pub(crate) fn agents() -> Vec<Value> {
    let text = artifact().to_string();
    let template = |id: &str, ports: Vec<String>, output: Value, template: &str| {
        let inputs: Vec<Value> =
            ports.iter().map(|name| json!({"name": name, "schema": {}, "required": false})).collect();
        json!({"id": id, "name": id, "description": "", "inputs": inputs, "outputs": [{"name": OUT, "schema": output}],
            "config": {"kind": "template", "template": template}})
    };
    let numbers = Value::from((0..10_000).collect::<Vec<u32>>()).to_string();
    vec![
        template(STEP, vec![UP.to_owned()], json!({"type": "object"}), &text),
        template(JOIN, (0..100).map(port).collect(), json!({"type": "object"}), &text),
        template(LIST, vec![], json!({"type": "array", "items": {"type": "integer"}}), &numbers),
        json!({"id": WAIT, "name": WAIT, "description": "", "inputs": [],
            "outputs": [{"name": "text", "schema": {"type": "string"}}],
            "config": {"kind": "llm", "provider": PROVIDER, "model": PROVIDER, "prompt": "wait"}}),
        json!({"id": HELD, "name": HELD, "description": "", "inputs": [],
            "outputs": [{"name": "text", "schema": {"type": "string"}}],
            "config": {"kind": "llm", "provider": PROVIDER, "model": PROVIDER, "prompt": HOLD}}),
    ]
}

/// What a step leaves: a JSON object of 1 KB.
pub(crate) fn artifact() -> Value {
    json!({"agent": "x", "status": "ok", "n_upstream": 1, "tokens": 123, "text": text(958)})
}

pub(crate) fn text(n_chars: usize) -> String {
    "the quick brown agent hands its artifact to the next step. ".chars().cycle().take(n_chars).collect()
}

fn steps(steps: impl IntoIterator<Item = (String, Value)>) -> Map<String, Value> {
    steps.into_iter().collect()
}

fn port(n: u32) -> String {
    format!("p{n}")
}

fn output_of(step: &str) -> Value {
    json!({"from": "step", "step": step, "artifact": OUT, "path": ""})
}

/// A step that reads the one before it, if there is one.
fn after(before: Option<String>) -> Value {
    match before {
        None => json!({"agent_id": STEP, "depends_on": []}),
        Some(before) => json!({"agent_id": STEP, "depends_on": [before], "inputs": {UP: output_of(&before)}}),
    }
}

fn joining(before: &[String]) -> Value {
    let inputs: Map<String, Value> = (0..).map(port).zip(before.iter().map(|step| output_of(step))).collect();
    json!({"agent_id": JOIN, "depends_on": before, "inputs": inputs})
}

fn waiting(before: Option<String>) -> Value {
    json!({"agent_id": WAIT, "depends_on": Vec::from_iter(before)})
}

fn fan(width: u32) -> Map<String, Value> {
    let middle: Vec<String> = (0..width).map(port).collect();
    let mut all = steps([(SOURCE.to_owned(), after(None)), ("sink".to_owned(), joining(&middle))]);
    all.extend(middle.into_iter().map(|key| (key, after(Some(SOURCE.to_owned())))));
    all
}

fn dag() -> Map<String, Value> {
    let last: Vec<String> = (0..4).map(|n| format!("c{n}")).collect();
    let mut all = steps([("a".to_owned(), after(None)), ("d".to_owned(), joining(&last))]);
    all.extend((0..4).map(|n| (format!("b{n}"), after(Some("a".to_owned())))));
    all.extend((0..4).map(|n| (format!("c{n}"), after(Some(format!("b{n}"))))));
    all
}

fn big() -> Map<String, Value> {
    let middle: Vec<String> = (0..9_998).map(port).collect();
    // It waits for all, and reads none: ten megabytes in one step would be another measurement.
    let sink = json!({"agent_id": STEP, "depends_on": middle});
    let mut all = steps([(SOURCE.to_owned(), after(None)), ("sink".to_owned(), sink)]);
    all.extend(middle.into_iter().map(|key| (key, after(Some(SOURCE.to_owned())))));
    all
}

fn map() -> Map<String, Value> {
    steps([
        (SOURCE.to_owned(), json!({"agent_id": LIST, "depends_on": []})),
        (
            "each".to_owned(),
            json!({"agent_id": STEP, "depends_on": [SOURCE], "inputs": {UP: {"from": "item", "path": ""}},
                "map": {"over": output_of(SOURCE), "max_items": 10_000}}),
        ),
        ("sink".to_owned(), json!({"agent_id": STEP, "depends_on": ["each"]})),
    ])
}

fn grid(layers: u32, width: u32) -> Map<String, Value> {
    let key = |layer: u32, place: u32| format!("l{layer}_{place}");
    let places = (0..layers).flat_map(|layer| (0..width).map(move |place| (layer, place)));
    let step = |(layer, place): (u32, u32)| {
        let before = layer.checked_sub(1).map(|above| key(above, place));
        (key(layer, place), after(before))
    };
    steps(places.map(step))
}

#[cfg(test)]
mod tests {
    use workflow::{AgentCatalog, AgentSpec, Definition, validate};

    use super::*;

    const SHAPES: [Shape; 13] = [
        Shape::Chain,
        Shape::Fan,
        Shape::Dag,
        Shape::Big,
        Shape::Map,
        Shape::Layers { layers: 100, width: 100 },
        Shape::Layers { layers: 10, width: 1000 },
        Shape::Layers { layers: 10, width: 1 },
        Shape::Waits,
        Shape::SlowChain,
        Shape::OneWait,
        Shape::Gate,
        Shape::Held { width: 100 },
    ];

    fn catalog() -> AgentCatalog {
        AgentCatalog::new(agents().into_iter().map(|agent| {
            let mut spec: AgentSpec = serde_json::from_value(agent).unwrap();
            spec.version = 1;
            spec
        }))
    }

    #[test]
    fn every_workflow_can_be_published_and_has_as_many_steps_as_it_says() {
        let agents = catalog();
        for shape in SHAPES {
            let definition = Definition::from_value(&shape.definition()).unwrap();
            let (_, problems) = validate(&definition, &agents);
            let errors: Vec<_> = problems.iter().filter(|problem| problem.is_error()).collect();
            assert!(errors.is_empty(), "{}: {errors:?}", shape.name());
            if shape != Shape::Map {
                assert_eq!(u32::try_from(definition.steps.len()).unwrap(), shape.n_steps(), "{}", shape.name());
            }
        }
    }

    #[test]
    fn no_definition_is_larger_than_can_be_stored() {
        for shape in SHAPES {
            let size = shape.definition().to_string().len();
            assert!(size < workflow::limits::MAX_DEFINITION_BYTES, "{}: {size} bytes", shape.name());
        }
    }

    #[test]
    fn the_agents_have_no_problems_and_the_artifact_has_a_kilobyte() {
        for agent in agents() {
            let spec: AgentSpec = serde_json::from_value(agent).unwrap();
            assert!(spec.problems().iter().all(|problem| !problem.is_error()), "{:?}", spec.problems());
        }
        assert!(artifact().to_string().len().abs_diff(1024) < 16, "{}", artifact().to_string().len());
    }

    #[test]
    fn every_workflow_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<String> = SHAPES.map(Shape::name).into_iter().collect();
        assert_eq!(names.len(), SHAPES.len());
    }
}
