//! The totals of days: counted twice, late, anew and after a deletion they are what the runs are, and nobody is told of others'.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use store::{MIGRATOR, runs::totals::STATEMENTS};
use workflow::{
    RunId,
    access::{Actor, Role},
    api::{RerunMode, RunScope, RunTotals, TotalsQuery},
    run::{Command, command::Changes},
};

use crate::support::{World, person};

const TABLES: [&str; 5] = ["run_counts", "run_usages", "run_days", "run_day_times", "run_day_usages"];

/// Everything that was counted, as text.
async fn counted(pool: &PgPool) -> Vec<String> {
    let mut all = Vec::new();
    for table in TABLES {
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(format!("SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1")))
                .fetch_all(pool)
                .await
                .unwrap();
        all.extend(rows);
    }
    all
}

/// Moves a run to a day and says how long it took, as if it had been so.
async fn on_day(pool: &PgPool, run: RunId, days_ago: i32, seconds: i32) {
    for sql in [
        "UPDATE workflow_runs SET
            created_at = ((now() AT TIME ZONE 'UTC')::date - $2)::timestamp AT TIME ZONE 'UTC',
            finished_at = CASE WHEN finished_at IS NOT NULL
                THEN ((now() AT TIME ZONE 'UTC')::date - $2)::timestamp AT TIME ZONE 'UTC' + $3 * interval '1 second' END
        WHERE id = $1",
        "UPDATE attempts SET started_at = ((now() AT TIME ZONE 'UTC')::date - $2)::timestamp AT TIME ZONE 'UTC',
            model = 'small', prompt_tokens = $3, completion_tokens = 1, cost_micros = 7
        WHERE run_id = $1",
    ] {
        sqlx::query(sql).bind(run.0).bind(days_ago).bind(seconds).execute(pool).await.unwrap();
    }
}

/// A gate that was open so many seconds after the run began.
async fn gate(pool: &PgPool, run: RunId, step: &str, from: i32, to: i32) {
    sqlx::query(
        "INSERT INTO review_ends (run_id, step, generation, number, template_id, user_id, title, opened_at, closed_at, verdict, votes)
        SELECT id, $2, 1, 1, template_id, user_id, 'T', created_at + $3 * interval '1 second',
            created_at + $4 * interval '1 second', 'approved', '{}'
        FROM workflow_runs WHERE id = $1",
    )
    .bind(run.0)
    .bind(step)
    .bind(from)
    .bind(to)
    .execute(pool)
    .await
    .unwrap();
}

/// As if every run had been committed since it was counted.
async fn count_again(world: &World, pool: &PgPool) {
    sqlx::query("UPDATE run_counts SET as_of = '-infinity'").execute(pool).await.unwrap();
    world.store.count_runs().await.unwrap();
}

async fn told(world: &World, viewer: &Actor, query: TotalsQuery) -> RunTotals {
    world.store.run_totals(viewer, &query, None).await.unwrap()
}

