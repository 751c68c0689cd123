//! Files as people and attackers write them: what comes back as it went, what is refused and where, and what an import comes to.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    AgentSpec, Definition,
    agent::AgentConfig,
    id::{AgentId, TemplateId},
};

mod hostile;

const MAIN: TemplateId = TemplateId(Uuid::from_u128(1));
const INNER: TemplateId = TemplateId(Uuid::from_u128(2));

fn spec(value: Value) -> AgentSpec {
    let mut value = value;
    value["outputs"] = json!([{"name": "text", "schema": {"type": "string"}}]);
    serde_json::from_value(value).unwrap()
}

fn writer(version: i32, template: &str) -> AgentSpec {
    spec(
        json!({"id": "writer", "version": version, "name": "Writer", "config": {"kind": "template", "template": template}}),
    )
}

fn caller(version: i32) -> AgentSpec {
    spec(json!({"id": "caller", "version": version, "name": "Caller", "config": {"kind": "http",
        "url": "https://api.example/", "headers": {"Accept": "text/plain", "Authorization": "Bearer c4n4ry"}}}))
}

fn section(version: i32) -> AgentSpec {
    spec(json!({"id": "section", "version": version, "name": "Section", "config": {"kind": "workflow",
        "template_id": INNER, "version": 4, "outputs": {"text": {"step": "a", "artifact": "text"}}}}))
}

fn workflow(name: &str, definition: &Value) -> Workflow {
    Workflow { name: name.into(), description: String::new(), definition: Definition::from_value(definition).unwrap() }
}

fn inner() -> Workflow {
    workflow("Section", &json!({"steps": {"a": {"agent_id": "writer", "agent_version": 2}}}))
}

/// A workflow of four steps, one of which runs another workflow.
fn gathered() -> Gathered {
    let draft = json!({"steps": {
        "a": {"agent_id": "writer", "ui": {"x": 1.5, "y": 2.0}, "inputs": {}},
        "b": {"agent_id": "writer", "agent_version": 2},
        "c": {"agent_id": "caller", "depends_on": ["a"], "review": {"mode": "always", "assignees": {"users": ["ada@x.y"]}}},
        "d": {"agent_id": "section", "agent_version": 9}
    }});
    Gathered {
        main: ("brief".into(), Some(workflow("Brief", &draft))),
        versions: BTreeMap::from([((INNER, 4), inner())]),
        slugs: BTreeMap::from([(INNER, "section".into())]),
        agents: [writer(2, "old"), writer(7, "new"), caller(3), section(9)]
            .map(|spec| ((spec.id.clone(), spec.version), spec))
            .into(),
    }
}

fn file() -> Value {
    serde_json::from_str(&assemble(gathered()).unwrap().to_text().unwrap()).unwrap()
}

/// Another Weft, in which nothing is yet.
fn nowhere() -> Here {
    Here { ids: BTreeMap::from([("brief".into(), MAIN), ("section".into(), INNER)]), ..Here::default() }
}

/// What has to be done, by somebody who waits as long as it takes.
fn plan(bundle: &Bundle, here: &Here) -> Plan {
    super::plan(bundle, here, &|| false).unwrap()
}

/// A Weft after what was planned was done.
fn after(here: &Here, plan: &Plan) -> Here {
    let mut here = here.clone();
    for action in &plan.actions {
        match action {
            Action::Agent { spec, .. } => here.agents.entry(spec.id.clone()).or_default().push((**spec).clone()),
            Action::Workflow(saved) => {
                let known = here.workflows.entry(saved.slug.clone()).or_insert_with(|| Known {
                    id: saved.id,
                    revision: 0,
                    name: String::new(),
                    description: String::new(),
                    draft: Definition::default(),
                    live: None,
                    versions: Vec::new(),
                    has_unpublished_changes: false,
                    is_archived: false,
                });
                assert_eq!(saved.base.unwrap_or_default(), known.revision);
                known.revision += 1;
                known.name.clone_from(&saved.name);
                known.description.clone_from(&saved.description);
                known.draft = saved.definition.clone();
                known.has_unpublished_changes = saved.publish.is_none();
                if let Some(version) = saved.publish {
                    known.live = Some(saved.definition.clone());
                    known.versions.push(Mark {
                        version,
                        name: saved.name.clone(),
                        description: saved.description.clone(),
                        semantic_hash: saved.definition.semantic_hash(),
                    });
                }
            }
        }
    }
    here
}

