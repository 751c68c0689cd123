//! Values that a person keeps for trying the draft of a workflow.
//! Every statement names the person: nobody reads or changes what another one keeps.

use serde_json::{Value, json};
use workflow::{
    TemplateId, UserId,
    api::{Pin, PinPlace, PinSide},
    limits,
};

use crate::{
    Error, Result, Store,
    audit::{self, Author},
    decode,
};

/// What became of a value that was to be pinned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetPin {
    Set,
    /// There is no such workflow.
    NotFound,
    /// With it there would be more than one may keep.
    TooMany,
    TooLarge,
}

fn step(place: &PinPlace) -> &str {
    place.step.as_ref().map_or("", |step| step.as_str())
}

fn told(place: &PinPlace) -> Value {
    json!({"step": step(place), "side": place.side.as_str(), "name": place.name})
}

impl Store {
    /// What this person keeps, by place.
    pub async fn pins(&self, user: UserId, template: TemplateId) -> Result<Vec<Pin>> {
        let rows = sqlx::query!(
            r#"SELECT step, side, name, value::text AS "value!" FROM pins
               WHERE user_id = $1 AND template_id = $2 ORDER BY step COLLATE "C", side, name COLLATE "C""#,
            user.0,
            template.0,
        )
        .fetch_all(&self.pool)
        .await?;
        let pins = rows.into_iter().map(|row| {
            let side = PinSide::ALL.into_iter().find(|side| side.as_str() == row.side);
            let side = side.ok_or(Error::Inconsistent { table: "pins", column: "side", row: template.to_string() })?;
            let step = (!row.step.is_empty()).then(|| row.step.as_str().into());
            let value = workflow::json::kept(row.value.as_bytes());
            let value =
                value.ok_or(Error::Inconsistent { table: "pins", column: "value", row: template.to_string() })?;
            Ok(Pin { place: PinPlace { step, side, name: row.name }, value })
        });
        pins.collect()
    }

    /// Keeps a value, in place of the one that was kept there.
    pub async fn set_pin(&self, user: UserId, template: TemplateId, pin: &Pin, author: Author) -> Result<SetPin> {
        let value = decode::text(&pin.value)?;
        let mut tx = self.pool.begin().await?;
        // Two that the person sets at the same time are counted one after the other.
        sqlx::query_scalar!("SELECT 1 AS one FROM users WHERE id = $1 FOR NO KEY UPDATE", user.0)
            .fetch_optional(&mut *tx)
            .await?;
        // Whoever deletes it waits until the value is kept, and removes it too.
        let is_there = sqlx::query_scalar!(
            "SELECT 1 AS one FROM workflow_templates WHERE id = $1 AND NOT is_test FOR KEY SHARE",
            template.0,
        );
        if is_there.fetch_optional(&mut *tx).await?.is_none() {
            return Ok(SetPin::NotFound);
        }
        sqlx::query!(
            "INSERT INTO pins (user_id, template_id, step, side, name, value, n_bytes)
            VALUES ($1, $2, $3, $4, $5, $6::text::json, octet_length($6::text))
            ON CONFLICT (user_id, template_id, step, side, name) DO UPDATE SET
                value = excluded.value, n_bytes = excluded.n_bytes, pinned_at = excluded.pinned_at",
            user.0,
            template.0,
            step(&pin.place),
            pin.place.side.as_str(),
            pin.place.name,
            value,
        )
        .execute(&mut *tx)
        .await?;
        let kept = sqlx::query!(
            r#"SELECT count(*) AS "n!", coalesce(sum(n_bytes), 0)::bigint AS "n_bytes!" FROM pins
               WHERE user_id = $1 AND template_id = $2"#,
            user.0,
            template.0,
        )
        .fetch_one(&mut *tx)
        .await?;
        if usize::try_from(kept.n).unwrap_or(usize::MAX) > limits::MAX_PINS {
            return Ok(SetPin::TooMany);
        }
        if usize::try_from(kept.n_bytes).unwrap_or(usize::MAX) > limits::MAX_PINS_BYTES {
            return Ok(SetPin::TooLarge);
        }
        audit::append(&mut tx, author, "template.pin_set", &template.to_string(), told(&pin.place)).await?;
        self.limits.charge_author(&mut tx, author, value.len()).await?;
        tx.commit().await?;
        Ok(SetPin::Set)
    }

    /// Keeps a value no longer; false where none was kept.
    pub async fn remove_pin(
        &self,
        user: UserId,
        template: TemplateId,
        place: &PinPlace,
        author: Author,
    ) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let removed = sqlx::query!(
            "DELETE FROM pins WHERE user_id = $1 AND template_id = $2 AND step = $3 AND side = $4 AND name = $5",
            user.0,
            template.0,
            step(place),
            place.side.as_str(),
            place.name,
        )
        .execute(&mut *tx)
        .await?;
        if removed.rows_affected() == 0 {
            return Ok(false);
        }
        audit::append(&mut tx, author, "template.pin_removed", &template.to_string(), told(place)).await?;
        tx.commit().await?;
        Ok(true)
    }
}
