-- A history of 1,000,000 steps: twenty runs that the server executed are copied over and over, each with ids of its own in its rows and in its
-- log, so that every copy is a run that the server can read, show and go on with. A fifth of them are of whoever executed them, the
-- others of two hundred people. :completed copies of runs that are over, :gated copies of runs that wait at a gate.
--
-- The ids of a run and of its versions are told apart by their last twelve digits; those before them are the copy's. Only when a run
-- began, as lists know it, differs between copies: their events keep their times. What the server reads of runs after their commits, as words
-- and totals, is copied too: else it would be at that for an hour, beside whatever is measured.
SELECT FROM chores WHERE name IN ('run_texts', 'run_counts') FOR UPDATE;

CREATE TEMP TABLE sources ON COMMIT DROP AS
SELECT id, user_id, is_gated, n FROM (
    SELECT id, user_id, n_waiting > 0 AS is_gated, row_number() OVER (PARTITION BY n_waiting > 0 ORDER BY created_at) - 1 AS n
    FROM workflow_runs WHERE finished_at IS NOT NULL OR n_waiting > 0
) executed WHERE n < 10;

CREATE TEMP TABLE ids ON COMMIT DROP AS
SELECT id AS run, id::text AS was, repeat('@', 23) || '-' || lpad('0', 12, '0') AS is_now, 0 AS n FROM sources
UNION ALL
SELECT run_id, a.id::text, repeat('@', 23) || '-' || lpad(row_number() OVER w::text, 12, '0'), row_number() OVER w
FROM artifacts a JOIN sources s ON s.id = a.run_id WINDOW w AS (PARTITION BY run_id ORDER BY a.id)
UNION ALL
SELECT id, user_id::text, repeat('~', 36), (SELECT 1 + count(*) FROM artifacts a WHERE a.run_id = s.id) FROM sources s;

-- Each event with places for the ids.
CREATE TEMP TABLE told ON COMMIT DROP AS
WITH RECURSIVE told AS (
    SELECT e.run_id, e.seq, e.commit_id, e.ask_id, e.event::text AS event, 0 AS n
    FROM run_events e JOIN sources s ON s.id = e.run_id
    UNION ALL
    SELECT t.run_id, t.seq, t.commit_id, t.ask_id, replace(t.event, i.was, i.is_now), t.n + 1
    FROM told t JOIN ids i ON i.run = t.run_id AND i.n = t.n
)
SELECT DISTINCT ON (run_id, seq) * FROM told ORDER BY run_id, seq, n DESC;

INSERT INTO users (id, email, role, password_hash)
SELECT gen_random_uuid(), 'person' || n || '@example.org', 'user', '$argon2id$none' FROM generate_series(1, 200) n;

CREATE TEMP TABLE people ON COMMIT DROP AS
SELECT id, row_number() OVER (ORDER BY email) - 1 AS n FROM users WHERE password_hash = '$argon2id$none';

-- The copies, the oldest first; the newest began before anything that was really executed.
CREATE TEMP TABLE copies ON COMMIT DROP AS
SELECT c.n, s.id AS source, lpad(to_hex(c.n), 8, '0') || '-0000-7000-8000' AS ids,
    CASE WHEN c.n % 5 = 0 AND NOT c.is_gated THEN s.user_id ELSE p.id END AS owner,
    (SELECT min(created_at) FROM workflow_runs) - (:completed + :gated - c.n) * interval '1 minute' AS began
FROM (SELECT n, n % ((:completed + :gated) / :gated) = 0 AS is_gated FROM generate_series(1, :completed + :gated) n) c
JOIN sources s ON s.is_gated = c.is_gated AND s.n = c.n % 10
JOIN people p ON p.n = c.n % 200;
ANALYZE sources, told, copies;

INSERT INTO workflow_runs (
    id, head, seq, user_id, template_id, template_version, template_name, about, status, status_reason, auto_run, is_test, created_at,
    finished_at, due_at, wants_judgement, n_steps, n_items, n_completed, n_skipped, n_failed, n_cancelled, n_waiting, committed_at
)
SELECT (c.ids || '-000000000000')::uuid, r.head, r.seq, c.owner, r.template_id, r.template_version, r.template_name, r.about, r.status,
    r.status_reason, r.auto_run, r.is_test, c.began, r.finished_at, r.due_at, r.wants_judgement, r.n_steps, r.n_items, r.n_completed,
    r.n_skipped, r.n_failed, r.n_cancelled, r.n_waiting, c.began
FROM copies c JOIN workflow_runs r ON r.id = c.source ORDER BY c.n;

INSERT INTO run_events (run_id, seq, commit_id, ask_id, event)
SELECT (c.ids || '-000000000000')::uuid, t.seq, t.commit_id, t.ask_id,
    replace(replace(t.event, repeat('@', 23), c.ids), repeat('~', 36), c.owner::text)::json