/// The file that this Weft would write of it.
fn exported(here: &Here, plan: &Plan) -> Bundle {
    let brief = &here.workflows["brief"];
    let main =
        Workflow { name: brief.name.clone(), description: brief.description.clone(), definition: brief.draft.clone() };
    let versions = plan.published.iter().map(|(key, definition)| {
        let name = &here.workflows.values().find(|known| known.id == key.0).unwrap().name;
        (*key, Workflow { name: name.clone(), description: String::new(), definition: definition.clone() })
    });
    let versions: BTreeMap<_, _> = versions.collect();
    let mut agents = BTreeMap::new();
    for step in versions.values().chain([&main]).flat_map(|workflow| workflow.definition.steps.values()) {
        let all = &here.agents[&step.agent_id];
        let spec = match step.agent_version {
            Some(version) => all.iter().find(|spec| spec.version == version).unwrap(),
            None => all.last().unwrap(),
        };
        agents.insert((spec.id.clone(), spec.version), spec.clone());
    }
    let slugs = here.workflows.iter().map(|(slug, known)| (known.id, slug.clone())).collect();
    assemble(Gathered { main: ("brief".into(), Some(main)), versions, slugs, agents }).unwrap()
}

#[test]
fn what_comes_in_goes_out_byte_for_byte() {
    let mut bundle = assemble(gathered()).unwrap();
    let drawn = |text: &str| crate::definition::Note { id: "n1".into(), text: text.into(), ..Default::default() };
    let definition = &mut bundle.workflows.get_mut("brief").unwrap()[0].definition;
    // Who is asked is granted here and not brought.
    definition.steps.get_mut("c").unwrap().review = crate::definition::Review::default();
    let step = definition.steps.get_mut("a").unwrap();
    (step.colour, step.group) = (Some(crate::definition::Colour::Teal), Some("g1".into()));
    definition.groups.insert("g1".into(), crate::definition::Group { title: "Intake".into(), colour: None });
    definition.notes.push(drawn("# Why"));
    let text = bundle.to_text().unwrap();
    assert_eq!(read(&serde_json::from_str(&text).unwrap()).unwrap(), bundle);
    let first = plan(&bundle, &nowhere());
    assert!(first.report.problems.is_empty(), "{:?}", first.report);
    let here = after(&nowhere(), &first);
    let again = plan(&bundle, &here);
    assert!(again.actions.is_empty() && !again.report.changes_something(), "{:?}", again.report);
    assert_eq!(exported(&here, &first).to_text().unwrap(), text);
    // A note alone is a change of the draft.
    bundle.workflows.get_mut("brief").unwrap()[0].definition.notes[0] = drawn("Because");
    let third = plan(&bundle, &here);
    assert!(third.report.changes_something(), "{:?}", third.report);
}

#[test]
fn no_secret_and_no_id_leaves() {
    let text = assemble(gathered()).unwrap().to_text().unwrap();
    assert!(!text.contains("c4n4ry"), "{text}");
    assert!(!text.contains(&INNER.to_string()) && !text.contains("template_id"), "{text}");
    assert_eq!(file()["left_out"], json!(["agents.caller[0].config.headers.Authorization"]));
    assert_eq!(file()["agents"]["section"][0]["config"]["workflow"], "section");
    assert_eq!(file()["workflows"]["brief"][0]["definition"]["steps"]["b"]["agent_version"], 1);
}

