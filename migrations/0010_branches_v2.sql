-- Runs that begin with what another one made, and runs that go on with another version of their template.

-- The steps of a new run that are taken over from another as they are, with their latest versions as imports.
CREATE FUNCTION take_over_v2(p_run uuid, p_from uuid, p_keys text[], p_actor uuid) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_moved step_was[];
    v_steps bigint[];
BEGIN
    PERFORM 1 FROM workflow_runs r WHERE r.id = p_run FOR NO KEY UPDATE;
    SELECT array_agg(t.id), array_agg((t.id, step_state_v2(t))::step_was) INTO v_steps, v_moved
    FROM steps f JOIN steps t ON t.run_id = p_run AND t.key = f.key WHERE f.run_id = p_from AND f.key = ANY (p_keys);
    IF v_steps IS NULL THEN
        RETURN;
    END IF;
    UPDATE steps t SET status = f.status, reason = f.reason, undecided = false
    FROM steps f WHERE t.id = ANY (v_steps) AND f.run_id = p_from AND f.key = t.key;
    PERFORM put_artifacts_v2(array_agg(t.id), array_agg(gen_random_uuid()), array_agg(a.name), array_agg(a.media_type), array_agg(a.content_hash),
        array_agg(a.size), array_agg(a.content), 'import', p_actor)
    FROM steps t JOIN steps f ON f.run_id = p_from AND f.key = t.key JOIN artifacts a ON a.step_id = f.id AND a.is_latest
    WHERE t.id = ANY (v_steps) HAVING count(*) > 0;
    -- What passed a gate there has passed it here.
    UPDATE artifacts n SET is_approved = true
    FROM steps t JOIN steps f ON f.run_id = p_from AND f.key = t.key JOIN artifacts a ON a.step_id = f.id AND a.is_latest AND a.is_approved
    WHERE t.id = ANY (v_steps) AND n.step_id = t.id AND n.name = a.name;
    v_moved := v_moved || advance_v2(v_steps);
    PERFORM emit_v2(p_run, 'run_adopted', p_actor, NULL, v_moved,
        (SELECT array_agg(a.id) FROM artifacts a WHERE a.step_id = ANY (v_steps)), '{}');
END
$$;

