-- All tables, as they are before the first release. Later migrations expand, then contract.
--
-- What is written was decided before, in Rust: there is no trigger and no function of ours, and no default that decides anything.
-- Every state that must not be has a CHECK; every "at most one" a unique index.
-- `json`, not `jsonb`, wherever a person or a model wrote the value: jsonb sorts the keys of objects and writes numbers anew.

--------------------------------------------------------------------------------
-- People, and what they may present to prove who they are. No secret stands here in the clear: passwords are argon2id strings,
-- sessions, devices and tokens are SHA-256 hashes of random bits, so that a stolen dump opens nothing.
--------------------------------------------------------------------------------

-- Accounts. They are never deleted: what somebody did keeps their name.
CREATE TABLE users (
    id            uuid PRIMARY KEY,
    -- As typed; compared without case.
    email         text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 254),
    role          text NOT NULL CHECK (role IN ('admin', 'user')),
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    -- Since when they cannot sign in.
    disabled_at   timestamptz,
    -- Since when they can: what they approved before and was not decided yet may have been somebody else's doing.
    enabled_at    timestamptz NOT NULL DEFAULT now(),
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

-- Groups of people, not nested: whom a gate asks, and whom a workflow is for.
CREATE TABLE groups (
    -- By what definitions know it; never changed, and never another group's.
    id         text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9_-]{0,63}$'),
    -- As people read it.
    name       text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX groups_name_idx ON groups (lower(name), id);

-- Ids of groups that were deleted. What nobody looks through before (older versions, archived workflows, runs whose gate is not open yet)
-- may ask one of them still: it asks nobody then, and never those of another group.
CREATE TABLE former_groups (
    id         text PRIMARY KEY,
    deleted_at timestamptz NOT NULL DEFAULT now()
);

