-- :runs runs of 200 people and of :admin over 90 days, as lists and charts know them: the runs, what people call them, the words of their
-- outputs and what their attempts used; the totals of days come after it (day_totals.sql). One run in five is the admin's. Of the workflows
-- that are published, the first is for a group, which the admin and person 1 are in.
--
-- They have no log, so none of them can be opened: only lists, searches and charts may be asked for them.
INSERT INTO users (id, email, role, password_hash)
SELECT gen_random_uuid(), 'person' || n || '@example.org', 'user', '$argon2id$none' FROM generate_series(1, 200) n;

CREATE TEMP TABLE people ON COMMIT DROP AS
SELECT id, row_number() OVER (ORDER BY email) - 1 AS n FROM users WHERE password_hash = '$argon2id$none';

CREATE TEMP TABLE flows ON COMMIT DROP AS
SELECT id, name, published_version AS version, row_number() OVER (ORDER BY name) - 1 AS n, count(*) OVER () AS of
FROM workflow_templates WHERE published_version IS NOT NULL AND NOT is_test;

INSERT INTO groups (id, name) VALUES ('readers', 'Readers');
INSERT INTO group_members (group_id, user_id)
SELECT 'readers', id FROM users WHERE email IN (:admin, 'person1@example.org');
INSERT INTO workflow_audience (template_id, group_id, may_start, may_see) SELECT id, 'readers', true, true FROM flows WHERE n = 0;

-- The oldest first. Which run is whose, of which workflow, and how it ended do not follow from each other.
CREATE TEMP TABLE made ON COMMIT DROP AS
SELECT r.n, gen_random_uuid() AS id, r.began, r.status,
    CASE WHEN r.status <> 'paused' THEN r.began + (1 + r.n * 31 % 601) * interval '1 second' END AS ended,
    CASE WHEN r.n % 5 = 0 THEN (SELECT id FROM users WHERE email = :admin) ELSE p.id END AS owner,
    f.id AS template, f.version, f.name
FROM (
    SELECT n, now() - interval '2 hours' - (:runs - n) * (interval '90 days' / :runs) AS began,
        CASE WHEN n * 37 % 101 < 88 THEN 'completed' WHEN n * 37 % 101 < 96 THEN 'failed' WHEN n * 37 % 101 < 98 THEN 'cancelled'
            ELSE 'paused' END AS status
    FROM generate_series(1, :runs) n
) r
JOIN people p ON p.n = r.n / 5 % 200
JOIN flows f ON f.n = r.n / 3 % f.of;
ANALYZE made;

INSERT INTO workflow_runs (id, head, seq, user_id, template_id, template_version, template_name, about, status, status_reason, auto_run,
    is_test, created_at, finished_at, wants_judgement, n_steps, n_items, n_completed, n_skipped, n_failed, n_cancelled, n_waiting,
    committed_at)
SELECT id, gen_random_uuid(), 9, owner, template, version, name, 'Topic ' || n || ' of what somebody wanted to know', status,
    CASE WHEN status = 'paused' THEN CASE WHEN n % 2 = 0 THEN 'review' ELSE 'person' END END, true, false, began, ended, false, 2, 0,
    CASE WHEN status = 'completed' THEN 2 ELSE 1 END, 0, CASE WHEN status = 'failed' THEN 1 ELSE 0 END,
    CASE WHEN status = 'cancelled' THEN 1 ELSE 0 END, CASE WHEN status = 'paused' AND n % 2 = 0 THEN 1 ELSE 0 END,
    coalesce(ended, began + interval '1 minute')
FROM made ORDER BY n;

INSERT INTO attempts (run_id, step, number, generation, started_at, ended_at, outcome, model, prompt_tokens, completion_tokens, cost_micros)
SELECT m.id, s.step, 1, 1, m.began, m.began + interval '1 second', 'succeeded', s.model, 100 + m.n % 900, 50 + m.n % 400, m.n * 17 % 90000
FROM made m CROSS JOIN (VALUES ('draft', 'small'), ('check', 'large')) s (step, model) ORDER BY m.n;

INSERT INTO run_labels (run_id, title, tags, archived_at)
SELECT id, 'The run number ' || n, ARRAY['team' || n % 7], CASE WHEN n % 50 = 0 THEN now() END FROM made WHERE n % 10 = 0;

-- 40 words of 20,000 in each, one that is in all, and one that is in a run of 5,000. One in forty went on again and is stale.
INSERT INTO run_texts (run_id, as_of, words, cost_micros, tokens, rested_ms, is_stale)
SELECT m.id, coalesce(m.ended, m.began + interval '1 minute'),
    array_to_tsvector((SELECT array_agg('word' || (m.n * 7919 + k * 104729) % 20000) FROM generate_series(1, 40) k)
        || ARRAY['report', 'topic', m.n::text] || CASE WHEN m.n % 5000 = 0 THEN ARRAY['needle'] ELSE '{}'::text[] END),
    2 * (m.n * 17 % 90000), 2 * (150 + m.n % 900 + m.n % 400), CASE WHEN m.n % 40 = 0 THEN 500 ELSE 0 END, m.n % 40 = 0
FROM made m ORDER BY m.n;

INSERT INTO run_counts (run_id, as_of, day, user_id, template_id, is_part, ended, took, waited)
SELECT id, coalesce(ended, began + interval '1 minute'), (began AT TIME ZONE 'UTC')::date, owner, template, false,
    CASE WHEN ended IS NOT NULL THEN status END,
    CASE WHEN status = 'completed' THEN floor(ln(extract(epoch FROM ended - began)::float8 * 1000) / ln(1.1::float8))::smallint END,
    CASE WHEN status = 'completed' AND n % 4 = 0 THEN (90 + n % 30)::smallint END
FROM made;

INSERT INTO run_usages (run_id, day, agent_id, model, n_attempts, tokens, cost_micros)
SELECT a.run_id, (a.started_at AT TIME ZONE 'UTC')::date, 'bench-canvas', a.model, count(*),
    sum(a.prompt_tokens + a.completion_tokens)::bigint, sum(a.cost_micros)::bigint
FROM attempts a JOIN made m ON m.id = a.run_id GROUP BY 1, 2, 3, 4;