-- The rows of a run's steps as another version has them. p_all: as add_steps_v2. The caller holds the run lock and no step runs.
CREATE FUNCTION move_steps_v2(p_run uuid, p_all jsonb, p_dep_from text[], p_dep_to text[], p_rerun text[], p_removed text[],
    p_added text[], p_slots jsonb, p_actor uuid) RETURNS step_was[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_user  uuid;
    v_moved step_was[];
    v_more  step_was[];
    v_rerun bigint[];
BEGIN
    SELECT r.user_id INTO v_user FROM workflow_runs r WHERE r.id = p_run;
    INSERT INTO concurrency_keys (key, max) SELECT k.key, k.value::int FROM jsonb_each_text(p_slots) k ORDER BY k.key
    ON CONFLICT (key) DO UPDATE SET max = EXCLUDED.max WHERE concurrency_keys.max <> EXCLUDED.max;
    -- What ends: steps that are gone with their items, and the items of maps that run again.
    SELECT array_agg((s.id, step_state_v2(s))::step_was) INTO v_moved FROM steps s LEFT JOIN steps p ON p.id = s.parent_id
    WHERE s.run_id = p_run AND NOT s.superseded AND (s.key = ANY (p_removed || p_rerun) OR p.key = ANY (p_removed || p_rerun));
    v_moved := coalesce(v_moved, '{}');
    UPDATE reviews v SET decision = 'superseded', decided_by = p_actor, decided_at = clock_timestamp()
    FROM unnest(v_moved) m WHERE v.step_id = m.step_id AND v.decision IS NULL;
    UPDATE steps s SET superseded = true, undecided = false,
        status = CASE WHEN s.status IN ('completed', 'failed', 'skipped', 'cancelled') THEN s.status ELSE 'cancelled' END
    FROM unnest(v_moved) m WHERE s.id = m.step_id AND (s.key = ANY (p_removed) OR s.parent_id IS NOT NULL);
    -- A step that comes back after an earlier version dropped it begins anew.
    SELECT array_agg((s.id, 'new')::step_was) INTO v_more FROM steps s WHERE s.run_id = p_run AND s.key = ANY (p_added) AND s.superseded;
    v_moved := v_moved || coalesce(v_more, '{}');
    SELECT array_agg(s.id) INTO v_rerun FROM steps s
    WHERE s.run_id = p_run AND ((s.key = ANY (p_rerun) AND NOT s.superseded) OR (s.key = ANY (p_added) AND s.superseded));
    INSERT INTO step_generations (step_id, generation, begun_by) SELECT s.id, s.generation + 1, p_actor FROM steps s WHERE s.id = ANY (v_rerun);
    UPDATE steps s SET generation = s.generation + 1, status = 'pending', reason = NULL, fail_count = 0, crash_count = 0, rounds = 0,
        undecided = false, forced = false, items_left = 0, child_run = NULL, superseded = false
    WHERE s.id = ANY (v_rerun);
    UPDATE steps s SET title = k.title, agent_id = k.agent, agent_version = k.version, kind = k.kind, review_mode = k.review,
        decides = coalesce(k.decides, false), is_map = coalesce(k.is_map, false), map_parallel = k.map_parallel,
        on_error = coalesce(k.on_error, 'fail'), gate = k.gate, limited = coalesce(k.limited, false), slot_keys = k.slot_keys
    FROM jsonb_to_recordset(p_all) AS k(key text, title text, agent text, version int, kind text, review text, decides boolean, is_map boolean,
        map_parallel int, on_error text, gate jsonb, limited boolean, slot_keys text[])
    WHERE s.run_id = p_run AND s.key = k.key AND s.parent_id IS NULL;
    PERFORM add_steps_v2(p_run, v_user, (SELECT coalesce(jsonb_agg(k), '[]') FROM jsonb_array_elements(p_all) k
        WHERE k ->> 'key' = ANY (p_added) AND NOT EXISTS (SELECT 1 FROM steps s WHERE s.run_id = p_run AND s.key = k ->> 'key')), '{}', '{}');
    SELECT array_agg((s.id, 'new')::step_was) INTO v_more FROM steps s
    WHERE s.run_id = p_run AND s.key = ANY (p_added) AND NOT s.superseded AND NOT EXISTS (SELECT 1 FROM unnest(v_moved) m WHERE m.step_id = s.id);
    v_moved := v_moved || coalesce(v_more, '{}');
    DELETE FROM default_outputs o USING steps s WHERE s.run_id = p_run AND o.step_id = s.id AND s.key <> ALL (p_added);
    INSERT INTO default_outputs (step_id, name, media_type, content_hash, content)
    SELECT s.id, o.name, o.media_type, encode(sha256(convert_to(o.content, 'UTF8')), 'hex'), convert_to(o.content, 'UTF8')
    FROM jsonb_to_recordset(p_all) AS k(key text, defaults jsonb)
    CROSS JOIN LATERAL jsonb_to_recordset(k.defaults) AS o(name text, media_type text, content text)
    JOIN steps s ON s.run_id = p_run AND s.key = k.key WHERE k.defaults IS NOT NULL
    ON CONFLICT DO NOTHING;
    -- The lines anew, and what they count.
    DELETE FROM step_deps d USING steps s WHERE s.run_id = p_run AND d.step_id = s.id;
    INSERT INTO step_deps (depends_on, step_id)
    SELECT a.id, b.id FROM unnest(p_dep_from, p_dep_to) e(a, b)
    JOIN steps a ON a.run_id = p_run AND a.key = e.a JOIN steps b ON b.run_id = p_run AND b.key = e.b;
    UPDATE steps s SET status = 'pending', undecided = false, admitted = NOT s.limited
    WHERE s.run_id = p_run AND NOT s.superseded AND s.parent_id IS NULL AND s.key = ANY (p_added);
    UPDATE steps s SET
        deps_left = (SELECT count(*) FROM step_deps d JOIN steps p ON p.id = d.depends_on
            WHERE d.step_id = s.id AND p.status NOT IN ('completed', 'failed', 'skipped', 'cancelled')),
        deps_failed = (SELECT count(*) FROM step_deps d JOIN steps p ON p.id = d.depends_on
            WHERE d.step_id = s.id AND dependency_class_v2(p.status, p.reason, p.on_error) = 'failed'),
        deps_done = (SELECT count(*) FROM step_deps d JOIN steps p ON p.id = d.depends_on
            WHERE d.step_id = s.id AND dependency_class_v2(p.status, p.reason, p.on_error) = 'done')
    WHERE s.run_id = p_run AND NOT s.superseded AND s.parent_id IS NULL;
    -- What was queued or skipped may stand otherwise now; the engine judges everything that waits for nothing.
    SELECT array_agg((s.id, step_state_v2(s))::step_was) INTO v_more FROM steps s
    WHERE s.run_id = p_run AND NOT s.superseded AND s.parent_id IS NULL
        AND (s.status IN ('pending', 'ready') OR (s.status = 'skipped' AND s.reason <> 'person' AND s.deps_left > 0));
    v_moved := v_moved || coalesce(v_more, '{}');
    UPDATE steps s SET status = 'pending', reason = NULL, undecided = s.deps_left = 0, mark = s.mark + 1
    FROM unnest(v_more) m WHERE s.id = m.step_id;
    RETURN v_moved;
END
$$;

-- Whether somebody may see a run: its owner, an admin, and those who are or were asked at one of its gates.
CREATE FUNCTION run_is_visible_v2(r workflow_runs, p_user uuid, p_role text, p_email text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT r.user_id = p_user OR p_role = 'admin' OR EXISTS (
        SELECT 1 FROM reviews v JOIN steps s ON s.id = v.step_id
        WHERE s.run_id = r.id AND (v.emails @> ARRAY[lower(p_email)] OR v.roles @> ARRAY[p_role]))
$$;

-- SHA-256 of an agent version's own prompt; null for kinds without one (twin of AgentConfig::prompt).
CREATE FUNCTION agent_prompt_hash_v2(p_agent text, p_version int) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(CASE v.spec #>> '{config,kind}'
        WHEN 'llm' THEN coalesce(v.spec #>> '{config,prompt}', '')
        WHEN 'template' THEN coalesce(v.spec #>> '{config,template}', '')
        WHEN 'human' THEN coalesce(v.spec #>> '{config,instructions}', '') END, 'UTF8')), 'hex')
    FROM agent_versions v WHERE v.agent_id = p_agent AND v.version = p_version
$$;