FROM copies c JOIN told t ON t.run_id = c.source ORDER BY c.n, t.seq;

INSERT INTO attempts (
    run_id, step, number, generation, lease_worker, started_at, ended_at, outcome, error_class, error, model, prompt_tokens,
    completion_tokens, cost_micros
)
SELECT (c.ids || '-000000000000')::uuid, a.step, a.number, a.generation, a.lease_worker, a.started_at, a.ended_at, a.outcome,
    a.error_class, a.error, a.model, a.prompt_tokens, a.completion_tokens, a.cost_micros
FROM copies c JOIN attempts a ON a.run_id = c.source ORDER BY c.n, a.step;

INSERT INTO artifacts (
    id, run_id, step, name, version, media_type, content_hash, value_hash, size, content, origin, attempt, made_by, created_at
)
SELECT replace(i.is_now, repeat('@', 23), c.ids)::uuid, (c.ids || '-000000000000')::uuid, a.step, a.name, a.version, a.media_type,
    a.content_hash, a.value_hash, a.size, a.content, a.origin, a.attempt, a.made_by, a.created_at
FROM copies c JOIN artifacts a ON a.run_id = c.source JOIN ids i ON i.run = a.run_id AND i.was = a.id::text ORDER BY c.n, i.n;

INSERT INTO artifact_heads (run_id, step, name, latest, approved)
SELECT (c.ids || '-000000000000')::uuid, h.step, h.name, h.latest, h.approved
FROM copies c JOIN artifact_heads h ON h.run_id = c.source ORDER BY c.n, h.step;

INSERT INTO reviews (
    run_id, step, generation, number, user_id, opened_at, due_at, quorum, allow_self, roles, users, votes, voted_at, voted_for, title,
    round, max_rounds, on_timeout, is_form
)
SELECT (c.ids || '-000000000000')::uuid, v.step, v.generation, v.number, c.owner, v.opened_at, v.due_at, v.quorum, v.allow_self, v.roles,
    v.users, v.votes, v.voted_at, v.voted_for, v.title, v.round, v.max_rounds, v.on_timeout, v.is_form
FROM copies c JOIN reviews v ON v.run_id = c.source ORDER BY c.n;

INSERT INTO review_ends (
    run_id, step, generation, number, template_id, user_id, title, opened_at, closed_at, verdict, closed_by, acted_for, votes, feedback
)
SELECT (c.ids || '-000000000000')::uuid, e.step, e.generation, e.number, e.template_id, c.owner, e.title, e.opened_at, e.closed_at,
    e.verdict, CASE WHEN e.closed_by = s.user_id THEN c.owner ELSE e.closed_by END, e.acted_for, array_replace(e.votes, s.user_id, c.owner), e.feedback
FROM copies c JOIN sources s ON s.id = c.source JOIN review_ends e ON e.run_id = c.source ORDER BY c.n, e.step;

INSERT INTO review_deciders (run_id, step, generation, number, user_id, closed_at)
SELECT (c.ids || '-000000000000')::uuid, d.step, d.generation, d.number, CASE WHEN d.user_id = s.user_id THEN c.owner ELSE d.user_id END,
    d.closed_at
FROM copies c JOIN sources s ON s.id = c.source JOIN review_deciders d ON d.run_id = c.source ORDER BY c.n, d.step;

INSERT INTO run_texts (run_id, as_of, words, cost_micros, tokens, rested_ms, is_stale)
SELECT (c.ids || '-000000000000')::uuid, c.began, t.words, t.cost_micros, t.tokens, t.rested_ms, t.is_stale
FROM copies c JOIN run_texts t ON t.run_id = c.source ORDER BY c.n;

INSERT INTO run_counts (run_id, as_of, day, user_id, template_id, is_part, ended, took, waited)
SELECT (c.ids || '-000000000000')::uuid, c.began, (c.began AT TIME ZONE 'UTC')::date, c.owner, k.template_id, k.is_part, k.ended,
    CASE WHEN k.ended = 'completed' THEN
        least(400, floor(ln(greatest(1, extract(epoch FROM r.finished_at - c.began)::float8 * 1000)) / ln(1.1::float8)))::smallint END,
    k.waited
FROM copies c JOIN run_counts k ON k.run_id = c.source JOIN workflow_runs r ON r.id = c.source ORDER BY c.n;

INSERT INTO run_usages (run_id, day, agent_id, model, n_attempts, tokens, cost_micros)
SELECT (c.ids || '-000000000000')::uuid, u.day, u.agent_id, u.model, u.n_attempts, u.tokens, u.cost_micros
FROM copies c JOIN run_usages u ON u.run_id = c.source ORDER BY c.n;
