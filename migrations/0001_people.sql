-- People and what they may present to prove who they are, and the log of what they did.
-- Must never hold a secret in the clear: passwords are argon2id strings, sessions and tokens are SHA-256 hashes.

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    -- As typed; compared without case.
    email         text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 254),
    role          text NOT NULL CHECK (role IN ('admin', 'user')),
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    disabled_at   timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

CREATE TABLE sessions (
    -- SHA-256 of the 256 random bits in the cookie, so that a stolen dump opens nothing.
    id_hash      bytea PRIMARY KEY CHECK (octet_length(id_hash) = 32),
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- Idle time counts from here; written at most once a minute.
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    -- The end that no activity moves.
    expires_at   timestamptz NOT NULL CHECK (expires_at > created_at),
    user_agent   text NOT NULL
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

CREATE TABLE api_tokens (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    -- SHA-256 of the token.
    token_hash   bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX api_tokens_user_id_idx ON api_tokens (user_id) WHERE revoked_at IS NULL;

-- Failed logins per account and per address; in the database, so that all replicas count together.
CREATE TABLE login_throttle (
    -- 'account:' or 'address:' and a hash of what it names, so that typed passwords or emails are not kept.
    key           text PRIMARY KEY,
    failures      integer NOT NULL CHECK (failures >= 0),
    blocked_until timestamptz NOT NULL,
    -- Old rows are forgotten.
    last_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_throttle_last_at_idx ON login_throttle (last_at);

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
CREATE INDEX audit_log_subject_idx ON audit_log (subject, id);

CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_is_append_only();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
