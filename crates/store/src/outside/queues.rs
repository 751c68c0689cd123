//! How much waits for outside workers, and how many there are: what whoever scales them looks at.
//! Must never leave an agent out because nothing is there: that is a zero.

use std::collections::BTreeMap;

use workflow::{AgentId, api::QueueView};

use crate::{Result, Store};

impl Store {
    /// Of these agents, or of all that were ever offered. Each hash of an agent is a queue of its own; they are told together.
    pub async fn queues(&self, agents: Option<&[AgentId]>) -> Result<BTreeMap<AgentId, QueueView>> {
        let wanted: Option<Vec<String>> = agents.map(|agents| agents.iter().map(ToString::to_string).collect());
        let rows = sqlx::query!(
            r#"WITH offered AS MATERIALIZED (
                SELECT o.agent_id, 'worker:' || o.agent_id || ':' || o.hash AS kind FROM worker_offers o
                WHERE $1::text[] IS NULL OR o.agent_id = ANY ($1)
            ), waiting AS (
                SELECT k.agent_id, sum(q.n) AS n, min(q.since) AS since FROM offered k
                CROSS JOIN LATERAL (
                    SELECT count(*) AS n, min(s.not_before) AS since FROM steps s
                    WHERE s.kind = k.kind AND s.not_before <= clock_timestamp()
                ) q
                GROUP BY k.agent_id
            ), running AS (
                SELECT t.agent_id, count(*) AS n FROM attempts a
                JOIN worker_tasks t ON t.run_id = a.run_id AND t.step = a.step AND t.number = a.number
                WHERE a.lease_worker IS NOT NULL GROUP BY t.agent_id
            ), living AS (
                -- One that offers two builds of an agent is one worker.
                SELECT DISTINCT k.agent_id, s.id, s.slots, s.state FROM offered k
                JOIN worker_sessions s ON s.queues @> ARRAY[k.kind] JOIN workers w ON w.id = s.id
                WHERE w.state = 'alive' AND w.beat_at > clock_timestamp() - w.lease
            ), there AS (
                SELECT l.agent_id, count(*) AS n, sum(CASE WHEN l.state = 'working' THEN greatest(l.slots - (
                    SELECT count(*) FROM attempts a WHERE a.lease_worker = l.id
                ), 0) ELSE 0 END) AS n_free
                FROM living l GROUP BY l.agent_id
            )
            SELECT i.agent_id AS "agent_id!", coalesce(q.n, 0)::bigint AS "queued!", coalesce(r.n, 0) AS "running!",
                coalesce(extract(epoch FROM clock_timestamp() - q.since), 0)::bigint AS "oldest_s!",
                coalesce(t.n, 0) AS "workers!", coalesce(t.n_free, 0)::bigint AS "slots_free!"
            FROM (SELECT agent_id FROM offered UNION SELECT unnest($1::text[])) i (agent_id)
            LEFT JOIN waiting q USING (agent_id) LEFT JOIN running r USING (agent_id) LEFT JOIN there t USING (agent_id)"#,
            wanted.as_deref(),
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        Ok(rows
            .map(|row| {
                let view = QueueView {
                    queued: row.queued,
                    running: row.running,
                    oldest_s: row.oldest_s,
                    workers: row.workers,
                    slots_free: row.slots_free,
                };
                (AgentId::new(row.agent_id), view)
            })
            .collect())
    }
}