#[test]
fn an_import_says_what_it_would_do_and_grants_nothing() {
    let bundle = read(&file()).unwrap();
    let plan = plan(&bundle, &nowhere());
    let told: Vec<_> =
        plan.report.changes.iter().map(|change| (change.id.as_str(), change.act, change.version)).collect();
    assert_eq!(
        told,
        [
            ("caller", Act::Create, Some(1)),
            ("writer", Act::Create, Some(2)),
            ("section", Act::Create, Some(1)),
            ("section", Act::Create, Some(1)),
            ("brief", Act::Create, None)
        ]
    );
    let grants: Vec<_> = plan.report.grants.iter().map(|grant| (grant.kind, grant.name.as_str())).collect();
    assert_eq!(grants, [(GrantKind::Secret, "caller"), (GrantKind::Person, "ada@x.y")]);
    let calls: Vec<_> = plan.report.calls.iter().map(|note| (note.place.as_str(), note.message.as_str())).collect();
    assert_eq!(calls, [("agents.caller[0].config.url", "The agent `caller` sends to https://api.example/")]);
    let Some(Action::Workflow(saved)) = plan.actions.last() else { panic!("{:?}", plan.actions) };
    let gate = &saved.definition.steps["c"].review.assignees;
    assert_eq!((gate.users.len(), gate.roles.as_slice()), (0, ["admin".to_owned()].as_slice()));
    assert_eq!(saved.publish, None, "publishing is a person's");
    let open = plan.report.warnings.iter().filter(|note| note.message.contains("is for everybody until you say"));
    assert_eq!(open.count(), 1, "what is published with it, once: {:?}", plan.report.warnings);
}

#[test]
fn an_agent_that_was_deleted_is_made_anew_as_its_next_version() {
    let here = Here { retired: BTreeMap::from([("writer".into(), 4)]), ..nowhere() };
    let plan = plan(&read(&file()).unwrap(), &here);
    let writer: Vec<_> = plan.report.changes.iter().filter(|change| change.id == "writer").collect();
    assert!(matches!(writer.as_slice(), [change] if change.act == Act::Create && change.version == Some(6)));
    assert!(plan.report.conflicts.is_empty(), "{:?}", plan.report.conflicts);
    let bases = plan.actions.iter().filter_map(|action| match action {
        Action::Agent { base, spec, .. } if spec.id.as_str() == "writer" => Some(*base),
        _ => None,
    });
    assert_eq!(bases.collect::<Vec<_>>(), [Some(4), Some(5)]);
}

#[test]
fn what_differs_is_a_new_version_and_what_is_unpublished_is_a_conflict() {
    let bundle = read(&file()).unwrap();
    let here = after(&nowhere(), &plan(&bundle, &nowhere()));
    let mut edited = file();
    edited["agents"]["writer"][1]["config"]["template"] = json!("newer");
    edited["workflows"]["brief"][0]["name"] = json!("Briefing");
    let edited = plan(&read(&edited).unwrap(), &here);
    let told: Vec<_> =
        edited.report.changes.iter().map(|change| (change.id.as_str(), change.act, change.fields.join(" "))).collect();
    assert!(told.contains(&("writer", Act::NewVersion, "config.template".into())), "{told:?}");
    assert!(told.contains(&("brief", Act::SaveDraft, "name".into())), "{told:?}");
    // The draft that was never published, and the agent that is here.
    assert_eq!(edited.report.conflicts.len(), 2, "{:?}", edited.report.conflicts);
    assert_eq!(edited.actions.len(), 2);
    let same = plan(&bundle, &here);
    assert_ne!(same.report.digest, edited.report.digest);
    assert_eq!(same.report.digest, plan(&bundle, &here).report.digest);
}

#[test]
fn an_older_version_is_made_the_latest_again_where_a_step_follows_the_latest() {
    let bundle = read(&file()).unwrap();
    let mut here = after(&nowhere(), &plan(&bundle, &nowhere()));
    here.agents.get_mut("writer").unwrap().push(writer(3, "made here"));
    let plan = plan(&bundle, &here);
    let Some(Action::Agent { base: Some(3), spec, .. }) = plan.actions.first() else { panic!("{:?}", plan.actions) };
    assert!(matches!(&spec.config, AgentConfig::Template(config) if config.template == "new"));
    assert_eq!(spec.version, 4);
}

