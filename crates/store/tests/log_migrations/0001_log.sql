-- The log of runs: what was decided about each run, and the rows beside it that are found by something else than the run.
-- For the tests of the log, until the baseline of all tables is there.
--
-- A run's rows belong to its head: whoever writes one moves the head of that run in the same statement, having found it as it was
-- when the decision was made. So no row here has a foreign key (each would lock a row of another table at every insert), no trigger
-- and no default that decides anything: what is written was decided before, in Rust.

-- A run as lists and chores look for it, and its head: the last commit. What the run is otherwise stands in its log.
CREATE TABLE workflow_runs (
    id               uuid PRIMARY KEY,
    -- The random id of the last commit. A decision is made on a head, and is written only while that is still the head.
    head             uuid NOT NULL,
    -- The last event's number.
    seq              bigint NOT NULL CHECK (seq >= 1),
    user_id          uuid NOT NULL,
    template_id      uuid NOT NULL,
    template_version int NOT NULL,
    template_name    text NOT NULL,
    status           text NOT NULL CHECK (status IN ('pending', 'running', 'paused', 'completed', 'failed', 'cancelled')),
    status_reason    text CHECK (status_reason IN ('person', 'review', 'budget')),
    auto_run         boolean NOT NULL,
    is_test          boolean NOT NULL,
    parent_run       uuid,
    created_at       timestamptz NOT NULL,
    finished_at      timestamptz,
    -- When something is due by itself: its deadline, a review, the wait of a suspended attempt.
    due_at           timestamptz,
    -- A condition, a list or items want judging. Here, so that any process finds it after a crash.
    wants_judgement  boolean NOT NULL,
    -- The beginnings of its inputs, in a line.
    about            text,
    -- Steps that are part of it, items too. Counts are told as what became more or less, so none of them may have a check: it would look
    -- at the difference.
    n_steps          int NOT NULL,
    -- Of the steps of its definition, without items.
    n_completed      int NOT NULL,
    n_skipped        int NOT NULL,
    n_failed         int NOT NULL,
    n_cancelled      int NOT NULL,
    n_items          int NOT NULL,
    -- Steps and items that await review.
    n_waiting        int NOT NULL,
    committed_at     timestamptz NOT NULL,
    -- What a start was asked under; the hash of what was asked is in the log.
    idempotency_key  text,
    -- Why nobody may go on with it: its rows do not equal its log, or deciding about it failed.
    quarantine       text,
    UNIQUE (user_id, idempotency_key),
    CHECK ((status = 'paused') = (status_reason IS NOT NULL)),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
    -- A hop changes no indexed column, so the next version of the row has room beside it and no index is touched.
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX workflow_runs_of_user ON workflow_runs (user_id, created_at DESC, id DESC) WHERE NOT is_test;
CREATE INDEX workflow_runs_newest ON workflow_runs (created_at DESC, id DESC) WHERE NOT is_test;
CREATE INDEX workflow_runs_under_way ON workflow_runs (user_id) WHERE finished_at IS NULL AND parent_run IS NULL;
CREATE INDEX workflow_runs_due ON workflow_runs (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX workflow_runs_judgement ON workflow_runs (committed_at) WHERE wants_judgement;

-- Every event of every run, as it was told: the audit log, the wire frame and what a run is rebuilt from.
CREATE TABLE run_events (
    run_id    uuid NOT NULL,
    -- Gapless from 1.
    seq       bigint NOT NULL CHECK (seq >= 1),
    -- The commit that wrote it: a number alone can come again with another history, after a failover or a restore.
    commit_id uuid NOT NULL,
    -- The command that it came from: whoever asked knows by it that it is done.
    ask_id    uuid NOT NULL,
    -- json, not jsonb: order and digits are kept.
    event     json NOT NULL,
    PRIMARY KEY (run_id, seq)
);

-- Steps that a worker may claim, and those that want a reservation of their keys first; no others. A row goes when its step starts, or
-- may not start any more.
CREATE TABLE steps (
    run_id     uuid NOT NULL,
    -- With the key of its item, if it is one.
    step       text NOT NULL,
    -- Of its agent. Null: it waits for keys.
    kind       text,
    -- What it waits for: [{"key", "max"}].
    limits     json,
    -- Whose backlog it belongs to: claiming is fair over owners.
    user_id    uuid NOT NULL,
    -- Its place in the queue, and when a step that backs off may start again.
    not_before timestamptz NOT NULL,
    -- Until then others leave it to the process that committed last.
    kept_for   uuid,
    kept_until timestamptz,
    PRIMARY KEY (run_id, step),
    CHECK ((kind IS NULL) = (limits IS NOT NULL)),
    CHECK ((kept_for IS NULL) = (kept_until IS NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX steps_queue ON steps (kind, user_id, not_before, run_id, step) WHERE kind IS NOT NULL;
CREATE INDEX steps_reserving ON steps (not_before, run_id, step) WHERE kind IS NULL;

-- Who tried what, and what it cost. What an attempt read and was told stands in the log.
CREATE TABLE attempts (
    run_id            uuid NOT NULL,
    step              text NOT NULL,
    number            int NOT NULL CHECK (number >= 1),
    generation        int NOT NULL,
    -- Who holds it now: a lease for as long as that worker's heart beats.
    lease_worker      uuid,
    started_at        timestamptz NOT NULL,
    ended_at          timestamptz,
    outcome           text CHECK (outcome IN ('succeeded', 'failed', 'lost', 'cancelled', 'released')),
    error_class       text,
    error             text,
    model             text,
    prompt_tokens     bigint,
    completion_tokens bigint,
    cost_micros       bigint,
    PRIMARY KEY (run_id, step, number),
    CHECK ((outcome IS NULL) = (ended_at IS NULL)),
    CHECK (lease_worker IS NULL OR outcome IS NULL)
) WITH (fillfactor = 90);

CREATE INDEX attempts_leased ON attempts (lease_worker, run_id) WHERE lease_worker IS NOT NULL;

-- Versions of outputs. Append-only: which of them is the latest stands in artifact_heads.
CREATE TABLE artifacts (
    id           uuid PRIMARY KEY,
    run_id       uuid NOT NULL,
    step         text NOT NULL,
    name         text NOT NULL,
    version      int NOT NULL CHECK (version >= 1),
    media_type   text NOT NULL,
    content_hash text NOT NULL,
    value_hash   text,
    size         bigint NOT NULL,
    -- Null when the bytes are in blob_chunks under content_hash.
    content      bytea,
    origin       text NOT NULL CHECK (origin IN ('agent', 'human_edit', 'import')),
    attempt      int,
    parent       uuid,
    made_by      uuid,
    -- Whose content it has, perhaps of another run.
    copy_of      uuid,
    created_at   timestamptz NOT NULL,
    UNIQUE (run_id, step, name, version),
    CHECK (content IS NULL OR length(content) = size)
);

-- Of each output of a run, which version is the latest and which passed a gate.
CREATE TABLE artifact_heads (
    run_id   uuid NOT NULL,
    step     text NOT NULL,
    name     text NOT NULL,
    latest   int NOT NULL CHECK (latest >= 1),
    approved int[] NOT NULL,
    PRIMARY KEY (run_id, step, name)
) WITH (fillfactor = 90);

-- Gates that are open: the inbox of those who are asked.
CREATE TABLE reviews (
    run_id     uuid NOT NULL,
    step       text NOT NULL,
    generation int NOT NULL,
    number     int NOT NULL,
    user_id    uuid NOT NULL,
    opened_at  timestamptz NOT NULL,
    due_at     timestamptz,
    quorum     int NOT NULL,
    allow_self boolean NOT NULL,
    roles      text[] NOT NULL,
    -- Emails.
    users      text[] NOT NULL,
    votes      uuid[] NOT NULL,
    PRIMARY KEY (run_id, step)
);

CREATE INDEX reviews_oldest ON reviews (opened_at);
CREATE INDEX reviews_of_user ON reviews (user_id, opened_at);

-- What a run is to be told by another one. Written with the sender's commit, taken away with the receiver's.
CREATE TABLE run_inbox (
    -- The receiver, which may not have begun yet.
    run_id     uuid NOT NULL,
    sender     uuid NOT NULL,
    sender_seq bigint NOT NULL,
    -- Its place among those of one event.
    n          int NOT NULL,
    tell       json NOT NULL,
    sent_at    timestamptz NOT NULL,
    PRIMARY KEY (run_id, sender, sender_seq, n)
);

-- Without the run: an index that has it, wherever, may be chosen to find a row by its key while the table is empty.
CREATE INDEX run_inbox_oldest ON run_inbox (sent_at);

-- Limits across runs: at most `max` steps hold a key at a time. Only who reserves locks a row of it, never a commit.
CREATE TABLE key_limits (
    key  text PRIMARY KEY,
    max  int NOT NULL CHECK (max >= 0),
    -- Reservations, counting those that were given back but not struck off yet.
    used int NOT NULL CHECK (used >= 0)
) WITH (fillfactor = 50);

-- What steps hold. Given back with the step's end, in the commit of that end; who reserves next strikes it off.
CREATE TABLE key_reservations (
    run_id      uuid NOT NULL,
    step        text NOT NULL,
    -- All keys of the step or none.
    keys        text[] NOT NULL,
    reserved_at timestamptz NOT NULL,
    is_over     boolean NOT NULL,
    PRIMARY KEY (run_id, step)
);

CREATE INDEX key_reservations_over ON key_reservations (run_id, step) WHERE is_over;

-- Processes that work on steps. A worker's beat is the lease of everything that it runs; one that is dead stays so.
CREATE TABLE workers (
    id           uuid PRIMARY KEY,
    state        text NOT NULL CHECK (state IN ('alive', 'draining', 'dead')),
    started_at   timestamptz NOT NULL,
    beat_at      timestamptz NOT NULL,
    -- Set by the first sweep that finds it expired; a beat takes it back, a later sweep declares it dead.
    suspected_at timestamptz
);
