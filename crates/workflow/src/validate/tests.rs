//! The validator as a table: one definition, the codes it is told.
//! Words and positions are the product's: a test that changes them changes what people read.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{AgentCatalog, AgentSpec, Definition, ProblemCode as Code, Severity, problem::Problem, validate};

fn agents() -> AgentCatalog {
    let specs: Vec<AgentSpec> = serde_json::from_value(json!([
        {"id": "source", "version": 1, "name": "Source",
         "outputs": [{"name": "text", "schema": {"type": "string"}}, {"name": "n", "schema": {"type": "integer"}}],
         "config": {"kind": "template", "template": "x"}},
        {"id": "sink", "version": 3, "name": "Sink",
         "inputs": [{"name": "text", "schema": {"type": "string"}, "required": true}, {"name": "any"}],
         "outputs": [{"name": "out"}],
         "config": {"kind": "http", "url": "https://example.com"}},
        {"id": "form", "version": 1, "name": "Form", "outputs": [{"name": "answer", "schema": {"type": "string"}}],
         "config": {"kind": "human", "instructions": "x"}},
        {"id": "lister", "version": 1, "name": "Lister", "outputs": [{"name": "list", "schema": {"type": "array",
         "items": {"type": "object", "properties": {"title": {"type": "string"}, "n": {"type": "integer"}}}}}],
         "config": {"kind": "template", "template": "[]"}},
        {"id": "joiner", "version": 1, "name": "Joiner",
         "inputs": [{"name": "texts", "schema": {"type": "array", "items": {"type": "string"}}, "required": true}],
         "outputs": [{"name": "text", "schema": {"type": "string"}}], "config": {"kind": "template", "template": "x"}},
        {"id": "parts", "version": 1, "name": "Parts", "outputs": [{"name": "out", "schema": {"type": "object", "properties": {
            "name": {"type": "string"}, "n": {"type": "number"}, "whole": {"type": "integer"}, "flag": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}}, "kind": {"type": "string", "enum": ["long", "short"]},
            "free": {}}}}],
         "config": {"kind": "template", "template": "{}"}},
        {"id": "writer", "version": 1, "name": "Writer",
         "inputs": [{"name": "title", "schema": {"type": "string"}, "required": true}],
         "outputs": [{"name": "text", "schema": {"type": "string"}}], "config": {"kind": "template", "template": "x"}},
    ]))
    .unwrap();
    AgentCatalog::new(specs)
}

fn problems(definition: &Value) -> Vec<Problem> {
    validate(&Definition::from_value(definition).unwrap(), &agents()).1
}

fn codes(definition: &Value) -> Vec<Code> {
    problems(definition).into_iter().map(|problem| problem.code).collect()
}

fn sink(more: &Value) -> Value {
    let mut step = json!({"agent_id": "sink", "depends_on": ["a"],
        "inputs": {"text": {"from": "step", "step": "a", "artifact": "text"}}});
    for (key, value) in more.as_object().unwrap() {
        step[key] = value.clone();
    }
    json!({"steps": {"a": {"agent_id": "source"}, "b": step}})
}

#[test]
fn a_null_constant_is_nothing_given() {
    assert_eq!(codes(&sink(&json!({"inputs": {"text": {"const": null}}}))), [Code::MissingInput]);
    assert_eq!(codes(&sink(&json!({"inputs": {"text": {"const": "x"}, "any": {"const": null}}}))), []);
}

