//! The inbox over REST: who is asked reads a gate, sees the beginnings of several and decides many; and each of many is answered by itself.

mod many;
mod news;

use axum::body::Body;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use sqlx::PgPool;
use workflow::access::Scope;

use crate::harness::{Answer, BEN, CARA, Client, RUNS, Server, TEMPLATES, status_of};

const NOWHERE: &str = "00000000-0000-7000-8000-000000000000";
const INBOX: &str = "/api/inbox";
const DECIDE: &str = "/api/inbox/decide";
const PREVIEWS: &str = "/api/inbox/previews";
/// HTML, an override of the direction, Hebrew, an emoji of several characters, two lines.
const HOSTILE: &str = "<script>alert(1)</script> \u{202e}\u{5e9}\u{5dc}\u{5d5}\u{5dd} 👩\u{200d}🚀\nsecond & \"last\"";

/// A gate that asks these.
fn asks(users: &[&str]) -> Value {
    json!({"mode": "always", "assignees": {"users": users}})
}

async fn waiting(server: &Server, template: &str, text: &str) -> String {
    let run = server.anna.start(template, text).await;
    server.anna.settled(&run).await;
    run
}

fn gate_at(run: &str, step: &str) -> String {
    format!("{INBOX}/gates/{run}/{step}")
}

async fn read(client: &Client, run: &str) -> Value {
    client.get(&gate_at(run, "shout")).await.expect(200)
}

/// What a decision about what was read names.
fn named(reading: &Value) -> Value {
    json!({"run_id": reading["item"]["run_id"], "step": reading["item"]["step"],
        "content_hash": reading["content_hash"], "expect_generation": reading["item"]["generation"]})
}

fn approval(gates: &[Value]) -> Value {
    json!({"decision": "approve", "gates": gates})
}

fn outcomes(answers: &Value) -> Vec<&str> {
    answers.as_array().unwrap().iter().map(|answer| answer["outcome"].as_str().unwrap()).collect()
}

