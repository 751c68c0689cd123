//! Trying a draft over REST: what runs of it, on what, who may, and all that a try must not be.

use http::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use workflow::access::Scope;

use crate::harness::{ADMIN, CARA, Client, RUNS, Server, TEMPLATES, latest, status_of, step};

const EVE: &str = "eve@example.org";

/// A draft that nobody published: shout -> again -> send, where the last one acts outside.
fn definition() -> Value {
    json!({
        "inputs": {"text": {"title": "Text", "schema": {"type": "string"}, "required": true}},
        "steps": {
            "shout": {"title": "Shout it", "agent_id": "shout", "inputs": {"text": {"from": "run", "key": "text"}}},
            "again": {"agent_id": "shout", "depends_on": ["shout"], "inputs": {"text": of("shout")}},
            "send": {"title": "Send it", "agent_id": "shout", "depends_on": ["again"], "inputs": {"text": of("again")},
                "side_effects": "external"}
        }
    })
}

fn of(step: &str) -> Value {
    json!({"from": "step", "step": step, "artifact": "text"})
}

struct Draft {
    path: String,
    revision: i64,
}

impl Draft {
    async fn new(server: &Server, definition: Value) -> Self {
        server.shouting_agent().await;
        let body = json!({"name": "Loud", "definition": definition});
        let made = server.admin.post(TEMPLATES, body).await.expect(201);
        Self {
            path: format!("{TEMPLATES}/{}", made["id"].as_str().unwrap()),
            revision: made["draft_revision"].as_i64().unwrap(),
        }
    }

    fn id(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }

