-- The engine's protocol, version 1: claim, heartbeat, fence, advance, complete.
-- Functions carry their version in the name and are never replaced in place, so that an old replica keeps its own.
-- Order of locks everywhere: run rows by id, then step rows. Claiming takes no run lock and never waits.
-- Only the database clock decides leases and backoff.

-- A step that moved, for the one place that keeps the run's counters.
CREATE TYPE step_change AS (run_id uuid, step_id bigint, was text, now text);

-- The status of a run, first match (the twin of RunStatus::derive, held equal by a test).
CREATE FUNCTION run_status_v1(p_cancelled boolean, p_active int, p_review int, p_failed int) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN p_cancelled THEN 'cancelled'
        WHEN p_active > 0 THEN 'running'
        WHEN p_review > 0 THEN 'paused'
        WHEN p_failed > 0 THEN 'failed'
        ELSE 'completed'
    END
$$;

-- What a terminal step means to the default rule of its dependents.
CREATE FUNCTION dependency_class_v1(p_status text, p_reason text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN p_status = 'failed' OR (p_status = 'skipped' AND p_reason = 'upstream_failed') THEN 'failed'
        WHEN p_status = 'completed' OR (p_status = 'skipped' AND p_reason = 'person') THEN 'done'
        ELSE 'neutral'
    END
$$;

-- A step as an event tells it.
CREATE FUNCTION step_json_v1(s steps) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('key', s.key, 'status', s.status, 'reason', s.reason, 'generation', s.generation)
        || CASE WHEN s.status = 'ready' AND s.fail_count > 0 THEN jsonb_build_object('not_before', s.not_before) ELSE '{}' END
$$;

-- An attempt as an event and a view tell it.
CREATE FUNCTION attempt_json_v1(p_key text, a attempts) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('step', p_key, 'number', a.number, 'generation', a.generation, 'started_at', a.started_at,
        'ended_at', a.ended_at, 'outcome', a.outcome, 'error_class', a.error_class, 'error', a.error)
        || CASE WHEN a.inputs IS NULL THEN '{}' ELSE jsonb_build_object('inputs', a.inputs) END
        || CASE WHEN a.usage IS NULL THEN '{}' ELSE jsonb_build_object('usage', a.usage) END
$$;

-- An artifact as an event and a view tell it.
CREATE FUNCTION artifact_json_v1(p_key text, a artifacts) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', a.id, 'producing_step_id', p_key, 'name', a.name, 'version', a.version,
        'is_latest', a.is_latest, 'content_hash', a.content_hash, 'media_type', a.media_type, 'size', a.size,
        'origin', a.origin, 'attempt', a.attempt, 'parent', a.parent, 'created_at', a.created_at)
$$;

-- The digest over all (output, version, hash) that are current: what an approval is bound to (twin of hash::review_digest).
CREATE FUNCTION review_digest_v1(p_step bigint) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(coalesce(string_agg(line, '' ORDER BY line COLLATE "C"), ''), 'UTF8')), 'hex')
    FROM (
        SELECT a.name || E'\n' || a.version || E'\n' || a.content_hash || E'\n' AS line
        FROM artifacts a WHERE a.step_id = p_step AND a.is_latest
    ) lines
$$;

