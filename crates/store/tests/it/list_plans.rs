//! What a page of a list costs does not depend on what others have, nor on what lies before it: each reads about what stands on it,
//! whichever plan the database keeps for it.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use store::{
    MIGRATOR, inbox,
    runs::{LIST_STATEMENTS, listed},
};

/// As the service asks for a page of 50.
const LIMIT: u32 = 51;
/// Rows that a page may read beside those that stand on it: their owners, and the gates that ask for somebody.
const MOST_READ: f64 = 400.0;

fn person(n: u32) -> String {
    format!("00000000-0000-0000-0000-{n:012}")
}

/// A history: 20,000 runs of 200 people, one run in five person 1's and all of those old, 8,000 sub-workflows of person 2's newest run,
/// and 4,000 open gates of persons 100 to 199, thirty of which ask person 7, and thirty others a group that they are in. That group sees
/// all runs of a workflow, which are one run in ten. Each run has had a gate that was closed, one in five of them by person 7. One run in
/// four is shared with one of persons 8 to 107, 120 with person 7, and 120 others with that group.
/// Person 201 decides in the place of person 7, and of person 150, an owner.
async fn fill(pool: &PgPool) {
    for sql in [
        "INSERT INTO users (id, email, role, password_hash)
        SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'u' || n || '@example.com', 'user', '$argon2id$x'
        FROM generate_series(1, 201) n",
        "INSERT INTO workflow_runs (id, head, seq, user_id, template_id, template_version, template_name, status, auto_run, is_test,
            parent_run, created_at, finished_at, wants_judgement, n_steps, n_completed, n_skipped, n_failed, n_cancelled, n_items,
            n_waiting, committed_at)
        SELECT gen_random_uuid(), gen_random_uuid(), 9,
            ('00000000-0000-0000-0000-' || lpad((CASE
                WHEN n > 20000 THEN 2 WHEN n <= 10000 AND n % 5 < 2 THEN 1 ELSE 3 + n % 197 END)::text, 12, '0'))::uuid,
            CASE WHEN n % 10 = 0 THEN '00000000-0000-0000-0000-000000000900'::uuid ELSE gen_random_uuid() END, 1, 'T', 'completed', true, false, CASE WHEN n > 20000 THEN gen_random_uuid() END,
            now() - (30000 - n) * interval '1 minute', now(), false, 10, 10, 0, 0, 0, 0, 0, now()
        FROM generate_series(1, 28000) n",
        "UPDATE workflow_runs SET n_waiting = 1 WHERE id IN (
            SELECT id FROM workflow_runs WHERE user_id > '00000000-0000-0000-0000-000000000100' LIMIT 4000)",
        "INSERT INTO reviews (run_id, step, generation, number, user_id, opened_at, quorum, allow_self, roles, users, votes, voted_at, voted_for, title, round,
            max_rounds, on_timeout, is_form)
        SELECT id, 's', 1, 1, user_id, created_at, 1, true,
            CASE WHEN row_number() OVER (ORDER BY created_at DESC) BETWEEN 31 AND 60 THEN ARRAY['group:legal'] ELSE '{}' END,
            CASE WHEN row_number() OVER (ORDER BY created_at DESC) <= 30 THEN ARRAY['u7@example.com'] ELSE '{}' END, '{}', '{}', '{}', 'T', 0, 3,
            'fail', false
        FROM workflow_runs WHERE n_waiting > 0",
        "INSERT INTO review_ends (run_id, step, generation, number, template_id, user_id, title, opened_at, closed_at, verdict, closed_by,
            votes)
        SELECT id, 's', 1, 1, template_id, user_id, 'T', created_at, created_at, 'approved',
            CASE WHEN row_number() OVER (ORDER BY created_at) % 5 = 0 THEN '00000000-0000-0000-0000-000000000007'::uuid ELSE user_id END, '{}'
        FROM workflow_runs",
        "INSERT INTO review_deciders (run_id, step, generation, number, user_id, closed_at)
        SELECT run_id, step, generation, number, closed_by, closed_at FROM review_ends",
        "INSERT INTO groups (id, name) VALUES ('legal', 'Legal')",
        "INSERT INTO group_members (group_id, user_id) VALUES ('legal', '00000000-0000-0000-0000-000000000007')",
        "INSERT INTO workflow_templates (id, name, description, definition, n_steps, created_by)
        VALUES ('00000000-0000-0000-0000-000000000900', 'T', '', '{}', 0, '00000000-0000-0000-0000-000000000001')",
        "INSERT INTO workflow_audience (template_id, group_id, may_start, may_see)
        VALUES ('00000000-0000-0000-0000-000000000900', 'legal', false, true)",
        "INSERT INTO run_shares (id, run_id, user_id, group_id, shared_by)
        SELECT gen_random_uuid(), r.id,
            CASE WHEN r.n % 166 = 0 THEN '00000000-0000-0000-0000-000000000007'::uuid WHEN r.n % 166 = 1 THEN NULL
            ELSE ('00000000-0000-0000-0000-' || lpad((8 + r.n % 100)::text, 12, '0'))::uuid END,
            CASE WHEN r.n % 166 = 1 THEN 'legal' END, r.user_id
        FROM (SELECT id, user_id, row_number() OVER (ORDER BY created_at) AS n FROM workflow_runs WHERE parent_run IS NULL) r
        WHERE r.n % 4 = 0 OR r.n % 166 < 2",
        "INSERT INTO delegations (id, principal_id, delegate_id, from_day, to_day, zone, starts_at, ends_at)
        SELECT gen_random_uuid(), ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid,
            '00000000-0000-0000-0000-000000000201', current_date, current_date + 7, 'UTC', now(), now() + interval '7 days'
        FROM unnest(ARRAY[7, 150]) n",
        "VACUUM ANALYZE",
    ] {
        sqlx::query(sql).execute(pool).await.unwrap();
    }
}

