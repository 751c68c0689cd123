-- What control flow and the verbs of a person need: decisions, items of maps, sub-workflow runs, limits, budgets,
-- deadlines, gates with votes, and artifacts that people made.
-- Must only add: an older replica goes on with the functions of version 1 while this is already there.

ALTER TABLE workflow_templates ADD COLUMN archived_at timestamptz;

ALTER TABLE workflow_runs
    -- Held by a person or by its budget: what is ready is not admitted.
    ADD COLUMN held          text CHECK (held IN ('person', 'budget')),
    ADD COLUMN max_parallel  int CHECK (max_parallel >= 1),
    -- Some of its steps are admitted one by one.
    ADD COLUMN limited       boolean NOT NULL DEFAULT false,
    ADD COLUMN budget_tokens bigint CHECK (budget_tokens >= 1),
    ADD COLUMN budget_cost   bigint CHECK (budget_cost >= 1),
    ADD COLUMN on_exceed     text NOT NULL DEFAULT 'pause' CHECK (on_exceed IN ('pause', 'fail')),
    ADD COLUMN used_tokens   bigint NOT NULL DEFAULT 0,
    ADD COLUMN used_cost     bigint NOT NULL DEFAULT 0,
    ADD COLUMN deadline_at   timestamptz,
    -- The step and attempt of another run that started this one.
    ADD COLUMN parent_run     uuid REFERENCES workflow_runs (id) ON DELETE CASCADE,
    ADD COLUMN parent_step    bigint,
    ADD COLUMN parent_attempt int,
    ADD COLUMN depth          int NOT NULL DEFAULT 1 CHECK (depth BETWEEN 1 AND 16),
    ADD COLUMN forked_run     uuid REFERENCES workflow_runs (id) ON DELETE SET NULL,
    ADD COLUMN forked_step    text,
    ADD CHECK ((parent_run IS NULL) = (parent_step IS NULL) AND (parent_run IS NULL) = (parent_attempt IS NULL));
CREATE UNIQUE INDEX workflow_runs_children ON workflow_runs (parent_step, parent_attempt) WHERE parent_step IS NOT NULL;
CREATE INDEX workflow_runs_deadline ON workflow_runs (deadline_at) WHERE deadline_at IS NOT NULL AND finished_at IS NULL;

ALTER TABLE steps
    -- It has a condition, a map, or another rule than the default: the engine decides once its dependencies are over.
    ADD COLUMN decides     boolean NOT NULL DEFAULT false,
    -- That is so now, or a map has all its items: the engine is asked. `mark` tells one asking from another.
    ADD COLUMN undecided   boolean NOT NULL DEFAULT false,
    ADD COLUMN mark        int NOT NULL DEFAULT 0,
    -- A person wants its next attempt, whatever its rule, its condition, a pause or a used-up budget say.
    ADD COLUMN forced      boolean NOT NULL DEFAULT false,
    ADD COLUMN on_error    text NOT NULL DEFAULT 'fail' CHECK (on_error IN ('fail', 'continue', 'default')),
    -- The map step runs without a lease while its items do.
    ADD COLUMN is_map      boolean NOT NULL DEFAULT false,
    ADD COLUMN map_parallel int CHECK (map_parallel >= 1),
    ADD COLUMN items_left  int NOT NULL DEFAULT 0 CHECK (items_left >= 0),
    ADD COLUMN parent_id   bigint REFERENCES steps (id) ON DELETE CASCADE,
    ADD COLUMN item_index  int,
    -- No part of the run any more: an item that vanished, a step that a newer version dropped.
    ADD COLUMN superseded  boolean NOT NULL DEFAULT false,
    -- The run of a sub-workflow.
    ADD COLUMN child_run   uuid,
    -- What its gate asks for, where that is more than one approval of the owner.
    ADD COLUMN gate        jsonb,
    -- Rejections in a row.
    ADD COLUMN rounds      int NOT NULL DEFAULT 0,
    -- It is subject to a limit of its run, its map or its keys; `admitted` when that lets it go.
    ADD COLUMN limited     boolean NOT NULL DEFAULT false,
    ADD COLUMN admitted    boolean NOT NULL DEFAULT true,
    ADD COLUMN slot_keys   text[],
    ADD CHECK (NOT undecided OR status = 'pending' OR (status = 'running' AND is_map)),
    ADD CHECK ((parent_id IS NULL) = (item_index IS NULL)),
    ADD CHECK (lease_worker IS NULL OR NOT is_map);
-- A map step, and a sub-workflow whose run has begun, run without a lease.
ALTER TABLE steps DROP CONSTRAINT steps_check;
ALTER TABLE steps ADD CONSTRAINT steps_lease CHECK (
    CASE WHEN status = 'running' THEN lease_worker IS NOT NULL OR is_map OR child_run IS NOT NULL ELSE lease_worker IS NULL END);

DROP INDEX steps_ready;
CREATE INDEX steps_ready ON steps (user_id, not_before, id) WHERE status = 'ready' AND admitted;
CREATE INDEX steps_unadmitted ON steps (run_id, coalesce(parent_id, 0), not_before, id) WHERE status = 'ready' AND NOT admitted;
CREATE INDEX steps_admitted ON steps (run_id, parent_id) WHERE limited AND admitted AND status IN ('ready', 'running');
CREATE INDEX steps_items ON steps (parent_id, item_index) WHERE parent_id IS NOT NULL;

