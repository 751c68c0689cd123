-- The library: agents and workflow templates. Published things are immutable versions; only a draft is ever changed in place.
-- Must never let a version change or vanish: runs refer to it, and a run is a frozen copy of it.

CREATE TABLE agents (
    -- The slug that definitions refer to; never changes.
    id             text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9_-]{0,63}$'),
    latest_version integer NOT NULL CHECK (latest_version >= 1),
    created_by     uuid NOT NULL REFERENCES users (id),
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE agent_versions (
    agent_id   text NOT NULL REFERENCES agents (id),
    version    integer NOT NULL CHECK (version >= 1),
    -- The AgentSpec: name, ports, configuration of its kind.
    spec       jsonb NOT NULL CHECK (jsonb_typeof(spec) = 'object'),
    created_by uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agent_id, version)
);

CREATE TABLE workflow_templates (
    id                uuid PRIMARY KEY,
    name              text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    description       text NOT NULL CHECK (char_length(description) <= 4000),
    -- The draft, half-drawn or not.
    definition        jsonb NOT NULL CHECK (jsonb_typeof(definition) = 'object'),
    -- Counted when saved, so that a list need not read definitions.
    n_steps           bigint NOT NULL CHECK (n_steps >= 0),
    -- Counts saves of the draft; an edit names the one it began from.
    draft_revision    bigint NOT NULL DEFAULT 1 CHECK (draft_revision >= 1),
    published_version integer,
    -- Made by the server to test an agent: hidden from every list.
    is_test           boolean NOT NULL DEFAULT false,
    created_by        uuid NOT NULL REFERENCES users (id),
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX workflow_templates_name_idx ON workflow_templates (lower(name), id) WHERE NOT is_test;
CREATE INDEX workflow_templates_test_idx ON workflow_templates (name) WHERE is_test;

CREATE TABLE workflow_template_versions (
    template_id   uuid NOT NULL REFERENCES workflow_templates (id),
    version       integer NOT NULL CHECK (version >= 1),
    name          text NOT NULL,
    description   text NOT NULL,
    -- With every agent_version pinned.
    definition    jsonb NOT NULL CHECK (jsonb_typeof(definition) = 'object'),
    n_steps       bigint NOT NULL CHECK (n_steps >= 1),
    -- Of what the definition means, so that publishing an unchanged draft makes no new version.
    semantic_hash text NOT NULL CHECK (semantic_hash ~ '^[0-9a-f]{64}$'),
    published_by  uuid NOT NULL REFERENCES users (id),
    published_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (template_id, version)
);
ALTER TABLE workflow_templates ADD CONSTRAINT workflow_templates_published_version_fkey
    FOREIGN KEY (id, published_version) REFERENCES workflow_template_versions (template_id, version);

CREATE FUNCTION versions_are_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version in % never changes', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER agent_versions_immutable BEFORE UPDATE ON agent_versions
    FOR EACH ROW EXECUTE FUNCTION versions_are_immutable();
CREATE TRIGGER workflow_template_versions_immutable BEFORE UPDATE ON workflow_template_versions
    FOR EACH ROW EXECUTE FUNCTION versions_are_immutable();
