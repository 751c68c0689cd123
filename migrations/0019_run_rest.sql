-- How long a run was over before it went on again: what is shown as its duration leaves that out.

ALTER TABLE workflow_runs ADD COLUMN rested_ms bigint NOT NULL DEFAULT 0 CHECK (rested_ms >= 0);

-- A run goes on by a verb, a move or a rollback, each in its own place: here is the one that all of them pass.
CREATE FUNCTION run_goes_on_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.rested_ms := OLD.rested_ms
        + greatest(0, extract(epoch FROM clock_timestamp() - OLD.finished_at) * 1000)::bigint;
    RETURN NEW;
END
$$;

CREATE TRIGGER workflow_runs_go_on BEFORE UPDATE OF finished_at ON workflow_runs
FOR EACH ROW WHEN (OLD.finished_at IS NOT NULL AND NEW.finished_at IS NULL)
EXECUTE FUNCTION run_goes_on_v1();