#[test]
fn each_mistake_has_its_code() {
    let table: [(Value, &[Code]); 26] = [
        (sink(&json!({})), &[]),
        (json!({"steps": {}}), &[Code::NoSteps]),
        (json!({"steps": {"Bad Key": {"agent_id": "source"}}}), &[Code::InvalidKey]),
        (json!({"steps": {"a": {"agent_id": "nobody"}}}), &[Code::UnknownAgent]),
        (json!({"steps": {"a": {"agent_id": "source", "agent_version": 9}}}), &[Code::UnknownAgentVersion]),
        (json!({"steps": {"a": {"agent_id": "source", "depends_on": ["a"]}}}), &[Code::SelfDependency]),
        (json!({"steps": {"a": {"agent_id": "source", "depends_on": ["zz"]}}}), &[Code::UnknownStep]),
        (
            json!({"steps": {"a": {"agent_id": "source", "depends_on": ["b"]}, "b": {"agent_id": "source", "depends_on": ["a"]}}}),
            &[Code::Cycle, Code::Cycle],
        ),
        (sink(&json!({"inputs": {}})), &[Code::MissingInput]),
        (sink(&json!({"depends_on": []})), &[Code::SourceNotUpstream]),
        (sink(&json!({"inputs": {"text": {"from": "step", "step": "a", "artifact": "zz"}}})), &[Code::UnknownArtifact]),
        (sink(&json!({"inputs": {"text": {"from": "step", "step": "zz", "artifact": "text"}}})), &[Code::UnknownStep]),
        (sink(&json!({"inputs": {"text": {"from": "step", "step": "a", "artifact": "n"}}})), &[Code::TypeMismatch]),
        (sink(&json!({"inputs": {"text": {"const": 5}}})), &[Code::TypeMismatch]),
        (sink(&json!({"inputs": {"text": {"const": "x"}, "zz": {"const": 1}}})), &[Code::UnknownPort]),
        (sink(&json!({"inputs": {"text": {"from": "run", "key": "zz"}}})), &[Code::UnknownRunInput]),
        (sink(&json!({"prompt": "x"})), &[Code::NoPrompt]),
        (sink(&json!({"timeout_s": 0})), &[Code::InvalidValue]),
        (sink(&json!({"queue_timeout_s": 0})), &[Code::InvalidValue]),
        (sink(&json!({"queue_timeout_s": 60})), &[]),
        (sink(&json!({"when": {"exists": {"from": "run", "key": "x"}}})), &[Code::UnknownRunInput]),
        (sink(&json!({"trigger_rule": "all_done"})), &[]),
        (sink(&json!({"cache": true})), &[Code::NotSupportedYet]),
        (sink(&json!({"review": {"mode": "always", "quorum": 2}})), &[]),
        (sink(&json!({"review": {"mode": "always"}})), &[]),
        (
            json!({"inputs": {"topic": {"schema": {"type": "string"}}}, "steps": {"a": {"agent_id": "source"}}}),
            &[Code::UnusedInput],
        ),
    ];
    for (definition, expected) in table {
        let mut found = codes(&definition);
        let mut wanted = expected.to_vec();
        found.sort_by_key(|code| format!("{code:?}"));
        wanted.sort_by_key(|code| format!("{code:?}"));
        assert_eq!(found, wanted, "{definition}");
    }
}

/// One step that maps over a typed list, and one that reads all its items made.
fn mapped(path: &str, value: Value) -> Value {
    let mut document = json!({"steps": {
        "a": {"agent_id": "lister"},
        "m": {"agent_id": "writer", "depends_on": ["a"], "inputs": {"title": {"from": "item", "path": "/title"}},
              "map": {"over": {"from": "step", "step": "a", "artifact": "list"}, "key": "/n", "max_parallel": 5}},
        "j": {"agent_id": "joiner", "depends_on": ["m"],
              "inputs": {"texts": {"from": "step", "step": "m", "artifact": "text"}}}}});
    set(&mut document, path, value);
    document
}

fn set(document: &mut Value, path: &str, value: Value) {
    let (parent, name) = path.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[name] = value;
}

#[test]
fn a_map_is_checked_from_its_list_to_what_others_read_of_it() {
    let item = |path: &str| json!({"title": {"from": "item", "path": path}});
    let table: [(&str, Value, &str); 15] = [
        ("/notes", json!([]), ""),
        ("/steps/m/inputs", item("/n"), "m inputs.title type_mismatch"),
        ("/steps/m/inputs", item("/unknown"), "m inputs.title unknown_path"),
        ("/steps/m/inputs", item("title"), "m inputs.title invalid_value"),
        ("/steps/a/inputs", json!({"x": {"from": "item"}}), "a inputs.x unknown_port; a inputs.x invalid_value"),
        ("/steps/m/when", json!({"exists": {"from": "item"}}), "m when.exists invalid_value"),
        ("/steps/m/map/over", json!({"from": "item"}), "m map.over invalid_value"),
        ("/steps/m/map/over/path", json!("/0/title"), "m map.over type_mismatch; m inputs.title type_unknown"),
        ("/steps/m/map/over/path", json!("/0/unknown"), "m map.over unknown_path"),
        ("/steps/m/map/over", json!({"const": [{"n": 1}, {"n": 1}]}), "m map.over invalid_value"),
        ("/steps/m/map/max_items", json!(0), "m map.max_items invalid_value"),
        ("/steps/m/map/max_items", json!(10_001), "m map.max_items invalid_value"),
        ("/steps/m/map/max_parallel", json!(0), "m map.max_parallel invalid_value"),
        ("/steps/m/map/key", json!("id"), "m map.key invalid_value"),
        ("/steps/j/agent_id", json!("sink"), "j inputs.texts unknown_port; j inputs.text missing_input"),
    ];
    for (path, value, expected) in table {
        assert_told(&mapped(path, value), expected);
    }
    let single = json!({"text": {"from": "step", "step": "m", "artifact": "text"}});
    let mut document = mapped("/steps/j/agent_id", json!("sink"));
    set(&mut document, "/steps/j/inputs", single);
    // One text is wanted, but a map gives a list of them.
    assert_told(&document, "j inputs.text type_mismatch");
}

