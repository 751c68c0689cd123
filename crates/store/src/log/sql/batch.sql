-- The one statement of a commit, first part: the runs of the batch, and what of their inputs is still there.
--
-- The parts of a statement do not see each other's rows. So each row is written once, as it is after the whole commit, and where one
-- table is written by two parts (one adds, one removes) no key is in both.
--
-- No table is joined where the planner could turn the join around: made while a table is empty, such a plan reads all of it, and is kept
-- when it is full. Rows are found by `LATERAL .. LIMIT 1`, updated as conflicts of an insert, and deleted by their ctid, which is sure
-- since nobody else may write a row of a run whose head is held.
-- Which runs won is asked as `(x IN (SELECT id FROM won)) IS TRUE`: only so is it a hashed subplan, where a join would look at every
-- winner for every row.
WITH batch AS MATERIALIZED (
    SELECT * FROM unnest(
        $1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::uuid[], $8::uuid[], $9::uuid[],
        $10::int[], $11::text[], $12::text[], $13::text[], $14::boolean[], $15::boolean[], $16::uuid[], $17::timestamptz[],
        $18::timestamptz[], $19::timestamptz[], $20::boolean[], $21::text[], $22::int[], $23::int[], $24::bigint[], $25::bigint[]
    ) AS b (
        id, expected, head, base_seq, seq, decided_at, worker, user_id, template_id,
        template_version, template_name, status, status_reason, auto_run, is_test, parent_run, created_at,
        finished_at, due_at, wants_judgement, idempotency_key, more_steps, more_over, n_takes, n_keys
    )
),
-- Messages that these decisions took in. They go only with the receiver's head, so to see them is to have them.
taken AS MATERIALIZED (
    SELECT t.run_id
    FROM unnest($91::uuid[], $92::uuid[], $93::bigint[], $94::int[]) AS t (run_id, sender, sender_seq, n)
    CROSS JOIN LATERAL (
        SELECT FROM run_inbox i
        WHERE i.run_id = t.run_id AND i.sender = t.sender AND i.sender_seq = t.sender_seq AND i.n = t.n LIMIT 1
    ) i
),
-- Reservations that they count on. Whoever collects orphans may take one away at any time, so they are locked.
reserved AS MATERIALIZED (
    SELECT k.run_id
    FROM (SELECT * FROM unnest($95::uuid[], $96::text[]) AS k (run_id, step) ORDER BY run_id, step) k
    CROSS JOIN LATERAL (
        SELECT FROM key_reservations r WHERE r.run_id = k.run_id AND r.step = k.step AND NOT r.is_over
        FOR NO KEY UPDATE OF r SKIP LOCKED
    ) r
),
-- Decided by a clock that is right, by a worker that lives, on inputs that are there.
valid AS MATERIALIZED (
    SELECT b.* FROM batch b
    WHERE b.decided_at BETWEEN clock_timestamp() - interval '2 seconds' AND clock_timestamp() + interval '2 seconds'
        AND (b.worker IS NULL OR (SELECT w.state <> 'dead' FROM workers w WHERE w.id = b.worker))
        AND (b.n_takes = 0 OR b.n_takes = (SELECT count(*) FROM taken t WHERE t.run_id = b.id))
        AND (b.n_keys = 0 OR b.n_keys = (SELECT count(*) FROM reserved r WHERE r.run_id = b.id))
),
