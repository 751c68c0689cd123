//! What open inboxes are told: of a vote, of a decision, and of groups; within moments, in every tab of everybody who is asked.

use std::time::{Duration, Instant};

use axum::body::Body;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{DECIDE, INBOX, approval, named, outcomes, read, waiting};
use crate::{
    harness::{ADMIN, BEN, CARA, Server},
    live::{Socket, connect, follow, resynced, text, told_of},
};

/// Hears what is under way, until it is quiet.
async fn quiet(socket: &mut Socket) {
    while let Ok(Some(_)) = tokio::time::timeout(Duration::from_millis(600), text(socket)).await {}
}

/// How long it took until it was told that the run has changed, or left.
async fn told_after(socket: &mut Socket, run: &str, is_gone: bool) -> Duration {
    let began = Instant::now();
    told_of(socket, run, is_gone).await;
    began.elapsed()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn open_inboxes_are_told_within_moments_of_votes_decisions_and_groups(pool: PgPool) {
    /// What is promised; the quickest of a few counts, as a busy machine may stand still once.
    const WITHIN: Duration = Duration::from_secs(2);
    let server = Server::start(pool).await;
    let admin = &server.admin;
    admin.post("/api/groups", json!({"id": "legal", "name": "Legal"})).await.expect(201);
    for email in [BEN, CARA] {
        admin.post("/api/groups/legal/members", json!({"email": email})).await.expect(201);
    }
    let review = json!({"mode": "always", "quorum": 2, "assignees": {"groups": ["legal"], "users": [ADMIN]}});
    let template = server.shouting_template_with(review).await;
    let address = server.listen().await;
    let (mut ben, mut cara) = (
        connect(address, "/api/live", server.ben.headers()).await.unwrap(),
        connect(address, "/api/live", server.cara.headers()).await.unwrap(),
    );
    follow(&mut ben, 0).await;
    follow(&mut cara, 0).await;
    let (mut voted, mut decided) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let run = waiting(&server, &template, "hello").await;
        quiet(&mut ben).await;
        quiet(&mut cara).await;
        let vote = approval(&[named(&read(&server.ben, &run).await)]);
        assert_eq!(outcomes(&server.ben.post(DECIDE, vote.clone()).await.expect(200)), ["counted"]);
        // The gate is open still, and leaves Ben's inbox in every tab of his, while Cara's row has another vote.
        voted.push(told_after(&mut ben, &run, false).await.max(told_after(&mut cara, &run, false).await));
        assert_eq!(outcomes(&admin.post(DECIDE, vote).await.expect(200)), ["done"]);
        decided.push(told_after(&mut ben, &run, true).await.max(told_after(&mut cara, &run, true).await));
    }
    for (what, took) in [("a vote", voted), ("a decision", decided)] {
        assert!(took.iter().min().is_some_and(|took| *took < WITHIN), "{what}: {took:?}");
    }
    // Whoever leaves a group is told to look again, though nothing happened in any run.
    let run = waiting(&server, &template, "hello").await;
    told_of(&mut cara, &run, false).await;
    let members = admin.get("/api/groups/legal/members").await.expect(200);
    let is_cara = |member: &&Value| member["email"] == CARA;
    let id = members.as_array().unwrap().iter().find(is_cara).unwrap()["id"].as_str().unwrap();
    let member = format!("/api/groups/legal/members/{id}");
    admin.send(Method::DELETE, &member, HeaderMap::new(), Body::empty()).await.expect(204);
    resynced(&mut cara).await;
    assert_eq!(server.cara.get(INBOX).await.expect(200), json!([]));
    server.stop().await;
}
