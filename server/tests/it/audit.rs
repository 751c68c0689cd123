//! The audit log: what stands in it, by what it is filtered, how it is paged and exported, and that refusals are in it.

use axum::body::Body;
use http::{HeaderMap, Method, header};
use serde_json::{Value, json};
use sqlx::PgPool;
use workflow::access::Scope;

use crate::harness::{ADMIN, BEN, Server};

async fn entries(server: &Server, query: &str) -> Vec<Value> {
    let page = server.admin.get(&format!("/api/audit?{query}")).await.expect(200);
    page["entries"].as_array().unwrap().clone()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_log_says_who_did_what_when_and_from_where(pool: PgPool) {
    let server = Server::start(pool).await;
    let created = entries(&server, "action=user.created&who=operator").await;
    assert_eq!(created.len(), 4, "the harness made four people");
    assert_eq!((&created[0]["via"], &created[0]["actor"]), (&json!("operator"), &Value::Null));
    assert_eq!(created[0]["subject_email"], "cara@example.org", "newest first");
    server
        .admin
        .post("/api/users", json!({"email": "=New@Example.org", "role": "user", "password": "a b c d e f g h"}))
        .await
        .expect(201);
    let mine = entries(&server, "who=ADMIN@example.org&action=user").await;
    assert_eq!((mine.len(), &mine[0]["actor_email"], &mine[0]["via"]), (1, &json!(ADMIN), &json!("token")));
    assert_eq!(entries(&server, "subject=%3Dnew%40example.org").await.len(), 1);
    assert!(entries(&server, "to=2020-01-01T00:00:00Z").await.is_empty());
    assert!(!entries(&server, "from=2020-01-01T00:00:00Z").await.is_empty());
    assert!(entries(&server, "who=stranger%40example.org").await.is_empty(), "nobody did nothing");
    assert!(entries(&server, "subject=stranger%40example.org").await.is_empty());
    for (query, field) in [
        ("who=stranger", "who"),
        ("address=somewhere", "address"),
        ("action=%25", "action"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to"),
        ("subject=a%00b", "subject"),
    ] {
        let refused = server.admin.get(&format!("/api/audit?{query}")).await.problem(422, "invalid");
        assert_eq!(refused["field"], field, "{query}");
    }
    // What is misspelled filters nothing, so it is refused: an export of everybody's would be taken for that of one.
    for path in ["/api/audit?whom=anna%40example.org", "/api/audit/export?format=csv&whom=anna%40example.org"] {
        assert_eq!(server.admin.get(path).await.problem(400, "malformed")["field"], "whom", "{path}");
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_log_is_paged_without_a_gap_and_exported_whole(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    sqlx::query(
        "INSERT INTO audit_log (action, subject, data)
         SELECT 'agent.saved', '=cmd|n' || n, jsonb_build_object('address', '192.0.2.' || n % 5) FROM generate_series(1, 1200) n",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(entries(&server, "address=::ffff:192.0.2.3&limit=500").await.len(), 240);
    let (mut seen, mut before) = (Vec::new(), None::<i64>);
    loop {
        let next = before.map(|before| format!("&before={before}")).unwrap_or_default();
        let page = server.admin.get(&format!("/api/audit?action=agent&limit=500{next}")).await.expect(200);
        seen.extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["id"].as_i64().unwrap()));
        before = page["next"].as_i64();
        if before.is_none() {
            break;
        }
    }
    assert!(seen.len() == 1200 && seen.is_sorted_by(|a, b| a > b), "each once, newest first");
    let csv = server.admin.get("/api/audit/export?action=agent&format=csv").await;
    assert_eq!((csv.status.as_u16(), csv.header("content-type")), (200, "text/csv; charset=utf-8"));
    let text = csv.text();
    assert_eq!(text.lines().count(), 1201);
    assert!(text.starts_with("id,at,who,via,address,action,subject,subject_email,data,subject_name\r\n"));
    assert!(text.contains(",'=cmd|n1200,") && !text.contains(",=cmd"), "no cell is a formula");
    let json = server.admin.get("/api/audit/export?action=agent&format=json").await.text();
    let ids: Vec<i64> =
        json.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, seen);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn refused_access_and_refused_tokens_are_in_the_log_and_do_not_flood_it(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let run = server.anna.start(&template, "hello").await;
    server.ben.get("/api/users").await.problem(403, "forbidden");
    server.ben.get(&format!("/api/workflows/runs/{run}")).await.problem(404, "not_found");
    server
        .program(BEN, &[Scope::Read])
        .await
        .post("/api/workflows/runs", json!({"template_id": template}))
        .await
        .problem(403, "insufficient_scope");
    let refused = entries(&server, &format!("who={BEN}&action=access")).await;
    let told: Vec<_> =
        refused.iter().map(|entry| (entry["subject"].as_str().unwrap(), &entry["data"]["status"])).collect();
    let of_run = format!("/api/workflows/runs/{run}");
    assert_eq!(
        told,
        [("/api/workflows/runs", &json!(403)), (of_run.as_str(), &json!(404)), ("/api/users", &json!(403))]
    );

    let users = server.admin.get("/api/users").await.expect(200);
    let ben =
        users.as_array().unwrap().iter().find(|user| user["email"] == BEN).unwrap()["id"].as_str().unwrap().to_owned();
    server.admin.json(Method::PATCH, &format!("/api/users/{ben}"), &json!({"is_disabled": true})).await.expect(200);
    let presented = async |token: &str| {
        let headers: HeaderMap =
            [(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap())].into_iter().collect();
        server.nobody.send(Method::GET, "/api/me", headers, Body::empty()).await.problem(401, "unauthenticated");
    };
    presented(server.ben.token()).await;
    presented("weft_none").await;
    let refused = entries(&server, "action=token.refused").await;
    assert_eq!((&refused[0]["subject"], &refused[1]["subject_email"]), (&json!("nobody"), &json!(BEN)));

    for _ in 0..50 {
        server.anna.get("/api/users").await.problem(403, "forbidden");
    }
    assert_eq!(entries(&server, "who=anna@example.org&action=access").await.len(), 10);
    // Without a credential nothing is noted: anybody could fill the log.
    server.nobody.get("/api/users").await.problem(401, "unauthenticated");
    assert_eq!(entries(&server, "action=token.refused").await.len(), 2);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_failed_sign_in_is_of_whom_it_was_tried_as_and_a_workflow_has_its_name(pool: PgPool) {
    let server = Server::start(pool).await;
    let typed = format!("email={}&password=not+the+right+one", BEN.replace('@', "%40"));
    let kind = "application/x-www-form-urlencoded";
    assert_eq!(
        server.nobody.bytes(Method::POST, "/_fn/login", kind, typed).await.expect(401)["code"],
        "wrong_credentials"
    );
    let tried = entries(&server, &format!("who={BEN}&action=session.refused")).await;
    assert_eq!((tried.len(), &tried[0]["actor"], &tried[0]["subject_email"]), (1, &Value::Null, &json!(BEN)));
    assert!(entries(&server, "who=anna@example.org&action=session.refused").await.is_empty());
    server.shouting_template("never").await;
    let published = entries(&server, "action=template.published").await;
    assert_eq!(published[0]["subject_name"], "Shouting", "not its id alone");
    server.stop().await;
}
