-- How far a run is, as `workflow::Progress` counts it: its steps by how they ended, where items count with their map step.
-- Kept beside the other counters, so that a list of runs never counts steps.

ALTER TABLE workflow_runs
    -- Those of n_steps that are items of a map step.
    ADD COLUMN n_items         int NOT NULL DEFAULT 0 CHECK (n_items BETWEEN 0 AND n_steps),
    ADD COLUMN completed_steps int NOT NULL DEFAULT 0 CHECK (completed_steps >= 0),
    ADD COLUMN skipped_steps   int NOT NULL DEFAULT 0 CHECK (skipped_steps >= 0),
    ADD COLUMN failed_steps    int NOT NULL DEFAULT 0 CHECK (failed_steps >= 0),
    ADD COLUMN cancelled_steps int NOT NULL DEFAULT 0 CHECK (cancelled_steps >= 0);

UPDATE workflow_runs r SET n_items = c.items, completed_steps = c.completed, skipped_steps = c.skipped,
    failed_steps = c.failed, cancelled_steps = c.cancelled
FROM (
    SELECT run_id, count(*) FILTER (WHERE parent_id IS NOT NULL) AS items,
        count(*) FILTER (WHERE parent_id IS NULL AND status = 'completed') AS completed,
        count(*) FILTER (WHERE parent_id IS NULL AND status = 'skipped') AS skipped,
        count(*) FILTER (WHERE parent_id IS NULL AND status = 'failed') AS failed,
        count(*) FILTER (WHERE parent_id IS NULL AND status = 'cancelled') AS cancelled
    FROM steps WHERE NOT superseded GROUP BY run_id
) c WHERE c.run_id = r.id;

