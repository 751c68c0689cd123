-- Last part: who won, and of the others, as the snapshot shows them, why not.
SELECT
    b.id,
    w.won,
    -- Not EXISTS: from Postgres 18 on that may be planned as a look through the whole log, though sequential scans are off.
    coalesce(NOT w.won AND b.head = (
        SELECT l.commit_id FROM run_events l WHERE l.run_id = b.id AND l.seq = b.base_seq + 1
    ), false) AS is_mine,
    h.head AS seen_head,
    -- Whoever begins a run that was deleted meanwhile, since no answer ever came, is told so once and for all.
    coalesce(h.quarantine, CASE WHEN NOT w.won AND b.expected IS NULL THEN (
        SELECT 'it was deleted'::text FROM deleted_runs d WHERE d.run_id = b.id LIMIT 1
    ) END) AS quarantine,
    b.decided_at BETWEEN clock_timestamp() - interval '2 seconds' AND clock_timestamp() + interval '2 seconds' AS is_on_time,
    coalesce(b.worker IS NULL OR (SELECT w.state = 'alive' FROM workers w WHERE w.id = b.worker), false) AS is_alive,
    b.ahead IS NULL OR cardinality(b.ahead::text[]) = (
        SELECT count(*) FROM unnest(b.ahead::text[]) AS a (hash)
        CROSS JOIN LATERAL (SELECT FROM blobs x WHERE x.hash = a.hash LIMIT 1) x
    ) AS is_kept,
    coalesce((b.id IN (SELECT id FROM valid)) IS TRUE, false) AS is_valid,
    k.id AS known_run,
    clock_timestamp() AS now,
    -- Behind a pooler this may be another session at each statement.
    current_setting('plan_cache_mode') = 'force_generic_plan' AND current_setting('enable_seqscan') = 'off'
        AND current_setting('enable_hashjoin') = 'off' AND current_setting('enable_mergejoin') = 'off'
        AND current_setting('jit') = 'off' AS is_set
FROM batch b
CROSS JOIN LATERAL (SELECT coalesce((b.id IN (SELECT id FROM won)) IS TRUE, false) AS won) w
LEFT JOIN LATERAL (SELECT h.head, h.quarantine FROM workflow_runs h WHERE h.id = b.id LIMIT 1) h ON true
LEFT JOIN LATERAL (
    SELECT k.id FROM workflow_runs k WHERE k.user_id = b.user_id AND k.idempotency_key = b.idempotency_key LIMIT 1
) k ON true