-- Who is in a group now. Whoever is disabled stays in it, and counts for nothing until they are enabled.
CREATE TABLE group_members (
    group_id text NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id  uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_user_idx ON group_members (user_id, group_id);

-- Who decides at gates in whose place, while they are away. One that is over stays, to be looked up.
CREATE TABLE delegations (
    id           uuid PRIMARY KEY,
    -- Who is away.
    principal_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    delegate_id  uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE CHECK (delegate_id <> principal_id),
    -- The first and the last day, where the person's clock is.
    from_day     date NOT NULL,
    to_day       date NOT NULL CHECK (to_day >= from_day),
    zone         text NOT NULL CHECK (char_length(zone) BETWEEN 1 AND 64),
    -- The same as points in time: it lasts from the first to before the second.
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL CHECK (ends_at > starts_at),
    -- It was ended before its time, or before it began.
    ended_at     timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX delegations_received ON delegations (delegate_id, ends_at) WHERE ended_at IS NULL;
CREATE INDEX delegations_given ON delegations (principal_id, ends_at) WHERE ended_at IS NULL;
CREATE INDEX delegations_newest ON delegations (created_at, id);

-- Browsers that are signed in.
CREATE TABLE sessions (
    -- Of the cookie.
    id_hash      bytea PRIMARY KEY CHECK (octet_length(id_hash) = 32),
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- Idle time counts from here; written at most once a minute.
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    -- The end that no activity moves.
    expires_at   timestamptz NOT NULL CHECK (expires_at > created_at),
    user_agent   text NOT NULL,
    -- When the password was last given in this session: a token is only made within ten minutes of it.
    confirmed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- Browsers that signed in before. Such a cookie opens nothing: guesses that come with it are counted apart from everybody else's.
CREATE TABLE devices (
    -- Of the cookie; a new one with every sign-in.
    id_hash      bytea NOT NULL CHECK (octet_length(id_hash) = 32),
    -- Two people may share a browser.
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id_hash, user_id)
);
CREATE INDEX devices_user_id_idx ON devices (user_id, last_seen_at);
CREATE INDEX devices_last_seen_at_idx ON devices (last_seen_at);

-- Tokens of the API.
CREATE TABLE api_tokens (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    -- Of the token.
    token_hash   bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    -- What it may do: of that, what its person may at the time.
    scopes       text[] NOT NULL
        CONSTRAINT api_tokens_scopes CHECK (scopes <@ ARRAY['read', 'run', 'review', 'admin'] AND scopes @> ARRAY['read']),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL CONSTRAINT api_tokens_expires CHECK (expires_at > created_at),
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX api_tokens_user_id_idx ON api_tokens (user_id) WHERE revoked_at IS NULL;

-- Failed logins of an account and of an address; in the database, so that all replicas count together.
CREATE TABLE login_throttle (
    -- 'account:' or 'address:' and a hash of what it names, so that typed passwords or emails are not kept.
    key           text PRIMARY KEY,
    failures      integer NOT NULL CHECK (failures >= 0),
    blocked_until timestamptz NOT NULL,
    -- Old rows are forgotten.
    last_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_throttle_last_at_idx ON login_throttle (last_at);

-- Attempts of the last minute at one account, wherever they come from.
CREATE TABLE login_rate (
    -- As in login_throttle.
    key     text PRIMARY KEY,
    -- When each was; those older than a minute are dropped by the next one.
    recent  timestamptz[] NOT NULL,
    last_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_rate_last_at_idx ON login_rate (last_at);

-- Every mutation that is no event of a run, and every login. Runs have their own log, run_events.
CREATE TABLE audit_log (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    -- Null for the operator at the command line. No foreign key: the log outlives accounts.
    actor   uuid,
    action  text NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
    -- What it was done to: an id, a slug.
    subject text NOT NULL,
    data    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(data) = 'object')
);
-- It is read newest first by who, what, to whom, from where and when.
CREATE INDEX audit_log_subject_idx ON audit_log (subject, id);
CREATE INDEX audit_log_actor_idx ON audit_log (actor, id);
CREATE INDEX audit_log_action_idx ON audit_log (action text_pattern_ops, id);
CREATE INDEX audit_log_address_idx ON audit_log ((data ->> 'address'), id);
CREATE INDEX audit_log_at_idx ON audit_log (at);
-- Append-only by rights: whoever migrates, and so owns it, would have to take this back first. The role that the application speaks
-- as owns nothing and is given only SELECT and INSERT on it (crates/store/src/schema.rs).
REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM CURRENT_USER;

-- What one person stored today. One row a person, so nothing has to be tidied up. It is also what those wait for who take something at
-- the same time, in this process and in others: it is locked last in its transaction, so that nobody waits in a circle, and no commit of
-- a run ever locks it.
CREATE TABLE user_days (
    user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- By UTC. Of an earlier day nothing counts any more.
    day     date NOT NULL,
    bytes   bigint NOT NULL CHECK (bytes >= 0)
    -- It is written often and never grows: there is room for the next version of a row beside it.
) WITH (fillfactor = 50);

-- Places among somebody's runs under way, promised to runs that are about to begin, or to go on after their end. A place counts until its
-- run did so, and for a minute at most: then nobody waits for the answer any more.
CREATE TABLE run_places (
    run_id   uuid PRIMARY KEY,
    user_id  uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The end after which the run goes on; null: it is to begin.
    ended_at timestamptz,
    taken_at timestamptz NOT NULL
);
CREATE INDEX run_places_of_user ON run_places (user_id);

--------------------------------------------------------------------------------
-- The library: agents and workflow templates. Published things are immutable versions; only a draft is ever changed in place. A
-- version never changes, and none that something used vanishes: runs refer to it. The application's role has no right to change one.
--------------------------------------------------------------------------------

-- Agents by their slug.
CREATE TABLE agents (
    -- What definitions refer to; never changes. With `~` and a hash of it: what was typed for an agent and not saved.
    id             text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9_-]{0,63}(~[0-9a-f]{16})?$'),
    latest_version integer NOT NULL CHECK (latest_version >= 1),
    -- Made by the server to try what was not saved, or deleted when nothing but tests had run it, which refer to it: in no list, and no
    -- version that anybody publishes can name it. Saved again under its id, a deleted one goes on with its next version.
    is_test        boolean NOT NULL DEFAULT false,
    created_by     uuid NOT NULL REFERENCES users (id),
    created_at     timestamptz NOT NULL DEFAULT now(),
    CHECK (is_test OR id NOT LIKE '%~%')
);

CREATE TABLE agent_versions (
    -- They go with an agent that nothing ever used.
    agent_id   text NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    version    integer NOT NULL CHECK (version >= 1),
    -- The AgentSpec: name, ports, configuration of its kind.
    spec       json NOT NULL CHECK (json_typeof(spec) = 'object'),
    created_by uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agent_id, version)
);

-- Secrets that agents send by name. Values are AES-256-GCM ciphertexts under a key that is not in the database; the name and the hosts
-- are authenticated with them, so that no row can be given another's value or other hosts.
CREATE TABLE secrets (
    name         text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_-]{0,63}$'),
    description  text NOT NULL CHECK (char_length(description) <= 500),
    -- Where it may be sent, as `workflow::secret::Host` writes them, sorted.
    hosts        text[] NOT NULL,
    -- Who may use it: ids of agents. Saving one again under the id of a deleted one brings nothing back.
    agents       text[] NOT NULL,
    -- Of the key that the value is under; it follows from the key, and tells nothing of it.
    key_id       text NOT NULL CHECK (key_id ~ '^[0-9a-f]{16}$'),
    -- Never the same twice, so it also tells which value was read.
    nonce        bytea NOT NULL CHECK (octet_length(nonce) = 12),
    -- With its tag of 16 bytes.
    sealed       bytea NOT NULL CHECK (octet_length(sealed) BETWEEN 17 AND 8208),
    -- Who gave the value. Null: the operator at the command line.
    set_by       uuid REFERENCES users (id),
    set_at       timestamptz NOT NULL DEFAULT now(),
    -- Written at most once a minute.
    last_used_at timestamptz
);

-- Where each was used, `run/RUN/AGENT/WHERE IT WENT` or `server/PURPOSE/DAY`: what is in the audit log already.
CREATE TABLE secret_uses (
    secret text NOT NULL REFERENCES secrets (name) ON DELETE CASCADE,
    place  text NOT NULL,
    PRIMARY KEY (secret, place)
);

-- Workflow templates with their drafts.
CREATE TABLE workflow_templates (
    id                uuid PRIMARY KEY,
    -- By what files know it, on every Weft: made of its first name, and then never changed. None while it is untitled, and for tests.
    slug              text CONSTRAINT workflow_templates_slug_key UNIQUE CHECK (slug ~ '^[a-z][a-z0-9-]{0,63}$'),
    name              text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    description       text NOT NULL CHECK (char_length(description) <= 4000),
    -- The draft, half-drawn or not.
    definition        json NOT NULL CHECK (json_typeof(definition) = 'object'),
    -- Counted when saved, so that a list need not read definitions.
    n_steps           bigint NOT NULL CHECK (n_steps >= 0),
    -- Counts saves of the draft; an edit names the one it began from.
    draft_revision    bigint NOT NULL DEFAULT 1 CHECK (draft_revision >= 1),
    -- The live one.
    published_version integer,
    -- Made by the server to test an agent or to try a draft: hidden from every list.
    is_test           boolean NOT NULL DEFAULT false,
    -- Whose drafts its versions are parts of.
    test_of           uuid REFERENCES workflow_templates (id) ON DELETE SET NULL,
    created_by        uuid NOT NULL REFERENCES users (id),
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    archived_at       timestamptz,
    CHECK (is_test OR test_of IS NULL),
    CHECK (NOT is_test OR slug IS NULL)
);
CREATE INDEX workflow_templates_name_idx ON workflow_templates (lower(name), id) WHERE NOT is_test;
CREATE INDEX workflow_templates_test_idx ON workflow_templates (name) WHERE is_test AND test_of IS NULL;
CREATE UNIQUE INDEX workflow_templates_try_idx ON workflow_templates (test_of) WHERE test_of IS NOT NULL;

CREATE TABLE workflow_template_versions (
    template_id   uuid NOT NULL REFERENCES workflow_templates (id),
    version       integer NOT NULL CHECK (version >= 1),
    name          text NOT NULL,
    description   text NOT NULL,
    -- With every agent_version pinned.
    definition    json NOT NULL CHECK (json_typeof(definition) = 'object'),
    n_steps       bigint NOT NULL CHECK (n_steps >= 1),
    -- Of what the definition means, so that publishing an unchanged draft makes no new version.
    semantic_hash text NOT NULL CHECK (semantic_hash ~ '^[0-9a-f]{64}$'),
    published_by  uuid NOT NULL REFERENCES users (id),
    published_at  timestamptz NOT NULL DEFAULT now(),
    -- What its author says about it; empty where nothing was said.
    note          text NOT NULL DEFAULT '',
    PRIMARY KEY (template_id, version)
);
-- Which agents a version runs. An agent that one runs is never deleted, which this keeps whoever tries.
CREATE TABLE workflow_version_agents (
    template_id uuid NOT NULL,
    version     integer NOT NULL,
    agent_id    text NOT NULL REFERENCES agents (id),
    PRIMARY KEY (template_id, version, agent_id),
    FOREIGN KEY (template_id, version) REFERENCES workflow_template_versions (template_id, version)
);
CREATE INDEX workflow_version_agents_idx ON workflow_version_agents (agent_id);

-- For whom a workflow is. While no group may start it, everybody may; admins always may, and see every run.
-- A group that stands here is not deleted: a workflow would be for everybody all at once.
CREATE TABLE workflow_audience (
    template_id uuid NOT NULL REFERENCES workflow_templates (id) ON DELETE CASCADE,
    group_id    text NOT NULL CONSTRAINT workflow_audience_group_fkey REFERENCES groups (id),
    may_start   boolean NOT NULL,
    -- Runs of others too: to look at them, and nothing else.
    may_see     boolean NOT NULL,
    PRIMARY KEY (template_id, group_id),
    CHECK (may_start OR may_see)
);
CREATE INDEX workflow_audience_group_idx ON workflow_audience (group_id);

ALTER TABLE workflow_templates ADD CONSTRAINT workflow_templates_published_version_fkey
    FOREIGN KEY (id, published_version) REFERENCES workflow_template_versions (template_id, version);

-- Values that a person keeps for trying the draft of a workflow. Nobody else reads them, and they are part of no version.
CREATE TABLE pins (
    user_id     uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    template_id uuid NOT NULL REFERENCES workflow_templates (id) ON DELETE CASCADE,
    -- Empty: an input of the workflow.
    step        text NOT NULL,
    side        text NOT NULL CHECK (side IN ('input', 'output')),
    name        text NOT NULL,
    value       json NOT NULL,
    -- Counted when it is pinned, so that adding up reads no value.
    n_bytes     bigint NOT NULL CHECK (n_bytes >= 0),
    pinned_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, template_id, step, side, name)
);
CREATE INDEX pins_of_template ON pins (template_id);

