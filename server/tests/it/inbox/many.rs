//! One decision about many gates: each is answered by itself, in order, and what is wrong with the whole is named before any is decided.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

use super::{DECIDE, INBOX, NOWHERE, PREVIEWS, approval, asks, gate_at, named, outcomes, read, runs_of, waiting};
use crate::harness::{BEN, CARA, RUNS, Server, status_of};

/// As a newer server leaves a run: with an event of which nothing is known here.
async fn left_to_newer_servers(pool: &PgPool, run: &str) {
    let sql = format!(
        "INSERT INTO run_events (run_id, seq, commit_id, ask_id, event)
         SELECT id, seq + 1, id, id,
             json_build_object('seq', seq + 1, 'at', '2026-01-01T00:00:00Z', 'kind', 'run_dreamt')
         FROM workflow_runs WHERE id = '{run}';
         UPDATE workflow_runs SET head = id, seq = seq + 1 WHERE id = '{run}'"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_changed_meanwhile_is_left_and_named_and_nothing_is_decided_twice(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let template = server.shouting_template_with(asks(&[BEN, CARA])).await;
    let mut runs = Vec::new();
    for text in ["one", "two", "three", "four"] {
        runs.push(waiting(&server, &template, text).await);
    }
    let wanted: Vec<Value> = runs.iter().map(|run| json!({"run_id": run, "step": "shout"})).collect();
    let shown = server.cara.post(PREVIEWS, json!({ "gates": wanted })).await.expect(200);
    let texts: Vec<&str> =
        shown.as_array().unwrap().iter().map(|gate| gate["outputs"][0]["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["ONE", "TWO", "THREE", "FOUR"], "in the order they were asked for");
    let mut gates: Vec<Value> = shown
        .as_array()
        .unwrap()
        .iter()
        .map(|gate| {
            json!({"run_id": gate["run_id"], "step": gate["step"], "content_hash": gate["content_hash"],
                "expect_generation": gate["generation"]})
        })
        .collect();
    let mut nowhere = gates[0].clone();
    nowhere["run_id"] = json!(NOWHERE);
    gates.push(nowhere);

    // Meanwhile the second is edited, the third is decided, and the fourth is taken over by a newer server.
    let at = |n: usize, verb: &str| format!("{RUNS}/{}/steps/shout/{verb}", runs[n]);
    server.ben.post(&at(1, "edit"), json!({"artifacts": {"text": "better"}})).await.expect(200);
    server.ben.post(&at(2, "continue"), json!({})).await.expect(200);
    left_to_newer_servers(&pool, &runs[3]).await;
    let expected = ["done", "changed", "gone", "refused", "gone"];
    let answers = server.cara.post_under("many", DECIDE, &approval(&gates)).await.expect(200);
    assert_eq!(outcomes(&answers), expected, "{answers:#}");
    let message = |n: usize| answers[n]["message"].as_str().unwrap_or_default();
    assert_eq!((message(0), message(2) == message(4)), ("", true), "foreign, missing and past look alike");
    assert!(message(1).contains("newer") && message(3).contains("newer version of Weft"), "{answers:#}");
    let seq = |view: Value| view["seq"].as_i64().unwrap();
    let done = seq(server.anna.settled(&runs[0]).await);

    // The answer was lost: asked again, it is the same, and nothing happens.
    let again = server.cara.post_under("many", DECIDE, &approval(&gates)).await.expect(200);
    assert_eq!(again, answers);
    assert_eq!(seq(server.anna.settled(&runs[0]).await), done);
    // Something else under the same key is no answer to it.
    let mut other = approval(&gates[1..2]);
    other["gates"][0]["content_hash"] = read(&server.cara, &runs[1]).await["content_hash"].clone();
    assert_eq!(outcomes(&server.admin.post_under("other", DECIDE, &other).await.expect(200)), ["done"]);
    let mut rejection = other.clone();
    rejection["decision"] = json!("reject");
    rejection["feedback"] = json!("no");
    assert_eq!(outcomes(&server.admin.post_under("other", DECIDE, &rejection).await.expect(200)), ["refused"]);
    assert_eq!(status_of(&server.anna.settled(&runs[1]).await, "shout"), "completed");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn items_of_a_map_are_decided_together_in_one_run(pool: PgPool) {
    let server = Server::start(pool).await;
    server.shouting_agent().await;
    let items: Vec<Value> = (0..12).map(|n| json!({"id": format!("k{n:02}"), "say": format!("word {n}")})).collect();
    let template = server
        .publish(
            "Many",
            json!({"steps": {"each": {"agent_id": "shout", "map": {"over": {"const": items}, "key": "/id"},
                "inputs": {"text": {"from": "item", "path": "/say"}}, "review": asks(&[CARA])}}}),
        )
        .await;
    let run = server.anna.post(RUNS, json!({"template_id": template})).await.expect(201);
    let run = run["id"].as_str().unwrap();
    server.anna.settled(run).await;
    let wanted: Vec<Value> = (0..12)
        .map(|n| json!({"run_id": run, "step": format!("each[k{n:02}]")}))
        .chain([json!({"run_id": run, "step": "each"})])
        .collect();
    let shown = server.cara.post(PREVIEWS, json!({ "gates": wanted })).await.expect(200);
    let shown = shown.as_array().unwrap();
    assert_eq!((shown.len(), &shown[3]["outputs"][0]["text"]), (12, &json!("WORD 3")), "the map itself has no gate");
    let mut gates: Vec<Value> = shown
        .iter()
        .map(|gate| {
            json!({"run_id": run, "step": gate["step"], "content_hash": gate["content_hash"],
                "expect_generation": gate["generation"]})
        })
        .collect();
    // One is not what was shown, and the others go through.
    gates[5]["content_hash"] = json!("another");
    let answers = server.cara.post(DECIDE, approval(&gates)).await.expect(200);
    let mut expected = vec!["done"; 12];
    expected[5] = "changed";
    assert_eq!(outcomes(&answers), expected, "{answers:#}");
    let item = server.cara.get(&gate_at(run, "each%5Bk05%5D")).await.expect(200);
    assert!(item["item"]["title"].as_str().unwrap().contains("k05"), "{item:#}");
    let mut rejection = approval(&[named(&item)]);
    rejection["decision"] = json!("reject");
    rejection["feedback"] = json!("louder");
    assert_eq!(outcomes(&server.cara.post(DECIDE, rejection).await.expect(200)), ["done"]);
    server.anna.settled(run).await;
    let back = server.cara.get(&gate_at(run, "each%5Bk05%5D")).await.expect(200);
    assert_eq!((&back["feedback"]["text"], &back["item"]["round"]), (&json!("louder"), &json!(1)));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_wrong_with_a_request_is_named_and_nothing_is_decided(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template_with(asks(&[CARA])).await;
    let run = waiting(&server, &template, "hello").await;
    let gate = named(&read(&server.cara, &run).await);
    let hundred_and_one: Vec<Value> = (0..101).map(|n| json!({"run_id": NOWHERE, "step": format!("s{n}")})).collect();
    let too_many: Vec<Value> = hundred_and_one
        .iter()
        .map(|gate| {
            let mut gate = gate.clone();
            (gate["content_hash"], gate["expect_generation"]) = (json!("x"), json!(1));
            gate
        })
        .collect();
    let reject = |feedback: Value| json!({"decision": "reject", "feedback": feedback, "gates": [gate]});
    for (body, status, code, field) in [
        (approval(&[]), 422, "invalid", "gates"),
        (approval(&too_many), 422, "invalid", "gates"),
        (approval(&[gate.clone(), gate.clone()]), 422, "invalid", "gates.1"),
        (reject(Value::Null), 422, "invalid", "feedback"),
        (reject(json!(" \n ")), 422, "invalid", "feedback"),
        (reject(json!("a\u{0}b")), 422, "invalid", "feedback"),
        (reject(json!("x".repeat(70_000))), 413, "too_large", "feedback"),
        (json!({"decision": "approve", "feedback": "fine", "gates": [gate]}), 422, "invalid", "feedback"),
        (json!({"decision": "shrug", "gates": [gate]}), 422, "invalid", "decision"),
        (
            json!({"decision": "approve", "gates": [{"run_id": run, "step": "shout"}]}),
            422,
            "invalid",
            "gates[0].content_hash",
        ),
        (json!({"decision": "approve"}), 422, "invalid", "gates"),
    ] {
        let problem = server.cara.post(DECIDE, body.clone()).await.problem(status, code);
        assert_eq!(problem["field"], field, "{body}: {problem:#}");
    }
    let odd = server.cara.post_under(&"k".repeat(201), DECIDE, &approval(std::slice::from_ref(&gate))).await;
    assert_eq!(odd.problem(422, "invalid")["field"], "Idempotency-Key");
    let problem = server.cara.post(PREVIEWS, json!({ "gates": hundred_and_one })).await.problem(422, "invalid");
    assert_eq!(problem["field"], "gates");
    // What no gate can be shown with is only not what is there.
    for hash in ["", "\u{0}", "<b>"] {
        let mut odd = gate.clone();
        odd["content_hash"] = json!(hash);
        let told = server.cara.post(DECIDE, approval(&[odd])).await.expect(200);
        assert!(matches!(outcomes(&told)[..], ["changed" | "refused"]), "{told}");
    }
    for (path, field) in [
        ("?srot=due", "srot"),
        ("?sort=size", "sort"),
        ("?sort=due&sort=due", "sort"),
        ("?scope=everybody", "scope"),
        ("?limit=many", "limit"),
        ("?workflow=mine", "workflow"),
        ("?due_before=tomorrow", "due_before"),
        ("/counts?after=x", "after"),
        ("/history?verdict=perhaps", "verdict"),
        ("/history?all=maybe", "all"),
        ("/history?scope=all", "scope"),
    ] {
        let problem = server.cara.get(&format!("{INBOX}{path}")).await.problem(400, "malformed");
        assert_eq!(problem["field"], field, "{path}: {problem:#}");
    }
    assert_eq!(runs_of(&server.cara.get(INBOX).await.expect(200)), [run.as_str()], "it waits still");
    server.stop().await;
}
