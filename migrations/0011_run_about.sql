-- What a run is about, in a line: the beginnings of what it was started on. Runs of one workflow look alike without it, and reading the
-- inputs for every list would read megabytes.

CREATE FUNCTION run_about_v1(p_inputs jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT nullif(rtrim(left(string_agg(nullif(rtrim(left(btrim(regexp_replace(left(i.value #>> '{}', 400), '\s+', ' ', 'g')), 80)), ''),
        ' · ' ORDER BY i.key), 160)), '')
    FROM jsonb_each(p_inputs) i WHERE jsonb_typeof(i.value) IN ('string', 'number')
$$;

ALTER TABLE workflow_runs ADD COLUMN about text GENERATED ALWAYS AS (run_about_v1(inputs)) STORED;
