//! Reviews that somebody gave to another over REST: who decides in whose place, for how long, and what is told of it.

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use sqlx::PgPool;
use workflow::access::Scope;

use crate::harness::{ADMIN, ANNA, Answer, BEN, CARA, Client, Server, status_of, step};

const MINE: &str = "/api/me/delegations";

async fn delete(client: &Client, path: &str) -> Answer {
    client.send(Method::DELETE, path, HeaderMap::new(), axum::body::Body::empty()).await
}

/// So many days from today, where the database is.
async fn day(pool: &PgPool, n: i32) -> String {
    let day = sqlx::query_scalar("SELECT ((now() AT TIME ZONE 'UTC')::date + $1)::text").bind(n);
    day.fetch_one(pool).await.unwrap()
}

/// From today on for three days.
async fn give(pool: &PgPool, from: &Client, to: &str) -> Value {
    let days = (day(pool, 0).await, day(pool, 2).await);
    from.post(MINE, json!({"delegate": to, "from_day": days.0, "to_day": days.1})).await.expect(201)
}

/// A run that waits at a gate, and the way to approve there.
async fn waiting(server: &Server, owner: &Client, review: Value) -> (String, String) {
    let template = server.shouting_template_with(review).await;
    let run = owner.start(&template, "hello").await;
    owner.settled(&run).await;
    let at = format!("/api/workflows/runs/{run}");
    (at.clone(), format!("{at}/steps/shout/continue"))
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_cannot_be_given_is_refused_at_its_field(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let anna = server.browser(ANNA).await;
    let (yesterday, today, tomorrow, far) =
        (day(&pool, -2).await, day(&pool, 0).await, day(&pool, 1).await, day(&pool, 500).await);
    for (wrong, field) in [
        (json!({"delegate": ANNA, "from_day": today, "to_day": today}), "delegate"),
        (json!({"delegate": "nobody@example.org", "from_day": today, "to_day": today}), "delegate"),
        (json!({"delegate": "no email", "from_day": today, "to_day": today}), "delegate"),
        (json!({"delegate": "a\u{0}@example.org", "from_day": today, "to_day": today}), "delegate"),
        (json!({"delegate": BEN, "from_day": yesterday, "to_day": today}), "from_day"),
        (json!({"delegate": BEN, "from_day": far, "to_day": far}), "from_day"),
        (json!({"delegate": BEN, "from_day": "soon", "to_day": today}), "from_day"),
        (json!({"delegate": BEN, "from_day": tomorrow, "to_day": today}), "to_day"),
        (json!({"delegate": BEN, "from_day": today, "to_day": far}), "to_day"),
        (json!({"delegate": BEN, "from_day": today, "to_day": today, "zone": "Nowhere/Land"}), "zone"),
        (json!({"delegate": BEN, "from_day": today, "to_day": today, "zone": "a\u{0}"}), "zone"),
    ] {
        assert_eq!(anna.post(MINE, wrong.clone()).await.problem(422, "invalid")["field"], field, "{wrong}");
    }
    // Who cannot sign in is answered like who is not there.
    let users = server.admin.get("/api/users").await.expect(200);
    let cara = users.as_array().unwrap().iter().find(|user| user["email"] == CARA).unwrap()["id"].clone();
    let path = format!("/api/users/{}", cara.as_str().unwrap());
    server.admin.json(Method::PATCH, &path, &json!({"is_disabled": true})).await.expect(200);
    let to = |email: &str| json!({"delegate": email, "from_day": today, "to_day": tomorrow});
    let details: Vec<Value> = [
        anna.post(MINE, to(CARA)).await.problem(422, "invalid")["detail"].clone(),
        anna.post(MINE, to("nobody@example.org")).await.problem(422, "invalid")["detail"].clone(),
    ]
    .into();
    assert_eq!(details[0], details[1]);

    let given = give(&pool, &anna, &BEN.to_uppercase()).await;
    assert_eq!((&given["delegate"], &given["lasts"], &given["zone"]), (&json!(BEN), &json!(true), &json!("UTC")));
    assert_eq!(anna.post(MINE, to(ADMIN)).await.problem(422, "invalid")["field"], "from_day", "they are ben's then");
    let ben = server.browser(BEN).await;
    assert_eq!(ben.post(MINE, to(ANNA)).await.problem(422, "invalid")["field"], "delegate", "a circle");
    // A token does not give them away, whatever it was made for.
    let program = server.program(ANNA, &[Scope::Run, Scope::Review]).await;
    program.post(MINE, to(ADMIN)).await.problem(403, "session_required");
    assert_eq!(program.get(MINE).await.expect(200)["given"][0], given);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_has_somebodys_reviews_decides_in_their_place_and_the_run_says_so(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let cara = server.browser(CARA).await;
    let (at, approve) = waiting(&server, &server.anna, json!({"mode": "always", "assignees": {"users": [CARA]}})).await;
    server.ben.get(&at).await.problem(404, "not_found");
    let given = give(&pool, &cara, BEN).await;
    assert_eq!(server.ben.get("/api/me").await.expect(200)["acts_for"][0]["email"], CARA);
    server.ben.get(&at).await.expect(200);
    assert_eq!(server.ben.get("/api/workflows/waiting").await.expect(200).as_array().unwrap().len(), 1);
    // No verb but those of the gate.
    for verb in ["steps/shout/skip", "steps/shout/trigger", "cancel", "pause"] {
        server.ben.post(&format!("{at}/{verb}"), json!({})).await.problem(403, "forbidden");
    }
    let id = given["id"].as_str().unwrap();
    delete(&server.browser(ANNA).await, &format!("{MINE}/{id}")).await.problem(404, "not_found");
    delete(&cara, &format!("{MINE}/{id}")).await.expect(204);
    server.ben.get(&at).await.problem(404, "not_found");
    server.ben.post(&approve, json!({})).await.problem(404, "not_found");

    give(&pool, &cara, BEN).await;
    let done = server.ben.post(&approve, json!({})).await.expect(200);
    assert_eq!(status_of(&done, "shout"), "completed");
    let events = server.anna.get(&format!("{at}/events")).await.expect(200);
    let approved = events.as_array().unwrap().iter().find(|event| event["kind"] == "step_approved").unwrap();
    assert_eq!((&approved["actor"]["email"], &approved["acted_for"]), (&json!(BEN), &json!(CARA)));
    let closed = &approved["data"]["reviews"][0];
    assert_eq!((&closed["by"], &closed["acted_for"]), (&json!(BEN), &json!(CARA)));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_inbox_says_in_whose_place_somebody_decides_and_did(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let cara = server.browser(CARA).await;
    let review = json!({"mode": "always", "assignees": {"users": [CARA]}});
    let (_, approve) = waiting(&server, &server.anna, review.clone()).await;
    let (many, _) = waiting(&server, &server.anna, review).await;
    let (own, _) = waiting(&server, &server.anna, json!({"mode": "always"})).await;
    let items = async |client: &Client, path: &str| {
        let page = client.get(&format!("/api/inbox{path}")).await.expect(200);
        page.as_array().unwrap().clone()
    };
    let n = async |client: &Client| client.get("/api/inbox/counts").await.expect(200)["n"].clone();
    assert!(items(&server.ben, "").await.is_empty());
    assert_eq!(n(&server.ben).await, 0);
    give(&pool, &cara, BEN).await;
    give(&pool, &server.browser(ANNA).await, BEN).await;
    let listed = items(&server.ben, "").await;
    let told: Vec<&Value> = listed.iter().map(|item| &item["acts_for"]).collect();
    assert_eq!(told, [CARA, CARA, ANNA]);
    assert_eq!(n(&server.ben).await, 3);
    assert!(items(&server.cara, "").await.iter().all(|item| item.get("acts_for").is_none()), "she is asked herself");

    // Read before it is decided, with the beginnings of what it is about, and decided: one by its verb, one with others.
    let id = |at: &str| at.rsplit('/').next().unwrap().to_owned();
    let gate = format!("/api/inbox/gates/{}/shout", id(&many));
    let shown = server.ben.get(&gate).await.expect(200);
    assert_eq!((&shown["item"]["acts_for"], &shown["may"]["approve"]), (&json!(CARA), &json!(true)));
    assert!(server.cara.get(&gate).await.expect(200)["item"].get("acts_for").is_none());
    let of_anna = server.ben.get(&format!("/api/inbox/gates/{}/shout", id(&own))).await.expect(200);
    assert_eq!(of_anna["item"]["acts_for"], ANNA);
    let gates = json!({"gates": [{"run_id": id(&many), "step": "shout"}]});
    assert_eq!(server.ben.post("/api/inbox/previews", gates).await.expect(200).as_array().unwrap().len(), 1);
    server.ben.post(&approve, json!({})).await.expect(200);
    let named = json!({"run_id": id(&many), "step": "shout", "content_hash": shown["content_hash"],
        "expect_generation": shown["item"]["generation"]});
    let many = json!({"decision": "reject", "feedback": "again", "gates": [named]});
    let answers = server.ben.post("/api/inbox/decide", many).await.expect(200);
    assert_eq!(answers[0]["outcome"], "done", "{answers}");

    // It was decided by the one, in the place of the other, in a run of the third.
    for client in [&server.ben, &server.cara, &server.anna] {
        let history = items(client, "/history").await;
        let told: Vec<[&Value; 3]> =
            history.iter().map(|end| ["verdict", "by", "acted_for"].map(|key| &end[key])).collect();
        let [rejected, approved, ben, cara] = ["rejected", "approved", BEN, CARA].map(|word| json!(word));
        assert_eq!(told, [[&rejected, &ben, &cara], [&approved, &ben, &cara]]);
    }
    assert_eq!(items(&server.admin, "/history").await.len(), 0);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn nobody_speaks_twice_whoever_they_speak_for(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let cara = server.browser(CARA).await;
    let review = json!({"mode": "always", "quorum": 2, "assignees": {"users": [BEN, CARA, ADMIN]}});
    let (at, approve) = waiting(&server, &server.anna, review).await;
    let given = give(&pool, &cara, BEN).await;
    let voted = server.ben.post(&approve, json!({})).await.expect(200);
    assert_eq!(status_of(&voted, "shout"), "awaiting_review");
    server.ben.post(&approve, json!({})).await.problem(409, "conflict");
    assert!(step(&voted, "shout")["review"].get("approved_for").is_none(), "ben is asked himself");
    let done = server.cara.post(&approve, json!({})).await.expect(200);
    assert_eq!(status_of(&done, "shout"), "completed", "two people");

    // Ben alone is asked by none of these: he speaks for cara, and cara has spoken then.
    let review = json!({"mode": "always", "quorum": 2, "assignees": {"users": [CARA, ADMIN]}});
    let (_, approve) = waiting(&server, &server.anna, review).await;
    let voted = server.ben.post(&approve, json!({})).await.expect(200);
    assert_eq!(step(&voted, "shout")["review"]["approved_for"], json!({BEN: CARA}));
    server.cara.post(&approve, json!({})).await.problem(409, "conflict");
    // Once it is over, what ben said counts no more.
    delete(&cara, &format!("{MINE}/{}", given["id"].as_str().unwrap())).await.expect(204);
    let voted = server.cara.post(&approve, json!({})).await.expect(200);
    assert_eq!(step(&voted, "shout")["review"]["approvals"], json!([CARA]));
    let done = server.admin.post(&approve, json!({})).await.expect(200);
    assert_eq!(status_of(&done, "shout"), "completed");
    server.anna.get(&at).await.expect(200);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn it_ends_with_an_account_and_admins_see_and_end_all_of_them(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (cara, anna) = (server.browser(CARA).await, server.browser(ANNA).await);
    let (at, _) = waiting(&server, &server.anna, json!({"mode": "always"})).await;
    // Gates of one's own runs are one's reviews too, but not the run.
    let own = give(&pool, &anna, BEN).await;
    server.ben.get(&at).await.expect(200);
    server.ben.post(&format!("{at}/cancel"), json!({})).await.problem(403, "forbidden");
    let end = format!("/api/delegations/{}", own["id"].as_str().unwrap());
    delete(&server.ben, &end).await.problem(403, "forbidden");
    delete(&server.admin, &end).await.expect(204);
    delete(&server.admin, &end).await.problem(404, "not_found");
    server.ben.get(&at).await.problem(404, "not_found");

    give(&pool, &cara, BEN).await;
    let users = server.admin.get("/api/users").await.expect(200);
    let id = users.as_array().unwrap().iter().find(|user| user["email"] == CARA).unwrap()["id"].clone();
    let path = format!("/api/users/{}", id.as_str().unwrap());
    for is_disabled in [true, false] {
        server.admin.json(Method::PATCH, &path, &json!({"is_disabled": is_disabled})).await.expect(200);
        assert!(server.ben.get("/api/me").await.expect(200).get("acts_for").is_none(), "{is_disabled}");
    }
    let all = server.admin.get("/api/delegations").await.expect(200);
    let ended = all.as_array().unwrap().iter().filter(|one| one["ended_at"].is_string()).count();
    assert_eq!((all.as_array().unwrap().len(), ended), (2, 2));
    let log = server.admin.get("/api/audit?action=delegation").await.expect(200);
    assert_eq!(log["entries"].as_array().unwrap().len(), 4, "two were made, and two ended: {log}");
    server.stop().await;
}
