//! The link of a mail: it ends mails, and does nothing else for anybody.

use axum::body::Body;
use http::{HeaderMap, Method};
use serde_json::json;
use sqlx::PgPool;

use super::{
    BASE, CHOICES, address, mail_by, office,
    others::{Receiver, Smtp},
    waiting_run,
};
use crate::harness::{CARA, Server};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_link_ends_the_mails_of_whom_it_was_sent_to_and_tells_nothing(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let (smtp, receiver, office) = (Smtp::start().await, Receiver::start().await, office(&pool));
    mail_by(&server, &smtp).await;
    let (room, _) = address(&server, "slack", &receiver.url("/x")).await;
    let template = waiting_template(&server).await;
    let chosen = json!({"template_id": template, "when": "at_once"});
    server.cara.json(Method::PUT, CHOICES, &chosen).await.expect(200);
    office.round().await.unwrap();
    let mail = smtp.take().remove(0);
    assert_eq!((mail.to.as_str(), mail.header("List-Unsubscribe-Post").as_str()), (CARA, "List-Unsubscribe=One-Click"));
    let link = mail.header("List-Unsubscribe").trim_matches(['<', '>']).to_owned();
    let path = link.strip_prefix(BASE).unwrap().to_owned();
    assert!(!path.contains("cara"), "{path}");

    // Programs that look through mail follow links: that changes nothing.
    let looked = server.nobody.get(&path).await;
    assert_eq!((looked.status.as_u16(), looked.header("referrer-policy")), (200, "same-origin"));
    assert!(looked.text().contains("<form method=\"post\" ") && looked.header("set-cookie").is_empty());
    let mine = server.cara.get("/api/notices").await.expect(200);
    assert!(mine["choices"].as_array().unwrap().iter().all(|choice| choice["when"] == "at_once"), "{mine}");

    let junk = format!("/notices/unsubscribe?link={}", "0".repeat(64));
    let (other_look, other) = (server.nobody.get(&junk).await, post(&server, &junk).await);
    let done = post(&server, &path).await;
    assert_eq!((done.status, done.text()), (other.status, other.text()), "a link that is none is answered alike");
    assert_eq!(other_look.text(), looked.text());
    assert!(done.header("set-cookie").is_empty());

    // Nobody is signed in there, so nothing else bounds how often it is pressed.
    post(&server, &path).await;
    let log = server.admin.get("/api/audit?action=notice.unsubscribed").await.expect(200);
    assert_eq!(log["entries"].as_array().unwrap().len(), 1, "{log}");

    let mine = server.cara.get("/api/notices").await.expect(200);
    for choice in mine["choices"].as_array().unwrap() {
        let expected = if choice["address"] == json!(room) { "at_once" } else { "never" };
        assert_eq!(choice["when"], expected, "that setting and no other: {mine}");
    }
    waiting_run(&server, json!({"users": [CARA]})).await;
    office.round().await.unwrap();
    assert!(smtp.mails().is_empty());
    assert_eq!(receiver.taken().len(), 2, "the chat is told still");
    server.stop().await;
}

/// With a run that waits for cara.
async fn waiting_template(server: &Server) -> String {
    let run = waiting_run(server, json!({"users": [CARA]})).await;
    let view = server.anna.get(&format!("/api/workflows/runs/{run}")).await.expect(200);
    view["template_id"].as_str().unwrap().to_owned()
}

/// As a mail program does it at one click: without a cookie, and from no page.
async fn post(server: &Server, path: &str) -> crate::harness::Answer {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    server.nobody.send(Method::POST, path, headers, Body::from("List-Unsubscribe=One-Click")).await
}
