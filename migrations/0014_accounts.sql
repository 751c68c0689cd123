-- Sign-in that nobody can lock for somebody else: what an account is tried over all networks, and the devices that signed in before.

-- Attempts of the last minute at one account, wherever they come from.
CREATE TABLE login_rate (
    -- 'account:' and a hash of the email, so that what was typed is not kept.
    key     text PRIMARY KEY,
    -- When each was; those older than a minute are dropped by the next one.
    recent  timestamptz[] NOT NULL,
    last_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_rate_last_at_idx ON login_rate (last_at);

-- Browsers that signed in before. Such a cookie opens nothing: guesses that come with it are counted apart from everybody else's.
CREATE TABLE devices (
    -- SHA-256 of the 256 random bits in the cookie; a new one with every sign-in.
    id_hash      bytea NOT NULL CHECK (octet_length(id_hash) = 32),
    -- Two people may share a browser.
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id_hash, user_id)
);
CREATE INDEX devices_user_id_idx ON devices (user_id, last_seen_at);
CREATE INDEX devices_last_seen_at_idx ON devices (last_seen_at);

-- When the password was last given in this session: a token is only made within ten minutes of it.
ALTER TABLE sessions ADD COLUMN confirmed_at timestamptz;
UPDATE sessions SET confirmed_at = created_at;
ALTER TABLE sessions ALTER COLUMN confirmed_at SET NOT NULL, ALTER COLUMN confirmed_at SET DEFAULT now();

-- What a token may do, and until when. Those that were made before may do what their person may, for 90 days more.
ALTER TABLE api_tokens ADD COLUMN scopes text[], ADD COLUMN expires_at timestamptz;
UPDATE api_tokens t SET
    scopes = CASE u.role WHEN 'admin' THEN ARRAY['read', 'run', 'review', 'admin'] ELSE ARRAY['read', 'run', 'review'] END,
    expires_at = now() + interval '90 days'
FROM users u WHERE u.id = t.user_id;
ALTER TABLE api_tokens
    ALTER COLUMN scopes SET NOT NULL,
    ALTER COLUMN expires_at SET NOT NULL,
    ADD CONSTRAINT api_tokens_scopes CHECK (scopes <@ ARRAY['read', 'run', 'review', 'admin'] AND scopes @> ARRAY['read']),
    ADD CONSTRAINT api_tokens_expires CHECK (expires_at > created_at);

-- Whether somebody may see a run: its owner, an admin, and those who are asked at one of its gates for as long as it is open.
CREATE FUNCTION run_is_visible_v3(r workflow_runs, p_user uuid, p_role text, p_email text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT r.user_id = p_user OR p_role = 'admin' OR EXISTS (
        SELECT 1 FROM reviews v JOIN steps s ON s.id = v.step_id
        WHERE s.run_id = r.id AND v.decision IS NULL AND (v.emails @> ARRAY[lower(p_email)] OR v.roles @> ARRAY[p_role]))
$$;

-- The log is read newest first by who, what, to whom, from where and when.
CREATE INDEX audit_log_actor_idx ON audit_log (actor, id);
CREATE INDEX audit_log_action_idx ON audit_log (action text_pattern_ops, id);
CREATE INDEX audit_log_address_idx ON audit_log ((data ->> 'address'), id);
CREATE INDEX audit_log_at_idx ON audit_log (at);
