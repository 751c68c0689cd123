//! The cache, turns and batches over a log in memory on which nothing goes wrong: what the simulator leaves to chance.

mod gates;
mod witness;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;
use workflow::{
    ArtifactId, RunId,
    id::WorkerId,
    run::{
        Command, Refused,
        command::{Changes, MoveTo, Start},
        state::NewVersion,
        testing::{agents, definition, owner, start_of},
    },
    validate,
};

use crate::{
    Answer, Ask, By, Clock, Error, Log, Options, Runs, StartKey, Surroundings, Want,
    memory::{Connection, Memory, Rng},
    reserved,
};

fn process(memory: &Memory, seed: u64, options: Options) -> Runs {
    let rng = Mutex::new(Rng::new(seed));
    process_with(memory, options, move || rng.lock().unwrap().next_u128())
}

fn process_with(memory: &Memory, options: Options, random: impl Fn() -> u128 + Send + Sync + 'static) -> Runs {
    let beginning: DateTime<Utc> = memory.now();
    let clock = memory.clone();
    let around =
        Surroundings { clock: Clock::new(beginning, Box::new(move || clock.elapsed())), random: Box::new(random) };
    let (runs, driver) = Runs::new(Arc::new(Connection::new(memory.clone())), Arc::new(around), options);
    tokio::spawn(driver.run());
    runs
}

fn start(n: u128) -> Start {
    let document = json!({"steps": {"a": {"agent_id": "echo"}, "b": {"agent_id": "echo", "depends_on": ["a"]}}});
    let mut start = start_of(&definition(&document), true, std::collections::BTreeMap::new());
    start.run.id = id(n);
    start
}

fn id(n: u128) -> RunId {
    RunId(Uuid::from_u128(n))
}

fn begin(n: u128) -> Ask {
    person(id(n), Command::Start(Box::new(start(n))))
}

fn person(run: RunId, command: Command) -> Ask {
    let by = By::Person { actor: owner(), was_asked: false, request: None };
    Ask { by, ..Ask::itself(run, command) }
}

fn supply(run: RunId, n: u128, media_type: &str) -> Ask {
    let output = NewVersion {
        id: ArtifactId(Uuid::from_u128(n)),
        name: "text".into(),
        media_type: media_type.into(),
        content_hash: format!("{n:064x}"),
        value_hash: None,
        size: 1,
        copy_of: None,
    };
    let command = Command::Supply { step: "a".into(), outputs: vec![output], expect_generation: None };
    person(run, command)
}

fn simulated(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(test);
}

fn seq(memory: &Memory, run: RunId) -> i64 {
    memory.with(|stored, _| stored.runs[&run].state.seq)
}

#[test]
fn what_is_asked_at_once_goes_in_few_commits() {
    simulated(async {
        let memory = Memory::new(1);
        let runs = process(&memory, 1, Options::default());
        let answers = join_all((1..=300).map(|n| runs.execute(begin(n)))).await;
        assert!(answers.iter().all(Result::is_ok));
        let commits = runs.stats().commits.load(Ordering::Relaxed);
        assert!(commits <= 8, "300 starts in {commits} commits");
        // Of one run as well: each is decided over the one before it.
        let before = runs.stats().commits.load(Ordering::Relaxed);
        let asks = (0..50).map(|n| runs.execute(supply(id(1), 1_000 + n, "text/plain")));
        assert!(join_all(asks).await.iter().all(Result::is_ok));
        let commits = runs.stats().commits.load(Ordering::Relaxed) - before;
        assert!(commits <= 3, "50 commands in {commits} commits");
        memory.with(|stored, checks| {
            assert_eq!(stored.runs[&id(1)].state.versions(&"a".into(), "text").len(), 50);
            assert!(checks.violations.is_empty(), "{:?}", checks.violations);
        });
    });
}

