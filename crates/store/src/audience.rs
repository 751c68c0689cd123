//! For whom a workflow is: which groups start it, and which see all of its runs.
//! Must never widen it by the way: a group that stands here cannot be deleted.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgExecutor;
use uuid::Uuid;
use workflow::{
    RunId, TemplateId, UserId,
    api::{AudienceGroup, StuckGate},
    id::{GroupId, StepKey},
};

use crate::{
    Result, Store,
    audit::{self, Author},
    called::called,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetAudience {
    Set,
    NotFound,
    /// It is for others by now than was expected.
    Changed,
    /// There are no such groups.
    UnknownGroups(BTreeSet<GroupId>),
}

impl Store {
    /// None: there is no such template.
    pub async fn audience(&self, id: TemplateId) -> Result<Option<Vec<AudienceGroup>>> {
        let known = sqlx::query_scalar!("SELECT id FROM workflow_templates WHERE id = $1 AND NOT is_test", id.0);
        if known.fetch_optional(&self.pool).await?.is_none() {
            return Ok(None);
        }
        Ok(Some(groups_of(&self.pool, id).await?))
    }

    /// The whole audience, in place of what it was. `expect`: only where that is still what it is.
    pub async fn set_audience(
        &self,
        id: TemplateId,
        groups: &[AudienceGroup],
        expect: Option<&[AudienceGroup]>,
        author: Author,
    ) -> Result<SetAudience> {
        let ids: Vec<String> = groups.iter().map(|group| group.group_id.as_str().to_owned()).collect();
        let may_start: Vec<bool> = groups.iter().map(|group| group.may_start).collect();
        let may_see: Vec<bool> = groups.iter().map(|group| group.may_see).collect();
        let mut tx = self.pool.begin().await?;
        let known =
            sqlx::query_scalar!("SELECT id FROM workflow_templates WHERE id = $1 AND NOT is_test FOR UPDATE", id.0);
        if known.fetch_optional(&mut *tx).await?.is_none() {
            return Ok(SetAudience::NotFound);
        }
        if let Some(expect) = expect {
            let mut expect = expect.to_vec();
            expect.sort_by_cached_key(|group| group.group_id.clone());
            if groups_of(&mut *tx, id).await? != expect {
                return Ok(SetAudience::Changed);
            }
        }
        // Kept from being deleted until this is written.
        let there = sqlx::query_scalar!("SELECT id FROM groups WHERE id = ANY($1) ORDER BY id FOR SHARE", &ids);
        let there: BTreeSet<String> = there.fetch_all(&mut *tx).await?.into_iter().collect();
        let unknown: BTreeSet<GroupId> =
            groups.iter().map(|group| &group.group_id).filter(|id| !there.contains(id.as_str())).cloned().collect();
        if !unknown.is_empty() {
            return Ok(SetAudience::UnknownGroups(unknown));
        }
        sqlx::query!("DELETE FROM workflow_audience WHERE template_id = $1", id.0).execute(&mut *tx).await?;
        sqlx::query!(
            "INSERT INTO workflow_audience (template_id, group_id, may_start, may_see)
            SELECT $1, g.group_id, g.may_start, g.may_see
            FROM unnest($2::text[], $3::boolean[], $4::boolean[]) AS g (group_id, may_start, may_see)",
            id.0,
            &ids,
            &may_start,
            &may_see,
        )
        .execute(&mut *tx)
        .await?;
        let named = |may: fn(&AudienceGroup) -> bool| -> Vec<&str> {
            groups.iter().filter(|group| may(group)).map(|group| group.group_id.as_str()).collect()
        };
        let data = json!({"may_start": named(|group| group.may_start), "may_see": named(|group| group.may_see)});
        audit::append(&mut tx, author, "template.audience_changed", &id.to_string(), data).await?;
        tx.commit().await?;
        Ok(SetAudience::Set)
    }

    /// Whether somebody may start runs of a template, as far as that is a matter of groups.
    pub async fn may_start(&self, id: TemplateId, user: UserId) -> Result<bool> {
        let found = sqlx::query_scalar!(
            r#"SELECT (NOT EXISTS (SELECT FROM workflow_audience a WHERE a.template_id = $1 AND a.may_start)
                   OR EXISTS (SELECT FROM workflow_audience a JOIN group_members m ON m.group_id = a.group_id
                              WHERE a.template_id = $1 AND a.may_start AND m.user_id = $2)) AS "may!""#,
            id.0,
            user.0,
        );
        Ok(found.fetch_one(&self.pool).await?)
    }

    /// Whether somebody may start runs of what a run was started as, as far as that is a matter of groups: its sub-workflows are nobody's
    /// to start.
    pub async fn may_go_on(&self, run: RunId, user: UserId) -> Result<bool> {
        let found = sqlx::query_scalar!(
            r#"WITH RECURSIVE up AS (
                   SELECT r.parent_run, r.template_id FROM workflow_runs r WHERE r.id = $1
                   UNION ALL
                   SELECT r.parent_run, r.template_id FROM up JOIN workflow_runs r ON r.id = up.parent_run
               ),
               audience AS (
                   SELECT a.group_id FROM up JOIN workflow_audience a ON a.template_id = up.template_id AND a.may_start
                   WHERE up.parent_run IS NULL
               )
               SELECT (NOT EXISTS (SELECT FROM audience)
                   OR EXISTS (SELECT FROM audience a JOIN group_members m ON m.group_id = a.group_id
                              WHERE m.user_id = $2)) AS "may!""#,
            run.0,
            user.0,
        );
        Ok(found.fetch_one(&self.pool).await?)
    }

    /// How many of those whom a gate asks can decide there: by role or group (`group:ID`), by email in lower case; without whoever started
    /// the run where they may not approve their own.
    pub async fn n_asked(&self, roles: &[String], users: &[String], without: Option<UserId>) -> Result<i64> {
        let sql = concat!(
            "SELECT who.n FROM (SELECT $1::text[] AS roles, $2::text[] AS users, $3::uuid AS without) g CROSS JOIN LATERAL ",
            crate::access::who_can!()
        );
        let n = sqlx::query_scalar(sql).bind(roles).bind(users).bind(without.map(|user| user.0));
        Ok(n.fetch_one(&self.pool).await?)
    }

    /// Open gates, the oldest first, at which fewer can decide than have to agree, or nobody of those who are asked: somebody has left or
    /// was disabled since they opened. Tests are their maker's alone.
    pub async fn stuck_gates(&self, limit: i64) -> Result<Vec<StuckGate>> {
        let rows: Vec<Stuck> = sqlx::query_as(STUCK).bind(limit).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(StuckGate::from).collect())
    }
}