-- Parameters that models do not take, learnt from their refusals. A provider whose kind or address changed is another endpoint.
CREATE TABLE model_refusals (
    provider   text NOT NULL,
    -- A hash: addresses may hold passwords.
    endpoint   text NOT NULL,
    model      text NOT NULL,
    parameter  text NOT NULL,
    -- By what the refused value is known again; empty for every value.
    value      text NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (provider, endpoint, model, parameter, value)
);

--------------------------------------------------------------------------------
-- Runs: the log of what was decided about each, and the rows beside it that are found by something else than the run.
--
-- A run's rows belong to its head: whoever writes one moves the head of that run in the same statement, having found it as it was when
-- the decision was made. So no row here has a foreign key: each would lock a row of another table at every insert.
--------------------------------------------------------------------------------

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
    UNIQUE (user_id, idempotency_key),
    CHECK ((status = 'paused') = (status_reason IS NOT NULL)),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
    -- A hop changes no indexed column, so the next version of the row has room beside it and no index is touched.
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
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
CREATE INDEX workflow_runs_judgement ON workflow_runs (committed_at) WHERE wants_judgement;

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

-- What the text outputs of a run say, as words to look for, and what its attempts cost: read after the commits, never with one.
CREATE TABLE run_texts (
    run_id      uuid NOT NULL,
    -- The commit up to which it was read.
    as_of       timestamptz NOT NULL,
    words       tsvector NOT NULL,
    cost_micros bigint NOT NULL,
    -- Which runs are behind, and what they cost, is found without looking at the words.
    PRIMARY KEY (run_id) INCLUDE (as_of, cost_micros)
);
CREATE INDEX run_texts_words ON run_texts USING gin (words);

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
-- What is alive is counted without looking at what was.
CREATE INDEX workers_of_token ON workers (token_id) WHERE token_id IS NOT NULL AND state = 'alive';
CREATE INDEX workers_over ON workers (token_id, beat_at) WHERE token_id IS NOT NULL AND state = 'dead';
CREATE INDEX workers_ending ON workers (id) WHERE state = 'ending';

