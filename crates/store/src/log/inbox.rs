//! What runs have to tell others: written with the sender's commit, and gone with the receiver's.
//! Must never be taken away but by a commit of the receiver, or where it changes nothing: that is what makes it heard exactly once.

use runs::{CommitId, Message, MessageKey, Unavailable};
use sqlx::types::Json;
use uuid::Uuid;
use workflow::{RunId, run::event::Tell};

use super::{Log, columns::place, failed, load::finish};

type Row = (Uuid, Uuid, i64, i32, Uuid, Json<Tell>);

/// Those of runs that are set aside wait until somebody has looked at them, and those of runs that are left to newer programs for these;
/// neither holds up any other.
const OLDEST: &str = "SELECT i.run_id, i.sender, i.sender_seq, i.n, i.commit_id, i.tell
    FROM run_inbox i
    WHERE NOT EXISTS (SELECT FROM workflow_runs r WHERE r.id = i.run_id AND r.quarantine IS NOT NULL)
        AND NOT EXISTS (SELECT FROM workflow_runs r WHERE r.id = i.sender AND r.quarantine IS NOT NULL)
        AND i.run_id <> ALL ($2::uuid[]) AND i.sender <> ALL ($2::uuid[])
    ORDER BY i.sent_at LIMIT $1";

impl Log {
    pub(super) async fn oldest_messages(&self, limit: usize) -> Result<Vec<Message>, Unavailable> {
        let mut lane = self.engine.take().await.map_err(failed::unavailable)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: sqlx::Result<Vec<Row>> =
            sqlx::query_as(OLDEST).bind(limit).bind(self.too_new.ids()).fetch_all(lane.connection()).await;
        finish(lane, rows.as_ref().err());
        let message = |(to, from, seq, n, commit, Json(tell)): Row| {
            let (n, commit) = (u32::try_from(n).unwrap_or(u32::MAX), CommitId(commit));
            Message { key: MessageKey { to: RunId(to), from: RunId(from), seq, n, commit }, tell }
        };
        Ok(rows.map_err(failed::unavailable)?.into_iter().map(message).collect())
    }

    pub(super) async fn put_aside(&self, message: MessageKey) -> Result<(), Unavailable> {
        sqlx::query(
            "DELETE FROM run_inbox WHERE run_id = $1 AND sender = $2 AND sender_seq = $3 AND n = $4 AND commit_id = $5",
        )
        .bind(message.to.0)
        .bind(message.from.0)
        .bind(message.seq)
        .bind(place(message.n))
        .bind(message.commit.0)
        .execute(&self.reader)
        .await
        .map_err(failed::unavailable)?;
        Ok(())
    }
}
