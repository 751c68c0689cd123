//! What was sent, for admins, and sending it once more.
//! Must never hold what a message was sent with: neither the address in full nor its secret.

use serde_json::json;
use workflow::{
    RunId, StepKey,
    api::{DeliveryQuery, NoticeDelivery, NoticeKind, NoticeState, Page},
    id::{NoticeAddressId, NoticeId},
};

use super::Word;
use crate::{
    Result, Store, Window,
    audit::{self, Author},
};

/// What came of sending one once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resend {
    Queued,
    NotFound,
    /// It waits already, or never went anywhere.
    NotOver,
}

impl Store {
    /// A page of attempts, newest first.
    pub async fn notice_deliveries(&self, query: &DeliveryQuery, window: Window<'_>) -> Result<Page<NoticeDelivery>> {
        let before = window.after.and_then(|after| after.parse::<i64>().ok());
        let rows = sqlx::query!(
            r#"SELECT d.id, d.notice_id, d.at, n.address, coalesce(a.name, u.email, '') AS "to!", n.kind, n.state,
                      f.run_id AS "run_id!", f.step AS "step!", f.n AS "n_gates!", d.is_success, d.status, d.milliseconds,
                      d.error, d.answer
               FROM notice_deliveries d
               JOIN notices n ON n.id = d.notice_id
               LEFT JOIN notice_addresses a ON a.id = n.address
               LEFT JOIN users u ON u.id = n.user_id
               CROSS JOIN LATERAL (
                   SELECT l.run_id, l.step, count(*) OVER () AS n FROM notice_lines l
                   WHERE l.notice_id = n.id ORDER BY l.run_id, l.step LIMIT 1) f
               WHERE ($1::bigint IS NULL OR d.id < $1) AND ($2::uuid IS NULL OR n.address = $2)
                   AND (NOT $3::boolean OR NOT d.is_success)
               ORDER BY d.id DESC LIMIT $4"#,
            before,
            query.address.map(|address| address.0),
            query.failed,
            window.to_read(),
        );
        let mut items = Vec::new();
        for row in rows.fetch_all(&self.pool).await? {
            items.push(NoticeDelivery {
                id: row.id,
                message: NoticeId(row.notice_id),
                at: row.at,
                address: row.address.map(NoticeAddressId),
                to: row.to,
                kind: NoticeKind::read(&row.kind, "notices", "kind", &row.notice_id)?,
                run_id: RunId(row.run_id),
                step: StepKey::new(row.step),
                n_gates: row.n_gates,
                state: NoticeState::read(&row.state, "notices", "state", &row.notice_id)?,
                is_success: row.is_success,
                status: row.status,
                milliseconds: row.milliseconds,
                error: row.error,
                answer: row.answer,
            });
        }
        Ok(window.page(items, |delivery: &NoticeDelivery| delivery.id.to_string()))
    }

    /// Sends it once more, under the id that it had.
    pub async fn resend_notice(&self, id: NoticeId, author: Author) -> Result<Resend> {
        let mut tx = self.pool.begin().await?;
        let state = sqlx::query_scalar!("SELECT state FROM notices WHERE id = $1 FOR UPDATE", id.0);
        let Some(state) = state.fetch_optional(&mut *tx).await? else { return Ok(Resend::NotFound) };
        let state = NoticeState::read(&state, "notices", "state", &id)?;
        if !matches!(state, NoticeState::Sent | NoticeState::Failed) {
            return Ok(Resend::NotOver);
        }
        sqlx::query!(
            "UPDATE notices SET state = 'waiting', sent_at = NULL, n_attempts = 0, due_at = now() WHERE id = $1",
            id.0,
        )
        .execute(&mut *tx)
        .await?;
        audit::append(&mut tx, author, "notice.resent", &id.to_string(), json!({})).await?;
        tx.commit().await?;
        Ok(Resend::Queued)
    }
}
