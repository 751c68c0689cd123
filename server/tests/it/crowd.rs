//! Many at once: starts that come in the same moment, and sockets of which many never read. `cargo xtask bench crowd` has the large numbers.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use futures::future::join_all;
use serde_json::{Value, json};
use server::http::Requests;
use sqlx::{PgPool, postgres::PgPoolOptions};
use store::Store;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use workflow::api::{MyFrame, RunFrame};

use crate::{
    harness::{RUNS, Server},
    live::{Socket, connect, follow, text},
    worker::{is_long, resident_kib},
};

/// What a start on a connection of its own is answered: the status, when to come back, and the body.
async fn post(address: SocketAddr, token: &str, key: &str, body: &str) -> (u16, Option<u64>, Value) {
    let head = format!(
        "POST {RUNS} HTTP/1.1\r\nHost: weft.test\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\
        Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all((head + body).as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("nobody is cut off");
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("it is answered");
    let when = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("retry-after: ")?.parse().ok());
    (head[9..12].parse().unwrap(), when, serde_json::from_str(body).unwrap_or_default())
}

/// Starts a run as a good client does. Its id, and how often it was told to come back.
async fn started(address: SocketAddr, token: &str, key: &str, body: &str) -> (String, usize) {
    let mut n_refused = 0;
    loop {
        match post(address, token, key, body).await {
            (200 | 201, _, answer) => return (answer["id"].as_str().unwrap().to_owned(), n_refused),
            (429, when, _) => {
                n_refused += 1;
                tokio::time::sleep(Duration::from_secs(when.expect("it says when to come back"))).await;
            }
            (status, _, answer) => panic!("{key} was answered {status}: {answer}"),
        }
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_crowd_of_starts_gets_runs_or_is_told_when_to_come_back_and_none_is_lost(pool: PgPool) {
    // More than strangers of one address could be not long ago.
    let n: u32 = if is_long() { 1_000 } else { 200 };
    let options = PgPoolOptions::new().max_connections(8).acquire_timeout(Duration::from_secs(5));
    let own = options.connect_with(pool.connect_options().as_ref().clone()).await.unwrap();
    let store = Store::from_pool(own);
    // Half of them come at once, the others have to come back.
    let server = Server::start_within(pool.clone(), store.clone(), Requests::new(Some(n / 8))).await;
    let template = server.shouting_template("never").await;
    let address = server.listen().await;
    let body = json!({"template_id": template, "inputs": {"text": "x"}}).to_string();
    let starts = (0..n).map(|n| {
        let (token, body) = (server.anna.token().to_owned(), body.clone());
        tokio::spawn(async move { started(address, &token, &format!("crowd-{n}"), &body).await })
    });
    let told: Vec<(String, usize)> = join_all(starts).await.into_iter().map(Result::unwrap).collect();
    let n_refused: usize = told.iter().map(|(_, n_refused)| n_refused).sum();
    let runs: BTreeSet<&str> = told.iter().map(|(run, _)| run.as_str()).collect();
    assert!(n_refused > 0, "not all were let in at once");
    assert_eq!(runs.len(), n as usize, "each has a run of its own");
    let stored: Vec<String> = sqlx::query_scalar("SELECT id::text FROM workflow_runs").fetch_all(&pool).await.unwrap();
    assert_eq!(stored.iter().map(String::as_str).collect::<BTreeSet<_>>(), runs, "what was told is what is there");
    server.stop().await;
    store.close().await;
}

/// Until the run's socket has told of this event.
async fn hears_event(socket: &mut Socket, seq: i64) {
    loop {
        match serde_json::from_str(&text(socket).await.expect("it stays open")).unwrap() {
            RunFrame::Event { event, .. } if event.seq >= seq => return,
            _ => {}
        }
    }
}

/// Until the list's socket has told of this run, or that everything is to be fetched.
async fn hears_of(socket: &mut Socket, run: &str) {
    loop {
        match serde_json::from_str(&text(socket).await.expect("it stays open")).unwrap() {
            MyFrame::Runs { runs, .. } if runs.iter().any(|known| known.id.to_string() == run) => return,
            MyFrame::Resync => return,
            _ => {}
        }
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn whoever_reads_is_told_of_everything_beside_many_who_never_do(pool: PgPool) {
    const SOCKETS: usize = 50;
    let server = Server::start(pool).await;
    let template = server.shouting_template("always").await;
    let address = server.listen().await;
    let run = server.anna.start(&template, "hello").await;
    server.anna.settled(&run).await;
    let before = resident_kib();
    let (mut silent, mut of_run, mut of_list) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..SOCKETS {
        let is_of_run = n % 2 == 0;
        let path = if is_of_run { format!("{RUNS}/{run}/live") } else { "/api/live".to_owned() };
        let mut socket = connect(address, &path, server.anna.headers()).await.unwrap();
        follow(&mut socket, 0).await;
        let kept = match (n % 5 < 2, is_of_run) {
            (true, _) => &mut silent,
            (false, true) => &mut of_run,
            (false, false) => &mut of_list,
        };
        kept.push(socket);
    }
    assert_eq!((silent.len(), of_run.len(), of_list.len()), (20, 15, 15));
    server.anna.post(&format!("{RUNS}/{run}/steps/shout/continue"), json!({})).await.expect(200);
    let seq = server.anna.settled(&run).await["seq"].as_i64().unwrap();
    for socket in &mut of_run {
        hears_event(socket, seq).await;
    }
    for socket in &mut of_list {
        hears_of(socket, &run).await;
    }
    // Both ends of all of them.
    let grown = resident_kib() - before;
    assert!(grown < 64 * 1024, "{grown} KiB more");
    drop(silent);
    server.stop().await;
}
