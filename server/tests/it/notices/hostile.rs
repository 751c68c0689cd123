//! Notices against those who look for what is kept from them, ask for too much at once, or repeat what they were told.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use engine::StoredSecrets;
use http::Method;
use notices::{Notices, Options, Pace};
use serde_json::{Value, json};
use server::office::Vault;
use sqlx::PgPool;
use store::Store;
use workflow::{api::SmtpTls, notices::GivenMail};

use super::{
    BASE, CHOICES, DELIVERIES, address, approve, mail_by, office, others::Smtp, run_sql, states, subjects, waiting_run,
};
use crate::harness::{ANNA, CARA, Client, RUNS, Server, secret_keys};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_workflow_for_others_is_as_missing_to_who_chooses_as_one_that_nobody_made(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    server.admin.post("/api/groups", json!({"id": "legal", "name": "Legal"})).await.expect(201);
    let run = waiting_run(&server, json!({"users": [CARA]})).await;
    let template = server.anna.get(&format!("{RUNS}/{run}")).await.expect(200)["template_id"].clone();
    let at = format!("/api/workflows/templates/{}/audience", template.as_str().unwrap());
    let legal = json!({"groups": [{"group_id": "legal", "may_start": true}]});
    server.admin.json(Method::PUT, &at, &legal).await.expect(200);
    let choice = |id: &Value| json!({"template_id": id, "when": "hourly"});
    let mut refused = Vec::new();
    for id in [&template, &json!("00000000-0000-7000-8000-000000000000")] {
        let problem = server.ben.json(Method::PUT, CHOICES, &choice(id)).await.problem(422, "invalid");
        refused.push((problem["field"].clone(), problem["detail"].clone()));
    }
    assert_eq!(refused[0], refused[1]);
    assert_eq!(server.ben.get("/api/notices").await.expect(200)["choices"], json!([]));
    // Who is asked in it knows it, and so may say how they want to be told.
    for when in ["hourly", "never"] {
        let chosen = json!({"template_id": template, "when": when});
        server.cara.json(Method::PUT, CHOICES, &chosen).await.expect(200);
    }
    // What the draft is called is nobody's but its editors', and what later versions are called is for who may start them.
    run_sql(&pool, "UPDATE workflow_templates SET name = 'Draft c4n4ry'").await;
    run_sql(&pool, "UPDATE workflow_template_versions SET name = 'Version c4n4ry'").await;
    let named = async |person: &Client| {
        let mine = person.get("/api/notices").await.expect(200);
        mine["choices"].as_array().unwrap().iter().map(|choice| choice["template_name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(named(&server.cara).await, ["Shouting"], "as her inbox says");
    approve(&server, &run).await;
    assert_eq!(named(&server.cara).await, ["Shouting"], "as her history says");
    run_sql(&pool, "DELETE FROM review_deciders").await;
    assert_eq!(named(&server.cara).await, [Value::Null], "whoever knows nothing of it is told nothing");
    server.admin.json(Method::PUT, CHOICES, &choice(&template)).await.expect(200);
    assert_eq!(named(&server.admin).await, ["Version c4n4ry"]);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn many_gates_that_ask_many_are_looked_at_a_part_at_a_time(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (smtp, office) = (Smtp::start().await, office(&pool));
    mail_by(&server, &smtp).await;
    waiting_run(&server, json!({"roles": ["user"]})).await;
    let people = "INSERT INTO users (id, email, role, password_hash)
        SELECT gen_random_uuid(), 'p' || n || '@example.org', 'user', '$argon2id$x' FROM generate_series(1, 300) n";
    run_sql(&pool, people).await;
    let gates = "INSERT INTO reviews
        SELECT (jsonb_populate_record(v, jsonb_build_object('step', 's' || n))).* FROM reviews v, generate_series(1, 299) n";
    run_sql(&pool, gates).await;
    let noted = async || -> (i64, i64) {
        let counts = "SELECT (SELECT count(*) FROM notice_gates), (SELECT count(*) FROM notice_lines)";
        sqlx::query_as(counts).fetch_one(&pool).await.unwrap()
    };
    office.round().await.unwrap();
    let (n_gates, n_lines) = noted().await;
    assert!((100..200).contains(&n_gates) && n_lines < 51_000, "{n_gates} {n_lines}");
    office.round().await.unwrap();
    let (n_gates, n_lines) = noted().await;
    assert_eq!(n_gates, 300, "and the rest is not forgotten");
    assert!(n_lines >= 300 * 300, "{n_lines}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn of_who_is_down_no_more_is_asked_than_one_message_each_look(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (hanging, office) = (Smtp::hanging().await, office(&pool));
    mail_by(&server, &hanging).await;
    // Nobody listens there.
    address(&server, "webhook", "http://127.0.0.1:1/hook").await;
    for _ in 0..3 {
        waiting_run(&server, json!({"users": [CARA]})).await;
    }
    // Where more were dealt with, the next look would follow at once.
    assert_eq!(office.round().await.unwrap(), 2, "one by mail, and one post");
    let failed = server.admin.get(&format!("{DELIVERIES}?failed=true")).await.expect(200);
    assert_eq!(failed.as_array().unwrap().len(), 2, "{failed}");
    assert_eq!(states(&pool).await, ["asks waiting"; 6]);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_password_of_the_operators_is_not_told_by_a_server_that_repeats_it(pool: PgPool) {
    const PASSWORD: &str = "operators-c4n4ry-of-theirs";
    let smtp = Smtp::repeating().await;
    let store = Store::from_pool(pool);
    let options = Options {
        mail: GivenMail {
            host: Some("127.0.0.1".to_owned()),
            port: Some(smtp.port),
            tls: Some(SmtpTls::None),
            user: Some("weft".to_owned()),
            password: None,
            has_password: true,
            from: Some("weft@example.org".to_owned()),
        },
        password: Some(PASSWORD.to_owned().into()),
        base_url: BASE.to_owned(),
        allow_private: Vec::new(),
        keys: secret_keys(),
        pace: Pace::default(),
    };
    let office = Notices::new(store.clone(), Arc::new(Vault(StoredSecrets::new(store, secret_keys()))), options);
    let told = office.test_mail(ANNA).await;
    assert_eq!(smtp.signed_in(), [format!("\0weft\0{PASSWORD}")]);
    assert!(!told.is_sent && told.said.contains("is nobody"), "{told:?}");
    assert!(told.said.contains("[secret smtp-password]") && !told.said.contains("c4n4ry"), "{told:?}");
    let encoded = STANDARD.encode(format!("\0weft\0{PASSWORD}"));
    assert!(!told.said.contains(&encoded), "nor in letters of its own: {told:?}");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_item_of_a_list_is_named_once(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (smtp, office) = (Smtp::start().await, office(&pool));
    mail_by(&server, &smtp).await;
    waiting_run(&server, json!({"users": [CARA]})).await;
    // As the row of an item has it.
    run_sql(&pool, "UPDATE reviews SET step = 'shout[north]', title = 'Shout [north]'").await;
    office.round().await.unwrap();
    assert_eq!(subjects(&smtp.mails()), [(CARA.to_owned(), "Waits for you: Shout [north] · Shouting".to_owned())]);
    server.stop().await;
}
