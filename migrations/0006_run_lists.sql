--------------------------------------------------------------------------------
-- Lists of runs: what stands beside runs so that people find them again. The engine writes none of it, and reads but which runs were deleted.
--------------------------------------------------------------------------------

-- What one process at a time does for all: whoever does it has the row locked, and nobody waits for it.
CREATE TABLE chores (
    name text PRIMARY KEY
);
INSERT INTO chores (name) VALUES ('run_texts'), ('run_counts');

-- What people call a run and tag it with, for their lists: beside its rows, which the engine alone writes.
CREATE TABLE run_labels (
    run_id      uuid PRIMARY KEY,
    title       text CHECK (char_length(title) BETWEEN 1 AND 200),
    tags        text[] NOT NULL DEFAULT '{}' CHECK (cardinality(tags) <= 20),
    -- Since when it stands in no list but that of what was archived.
    archived_at timestamptz,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    -- From when on it is deleted, unless somebody takes that back; the head that it had when that was asked, since whatever is committed
    -- afterwards keeps it; and who asked.
    delete_at   timestamptz,
    delete_head uuid,
    deleted_by  uuid,
    -- Not tried before then: it was not at rest, or somebody held it.
    retry_at    timestamptz,
    CHECK ((delete_at IS NULL) = (delete_head IS NULL))
);
CREATE INDEX run_labels_tags ON run_labels USING gin (tags);
CREATE INDEX run_labels_deleting ON run_labels (delete_at) WHERE delete_at IS NOT NULL;

-- Runs that were deleted, for good: none begins again under such an id. What stood beside their heads is taken away afterwards, in pieces.
CREATE TABLE deleted_runs (
    run_id     uuid PRIMARY KEY,
    deleted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Nothing of it is left.
    is_cleared boolean NOT NULL DEFAULT false
);
CREATE INDEX deleted_runs_left ON deleted_runs (deleted_at) WHERE NOT is_cleared;

-- What the text outputs of a run say, as words to look for, what its attempts used, and what it rested: read after the commits, never with one.
CREATE TABLE run_texts (
    run_id      uuid NOT NULL,
    -- The commit up to which it was read.
    as_of       timestamptz NOT NULL,
    words       tsvector NOT NULL,
    cost_micros bigint NOT NULL,
    tokens      bigint NOT NULL,
    -- So many milliseconds it was over before it went on again.
    rested_ms   bigint NOT NULL,
    -- Whether one of its steps was stale at that commit, for the list alone: what is stale is worked out from the run. Null: not yet.
    is_stale    boolean,
    -- Which runs are behind, what they cost, what they rested and which are stale is found without looking at the words.
    PRIMARY KEY (run_id) INCLUDE (as_of, cost_micros, tokens, rested_ms, is_stale)
);
CREATE INDEX run_texts_words ON run_texts USING gin (words);
CREATE INDEX run_texts_unjudged ON run_texts (run_id) WHERE is_stale IS NULL;

-- Who else looks at a run and does nothing there: at what it started as sub-workflows too, at no fork of it. Only whole runs stand here.
CREATE TABLE run_shares (
    id        uuid PRIMARY KEY,
    run_id    uuid NOT NULL,
    -- With one of the two. Whoever is disabled stays here and sees nothing until they are enabled; a group takes its shares with it.
    user_id   uuid REFERENCES users (id) ON DELETE CASCADE,
    group_id  text REFERENCES groups (id) ON DELETE CASCADE,
    shared_by uuid NOT NULL REFERENCES users (id),
    shared_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (run_id, user_id),
    UNIQUE (run_id, group_id),
    CHECK ((user_id IS NULL) <> (group_id IS NULL))
);
CREATE INDEX run_shares_of_user ON run_shares (user_id, run_id) WHERE user_id IS NOT NULL;
CREATE INDEX run_shares_of_group ON run_shares (group_id, run_id) WHERE group_id IS NOT NULL;

-- Which runs were counted into the totals of their days, as they were then; sub-workflows too, for what they used. Days are of UTC. Beside
-- the rows of the engine, written after the commits, never with one, and made anew from those whenever a run was committed since.
CREATE TABLE run_counts (
    run_id      uuid PRIMARY KEY,
    -- The commit up to which it was counted.
    as_of       timestamptz NOT NULL,
    -- On which it was started.
    day         date NOT NULL,
    user_id     uuid NOT NULL,
    template_id uuid NOT NULL,
    -- Of another run: its sub-workflow.
    is_part     boolean NOT NULL,
    -- Of its status how it ended; null while it goes on.
    ended       text CHECK (ended IN ('completed', 'failed', 'cancelled')),
    -- Of what completed, the buckets (each begins a tenth above the one before) of the milliseconds that it took without the time in which
    -- a gate of it was open, and of that time, if there was any.
    took        smallint CHECK (took BETWEEN 0 AND 400),
    waited      smallint CHECK (waited BETWEEN 0 AND 400)
);
CREATE INDEX run_counts_of_day ON run_counts (day);

-- What attempts of these used, by the day on which they began.
CREATE TABLE run_usages (
    run_id      uuid NOT NULL,
    day         date NOT NULL,
    -- Empty where the version of the workflow has no such step any more.
    agent_id    text NOT NULL,
    -- Empty where no model was asked.
    model       text NOT NULL,
    n_attempts  bigint NOT NULL,
    tokens      bigint NOT NULL,
    cost_micros bigint NOT NULL,
    PRIMARY KEY (run_id, day, agent_id, model)
);
CREATE INDEX run_usages_of_day ON run_usages (day);

-- Totals of days, made of the two above a whole day at a time: runs, how long they took and waited, and what attempts used.
CREATE TABLE run_days (
    day         date NOT NULL,
    -- All zeros, here and in the two below: everybody together.
    user_id     uuid NOT NULL,
    template_id uuid NOT NULL,
    n_runs      bigint NOT NULL,
    n_completed bigint NOT NULL,
    n_failed    bigint NOT NULL,
    n_cancelled bigint NOT NULL,
    PRIMARY KEY (user_id, day, template_id)
);
CREATE INDEX run_days_of_day ON run_days (day);

CREATE TABLE run_day_times (
    day         date NOT NULL,
    user_id     uuid NOT NULL,
    template_id uuid NOT NULL,
    is_waiting  boolean NOT NULL,
    bucket      smallint NOT NULL,
    n           bigint NOT NULL,
    PRIMARY KEY (user_id, day, template_id, is_waiting, bucket)
);
CREATE INDEX run_day_times_of_day ON run_day_times (day);

CREATE TABLE run_day_usages (
    day         date NOT NULL,
    user_id     uuid NOT NULL,
    template_id uuid NOT NULL,
    is_part     boolean NOT NULL,
    agent_id    text NOT NULL,
    model       text NOT NULL,
    n_attempts  bigint NOT NULL,
    tokens      bigint NOT NULL,
    cost_micros bigint NOT NULL,
    PRIMARY KEY (user_id, day, template_id, is_part, agent_id, model)
);
CREATE INDEX run_day_usages_of_day ON run_day_usages (day);
