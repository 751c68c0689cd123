//! What may be claimed. It only tells: taking a step is a commit like any other.
//! Must never let one person's backlog delay another's step: owners come in turns.

use std::sync::PoisonError;

use chrono::{DateTime, Utc};
use runs::{Ready, Unavailable};
use uuid::Uuid;
use workflow::{RunId, StepKey, UserId, id::WorkerId};

use super::{Log, failed, load::finish};

/// Owners, for each kind, that one call looks at.
const MAX_OWNERS: i64 = 64;

pub(super) const CLAIMABLE: &str = include_str!("sql/claimable.sql");

type Row = (Uuid, String, String, Uuid, DateTime<Utc>);

/// Of one look.
#[derive(Clone, Copy)]
struct Asked<'a> {
    worker: WorkerId,
    kinds: &'a [String],
    /// As `LIKE` takes them.
    agents: Option<&'a [String]>,
    but: &'a [Uuid],
    n: usize,
}

/// An id, or a beginning with a star, as `LIKE` takes it: in ids `_` is a letter like any other.
fn like(pattern: &str) -> String {
    let (id, rest) = pattern.strip_suffix('*').map_or((pattern, ""), |beginning| (beginning, "%"));
    let plain = id.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%");
    format!("{plain}{rest}")
}

impl Log {
    /// Each call goes on with the owners after those of the one before it.
    pub(super) async fn ready(
        &self,
        worker: WorkerId,
        kinds: &[String],
        agents: Option<&[String]>,
        but: &[RunId],
        n: usize,
    ) -> Result<Vec<Ready>, Unavailable> {
        let but: Vec<Uuid> = but.iter().map(|run| run.0).chain(self.too_new.ids()).collect();
        let from = *self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        let agents: Option<Vec<String>> = agents.map(|all| all.iter().map(|one| like(one)).collect());
        let asked = Asked { worker, kinds, agents: agents.as_deref(), but: &but, n };
        let mut found = self.ready_from(asked, from).await?;
        if found.len() < n && from != Uuid::nil() {
            // From the beginning again, up to where this walk began.
            let first = self.ready_from(asked, Uuid::nil()).await?;
            found.extend(first.into_iter().filter(|ready| ready.user.0 <= from));
            found.truncate(n);
        }
        let end = found.iter().map(|ready| ready.user.0).max().unwrap_or_default();
        *self.cursor.lock().unwrap_or_else(PoisonError::into_inner) = end;
        Ok(found)
    }

    async fn ready_from(&self, asked: Asked<'_>, from: Uuid) -> Result<Vec<Ready>, Unavailable> {
        let Asked { worker, kinds, agents, but, n } = asked;
        let mut lane = self.engine.take().await.map_err(failed::unavailable)?;
        let rows: sqlx::Result<Vec<Row>> = sqlx::query_as(CLAIMABLE)
            .bind(kinds)
            .bind(from)
            .bind(MAX_OWNERS)
            .bind(i64::try_from(n).unwrap_or(i64::MAX))
            .bind(worker.0)
            .bind(but)
            .bind(agents)
            .fetch_all(lane.connection())
            .await;
        finish(lane, rows.as_ref().err());
        let ready = |(run, step, kind, user, not_before): Row| Ready {
            run: RunId(run),
            step: StepKey::new(step),
            kind,
            user: UserId(user),
            not_before,
        };
        Ok(rows.map_err(failed::unavailable)?.into_iter().map(ready).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn an_id_is_itself_and_a_star_at_its_end_stands_for_the_rest() {
        for (pattern, expected) in
            [("say", "say"), ("gpu-*", "gpu-%"), ("a_b", "a\\_b"), ("a_*", "a\\_%"), ("*", "%"), ("a%\\*", "a\\%\\\\%")]
        {
            assert_eq!(like(pattern), expected, "{pattern}");
        }
    }
}
