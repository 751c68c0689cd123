//! What people want to be told where, and how they stop it by a link.
//! Must never say by what a link does whether there is an account.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{
    TemplateId, UserId,
    api::{AddressKind, MAX_CHOICES, NoticeAddressOption, NoticeChoice, NoticeWhen},
    id::NoticeAddressId,
};

use super::Word;
use crate::{
    Result, Store,
    audit::{self, Author},
    secret::SecretHash,
};

/// A choice as whoever makes messages needs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choice {
    pub user: UserId,
    pub address: Option<NoticeAddressId>,
    pub template: Option<TemplateId>,
    pub when: NoticeWhen,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choose {
    Chosen,
    NoAddress,
    NoTemplate,
    TooMany,
}

impl Store {
    /// Addresses that may be chosen, by name.
    pub async fn notice_address_options(&self) -> Result<Vec<NoticeAddressOption>> {
        let rows = sqlx::query!(
            r#"SELECT id, name, kind, disabled_at IS NOT NULL AS "is_disabled!"
               FROM notice_addresses ORDER BY lower(name), id"#
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        rows.map(|row| {
            Ok(NoticeAddressOption {
                kind: AddressKind::read(&row.kind, "notice_addresses", "kind", &row.id)?,
                id: NoticeAddressId(row.id),
                name: row.name,
                is_disabled: row.is_disabled,
            })
        })
        .collect()
    }

    /// What this person chose: for all workflows first, then by workflow. A workflow is called as its live version is, where they may start
    /// it or are admins, and else as it was in the run in which they decided last: what its draft is called is for who edits it.
    pub async fn notice_choices(&self, user: UserId, is_admin: bool) -> Result<Vec<NoticeChoice>> {
        let rows = sqlx::query!(
            r#"SELECT c.address AS "address?", c.template_id AS "template_id?", c.send AS "send!", n.name AS "name?"
               FROM notice_choices c
               LEFT JOIN notice_addresses a ON a.id = c.address
               LEFT JOIN LATERAL (
                   SELECT CASE
                       WHEN $2::boolean
                           OR NOT EXISTS (SELECT FROM workflow_audience w WHERE w.template_id = c.template_id AND w.may_start)
                           OR EXISTS (
                               SELECT FROM workflow_audience w JOIN group_members m ON m.group_id = w.group_id
                               WHERE w.template_id = c.template_id AND w.may_start AND m.user_id = c.user_id)
                       THEN (
                           SELECT v.name FROM workflow_templates t
                           JOIN workflow_template_versions v ON v.template_id = t.id AND v.version = t.published_version
                           WHERE t.id = c.template_id)
                       ELSE (
                           SELECT r.template_name FROM review_deciders d
                           JOIN review_ends e ON e.run_id = d.run_id AND e.step = d.step AND e.generation = d.generation
                               AND e.number = d.number
                           JOIN workflow_runs r ON r.id = d.run_id
                           WHERE d.user_id = c.user_id AND e.template_id = c.template_id
                           ORDER BY d.closed_at DESC LIMIT 1)
                       END AS name
               ) n ON c.template_id IS NOT NULL
               WHERE c.user_id = $1
               ORDER BY c.template_id IS NOT NULL, lower(n.name), c.template_id, lower(a.name) NULLS FIRST"#,
            user.0,
            is_admin,
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        rows.map(|row| {
            Ok(NoticeChoice {
                address: row.address.map(NoticeAddressId),
                template_id: row.template_id.map(TemplateId),
                template_name: row.name,
                when: NoticeWhen::read(&row.send, "notice_choices", "send", &user)?,
            })
        })
        .collect()
    }

    /// Makes a choice, or takes it back. What waits already and is not wanted any more is dropped.
    pub async fn choose_notice(
        &self,
        user: UserId,
        address: Option<NoticeAddressId>,
        template: Option<TemplateId>,
        when: Option<NoticeWhen>,
    ) -> Result<Choose> {
        let mut tx = self.pool.begin().await?;
        // Two that the person makes at the same time are counted one after the other.
        sqlx::query_scalar!("SELECT 1 AS one FROM users WHERE id = $1 FOR NO KEY UPDATE", user.0)
            .fetch_optional(&mut *tx)
            .await?;
        let (to, of) = (address.map(|address| address.0), template.map(|template| template.0));
        let Some(when) = when else {
            sqlx::query!(
                "DELETE FROM notice_choices WHERE user_id = $1 AND address IS NOT DISTINCT FROM $2::uuid
                    AND template_id IS NOT DISTINCT FROM $3::uuid",
                user.0,
                to,
                of,
            )
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            return Ok(Choose::Chosen);
        };
        if let Some(to) = to {
            let known = sqlx::query_scalar!("SELECT id FROM notice_addresses WHERE id = $1 FOR KEY SHARE", to);
            if known.fetch_optional(&mut *tx).await?.is_none() {
                return Ok(Choose::NoAddress);
            }
        }
        if let Some(of) = of {
            let known = sqlx::query_scalar!(
                "SELECT id FROM workflow_templates WHERE id = $1 AND NOT is_test AND published_version IS NOT NULL FOR KEY SHARE",
                of
            );
            if known.fetch_optional(&mut *tx).await?.is_none() {
                return Ok(Choose::NoTemplate);
            }
        }
        set(&mut tx, user, to, of, when).await?;
        let n = sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM notice_choices WHERE user_id = $1"#, user.0);
        if usize::try_from(n.fetch_one(&mut *tx).await?).unwrap_or(usize::MAX) > MAX_CHOICES {
            return Ok(Choose::TooMany);
        }
        if when == NoticeWhen::Never && to.is_none() && of.is_none() {
            drop_mail(&mut tx, user).await?;
        }
        tx.commit().await?;
        Ok(Choose::Chosen)
    }

    /// What these people chose, as far as it can be sent.
    pub async fn notice_choices_of(&self, users: &[UserId]) -> Result<Vec<Choice>> {
        let users: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        let rows = sqlx::query!(
            "SELECT c.user_id, c.address, c.template_id, c.send FROM notice_choices c
            WHERE c.user_id = ANY ($1) AND (c.address IS NULL OR EXISTS (
                SELECT FROM notice_addresses a WHERE a.id = c.address AND a.disabled_at IS NULL))",
            &users,
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        rows.map(|row| {
            Ok(Choice {
                user: UserId(row.user_id),
                address: row.address.map(NoticeAddressId),
                template: row.template_id.map(TemplateId),
                when: NoticeWhen::read(&row.send, "notice_choices", "send", &row.user_id)?,
            })
        })
        .collect()
    }

    /// For the link of a mail that is about to be sent.
    pub async fn add_unsubscribe(&self, user: UserId, hash: &SecretHash) -> Result<()> {
        sqlx::query!("INSERT INTO notice_unsubscribes (token_hash, user_id) VALUES ($1, $2)", &hash[..], user.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Whoever has the link gets no mail about gates from now on. Nothing else is changed, and nothing is answered.
    pub async fn unsubscribe(&self, hash: &SecretHash, author: Author) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        let user = sqlx::query_scalar!("SELECT user_id FROM notice_unsubscribes WHERE token_hash = $1", &hash[..]);
        let Some(user) = user.fetch_optional(&mut *tx).await?.map(UserId) else { return Ok(()) };
        let is_done = sqlx::query_scalar!(
            r#"SELECT coalesce(bool_and(send = 'never') AND bool_or(template_id IS NULL), false) AS "is_done!"
               FROM notice_choices WHERE user_id = $1 AND address IS NULL"#,
            user.0,
        );
        // Whoever has the link may press as often as they like: it is written down once.
        if is_done.fetch_one(&mut *tx).await? {
            return Ok(());
        }
        sqlx::query!("UPDATE notice_choices SET send = 'never' WHERE user_id = $1 AND address IS NULL", user.0)
            .execute(&mut *tx)
            .await?;
        set(&mut tx, user, None, None, NoticeWhen::Never).await?;
        drop_mail(&mut tx, user).await?;
        audit::append(&mut tx, author, "notice.unsubscribed", &user.to_string(), json!({})).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn set(
    connection: &mut PgConnection,
    user: UserId,
    address: Option<Uuid>,
    template: Option<Uuid>,
    when: NoticeWhen,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO notice_choices (user_id, address, template_id, send) VALUES ($1, $2, $3, $4)
        ON CONFLICT ON CONSTRAINT notice_choices_key DO UPDATE SET send = excluded.send",
        user.0,
        address,
        template,
        when.word(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What waits for somebody's mail; what is on its way already arrives.
async fn drop_mail(connection: &mut PgConnection, user: UserId) -> Result<()> {
    sqlx::query!(
        "UPDATE notices SET state = 'dropped', is_open = false, lease_until = NULL
        WHERE user_id = $1 AND state = 'waiting' AND (lease_until IS NULL OR lease_until < now())",
        user.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}
