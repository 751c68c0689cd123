-- For a batch with messages or reservations: what of these is still there.
-- Messages that these decisions took in. They go only with the receiver's head, so to see them is to have them.
taken AS MATERIALIZED (
    SELECT t.run_id
    FROM unnest($105::uuid[], $106::uuid[], $107::bigint[], $108::int[], $109::uuid[])
        AS t (run_id, sender, sender_seq, n, commit_id)
    CROSS JOIN LATERAL (
        SELECT FROM run_inbox i
        WHERE i.run_id = t.run_id AND i.sender = t.sender AND i.sender_seq = t.sender_seq AND i.n = t.n
            AND i.commit_id = t.commit_id
        LIMIT 1
    ) i
),
-- Reservations that they count on. Whoever collects orphans may take one away at any time, so they are locked.
reserved AS MATERIALIZED (
    SELECT k.run_id
    FROM (SELECT * FROM unnest($110::uuid[], $111::text[]) AS k (run_id, step) ORDER BY run_id, step) k
    CROSS JOIN LATERAL (
        SELECT FROM key_reservations r WHERE r.run_id = k.run_id AND r.step = k.step AND NOT r.is_over
        FOR NO KEY UPDATE OF r SKIP LOCKED
    ) r
),
-- Decided by a clock that is right, by a worker that lives, on inputs that are there, and with the large content that was
-- written ahead: a failover may have taken it, and who collects orphans may be about to.
valid AS MATERIALIZED (
    SELECT b.* FROM batch b
    WHERE b.decided_at BETWEEN clock_timestamp() - interval '2 seconds' AND clock_timestamp() + interval '2 seconds'
        AND (b.worker IS NULL OR (SELECT w.state = 'alive' FROM workers w WHERE w.id = b.worker))
        AND (b.n_takes = 0 OR b.n_takes = (SELECT count(*) FROM taken t WHERE t.run_id = b.id))
        AND (b.n_keys = 0 OR b.n_keys = (SELECT count(*) FROM reserved r WHERE r.run_id = b.id))
        AND (b.ahead IS NULL OR cardinality(b.ahead::text[]) = (
            SELECT count(*) FROM unnest(b.ahead::text[]) AS a (hash)
            CROSS JOIN LATERAL (SELECT FROM blobs x WHERE x.hash = a.hash FOR KEY SHARE OF x SKIP LOCKED) x
        ))
),
