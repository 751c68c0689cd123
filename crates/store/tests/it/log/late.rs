//! Statements that land late, over a real Postgres: whoever sent them died, and the log has said since that they are not there. They are
//! done once, or not at all where somebody else decided meanwhile; "not there" alone never makes a second effect.

mod door;

use std::time::{Duration, Instant};

use runs::{Answer, Ask, By, Error, Newer, Outcome, Seen};
use serde_json::json;
use sqlx::{PgPool, postgres::PgConnectOptions};
use store::MIGRATOR;
use workflow::{
    RunId,
    run::{Command, command::Edit, event::Request},
};

use super::world::{self, Known, chain, check, commit, log, newer};
use crate::support::{Process, World, by, version, with_content};
use door::Door;

/// One that was decided longer ago is too late.
const ON_TIME: Duration = Duration::from_secs(2);

async fn n_events(pool: &PgPool, run: RunId) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM run_events WHERE run_id = $1").bind(run.0).fetch_one(pool).await.unwrap()
}

/// Until a statement of the engine waits for a lock.
async fn one_waits(pool: &PgPool) {
    let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'weft engine' AND wait_event_type = 'Lock')";
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(pool).await.unwrap() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_commit_whose_client_died_lands_though_the_log_had_said_it_is_not_there_and_is_found(pool: PgPool) {
    let log = log(&pool).await;
    let run = Known::begun(&log, &chain(2)).await;
    let now = run.now(&log).await;
    let decided = run.decide(now, &[run.take(now, 1)]).unwrap();
    // Within Postgres: it has the run, and waits to learn whether somebody else's event stays in the place of its own.
    let mut holder = pool.begin().await.unwrap();
    let event = "INSERT INTO run_events (run_id, seq, commit_id, ask_id, event)
        VALUES ($1, $2, gen_random_uuid(), gen_random_uuid(), '{}')";
    sqlx::query(event).bind(run.id.0).bind(run.state.seq + 1).execute(&mut *holder).await.unwrap();
    let dying = tokio::spawn({
        let (log, one) = (world::log(&pool).await, decided.commit.clone());
        async move { commit(&log, &one).await }
    });
    one_waits(&pool).await;
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());

    let seen = Seen { seq: run.state.seq, head: run.head.unwrap() };
    assert_eq!(newer(&log, run.id, seen).await, Newer::Nothing, "it is not there");
    assert_eq!(commit(&log, &decided.commit).await, Outcome::Locked, "but it may yet come, so it is not lost");
    holder.rollback().await.unwrap();
    let again = loop {
        match commit(&log, &decided.commit).await {
            Outcome::Locked => tokio::time::sleep(Duration::from_millis(2)).await,
            outcome => break outcome,
        }
    };
    assert_eq!(again, Outcome::Found);
    assert_eq!(n_events(&pool, run.id).await, decided.state.seq);
    check(&log, run.id).await;
    log.close().await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_commit_that_comes_in_after_somebody_else_decided_writes_nothing(pool: PgPool) {
    let (log, postgres) = (log(&pool).await, PgConnectOptions::clone(&pool.connect_options()));
    let mut run = Known::begun(&log, &chain(2)).await;
    let door = Door::to(&postgres);
    let dying = store::log::Log::connect(door.through(&postgres), 1, pool.clone(), None).await.unwrap();
    // The connection knows the statement from now on, so that the next time it is sent in one go.
    let now = run.now(&log).await;
    let first = run.decide(now, &[run.take(now, 1)]).unwrap();
    assert_eq!(commit(&dying, &first.commit).await, Outcome::Written);
    run.won(first);

    let (key, now) = (run.held().remove(0), run.now(&log).await);
    let late = run.decide(now, &[run.finish(&key, "late")]).unwrap().commit;
    door.hold();
    let sent = tokio::spawn({
        let late = late.clone();
        async move { commit(&dying, &late).await }
    });
    door.is_awaited().await;
    sent.abort();
    assert!(sent.await.unwrap_err().is_cancelled());

    let seen = Seen { seq: run.state.seq, head: run.head.unwrap() };
    assert_eq!(newer(&log, run.id, seen).await, Newer::Nothing, "it is not there");
    run.tell(&log, &[run.finish(&key, "other")]).await;
    door.open();
    door.is_left().await;
    assert_eq!(n_events(&pool, run.id).await, run.state.seq);
    assert_eq!(commit(&log, &late).await, Outcome::Lost);
    check(&log, run.id).await;
    log.close().await;
}

/// What a person asks for under this key.
fn edit(world: &World, run: RunId, text: &str, key: &str) -> Ask {
    let edit = Edit {
        step: "a".into(),
        outputs: vec![version(text)],
        and_continue: false,
        digest: None,
        expect_generation: None,
    };
    let request = Some(Request { key: key.into(), hash: text.into() });
    let person = By::Person { actor: world.ada.clone(), was_asked: false, request };
    Ask { by: person, ..with_content(by(&world.ada, run, Command::Edit(Box::new(edit))), text) }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_dead_process_was_asked_has_one_effect_whether_it_lands_before_or_after_it_is_asked_again(pool: PgPool) {
    let (world, postgres) = (World::new(pool.clone()).await, PgConnectOptions::clone(&pool.connect_options()));
    for lands_first in [true, false] {
        let run = world.begin(&json!({"steps": {"a": {"agent_id": "echo"}}}), true).await;
        world.process.settle(run).await;
        let door = Door::to(&postgres);
        let dying = Process::over(door.through(&postgres), &pool).await;
        // Now it knows the run, and its connection knows the statement.
        for n in 0..3 {
            dying.runs.execute(edit(&world, run, &format!("before {n}"), &n.to_string())).await.unwrap();
        }
        let before = world.process.look(run, |state| state.seq).await;

        door.hold();
        let asked_at = Instant::now();
        let asked = tokio::spawn({
            let (runs, ask) = (dying.runs.clone(), edit(&world, run, "mine", "k"));
            async move { runs.execute(ask).await }
        });
        door.is_awaited().await;
        dying.crash().await;
        assert_eq!(asked.await.unwrap(), Err(Error::Stopped), "nobody knows what became of it");
        assert_eq!(world.process.look(run, |state| state.seq).await, before, "it is not there");

        if lands_first {
            door.open();
            door.is_left().await;
        }
        let has_landed = world.process.look(run, |state| state.seq).await > before;
        assert!(has_landed == lands_first || asked_at.elapsed() > ON_TIME);
        let again = || world.process.runs.execute(edit(&world, run, "mine", "k"));
        let Answer { events, .. } = again().await.unwrap();
        assert_eq!(events.is_empty(), has_landed, "what landed was done, and nothing else");
        door.open();
        door.is_left().await;
        assert_eq!(again().await.unwrap().events, [], "it was done");
        assert_eq!(world.process.look(run, |state| state.seq).await, before + 1, "once");
        world.process.check(run).await;
    }
}