-- As before, and these counters too. Replaced in place, since it only adds: who calls it need not know.
-- Adds what moved to the run's counters, derives its status, and allocates event numbers (one for each element of p_event_runs).
-- A step that was `new` counts as a further step; of two entries for one step the first tells what it was.
-- The caller holds the run locks. The only writer of counters and event_seq, and of every status but `cancelled`, which it keeps.
CREATE OR REPLACE FUNCTION settle_v2(p_moved step_was[], p_event_runs uuid[])
RETURNS TABLE (run_id uuid, seq_before bigint, run jsonb)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
    WITH changed AS (
        SELECT DISTINCT ON (m.step_id) m.step_id, m.was FROM unnest(p_moved) WITH ORDINALITY m(step_id, was, ord)
        ORDER BY m.step_id, m.ord
    ),
    state AS (
        SELECT s.run_id, c.was, step_state_v2(s) AS now, s.parent_id IS NOT NULL AS is_item FROM changed c JOIN steps s ON s.id = c.step_id
    ),
    moved AS (
        SELECT c.run_id,
            sum((c.now IN ('ready', 'running', 'deciding'))::int - (c.was IN ('ready', 'running', 'deciding'))::int)::int AS active,
            sum((c.now = 'awaiting_review')::int - (c.was = 'awaiting_review')::int)::int AS review,
            sum((c.now = 'failed')::int - (c.was = 'failed')::int)::int AS failed,
            sum((c.now IN ('completed', 'failed', 'failed_ok', 'skipped', 'cancelled'))::int
                - (c.was IN ('completed', 'failed', 'failed_ok', 'skipped', 'cancelled'))::int)::int AS done,
            sum((c.now <> 'superseded')::int - (c.was NOT IN ('superseded', 'new'))::int)::int AS steps,
            coalesce(sum((c.now <> 'superseded')::int - (c.was NOT IN ('superseded', 'new'))::int) FILTER (WHERE c.is_item), 0)::int AS items,
            coalesce(sum((c.now = 'completed')::int - (c.was = 'completed')::int) FILTER (WHERE NOT c.is_item), 0)::int AS completed,
            coalesce(sum((c.now = 'skipped')::int - (c.was = 'skipped')::int) FILTER (WHERE NOT c.is_item), 0)::int AS skipped,
            coalesce(sum((c.now IN ('failed', 'failed_ok'))::int - (c.was IN ('failed', 'failed_ok'))::int)
                FILTER (WHERE NOT c.is_item), 0)::int AS broken,
            coalesce(sum((c.now = 'cancelled')::int - (c.was = 'cancelled')::int) FILTER (WHERE NOT c.is_item), 0)::int AS cancelled,
            0 AS events
        FROM state c GROUP BY c.run_id
        UNION ALL
        SELECT e.id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, count(*)::int FROM unnest(p_event_runs) e(id) GROUP BY e.id
    ),
    delta AS (
        SELECT m.run_id, sum(m.active)::int AS active, sum(m.review)::int AS review, sum(m.failed)::int AS failed,
            sum(m.done)::int AS done, sum(m.steps)::int AS steps, sum(m.items)::int AS items,
            sum(m.completed)::int AS completed, sum(m.skipped)::int AS skipped, sum(m.broken)::int AS broken,
            sum(m.cancelled)::int AS cancelled, sum(m.events)::int AS events
        FROM moved m GROUP BY m.run_id
    ),
    derived AS (
        SELECT d.*, r.event_seq AS seq_before, r.status AS was, r.finished_at AS was_finished_at,
            run_status_v2(r.status = 'cancelled', r.held, r.n_active + d.active, r.n_review + d.review, r.n_failed + d.failed) AS status
        FROM delta d JOIN workflow_runs r ON r.id = d.run_id
    ),
    settled AS (
        UPDATE workflow_runs r SET
            n_active = r.n_active + d.active,
            n_review = r.n_review + d.review,
            n_failed = r.n_failed + d.failed,
            n_done = r.n_done + d.done,
            n_steps = r.n_steps + d.steps,
            n_items = r.n_items + d.items,
            completed_steps = r.completed_steps + d.completed,
            skipped_steps = r.skipped_steps + d.skipped,
            failed_steps = r.failed_steps + d.broken,
            cancelled_steps = r.cancelled_steps + d.cancelled,
            event_seq = r.event_seq + d.events,
            status = d.status,
            status_reason = CASE WHEN d.status = 'paused' THEN coalesce(r.held, 'review') END,
            finished_at = CASE
                WHEN d.status NOT IN ('completed', 'failed', 'cancelled') THEN NULL
                ELSE coalesce(d.was_finished_at, clock_timestamp())
            END,
            -- A run that was over and goes on has its time again.
            deadline_at = CASE
                WHEN d.was_finished_at IS NOT NULL AND d.status NOT IN ('completed', 'failed', 'cancelled')
                THEN clock_timestamp() + (r.run_definition #>> '{limits,timeout_s}')::int * interval '1 second'
                ELSE r.deadline_at
            END
        FROM derived d WHERE r.id = d.run_id
        RETURNING r.id, d.seq_before, jsonb_build_object('status', r.status, 'status_reason', r.status_reason,
                'auto_run', r.auto_run, 'finished_at', r.finished_at)
                || CASE WHEN r.deadline_at IS NULL THEN '{}' ELSE jsonb_build_object('deadline_at', r.deadline_at) END
                || CASE WHEN budget_json_v2(r) IS NULL THEN '{}' ELSE jsonb_build_object('budget', budget_json_v2(r)) END AS run,
            CASE WHEN r.finished_at IS NOT NULL AND d.was_finished_at IS NULL THEN r.parent_step END AS parent_step
    ),
    -- The step that waits for this run learns of its end. No lock on it: its run may be locked by somebody who wants this one.
    told AS (
        INSERT INTO decisions (step_id) SELECT s.parent_step FROM settled s WHERE s.parent_step IS NOT NULL
    )
    SELECT s.id, s.seq_before, s.run FROM settled s;
END
$$;
