//! A run that is set aside: who is told why, and who lets it go on.

use sqlx::PgPool;
use workflow::{
    RunId, StepKey,
    api::{AuditFilter, ErrorCode},
};

use super::{World, beside, body, plain, refusal, status};
use crate::{audit, runs, steps};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn only_an_admin_learns_why_a_run_is_set_aside_and_lets_it_go_on(pool: PgPool) {
    let world = World::with_writer(pool.clone()).await;
    let template = world.published().await;
    let (run, other) = (world.start(&world.ada, template).await.id, world.start(&world.ada, template).await.id);
    assert_eq!(status(runs::release(&world.admin, run).await), plain(409), "it is as it should be");
    sqlx::query("UPDATE workflow_runs SET n_completed = 9 WHERE id = $1").bind(run.0).execute(&pool).await.unwrap();

    // Another process reads it from its beginning.
    let (_process, [admin, ada, ben]) = beside(&pool, [1, 2, 3]).await;
    let told = refusal(runs::get(&ada, run).await);
    assert_eq!((told.status, told.code), (409, ErrorCode::Conflict));
    assert!(told.detail.contains("Ask an admin") && !told.detail.contains("workflow_runs"), "{}", told.detail);
    assert_eq!(status(runs::get(&ben, run).await), plain(404));
    let told = refusal(runs::get(&admin, run).await);
    assert!(told.detail.contains("1 rows are not what its log tells: workflow_runs"), "{}", told.detail);
    assert!(told.detail.contains(&format!("`weft run release {run}`")), "{}", told.detail);
    let supply = async |run: RunId| {
        let outputs = body(serde_json::json!({"outputs": {"text": "x"}}));
        steps::supply(&ada, run, &StepKey::new("first"), outputs, None).await
    };
    assert_eq!(status(supply(run).await), plain(409));
    supply(other).await.unwrap();

    for nobody in [&ada, &ben] {
        assert_eq!(status(runs::release(nobody, run).await), plain(403));
    }
    assert_eq!(status(runs::release(&world.nobody(), run).await), plain(401));
    assert_eq!(status(runs::release(&admin, RunId(uuid::Uuid::now_v7())).await), plain(404));
    assert_eq!(runs::release(&admin, run).await.unwrap().id, run);
    assert_eq!(status(runs::release(&admin, run).await), plain(409));
    supply(run).await.unwrap();
    // The process that had it at hand all the time goes on with it too.
    runs::cancel(&world.ada, run, None).await.unwrap();
    let filter = AuditFilter { action: Some("run.released".into()), ..AuditFilter::default() };
    let entries = audit::list(&admin, filter).await.unwrap().entries;
    assert_eq!(entries.iter().map(|entry| entry.subject.clone()).collect::<Vec<_>>(), [run.to_string()]);

    sqlx::query("UPDATE workflow_runs SET n_completed = 9 WHERE id = $1").bind(other.0).execute(&pool).await.unwrap();
    sqlx::query("DELETE FROM run_events WHERE run_id = $1 AND seq = 1").bind(other.0).execute(&pool).await.unwrap();
    let (_process, [admin]) = beside(&pool, [1]).await;
    refusal(runs::get(&admin, other).await);
    let told = refusal(runs::release(&admin, other).await);
    assert_eq!((told.status, told.detail.contains("the log has no event 1")), (409, true), "{}", told.detail);
}
