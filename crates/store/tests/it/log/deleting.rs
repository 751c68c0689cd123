//! Deleting a run against those who still know it: a commit that was decided before, a first commit that is sent once more, a reader, a
//! message that is on its way, a sub-workflow.

use futures::future::join3;
use runs::{Loaded, Log as _, Newer, Outcome, RunCommit, Seen};
use sqlx::PgPool;
use store::{Store, audit::Author, log::Log};
use workflow::{
    RunId,
    run::{Command, command::Changes},
    status::RunStatus,
};

use super::world::{Known, actor, chain, check, commit, loaded, log, newer};

/// Whatever waits in the run starts and ends.
async fn complete(log: &Log, run: &mut Known) {
    while run.state.run.status != RunStatus::Completed {
        let now = run.now(log).await;
        let command = match run.held().first() {
            Some(key) => run.finish(key, "x"),
            None => run.take(now, 1),
        };
        run.tell(log, &[command]).await;
    }
}

async fn completed(log: &Log) -> Known {
    let mut run = Known::begun(log, &chain(2)).await;
    complete(log, &mut run).await;
    run
}

fn again() -> Command {
    Command::Trigger { step: "s1".into(), changes: Changes::default(), expect_generation: None }
}

/// As if the half minute were over.
async fn pass(pool: &PgPool) {
    let sql =
        "UPDATE run_labels SET delete_at = now() - interval '1 second', retry_at = NULL WHERE delete_at IS NOT NULL";
    sqlx::query(sql).execute(pool).await.unwrap();
}

/// As if nothing from before could be at work any more.
async fn wait(pool: &PgPool) {
    let sql = "UPDATE deleted_runs SET deleted_at = deleted_at - interval '11 minutes'";
    sqlx::query(sql).execute(pool).await.unwrap();
}

/// The same, decided just now.
async fn fresh(log: &Log, of: &RunCommit) -> RunCommit {
    RunCommit { decided_at: log.clock().await.unwrap(), ..of.clone() }
}