#[test]
fn a_batch_is_bounded_in_runs_in_rows_and_in_bytes_but_never_empty() {
    let bounds: [(&str, Options); 3] = [
        ("runs", Options { batch_runs: 10, ..Options::default() }),
        ("rows", Options { batch_rows: 1, run_rows: 1, ..Options::default() }),
        ("bytes", Options { batch_bytes: 1, ..Options::default() }),
    ];
    for (of, options) in bounds {
        simulated(async {
            let (memory, at_least) = (Memory::new(7), if of == "runs" { 6 } else { 60 });
            let runs = process(&memory, 7, options);
            let answers = join_all((1..=60).map(|n| runs.execute(begin(n)))).await;
            assert!(answers.iter().all(Result::is_ok), "{of}: each is written, however small the bound");
            let commits = runs.stats().commits.load(Ordering::Relaxed);
            assert!(commits >= at_least, "{of}: 60 starts in {commits} commits");
        });
    }
}

#[test]
fn a_run_that_was_deleted_is_missing_to_who_has_it_in_memory_and_never_begins_again() {
    simulated(async {
        let memory = Memory::new(9);
        let (here, there) = (process(&memory, 9, Options::default()), process(&memory, 10, Options::default()));
        here.execute(begin(1)).await.unwrap();
        memory.delete(id(1));
        assert!(here.execute(supply(id(1), 7, "text/plain")).await.is_err());
        assert!(!here.read_now(id(1), |state| state.is_some()).await.unwrap());
        for runs in [&here, &there] {
            assert!(runs.execute(begin(1)).await.is_err());
        }
        memory.with(|stored, checks| {
            assert!(!stored.runs.contains_key(&id(1)));
            assert!(checks.violations.is_empty(), "{:?}", checks.violations);
        });
    });
}

#[test]
fn only_what_cannot_be_stored_is_told_so() {
    simulated(async {
        let memory = Memory::new(2);
        let runs = process(&memory, 2, Options::default());
        join_all((1..=5).map(|n| runs.execute(begin(n)))).await;
        let asks = (1..=5).flat_map(|run| (0..4).map(move |n| (run, n)));
        let asks = asks.map(|(run, n)| {
            let media_type = if (run, n) == (3, 2) { "text/\0" } else { "text/plain" };
            let runs = runs.clone();
            async move { ((run, n), runs.execute(supply(id(run), 100 * run + n, media_type)).await) }
        });
        for (which, answer) in join_all(asks).await {
            match answer {
                Err(Error::Data(_)) => assert_eq!(which, (3, 2)),
                answer => assert!(answer.is_ok() && which != (3, 2), "{which:?}: {answer:?}"),
            }
        }
    });
}

#[test]
fn who_knows_an_old_state_is_answered_as_of_the_newest() {
    simulated(async {
        let memory = Memory::new(3);
        let (one, other) = (process(&memory, 3, Options::default()), process(&memory, 4, Options::default()));
        one.execute(begin(1)).await.unwrap();
        // The other one knows the run as it began.
        other.read(id(1), 0, |state| assert_eq!(state.unwrap().seq, 1)).await.unwrap();
        let worker = WorkerId(Uuid::from_u128(9));
        Connection::new(memory.clone()).beat(worker).await.unwrap();
        let take = Command::StartSteps { worker, build: None, steps: vec!["a".into()] };
        let taken = one.execute(Ask::itself(id(1), take.clone())).await.unwrap();
        assert_eq!(taken.seq, 2);
        // It would take the step as well; it loses, catches up, and finds it taken.
        let again = other.execute(Ask::itself(id(1), take)).await.unwrap();
        assert_eq!(again, Answer { run: id(1), seq: 2, events: Vec::new() });
        // What is refused on an old copy is looked at again, too.
        one.execute(person(id(1), Command::Cancel)).await.unwrap();
        let refused = other.execute(supply(id(1), 7, "text/plain")).await;
        let now = seq(&memory, id(1));
        assert!(
            matches!(refused, Err(Error::Refused { seq, refused: Refused::Status(_) }) if seq == now),
            "{refused:?}"
        );
    });
}

