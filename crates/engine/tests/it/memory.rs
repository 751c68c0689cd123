//! Artifacts in flight: what attempts read together stays within a budget, in turn, and who waits for room can be stopped.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use agents::StepInput;
use engine::{Memory, Options};
use serde_json::{Value, json};
use sqlx::PgPool;
use store::MIGRATOR;
use tokio::sync::Notify;
use workflow::{
    RunView, StepStatus,
    status::{Reason, RunStatus},
};

use crate::{
    lab::{Lab, reason, status},
    player::Act,
};

const MIB: usize = 1024 * 1024;
/// Room for two who read 8 MiB of text.
const SMALL: usize = 48 * MIB;

fn options(memory: usize) -> Options {
    Options {
        memory,
        poll: Duration::from_millis(50),
        beat: Duration::from_millis(500),
        sweep: Duration::from_millis(300),
        ..Options::default()
    }
}

/// A step that makes so many MiB of text.
fn source(mib: usize) -> Value {
    json!({"agent_id": "say", "inputs": {"text": {"const": format!("source {mib}")}}})
}

/// A step that reads what another one made.
fn reader(of: &str) -> Value {
    json!({"agent_id": "say", "depends_on": [of], "inputs": {
        "text": {"const": "read"}, "more": {"from": "step", "step": of, "artifact": "text"}}})
}

fn size_of(input: &StepInput) -> Option<usize> {
    input.values["text"].as_str()?.strip_prefix("source ")?.parse().ok()
}

fn script(input: &StepInput, _attempt: i32) -> Act {
    match size_of(input) {
        Some(mib) => Act::SayBytes(vec![b'x'; mib * MIB]),
        None => Act::Say(read_bytes(input).to_string()),
    }
}

fn read_bytes(input: &StepInput) -> usize {
    input.values.get("more").and_then(Value::as_str).map_or(0, str::len)
}

