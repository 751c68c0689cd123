//! Runs that are shared read-only with people and groups: what that covers, whom it may name, and that what is open ends with it.

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::{
    harness::{ANNA, Answer, BEN, CARA, Client, RUNS, Server, status_of},
    live::{close_code, connect},
};

async fn delete(client: &Client, path: &str) -> Answer {
    client.send(Method::DELETE, path, HeaderMap::new(), axum::body::Body::empty()).await
}

async fn share(client: &Client, run: &str, with: Value) -> String {
    client.post(&format!("{RUNS}/{run}/shares"), with).await.expect(201)["id"].as_str().unwrap().to_owned()
}

/// A group with these people in it, and the address of the last one's membership.
async fn group(server: &Server, id: &str, emails: &[&str]) -> String {
    server.admin.post("/api/groups", json!({"id": id, "name": format!("The {id}")})).await.expect(201);
    let members = format!("/api/groups/{id}/members");
    let mut last = String::new();
    for email in emails {
        let member = server.admin.post(&members, json!({"email": email})).await.expect(201);
        last = format!("{members}/{}", member["id"].as_str().unwrap());
    }
    last
}

/// A workflow whose only step runs another one.
async fn nested(server: &Server) -> String {
    let inner = server.shouting_template("never").await;
    let agent = json!({"id": "inner", "name": "Inner", "inputs": [{"name": "text", "schema": {"type": "string"}, "required": true}],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "workflow", "template_id": inner, "version": 1, "outputs": {"text": {"step": "again", "artifact": "text"}}}});
    server.admin.post("/api/agents", agent).await.expect(201);
    let steps = json!({"steps": {"sub": {"agent_id": "inner", "inputs": {"text": {"const": "hello"}}}}});
    server.publish("Outer", steps).await
}

