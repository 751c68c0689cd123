//! Lists of runs: mine or those of others that I see by a group, by keyset, and those that wait for a person. What one run is stands in
//! its log.
//! Every read carries the viewer: a run that is not theirs is as absent as one that does not exist. A page must cost what stands on it,
//! whatever lies before it and whatever others have: a test looks at the plans of `LIST_STATEMENTS`.

pub mod counting;
pub mod deleting;
pub mod labels;
mod lexemes;
pub mod listed;
mod search;
pub mod shares;
pub mod texts;
pub mod totals;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use workflow::{
    Progress, RunId, TemplateId, UserId,
    access::Actor,
    api::{Page, RunPage, RunSummary},
};

use crate::{
    Result, Store, Window,
    access::{concerns, gates_of_owners, is_asked},
    called::called,
    decode::{maybe_word, word},
    page,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    Mine,
    /// Those of others that the viewer sees by a group.
    Shared,
}

/// Runs as a list shows them, where they are `r`; tests stand in none. What it is about is what somebody called it, if somebody did.
macro_rules! columns {
    () => {
        concat!(
            "SELECT r.id, r.template_id, r.template_name, r.template_version, r.status, r.status_reason, r.auto_run,
            r.user_id, u.email, r.n_steps - r.n_items AS n_steps, r.n_completed, r.n_skipped, r.n_failed, r.n_cancelled,
            r.n_waiting, ",
            called!("r.id", "r.about"),
            " AS about, r.created_at, r.finished_at
        "
        )
    };
}

macro_rules! summaries {
    ($condition:expr, $order:literal) => {
        concat!(
            columns!(),
            "FROM workflow_runs r JOIN users u ON u.id = r.user_id
            WHERE NOT r.is_test AND ",
            $condition,
            $order
        )
    };
}

#[derive(sqlx::FromRow)]
struct SummaryRow {
    id: Uuid,
    template_id: Uuid,
    template_name: String,
    template_version: i32,
    status: String,
    status_reason: Option<String>,
    auto_run: bool,
    user_id: Uuid,
    email: String,
    n_steps: i32,
    n_completed: i32,
    n_skipped: i32,
    n_failed: i32,
    n_cancelled: i32,
    n_waiting: i32,
    about: Option<String>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<SummaryRow> for RunSummary {
    type Error = crate::Error;

    fn try_from(row: SummaryRow) -> Result<Self> {
        Ok(Self {
            id: RunId(row.id),
            template_id: TemplateId(row.template_id),
            template_name: row.template_name,
            template_version: row.template_version,
            status: word(&row.status, "workflow_runs", "status", &row.id)?,
            status_reason: maybe_word(row.status_reason.as_deref(), "workflow_runs", "status_reason", &row.id)?,
            auto_run: row.auto_run,
            user_id: UserId(row.user_id),
            user_email: row.email,
            progress: Progress {
                total: row.n_steps.into(),
                completed: row.n_completed.into(),
                skipped: row.n_skipped.into(),
                failed: row.n_failed.into(),
                cancelled: row.n_cancelled.into(),
            },
            n_waiting: row.n_waiting.into(),
            about: row.about,
            created_at: row.created_at,
            finished_at: row.finished_at,
        })
    }
}

/// Where a list begins, as one comparison: with an `IS NULL OR` the plan that is kept for all pages reads every page before.
macro_rules! older_than {
    ($time:literal, $id:literal) => {
        concat!(
            "(r.created_at, r.id) < (coalesce($",
            $time,
            "::timestamptz, 'infinity'), coalesce($",
            $id,
            "::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))"
        )
    };
}

macro_rules! newer_than {
    ($time:literal, $id:literal) => {
        concat!(
            "(r.created_at, r.id) > (coalesce($",
            $time,
            "::timestamptz, '-infinity'), coalesce($",
            $id,
            "::uuid, '00000000-0000-0000-0000-000000000000'))"
        )
    };
}

/// What was archived stands in a list of its own, unless it goes on again, and what is about to be deleted in none. In words that the
/// database takes to hold for many.
macro_rules! is_listed {
    () => {
        "(SELECT l.archived_at IS NOT NULL AND r.finished_at IS NOT NULL OR l.delete_at IS NOT NULL
            FROM run_labels l WHERE l.run_id = r.id) IS NOT TRUE AND "
    };
}

