//! Files of attackers: what would cost too much, what would be hidden from whoever reads the list, and what would go live unseen.

use std::collections::BTreeSet;

use super::*;

/// A file of one step with this agent.
fn of_one_step(step: &Value, agents: &Value) -> Value {
    json!({"weft": 1, "main": "brief", "workflows": {"brief": [{"name": "B", "definition": {"steps": {"a": step}}}]}, "agents": agents})
}

#[test]
fn a_title_and_a_crowd_of_assignees_cost_little() {
    let title = "t".repeat(100_000);
    let crowd: Vec<String> = (0..3_000).map(|n| format!("a{n}@x.y")).collect();
    let review = json!({"mode": "always", "assignees": {"users": crowd}});
    let faults =
        read(&of_one_step(&json!({"agent_id": "x", "title": title, "review": review}), &json!({}))).unwrap_err();
    let places: Vec<&str> = faults.iter().map(|fault| fault.place.as_str()).collect();
    let step = "workflows.brief[0].definition.steps.a";
    assert_eq!(places, [format!("{step}.title"), format!("{step}.review.assignees")]);
    let one = json!({"mode": "always", "assignees": {"users": [format!("{}@x.y", "a".repeat(300))]}});
    assert_eq!(read(&of_one_step(&json!({"agent_id": "x", "review": one}), &json!({}))).unwrap_err().len(), 1);

    // As many as are let in, each of a title as long as it may be.
    let review = json!({"mode": "always", "assignees": {"users": &crowd[..100]}});
    let steps: serde_json::Map<String, Value> = (0..500)
        .map(|n| (format!("s{n}"), json!({"agent_id": "x", "title": "t".repeat(200), "review": review})))
        .collect();
    let mut file = of_one_step(&json!({}), &json!({}));
    file["workflows"]["brief"][0]["definition"]["steps"] = steps.into();
    let made = plan(&read(&file).unwrap(), &nowhere());
    assert_eq!((made.report.grants.len(), made.report.grants[500].message.as_str()), (501, "and 49500 more"));
    assert!(serde_json::to_string(&made.report).unwrap().len() < 1_000_000);
}

#[test]
fn a_long_name_of_an_agent_and_too_many_ports_are_refused() {
    let agent = |name: &str, n: usize| {
        let outputs: Vec<Value> = (0..n).map(|n| json!({"name": format!("p{n}")})).collect();
        let headers: serde_json::Map<String, Value> = (0..n).map(|n| (format!("h{n}"), json!("x"))).collect();
        json!({"caller": [{"name": name, "outputs": outputs, "config": {"kind": "http", "url": "https://a.example/", "headers": headers}}]})
    };
    let step = json!({"agent_id": "caller"});
    let faults = read(&of_one_step(&step, &agent(&"n".repeat(201), 1))).unwrap_err();
    assert_eq!(faults[0].place, "agents.caller[0].name");
    let made = plan(&read(&of_one_step(&step, &agent(&"n".repeat(200), 40_000))).unwrap(), &nowhere());
    assert_eq!(made.report.problems[0].place, "agents.caller[0].outputs");
    assert_eq!(made.report.grants.len(), 501);
    assert!(serde_json::to_string(&made.report).unwrap().len() < 1_000_000);
}

#[test]
fn a_nul_is_found_under_a_key_of_any_length() {
    for key in ["k".repeat(10), "k".repeat(4_001), "k".repeat(1_000_000)] {
        let inputs = json!({"x": {"title": "X", "schema": {"type": "string"}, "default": {key: "\u{0}"}}});
        let faults = read(&with("/workflows/section/0/definition/inputs", inputs)).unwrap_err();
        let told = &faults[0];
        assert!(told.place.starts_with("workflows.section[0].definition.inputs.x.default.kkk"), "{}", told.place);
        assert!(told.place.len() < 200 && told.message.contains("NUL"), "{told:?}");
    }
    let faults = read(&with("/workflows/section/0/definition/inputs", json!({"a\u{0}b": {}}))).unwrap_err();
    assert_eq!(faults[0].place, "workflows.section[0].definition.inputs.a␀b");
}

