-- Further parts, which most commits do without: what waits, gates that are open, gates that were closed, messages and reservations.
,
queued AS (
    INSERT INTO steps (run_id, step, kind, agent, limits, user_id, not_before, kept_for, kept_until)
    -- Others leave it for a moment to the process that committed: it has the run at hand. Not what outside workers do.
    SELECT s.run_id, s.step, s.kind, s.agent, s.limits::json, s.user_id, s.not_before,
        CASE WHEN s.kind NOT LIKE 'worker:%' THEN $80::uuid END,
        CASE WHEN s.kind NOT LIKE 'worker:%' AND $80::uuid IS NOT NULL THEN clock_timestamp() + interval '50 milliseconds' END
    FROM unnest($73::uuid[], $74::text[], $75::text[], $76::text[], $77::uuid[], $78::timestamptz[], $130::text[])
        AS s (run_id, step, kind, limits, user_id, not_before, agent)
    WHERE (s.run_id IN (SELECT id FROM won)) IS TRUE AND s.not_before IS NOT NULL
    ON CONFLICT (run_id, step) DO UPDATE SET
        kind = excluded.kind, agent = excluded.agent, limits = excluded.limits, not_before = excluded.not_before,
        kept_for = excluded.kept_for, kept_until = excluded.kept_until
),
dequeued AS (
    DELETE FROM steps WHERE ctid = ANY (ARRAY(
        SELECT q.ctid FROM unnest($73::uuid[], $74::text[], $78::timestamptz[]) AS s (run_id, step, not_before)
        CROSS JOIN LATERAL (SELECT q.ctid FROM steps q WHERE q.run_id = s.run_id AND q.step = s.step LIMIT 1) q
        WHERE (s.run_id IN (SELECT id FROM won)) IS TRUE AND s.not_before IS NULL
    ))
),
asked AS (
    INSERT INTO reviews (
        run_id, step, generation, number, user_id, opened_at, due_at, quorum, allow_self, roles, users, votes, voted_at, voted_for,
        title, round, max_rounds, on_timeout, is_form
    )
    SELECT
        r.run_id, r.step, r.generation, r.number, r.user_id, r.opened_at, r.due_at, r.quorum, r.allow_self,
        ARRAY(SELECT json_array_elements_text(r.roles::json)), ARRAY(SELECT json_array_elements_text(r.users::json)), r.votes::uuid[],
        r.voted_at::timestamptz[], r.voted_for::uuid[], r.title, r.round, r.max_rounds, r.on_timeout, r.is_form
    FROM unnest(
        $81::uuid[], $82::text[], $83::int[], $84::int[], $85::uuid[], $86::timestamptz[], $87::timestamptz[], $88::int[],
        $89::boolean[], $90::text[], $91::text[], $92::text[], $93::text[], $94::text[], $95::text[], $96::int[], $97::int[],
        $98::text[], $99::boolean[]
    ) AS r (
        run_id, step, generation, number, user_id, opened_at, due_at, quorum, allow_self, roles, users, votes, voted_at, voted_for, title,
        round, max_rounds, on_timeout, is_form
    )
    WHERE (r.run_id IN (SELECT id FROM won)) IS TRUE
    ON CONFLICT (run_id, step) DO UPDATE SET
        generation = excluded.generation, number = excluded.number, opened_at = excluded.opened_at, due_at = excluded.due_at,
        quorum = excluded.quorum, allow_self = excluded.allow_self, roles = excluded.roles, users = excluded.users,
        votes = excluded.votes, voted_at = excluded.voted_at, voted_for = excluded.voted_for, title = excluded.title, round = excluded.round,
        max_rounds = excluded.max_rounds, on_timeout = excluded.on_timeout, is_form = excluded.is_form
),
answered AS (
    DELETE FROM reviews WHERE ctid = ANY (ARRAY(
        SELECT q.ctid FROM unnest($73::uuid[], $74::text[], $79::boolean[]) AS s (run_id, step, is_asked)
        CROSS JOIN LATERAL (SELECT q.ctid FROM reviews q WHERE q.run_id = s.run_id AND q.step = s.step LIMIT 1) q
        WHERE (s.run_id IN (SELECT id FROM won)) IS TRUE AND NOT s.is_asked
    ))
),
told AS (
    INSERT INTO run_inbox (run_id, sender, sender_seq, n, commit_id, tell, sent_at)
    SELECT t.run_id, t.sender, t.sender_seq, t.n, t.commit_id, t.tell::json, clock_timestamp()
    FROM unnest($100::uuid[], $101::uuid[], $102::bigint[], $103::int[], $104::uuid[], $105::text[])
        AS t (run_id, sender, sender_seq, n, commit_id, tell)
    WHERE (t.sender IN (SELECT id FROM won)) IS TRUE
),
heard AS (
    DELETE FROM run_inbox WHERE ctid = ANY (ARRAY(
        SELECT i.ctid FROM unnest($106::uuid[], $107::uuid[], $108::bigint[], $109::int[], $110::uuid[])
            AS t (run_id, sender, sender_seq, n, commit_id)
        CROSS JOIN LATERAL (
            SELECT i.ctid FROM run_inbox i
            WHERE i.run_id = t.run_id AND i.sender = t.sender AND i.sender_seq = t.sender_seq AND i.n = t.n
                AND i.commit_id = t.commit_id
            LIMIT 1
        ) i
        WHERE (t.run_id IN (SELECT id FROM won)) IS TRUE
    ))
),
given_back AS (
    UPDATE key_reservations SET is_over = true WHERE ctid = ANY (ARRAY(
        SELECT r.ctid FROM unnest($113::uuid[], $114::text[]) AS k (run_id, step)
        CROSS JOIN LATERAL (
            SELECT r.ctid FROM key_reservations r WHERE r.run_id = k.run_id AND r.step = k.step AND NOT r.is_over LIMIT 1
        ) r
        WHERE (k.run_id IN (SELECT id FROM won)) IS TRUE
    ))
),
decided AS (
    INSERT INTO review_ends (
        run_id, step, generation, number, template_id, user_id, title, opened_at, closed_at, verdict, closed_by, acted_for, votes, feedback
    )
    SELECT
        e.run_id, e.step, e.generation, e.number, e.template_id, e.user_id, e.title, e.opened_at, e.closed_at, e.verdict,
        e.closed_by, e.acted_for, e.votes::uuid[], e.feedback
    FROM unnest(
        $115::uuid[], $116::text[], $117::int[], $118::int[], $119::uuid[], $120::uuid[], $121::text[], $122::timestamptz[],
        $123::timestamptz[], $124::text[], $125::uuid[], $126::uuid[], $127::text[], $128::text[]
    ) AS e (
        run_id, step, generation, number, template_id, user_id, title, opened_at, closed_at, verdict, closed_by, acted_for, votes, feedback
    )
    WHERE (e.run_id IN (SELECT id FROM won)) IS TRUE
),
decided_by AS (
    INSERT INTO review_deciders (run_id, step, generation, number, user_id, closed_at)
    SELECT e.run_id, e.step, e.generation, e.number, d.user_id, e.closed_at
    FROM unnest($115::uuid[], $116::text[], $117::int[], $118::int[], $123::timestamptz[], $129::text[])
        AS e (run_id, step, generation, number, closed_at, deciders)
    CROSS JOIN LATERAL unnest(e.deciders::uuid[]) AS d (user_id)
    WHERE (e.run_id IN (SELECT id FROM won)) IS TRUE
)