/// One's own need no further predicate.
const MINE: &str = summaries!(
    concat!("r.parent_run IS NULL AND r.user_id = $1 AND ", is_listed!(), older_than!("2", "3")),
    " ORDER BY r.created_at DESC, r.id DESC LIMIT $4"
);

/// For an admin: every run in which somebody is waited for.
const WAITING_FOR_ADMIN: &str = summaries!(
    concat!("r.n_waiting > 0 AND r.created_at > '-infinity' AND ", newer_than!("1", "2")),
    " ORDER BY r.created_at, r.id LIMIT $3"
);

/// For anybody else, who sees a run because it is theirs or somebody is asked there, themselves or in the place of another: each is found by
/// an index of its own, so the gates of all others cost nothing.
const WAITING: &str = concat!(
    "SELECT * FROM ((",
    summaries!(
        concat!("r.n_waiting > 0 AND r.user_id = $1 AND ", newer_than!("2", "3")),
        " ORDER BY r.created_at, r.id LIMIT $4"
    ),
    ") UNION ALL (",
    summaries!(
        concat!(
            "r.n_waiting > 0 AND r.user_id <> $1 AND r.id IN (SELECT v.run_id FROM reviews v WHERE ",
            is_asked!("1", "5", "6"),
            " UNION ALL SELECT v.run_id FROM ",
            gates_of_owners!("1"),
            ") AND ",
            newer_than!("2", "3")
        ),
        " ORDER BY r.created_at, r.id LIMIT $4"
    ),
    ")) r ORDER BY r.created_at, r.id LIMIT $4"
);

/// Nothing but the ids of the runs of others in which the viewer is asked, themselves or in the place of another; by an index for each.
const ASKING: &str = concat!(
    "SELECT DISTINCT v.run_id FROM (
        SELECT v.run_id FROM reviews v WHERE v.user_id <> $1 AND ",
    is_asked!("1", "2", "3"),
    " UNION ALL SELECT v.run_id FROM ",
    gates_of_owners!("1"),
    ") v CROSS JOIN LATERAL (SELECT r.is_test FROM workflow_runs r WHERE r.id = v.run_id LIMIT 1) r WHERE NOT r.is_test LIMIT $4"
);

/// Of others, in workflows all of whose runs a group of the viewer sees. Each workflow gives its newest by the index over its runs, before
/// anything is joined to them: a plan that takes a workflow to have few would else read and sort them all.
const SHARED: &str = concat!(
    columns!(),
    "FROM (
        SELECT DISTINCT a.template_id FROM workflow_audience a JOIN group_members m ON m.group_id = a.group_id
        WHERE m.user_id = $1 AND a.may_see
    ) a CROSS JOIN LATERAL (
        SELECT r.* FROM workflow_runs r
        WHERE NOT r.is_test AND r.template_id = a.template_id AND r.parent_run IS NULL AND r.template_version > 0
            AND r.user_id <> $1 AND ",
    is_listed!(),
    older_than!("2", "3"),
    " ORDER BY r.created_at DESC, r.id DESC LIMIT $4
    ) r JOIN users u ON u.id = r.user_id
    ORDER BY r.created_at DESC, r.id DESC LIMIT $4"
);

/// Name and text of each, and what goes in it, for the test that looks at their plans. Must never be run from here.
pub const LIST_STATEMENTS: [(&str, &str, &str); 5] = [
    ("mine", MINE, "user, time, id, limit"),
    ("shared", SHARED, "user, time, id, limit"),
    ("waiting for an admin", WAITING_FOR_ADMIN, "time, id, limit"),
    ("waiting", WAITING, "user, time, id, limit, role, email"),
    ("asking", ASKING, "user, role, email, limit"),
];

fn place(run: &RunSummary) -> String {
    page::at(run.created_at, run.id.0)
}