fn assert_told(document: &Value, expected: &str) {
    let told = |problem: &Problem| {
        let code = serde_json::to_value(problem.code).unwrap();
        let step = problem.step.as_ref().map_or("-", crate::StepKey::as_str);
        format!("{step} {} {}", problem.field.as_deref().unwrap_or("-"), code.as_str().unwrap())
    };
    let mut found: Vec<String> = problems(document).iter().map(told).collect();
    let mut wanted: Vec<String> = expected.split("; ").filter(|line| !line.is_empty()).map(str::to_owned).collect();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted, "{document}");
}

#[test]
fn a_gate_that_binds_is_passed_by_nobody_but_its_people() {
    let form = |more: Value| {
        let mut step = json!({"agent_id": "form"});
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"steps": {"a": step}})
    };
    let admins = json!({"roles": ["admin"], "users": []});
    let by_time = |more: Value| {
        let mut review = json!({"mode": "always", "timeout_s": 60, "on_timeout": "approve"});
        review.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "review": review })
    };
    let table: [(Value, &str); 6] = [
        (sink(&by_time(json!({"quorum": 2}))), "b review.on_timeout invalid_value"),
        (sink(&by_time(json!({"assignees": admins}))), "b review.on_timeout invalid_value"),
        (sink(&by_time(json!({"allow_self": false}))), "b review.on_timeout invalid_value"),
        (
            form(
                json!({"review": {"quorum": 2, "timeout_s": 60, "on_timeout": "approve"}, "default_output": {"answer": "no"}}),
            ),
            "a review.on_timeout invalid_value",
        ),
        (
            sink(
                &json!({"review": {"mode": "always", "quorum": 2}, "on_error": "default", "default_output": {"out": 1}}),
            ),
            "b on_error invalid_value",
        ),
        (sink(&json!({"review": {"mode": "always"}, "on_error": "default", "default_output": {"out": 1}})), ""),
    ];
    for (document, expected) in table {
        assert_told(&document, expected);
    }
}

