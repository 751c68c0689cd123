-- Second part, for runs that are there: those whose head is the one that was decided on get the new one.
--
-- Locked in the order of their ids, so no two batches wait in a circle, and one that somebody is committing is passed over, so that one
-- stalled commit does not hold the others up. The head is compared in the snapshot, and again in the row as it is once it is locked.
held AS MATERIALIZED (
    SELECT v.* FROM valid v JOIN run_heads h ON h.id = v.id
    WHERE h.head = v.expected AND h.quarantine IS NULL
    ORDER BY h.id
    FOR NO KEY UPDATE OF h SKIP LOCKED
),
won AS (
    UPDATE run_heads h SET
        head = v.head, seq = v.seq, template_version = v.template_version, template_name = v.template_name, status = v.status,
        status_reason = v.status_reason, auto_run = v.auto_run, finished_at = v.finished_at, due_at = v.due_at,
        wants_judgement = v.wants_judgement, n_steps = h.n_steps + v.more_steps, n_over = h.n_over + v.more_over,
        committed_at = clock_timestamp()
    FROM held v WHERE h.id = v.id AND h.head = v.expected
    RETURNING h.id
),
