//! Batches under several processes: one starts rows of a batch at a time, and whoever goes on after a crash finds what is left.

use std::time::Duration;

use serde_json::json;
use sqlx::PgPool;
use store::{
    MIGRATOR, Store, Window,
    audit::Author,
    batches::{MakeBatch, NewBatch},
};
use uuid::Uuid;
use workflow::{
    RunId, TemplateId, UserId,
    api::{BatchAct, BatchRowState, BatchState},
    id::BatchId,
    limits::MAX_BATCHES,
    status::RunStatus,
};

use crate::support::World;

const ROWS: Window<'_> = Window { after: None, limit: 10 };

fn run() -> RunId {
    RunId(Uuid::now_v7())
}

async fn make(store: &Store, user: UserId, key: &str, n_rows: usize) -> (BatchId, MakeBatch) {
    let id = BatchId(Uuid::now_v7());
    let rows: Vec<String> = (0..n_rows).map(|n| format!("{{\"z\":{n}.10,\"a\":\"é\"}}")).collect();
    let new = NewBatch {
        id,
        user,
        template: TemplateId(Uuid::nil()),
        version: 1,
        template_name: "T",
        name: "t.csv",
        auto_run: true,
        key,
        hash: "h",
        rows: &rows,
    };
    (id, store.make_batch(&new, Author::default()).await.unwrap())
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn one_process_has_a_batch_at_a_time_and_rows_stay_as_they_were_sent(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let (store, other, user) = (&world.store, Store::from_pool(pool.clone()), world.ada.id);
    let (id, made) = make(store, user, "k", 3).await;
    assert_eq!(made, MakeBatch::Made);
    assert_eq!(make(&other, user, "k", 3).await.1, MakeBatch::Earlier { id, hash: "h".into() });
    let claimed = store.claim_batch().await.unwrap().unwrap();
    assert_eq!((claimed.id, claimed.user, claimed.version), (id, user, 1));
    assert!(other.claim_batch().await.unwrap().is_none(), "it is somebody's");

    let rows = store.waiting_rows(id, 2).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.n).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(rows[0].inputs, "{\"z\":0.10,\"a\":\"é\"}");
    let first = world.begin(&json!({"steps": {"a": {"agent_id": "echo"}}}), true).await;
    assert!(store.row_started(id, 1, first).await.unwrap());
    // Whoever took over meanwhile changes nothing of it.
    assert!(other.row_started(id, 1, run()).await.unwrap());
    assert!(other.row_refused(id, 1, "too late").await.unwrap());
    assert!(store.row_refused(id, 2, "no").await.unwrap());

    // It dies; a minute later it is anybody's.
    sqlx::query("UPDATE batches SET leased_until = now() - interval '1 second'").execute(&pool).await.unwrap();
    assert_eq!(other.claim_batch().await.unwrap().unwrap().id, id);
    other.batch_waits(id, "a quota", Duration::from_mins(1)).await.unwrap();
    assert!(store.claim_batch().await.unwrap().is_none(), "it waits");
    let (owner, view) = store.batch(id).await.unwrap().unwrap();
    assert_eq!((owner, view.state, view.reason.as_deref()), (user, BatchState::Running, Some("a quota")));
    assert_eq!((view.n_rows, view.n_waiting, view.n_started, view.n_refused, view.n_over), (3, 1, 1, 1, 0));
    sqlx::query("UPDATE batches SET next_at = now()").execute(&pool).await.unwrap();
    store.claim_batch().await.unwrap().unwrap();
    assert!(store.row_started(id, 3, run()).await.unwrap());
    store.leave_batch(id).await.unwrap();
    let (_, view) = store.batch(id).await.unwrap().unwrap();
    assert_eq!((view.state, view.ended_at.is_some(), view.reason.clone()), (BatchState::Done, true, None));
    assert_eq!((view.n_waiting, view.n_started, view.n_refused), (0, 2, 1), "each is counted once, whoever notes it");
    assert_eq!(view.n_over, 1, "one is under way, and one is not there any more");
    world.process.settle(first).await;
    let (_, view) = store.batch(id).await.unwrap().unwrap();
    assert_eq!(view.n_over, 2);

    let page = store.batch_rows(id, None, ROWS).await.unwrap();
    assert_eq!(page.items.iter().map(|row| row.n).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((page.items[0].run_id, page.items[0].status), (Some(first), Some(RunStatus::Completed)));
    let refused = store.batch_rows(id, Some(BatchRowState::Refused), ROWS).await.unwrap().items;
    assert_eq!(refused.iter().map(|row| row.reason.as_deref()).collect::<Vec<_>>(), [Some("no")]);
    assert_eq!(store.batches_of(user, None, ROWS).await.unwrap().items, [view]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_batch_that_is_paused_or_over_starts_nothing(pool: PgPool) {
    let world = World::new(pool).await;
    let (store, user, by) = (&world.store, world.ada.id, Author::default());
    let (id, _) = make(store, user, "k", 2).await;
    store.claim_batch().await.unwrap().unwrap();
    assert!(store.act_on_batch(id, BatchAct::Pause, by).await.unwrap());
    assert!(!store.act_on_batch(id, BatchAct::Pause, by).await.unwrap());
    assert!(!store.row_started(id, 1, run()).await.unwrap(), "noted, and no further one is wanted");
    assert!(store.waiting_rows(id, 9).await.unwrap().is_empty() && store.claim_batch().await.unwrap().is_none());
    store.leave_batch(id).await.unwrap();
    assert!(store.act_on_batch(id, BatchAct::Resume, by).await.unwrap());
    store.stop_batch(id, "not yours").await.unwrap();
    let stopped = store.batch(id).await.unwrap().unwrap().1;
    assert_eq!((stopped.state, stopped.reason.as_deref()), (BatchState::Stopped, Some("not yours")));
    assert!(store.act_on_batch(id, BatchAct::Cancel, by).await.unwrap());
    assert!(!store.act_on_batch(id, BatchAct::Resume, by).await.unwrap(), "for good");
    let over = store.batch(id).await.unwrap().unwrap().1;
    assert_eq!((over.n_started, over.n_waiting, over.ended_at.is_some()), (1, 1, true));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_person_has_so_many_at_a_time(pool: PgPool) {
    let world = World::new(pool).await;
    for n in 0..MAX_BATCHES {
        assert_eq!(make(&world.store, world.ada.id, &n.to_string(), 1).await.1, MakeBatch::Made);
    }
    let (id, refused) = make(&world.store, world.ada.id, "more", 1).await;
    assert_eq!(refused, MakeBatch::TooMany);
    assert!(world.store.batch(id).await.unwrap().is_none());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_row_was_started_on_goes_with_its_run_and_a_table_with_the_last_of_them(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let (store, user) = (&world.store, world.ada.id);
    let (id, _) = make(store, user, "k", 3).await;
    store.claim_batch().await.unwrap().unwrap();
    let mut runs = Vec::new();
    for n in [1, 2] {
        let run = world.begin(&json!({"steps": {"a": {"agent_id": "echo"}}}), true).await;
        world.process.settle(run).await;
        assert!(store.row_started(id, n, run).await.unwrap());
        runs.push(run);
    }
    store.row_refused(id, 3, "no").await.unwrap();
    store.leave_batch(id).await.unwrap();
    let delete = async |run: RunId| {
        store.ask_to_delete_runs(&[run], Author::default()).await.unwrap();
        sqlx::query("UPDATE run_labels SET delete_at = now() - interval '1 second'").execute(&pool).await.unwrap();
        store.delete_runs(None).await.unwrap();
    };
    delete(runs[0]).await;
    let rows = store.result_rows(id, 0, 9).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.inputs == "{}").collect::<Vec<_>>(), [true, false, false]);
    assert_eq!((rows[0].state, rows[0].run_id, rows[0].status), (BatchRowState::Started, Some(runs[0]), None));
    assert_eq!(store.batch(id).await.unwrap().unwrap().1.n_over, 2, "it counts as over");

    sqlx::query("UPDATE batches SET ended_at = now() - interval '31 days'").execute(&pool).await.unwrap();
    store.delete_old_batches(30).await.unwrap();
    assert!(store.batch(id).await.unwrap().is_some(), "a run of it is there");
    delete(runs[1]).await;
    store.delete_old_batches(32).await.unwrap();
    assert!(store.batch(id).await.unwrap().is_some());
    store.delete_old_batches(30).await.unwrap();
    assert!(store.batch(id).await.unwrap().is_none());
    let by: String = sqlx::query_scalar("SELECT data ->> 'by' FROM audit_log WHERE action = 'batch.deleted'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(by, "age");
}
