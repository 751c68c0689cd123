--------------------------------------------------------------------------------
-- Batches: many runs of one version, from the rows of a table that somebody uploaded.
--------------------------------------------------------------------------------

CREATE TABLE batches (
    id               uuid PRIMARY KEY,
    -- Whose runs they are.
    user_id          uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    template_id      uuid NOT NULL,
    -- As it was when the table came: the rows were judged by this version.
    template_version int NOT NULL,
    template_name    text NOT NULL,
    -- Of the file.
    name             text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    auto_run         boolean NOT NULL,
    -- The Idempotency-Key, or one made of what was sent: the same table a second time is this batch.
    key              text NOT NULL,
    -- Of what was sent.
    hash             text NOT NULL,
    state            text NOT NULL CHECK (state IN ('running', 'paused', 'stopped', 'cancelled', 'done')),
    -- Why it waits, or why it was stopped.
    reason           text CHECK (char_length(reason) <= 2000),
    n_rows           int NOT NULL CHECK (n_rows BETWEEN 1 AND 10000),
    -- Of its rows, counted as they are noted; the rest waits.
    n_started        int NOT NULL DEFAULT 0,
    n_refused        int NOT NULL DEFAULT 0,
    -- Not before then: a quota was spent.
    next_at          timestamptz NOT NULL DEFAULT now(),
    -- A process starts rows of it until then; after a crash another one goes on.
    leased_until     timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    ended_at         timestamptz,
    UNIQUE (user_id, key),
    CHECK ((state IN ('cancelled', 'done')) = (ended_at IS NOT NULL)),
    CHECK (state <> 'stopped' OR reason IS NOT NULL),
    CHECK (n_started >= 0 AND n_refused >= 0 AND n_started + n_refused <= n_rows)
);
CREATE INDEX batches_of_user ON batches (user_id, created_at DESC, id DESC);
CREATE INDEX batches_running ON batches (next_at) WHERE state = 'running';
CREATE INDEX batches_over ON batches (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE batch_rows (
    batch_id uuid NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    -- In the table, without its head: from 1.
    n        int NOT NULL CHECK (n >= 1),
    -- Empty once the run was deleted.
    inputs   json NOT NULL,
    state    text NOT NULL CHECK (state IN ('waiting', 'started', 'refused')),
    run_id   uuid,
    -- Why it was refused.
    reason   text CHECK (char_length(reason) <= 2000),
    PRIMARY KEY (batch_id, n),
    CHECK ((state = 'started') = (run_id IS NOT NULL)),
    CHECK ((state = 'refused') = (reason IS NOT NULL))
);
-- For whoever deletes a run, or counts those that are under way.
CREATE INDEX batch_rows_of_run ON batch_rows (run_id);
CREATE INDEX batch_rows_waiting ON batch_rows (batch_id, n) WHERE state = 'waiting';