fn visit<'a>(plan: &'a Value, found: &mut Vec<&'a Value>) {
    found.push(plan);
    plan["Plans"].as_array().into_iter().flatten().for_each(|child| visit(child, found));
}

const TABLES: [&str; 4] = ["workflow_runs", "reviews", "review_ends", "review_deciders"];

/// Rows of runs and gates that were looked at.
fn n_read(plan: &Value) -> f64 {
    let mut nodes = Vec::new();
    visit(plan, &mut nodes);
    let of_node = |node: &&Value| {
        let number = |key: &str| node[key].as_f64().unwrap_or_default();
        (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops")
    };
    nodes
        .iter()
        .filter(|node| node["Relation Name"].as_str().is_some_and(|table| TABLES.contains(&table)))
        .map(of_node)
        .sum()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_page_reads_what_stands_on_it_whatever_others_have_and_wherever_it_begins(pool: PgPool) {
    fill(&pool).await;
    let mut connection = PgConnection::connect_with(&PgConnectOptions::clone(&pool.connect_options())).await.unwrap();
    let middle = "now() - interval '14 days'";
    for mode in ["force_generic_plan", "force_custom_plan"] {
        let set = format!("SET plan_cache_mode = {mode}");
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut connection).await.unwrap();
        // Those of the inbox, and of the list that is narrowed, are planned for what is asked of them, each time.
        let each = inbox::STATEMENTS.into_iter().chain(listed::STATEMENTS).filter(|_| mode == "force_custom_plan");
        for (name, sql, takes) in LIST_STATEMENTS.into_iter().chain(each) {
            let prepare = format!("PREPARE list AS {sql}");
            sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut connection).await.unwrap();
            for (viewer, from) in [1, 2, 7, 201].into_iter().flat_map(|viewer| [(viewer, "NULL"), (viewer, middle)]) {
                let given = |word: &str| match word {
                    "user" => format!("'{}'", person(viewer)),
                    "time" => from.to_owned(),
                    "limit" => LIMIT.to_string(),
                    "role" => "'user'".to_owned(),
                    "admin" => "'admin'".to_owned(),
                    "email" => format!("'u{viewer}@example.com'"),
                    "words" => "'{}'".to_owned(),
                    "none" => "NULL".to_owned(),
                    "no" => "false".to_owned(),
                    "id" | "step" | "number" if from == "NULL" => from.to_owned(),
                    "id" => format!("'{}'", person(0)),
                    "step" => "'s'".to_owned(),
                    "number" => "1".to_owned(),
                    other => panic!("{other}"),
                };
                let values: Vec<String> = takes.split(", ").map(given).collect();
                let explain = format!("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE list({})", values.join(", "));
                let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_one(&mut connection).await.unwrap();
                let n_read = n_read(&plan[0]["Plan"]);
                if viewer == 7
                    && matches!(
                        name,
                        "shared"
                            | "what is shared with me"
                            | "waiting"
                            | "asking"
                            | "my gates"
                            | "how many are mine"
                            | "what I decided"
                    )
                    || viewer == 201 && matches!(name, "waiting" | "asking" | "my gates" | "how many are mine")
                {
                    assert!(n_read >= 50.0, "{name} from {from} has something to read: {plan:#}");
                }
                assert!(
                    n_read <= MOST_READ,
                    "{name} of person {viewer} from {from}, {mode}: {n_read} rows in {plan:#}"
                );
            }
            sqlx::raw_sql("DEALLOCATE list").execute(&mut connection).await.unwrap();
        }
    }
    connection.close().await.unwrap();
}

