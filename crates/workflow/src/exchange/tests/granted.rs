//! What an import never brings along: secrets, outside agents, providers. What it would need is told, for somebody to grant.

use super::*;

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
