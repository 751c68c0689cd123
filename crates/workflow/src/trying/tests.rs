//! What a try runs of a draft: the closure of a step, what is pinned in it, lists and gates, and values that are made up.

use serde_json::{Value, json};

use super::*;
use crate::{AgentSpec, definition::ReviewMode, validate};

fn agents() -> AgentCatalog {
    let agent = |id: &str, config: Value| -> AgentSpec {
        serde_json::from_value(json!({
            "id": id, "version": 1, "name": id, "config": config,
            "inputs": [
                {"name": "text", "schema": {"type": "string"}, "required": true},
                {"name": "tone", "schema": {"type": "string", "enum": ["formal", "plain"]}}
            ],
            "outputs": [{"name": "text", "schema": {"type": "string"}}, {"name": "extra", "schema": {}}]
        }))
        .unwrap()
    };
    let worker = json!({"kind": "worker", "hash": "0", "side_effects": "external"});
    AgentCatalog::new([
        agent("say", json!({"kind": "template", "template": "{{ text }}"})),
        agent("form", json!({"kind": "human", "instructions": "Answer"})),
        agent("outside", worker),
    ])
}

fn of(step: &str) -> Value {
    json!({"from": "step", "step": step, "artifact": "text"})
}

/// topic -> plan -> research (repeated over a list) -> draft -> send; aside stands beside all of it.
fn draft() -> Definition {
    Definition::from_value(&json!({
        "inputs": {
            "topic": {"title": "Topic", "schema": {"type": "string"}, "required": true},
            "parts": {"schema": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}, "title": {"type": "string"}}}}},
            "other": {"schema": {"type": "string"}}
        },
        "notes": [{"id": "n", "text": "mine"}],
        "steps": {
            "plan": {"agent_id": "say", "inputs": {"text": {"from": "run", "key": "topic"}}},
            "research": {"agent_id": "say", "depends_on": ["plan"], "inputs": {"text": {"from": "item", "path": "/title"}},
                "map": {"over": {"from": "run", "key": "parts"}, "key": "/id"}},
            "draft": {"agent_id": "say", "depends_on": ["plan", "research"], "inputs": {"text": of("plan"), "tone": {"const": "plain"}},
                "when": {"exists": of("research")}, "review": {"mode": "always", "assignees": {"users": ["a@b.c"]}, "quorum": 2}},
            "send": {"agent_id": "outside", "depends_on": ["draft"], "inputs": {"text": of("draft")}, "side_effects": "external"},
            "aside": {"agent_id": "say", "inputs": {"text": {"from": "run", "key": "other"}}}
        }
    }))
    .unwrap()
}

fn made(extent: &Extent, stand_ins: &StandIns) -> Part {
    part(&draft(), &agents(), extent, stand_ins).unwrap()
}

fn outputs(of: &[(&str, Value)]) -> StandIns {
    let outputs = of.iter().map(|(key, values)| ((*key).into(), serde_json::from_value(values.clone()).unwrap()));
    StandIns { outputs: outputs.collect(), ..StandIns::default() }
}

fn ports(of: &[(&str, Value)]) -> StandIns {
    let ports = of.iter().map(|(key, values)| ((*key).into(), serde_json::from_value(values.clone()).unwrap()));
    StandIns { ports: ports.collect(), ..StandIns::default() }
}

fn keys(part: &Part) -> Vec<&str> {
    part.definition.steps.keys().map(StepKey::as_str).collect()
}

fn given(part: &Part) -> Vec<&str> {
    part.given.iter().map(StepKey::as_str).collect()
}

/// What keeps the part from running, as the service judges it: steps that are given are not looked at.
fn errors(part: &Part) -> Vec<String> {
    let (_, problems) = validate(&part.definition, &agents());
    let is_of_run = |problem: &&crate::Problem| {
        problem.is_error() && problem.step.as_ref().is_none_or(|key| !part.given.contains(key))
    };
    problems
        .iter()
        .filter(is_of_run)
        .map(|problem| format!("{:?} {:?} {}", problem.step, problem.field, problem.message))
        .collect()
}

#[test]
fn the_whole_draft_is_the_draft_without_its_notes() {
    let part = made(&Extent::Whole, &StandIns::default());
    assert_eq!(part.definition, Definition { notes: Vec::new(), ..draft() });
    assert_eq!((part.inputs.len(), part.given.len()), (0, 0));
}