#[test]
fn a_start_key_begins_one_run() {
    simulated(async {
        let memory = Memory::new(5);
        let (one, other) = (process(&memory, 5, Options::default()), process(&memory, 6, Options::default()));
        let key = StartKey { user: owner().id, key: "k".into() };
        let keyed = |n| Ask { start: Some(key.clone()), ..begin(n) };
        let (a, b) = tokio::join!(one.execute(keyed(1)), other.execute(keyed(2)));
        assert_eq!(a.unwrap().run, b.unwrap().run);
        assert_eq!(memory.with(|stored, _| stored.runs.len()), 1);
    });
}

#[test]
fn the_cache_is_bounded() {
    simulated(async {
        let memory = Memory::new(8);
        let runs = process(&memory, 8, Options { cache_bytes: 20_000, ..Options::default() });
        for n in 1..=50 {
            runs.execute(begin(n)).await.unwrap();
        }
        let seqs = join_all((1..=50).map(|n| runs.read(id(n), 0, |state| state.unwrap().seq))).await;
        assert!(seqs.into_iter().all(|seq| seq == Ok(1)));
        assert!(runs.stats().loads.load(Ordering::Relaxed) >= 40);
        // A run that nobody has is not there.
        assert_eq!(runs.read(id(99), 0, |state| state.is_some()).await, Ok(false));
        let refused = runs.execute(supply(id(99), 1, "text/plain")).await;
        assert_eq!(refused, Err(Error::Refused { seq: 0, refused: Refused::NotFound }));
    });
}

#[test]
fn a_commit_in_doubt_holds_no_place_and_keeps_nobody_waiting() {
    simulated(async {
        let memory = Memory::new(11);
        let runs = process(&memory, 11, Options { parallel_commits: 1, ..Options::default() });
        for n in 1..=2 {
            runs.execute(begin(n)).await.unwrap();
        }
        // Its answer is lost, and then somebody holds the run who is not there any more.
        memory.lock().faults.answer_lost = 1;
        let asked = runs.clone();
        let in_doubt = tokio::spawn(async move { asked.execute(supply(id(1), 7, "text/plain")).await });
        tokio::time::sleep(Duration::from_millis(400)).await;
        {
            let (mut database, until) = (memory.lock(), memory.now() + TimeDelta::seconds(10));
            database.faults.answer_lost = 0;
            database.stored.runs.get_mut(&id(1)).unwrap().locked_until = until;
        }
        let within = |asked: Ask, most: Duration| tokio::time::timeout(most, runs.execute(asked));
        let other = within(supply(id(2), 8, "text/plain"), Duration::from_secs(1)).await;
        assert!(matches!(other, Ok(Ok(_))), "{other:?}");
        let same = within(supply(id(1), 9, "text/plain"), Duration::from_secs(3)).await;
        assert_eq!(same, Ok(Err(Error::Unavailable)));
        let read = tokio::time::timeout(Duration::from_secs(3), runs.read_now(id(1), |state| state.is_some())).await;
        assert_eq!(read, Ok(Err(Error::Unavailable)));
        // Once it can be known it is, and done once.
        assert!(in_doubt.await.unwrap().is_ok());
        memory.with(|stored, checks| {
            assert_eq!(stored.runs[&id(1)].state.versions(&"a".into(), "text").len(), 1);
            assert!(checks.violations.is_empty(), "{:?}", checks.violations);
        });
    });
}

