//! The rows of the matrix about sharing a run, and the matrix as whoever looks at a run of somebody else: by a group, or because it is
//! shared with them. What is shared here is shared with nobody, so that nobody's rights are others afterwards.

use http::Method;
use serde_json::json;
use sqlx::PgPool;
use workflow::verbs::{Access, RunVerb, Who, may, may_run, may_see};

use super::{
    Content::{Empty, Json},
    Fixed, Fixture, Forbidden, Missing, NOWHERE, OnRun, OnStep, Open, Row, Rule, Sees, SignIn, filled, fixture, inbox,
    told, work,
};
use crate::harness::{BEN, Server};

/// As with its title: the run's owner's and admins' to do, in any status.
const STEERS: Rule = OnRun(RunVerb::AutoRun);
/// The share has the id of none.
const STEERS_NOTHING: Rule = Fixed([SignIn, Missing, Forbidden, Missing, Missing]);

pub(super) fn rest() -> Vec<Row> {
    let in_vain = json!({"email": "nobody@example.org"});
    vec![
        ("GET", "/api/workflows/runs/{run_id}/shares", Empty, STEERS),
        ("POST", "/api/workflows/runs/{run_id}/shares", Json(in_vain), STEERS),
        ("DELETE", "/api/workflows/runs/{run_id}/shares/{share_id}", Empty, STEERS_NOTHING),
    ]
}

pub(super) fn functions(it: &Fixture) -> Vec<Row> {
    let share = json!({"id": it.run, "wanted": {"email": "nobody@example.org"}});
    vec![
        ("POST", "/_fn/run_shares", Json(json!({"id": it.run})), STEERS),
        ("POST", "/_fn/share_run", Json(share), STEERS),
        ("POST", "/_fn/end_share", Json(json!({"id": it.run, "share": NOWHERE})), STEERS_NOTHING),
    ]
}

/// Ben sees the run, and everything else about it is refused.
async fn ben_looks_and_does_nothing_else(server: &Server, it: &Fixture) {
    let mut rows = work::rest(it);
    rows.extend(inbox::rest(it));
    rows.extend(rest());
    rows.extend(functions(it));
    rows.extend(inbox::functions(it));
    rows.extend(work::functions(it));
    let mut wrong = Vec::new();
    for (method, path, content, rule) in &rows {
        let access = match *rule {
            Sees => may_see(Who::Viewer),
            OnStep(verb) => may(verb, Who::Viewer),
            OnRun(verb) => may_run(verb, Who::Viewer),
            rule if rule == STEERS_NOTHING => Access::Forbidden,
            Fixed(_) => continue,
        };
        let expected = if access == Access::Allowed { Open } else { Forbidden };
        let (told, answer) = told(&server.ben, method, &filled(path, it), content).await;
        if told != expected {
            wrong.push(format!("{method} {path}: {told:?} instead of {expected:?}: {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What they only see is not among what is theirs, nor does it wait for them.
    assert!(server.ben.get("/api/workflows/runs").await.expect(200)["runs"].as_array().unwrap().is_empty());
    assert!(server.ben.get("/api/workflows/waiting").await.expect(200).as_array().unwrap().is_empty());
    assert!(server.ben.get("/api/inbox").await.expect(200).as_array().unwrap().is_empty());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn whoever_sees_a_run_by_a_group_looks_and_does_nothing_else(pool: PgPool) {
    let server = Server::start(pool).await;
    let it = fixture(&server).await;
    let run = format!("/api/workflows/runs/{}", it.run);
    server.ben.get(&run).await.problem(404, "not_found");
    server.admin.post("/api/groups", json!({"id": "audit", "name": "Audit"})).await.expect(201);
    server.admin.post("/api/groups/audit/members", json!({"email": BEN})).await.expect(201);
    let audience = format!("/api/workflows/templates/{}/audience", it.template);
    let sees = json!({"groups": [{"group_id": "audit", "may_see": true}]});
    server.admin.json(Method::PUT, &audience, &sees).await.expect(200);
    ben_looks_and_does_nothing_else(&server, &it).await;
    let listed = server.ben.get("/api/workflows/runs?shared=true").await.expect(200);
    assert_eq!(listed["runs"][0]["id"], it.run.as_str());
    let nobody = json!({"groups": []});
    server.admin.json(Method::PUT, &audience, &nobody).await.expect(200);
    server.ben.get(&run).await.problem(404, "not_found");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn whoever_a_run_is_shared_with_looks_and_does_nothing_else(pool: PgPool) {
    let server = Server::start(pool).await;
    let it = fixture(&server).await;
    let run = format!("/api/workflows/runs/{}", it.run);
    server.ben.get(&run).await.problem(404, "not_found");
    let share = server.anna.post(&format!("{run}/shares"), json!({"email": BEN})).await.expect(201);
    ben_looks_and_does_nothing_else(&server, &it).await;
    let listed = server.ben.get("/api/workflows/runs?with_me=true").await.expect(200);
    assert_eq!(listed["runs"][0]["id"], it.run.as_str());
    let end = format!("{run}/shares/{}", share["id"].as_str().unwrap());
    server.anna.send(Method::DELETE, &end, http::HeaderMap::new(), axum::body::Body::empty()).await.expect(204);
    server.ben.get(&run).await.problem(404, "not_found");
    server.stop().await;
}