    fn body(&self, more: &Value) -> Value {
        let mut body = json!({"revision": self.revision});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    /// The run that a try came to, once it rests.
    async fn tried(&self, client: &Client, more: &Value) -> Value {
        let started = client.post(&format!("{}/try", self.path), self.body(more)).await.expect(202);
        client.settled(started["run_id"].as_str().unwrap()).await
    }

    async fn refused(&self, client: &Client, more: &Value, status: u16, code: &str) -> Value {
        client.post(&format!("{}/try", self.path), self.body(more)).await.problem(status, code)
    }

    async fn pin(&self, client: &Client, place: Value, value: Value) {
        let body = json!({"place": place, "value": value});
        client.json(Method::PUT, &format!("{}/pins", self.path), &body).await.expect(200);
    }

    async fn seen(&self, client: &Client, steps: &str) -> Value {
        client.get(&format!("{}/seen?steps={steps}", self.path)).await.expect(200)
    }
}

async fn content(client: &Client, run: &Value, key: &str) -> Value {
    let path = format!("{RUNS}/{}/artifacts/{}", run["id"].as_str().unwrap(), latest(run, key)["id"].as_str().unwrap());
    client.get(&path).await.expect(200)["content"].clone()
}

/// A second admin.
async fn eve(server: &Server) -> Client {
    let person = json!({"email": EVE, "role": "admin", "password": "a b c d e f g h"});
    server.admin.post("/api/users", person).await.expect(201);
    server.program(EVE, &Scope::ALL).await
}

fn keys(run: &Value) -> Vec<&str> {
    run["steps"].as_array().unwrap().iter().map(|step| step["key"].as_str().unwrap()).collect()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_draft_is_tried_and_nothing_is_published(pool: PgPool) {
    let server = Server::start(pool).await;
    let draft = Draft::new(&server, definition()).await;
    let run = draft.tried(&server.admin, &json!({"inputs": {"text": "hi"}, "confirm": ["send"]})).await;
    assert_eq!((&run["status"], &run["is_test"]), (&json!("completed"), &json!(true)), "{run:#}");
    assert_eq!((keys(&run).len(), content(&server.admin, &run, "send").await), (3, json!("HI")));
    assert_eq!((&run["template_name"], run["template_id"] == draft.id()), (&json!("Loud"), false));
    let kept = server.admin.get(&draft.path).await.expect(200);
    assert_eq!((&kept["published_version"], kept["draft_revision"].as_i64()), (&Value::Null, Some(draft.revision)));
    // Not in anybody's lists.
    for path in [RUNS, "/api/workflows/runs?all=true", "/api/workflows/waiting"] {
        assert!(!server.admin.get(path).await.text().contains(run["id"].as_str().unwrap()), "{path}");
    }
    assert_eq!(server.admin.get(TEMPLATES).await.expect(200).as_array().unwrap().len(), 1);
    assert_eq!(server.admin.get("/api/workflows/gallery").await.expect(200), json!([]));
    assert_eq!(server.admin.get(&format!("{}/versions", draft.path)).await.expect(200), json!([]));
    let log = server.admin.get(&format!("/api/audit?action=template.tried&subject={}", draft.id())).await.expect(200);
    let entry = &log["entries"][0]["data"];
    assert_eq!((&entry["extent"], &entry["acts_outside"]), (&json!("whole"), &json!(["send"])), "{log:#}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_a_try_made_leads_nowhere_else(pool: PgPool) {
    let server = Server::start(pool).await;
    let draft = Draft::new(&server, definition()).await;
    let run = draft.tried(&server.admin, &json!({"inputs": {"text": "hi"}, "confirm": ["send"]})).await;
    let hidden = run["template_id"].as_str().unwrap();
    let path = format!("{TEMPLATES}/{hidden}");
    for version in [Value::Null, json!(1)] {
        let start = json!({"template_id": hidden, "version": version, "inputs": {"text": "x"}});
        server.admin.post(RUNS, start).await.problem(404, "not_found");
    }
    server.admin.post(&format!("{path}/publish"), json!({})).await.problem(404, "not_found");
    server.admin.post(&format!("{path}/archive"), json!({})).await.problem(404, "not_found");
    server.admin.json(Method::PUT, &path, &json!({"base_revision": 1, "name": "Mine"})).await.problem(404, "not_found");
    server.admin.get(&path).await.problem(404, "not_found");
    server.admin.get(&format!("{path}/versions")).await.problem(404, "not_found");
    server.admin.get(&format!("{path}/versions/1")).await.problem(404, "not_found");
    server.admin.post(&format!("{path}/try"), json!({"revision": 1})).await.problem(404, "not_found");
    let pin = json!({"place": {"name": "text"}, "value": "x"});
    server.admin.json(Method::PUT, &format!("{path}/pins"), &pin).await.problem(404, "not_found");
    let ports = server.admin.post("/_fn/workflow_ports", json!({"id": hidden, "version": 1})).await;
    assert_eq!(ports.status, 404);
    let sub = json!({"id": "sub", "name": "Sub", "inputs": [{"name": "text", "schema": {"type": "string"}, "required": true}],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "workflow", "template_id": hidden, "version": 1, "outputs": {"text": {"step": "send", "artifact": "text"}}}});
    assert_eq!(server.admin.post("/api/agents", sub).await.problem(422, "invalid")["field"], "config.template_id");
    let to = json!({"version": 1, "dry_run": true});
    let moved = server.admin.post(&format!("{RUNS}/{}/move", run["id"].as_str().unwrap()), to).await;
    assert!(moved.status.is_client_error(), "{}", moved.text());
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn only_the_stored_draft_is_tried_and_only_by_admins(pool: PgPool) {
    let server = Server::start(pool).await;
    let draft = Draft::new(&server, definition()).await;
    let fine = json!({"inputs": {"text": "hi"}, "confirm": ["send"]});
    for person in [&server.anna, &server.ben] {
        draft.refused(person, &fine, 403, "forbidden").await;
    }
    let runner = server.program(ADMIN, &[Scope::Run]).await;
    draft.refused(&runner, &fine, 403, "insufficient_scope").await;
    let mut smuggled = fine.clone();
    smuggled["definition"] = json!({"steps": {"mine": {"agent_id": "shout", "inputs": {"text": {"const": "x"}}}}});
    let answer = server.admin.post(&format!("{}/try", draft.path), draft.body(&smuggled)).await;
    assert!(answer.status.is_client_error() && answer.text().contains("definition"), "{}", answer.text());
    let bare = server.admin.post(&format!("{}/try", draft.path), json!({})).await.problem(422, "invalid");
    assert_eq!(bare["field"], "revision");
    // Somebody saved since.
    server
        .admin
        .json(Method::PUT, &draft.path, &json!({"base_revision": draft.revision, "name": "Louder"}))
        .await
        .expect(200);
    draft.refused(&server.admin, &fine, 409, "stale_revision").await;
    let now = Draft { path: draft.path.clone(), revision: draft.revision + 1 };
    // Who did not make it sees it all the same only as an admin.
    let run = now.tried(&server.admin, &fine).await;
    let at = format!("{RUNS}/{}", run["id"].as_str().unwrap());
    server.anna.get(&at).await.problem(404, "not_found");
    eve(&server).await.get(&at).await.expect(200);
    for (wanted, field) in [
        (json!({"extent": "step"}), "step"),
        (json!({"extent": "up_to", "step": "nope"}), "step"),
        (json!({}), "inputs.text"),
        (json!({"inputs": {"text": 7}}), "inputs.text"),
        (json!({"extent": "step", "step": "again", "inputs": {"other": "x"}}), "inputs.other"),
        (json!({"extent": "step", "step": "again"}), "inputs.text"),
        (json!({"inputs": {"text": "x"}, "from_run": "00000000-0000-7000-8000-000000000000"}), "from_run"),
    ] {
        assert_eq!(now.refused(&server.admin, &wanted, 422, "invalid").await["field"], field, "{wanted}");
    }
    server.admin.post(&format!("{}/archive", now.path), json!({})).await.expect(200);
    now.refused(&server.admin, &fine, 409, "conflict").await;
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_acts_outside_is_asked_about_by_name(pool: PgPool) {
    let server = Server::start(pool).await;
    let draft = Draft::new(&server, definition()).await;
    let whole = json!({"inputs": {"text": "hi"}});
    for confirm in [json!([]), json!(["again"])] {
        let mut wanted = whole.clone();
        wanted["confirm"] = confirm;
        let refused = draft.refused(&server.admin, &wanted, 409, "confirm_side_effects").await;
        assert_eq!(
            (&refused["field"], &refused["problems"][0]["step"]),
            (&json!("confirm"), &json!("send")),
            "{refused:#}"
        );
        assert!(refused["detail"].as_str().unwrap().contains("Send it"), "{refused:#}");
    }
    let run = draft.tried(&server.admin, &json!({"inputs": {"text": "hi"}, "extent": "up_to", "step": "again"})).await;
    assert_eq!(keys(&run), ["again", "shout"], "what does not run need not be agreed to");
    // Inside another workflow it is the same.
    server.admin.post(&format!("{}/publish", draft.path), json!({})).await.expect(201);
    let sub = json!({"id": "sub", "name": "Sub", "inputs": [{"name": "text", "schema": {"type": "string"}, "required": true}],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "workflow", "template_id": draft.id(), "version": 1, "outputs": {"text": {"step": "send", "artifact": "text"}}}});
    server.admin.post("/api/agents", sub).await.expect(201);
    let outer =
        Draft::new(&server, json!({"steps": {"whole": {"agent_id": "sub", "inputs": {"text": {"const": "x"}}}}})).await;
    let refused = outer.refused(&server.admin, &json!({}), 409, "confirm_side_effects").await;
    assert!(refused["detail"].as_str().unwrap().contains("Send it"), "{refused:#}");
    let test = json!({"agent_id": "sub", "inputs": {"text": "x"}});
    server.admin.post("/api/agents/test", test.clone()).await.problem(409, "confirm_side_effects");
    let mut agreed = test;
    agreed["confirm"] = json!(true);
    server.admin.post("/api/agents/test", agreed).await.expect(202);
    let run = outer.tried(&server.admin, &json!({"confirm": ["whole"]})).await;
    assert_eq!((status_of(&run, "whole"), content(&server.admin, &run, "whole").await), ("completed", json!("X")));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_pinned_output_stands_in_for_running_the_step(pool: PgPool) {
    let server = Server::start(pool).await;
    let draft = Draft::new(&server, definition()).await;
    draft.pin(&server.admin, json!({"step": "shout", "side": "output", "name": "text"}), json!("pinned")).await;
    let up_to = json!({"extent": "up_to", "step": "again"});
    let run = draft.tried(&server.admin, &up_to).await;
    assert_eq!((keys(&run), status_of(&run, "shout")), (vec!["again", "shout"], "completed"));
    assert_eq!(step(&run, "shout")["attempts"], json!([]), "it did not run");
    assert_eq!(latest(&run, "shout")["origin"], "import");
    assert_eq!(content(&server.admin, &run, "again").await, "PINNED");
    // Of the other admin nothing is pinned, and nothing of the first is to be read.
    let eve = eve(&server).await;
    assert_eq!(eve.get(&format!("{}/pins", draft.path)).await.expect(200), json!([]));
    let hers = draft.tried(&eve, &json!({"extent": "up_to", "step": "again", "inputs": {"text": "own"}})).await;
    assert_eq!(
        (content(&eve, &hers, "again").await, step(&hers, "shout")["attempts"].as_array().unwrap().len()),
        (json!("OWN"), 1)
    );
    eve.send(
        Method::DELETE,
        &format!("{}/pins?step=shout&side=output&name=text", draft.path),
        http::HeaderMap::new(),
        axum::body::Body::empty(),
    )
    .await
    .expect(204);
    assert_eq!(
        server.admin.get(&format!("{}/pins", draft.path)).await.expect(200).as_array().unwrap().len(),
        1,
        "hers alone would go"
    );
    let without = draft
        .refused(&server.admin, &json!({"extent": "up_to", "step": "again", "use_pins": false}), 422, "invalid")
        .await;
    assert_eq!(without["field"], "inputs.text", "then the step runs, on what it needs");
    // Never in the document, nor in what is published.
    server.admin.post(&format!("{}/publish", draft.path), json!({})).await.expect(201);
    for path in [draft.path.clone(), format!("{}/versions/1", draft.path)] {
        assert!(!server.admin.get(&path).await.text().contains("pinned"), "{path}");
    }
    // One that does not fit is named.
    draft.pin(&server.admin, json!({"step": "shout", "side": "output", "name": "text"}), json!({"no": "text"})).await;
    let refused = draft.refused(&server.admin, &up_to, 422, "invalid").await;
    assert_eq!(refused["field"], "pins.shout.text");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_step_alone_runs_on_what_is_given_pinned_seen_or_made_up(pool: PgPool) {
    let server = Server::start(pool).await;
    let draft = Draft::new(&server, definition()).await;
    let alone = |more: &Value| {
        let mut wanted = json!({"extent": "step", "step": "again"});
        wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        wanted
    };
    let said = async |more: Value| {
        let run = draft.tried(&server.admin, &alone(&more)).await;
        assert_eq!((keys(&run), &run["status"]), (vec!["again"], &json!("completed")), "{run:#}");
        content(&server.admin, &run, "again").await
    };
    assert_eq!(said(json!({"samples": true})).await, "SAMPLE OF TEXT");
    assert_eq!(said(json!({"inputs": {"text": "given"}})).await, "GIVEN");
    let whole = draft.tried(&server.admin, &json!({"inputs": {"text": "earlier"}, "confirm": ["send"]})).await;
    assert_eq!(said(json!({"from_run": whole["id"]})).await, "EARLIER", "what the step before it made there");
    draft.pin(&server.admin, json!({"step": "again", "name": "text"}), json!("kept")).await;
    assert_eq!(said(json!({"from_run": whole["id"], "samples": true})).await, "KEPT");
    assert_eq!(said(json!({"inputs": {"text": "given"}})).await, "GIVEN");
    assert_eq!(said(json!({"from_run": whole["id"], "use_pins": false})).await, "EARLIER");
    // A run of another workflow is none to take from.
    let other = server.shouting_template("never").await;
    let foreign = server.anna.start(&other, "secret").await;
    let refused = draft.refused(&server.admin, &alone(&json!({"from_run": foreign})), 422, "invalid").await;
    assert_eq!(refused["field"], "from_run");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_was_seen_last_is_told_to_whoever_edits(pool: PgPool) {
    let server = Server::start(pool).await;
    let draft = Draft::new(&server, definition()).await;
    assert_eq!(draft.seen(&server.admin, "shout").await, json!({"runs": [], "inputs": {}, "outputs": {}}));
    let run = draft.tried(&server.admin, &json!({"inputs": {"text": "hi"}, "extent": "up_to", "step": "again"})).await;
    let seen = draft.seen(&server.admin, "shout,again").await;
    assert_eq!(
        (&seen["inputs"]["text"]["value"], &seen["outputs"]["again"]["text"]["value"]),
        (&json!("hi"), &json!("HI"))
    );
    assert_eq!(
        (&seen["outputs"]["shout"]["text"]["run_id"], &seen["inputs"]["text"]["is_test"]),
        (&run["id"], &json!(true))
    );
    // Of each output the newest, wherever it comes from; a large one is only named.
    server.admin.post(&format!("{}/publish", draft.path), json!({})).await.expect(201);
    let of_anna = server.anna.start(draft.id(), &"b".repeat(20_000)).await;
    server.anna.settled(&of_anna).await;
    draft.tried(&server.admin, &json!({"extent": "step", "step": "again", "inputs": {"text": "new"}})).await;
    let seen = draft.seen(&server.admin, "shout,again").await;
    assert_eq!(seen["outputs"]["again"]["text"]["value"], "NEW");
    let large = &seen["outputs"]["shout"]["text"];
    assert_eq!((&large["run_id"], &large["size"], large.get("value")), (&json!(of_anna), &json!(20_000), None));
    server.anna.get(&format!("{}/seen", draft.path)).await.problem(403, "forbidden");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn whoever_tries_answers_at_the_gates_alone(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    // Who has their reviews is told of no try of theirs either.
    sqlx::query(
        "INSERT INTO delegations (id, principal_id, delegate_id, from_day, to_day, zone, starts_at, ends_at)
        SELECT gen_random_uuid(), p.id, d.id, current_date, current_date, 'UTC', now(), now() + interval '1 day'
        FROM users p, users d WHERE p.email = $1 AND d.email = $2",
    )
    .bind(ADMIN)
    .bind(CARA)
    .execute(&pool)
    .await
    .unwrap();
    let gate = json!({"mode": "always", "assignees": {"users": [CARA]}, "quorum": 2, "allow_self": false});
    let inner = server.shouting_template_with(gate.clone()).await;
    let sub = json!({"id": "sub", "name": "Sub", "inputs": [{"name": "text", "schema": {"type": "string"}, "required": true}],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "workflow", "template_id": inner, "version": 1, "outputs": {"text": {"step": "shout", "artifact": "text"}}}});
    server.admin.post("/api/agents", sub).await.expect(201);
    let draft = Draft::new(
        &server,
        json!({"steps": {
            "own": {"agent_id": "shout", "inputs": {"text": {"const": "x"}}, "review": gate},
            "sub": {"agent_id": "sub", "depends_on": ["own"], "inputs": {"text": of("own")}}
        }}),
    )
    .await;
    let run = draft.tried(&server.admin, &json!({})).await;
    let id = run["id"].as_str().unwrap().to_owned();
    assert_eq!(status_of(&run, "own"), "awaiting_review");
    server.cara.get(&format!("{RUNS}/{id}")).await.problem(404, "not_found");
    assert_eq!(server.cara.get("/api/workflows/waiting").await.expect(200), json!([]));
    server.admin.post(&format!("{RUNS}/{id}/steps/own/continue"), json!({})).await.expect(200);
    // The workflow inside it asks nobody else either.
    let child = loop {
        let view = server.admin.get(&format!("{RUNS}/{id}")).await.expect(200);
        if let Some(child) = step(&view, "sub")["child_run"].as_str() {
            break child.to_owned();
        }
        tokio::task::yield_now().await;
    };
    // Its id is known before it begins.
    while server.admin.get(&format!("{RUNS}/{child}")).await.status == http::StatusCode::NOT_FOUND {
        tokio::task::yield_now().await;
    }
    let inside = server.admin.settled(&child).await;
    assert_eq!((status_of(&inside, "shout"), &inside["is_test"]), ("awaiting_review", &json!(true)));
    server.cara.get(&format!("{RUNS}/{child}")).await.problem(404, "not_found");
    assert_eq!(server.cara.get("/api/workflows/waiting").await.expect(200), json!([]));
    server.admin.post(&format!("{RUNS}/{child}/steps/shout/continue"), json!({})).await.expect(200);
    server.admin.settled(&child).await;
    let done = loop {
        let view = server.admin.get(&format!("{RUNS}/{id}")).await.expect(200);
        if view["status"] != "running" {
            break view;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(done["status"], "completed", "{done:#}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn pins_are_bounded(pool: PgPool) {
    let server = Server::start(pool).await;
    let draft = Draft::new(&server, definition()).await;
    let path = format!("{}/pins", draft.path);
    let set = async |place: Value, value: Value| {
        server.admin.json(Method::PUT, &path, &json!({"place": place, "value": value})).await
    };
    let text = |n: usize| json!("x".repeat(n));
    let refused = set(json!({"name": "text"}), text(256 * 1024)).await.problem(413, "too_large");
    assert_eq!(refused["field"], "value");
    for (place, value, field) in [
        (json!({"name": ""}), text(1), "place.name"),
        (json!({"step": "No Key", "name": "text"}), text(1), "place.step"),
        (json!({"name": "text"}), json!("a\u{0000}"), "value"),
        (json!({"name": "text"}), (0..70).fold(json!(1), |inner, _| json!([inner])), "value"),
    ] {
        assert_eq!(set(place.clone(), value).await.problem(422, "invalid")["field"], field, "{place}");
    }
    for n in 0..16 {
        set(json!({"step": "shout", "side": "output", "name": format!("n{n}")}), text(255 * 1024)).await.expect(200);
    }
    set(json!({"step": "shout", "name": "more"}), text(255 * 1024)).await.problem(413, "too_large");
    set(json!({"step": "shout", "side": "output", "name": "n0"}), text(1)).await.expect(200);
    set(json!({"step": "shout", "name": "more"}), text(255 * 1024)).await.expect(200);
    let nowhere = format!("{TEMPLATES}/00000000-0000-7000-8000-000000000000/pins");
    let body = json!({"place": {"name": "text"}, "value": 1});
    server.admin.json(Method::PUT, &nowhere, &body).await.problem(404, "not_found");
    server.anna.json(Method::PUT, &path, &body).await.problem(403, "forbidden");
    let log = server.admin.get(&format!("/api/audit?action=template.pin_set&subject={}", draft.id())).await.text();
    assert!(log.contains("n15") && !log.contains("xxxx"), "the log says what was pinned, never the value");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_typed_for_an_agent_is_tested_and_stays_unsaved(pool: PgPool) {
    let server = Server::start(pool).await;
    server.shouting_agent().await;
    let typed = |template: &str, id: &str| {
        json!({"id": id, "name": "Whisper",
        "inputs": [{"name": "text", "schema": {"type": "string"}, "required": true}],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "template", "template": template}})
    };
    let test = |unsaved: Value, id: &str| json!({"agent_id": id, "inputs": {"text": "Hi"}, "unsaved": unsaved});
    let said = async |body: Value| {
        let started = server.admin.post("/api/agents/test", body).await.expect(202);
        let run = server.admin.settled(started["run_id"].as_str().unwrap()).await;
        (content(&server.admin, &run, "test").await, step(&run, "test")["agent_id"].as_str().unwrap().to_owned())
    };
    let (text, kept_as) = said(test(typed("{{ text | lower }}", "whisper"), "whisper")).await;
    assert_eq!((text, kept_as.starts_with("whisper~")), (json!("hi"), true));
    // A saved one is tested beside what was changed of it, on the same input.
    assert_eq!(said(test(typed("{{ text }}!", "shout"), "shout")).await.0, "Hi!");
    assert_eq!(said(json!({"agent_id": "shout", "inputs": {"text": "Hi"}})).await, (json!("HI"), "shout".to_owned()));
    // Nobody finds it, and no workflow can use it.
    assert!(!server.admin.get("/api/agents/list").await.text().contains("hisper"));
    server.admin.get(&format!("/api/agents/{kept_as}")).await.problem(404, "not_found");
    server.admin.get("/api/agents/whisper").await.problem(404, "not_found");
    let definition =
        json!({"steps": {"a": {"agent_id": kept_as, "agent_version": 1, "inputs": {"text": {"const": "x"}}}}});
    let draft = Draft::new(&server, definition).await;
    server.admin.post(&format!("{}/publish", draft.path), json!({})).await.problem(422, "invalid_definition");
    draft.refused(&server.admin, &json!({}), 422, "invalid_definition").await;
    let mut named = typed("x", &kept_as);
    named["base_version"] = json!(1);
    server.admin.post("/api/agents", named.clone()).await.problem(422, "invalid");
    server.admin.post("/api/agents/test", test(named, &kept_as)).await.problem(422, "invalid");
    // It is judged as if it were saved.
    server.admin.post("/api/agents/test", test(typed("{{ nope", "whisper"), "whisper")).await.problem(422, "invalid");
    let other =
        server.admin.post("/api/agents/test", test(typed("x", "whisper"), "shout")).await.problem(422, "invalid");
    assert_eq!(other["field"], "agent_id");
    server.anna.post("/api/agents/test", test(typed("x", "whisper"), "whisper")).await.problem(403, "forbidden");
    server.stop().await;
}
