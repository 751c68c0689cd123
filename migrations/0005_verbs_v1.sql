-- The verbs of a person, version 1, and the care for workers: heartbeat, recovery of a dead one's steps.
-- Each verb locks the run, checks the expected state, writes, and emits one event naming the person.
-- Answers are words: done, unchanged, not_found, generation, digest, status (the step or run is not in a state that allows it).

CREATE FUNCTION start_run_v1(
    p_id uuid, p_template uuid, p_version int, p_definition jsonb, p_inputs jsonb, p_auto_run boolean, p_is_test boolean,
    p_actor uuid, p_idem_key text, p_request_hash text,
    p_keys text[], p_titles text[], p_agents text[], p_agent_versions int[], p_kinds text[], p_review_modes text[],
    p_dep_from text[], p_dep_to text[]
) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_changes step_change[];
BEGIN
    INSERT INTO workflow_runs (id, template_id, template_version, run_definition, inputs, auto_run, is_test, status, user_id,
        idempotency_key, request_hash, n_steps)
    VALUES (p_id, p_template, p_version, p_definition, p_inputs, p_auto_run, p_is_test, 'pending', p_actor, p_idem_key,
        p_request_hash, cardinality(p_keys))
    ON CONFLICT (user_id, idempotency_key) DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO steps (run_id, key, title, agent_id, agent_version, kind, user_id, review_mode, status, deps_left, not_before)
    SELECT p_id, k.key, k.title, k.agent, k.version, k.kind, p_actor, k.review,
        CASE WHEN coalesce(d.n, 0) = 0 THEN 'ready' ELSE 'pending' END, coalesce(d.n, 0), clock_timestamp()
    FROM unnest(p_keys, p_titles, p_agents, p_agent_versions, p_kinds, p_review_modes)
        WITH ORDINALITY k(key, title, agent, version, kind, review, ord)
    LEFT JOIN (SELECT t.key, count(*)::int AS n FROM unnest(p_dep_to) t(key) GROUP BY t.key) d ON d.key = k.key
    ORDER BY k.ord;
    INSERT INTO step_deps (depends_on, step_id)
    SELECT a.id, b.id FROM unnest(p_dep_from, p_dep_to) e(a, b)
    JOIN steps a ON a.run_id = p_id AND a.key = e.a
    JOIN steps b ON b.run_id = p_id AND b.key = e.b;
    SELECT array_agg((p_id, s.id, 'pending', s.status)::step_change) INTO v_changes
    FROM steps s WHERE s.run_id = p_id AND s.status = 'ready';
    PERFORM emit_v1(p_id, 'run_started', p_actor, NULL, v_changes, '{}');
    RETURN true;
END
$$;

CREATE FUNCTION approve_step_v1(p_run uuid, p_key text, p_digest text, p_generation int, p_actor uuid, OUT answer text, OUT status text)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_step    steps;
    v_current text;
    v_changes step_change[];
BEGIN
    PERFORM 1 FROM workflow_runs r WHERE r.id = p_run FOR NO KEY UPDATE;
    SELECT * INTO v_step FROM steps s WHERE s.run_id = p_run AND s.key = p_key;
    IF NOT FOUND THEN
        answer := 'not_found';
        RETURN;
    END IF;
    status := v_step.status;
    IF p_generation IS NOT NULL AND p_generation <> v_step.generation THEN
        answer := 'generation';
    ELSIF v_step.status <> 'awaiting_review' THEN
        answer := 'status';
    ELSE
        v_current := review_digest_v1(v_step.id);
        IF p_digest IS NOT NULL AND p_digest <> v_current THEN
            answer := 'digest';
            RETURN;
        END IF;
        UPDATE reviews v SET decision = 'approved', decided_by = p_actor, decided_at = clock_timestamp(), digest = v_current
        WHERE v.step_id = v_step.id AND v.generation = v_step.generation AND v.decision IS NULL;
        UPDATE steps s SET status = 'completed' WHERE s.id = v_step.id;
        v_changes := ARRAY[(p_run, v_step.id, 'awaiting_review', 'completed')::step_change] || advance_v1(ARRAY[v_step.id]);
        PERFORM emit_v1(p_run, 'step_approved', p_actor, p_key, v_changes, '{}');
        answer := 'done';
        status := 'completed';
    END IF;
