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
        $18::timestamptz[], $19::timestamptz[], $20::boolean[], $21::text[], $22::text[], $23::int[], $24::int[], $25::int[],
        $26::int[], $27::int[], $28::int[], $29::int[], $30::bigint[], $31::bigint[], $32::text[]
    ) AS b (
        id, expected, head, base_seq, seq, decided_at, worker, user_id, template_id,
        template_version, template_name, status, status_reason, auto_run, is_test, parent_run, created_at,
        finished_at, due_at, wants_judgement, idempotency_key, about, n_steps, n_completed, n_skipped,
        n_failed, n_cancelled, n_items, n_waiting, n_takes, n_keys, ahead
    )
),