-- What the engine has to look at: a step to decide, a map to collect, a sub-workflow that ended or was abandoned,
-- a step that a limit may now let go. A row is a wish to look, never a truth; two for one step do no harm.
CREATE TABLE decisions (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    step_id bigint NOT NULL,
    due     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The item of an item step, apart from the hot row.
CREATE TABLE map_items (
    step_id bigint PRIMARY KEY REFERENCES steps (id) ON DELETE CASCADE,
    key     text NOT NULL,
    value   jsonb NOT NULL,
    -- Hash of everything the item was run with: equal means that it need not run again.
    basis   text NOT NULL
);

-- What `on_error: default` completes a step with.
CREATE TABLE default_outputs (
    step_id      bigint NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    name         text NOT NULL,
    media_type   text NOT NULL,
    content_hash text NOT NULL,
    content      bytea NOT NULL,
    PRIMARY KEY (step_id, name)
);

-- Limits across runs: at most `max` steps hold a key.
CREATE TABLE concurrency_keys (
    key text PRIMARY KEY,
    max int NOT NULL CHECK (max >= 1)
);
CREATE TABLE slots (
    key     text NOT NULL REFERENCES concurrency_keys (key),
    step_id bigint NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    PRIMARY KEY (key, step_id)
);
CREATE INDEX slots_of_step ON slots (step_id);
CREATE TABLE slot_waits (
    key     text NOT NULL REFERENCES concurrency_keys (key),
    step_id bigint NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    PRIMARY KEY (key, step_id)
);
CREATE INDEX slot_waits_of_step ON slot_waits (step_id);

ALTER TABLE step_generations
    ADD COLUMN feedback text,
    ADD COLUMN round    int,
    ALTER COLUMN begun_by DROP NOT NULL,
    ADD CHECK ((feedback IS NULL) = (round IS NULL));

ALTER TABLE attempts
    -- No worker holds the attempt of a map or of a sub-workflow.
    ALTER COLUMN worker DROP NOT NULL,
    ADD COLUMN basis   jsonb,
    ADD COLUMN message text;

-- Prompt templates that attempts were made with, by hash.
CREATE TABLE prompts (
    hash text PRIMARY KEY,
    text text NOT NULL
);

ALTER TABLE artifacts
    ADD COLUMN made_by     uuid REFERENCES users (id),
    ADD COLUMN is_approved boolean NOT NULL DEFAULT false;
CREATE INDEX artifacts_parent ON artifacts (parent) WHERE parent IS NOT NULL;

-- A gate may open again in one generation, wants votes, and names who is asked and until when.
ALTER TABLE reviews
    ADD COLUMN no         int NOT NULL DEFAULT 1,
    ADD COLUMN quorum     int NOT NULL DEFAULT 1 CHECK (quorum >= 1),
    ADD COLUMN allow_self boolean NOT NULL DEFAULT true,
    ADD COLUMN roles      text[] NOT NULL DEFAULT '{}',
    ADD COLUMN emails     text[] NOT NULL DEFAULT '{}',
    ADD COLUMN due_at     timestamptz,
    ADD COLUMN on_timeout text NOT NULL DEFAULT 'fail' CHECK (on_timeout IN ('fail', 'approve')),
    DROP CONSTRAINT reviews_pkey,
    ADD PRIMARY KEY (step_id, generation, no),
    DROP CONSTRAINT reviews_decision_check,
    -- `superseded`: the step was run, skipped, supplied or stopped instead.
    ADD CONSTRAINT reviews_decision_check CHECK (decision IN ('approved', 'released', 'cancelled', 'rejected', 'timed_out', 'superseded')),
    DROP CONSTRAINT reviews_check1,
    ADD CONSTRAINT reviews_decided_by CHECK (decision IS NULL OR decision IN ('timed_out', 'superseded') OR decided_by IS NOT NULL);
CREATE UNIQUE INDEX reviews_open ON reviews (step_id) WHERE decision IS NULL;
CREATE INDEX reviews_due ON reviews (due_at) WHERE decision IS NULL AND due_at IS NOT NULL;
CREATE INDEX reviews_emails ON reviews USING gin (emails) WHERE emails <> '{}';
CREATE INDEX reviews_roles ON reviews USING gin (roles) WHERE roles <> '{}';

CREATE TABLE review_votes (
    step_id    bigint NOT NULL,
    generation int NOT NULL,
    no         int NOT NULL,
    user_id    uuid NOT NULL REFERENCES users (id),
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (step_id, generation, no, user_id),
    FOREIGN KEY (step_id, generation, no) REFERENCES reviews (step_id, generation, no) ON DELETE CASCADE
);

-- A verb asked under a key: the same key has one effect.
CREATE TABLE verb_keys (
    run_id       uuid NOT NULL REFERENCES workflow_runs (id) ON DELETE CASCADE,
    user_id      uuid NOT NULL REFERENCES users (id),
    key          text NOT NULL,
    request_hash text NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, user_id, key)
);