async fn left_of(pool: &PgPool, run: RunId) -> i64 {
    sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM workflow_runs WHERE id = $1) + (SELECT count(*) FROM run_events WHERE run_id = $1)
            + (SELECT count(*) FROM attempts WHERE run_id = $1) + (SELECT count(*) FROM artifacts WHERE run_id = $1)
            + (SELECT count(*) FROM artifact_heads WHERE run_id = $1) + (SELECT count(*) FROM run_labels WHERE run_id = $1)",
    )
    .bind(run.0)
    .fetch_one(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_that_was_deleted_is_lost_to_all_who_know_it_and_never_begins_again(pool: PgPool) {
    let (log, store) = (log(&pool).await, Store::from_pool(pool.clone()));
    let mut run = Known::new();
    let start = run.start(&chain(2), actor().id);
    let first = run.decide(run.now(&log).await, &[start]).unwrap();
    let began = first.commit.clone();
    assert_eq!(commit(&log, &began).await, Outcome::Written);
    run.won(first);
    complete(&log, &mut run).await;
    let late = run.decide(run.now(&log).await, &[again()]).unwrap().commit;

    assert_eq!(store.ask_to_delete_runs(&[run.id], Author::default()).await.unwrap(), [run.id]);
    store.delete_runs(None).await.unwrap();
    assert!(matches!(loaded(&log, run.id).await, Loaded::Run { .. }), "there is time to take it back");
    pass(&pool).await;
    store.delete_runs(None).await.unwrap();

    assert_eq!(loaded(&log, run.id).await, Loaded::Missing);
    let seen = Seen { seq: run.state.seq, head: run.head.unwrap() };
    assert_eq!(newer(&log, run.id, seen).await, Newer::Missing);
    assert_eq!(commit(&log, &fresh(&log, &late).await).await, Outcome::Lost);
    // Whoever never heard that it began hears it, as long as that can be seen, and that it is no more afterwards.
    assert_eq!(commit(&log, &fresh(&log, &began).await).await, Outcome::Found);
    assert_eq!(loaded(&log, run.id).await, Loaded::Missing);
    wait(&pool).await;
    store.delete_runs(None).await.unwrap();
    assert_eq!(left_of(&pool, run.id).await, 0);
    assert!(matches!(commit(&log, &fresh(&log, &began).await).await, Outcome::Quarantined { .. }));
    assert_eq!(commit(&log, &fresh(&log, &late).await).await, Outcome::Lost);
    assert_eq!(left_of(&pool, run.id).await, 0, "nothing of it came again");
    assert!(store.keep_runs(&[run.id], Author::default()).await.unwrap().is_empty());
    assert!(store.ask_to_delete_runs(&[run.id], Author::default()).await.unwrap().is_empty());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn of_a_commit_and_a_deletion_at_the_same_time_one_wins_and_readers_see_all_or_nothing(pool: PgPool) {
    let (log, store) = (log(&pool).await, Store::from_pool(pool.clone()));
    for _ in 0..12 {
        let run = completed(&log).await;
        store.ask_to_delete_runs(&[run.id], Author::default()).await.unwrap();
        pass(&pool).await;
        let decided = run.decide(run.now(&log).await, &[again()]).unwrap();
        let (outcome, deleted, seen) =
            join3(commit(&log, &decided.commit), store.delete_runs(None), loaded(&log, run.id)).await;
        deleted.unwrap();
        assert!(matches!(seen, Loaded::Run { .. } | Loaded::Missing), "{seen:?}");
        // It may have lost against a lock that was taken away; it does not win a second time.
        store.delete_runs(None).await.unwrap();
        match (outcome, loaded(&log, run.id).await) {
            (Outcome::Written, Loaded::Run { .. }) => check(&log, run.id).await,
            (Outcome::Lost | Outcome::Locked, Loaded::Missing) => {}
            both => panic!("{both:?}"),
        }
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn sub_workflows_go_with_their_run_and_what_goes_on_or_is_on_its_way_keeps_them_all(pool: PgPool) {
    let (log, store) = (log(&pool).await, Store::from_pool(pool.clone()));
    let (root, part, going) = (completed(&log).await, completed(&log).await, Known::begun(&log, &chain(2)).await);
    let inside = async |of: RunId, run: RunId| {
        let sql = "UPDATE workflow_runs SET parent_run = $2 WHERE id = $1";
        sqlx::query(sql).bind(run.0).bind(of.0).execute(&pool).await.unwrap();
    };
    inside(root.id, part.id).await;
    inside(part.id, going.id).await;
    let found = store.deletable_runs(&[root.id, part.id]).await.unwrap();
    assert_eq!((found[&root.id].n_parts, found[&root.id].goes_on, found[&root.id].is_part), (2, true, false));
    assert!(found[&part.id].is_part);
    let by = Author { actor: Some(actor().id), ..Author::default() };
    let asked = store.ask_to_delete_runs(&[root.id, part.id, going.id], by).await.unwrap();
    assert_eq!(asked, [root.id], "a part goes with its run alone");
    let are_there = async || {
        pass(&pool).await;
        store.delete_runs(None).await.unwrap();
        [loaded(&log, root.id).await, loaded(&log, part.id).await].map(|one| one != Loaded::Missing)
    };
    assert_eq!(are_there().await, [true, true], "one of them goes on");
    let mut going = going;
    complete(&log, &mut going).await;
    sqlx::query(
        "INSERT INTO run_inbox (run_id, sender, sender_seq, n, commit_id, tell, sent_at) VALUES ($1, $2, 1, 0, $1, '{}', now())",
    )
    .bind(root.id.0)
    .bind(part.id.0)
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(are_there().await, [true, true], "a message is on its way");
    sqlx::query("DELETE FROM run_inbox").execute(&pool).await.unwrap();
    assert_eq!(are_there().await, [false, false]);
    assert_eq!(loaded(&log, going.id).await, Loaded::Missing);
    wait(&pool).await;
    store.delete_runs(None).await.unwrap();
    for run in [root.id, part.id, going.id] {
        assert_eq!(left_of(&pool, run).await, 0);
    }
}
