//! Connections that are cut at any moment: whatever was asked is done once or not at all, asking again is safe, and the run's rows stay
//! those of its log.

use std::time::Duration;

use runs::{Ask, By, Error};
use serde_json::json;
use sqlx::PgPool;
use store::MIGRATOR;
use workflow::run::{Command, event::Request, testing::is_long};

use crate::support::{World, by, version, with_content};

/// Ends every session of the engine in this database.
async fn cut(pool: &PgPool) {
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'weft engine'",
    )
    .execute(pool)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_asked_while_connections_are_cut_is_done_once(pool: PgPool) {
    let n = if is_long() { 1_000 } else { 60 };
    let world = World::new(pool.clone()).await;
    let run = world.begin(&json!({"steps": {"a": {"agent_id": "echo"}}}), true).await;
    world.process.settle(run).await;
    let asks: Vec<Ask> = (0..n)
        .map(|n| {
            let text = format!("version {n}");
            let edit = workflow::run::command::Edit {
                step: "a".into(),
                outputs: vec![version(&text)],
                and_continue: false,
                digest: None,
                expect_generation: None,
            };
            let request = Some(Request { key: n.to_string(), hash: "x".into() });
            let person = By::Person { actor: world.ada.clone(), was_asked: false, request };
            Ask { by: person, ..with_content(by(&world.ada, run, Command::Edit(Box::new(edit))), &text) }
        })
        .collect();

    let cutting = tokio::spawn({
        let pool = pool.clone();
        async move {
            // From at once to later than a new session takes to be there, wherever that is slow.
            for pause in (5..160).step_by(9).cycle() {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                cut(&pool).await;
            }
        }
    });
    for ask in &asks {
        // Whoever is told nothing asks again, under the same key.
        loop {
            match world.process.runs.execute(ask.clone()).await {
                Ok(_) => break,
                Err(Error::Unavailable) => tokio::time::sleep(Duration::from_millis(3)).await,
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    cutting.abort();
    // The last cut may have hit connections that are idle since.
    for ask in &asks {
        while world.process.runs.execute(ask.clone()).await.is_err() {}
    }
    let versions = world.process.look(run, |state| state.versions(&"a".into(), "text").len()).await;
    assert_eq!(versions, n + 1, "each of them is there once");
    world.process.check(run).await;
}