/// With a word that all of them have, and with two of which their workflow's name has one and nothing the other; without labels, so that
/// the database knows nothing of these. The runs are not new: what is said of them was read. What an index alone tells of a run may be
/// asked of it for each: of one's own runs among those of all, that is what costs least.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_sorts_all_that_is_found_looks_nothing_up_run_by_run(pool: PgPool) {
    fill(&pool).await;
    for sql in [
        "INSERT INTO run_texts (run_id, as_of, words, cost_micros, tokens, rested_ms, is_stale)
        SELECT id, now(), array_to_tsvector(ARRAY['weekly']), row_number() OVER (), 0, 0, false FROM workflow_runs WHERE parent_run IS NULL",
        "UPDATE workflow_runs SET committed_at = now() - interval '2 hours'",
        "VACUUM ANALYZE",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    let mut connection = PgConnection::connect_with(&PgConnectOptions::clone(&pool.connect_options())).await.unwrap();
    sqlx::raw_sql("SET plan_cache_mode = force_custom_plan").execute(&mut connection).await.unwrap();
    for (name, sql) in listed::SORTS {
        sqlx::raw_sql(AssertSqlSafe(format!("PREPARE list AS {sql}"))).execute(&mut connection).await.unwrap();
        for (patterns, all, each) in [("%weekly%", "weekly", "weekly"), ("%t%,%rare%", "t:* & rare:*", "t:*,rare:*")] {
            let explain = format!(
                "EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE list('{}', '{{{patterns}}}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, {LIMIT},
                    NULL, NULL, '{all}', false, NULL, false, '{{{each}}}', NULL, NULL)",
                person(1)
            );
            let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_one(&mut connection).await.unwrap();
            let mut nodes = Vec::new();
            visit(&plan[0]["Plan"], &mut nodes);
            let is_read = |node: &&&Value| node["Node Type"] != "Index Only Scan";
            let n_times = nodes.iter().filter(is_read).filter_map(|node| node["Actual Loops"].as_f64());
            let most = n_times.fold(0.0, f64::max);
            assert!(most <= f64::from(LIMIT), "{name}, {all}: something was done {most} times in {plan:#}");
        }
        sqlx::raw_sql("DEALLOCATE list").execute(&mut connection).await.unwrap();
    }
    // Of a search that finds few, these alone are looked at, however many runs there are.
    let few: String = sqlx::query_scalar(
        "SELECT array_agg(id)::text FROM (SELECT id FROM workflow_runs WHERE parent_run IS NULL LIMIT 20) r",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    let everybodys = listed::STATEMENTS.into_iter().filter(|(name, ..)| name.ends_with("of all"));
    for (name, sql, _) in everybodys {
        sqlx::raw_sql(AssertSqlSafe(format!("PREPARE list AS {sql}"))).execute(&mut connection).await.unwrap();
        let explain = format!(
            "EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE list('{}', '{{%rare%}}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, {LIMIT},
                NULL, NULL, 'rare:*', false, NULL, false, '{{rare:*}}', '{few}')",
            person(1)
        );
        let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_one(&mut connection).await.unwrap();
        let n_read = n_read(&plan[0]["Plan"]);
        assert!((1.0..=MOST_READ).contains(&n_read), "{name}: {n_read} rows in {plan:#}");
        sqlx::raw_sql("DEALLOCATE list").execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}
