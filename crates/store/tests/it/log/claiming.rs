//! What may be claimed, and by whom first.

use std::{collections::BTreeMap, time::Duration};

use runs::{Batch, Log as _, LostWorker, Outcome};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use store::log::{ENGINE_SETTINGS, Log, plans::STATEMENTS};
use uuid::Uuid;
use workflow::{Definition, RunId, StepKey, UserId, id::WorkerId, run::Command};

use super::world::{Known, commit, commit_all, commits, definition, log};
use crate::support::WORKER;

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_backlog_of_one_person_does_not_delay_another(pool: PgPool) {
    let log = log(&pool).await;
    let wide: serde_json::Map<String, Value> =
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
    let ready = log.claimable(WORKER, &kinds, None, &[], 8).await.unwrap();
    assert_eq!(ready.len(), 8);
    let mut first: Vec<u128> = ready.iter().take(4).map(|ready| ready.user.0.as_u128()).collect();
    first.sort_unstable();
    assert_eq!(first, [5, 10, 20, 30], "each owner's first comes before anybody's second");
    assert!(ready[4..].iter().all(|ready| ready.user.0.as_u128() == 10));
    // From any place of the walk everybody is there.
    let again = log.claimable(WORKER, &kinds, None, &[], 8).await.unwrap();
    assert_eq!(again.iter().filter(|ready| ready.user.0.as_u128() != 10).count(), 3);
    assert!(log.claimable(WORKER, &["llm".to_owned()], None, &[], 8).await.unwrap().is_empty());
    // Some agents alone, by their ids or their beginnings.
    for (agents, n) in [(vec!["echo"], 8), (vec!["other", "ec*"], 8), (vec!["ech", "e_ho", "echo-*"], 0)] {
        let agents: Vec<String> = agents.into_iter().map(str::to_owned).collect();
        assert_eq!(log.claimable(WORKER, &kinds, Some(&agents), &[], 8).await.unwrap().len(), n, "{agents:?}");
    }

    // What has started is not there any more.
    sqlx::query("DELETE FROM steps WHERE user_id <> $1").bind(Uuid::from_u128(5)).execute(&pool).await.unwrap();
    let ready = log.claimable(WORKER, &kinds, None, &[], 8).await.unwrap();
    let mut run = Known::new();
    run.id = ready[0].run;
    run.catch_up(&log).await;
    let now = run.now(&log).await;
    run.tell(&log, &[run.take(now, 1)]).await;
    assert!(log.claimable(WORKER, &kinds, None, &[], 8).await.unwrap().is_empty());
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
    assert_eq!(log.claimable(WORKER, &kinds, None, &[], 8).await.unwrap().len(), 1);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(log.claimable(other, &kinds, None, &[], 8).await.unwrap().len(), 1);
    log.close().await;
}

/// Places of a process that claims.
const PLACES: usize = 64;

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

/// All at once ready.
fn wide(n: usize) -> Definition {
    let steps = (0..n).map(|n| (format!("s{n}"), json!({"agent_id": "echo", "depends_on": []})));
    definition(&Value::Object(steps.collect()))
}

async fn begin(log: &Log, of: &Definition, owner: UserId, n: usize) {
    let mut left = n;
    while left > 0 {
        let now = log.clock().await.unwrap();
        let begun: Vec<Known> = (0..left.min(20)).map(|_| Known::new()).collect();
        let decided: Vec<_> = begun.iter().map(|run| run.decide(now, &[run.start(of, owner)]).unwrap()).collect();
        let outcomes = commit_all(log, &commits(log, decided.iter()).await).await;
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Written), "{outcomes:?}");
        left -= begun.len();
    }
}

/// What a process with so many places does that finds nothing handed on: it claims, and starts what it was told. Whose steps began.
async fn turn(log: &Log) -> Vec<UserId> {
    let ready = log.claimable(WORKER, &["template".to_owned()], None, &[], PLACES).await.unwrap();
    assert!(ready.len() <= PLACES);
    let owners = ready.iter().map(|ready| ready.user).collect();
    let mut of_run: BTreeMap<RunId, Vec<StepKey>> = BTreeMap::new();
    for ready in ready {
        of_run.entry(ready.run).or_default().push(ready.step);
    }
    for (id, steps) in of_run {
        let mut run = Known::new();
        run.id = id;
        run.catch_up(log).await;
        run.tell(log, &[Command::StartSteps { worker: WORKER, build: None, steps }]).await;
    }
    owners
}

