//! The access matrix: every REST route, live socket and server function, as nobody, another user, who is asked at a gate, the owner and an admin.
//! It fails when an endpoint is missing here, so none can be added without a decision about who may use it.

mod batches;
mod groups;
mod inbox;
mod kept;
mod people;
mod scopes;
mod sharing;
mod work;
mod workers;

use std::collections::BTreeSet;

use app::App;
use http::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use workflow::verbs::{Access, RunVerb, Verb, Who, may, may_run, may_see};

use crate::harness::{ADMIN, ANNA, BEN, CARA, Client, Server, form};

/// What somebody is told. `Open` is any answer that the state of things gives, not the person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Open,
    SignIn,
    Forbidden,
    Missing,
}
use Told::{Forbidden, Missing, Open, SignIn};

/// Who is told what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    /// In the order of [`PEOPLE`].
    Fixed([Told; 5]),
    /// What is seen of a run, as the table of verbs says, like the next two.
    Sees,
    OnStep(Verb),
    OnRun(RunVerb),
}
use Rule::{Fixed, OnRun, OnStep, Sees};

type Row = (&'static str, &'static str, Content, Rule);
const PEOPLE: [&str; 5] = ["nobody", "ben (another user)", "cara (asked at the gate)", "anna (the owner)", "the admin"];
/// The same people in the words of the table.
const WHO: [Who; 5] = [Who::Nobody, Who::Other, Who::Assignee, Who::Owner, Who::Admin];

const EVERYBODY: Rule = Fixed([Open, Open, Open, Open, Open]);
const SIGNED_IN: Rule = Fixed([SignIn, Open, Open, Open, Open]);
const ADMINS: Rule = Fixed([SignIn, Forbidden, Forbidden, Forbidden, Open]);
/// Going around the gate, which asks cara and so binds the owner too.
const BOUND: Rule = Fixed([SignIn, Missing, Forbidden, Forbidden, Open]);
/// For admins, who are told that there is no such thing.
const MISSING_TO_ADMINS: Rule = Fixed([SignIn, Forbidden, Forbidden, Forbidden, Missing]);
const NO_PERSON: Rule = Fixed([SignIn, Forbidden, Forbidden, Forbidden, Forbidden]);
/// Addressed by an id that belongs to none of them.
const NONE_OF_THEIRS: Rule = Fixed([SignIn, Missing, Missing, Missing, Missing]);

impl Rule {
    fn told(self) -> [Told; 5] {
        let told = |access| match access {
            Access::Allowed => Open,
            Access::Forbidden => Forbidden,
            Access::NotFound => Missing,
            Access::Unauthenticated => SignIn,
        };
        match self {
            Fixed(told) => told,
            Sees => WHO.map(|who| told(may_see(who))),
            OnStep(verb) => WHO.map(|who| told(may(verb, who))),
            OnRun(verb) => WHO.map(|who| told(may_run(verb, who))),
        }
    }
}

enum Content {
    Empty,
    Json(Value),
    Form(&'static [(&'static str, &'static str)]),
}
use Content::{Empty, Form, Json};

const NOWHERE: &str = "00000000-0000-7000-8000-000000000000";

struct Fixture {
    template: String,
    run: String,
    artifact: String,
    user: String,
}

impl Fixture {
    fn gate(&self) -> Value {
        json!({"run_id": self.run, "step": "shout"})
    }

