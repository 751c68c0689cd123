//! Processes that decide on one run at the same time, each a real one: its own cache and connections, and nothing shared but the database.
//! What each was told is what the log says, each key has one effect, and each of them gets on.
//!
//! A process is this test program once more, told by its environment to decide instead of to watch.

mod decider;

use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::json;
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use store::MIGRATOR;
use uuid::Uuid;
use workflow::{RunId, run::testing::is_long};

use crate::support::World;
use decider::{Decider, ROLE, Told};

/// Whoever decides has begun once the one who watches lets go of it.
const STARTING_LINE: i64 = 7;

/// A database that several processes know by its name; one of `sqlx::test` is known to its own process alone.
struct Database {
    postgres: PgConnectOptions,
    name: String,
}

impl Database {
    #[expect(clippy::disallowed_methods, reason = "where Postgres is, as `sqlx::test` reads it")]
    fn postgres() -> PgConnectOptions {
        std::env::var("DATABASE_URL").expect("DATABASE_URL says where Postgres is").parse().unwrap()
    }

    async fn new() -> Self {
        let (postgres, name) = (Self::postgres(), format!("weft_one_run_{}", Uuid::now_v7().simple()));
        let mut connection = PgConnection::connect_with(&postgres).await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::query(create).execute(&mut connection).await.unwrap();
        Self { postgres, name }
    }

    async fn remove(self) {
        let mut connection = self.postgres.connect().await.unwrap();
        let drop = sqlx::AssertSqlSafe(format!("DROP DATABASE {} WITH (FORCE)", self.name));
        sqlx::query(drop).execute(&mut connection).await.unwrap();
    }
}

/// Ends with the test, whatever becomes of it.
struct Process(Child);

impl Process {
    fn start(test: &str, decider: &Decider) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(ROLE, serde_json::to_string(decider).unwrap());
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be over.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Every process is there and waits for the word.
async fn all_wait(pool: &PgPool, processes: &mut [Process]) {
    let n = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while sqlx::query_scalar::<_, i64>(n).fetch_one(pool).await.unwrap() < i64::try_from(processes.len()).unwrap() {
        for process in &mut *processes {
            assert_eq!(process.0.try_wait().unwrap(), None, "it ended before it began");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn decide_on_one_run(test: &str, n_processes: usize) {
    if let Some(decider) = Decider::this_process() {
        return decider.decide(Database::postgres(), STARTING_LINE).await;
    }
    let n_events: i64 = if is_long() { 10_000 } else { 1_000 };
    let database = Database::new().await;
    let pool = PgPool::connect_with(database.postgres.clone().database(&database.name)).await.unwrap();
    MIGRATOR.run(&pool).await.unwrap();
    decider::make_tables(&pool).await;
    let world = World::new(pool.clone()).await;
    let steps = json!({"a": {"agent_id": "echo"}, "b": {"agent_id": "echo", "depends_on": ["a"]},
        "c": {"agent_id": "echo", "depends_on": ["b"], "review": {"mode": "always"}}});
    let run = world.begin(&json!({ "steps": steps }), true).await;

    let mut line = pool.acquire().await.unwrap().detach();
    sqlx::query("SELECT pg_advisory_lock($1)").bind(STARTING_LINE).execute(&mut line).await.unwrap();
    let mut processes: Vec<Process> = (0..n_processes)
        .map(|number| {
            let (database, ada) = (database.name.clone(), world.ada.id);
            Process::start(test, &Decider { number, database, run, ada, until: n_events })
        })
        .collect();
    all_wait(&pool, &mut processes).await;
    line.close().await.unwrap();
    for process in &mut processes {
        let status = loop {
            match process.0.try_wait().unwrap() {
                Some(status) => break status,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        assert!(status.success(), "a process failed: {status}");
    }
    check(&world, &pool, run, n_processes, n_events).await;
    pool.close().await;
    database.remove().await;
}

async fn check(world: &World, pool: &PgPool, run: RunId, n_processes: usize, n_events: i64) {
    // Gapless, one history, and every row is what it tells.
    world.process.check(run).await;
    let events = world.store.events_after(run, 0, 1_000_000).await.unwrap();
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq));
    assert!(events.last().unwrap().seq >= n_events);

    let mut effects: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for event in &events {
        if let Some(request) = &event.data.request {
            effects.entry(request.key.as_str()).or_default().push(event.seq);
        }
    }
    let told = decider::told(pool).await;
    let mut n_done = vec![0_usize; n_processes];
    for Told { decider, key, done_at, .. } in &told {
        let effect = effects.remove(key.as_str()).unwrap_or_default();
        assert_eq!(effect, done_at.iter().copied().collect::<Vec<_>>(), "{key}: what was told, and what the log says");
        n_done[usize::try_from(*decider).unwrap()] += usize::from(done_at.is_some());
    }
    assert!(effects.is_empty(), "nobody was told of these: {effects:?}");

    // A tenth of an even share: nobody stands in the way of another for long.
    let all: usize = n_done.iter().sum();
    eprintln!("{n_processes} processes, {} events, {all} verbs, of each {n_done:?}", events.len());
    assert!(all > usize::try_from(n_events).unwrap() / 4, "{all} verbs");
    assert!(n_done.iter().all(|n| *n >= all / (10 * n_processes)), "of each {n_done:?}");
    let n_lost = decider::n_lost(pool).await;
    assert!(n_lost > n_events / 100, "they hardly met: {n_lost} decisions lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_decide_on_one_run_are_told_what_the_log_says_and_both_get_on() {
    decide_on_one_run("one_run::two_processes_that_decide_on_one_run_are_told_what_the_log_says_and_both_get_on", 2)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_that_decide_on_one_run_are_told_what_the_log_says_and_all_get_on() {
    decide_on_one_run("one_run::four_processes_that_decide_on_one_run_are_told_what_the_log_says_and_all_get_on", 4)
        .await;
}
