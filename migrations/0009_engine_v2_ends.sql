-- How maps and sub-workflows begin and end, version 2, and what time does by itself: recovery, deadlines, reviews nobody decides.

-- A sub-workflow's run begins: the attempt stays open without a lease until that run ends. p_run and the rest as start_run_v2.
-- `already` when an answer was lost, `fenced` when the attempt is not this worker's any more.
CREATE FUNCTION start_child_v2(p_worker uuid, p_step bigint, p_attempt int, p_inputs jsonb, p_basis jsonb,
    p_run jsonb, p_steps jsonb, p_dep_from text[], p_dep_to text[]) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_parent uuid;
    v_step   steps;
    v_depth  int;
    v_auto   boolean;
BEGIN
    SELECT s.run_id INTO v_parent FROM steps s WHERE s.id = p_step;
    SELECT r.depth, r.auto_run INTO v_depth, v_auto FROM workflow_runs r WHERE r.id = v_parent FOR NO KEY UPDATE;
    SELECT * INTO v_step FROM steps s WHERE s.id = p_step FOR NO KEY UPDATE;
    IF NOT FOUND OR v_step.status <> 'running' OR v_step.attempt <> p_attempt OR v_step.lease_worker IS DISTINCT FROM p_worker THEN
        RETURN CASE WHEN EXISTS (SELECT 1 FROM workflow_runs r WHERE r.parent_step = p_step AND r.parent_attempt = p_attempt)
            THEN 'already' ELSE 'fenced' END;
    ELSIF v_depth >= 16 THEN
        RETURN 'too_deep';
    END IF;
    PERFORM start_run_v2(p_run || jsonb_build_object('depth', v_depth + 1, 'user', v_step.user_id, 'auto_run', v_auto,
        'parent', jsonb_build_object('run', v_parent, 'step', p_step, 'attempt', p_attempt)), p_steps, p_dep_from, p_dep_to);
    UPDATE steps s SET lease_worker = NULL, child_run = (p_run ->> 'id')::uuid WHERE s.id = p_step;
    UPDATE attempts a SET inputs = p_inputs, basis = p_basis WHERE a.step_id = p_step AND a.number = p_attempt;
    PERFORM emit_v2(v_parent, 'step_expanded', NULL, v_step.key, ARRAY[(p_step, 'running')::step_was], NULL, '{}');
    RETURN 'done';
END
$$;

