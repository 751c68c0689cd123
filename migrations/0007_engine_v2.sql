-- The engine's protocol, version 2: what version 1 does, with decisions, maps, sub-workflows, limits, budgets and gates.
-- Version 1 stays for replicas that still call it. Order of locks: all run rows by id, then step rows, then the slots as a whole.

-- A step, and the state it was in before this transaction changed it.
CREATE TYPE step_was AS (step_id bigint, was text);

-- What the run's counters see: a status, or one of
-- deciding (the engine is asked), expanded (a map whose items run), failed_ok (a failure that does not fail the run), superseded.
CREATE FUNCTION step_state_v2(s steps) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN s.superseded THEN 'superseded'
        WHEN s.undecided THEN 'deciding'
        WHEN s.status = 'running' AND s.is_map THEN 'expanded'
        WHEN s.status = 'failed' AND s.on_error = 'continue' THEN 'failed_ok'
        ELSE s.status
    END
$$;

CREATE FUNCTION run_status_v2(p_cancelled boolean, p_held text, p_active int, p_review int, p_failed int) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN p_cancelled THEN 'cancelled'
        WHEN p_held IS NOT NULL THEN 'paused'
        WHEN p_active > 0 THEN 'running'
        WHEN p_review > 0 THEN 'paused'
        WHEN p_failed > 0 THEN 'failed'
        ELSE 'completed'
    END
$$;