#[test]
fn a_step_that_moved_to_other_keys_gives_its_place_under_those_before_back() {
    for (next, held) in [(Some("after"), Vec::new()), (None, Vec::new()), (Some("before"), vec!["key:before"])] {
        simulated(async {
            let memory = Memory::new(12);
            let (runs, connection) = (process(&memory, 12, Options::default()), Connection::new(memory.clone()));
            let keyed = |key: Option<&str>| {
                let concurrency = key.map(|key| json!({"key": {"const": key}, "limit": 1}));
                let step = match concurrency {
                    Some(concurrency) => json!({"agent_id": "echo", "concurrency": concurrency}),
                    None => json!({"agent_id": "echo"}),
                };
                definition(&json!({"steps": {"a": step}}))
            };
            let mut start = start_of(&keyed(Some("before")), true, std::collections::BTreeMap::new());
            start.run.id = id(1);
            runs.execute(person(id(1), Command::Start(Box::new(start)))).await.unwrap();
            runs.execute(person(id(1), Command::Pause)).await.unwrap();
            let trigger = Command::Trigger { step: "a".into(), changes: Changes::default(), expect_generation: None };
            runs.execute(person(id(1), trigger)).await.unwrap();
            reserve(&runs, &connection).await;
            let reserved =
                |key: &str| memory.with(|stored, _| stored.reservations.get(key).is_some_and(|held| !held.is_empty()));
            assert!(reserved("key:before"));
            let definition = keyed(next);
            let (plan, _) = validate(&definition, &agents());
            let to = MoveTo { template_version: 2, template_name: "T".into(), definition: Arc::new(definition), plan };
            let mut moved = person(id(1), Command::Move(Box::new(to)));
            moved.agents = Arc::new(agents());
            runs.execute(moved).await.unwrap();
            let left: Vec<&str> = ["key:before", "key:after"].into_iter().filter(|key| reserved(key)).collect();
            assert_eq!(left, held, "moved to {next:?}");
            reserve(&runs, &connection).await;
            let is_free = runs.read(id(1), 0, |state| state.unwrap().claimable(DateTime::<Utc>::MAX_UTC).count()).await;
            assert_eq!(is_free, Ok(1), "it waits for nothing any more");
            memory.with(|_, checks| assert!(checks.violations.is_empty(), "{:?}", checks.violations));
        });
    }
}

/// Reserves what waits for it, as an engine does.
async fn reserve(runs: &Runs, connection: &Connection) {
    let waiting = connection.waiting(9).await.unwrap().reserving.into_iter();
    let wants: Vec<Want> = waiting.map(|(run, step, limits)| Want { run, step, limits }).collect();
    let granted = connection.reserve(&wants).await.unwrap();
    for (run, command) in reserved(wants, granted) {
        runs.execute(Ask::itself(run, command)).await.unwrap();
    }
}

#[test]
fn who_is_told_that_a_run_is_set_aside_since_deciding_panicked_finds_it_so() {
    simulated(async {
        let memory = Memory::new(13);
        let (rng, left) = (Mutex::new(Rng::new(13)), Arc::new(AtomicI64::new(i64::MAX)));
        let until_panic = Arc::clone(&left);
        let runs = process_with(&memory, Options::default(), move || {
            assert!(until_panic.fetch_sub(1, Ordering::Relaxed) != 1, "deciding is broken");
            rng.lock().unwrap().next_u128()
        });
        runs.execute(begin(1)).await.unwrap();
        // Each of the three that come has an id first; then the second of them is decided.
        left.store(5, Ordering::Relaxed);
        let is_aside = || memory.with(|stored, _| stored.quarantined.contains_key(&id(1)));
        let (runs, is_aside) = (&runs, &is_aside);
        let ask = |n| async move { (runs.execute(supply(id(1), n, "text/plain")).await, is_aside()) };
        let read = async { (runs.read_now(id(1), |state| state.is_some()).await, is_aside()) };
        let (answers, read) = futures::join!(join_all((0..3).map(|n| ask(100 + n))), read);
        let aside = || Error::Quarantined("deciding is broken".to_owned());
        assert_eq!(answers, [(Err(aside()), true), (Err(aside()), true), (Err(aside()), true)]);
        assert!(matches!(read, (Ok(true), _) | (Err(Error::Quarantined(_)), true)), "{read:?}");
        assert_eq!(runs.execute(supply(id(1), 200, "text/plain")).await, Err(aside()));
    });
}