-- Ends a map whose items are over (p_mark), or a step whose sub-workflow's run is over (p_child): it completes with the given
-- artifacts, or fails. A step that failed with its sub-workflow completes after all when that run was mended.
CREATE FUNCTION end_parent_v2(p_step bigint, p_mark int, p_child uuid, p_class text, p_error text,
    p_art_id uuid[], p_art_name text[], p_art_media text[], p_art_hash text[], p_art_size bigint[], p_art_content bytea[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_run    workflow_runs;
    v_step   steps;
    v_status text;
    v_moved  step_was[];
    v_usage  jsonb;
BEGIN
    SELECT r.* INTO v_run FROM steps s JOIN workflow_runs r ON r.id = s.run_id WHERE s.id = p_step;
    SELECT * INTO v_run FROM workflow_runs r WHERE r.id = v_run.id FOR NO KEY UPDATE;
    SELECT * INTO v_step FROM steps s WHERE s.id = p_step FOR NO KEY UPDATE;
    IF NOT FOUND OR v_step.superseded OR v_run.status = 'cancelled' THEN
        RETURN false;
    ELSIF p_child IS NULL THEN
        IF NOT v_step.undecided OR v_step.mark <> p_mark OR v_step.status <> 'running' THEN
            RETURN false;
        END IF;
    ELSIF v_step.child_run IS DISTINCT FROM p_child
        OR NOT (v_step.status = 'running' OR (v_step.status = 'failed' AND v_step.reason = 'child_failed' AND p_class IS NULL))
    THEN
        RETURN false;
    END IF;
    v_moved := ARRAY[(v_step.id, step_state_v2(v_step))::step_was];
    IF v_step.status = 'failed' THEN
        -- Late, after it was given up: a new generation, whose attempt is this one.
        INSERT INTO step_generations (step_id, generation) VALUES (p_step, v_step.generation + 1);
        INSERT INTO attempts (step_id, number, generation, inputs, basis)
        SELECT a.step_id, v_step.attempt + 1, v_step.generation + 1, a.inputs, a.basis
        FROM attempts a WHERE a.step_id = p_step AND a.number = v_step.attempt;
        UPDATE steps s SET generation = s.generation + 1, attempt = s.attempt + 1, status = 'running', reason = NULL WHERE s.id = p_step;
        v_moved := v_moved || reopen_v2(ARRAY[p_step], ARRAY[dependency_class_v2(v_step.status, v_step.reason, v_step.on_error)]);
    END IF;
    IF p_child IS NOT NULL THEN
        -- What the sub-workflow used, less what earlier ends of the same run were charged with.
        SELECT jsonb_strip_nulls(jsonb_build_object(
                'prompt_tokens', sum((u ->> 'prompt_tokens')::bigint * sign),
                'completion_tokens', sum((u ->> 'completion_tokens')::bigint * sign),
                'cost_micros', sum((u ->> 'cost_micros')::bigint * sign))) INTO v_usage
        FROM (
            SELECT a.usage AS u, 1 AS sign FROM attempts a JOIN steps s ON s.id = a.step_id WHERE s.run_id = p_child AND a.usage IS NOT NULL
            UNION ALL
            SELECT a.usage, -1 FROM attempts a JOIN workflow_runs c ON c.id = p_child
            WHERE a.step_id = p_step AND a.number >= c.parent_attempt AND a.usage IS NOT NULL
        ) used;
        v_usage := nullif(v_usage, '{}');
        UPDATE workflow_runs r SET
            used_tokens = r.used_tokens + coalesce((v_usage ->> 'prompt_tokens')::bigint, 0)
                + coalesce((v_usage ->> 'completion_tokens')::bigint, 0),
            used_cost = r.used_cost + coalesce((v_usage ->> 'cost_micros')::bigint, 0)
        WHERE r.id = v_run.id AND v_usage IS NOT NULL;
    END IF;
    UPDATE attempts a SET ended_at = clock_timestamp(), outcome = CASE WHEN p_class IS NULL THEN 'succeeded' ELSE 'failed' END,
        error_class = p_class, error = p_error, usage = v_usage
    WHERE a.step_id = p_step AND a.outcome IS NULL;
    IF p_class IS NULL THEN
        v_status := CASE
            WHEN NOT v_step.is_map AND (v_step.review_mode = 'always' OR (v_step.review_mode = 'when_manual' AND NOT v_run.auto_run))
            THEN 'awaiting_review' ELSE 'completed' END;
        UPDATE steps s SET status = v_status, undecided = false WHERE s.id = p_step;
        PERFORM put_artifacts_v2(array_fill(p_step, ARRAY[cardinality(p_art_id)]), p_art_id, p_art_name, p_art_media, p_art_hash, p_art_size,
            p_art_content, 'agent', NULL) WHERE cardinality(p_art_id) > 0;
        IF v_status = 'awaiting_review' THEN
            PERFORM open_gates_v2(ARRAY[p_step]);
        END IF;
    ELSE
        PERFORM fail_steps_v2(ARRAY[p_step], p_class);
    END IF;
    SELECT s.status INTO v_status FROM steps s WHERE s.id = p_step;
    IF v_status <> 'awaiting_review' THEN
        v_moved := v_moved || advance_v2(ARRAY[p_step]);
    END IF;
    PERFORM emit_v2(v_run.id, CASE WHEN p_class IS NOT NULL THEN 'step_failed' WHEN v_status = 'completed' THEN 'step_completed'
            ELSE 'step_awaiting_review' END, NULL, v_step.key, v_moved,
        (SELECT array_agg(a.id) FROM artifacts a WHERE a.step_id = p_step AND a.is_latest AND (p_class IS NULL OR a.origin = 'import')), '{}');
    RETURN true;
END
$$;

-- Queues the steps of dead workers again, at their old place in the queue; one that killed its workers three times fails.
-- Recovers at most p_n steps and names the runs it touched.
CREATE FUNCTION recover_v2(p_n int, p_max_crashes int) RETURNS uuid[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_steps bigint[];
    v_runs  uuid[];
    v_lost  steps;
    v_kind  text;
    v_moved step_was[];
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
        UPDATE attempts a SET outcome = 'lost', ended_at = clock_timestamp() WHERE a.step_id = v_lost.id AND a.number = v_lost.attempt;
        UPDATE steps s SET crash_count = s.crash_count + 1 WHERE s.id = v_lost.id;
        v_moved := ARRAY[(v_lost.id, 'running')::step_was];
        IF v_lost.crash_count + 1 >= p_max_crashes THEN
            PERFORM fail_steps_v2(ARRAY[v_lost.id], 'crash_loop');
            v_moved := v_moved || advance_v2(ARRAY[v_lost.id]);
            v_kind := 'step_failed';
        ELSE
            UPDATE steps s SET status = CASE WHEN s.deps_left = 0 THEN 'ready' ELSE 'pending' END, lease_worker = NULL, admitted = r.held IS NULL
            FROM workflow_runs r WHERE s.id = v_lost.id AND r.id = s.run_id;
            v_kind := 'step_recovered';
        END IF;
        PERFORM emit_v2(v_lost.run_id, v_kind, NULL, v_lost.key, v_moved,
            (SELECT array_agg(a.id) FROM artifacts a WHERE a.step_id = v_lost.id AND a.is_latest AND a.origin = 'import'), '{}');
    END LOOP;
    RETURN v_runs;
END
$$;

-- Ends runs that took longer than they may: everything not terminal fails. Names the runs.
CREATE FUNCTION expire_runs_v2(p_n int) RETURNS uuid[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_run   uuid;
    v_runs  uuid[] := '{}';
    v_steps bigint[];
    v_moved step_was[];
BEGIN
    -- All of them before anything else is locked; one that somebody holds is left to the next sweep.
    FOREACH v_run IN ARRAY ARRAY(
        SELECT r.id FROM workflow_runs r WHERE r.deadline_at < clock_timestamp() AND r.finished_at IS NULL
        ORDER BY r.id LIMIT p_n FOR NO KEY UPDATE SKIP LOCKED)
    LOOP
        PERFORM 1 FROM steps s WHERE s.run_id = v_run ORDER BY s.id FOR NO KEY UPDATE;
        SELECT array_agg(s.id), array_agg((s.id, step_state_v2(s))::step_was) INTO v_steps, v_moved FROM steps s
        WHERE s.run_id = v_run AND NOT s.superseded AND s.status NOT IN ('completed', 'failed', 'skipped', 'cancelled');
        UPDATE workflow_runs r SET deadline_at = NULL, held = NULL WHERE r.id = v_run;
        PERFORM end_open_v2(v_steps, 'timed_out', NULL);
        PERFORM fail_steps_v2(v_steps, 'run_timeout');
        v_moved := v_moved || advance_v2(v_steps);
        UPDATE steps s SET undecided = false WHERE s.run_id = v_run AND s.undecided;
        PERFORM emit_v2(v_run, 'run_timed_out', NULL, NULL, v_moved, NULL, '{}');
        v_runs := v_runs || v_run;
    END LOOP;
    RETURN v_runs;
END
$$;

-- Decides gates that nobody decided in time, as their step says. Names the runs.
CREATE FUNCTION expire_reviews_v2(p_n int) RETURNS uuid[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_now    timestamptz := clock_timestamp();
    v_locked uuid[];
    v_due   record;
    v_step  steps;
    v_runs  uuid[] := '{}';
    v_moved step_was[];
    v_asks  boolean;
BEGIN
    -- All runs before anything else is locked.
    v_locked := ARRAY(
        SELECT r.id FROM workflow_runs r WHERE r.id IN (
            SELECT s.run_id FROM reviews v JOIN steps s ON s.id = v.step_id WHERE v.decision IS NULL AND v.due_at < v_now LIMIT p_n)
        ORDER BY r.id FOR NO KEY UPDATE SKIP LOCKED);
    FOR v_due IN
        SELECT s.run_id, s.id, v.on_timeout FROM reviews v JOIN steps s ON s.id = v.step_id
        WHERE v.decision IS NULL AND v.due_at < v_now AND s.run_id = ANY (v_locked) ORDER BY s.run_id, s.id LIMIT p_n
    LOOP
        SELECT * INTO v_step FROM steps s WHERE s.id = v_due.id;
        UPDATE reviews v SET decision = 'timed_out', decided_at = clock_timestamp()
        WHERE v.step_id = v_due.id AND v.decision IS NULL AND v.due_at < v_now;
        CONTINUE WHEN NOT FOUND;
        v_moved := ARRAY[(v_step.id, 'awaiting_review')::step_was];
        -- A form without an answer can only be approved with its default output.
        v_asks := NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.step_id = v_step.id AND a.is_latest);
        IF v_due.on_timeout = 'approve' AND (NOT v_asks OR EXISTS (SELECT 1 FROM default_outputs o WHERE o.step_id = v_step.id)) THEN
            IF v_asks THEN
                PERFORM put_defaults_v2(ARRAY[v_step.id]);
            END IF;
            UPDATE steps s SET status = 'completed' WHERE s.id = v_step.id;
        ELSE
            PERFORM fail_steps_v2(ARRAY[v_step.id], 'review_timeout');
        END IF;
        v_moved := v_moved || advance_v2(ARRAY[v_step.id]);
        PERFORM emit_v2(v_due.run_id, 'review_timed_out', NULL, v_step.key, v_moved,
            (SELECT array_agg(a.id) FROM artifacts a WHERE a.step_id = v_step.id AND a.is_latest AND a.origin = 'import'), '{}');
        v_runs := v_runs || v_due.run_id;
    END LOOP;
    RETURN v_runs;
END
$$;