/// By id.
async fn groups_of(executor: impl PgExecutor<'_>, id: TemplateId) -> Result<Vec<AudienceGroup>> {
    let rows = sqlx::query!("SELECT group_id, may_start, may_see FROM workflow_audience WHERE template_id = $1", id.0);
    let group = |(id, may_start, may_see): (String, bool, bool)| AudienceGroup {
        group_id: GroupId::new(id),
        may_start,
        may_see,
    };
    let rows = rows.fetch_all(executor).await?.into_iter();
    let mut groups: Vec<AudienceGroup> = rows.map(|row| group((row.group_id, row.may_start, row.may_see))).collect();
    groups.sort_by_cached_key(|group| group.group_id.clone());
    Ok(groups)
}

const STUCK: &str = concat!(
    "WITH gates AS (
        SELECT v.run_id, v.step, v.quorum, v.opened_at, v.roles, v.users, v.allow_self,
            -- Only where it matters, so that the gates of one workflow are judged once.
            CASE WHEN v.allow_self AND (v.roles <> '{}' OR v.users <> '{}') THEN NULL ELSE v.user_id END AS owner
        FROM reviews v
        WHERE v.roles <> '{}' OR v.users <> '{}' OR v.quorum > 1 OR NOT v.allow_self
    ),
    judged AS (
        SELECT g.roles, g.users, g.allow_self, g.owner, who.n_asked, who.n_able
        FROM (SELECT DISTINCT roles, users, allow_self, owner FROM gates) g
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE p.is_asked) AS n_asked, count(*) AS n_able
            FROM (
                SELECT u.role = 'admin' AS is_admin,
                    CASE WHEN g.roles = '{}' AND g.users = '{}' THEN u.role = 'admin' OR u.id = g.owner
                    ELSE u.role = ANY(g.roles) OR lower(u.email) = ANY(g.users) OR EXISTS (
                        SELECT FROM group_members m
                        WHERE m.user_id = u.id AND 'group:' || m.group_id = ANY(g.roles)
                    ) END AS is_asked
                FROM users u
                WHERE u.disabled_at IS NULL AND (g.allow_self OR u.id <> g.owner)
            ) p WHERE p.is_asked OR p.is_admin
        ) who
    )
    SELECT g.run_id, g.step, r.template_id, r.template_name, ",
    called!("g.run_id", "r.about"),
    " AS about, g.quorum, j.n_asked AS n_can, g.opened_at
    FROM gates g
    JOIN judged j ON j.roles = g.roles AND j.users = g.users AND j.allow_self = g.allow_self
        AND j.owner IS NOT DISTINCT FROM g.owner
    JOIN workflow_runs r ON r.id = g.run_id
    WHERE NOT r.is_test AND (j.n_able < g.quorum OR j.n_asked = 0)
    ORDER BY g.opened_at, g.run_id, g.step LIMIT $1"
);

#[derive(sqlx::FromRow)]
struct Stuck {
    run_id: Uuid,
    step: String,
    template_id: Uuid,
    template_name: String,
    about: Option<String>,
    quorum: i32,
    n_can: i64,
    opened_at: DateTime<Utc>,
}

impl From<Stuck> for StuckGate {
    fn from(row: Stuck) -> Self {
        Self {
            run_id: RunId(row.run_id),
            step: StepKey::new(row.step),
            template_id: TemplateId(row.template_id),
            template_name: row.template_name,
            about: row.about,
            quorum: row.quorum,
            n_can: row.n_can,
            opened_at: row.opened_at,
        }
    }
}
