-- What one person may take up: how much they stored today, and how many of their runs are under way.

-- One row a person, so nothing has to be tidied up. It is also what those wait for who take something at the same time, in this
-- process and in others: it is locked last in its transaction, so that nobody waits in a circle.
CREATE TABLE user_days (
    user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- By UTC. Of an earlier day nothing counts any more.
    day     date NOT NULL,
    bytes   bigint NOT NULL CHECK (bytes >= 0)
)
-- It is written often and never grows: there is room for the next version of a row beside it.
WITH (fillfactor = 50);

-- The runs of a person that are not over. Those that a step of another run made belong to that one.
CREATE INDEX workflow_runs_under_way ON workflow_runs (user_id) WHERE finished_at IS NULL AND parent_run IS NULL;