-- Adds what moved to the run's counters, derives its status, and allocates event numbers (one for each element of p_event_runs).
-- The caller holds the run locks. The only writer of counters and event_seq, and of every status but `cancelled`, which it keeps.
CREATE FUNCTION settle_v1(p_changes step_change[], p_event_runs uuid[])
RETURNS TABLE (run_id uuid, seq_before bigint, run jsonb)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
    WITH moved AS (
        SELECT c.run_id,
            sum((c.now IN ('ready', 'running'))::int - (c.was IN ('ready', 'running'))::int)::int AS active,
            sum((c.now = 'awaiting_review')::int - (c.was = 'awaiting_review')::int)::int AS review,
            sum((c.now = 'failed')::int - (c.was = 'failed')::int)::int AS failed,
            sum((c.now IN ('completed', 'failed', 'skipped', 'cancelled'))::int
                - (c.was IN ('completed', 'failed', 'skipped', 'cancelled'))::int)::int AS done,
            0 AS events
        FROM unnest(p_changes) c GROUP BY c.run_id
        UNION ALL
        SELECT e.id, 0, 0, 0, 0, count(*)::int FROM unnest(p_event_runs) e(id) GROUP BY e.id
    ),
    delta AS (
        SELECT m.run_id, sum(m.active)::int AS active, sum(m.review)::int AS review, sum(m.failed)::int AS failed,
            sum(m.done)::int AS done, sum(m.events)::int AS events
        FROM moved m GROUP BY m.run_id
    ),
    derived AS (
        SELECT d.*, r.event_seq AS seq_before, r.status AS was, r.finished_at AS was_finished_at,
            run_status_v1(r.status = 'cancelled', r.n_active + d.active, r.n_review + d.review, r.n_failed + d.failed) AS status
        FROM delta d JOIN workflow_runs r ON r.id = d.run_id
    ),
    settled AS (
        UPDATE workflow_runs r SET
            n_active = r.n_active + d.active,
            n_review = r.n_review + d.review,
            n_failed = r.n_failed + d.failed,
            n_done = r.n_done + d.done,
            event_seq = r.event_seq + d.events,
            status = d.status,
            status_reason = CASE WHEN d.status = 'paused' THEN 'review' END,
            finished_at = CASE
                WHEN d.status NOT IN ('completed', 'failed', 'cancelled') THEN NULL
                ELSE coalesce(d.was_finished_at, clock_timestamp())
            END
        FROM derived d WHERE r.id = d.run_id
        RETURNING r.id, d.seq_before, jsonb_build_object('status', r.status, 'status_reason', r.status_reason,
            'auto_run', r.auto_run, 'finished_at', r.finished_at) AS run
    )
    SELECT s.id, s.seq_before, s.run FROM settled s;
END
$$;

