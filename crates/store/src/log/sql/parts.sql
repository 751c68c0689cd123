-- Third part: the events of the runs that won, and every row that follows from them.
events AS (
    INSERT INTO run_events (run_id, seq, commit_id, ask_id, event)
    SELECT e.run_id, e.seq, e.commit_id, e.ask_id, e.event::json
    FROM unnest($33::uuid[], $34::bigint[], $35::uuid[], $36::uuid[], $37::text[]) AS e (run_id, seq, commit_id, ask_id, event)
    WHERE (e.run_id IN (SELECT id FROM won)) IS TRUE
),
tried AS (
    INSERT INTO attempts (
        run_id, step, number, generation, lease_worker, started_at, ended_at, outcome, error_class, error, model,
        prompt_tokens, completion_tokens, cost_micros
    )
    SELECT a.* FROM unnest(
        $38::uuid[], $39::text[], $40::int[], $41::int[], $42::uuid[], $43::timestamptz[], $44::timestamptz[], $45::text[], $46::text[],
        $47::text[], $48::text[], $49::bigint[], $50::bigint[], $51::bigint[]
    ) AS a (
        run_id, step, number, generation, lease_worker, started_at, ended_at, outcome, error_class, error, model,
        prompt_tokens, completion_tokens, cost_micros
    )
    WHERE (a.run_id IN (SELECT id FROM won)) IS TRUE
    ON CONFLICT (run_id, step, number) DO UPDATE SET
        generation = excluded.generation, lease_worker = excluded.lease_worker, started_at = excluded.started_at,
        ended_at = excluded.ended_at, outcome = excluded.outcome, error_class = excluded.error_class, error = excluded.error,
        model = excluded.model, prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens,
        cost_micros = excluded.cost_micros
),
made AS (
    INSERT INTO artifacts (
        id, run_id, step, name, version, media_type, content_hash, value_hash, size, content, origin, attempt, parent, made_by,
        copy_of, created_at
    )
    SELECT
        a.id, a.run_id, a.step, a.name, a.version, a.media_type, a.content_hash, a.value_hash, a.size,
        -- A copy has the bytes of what was committed before; those of a large one are found by its hash.
        CASE WHEN a.content IS NULL AND a.copy_of IS NOT NULL
            THEN (SELECT c.content FROM artifacts c WHERE c.id = a.copy_of) ELSE a.content END,
        a.origin, a.attempt, a.parent, a.made_by, a.copy_of, a.created_at
    FROM unnest(
        $52::uuid[], $53::uuid[], $54::text[], $55::text[], $56::int[], $57::text[], $58::text[], $59::text[], $60::bigint[],
        $61::bytea[], $62::text[], $63::int[], $64::uuid[], $65::uuid[], $66::uuid[], $67::timestamptz[]
    ) AS a (
        id, run_id, step, name, version, media_type, content_hash, value_hash, size, content, origin, attempt, parent, made_by,
        copy_of, created_at
    )
    WHERE (a.run_id IN (SELECT id FROM won)) IS TRUE
    -- Told again because a flag of it changed: those stand in the head.
    ON CONFLICT (id) DO NOTHING
),
headed AS (
    INSERT INTO artifact_heads (run_id, step, name, latest, approved)
    SELECT a.run_id, a.step, a.name, a.latest, a.approved::int[]
    FROM unnest($68::uuid[], $69::text[], $70::text[], $71::int[], $72::text[]) AS a (run_id, step, name, latest, approved)
    WHERE (a.run_id IN (SELECT id FROM won)) IS TRUE
    ON CONFLICT (run_id, step, name) DO UPDATE SET latest = excluded.latest, approved = excluded.approved
)
