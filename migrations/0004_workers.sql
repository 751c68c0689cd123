--------------------------------------------------------------------------------
-- Outside workers: processes in any language that claim steps over HTTP. A session is a worker like any other; what is here is what it
-- said of itself, and what only such workers need.
--------------------------------------------------------------------------------

-- What outside workers present. Such a token opens their routes and nothing else.
CREATE TABLE worker_tokens (
    id           uuid PRIMARY KEY,
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    -- Of the token.
    token_hash   bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    -- The agents that it may offer: ids, or beginnings such as `report-*`.
    agents       text[] NOT NULL CHECK (cardinality(agents) >= 1),
    -- What each of its sessions has to say of itself.
    labels       json NOT NULL CHECK (json_typeof(labels) = 'object'),
    -- Null: the operator at the command line. Else it ends with what its maker comes in by.
    created_by   uuid REFERENCES users (id),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL CONSTRAINT worker_tokens_expires CHECK (expires_at > created_at),
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX worker_tokens_maker ON worker_tokens (created_by) WHERE revoked_at IS NULL;

-- What the workers of a token have sent on a day of UTC.
CREATE TABLE worker_token_days (
    token_id uuid PRIMARY KEY REFERENCES worker_tokens (id) ON DELETE CASCADE,
    day      date NOT NULL,
    bytes    bigint NOT NULL CHECK (bytes >= 0)
) WITH (fillfactor = 50);

-- Sessions, each beside its row in `workers`, which says whether it lives; forgotten with it.
CREATE TABLE worker_sessions (
    id            uuid PRIMARY KEY REFERENCES workers (id) ON DELETE CASCADE,
    token_id      uuid NOT NULL REFERENCES worker_tokens (id),
    name          text NOT NULL,
    host          text NOT NULL,
    pid           bigint NOT NULL,
    sdk           json NOT NULL,
    build_id      text,
    slots         int NOT NULL CHECK (slots BETWEEN 1 AND 1000),
    labels        json NOT NULL,
    -- What its steps are claimed by, of each agent that it offered and that was not refused: `worker:AGENT:HASH`.
    queues        text[] NOT NULL,
    -- All that it offered: [{"id", "hash"}].
    agents        json NOT NULL,
    -- What an admin wants of it.
    state         text NOT NULL CHECK (state IN ('working', 'paused', 'draining')),
    -- The history of the database that it began in: after a failover it may hold what was ended long ago.
    timeline      bigint NOT NULL,
    last_error    text,
    last_error_at timestamptz,
    -- Something of it, or of what it offers, changed: every process looks again.
    changed_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX worker_sessions_changed ON worker_sessions (changed_at);
CREATE INDEX worker_sessions_queues ON worker_sessions USING gin (queues);
CREATE INDEX worker_sessions_token ON worker_sessions (token_id);

-- Agents as outside workers offered them, by the hash of what a step's author sees. An admin makes one a version of its agent.
CREATE TABLE worker_offers (
    agent_id         text NOT NULL CHECK (agent_id ~ '^[a-z][a-z0-9_-]{0,63}$'),
    hash             text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
    -- The AgentSpec that it would become.
    spec             json NOT NULL CHECK (json_typeof(spec) = 'object'),
    -- Whose the id is: nobody else may offer it while that token stands.
    token_id         uuid NOT NULL REFERENCES worker_tokens (id),
    first_offered_at timestamptz NOT NULL DEFAULT now(),
    last_offered_at  timestamptz NOT NULL DEFAULT now(),
    accepted_version int,
    PRIMARY KEY (agent_id, hash)
);
CREATE INDEX worker_offers_newest ON worker_offers (first_offered_at DESC, agent_id, hash);
CREATE INDEX worker_offers_token ON worker_offers (token_id);

-- Attempts that were given to sessions. Written before the task is handed out; whether it runs still stands in `attempts`.
CREATE TABLE worker_tasks (
    run_id     uuid NOT NULL,
    step       text NOT NULL,
    number     int NOT NULL,
    generation int NOT NULL,
    session_id uuid NOT NULL,
    agent_id   text NOT NULL,
    -- What the attempt was given, port by port, for its result to tell.
    consumed   json NOT NULL,
    -- When it fails if it is not over; null once it is.
    due_at     timestamptz,
    -- What its worker left for a later attempt of the generation to go on with.
    checkpoint json,
    -- Bytes of text that it streamed, whichever process took them.
    n_told     bigint NOT NULL DEFAULT 0 CHECK (n_told >= 0),
    PRIMARY KEY (run_id, step, number)
);
CREATE INDEX worker_tasks_due ON worker_tasks (due_at) WHERE due_at IS NOT NULL;

-- The last lines that an outside attempt logged.
CREATE TABLE attempt_logs (
    run_id    uuid NOT NULL,
    step      text NOT NULL,
    number    int NOT NULL,
    -- [{"at", "level", "text"}].
    lines     json NOT NULL,
    n_dropped bigint NOT NULL CHECK (n_dropped >= 0),
    PRIMARY KEY (run_id, step, number)
);

-- Attempts that wait for somebody outside, who has the secret. It is used once; whether it was stands in the attempt, so that who never
-- heard the answer is told it again.
CREATE TABLE worker_callbacks (
    secret_hash bytea PRIMARY KEY CHECK (octet_length(secret_hash) = 32),
    run_id      uuid NOT NULL,
    step        text NOT NULL,
    number      int NOT NULL,
    session_id  uuid NOT NULL,
    expires_at  timestamptz NOT NULL,
    -- It ended its attempt, and is kept as long as that.
    is_used     boolean NOT NULL DEFAULT false
);
CREATE INDEX worker_callbacks_expires ON worker_callbacks (expires_at) WHERE NOT is_used;
CREATE INDEX worker_callbacks_attempt ON worker_callbacks (run_id, step, number);

-- The content that a session sent, or was given with a task: it may read this and name it in results, and nothing else.
CREATE TABLE worker_blobs (
    session_id uuid NOT NULL,
    hash       text NOT NULL,
    added_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, hash)
);
CREATE INDEX worker_blobs_oldest ON worker_blobs (added_at);

-- Files that values of a run name. They are kept, and given to the attempts of this run that are given such a value.
CREATE TABLE run_files (
    run_id uuid NOT NULL,
    hash   text NOT NULL,
    PRIMARY KEY (run_id, hash)
);
CREATE INDEX run_files_hash ON run_files (hash);
