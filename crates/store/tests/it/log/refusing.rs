//! A database that writes nothing for a while, and says so: its disk is full, it is short of memory, it starts, it takes no writes.
//! Nothing of a commit may be there, nobody may be told that its values are wrong, and the same commit is written once it can be.

use futures::future::join_all;
use runs::{Batch, CommitFailed, Loaded, Log as _, Outcome, RunCommit, Seen};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgConnectOptions, postgres::PgPoolOptions};
use store::{Error, Store, log::Log};
use uuid::Uuid;
use workflow::id::WorkerId;

use super::world::{Known, chain, check, commit, commits, loaded, log};

async fn run(pool: &PgPool, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
}

/// Every new event is refused, as Postgres does with this code.
async fn refuse(pool: &PgPool, code: &str) {
    let function = format!(
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}', MESSAGE = 'as the test says'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON run_events FOR EACH ROW EXECUTE FUNCTION refuse()"
    );
    run(pool, function).await;
}

async fn allow(pool: &PgPool) {
    run(pool, "DROP TRIGGER refuse ON run_events".into()).await;
}

async fn sent(log: &Log, commit: &RunCommit) -> Result<Outcome, CommitFailed> {
    let committed = log.commit(&Batch::new(vec![commit.clone()])).await?;
    Ok(committed.outcomes[0].clone())
}

async fn n_rows(pool: &PgPool, run: &Known) -> (i64, i64) {
    sqlx::query_as(
        "SELECT (SELECT count(*) FROM run_events WHERE run_id = $1), (SELECT count(*) FROM attempts WHERE run_id = $1)",
    )
    .bind(run.id.0)
    .fetch_one(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_a_full_or_starting_database_refuses_is_not_written_and_not_wrong_and_is_written_later(pool: PgPool) {
    let log = log(&pool).await;
    for code in ["53000", "53100", "53200", "53300", "57P03", "25006", "40001", "55P03", "57014"] {
        let mut run = Known::begun(&log, &chain(2)).await;
        let now = run.now(&log).await;
        let decided = run.decide(now, &[run.take(now, 1)]).unwrap();
        let before = n_rows(&pool, &run).await;
        refuse(&pool, code).await;
        // Sent again at once it is never locked by itself: then nobody could say that it is not written.
        for _ in 0..10 {
            assert_eq!(sent(&log, &decided.commit).await, Err(CommitFailed::Unavailable), "{code}");
        }
        // The way of those who lost too often is refused alike.
        let alone = decided.commit.clone();
        let seen = Seen { seq: run.state.seq, head: run.head.unwrap() };
        let ended = log.alone(run.id, seen, Box::new(move |_| Some(alone))).await;
        assert!(matches!(ended, Err(CommitFailed::Unavailable) | Ok(Some(Outcome::Locked))), "{code}: {ended:?}");
        assert_eq!(n_rows(&pool, &run).await, before, "{code}: nothing of it is there");
        allow(&pool).await;
        let again = RunCommit { decided_at: log.clock().await.unwrap(), ..decided.commit.clone() };
        assert_eq!(sent(&log, &again).await, Ok(Outcome::Written), "{code}");
        assert_eq!(sent(&log, &again).await, Ok(Outcome::Found), "{code}");
        run.won(decided);
        check(&log, run.id).await;
    }
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn sessions_that_take_no_writes_are_left_for_new_ones_which_may(pool: PgPool) {
    // The test's own sessions are older than the setting, which a session keeps as it began.
    let writes = log(&pool).await;
    let mut known = Known::begun(&writes, &chain(2)).await;
    let name: String = sqlx::query_scalar("SELECT quote_ident(current_database())").fetch_one(&pool).await.unwrap();
    run(&pool, format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;

    let options = PgConnectOptions::clone(&pool.connect_options());
    let reader =
        PgPoolOptions::new().max_connections(2).min_connections(2).connect_with(options.clone()).await.unwrap();
    let store = Store::from_pool(reader.clone());
    let log = Log::connect(options, 2, reader, None).await.unwrap();
    let now = known.now(&log).await;
    let decided = known.decide(now, &[known.take(now, 1)]).unwrap();
    for _ in 0..3 {
        assert_eq!(sent(&log, &decided.commit).await, Err(CommitFailed::Unavailable));
        assert!(matches!(store.ping().await, Err(Error::ReadOnly)));
    }
    assert!(Error::ReadOnly.is_unavailable());
    let worker = WorkerId(Uuid::now_v7());
    assert!(log.beat(worker).await.is_err());
    // Whoever only looks is served all the while.
    assert!(matches!(loaded(&log, known.id).await, Loaded::Run { .. }));

    run(&pool, format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await;
    let written = async {
        for _ in 0..4 {
            match sent(&log, &RunCommit { decided_at: log.clock().await.unwrap(), ..decided.commit.clone() }).await {
                Err(CommitFailed::Unavailable) => {}
                answer => return answer,
            }
        }
        panic!("every session still takes no writes");
    };
    assert_eq!(written.await, Ok(Outcome::Written));
    known.won(decided);
    let mut n_failed = 0;
    while log.beat(worker).await.is_err() || store.ping().await.is_err() {
        n_failed += 1;
        assert!(n_failed <= 2, "there are two sessions for that, and each is left");
    }
    let now = known.now(&log).await;
    let more = known.decide(now, &[known.finish(&known.held()[0], "x")]).unwrap();
    assert_eq!(commit(&log, &more.commit).await, Outcome::Written);
    check(&log, known.id).await;
    log.close().await;
    writes.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn when_all_sessions_were_ended_one_look_finds_it_out_and_commits_are_told_what_became_of_them(pool: PgPool) {
    let log = log(&pool).await;
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(Known::begun(&log, &chain(2)).await);
    }
    let looks = join_all(runs.iter().chain(&runs).map(|run| loaded(&log, run.id))).await;
    assert!(looks.iter().all(|look| matches!(look, Loaded::Run { .. })));
    let sessions =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'weft engine'";
    let n: i64 = sqlx::query_scalar(sessions).fetch_one(&pool).await.unwrap();
    assert!(n > 4, "{n} at hand");
    let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'weft engine'";
    sqlx::query(end).execute(&pool).await.unwrap();
    assert!(log.load(&[runs[0].id]).await.is_err());
    let now = log.clock().await.unwrap();
    let decided: Vec<_> = runs.iter().map(|run| run.decide(now, &[run.take(now, 1)]).unwrap()).collect();
    let decided = commits(&log, decided.iter()).await;
    let told = join_all(decided.iter().map(|commit| sent(&log, commit))).await;
    assert_eq!(told, vec![Ok(Outcome::Written); 4]);
    log.close().await;
}
