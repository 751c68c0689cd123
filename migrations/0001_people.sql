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
        CONSTRAINT api_tokens_scopes CHECK (scopes <@ ARRAY['read', 'run', 'review', 'admin', 'metrics']
            AND (scopes @> ARRAY['read'] OR scopes = ARRAY['metrics'])),
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
-- What was done to several runs in one go is one entry, which is found by each of them.
CREATE INDEX audit_log_runs_idx ON audit_log USING gin ((data -> 'runs')) WHERE data ? 'runs';
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
