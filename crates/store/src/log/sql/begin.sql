-- Second part, for runs that begin. The batch is sorted by (user, idempotency key, id): who begins the same runs waits, but never in a
-- circle. A run that is there already, or another one under the same key, is left as it is. One that was deleted never begins again,
-- however late its first commit is sent once more.
won AS (
    INSERT INTO workflow_runs (
        id, head, seq, user_id, template_id, template_version, template_name, status, status_reason, auto_run, is_test, parent_run,
        created_at, finished_at, due_at, wants_judgement, about, n_steps, n_completed, n_skipped, n_failed, n_cancelled, n_items,
        n_waiting, committed_at, idempotency_key
    )
    SELECT
        v.id, v.head, v.seq, v.user_id, v.template_id, v.template_version, v.template_name, v.status, v.status_reason, v.auto_run,
        v.is_test, v.parent_run, v.created_at, v.finished_at, v.due_at, v.wants_judgement, v.about, v.n_steps, v.n_completed,
        v.n_skipped, v.n_failed, v.n_cancelled, v.n_items, v.n_waiting, clock_timestamp(), v.idempotency_key
    FROM valid v
    WHERE (SELECT d.run_id FROM deleted_runs d WHERE d.run_id = v.id LIMIT 1) IS NULL
    ON CONFLICT DO NOTHING
    RETURNING id
),
