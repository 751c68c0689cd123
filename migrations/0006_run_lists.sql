--------------------------------------------------------------------------------
-- Lists of runs: what stands beside runs so that people find them again. The engine neither reads nor writes it.
--------------------------------------------------------------------------------

-- What people call a run and tag it with, for their lists: beside its rows, which the engine alone writes.
CREATE TABLE run_labels (
    run_id      uuid PRIMARY KEY,
    title       text CHECK (char_length(title) BETWEEN 1 AND 200),
    tags        text[] NOT NULL DEFAULT '{}' CHECK (cardinality(tags) <= 20),
    -- Since when it stands in no list but that of what was archived.
    archived_at timestamptz,
    changed_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX run_labels_tags ON run_labels USING gin (tags);

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