#[test]
fn gates_limits_and_fallbacks_are_checked() {
    let form = |more: Value| {
        let mut document = json!({"steps": {"a": {"agent_id": "form"}}});
        for (key, value) in more.as_object().unwrap() {
            document["steps"]["a"][key] = value.clone();
        }
        document
    };
    let whole = |limits: Value| json!({"limits": limits, "steps": {"a": {"agent_id": "form"}}});
    let review = |review: Value| sink(&json!({ "review": review }));
    let admins = json!({"roles": ["admin"], "users": ["Ann@example.com"]});
    let table: [(Value, &str); 43] = [
        (review(json!({"mode": "always", "assignees": admins, "quorum": 2})), ""),
        (review(json!({"assignees": admins})), "b review.assignees invalid_value"),
        (review(json!({"quorum": 2})), "b review.quorum invalid_value"),
        (form(json!({"review": {"assignees": admins, "quorum": 2}})), ""),
        (review(json!({"mode": "always", "quorum": 0})), "b review.quorum invalid_value"),
        (review(json!({"mode": "always", "quorum": 21})), "b review.quorum invalid_value"),
        (
            review(json!({"mode": "always", "quorum": 2, "assignees": {"users": ["a@b"]}})),
            "b review.quorum invalid_value",
        ),
        (
            review(json!({"mode": "always", "assignees": {"roles": ["owner"]}})),
            "b review.assignees.roles.0 invalid_value",
        ),
        (review(json!({"mode": "always", "quorum": 2, "assignees": {"groups": ["legal"]}})), ""),
        (
            review(json!({"mode": "always", "assignees": {"groups": ["Legal team", "legal", "legal"]}})),
            "b review.assignees.groups.0 invalid_value; b review.assignees.groups.2 duplicate",
        ),
        (
            review(json!({"mode": "always", "assignees": {"users": ["ann", "a@b", "A@b"]}})),
            "b review.assignees.users.0 invalid_value; b review.assignees.users.2 duplicate",
        ),
        (review(json!({"mode": "always", "max_rounds": 0})), ""),
        (review(json!({"mode": "always", "max_rounds": 51})), "b review.max_rounds invalid_value"),
        (review(json!({"mode": "always", "timeout_s": 0})), "b review.timeout_s invalid_value"),
        (review(json!({"mode": "always", "timeout_s": 60, "on_timeout": "approve"})), ""),
        (review(json!({"mode": "always", "on_timeout": "approve"})), "b review.on_timeout no_effect"),
        (form(json!({"review": {"timeout_s": 60, "on_timeout": "approve"}})), "a default_output missing_output"),
        (form(json!({"review": {"timeout_s": 60, "on_timeout": "approve"}, "default_output": {"answer": "no"}})), ""),
        (
            form(json!({"review": {"timeout_s": 60, "on_timeout": "approve"}, "default_output": {"answer": 1}})),
            "a default_output.answer type_mismatch",
        ),
        (sink(&json!({"on_error": "continue"})), ""),
        (sink(&json!({"on_error": "default"})), "b default_output missing_output"),
        (sink(&json!({"on_error": "default", "default_output": {"out": [1]}})), ""),
        (sink(&json!({"on_error": "default", "default_output": {}})), "b default_output.out missing_output"),
        (sink(&json!({"on_error": "default", "default_output": 5})), "b default_output invalid_value"),
        (
            sink(&json!({"on_error": "default", "default_output": {"out": 1, "zz": 1}})),
            "b default_output.zz unknown_artifact",
        ),
        (sink(&json!({"default_output": {"out": 1}})), "b default_output no_effect"),
        (whole(json!({"max_parallel": 4, "timeout_s": 60, "budget": {"tokens": 1}})), ""),
        (whole(json!({"max_parallel": 0})), "- limits.max_parallel invalid_value"),
        (whole(json!({"timeout_s": 0})), "- limits.timeout_s invalid_value"),
        (whole(json!({"timeout_s": 2_592_001})), "- limits.timeout_s invalid_value"),
        (whole(json!({"budget": {}})), "- limits.budget invalid_value"),
        (whole(json!({"budget": {"tokens": 0}})), "- limits.budget.tokens invalid_value"),
        (whole(json!({"budget": {"cost_micros": -1}})), "- limits.budget.cost_micros invalid_value"),
        (sink(&json!({"concurrency": {"key": {"const": "db"}, "limit": 1}})), ""),
        (sink(&json!({"concurrency": {"key": {"const": "db"}, "limit": 0}})), "b concurrency.limit invalid_value"),
        (sink(&json!({"concurrency": {"key": {"const": ""}, "limit": 1}})), "b concurrency.key invalid_value"),
        (sink(&json!({"concurrency": {"key": {"const": 5}, "limit": 1}})), "b concurrency.key invalid_value"),
        (
            sink(&json!({"concurrency": {"key": {"from": "run", "key": "zz"}, "limit": 1}})),
            "b concurrency.key unknown_run_input",
        ),
        (
            sink(&json!({"concurrency": {"key": {"from": "step", "step": "a", "artifact": "text"}, "limit": 1}})),
            "b concurrency.key invalid_value",
        ),
        (sink(&json!({"retry": {"on": ["invalid_output"]}})), ""),
        (sink(&json!({"retry": {"on": ["bad_luck"]}})), "b retry.on invalid_value"),
        (sink(&json!({"retry": {"max_ms": 86_400_001}})), "b retry.max_ms invalid_value"),
        (
            sink(&json!({"when": {"eq": [{"from": "step", "step": "zz", "artifact": "x"}, {"const": 1}]}})),
            "b when.eq.0 unknown_step",
        ),
    ];
    for (document, expected) in table {
        assert_told(&document, expected);
    }
    let mut keyed = sink(&json!({"concurrency": {"key": {"from": "run", "key": "who"}, "limit": 1}}));
    for (schema, expected) in [
        (json!({"type": "string"}), ""),
        (json!({}), "b concurrency.key type_unknown"),
        (json!({"type": "number"}), "b concurrency.key type_mismatch"),
    ] {
        keyed["inputs"] = json!({"who": {"schema": schema}});
        assert_told(&keyed, expected);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "tests write their documents in place")]
/// A step with a condition over a producer whose one output has parts of every type.
fn judged(when: Value) -> Value {
    json!({"steps": {"a": {"agent_id": "parts"}, "b": {"agent_id": "source", "depends_on": ["a"], "when": when}}})
}

