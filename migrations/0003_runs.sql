--------------------------------------------------------------------------------
-- Runs: the log of what was decided about each, and the rows beside it that are found by something else than the run.
--
-- A run's rows belong to its head: whoever writes one moves the head of that run in the same statement, having found it as it was when
-- the decision was made. So no row here has a foreign key: each would lock a row of another table at every insert.
--------------------------------------------------------------------------------

-- Which of several installations this is, for good, as the ids of its runs carry it. No row: nobody said, and they carry 0. At most one row.
CREATE TABLE cell (
    id     boolean PRIMARY KEY CHECK (id),
    number smallint NOT NULL CHECK (number BETWEEN 0 AND 1023)
);

-- A run as lists and chores look for it, and its head: the last commit. What the run is otherwise stands in its events.
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
    -- In a line: the beginnings of what it was started on. Runs of one workflow look alike without it.
    about            text,
    status           text NOT NULL CHECK (status IN ('pending', 'running', 'paused', 'completed', 'failed', 'cancelled')),
    status_reason    text CHECK (status_reason IN ('person', 'review', 'budget')),
    auto_run         boolean NOT NULL,
    is_test          boolean NOT NULL,
    -- The run whose step it is the sub-workflow of.
    parent_run       uuid,
    created_at       timestamptz NOT NULL,
    finished_at      timestamptz,
    -- When something is due by itself: its deadline, a review, the wait of a suspended attempt.
    due_at           timestamptz,
    -- A condition, a list or items want judging. Here, so that any process finds it after a crash.
    wants_judgement  boolean NOT NULL,
    -- Steps that are part of it, items too; and those of them that are items. A commit adds to the counts what it changed: the row that
    -- it proposes for that has differences, so no count has a CHECK.
    n_steps          int NOT NULL,
    n_items          int NOT NULL,
    -- Steps by how they ended. Items count with their map step.
    n_completed      int NOT NULL,
    n_skipped        int NOT NULL,
    n_failed         int NOT NULL,
    n_cancelled      int NOT NULL,
    -- Steps and items that await review.
    n_waiting        int NOT NULL,
    committed_at     timestamptz NOT NULL,
    -- What a start was asked under; the hash of what was asked is in the log.
    idempotency_key  text,
    -- Why nobody may go on with it: its rows do not equal its log, or deciding about it failed.
    quarantine       text,
    CHECK ((status = 'paused') = (status_reason IS NOT NULL)),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
    -- A hop changes no column of any index, nor one that a condition of an index names: so the next version of the row has room beside it
    -- and no index is touched. That holds for the indexes below as well, also for those that a hop's run does not stand in.
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
-- What was started under a key is one run. Most are started without.
CREATE UNIQUE INDEX workflow_runs_of_key ON workflow_runs (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
-- Lists of runs show no sub-workflows, of which a map may have thousands. The indexes over everybody's runs serve only who asks for
-- everybody's, and says so with `created_at > '-infinity'`: along them somebody's few runs would be looked for among all others.
CREATE INDEX workflow_runs_of_user ON workflow_runs (user_id, created_at DESC, id DESC) WHERE NOT is_test AND parent_run IS NULL;
CREATE INDEX workflow_runs_newest ON workflow_runs (created_at DESC, id DESC)
    WHERE NOT is_test AND parent_run IS NULL AND created_at > '-infinity';
CREATE INDEX workflow_runs_waiting ON workflow_runs (created_at, id)
    WHERE n_waiting > 0 AND NOT is_test AND created_at > '-infinity';
CREATE INDEX workflow_runs_waiting_of_user ON workflow_runs (user_id, created_at, id) WHERE n_waiting > 0 AND NOT is_test;
-- What a workflow gave last, for whoever edits it. The second condition always holds and keeps the lists of runs, which do not say it, from
-- being read by this index.
CREATE INDEX workflow_runs_of_template ON workflow_runs (template_id, created_at DESC, id DESC) WHERE parent_run IS NULL AND template_version > 0;
-- The sub-workflows of a run go with it.
CREATE INDEX workflow_runs_of_parent ON workflow_runs (parent_run) WHERE parent_run IS NOT NULL;
CREATE INDEX workflow_runs_under_way ON workflow_runs (user_id) WHERE finished_at IS NULL AND parent_run IS NULL;
CREATE INDEX workflow_runs_due ON workflow_runs (due_at) WHERE due_at IS NOT NULL;
-- Not by when they were committed, by which they are looked at: an index over that is written to by every commit of every run.
CREATE INDEX workflow_runs_judgement ON workflow_runs (id) WHERE wants_judgement;

-- Every event of every run, as it was told: the audit log, the wire frame and what a run is rebuilt from.
CREATE TABLE run_events (
    run_id    uuid NOT NULL,
    -- Gapless from 1.
    seq       bigint NOT NULL CHECK (seq >= 1),
    -- The commit that wrote it: a number alone can come again with another history, after a failover or a restore.
    commit_id uuid NOT NULL,
    -- The command that it came from: whoever asked knows by it that it is done.
    ask_id    uuid NOT NULL,
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
    -- Which agent that is, for processes that run some alone.
    agent      text,
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
    -- Runs on through the step's life.
    number            int NOT NULL CHECK (number >= 1),
    generation        int NOT NULL CHECK (generation >= 1),
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

-- What attempts told language models and what came back, whatever became of them; written beside the attempt by its worker.
CREATE TABLE attempt_transcripts (
    run_id     uuid NOT NULL,
    step       text NOT NULL,
    number     int NOT NULL,
    transcript json NOT NULL,
    PRIMARY KEY (run_id, step, number)
);

-- Texts of prompts by their SHA-256; attempts name them, so that many that were told the same keep it once.
CREATE TABLE prompts (
    hash text PRIMARY KEY,
    text text NOT NULL
);

-- Content too large to go with a commit, by its SHA-256: written before the commit that needs it, and collected if none does.
CREATE TABLE blobs (
    hash       text PRIMARY KEY,
    size       bigint NOT NULL,
    -- Anew when it is written again: young ones are never collected.
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX blobs_oldest ON blobs (created_at);

CREATE TABLE blob_chunks (
    hash  text NOT NULL REFERENCES blobs (hash) ON DELETE CASCADE,
    n     int NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (hash, n)
);
-- Content that is large is mostly compressed already, and is read as a whole.
ALTER TABLE blob_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Versions of outputs. Append-only: which of them is the latest stands in artifact_heads.
CREATE TABLE artifacts (
    id           uuid PRIMARY KEY,
    run_id       uuid NOT NULL,
    step         text NOT NULL,
    name         text NOT NULL,
    version      int NOT NULL CHECK (version >= 1),
    media_type   text NOT NULL,
    content_hash text NOT NULL,
    -- Of JSON whose bytes are not its canonical form, the hash of what it means. Two contents with one value are equal to whoever
    -- consumes them.
    value_hash   text,
    size         bigint NOT NULL,
    -- Null when the bytes are in blob_chunks under content_hash.
    content      bytea,
    origin       text NOT NULL CHECK (origin IN ('agent', 'human_edit', 'import')),
    -- The number of the attempt that made it.
    attempt      int,
    -- The version that it was made from.
    parent       uuid,
    made_by      uuid,
    -- Whose content it has, perhaps of another run.
    copy_of      uuid,
    created_at   timestamptz NOT NULL,
    UNIQUE (run_id, step, name, version),
    CHECK (content IS NULL OR length(content) = size)
);
CREATE INDEX artifacts_of_blob ON artifacts (content_hash) WHERE content IS NULL;
-- Copies whose bytes stand with what they copy: they get them before that goes.
CREATE INDEX artifacts_of_original ON artifacts (copy_of) WHERE copy_of IS NOT NULL AND content IS NULL;

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
    -- Which round of the generation it is.
    number     int NOT NULL,
    -- Whose run it is.
    user_id    uuid NOT NULL,
    opened_at  timestamptz NOT NULL,
    due_at     timestamptz,
    quorum     int NOT NULL CHECK (quorum >= 1),
    allow_self boolean NOT NULL,
    -- Who is asked, by role or group (`group:ID`, which no role is called), and by email in lower case; nobody: whoever owns the run.
    roles      text[] NOT NULL,
    users      text[] NOT NULL,
    -- Who approved so far, and when each of them did; null where nobody knows.
    votes      uuid[] NOT NULL,
    voted_at   timestamptz[] NOT NULL,
    -- In whose place each of them did; null where they were asked themselves.
    voted_for  uuid[] NOT NULL,
    -- What a list tells of the step, by the definition in force: what people call it, rejections in a row and how many there may be, what
    -- happens when time runs out, and whether it wants an answer.
    title      text NOT NULL,
    round      int NOT NULL CHECK (round >= 0),
    max_rounds int NOT NULL CHECK (max_rounds >= 0),
    on_timeout text NOT NULL CHECK (on_timeout IN ('fail', 'approve')),
    is_form    boolean NOT NULL,
    PRIMARY KEY (run_id, step),
    CHECK (cardinality(votes) = cardinality(voted_at) AND cardinality(votes) = cardinality(voted_for))
);
-- The two over everybody's gates serve only who asks for everybody's, and says so with `opened_at > '-infinity'`: along them somebody's few
-- would be looked for among all others.
CREATE INDEX reviews_oldest ON reviews (opened_at, run_id, step) WHERE opened_at > '-infinity';
CREATE INDEX reviews_due ON reviews ((coalesce(due_at, 'infinity'::timestamptz)), opened_at, run_id, step)
    WHERE opened_at > '-infinity';
CREATE INDEX reviews_of_user ON reviews (user_id, opened_at);
CREATE INDEX reviews_roles ON reviews USING gin (roles) WHERE roles <> '{}';
CREATE INDEX reviews_users ON reviews USING gin (users) WHERE users <> '{}';

-- Gates that were closed, but those of tests: the history of who decided what. What is shown there beside it stands with the run.
-- Only ever added to; they go with their run.
CREATE TABLE review_ends (
    run_id      uuid NOT NULL,
    step        text NOT NULL,
    generation  int NOT NULL,
    number      int NOT NULL,
    template_id uuid NOT NULL,
    -- Whose run it is.
    user_id     uuid NOT NULL,
    -- What people called the step then.
    title       text NOT NULL,
    opened_at   timestamptz NOT NULL,
    closed_at   timestamptz NOT NULL,
    verdict     text NOT NULL
        CHECK (verdict IN ('approved', 'rejected', 'released', 'cancelled', 'timed_out', 'superseded')),
    -- Null: time ran out, or nobody in particular did.
    closed_by   uuid,
    -- In whose place they did. Null: they were asked themselves.
    acted_for   uuid,
    -- Who approved.
    votes       uuid[] NOT NULL,
    -- What was wanted instead, at most 4,000 characters of it: the whole text stands in the log.
    feedback    text CHECK (char_length(feedback) <= 4000),
    PRIMARY KEY (run_id, step, generation, number),
    CHECK (feedback IS NULL OR verdict = 'rejected')
);
-- As with gates: only for who asks for everybody's.
CREATE INDEX review_ends_newest ON review_ends (closed_at DESC, run_id DESC, step DESC, generation DESC, number DESC)
    WHERE closed_at > '-infinity';
CREATE INDEX review_ends_of_user ON review_ends (user_id, closed_at DESC, run_id DESC, step DESC, generation DESC, number DESC);

-- Of each of these, whoever closed it, those who approved, and those in whose place they did: by whom the history is looked through.
CREATE TABLE review_deciders (
    run_id     uuid NOT NULL,
    step       text NOT NULL,
    generation int NOT NULL,
    number     int NOT NULL,
    user_id    uuid NOT NULL,
    closed_at  timestamptz NOT NULL,
    PRIMARY KEY (run_id, step, generation, number, user_id)
);
CREATE INDEX review_deciders_of_user
    ON review_deciders (user_id, closed_at DESC, run_id DESC, step DESC, generation DESC, number DESC);

-- What a run is to be told by another one. Written with the sender's commit, taken away with the receiver's.
CREATE TABLE run_inbox (
    -- The receiver, which may not have begun yet.
    run_id     uuid NOT NULL,
    sender     uuid NOT NULL,
    sender_seq bigint NOT NULL,
    -- Its place among those of one event.
    n          int NOT NULL,
    -- Of the sender: after a database was lost, another message may have the same place.
    commit_id  uuid NOT NULL,
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

-- Processes that execute steps, each incarnation under an id of its own. What one holds is its own for as long as its heart beats;
-- once dead, it is so for good. One that is ending takes nothing any more, and is dead as soon as nothing can be on its way to it.
CREATE TABLE workers (
    id           uuid PRIMARY KEY,
    state        text NOT NULL CHECK (state IN ('alive', 'ending', 'dead')),
    started_at   timestamptz NOT NULL,
    beat_at      timestamptz NOT NULL,
    -- Since when a look found its lease run out; a second look makes it dead.
    suspected_at timestamptz,
    -- Of a session of an outside worker, whose beats come over the network. Null: as long as the processes themselves say.
    lease        interval,
    -- Of such a session: the token that began it.
    token_id     uuid,
    CHECK ((lease IS NULL) = (token_id IS NULL))
) WITH (fillfactor = 50);
-- What is alive is counted without looking at what was. None knows when a worker beat: else each beat would write to all of them.
CREATE INDEX workers_of_token ON workers (token_id) WHERE token_id IS NOT NULL AND state = 'alive';
CREATE INDEX workers_over ON workers (token_id) WHERE token_id IS NOT NULL AND state = 'dead';
CREATE INDEX workers_ending ON workers (id) WHERE state = 'ending';

-- Runs that somebody looks at now, so that workers send their tokens. Unlogged: after a crash of the database they say so again.
CREATE UNLOGGED TABLE run_watchers (
    run_id uuid PRIMARY KEY,
    until  timestamptz NOT NULL
);
