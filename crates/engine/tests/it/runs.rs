//! Runs that go well: joins, retries with backoff, large artifacts, cancel.

use std::{collections::BTreeSet, time::Duration};

use engine::Options;
use serde_json::json;
use sqlx::PgPool;
use store::{MIGRATOR, Window};
use workflow::{
    RunId,
    api::{RerunMode, RunQuery},
    run::{Command, command::Changes},
    status::{Outcome, Reason, RunStatus, StepStatus},
};

use crate::{
    lab::{Lab, dag},
    player::{Act, key},
};

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_diamond_with_a_fan_of_fifty_and_joins_completes_with_one_attempt_each(pool: PgPool) {
    let fan: Vec<String> = (0..50).map(|n| format!("f{n}")).collect();
    let mut edges = serde_json::Map::from_iter([("a".to_owned(), json!([]))]);
    edges.extend(fan.iter().map(|key| (key.clone(), json!(["a"]))));
    edges.insert("left".into(), json!(fan[..25]));
    edges.insert("right".into(), json!(fan[25..]));
    edges.insert("end".into(), json!(["left", "right"]));
    let lab = Lab::new(pool, |input, _| Act::Say(key(input).into())).await;
    let run = lab.start(&dag(&json!(edges), &json!({}))).await;
    let (stop, engine) = lab.engine();
    let view = lab.ended(run).await;
    assert_eq!(view.status, RunStatus::Completed);
    assert!(view.steps.iter().all(|step| step.attempts.len() == 1));
    assert_eq!(view.artifacts.len(), 54);
    let keys = lab.player.keys.lock().unwrap().clone();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 54, "each step has its own idempotency key");
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_transient_failure_is_retried_with_the_same_idempotency_key(pool: PgPool) {
    let retry = json!({"retry": {"initial_ms": 20, "max_ms": 50}});
    let lab = Lab::new(pool, |_, attempt| match attempt {
        1 => Act::Fail(Reason::Server),
        2 => Act::Fail(Reason::RateLimit),
        _ => Act::Say("done".into()),
    })
    .await;
    let run = lab.start(&dag(&json!({"a": []}), &retry)).await;
    let (stop, engine) = lab.engine_with(Options { poll: Duration::from_millis(20), ..Options::default() });
    let view = lab.ended(run).await;
    assert_eq!(view.status, RunStatus::Completed);
    let outcomes: Vec<_> = view.steps[0].attempts.iter().map(|attempt| attempt.outcome.unwrap()).collect();
    assert_eq!(outcomes, [Outcome::Failed, Outcome::Failed, Outcome::Succeeded]);
    let keys = lab.player.keys.lock().unwrap().clone();
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(view.artifacts.len(), 1, "failed attempts make no artifact");
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_large_artifact_comes_back_byte_for_byte(pool: PgPool) {
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| b'a' + u8::try_from(n % 26).unwrap()).collect();
    let said = bytes.clone();
    let lab = Lab::new(pool, move |_, _| Act::SayBytes(said.clone())).await;
    let run = lab.start(&dag(&json!({"a": []}), &json!({}))).await;
    let (stop, engine) = lab.engine();
    let view = lab.ended(run).await;
    let (meta, stored) = lab.store.artifact(run, view.artifacts[0].id).await.unwrap().unwrap();
    assert_eq!(meta.size, 3_000_000);
    assert!(stored == bytes);
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn cancelling_a_run_reaches_its_running_attempts(pool: PgPool) {
    let lab = Lab::new(pool, |_, _| Act::Hang).await;
    let run = lab.start(&dag(&json!({"a": [], "b": ["a"]}), &json!({}))).await;
    let (stop, engine) = lab.engine();
    lab.until(run, |view| view.steps[0].status == StepStatus::Running).await;
    lab.done(run, Command::Cancel).await;
    let view = lab.view(run).await;
    assert_eq!(view.status, RunStatus::Cancelled);
    assert_eq!(view.steps[0].attempts[0].outcome, Some(Outcome::Cancelled));
    // Draining waits for what runs: it ends at once only because the attempt was stopped.
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), engine).await.unwrap().unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn runs_in_which_something_is_stale_are_found_until_it_is_fresh_again(pool: PgPool) {
    let lab = Lab::new(pool, |_, _| Act::Say("done".into())).await;
    let document = json!({"steps": {
        "a": {"agent_id": "say", "inputs": {"text": {"const": "x"}}},
        "b": {"agent_id": "say", "depends_on": ["a"],
            "inputs": {"text": {"from": "step", "step": "a", "artifact": "text"}}},
    }});
    let (plain, edited) = (lab.start(&document).await, lab.start(&document).await);
    let (stop, engine) = lab.engine_with(Options { sweep: Duration::from_millis(50), ..Options::default() });
    for run in [plain, edited] {
        assert_eq!(lab.ended(run).await.status, RunStatus::Completed);
    }
    let until_found = async |wanted: &[RunId]| {
        let query = RunQuery { stale: true, ..RunQuery::default() };
        for _ in 0..1200 {
            let page = lab.store.listed_runs(&lab.actor, &query, None, Window { after: None, limit: 9 }).await.unwrap();
            let found: Vec<RunId> = page.items.iter().map(|run| run.run.id).collect();
            if found == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{wanted:?} are not what is found");
    };
    lab.edit(edited, "a", "by hand", false).await;
    until_found(&[edited]).await;
    let mode = RerunMode::StepOnly;
    let rerun = Command::Rerun { step: "b".into(), mode, changes: Changes::default(), expect_generation: None };
    lab.done(edited, rerun).await;
    until_found(&[]).await;
    assert_eq!(lab.ended(edited).await.status, RunStatus::Completed);
    stop.cancel();
    engine.await.unwrap();
}
