//! A run as files: the archive is opened and its hashes compared, and the report holds nothing that runs or asks for anything.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    sync::Arc,
};

use agents::{Agent, AgentContext, AgentError, Output, StepInput, StepOutput};
use async_trait::async_trait;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use zip::ZipArchive;

use crate::harness::{Answer, RUNS, Server, step};

/// The files of an archive by their names, which the manifest tells the same of.
fn opened(answer: &Answer) -> (BTreeMap<String, Vec<u8>>, Value) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut archive = ZipArchive::new(Cursor::new(answer.bytes.as_slice())).unwrap();
    let mut files = BTreeMap::new();
    for n in 0..archive.len() {
        let mut file = archive.by_index(n).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        let name = file.name().unwrap().into_owned();
        assert!(files.insert(name.clone(), bytes).is_none(), "{name} is there twice");
    }
    let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    let listed = manifest["files"].as_array().unwrap();
    assert_eq!(listed.len() + 1, files.len());
    for file in listed {
        let bytes = &files[file["name"].as_str().unwrap()];
        assert_eq!(file["sha256"], hex::encode(Sha256::digest(bytes)), "{file:#}");
        assert_eq!(file["size"], bytes.len());
    }
    (files, manifest)
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_is_taken_out_whole_and_by_those_who_may_see_it(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("always").await;
    let run = server.anna.start(&template, "<script>alert(1)</script> <b>é</b>\u{202E}").await;
    server.anna.settled(&run).await;
    let path = format!("{RUNS}/{run}");
    server
        .anna
        .post(&format!("{path}/steps/shout/reject"), json!({"feedback": "Say <img src=x> \"no\""}))
        .await
        .expect(200);
    let view = server.anna.settled(&run).await;
    assert_eq!(step(&view, "shout")["status"], "awaiting_review");
    server.anna.post(&format!("{path}/steps/shout/continue"), json!({})).await.expect(200);
    let view = server.anna.settled(&run).await;
    assert_eq!(view["status"], "completed");

    for file in ["export.zip", "report.html"] {
        server.ben.get(&format!("{path}/{file}")).await.problem(404, "not_found");
        server.nobody.get(&format!("{path}/{file}")).await.problem(401, "unauthenticated");
    }
    let answer = server.anna.get(&format!("{path}/export.zip")).await;
    assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"run-{run}.zip\""));
    assert_eq!(
        (answer.header("content-type"), answer.header("x-content-type-options")),
        ("application/zip", "nosniff")
    );
    let (files, manifest) = opened(&answer);
    assert_eq!((&manifest["run"], &manifest["seq"]), (&json!(run), &view["seq"]));
    let definition: Value = serde_json::from_slice(&files["definition.json"]).unwrap();
    assert_eq!(definition["steps"], view["run_definition"]["steps"]);
    assert_eq!(serde_json::from_slice::<Value>(&files["inputs.json"]).unwrap(), view["inputs"]);
    let events: Vec<Value> = files["events.jsonl"]
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let seqs: Vec<i64> = events.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, (1..=view["seq"].as_i64().unwrap()).collect::<Vec<_>>());
    // Every version, as it was given.
    let artifacts = view["artifacts"].as_array().unwrap();
    let of_artifacts: Vec<&Value> =
        manifest["files"].as_array().unwrap().iter().filter(|file| !file["artifact"].is_null()).collect();
    assert_eq!(of_artifacts.len(), artifacts.len());
    assert!(artifacts.len() >= 3, "two rounds, and the step after them: {artifacts:#?}");
    for artifact in artifacts {
        let file = of_artifacts.iter().find(|file| file["artifact"]["id"] == artifact["id"]).unwrap();
        assert_eq!(file["sha256"], artifact["content_hash"]);
        assert_eq!(file["artifact"]["version"], artifact["version"]);
    }

    let report = server.anna.get(&format!("{path}/report.html")).await;
    assert_eq!(report.header("content-disposition"), format!("attachment; filename=\"run-{run}.html\""));
    assert!(report.header("content-security-policy").starts_with("sandbox; default-src 'none'"));
    assert_eq!(report.header("x-content-type-options"), "nosniff");
    let html = report.text();
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"), "{html}");
    for words in [
        "Shouting</bdi>, version 1",
        "&lt;SCRIPT&gt;ALERT(1)&lt;/SCRIPT&gt;",
        "Rejected by anna@example.org, round 1",
        "Say &lt;img src=x&gt; &quot;no&quot;",
        "Approved by anna@example.org",
        ", approved by <bdi>anna@example.org</bdi>",
    ] {
        assert!(html.contains(words), "{words} in {html}");
    }
    let lower = html.to_lowercase();
    for forbidden in ["<script", "<img", "<b>", "http://", "https://", "<link", "<iframe", "@import", "url("] {
        assert!(!lower.contains(forbidden), "{forbidden} in {html}");
    }
    server.stop().await;
}

/// Says at once what it is given, and ten megabytes where that is `large`.
struct Quick;

const LARGE: usize = 10 * 1024 * 1024;

impl engine::Agents for Quick {
    fn for_kind(&self, _kind: &str) -> Option<Arc<dyn Agent>> {
        Some(Arc::new(Self))
    }
}

#[async_trait]
impl Agent for Quick {
    async fn run(&self, input: StepInput, _ctx: &AgentContext) -> Result<StepOutput, AgentError> {
        let text = input.values.get("text").and_then(Value::as_str).unwrap_or_default();
        let bytes = if text == "large" { vec![b'x'; LARGE] } else { text.as_bytes().to_vec() };
        let output = Output { name: "text".into(), media_type: "text/plain".into(), bytes };
        Ok(StepOutput { outputs: vec![output], ..StepOutput::default() })
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_of_a_thousand_items_and_ten_megabytes_is_taken_out(pool: PgPool) {
    let server = Server::start_with(pool, Arc::new(Quick)).await;
    server.shouting_agent().await;
    let words: Vec<String> =
        (0..1_000).map(|n| if n == 500 { "large".to_owned() } else { format!("../{n}") }).collect();
    let definition = json!({"steps": {"each": {"agent_id": "shout", "inputs": {"text": {"from": "item", "path": ""}},
        "map": {"over": {"const": words}}}}});
    let template = server.publish("A thousand", definition).await;
    let started = server.anna.post(RUNS, json!({"template_id": template})).await.expect(201);
    let run = started["id"].as_str().unwrap();
    let view = server.anna.settled(run).await;
    assert_eq!(view["status"], "completed");

    let path = format!("{RUNS}/{run}");
    let (files, manifest) = opened(&server.anna.get(&format!("{path}/export.zip")).await);
    let named: Vec<&String> = files.keys().filter(|name| name.starts_with("artifacts/")).collect();
    assert_eq!(named.len(), view["artifacts"].as_array().unwrap().len());
    assert!(named.len() >= 1_000, "{}", named.len());
    assert!(named.iter().all(|name| !name.contains("..") && name.matches('/').count() == 1), "{named:?}");
    let listed = manifest["files"].as_array().unwrap();
    let is_of_item = |file: &&Value| file["artifact"]["step"].as_str().is_some_and(|step| step.starts_with("each["));
    assert_eq!(listed.iter().filter(|file| is_of_item(file) && file["size"] == LARGE).count(), 1);

    let report = server.anna.get(&format!("{path}/report.html")).await;
    let html = report.text();
    assert_eq!(html.matches("<section class=\"item\">").count(), 1_000);
    assert!(html.contains("This is its beginning"));
    assert!(report.bytes.len() < 4 * 1024 * 1024, "of what is long only the beginning: {}", report.bytes.len());
    server.stop().await;
}
