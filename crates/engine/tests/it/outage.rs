//! A database that is there and takes no writes for a while: its disk is full, it is short of memory, or somebody made it read-only.
//! Nothing that an agent made may be lost or made twice, nobody may be told that something is done which is not, and all goes on by itself.

use std::{sync::Arc, time::Duration};

use engine::Options;
use runs::Error;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use store::MIGRATOR;
use tokio::sync::Notify;
use workflow::{
    RunId, RunView,
    run::Command,
    status::{Outcome, RunStatus, StepStatus},
};

use crate::{
    lab::{Lab, dag, status},
    player::{Act, key},
};

async fn raw(pool: &PgPool, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
}

/// Every new event is refused with this code, and counted.
async fn refuse(pool: &PgPool, code: &str) {
    let sql = format!(
        "CREATE SEQUENCE IF NOT EXISTS refusals; SELECT setval('refusals', 1, false);
        CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM nextval('refusals'); RAISE EXCEPTION USING ERRCODE = '{code}', MESSAGE = 'as the test says'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON run_events FOR EACH ROW EXECUTE FUNCTION refuse()"
    );
    raw(pool, sql).await;
}

async fn allow(pool: &PgPool) {
    raw(pool, "DROP TRIGGER refuse ON run_events".into()).await;
}