#[test]
fn a_secret_stays_with_its_address() {
    let bundle = read(&file()).unwrap();
    let mut here = nowhere();
    here.agents.insert("caller".into(), vec![caller(1)]);
    assert!(plan(&bundle, &here).report.grants.iter().all(|grant| grant.kind != GrantKind::Secret), "it is there");
    let mut edited = file();
    edited["agents"]["caller"][0]["name"] = json!("Calls");
    let made = plan(&read(&edited).unwrap(), &here);
    assert!(format!("{:?}", made.actions).contains("c4n4ry"));
    assert!(!serde_json::to_string(&made.report).unwrap().contains("c4n4ry"));
    assert!(made.report.calls[0].message.ends_with("https://api.example/"), "{:?}", made.report.calls);
    edited["agents"]["caller"][0]["config"]["url"] = json!("{{ to }}/x?token=c4n4ry");
    let made = plan(&read(&edited).unwrap(), &here);
    let led = "The agent `caller` sends to an address that is made up by each run: {{ to }}/x?token=";
    assert_eq!(made.report.calls[0].message, led);
    // All of the longest host: its end is whose it is.
    let host = format!("{}evil.example", "api.example.".repeat(20));
    edited["agents"]["caller"][0]["config"]["url"] = json!(format!("https://{host}/{}", "x".repeat(300)));
    let made = plan(&read(&edited).unwrap(), &here);
    assert!(made.report.calls[0].message.contains(&format!("{host}/")), "{:?}", made.report.calls);
    edited["agents"]["caller"][0]["config"]["url"] = json!("https://evil.example/");
    let made = plan(&read(&edited).unwrap(), &here);
    assert!(made.report.calls[0].message.ends_with("https://evil.example/"), "{:?}", made.report.calls);
    assert!(!format!("{:?}", made.actions).contains("c4n4ry"));
    assert!(made.report.grants.iter().any(|grant| grant.kind == GrantKind::Secret));
}

#[test]
fn a_secret_goes_by_its_name_and_a_file_grants_none() {
    let mut file = file();
    file["agents"]["caller"][0]["config"]["headers"]["Authorization"] = json!("Bearer ${secret.github}");
    let bundle = read(&file).unwrap();
    let made = plan(&bundle, &nowhere());
    let secrets = made.report.grants.iter().filter(|grant| grant.kind == GrantKind::Secret);
    let secrets: Vec<_> = secrets.map(|grant| (grant.place.as_str(), grant.name.as_str())).collect();
    assert_eq!(secrets, [("agents.caller[0].config.headers.Authorization", "github")]);
    assert!(format!("{:?}", made.actions).contains("Bearer ${secret.github}"));
    // Where it is already, nothing is to be done.
    let here = after(&nowhere(), &made);
    assert!(plan(&bundle, &here).report.grants.iter().all(|grant| grant.kind != GrantKind::Secret));
}

#[test]
fn an_outside_agent_is_never_made() {
    let worker = json!({"kind": "worker", "hash": crate::agent::offer_hash(&[], &writer(1, "x").outputs, crate::definition::SideEffects::None)});
    let worker = spec(json!({"id": "crawler", "version": 1, "name": "Crawler", "config": worker}));
    let draft = workflow("Brief", &json!({"steps": {"a": {"agent_id": "crawler", "agent_version": 1}}}));
    let gathered = Gathered {
        main: ("brief".into(), Some(draft)),
        agents: BTreeMap::from([(("crawler".into(), 1), worker.clone())]),
        ..Gathered::default()
    };
    let bundle = assemble(gathered).unwrap();
    let plan_of = |here: &Here| plan(&bundle, here);
    let made = plan_of(&nowhere());
    assert_eq!(made.report.grants[0].kind, GrantKind::Worker);
    assert!(made.actions.iter().all(|action| matches!(action, Action::Workflow(_))));
    let mut here = nowhere();
    here.agents.insert("crawler".into(), vec![worker]);
    assert!(plan_of(&here).report.grants.is_empty());
}

