//! What may be claimed, and by whom first.

use std::time::Duration;

use runs::{Batch, Log as _, LostWorker, Outcome};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;
use workflow::{UserId, id::WorkerId};

use super::world::{Known, commit, commits, definition, log};
use crate::support::WORKER;

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_backlog_of_one_person_does_not_delay_another(pool: PgPool) {
    let log = log(&pool).await;
    let wide: serde_json::Map<String, serde_json::Value> =
        (0..300).map(|n| (format!("s{n}"), json!({"agent_id": "echo", "depends_on": []}))).collect();
    let begin = async |definition, user| {
        let run = Known::new();
        let decided = run.decide(run.now(&log).await, &[run.start(definition, UserId(Uuid::from_u128(user)))]).unwrap();
        commits(&log, std::iter::once(&decided)).await.remove(0)
    };
    let (wide, single) = (definition(&wide.into()), definition(&json!({"s": {"agent_id": "echo", "depends_on": []}})));
    for _ in 0..3 {
        assert_eq!(commit(&log, &begin(&wide, 10).await).await, Outcome::Written);
    }
    for user in [5, 20, 30] {
        assert_eq!(commit(&log, &begin(&single, user).await).await, Outcome::Written);
    }
    let kinds = ["template".to_owned()];
    let ready = log.claimable(WORKER, &kinds, 8).await.unwrap();
    assert_eq!(ready.len(), 8);
    let mut first: Vec<u128> = ready.iter().take(4).map(|ready| ready.user.0.as_u128()).collect();
    first.sort_unstable();
    assert_eq!(first, [5, 10, 20, 30], "each owner's first comes before anybody's second");
    assert!(ready[4..].iter().all(|ready| ready.user.0.as_u128() == 10));
    // From any place of the walk everybody is there.
    let again = log.claimable(WORKER, &kinds, 8).await.unwrap();
    assert_eq!(again.iter().filter(|ready| ready.user.0.as_u128() != 10).count(), 3);
    assert!(log.claimable(WORKER, &["llm".to_owned()], 8).await.unwrap().is_empty());

    // What has started is not there any more.
    sqlx::query("DELETE FROM steps WHERE user_id <> $1").bind(Uuid::from_u128(5)).execute(&pool).await.unwrap();
    let ready = log.claimable(WORKER, &kinds, 8).await.unwrap();
    let mut run = Known::new();
    run.id = ready[0].run;
    run.catch_up(&log).await;
    let now = run.now(&log).await;
    run.tell(&log, &[run.take(now, 1)]).await;
    assert!(log.claimable(WORKER, &kinds, 8).await.unwrap().is_empty());
    // Its worker dies.
    assert!(log.waiting(10).await.unwrap().lost.is_empty());
    log.retire(WORKER).await.unwrap();
    assert_eq!(log.waiting(10).await.unwrap().lost, [LostWorker { run: run.id, worker: WORKER }]);
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn others_leave_a_step_for_a_moment_to_who_has_its_run_at_hand(pool: PgPool) {
    let log = log(&pool).await;
    let run = Known::new();
    let now = log.clock().await.unwrap();
    let single = definition(&json!({"s": {"agent_id": "echo", "depends_on": []}}));
    let begin = run.decide(now, &[run.start(&single, UserId(Uuid::from_u128(5)))]).unwrap().commit;
    log.commit(&Batch::new(vec![begin]).kept_for(Some(WORKER))).await.unwrap();
    let (kinds, other) = (["template".to_owned()], WorkerId(Uuid::from_u128(77)));
    assert_eq!(log.claimable(WORKER, &kinds, 8).await.unwrap().len(), 1);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(log.claimable(other, &kinds, 8).await.unwrap().len(), 1);
    log.close().await;
}