/// Until so many events were refused.
async fn refused(pool: &PgPool, n: i64) {
    let count = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM refusals";
    while sqlx::query_scalar::<_, i64>(count).fetch_one(pool).await.unwrap() < n {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An agent that works at `slow` until it is told.
async fn n_events(pool: &PgPool, run: RunId) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM run_events WHERE run_id = $1").bind(run.0).fetch_one(pool).await.unwrap()
}

async fn lab(pool: PgPool) -> (Lab, Arc<Notify>) {
    let gate = Arc::new(Notify::new());
    let told = Arc::clone(&gate);
    let lab = Lab::new(pool, move |input, _| match key(input) {
        "slow" => Act::Until(Arc::clone(&told)),
        _ => Act::Say("done".into()),
    });
    (lab.await, gate)
}

async fn started(lab: &Lab) -> RunId {
    let run = lab.start(&dag(&json!({"slow": [], "after": ["slow"]}), &json!({}))).await;
    lab.until(run, |view| status(view, "slow") == StepStatus::Running).await;
    run
}

fn outcomes(view: &RunView) -> Vec<(&str, Vec<Outcome>)> {
    let of = |step: &workflow::view::StepView| step.attempts.iter().filter_map(|attempt| attempt.outcome).collect();
    view.steps.iter().map(|step| (step.key.as_str(), of(step))).collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn results_are_kept_while_a_disk_is_full_and_verbs_have_no_effect_and_all_goes_on_by_itself(pool: PgPool) {
    let (lab, gate) = lab(pool).await;
    let (stop, engine) = lab.engine();
    let codes = ["53100", "53200", "57P03", "25006"];
    for code in codes {
        let run = started(&lab).await;
        let before = n_events(&lab.pool, run).await;
        refuse(&lab.pool, code).await;
        gate.notify_one();
        for verb in [Command::Pause, Command::SetAutoRun(false), Command::Cancel] {
            assert_eq!(lab.ask(run, verb, Vec::new()).await.unwrap_err(), Error::Unavailable, "{code}");
        }
        // Those of people, and the result, which is told again and again.
        refused(&lab.pool, 6).await;
        assert_eq!(n_events(&lab.pool, run).await, before, "{code}: nothing is written");
        assert!(!engine.is_finished());
        allow(&lab.pool).await;
        let view = lab.ended(run).await;
        assert_eq!((view.status, view.auto_run), (RunStatus::Completed, true), "{code}");
        assert!(outcomes(&view).iter().all(|(_, outcomes)| *outcomes == [Outcome::Succeeded]), "{code}: {view:#?}");
        assert_eq!(lab.content(run, "slow", "text").await, "late", "{code}");
    }
    assert_eq!(lab.player.keys.lock().unwrap().len(), 2 * codes.len(), "no agent was asked twice");
    stop.cancel();
    engine.await.unwrap();
}

/// The sessions that are there are made anew after it, as after a failover; it keeps its own.
struct Admin(PgConnection);

impl Admin {
    async fn new(pool: &PgPool) -> Self {
        let mut connection =
            PgConnection::connect_with(&PgConnectOptions::clone(&pool.connect_options())).await.unwrap();
        sqlx::query("SELECT 1").execute(&mut connection).await.unwrap();
        Self(connection)
    }

    async fn run(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.0).await.unwrap();
    }

    async fn n_events(&mut self, run: RunId) -> i64 {
        let events = "SELECT count(*) FROM run_events WHERE run_id = $1";
        sqlx::query_scalar(events).bind(run.0).fetch_one(&mut self.0).await.unwrap()
    }

    async fn make_read_only(&mut self) {
        self.run("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$").await;
        self.end_sessions().await;
    }

    async fn make_writable(&mut self) {
        self.run("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database()); END $$").await;
    }

    async fn end_sessions(&mut self) {
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
        )
        .await;
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_database_that_is_read_only_for_a_while_loses_nothing_and_ends_no_process(pool: PgPool) {
    let mut admin = Admin::new(&pool).await;
    let (lab, gate) = lab(pool).await;
    let (stop, engine) = lab.engine();
    // Whether the sessions of that time are ended when it is over, or not: they would take no writes for as long as they live.
    for are_ended in [true, false] {
        let run = started(&lab).await;
        let before = admin.n_events(run).await;
        admin.make_read_only().await;
        gate.notify_one();
        let pause = tokio::spawn({
            let (runs, by) = (lab.runs.clone(), lab.person());
            async move { runs.execute(runs::Ask { by, ..runs::Ask::itself(run, Command::Pause) }).await }
        });
        // Long enough for beats to fail, not for the worker to stop what it runs.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(admin.n_events(run).await, before, "nothing is written");
        assert!(!engine.is_finished());
        admin.make_writable().await;
        if are_ended {
            admin.end_sessions().await;
        }
        // One that was on its way when its session ended is known only now.
        let is_paused = match pause.await.unwrap() {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error, Error::Unavailable);
                false
            }
        };
        if is_paused {
            while lab.resume(run, None).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let events = "SELECT count(*) FROM run_events WHERE run_id = $1 AND event ->> 'kind' = 'run_paused'";
        let n_pauses: i64 = sqlx::query_scalar(events).bind(run.0).fetch_one(&mut admin.0).await.unwrap();
        assert_eq!(n_pauses, i64::from(is_paused), "what was told is what was done");
        let view = ended(&lab, run).await;
        assert_eq!(view.status, RunStatus::Completed, "{view:#?}");
        assert!(outcomes(&view).iter().all(|(_, outcomes)| *outcomes == [Outcome::Succeeded]), "{view:#?}");
    }
    assert_eq!(lab.player.keys.lock().unwrap().len(), 4, "no agent was asked twice");
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_cannot_beat_stops_what_it_runs_and_runs_it_again_when_it_can(pool: PgPool) {
    let mut admin = Admin::new(&pool).await;
    let lab = Lab::new(pool, |_, attempt| if attempt == 1 { Act::Hang } else { Act::Say("done".into()) }).await;
    let beat = Duration::from_millis(200);
    // Room for one at a time: the other attempt waits for it, and does nothing.
    let options = Options { beat, poll: beat, self_fence: Duration::from_secs(1), memory: 1, ..Options::default() };
    let (stop, engine, memory) = lab.engine_and_memory(options);
    let run = lab.start(&dag(&json!({"one": [], "other": []}), &json!({}))).await;
    while lab.player.keys.lock().unwrap().is_empty() || memory.in_use().waiting == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    admin.make_read_only().await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    admin.make_writable().await;
    let view = ended(&lab, run).await;
    assert_eq!(view.status, RunStatus::Completed);
    // It is no failure of a step. What an agent did counts like a crash, since it may have been paid for.
    let ends = outcomes(&view);
    for stopped in [Outcome::Lost, Outcome::Released] {
        assert!(ends.iter().any(|(_, ends)| ends.first() == Some(&stopped)), "{stopped:?}: {ends:?}");
    }
    stop.cancel();
    engine.await.unwrap();
}

/// The run when it is over, while sessions are still made anew.
async fn ended(lab: &Lab, run: RunId) -> RunView {
    loop {
        let look = lab.runs.read_now(run, |state| state.map(|state| state.run.status.is_terminal())).await;
        if look == Ok(Some(true)) {
            return lab.view(run).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