/// One version of an agent after the other.
fn versions_of_writer(n: usize) -> Value {
    let versions = (0..n).map(|n| json!({"name": format!("W{n}"), "outputs": [{"name": "text", "schema": {"type": "string"}}], "config": {"kind": "template", "template": "x"}}));
    versions.collect::<Vec<_>>().into()
}

#[test]
fn the_largest_file_of_versions_is_refused() {
    let steps: serde_json::Map<String, Value> =
        (1..=999).map(|n| (format!("s{n}"), json!({"agent_id": "writer", "agent_version": n}))).collect();
    let file = |n: usize| {
        let mut file = of_one_step(&json!({}), &json!({"writer": versions_of_writer(n)}));
        file["workflows"]["brief"][0]["definition"]["steps"] = steps.clone().into();
        file
    };
    let began = std::time::Instant::now();
    let bundle = read(&file(999)).unwrap();
    let made = plan(&bundle, &nowhere());
    assert_eq!(made.actions.len(), 1_000, "the draft is one of a thousand");
    assert!(plan(&bundle, &after(&nowhere(), &made)).actions.is_empty());
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    let faults = read(&file(1_000)).unwrap_err();
    assert_eq!(faults[0].place, "agents.writer");
    assert!(faults[0].message.contains("1001 versions"), "{faults:?}");
}

#[test]
fn the_steps_of_all_workflows_are_counted_together() {
    let steps = |n: usize| -> Value {
        let steps = (0..n).map(|n| (format!("s{n}"), json!({"agent_id": "writer"})));
        steps.collect::<serde_json::Map<_, _>>().into()
    };
    let mut file = with("/workflows/brief/0/definition/steps", steps(6_000));
    file["workflows"]["section"][0]["definition"]["steps"] = steps(4_001);
    let faults = read(&file).unwrap_err();
    assert_eq!(faults[0].place, "workflows.section[0].definition.steps");
    assert!(faults[0].message.contains("10,001 steps"), "{faults:?}");
}

#[test]
fn who_waits_no_longer_gets_no_plan() {
    let bundle = read(&file()).unwrap();
    let n_asked = std::cell::Cell::new(0);
    let is_over = || {
        n_asked.set(n_asked.get() + 1);
        n_asked.get() > 2
    };
    assert_eq!(crate::exchange::plan(&bundle, &nowhere(), &is_over), Err(GivenUp));
    assert_eq!(n_asked.get(), 3, "the rest was not looked at");
}

#[test]
fn the_digest_knows_nothing_of_ids_that_are_drawn_anew() {
    let bundle = read(&file()).unwrap();
    let ids = |n: u128| Here {
        ids: BTreeMap::from([
            ("brief".into(), TemplateId(Uuid::from_u128(n))),
            ("section".into(), TemplateId(Uuid::from_u128(n + 1))),
        ]),
        ..Here::default()
    };
    assert_eq!(plan(&bundle, &ids(10)).report.digest, plan(&bundle, &ids(20)).report.digest);
}

/// A file in which two agents run two versions of one workflow; and a third the second one alone.
fn two_versions() -> (Value, Value) {
    let runs = |version: usize| json!([{"name": "S", "outputs": [{"name": "text", "schema": {"type": "string"}}], "config": {"kind": "workflow", "workflow": "section", "version": version, "outputs": {"text": {"step": "a", "artifact": "text"}}}}]);
    let section = |title: &str| json!({"name": "Section", "definition": {"steps": {"a": {"agent_id": "writer", "agent_version": 1, "title": title}}}});
    let main = |agents: &[&str]| -> Value {
        let steps = agents.iter().map(|agent| ((*agent).to_owned(), json!({"agent_id": agent, "agent_version": 1})));
        let steps: serde_json::Map<_, _> = steps.collect();
        json!([{"name": "Brief", "definition": {"steps": steps}}])
    };
    let writer = json!([{"name": "W", "outputs": [{"name": "text", "schema": {"type": "string"}}], "config": {"kind": "template", "template": "x"}}]);
    let both = json!({"weft": 1, "main": "brief", "workflows": {"brief": main(&["first", "second"]), "section": [section("old"), section("new")]},
        "agents": {"first": runs(1), "second": runs(2), "writer": writer}});
    let newest = json!({"weft": 1, "main": "brief", "workflows": {"brief": main(&["third"]), "section": [section("new")]},
        "agents": {"third": runs(1), "writer": writer}});
    (both, newest)
}

