-- Second part, for runs that are there: those whose head is the one that was decided on get the new one.
--
-- Locked in the order of their ids, so no two batches wait in a circle, and one that somebody is committing is passed over, so that one
-- stalled commit does not hold the others up. The head is compared in the snapshot, and again in the row as it is once it is locked.
held AS MATERIALIZED (
    SELECT v.* FROM (SELECT * FROM valid ORDER BY id) v
    CROSS JOIN LATERAL (
        SELECT FROM workflow_runs h WHERE h.id = v.id AND h.head = v.expected AND h.quarantine IS NULL
        FOR NO KEY UPDATE OF h SKIP LOCKED
    ) h
),
won AS (
    -- Each is there, and held: this is how a row is updated without a join. Counts are told as what became more or less, so a check that
    -- they are not negative would look at the wrong ones.
    INSERT INTO workflow_runs AS h (
        id, head, seq, user_id, template_id, template_version, template_name, status, status_reason, auto_run, is_test, parent_run,
        created_at, finished_at, due_at, wants_judgement, n_steps, n_completed, n_skipped, n_failed, n_cancelled, n_items, n_waiting,
        committed_at
    )
    SELECT
        v.id, v.head, v.seq, v.user_id, v.template_id, v.template_version, v.template_name, v.status, v.status_reason, v.auto_run,
        v.is_test, v.parent_run, v.created_at, v.finished_at, v.due_at, v.wants_judgement, v.n_steps, v.n_completed, v.n_skipped,
        v.n_failed, v.n_cancelled, v.n_items, v.n_waiting, clock_timestamp()
    FROM held v
    ON CONFLICT (id) DO UPDATE SET
        head = excluded.head, seq = excluded.seq, template_version = excluded.template_version,
        template_name = excluded.template_name, status = excluded.status, status_reason = excluded.status_reason,
        auto_run = excluded.auto_run, finished_at = excluded.finished_at, due_at = excluded.due_at,
        wants_judgement = excluded.wants_judgement, n_steps = h.n_steps + excluded.n_steps,
        n_completed = h.n_completed + excluded.n_completed, n_skipped = h.n_skipped + excluded.n_skipped,
        n_failed = h.n_failed + excluded.n_failed, n_cancelled = h.n_cancelled + excluded.n_cancelled,
        n_items = h.n_items + excluded.n_items, n_waiting = h.n_waiting + excluded.n_waiting, committed_at = excluded.committed_at
    RETURNING h.id
),
