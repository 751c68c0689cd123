-- What may be claimed now, fair over owners: first the oldest step of each, then the second of each, and so on. Owners are walked along
-- the index, from where the last call ended, so a backlog costs nothing but its owner's turn. Where more owners may stand behind those that
-- were looked at, the last row names one of these and no step: up to there everybody was.
WITH RECURSIVE walk AS (
    SELECT k.kind, o.user_id
    FROM unnest($1::text[]) AS k (kind)
    CROSS JOIN LATERAL (
        SELECT s.user_id FROM steps s WHERE s.kind = k.kind AND s.user_id > $2 ORDER BY s.kind, s.user_id LIMIT 1
    ) o
    UNION ALL
    SELECT w.kind, o.user_id
    FROM walk w
    CROSS JOIN LATERAL (
        SELECT s.user_id FROM steps s WHERE s.kind = w.kind AND s.user_id > w.user_id ORDER BY s.kind, s.user_id LIMIT 1
    ) o
),
owners AS MATERIALIZED (
    SELECT kind, user_id FROM walk LIMIT $3
),
found AS (
    SELECT o.user_id, s.run_id, s.step, s.kind, s.not_before,
        row_number() OVER (PARTITION BY o.user_id ORDER BY s.not_before, s.run_id, s.step) AS turn
    FROM owners o
    CROSS JOIN LATERAL (
        SELECT q.run_id, q.step, q.kind, q.not_before
        FROM steps q
        WHERE q.kind = o.kind AND q.user_id = o.user_id AND q.not_before <= clock_timestamp()
            -- What was queued in this moment is left to the process that queued it, if that has room.
            AND (q.kept_for IS NULL OR q.kept_for = $5 OR q.kept_until < clock_timestamp())
            -- What only newer programs can start, and runs that are left to another process for a moment.
            AND q.run_id <> ALL ($6::uuid[])
            -- Some agents alone. One that is not in the library is everybody's to fail.
            AND ($7::text[] IS NULL OR q.kind = '' OR q.agent LIKE ANY ($7::text[]))
        ORDER BY q.kind, q.user_id, q.not_before, q.run_id, q.step
        LIMIT $4
    ) s
)
(
    SELECT run_id, step, kind, user_id, not_before FROM found ORDER BY turn, not_before, run_id, step LIMIT $4
)
UNION ALL
(
    -- Of the last one of each kind the first: another kind's walk may have come further.
    SELECT NULL::uuid, NULL::text, NULL::text, l.user_id, NULL::timestamptz
    FROM unnest($1::text[]) AS k (kind)
    CROSS JOIN LATERAL (SELECT o.user_id FROM owners o WHERE o.kind = k.kind ORDER BY o.user_id DESC LIMIT 1) l
    WHERE (SELECT count(*) FROM owners) >= $3
    ORDER BY l.user_id
    LIMIT 1
)
