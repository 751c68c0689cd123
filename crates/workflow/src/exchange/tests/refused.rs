//! What is refused, with its place and in words, and what is not told because it could not be read again.

use super::*;

#[test]
fn a_bad_file_is_refused_with_its_place() {
    let step = "/workflows/brief/0/definition/steps";
    let deep = (0..70).fold(json!(1), |value, _| json!([value]));
    for (file, place, words) in [
        (json!([]), "", "no file of workflows"),
        (json!({"steps": {}}), "weft", "is missing"),
        (with("/weft", json!(2)), "weft", "version 2 of the format; this Weft reads version 1"),
        (with("/weft", json!("1")), "weft", "version \"1\""),
        (with("/main", json!("nobody")), "main", "no workflow `nobody`"),
        (with("/main", Value::Null), "main", "by its slug"),
        (with("/__proto__", json!({"isAdmin": true})), "__proto__", "no such field"),
        (with("/constructor", json!({})), "constructor", "no such field"),
        (with("/workflows/__proto__", json!([])), "workflows.__proto__", "slug"),
        (with("/agents/__proto__", json!([])), "agents.__proto__", "begins with a letter"),
        (with("/workflows/brief/0/owner", json!("me")), "workflows.brief[0].owner", "no such field"),
        (with("/agents/writer/0/id", json!("x")), "agents.writer[0].id", "no such field"),
        (with("/agents/writer/0/config", json!({"kind": "llm", "promt": "x"})), "agents.writer[0].config", "promt"),
        (with("/agents/writer/0/config", json!({"kind": "shell"})), "agents.writer[0].config", "shell"),
        (with("/agents/writer/0/name", json!("a\u{0}b")), "agents.writer[0].name", "NUL"),
        (with("/agents/writer/0/config/template", deep), "agents.writer[0]", "deeper than 64"),
        (with("/agents/writer", json!([])), "agents.writer", "empty"),
        (with("/agents/writer", json!({})), "agents.writer", "list of versions"),
        (
            with("/agents/section/0/config/workflow", json!("brief")),
            "agents.section[0].config.workflow",
            "brief → brief",
        ),
        (
            with("/agents/section/0/config/workflow", json!("other")),
            "agents.section[0].config.workflow",
            "`other` is not in the file",
        ),
        (with("/agents/section/0/config/version", json!(2)), "agents.section[0].config.version", "from 1 to 1"),
        (
            with("/agents/section/0/config/template_id", json!(MAIN)),
            "agents.section[0].config.template_id",
            "Ids mean nothing",
        ),
        (
            with(&format!("{step}/b/agent_version"), json!(3)),
            "workflows.brief[0].definition.steps.b.agent_version",
            "from 1 to 2",
        ),
        (
            with(&format!("{step}/b/timeout_s"), json!("soon")),
            "workflows.brief[0].definition.steps.b.timeout_s",
            "invalid type",
        ),
        (
            with("/agents/idle", json!([{"name": "Idle", "config": {"kind": "template", "template": "x"}}])),
            "agents.idle[0]",
            "leads here",
        ),
        (with("/workflows/idle", json!([{"name": "Idle", "definition": {}}])), "workflows.idle[0]", "leads here"),
        (
            with("/workflows/brief/-", json!({"name": "Again", "definition": {}})),
            "workflows.brief",
            "stands there once",
        ),
        (
            with("/workflows/section/0/definition/steps/a/agent_id", json!("gone")),
            "workflows.section[0].definition.steps.a.agent_id",
            "not in the file",
        ),
    ] {
        let faults = read(&file).expect_err(words);
        let told = faults.iter().any(|fault| fault.place.starts_with(place) && fault.message.contains(words));
        assert!(told, "{place} {words}: {faults:?}");
        assert!(faults[0].place == place || faults[0].place.starts_with(place), "{faults:?}");
    }
}

#[test]
fn every_fault_is_told_at_once_and_none_endlessly() {
    let mut file = with("/workflows/brief/0/owner", json!("me"));
    file["agents"]["writer"][0]["oops"] = json!(1);
    assert_eq!(read(&file).unwrap_err().len(), 2);
    let many: serde_json::Map<String, Value> = (0..5_000).map(|n| (format!("K{n}"), json!(1))).collect();
    assert_eq!(read(&with("/workflows/brief/0", json!(many))).unwrap_err().len(), 100);
}

#[test]
fn workflows_lead_back_over_several_or_go_too_deep() {
    let one = |agent: &str| json!([{"name": "W", "definition": {"steps": {"a": {"agent_id": agent}}}}]);
    let runs = |slug: &str| json!([{"name": "A", "outputs": [{"name": "text"}], "config": {"kind": "workflow", "workflow": slug, "version": 1, "outputs": {"text": {"step": "a", "artifact": "text"}}}}]);
    let round = json!({"weft": 1, "main": "a", "workflows": {"a": one("to-b"), "b": one("to-c"), "c": one("to-b")},
        "agents": {"to-b": runs("b"), "to-c": runs("c")}});
    let faults = read(&round).unwrap_err();
    assert!(faults[0].message.contains("a → b → c → b"), "{faults:?}");
    for (n, is_fine) in [(15, true), (16, false), (900, false)] {
        let mut file = json!({"weft": 1, "main": "w0", "workflows": {}, "agents": {}});
        for k in 0..n {
            file["workflows"][format!("w{k}")] = one(&format!("a{}", k + 1));
            file["agents"][format!("a{}", k + 1)] = runs(&format!("w{}", k + 1));
        }
        file["workflows"][format!("w{n}")] = one("leaf");
        file["agents"]["leaf"] =
            json!([{"name": "L", "outputs": [{"name": "text"}], "config": {"kind": "template", "template": "x"}}]);
        let read = read(&file);
        assert_eq!(read.is_ok(), is_fine, "{n}: {read:?}");
    }
}

#[test]
fn what_could_not_be_imported_is_not_told() {
    let with_steps = |n: usize| {
        let steps: serde_json::Map<_, _> =
            (0..n).map(|n| (format!("s{n}"), json!({"agent_id": "writer", "agent_version": 2}))).collect();
        let versions = BTreeMap::from([((INNER, 4), workflow("Section", &json!({"steps": steps})))]);
        assemble(Gathered { versions, ..gathered() })
    };
    // Four are the draft's own.
    assert_eq!(with_steps(crate::limits::MAX_STEPS - 3), Err(Untold::TooManySteps(crate::limits::MAX_STEPS + 1)));
    let file = with_steps(crate::limits::MAX_STEPS - 4).unwrap().to_text().unwrap();
    assert!(read(&serde_json::from_str(&file).unwrap()).is_ok());
}

#[test]
fn a_workflow_without_a_slug_or_around_itself_is_not_told() {
    let mut around = gathered();
    around.slugs.insert(INNER, "brief".into());
    assert_eq!(assemble(around), Err(Untold::Cycle));
    let mut unnamed = gathered();
    unnamed.slugs.clear();
    assert_eq!(assemble(unnamed), Err(Untold::NoSlug(INNER)));
}