-- Runs that somebody looks at now, so that workers send their tokens. Unlogged: after a crash of the database they say so again.
CREATE UNLOGGED TABLE run_watchers (
    run_id uuid PRIMARY KEY,
    until  timestamptz NOT NULL
);

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

--------------------------------------------------------------------------------
-- Notices: messages that tell people outside the pages that a gate waits, and what became of it. What is here is a view over gates: losing
-- it loses a message, never a decision.
--------------------------------------------------------------------------------

-- How the instance sends them, as far as admins said it; what the operator set goes before. At most one row.
CREATE TABLE notice_settings (
    id       boolean PRIMARY KEY CHECK (id),
    host     text NOT NULL CHECK (char_length(host) <= 253),
    -- Null: what is usual for `tls`.
    port     int CHECK (port BETWEEN 1 AND 65535),
    tls      text NOT NULL CHECK (tls IN ('implicit', 'starttls', 'none')),
    username text NOT NULL CHECK (char_length(username) <= 320),
    -- The name of the secret that is the password.
    password text CHECK (password ~ '^[a-z][a-z0-9_-]{0,63}$'),
    sender   text NOT NULL CHECK (char_length(sender) <= 320),
    -- Whether messages have more than titles and links.
    content  boolean NOT NULL,
    revision bigint NOT NULL CHECK (revision >= 1)
);

