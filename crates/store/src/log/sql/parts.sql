-- Third part: the events of the runs that won, and every row that follows from them.
events AS (
    INSERT INTO run_log (run_id, seq, commit_id, ask_id, event)
    SELECT e.run_id, e.seq, e.commit_id, e.ask_id, e.event::json
    FROM unnest($26::uuid[], $27::bigint[], $28::uuid[], $29::uuid[], $30::text[]) AS e (run_id, seq, commit_id, ask_id, event)
    WHERE (e.run_id IN (SELECT id FROM won)) IS TRUE
),
queued AS (
    INSERT INTO log_steps (run_id, step, kind, limits, user_id, not_before, kept_for, kept_until)
    -- Others leave it for a moment to the process that committed: it has the run at hand.
    SELECT s.run_id, s.step, s.kind, s.limits::json, s.user_id, s.not_before, $38::uuid,
        CASE WHEN $38::uuid IS NOT NULL THEN clock_timestamp() + interval '50 milliseconds' END
    FROM unnest($31::uuid[], $32::text[], $33::text[], $34::text[], $35::uuid[], $36::timestamptz[])
        AS s (run_id, step, kind, limits, user_id, not_before)
    WHERE (s.run_id IN (SELECT id FROM won)) IS TRUE AND s.not_before IS NOT NULL
    ON CONFLICT (run_id, step) DO UPDATE SET
        kind = excluded.kind, limits = excluded.limits, not_before = excluded.not_before, kept_for = excluded.kept_for,
        kept_until = excluded.kept_until
),
dequeued AS (
    DELETE FROM log_steps WHERE ctid = ANY (ARRAY(
        SELECT q.ctid FROM unnest($31::uuid[], $32::text[], $36::timestamptz[]) AS s (run_id, step, not_before)
        CROSS JOIN LATERAL (SELECT q.ctid FROM log_steps q WHERE q.run_id = s.run_id AND q.step = s.step LIMIT 1) q
        WHERE (s.run_id IN (SELECT id FROM won)) IS TRUE AND s.not_before IS NULL
    ))
),
tried AS (
    INSERT INTO log_attempts (
        run_id, step, number, generation, lease_worker, started_at, ended_at, outcome, error_class, error, model,
        prompt_tokens, completion_tokens, cost_micros
    )
    SELECT a.* FROM unnest(
        $39::uuid[], $40::text[], $41::int[], $42::int[], $43::uuid[], $44::timestamptz[], $45::timestamptz[], $46::text[], $47::text[],
        $48::text[], $49::text[], $50::bigint[], $51::bigint[], $52::bigint[]
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
    INSERT INTO log_artifacts (
        id, run_id, step, name, version, media_type, content_hash, value_hash, size, content, origin, attempt, parent, made_by,
        copy_of, created_at
    )
    SELECT
        a.id, a.run_id, a.step, a.name, a.version, a.media_type, a.content_hash, a.value_hash, a.size,
        -- A copy has the bytes of what was committed before; those of a large one are found by its hash.
        CASE WHEN a.content IS NULL AND a.copy_of IS NOT NULL
            THEN (SELECT c.content FROM log_artifacts c WHERE c.id = a.copy_of) ELSE a.content END,
        a.origin, a.attempt, a.parent, a.made_by, a.copy_of, a.created_at
    FROM unnest(
        $53::uuid[], $54::uuid[], $55::text[], $56::text[], $57::int[], $58::text[], $59::text[], $60::text[], $61::bigint[],
        $62::bytea[], $63::text[], $64::int[], $65::uuid[], $66::uuid[], $67::uuid[], $68::timestamptz[]
    ) AS a (
        id, run_id, step, name, version, media_type, content_hash, value_hash, size, content, origin, attempt, parent, made_by,
        copy_of, created_at
    )
    WHERE (a.run_id IN (SELECT id FROM won)) IS TRUE
    -- Told again because a flag of it changed: those stand in the head.
    ON CONFLICT (id) DO NOTHING
),
headed AS (
    INSERT INTO log_artifact_heads (run_id, step, name, latest, approved)
    SELECT a.run_id, a.step, a.name, a.latest, a.approved::int[]
    FROM unnest($69::uuid[], $70::text[], $71::text[], $72::int[], $73::text[]) AS a (run_id, step, name, latest, approved)
    WHERE (a.run_id IN (SELECT id FROM won)) IS TRUE
    ON CONFLICT (run_id, step, name) DO UPDATE SET latest = excluded.latest, approved = excluded.approved
),
asked AS (
    INSERT INTO log_reviews (
        run_id, step, generation, number, user_id, opened_at, due_at, quorum, allow_self, roles, users, votes
    )
    SELECT
        r.run_id, r.step, r.generation, r.number, r.user_id, r.opened_at, r.due_at, r.quorum, r.allow_self,
        ARRAY(SELECT json_array_elements_text(r.roles::json)), ARRAY(SELECT json_array_elements_text(r.users::json)), r.votes::uuid[]
    FROM unnest(
        $74::uuid[], $75::text[], $76::int[], $77::int[], $78::uuid[], $79::timestamptz[], $80::timestamptz[], $81::int[],
        $82::boolean[], $83::text[], $84::text[], $85::text[]
    ) AS r (run_id, step, generation, number, user_id, opened_at, due_at, quorum, allow_self, roles, users, votes)
    WHERE (r.run_id IN (SELECT id FROM won)) IS TRUE
    ON CONFLICT (run_id, step) DO UPDATE SET
        generation = excluded.generation, number = excluded.number, opened_at = excluded.opened_at, due_at = excluded.due_at,
        quorum = excluded.quorum, allow_self = excluded.allow_self, roles = excluded.roles, users = excluded.users,
        votes = excluded.votes
),
answered AS (
    DELETE FROM log_reviews WHERE ctid = ANY (ARRAY(
        SELECT q.ctid FROM unnest($31::uuid[], $32::text[], $37::boolean[]) AS s (run_id, step, is_asked)
        CROSS JOIN LATERAL (SELECT q.ctid FROM log_reviews q WHERE q.run_id = s.run_id AND q.step = s.step LIMIT 1) q
        WHERE (s.run_id IN (SELECT id FROM won)) IS TRUE AND NOT s.is_asked
    ))
),
told AS (
    INSERT INTO run_inbox (run_id, sender, sender_seq, n, tell, sent_at)
    SELECT t.run_id, t.sender, t.sender_seq, t.n, t.tell::json, clock_timestamp()
    FROM unnest($86::uuid[], $87::uuid[], $88::bigint[], $89::int[], $90::text[]) AS t (run_id, sender, sender_seq, n, tell)
    WHERE (t.sender IN (SELECT id FROM won)) IS TRUE
),
heard AS (
    DELETE FROM run_inbox WHERE ctid = ANY (ARRAY(
        SELECT i.ctid FROM unnest($91::uuid[], $92::uuid[], $93::bigint[], $94::int[]) AS t (run_id, sender, sender_seq, n)
        CROSS JOIN LATERAL (
            SELECT i.ctid FROM run_inbox i
            WHERE i.run_id = t.run_id AND i.sender = t.sender AND i.sender_seq = t.sender_seq AND i.n = t.n LIMIT 1
        ) i
        WHERE (t.run_id IN (SELECT id FROM won)) IS TRUE
    ))
),
given_back AS (
    UPDATE key_reservations SET is_over = true WHERE ctid = ANY (ARRAY(
        SELECT r.ctid FROM unnest($97::uuid[], $98::text[]) AS k (run_id, step)
        CROSS JOIN LATERAL (
            SELECT r.ctid FROM key_reservations r WHERE r.run_id = k.run_id AND r.step = k.step AND NOT r.is_over LIMIT 1
        ) r
        WHERE (k.run_id IN (SELECT id FROM won)) IS TRUE
    ))
)