    fn unseen(&self) -> Value {
        let mut gate = self.gate();
        gate["content_hash"] = json!("old");
        gate["expect_generation"] = json!(1);
        json!({"decision": "approve", "gates": [gate]})
    }
}

async fn fixture(server: &Server) -> Fixture {
    let review = json!({"mode": "always", "assignees": {"users": [CARA]}});
    let template = server.shouting_template_with(review).await;
    let run = server.anna.start(&template, "hello").await;
    let view = server.anna.settled(&run).await;
    let users = server.admin.get("/api/users").await.expect(200);
    let ben = users.as_array().unwrap().iter().find(|user| user["email"] == BEN).unwrap();
    Fixture {
        template,
        run,
        artifact: view["artifacts"][0]["id"].as_str().unwrap().to_owned(),
        user: ben["id"].as_str().unwrap().to_owned(),
    }
}

fn functions(it: &Fixture) -> Vec<Row> {
    // Before what ends the gate: whoever is asked at it sees the run no longer than it is open.
    let mut rows = inbox::functions(it);
    rows.extend(sharing::functions(it));
    rows.extend(people::functions(it));
    rows.extend(work::functions(it));
    rows.extend(workers::functions());
    rows.extend(groups::functions(it));
    rows.extend(kept::functions());
    rows.extend(batches::functions(it));
    // Last: each wrong guess slows down the next one.
    rows.push((
        "POST",
        "/_fn/login",
        Form(&[("email", "nobody@example.org"), ("password", "wrong"), ("next", "")]),
        Fixed([SignIn; 5]),
    ));
    rows
}

fn filled(path: &str, it: &Fixture) -> String {
    if path == "/api/batches" {
        return format!("{path}?template_id={}", it.template);
    }
    path.replace("{run_id}/compare", &format!("{0}/compare?with={0}", it.run))
        .replace("{user_id}", &it.user)
        .replace("{token_id}", NOWHERE)
        .replace("{session_id}", NOWHERE)
        .replace("{token}", "00")
        .replace("{hash}", &"0".repeat(64))
        .replace("{agent_id}", "shout")
        .replace("{group_id}", "nobodys")
        .replace("{delegation_id}", NOWHERE)
        .replace("{batch_id}", NOWHERE)
        .replace("{share_id}", NOWHERE)
        .replace("{secret_name}", "key")
        .replace("{address_id}", NOWHERE)
        .replace("{notice_id}", NOWHERE)
        .replace("{template_id}", &it.template)
        .replace("{run_id}", &it.run)
        .replace("{step_id}", "shout")
        .replace("{artifact_id}", &it.artifact)
        .replace("{number}", "1")
        .replace("{version}", "1")
        .replace("/pins", "/pins?name=text")
}

async fn told(client: &Client, method: &str, path: &str, content: &Content) -> (Told, String) {
    let method: Method = method.parse().unwrap();
    let answer = match content {
        Empty => client.send(method, path, http::HeaderMap::new(), axum::body::Body::empty()).await,
        Json(body) => client.json(method, path, body).await,
        Form(pairs) => client.bytes(method, path, "application/x-www-form-urlencoded", form(pairs)).await,
    };
    let told = match answer.status.as_u16() {
        401 => SignIn,
        403 => Forbidden,
        404 => Missing,
        status => {
            assert!(status < 500, "{path}: {}", answer.text());
            Open
        }
    };
    (told, format!("{} {}", answer.status, answer.text()))
}

async fn walk(server: &Server, it: &Fixture, rows: &[Row]) {
    let mut wrong = Vec::new();
    let programs = [&server.nobody, &server.ben, &server.cara, &server.anna, &server.admin];
    let mut browsers = vec![server.nobody.clone()];
    for email in [BEN, CARA, ANNA, ADMIN] {
        browsers.push(Box::pin(server.browser(email)).await);
    }
    for (method, path, content, rule) in rows {
        // What no token may is asked for in a session.
        let in_session = scopes::of(method, path) == scopes::By::Session;
        for (((person, program), browser), expected) in PEOPLE.iter().zip(programs).zip(&browsers).zip(rule.told()) {
            let client = if in_session { browser } else { program };
            let (told, answer) = told(client, method, &filled(path, it), content).await;
            if told != expected {
                wrong.push(format!("{method} {path} as {person}: {told:?} instead of {expected:?}: {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    scopes::walk(server, it, rows).await;
}

/// Every verb of the table is asked for, by everybody.
fn holds_every_verb(rows: &[Row]) {
    let verbs = Verb::ALL.map(OnStep).into_iter().chain(RunVerb::ALL.map(OnRun));
    let forgotten: Vec<Rule> = verbs.filter(|rule| rows.iter().all(|row| row.3 != *rule)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}

fn names(rows: &[Row]) -> BTreeSet<(String, String)> {
    rows.iter().map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned())).collect()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn every_rest_route_and_socket_tells_each_person_what_they_may_know(pool: PgPool) {
    let server = Server::start(pool).await;
    let it = fixture(&server).await;
    // First: the gate is open still.
    let mut rows = inbox::rest(&it);
    rows.extend(sharing::rest());
    rows.extend(people::rest());
    rows.extend(work::rest(&it));
    rows.extend(groups::rest());
    rows.extend(workers::rest());
    rows.extend(kept::rest());
    rows.extend(batches::rest());
    let routes: BTreeSet<_> =
        server::http::routes().iter().map(|route| (route.method.to_string(), route.path.to_owned())).collect();
    assert_eq!(routes, names(&rows), "the table of routes and this matrix name the same endpoints");
    holds_every_verb(&rows);
    walk(&server, &it, &rows).await;
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn every_server_function_tells_each_person_what_they_may_know(pool: PgPool) {
    let server = Server::start(pool).await;
    let it = fixture(&server).await;
    let rows = functions(&it);
    // Linked in with the app, where they register themselves.
    let _ = leptos_axum::generate_route_list(App);
    let registered: BTreeSet<_> = leptos::server_fn::axum::server_fn_paths()
        .map(|(path, method)| (method.to_string(), path.to_owned()))
        .collect();
    assert_eq!(registered, names(&rows), "the app's server functions and this matrix are the same");
    holds_every_verb(&rows);
    walk(&server, &it, &rows).await;
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_foreign_and_what_is_missing_are_told_alike(pool: PgPool) {
    let server = Server::start(pool).await;
    let it = fixture(&server).await;
    for path in [
        "",
        "/events",
        "/artifacts",
        "/stale",
        "/steps/shout/prompt",
        "/steps/shout/attempts/1/transcript",
        "/steps/shout/skip",
        "/live",
    ] {
        let foreign = server.ben.get(&format!("/api/workflows/runs/{}{path}", it.run)).await;
        let missing = server.ben.get(&format!("/api/workflows/runs/{NOWHERE}{path}")).await;
        let garbled = server.ben.get(&format!("/api/workflows/runs/not-an-id{path}")).await;
        foreign.problem(404, "not_found");
        assert_eq!((foreign.status, &foreign.bytes), (missing.status, &missing.bytes), "{path}");
        assert_eq!((foreign.status, &foreign.bytes), (garbled.status, &garbled.bytes), "{path}");
    }
    server.stop().await;
}