-- Tells the dependents of newly terminal steps. Only counts; one whose dependencies are all terminal becomes ready,
-- or skipped where the default rule cannot hold any more, and then tells its own dependents.
-- Cost is the neighbourhood, never the run. The caller holds the run lock.
CREATE FUNCTION advance_v1(p_finished bigint[]) RETURNS step_change[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_front bigint[] := p_finished;
    v_moved step_change[];
    v_all   step_change[] := '{}';
BEGIN
    WHILE cardinality(v_front) > 0 LOOP
        WITH told AS (
            SELECT d.step_id, count(*)::int AS n,
                count(*) FILTER (WHERE dependency_class_v1(p.status, p.reason) = 'failed')::int AS failed,
                count(*) FILTER (WHERE dependency_class_v1(p.status, p.reason) = 'done')::int AS done
            FROM unnest(v_front) f(id)
            JOIN steps p ON p.id = f.id
            JOIN step_deps d ON d.depends_on = f.id
            GROUP BY d.step_id
        ),
        counted AS (
            UPDATE steps c SET
                deps_left = c.deps_left - t.n,
                deps_failed = c.deps_failed + t.failed,
                deps_done = c.deps_done + t.done,
                status = CASE
                    WHEN c.status <> 'pending' OR c.deps_left > t.n THEN c.status
                    WHEN c.deps_failed + t.failed > 0 OR c.deps_done + t.done = 0 THEN 'skipped'
                    ELSE 'ready'
                END,
                reason = CASE
                    WHEN c.status <> 'pending' OR c.deps_left > t.n THEN c.reason
                    WHEN c.deps_failed + t.failed > 0 THEN 'upstream_failed'
                    WHEN c.deps_done + t.done = 0 THEN 'upstream_skipped'
                END,
                not_before = CASE WHEN c.status = 'pending' AND c.deps_left = t.n THEN clock_timestamp() ELSE c.not_before END
            FROM told t WHERE c.id = t.step_id
            RETURNING c.run_id, c.id, c.status, c.deps_left, t.n
        )
        -- A step left pending with nothing to wait for was pending before, so it is the one that moved.
        SELECT array_agg((c.run_id, c.id, 'pending', c.status)::step_change ORDER BY c.id) INTO v_moved
        FROM counted c WHERE c.deps_left = 0 AND c.status IN ('ready', 'skipped') AND EXISTS (
            SELECT 1 FROM steps old WHERE old.id = c.id AND old.status = 'pending' -- the snapshot before this statement
        );
        v_all := v_all || coalesce(v_moved, '{}');
        SELECT array_agg(m.step_id) INTO v_front FROM unnest(v_moved) m WHERE m.now = 'skipped';
    END LOOP;
    RETURN v_all;
END
$$;

-- A terminal step opens again: its dependents wait for one more, and those that were skipped only because of it open too.
-- Running, waiting and finished dependents are left alone.
CREATE FUNCTION reopen_v1(p_step bigint, p_class text) RETURNS step_change[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_front   bigint[] := ARRAY[p_step];
    v_classes text[] := ARRAY[p_class];
    v_moved   step_change[];
    v_all     step_change[] := '{}';
BEGIN
    WHILE cardinality(v_front) > 0 LOOP
        WITH told AS (
            SELECT d.step_id, count(*)::int AS n, count(*) FILTER (WHERE f.class = 'failed')::int AS failed,
                count(*) FILTER (WHERE f.class = 'done')::int AS done
            FROM unnest(v_front, v_classes) f(id, class)
            JOIN step_deps d ON d.depends_on = f.id
            GROUP BY d.step_id
        ),
        old AS (
            SELECT t.*, s.status, s.reason,
                s.status = 'ready'
                    OR (s.status = 'skipped' AND s.reason IN ('upstream_failed', 'upstream_skipped') AND s.deps_failed = t.failed)
                    AS opens
            FROM told t JOIN steps s ON s.id = t.step_id
        ),
        counted AS (
            UPDATE steps c SET
                deps_left = c.deps_left + o.n,
                deps_failed = c.deps_failed - o.failed,
                deps_done = c.deps_done - o.done,
                -- A worker may have claimed a ready one since: then it is running, and left alone.
                status = CASE WHEN o.opens AND c.status = o.status THEN 'pending' ELSE c.status END,
                reason = CASE WHEN o.opens AND c.status = o.status THEN NULL ELSE c.reason END
            FROM old o WHERE c.id = o.step_id
            RETURNING c.run_id, c.id, o.status AS was, o.reason AS was_reason, c.status
        )
        SELECT array_agg((c.run_id, c.id, c.was, c.status)::step_change ORDER BY c.id),
            array_agg(c.id ORDER BY c.id) FILTER (WHERE c.was = 'skipped'),
            array_agg(dependency_class_v1(c.was, c.was_reason) ORDER BY c.id) FILTER (WHERE c.was = 'skipped')
            INTO v_moved, v_front, v_classes
        FROM counted c WHERE c.status = 'pending' AND c.was <> 'pending';
        v_all := v_all || coalesce(v_moved, '{}');
    END LOOP;
    RETURN v_all;
END
$$;

-- Writes the one event of a verb, and settles the run. The caller holds the run lock.
CREATE FUNCTION emit_v1(p_run uuid, p_kind text, p_actor uuid, p_step text, p_changes step_change[], p_more jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_seq bigint;
BEGIN
    INSERT INTO run_events (run_id, seq, kind, actor, data)
    SELECT p_run, st.seq_before + 1, p_kind, p_actor,
        jsonb_build_object('run', st.run)
            || CASE WHEN p_step IS NULL THEN '{}' ELSE jsonb_build_object('step', p_step) END
            || jsonb_build_object('steps', coalesce((
                SELECT jsonb_agg(step_json_v1(s) ORDER BY s.key)
                FROM (SELECT DISTINCT c.step_id FROM unnest(p_changes) c) moved JOIN steps s ON s.id = moved.step_id), '[]'))
            || p_more
    FROM settle_v1(p_changes, ARRAY[p_run]) st
    RETURNING seq INTO v_seq;
    RETURN v_seq;
END
$$;

-- Takes up to p_n of the given ready steps, in that order, for a worker and opens their attempts.
-- Skips what others hold; never waits.
CREATE FUNCTION claim_steps_v1(p_worker uuid, p_ids bigint[], p_n int) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_claimed jsonb;
BEGIN
    WITH locked AS MATERIALIZED (
        -- The status is hidden from the planner on purpose: a plan made while few steps were ready would scan the whole
        -- partial index of ready steps for each hop.
        SELECT s.id FROM unnest(p_ids) WITH ORDINALITY u(id, ord) JOIN steps s ON s.id = u.id
        WHERE s.status || '' = 'ready' AND s.not_before <= v_now
        ORDER BY u.ord LIMIT p_n FOR NO KEY UPDATE OF s SKIP LOCKED
    ),
    taken AS (
        -- By primary key alone: repeating status = 'ready' here makes the planner join all ready rows.
        UPDATE steps s SET status = 'running', attempt = s.attempt + 1, lease_worker = p_worker
        WHERE s.id = ANY (ARRAY(SELECT id FROM locked))
        RETURNING s.id, s.run_id, s.key, s.generation, s.attempt, s.fail_count
    ),
    opened AS (
        INSERT INTO attempts (step_id, number, generation, worker)
        SELECT t.id, t.attempt, t.generation, p_worker FROM taken t
    )
    SELECT jsonb_agg(jsonb_build_object('step', t.id, 'run', t.run_id, 'key', t.key, 'generation', t.generation,
            'attempt', t.attempt, 'fail_count', t.fail_count, 'overrides', r.overrides -> t.key) ORDER BY t.id)
        INTO v_claimed
    FROM taken t JOIN workflow_runs r ON r.id = t.run_id;
    RETURN coalesce(v_claimed, '[]');
END
$$;

-- Claims up to p_n ready steps, fairly over owners. Null when the worker is no longer alive.
CREATE FUNCTION claim_v1(p_worker uuid, p_n int) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_ids bigint[];
BEGIN
    -- A worker buried right after this look keeps the claim only until the next recovery, which takes steps of any dead one.
    PERFORM 1 FROM workers w WHERE w.id = p_worker AND w.state = 'alive';
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    -- A loose index scan finds the owners that have a backlog; each in turn gives a step until p_n are found.
    WITH RECURSIVE owner AS (
        (SELECT s.user_id FROM steps s WHERE s.status = 'ready' ORDER BY s.user_id LIMIT 1)
        UNION ALL
        SELECT (SELECT s.user_id FROM steps s WHERE s.status = 'ready' AND s.user_id > o.user_id ORDER BY s.user_id LIMIT 1)
        FROM owner o WHERE o.user_id IS NOT NULL
    ),
    backlog AS (
        -- Nothing is locked here, or the steps of many owners would be locked to claim a few.
        SELECT s.id, s.turn FROM (SELECT o.user_id FROM owner o WHERE o.user_id IS NOT NULL ORDER BY random()) o
        CROSS JOIN LATERAL (
            SELECT q.id, row_number() OVER (ORDER BY q.not_before, q.id) AS turn FROM (
                SELECT s.id, s.not_before FROM steps s
                WHERE s.status = 'ready' AND s.user_id = o.user_id AND s.not_before <= v_now
                ORDER BY s.not_before, s.id LIMIT 4 * p_n
            ) q
        ) s
    )
    -- More than asked for, since other workers are looking at the same ones.
    SELECT array_agg(b.id ORDER BY b.turn) INTO v_ids FROM (SELECT id, turn FROM backlog ORDER BY turn LIMIT 4 * p_n) b;
    RETURN claim_steps_v1(p_worker, coalesce(v_ids, '{}'), p_n);
END
$$;

-- Commits the results of many attempts at once: fence, finish, artifacts, dependents, counters, events,
-- and a claim of what became ready for the same worker.
-- An item that is not this worker's running attempt any more is answered `already` (the same result was committed) or `fenced`.
CREATE FUNCTION complete_batch_v1(
    p_worker uuid,
    p_step bigint[], p_attempt int[], p_outcome text[], p_class text[], p_error text[], p_retry_ms bigint[],
    p_inputs jsonb[], p_usage jsonb[],
    p_art_step bigint[], p_art_id uuid[], p_art_name text[], p_art_media text[], p_art_hash text[], p_art_size bigint[],
    p_art_content bytea[],
    p_claim int,
    OUT verdicts text[], OUT runs uuid[], OUT claimed jsonb, OUT n_left int
)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_ok       int[];
    v_changes  step_change[];
    v_advanced step_change[] := '{}';
    v_finished bigint[];
    v_gated    bigint[];
    v_flipped  jsonb;
    v_ready    bigint[];
BEGIN
    claimed := '[]';
    n_left := 0;
    PERFORM 1 FROM workflow_runs r
    WHERE r.id IN (SELECT s.run_id FROM steps s WHERE s.id = ANY (p_step))
    ORDER BY r.id FOR NO KEY UPDATE;

    -- Read by primary key and compared here: a predicate on status would choose a partial index and scan it.
    SELECT array_agg(f.verdict ORDER BY f.ord), array_agg(f.ord::int) FILTER (WHERE f.verdict = 'ok') INTO verdicts, v_ok
    FROM (
        SELECT i.ord, CASE
            WHEN s.status = 'running' AND s.attempt = i.attempt AND s.lease_worker = p_worker THEN 'ok'
            WHEN a.outcome = i.outcome AND a.worker = p_worker THEN 'already'
            ELSE 'fenced'
        END AS verdict
        FROM unnest(p_step, p_attempt, p_outcome) WITH ORDINALITY i(step, attempt, outcome, ord)
        LEFT JOIN steps s ON s.id = i.step
        LEFT JOIN attempts a ON a.step_id = i.step AND a.number = i.attempt
    ) f;
    IF v_ok IS NULL THEN
        runs := '{}';
        RETURN;
    END IF;

    WITH item AS (
        SELECT u.* FROM unnest(p_step, p_outcome, p_class, p_retry_ms) WITH ORDINALITY u(step, outcome, class, retry_ms, ord)
        WHERE u.ord = ANY (v_ok)
    ),
    done AS (
        UPDATE steps s SET
            status = CASE
                WHEN i.outcome = 'released' OR i.retry_ms IS NOT NULL THEN 'ready'
                WHEN i.outcome = 'failed' THEN 'failed'
                WHEN s.review_mode = 'always' OR (s.review_mode = 'when_manual' AND NOT r.auto_run) THEN 'awaiting_review'
                ELSE 'completed'
            END,
            reason = CASE WHEN i.outcome = 'failed' AND i.retry_ms IS NULL THEN i.class END,
            fail_count = s.fail_count + (i.outcome = 'failed')::int,
            not_before = CASE WHEN i.retry_ms IS NULL THEN s.not_before ELSE clock_timestamp() + i.retry_ms * interval '1 ms' END,
            lease_worker = NULL
        FROM item i, workflow_runs r
        WHERE s.id = i.step AND r.id = s.run_id
        RETURNING s.run_id, s.id, s.status
    )
    SELECT array_agg((d.run_id, d.id, 'running', d.status)::step_change),
        array_agg(d.id) FILTER (WHERE d.status IN ('completed', 'failed')),
        array_agg(d.id) FILTER (WHERE d.status = 'awaiting_review')
        INTO v_changes, v_finished, v_gated
    FROM done d;

    UPDATE attempts a SET ended_at = clock_timestamp(), outcome = i.outcome, error_class = i.class, error = i.error,
        inputs = i.inputs, usage = i.usage
    FROM unnest(p_step, p_attempt, p_outcome, p_class, p_error, p_inputs, p_usage)
        WITH ORDINALITY i(step, attempt, outcome, class, error, inputs, usage, ord)
    WHERE i.ord = ANY (v_ok) AND a.step_id = i.step AND a.number = i.attempt;

    IF cardinality(p_art_step) > 0 THEN
        WITH flipped AS (
            UPDATE artifacts o SET is_latest = false
            FROM unnest(p_art_step, p_art_name) n(step, name)
            WHERE o.step_id = n.step AND o.name = n.name AND o.is_latest
                AND n.step IN (SELECT c.step_id FROM unnest(v_changes) c)
            RETURNING o.step_id, o.name, o.id
        )
        SELECT jsonb_object_agg(f.step_id || ' ' || f.name, f.id) INTO v_flipped FROM flipped f;

        INSERT INTO artifacts (id, run_id, step_id, name, version, is_latest, media_type, content_hash, size, content, origin,
            attempt, parent)
        SELECT n.id, s.run_id, n.step, n.name,
            1 + coalesce((SELECT max(o.version) FROM artifacts o WHERE o.step_id = n.step AND o.name = n.name), 0),
            true, n.media, n.hash, n.size, n.content, 'agent', s.attempt, (v_flipped ->> (n.step || ' ' || n.name))::uuid
        FROM unnest(p_art_step, p_art_id, p_art_name, p_art_media, p_art_hash, p_art_size, p_art_content)
            n(step, id, name, media, hash, size, content)
        JOIN steps s ON s.id = n.step
        WHERE n.step IN (SELECT c.step_id FROM unnest(v_changes) c);
    END IF;

    IF v_gated IS NOT NULL THEN
        INSERT INTO reviews (step_id, generation) SELECT s.id, s.generation FROM steps s WHERE s.id = ANY (v_gated);
    END IF;
    IF v_finished IS NOT NULL THEN
        v_advanced := advance_v1(v_finished);
    END IF;

    -- One event for each result; what it set free is told with the last one of its run.
    WITH item AS MATERIALIZED (
        SELECT i.ord, i.step, i.attempt, i.outcome, s.run_id, s AS step_row,
            row_number() OVER (PARTITION BY s.run_id ORDER BY i.ord) AS rn,
            count(*) OVER (PARTITION BY s.run_id) AS n
        FROM unnest(p_step, p_attempt, p_outcome) WITH ORDINALITY i(step, attempt, outcome, ord)
        JOIN steps s ON s.id = i.step
        WHERE i.ord = ANY (v_ok)
    ),
    settled AS MATERIALIZED (
        SELECT st.* FROM settle_v1(v_changes || v_advanced, (SELECT array_agg(i.run_id) FROM item i)) st
    ),
    freed AS (
        SELECT m.run_id, jsonb_agg(step_json_v1(s) ORDER BY s.key) AS steps
        FROM unnest(v_advanced) m JOIN steps s ON s.id = m.step_id GROUP BY m.run_id
    ),
    made AS (
        SELECT a.step_id, jsonb_agg(artifact_json_v1((i.step_row).key, a) ORDER BY a.name) AS artifacts
        FROM item i JOIN artifacts a ON a.step_id = i.step AND a.attempt = i.attempt GROUP BY a.step_id
    ),
    written AS (
        INSERT INTO run_events (run_id, seq, kind, data)
        SELECT i.run_id, st.seq_before + i.rn,
            CASE
                WHEN i.outcome = 'released' THEN 'step_released'
                WHEN (i.step_row).status = 'ready' THEN 'step_retrying'
                WHEN (i.step_row).status = 'failed' THEN 'step_failed'
                WHEN (i.step_row).status = 'awaiting_review' THEN 'step_awaiting_review'
                ELSE 'step_completed'
            END,
            jsonb_build_object(
                'step', (i.step_row).key,
                'steps', jsonb_build_array(step_json_v1(i.step_row)) || CASE WHEN i.rn = i.n THEN coalesce(f.steps, '[]') ELSE '[]' END,
                'attempts', jsonb_build_array(attempt_json_v1((i.step_row).key, a)))
                || CASE WHEN m.artifacts IS NULL THEN '{}' ELSE jsonb_build_object('artifacts', m.artifacts) END
                || CASE WHEN i.rn = i.n THEN jsonb_build_object('run', st.run) ELSE '{}' END
        FROM item i
        JOIN settled st ON st.run_id = i.run_id
        JOIN attempts a ON a.step_id = i.step AND a.number = i.attempt
        LEFT JOIN freed f ON f.run_id = i.run_id
        LEFT JOIN made m ON m.step_id = i.step
        RETURNING run_id
    )
    SELECT array_agg(DISTINCT w.run_id) INTO runs FROM written w;

    SELECT array_agg(m.step_id ORDER BY m.step_id) INTO v_ready FROM unnest(v_advanced) m WHERE m.now = 'ready';
    IF v_ready IS NOT NULL THEN
        PERFORM 1 FROM workers w WHERE w.id = p_worker AND w.state = 'alive';
        IF FOUND AND p_claim > 0 THEN
            claimed := claim_steps_v1(p_worker, v_ready, p_claim);
        END IF;
        n_left := cardinality(v_ready) - jsonb_array_length(claimed);
    END IF;
END
$$;
