//! Notices against real servers on loopback: mail over SMTP, posts over HTTP, that fail, are slow, hang and repeat.

mod hostile;
mod others;
mod unsubscribing;

use std::{sync::Arc, time::Duration};

use agents::redact;
use engine::StoredSecrets;
use http::Method;
use notices::{Notices, Options, Pace};
use serde_json::{Value, json};
use server::office::Vault;
use sqlx::{AssertSqlSafe, PgPool};
use store::{
    Store,
    notices::{gates::Patience, sending::Channel},
};
use workflow::notices::GivenMail;

use crate::harness::{ANNA, BEN, CARA, RUNS, Server, secret_keys};
use others::{Mailbox, Receiver, Smtp};

const ADDRESSES: &str = "/api/notices/addresses";
const CHOICES: &str = "/api/notices/choices";
const DELIVERIES: &str = "/api/notices/deliveries";
const SETTINGS: &str = "/api/notices/settings";
const BASE: &str = "http://weft.test";

/// What a process does for notices, in haste.
fn office(pool: &PgPool) -> Notices {
    let pace = Pace {
        patience: Patience { run: Duration::ZERO, digest: Duration::from_hours(1) },
        mail: Duration::from_millis(500),
        ..Pace::default()
    };
    office_at(pool, pace, vec!["127.0.0.0/8".parse().unwrap()])
}

fn office_at(pool: &PgPool, pace: Pace, allow_private: Vec<agents::AddressRange>) -> Notices {
    let store = Store::from_pool(pool.clone());
    let options = Options {
        mail: GivenMail::default(),
        password: None,
        base_url: BASE.to_owned(),
        allow_private,
        keys: secret_keys(),
        pace,
    };
    Notices::new(store.clone(), Arc::new(Vault(StoredSecrets::new(store, secret_keys()))), options)
}

/// Mail goes there from now on.
async fn mail_by(server: &Server, smtp: &Smtp) {
    let known = server.admin.get(SETTINGS).await.expect(200);
    let settings = json!({"host": "127.0.0.1", "port": smtp.port, "tls": "none", "from": "Weft <weft@example.org>",
        "expect_revision": known["revision"]});
    server.admin.json(Method::PUT, SETTINGS, &settings).await.expect(200);
}

/// A run that waits for whom this review asks.
async fn waiting_run(server: &Server, assignees: Value) -> String {
    let template = server.shouting_template_with(json!({"mode": "always", "assignees": assignees})).await;
    let run = server.anna.start(&template, "the c4n4ry").await;
    server.anna.settled(&run).await;
    run
}

async fn approve(server: &Server, run: &str) {
    server.cara.post(&format!("{RUNS}/{run}/steps/shout/continue"), json!({})).await.expect(200);
}

async fn run_sql(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(pool).await.unwrap();
}

/// What waits is due, whenever it would have been.
async fn hurry(pool: &PgPool) {
    run_sql(pool, "UPDATE notices SET due_at = now() WHERE state = 'waiting'").await;
}

async fn states(pool: &PgPool) -> Vec<String> {
    let states = "SELECT kind || ' ' || state FROM notices ORDER BY created_at, id";
    sqlx::query_scalar(states).fetch_all(pool).await.unwrap()
}

/// An address that cara chose, and its secret.
async fn address(server: &Server, kind: &str, url: &str) -> (String, Option<String>) {
    let made = server.admin.post(ADDRESSES, json!({"name": kind, "kind": kind, "url": url})).await.expect(201);
    let id = made["address"]["id"].as_str().unwrap().to_owned();
    let choice = json!({"address": id, "when": "at_once"});
    server.cara.json(Method::PUT, CHOICES, &choice).await.expect(200);
    (id, made["secret"].as_str().map(str::to_owned))
}

