//! Processes of several versions on one database: what a newer one wrote and this one does not know makes it leave that run alone.
//! It must never set the run aside, nor stop working on others.

use std::{sync::Arc, time::Duration};

use engine::{Engine, Options};
use runs::{Ask, Error, Runs};
use serde_json::json;
use sqlx::{PgPool, postgres::PgConnectOptions};
use store::{MIGRATOR, log::Log, notify::Hints};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use workflow::{
    RunId,
    run::Command,
    status::{Outcome, RunStatus, StepStatus},
};

use crate::{
    lab::{Lab, dag, status},
    player::{Act, Stage, key},
};

/// A process beside the lab's own, with its own knowledge of runs.
struct Process {
    runs: Runs,
    stop: CancellationToken,
    engine: JoinHandle<()>,
}

impl Process {
    async fn new(lab: &Lab, slots: usize) -> Self {
        let options = PgConnectOptions::clone(&lab.pool.connect_options());
        let log = Arc::new(Log::connect(options, 4, lab.pool.clone(), None).await.unwrap());
        let (runs, _decider) = engine::work_on_runs(Arc::clone(&log), lab.store.clone()).await.unwrap();
        let (stop, often) = (CancellationToken::new(), Duration::from_millis(50));
        let options = Options { slots, poll: often, beat: 4 * often, sweep: 4 * often, ..Options::default() };
        let stage = Arc::new(Stage(Arc::clone(&lab.player)));
        let engine = Engine::new(runs.clone(), log, Arc::new(lab.store.clone()), stage, Hints::default(), options);
        let engine = tokio::spawn(engine.run(stop.clone()));
        Self { runs, stop, engine }
    }

    async fn end(self) {
        self.stop.cancel();
        self.engine.await.unwrap();
    }
}

async fn rename(pool: &PgPool, run: RunId, from: &str, to: &str) {
    let sql = "UPDATE run_events SET event = replace(event::text, $2, $3)::json WHERE run_id = $1";
    sqlx::query(sql).bind(run.0).bind(from).bind(to).execute(pool).await.unwrap();
}

async fn is_set_aside(pool: &PgPool) -> bool {
    sqlx::query_scalar("SELECT bool_or(quarantine IS NOT NULL) FROM workflow_runs").fetch_one(pool).await.unwrap()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_with_an_event_of_a_newer_kind_is_left_to_newer_processes_and_others_go_on(pool: PgPool) {
    let lab = Lab::new(pool, |_, _| Act::Say("done".into())).await;
    let pair = dag(&json!({"a": [], "b": [], "c": ["a", "b"]}), &json!({}));
    // As many steps as this process has places, all of them older than what it may work on.
    let mut new = Vec::new();
    for _ in 0..2 {
        let run = lab.start(&pair).await;
        rename(&lab.pool, run, "run_started", "run_dreamt").await;
        new.push(run);
    }
    let old = Process::new(&lab, 2).await;
    let known = lab.start(&pair).await;
    assert_eq!(lab.ended(known).await.status, RunStatus::Completed);
    for run in &new {
        let refused = Err(Error::Quarantined("event 1 is of a newer program".to_owned()));
        assert_eq!(old.runs.read_now(*run, |state| state.is_some()).await, refused);
        let pause = Ask { by: lab.person(), ..Ask::itself(*run, Command::Pause) };
        assert_eq!(old.runs.execute(pause).await.map(|_| true), refused);
    }
    assert_eq!(lab.player.keys.lock().unwrap().len(), 3, "nothing of what it does not know was run");
    assert!(!is_set_aside(&lab.pool).await);
    // A process that knows the words comes, beside the one that does not.
    for run in &new {
        rename(&lab.pool, *run, "run_dreamt", "run_started").await;
    }
    let newer = Process::new(&lab, 2).await;
    for run in new {
        let view = lab.ended(run).await;
        assert_eq!(view.status, RunStatus::Completed);
        assert!(view.steps.iter().all(|step| step.attempts.len() == 1));
    }
    old.end().await;
    newer.end().await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_an_older_process_still_runs_is_taken_over_when_it_ends(pool: PgPool) {
    let gate = Arc::new(Notify::new());
    let told = Arc::clone(&gate);
    let lab = Lab::new(pool, move |input, attempt| match (key(input), attempt) {
        ("a", 1) => Act::Until(Arc::clone(&told)),
        _ => Act::Say("done".into()),
    })
    .await;
    let old = Process::new(&lab, 2).await;
    let run = lab.start(&dag(&json!({"a": [], "b": ["a"]}), &json!({}))).await;
    lab.until(run, |view| status(view, "a") == StepStatus::Running).await;
    lab.done(run, Command::Pause).await;
    lab.done(run, Command::Resume { budget: None }).await;
    rename(&lab.pool, run, "run_paused", "run_dreamt").await;
    // Its result is for a run that it does not know any more.
    gate.notify_one();
    let refused = Error::Quarantined("event 3 is of a newer program".to_owned());
    assert_eq!(old.runs.read_now(run, |state| state.is_some()).await, Err(refused));
    old.end().await;
    rename(&lab.pool, run, "run_dreamt", "run_paused").await;
    assert!(!is_set_aside(&lab.pool).await);
    let newer = Process::new(&lab, 2).await;
    let view = lab.ended(run).await;
    assert_eq!(view.status, RunStatus::Completed);
    let outcomes: Vec<_> = view.step(&"a".into()).unwrap().attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Lost), Some(Outcome::Succeeded)]);
    newer.end().await;
}
