//! What a run is to be told by others: written with the sender's commit, and gone with the receiver's.
//! Must never be taken away by anything but a commit of the receiver: that is what makes it heard exactly once.

use sqlx::types::Json;
use uuid::Uuid;
use workflow::{RunId, run::event::Tell};

use super::Log;
use crate::Result;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MessageId {
    pub sender: RunId,
    pub sender_seq: i64,
    pub n: i32,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Message {
    pub id: MessageId,
    /// The receiver, which may not have begun yet.
    pub to: RunId,
    pub tell: Tell,
}

type Row = (Uuid, Uuid, i64, i32, Json<Tell>);

impl Log {
    /// All that these runs are to be told, in the order in which it was said by each.
    pub async fn inbox(&self, runs: &[RunId]) -> Result<Vec<Message>> {
        let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        let mut lane = self.engine.take().await?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT i.run_id, i.sender, i.sender_seq, i.n, i.tell
            FROM unnest($1::uuid[]) AS r (id)
            CROSS JOIN LATERAL (SELECT * FROM run_inbox i WHERE i.run_id = r.id ORDER BY i.sender, i.sender_seq, i.n LIMIT 1000) i
            ORDER BY i.run_id, i.sender, i.sender_seq, i.n",
        )
        .bind(ids)
        .fetch_all(lane.connection())
        .await?;
        lane.done();
        let message = |(to, sender, sender_seq, n, Json(tell)): Row| Message {
            id: MessageId { sender: RunId(sender), sender_seq, n },
            to: RunId(to),
            tell,
        };
        Ok(rows.into_iter().map(message).collect())
    }

    /// Runs that something waits for, the longest first.
    pub async fn addressees(&self, limit: i64) -> Result<Vec<RunId>> {
        let mut lane = self.engine.take().await?;
        let rows: Vec<Uuid> = sqlx::query_scalar("SELECT run_id FROM run_inbox ORDER BY sent_at LIMIT $1")
            .bind(limit)
            .fetch_all(lane.connection())
            .await?;
        lane.done();
        let mut runs: Vec<RunId> = Vec::new();
        for run in rows.into_iter().map(RunId) {
            if !runs.contains(&run) {
                runs.push(run);
            }
        }
        Ok(runs)
    }
}