-- Addresses that messages are posted to, registered by admins. Where each leads, and what its messages are signed with, is sealed like
-- the values of secrets: the address of a chat's webhook is a key.
CREATE TABLE notice_addresses (
    id               uuid PRIMARY KEY,
    name             text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    kind             text NOT NULL CHECK (kind IN ('webhook', 'slack')),
    -- Scheme, host and port, which admins are shown.
    place            text NOT NULL,
    key_id           text NOT NULL CHECK (key_id ~ '^[0-9a-f]{16}$'),
    nonce            bytea NOT NULL CHECK (octet_length(nonce) = 12),
    sealed           bytea NOT NULL CHECK (octet_length(sealed) BETWEEN 17 AND 8208),
    created_at       timestamptz NOT NULL DEFAULT now(),
    disabled_at      timestamptz,
    -- Switched off after failures only.
    is_given_up      boolean NOT NULL DEFAULT false,
    -- In a row, and since when.
    n_failures       int NOT NULL DEFAULT 0 CHECK (n_failures >= 0),
    failing_since    timestamptz,
    last_delivery_at timestamptz,
    last_error       text,
    CHECK (NOT is_given_up OR disabled_at IS NOT NULL)
);
CREATE UNIQUE INDEX notice_addresses_name_key ON notice_addresses (lower(name));

-- What people chose. Without an address: their own email. Without a workflow: all for which they chose nothing else.
CREATE TABLE notice_choices (
    user_id     uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    address     uuid REFERENCES notice_addresses (id) ON DELETE CASCADE,
    template_id uuid REFERENCES workflow_templates (id) ON DELETE CASCADE,
    send        text NOT NULL CHECK (send IN ('at_once', 'hourly', 'never')),
    CONSTRAINT notice_choices_key UNIQUE NULLS NOT DISTINCT (user_id, address, template_id)
);
CREATE INDEX notice_choices_address ON notice_choices (address) WHERE address IS NOT NULL;

-- Gates that were looked at, with what messages say of them and whom they asked: a gate that is closed has no row in `reviews` any more.
CREATE TABLE notice_gates (
    run_id        uuid NOT NULL,
    step          text NOT NULL,
    generation    int NOT NULL,
    number        int NOT NULL,
    template_id   uuid NOT NULL,
    template_name text NOT NULL,
    about         text,
    title         text NOT NULL,
    user_id       uuid NOT NULL,
    allow_self    boolean NOT NULL,
    roles         text[] NOT NULL,
    users         text[] NOT NULL,
    opened_at     timestamptz NOT NULL,
    due_at        timestamptz,
    seen_at       timestamptz NOT NULL DEFAULT now(),
    closed_at     timestamptz,
    verdict       text,
    -- Who closed it.
    closed_by     uuid,
    -- What was wanted instead.
    reason        text,
    PRIMARY KEY (run_id, step, generation, number),
    CHECK (verdict IS NULL OR closed_at IS NOT NULL)
);
CREATE INDEX notice_gates_open ON notice_gates (run_id, step) WHERE closed_at IS NULL;
CREATE INDEX notice_gates_closed ON notice_gates (closed_at) WHERE closed_at IS NOT NULL;

