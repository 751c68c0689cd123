-- Runs, their steps, attempts, artifacts, reviews and events, and the workers that execute them.
-- Must hold by itself what the code promises: every state has a CHECK, every "exactly one" a unique index.

CREATE TABLE workflow_runs (
    id               uuid PRIMARY KEY,
    template_id      uuid NOT NULL,
    template_version int NOT NULL,
    -- The frozen copy: publishing a newer version never touches a run.
    run_definition   jsonb NOT NULL,
    inputs           jsonb NOT NULL,
    -- {"step key": {"prompt": ..., "inputs": {...}}}
    overrides        jsonb NOT NULL DEFAULT '{}',
    auto_run         boolean NOT NULL,
    is_test          boolean NOT NULL,
    status           text NOT NULL CHECK (status IN ('pending', 'running', 'paused', 'completed', 'failed', 'cancelled')),
    status_reason    text CHECK (status_reason IN ('person', 'review', 'budget')),
    user_id          uuid NOT NULL REFERENCES users (id),
    idempotency_key  text,
    -- What was asked under the key: the same key with another request is refused.
    request_hash     text,
    -- The last event's number; allocated under the run lock, hence gapless and in commit order.
    event_seq        bigint NOT NULL DEFAULT 0,
    n_steps          int NOT NULL,
    -- Current steps by what decides the run's status; kept by settle_v1.
    n_active         int NOT NULL DEFAULT 0 CHECK (n_active >= 0),
    n_review         int NOT NULL DEFAULT 0 CHECK (n_review >= 0),
    n_failed         int NOT NULL DEFAULT 0 CHECK (n_failed >= 0),
    n_done           int NOT NULL DEFAULT 0 CHECK (n_done BETWEEN 0 AND n_steps),
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at      timestamptz,
    FOREIGN KEY (template_id, template_version) REFERENCES workflow_template_versions (template_id, version),
    UNIQUE (user_id, idempotency_key),
    CHECK ((idempotency_key IS NULL) = (request_hash IS NULL)),
    CHECK ((status = 'paused') = (status_reason IS NOT NULL)),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
    -- The definition goes out of line early, so that the hot columns are updated in a small row.
) WITH (fillfactor = 70, toast_tuple_target = 256);

CREATE INDEX workflow_runs_of_user ON workflow_runs (user_id, created_at DESC, id DESC) WHERE NOT is_test;
CREATE INDEX workflow_runs_newest ON workflow_runs (created_at DESC, id DESC) WHERE NOT is_test;
CREATE INDEX workflow_runs_waiting ON workflow_runs (created_at, id) WHERE n_review > 0 AND NOT is_test;

