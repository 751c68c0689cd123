-- What the engine calls, version 2: start, claim, complete, decide, expand, end of a map or sub-workflow, recovery and deadlines.
-- Every call is idempotent or fenced. Only the database clock decides leases, backoff and deadlines.

-- Queues a step or asks the engine about it, as its first look says. Returns the states they had.
-- p_steps: [{key, title, agent, version, kind, review, decides, is_map, map_parallel, on_error, gate, limited, slot_keys, defaults}]
CREATE FUNCTION add_steps_v2(p_run uuid, p_user uuid, p_steps jsonb, p_dep_from text[], p_dep_to text[]) RETURNS step_was[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_moved step_was[];
BEGIN
    WITH made AS (
        INSERT INTO steps (run_id, key, title, agent_id, agent_version, kind, user_id, review_mode, status, deps_left, not_before,
            decides, undecided, mark, is_map, map_parallel, on_error, gate, limited, admitted, slot_keys)
        SELECT p_run, k.key, k.title, k.agent, k.version, k.kind, p_user, k.review,
            CASE WHEN coalesce(d.n, 0) = 0 AND NOT coalesce(k.decides, false) THEN 'ready' ELSE 'pending' END,
            coalesce(d.n, 0), clock_timestamp(), coalesce(k.decides, false),
            coalesce(d.n, 0) = 0 AND coalesce(k.decides, false), (coalesce(d.n, 0) = 0 AND coalesce(k.decides, false))::int,
            coalesce(k.is_map, false), k.map_parallel, coalesce(k.on_error, 'fail'), k.gate, coalesce(k.limited, false),
            NOT coalesce(k.limited, false) AND r.held IS NULL, k.slot_keys
        FROM ROWS FROM (jsonb_to_recordset(p_steps) AS (key text, title text, agent text, version int, kind text, review text,
            decides boolean, is_map boolean, map_parallel int, on_error text, gate jsonb, limited boolean, slot_keys text[]))
            WITH ORDINALITY k(key, title, agent, version, kind, review, decides, is_map, map_parallel, on_error, gate, limited, slot_keys, ord)
        JOIN workflow_runs r ON r.id = p_run
        LEFT JOIN (SELECT t.key, count(*)::int AS n FROM unnest(p_dep_to) t(key) GROUP BY t.key) d ON d.key = k.key
        ORDER BY k.ord
        RETURNING id, status, undecided
    )
    SELECT array_agg((m.id, 'pending')::step_was ORDER BY m.id) INTO v_moved FROM made m WHERE m.status = 'ready' OR m.undecided;
    INSERT INTO step_deps (depends_on, step_id)
    SELECT a.id, b.id FROM unnest(p_dep_from, p_dep_to) e(a, b)
    JOIN steps a ON a.run_id = p_run AND a.key = e.a
    JOIN steps b ON b.run_id = p_run AND b.key = e.b;
    INSERT INTO default_outputs (step_id, name, media_type, content_hash, content)
    SELECT s.id, o.name, o.media_type, encode(sha256(convert_to(o.content, 'UTF8')), 'hex'), convert_to(o.content, 'UTF8')
    FROM jsonb_to_recordset(p_steps) AS k(key text, defaults jsonb)
    CROSS JOIN LATERAL jsonb_to_recordset(k.defaults) AS o(name text, media_type text, content text)
    JOIN steps s ON s.run_id = p_run AND s.key = k.key
    WHERE k.defaults IS NOT NULL;
    RETURN coalesce(v_moved, '{}');
END
$$;

-- p_run: {id, template, version, definition, inputs, overrides, auto_run, is_test, user, actor, idem_key, request_hash, limits,
--   parent: {run, step, attempt}, forked: {run, step}, n_steps, slots: {key: max}}
CREATE FUNCTION start_run_v2(p_run jsonb, p_steps jsonb, p_dep_from text[], p_dep_to text[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_run   workflow_runs;
    v_moved step_was[];
BEGIN
    INSERT INTO workflow_runs (id, template_id, template_version, run_definition, inputs, overrides, auto_run, is_test, status, user_id,
        idempotency_key, request_hash, n_steps, max_parallel, limited, budget_tokens, budget_cost, on_exceed, deadline_at,
        parent_run, parent_step, parent_attempt, depth, forked_run, forked_step)
    VALUES ((p_run ->> 'id')::uuid, (p_run ->> 'template')::uuid, (p_run ->> 'version')::int, p_run -> 'definition', p_run -> 'inputs',
        coalesce(p_run -> 'overrides', '{}'), (p_run ->> 'auto_run')::boolean, (p_run ->> 'is_test')::boolean, 'pending',
        (p_run ->> 'user')::uuid, p_run ->> 'idem_key', p_run ->> 'request_hash', (p_run ->> 'n_steps')::int,
        (p_run #>> '{limits,max_parallel}')::int, coalesce((p_run #>> '{limits,limited}')::boolean, false),
        (p_run #>> '{limits,tokens}')::bigint, (p_run #>> '{limits,cost}')::bigint, coalesce(p_run #>> '{limits,on_exceed}', 'pause'),
        clock_timestamp() + (p_run #>> '{limits,timeout_s}')::int * interval '1 second',
        (p_run #>> '{parent,run}')::uuid, (p_run #>> '{parent,step}')::bigint, (p_run #>> '{parent,attempt}')::int,
        coalesce((p_run ->> 'depth')::int, 1), (p_run #>> '{forked,run}')::uuid, p_run #>> '{forked,step}')
    ON CONFLICT DO NOTHING
    RETURNING * INTO v_run;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO concurrency_keys (key, max) SELECT k.key, k.value::int FROM jsonb_each_text(p_run -> 'slots') k ORDER BY k.key
    ON CONFLICT (key) DO UPDATE SET max = EXCLUDED.max WHERE concurrency_keys.max <> EXCLUDED.max;
    v_moved := add_steps_v2(v_run.id, v_run.user_id, p_steps, p_dep_from, p_dep_to);
    PERFORM emit_v2(v_run.id, 'run_started', (p_run ->> 'actor')::uuid, NULL, v_moved, NULL, '{}');
    RETURN true;
END
$$;

-- Takes up to p_n of the given ready steps, in that order, for a worker and opens their attempts.
-- Skips what others hold; never waits.
CREATE FUNCTION claim_steps_v2(p_worker uuid, p_ids bigint[], p_n int) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_claimed jsonb;
BEGIN
    WITH locked AS MATERIALIZED (
        -- The status is hidden from the planner on purpose: a plan made while few steps were ready would scan the whole
        -- partial index of ready steps for each hop.
        SELECT s.id FROM unnest(p_ids) WITH ORDINALITY u(id, ord) JOIN steps s ON s.id = u.id
        WHERE s.status || '' = 'ready' AND s.admitted AND s.not_before <= v_now
        ORDER BY u.ord LIMIT p_n FOR NO KEY UPDATE OF s SKIP LOCKED
    ),
    taken AS (
        -- By primary key alone: repeating status = 'ready' here makes the planner join all ready rows.
        UPDATE steps s SET status = 'running', attempt = s.attempt + 1, lease_worker = p_worker, forced = false
        WHERE s.id = ANY (ARRAY(SELECT id FROM locked))
        RETURNING s.id, s.run_id, s.key, s.generation, s.attempt, s.fail_count, s.parent_id, s.rounds
    ),
    opened AS (
        INSERT INTO attempts (step_id, number, generation, worker)
        SELECT t.id, t.attempt, t.generation, p_worker FROM taken t
    )
    SELECT jsonb_agg(
            jsonb_build_object('step', t.id, 'run', t.run_id, 'key', t.key, 'generation', t.generation,
                'attempt', t.attempt, 'fail_count', t.fail_count, 'version', r.template_version, 'overrides', r.overrides -> t.key)
            || CASE WHEN t.rounds = 0 THEN '{}' ELSE jsonb_build_object('feedback', feedback_json_v2(t.id, t.generation)) END
            || CASE WHEN t.parent_id IS NULL THEN '{}' ELSE (
                SELECT jsonb_build_object('item', jsonb_build_object('of', p.key, 'value', i.value, 'overrides', r.overrides -> p.key))
                FROM map_items i, steps p WHERE i.step_id = t.id AND p.id = t.parent_id) END
            ORDER BY t.id)
        INTO v_claimed
    FROM taken t JOIN workflow_runs r ON r.id = t.run_id;
    RETURN coalesce(v_claimed, '[]');
END
$$;

-- Takes up to p_n askings that are due: [[asking, step]]. Another worker may take one again if this one does not answer soon.
CREATE FUNCTION take_askings_v2(p_n int) RETURNS jsonb
LANGUAGE sql VOLATILE AS $$
    WITH due AS (
        SELECT d.id FROM decisions d WHERE d.due <= clock_timestamp() ORDER BY d.id LIMIT p_n FOR UPDATE SKIP LOCKED
    ),
    taken AS (
        UPDATE decisions d SET due = clock_timestamp() + interval '10 seconds' FROM due WHERE d.id = due.id RETURNING d.id, d.step_id
    )
    SELECT coalesce(jsonb_agg(jsonb_build_array(t.id, t.step_id) ORDER BY t.id), '[]') FROM taken t
$$;

-- Claims up to p_n ready steps, fairly over owners, and takes askings. Null when the worker is no longer alive.
CREATE FUNCTION claim_v2(p_worker uuid, p_n int, OUT claimed jsonb, OUT asked jsonb)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_ids bigint[];
BEGIN
    -- A worker buried right after this look keeps the claim only until the next recovery, which takes steps of any dead one.
    PERFORM 1 FROM workers w WHERE w.id = p_worker AND w.state = 'alive';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    asked := take_askings_v2(256);
    -- A loose index scan finds the owners that have a backlog; each in turn gives a step until p_n are found.
    WITH RECURSIVE owner AS (
        (SELECT s.user_id FROM steps s WHERE s.status = 'ready' AND s.admitted ORDER BY s.user_id LIMIT 1)
        UNION ALL
        SELECT (SELECT s.user_id FROM steps s WHERE s.status = 'ready' AND s.admitted AND s.user_id > o.user_id ORDER BY s.user_id LIMIT 1)
        FROM owner o WHERE o.user_id IS NOT NULL
    ),
    backlog AS (
        -- Nothing is locked here, or the steps of many owners would be locked to claim a few.
        SELECT s.id, s.turn FROM (SELECT o.user_id FROM owner o WHERE o.user_id IS NOT NULL ORDER BY random()) o
        CROSS JOIN LATERAL (
            SELECT q.id, row_number() OVER (ORDER BY q.not_before, q.id) AS turn FROM (
                SELECT s.id, s.not_before FROM steps s
                WHERE s.status = 'ready' AND s.admitted AND s.user_id = o.user_id AND s.not_before <= v_now
                ORDER BY s.not_before, s.id LIMIT 4 * p_n
            ) q
        ) s
    )
    -- More than asked for, since other workers are looking at the same ones.
    SELECT array_agg(b.id ORDER BY b.turn) INTO v_ids FROM (SELECT id, turn FROM backlog ORDER BY turn LIMIT 4 * p_n) b;
    claimed := claim_steps_v2(p_worker, coalesce(v_ids, '{}'), p_n);
END
$$;

-- A run whose budget is used up, once something would start: it is held, or everything that waits to start fails.
-- What a person triggered is their own decision, and starts.
CREATE FUNCTION exceed_v2(p_run uuid) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_run   workflow_runs;
    v_steps bigint[];
    v_moved step_was[];
BEGIN
    SELECT * INTO v_run FROM workflow_runs r WHERE r.id = p_run;
    IF v_run.held IS NOT NULL OR v_run.status IN ('completed', 'cancelled', 'failed')
        OR (v_run.used_tokens >= v_run.budget_tokens OR v_run.used_cost >= v_run.budget_cost) IS NOT TRUE
    THEN
        RETURN;
    END IF;
    PERFORM 1 FROM steps s WHERE s.run_id = p_run AND s.status = 'ready' AND NOT s.forced ORDER BY s.id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    ELSIF v_run.on_exceed = 'pause' THEN
        PERFORM hold_v2(p_run, 'budget');
        PERFORM emit_v2(p_run, 'budget_exceeded', NULL, NULL, '{}', NULL, '{}');
        RETURN;
    END IF;
    -- What it sets free cannot pay either.
    LOOP
        SELECT array_agg(s.id), array_agg((s.id, step_state_v2(s))::step_was) INTO v_steps, v_moved FROM steps s
        WHERE s.run_id = p_run AND s.status = 'ready' AND NOT s.superseded AND NOT s.forced;
        EXIT WHEN v_steps IS NULL;
        PERFORM fail_steps_v2(v_steps, 'budget');
        v_moved := v_moved || advance_v2(v_steps);
        PERFORM emit_v2(p_run, 'budget_exceeded', NULL, NULL, v_moved, NULL, '{}');
    END LOOP;
END
$$;

-- Commits the results of many attempts at once: fence, finish, artifacts, dependents, counters, events, limits and budgets,
-- and a claim of what became ready for the same worker.
-- An item that is not this worker's running attempt any more is answered `already` (the same result was committed) or `fenced`.
CREATE FUNCTION complete_batch_v2(
    p_worker uuid,
    p_step bigint[], p_attempt int[], p_outcome text[], p_class text[], p_error text[], p_retry_ms bigint[],
    p_inputs jsonb[], p_usage jsonb[], p_basis jsonb[], p_message text[], p_item_basis text[],
    p_art_step bigint[], p_art_id uuid[], p_art_name text[], p_art_media text[], p_art_hash text[], p_art_size bigint[],
    p_art_content bytea[],
    p_claim int,
    OUT verdicts text[], OUT runs uuid[], OUT claimed jsonb, OUT asked jsonb, OUT n_left int
)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_ok        int[];
    v_ids       bigint[];
    v_moved     step_was[];
    v_advanced  step_was[] := '{}';
    v_finished  bigint[];
    v_gated     bigint[];
    v_defaulted bigint[];
    v_ask       bigint[];
    v_ready     bigint[];
    v_run       uuid;
BEGIN
    claimed := '[]';
    asked := '[]';
    n_left := 0;
    PERFORM 1 FROM workflow_runs r
    WHERE r.id IN (SELECT s.run_id FROM steps s WHERE s.id = ANY (p_step))
    ORDER BY r.id FOR NO KEY UPDATE;

    -- Read by primary key and compared here: a predicate on status would choose a partial index and scan it.
    SELECT array_agg(f.verdict ORDER BY f.ord), array_agg(f.ord::int) FILTER (WHERE f.verdict = 'ok'),
        array_agg(f.step) FILTER (WHERE f.verdict = 'ok')
        INTO verdicts, v_ok, v_ids
    FROM (
        SELECT i.ord, i.step, CASE
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
                -- What it depends on may run again meanwhile; then it waits for that.
                WHEN i.outcome = 'released' OR i.retry_ms IS NOT NULL THEN CASE WHEN s.deps_left = 0 THEN 'ready' ELSE 'pending' END
                WHEN i.outcome = 'failed' AND s.on_error = 'default' THEN 'completed'
                WHEN i.outcome = 'failed' THEN 'failed'
                WHEN s.kind = 'human' OR s.review_mode = 'always' OR (s.review_mode = 'when_manual' AND NOT r.auto_run)
                    THEN 'awaiting_review'
                ELSE 'completed'
            END,
            reason = CASE WHEN i.outcome = 'failed' AND i.retry_ms IS NULL AND s.on_error <> 'default' THEN i.class END,
            fail_count = s.fail_count + (i.outcome = 'failed')::int,
            not_before = CASE WHEN i.retry_ms IS NULL THEN s.not_before ELSE clock_timestamp() + i.retry_ms * interval '1 ms' END,
            admitted = s.admitted AND (r.held IS NULL OR NOT (i.outcome = 'released' OR i.retry_ms IS NOT NULL)),
            lease_worker = NULL
        FROM item i, workflow_runs r
        WHERE s.id = i.step AND r.id = s.run_id
        RETURNING s.id, s.status, i.outcome
    )
    SELECT array_agg((d.id, 'running')::step_was),
        array_agg(d.id) FILTER (WHERE d.status IN ('completed', 'failed')),
        array_agg(d.id) FILTER (WHERE d.status = 'awaiting_review'),
        array_agg(d.id) FILTER (WHERE d.status = 'completed' AND d.outcome = 'failed')
        INTO v_moved, v_finished, v_gated, v_defaulted
    FROM done d;

    UPDATE attempts a SET ended_at = clock_timestamp(), outcome = i.outcome, error_class = i.class, error = i.error,
        inputs = i.inputs, usage = i.usage, basis = i.basis, message = i.message
    FROM unnest(p_step, p_attempt, p_outcome, p_class, p_error, p_inputs, p_usage, p_basis, p_message)
        WITH ORDINALITY i(step, attempt, outcome, class, error, inputs, usage, basis, message, ord)
    WHERE i.ord = ANY (v_ok) AND a.step_id = i.step AND a.number = i.attempt;

    -- An item is what it was run with last: its map keeps it while that stays so.
    IF EXISTS (SELECT 1 FROM unnest(p_item_basis) b WHERE b IS NOT NULL) THEN
        UPDATE map_items m SET basis = i.basis FROM unnest(p_step, p_item_basis) WITH ORDINALITY i(step, basis, ord)
        WHERE i.ord = ANY (v_ok) AND i.basis IS NOT NULL AND m.step_id = i.step;
    END IF;
    IF cardinality(p_art_step) > 0 THEN
        PERFORM put_artifacts_v2(array_agg(n.step), array_agg(n.id), array_agg(n.name), array_agg(n.media), array_agg(n.hash),
            array_agg(n.size), array_agg(n.content), 'agent', NULL)
        FROM unnest(p_art_step, p_art_id, p_art_name, p_art_media, p_art_hash, p_art_size, p_art_content)
            n(step, id, name, media, hash, size, content)
        WHERE n.step = ANY (v_ids) HAVING count(*) > 0;
    END IF;
    IF v_defaulted IS NOT NULL THEN
        PERFORM put_defaults_v2(v_defaulted);
    END IF;
    IF v_gated IS NOT NULL THEN
        PERFORM open_gates_v2(v_gated);
    END IF;
    IF v_finished IS NOT NULL THEN
        v_advanced := advance_v2(v_finished);
    END IF;
    IF EXISTS (SELECT 1 FROM unnest(p_usage) u WHERE u IS NOT NULL) THEN
        UPDATE workflow_runs r SET used_tokens = r.used_tokens + u.tokens, used_cost = r.used_cost + u.cost FROM (
            SELECT s.run_id, sum(coalesce((i.usage ->> 'prompt_tokens')::bigint, 0) + coalesce((i.usage ->> 'completion_tokens')::bigint, 0)) AS tokens,
                sum(coalesce((i.usage ->> 'cost_micros')::bigint, 0)) AS cost
            FROM unnest(p_step, p_usage) WITH ORDINALITY i(step, usage, ord) JOIN steps s ON s.id = i.step
            WHERE i.ord = ANY (v_ok) AND i.usage IS NOT NULL GROUP BY s.run_id
        ) u WHERE r.id = u.run_id;
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
        SELECT st.* FROM settle_v2(v_moved || v_advanced, (SELECT array_agg(i.run_id) FROM item i)) st
    ),
    freed AS (
        SELECT s.run_id, jsonb_agg(step_json_v2(s) ORDER BY s.key) AS steps
        FROM unnest(v_advanced) m JOIN steps s ON s.id = m.step_id GROUP BY s.run_id
    ),
    made AS (
        SELECT a.step_id, jsonb_agg(artifact_json_v2((i.step_row).key, a) ORDER BY a.name) AS artifacts
        FROM item i JOIN artifacts a ON a.step_id = i.step AND (a.attempt = i.attempt OR (a.is_latest AND i.step = ANY (v_defaulted)))
        GROUP BY a.step_id
    ),
    written AS (
        INSERT INTO run_events (run_id, seq, kind, data)
        SELECT i.run_id, st.seq_before + i.rn,
            CASE
                WHEN i.outcome = 'released' THEN 'step_released'
                WHEN (i.step_row).status IN ('ready', 'pending') THEN 'step_retrying'
                WHEN i.outcome = 'failed' THEN 'step_failed'
                WHEN (i.step_row).status = 'awaiting_review' THEN 'step_awaiting_review'
                ELSE 'step_completed'
            END,
            jsonb_build_object(
                'step', (i.step_row).key,
                'steps', jsonb_build_array(step_json_v2(i.step_row)) || CASE WHEN i.rn = i.n THEN coalesce(f.steps, '[]') ELSE '[]' END,
                'attempts', jsonb_build_array(attempt_json_v2((i.step_row).key, a)))
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

    IF EXISTS (SELECT 1 FROM workflow_runs r WHERE r.id = ANY (runs) AND r.limited) THEN
        PERFORM free_slots_v2(v_ids);
        PERFORM admit_v2(r.id) FROM (SELECT r.id FROM workflow_runs r WHERE r.id = ANY (runs) AND r.limited ORDER BY r.id) r;
        n_left := 1;
    END IF;
    FOR v_run IN
        SELECT r.id FROM workflow_runs r WHERE r.id = ANY (runs) AND r.held IS NULL
            AND (r.used_tokens >= r.budget_tokens OR r.used_cost >= r.budget_cost) ORDER BY r.id
    LOOP
        PERFORM exceed_v2(v_run);
    END LOOP;

    SELECT array_agg(s.id ORDER BY s.id) FILTER (WHERE s.status = 'ready' AND s.admitted), array_agg(s.id ORDER BY s.id) FILTER (WHERE s.undecided)
        INTO v_ready, v_ask
    FROM unnest(v_advanced) m JOIN steps s ON s.id = m.step_id;
    IF v_ready IS NOT NULL OR v_ask IS NOT NULL THEN
        PERFORM 1 FROM workers w WHERE w.id = p_worker AND w.state = 'alive';
        IF v_ask IS NOT NULL THEN
            -- This worker looks at once; should it die, another one does a little later.
            asked := ask_v2(v_ask, CASE WHEN FOUND AND p_claim > 0 THEN interval '10 seconds' ELSE interval '0' END);
            IF NOT (FOUND AND p_claim > 0) THEN
                asked := '[]';
                n_left := n_left + 1;
            END IF;
        END IF;
    END IF;
    IF v_ready IS NOT NULL THEN
        PERFORM 1 FROM workers w WHERE w.id = p_worker AND w.state = 'alive';
        IF FOUND AND p_claim > 0 THEN
            claimed := claim_steps_v2(p_worker, v_ready, p_claim);
        END IF;
        n_left := n_left + cardinality(v_ready) - jsonb_array_length(claimed);
    END IF;
END
$$;

-- Commits what the engine decided about steps of one run: run, skip (with a reason) or fail (with a class and an error).
-- One that was asked anew meanwhile, or is decided already, is passed over.
CREATE FUNCTION decide_v2(p_run uuid, p_step bigint[], p_mark int[], p_verdict text[], p_reason text[], p_error text[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_steps    bigint[];
    v_terminal bigint[];
    v_moved    step_was[];
BEGIN
    PERFORM 1 FROM workflow_runs r WHERE r.id = p_run FOR NO KEY UPDATE;
    SELECT array_agg(s.id), array_agg((s.id, step_state_v2(s))::step_was) INTO v_steps, v_moved
    FROM unnest(p_step, p_mark) i(step, mark) JOIN steps s ON s.id = i.step
    WHERE s.run_id = p_run AND s.undecided AND s.mark = i.mark AND s.status = 'pending';
    IF v_steps IS NULL THEN
        RETURN false;
    END IF;
    UPDATE steps s SET
        undecided = false,
        status = CASE i.verdict WHEN 'run' THEN 'ready' WHEN 'skip' THEN 'skipped' ELSE 'pending' END,
        reason = CASE i.verdict WHEN 'skip' THEN i.reason END,
        not_before = clock_timestamp(),
        admitted = NOT s.limited AND r.held IS NULL,
        attempt = s.attempt + (i.verdict = 'fail')::int
    FROM unnest(p_step, p_verdict, p_reason) i(step, verdict, reason), workflow_runs r
    WHERE s.id = i.step AND s.id = ANY (v_steps) AND r.id = p_run;
    INSERT INTO attempts (step_id, number, generation, ended_at, outcome, error_class, error)
    SELECT s.id, s.attempt, s.generation, clock_timestamp(), 'failed', i.reason, i.error
    FROM unnest(p_step, p_verdict, p_reason, p_error) i(step, verdict, reason, error) JOIN steps s ON s.id = i.step
    WHERE s.id = ANY (v_steps) AND i.verdict = 'fail';
    PERFORM fail_steps_v2(ARRAY[i.step], i.reason)
    FROM unnest(p_step, p_verdict, p_reason) i(step, verdict, reason) WHERE i.step = ANY (v_steps) AND i.verdict = 'fail';
    SELECT array_agg(s.id) INTO v_terminal FROM steps s WHERE s.id = ANY (v_steps) AND s.status IN ('skipped', 'failed', 'completed');
    v_moved := v_moved || advance_v2(coalesce(v_terminal, '{}'));
    PERFORM emit_v2(p_run, 'step_decided', NULL, CASE WHEN cardinality(v_steps) = 1 THEN (SELECT s.key FROM steps s WHERE s.id = v_steps[1]) END,
        v_moved,
        (SELECT array_agg(a.id) FROM artifacts a WHERE a.step_id = ANY (v_terminal) AND a.is_latest AND a.origin = 'import'), '{}');
    RETURN true;
END
$$;

-- Gives a map its items. An item with the same key and basis that is completed is kept; another one begins anew; one that
-- is not among them any more is no part of the run.
CREATE FUNCTION expand_v2(p_step bigint, p_mark int, p_inputs jsonb, p_basis jsonb, p_key text[], p_value jsonb[], p_item_basis text[])
RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_run      uuid;
    v_map      steps;
    v_moved    step_was[];
    v_more     step_was[];
    v_removed  bigint[];
    v_restart  bigint[];
    v_kept     bigint[];
    v_revived  bigint[];
    v_new      jsonb;
    v_left     int;
    v_data     jsonb := '{}';
BEGIN
    SELECT s.run_id INTO v_run FROM steps s WHERE s.id = p_step;
    PERFORM 1 FROM workflow_runs r WHERE r.id = v_run FOR NO KEY UPDATE;
    SELECT * INTO v_map FROM steps s WHERE s.id = p_step;
    IF NOT FOUND OR NOT v_map.undecided OR v_map.mark <> p_mark OR v_map.status <> 'pending' THEN
        RETURN false;
    END IF;
    v_moved := ARRAY[(v_map.id, 'deciding')::step_was];
    -- Ten thousand items are joined four times, so they stand in a table with statistics rather than in arrays.
    CREATE TEMP TABLE IF NOT EXISTS wanted_items (ord int PRIMARY KEY, key text, value jsonb, basis text, step_id bigint) ON COMMIT DELETE ROWS;
    DELETE FROM wanted_items;
    INSERT INTO wanted_items SELECT i.ord - 1, i.key, i.value, i.basis, s.id
    FROM unnest(p_key, p_value, p_item_basis) WITH ORDINALITY i(key, value, basis, ord)
    LEFT JOIN steps s ON s.run_id = v_run AND s.key = v_map.key || '[' || i.key || ']' AND s.parent_id = p_step;

    SELECT array_agg(s.id ORDER BY s.id), array_agg((s.id, step_state_v2(s))::step_was) INTO v_removed, v_more
    FROM steps s WHERE s.parent_id = p_step AND NOT s.superseded AND NOT EXISTS (SELECT 1 FROM wanted_items w WHERE w.step_id = s.id);
    v_moved := v_moved || coalesce(v_more, '{}');
    SELECT array_agg(s.id) FILTER (WHERE s.status = 'completed' AND i.basis = w.basis),
        array_agg(s.id) FILTER (WHERE NOT (s.status = 'completed' AND i.basis = w.basis)),
        array_agg(s.id) FILTER (WHERE s.superseded),
        array_agg((s.id, step_state_v2(s))::step_was) FILTER (WHERE s.superseded OR NOT (s.status = 'completed' AND i.basis = w.basis))
        INTO v_kept, v_restart, v_revived, v_more
    FROM wanted_items w JOIN steps s ON s.id = w.step_id JOIN map_items i ON i.step_id = s.id;
    v_moved := v_moved || coalesce(v_more, '{}');
    UPDATE steps s SET superseded = true WHERE s.id = ANY (v_removed);
    UPDATE steps s SET superseded = false, item_index = w.ord FROM wanted_items w WHERE s.id = w.step_id AND (s.superseded OR s.item_index <> w.ord);
    UPDATE map_items i SET value = w.value, basis = w.basis FROM wanted_items w
    WHERE i.step_id = w.step_id AND (i.value, i.basis) IS DISTINCT FROM (w.value, w.basis);
    INSERT INTO step_generations (step_id, generation) SELECT s.id, s.generation + 1 FROM steps s WHERE s.id = ANY (v_restart);
    UPDATE steps s SET generation = s.generation + 1, status = 'ready', reason = NULL, fail_count = 0, crash_count = 0, rounds = 0,
        child_run = NULL, not_before = clock_timestamp(), admitted = NOT s.limited AND r.held IS NULL
    FROM workflow_runs r WHERE s.id = ANY (v_restart) AND r.id = v_run;

    WITH made AS (
        INSERT INTO steps (run_id, key, title, agent_id, agent_version, kind, user_id, review_mode, status, deps_left, not_before,
            on_error, gate, limited, admitted, slot_keys, parent_id, item_index)
        SELECT v_run, v_map.key || '[' || w.key || ']', v_map.title || ' [' || w.key || ']', v_map.agent_id, v_map.agent_version, v_map.kind,
            v_map.user_id, v_map.review_mode, 'ready', 0, clock_timestamp(), 'continue', v_map.gate, v_map.limited,
            NOT v_map.limited AND r.held IS NULL, v_map.slot_keys, v_map.id, w.ord
        FROM wanted_items w JOIN workflow_runs r ON r.id = v_run WHERE w.step_id IS NULL ORDER BY w.ord
        RETURNING id, item_index
    ),
    valued AS (
        INSERT INTO map_items (step_id, key, value, basis)
        SELECT m.id, w.key, w.value, w.basis FROM made m JOIN wanted_items w ON w.ord = m.item_index
    )
    SELECT array_agg((m.id, 'new')::step_was ORDER BY m.id), jsonb_agg(jsonb_build_array(w.ord, w.key) ORDER BY w.ord)
        INTO v_more, v_new
    FROM made m JOIN wanted_items w ON w.ord = m.item_index;
    v_moved := v_moved || coalesce(v_more, '{}');
    SELECT count(*) INTO v_left FROM steps s
    WHERE s.parent_id = p_step AND NOT s.superseded AND s.status NOT IN ('completed', 'failed', 'skipped', 'cancelled');
    UPDATE steps s SET status = 'running', undecided = v_left = 0, mark = s.mark + (v_left = 0)::int, attempt = s.attempt + 1,
        items_left = v_left, forced = false
    WHERE s.id = p_step;
    INSERT INTO attempts (step_id, number, generation, inputs, basis)
    VALUES (p_step, v_map.attempt + 1, v_map.generation, p_inputs, p_basis);
    -- Revived items come back into view as new ones, with what they had.
    SELECT coalesce(v_new, '[]') || coalesce(jsonb_agg(jsonb_build_array(s.item_index, i.key) ORDER BY s.item_index), '[]') INTO v_new
    FROM steps s JOIN map_items i ON i.step_id = s.id WHERE s.id = ANY (v_revived);
    IF jsonb_array_length(v_new) > 0 THEN
        v_data := jsonb_build_object('items', jsonb_build_object('of', v_map.key, 'items', v_new));
    END IF;
    IF v_removed IS NOT NULL THEN
        v_data := v_data || (SELECT jsonb_build_object('removed', jsonb_agg(s.key)) FROM steps s WHERE s.id = ANY (v_removed));
    END IF;
    v_data := v_data || coalesce((
        SELECT jsonb_build_object('indices', jsonb_object_agg(s.key, s.item_index)) FROM steps s
        WHERE s.parent_id = p_step AND NOT s.superseded AND s.id = ANY (coalesce(v_kept, '{}') || coalesce(v_restart, '{}'))
        HAVING count(*) > 0), '{}');
    IF v_revived IS NOT NULL THEN
        v_data := v_data || (
            SELECT jsonb_build_object('attempts', jsonb_agg(attempt_json_v2(s.key, a) ORDER BY s.key, a.number))
            FROM steps s JOIN attempts a ON a.step_id = s.id
            WHERE s.id = ANY (v_revived) OR (s.id = p_step AND a.number = v_map.attempt + 1));
    END IF;
    PERFORM emit_v2(v_run, 'step_expanded', NULL, v_map.key, v_moved,
        (SELECT array_agg(a.id) FROM artifacts a WHERE a.step_id = ANY (v_revived)), v_data);
    RETURN true;
END
$$;