async fn until(memory: &Memory, is_so: impl Fn(engine::InUse) -> bool) {
    let began = Instant::now();
    while !is_so(memory.in_use()) {
        assert!(began.elapsed() < Duration::from_secs(30), "it never came to pass: {:?}", memory.in_use());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_attempts_read_together_stays_within_the_budget(pool: PgPool) {
    let lab = Lab::new(pool, script).await;
    let (stop, engine, memory) = lab.engine_and_memory(options(SMALL));
    let mut steps = serde_json::Map::new();
    steps.insert("large".into(), source(8));
    for n in 0..24 {
        steps.insert(format!("reader{n}"), reader("large"));
    }
    let run = lab.start(&json!({"steps": steps})).await;
    assert_eq!(lab.ended(run).await.status, RunStatus::Completed);
    let in_use = memory.in_use();
    assert!(in_use.most_bytes <= memory.budget_bytes(), "{in_use:?} of {}", memory.budget_bytes());
    assert!(in_use.most_bytes > 16 * MIB as u64, "{in_use:?}");
    assert_eq!(lab.content(run, "reader23", "text").await, (8 * MIB).to_string());
    until(&memory, |in_use| in_use.attempts == 0 && in_use.bytes == 0 && in_use.waiting == 0).await;
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_attempt_that_is_larger_than_the_budget_gets_all_of_it_alone(pool: PgPool) {
    let (memory, beside) = (Arc::new(OnceLock::<Memory>::new()), Arc::new(AtomicUsize::new(0)));
    let (seen, most) = (Arc::clone(&memory), Arc::clone(&beside));
    let lab = Lab::new(pool, move |input, attempt| {
        if read_bytes(input) > 20 * MIB {
            most.fetch_max(seen.get().unwrap().in_use().attempts, Ordering::SeqCst);
        }
        script(input, attempt)
    })
    .await;
    let (stop, engine, in_use) = lab.engine_and_memory(options(SMALL));
    memory.set(in_use.clone()).unwrap();
    let mut steps = serde_json::Map::new();
    steps.insert("small".into(), source(4));
    steps.insert("giant".into(), source(24));
    // All of it becomes ready at the same time.
    for n in 0..12 {
        let mut step = reader(if n % 4 == 2 { "giant" } else { "small" });
        step["depends_on"] = json!(["small", "giant"]);
        steps.insert(format!("reader{n}"), step);
    }
    let run = lab.start(&json!({"steps": steps})).await;
    assert_eq!(lab.ended(run).await.status, RunStatus::Completed);
    assert!(in_use.in_use().most_bytes > in_use.budget_bytes(), "it counts in full");
    assert_eq!(beside.load(Ordering::SeqCst), 1, "nobody holds any beside it");
    assert_eq!(lab.content(run, "reader2", "text").await, (24 * MIB).to_string());
    stop.cancel();
    engine.await.unwrap();
}

/// One reader that holds all there is until it is told, and others that wait for room.
async fn crowded(pool: PgPool) -> (Lab, Arc<Notify>) {
    let told = Arc::new(Notify::new());
    let go = Arc::clone(&told);
    let lab = Lab::new(pool, move |input, _| match size_of(input) {
        Some(mib) => Act::SayBytes(vec![b'x'; mib * MIB]),
        None => Act::Until(Arc::clone(&go)),
    })
    .await;
    (lab, told)
}

fn crowd() -> Value {
    json!({"steps": {"large": source(20), "one": reader("large"), "two": reader("large"), "three": reader("large")}})
}

fn n_in(view: &RunView, wanted: StepStatus) -> usize {
    ["one", "two", "three"].iter().filter(|key| status(view, key) == wanted).count()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_waits_for_room_keeps_its_lease_and_is_stopped_at_once(pool: PgPool) {
    let (lab, told) = crowded(pool).await;
    let lease = Duration::from_millis(1_500);
    let (stop, engine, memory) = lab.engine_and_memory(Options { lease, ..options(SMALL) });
    let run = lab.start(&crowd()).await;
    until(&memory, |in_use| in_use.waiting == 2).await;
    // Longer than its lease: what waits is this worker's still, in its first attempt.
    tokio::time::sleep(lease * 2).await;
    let view = lab.view(run).await;
    assert_eq!(n_in(&view, StepStatus::Running), 3);
    let attempts = ["one", "two", "three"].map(|key| view.step(&key.into()).unwrap().attempts.len());
    assert_eq!(attempts, [1, 1, 1]);

    // Stopping all but who holds the room: the ones that wait end although there is none.
    let keys = lab.player.keys.lock().unwrap().last().cloned().unwrap();
    let holder = ["one", "two", "three"]
        .into_iter()
        .find(|key| workflow::hash::sha256_hex(format!("{run}/{key}/1").as_bytes()) == keys)
        .expect("it runs");
    for key in ["one", "two", "three"].into_iter().filter(|key| *key != holder) {
        lab.stop(run, key).await;
    }
    until(&memory, |in_use| in_use.waiting == 0).await;
    let view = lab.view(run).await;
    assert_eq!((n_in(&view, StepStatus::Failed), status(&view, holder)), (2, StepStatus::Running));
    assert!(["one", "two", "three"].iter().any(|key| reason(&view, key) == Some(Reason::Stopped)));
    told.notify_waiters();
    lab.until(run, |view| status(view, holder) == StepStatus::Completed).await;
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_waits_for_room_is_given_back_when_the_worker_stops(pool: PgPool) {
    let (lab, told) = crowded(pool).await;
    let (stop, engine, memory) = lab.engine_and_memory(options(SMALL));
    let run = lab.start(&crowd()).await;
    until(&memory, |in_use| in_use.waiting == 2).await;
    stop.cancel();
    // What runs goes on; what waits is back in the queue, as if it had never been claimed.
    let view = lab.until(run, |view| n_in(view, StepStatus::Ready) == 2).await;
    assert_eq!(n_in(&view, StepStatus::Running), 1);
    // Whoever was given room first may only now begin to wait for the word.
    let mut engine = std::pin::pin!(engine);
    loop {
        told.notify_waiters();
        if let Ok(ended) = tokio::time::timeout(Duration::from_millis(20), &mut engine).await {
            break ended.unwrap();
        }
    }
    let view = lab.view(run).await;
    assert_eq!((n_in(&view, StepStatus::Completed), n_in(&view, StepStatus::Ready)), (1, 2));
}