/// Rows of the queue that one claim looks at.
async fn n_read_by_a_claim(pool: &PgPool, from: UserId) -> f64 {
    let mut connection = PgConnection::connect_with(&PgConnectOptions::clone(&pool.connect_options())).await.unwrap();
    for (name, value) in ENGINE_SETTINGS {
        let set = format!("SET {name} = {value}");
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut connection).await.unwrap();
    }
    let (_, sql, _) = STATEMENTS.into_iter().find(|(name, ..)| *name == "claimable").unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("PREPARE claim AS {sql}"))).execute(&mut connection).await.unwrap();
    let explain = format!(
        "EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE claim('{{template}}', '{from}', 64, {PLACES}, '{}', '{{}}', NULL)",
        WORKER.0
    );
    let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let (mut left, mut n_read) = (vec![&plan[0]["Plan"]], 0.0);
    while let Some(node) = left.pop() {
        left.extend(node["Plans"].as_array().into_iter().flatten());
        let number = |key: &str| node[key].as_f64().unwrap_or_default();
        if node["Relation Name"] == "steps" {
            n_read += (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops");
        }
    }
    n_read
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn one_step_beside_fifty_thousand_of_another_owner_begins_with_the_next_claim(pool: PgPool) {
    let log = log(&pool).await;
    begin(&log, &wide(100), user(10), 500).await;
    let single = wide(1);
    // Before and behind the owner of the backlog in the walk over all owners.
    for other in [5, 20].map(user) {
        for _ in 0..2 {
            assert_eq!(turn(&log).await, vec![user(10); PLACES]);
        }
        begin(&log, &single, other, 1).await;
        let owners = turn(&log).await;
        assert_eq!(owners.iter().filter(|owner| **owner == other).count(), 1, "it is in the very next claim");
        assert_eq!(owners.len(), PLACES, "and the backlog has all other places");
    }
    // A look at each owner, and as many of the queue as there are places for each.
    for from in [0, 10, 30].map(user) {
        let n_read = n_read_by_a_claim(&pool, from).await;
        assert!(n_read <= 80.0, "{n_read} rows of a queue of 50,000");
    }
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn many_owners_have_their_turns_whatever_one_of_them_has_queued(pool: PgPool) {
    let log = log(&pool).await;
    begin(&log, &wide(100), user(300), 5).await;
    // More than one call looks at: 64.
    for n in 0..150 {
        begin(&log, &wide(1), user(500 + 2 * n), 1).await;
    }
    let mut left: Vec<UserId> = (0..150).map(|n| user(500 + 2 * n)).collect();
    for n in 1.. {
        let owners = turn(&log).await;
        left.retain(|owner| !owners.contains(owner));
        if left.is_empty() {
            break;
        }
        assert!(n <= 150_usize.div_ceil(PLACES) + 1, "{} wait after {n} claims", left.len());
    }
    log.close().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn owners_of_whom_a_process_takes_nothing_hide_nobody_behind_them(pool: PgPool) {
    let log = log(&pool).await;
    // Owners of other agents' steps, and two with one that this process runs: the first is met by each walk from the beginning on.
    sqlx::query(
        "INSERT INTO steps (run_id, step, kind, agent, user_id, not_before)
        SELECT gen_random_uuid(), 's', 'template', CASE WHEN n IN (3, 900) THEN 'echo' ELSE 'other' END,
            lpad(to_hex(n), 32, '0')::uuid, now()
        FROM generate_series(1, 1000) n",
    )
    .execute(&pool)
    .await
    .unwrap();
    let (kinds, agents) = (["template".to_owned()], ["echo".to_owned()]);
    let mut n_met = 0;
    for look in 0..8 {
        let found = log.claimable(WORKER, &kinds, Some(&agents), &[], 8).await.unwrap();
        let owners: Vec<u128> = found.iter().map(|ready| ready.user.0.as_u128()).collect();
        assert!(owners.contains(&3) && owners.len() <= 2, "{owners:?} at look {look}, and nobody twice");
        n_met += usize::from(owners.contains(&900));
    }
    assert!(n_met >= 2, "the other one is met again and again: {n_met}");
    log.close().await;
}
