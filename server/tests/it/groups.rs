//! Groups of people over REST: who makes them, what their names may be, and what they are asked at gates.

use http::{HeaderMap, Method};
use serde_json::json;
use sqlx::PgPool;

use crate::harness::{Answer, BEN, CARA, Client, Server, status_of, step};

async fn delete(client: &Client, path: &str) -> Answer {
    client.send(Method::DELETE, path, HeaderMap::new(), axum::body::Body::empty()).await
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_group_is_made_named_filled_and_deleted_while_nothing_asks_it(pool: PgPool) {
    let server = Server::start(pool).await;
    let admin = &server.admin;
    let name = "  <b>Recht</b> ⚖️ \u{5d3}\u{5d5}\u{5d7}  ";
    let made = admin.post("/api/groups", json!({"id": "legal", "name": name})).await.expect(201);
    assert_eq!((made["name"].as_str(), made["n_members"].as_i64()), (Some(name.trim()), Some(0)));
    for (group, field) in [
        (json!({"id": "legal", "name": "Again"}), "id"),
        (json!({"id": "Legal team", "name": "Legal"}), "id"),
        (json!({"id": "../users", "name": "Legal"}), "id"),
        (json!({"id": "a".repeat(65), "name": "Legal"}), "id"),
        (json!({"id": "other", "name": " "}), "name"),
        (json!({"id": "other", "name": "a\nb"}), "name"),
        (json!({"id": "other", "name": "a\u{0}"}), "name"),
        (json!({"id": "other", "name": "x".repeat(201)}), "name"),
    ] {
        assert_eq!(admin.post("/api/groups", group.clone()).await.problem(422, "invalid")["field"], field, "{group}");
    }
    let renamed = admin.json(Method::PATCH, "/api/groups/legal", &json!({"name": "Legal"})).await.expect(200);
    assert_eq!(renamed["name"], "Legal");
    let add = async |email: &str| admin.post("/api/groups/legal/members", json!({"email": email})).await;
    let ben = add(&BEN.to_uppercase()).await.expect(201);
    assert_eq!(add(BEN).await.expect(201), ben, "twice is once");
    assert_eq!(add("nobody@example.org").await.problem(422, "invalid")["field"], "email");
    let members = admin.get("/api/groups/legal/members").await.expect(200);
    assert_eq!(members, json!([ben]));
    assert_eq!(server.ben.get("/api/me").await.expect(200)["groups"], json!(["legal"]));
    server.ben.get("/api/groups").await.problem(403, "forbidden");
    let member = format!("/api/groups/legal/members/{}", ben["id"].as_str().unwrap());
    delete(admin, &member).await.expect(204);
    delete(admin, &member).await.problem(404, "not_found");
    delete(admin, "/api/groups/legal").await.expect(204);
    admin.get("/api/groups/legal/members").await.problem(404, "not_found");
    let again = admin.post("/api/groups", json!({"id": "legal", "name": "Other people"})).await.problem(422, "invalid");
    assert!(again["field"] == "id" && again["detail"].as_str().unwrap().contains("deleted"), "{again}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_is_in_a_group_when_they_decide_is_asked_and_nobody_else(pool: PgPool) {
    let server = Server::start(pool).await;
    let admin = &server.admin;
    admin.post("/api/groups", json!({"id": "legal", "name": "Legal"})).await.expect(201);
    let add = async |email: &str| admin.post("/api/groups/legal/members", json!({"email": email})).await.expect(201);
    let (ben, _) = (add(BEN).await, add(CARA).await);
    let review = json!({"mode": "always", "quorum": 2, "assignees": {"groups": ["legal"]}});
    let template = server.shouting_template_with(review).await;
    let run = server.anna.start(&template, "hello").await;
    server.anna.settled(&run).await;
    let at = format!("/api/workflows/runs/{run}");
    let approve = format!("{at}/steps/shout/continue");
    // The owner is none of them.
    server.anna.post(&approve, json!({})).await.problem(403, "forbidden");
    let view = server.ben.get(&at).await.expect(200);
    assert_eq!(step(&view, "shout")["review"]["groups"], json!(["legal"]));
    assert_eq!(server.cara.get("/api/workflows/waiting").await.expect(200).as_array().unwrap().len(), 1);
    let voted = server.ben.post(&approve, json!({})).await.expect(200);
    assert_eq!(status_of(&voted, "shout"), "awaiting_review");

    let member = format!("/api/groups/legal/members/{}", ben["id"].as_str().unwrap());
    delete(admin, &member).await.expect(204);
    server.ben.get(&at).await.problem(404, "not_found");
    server.ben.post(&approve, json!({})).await.problem(404, "not_found");
    assert!(server.ben.get("/api/workflows/waiting").await.expect(200).as_array().unwrap().is_empty());
    // What the one who left approved counts no more.
    let voted = server.cara.post(&approve, json!({})).await.expect(200);
    assert_eq!(status_of(&voted, "shout"), "awaiting_review");
    assert_eq!(step(&voted, "shout")["review"]["approvals"], json!([CARA]));
    let used = delete(admin, "/api/groups/legal").await.problem(409, "conflict");
    assert!(used["detail"].as_str().unwrap().contains("Shouting"), "{used}");

    add(BEN).await;
    let done = server.ben.post(&approve, json!({})).await.expect(200);
    assert_eq!(status_of(&done, "shout"), "completed");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_workflow_is_for_its_groups_and_missing_to_others(pool: PgPool) {
    let server = Server::start(pool).await;
    let admin = &server.admin;
    for (id, email) in [("sales", BEN), ("legal", CARA)] {
        admin.post("/api/groups", json!({"id": id, "name": id})).await.expect(201);
        admin.post(&format!("/api/groups/{id}/members"), json!({"email": email})).await.expect(201);
    }
    let template = server.shouting_template("always").await;
    let (mine, open) = (server.ben.start(&template, "before").await, server.ben.start(&template, "open").await);
    server.ben.settled(&mine).await;
    server.ben.settled(&open).await;
    let approve = async |run: &str| {
        server.ben.post(&format!("/api/workflows/runs/{run}/steps/shout/continue"), json!({})).await.expect(200);
        server.ben.settled(run).await
    };
    approve(&mine).await;
    let (at, published) =
        (format!("/api/workflows/templates/{template}/audience"), format!("/api/workflows/templates/{template}"));
    let set = async |groups: serde_json::Value| admin.json(Method::PUT, &at, &json!({ "groups": groups })).await;
    for (groups, field) in [
        (json!([{"group_id": "nobody", "may_start": true}]), "groups.0.group_id"),
        (json!([{"group_id": "../x", "may_start": true}]), "groups.0.group_id"),
        (json!([{"group_id": "sales"}]), "groups.0"),
        (json!([{"group_id": "sales", "may_see": true}, {"group_id": "sales", "may_start": true}]), "groups.1"),
    ] {
        assert_eq!(set(groups.clone()).await.problem(422, "invalid")["field"], field, "{groups}");
    }
    assert_eq!(admin.get(&at).await.expect(200), json!({"groups": []}), "what is wrong changes nothing");

    let audience = set(json!([{"group_id": "legal", "may_start": true}])).await.expect(200);
    assert_eq!(audience["groups"][0]["may_see"], false);
    // Another admin's dialog shows that it is for everybody still.
    let stale = json!({"groups": [{"group_id": "sales", "may_see": true}], "expect": []});
    admin.json(Method::PUT, &at, &stale).await.problem(409, "conflict");
    assert_eq!(admin.get(&at).await.expect(200), audience, "what was not seen is not taken back");
    let seen = json!({"groups": audience["groups"], "expect": audience["groups"]});
    assert_eq!(admin.json(Method::PUT, &at, &seen).await.expect(200), audience);
    let start = json!({"template_id": template, "inputs": {"text": "x"}});
    let gallery = "/api/workflows/gallery";
    for (client, is_theirs) in [(&server.ben, false), (&server.anna, false), (&server.cara, true), (admin, true)] {
        let n_listed = client.get(gallery).await.expect(200).as_array().unwrap().len();
        assert_eq!(n_listed, usize::from(is_theirs));
        if is_theirs {
            client.get(&published).await.expect(200);
            client.post("/api/workflows/runs", start.clone()).await.expect(201);
        } else {
            client.get(&published).await.problem(404, "not_found");
            client.get(&format!("{published}/versions")).await.problem(404, "not_found");
            client.post("/api/workflows/runs", start.clone()).await.problem(404, "not_found");
        }
    }
    // What they began before is theirs, but a fork is a run that begins.
    server.ben.get(&format!("/api/workflows/runs/{mine}")).await.expect(200);
    let (of_mine, of_open) = (format!("/api/workflows/runs/{mine}"), format!("/api/workflows/runs/{open}"));
    for (path, body) in [
        (format!("{of_mine}/fork"), json!({"step": "shout"})),
        (format!("{of_mine}/steps/shout/rerun"), json!({"mode": "downstream"})),
        (format!("{of_mine}/steps/shout/rerun"), json!({"mode": "downstream", "dry_run": true})),
        (format!("{of_mine}/steps/shout/trigger"), json!({"inputs": {"text": "after"}})),
        (format!("{of_mine}/adopt"), json!({"from": open})),
        (format!("{of_mine}/move"), json!({"version": 1})),
        (format!("{of_open}/steps/shout/rerun"), json!({"inputs": {"text": "after"}})),
    ] {
        let refused = server.ben.post(&path, body).await.problem(403, "forbidden");
        assert!(refused["detail"].as_str().unwrap().contains("for others now"), "{path}: {refused}");
    }
    // What is under way ends.
    assert_eq!(status_of(&approve(&open).await, "again"), "completed");
    delete(admin, "/api/groups/legal").await.problem(409, "conflict");
    let copy = admin.post(&format!("{published}/duplicate"), json!({})).await.expect(201);
    let of_copy = format!("/api/workflows/templates/{}/audience", copy["id"].as_str().unwrap());
    assert_eq!(admin.get(&of_copy).await.expect(200), audience, "a copy is for nobody else");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn admins_are_told_of_gates_that_nobody_can_decide_any_more(pool: PgPool) {
    let server = Server::start(pool).await;
    let admin = &server.admin;
    admin.post("/api/groups", json!({"id": "legal", "name": "Legal"})).await.expect(201);
    let add = async |email: &str| admin.post("/api/groups/legal/members", json!({"email": email})).await.expect(201);
    let member = add(CARA).await;
    let review = json!({"mode": "always", "quorum": 2, "assignees": {"groups": ["legal"]}});
    let template = server.shouting_template_with(review).await;
    let run = server.anna.start(&template, "hello").await;
    server.anna.settled(&run).await;
    let stuck = async || admin.get("/api/workflows/stuck").await.expect(200);
    assert_eq!(stuck().await, json!([]), "cara and an admin can");
    delete(admin, &format!("/api/groups/legal/members/{}", member["id"].as_str().unwrap())).await.expect(204);
    let told = stuck().await;
    let gate = &told[0];
    assert_eq!((gate["run_id"].as_str(), gate["step"].as_str()), (Some(run.as_str()), Some("shout")));
    assert_eq!((gate["quorum"].as_i64(), gate["n_can"].as_i64()), (Some(2), Some(0)));
    add(BEN).await;
    assert_eq!(stuck().await, json!([]));
    server.stop().await;
}

/// Accounts are disabled and never deleted: what somebody decided stays theirs.
#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_gate_that_asks_somebody_who_was_disabled_is_told_to_admins_and_decided_in_their_place(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let admin = &server.admin;
    let template = server.shouting_template_with(json!({"mode": "always", "assignees": {"users": [CARA]}})).await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let run = server.anna.start(&template, "hello").await;
        server.anna.settled(&run).await;
        runs.push(run);
    }
    // Ben has the reviews of Cara, and so sees the run.
    let today = sqlx::query_scalar::<_, String>("SELECT (now() AT TIME ZONE 'UTC')::date::text");
    let today = today.fetch_one(&pool).await.unwrap();
    let given = json!({"delegate": BEN, "from_day": today, "to_day": today});
    server.browser(CARA).await.post("/api/me/delegations", given).await.expect(201);
    let at = format!("/api/workflows/runs/{}", runs[0]);
    server.ben.get(&at).await.expect(200);
    let stuck = async || admin.get("/api/workflows/stuck").await.expect(200);
    assert_eq!(stuck().await, json!([]));

    let users = admin.get("/api/users").await.expect(200);
    let cara = users.as_array().unwrap().iter().find(|user| user["email"] == CARA).unwrap();
    let account = format!("/api/users/{}", cara["id"].as_str().unwrap());
    let disable = async |is_disabled: bool| {
        admin.json(Method::PATCH, &account, &json!({"is_disabled": is_disabled})).await.expect(200);
    };
    disable(true).await;
    let told = stuck().await;
    assert_eq!(told.as_array().unwrap().len(), 2, "{told}");
    assert_eq!((&told[0]["run_id"], &told[0]["n_can"]), (&json!(runs[0]), &json!(0)), "{told}");
    // Whoever had their reviews has them no more, and the owner is none of those who are asked.
    server.ben.get(&at).await.problem(404, "not_found");
    let approve = |run: &str| format!("/api/workflows/runs/{run}/steps/shout/continue");
    server.ben.post(&approve(&runs[0]), json!({})).await.problem(404, "not_found");
    server.anna.post(&approve(&runs[0]), json!({})).await.problem(403, "forbidden");
    let done = admin.post(&approve(&runs[0]), json!({})).await.expect(200);
    assert_eq!(status_of(&done, "shout"), "completed");
    assert_eq!(stuck().await.as_array().unwrap().len(), 1, "the other one");

    disable(false).await;
    assert_eq!(stuck().await, json!([]), "they are asked again");
    server.ben.post(&approve(&runs[1]), json!({})).await.problem(404, "not_found");
    let done = server.browser(CARA).await.post(&approve(&runs[1]), json!({})).await.expect(200);
    assert_eq!(status_of(&done, "shout"), "completed");
    server.stop().await;
}
