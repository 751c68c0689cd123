//! The whole of it: commands go through turns and batches into Postgres, steps that a commit sets free are taken by it, and another process
//! reads the same.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Instant,
};

use chrono::{DateTime, Utc};
use runs::{Ask, By, Clock, Error, Log as _, Options, Runs, Surroundings, Taker};
use serde_json::json;
use sqlx::PgPool;
use store::log::Log;
use uuid::Uuid;
use workflow::{
    RunId, StepKey, UserId,
    id::WorkerId,
    run::{Command, RunEvent, command::AttemptResult},
    status::{ErrorClass, RunStatus},
};

use super::world::{Known, actor, chain, check, definition, log, version};
use crate::support::{WORKER, finished};

/// Places without end.
#[derive(Default)]
struct Places {
    begun: Mutex<Vec<(StepKey, i32)>>,
    n_free: Mutex<i64>,
    looked: Mutex<BTreeSet<RunId>>,
}

impl Taker for Places {
    fn take(&self, owner: UserId, _: DateTime<Utc>, n: usize) -> Option<(WorkerId, usize)> {
        assert_eq!(owner, actor().id);
        *self.n_free.lock().unwrap() -= i64::try_from(n).unwrap();
        Some((WORKER, n))
    }

    fn started(&self, _: RunId, n_taken: usize, events: &[Arc<RunEvent>]) {
        *self.n_free.lock().unwrap() += i64::try_from(n_taken).unwrap();
        let attempts = events.iter().flat_map(|event| &event.data.attempts);
        self.begun.lock().unwrap().extend(attempts.map(|attempt| (attempt.step.clone(), attempt.number)));
    }

    fn give_back(&self, n: usize) {
        *self.n_free.lock().unwrap() += i64::try_from(n).unwrap();
    }

    fn look_at(&self, run: RunId) {
        self.looked.lock().unwrap().insert(run);
    }
}

async fn process(log: &Log) -> Runs {
    let (now, begun) = (log.clock().await.unwrap(), Instant::now());
    let around = Surroundings {
        clock: Clock::new(now, Box::new(move || begun.elapsed())),
        random: Box::new(|| Uuid::now_v7().as_u128()),
    };
    let (runs, driver) = Runs::new(Arc::new(log.clone()), Arc::new(around), Options::default());
    tokio::spawn(driver.run());
    runs
}

fn ask(run: &Known, command: Command) -> Ask {
    Ask::itself(run.id, command)
}

fn start(run: &Known, steps: &workflow::Definition) -> Ask {
    let by = By::Person { actor: actor(), was_asked: false, request: None };
    Ask { by, ..ask(run, run.start(steps, actor().id)) }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_chain_costs_one_commit_a_hop_and_every_row_is_as_its_log_tells(pool: PgPool) {
    let log = log(&pool).await;
    let (runs, other, places) = (process(&log).await, process(&log).await, Arc::new(Places::default()));
    runs.set_taker(Arc::clone(&places) as Arc<dyn Taker>);
    let run = Known::new();
    runs.execute(start(&run, &chain(5))).await.unwrap();
    for n in 0..5 {
        let (key, attempt) = places.begun.lock().unwrap().pop().expect("taken by the commit before");
        assert_eq!(key.as_str(), format!("s{n}"));
        let mut result = version("x");
        result.media_type = "text/plain".into();
        let contents = vec![runs::Content { hash: result.content_hash.clone(), bytes: b"x".as_slice().into() }];
        let done = finished(&key, attempt, AttemptResult::Succeeded(vec![result]));
        let answer = runs.execute(Ask { contents, ..ask(&run, done) }).await.unwrap();
        assert!(answer.events.iter().all(|event| event.seq <= answer.seq));
        check(&log, run.id).await;
    }
    let status = |state: Option<&workflow::run::State>| state.map(|state| state.run.status);
    assert_eq!(other.read_now(run.id, status).await, Ok(Some(RunStatus::Completed)));
    let n_commits: i64 =
        sqlx::query_scalar("SELECT count(DISTINCT commit_id) FROM run_events").fetch_one(&pool).await.unwrap();
    assert_eq!(n_commits, 6, "the start, and each end");
    assert_eq!(*places.n_free.lock().unwrap(), 0, "each place is told once");
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_cannot_be_stored_gives_its_places_back_and_costs_nothing_beside_it(pool: PgPool) {
    let log = log(&pool).await;
    let (runs, places) = (process(&log).await, Arc::new(Places::default()));
    runs.set_taker(Arc::clone(&places) as Arc<dyn Taker>);
    let pair = definition(&json!({
        "a": {"agent_id": "echo", "depends_on": []},
        "b": {"agent_id": "echo", "depends_on": []},
        "c": {"agent_id": "echo", "depends_on": ["a"]},
        "d": {"agent_id": "echo", "depends_on": ["b"]},
    }));
    let run = Known::new();
    runs.execute(start(&run, &pair)).await.unwrap();
    let begun = std::mem::take(&mut *places.begun.lock().unwrap());
    assert_eq!(begun.len(), 2);
    let failed =
        |error: &str| AttemptResult::Failed { class: ErrorClass::Permanent, error: error.into(), retry_after_ms: None };
    let (bad, good) = tokio::join!(
        runs.execute(ask(&run, finished(&begun[0].0, begun[0].1, failed("a\0b")))),
        runs.execute(ask(&run, finished(&begun[1].0, begun[1].1, AttemptResult::Succeeded(Vec::new())))),
    );
    assert!(matches!(bad, Err(Error::Data(_))), "{bad:?}");
    good.unwrap();
    assert_eq!(*places.n_free.lock().unwrap(), 0);
    check(&log, run.id).await;
    // A worker that is dead takes nothing, but what was asked beside that is done.
    log.retire(WORKER).await.unwrap();
    let cancelled =
        runs.execute(ask(&run, finished(&begun[0].0, begun[0].1, AttemptResult::Succeeded(Vec::new())))).await;
    cancelled.unwrap();
    assert_eq!(*places.n_free.lock().unwrap(), 0);
    check(&log, run.id).await;
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_content_of_a_default_output_comes_from_the_definition(pool: PgPool) {
    let log = log(&pool).await;
    let (runs, places) = (process(&log).await, Arc::new(Places::default()));
    runs.set_taker(Arc::clone(&places) as Arc<dyn Taker>);
    let defaulted = definition(&json!({
        "a": {"agent_id": "echo", "depends_on": [], "on_error": "default", "default_output": {"text": "instead"}},
    }));
    let run = Known::new();
    runs.execute(start(&run, &defaulted)).await.unwrap();
    let (key, attempt) = places.begun.lock().unwrap().pop().unwrap();
    let error = AttemptResult::Failed { class: ErrorClass::Permanent, error: "no".into(), retry_after_ms: None };
    runs.execute(ask(&run, finished(&key, attempt, error))).await.unwrap();
    let content: Vec<Vec<u8>> = sqlx::query_scalar("SELECT content FROM artifacts").fetch_all(&pool).await.unwrap();
    assert_eq!(content, [b"instead"]);
    check(&log, run.id).await;
    log.close().await;
}