CREATE TABLE steps (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id        uuid NOT NULL REFERENCES workflow_runs (id) ON DELETE CASCADE,
    key           text NOT NULL,
    title         text NOT NULL,
    agent_id      text NOT NULL,
    agent_version int NOT NULL,
    kind          text NOT NULL,
    -- Whose backlog it belongs to: claiming is fair over owners.
    user_id       uuid NOT NULL,
    review_mode   text NOT NULL CHECK (review_mode IN ('when_manual', 'always', 'never')),
    status        text NOT NULL CHECK (status IN ('pending', 'ready', 'running', 'awaiting_review', 'completed', 'failed', 'skipped', 'cancelled')),
    -- Why it was skipped, or the class of its error.
    reason        text,
    generation    int NOT NULL DEFAULT 1 CHECK (generation >= 1),
    -- The number of the last attempt; runs on through the step's life.
    attempt       int NOT NULL DEFAULT 0,
    -- Automatic retries and worker crashes of this generation: separate budgets.
    fail_count    int NOT NULL DEFAULT 0,
    crash_count   int NOT NULL DEFAULT 0,
    -- Direct dependencies that are not terminal, that block the default rule, and that satisfy it. Exact for every status.
    deps_left     int NOT NULL CHECK (deps_left >= 0),
    deps_failed   int NOT NULL DEFAULT 0 CHECK (deps_failed >= 0),
    deps_done     int NOT NULL DEFAULT 0 CHECK (deps_done >= 0),
    not_before    timestamptz,
    lease_worker  uuid,
    UNIQUE (run_id, key),
    CHECK ((status = 'running') = (lease_worker IS NOT NULL)),
    CHECK ((status IN ('failed', 'skipped')) = (reason IS NOT NULL)),
    CHECK (status <> 'ready' OR not_before IS NOT NULL)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX steps_ready ON steps (user_id, not_before, id) WHERE status = 'ready';
CREATE INDEX steps_leased ON steps (lease_worker) WHERE status = 'running';

CREATE TABLE step_deps (
    depends_on bigint NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    step_id    bigint NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    PRIMARY KEY (depends_on, step_id)
);
CREATE INDEX step_deps_of ON step_deps (step_id);

-- Generations beyond the first: who began them. The first begins with the run.
CREATE TABLE step_generations (
    step_id    bigint NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    generation int NOT NULL CHECK (generation >= 2),
    begun_by   uuid NOT NULL REFERENCES users (id),
    begun_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (step_id, generation)
);

CREATE TABLE attempts (
    step_id     bigint NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    number      int NOT NULL CHECK (number >= 1),
    generation  int NOT NULL,
    worker      uuid NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at    timestamptz,
    outcome     text CHECK (outcome IN ('succeeded', 'failed', 'lost', 'cancelled', 'released')),
    error_class text,
    error       text,
    -- What it consumed: [{"port", "artifact_id", "version", "hash"}]
    inputs      jsonb,
    -- {"model", "prompt_tokens", "completion_tokens"}
    usage       jsonb,
    PRIMARY KEY (step_id, number),
    CHECK ((outcome IS NULL) = (ended_at IS NULL)),
    CHECK ((outcome = 'failed') = (error_class IS NOT NULL) OR outcome IS NULL)
);
-- At most one open attempt of a step.
CREATE UNIQUE INDEX attempts_open ON attempts (step_id) WHERE outcome IS NULL;
-- Exactly one success of a generation.
CREATE UNIQUE INDEX attempts_success ON attempts (step_id, generation) WHERE outcome = 'succeeded';

-- Content too large for the completion call: addressed by its SHA-256, written before.
CREATE TABLE blobs (
    hash       text PRIMARY KEY,
    size       bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE blob_chunks (
    hash  text NOT NULL REFERENCES blobs (hash) ON DELETE CASCADE,
    n     int NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (hash, n)
);
ALTER TABLE blob_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE artifacts (
    id           uuid PRIMARY KEY,
    run_id       uuid NOT NULL REFERENCES workflow_runs (id) ON DELETE CASCADE,
    step_id      bigint NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    name         text NOT NULL,
    version      int NOT NULL CHECK (version >= 1),
    is_latest    boolean NOT NULL,
    media_type   text NOT NULL,
    content_hash text NOT NULL,
    size         bigint NOT NULL,
    -- Null when the bytes are in blob_chunks under content_hash.
    content      bytea,
    origin       text NOT NULL CHECK (origin IN ('agent', 'human_edit', 'import')),
    attempt      int,
    parent       uuid REFERENCES artifacts (id),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (step_id, name, version),
    CHECK ((origin = 'agent') = (attempt IS NOT NULL)),
    CHECK (content IS NULL OR length(content) = size)
);
CREATE UNIQUE INDEX artifacts_latest ON artifacts (step_id, name) WHERE is_latest;
CREATE INDEX artifacts_of_run ON artifacts (run_id);
CREATE INDEX artifacts_of_blob ON artifacts (content_hash) WHERE content IS NULL;

-- A gate: opened when a step starts to wait, decided once.
CREATE TABLE reviews (
    step_id    bigint NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    generation int NOT NULL,
    opened_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- `released` is auto-run's doing, `cancelled` the run's.
    decision   text CHECK (decision IN ('approved', 'released', 'cancelled')),
    decided_by uuid REFERENCES users (id),
    decided_at timestamptz,
    -- What the decision is bound to: the digest over all (output, version, hash) that were current.
    digest     text,
    PRIMARY KEY (step_id, generation),
    CHECK ((decision IS NULL) = (decided_at IS NULL)),
    CHECK (decision IS NULL OR decided_by IS NOT NULL),
    CHECK (decision IS DISTINCT FROM 'approved' OR digest IS NOT NULL)
);

-- The audit log of a run, the wire frame of the live feed and the input of the reducer.
CREATE TABLE run_events (
    run_id uuid NOT NULL REFERENCES workflow_runs (id) ON DELETE CASCADE,
    seq    bigint NOT NULL CHECK (seq >= 1),
    at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind   text NOT NULL,
    -- Null when the engine did it.
    actor  uuid REFERENCES users (id),
    data   jsonb NOT NULL,
    PRIMARY KEY (run_id, seq)
);

-- One row per process incarnation; its heartbeat is the lease of everything it runs.
CREATE TABLE workers (
    id           uuid PRIMARY KEY,
    state        text NOT NULL DEFAULT 'alive' CHECK (state IN ('alive', 'draining', 'dead')),
    last_beat    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Set by the first sweep that finds it expired; a beat takes it back, a later sweep declares it dead.
    suspected_at timestamptz
);

-- Who looks at a run now: workers send its tokens only then. Losing this table loses nothing.
CREATE UNLOGGED TABLE run_watchers (
    run_id uuid PRIMARY KEY,
    until  timestamptz NOT NULL
);