-- Messages, each to one person's mail or to one address.
CREATE TABLE notices (
    -- What receivers know it by, at every attempt.
    id          uuid PRIMARY KEY,
    user_id     uuid REFERENCES users (id) ON DELETE CASCADE,
    address     uuid REFERENCES notice_addresses (id) ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('asks', 'outcome')),
    -- Of which run it tells. Null: it gathers those of all.
    run_id      uuid,
    state       text NOT NULL CHECK (state IN ('waiting', 'sent', 'dropped', 'failed')),
    -- More gates may be added: nobody began to send it.
    is_open     boolean NOT NULL,
    due_at      timestamptz NOT NULL,
    -- Who sends it has it until then; after a crash somebody else sends it again.
    lease_until timestamptz,
    n_attempts  int NOT NULL DEFAULT 0 CHECK (n_attempts >= 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    sent_at     timestamptz,
    CHECK ((user_id IS NULL) <> (address IS NULL)),
    CHECK (NOT is_open OR state = 'waiting'),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    CHECK (lease_until IS NULL OR state = 'waiting')
);
CREATE UNIQUE INDEX notices_gathering ON notices (user_id, address, kind, run_id) NULLS NOT DISTINCT WHERE is_open;
CREATE INDEX notices_due ON notices (due_at) WHERE state = 'waiting';
CREATE INDEX notices_of_user ON notices (user_id, created_at) WHERE user_id IS NOT NULL;
CREATE INDEX notices_of_address ON notices (address, created_at) WHERE address IS NOT NULL;
CREATE INDEX notices_oldest ON notices (created_at);

-- The gates that a message tells of.
CREATE TABLE notice_lines (
    notice_id  uuid NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    run_id     uuid NOT NULL,
    step       text NOT NULL,
    generation int NOT NULL,
    number     int NOT NULL,
    PRIMARY KEY (notice_id, run_id, step, generation, number)
);
CREATE INDEX notice_lines_gate ON notice_lines (run_id, step, generation, number);

-- Attempts to send.
CREATE TABLE notice_deliveries (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notice_id    uuid NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    at           timestamptz NOT NULL DEFAULT now(),
    is_success   boolean NOT NULL,
    -- Of HTTP or SMTP.
    status       int,
    milliseconds bigint NOT NULL CHECK (milliseconds >= 0),
    error        text,
    -- The beginning of what the other side said.
    answer       text CHECK (octet_length(answer) <= 4096)
);
CREATE INDEX notice_deliveries_notice ON notice_deliveries (notice_id);
CREATE INDEX notice_deliveries_oldest ON notice_deliveries (at);

-- What the links of mails by which nobody is told any more carry. Such a link changes that one setting and opens nothing.
CREATE TABLE notice_unsubscribes (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notice_unsubscribes_oldest ON notice_unsubscribes (created_at);

-- Batches: many runs of one version, from the rows of a table that somebody uploaded.
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
    -- Not before then: a quota was spent.
    next_at          timestamptz NOT NULL DEFAULT now(),
    -- A process starts rows of it until then; after a crash another one goes on.
    leased_until     timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    ended_at         timestamptz,
    UNIQUE (user_id, key),
    CHECK ((state IN ('cancelled', 'done')) = (ended_at IS NOT NULL)),
    CHECK (state <> 'stopped' OR reason IS NOT NULL)
);
CREATE INDEX batches_of_user ON batches (user_id, created_at DESC, id DESC);
CREATE INDEX batches_running ON batches (next_at) WHERE state = 'running';

CREATE TABLE batch_rows (
    batch_id uuid NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    -- In the table, without its head: from 1.
    n        int NOT NULL CHECK (n >= 1),
    inputs   json NOT NULL,
    state    text NOT NULL CHECK (state IN ('waiting', 'started', 'refused')),
    run_id   uuid,
    -- Why it was refused.
    reason   text CHECK (char_length(reason) <= 2000),
    PRIMARY KEY (batch_id, n),
    CHECK ((state = 'started') = (run_id IS NOT NULL)),
    CHECK ((state = 'refused') = (reason IS NOT NULL))
);
CREATE INDEX batch_rows_waiting ON batch_rows (batch_id, n) WHERE state = 'waiting';