/// The runs of a page of gates.
fn runs_of(page: &Value) -> Vec<&str> {
    page.as_array().unwrap().iter().map(|item| item["run_id"].as_str().unwrap()).collect()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_gate_is_read_with_what_was_there_before_and_where_it_came_from(pool: PgPool) {
    let server = Server::start(pool).await;
    server.shouting_agent().await;
    let template = server
        .publish(
            "Reading",
            json!({
                "inputs": {"text": {"title": "Text", "schema": {"type": "string"}, "required": true}},
                "steps": {
                    "draft": {"title": "Draft", "agent_id": "shout", "inputs": {"text": {"from": "run", "key": "text"}}},
                    "shout": {"title": "Second", "agent_id": "shout", "depends_on": ["draft"], "review": asks(&[CARA]),
                        "inputs": {"text": {"from": "step", "step": "draft", "artifact": "text"}}}
                }
            }),
        )
        .await;
    let run = waiting(&server, &template, "about rain").await;
    let first = read(&server.cara, &run).await;
    let item = &first["item"];
    assert_eq!(
        (&item["title"], &item["template_name"], &item["about"]),
        (&json!("Second"), &json!("Reading"), &json!("about rain"))
    );
    assert_eq!(
        (&item["round"], &item["quorum"], &item["n_asked"], &item["votes"]),
        (&json!(0), &json!(1), &json!(1), &json!([]))
    );
    assert_eq!((first["outputs"][0]["version"].as_i64(), &first["previous"]), (Some(1), &json!([])));
    let source = &first["sources"][0];
    assert_eq!((&source["port"], &source["title"]), (&json!("text"), &json!("Draft")));
    assert_eq!(source["artifact"]["producing_step_id"], "draft");
    assert_eq!(first["may"], json!({"approve": true, "edit": true, "reject": true, "why_not": null}));
    // It binds its owner, who is told whom it asks.
    let of_owner = read(&server.anna, &run).await;
    assert_eq!((&of_owner["may"]["approve"], &of_owner["may"]["reject"]), (&json!(false), &json!(true)));
    assert!(of_owner["may"]["why_not"].as_str().unwrap().contains(CARA), "{of_owner:#}");

    let mut many = approval(&[named(&first)]);
    many["decision"] = json!("reject");
    many["feedback"] = json!(HOSTILE);
    assert_eq!(outcomes(&server.cara.post(DECIDE, many).await.expect(200)), ["done"]);
    server.anna.settled(&run).await;
    let second = read(&server.cara, &run).await;
    assert_eq!((&second["feedback"]["text"], &second["feedback"]["by"]), (&json!(HOSTILE), &json!(CARA)));
    assert_eq!(
        (second["outputs"][0]["version"].as_i64(), second["previous"][0]["version"].as_i64()),
        (Some(2), Some(1))
    );
    assert_eq!((&second["item"]["round"], &second["item"]["generation"]), (&json!(1), &json!(2)));

    // To a stranger it is as missing as a run that there never was; and so is a gate that is not open.
    let foreign = server.ben.get(&gate_at(&run, "shout")).await;
    for path in [gate_at(NOWHERE, "shout"), gate_at("no-id", "shout"), gate_at(&run, "draft")] {
        let missing = server.ben.get(&path).await;
        assert_eq!((foreign.status.as_u16(), &foreign.bytes), (404, &missing.bytes), "{path}");
    }
    server.cara.get(&gate_at(&run, "draft")).await.problem(404, "not_found");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn of_two_reviewers_each_votes_once_and_is_told_what_became_of_it(pool: PgPool) {
    let server = Server::start(pool).await;
    let mut review = asks(&[BEN, CARA]);
    review["quorum"] = json!(2);
    let template = server.shouting_template_with(review).await;
    let run = waiting(&server, &template, "hello").await;
    let shown = read(&server.ben, &run).await;
    assert_eq!(shown["item"]["n_asked"], 2);
    let vote = approval(&[named(&shown)]);
    let under = async |client: &Client, key: &str| client.post_under(key, DECIDE, &vote).await.expect(200);
    assert_eq!(runs_of(&server.ben.get(INBOX).await.expect(200)), [run.as_str()]);
    assert_eq!(outcomes(&under(&server.ben, "k").await), ["counted"]);
    assert_eq!(outcomes(&under(&server.ben, "k").await), ["counted"], "the answer was lost, and is given again");
    let again = server.ben.post(DECIDE, vote.clone()).await.expect(200);
    assert_eq!(outcomes(&again), ["counted"], "nobody votes twice");
    assert!(again[0]["message"].as_str().unwrap().contains("already"), "{again}");
    let after = read(&server.ben, &run).await;
    assert_eq!((&after["item"]["votes"], &after["may"]["approve"]), (&json!([BEN]), &json!(false)));
    assert!(after["may"]["why_not"].as_str().unwrap().contains("already"), "{after:#}");
    // Their vote is given: it waits for others, and so not for them.
    assert_eq!(server.ben.get(INBOX).await.expect(200), json!([]));
    assert_eq!(server.ben.get("/api/inbox/counts").await.expect(200)["n"], 0);
    assert_eq!(server.cara.get("/api/inbox/counts").await.expect(200)["n"], 1);

    assert_eq!(outcomes(&under(&server.cara, "k").await), ["done"], "everybody has keys of their own");
    assert_eq!(outcomes(&under(&server.ben, "k").await), ["done"], "it was answered once, and is over now");
    assert_eq!(outcomes(&server.ben.post(DECIDE, vote.clone()).await.expect(200)), ["gone"]);
    assert_eq!(status_of(&server.anna.settled(&run).await, "shout"), "completed");
    let history = server.anna.get("/api/inbox/history").await.expect(200);
    assert_eq!((&history[0]["run_id"], &history[0]["verdict"]), (&json!(run), &json!("approved")), "{history:#}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_left_the_group_reads_nothing_and_what_they_approved_counts_no_more(pool: PgPool) {
    let server = Server::start(pool).await;
    let admin = &server.admin;
    admin.post("/api/groups", json!({"id": "legal", "name": "Legal"})).await.expect(201);
    let add = async |email: &str| admin.post("/api/groups/legal/members", json!({"email": email})).await.expect(201);
    let (ben, _) = (add(BEN).await, add(CARA).await);
    let review = json!({"mode": "always", "quorum": 2, "assignees": {"groups": ["legal"]}});
    let template = server.shouting_template_with(review).await;
    let run = waiting(&server, &template, "hello").await;
    let shown = read(&server.ben, &run).await;
    assert_eq!((&shown["item"]["groups"], &shown["item"]["n_asked"]), (&json!(["legal"]), &json!(2)));
    let listed = server.ben.get(INBOX).await.expect(200);
    for item in [&shown["item"], &listed[0]] {
        assert_eq!(item["group_names"], json!({"legal": "Legal"}), "as people call it");
    }
    let vote = approval(&[named(&shown)]);
    assert_eq!(outcomes(&server.ben.post(DECIDE, vote.clone()).await.expect(200)), ["counted"]);
    let member = format!("/api/groups/legal/members/{}", ben["id"].as_str().unwrap());
    admin.send(Method::DELETE, &member, HeaderMap::new(), Body::empty()).await.expect(204);
    server.ben.get(&gate_at(&run, "shout")).await.problem(404, "not_found");
    assert_eq!(server.ben.get(INBOX).await.expect(200), json!([]));
    let mine = json!({"gates": [{"run_id": run, "step": "shout"}]});
    assert_eq!(server.ben.post(PREVIEWS, mine).await.expect(200), json!([]));
    let gone = server.ben.post(DECIDE, vote.clone()).await.expect(200);
    assert_eq!(outcomes(&gone), ["gone"]);
    let of_others = read(&server.cara, &run).await;
    assert_eq!((&of_others["item"]["votes"], &of_others["item"]["n_asked"]), (&json!([]), &json!(1)));
    assert_eq!(outcomes(&server.cara.post(DECIDE, vote).await.expect(200)), ["counted"], "one is wanted still");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn nobody_approves_their_own_where_the_gate_forbids_it(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template_with(json!({"mode": "always", "allow_self": false})).await;
    let run = waiting(&server, &template, "hello").await;
    let own = read(&server.anna, &run).await;
    assert_eq!(own["may"]["approve"], false);
    assert!(own["may"]["why_not"].as_str().unwrap().contains("owner"), "{own:#}");
    let answer = server.anna.post(DECIDE, approval(&[named(&own)])).await.expect(200);
    assert_eq!(outcomes(&answer), ["refused"]);
    assert_eq!(answer[0]["message"], own["may"]["why_not"], "in the same words");
    assert_eq!(outcomes(&server.admin.post(DECIDE, approval(&[named(&own)])).await.expect(200)), ["done"]);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_preview_is_short_whole_characters_and_of_gates_that_are_theirs_alone(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template_with(asks(&[CARA])).await;
    // The second is too large to go with its commit.
    let (short, large) =
        (waiting(&server, &template, HOSTILE).await, waiting(&server, &template, &"ü🦀".repeat(50_000)).await);
    let gate = |run: &str, step: &str| json!({"run_id": run, "step": step});
    let wanted = json!({"gates": [gate(&large, "shout"), gate(&short, "shout"), gate(&short, "again"), gate(NOWHERE, "shout"),
        gate(&large, "shout")]});
    let shown = server.cara.post(PREVIEWS, wanted.clone()).await.expect(200);
    assert_eq!(shown.as_array().unwrap().len(), 2, "closed, missing and twice are left out: {shown:#}");
    let (of_large, of_short) = (&shown[0]["outputs"][0], &shown[1]["outputs"][0]);
    let text = of_large["text"].as_str().unwrap();
    assert_eq!((text.chars().count(), &of_large["is_cut"], text), (500, &json!(true), "Ü🦀".repeat(250).as_str()));
    assert_eq!((&of_short["text"], &of_short["is_cut"]), (&json!(HOSTILE.to_uppercase()), &json!(false)));
    assert_eq!(shown[1]["content_hash"], read(&server.cara, &short).await["content_hash"], "a decision is bound to it");
    assert_eq!(server.ben.post(PREVIEWS, wanted).await.expect(200), json!([]));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_token_decides_only_if_it_was_made_to_review(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template_with(asks(&[CARA])).await;
    let run = waiting(&server, &template, "hello").await;
    let reader = server.program(CARA, &[Scope::Read]).await;
    let decision = approval(&[named(&read(&reader, &run).await)]);
    assert_eq!(runs_of(&reader.get(INBOX).await.expect(200)), [run.as_str()]);
    for scopes in [&[Scope::Read][..], &[Scope::Read, Scope::Run]] {
        let program = server.program(CARA, scopes).await;
        program.post(DECIDE, decision.clone()).await.problem(403, "insufficient_scope");
    }
    server.nobody.post(DECIDE, decision.clone()).await.problem(401, "unauthenticated");
    let reviewer = server.program(CARA, &[Scope::Review]).await;
    assert_eq!(outcomes(&reviewer.post(DECIDE, decision).await.expect(200)), ["done"]);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_try_waits_in_nobodys_inbox(pool: PgPool) {
    let server = Server::start(pool).await;
    server.shouting_agent().await;
    let definition = json!({"steps": {"shout": {"agent_id": "shout", "inputs": {"text": {"const": "hi"}},
        "review": asks(&[CARA])}}});
    let draft = server.admin.post(TEMPLATES, json!({"name": "Draft", "definition": definition})).await.expect(201);
    let path = format!("{TEMPLATES}/{}/try", draft["id"].as_str().unwrap());
    let tried = server.admin.post(&path, json!({"revision": draft["draft_revision"]})).await.expect(202);
    let run = tried["run_id"].as_str().unwrap();
    let view = server.admin.settled(run).await;
    assert_eq!(status_of(&view, "shout"), "awaiting_review");
    for client in [&server.admin, &server.cara] {
        assert_eq!(client.get(INBOX).await.expect(200), json!([]));
        assert_eq!(client.get("/api/inbox/counts").await.expect(200)["n"], 0);
    }
    assert_eq!(server.admin.get("/api/inbox?scope=all").await.expect(200), json!([]));
    server.cara.get(&gate_at(run, "shout")).await.problem(404, "not_found");
    server.admin.post(&format!("{RUNS}/{run}/steps/shout/continue"), json!({})).await.expect(200);
    assert_eq!(server.admin.get("/api/inbox/history?all=true").await.expect(200), json!([]));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_next_page_of_a_filtered_list_is_of_the_same_filter(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template_with(asks(&[CARA])).await;
    let mut rain = Vec::new();
    for text in ["rain a", "sun", "rain b", "rain c"] {
        let run = waiting(&server, &template, text).await;
        if text.starts_with("rain") {
            rain.push(run);
        }
    }
    let page = async |path: &str| -> (Answer, Value) {
        let answer = server.cara.get(path).await;
        let items = answer.expect(200);
        (answer, items)
    };
    let (first, items) = page("/api/inbox?search=rain&limit=2").await;
    assert_eq!(runs_of(&items), rain[..2]);
    let link = first.header("link");
    let (next, _) = link.strip_prefix('<').and_then(|link| link.split_once('>')).unwrap();
    let (last, items) = page(next).await;
    assert_eq!((runs_of(&items), last.header("link")), (vec![rain[2].as_str()], ""));
    server.stop().await;
}