fn subjects(mails: &[Mailbox]) -> Vec<(String, String)> {
    mails.iter().map(|mail| (mail.to.clone(), mail.subject())).collect()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_is_asked_is_told_once_and_then_how_it_ended(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (smtp, office) = (Smtp::start().await, office(&pool));
    mail_by(&server, &smtp).await;
    let run = waiting_run(&server, json!({"users": [CARA]})).await;
    office.round().await.unwrap();
    office.round().await.unwrap();
    let mails = smtp.mails();
    assert_eq!(subjects(&mails), [(CARA.to_owned(), "Waits for you: shout · Shouting".to_owned())]);
    let mail = &mails[0];
    assert!(mail.text().contains(&format!("{BASE}/inbox?gate={run}%2Fshout")), "{}", mail.text());
    assert!(!mail.raw.contains("c4n4ry") && !mail.text().contains("c4n4ry"), "titles and links alone");
    assert!(mail.header("Message-ID").ends_with("@example.org>"), "{}", mail.raw);

    approve(&server, &run).await;
    office.round().await.unwrap();
    office.round().await.unwrap();
    let told = subjects(&smtp.mails());
    assert_eq!(told[1..], [(CARA.to_owned(), format!("Approved by {CARA}: shout · Shouting"))]);
    assert_eq!(states(&pool).await, ["asks sent", "outcome sent"]);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn where_nobody_is_asked_the_owner_is_told_and_a_group_or_role_as_it_is_now(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (smtp, office) = (Smtp::start().await, office(&pool));
    mail_by(&server, &smtp).await;
    waiting_run(&server, json!({})).await;
    office.round().await.unwrap();
    let to: Vec<_> = smtp.take().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, [ANNA]);

    server.admin.post("/api/groups", json!({"id": "legal", "name": "Legal"})).await.expect(201);
    for email in [BEN, CARA, ANNA] {
        server.admin.post("/api/groups/legal/members", json!({"email": email})).await.expect(201);
    }
    // Who started the run may not decide there, so they are not told.
    let review = json!({"mode": "always", "allow_self": false, "assignees": {"groups": ["legal"]}});
    let template = server.shouting_template_with(review).await;
    let run = server.anna.start(&template, "x").await;
    server.anna.settled(&run).await;
    office.round().await.unwrap();
    let mut to: Vec<_> = smtp.take().into_iter().map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to, [BEN, CARA]);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_decides_in_the_place_of_somebody_is_told_while_it_lasts(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (smtp, office) = (Smtp::start().await, office(&pool));
    mail_by(&server, &smtp).await;
    let away = format!(
        "INSERT INTO delegations (id, principal_id, delegate_id, from_day, to_day, zone, starts_at, ends_at)
        SELECT gen_random_uuid(), p.id, d.id, current_date, current_date, 'UTC', now(), now() + interval '1 day'
        FROM users p, users d WHERE p.email = '{CARA}' AND d.email = '{BEN}'"
    );
    run_sql(&pool, &away).await;
    waiting_run(&server, json!({"users": [CARA]})).await;
    office.round().await.unwrap();
    let mut to: Vec<_> = smtp.take().into_iter().map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to, [BEN, CARA]);
    run_sql(&pool, "UPDATE delegations SET ended_at = now()").await;
    waiting_run(&server, json!({"users": [CARA]})).await;
    office.round().await.unwrap();
    let to: Vec<_> = smtp.take().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, [CARA]);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_decided_or_no_longer_theirs_before_it_is_sent_is_never_sent(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let smtp = Smtp::start().await;
    let pace = Pace {
        patience: Patience { run: Duration::from_hours(1), digest: Duration::from_hours(1) },
        ..Pace::default()
    };
    let office = office_at(&pool, pace, Vec::new());
    mail_by(&server, &smtp).await;
    let decided = waiting_run(&server, json!({"users": [CARA]})).await;
    office.round().await.unwrap();
    approve(&server, &decided).await;
    hurry(&pool).await;
    office.round().await.unwrap();
    assert_eq!(states(&pool).await, ["asks dropped"], "and so there is no second message");

    waiting_run(&server, json!({"users": [CARA]})).await;
    office.round().await.unwrap();
    run_sql(&pool, &format!("UPDATE users SET disabled_at = now() WHERE email = '{CARA}'")).await;
    hurry(&pool).await;
    office.round().await.unwrap();
    assert_eq!(states(&pool).await, ["asks dropped", "asks dropped"]);
    assert!(smtp.mails().is_empty());
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn tests_and_tries_tell_nobody(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (smtp, office) = (Smtp::start().await, office(&pool));
    mail_by(&server, &smtp).await;
    let run = waiting_run(&server, json!({"users": [CARA]})).await;
    run_sql(&pool, &format!("UPDATE workflow_runs SET is_test = true WHERE id = '{run}'")).await;
    office.round().await.unwrap();
    assert!(smtp.mails().is_empty() && states(&pool).await.is_empty());
    // Nor does a run that is set aside: nobody decides there until an admin looked at it, and then it tells.
    run_sql(&pool, "UPDATE workflow_runs SET is_test = false, quarantine = 'x'").await;
    office.round().await.unwrap();
    assert!(smtp.mails().is_empty() && states(&pool).await.is_empty());
    run_sql(&pool, "UPDATE workflow_runs SET quarantine = NULL").await;
    office.round().await.unwrap();
    assert_eq!(smtp.mails().len(), 1);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_that_is_set_aside_tells_nobody_until_it_goes_on(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (smtp, office) = (Smtp::start().await, office(&pool));
    mail_by(&server, &smtp).await;
    waiting_run(&server, json!({"users": [CARA]})).await;
    run_sql(&pool, "UPDATE workflow_runs SET quarantine = 'by hand'").await;
    office.round().await.unwrap();
    assert!(smtp.mails().is_empty(), "no inbox has it");
    run_sql(&pool, "UPDATE workflow_runs SET quarantine = NULL").await;
    office.round().await.unwrap();
    assert_eq!(smtp.mails().len(), 1);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_mail_server_that_hangs_holds_nothing_else_up_and_is_asked_again(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (hanging, receiver, office) = (Smtp::hanging().await, Receiver::start().await, office(&pool));
    mail_by(&server, &hanging).await;
    address(&server, "slack", &receiver.url("/services/x")).await;
    waiting_run(&server, json!({"users": [CARA]})).await;
    office.round().await.unwrap();
    assert_eq!(receiver.taken().len(), 1, "the post went out beside it");
    let mistyped = server.admin.get(&format!("{DELIVERIES}?faild=true")).await.expect(400);
    assert_eq!(mistyped["field"], "faild", "nobody takes the list for filtered that is not");
    let failed = server.admin.get(&format!("{DELIVERIES}?failed=true")).await.expect(200);
    let error = failed[0]["error"].as_str().unwrap();
    assert!(failed[0]["to"] == CARA && error.contains("did not answer"), "{failed}");

    let working = Smtp::start().await;
    mail_by(&server, &working).await;
    hurry(&pool).await;
    office.round().await.unwrap();
    assert_eq!(working.mails().len(), 1);
    let refused = office_test(&office, &Smtp::refusing().await, &server).await;
    assert!(!refused.is_sent && refused.said.contains("mailbox unavailable here"), "{refused:?}");
    server.stop().await;
}

async fn office_test(office: &Notices, smtp: &Smtp, server: &Server) -> workflow::api::NoticeTest {
    mail_by(server, smtp).await;
    office.test_mail(ANNA).await
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_post_is_signed_and_known_by_one_id_however_often_it_is_made(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (receiver, office) = (Receiver::start().await, office(&pool));
    let (id, secret) = address(&server, "webhook", &receiver.url("/hook")).await;
    let secret = secret.unwrap();
    let run = waiting_run(&server, json!({"users": [CARA]})).await;
    // A process takes it and is gone; its time is over at once.
    let store = Store::from_pool(pool.clone());
    receiver.answer(500);
    office.round().await.unwrap();
    hurry(&pool).await;
    let crashed = store.claim_notices(Channel::Addresses, 10, Duration::ZERO).await.unwrap();
    assert_eq!(crashed.len(), 1);
    receiver.answer(204);
    office.round().await.unwrap();
    office.round().await.unwrap();
    let taken = receiver.taken();
    assert_eq!(taken.len(), 2, "once that failed, and once more");
    assert_eq!(taken[0].id(), taken[1].id(), "so that who was told twice knows");
    for post in &taken {
        assert!(post.is_signed_with(&secret), "{post:?}");
        assert_eq!(post.body["type"], "gate.asks");
        assert_eq!(post.body["data"]["gates"][0]["run_id"], run);
        assert!(!post.body.to_string().contains("c4n4ry"));
    }
    let tried = server.admin.get(&format!("{DELIVERIES}?address={id}")).await.expect(200);
    assert_eq!(tried.as_array().unwrap().len(), 2);
    assert_eq!((&tried[0]["status"], &tried[1]["status"]), (&json!(204), &json!(500)));

    let message = tried[0]["message"].as_str().unwrap();
    server.admin.post(&format!("/api/notices/messages/{message}/resend"), json!({})).await.expect(204);
    office.round().await.unwrap();
    assert_eq!(receiver.taken().len(), 3);
    let renewed = server.admin.post(&format!("{ADDRESSES}/{id}/secret"), json!({})).await.expect(200);
    assert!(office.test_address(id.parse().unwrap()).await.is_sent);
    let last = receiver.taken().pop().unwrap();
    assert!(last.is_signed_with(renewed["secret"].as_str().unwrap()) && !last.is_signed_with(&secret));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_private_address_is_not_dialled_and_an_address_that_only_fails_is_given_up(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let receiver = Receiver::start().await;
    let (id, _) = address(&server, "webhook", &receiver.url("/hook")).await;
    let pace = Pace { patience: Patience { run: Duration::ZERO, digest: Duration::ZERO }, ..Pace::default() };
    let closed = office_at(&pool, pace, Vec::new());
    waiting_run(&server, json!({"users": [CARA]})).await;
    closed.round().await.unwrap();
    assert!(receiver.taken().is_empty());
    let listed = server.admin.get(ADDRESSES).await.expect(200);
    let view = &listed[0];
    assert!(view["last_error"].as_str().unwrap().contains("private or reserved"), "{view}");
    assert_eq!((&view["n_failures"], &view["n_people"]), (&json!(1), &json!(1)));

    run_sql(&pool, "UPDATE notice_addresses SET n_failures = 19, failing_since = now() - interval '2 days'").await;
    hurry(&pool).await;
    closed.round().await.unwrap();
    let listed = server.admin.get(ADDRESSES).await.expect(200);
    let view = &listed[0];
    assert!(view["is_given_up"] == true && !view["disabled_at"].is_null(), "{view}");
    let log = server.admin.get(&format!("/api/audit?action=notice.address_given_up&subject={id}")).await.expect(200);
    assert_eq!(log["entries"].as_array().unwrap().len(), 1);
    hurry(&pool).await;
    office(&pool).round().await.unwrap();
    assert!(receiver.taken().is_empty(), "nothing is sent there any more");
    let on = server.admin.json(Method::PATCH, &format!("{ADDRESSES}/{id}"), &json!({"is_enabled": true})).await;
    let on = on.expect(200);
    assert_eq!((&on["is_given_up"], &on["n_failures"], &on["disabled_at"]), (&json!(false), &json!(0), &Value::Null));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn neither_a_password_nor_an_address_is_in_a_log_an_answer_or_a_table(pool: PgPool) {
    const PASSWORD: &str = "smtp-c4n4ry-of-mine";
    let lines = crate::secrets::Lines::default();
    let logging = lines.keep();
    let server = Server::start(pool.clone()).await;
    let (smtp, receiver, office) = (Smtp::start().await, Receiver::start().await, office(&pool));
    let hosts = [format!("http://127.0.0.1:{}", smtp.port)];
    let secret = json!({"value": PASSWORD, "hosts": hosts});
    server.admin.json(Method::PUT, "/api/secrets/smtp", &secret).await.expect(201);
    let settings = json!({"host": "127.0.0.1", "port": smtp.port, "tls": "none", "user": "weft", "password": "smtp",
        "from": "weft@example.org", "expect_revision": 0});
    server.admin.json(Method::PUT, SETTINGS, &settings).await.expect(200);
    let key = "k3y-c4n4ry-of-the-address";
    let (_, signed_with) = address(&server, "webhook", &receiver.url(&format!("/{key}"))).await;
    let signed_with = signed_with.unwrap();
    receiver.repeat();
    waiting_run(&server, json!({"users": [CARA]})).await;
    office.round().await.unwrap();
    assert_eq!(smtp.signed_in(), [format!("\0weft\0{PASSWORD}")], "it arrived");
    assert_eq!(receiver.taken().len(), 1);

    let mut all = String::new();
    for path in [ADDRESSES, DELIVERIES, SETTINGS, "/api/notices", "/api/audit", "/api/secrets"] {
        all.push_str(&server.admin.get(path).await.text());
    }
    assert!(all.contains("[secret notice-address]"), "the answer that repeated it is kept without it: {all}");
    all.push_str(&crate::secrets::dump(&pool).await);
    drop(logging);
    for line in lines.text().lines() {
        // As the log is written.
        all.push_str(&redact::redacted(line));
    }
    for hidden in [PASSWORD, key, signed_with.as_str(), signed_with.trim_start_matches("whsec_")] {
        assert!(!all.contains(hidden), "{hidden} in {all}");
    }
    let used = server.admin.get("/api/audit?action=secret.used&subject=smtp").await.expect(200);
    assert_eq!(used["entries"][0]["data"]["for"], "mail", "who used what is written down");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_admins_say_is_judged_at_its_field_and_changed_by_one_at_a_time(pool: PgPool) {
    let server = Server::start(pool).await;
    let put = async |body: Value| server.admin.json(Method::PUT, SETTINGS, &body).await;
    for (body, field) in [
        (json!({"host": "a b", "from": "", "expect_revision": 0}), "host"),
        (json!({"host": "a", "port": 0, "from": "", "expect_revision": 0}), "port"),
        (json!({"host": "a", "from": "weft", "expect_revision": 0}), "from"),
        (json!({"host": "a", "from": "a@b.c\r\nBcc: d@e.f", "expect_revision": 0}), "from"),
        (json!({"host": "a", "from": "a@b.c", "user": "a\nb", "expect_revision": 0}), "user"),
        (json!({"host": "a", "from": "a@b.c", "password": "none-such", "expect_revision": 0}), "password"),
    ] {
        assert_eq!(put(body.clone()).await.problem(422, "invalid")["field"], field, "{body}");
    }
    let sound = json!({"host": "smtp.example.org", "from": "Weft <weft@example.org>", "expect_revision": 0});
    let saved = put(sound.clone()).await.expect(200);
    assert_eq!((&saved["port"], &saved["revision"], &saved["content"]), (&json!(587), &json!(1), &json!(false)));
    put(sound).await.problem(409, "stale_revision");
    let address = |name: &str, url: &str| json!({"name": name, "kind": "webhook", "url": url});
    for (body, field) in [
        (address("", "https://a.example/x"), "name"),
        (address("a\nb", "https://a.example/x"), "name"),
        (address("a", "ftp://a.example/c4n4ry"), "url"),
        (address("a", "https://u:c4n4ry@a.example/"), "url"),
        (address("a", "https://a.example/c4n4ry x"), "url"),
    ] {
        let refused = server.admin.post(ADDRESSES, body).await.problem(422, "invalid");
        assert!(refused["field"] == field && !refused.to_string().contains("c4n4ry"), "{refused}");
    }
    server.admin.post(ADDRESSES, address("Room", "https://a.example/x")).await.expect(201);
    let taken = server.admin.post(ADDRESSES, address("ROOM", "https://a.example/y")).await.problem(422, "invalid");
    assert_eq!(taken["field"], "name");
    let nowhere = json!({"address": "00000000-0000-7000-8000-000000000000", "when": "hourly"});
    let refused = server.anna.json(Method::PUT, CHOICES, &nowhere).await.problem(422, "invalid");
    assert_eq!(refused["field"], "address");
    server.stop().await;
}
