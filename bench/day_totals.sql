-- The totals of days of a history that was made by SQL, from what is counted of each of its runs: what the chores would come to, but for
-- the hour that they would take. Comes after either history: src/workloads/history.sql and canvas/src/pages/history.sql.
DELETE FROM run_days;
INSERT INTO run_days (day, user_id, template_id, n_runs, n_completed, n_failed, n_cancelled)
SELECT c.day, coalesce(c.user_id, '00000000-0000-0000-0000-000000000000'), c.template_id, count(*),
    count(*) FILTER (WHERE c.ended = 'completed'), count(*) FILTER (WHERE c.ended = 'failed'),
    count(*) FILTER (WHERE c.ended = 'cancelled')
FROM run_counts c WHERE NOT c.is_part GROUP BY GROUPING SETS ((c.day, c.user_id, c.template_id), (c.day, c.template_id));

DELETE FROM run_day_times;
INSERT INTO run_day_times (day, user_id, template_id, is_waiting, bucket, n)
SELECT c.day, coalesce(c.user_id, '00000000-0000-0000-0000-000000000000'), c.template_id, t.is_waiting, t.bucket, count(*)
FROM run_counts c CROSS JOIN LATERAL (VALUES (false, c.took), (true, c.waited)) t (is_waiting, bucket)
WHERE NOT c.is_part AND t.bucket IS NOT NULL
GROUP BY GROUPING SETS ((c.day, c.user_id, c.template_id, t.is_waiting, t.bucket), (c.day, c.template_id, t.is_waiting, t.bucket));

DELETE FROM run_day_usages;
INSERT INTO run_day_usages (day, user_id, template_id, is_part, agent_id, model, n_attempts, tokens, cost_micros)
SELECT u.day, coalesce(c.user_id, '00000000-0000-0000-0000-000000000000'), c.template_id, c.is_part, u.agent_id, u.model,
    sum(u.n_attempts)::bigint, sum(u.tokens)::bigint, sum(u.cost_micros)::bigint
FROM run_usages u JOIN run_counts c ON c.run_id = u.run_id
GROUP BY GROUPING SETS ((u.day, c.user_id, c.template_id, c.is_part, u.agent_id, u.model),
    (u.day, c.template_id, c.is_part, u.agent_id, u.model));
