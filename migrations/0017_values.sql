-- Values as they were given. JSONB sorts the keys of objects and writes numbers anew (1e2 becomes 100), so what people and models wrote
-- stands in `json` or `text`: run inputs, agent versions, literals. Definitions stay JSONB, for everybody who looks into them.

ALTER TABLE workflow_runs DROP COLUMN about;
DROP FUNCTION run_about_v1(jsonb);
ALTER TABLE workflow_runs ALTER COLUMN inputs TYPE json USING inputs::json;

-- What a run is about, in a line: the beginnings of what it was started on, in the order it was given.
-- Calls nothing of ours: a dump is restored without a search path.
CREATE FUNCTION run_about_v2(p_inputs json) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT string_agg(CASE WHEN length(t.line) > 80 THEN rtrim(left(t.line, 79)) || '…' ELSE t.line END, ' · ' ORDER BY t.ord)
    FROM (
        SELECT i.ord, btrim(regexp_replace(left(i.value #>> '{}', 400), '\s+', ' ', 'g')) AS line
        FROM json_each(p_inputs) WITH ORDINALITY i(key, value, ord)
        WHERE json_typeof(i.value) IN ('string', 'number') ORDER BY i.ord LIMIT 4) t
    WHERE t.line <> ''
$$;
ALTER TABLE workflow_runs ADD COLUMN about text GENERATED ALWAYS AS (run_about_v2(inputs)) STORED;

ALTER TABLE agent_versions DROP CONSTRAINT agent_versions_spec_check;
ALTER TABLE agent_versions ALTER COLUMN spec TYPE json USING spec::json;
ALTER TABLE agent_versions ADD CONSTRAINT agent_versions_spec_check CHECK (json_typeof(spec) = 'object');

-- The whole document once more, for the few definitions that JSONB would change: literals with keys out of its order or with numbers it
-- writes otherwise, and properties of a type in an order of their own. Where it is there, it is what counts.
ALTER TABLE workflow_templates ADD COLUMN definition_text text;
ALTER TABLE workflow_template_versions ADD COLUMN definition_text text;
ALTER TABLE workflow_runs ADD COLUMN definition_text text;

-- Of JSON content whose bytes are not its canonical form: what it means, by its SHA-256. Two contents with one value are equal to
-- whoever consumes them. Absent where the value's hash is that of the bytes.
CREATE TABLE value_hashes (
    content_hash text PRIMARY KEY,
    value_hash   text NOT NULL
);

CREATE OR REPLACE FUNCTION artifact_json_v2(p_key text, a artifacts) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT artifact_json_v1(p_key, a)
        || CASE WHEN a.made_by IS NULL THEN '{}' ELSE jsonb_build_object('made_by', (SELECT u.email FROM users u WHERE u.id = a.made_by)) END
        || CASE WHEN a.is_approved THEN jsonb_build_object('is_approved', true) ELSE '{}' END
        || CASE WHEN a.media_type <> 'application/json' THEN '{}' ELSE coalesce((
            SELECT jsonb_build_object('value_hash', h.value_hash) FROM value_hashes h WHERE h.content_hash = a.content_hash), '{}') END
$$;

-- As before, but for the inputs, which come as the text that they are, and the text of the definition.
-- p_run: {id, template, version, definition, definition_text, inputs, overrides, auto_run, is_test, user, actor, idem_key, request_hash,
--   limits, parent: {run, step, attempt}, forked: {run, step}, n_steps, slots: {key: max}}
CREATE OR REPLACE FUNCTION start_run_v2(p_run jsonb, p_steps jsonb, p_dep_from text[], p_dep_to text[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_run   workflow_runs;
    v_moved step_was[];
BEGIN
    INSERT INTO workflow_runs (id, template_id, template_version, run_definition, definition_text, inputs, overrides, auto_run, is_test,
        status, user_id, idempotency_key, request_hash, n_steps, max_parallel, limited, budget_tokens, budget_cost, on_exceed, deadline_at,
        parent_run, parent_step, parent_attempt, depth, forked_run, forked_step)
    VALUES ((p_run ->> 'id')::uuid, (p_run ->> 'template')::uuid, (p_run ->> 'version')::int, p_run -> 'definition',
        p_run ->> 'definition_text', (p_run ->> 'inputs')::json,
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
