//! What of the whole database is told as figures: how much waits, for how long, and how much is at work. Counts alone, along indexes.
//! Must never tell whose anything is, nor more lines than whoever keeps figures can keep.

use std::collections::BTreeMap;

use workflow::{AgentId, api::QueueView};

use crate::{Result, Store};

/// Queues, agents and workflows that are told by name at most; those with most of it first.
const MOST: i64 = 500;

/// How much waits, and is at work, in one moment.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Depths {
    /// Steps that an engine could start now, by the kind of their agent.
    pub ready: Vec<Waiting>,
    /// The same for agents of outside workers.
    pub outside: BTreeMap<AgentId, QueueView>,
    /// Steps that wait for a place under a limit across runs.
    pub reserving: i64,
    /// Attempts that some worker has.
    pub running: i64,
    /// Open gates, by the slug of their workflow; empty for one that has none.
    pub reviews: Vec<Waiting>,
    /// Of sessions of outside workers that live.
    pub slots: i64,
    pub slots_used: i64,
}

/// What waits under one name.
#[derive(Clone, PartialEq, Debug)]
pub struct Waiting {
    pub name: String,
    pub n: i64,
    /// How long the first has waited.
    pub oldest_s: f64,
}

/// Connections of one pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Connections {
    pub used: u64,
    pub idle: u64,
}

impl Connections {
    pub(crate) fn of(all: u32, idle: usize) -> Self {
        let idle = u64::try_from(idle).unwrap_or(u64::MAX);
        Self { used: u64::from(all).saturating_sub(idle), idle }
    }
}

impl Store {
    pub async fn depths(&self) -> Result<Depths> {
        let ready = sqlx::query_as!(
            Waiting,
            r#"SELECT s.kind AS "name!", count(*) AS "n!",
                   greatest(extract(epoch FROM now() - min(s.not_before)), 0)::float8 AS "oldest_s!"
               FROM steps s WHERE s.kind IS NOT NULL AND s.kind NOT LIKE 'worker:%' AND s.not_before <= now()
               GROUP BY s.kind ORDER BY count(*) DESC, s.kind LIMIT $1"#,
            MOST,
        );
        let ready = ready.fetch_all(&self.pool).await?;
        let at_work = sqlx::query!(
            r#"SELECT (SELECT count(*) FROM attempts WHERE lease_worker IS NOT NULL) AS "running!",
                   (SELECT count(*) FROM steps WHERE kind IS NULL AND not_before <= now()) AS "reserving!""#
        );
        let at_work = at_work.fetch_one(&self.pool).await?;
        let reviews = sqlx::query_as!(
            Waiting,
            r#"SELECT coalesce(t.slug, '') AS "name!", count(*) AS "n!",
                   greatest(extract(epoch FROM now() - min(v.opened_at)), 0)::float8 AS "oldest_s!"
               FROM reviews v JOIN workflow_runs r ON r.id = v.run_id LEFT JOIN workflow_templates t ON t.id = r.template_id
               WHERE NOT r.is_test
               GROUP BY coalesce(t.slug, '') ORDER BY count(*) DESC, coalesce(t.slug, '') LIMIT $1"#,
            MOST,
        );
        let reviews = reviews.fetch_all(&self.pool).await?;
        let sessions = sqlx::query!(
            r#"SELECT coalesce(sum(s.slots), 0)::bigint AS "slots!",
                   coalesce(sum((SELECT count(*) FROM attempts a WHERE a.lease_worker = s.id)), 0)::bigint AS "used!"
               FROM worker_sessions s JOIN workers w ON w.id = s.id
               WHERE w.state = 'alive' AND w.beat_at > clock_timestamp() - w.lease"#
        );
        let sessions = sessions.fetch_one(&self.pool).await?;
        let mut outside: Vec<(AgentId, QueueView)> = self.queues(None).await?.into_iter().collect();
        // All of the same importance are left in the order of their names.
        outside.sort_by_key(|(_, queue)| std::cmp::Reverse(queue.queued + queue.running + queue.workers));
        outside.truncate(usize::try_from(MOST).unwrap_or_default());
        Ok(Depths {
            ready,
            outside: outside.into_iter().collect(),
            reserving: at_work.reserving,
            running: at_work.running,
            reviews,
            slots: sessions.slots,
            slots_used: sessions.used,
        })
    }

    /// Of this store's pool, just now.
    pub fn connections(&self) -> Connections {
        Connections::of(self.pool.size(), self.pool.num_idle())
    }
}
