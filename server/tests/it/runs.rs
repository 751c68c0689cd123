//! Runs and steps over REST, executed by the real engine on `template` agents.

use http::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::harness::{RUNS, Server};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_is_started_reviewed_and_completed(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("always").await;
    let run = server.anna.start(&template, "hello").await;
    let path = format!("{RUNS}/{run}");
    let waiting = server.anna.settled(&run).await;
    assert_eq!((&waiting["status"], &waiting["status_reason"]), (&json!("paused"), &json!("review")));
    let mine = server.anna.get("/api/workflows/waiting").await.expect(200);
    assert_eq!(mine[0]["id"], run.as_str());

    let stale = json!({"content_hash": "not what is shown"});
    server.anna.post(&format!("{path}/steps/shout/continue"), stale).await.problem(409, "conflict");
    server.anna.post(&format!("{path}/steps/shout/continue"), json!({})).await.expect(200);
    let done = server.anna.settled(&run).await;
    assert_eq!(done["status"], "completed");
    assert!(done["seq"].as_i64().unwrap() > 0 && done["run_definition"]["steps"]["shout"].is_object());
    server.anna.post(&format!("{path}/steps/shout/continue"), json!({})).await.problem(409, "conflict");

    // A new prompt makes a second version beside the first.
    let prompt = json!({"prompt_override": "{{ text | lower }}"});
    let accepted = server.anna.post(&format!("{path}/steps/again/trigger"), prompt).await.expect(202);
    assert_eq!(accepted["overrides"]["again"]["prompt"], "{{ text | lower }}");
    let done = server.anna.settled(&run).await;
    let versions = server.anna.get(&format!("{path}/artifacts?step=again&name=text")).await.expect(200);
    let versions = versions["artifacts"].as_array().unwrap();
    assert_eq!((versions.len(), &versions[1]["is_latest"]), (2, &json!(true)), "{done:#}");
    let prompt = server.anna.get(&format!("{path}/steps/again/prompt")).await.expect(200);
    assert_eq!(
        (&prompt["effective"], &prompt["of_template"]),
        (&json!("{{ text | lower }}"), &json!("{{ text | upper }}"))
    );
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_start_with_a_key_has_one_effect(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let start = async |text: &str| {
        let body = json!({"template_id": template, "inputs": {"text": text}});
        server.anna.post_under("k1", RUNS, &body).await
    };
    let first = start("a").await.expect(201);
    assert_eq!(start("a").await.expect(200)["id"], first["id"]);
    start("b").await.problem(409, "idempotency_mismatch");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_verb_is_answered_briefly_to_who_prefers_that_and_in_whole_to_everybody_else(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("always").await;
    let ask = async |prefer: &str, path: &str, body: Value| {
        let mut headers = server.anna.headers();
        headers.insert("prefer", prefer.parse().unwrap());
        headers.insert("content-type", "application/json".parse().unwrap());
        server.anna.send(Method::POST, path, headers, body.to_string().into()).await
    };
    let start = json!({"template_id": template, "inputs": {"text": "a"}});
    let begun = ask("handling=lenient, Return=\"minimal\"; x=1", RUNS, start).await;
    assert_eq!(begun.header("preference-applied"), "return=minimal");
    let begun = begun.expect(201);
    let run = begun["id"].as_str().unwrap().to_owned();
    assert!(begun["seq"].as_i64().unwrap() >= 1 && begun.as_object().unwrap().len() == 2, "{begun}");
    server.anna.settled(&run).await;
    let approve = format!("{RUNS}/{run}/steps/shout/continue");
    // A refusal is never brief.
    ask("return=minimal", &approve, json!({"content_hash": "not what is shown"})).await.problem(409, "conflict");
    let whole = ask("return=representation, return=minimal", &approve, json!({})).await.expect(200);
    assert!(whole["steps"].is_array(), "the first that is known counts: {whole}");
    let settled = server.anna.settled(&run).await;
    let again = ask("return=minimal", &format!("{RUNS}/{run}/steps/again/trigger"), json!({})).await.expect(202);
    assert!(again["seq"].as_i64() > settled["seq"].as_i64() && again.get("steps").is_none(), "{again}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn auto_run_off_waits_at_every_step_and_cancel_ends_it(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("when_manual").await;
    let body = json!({"template_id": template, "inputs": {"text": "x"}, "auto_run": false});
    let run = server.anna.post(RUNS, body).await.expect(201);
    let run = run["id"].as_str().unwrap();
    let path = format!("{RUNS}/{run}");
    assert_eq!(server.anna.settled(run).await["status"], "paused");
    let on = server.anna.json(Method::PATCH, &path, &json!({"auto_run": true})).await.expect(200);
    assert_eq!(on["auto_run"], true);
    assert_eq!(server.anna.settled(run).await["status"], "completed");
    server.anna.post(&format!("{path}/cancel"), json!({})).await.problem(409, "conflict");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_in_a_list_says_what_it_is_about(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let long = format!("word {}", "very ".repeat(200_000));
    for (text, about) in [
        ("A first line\r\n\tand  a second", json!("A first line and a second")),
        (long.as_str(), json!(format!("{}…", long[..79].trim_end()))),
    ] {
        server.anna.start(&template, text).await;
        assert_eq!(server.anna.get(RUNS).await.expect(200)["runs"][0]["about"], about);
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn runs_are_listed_in_pages_and_to_their_owner_only(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let mut started = Vec::new();
    for n in 0..5 {
        started.insert(0, server.anna.start(&template, &n.to_string()).await);
    }
    let mut listed = Vec::new();
    let mut after = String::new();
    loop {
        let page = server.anna.get(&format!("{RUNS}?limit=2{after}")).await.expect(200);
        listed.extend(page["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(listed, started);
    assert_eq!(server.ben.get(RUNS).await.expect(200)["runs"], json!([]));
    server.ben.get(&format!("{RUNS}?all=true")).await.problem(403, "forbidden");
    server.ben.get(&format!("{RUNS}?limit=many")).await.problem(400, "malformed");
    assert_eq!(server.admin.get(&format!("{RUNS}?all=true")).await.expect(200)["runs"].as_array().unwrap().len(), 5);
    server.stop().await;
}
