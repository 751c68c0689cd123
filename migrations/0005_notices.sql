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