#[test]
fn the_newest_of_a_file_is_the_live_one() {
    let (both, newest) = two_versions();
    let first = plan(&read(&newest).unwrap(), &nowhere());
    assert!(first.report.problems.is_empty(), "{:?}", first.report.problems);
    let here = after(&nowhere(), &first);
    let second = plan(&read(&both).unwrap(), &here);
    let here = after(&here, &second);
    let section = &here.workflows["section"];
    assert_eq!(section.versions.iter().map(|mark| mark.version).collect::<Vec<_>>(), [1, 2, 3], "new, old, new again");
    for definition in [&section.draft, section.live.as_ref().unwrap()] {
        assert_eq!(definition.steps["a"].title, "new");
    }
    assert!(!plan(&read(&both).unwrap(), &here).report.changes_something(), "once is enough");

    // Of an agent too, though nothing follows its latest.
    let steps =
        json!({"a": {"agent_id": "writer", "agent_version": 1}, "b": {"agent_id": "writer", "agent_version": 2}});
    let mut file = of_one_step(&json!({}), &json!({"writer": versions_of_writer(2)}));
    file["workflows"]["brief"][0]["definition"]["steps"] = steps;
    let bundle = read(&file).unwrap();
    let known = AgentSpec { version: 1, ..bundle.agents["writer"][1].spec.clone() };
    let here = Here { agents: BTreeMap::from([("writer".into(), vec![known])]), ..nowhere() };
    let here = after(&here, &plan(&bundle, &here));
    let names: Vec<&str> = here.agents["writer"].iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["W1", "W0", "W1"]);
}