-- What a terminal step means to the rules of its dependents (twin of decide::Dependency::class).
CREATE FUNCTION dependency_class_v2(p_status text, p_reason text, p_on_error text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN p_status = 'failed' AND p_on_error = 'continue' THEN 'done'
        WHEN p_status = 'failed' OR (p_status = 'skipped' AND p_reason = 'upstream_failed') THEN 'failed'
        WHEN p_status = 'completed' OR (p_status = 'skipped' AND p_reason = 'person') THEN 'done'
        ELSE 'neutral'
    END
$$;

-- The open gate of a step as an event and a view tell it.
CREATE FUNCTION review_json_v2(s steps) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('opened_at', v.opened_at, 'quorum', v.quorum, 'allow_self', v.allow_self)
        || CASE WHEN v.due_at IS NULL THEN '{}' ELSE jsonb_build_object('due_at', v.due_at) END
        || CASE WHEN v.roles = '{}' THEN '{}' ELSE jsonb_build_object('roles', v.roles) END
        || CASE WHEN v.emails = '{}' THEN '{}' ELSE jsonb_build_object('users', v.emails) END
        || coalesce((
            SELECT jsonb_build_object('approvals', jsonb_agg(u.email ORDER BY o.at, u.email))
            FROM review_votes o JOIN users u ON u.id = o.user_id
            WHERE o.step_id = v.step_id AND o.generation = v.generation AND o.no = v.no HAVING count(*) > 0), '{}')
    FROM reviews v WHERE v.step_id = s.id AND v.decision IS NULL
$$;

-- What a person asked for when this generation of a step began.
CREATE FUNCTION feedback_json_v2(p_step bigint, p_generation int) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('text', g.feedback, 'by', u.email, 'round', g.round)
    FROM step_generations g JOIN users u ON u.id = g.begun_by
    WHERE g.step_id = p_step AND g.generation = p_generation AND g.feedback IS NOT NULL
$$;

-- A step as an event tells it.
CREATE FUNCTION step_json_v2(s steps) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('key', s.key, 'status', s.status, 'reason', s.reason, 'generation', s.generation)
        || CASE WHEN s.status = 'ready' AND s.fail_count > 0 THEN jsonb_build_object('not_before', s.not_before) ELSE '{}' END
        || CASE WHEN s.child_run IS NULL THEN '{}' ELSE jsonb_build_object('child_run', s.child_run) END
        || CASE WHEN s.status <> 'awaiting_review' THEN '{}' ELSE jsonb_build_object('review', review_json_v2(s)) END
        || CASE WHEN s.generation = 1 THEN '{}'
            ELSE coalesce(jsonb_build_object('feedback', feedback_json_v2(s.id, s.generation)), '{}') END
$$;

CREATE FUNCTION attempt_json_v2(p_key text, a attempts) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT attempt_json_v1(p_key, a)
        || CASE WHEN a.basis IS NULL THEN '{}' ELSE jsonb_build_object('basis', a.basis) END
        || CASE WHEN a.message IS NULL THEN '{}' ELSE jsonb_build_object('message', a.message) END
$$;

CREATE FUNCTION artifact_json_v2(p_key text, a artifacts) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT artifact_json_v1(p_key, a)
        || CASE WHEN a.made_by IS NULL THEN '{}' ELSE jsonb_build_object('made_by', (SELECT u.email FROM users u WHERE u.id = a.made_by)) END
        || CASE WHEN a.is_approved THEN jsonb_build_object('is_approved', true) ELSE '{}' END
$$;

CREATE FUNCTION budget_json_v2(r workflow_runs) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN r.budget_tokens IS NOT NULL OR r.budget_cost IS NOT NULL
        THEN jsonb_strip_nulls(jsonb_build_object('tokens', r.budget_tokens, 'cost_micros', r.budget_cost)) END
$$;

-- Adds what moved to the run's counters, derives its status, and allocates event numbers (one for each element of p_event_runs).
-- A step that was `new` counts as a further step; of two entries for one step the first tells what it was.
-- The caller holds the run locks. The only writer of counters and event_seq, and of every status but `cancelled`, which it keeps.
CREATE FUNCTION settle_v2(p_moved step_was[], p_event_runs uuid[])
RETURNS TABLE (run_id uuid, seq_before bigint, run jsonb)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY
    WITH changed AS (
        SELECT DISTINCT ON (m.step_id) m.step_id, m.was FROM unnest(p_moved) WITH ORDINALITY m(step_id, was, ord)
        ORDER BY m.step_id, m.ord
    ),
    state AS (
        SELECT s.run_id, c.was, step_state_v2(s) AS now FROM changed c JOIN steps s ON s.id = c.step_id
    ),
    moved AS (
        SELECT c.run_id,
            sum((c.now IN ('ready', 'running', 'deciding'))::int - (c.was IN ('ready', 'running', 'deciding'))::int)::int AS active,
            sum((c.now = 'awaiting_review')::int - (c.was = 'awaiting_review')::int)::int AS review,
            sum((c.now = 'failed')::int - (c.was = 'failed')::int)::int AS failed,
            sum((c.now IN ('completed', 'failed', 'failed_ok', 'skipped', 'cancelled'))::int
                - (c.was IN ('completed', 'failed', 'failed_ok', 'skipped', 'cancelled'))::int)::int AS done,
            sum((c.now <> 'superseded')::int - (c.was NOT IN ('superseded', 'new'))::int)::int AS steps,
            0 AS events
        FROM state c GROUP BY c.run_id
        UNION ALL
        SELECT e.id, 0, 0, 0, 0, 0, count(*)::int FROM unnest(p_event_runs) e(id) GROUP BY e.id
    ),
    delta AS (
        SELECT m.run_id, sum(m.active)::int AS active, sum(m.review)::int AS review, sum(m.failed)::int AS failed,
            sum(m.done)::int AS done, sum(m.steps)::int AS steps, sum(m.events)::int AS events
        FROM moved m GROUP BY m.run_id
    ),
    derived AS (
        SELECT d.*, r.event_seq AS seq_before, r.status AS was, r.finished_at AS was_finished_at,
            run_status_v2(r.status = 'cancelled', r.held, r.n_active + d.active, r.n_review + d.review, r.n_failed + d.failed) AS status
        FROM delta d JOIN workflow_runs r ON r.id = d.run_id
    ),
    settled AS (
        UPDATE workflow_runs r SET
            n_active = r.n_active + d.active,
            n_review = r.n_review + d.review,
            n_failed = r.n_failed + d.failed,
            n_done = r.n_done + d.done,
            n_steps = r.n_steps + d.steps,
            event_seq = r.event_seq + d.events,
            status = d.status,
            status_reason = CASE WHEN d.status = 'paused' THEN coalesce(r.held, 'review') END,
            finished_at = CASE
                WHEN d.status NOT IN ('completed', 'failed', 'cancelled') THEN NULL
                ELSE coalesce(d.was_finished_at, clock_timestamp())
            END,
            -- A run that was over and goes on has its time again.
            deadline_at = CASE
                WHEN d.was_finished_at IS NOT NULL AND d.status NOT IN ('completed', 'failed', 'cancelled')
                THEN clock_timestamp() + (r.run_definition #>> '{limits,timeout_s}')::int * interval '1 second'
                ELSE r.deadline_at
            END
        FROM derived d WHERE r.id = d.run_id
        RETURNING r.id, d.seq_before, jsonb_build_object('status', r.status, 'status_reason', r.status_reason,
                'auto_run', r.auto_run, 'finished_at', r.finished_at)
                || CASE WHEN r.deadline_at IS NULL THEN '{}' ELSE jsonb_build_object('deadline_at', r.deadline_at) END
                || CASE WHEN budget_json_v2(r) IS NULL THEN '{}' ELSE jsonb_build_object('budget', budget_json_v2(r)) END AS run,
            CASE WHEN r.finished_at IS NOT NULL AND d.was_finished_at IS NULL THEN r.parent_step END AS parent_step
    ),
    -- The step that waits for this run learns of its end. No lock on it: its run may be locked by somebody who wants this one.
    told AS (
        INSERT INTO decisions (step_id) SELECT s.parent_step FROM settled s WHERE s.parent_step IS NOT NULL
    )
    SELECT s.id, s.seq_before, s.run FROM settled s;
END
$$;

-- Tells the dependents of newly terminal steps, and the maps of newly terminal items. Only counts; a dependent whose dependencies
-- are all terminal becomes ready, or skipped where the default rule cannot hold any more (and then tells its own dependents),
-- or is marked for decision where it has another rule, a condition or a map. Cost is the neighbourhood, never the run.
-- The caller holds the run lock.
CREATE FUNCTION advance_v2(p_finished bigint[]) RETURNS step_was[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_front bigint[] := p_finished;
    v_moved step_was[];
    v_all   step_was[] := '{}';
BEGIN
    IF EXISTS (SELECT 1 FROM unnest(p_finished) f(id) JOIN steps s ON s.id = f.id WHERE s.parent_id IS NOT NULL) THEN
        WITH ended AS (
            SELECT s.parent_id, count(*)::int AS n FROM unnest(p_finished) f(id) JOIN steps s ON s.id = f.id
            WHERE s.parent_id IS NOT NULL GROUP BY s.parent_id
        ),
        counted AS (
            UPDATE steps p SET
                items_left = p.items_left - e.n,
                undecided = p.undecided OR (p.status = 'running' AND p.items_left = e.n),
                mark = p.mark + (p.status = 'running' AND p.items_left = e.n)::int
            FROM ended e WHERE p.id = e.parent_id
            RETURNING p.id, p.status, p.items_left
        )
        SELECT array_agg((c.id, 'expanded')::step_was) INTO v_all FROM counted c WHERE c.status = 'running' AND c.items_left = 0;
        v_all := coalesce(v_all, '{}');
    END IF;
    WHILE cardinality(v_front) > 0 LOOP
        WITH told AS (
            SELECT d.step_id, count(*)::int AS n,
                count(*) FILTER (WHERE dependency_class_v2(p.status, p.reason, p.on_error) = 'failed')::int AS failed,
                count(*) FILTER (WHERE dependency_class_v2(p.status, p.reason, p.on_error) = 'done')::int AS done
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
                undecided = c.undecided OR (c.status = 'pending' AND c.deps_left = t.n AND c.decides),
                mark = c.mark + (c.status = 'pending' AND c.deps_left = t.n AND c.decides)::int,
                status = CASE
                    WHEN c.status <> 'pending' OR c.deps_left > t.n OR c.decides THEN c.status
                    WHEN c.deps_failed + t.failed > 0 OR c.deps_done + t.done = 0 THEN 'skipped'
                    ELSE 'ready'
                END,
                reason = CASE
                    WHEN c.status <> 'pending' OR c.deps_left > t.n OR c.decides THEN c.reason
                    WHEN c.deps_failed + t.failed > 0 THEN 'upstream_failed'
                    WHEN c.deps_done + t.done = 0 THEN 'upstream_skipped'
                END,
                not_before = CASE WHEN c.status = 'pending' AND c.deps_left = t.n THEN clock_timestamp() ELSE c.not_before END,
                admitted = CASE WHEN c.status = 'pending' THEN NOT c.limited AND r.held IS NULL ELSE c.admitted END
            FROM told t, workflow_runs r WHERE c.id = t.step_id AND r.id = c.run_id
            RETURNING c.id, c.status, c.undecided, c.deps_left
        )
        -- A step left pending with nothing to wait for was pending before, so it is the one that moved.
        SELECT array_agg((c.id, 'pending')::step_was ORDER BY c.id), array_agg(c.id ORDER BY c.id) FILTER (WHERE c.status = 'skipped')
            INTO v_moved, v_front
        FROM counted c WHERE c.deps_left = 0 AND (c.status IN ('ready', 'skipped') OR c.undecided) AND EXISTS (
            SELECT 1 FROM steps old WHERE old.id = c.id AND old.status = 'pending' -- the snapshot before this statement
        );
        v_all := v_all || coalesce(v_moved, '{}');
    END LOOP;
    RETURN v_all;
END
$$;

-- Terminal steps open again: their dependents wait for more, and those that were skipped only because of them open too.
-- Running, waiting and finished dependents are left alone. The map of an item that opens runs again, in a new generation.
-- p_classes: what each meant to the rules before it opened. The caller holds the run lock.
CREATE FUNCTION reopen_v2(p_steps bigint[], p_classes text[]) RETURNS step_was[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_front   bigint[] := p_steps;
    v_classes text[] := p_classes;
    v_map     record;
    v_moved   step_was[];
    v_all     step_was[] := '{}';
BEGIN
    FOR v_map IN
        SELECT p.*, step_state_v2(p) AS was, e.n FROM (
            SELECT s.parent_id, count(*)::int AS n FROM unnest(p_steps) f(id) JOIN steps s ON s.id = f.id
            WHERE s.parent_id IS NOT NULL GROUP BY s.parent_id
        ) e JOIN steps p ON p.id = e.parent_id ORDER BY p.id
    LOOP
        v_all := v_all || (v_map.id, v_map.was)::step_was;
        IF v_map.status = 'running' THEN
            UPDATE steps p SET items_left = p.items_left + v_map.n, undecided = false WHERE p.id = v_map.id;
        ELSIF v_map.status IN ('completed', 'failed') THEN
            UPDATE steps p SET items_left = p.items_left + v_map.n, status = 'running', reason = NULL, undecided = false,
                generation = p.generation + 1, attempt = p.attempt + 1
            WHERE p.id = v_map.id;
            INSERT INTO step_generations (step_id, generation) VALUES (v_map.id, v_map.generation + 1);
            INSERT INTO attempts (step_id, number, generation, inputs, basis)
            SELECT a.step_id, v_map.attempt + 1, v_map.generation + 1, a.inputs, a.basis
            FROM attempts a WHERE a.step_id = v_map.id AND a.number = v_map.attempt;
            v_front := v_front || v_map.id;
            v_classes := v_classes || dependency_class_v2(v_map.status, v_map.reason, v_map.on_error);
        ELSE
            UPDATE steps p SET items_left = p.items_left + v_map.n WHERE p.id = v_map.id;
        END IF;
    END LOOP;
    WHILE cardinality(v_front) > 0 LOOP
        WITH told AS (
            SELECT d.step_id, count(*)::int AS n, count(*) FILTER (WHERE f.class = 'failed')::int AS failed,
                count(*) FILTER (WHERE f.class = 'done')::int AS done
            FROM unnest(v_front, v_classes) f(id, class)
            JOIN step_deps d ON d.depends_on = f.id
            GROUP BY d.step_id
        ),
        old AS (
            SELECT t.*, s.status, s.reason, s.on_error, step_state_v2(s) AS was,
                s.status = 'ready' OR s.undecided AND s.status = 'pending'
                    OR (s.status = 'skipped' AND NOT s.superseded AND (
                        (s.decides AND s.reason IN ('upstream_failed', 'upstream_skipped', 'condition'))
                        OR (s.reason IN ('upstream_failed', 'upstream_skipped') AND s.deps_failed = t.failed)))
                    AS opens
            FROM told t JOIN steps s ON s.id = t.step_id
        ),
        counted AS (
            UPDATE steps c SET
                deps_left = c.deps_left + o.n,
                deps_failed = c.deps_failed - o.failed,
                deps_done = c.deps_done - o.done,
                undecided = c.undecided AND NOT (o.opens AND c.status = 'pending'),
                -- A worker may have claimed a ready one since: then it is running, and left alone.
                status = CASE WHEN o.opens AND c.status = o.status THEN 'pending' ELSE c.status END,
                reason = CASE WHEN o.opens AND c.status = o.status THEN NULL ELSE c.reason END
            FROM old o WHERE c.id = o.step_id
            RETURNING c.id, o.opens, o.was, o.status AS old_status, o.reason AS old_reason, o.on_error, c.status
        )
        SELECT array_agg((c.id, c.was)::step_was ORDER BY c.id),
            array_agg(c.id ORDER BY c.id) FILTER (WHERE c.was = 'skipped'),
            array_agg(dependency_class_v2(c.old_status, c.old_reason, c.on_error) ORDER BY c.id) FILTER (WHERE c.was = 'skipped')
            INTO v_moved, v_front, v_classes
        FROM counted c WHERE c.opens AND c.status = 'pending';
        v_all := v_all || coalesce(v_moved, '{}');
    END LOOP;
    RETURN v_all;
END
$$;

-- Asks the engine to look at steps; returns what to hand to a worker that will look at once.
CREATE FUNCTION ask_v2(p_steps bigint[], p_after interval) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_asked jsonb;
BEGIN
    WITH asked AS (
        INSERT INTO decisions (step_id, due) SELECT id, clock_timestamp() + p_after FROM unnest(p_steps) a(id) RETURNING id, step_id
    )
    SELECT jsonb_agg(jsonb_build_array(a.id, a.step_id)) INTO v_asked FROM asked a;
    RETURN coalesce(v_asked, '[]');
END
$$;

-- Whoever touches slots holds all of them to the end of its transaction: frees and takes of different keys in one transaction
-- have no order that could not meet its reverse in another.
CREATE FUNCTION lock_slots_v2() RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('weft.slots', 0))
$$;

-- Asks for the first steps after p_after that wait for a key and that their run does not hold.
CREATE FUNCTION ask_waiting_v2(p_keys text[], p_after bigint, p_n int) RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT ask_v2(array_agg(w.step_id), interval '0') FROM (
        SELECT DISTINCT w.step_id FROM slot_waits w JOIN steps s ON s.id = w.step_id JOIN workflow_runs r ON r.id = s.run_id
        WHERE w.key = ANY (p_keys) AND w.step_id > p_after AND s.status = 'ready' AND (r.held IS NULL OR s.forced)
        ORDER BY w.step_id LIMIT p_n
    ) w HAVING count(*) > 0
$$;

-- Gives back the slots of steps that hold any and neither wait admitted nor run, and asks for those that wait for them.
CREATE FUNCTION free_slots_v2(p_steps bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_keys text[];
BEGIN
    WITH gone AS (
        DELETE FROM slot_waits w USING steps s WHERE w.step_id = ANY (p_steps) AND s.id = w.step_id AND s.status <> 'ready' RETURNING w.key
    ),
    free AS (
        SELECT l.key FROM slots l JOIN steps s ON s.id = l.step_id
        WHERE l.step_id = ANY (p_steps) AND NOT (s.status = 'running' OR (s.status = 'ready' AND s.admitted))
    )
    SELECT array_agg(DISTINCT k.key) INTO v_keys FROM (SELECT g.key FROM gone g UNION ALL SELECT f.key FROM free f) k;
    IF v_keys IS NULL THEN
        RETURN;
    END IF;
    PERFORM lock_slots_v2();
    DELETE FROM slots l USING steps s
    WHERE l.step_id = ANY (p_steps) AND s.id = l.step_id AND NOT (s.status = 'running' OR (s.status = 'ready' AND s.admitted));
    PERFORM ask_waiting_v2(v_keys, 0, 8 * cardinality(v_keys));
END
$$;

-- Takes a slot of every key for a step, or none and notes what it waits for.
CREATE FUNCTION take_slots_v2(p_step bigint, p_keys text[]) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_full text;
BEGIN
    PERFORM lock_slots_v2();
    SELECT k.key INTO v_full FROM concurrency_keys k
    WHERE k.key = ANY (p_keys) AND (SELECT count(*) FROM slots l WHERE l.key = k.key AND l.step_id <> p_step) >= k.max
    ORDER BY k.key LIMIT 1;
    IF v_full IS NOT NULL THEN
        INSERT INTO slot_waits (key, step_id) VALUES (v_full, p_step) ON CONFLICT DO NOTHING;
        RETURN v_full;
    END IF;
    INSERT INTO slots (key, step_id) SELECT k, p_step FROM unnest(p_keys) k ON CONFLICT DO NOTHING;
    DELETE FROM slot_waits w WHERE w.step_id = p_step;
    RETURN NULL;
END
$$;

-- Admits what the limits of a run let go now, oldest first; true when something was. In a held run, what a person triggers.
-- Cost is what is admitted and the maps that wait, never the items that do. The caller holds the run lock.
CREATE FUNCTION admit_v2(p_run uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_run      workflow_runs;
    v_step     steps;
    v_free     int;
    v_full     bigint[] := '{}';
    v_keys     text[] := '{}';
    v_key      text;
    v_admitted boolean := false;
BEGIN
    SELECT * INTO v_run FROM workflow_runs r WHERE r.id = p_run;
    IF v_run.status = 'cancelled' THEN
        RETURN false;
    ELSIF NOT v_run.limited THEN
        UPDATE steps s SET admitted = true
        WHERE s.run_id = p_run AND s.status = 'ready' AND NOT s.admitted AND (v_run.held IS NULL OR s.forced);
        RETURN FOUND;
    END IF;
    v_free := v_run.max_parallel - (
        SELECT count(*) FROM steps s
        WHERE s.run_id = p_run AND s.limited AND s.admitted AND s.status IN ('ready', 'running') AND NOT s.is_map AND s.child_run IS NULL);
    LOOP
        EXIT WHEN v_free <= 0;
        -- A loose index scan finds the maps that have items waiting (0: the steps that are no items); each gives its oldest.
        WITH RECURSIVE place AS (
            (SELECT coalesce(s.parent_id, 0) AS id FROM steps s WHERE s.run_id = p_run AND s.status = 'ready' AND NOT s.admitted
                ORDER BY coalesce(s.parent_id, 0) LIMIT 1)
            UNION ALL
            SELECT (SELECT coalesce(s.parent_id, 0) FROM steps s WHERE s.run_id = p_run AND s.status = 'ready' AND NOT s.admitted
                AND coalesce(s.parent_id, 0) > p.id ORDER BY coalesce(s.parent_id, 0) LIMIT 1)
            FROM place p WHERE p.id IS NOT NULL
        )
        SELECT o.* INTO v_step FROM (SELECT p.id FROM place p WHERE p.id IS NOT NULL AND p.id <> ALL (v_full)) p
        CROSS JOIN LATERAL (
            SELECT s.* FROM steps s
            WHERE s.run_id = p_run AND s.status = 'ready' AND NOT s.admitted AND coalesce(s.parent_id, 0) = p.id
                AND (v_run.held IS NULL OR s.forced) AND (s.slot_keys IS NULL OR NOT s.slot_keys && v_keys)
            ORDER BY s.not_before, s.id LIMIT 1
        ) o
        ORDER BY o.not_before, o.id LIMIT 1;
        EXIT WHEN NOT FOUND;
        IF v_step.parent_id IS NOT NULL AND (SELECT p.map_parallel FROM steps p WHERE p.id = v_step.parent_id) <= (
            SELECT count(*) FROM steps i
            WHERE i.run_id = p_run AND i.parent_id = v_step.parent_id AND i.limited AND i.admitted AND i.status IN ('ready', 'running'))
        THEN
            v_full := v_full || v_step.parent_id;
            CONTINUE;
        END IF;
        IF v_step.slot_keys IS NOT NULL THEN
            v_key := take_slots_v2(v_step.id, v_step.slot_keys);
            IF v_key IS NOT NULL THEN
                v_keys := v_keys || v_key;
                -- The items of a map have the same keys.
                v_full := v_full || coalesce(v_step.parent_id, -1);
                CONTINUE;
            END IF;
        END IF;
        UPDATE steps s SET admitted = true WHERE s.id = v_step.id;
        v_free := v_free - 1;
        v_admitted := true;
    END LOOP;
    RETURN v_admitted;
END
$$;

-- Lets go what was asked about, after slots were freed. One that its run does not let go leaves the free slot to the next who waits.
CREATE FUNCTION admit_asked_v2(p_run uuid, p_steps bigint[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_admitted boolean;
    v_keys     text[];
    v_last     bigint;
BEGIN
    PERFORM 1 FROM workflow_runs r WHERE r.id = p_run FOR NO KEY UPDATE;
    v_admitted := admit_v2(p_run);
    SELECT array_agg(DISTINCT w.key), max(w.step_id) INTO v_keys, v_last
    FROM slot_waits w JOIN steps s ON s.id = w.step_id JOIN concurrency_keys k ON k.key = w.key
    WHERE w.step_id = ANY (p_steps) AND s.status = 'ready' AND NOT s.admitted
        AND (SELECT count(*) FROM slots l WHERE l.key = w.key) < k.max;
    IF v_keys IS NOT NULL THEN
        PERFORM ask_waiting_v2(v_keys, v_last, 1);
    END IF;
    RETURN v_admitted;
END
$$;

-- Adds versions to steps: each becomes the latest of its name, with the one that was before as its parent.
CREATE FUNCTION put_artifacts_v2(
    p_step bigint[], p_id uuid[], p_name text[], p_media text[], p_hash text[], p_size bigint[], p_content bytea[],
    p_origin text, p_made_by uuid
) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_flipped jsonb;
BEGIN
    WITH flipped AS (
        UPDATE artifacts o SET is_latest = false
        FROM unnest(p_step, p_name) n(step, name)
        WHERE o.step_id = n.step AND o.name = n.name AND o.is_latest
        RETURNING o.step_id, o.name, o.id
    )
    SELECT jsonb_object_agg(f.step_id || ' ' || f.name, f.id) INTO v_flipped FROM flipped f;
    INSERT INTO artifacts (id, run_id, step_id, name, version, is_latest, media_type, content_hash, size, content, origin,
        attempt, parent, made_by)
    SELECT n.id, s.run_id, n.step, n.name,
        1 + coalesce((SELECT max(o.version) FROM artifacts o WHERE o.step_id = n.step AND o.name = n.name), 0),
        true, n.media, n.hash, n.size, n.content, p_origin, CASE WHEN p_origin = 'agent' THEN s.attempt END,
        (v_flipped ->> (n.step || ' ' || n.name))::uuid, p_made_by
    FROM unnest(p_step, p_id, p_name, p_media, p_hash, p_size, p_content) n(step, id, name, media, hash, size, content)
    JOIN steps s ON s.id = n.step;
END
$$;

-- Opens the gates of steps that begin to wait.
CREATE FUNCTION open_gates_v2(p_steps bigint[]) RETURNS void
LANGUAGE sql VOLATILE AS $$
    INSERT INTO reviews (step_id, generation, no, quorum, allow_self, roles, emails, due_at, on_timeout)
    SELECT s.id, s.generation, 1 + coalesce((SELECT max(v.no) FROM reviews v WHERE v.step_id = s.id AND v.generation = s.generation), 0),
        coalesce((s.gate ->> 'quorum')::int, 1), coalesce((s.gate ->> 'allow_self')::boolean, true),
        coalesce((SELECT array_agg(r) FROM jsonb_array_elements_text(s.gate -> 'roles') r), '{}'),
        coalesce((SELECT array_agg(lower(e)) FROM jsonb_array_elements_text(s.gate -> 'users') e), '{}'),
        clock_timestamp() + (s.gate ->> 'timeout_s')::int * interval '1 second', coalesce(s.gate ->> 'on_timeout', 'fail')
    FROM steps s WHERE s.id = ANY (p_steps)
$$;

-- Completes steps with their default outputs: an automatic end, hence without a gate.
CREATE FUNCTION put_defaults_v2(p_steps bigint[]) RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT put_artifacts_v2(array_agg(o.step_id), array_agg(gen_random_uuid()), array_agg(o.name), array_agg(o.media_type),
        array_agg(o.content_hash), array_agg(length(o.content)::bigint), array_agg(o.content), 'import', NULL)
    FROM default_outputs o WHERE o.step_id = ANY (p_steps) HAVING count(*) > 0
$$;

-- Ends steps as failed, or as completed with their default output where `on_error` says so. Tells nobody: the caller advances.
CREATE FUNCTION fail_steps_v2(p_steps bigint[], p_reason text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_defaulted bigint[];
BEGIN
    SELECT array_agg(s.id) INTO v_defaulted FROM steps s
    WHERE s.id = ANY (p_steps) AND s.on_error = 'default' AND p_reason NOT IN ('stopped', 'budget', 'run_timeout')
        AND EXISTS (SELECT 1 FROM default_outputs o WHERE o.step_id = s.id);
    UPDATE steps s SET
        status = CASE WHEN s.id = ANY (v_defaulted) THEN 'completed' ELSE 'failed' END,
        reason = CASE WHEN s.id = ANY (v_defaulted) THEN NULL ELSE p_reason END,
        lease_worker = NULL, undecided = false
    WHERE s.id = ANY (p_steps);
    IF v_defaulted IS NOT NULL THEN
        PERFORM put_defaults_v2(v_defaulted);
    END IF;
END
$$;

-- Ends what steps are doing, for a cause that is not their own: open attempts are cancelled, open gates closed.
CREATE FUNCTION end_open_v2(p_steps bigint[], p_decision text, p_actor uuid) RETURNS void
LANGUAGE sql VOLATILE AS $$
    UPDATE attempts a SET outcome = 'cancelled', ended_at = clock_timestamp() WHERE a.step_id = ANY (p_steps) AND a.outcome IS NULL;
    UPDATE reviews v SET decision = p_decision, decided_by = p_actor, decided_at = clock_timestamp()
    WHERE v.step_id = ANY (p_steps) AND v.decision IS NULL;
$$;

-- Nothing of a run starts any more but what a person triggers: what is queued gives its place and its slots back.
CREATE FUNCTION hold_v2(p_run uuid, p_why text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_steps bigint[];
BEGIN
    UPDATE workflow_runs r SET held = p_why WHERE r.id = p_run;
    WITH stopped AS (
        UPDATE steps s SET admitted = false, forced = false
        WHERE s.run_id = p_run AND s.status = 'ready' AND NOT (s.forced AND p_why = 'budget') RETURNING s.id
    )
    SELECT array_agg(s.id) INTO v_steps FROM stopped s;
    IF v_steps IS NOT NULL THEN
        PERFORM free_slots_v2(v_steps);
    END IF;
END
$$;

-- Writes the one event of a verb, settles the run, admits what its limits let go, and sees to its budget. The caller holds the run lock.
-- p_moved: every step whose state changed, with what it was. p_artifacts: versions that are new or whose flags changed.
CREATE FUNCTION emit_v2(p_run uuid, p_kind text, p_actor uuid, p_step text, p_moved step_was[], p_artifacts uuid[], p_more jsonb)
RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_seq   bigint;
    v_steps bigint[];
    v_ask   bigint[];
BEGIN
    SELECT array_agg(DISTINCT m.step_id) INTO v_steps FROM unnest(p_moved) m;
    IF v_steps IS NOT NULL THEN
        PERFORM free_slots_v2(v_steps);
    END IF;
    INSERT INTO run_events (run_id, seq, kind, actor, data)
    SELECT p_run, st.seq_before + 1, p_kind, p_actor,
        jsonb_build_object('run', st.run)
            || CASE WHEN p_step IS NULL THEN '{}' ELSE jsonb_build_object('step', p_step) END
            || coalesce((
                SELECT jsonb_build_object('steps', jsonb_agg(step_json_v2(s) ORDER BY s.key))
                FROM steps s WHERE s.id = ANY (v_steps) AND NOT s.superseded HAVING count(*) > 0), '{}')
            -- What such a step did last is told with it: an attempt that was ended, or one that no worker will tell of.
            || coalesce((
                SELECT jsonb_build_object('attempts', jsonb_agg(attempt_json_v2(s.key, a) ORDER BY s.key))
                FROM (SELECT DISTINCT m.step_id FROM unnest(p_moved) m WHERE m.was IN ('running', 'expanded', 'deciding', 'failed', 'completed')) m
                JOIN steps s ON s.id = m.step_id AND NOT s.superseded
                JOIN attempts a ON a.step_id = s.id AND a.number = s.attempt HAVING count(*) > 0), '{}')
            || coalesce((
                SELECT jsonb_build_object('artifacts', jsonb_agg(artifact_json_v2(s.key, a) ORDER BY s.key, a.name, a.version))
                FROM artifacts a JOIN steps s ON s.id = a.step_id
                WHERE a.id = ANY (p_artifacts) AND NOT s.superseded HAVING count(*) > 0), '{}')
            || p_more
    FROM settle_v2(p_moved, ARRAY[p_run]) st
    RETURNING seq INTO v_seq;
    PERFORM admit_v2(p_run) FROM workflow_runs r WHERE r.id = p_run AND (r.limited OR r.held IS NOT NULL);
    PERFORM exceed_v2(p_run) FROM workflow_runs r WHERE r.id = p_run AND r.held IS NULL AND p_kind <> 'budget_exceeded'
        AND (r.used_tokens >= r.budget_tokens OR r.used_cost >= r.budget_cost);
    -- Steps to decide, and sub-workflows that their step may have left alone.
    SELECT array_agg(s.id) INTO v_ask FROM steps s WHERE s.id = ANY (v_steps) AND (s.undecided OR s.kind = 'workflow');
    IF v_ask IS NOT NULL THEN
        PERFORM ask_v2(v_ask, interval '0');
    END IF;
    RETURN v_seq;
END
$$;

-- Begins a new generation of steps, whatever they are doing: running attempts are cancelled and fenced, gates closed, items of maps
-- ended. Each waits for what it depends on; with nothing to wait for it is ready, a map asks the engine for its items.
-- A person wants it, so neither rule nor condition is asked again. The caller holds the run lock and has locked the steps.
CREATE FUNCTION restart_v2(p_steps bigint[], p_actor uuid, p_feedback text, p_round int, p_decision text) RETURNS step_was[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_all     step_was[];
    v_items   bigint[];
    v_opened  bigint[];
    v_classes text[];
BEGIN
    PERFORM 1 FROM steps i WHERE i.parent_id = ANY (p_steps) ORDER BY i.id FOR NO KEY UPDATE;
    SELECT array_agg((s.id, step_state_v2(s))::step_was ORDER BY s.id),
        array_agg(s.id ORDER BY s.id) FILTER (WHERE s.status IN ('completed', 'failed', 'skipped', 'cancelled')),
        array_agg(dependency_class_v2(s.status, s.reason, s.on_error) ORDER BY s.id)
            FILTER (WHERE s.status IN ('completed', 'failed', 'skipped', 'cancelled'))
        INTO v_all, v_opened, v_classes
    FROM steps s WHERE s.id = ANY (p_steps);
    -- Items that are not over end with their map.
    SELECT array_agg(i.id), v_all || array_agg((i.id, step_state_v2(i))::step_was) INTO v_items, v_all
    FROM steps i WHERE i.parent_id = ANY (p_steps) AND NOT i.superseded
        AND i.status NOT IN ('completed', 'failed', 'skipped', 'cancelled');
    PERFORM end_open_v2(p_steps || coalesce(v_items, '{}'), p_decision, p_actor);
    UPDATE steps i SET status = 'cancelled', lease_worker = NULL WHERE i.id = ANY (v_items);
    INSERT INTO step_generations (step_id, generation, begun_by, feedback, round)
    SELECT s.id, s.generation + 1, p_actor, p_feedback, p_round FROM steps s WHERE s.id = ANY (p_steps);
    UPDATE steps s SET generation = s.generation + 1, status = 'pending', reason = NULL, lease_worker = NULL, fail_count = 0,
        crash_count = 0, undecided = false, forced = true, items_left = 0, child_run = NULL, rounds = coalesce(p_round, 0),
        not_before = clock_timestamp(), admitted = NOT s.limited AND r.held IS NULL
    FROM workflow_runs r WHERE s.id = ANY (p_steps) AND r.id = s.run_id;
    v_all := v_all || reopen_v2(coalesce(v_opened, '{}'), coalesce(v_classes, '{}'));
    UPDATE steps s SET status = CASE WHEN s.is_map THEN 'pending' ELSE 'ready' END, undecided = s.is_map, mark = s.mark + s.is_map::int
    WHERE s.id = ANY (p_steps) AND s.status = 'pending' AND s.deps_left = 0;
    -- Those that wait for others are asked by their rule again.
    UPDATE steps s SET forced = false WHERE s.id = ANY (p_steps) AND s.deps_left > 0;
    RETURN v_all;
END
$$;
