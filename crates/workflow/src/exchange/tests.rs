//! Files as people and attackers write them: what comes back as it went, what is refused and where, and what an import comes to.

mod anything;
mod granted;
mod hostile;
mod refused;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    AgentSpec, Definition,
    agent::AgentConfig,
    id::{AgentId, TemplateId},
};

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

/// Agents go by name, which no other test here needs.
#[test]
fn an_agent_that_no_file_holds_is_taken_as_it_is_here() {
    let bundle = read(&json!({"weft": 1, "main": "brief", "workflows": {"brief": [{"name": "B", "definition": {"steps": {"a": {"agent_id": "writer"}}}}]}})).unwrap();
    assert_eq!(plan(&bundle, &nowhere()).report.warnings.len(), 1, "the agent is nowhere");
    let here = Here { agents: BTreeMap::from([(AgentId::from("writer"), vec![writer(1, "x")])]), ..nowhere() };
    assert!(plan(&bundle, &here).report.warnings.is_empty());
}