#[test]
fn what_becomes_live_is_a_conflict_and_a_lost_gate_is_told() {
    let (_, file) = two_versions();
    let here = after(&nowhere(), &plan(&read(&file).unwrap(), &nowhere()));
    let told = |file: &Value, here: &Here| -> String {
        let conflicts = plan(&read(file).unwrap(), here).report.conflicts;
        conflicts.into_iter().map(|note| format!("{}: {}", note.place, note.message)).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(told(&file, &here), "", "nothing changes");
    let mut edited = file.clone();
    edited["workflows"]["section"][0]["definition"]["steps"]["a"]["title"] = json!("edited");
    let conflicts = told(&edited, &here);
    assert!(conflicts.contains("workflows.section[0]: “Section” is published here"), "{conflicts}");
    assert!(conflicts.contains("agents.third[0]: The agent `third` is here"), "it runs another version: {conflicts}");
    let mut gated = here;
    let review = json!({"mode": "always", "quorum": 2});
    let section = gated.workflows.get_mut("section").unwrap();
    let live = section.live.as_mut().unwrap();
    live.steps.get_mut("a").unwrap().review = serde_json::from_value(review.clone()).unwrap();
    let conflicts = told(&edited, &gated);
    assert!(
        conflicts.contains("definition.steps.a.review: The review of the step “new” would be another"),
        "{conflicts}"
    );
    edited["workflows"]["section"][0]["definition"]["steps"]["a"]["review"] = review;
    assert!(!told(&edited, &gated).contains("The review of the step"), "it stays");
    edited["workflows"]["section"][0]["definition"]["steps"] = json!({"b": {"agent_id": "writer", "agent_version": 1}});
    assert!(told(&edited, &gated).contains("would be gone, and with it the review"));
}

#[test]
fn where_data_goes_is_told() {
    let led = json!({"id": "caller", "version": 1, "name": "Caller", "inputs": [{"name": "base", "schema": {"type": "string"}}],
        "config": {"kind": "http", "url": "{{ base | safe }}/x", "headers": {"Authorization": "c4n4ry"}}});
    let here = Here { agents: BTreeMap::from([("caller".into(), vec![spec(led)])]), ..nowhere() };
    let base = json!({"const": "https://evil.example"});
    let step = json!({"agent_id": "caller", "inputs": {"base": base}});
    let bundle = read(&of_one_step(&step, &json!({}))).unwrap();
    let made = plan(&bundle, &here);
    let [conflict] = made.report.conflicts.as_slice() else { panic!("{:?}", made.report.conflicts) };
    assert_eq!(conflict.place, "workflows.brief[0].definition.steps.a.inputs");
    assert!(conflict.message.contains("`base` is \"https://evil.example\""), "{conflict:?}");
    assert!(!serde_json::to_string(&made.report).unwrap().contains("c4n4ry"));
    // Once it is here, a file that says it again says nothing new.
    let mut here = after(&here, &made);
    here.workflows.get_mut("brief").unwrap().has_unpublished_changes = false;
    let mut renamed = of_one_step(&step, &json!({}));
    renamed["workflows"]["brief"][0]["name"] = json!("Renamed");
    assert!(plan(&read(&renamed).unwrap(), &here).report.conflicts.is_empty());
}

#[test]
fn an_outside_agent_stands_in_for_no_other_kind() {
    let outputs = json!([{"name": "text", "schema": {"type": "string"}}]);
    let hash = crate::agent::offer_hash(&[], &writer(1, "x").outputs, crate::definition::SideEffects::None);
    let worker =
        json!({"writer": [{"name": "Writer", "outputs": outputs, "config": {"kind": "worker", "hash": hash}}]});
    let bundle = read(&of_one_step(&json!({"agent_id": "writer"}), &worker)).unwrap();
    assert!(plan(&bundle, &nowhere()).report.problems.is_empty());
    let here = Here { agents: BTreeMap::from([("writer".into(), vec![writer(1, "x")])]), ..nowhere() };
    let problems = plan(&bundle, &here).report.problems;
    assert!(problems.iter().any(|told| told.message.contains("another kind of agent here")), "{problems:?}");
}

#[test]
fn a_secret_goes_in_the_request_for_which_it_was_given_and_in_no_other() {
    let caller = |name: &str, path: &str, body: &str| {
        json!({"name": name, "outputs": [{"name": "text", "schema": {"type": "string"}}],
            "config": {"kind": "http", "method": "POST", "url": format!("https://api.example/{path}"), "body": body,
                "headers": {"Authorization": "Bearer ${secret.key}"}}})
    };
    let of = |caller: &Value| {
        read(&of_one_step(&json!({"agent_id": "caller"}), &json!({"caller": [caller.clone()]}))).unwrap()
    };
    let mut here = after(&nowhere(), &plan(&of(&caller("Caller", "user", "")), &nowhere()));
    here.granted = BTreeSet::from([("caller".into(), "key".into())]);
    let told = |caller: &Value, here: &Here| {
        let made = plan(&of(caller), here);
        let asked = made.actions.iter().find_map(|action| match action {
            Action::Agent { asked_anew, .. } => Some(asked_anew.len()),
            Action::Workflow(_) => None,
        });
        let is_conflict = made.report.conflicts.iter().any(|note| note.message.contains("in another request"));
        let is_to_grant = made.report.grants.iter().any(|grant| grant.kind == GrantKind::Secret);
        (asked, is_conflict, is_to_grant)
    };
    assert_eq!(told(&caller("Renamed", "user", ""), &here), (Some(0), false, false));
    for other in [caller("Caller", "user/keys", ""), caller("Caller", "user", "mine")] {
        assert_eq!(told(&other, &here), (Some(1), true, true), "{other}");
    }
    let mut other = caller("Caller", "user", "");
    other["inputs"] = json!([{"name": "x", "schema": {"type": "object"}}]);
    assert_eq!(told(&other, &here), (Some(1), true, true), "another input");
    here.granted.clear();
    assert_eq!(told(&caller("Caller", "user", "mine"), &here), (Some(1), false, true), "it may not use it anyway");
}