async fn listed(client: &Client, query: &str) -> Vec<String> {
    let page = client.get(&format!("{RUNS}?{query}")).await.expect(200);
    page["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_share_covers_the_sub_runs_and_no_fork_until_it_ends(pool: PgPool) {
    let server = Server::start(pool).await;
    let outer = nested(&server).await;
    let started = server.anna.post(RUNS, json!({"template_id": outer})).await.expect(201);
    let run = started["id"].as_str().unwrap().to_owned();
    let view = server.anna.settled(&run).await;
    assert_eq!(status_of(&view, "sub"), "completed", "{view:#}");
    let inside = view["steps"][0]["child_run"].as_str().unwrap().to_owned();
    let forked = server.anna.post(&format!("{RUNS}/{run}/fork"), json!({"step": "sub"})).await.expect(201);
    let fork = forked["id"].as_str().unwrap().to_owned();
    server.anna.settled(&fork).await;
    let (of_run, of_inside, of_fork) = (format!("{RUNS}/{run}"), format!("{RUNS}/{inside}"), format!("{RUNS}/{fork}"));
    for path in [&of_run, &of_inside, &of_fork] {
        server.ben.get(path).await.problem(404, "not_found");
    }

    let by_name = share(&server.anna, &run, json!({"email": BEN.to_uppercase()})).await;
    assert_eq!(share(&server.anna, &run, json!({"email": BEN})).await, by_name, "twice is once");
    for path in [&of_run, &of_inside] {
        let seen = server.ben.get(path).await.expect(200);
        let artifact = seen["artifacts"][0]["id"].as_str().unwrap();
        server.ben.get(&format!("{path}/artifacts/{artifact}")).await.expect(200);
        server.ben.get(&format!("{path}/events")).await.expect(200);
        server.ben.post(&format!("{path}/cancel"), json!({})).await.problem(403, "forbidden");
        server.ben.post(&format!("{path}/fork"), json!({"step": "x"})).await.problem(403, "forbidden");
        server.ben.get(&format!("{path}/shares")).await.problem(403, "forbidden");
        server.cara.get(path).await.problem(404, "not_found");
    }
    server.ben.get(&of_fork).await.problem(404, "not_found");
    assert_eq!(listed(&server.ben, "with_me=true").await, std::slice::from_ref(&run), "without what it started");
    assert!(listed(&server.ben, "shared=true").await.is_empty() && listed(&server.ben, "").await.is_empty());
    assert!(listed(&server.anna, "with_me=true").await.is_empty(), "her own are hers");

    // By a group too, so that the end of one leaves the other.
    let membership = group(&server, "readers", &[BEN]).await;
    let by_group = share(&server.admin, &run, json!({"group_id": "readers"})).await;
    let shares = server.anna.get(&format!("{of_run}/shares")).await.expect(200);
    assert_eq!((&shares["shares"][0]["email"], &shares["shares"][0]["shared_by"]), (&json!(BEN), &json!(ANNA)));
    assert_eq!(shares["shares"][1]["name"], "The readers");
    assert_eq!(shares["groups"], json!([]), "she is in none");
    delete(&server.ben, &format!("{of_run}/shares/{by_name}")).await.problem(403, "forbidden");
    delete(&server.anna, &format!("{of_inside}/shares/{by_name}")).await.problem(404, "not_found");
    delete(&server.anna, &format!("{of_run}/shares/{by_name}")).await.expect(204);
    delete(&server.anna, &format!("{of_run}/shares/{by_name}")).await.problem(404, "not_found");
    server.ben.get(&of_inside).await.expect(200);
    delete(&server.admin, &membership).await.expect(204);
    for path in [&of_run, &of_inside] {
        server.ben.get(path).await.problem(404, "not_found");
    }
    delete(&server.anna, &format!("{of_run}/shares/{by_group}")).await.expect(204);
    let log: Vec<String> = server.store.audit_of(&run).await.unwrap().into_iter().map(|entry| entry.action).collect();
    assert_eq!(log, ["run.shared", "run.shared", "run.share_ended", "run.share_ended"]);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_open_ends_with_the_share_with_the_membership_and_with_the_account(pool: PgPool) {
    let server = Server::start(pool).await;
    let address = server.listen().await;
    let template = server.shouting_template("always").await;
    let run = server.anna.start(&template, "hello").await;
    server.anna.settled(&run).await;
    let membership = group(&server, "readers", &[CARA]).await;
    let by_name = share(&server.anna, &run, json!({"email": BEN})).await;
    share(&server.admin, &run, json!({"group_id": "readers"})).await;
    let live = format!("{RUNS}/{run}/live");
    let mut bens = connect(address, &live, server.ben.headers()).await.unwrap();
    let mut caras = connect(address, &live, server.cara.headers()).await.unwrap();

    delete(&server.anna, &format!("{RUNS}/{run}/shares/{by_name}")).await.expect(204);
    assert_eq!(close_code(&mut bens).await, Some(1008));
    assert_eq!(connect(address, &live, server.ben.headers()).await.err(), Some(404));
    delete(&server.admin, &membership).await.expect(204);
    assert_eq!(close_code(&mut caras).await, Some(1008));
    assert_eq!(connect(address, &live, server.cara.headers()).await.err(), Some(404));

    share(&server.anna, &run, json!({"email": BEN})).await;
    let mut bens = connect(address, &live, server.ben.headers()).await.unwrap();
    let users = server.admin.get("/api/users").await.expect(200);
    let ben = users.as_array().unwrap().iter().find(|user| user["email"] == BEN).unwrap()["id"].clone();
    let account = format!("/api/users/{}", ben.as_str().unwrap());
    server.admin.json(Method::PATCH, &account, &json!({"is_disabled": true})).await.expect(200);
    assert_eq!(close_code(&mut bens).await, Some(1008));
    assert_eq!(connect(address, &live, server.ben.headers()).await.err(), Some(401));
    let shares = server.anna.get(&format!("{RUNS}/{run}/shares")).await.expect(200);
    assert_eq!(shares["shares"][1]["is_disabled"], true, "{shares:#}");
    // Like somebody who has no account.
    let again = server.anna.post(&format!("{RUNS}/{run}/shares"), json!({"email": BEN})).await.problem(422, "invalid");
    let nobody = json!({"email": "nobody@example.org"});
    let nobody = server.anna.post(&format!("{RUNS}/{run}/shares"), nobody).await.problem(422, "invalid");
    assert_eq!((&again["field"], &again["detail"]), (&nobody["field"], &nobody["detail"]));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_whole_run_is_shared_with_somebody_else_whom_one_may_name(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let outer = nested(&server).await;
    let started = server.anna.post(RUNS, json!({"template_id": outer})).await.expect(201);
    let run = started["id"].as_str().unwrap().to_owned();
    let inside = server.anna.settled(&run).await["steps"][0]["child_run"].as_str().unwrap().to_owned();
    group(&server, "readers", &[BEN]).await;
    group(&server, "writers", &[ANNA]).await;
    let at = format!("{RUNS}/{run}/shares");
    for (with, field) in [
        (json!({}), "email"),
        (json!({"email": " "}), "email"),
        (json!({"email": BEN, "group_id": "writers"}), "email"),
        (json!({"email": "ben"}), "email"),
        (json!({"email": "<b>ben</b>\u{0}@example.org"}), "email"),
        (json!({"email": ANNA}), "email"),
        (json!({"group_id": "../users"}), "group_id"),
        (json!({"group_id": "nobodys"}), "group_id"),
    ] {
        assert_eq!(server.anna.post(&at, with.clone()).await.problem(422, "invalid")["field"], field, "{with}");
    }
    // A group that she is not in is like one that there is not.
    let refused = async |group: &str| server.anna.post(&at, json!({"group_id": group})).await.problem(422, "invalid");
    assert_eq!(refused("readers").await["detail"], refused("nobodys").await["detail"]);
    share(&server.anna, &run, json!({"group_id": "writers"})).await;
    let shares = server.anna.get(&at).await.expect(200);
    assert_eq!(shares["groups"], json!([{"id": "writers", "name": "The writers"}]));
    assert_eq!(server.admin.get(&at).await.expect(200)["groups"].as_array().unwrap().len(), 2);

    let part = server.anna.post(&format!("{RUNS}/{inside}/shares"), json!({"email": BEN})).await;
    assert!(part.problem(409, "conflict")["detail"].as_str().unwrap().contains("larger run"));
    sqlx::query("UPDATE workflow_runs SET is_test = true WHERE id = $1::uuid").bind(&run).execute(&pool).await.unwrap();
    server.anna.post(&at, json!({"email": BEN})).await.problem(409, "conflict");
    sqlx::query("UPDATE workflow_runs SET is_test = false").execute(&pool).await.unwrap();

    // As many as there may be.
    for sql in [
        "INSERT INTO users (id, email, role, password_hash)
        SELECT gen_random_uuid(), 'reader' || n || '@example.org', 'user', '$argon2id$x' FROM generate_series(1, 99) n",
        "INSERT INTO run_shares (id, run_id, user_id, shared_by)
        SELECT gen_random_uuid(), s.run_id, u.id, s.shared_by FROM run_shares s, users u WHERE u.email LIKE 'reader%'",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    let full = server.anna.post(&at, json!({"email": BEN})).await.problem(409, "conflict");
    assert!(full["detail"].as_str().unwrap().contains("100"), "{full}");
    share(&server.anna, &run, json!({"email": "reader7@example.org"})).await;
    server.stop().await;
}
