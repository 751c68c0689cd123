//! Many workers, many polls, and two processes that serve them.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::join_all;
use serde_json::{Value, json};
use server::{
    config::TrustedProxies,
    http::{AppState, Requests, SameOrigin, router},
    live::Hub,
    metrics::Metrics,
};
use service::{Service, Settings, worker::Workers};
use sqlx::{PgPool, postgres::PgConnectOptions};
use store::{Store, log::Log, notify::Hints};
use tokio_util::sync::CancellationToken;
use workflow::{api::RunFrame, pieces::Pieces};

use super::{Worker, accepted, completed, is_long, register, summarize, until, workflow};
use crate::{
    harness::{RUNS, Server},
    live::{connect, follow, text as socket_text},
};

/// Statements that were begun in this database, as its own transactions.
async fn n_transactions(pool: &PgPool) -> i64 {
    sqlx::query("SELECT pg_stat_clear_snapshot()").execute(pool).await.unwrap();
    let sql = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

pub(crate) fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_crowd_of_idle_polls_costs_the_database_what_one_costs(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let worker = accepted(&server, &[summarize()]).await;
    let n_sessions = if is_long() { 100 } else { 10 };
    let mut workers = vec![worker.clone()];
    for _ in 1..n_sessions {
        workers.push(register(&worker.client, &[summarize()]).await);
    }
    let (before, idle) = (resident_kib(), Duration::from_secs(1));
    let measure = async |polls: usize| {
        let waits: Vec<_> = workers
            .iter()
            .flat_map(|worker| std::iter::repeat_n(worker, polls))
            .map(|worker| {
                tokio::spawn({
                    let worker = worker.clone();
                    async move { worker.claim(1, 6_000).await.len() }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        // The quietest of three: what the server does by itself is counted too, and polls cost something in each.
        let mut n = i64::MAX;
        for _ in 0..3 {
            let began = n_transactions(&pool).await;
            tokio::time::sleep(idle).await;
            n = n.min(n_transactions(&pool).await - began);
        }
        let grown = resident_kib() - before;
        for found in join_all(waits).await {
            assert_eq!(found.unwrap(), 0);
        }
        (n, grown)
    };
    let (few, _) = measure(1).await;
    let (many, grown) = measure(100).await;
    // Chores fall into one second or another; a tenth of a statement for each poll would be more than they are.
    assert!(many <= few + 99, "{many} statements instead of {few} while {} polls wait", workers.len() * 100);
    assert!(grown < 300 * 1024, "{grown} KiB more");
    server.stop().await;
}

/// Takes tasks and does them until none come any more.
async fn work(worker: &Worker, held: &Mutex<Vec<Value>>) -> usize {
    let mut n_done = 0;
    loop {
        let tasks = worker.claim(10, 1_500).await;
        if tasks.is_empty() {
            return n_done;
        }
        *held.lock().unwrap() = tasks.iter().map(|task| json!({"token": task["token"]})).collect();
        let results: Vec<Value> = tasks.iter().map(|task| completed(task, "made")).collect();
        let answer = worker.complete(&results).await;
        held.lock().unwrap().clear();
        let told = answer["results"].as_array().unwrap();
        assert!(told.iter().all(|one| one["status"] == "committed"), "{answer}");
        n_done += told.len();
    }
}

/// Says that it is there, as every client does, for as long as it works: in a crowd a claim can wait longer than a lease is long.
async fn beats(worker: &Worker, held: &Mutex<Vec<Value>>) -> Infallible {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let tasks = held.lock().unwrap().clone();
        worker.beat(&tasks, 0).await;
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn many_sessions_share_the_work_and_each_step_is_done_once(pool: PgPool) {
    let server = Server::start(pool).await;
    let first = accepted(&server, &[summarize()]).await;
    let (n_sessions, n_runs) = if is_long() { (1_000, 10_000) } else { (20, 60) };
    let template = workflow(&server, "summarize", json!({})).await;
    let mut runs = Vec::new();
    for _ in 0..n_runs {
        runs.push(server.anna.start(&template, "x").await);
    }
    let done = join_all((0..n_sessions).map(|_| {
        let client = first.client.clone();
        tokio::spawn(async move {
            let worker = register(&client, &[summarize()]).await;
            let held = Mutex::new(Vec::new());
            tokio::select! {
                n_done = work(&worker, &held) => n_done,
                never = beats(&worker, &held) => match never {},
            }
        })
    }))
    .await;
    assert_eq!(done.into_iter().map(|n| n.unwrap()).sum::<usize>(), n_runs);
    for run in runs {
        assert_eq!(server.anna.settled(&run).await["status"], "completed");
    }
    server.stop().await;
}

/// Another process over the same database, with all that serves workers and sockets.
pub(crate) async fn replica(pool: &PgPool, stop: &CancellationToken) -> axum::Router {
    let store = Store::from_pool(pool.clone());
    let options = PgConnectOptions::clone(&pool.connect_options());
    let log = Arc::new(Log::connect(options, 4, pool.clone(), None).await.unwrap());
    let (runs, _) = engine::work_on_runs(Arc::clone(&log), store.clone()).await.unwrap();
    let hints = Hints::default();
    let workers = Workers::new(store.clone(), runs.clone(), &log, hints.clone());
    let hub = Hub::new(store.clone(), hints.clone());
    let state = AppState::new(
        Service::new(store.clone(), runs, Settings::default()),
        Metrics::new(Arc::default(), store.clone(), Vec::new(), log, None, None),
        hub.clone(),
        SameOrigin::default(),
        TrustedProxies::default(),
        Requests::default(),
        workers.clone(),
    );
    tokio::spawn({
        let stop = stop.clone();
        async move { workers.run(stop).await }
    });
    tokio::spawn({
        let stop = stop.clone();
        async move { hub.run(stop).await }
    });
    tokio::spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move { hints.listen(&store, stop.cancelled()).await }
    });
    tokio::spawn({
        let stop = stop.clone();
        async move { store.send_hints(stop.cancelled()).await }
    });
    router(state)
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_looks_late_gets_the_text_that_several_processes_took_in_turns(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let here = accepted(&server, &[summarize()]).await;
    let stop = CancellationToken::new();
    let there = Worker { client: here.client.through(replica(&pool, &stop).await), ..here.clone() };
    let template = workflow(&server, "summarize", json!({})).await;
    let run = server.anna.start(&template, "x").await;
    let task = here.one().await;
    let mut whole = String::new();
    for n in 0..9 {
        let text = format!("wörd{n} ");
        let said = json!({"token": task["token"], "deltas": [{"output": "summary", "text": text}]});
        // As behind a proxy that gives each request to another process, two in a row now and then.
        let by = if n % 3 == 0 { &there } else { &here };
        by.beat(&[said], 0).await;
        whole.push_str(&text);
    }
    let address = server.listen().await;
    let mut socket = connect(address, &format!("{RUNS}/{run}/live"), server.anna.headers()).await.unwrap();
    follow(&mut socket, 0).await;
    let mut heard = Pieces::default();
    while heard.shown() != whole {
        let frame = socket_text(&mut socket).await.unwrap();
        if let RunFrame::Delta(delta) = serde_json::from_str(&frame).unwrap() {
            heard.add(delta.offset, &delta.text);
        }
        assert!(heard.n_bytes() <= whole.len(), "{}", heard.shown());
    }
    stop.cancel();
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn any_process_takes_what_another_handed_out(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let here = accepted(&server, &[summarize()]).await;
    let stop = CancellationToken::new();
    let there = Worker { client: here.client.through(replica(&pool, &stop).await), ..here.clone() };
    let template = workflow(&server, "summarize", json!({})).await;
    let run = server.anna.start(&template, "x").await;
    let task = here.one().await;
    let named = json!({"token": task["token"]});
    assert_eq!(there.beat(std::slice::from_ref(&named), 0).await["tasks"][0]["state"], "ok");
    assert_eq!(there.status_of(completed(&task, "made there")).await, "committed");
    assert_eq!(here.status_of(completed(&task, "made there")).await, "already");
    assert_eq!(server.anna.settled(&run).await["status"], "completed");
    // A beat that is held there hears of a cancel here.
    let run = server.anna.start(&template, "y").await;
    let task = there.one().await;
    let held = tokio::spawn({
        let (there, named) = (there.clone(), json!({"token": task["token"]}));
        async move { there.beat(&[named], 20_000).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let began = std::time::Instant::now();
    server.anna.post(&format!("{RUNS}/{run}/cancel"), json!({})).await.expect(200);
    assert_eq!(held.await.unwrap()["tasks"][0]["state"], "cancel");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    // So does a claim of work that is made here.
    let waits = tokio::spawn({
        let there = there.clone();
        async move { there.claim(1, 10_000).await.len() }
    });
    server.anna.start(&template, "z").await;
    assert_eq!(waits.await.unwrap(), 1);
    server.admin.json(http::Method::PATCH, &format!("/api/workers/{}", here.session), &json!({"state": "gone"})).await;
    until("the other process knows that the session is over", || async {
        there.client.post(&there.path("beat"), json!({})).await.status == 410
    })
    .await;
    stop.cancel();
    server.stop().await;
}