fn one_step() -> Value {
    json!({"steps": {"a": {"agent_id": "echo"}}})
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn days_are_what_the_runs_are_however_often_and_late_they_are_counted(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        let run = world.begin(&one_step(), true).await;
        world.process.settle(run).await;
        runs.push(run);
    }
    let cancelled = world.begin(&one_step(), true).await;
    world.process.verb(cancelled, &world.ada, Command::Cancel).await.unwrap();
    for (run, days_ago, seconds) in [(runs[0], 0, 100), (runs[1], 3, 1_000), (runs[2], 500, 10), (cancelled, 3, 1)] {
        on_day(&pool, run, days_ago, seconds).await;
    }
    // Half of the second run was waiting for somebody: two gates, open side by side for a while.
    for (step, from, to) in [("a", 100, 400), ("b", 300, 600)] {
        gate(&pool, runs[1], step, from, to).await;
    }
    assert!(!world.store.count_runs().await.unwrap(), "these are all");
    let first = counted(&pool).await;
    let totals = told(&world, &world.ada, TotalsQuery::default()).await;
    assert_eq!((totals.days.len(), totals.days.last().map(|day| day.day)), (30, Some(totals.to)));
    assert_eq!(totals.first, Some(totals.days[26].day), "what is older than is kept is not counted");
    let (today, before) = (&totals.days[29], &totals.days[26]);
    assert_eq!((today.n_runs, today.n_completed, today.n_open()), (1, 1, 0));
    assert_eq!((before.n_runs, before.n_completed, before.n_cancelled), (2, 1, 1));
    assert_eq!((today.tokens, today.cost_micros, before.tokens), (101, 7, 1_001));
    let (took, waited) = (before.took.unwrap(), before.waited.unwrap());
    assert!((475..=525).contains(&(took.p50_ms / 1_000)), "500 s of work: {took:?}");
    assert!((475..=525).contains(&(waited.p95_ms / 1_000)), "and 500 s of waiting, not 600: {waited:?}");
    assert_eq!((today.waited, totals.took.map(|took| took.n)), (None, Some(2)));
    assert_eq!(
        totals.models.iter().map(|model| (model.name.as_str(), model.tokens)).collect::<Vec<_>>(),
        [("small", 1_102)]
    );

    // Once more, from nothing, and after everything was forgotten.
    assert!(!world.store.count_runs().await.unwrap());
    assert_eq!(counted(&pool).await, first);
    count_again(&world, &pool).await;
    assert_eq!(counted(&pool).await, first);
    for table in TABLES {
        sqlx::query(AssertSqlSafe(format!("TRUNCATE {table}"))).execute(&pool).await.unwrap();
    }
    world.store.count_runs().await.unwrap();
    assert_eq!(counted(&pool).await, first);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_that_goes_on_again_or_is_gone_changes_its_day(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let (again, gone) = (world.begin(&one_step(), true).await, world.begin(&one_step(), true).await);
    for (run, days_ago) in [(again, 3), (gone, 0)] {
        world.process.settle(run).await;
        on_day(&pool, run, days_ago, 60).await;
    }
    world.store.count_runs().await.unwrap();
    let days = told(&world, &world.ada, TotalsQuery::default()).await.days;
    assert_eq!((days[26].n_completed, days[29].n_completed, days[29].tokens), (1, 1, 61));

    // Its day is long past.
    let rerun = Command::Rerun {
        step: "a".into(),
        mode: RerunMode::StepOnly,
        changes: Changes::default(),
        expect_generation: None,
    };
    world.process.verb(again, &world.ada, rerun).await.unwrap();
    // It is quiet for a moment.
    sqlx::query("UPDATE workflow_runs SET committed_at = now() - interval '6 seconds'").execute(&pool).await.unwrap();
    count_again(&world, &pool).await;
    let day = told(&world, &world.ada, TotalsQuery::default()).await.days.swap_remove(26);
    assert_eq!((day.n_runs, day.n_completed, day.n_open(), day.took), (1, 0, 1, None));

    // With all that it used.
    sqlx::query("DELETE FROM workflow_runs WHERE id = $1").bind(gone.0).execute(&pool).await.unwrap();
    world.store.count_runs().await.unwrap();
    let day = told(&world, &world.ada, TotalsQuery::default()).await.days.pop().unwrap();
    assert_eq!((day.n_runs, day.tokens, day.cost_micros), (0, 0, 0));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn totals_are_of_what_one_may_see(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let run = world.begin(&one_step(), true).await;
    world.process.settle(run).await;
    sqlx::query("UPDATE attempts SET prompt_tokens = 5").execute(&pool).await.unwrap();
    world.store.count_runs().await.unwrap();
    let ben = person(&pool, "ben@example.com", Role::User).await;
    let admin = person(&pool, "eve@example.com", Role::Admin).await;
    let n = |totals: RunTotals| {
        let tokens: i64 = totals.days.iter().map(|day| day.tokens).sum();
        (totals.days.iter().map(|day| day.n_runs).sum::<i64>(), tokens, totals.choices.len(), totals.people.len())
    };
    let of = |scope| TotalsQuery { scope: Some(scope), days: Some(7), ..TotalsQuery::default() };
    assert_eq!(n(told(&world, &world.ada, of(RunScope::Mine)).await), (1, 5, 1, 0));
    for scope in [RunScope::Mine, RunScope::Shared, RunScope::All] {
        assert_eq!(n(told(&world, &ben, of(scope)).await), (0, 0, 0, 0), "{scope:?}");
    }
    assert_eq!(n(told(&world, &admin, of(RunScope::All)).await), (1, 5, 1, 1));
    let of_ben = world.store.run_totals(&admin, &of(RunScope::All), Some(ben.id)).await.unwrap();
    assert_eq!(n(of_ben), (0, 0, 0, 0));

    for sql in [
        "INSERT INTO groups (id, name) VALUES ('legal', 'Legal')",
        "INSERT INTO group_members (group_id, user_id) SELECT 'legal', id FROM users WHERE email = 'ben@example.com'",
        "INSERT INTO workflow_templates (id, name, description, definition, n_steps, created_by)
        SELECT template_id, 'T', '', '{}', 0, user_id FROM workflow_runs",
        "INSERT INTO workflow_audience (template_id, group_id, may_start, may_see)
        SELECT template_id, 'legal', false, true FROM workflow_runs",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    assert_eq!(n(told(&world, &ben, of(RunScope::Shared)).await), (1, 5, 1, 0));
    assert_eq!(n(told(&world, &ben, of(RunScope::Mine)).await), (0, 0, 0, 0));
    // What another run made of the workflow is of that run.
    sqlx::query("UPDATE workflow_runs SET parent_run = gen_random_uuid()").execute(&pool).await.unwrap();
    count_again(&world, &pool).await;
    assert_eq!(n(told(&world, &ben, of(RunScope::Shared)).await), (0, 0, 0, 0));
    assert_eq!(
        n(told(&world, &world.ada, of(RunScope::Mine)).await),
        (0, 5, 0, 0),
        "what it used is told to its owner"
    );
}

/// Rows that a statement looked at, and whether any was of a run or an attempt.
fn visit(plan: &Value, n_read: &mut f64) {
    let number = |key: &str| plan[key].as_f64().unwrap_or_default();
    if let Some(table) = plan["Relation Name"].as_str() {
        assert!(!["workflow_runs", "attempts", "run_counts", "run_usages"].contains(&table), "{plan:#}");
        *n_read += (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops");
    }
    plan["Plans"].as_array().into_iter().flatten().for_each(|child| visit(child, n_read));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_chart_reads_days_and_neither_runs_nor_what_others_have(pool: PgPool) {
    // 200 people, each with ten workflows on each of 20 days, and everybody together.
    for sql in [
        "INSERT INTO run_days (day, user_id, template_id, n_runs, n_completed, n_failed, n_cancelled)
        SELECT current_date - d, lpad(p::text, 32, '0')::uuid, lpad(t::text, 32, '0')::uuid, 9, 9, 0, 0
        FROM generate_series(0, 19) d, generate_series(0, 200) p, generate_series(1, 10) t",
        "INSERT INTO run_day_times (day, user_id, template_id, is_waiting, bucket, n)
        SELECT day, user_id, template_id, false, 100, 9 FROM run_days",
        "INSERT INTO run_day_usages (day, user_id, template_id, is_part, agent_id, model, n_attempts, tokens, cost_micros)
        SELECT day, user_id, template_id, false, 'echo', 'small', 9, 9, 9 FROM run_days",
        "VACUUM ANALYZE",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    let mut connection = PgConnection::connect_with(&PgConnectOptions::clone(&pool.connect_options())).await.unwrap();
    sqlx::raw_sql("SET plan_cache_mode = force_custom_plan; SET jit = off").execute(&mut connection).await.unwrap();
    for (name, sql, n_values) in STATEMENTS {
        let prepare = format!("PREPARE chart AS {sql}");
        sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut connection).await.unwrap();
        let values =
            ["'00000000-0000-0000-0000-000000000007'", "current_date - 6", "current_date", "NULL", "NULL", "12"];
        let explain = format!("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE chart({})", values[..n_values].join(", "));
        let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_one(&mut connection).await.unwrap();
        let mut n_read = 0.0;
        visit(&plan[0]["Plan"], &mut n_read);
        // Mine and everybody's are 10 rows a day of one owner; by person, all of these days.
        let most = if name.starts_with("everybody by") || name.starts_with("of my groups") { 42_000.0 } else { 450.0 };
        assert!(n_read <= most, "{name}: {n_read} rows in {plan:#}");
        sqlx::raw_sql("DEALLOCATE chart").execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_run_rested_before_it_was_run_again_is_no_part_of_what_it_took(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    // As many as an estimate needs.
    for _ in 0..5 {
        let run = world.begin(&one_step(), true).await;
        world.process.settle(run).await;
        on_day(&pool, run, 0, 1_000).await;
    }
    // As if each had been run again a quarter of an hour after its end.
    let rested = "UPDATE run_events SET event = jsonb_set(event::jsonb, '{data,run,rested_ms}', '900000')::json
        WHERE (event #> '{data,run}') IS NOT NULL";
    sqlx::query(rested).execute(&pool).await.unwrap();
    world.store.count_runs().await.unwrap();
    let took = told(&world, &world.ada, TotalsQuery::default()).await.took.unwrap();
    assert!((95..=105).contains(&(took.p50_ms / 1_000)), "100 s of work: {took:?}");
    let template: uuid::Uuid =
        sqlx::query_scalar("SELECT template_id FROM workflow_runs LIMIT 1").fetch_one(&pool).await.unwrap();
    let estimate = world.store.run_estimate(workflow::TemplateId(template)).await.unwrap().unwrap();
    assert_eq!((estimate.n_runs, estimate.median_ms, estimate.p90_ms), (5, 100_000, 100_000));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_counted_meanwhile_is_in_all_of_the_charts_or_in_none(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let run = world.begin(&one_step(), true).await;
    world.process.settle(run).await;
    world.store.count_runs().await.unwrap();
    // As whoever counts: all of a day in one commit.
    let count = async {
        for n in 1_i64..=200 {
            let mut tx = pool.begin().await.unwrap();
            for sql in ["UPDATE run_days SET n_runs = $1", "UPDATE run_day_usages SET tokens = $1"] {
                sqlx::query(sql).bind(n).execute(&mut *tx).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
    };
    sqlx::query("UPDATE run_day_usages SET tokens = 1").execute(&pool).await.unwrap();
    let look = async {
        for _ in 0..100 {
            let day = told(&world, &world.ada, TotalsQuery::default()).await.days.pop().unwrap();
            assert_eq!(day.n_runs, day.tokens);
        }
    };
    tokio::join!(count, look);
}