#[test]
fn up_to_a_step_runs_it_and_all_that_it_needs_and_nothing_else() {
    let part = made(&Extent::UpTo("draft".into()), &StandIns::default());
    assert_eq!(keys(&part), ["draft", "plan", "research"], "what its condition reads is needed too");
    assert_eq!(part.definition.inputs.keys().collect::<Vec<_>>(), ["parts", "topic"], "nobody is asked for `other`");
    assert_eq!(part.definition.steps["draft"], draft().steps["draft"], "no step is changed");
    assert_eq!(errors(&part), Vec::<String>::new());
}

#[test]
fn a_pinned_step_does_not_run_nor_does_what_only_it_needs() {
    let pins = outputs(&[("plan", json!({"text": "P"})), ("research", json!({"text": ["R"]}))]);
    let part = made(&Extent::UpTo("draft".into()), &pins);
    assert_eq!((keys(&part), given(&part)), (vec!["draft", "plan", "research"], vec!["plan", "research"]));
    let plan = &part.definition.steps["plan"];
    assert!(plan.inputs.is_empty() && plan.depends_on.is_empty(), "it waits for nothing");
    assert!(part.definition.inputs.is_empty(), "what only pinned steps read is not asked for");
    assert_eq!(errors(&part), Vec::<String>::new(), "a list stays a list for who reads it");
    // Its trigger rule sees a completed step, so the edge stays.
    assert!(part.definition.steps["draft"].depends_on.contains("plan"));

    let whole = made(&Extent::Whole, &pins);
    assert_eq!((whole.definition.steps.len(), given(&whole)), (5, vec!["plan", "research"]));
}

#[test]
fn a_step_runs_though_some_of_its_outputs_are_pinned_when_others_are_read() {
    let part = made(&Extent::UpTo("draft".into()), &outputs(&[("plan", json!({"extra": 1}))]));
    assert_eq!(given(&part), Vec::<&str>::new(), "its text is read and not there");
    let part = made(&Extent::UpTo("plan".into()), &outputs(&[("plan", json!({"text": "P"}))]));
    assert_eq!((keys(&part), given(&part)), (vec!["plan"], vec![]), "the step that is tried always runs");
}

#[test]
fn a_step_alone_reads_what_it_is_given_and_waits_for_nothing() {
    let key = Extent::Step("draft".into());
    assert_eq!(asked(&draft(), &agents(), &"draft".into()).keys().collect::<Vec<_>>(), ["text"], "a constant is known");
    let part = made(&key, &ports(&[("draft", json!({"text": "Given"}))]));
    let step = &part.definition.steps["draft"];
    assert_eq!((keys(&part), step.when.as_ref(), step.depends_on.len()), (vec!["draft"], None, 0));
    assert_eq!(step.inputs["text"], Source::Run { key: "input_0".into(), path: String::new() });
    assert_eq!(step.inputs["tone"], Source::Const(json!("plain")));
    assert_eq!(part.inputs, BTreeMap::from([("input_0".to_owned(), json!("Given"))]));
    assert_eq!(part.definition.inputs["input_0"].schema, Schema::text());
    assert!(!part.definition.to_value().to_string().contains("Given"), "the stored definition holds no value");
    assert_eq!(step.review.mode, ReviewMode::Always, "its gate asks as it would");
    assert_eq!(errors(&part), Vec::<String>::new());

    let bare = made(&key, &StandIns::default());
    assert!(errors(&bare)[0].contains("text"), "{:?}", errors(&bare));
}

#[test]
fn a_repeated_step_alone_is_given_its_list() {
    let key: StepKey = "research".into();
    assert_eq!(asked(&draft(), &agents(), &key).keys().collect::<Vec<_>>(), [MAP_PORT, "tone"]);
    let list = json!([{"id": "a", "title": "A"}]);
    let part = made(&Extent::Step(key), &ports(&[("research", json!({"map.over": list}))]));
    let step = &part.definition.steps["research"];
    assert_eq!(step.map.as_ref().unwrap().over, Source::Run { key: "input_0".into(), path: String::new() });
    assert_eq!(step.inputs["text"], Source::Item { path: "/title".into() });
    assert_eq!(part.inputs["input_0"], list);
    assert_eq!(errors(&part), Vec::<String>::new());
}