impl Store {
    /// A page of runs, newest first; a cursor that cannot be read begins at the first page.
    pub async fn run_summaries(
        &self,
        viewer: &Actor,
        after: Option<&str>,
        limit: i64,
        scope: Scope,
    ) -> Result<RunPage> {
        let (before, id) = after.and_then(page::read_at).unzip();
        let window = Window { after, limit };
        let sql = match scope {
            Scope::Mine => MINE,
            Scope::Shared => SHARED,
        };
        let query = sqlx::query_as(sql).bind(viewer.id.0).bind(before).bind(id).bind(window.to_read());
        let rows: Vec<SummaryRow> = query.fetch_all(&self.pool).await?;
        let runs = rows.into_iter().map(TryInto::try_into).collect::<Result<_>>()?;
        let Page { items, next } = window.page(runs, place);
        Ok(RunPage { runs: items, next })
    }

    /// Runs in which a step waits for a review and which the viewer may see, oldest first: the owner's, those of gates that ask the
    /// viewer, and every one for an admin.
    pub async fn waiting_runs(&self, viewer: &Actor, window: Window<'_>) -> Result<Page<RunSummary>> {
        let (since, id) = window.after.and_then(page::read_at).unzip();
        let is_admin = viewer.is_admin();
        let mut query = sqlx::query_as(if is_admin { WAITING_FOR_ADMIN } else { WAITING });
        if !is_admin {
            query = query.bind(viewer.id.0);
        }
        query = query.bind(since).bind(id).bind(window.to_read());
        if !is_admin {
            query = query.bind(viewer.role.as_str()).bind(&viewer.email);
        }
        let rows: Vec<SummaryRow> = query.fetch_all(&self.pool).await?;
        Ok(window.page(rows.into_iter().map(TryInto::try_into).collect::<Result<_>>()?, place))
    }

    /// Runs of others that have an open gate at which somebody is asked, as far as `most`. No try is among them.
    pub async fn runs_asking(&self, viewer: &Actor, most: i64) -> Result<Vec<RunId>> {
        let asking: Vec<Uuid> = sqlx::query_scalar(ASKING)
            .bind(viewer.id.0)
            .bind(viewer.role.as_str())
            .bind(&viewer.email)
            .bind(most)
            .fetch_all(&self.pool)
            .await?;
        Ok(asking.into_iter().map(RunId).collect())
    }

    /// Those of the named runs that concern the viewer. One that is missing here has left their lists.
    pub async fn run_summaries_of(&self, runs: &[RunId], viewer: &Actor) -> Result<Vec<RunSummary>> {
        let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        let sql = summaries!(
            concat!("r.id = ANY($4) AND ", concerns!("1", "2", "3")),
            " ORDER BY r.created_at DESC, r.id DESC"
        );
        let rows: Vec<SummaryRow> = sqlx::query_as(sql)
            .bind(viewer.id.0)
            .bind(viewer.role.as_str())
            .bind(&viewer.email)
            .bind(ids)
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Whose these runs are, and whether a gate of theirs asks somebody just now: all others but admins they do not concern. Deleted ones are
    /// missing.
    pub async fn owners_of(&self, runs: &[RunId]) -> Result<BTreeMap<RunId, (UserId, bool)>> {
        let ids: Vec<Uuid> = runs.iter().map(|run| run.0).collect();
        let sql = "SELECT r.id, r.user_id, EXISTS (SELECT FROM reviews v WHERE v.run_id = r.id) FROM workflow_runs r
            WHERE r.id = ANY($1)";
        let rows: Vec<(Uuid, Uuid, bool)> = sqlx::query_as(sql).bind(ids).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(run, owner, asks)| (RunId(run), (UserId(owner), asks))).collect())
    }

    /// The run that somebody started under a key; what was asked under it stands in the run's first event.
    pub async fn started_under(&self, user: UserId, key: &str) -> Result<Option<RunId>> {
        let run = sqlx::query_scalar!(
            "SELECT id FROM workflow_runs WHERE user_id = $1 AND idempotency_key = $2",
            user.0,
            key,
        );
        Ok(run.fetch_optional(&self.pool).await?.map(RunId))
    }
}