fn part(path: &str) -> Value {
    json!({"from": "step", "step": "a", "artifact": "out", "path": path})
}

#[test]
fn a_condition_that_cannot_hold_is_told_at_its_place() {
    let c = |value: Value| json!({ "const": value });
    let table = [
        (json!({"eq": [part("/name"), c(json!("x"))]}), ""),
        (json!({"eq": [part("/n"), c(json!(5))]}), ""),
        (json!({"eq": [part("/whole"), part("/n")]}), ""),
        (json!({"eq": [part("/free"), c(json!(5))]}), ""),
        (json!({"lt": [part("/name"), c(json!("x"))]}), ""),
        (json!({"contains": [part("/tags"), c(json!("x"))]}), ""),
        (json!({"contains": [part("/name"), c(json!("x"))]}), ""),
        (json!({"in": [part("/name"), c(json!(["a", "b"]))]}), ""),
        (json!({"in": [c(json!("name")), part("")]}), ""),
        (json!({"eq": [part("/kind"), c(json!("long"))]}), ""),
        // A text and a number.
        (json!({"eq": [part("/name"), c(json!(5))]}), "when.eq.1 type_mismatch"),
        (json!({"ne": [part("/n"), c(json!("5"))]}), "when.ne.1 type_mismatch"),
        (json!({"lt": [part("/n"), c(json!("5"))]}), "when.lt.1 type_mismatch"),
        (json!({"gt": [part("/name"), part("/n")]}), "when.gt.1 type_mismatch"),
        (json!({"ge": [part("/flag"), c(json!(1))]}), "when.ge.0 type_mismatch"),
        (json!({"le": [part("/name"), c(json!([1]))]}), "when.le.1 type_mismatch"),
        (json!({"contains": [part("/tags"), c(json!(5))]}), "when.contains.1 type_mismatch"),
        (json!({"contains": [part("/n"), c(json!(5))]}), "when.contains.0 type_mismatch"),
        (json!({"contains": [part("/name"), c(json!(5))]}), "when.contains.1 type_mismatch"),
        (json!({"in": [part("/name"), c(json!([1, 2]))]}), "when.in.0 type_mismatch"),
        (json!({"in": [part("/name"), c(json!(7))]}), "when.in.1 type_mismatch"),
        (json!({"eq": [part("/kind"), c(json!("lnog"))]}), "when.eq.1 type_mismatch"),
        // Unfinished.
        (json!({"eq": [part("/name"), c(json!(null))]}), "when.eq.1 invalid_value"),
        (json!({"lt": [c(json!(null)), part("/n")]}), "when.lt.0 invalid_value"),
        (json!({"in": [part("/name"), c(json!([]))]}), "when.in.1 invalid_value"),
        (json!({"and": []}), "when.and invalid_value"),
        (json!({"or": [{"and": []}]}), "when.or.0.and invalid_value"),
        (json!({"exists": c(json!(1))}), "when.exists invalid_value"),
        (json!({"exists": {"from": "run", "key": ""}}), "when.exists invalid_value"),
        (json!({"eq": [{"from": "step", "step": "a", "artifact": ""}, c(json!(1))]}), "when.eq.0 invalid_value"),
        // Paths.
        (json!({"exists": part("/nmae")}), "when.exists unknown_path"),
        (json!({"not": {"exists": part("/name/first")}}), "when.not.exists unknown_path"),
        (json!({"exists": part("/tags/first")}), "when.exists unknown_path"),
        (json!({"exists": part("/tags/0")}), ""),
        (json!({"exists": part("/free/whatever/there/is")}), ""),
        (json!({"and": [{"exists": part("/n")}, {"eq": [part("/zz"), c(json!(1))]}]}), "when.and.1.eq.0 unknown_path"),
    ];
    for (when, expected) in table {
        let expected = if expected.is_empty() { String::new() } else { format!("b {expected}") };
        assert_told(&judged(when), &expected);
    }
    let words = |when: Value| problems(&judged(when)).remove(0).message;
    assert_eq!(
        words(json!({"exists": part("/nmae")})),
        "The path `/nmae` leads nowhere: there is no `nmae`; there are name, n, whole, flag, tags, kind, free"
    );
    assert_eq!(
        words(json!({"eq": [part("/name"), c(json!(5))]})),
        "A text is never equal to a number: compare it with a text, or choose another source"
    );
    assert_eq!(
        words(json!({"eq": [part("/kind"), c(json!("lnog"))]})),
        r#"It is never "lnog": there are "long", "short""#
    );
}