END
$$;

CREATE FUNCTION trigger_step_v1(
    p_run uuid, p_key text, p_set_prompt boolean, p_prompt text, p_inputs jsonb, p_generation int, p_actor uuid,
    OUT answer text, OUT status text
)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_run      workflow_runs;
    v_step     steps;
    v_override jsonb;
    v_changes  step_change[];
BEGIN
    SELECT * INTO v_run FROM workflow_runs r WHERE r.id = p_run FOR NO KEY UPDATE;
    -- The step is locked too: a worker may be claiming it.
    SELECT * INTO v_step FROM steps s WHERE s.run_id = p_run AND s.key = p_key FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        answer := 'not_found';
        RETURN;
    END IF;
    status := v_step.status;
    IF p_generation IS NOT NULL AND p_generation <> v_step.generation THEN
        answer := 'generation';
        RETURN;
    ELSIF v_run.status = 'cancelled' OR v_step.status NOT IN ('ready', 'completed', 'failed', 'skipped') THEN
        -- A cancelled run is final, its finished steps included.
        answer := 'status';
        status := CASE WHEN v_run.status = 'cancelled' THEN 'cancelled' ELSE status END;
        RETURN;
    END IF;

    v_override := coalesce(v_run.overrides -> p_key, '{}');
    IF p_set_prompt THEN
        v_override := CASE WHEN p_prompt IS NULL THEN v_override - 'prompt'
            ELSE v_override || jsonb_build_object('prompt', p_prompt) END;
    END IF;
    IF p_inputs IS NOT NULL THEN
        v_override := CASE WHEN p_inputs = '{}' THEN v_override - 'inputs'
            ELSE v_override || jsonb_build_object('inputs', p_inputs) END;
    END IF;
    UPDATE workflow_runs r
    SET overrides = CASE WHEN v_override = '{}' THEN r.overrides - p_key
        ELSE r.overrides || jsonb_build_object(p_key, v_override) END
    WHERE r.id = p_run;

    IF v_step.status = 'ready' THEN
        -- Already queued: only what it will run with changes, and a backoff is over.
        UPDATE steps s SET not_before = clock_timestamp() WHERE s.id = v_step.id;
        v_changes := ARRAY[(p_run, v_step.id, 'ready', 'ready')::step_change];
    ELSE
        UPDATE steps s SET generation = s.generation + 1, fail_count = 0, crash_count = 0, reason = NULL,
            not_before = clock_timestamp(), status = CASE WHEN s.deps_left = 0 THEN 'ready' ELSE 'pending' END
        WHERE s.id = v_step.id
        RETURNING s.status INTO status;
        INSERT INTO step_generations (step_id, generation, begun_by) VALUES (v_step.id, v_step.generation + 1, p_actor);
        v_changes := ARRAY[(p_run, v_step.id, v_step.status, status)::step_change]
            || reopen_v1(v_step.id, dependency_class_v1(v_step.status, v_step.reason));
    END IF;
    PERFORM emit_v1(p_run, 'step_triggered', p_actor, p_key, v_changes,
        jsonb_build_object('overrides', jsonb_build_object(p_key, nullif(v_override, '{}'))));
    answer := 'done';
END
$$;

CREATE FUNCTION set_auto_run_v1(p_run uuid, p_auto_run boolean, p_actor uuid, OUT answer text, OUT status text)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_run      workflow_runs;
    v_released bigint[];
    v_changes  step_change[] := '{}';
