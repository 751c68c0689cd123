//! What may be claimed. It only tells: taking a step is a commit like any other.
//! Must never let one person's backlog delay another's step: owners come in turns. Nor may those of whom this process can take nothing hide
//! the ones behind them: a walk that was cut off goes on where it ended.

use std::sync::PoisonError;

use chrono::{DateTime, Utc};
use runs::{Ready, Unavailable};
use uuid::Uuid;
use workflow::{RunId, StepKey, UserId, id::WorkerId};

use super::{Log, failed, load::finish};

/// Owners, of all kinds together, that one walk looks at.
const MAX_OWNERS: i64 = 64;
/// Walks of one call, while they find nothing: other agents' steps, and what backs off, are walked past.
const MAX_WALKS: usize = 8;

pub(super) const CLAIMABLE: &str = include_str!("sql/claimable.sql");

/// A step with its owner, or an owner alone.
type Row = (Option<Uuid>, Option<String>, Option<String>, Uuid, Option<DateTime<Utc>>);

/// What one walk came to.
#[derive(Default)]
struct Walked {
    found: Vec<Ready>,
    /// Up to whom it looked at everybody, where there may be more behind them.
    cut: Option<Uuid>,
}

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
        let began = *self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        let agents: Option<Vec<String>> = agents.map(|all| all.iter().map(|one| like(one)).collect());
        let asked = Asked { worker, kinds, agents: agents.as_deref(), but: &but, n };
        let mut walked = self.walk(asked, began).await?;
        for _ in 1..MAX_WALKS {
            let (true, Some(at)) = (walked.found.is_empty(), walked.cut) else { break };
            walked = self.walk(asked, at).await?;
        }
        let Walked { mut found, cut } = walked;
        let mut next = if found.len() < n { cut } else { last_owner(&found) };
        if found.len() < n && began != Uuid::nil() {
            // From the beginning again, up to where this walk began.
            let first = self.walk(asked, Uuid::nil()).await?;
            found.extend(first.found.into_iter().filter(|ready| ready.user.0 <= began));
            found.truncate(n);
            next = next.or(first.cut.filter(|at| *at < began));
        }
        let end = next.or_else(|| last_owner(&found)).unwrap_or_default();
        *self.cursor.lock().unwrap_or_else(PoisonError::into_inner) = end;
        Ok(found)
    }

    /// Looks at some owners after this one.
    async fn walk(&self, asked: Asked<'_>, from: Uuid) -> Result<Walked, Unavailable> {
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
        let mut walked = Walked::default();
        for (run, step, kind, user, not_before) in rows.map_err(failed::unavailable)? {
            if let (Some(run), Some(step), Some(kind), Some(not_before)) = (run, step, kind, not_before) {
                let (run, step, user) = (RunId(run), StepKey::new(step), UserId(user));
                walked.found.push(Ready { run, step, kind, user, not_before });
            } else {
                walked.cut = Some(user);
            }
        }
        Ok(walked)
    }
}

fn last_owner(found: &[Ready]) -> Option<Uuid> {
    found.iter().map(|ready| ready.user.0).max()
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