#[test]
fn a_path_that_the_schema_lacks_is_told_wherever_there_is_one() {
    let input = |path: &str| json!({"text": part(path)});
    let mut document = json!({"inputs": {"who": {"schema": {"type": "object", "properties": {"city": {"type": "string"}}}}},
        "steps": {"a": {"agent_id": "parts"}, "b": {"agent_id": "sink", "depends_on": ["a"], "inputs": input("/name")}}});
    document["steps"]["b"]["concurrency"] = json!({"key": {"from": "run", "key": "who", "path": "/city"}, "limit": 1});
    assert_told(&document, "");
    document["steps"]["b"]["inputs"] = input("/nmae");
    document["steps"]["b"]["concurrency"]["key"]["path"] = json!("/ctiy");
    assert_told(&document, "b inputs.text unknown_path; b concurrency.key unknown_path");
    let mut map = mapped("/steps/m/map/key", json!("/id"));
    assert_told(&map, "m map.key unknown_path");
    set(&mut map, "/steps/m/map/key", json!("/title"));
    set(&mut map, "/steps/m/inputs", json!({"title": {"from": "item", "path": "/titel"}}));
    assert_told(&map, "m inputs.title unknown_path");
}

#[test]
fn a_step_prompt_is_judged_as_a_template() {
    for (prompt, expected) in [
        ("{{ title }}", ""),
        ("{{ titel }}", "a prompt unknown_name"),
        ("{{ title", "a prompt invalid_value"),
        ("{% if titel %}x{% endif %}", "a prompt unknown_name"),
        ("{% set x = titel %}{{ x }}", "a prompt unknown_name"),
    ] {
        let step = json!({"agent_id": "writer", "prompt": prompt, "inputs": {"title": {"const": "x"}}});
        assert_told(&json!({"steps": {"a": step}}), expected);
    }
}

#[test]
fn a_problem_names_its_step_and_field() {
    let problem = problems(&sink(&json!({"inputs": {}}))).remove(0);
    assert_eq!((problem.step.unwrap().as_str(), problem.field.as_deref()), ("b", Some("inputs.text")));
    assert_eq!(problem.severity, Severity::Error);
}

#[test]
fn a_grandparents_artifact_may_be_read_and_becomes_a_direct_dependency() {
    let definition = Definition::from_value(&json!({"steps": {
        "a": {"agent_id": "source"},
        "b": {"agent_id": "source", "depends_on": ["a"]},
        "c": {"agent_id": "sink", "depends_on": ["b"], "inputs": {"text": {"from": "step", "step": "a", "artifact": "text"}}},
    }}))
    .unwrap();
    let (plan, problems) = validate(&definition, &agents());
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(plan.steps["c"].dependencies.len(), 2);
    assert_eq!(plan.steps["c"].agent_version, Some(3));
    assert_eq!(plan.order.iter().map(crate::StepKey::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn ten_thousand_steps_are_judged_in_a_moment() {
    let keys: Vec<String> = (0..9_998).map(|n| format!("s{n}")).collect();
    let mut steps: serde_json::Map<String, Value> =
        keys.iter().map(|key| (key.clone(), json!({"agent_id": "source", "depends_on": ["first"]}))).collect();
    steps.insert("first".into(), json!({"agent_id": "source"}));
    steps.insert("last".into(), json!({"agent_id": "source", "depends_on": keys}));
    let definition = Definition::from_value(&json!({"steps": steps})).unwrap();
    let (plan, problems) = validate(&definition, &agents());
    assert!(problems.is_empty());
    assert_eq!(plan.order.len(), 10_000);
}

proptest! {
    #[test]
    fn the_plan_orders_every_dependency_before_its_dependent(edges in prop::collection::vec((0_u8..9, 0_u8..9), 0..30)) {
        let mut steps = serde_json::Map::new();
        for n in 0..9 {
            let deps: Vec<String> =
                edges.iter().filter(|(a, b)| *b == n && a < b).map(|(a, _)| format!("s{a}")).collect();
            steps.insert(format!("s{n}"), json!({"agent_id": "source", "depends_on": deps}));
        }
        let (plan, _) = validate(&Definition::from_value(&json!({"steps": steps})).unwrap(), &agents());
        for (at, key) in plan.order.iter().enumerate() {
            for dependency in &plan.steps[key].dependencies {
                prop_assert!(plan.order[..at].contains(dependency));
            }
        }
    }
}