BEGIN
    SELECT * INTO v_run FROM workflow_runs r WHERE r.id = p_run FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        answer := 'not_found';
        RETURN;
    END IF;
    status := v_run.status;
    IF v_run.auto_run = p_auto_run THEN
        answer := 'unchanged';
        RETURN;
    ELSIF v_run.status IN ('completed', 'failed', 'cancelled') THEN
        answer := 'status';
        RETURN;
    END IF;
    UPDATE workflow_runs r SET auto_run = p_auto_run WHERE r.id = p_run;
    IF p_auto_run THEN
        WITH released AS (
            UPDATE steps s SET status = 'completed'
            WHERE s.run_id = p_run AND s.status = 'awaiting_review' AND s.review_mode = 'when_manual'
            RETURNING s.id, s.generation
        ),
        decided AS (
            UPDATE reviews v SET decision = 'released', decided_by = p_actor, decided_at = clock_timestamp()
            FROM released l WHERE v.step_id = l.id AND v.generation = l.generation AND v.decision IS NULL
        )
        SELECT array_agg(l.id), array_agg((p_run, l.id, 'awaiting_review', 'completed')::step_change) INTO v_released, v_changes
        FROM released l;
        IF v_released IS NOT NULL THEN
            v_changes := v_changes || advance_v1(v_released);
        END IF;
    END IF;
    PERFORM emit_v1(p_run, 'auto_run_changed', p_actor, NULL, coalesce(v_changes, '{}'), '{}');
    answer := 'done';
END
$$;

CREATE FUNCTION cancel_run_v1(p_run uuid, p_actor uuid, OUT answer text, OUT status text)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_run      workflow_runs;
    v_changes  step_change[];
    v_attempts jsonb;
BEGIN
    SELECT * INTO v_run FROM workflow_runs r WHERE r.id = p_run FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        answer := 'not_found';
        RETURN;
    END IF;
    status := v_run.status;
    IF v_run.status IN ('completed', 'failed', 'cancelled') THEN
        answer := CASE WHEN v_run.status = 'cancelled' THEN 'unchanged' ELSE 'status' END;
        RETURN;
    END IF;
    UPDATE workflow_runs r SET status = 'cancelled', status_reason = NULL, finished_at = clock_timestamp() WHERE r.id = p_run;
    WITH old AS (
        SELECT s.id, s.status FROM steps s
        WHERE s.run_id = p_run AND s.status IN ('pending', 'ready', 'running', 'awaiting_review')
        ORDER BY s.id FOR NO KEY UPDATE
    ),
    ended AS (
        UPDATE steps s SET status = 'cancelled', lease_worker = NULL FROM old o WHERE s.id = o.id RETURNING s.id, o.status AS was
    )
    SELECT array_agg((p_run, e.id, e.was, 'cancelled')::step_change) INTO v_changes FROM ended e;
    WITH ended AS (
        UPDATE attempts a SET outcome = 'cancelled', ended_at = clock_timestamp()
        FROM unnest(v_changes) c WHERE a.step_id = c.step_id AND a.outcome IS NULL
        RETURNING a AS attempt_row, a.step_id
    )
    SELECT jsonb_agg(attempt_json_v1(s.key, e.attempt_row)) INTO v_attempts FROM ended e JOIN steps s ON s.id = e.step_id;
    UPDATE reviews v SET decision = 'cancelled', decided_by = p_actor, decided_at = clock_timestamp()
    FROM unnest(v_changes) c WHERE v.step_id = c.step_id AND v.decision IS NULL;
    PERFORM emit_v1(p_run, 'run_cancelled', p_actor, NULL, coalesce(v_changes, '{}'),
        jsonb_build_object('attempts', coalesce(v_attempts, '[]')));
    answer := 'done';
    status := 'cancelled';
END
$$;

-- The heartbeat, with what the worker believes it runs. Tells which of it is no longer its own, and which attempts
-- the database holds for it that it does not know (a claim whose answer was lost). Not alive: it was declared dead.
CREATE FUNCTION beat_v1(p_worker uuid, p_step bigint[], p_attempt int[],
    OUT alive boolean, OUT lost_steps bigint[], OUT lost_attempts int[], OUT orphan_steps bigint[], OUT orphan_attempts int[])
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE workers w SET last_beat = clock_timestamp(), suspected_at = NULL WHERE w.id = p_worker AND w.state <> 'dead';
    alive := FOUND;
    SELECT array_agg(m.step), array_agg(m.attempt) INTO lost_steps, lost_attempts
    FROM unnest(p_step, p_attempt) m(step, attempt)
    LEFT JOIN steps s ON s.id = m.step AND s.status = 'running' AND s.attempt = m.attempt AND s.lease_worker = p_worker
    WHERE s.id IS NULL;
    SELECT array_agg(s.id), array_agg(s.attempt) INTO orphan_steps, orphan_attempts
    FROM steps s JOIN attempts a ON a.step_id = s.id AND a.number = s.attempt
    WHERE s.lease_worker = p_worker AND s.status = 'running' AND s.id <> ALL (p_step)
        AND a.started_at < clock_timestamp() - interval '10 seconds';
