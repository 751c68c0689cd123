//! Lineage over REST: of a run of thirty steps with retries, an edit, a re-run and a rollback, back to the inputs of the run; and how long
//! it takes, which is told but judged by nobody here.

use std::time::Instant;

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::{
    flaky::Flaky,
    harness::{RUNS, Server, latest},
};

const STEPS: usize = 30;

fn key(n: usize) -> String {
    format!("s{n:02}")
}

/// Each step reads the two before it.
fn definition() -> Value {
    let from = |n: usize| json!({"from": "step", "step": key(n), "artifact": "text"});
    let steps: serde_json::Map<String, Value> = (0..STEPS)
        .map(|n| {
            let (inputs, depends_on) = match n {
                0 => (json!({"a": {"from": "run", "key": "text"}}), vec![]),
                1 => (json!({"a": from(0)}), vec![key(0)]),
                _ => (json!({"a": from(n - 1), "b": from(n - 2)}), vec![key(n - 1), key(n - 2)]),
            };
            let step = json!({"agent_id": "pair", "depends_on": depends_on, "inputs": inputs, "retry": {"initial_ms": 2, "max_ms": 5}});
            (key(n), step)
        })
        .collect();
    json!({"inputs": {"text": {"schema": {"type": "string"}, "required": true}}, "steps": steps})
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn everything_an_artifact_was_made_from_is_told_in_one_call(pool: PgPool) {
    let server = Server::start_with(pool, Flaky::new()).await;
    let agent = json!({"id": "pair", "name": "Pair",
        "inputs": [{"name": "a", "schema": {"type": "string"}, "required": true}, {"name": "b", "schema": {"type": "string"}}],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "template", "template": "{{ a | upper }}"}});
    server.admin.post("/api/agents", agent).await.expect(201);
    let template = server.publish("Thirty", definition()).await;
    let run = server.anna.start(&template, "flaky").await;
    let path = format!("{RUNS}/{run}");
    let done = server.anna.settled(&run).await;
    assert_eq!(done["status"], "completed");

    // One is edited, those after it run again with another prompt for one of them, and one is rolled back.
    let edit = json!({"artifacts": {"text": "FLAKY by hand"}});
    server.anna.post(&format!("{path}/steps/s10/edit"), edit).await.expect(200);
    let again = json!({"mode": "downstream", "prompt_override": "{{ a }} again"});
    server.anna.post(&format!("{path}/steps/s11/rerun"), again).await.expect(202);
    let done = server.anna.settled(&run).await;
    let first =
        done["artifacts"].as_array().unwrap().iter().find(|it| it["producing_step_id"] == "s20" && it["version"] == 1);
    let back = format!("{path}/artifacts/{}/rollback", first.unwrap()["id"].as_str().unwrap());
    let done = server.anna.post(&back, json!({})).await.expect(200);

    let last = latest(&done, "s29")["id"].as_str().unwrap().to_owned();
    let of = |id: &str| format!("{path}/artifacts/{id}/lineage");
    let lineage = server.anna.get(&of(&last)).await.expect(200);
    let nodes = lineage["artifacts"].as_array().unwrap();
    let node = |key: &str, version: i64| {
        nodes.iter().find(|it| it["artifact"]["producing_step_id"] == key && it["artifact"]["version"] == version)
    };
    assert_eq!(nodes[0]["artifact"]["id"], json!(last), "the asked one comes first");
    let ids: std::collections::BTreeSet<_> = nodes.iter().map(|it| it["artifact"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), nodes.len(), "each is told once");
    for n in 0..STEPS {
        let version = if n < 10 { 1 } else { 2 };
        assert!(node(&key(n), version).is_some(), "{}: {:?}", key(n), ids.len());
    }
    assert!(node("s20", 1).is_none(), "it was made from what was latest then, whatever is latest now");
    assert_eq!(node("s00", 1).unwrap()["inputs"], json!([{"port": "a", "from": "run_input", "key": "text"}]));
    let edited = node("s10", 2).unwrap();
    assert_eq!(
        (&edited["artifact"]["origin"], &edited["artifact"]["made_by"]),
        (&json!("human_edit"), &json!("anna@example.org"))
    );
    assert_eq!(node("s11", 2).unwrap()["prompt"], "{{ a }} again");
    assert_eq!(node("s12", 2).unwrap()["prompt"], "{{ a | upper }}");
    assert_eq!(node("s05", 1).unwrap()["failed_attempts"], 1);
    assert_eq!(node("s05", 1).unwrap()["inputs"].as_array().unwrap().len(), 2);

    let stale = server.anna.get(&format!("{path}/stale")).await.expect(200);
    let directly = |key: &str| stale[key]["because"].as_array().is_some_and(|because| !because.is_empty());
    // The version that is latest again was made from what `s19` and `s18` had said before.
    assert!(directly("s20") && directly("s21") && directly("s22") && !directly("s23"), "{stale:#}");
    assert!(stale.get("s29").is_some() && stale.get("s19").is_none(), "{stale:#}");

    let mut took = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        server.anna.get(&of(&last)).await.expect(200);
        took.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    took.sort_by(f64::total_cmp);
    eprintln!("lineage of {} versions over 30 steps: p50 {:.1} ms, p95 {:.1} ms", nodes.len(), took[100], took[190]);
    server.stop().await;
}
