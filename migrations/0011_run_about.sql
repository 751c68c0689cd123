-- What a run is about, in a line: the beginnings of what it was started on. Runs of one workflow look alike without it, and reading the
-- inputs for every list would read megabytes.

-- Calls nothing of ours: a dump is restored without a search path.
CREATE FUNCTION run_about_v1(p_inputs jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT string_agg(CASE WHEN length(t.line) > 80 THEN rtrim(left(t.line, 79)) || '…' ELSE t.line END, ' · ' ORDER BY t.key)
    FROM (
        SELECT i.key, btrim(regexp_replace(left(i.value #>> '{}', 400), '\s+', ' ', 'g')) AS line
        FROM jsonb_each(p_inputs) i WHERE jsonb_typeof(i.value) IN ('string', 'number') ORDER BY i.key LIMIT 4) t
    WHERE t.line <> ''
$$;

ALTER TABLE workflow_runs ADD COLUMN about text GENERATED ALWAYS AS (run_about_v1(inputs)) STORED;
