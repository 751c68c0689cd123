//! With whom runs are shared. What somebody sees by that is said in `access`; whom a run may be shared with is the service's to judge.
//! Must never touch a row of the engine's, nor share a run with a group that is being deleted.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;
use workflow::{
    RunId, UserId,
    api::RunShare,
    id::{GroupId, ShareId},
};

use crate::{
    Result, Store,
    access::{is_share_with, runs_around},
    audit::{self, Author},
};

/// Of a group whose share has ended, so many are told at once; the others find it with the next look at their right.
const MOST_TOLD: i64 = 100;

/// With whom a run is shared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SharedWith {
    Person(UserId),
    Group(GroupId),
}

impl SharedWith {
    fn person(&self) -> Option<Uuid> {
        match self {
            Self::Person(user) => Some(user.0),
            Self::Group(_) => None,
        }
    }

    fn group(&self) -> Option<&str> {
        match self {
            Self::Person(_) => None,
            Self::Group(group) => Some(group.as_str()),
        }
    }

    /// As the audit log has it.
    fn data(&self) -> Value {
        match self {
            Self::Person(user) => json!({ "user": user }),
            Self::Group(group) => json!({ "group": group }),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRunShare {
    pub id: ShareId,
    pub run: RunId,
    pub with: SharedWith,
    pub by: UserId,
    /// As many there may be of one run.
    pub most: i64,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShareRun {
    /// It is shared by this, which may be there since before.
    Shared(ShareId),
    TooMany,
    /// There is no such group any more.
    NoGroup,
}

/// What sharing has to know of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunToShare {
    pub owner: UserId,
    pub is_test: bool,
    /// It is the sub-workflow of another one.
    pub is_part: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    email: Option<String>,
    group_id: Option<String>,
    name: Option<String>,
    is_disabled: bool,
    shared_by: String,
    shared_at: DateTime<Utc>,
}

impl From<Row> for RunShare {
    fn from(row: Row) -> Self {
        Self {
            id: ShareId(row.id),
            email: row.email,
            group_id: row.group_id.map(GroupId::new),
            name: row.name,
            is_disabled: row.is_disabled,
            shared_by: row.shared_by,
            shared_at: row.shared_at,
        }
    }
}

impl Store {
    pub async fn run_to_share(&self, run: RunId) -> Result<Option<RunToShare>> {
        let sql = "SELECT user_id, is_test, parent_run IS NOT NULL FROM workflow_runs WHERE id = $1";
        let found: Option<(Uuid, bool, bool)> = sqlx::query_as(sql).bind(run.0).fetch_optional(&self.pool).await?;
        Ok(found.map(|(owner, is_test, is_part)| RunToShare { owner: UserId(owner), is_test, is_part }))
    }

    /// With whom a run is shared, in the order in which it was.
    pub async fn run_shares(&self, run: RunId) -> Result<Vec<RunShare>> {
        let sql =
            "SELECT s.id, u.email, s.group_id, g.name, u.disabled_at IS NOT NULL AS is_disabled, b.email AS shared_by,
                s.shared_at
            FROM run_shares s
            LEFT JOIN users u ON u.id = s.user_id
            LEFT JOIN groups g ON g.id = s.group_id
            JOIN users b ON b.id = s.shared_by
            WHERE s.run_id = $1 ORDER BY s.shared_at, s.id";
        let rows: Vec<Row> = sqlx::query_as(sql).bind(run.0).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(RunShare::from).collect())
    }

    /// Shares a run, once with each.
    pub async fn share_run(&self, new: &NewRunShare, author: Author) -> Result<ShareRun> {
        let NewRunShare { id, run, with, by, most } = new;
        let mut tx = self.pool.begin().await?;
        if let SharedWith::Group(group) = with {
            // Kept from being deleted until this is written.
            let sql = "SELECT id FROM groups WHERE id = $1 FOR SHARE";
            let there: Option<String> = sqlx::query_scalar(sql).bind(group.as_str()).fetch_optional(&mut *tx).await?;
            if there.is_none() {
                return Ok(ShareRun::NoGroup);
            }
        }
        // Whoever shares the same run at the same time waits here, so that the last place is taken once.
        sqlx::query("SELECT id FROM run_shares WHERE run_id = $1 ORDER BY id FOR UPDATE")
            .bind(run.0)
            .fetch_all(&mut *tx)
            .await?;
        let sql = "SELECT id FROM run_shares WHERE run_id = $1 AND (user_id = $2 OR group_id = $3)";
        let known: Option<Uuid> =
            sqlx::query_scalar(sql).bind(run.0).bind(with.person()).bind(with.group()).fetch_optional(&mut *tx).await?;
        if let Some(known) = known {
            return Ok(ShareRun::Shared(ShareId(known)));
        }
        let n: i64 = sqlx::query_scalar("SELECT count(*) FROM run_shares WHERE run_id = $1")
            .bind(run.0)
            .fetch_one(&mut *tx)
            .await?;
        if n >= *most {
            return Ok(ShareRun::TooMany);
        }
        // Where the same was asked twice at once, both are told of the one.
        let sql = "INSERT INTO run_shares (id, run_id, user_id, group_id, shared_by) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING";
        let made = sqlx::query(sql)
            .bind(id.0)
            .bind(run.0)
            .bind(with.person())
            .bind(with.group())
            .bind(by.0)
            .execute(&mut *tx)
            .await?;
        if made.rows_affected() == 0 {
            let sql = "SELECT id FROM run_shares WHERE run_id = $1 AND (user_id = $2 OR group_id = $3)";
            let known: Option<Uuid> = sqlx::query_scalar(sql)
                .bind(run.0)
                .bind(with.person())
                .bind(with.group())
                .fetch_optional(&mut *tx)
                .await?;
            return Ok(ShareRun::Shared(known.map_or(*id, ShareId)));
        }
        audit::append(&mut tx, author, "run.shared", &run.to_string(), with.data()).await?;
        tx.commit().await?;
        Ok(ShareRun::Shared(*id))
    }

    /// Ends one of this run; what is open by it ends at once, or with the next look at the right to it. False where there is none.
    pub async fn end_share(&self, run: RunId, id: ShareId, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let sql = "DELETE FROM run_shares WHERE id = $1 AND run_id = $2 RETURNING user_id, group_id";
        let ended: Option<(Option<Uuid>, Option<String>)> =
            sqlx::query_as(sql).bind(id.0).bind(run.0).fetch_optional(&mut *tx).await?;
        let with = match ended {
            Some((Some(user), _)) => SharedWith::Person(UserId(user)),
            Some((None, Some(group))) => SharedWith::Group(GroupId::new(group)),
            // A row is with one of the two.
            Some((None, None)) | None => return Ok(false),
        };
        let people: Vec<Uuid> = match &with {
            SharedWith::Person(user) => vec![user.0],
            SharedWith::Group(group) => {
                sqlx::query_scalar("SELECT user_id FROM group_members WHERE group_id = $1 ORDER BY user_id LIMIT $2")
                    .bind(group.as_str())
                    .bind(MOST_TOLD)
                    .fetch_all(&mut *tx)
                    .await?
            }
        };
        audit::append(&mut tx, author, "run.share_ended", &run.to_string(), with.data()).await?;
        tx.commit().await?;
        for person in people {
            self.outbox.person(UserId(person));
        }
        Ok(true)
    }

    /// The email of whoever shared the run, or one around it, with somebody; what is shared with them by name comes first.
    pub async fn shared_by(&self, run: RunId, user: UserId) -> Result<Option<String>> {
        let sql = concat!(
            runs_around!("$1"),
            "SELECT b.email FROM up JOIN run_shares s ON s.run_id = up.id JOIN users b ON b.id = s.shared_by WHERE ",
            is_share_with!("2"),
            " ORDER BY s.user_id IS NULL, s.shared_at, s.id LIMIT 1"
        );
        Ok(sqlx::query_scalar(sql).bind(run.0).bind(user.0).fetch_optional(&self.pool).await?)
    }
}
