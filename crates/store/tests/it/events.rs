//! The log of a run in pieces: none has more bytes than it may, but for one event that has them alone, and none is left out.

use serde_json::json;
use sqlx::PgPool;
use store::MIGRATOR;

use crate::support::World;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_piece_of_a_log_has_so_many_bytes_or_one_event(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let run = world.begin(&json!({"steps": {"a": {"agent_id": "echo"}}}), true).await;
    world.process.settle(run).await;
    let all = world.store.events_after(run, 0, 99).await.unwrap();
    assert!(all.len() >= 3, "{all:?}");
    assert_eq!(world.store.events_within(run, 0, 99, i64::MAX).await.unwrap(), all);
    assert_eq!(world.store.events_within(run, 0, 2, i64::MAX).await.unwrap(), all[..2]);

    let two: i64 = sqlx::query_scalar(
        "SELECT sum(octet_length(event::text))::bigint FROM run_events WHERE run_id = $1 AND seq <= 2",
    )
    .bind(run.0)
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(world.store.events_within(run, 0, 99, two).await.unwrap(), all[..2]);
    assert_eq!(world.store.events_within(run, 0, 99, two - 1).await.unwrap(), all[..1]);

    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let piece = world.store.events_within(run, after, 99, 1).await.unwrap();
        let Some(last) = piece.last() else { break };
        assert_eq!(piece.len(), 1);
        after = last.seq;
        found.extend(piece);
    }
    assert_eq!(found, all);
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let piece = world.store.run_events_within(run, before, 99, 1).await.unwrap();
        let Some(last) = piece.last() else { break };
        before = Some(last.seq);
        found.extend(piece);
    }
    found.reverse();
    assert_eq!(found, all);
    let newest = world.store.run_events_within(run, None, 2, i64::MAX).await.unwrap();
    assert_eq!(newest, world.store.run_events(run, None, 2).await.unwrap());
}