END
$$;

-- Declares workers dead whose beat is older than the lease in two sweeps at least p_sweep apart.
CREATE FUNCTION bury_v1(p_ttl interval, p_sweep interval) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_n   int;
BEGIN
    WITH expired AS (
        SELECT w.id, w.suspected_at FROM workers w
        WHERE w.state <> 'dead' AND w.last_beat < v_now - p_ttl FOR NO KEY UPDATE SKIP LOCKED
    ),
    suspected AS (
        UPDATE workers w SET suspected_at = v_now FROM expired e WHERE w.id = e.id AND e.suspected_at IS NULL
    )
    UPDATE workers w SET state = 'dead' FROM expired e WHERE w.id = e.id AND e.suspected_at < v_now - p_sweep;
    GET DIAGNOSTICS v_n = ROW_COUNT;
    RETURN v_n;
END
$$;

-- Queues the steps of dead workers again, at their old place in the queue; one that killed its workers three times fails.
-- Recovers at most p_n steps and names the runs it touched.
CREATE FUNCTION recover_v1(p_n int, p_max_crashes int) RETURNS uuid[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_steps   bigint[];
    v_runs    uuid[];
    v_lost    steps;
    v_key     text;
    v_changes step_change[];
    v_attempt jsonb;
BEGIN
    SELECT array_agg(l.id), array_agg(DISTINCT l.run_id) INTO v_steps, v_runs FROM (
        SELECT s.id, s.run_id FROM workers w JOIN steps s ON s.lease_worker = w.id AND s.status = 'running'
        WHERE w.state = 'dead' ORDER BY s.run_id LIMIT p_n
    ) l;
    IF v_steps IS NULL THEN
        RETURN '{}';
    END IF;
    PERFORM 1 FROM workflow_runs r WHERE r.id = ANY (v_runs) ORDER BY r.id FOR NO KEY UPDATE;
    FOR v_lost IN
        -- Read again under the locks: another sweep may have been faster.
        SELECT s.* FROM steps s JOIN workers w ON w.id = s.lease_worker
        WHERE s.id = ANY (v_steps) AND s.status = 'running' AND w.state = 'dead' ORDER BY s.id
    LOOP
        UPDATE attempts a SET outcome = 'lost', ended_at = clock_timestamp()
        WHERE a.step_id = v_lost.id AND a.number = v_lost.attempt
        RETURNING attempt_json_v1(v_lost.key, a) INTO v_attempt;
        IF v_lost.crash_count + 1 >= p_max_crashes THEN
            UPDATE steps s SET status = 'failed', reason = 'crash_loop', crash_count = s.crash_count + 1, lease_worker = NULL
            WHERE s.id = v_lost.id;
            v_changes := ARRAY[(v_lost.run_id, v_lost.id, 'running', 'failed')::step_change] || advance_v1(ARRAY[v_lost.id]);
            v_key := 'step_failed';
        ELSE
            UPDATE steps s SET status = 'ready', crash_count = s.crash_count + 1, lease_worker = NULL WHERE s.id = v_lost.id;
            v_changes := ARRAY[(v_lost.run_id, v_lost.id, 'running', 'ready')::step_change];
            v_key := 'step_recovered';
        END IF;
        PERFORM emit_v1(v_lost.run_id, v_key, NULL, v_lost.key, v_changes,
            jsonb_build_object('attempts', jsonb_build_array(v_attempt)));
    END LOOP;
    RETURN v_runs;
END
$$;