#[test]
fn a_provider_that_is_not_set_up_is_told() {
    let mut file = file();
    file["agents"]["writer"][1]["config"] = json!({"kind": "llm", "provider": "Cloud", "model": "m", "prompt": "p"});
    let bundle = read(&file).unwrap();
    let providers = |here: &Here| {
        plan(&bundle, here).report.grants.iter().filter(|grant| grant.kind == GrantKind::Provider).count()
    };
    assert_eq!(providers(&nowhere()), 1);
    assert_eq!(providers(&Here { providers: ["cloud".to_owned()].into(), ..nowhere() }), 0);
}

/// A file, changed at a place.
fn with(pointer: &str, value: Value) -> Value {
    let mut file = file();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = if parent.is_empty() { &mut file } else { file.pointer_mut(parent).unwrap() };
    match (value, parent) {
        (Value::Null, Value::Object(map)) => {
            map.shift_remove(key);
        }
        (value, Value::Object(map)) => {
            map.insert(key.to_owned(), value);
        }
        (value, Value::Array(items)) => items.push(value),
        _ => panic!("{pointer}"),
    }
    file
}

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
fn a_thousand_steps_are_read_and_planned() {
    let steps: serde_json::Map<String, Value> =
        (0..1_000).map(|n| (format!("s{n}"), json!({"agent_id": "writer"}))).collect();
    let bundle = read(&json!({"weft": 1, "main": "big",
        "workflows": {"big": [{"name": "Big", "definition": {"steps": steps}}]},
        "agents": {"writer": [{"name": "W", "outputs": [{"name": "text"}], "config": {"kind": "template", "template": "x"}}]}}))
    .unwrap();
    let here = Here { ids: BTreeMap::from([("big".into(), MAIN)]), ..Here::default() };
    let plan = plan(&bundle, &here);
    assert_eq!(plan.actions.len(), 2);
    assert!(plan.report.problems.is_empty());
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

proptest! {
    /// Whatever a document holds, reading it ends, and what is read is written and read the same.
    #[test]
    fn reading_never_panics_and_writing_is_its_inverse(at in 0_usize..40, value in any_value()) {
        let mut file = file();
        let mut pointers = Vec::new();
        pointers_of("", &file, &mut pointers);
        let pointer = pointers[at * pointers.len() / 40].clone();
        *file.pointer_mut(&pointer).unwrap() = value;
        if let Ok(bundle) = read(&file) {
            let text = bundle.to_text().unwrap();
            let again = read(&serde_json::from_str(&text).unwrap()).unwrap();
            prop_assert_eq!(again.to_text().unwrap(), text);
            prop_assert_eq!(&again, &bundle);
            let _ = plan(&bundle, &nowhere());
        }
    }
}

fn pointers_of(at: &str, value: &Value, pointers: &mut Vec<String>) {
    pointers.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| pointers_of(&format!("{at}/{key}"), value, pointers)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| pointers_of(&format!("{at}/{n}"), value, pointers));
        }
        _ => {}
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| json!(n)),
        "[a-z_]{0,8}".prop_map(Value::String),
        Just(json!("__proto__")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Agents go by name, which no other test here needs.
#[test]
fn an_agent_that_no_file_holds_is_taken_as_it_is_here() {
    let bundle = read(&json!({"weft": 1, "main": "brief", "workflows": {"brief": [{"name": "B", "definition": {"steps": {"a": {"agent_id": "writer"}}}}]}})).unwrap();
    assert_eq!(plan(&bundle, &nowhere()).report.warnings.len(), 1, "the agent is nowhere");
    let here = Here { agents: BTreeMap::from([(AgentId::from("writer"), vec![writer(1, "x")])]), ..nowhere() };
    assert!(plan(&bundle, &here).report.warnings.is_empty());
}
