//! The verbs on steps over REST, executed by the real engine: their answers, their races, and what they refuse.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::harness::{CARA, RUNS, Server, latest, step};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_edit_makes_descendants_stale_and_a_rollback_fresh_again(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let run = server.anna.start(&template, "hello").await;
    let path = format!("{RUNS}/{run}");
    let done = server.anna.settled(&run).await;
    let one = latest(&done, "shout")["id"].as_str().unwrap().to_owned();
    let stale = async || server.anna.get(&format!("{path}/stale")).await.expect(200);
    assert_eq!(stale().await, json!({}));

    let edit = json!({"artifacts": {"text": "EDITED"}, "expect_generation": 1});
    let edited = server.anna.post(&format!("{path}/steps/shout/edit"), edit).await.expect(200);
    assert_eq!(
        (&latest(&edited, "shout")["version"], &latest(&edited, "shout")["origin"]),
        (&json!(2), &json!("human_edit"))
    );
    let because = stale().await["again"]["because"][0].clone();
    assert_eq!(
        because,
        json!({"kind": "artifact", "port": "text", "step": "shout", "name": "text", "consumed": 1, "now": 2})
    );
    let back = server.anna.post(&format!("{path}/artifacts/{one}/rollback"), json!({})).await.expect(200);
    assert_eq!(latest(&back, "shout")["version"], 1);
    assert_eq!(stale().await, json!({}));
    let missing = "00000000-0000-7000-8000-000000000000";
    server.anna.post(&format!("{path}/artifacts/{missing}/rollback"), json!({})).await.problem(404, "not_found");
    server.anna.post(&format!("{path}/artifacts/first/rollback"), json!({})).await.problem(404, "not_found");

    let again = latest(&back, "again")["id"].as_str().unwrap().to_owned();
    let lineage = server.anna.get(&format!("{path}/artifacts/{again}/lineage")).await.expect(200);
    let nodes = lineage["artifacts"].as_array().unwrap();
    assert_eq!(
        (nodes.len(), &nodes[0]["artifact"]["id"], &nodes[1]["artifact"]["id"]),
        (2, &json!(again), &json!(one))
    );
    assert_eq!(nodes[1]["inputs"][0], json!({"port": "text", "from": "run_input", "key": "text"}));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_re_run_does_what_its_dry_run_said(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let run = server.anna.start(&template, "hello").await;
    let path = format!("{RUNS}/{run}/steps/shout/rerun");
    server.anna.settled(&run).await;
    let dry = server.anna.post(&path, json!({"mode": "downstream", "dry_run": true})).await.expect(200);
    let keys: Vec<&str> = dry["steps"].as_array().unwrap().iter().map(|step| step["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["again", "shout"]);
    let body = json!({"mode": "downstream", "prompt_override": "{{ text | lower }}"});
    let accepted = server.anna.post_under("k", &path, &body).await.expect(202);
    assert_eq!(step(&accepted, "shout")["generation"], 2);
    let done = server.anna.settled(&run).await;
    assert_eq!(server.anna.post_under("k", &path, &body).await.expect(202)["seq"], done["seq"], "one key, one effect");
    for key in keys {
        assert_eq!((&step(&done, key)["generation"], &latest(&done, key)["version"]), (&json!(2), &json!(2)), "{key}");
    }
    server.anna.post_under("k", &path, &json!({"mode": "step_only"})).await.problem(409, "idempotency_mismatch");
    let mode = server.anna.post(&path, json!({"mode": "sideways"})).await.problem(422, "invalid");
    assert_eq!(mode["field"], "mode");
    server.stop().await;
}

/// `top`, then a map and a step side by side, then a join and an end; and one apart.
fn diamond() -> Value {
    let from = |step: &str| json!({"from": "step", "step": step, "artifact": "text"});
    let step =
        |a: Value, b: Value, after: Value| json!({"agent_id": "pair", "depends_on": after, "inputs": {"a": a, "b": b}});
    let one = json!({"const": "x"});
    let mut each = step(json!({"from": "item", "path": "/say"}), from("top"), json!(["top"]));
    each["map"] = json!({"over": {"const": [{"id": "i", "say": "x"}, {"id": "j", "say": "y"}]}, "key": "/id"});
    json!({"steps": {
        "top": step(one.clone(), one.clone(), json!([])),
        "each": each,
        "right": step(from("top"), one.clone(), json!(["top"])),
        "join": step(from("each"), from("right"), json!(["each", "right"])),
        "end": step(from("join"), one.clone(), json!(["join"])),
        "apart": step(one.clone(), one, json!([]))}})
}

/// The generation of every step, items included.
fn generations(view: &Value) -> BTreeMap<String, i64> {
    let steps = view["steps"].as_array().unwrap().iter();
    steps.map(|step| (step["key"].as_str().unwrap().to_owned(), step["generation"].as_i64().unwrap())).collect()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_a_dry_run_names_is_what_begins_a_new_generation(pool: PgPool) {
    let server = Server::start(pool).await;
    let agent = json!({"id": "pair", "name": "Pair", "inputs": [{"name": "a"}, {"name": "b"}],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "template", "template": "{{ a }}{{ b }}"}});
    server.admin.post("/api/agents", agent).await.expect(201);
    let template = server.publish("Diamond", diamond()).await;
    let run = server.anna.post(RUNS, json!({"template_id": template})).await.expect(201);
    let run = run["id"].as_str().unwrap();
    let path = format!("{RUNS}/{run}/steps");
    for (key, mode, edited, named) in [
        ("top", "step_only", None, &["top"][..]),
        ("top", "downstream", None, &["each", "end", "join", "right", "top"]),
        ("each", "downstream", None, &["each", "end", "join"]),
        ("end", "downstream", None, &["end"]),
        ("top", "stale_downstream", None, &["top"]),
        // What read the other text is stale, and what stands on that.
        ("top", "stale_downstream", Some("right"), &["end", "join", "top"]),
        // All that is stale, wherever, and not the edited step.
        ("join", "stale", Some("right"), &["end", "join"]),
        ("right", "stale_downstream", Some("top"), &["end", "join", "right"]),
        ("each%5Bi%5D", "step_only", None, &["each", "each[i]"]),
        ("each%5Bj%5D", "downstream", None, &["each", "each[j]", "end", "join"]),
    ] {
        let at = format!("{key}, {mode}, {edited:?} edited");
        server.anna.settled(run).await;
        if let Some(step) = edited {
            let edit = json!({"artifacts": {"text": format!("by hand for {key}")}});
            server.anna.post(&format!("{path}/{step}/edit"), edit).await.expect(200);
        }
        let before = server.anna.settled(run).await;
        assert_eq!(before["status"], "completed", "{at}");
        let rerun = async |dry_run: bool| {
            server.anna.post(&format!("{path}/{key}/rerun"), json!({"mode": mode, "dry_run": dry_run})).await
        };
        let dry = rerun(true).await.expect(200);
        let told: Vec<&str> =
            dry["steps"].as_array().unwrap().iter().map(|step| step["key"].as_str().unwrap()).collect();
        assert_eq!(told, named, "{at}");
        assert_eq!(server.anna.settled(run).await["seq"], before["seq"], "{at}: a dry run writes nothing");
        rerun(false).await.expect(202);
        let (before, after) = (generations(&before), generations(&server.anna.settled(run).await));
        let risen: BTreeSet<&str> =
            after.iter().filter(|(key, now)| before.get(*key) != Some(now)).map(|(key, _)| key.as_str()).collect();
        assert_eq!(risen, told.into_iter().collect(), "{at}");
    }
    let before = server.anna.settled(run).await;
    let fresh = server.anna.post(&format!("{path}/end/rerun"), json!({"mode": "stale"})).await.problem(409, "conflict");
    assert!(fresh["detail"].as_str().unwrap().contains("refresh nothing"), "{fresh:#}");
    assert_eq!(server.anna.settled(run).await["seq"], before["seq"]);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_step_is_rejected_with_feedback_until_its_rounds_are_over(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template_with(json!({"mode": "always", "max_rounds": 2})).await;
    let run = server.anna.start(&template, "hello").await;
    let path = format!("{RUNS}/{run}/steps/shout/reject");
    for (feedback, status, code) in
        [("x".repeat(100_000), 413, "too_large"), (" ".into(), 422, "invalid"), ("a\0".into(), 422, "invalid")]
    {
        server.anna.settled(&run).await;
        let problem = server.anna.post(&path, json!({"feedback": feedback})).await.problem(status, code);
        assert_eq!(problem["field"], "feedback");
    }
    for round in 1..=2 {
        server.anna.settled(&run).await;
        server.anna.post(&path, json!({"feedback": "shorter"})).await.expect(200);
        let again = server.anna.settled(&run).await;
        assert_eq!(
            (&step(&again, "shout")["generation"], &step(&again, "shout")["feedback"]["round"]),
            (&json!(round + 1), &json!(round))
        );
    }
    let failed = server.anna.post(&path, json!({"feedback": "shorter"})).await.expect(200);
    assert_eq!(
        (&step(&failed, "shout")["status"], &step(&failed, "shout")["reason"]),
        (&json!("failed"), &json!("rejected"))
    );
    let edit = json!({"artifacts": {"text": "X"}});
    let refused = server.anna.post(&format!("{RUNS}/{run}/steps/shout/edit"), edit).await.problem(409, "conflict");
    assert!(refused["detail"].as_str().unwrap().contains("enter its result"), "{refused:#}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn of_fifty_equal_approvals_one_wins(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("always").await;
    let run = server.anna.start(&template, "hello").await;
    server.anna.settled(&run).await;
    let path = format!("{RUNS}/{run}/steps/shout/continue");
    let clicks = (0..50).map(|_| server.anna.post(&path, json!({"expect_generation": 1})));
    let answers = futures::future::join_all(clicks).await;
    assert_eq!(answers.iter().filter(|answer| answer.status.as_u16() == 200).count(), 1);
    for lost in answers.iter().filter(|answer| answer.status.as_u16() != 200) {
        lost.problem(409, "conflict");
    }
    let events = server.anna.get(&format!("{RUNS}/{run}/events")).await.expect(200);
    assert_eq!(events.as_array().unwrap().iter().filter(|event| event["kind"] == "step_approved").count(), 1);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_approval_racing_a_retry_leaves_one_of_two_legal_states(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("always").await;
    for _ in 0..5 {
        let run = server.anna.start(&template, "hello").await;
        server.anna.settled(&run).await;
        let path = format!("{RUNS}/{run}/steps/shout");
        let (approve, retry) = (format!("{path}/continue"), format!("{path}/trigger"));
        let (approved, retried) = futures::future::join(
            server.anna.post(&approve, json!({"expect_generation": 1})),
            server.anna.post(&retry, json!({"expect_generation": 1})),
        )
        .await;
        approved.expect(200);
        // If the retry came second, the approved step runs again, and asks again.
        let generation = if retried.status.as_u16() == 202 { 2 } else { 1 };
        if generation == 1 {
            retried.problem(409, "conflict");
        }
        let settled = server.anna.settled(&run).await;
        assert_eq!(step(&settled, "shout")["generation"], generation);
        let expected = if generation == 1 { "completed" } else { "awaiting_review" };
        assert_eq!(step(&settled, "shout")["status"], expected);
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_item_is_addressed_by_its_key(pool: PgPool) {
    let server = Server::start(pool).await;
    server.shouting_agent().await;
    let list = json!({"const": [{"id": "a/1", "text": "one"}, {"id": "ü 2", "text": "two"}]});
    let definition = json!({"steps": {"each": {
        "agent_id": "shout", "map": {"over": list, "key": "/id"}, "review": {"mode": "always"},
        "inputs": {"text": {"from": "item", "path": "/text"}}}}});
    let template = server.publish("Each", definition).await;
    let run = server.anna.post(RUNS, json!({"template_id": template})).await.expect(201);
    let run = run["id"].as_str().unwrap();
    server.anna.settled(run).await;
    let of = |item: &str, verb: &str| format!("{RUNS}/{run}/steps/each%5B{item}%5D/{verb}");
    let prompt = server.anna.get(&of("a%2F1", "prompt")).await.expect(200);
    assert_eq!(prompt["outputs"][0]["schema"]["type"], "string");
    server.anna.post(&of("a%2F1", "continue"), json!({})).await.expect(200);
    let edit = json!({"artifacts": {"text": "ZWEI"}, "and_continue": true});
    server.anna.post(&of("%C3%BC%202", "edit"), edit).await.expect(200);
    let done = server.anna.settled(run).await;
    assert_eq!(done["status"], "completed", "{done:#}");
    let collected = latest(&done, "each")["id"].as_str().unwrap();
    let collected = server.anna.get(&format!("{RUNS}/{run}/artifacts/{collected}")).await.expect(200);
    assert_eq!(collected["content"], json!(["ONE", "ZWEI"]));
    server.anna.post(&of("b", "trigger"), json!({})).await.problem(404, "not_found");
    server.anna.post(&of("", "trigger"), json!({})).await.problem(404, "not_found");
    server.anna.post(&of("%00", "trigger"), json!({})).await.problem(404, "not_found");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_form_is_answered_by_whoever_is_asked(pool: PgPool) {
    let server = Server::start(pool).await;
    let agent = json!({"id": "ask", "name": "Ask", "inputs": [],
        "outputs": [{"name": "verdict", "schema": {"type": "string", "enum": ["yes", "no"]}}, {"name": "why", "schema": {"type": "string"}}],
        "config": {"kind": "human", "instructions": "Is it fine?"}});
    server.admin.post("/api/agents", agent).await.expect(201);
    let review = json!({"assignees": {"users": [CARA]}, "mode": "always"});
    let template = server.publish("Ask", json!({"steps": {"ask": {"agent_id": "ask", "review": review}}})).await;
    let run = server.anna.post(RUNS, json!({"template_id": template})).await.expect(201);
    let run = run["id"].as_str().unwrap();
    let asked = server.anna.settled(run).await;
    assert_eq!(step(&asked, "ask")["attempts"][0]["message"], "Is it fine?");
    assert_eq!(server.cara.get("/api/workflows/waiting").await.expect(200)[0]["id"], run);
    let path = format!("{RUNS}/{run}/steps/ask");
    let early = server.cara.post(&format!("{path}/continue"), json!({})).await.problem(409, "conflict");
    assert!(early["detail"].as_str().unwrap().contains("form"), "{early:#}");
    let answer = async |outputs: Value| server.cara.post(&format!("{path}/supply"), json!({"outputs": outputs})).await;
    let missing = answer(json!({"verdict": "yes"})).await.problem(422, "invalid");
    assert_eq!(missing["field"], "outputs.why");
    let wrong = answer(json!({"verdict": "maybe", "why": "?"})).await.problem(422, "invalid");
    assert_eq!(wrong["field"], "outputs.verdict");
    answer(json!({"verdict": "yes", "why": "It is"})).await.expect(200);
    server.anna.settled(run).await;
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_kind_without_a_prompt_takes_no_override(pool: PgPool) {
    let server = Server::start(pool).await;
    let agent = json!({"id": "call", "name": "Call", "outputs": [{"name": "body"}],
        "config": {"kind": "http", "method": "GET", "url": "http://127.0.0.1:9/"}});
    server.admin.post("/api/agents", agent).await.expect(201);
    let template = server.publish("Call", json!({"steps": {"call": {"agent_id": "call", "retry": {"max": 0}}}})).await;
    let run = server.anna.post(RUNS, json!({"template_id": template})).await.expect(201);
    let run = run["id"].as_str().unwrap();
    server.anna.settled(run).await;
    for verb in ["trigger", "rerun"] {
        let path = format!("{RUNS}/{run}/steps/call/{verb}");
        let refused = server.anna.post(&path, json!({"prompt_override": "x"})).await.problem(422, "invalid");
        assert_eq!(refused["field"], "prompt_override");
        assert!(refused["detail"].as_str().unwrap().contains("http"), "{refused:#}");
    }
    server.stop().await;
}