#[test]
fn a_pinned_input_stands_in_for_its_source_wherever_the_step_runs() {
    let part = made(&Extent::UpTo("send".into()), &ports(&[("draft", json!({"text": "T", "tone": "formal"}))]));
    let step = &part.definition.steps["draft"];
    assert!(matches!(&step.inputs["text"], Source::Run { key, .. } if part.inputs[key] == "T"));
    assert!(matches!(&step.inputs["tone"], Source::Run { key, .. } if part.inputs[key] == "formal"));
    assert!(part.definition.steps.contains_key("plan"), "its edges stay");
    assert_eq!(errors(&part), Vec::<String>::new());
    // Of a step that is not tried nothing is taken in.
    let part = made(&Extent::Step("plan".into()), &ports(&[("draft", json!({"text": "T"}))]));
    assert!(part.inputs.is_empty());
}

#[test]
fn an_input_that_is_called_like_a_port_is_not_overwritten() {
    let mut draft = draft();
    draft.inputs.insert("input_0".into(), RunInput::default());
    let stand_ins = ports(&[("plan", json!({"text": "T"}))]);
    let part = part(&draft, &agents(), &Extent::Whole, &stand_ins).unwrap();
    assert_eq!(part.inputs.keys().collect::<Vec<_>>(), ["input_1"]);
    assert_eq!(part.definition.inputs["input_0"], RunInput::default());
}

#[test]
fn what_acts_outside_is_named_only_where_it_runs() {
    let agents = agents();
    let named = |part: &Part| acting_outside(part, &agents).map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(named(&made(&Extent::Whole, &StandIns::default())), ["send"]);
    assert!(named(&made(&Extent::UpTo("draft".into()), &StandIns::default())).is_empty());
    assert!(named(&made(&Extent::Whole, &outputs(&[("send", json!({"text": "sent"}))]))).is_empty());
    let mut said = draft();
    said.steps.get_mut("plan").unwrap().side_effects = SideEffects::External;
    let part = part(&said, &agents, &Extent::Step("plan".into()), &StandIns::default()).unwrap();
    assert_eq!(named(&part), ["plan"]);
}

#[test]
fn what_cannot_be_tried_is_said() {
    let agents = agents();
    let unknown = part(&draft(), &agents, &Extent::UpTo("nope".into()), &StandIns::default());
    assert_eq!(unknown, Err(NoPart::UnknownStep("nope".into())));
    let all: Vec<(&str, Value)> =
        ["plan", "research", "draft", "send", "aside"].into_iter().map(|key| (key, json!({"text": "x"}))).collect();
    assert_eq!(part(&draft(), &agents, &Extent::Whole, &outputs(&all)), Err(NoPart::NothingToRun));
}

#[test]
fn a_gate_of_a_try_asks_nobody_but_whoever_tries() {
    let own = with_own_gates(&draft()).into_owned();
    let review = &own.steps["draft"].review;
    assert!(review.assignees.is_empty() && review.quorum == 1 && review.allow_self);
    assert_eq!(review.mode, ReviewMode::Always, "it is still a gate");
    assert!(matches!(with_own_gates(&own), Cow::Borrowed(_)), "nothing is copied where nothing changes");
}

#[test]
fn samples_fit_their_types() {
    for schema in [
        json!({"type": "string"}),
        json!({"type": "string", "enum": ["b", "a"]}),
        json!({"type": "integer"}),
        json!({"type": "boolean"}),
        json!({"type": "array", "items": {"type": "number"}}),
        json!({"type": "array"}),
        json!({"type": "object", "required": ["n", "free"], "properties": {"n": {"type": "integer"}, "o": {"type": "object", "required": ["x"], "properties": {"x": {"type": "string"}}}}}),
        json!({}),
    ] {
        let schema: Schema = serde_json::from_value(schema).unwrap();
        let made = sample(&schema, "Topic").unwrap();
        assert_eq!(schema.check(&made), Vec::new(), "{made}");
        assert_eq!(sample(&schema, "Topic"), Some(made), "the same each time");
    }
    for schema in [json!({"type": "object", "format": "file"}), json!({"enum": []})] {
        let schema: Schema = serde_json::from_value(schema).unwrap();
        assert_eq!(sample(&schema, ""), None);
    }
    let samples = samples(&draft(), &agents(), &"research".into());
    assert_eq!(samples[MAP_PORT], json!([{"id": "Sample of id", "title": "Sample of title"}]));
    assert_eq!(samples["tone"], "formal");
    // A list of anything has what the step reads of its items.
    let mut loose = draft();
    loose.inputs.get_mut("parts").unwrap().schema = Schema::of(Kind::Array);
    let samples = super::samples(&loose, &agents(), &"research".into());
    assert_eq!(samples[MAP_PORT], json!([{"id": "sample", "title": "Sample of text"}]));
}
