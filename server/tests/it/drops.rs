//! A reader of the live socket that is cut off two hundred times at random moments, while people and retries keep the run moving,
//! ends with exactly what REST says.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use futures::StreamExt;
use rand::Rng;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_tungstenite::tungstenite::Message;
use workflow::api::RunFrame;

use crate::{
    flaky::Flaky,
    harness::{Client, RUNS, Server},
    live::{Folded, Socket, connect, follow},
};

const DROPS: usize = 200;

fn definition() -> Value {
    let from = |step: &str| json!({"text": {"from": "step", "step": step, "artifact": "text"}});
    let items: Vec<Value> =
        (0..6).map(|n| json!({"id": format!("i{n}"), "text": if n % 2 == 0 { "flaky" } else { "steady" }})).collect();
    let retry = json!({"initial_ms": 5, "max_ms": 20});
    json!({
        "inputs": {"text": {"schema": {"type": "string"}, "required": true}},
        "steps": {
            "first": {"agent_id": "shout", "inputs": {"text": {"from": "run", "key": "text"}}, "retry": retry},
            "gate": {"agent_id": "shout", "depends_on": ["first"], "inputs": from("first"), "retry": retry,
                "review": {"mode": "always", "max_rounds": 50}},
            "each": {"agent_id": "shout", "depends_on": ["gate"], "inputs": {"text": {"from": "item", "path": "/text"}},
                "map": {"over": {"const": items}, "key": "/id"}, "review": {"mode": "always"}, "retry": retry},
            "beside": {"agent_id": "shout", "depends_on": ["first"], "inputs": from("first"), "retry": retry},
            "end": {"agent_id": "shout", "depends_on": ["each", "beside", "gate"], "inputs": from("gate"), "retry": retry}}})
}

fn keys<'a>(view: &'a Value, status: &str) -> Vec<&'a str> {
    let steps = view["steps"].as_array().unwrap();
    steps.iter().filter(|step| step["status"] == status).map(|step| step["key"].as_str().unwrap()).collect()
}

fn url(run: &str, key: &str, verb: &str) -> String {
    format!("{RUNS}/{run}/steps/{}/{verb}", key.replace('[', "%5B").replace(']', "%5D"))
}

/// Approves what waits, now and then rejects or edits it, and runs the whole thing again whenever it is over, until told to stop.
async fn people(anna: &Client, run: &str, is_over: &AtomicBool) {
    loop {
        let view = anna.get(&format!("{RUNS}/{run}")).await.expect(200);
        let (waiting, completed) = (keys(&view, "awaiting_review"), keys(&view, "completed"));
        if let Some(key) = waiting.first() {
            let dice = rand::rng().random_range(0..10);
            let (verb, body) = match dice {
                _ if is_over.load(Ordering::SeqCst) => ("continue", json!({})),
                0 => ("reject", json!({"feedback": "louder"})),
                1 => ("edit", json!({"artifacts": {"text": "by hand"}})),
                _ => ("continue", json!({})),
            };
            // Whether it is still allowed is not the question here.
            anna.post(&url(run, key, verb), body).await;
        } else if view["status"] == "completed" {
            if is_over.load(Ordering::SeqCst) {
                return;
            }
            let key = completed[rand::rng().random_range(0..completed.len())];
            anna.post(&url(run, key, "rerun"), json!({"mode": "downstream"})).await;
        } else {
            assert!(!matches!(view["status"].as_str(), Some("failed" | "cancelled")), "{view:#}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Folds what is heard within a while, or until the view is as far as it should be. True: it must begin anew.
async fn listen(socket: &mut Socket, folded: &mut Folded, heard: &AtomicUsize, within: Duration, until: i64) -> bool {
    let deadline = tokio::time::Instant::now() + within;
    while folded.seq() < until {
        let Ok(Some(Ok(message))) = tokio::time::timeout_at(deadline, socket.next()).await else { return false };
        let Message::Text(text) = message else { continue };
        match serde_json::from_str(&text).unwrap() {
            RunFrame::Event { event, people } => {
                heard.fetch_add(1, Ordering::SeqCst);
                folded.take(&event, people);
            }
            RunFrame::Delta(_) | RunFrame::Telling(_) | RunFrame::Absent { .. } | RunFrame::Beat(_) => {}
            RunFrame::Resync => return true,
        }
    }
    false
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_reader_cut_off_two_hundred_times_ends_with_what_rest_says(pool: PgPool) {
    let server = Server::start_with(pool, Flaky::new()).await;
    server.shouting_agent().await;
    let template = server.publish("Drops", definition()).await;
    let address = server.listen().await;
    let run = server.anna.start(&template, "flaky").await;
    let (path, rest) = (format!("{RUNS}/{run}/live"), format!("{RUNS}/{run}"));
    let (is_over, heard) = (AtomicBool::new(false), AtomicUsize::new(0));
    let reader = async {
        let mut folded = Folded::nothing();
        for _ in 0..DROPS {
            let mut socket = connect(address, &path, server.anna.headers()).await.unwrap();
            follow(&mut socket, folded.seq()).await;
            let within = Duration::from_millis(rand::rng().random_range(0..40));
            let resync = listen(&mut socket, &mut folded, &heard, within, i64::MAX).await;
            assert!(!resync, "so few events are replayed");
            // Dropped without a word.
        }
        is_over.store(true, Ordering::SeqCst);
        folded
    };
    let (mut folded, ()) = tokio::join!(reader, people(&server.anna, &run, &is_over));
    server.anna.settled(&run).await;
    let expected = server.anna.get(&rest).await.expect(200);
    let seq = expected["seq"].as_i64().unwrap();
    let mut socket = connect(address, &path, server.anna.headers()).await.unwrap();
    follow(&mut socket, folded.seq()).await;
    let resync = listen(&mut socket, &mut folded, &heard, Duration::from_secs(20), seq).await;
    assert!(!resync, "so few events are replayed");
    let folded = folded.view();
    for (mine, theirs) in folded.steps.iter().zip(expected["steps"].as_array().unwrap()) {
        assert_eq!(json!(mine), *theirs);
    }
    assert_eq!(json!(folded), expected);
    let heard = heard.load(Ordering::SeqCst);
    assert_eq!(i64::try_from(heard).unwrap(), seq, "every event was heard once");
    eprintln!("{DROPS} drops over {seq} events of a run");
    server.stop().await;
}
