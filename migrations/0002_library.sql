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
