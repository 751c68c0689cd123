//! What was decided: gates that were closed, newest first, of everybody or those that somebody decided or whose runs are theirs.
//! Must never say more of a run than its lists do to whoever may ask.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use workflow::{
    RunId, TemplateId,
    access::Actor,
    api::{HistoryItem, HistoryQuery, Page},
    id::StepKey,
    run::state::Verdict,
};

use super::{places::EndPlace, words::patterns};
use crate::{Result, Store, Window, called::called, decode::word};

/// Closed gates `e` from somewhere, with what stands with their runs; `x` is whatever is in the order of the list. Parameters: the viewer,
/// the limit, words, a workflow, a verdict, and where the page begins.
macro_rules! ends {
    ($from:literal, $where:literal, $x:literal) => {
        concat!(
            "SELECT e.run_id, e.step, e.generation, e.number, e.template_id, e.user_id, e.title, e.opened_at, e.closed_at, e.verdict,
                e.closed_by, e.acted_for, e.votes, e.feedback, r.template_name, r.about
            FROM ",
            $from,
            " CROSS JOIN LATERAL (SELECT r.template_name, r.about FROM workflow_runs r WHERE r.id = e.run_id LIMIT 1) r
            WHERE ",
            $where,
            " AND ($4::uuid IS NULL OR e.template_id = $4) AND ($5::text IS NULL OR e.verdict = $5)
                AND (cardinality($3::text[]) = 0 OR concat_ws(E'\\n', r.template_name, e.title, e.step, r.about, e.feedback,
                    (SELECT l.title FROM run_labels l WHERE l.run_id = e.run_id),
                    (SELECT u.email FROM users u WHERE u.id = e.user_id)) ILIKE ALL ($3))
                AND (",
            $x,
            ".closed_at, ",
            $x,
            ".run_id, ",
            $x,
            ".step, ",
            $x,
            ".generation, ",
            $x,
            ".number) < (coalesce($6::timestamptz, 'infinity'), coalesce($7::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
                    coalesce($8::text, ''), coalesce($9::int, 0), coalesce($10::int, 0))
            ORDER BY ",
            $x,
            ".closed_at DESC, ",
            $x,
            ".run_id DESC, ",
            $x,
            ".step DESC, ",
            $x,
            ".generation DESC, ",
            $x,
            ".number DESC LIMIT $2"
        )
    };
}

macro_rules! page {
    ($ends:expr) => {
        concat!(
            "SELECT e.run_id, e.step, e.title, e.template_id, e.template_name, ",
            called!("e.run_id", "e.about"),
            " AS about,
                coalesce((SELECT u.email FROM users u WHERE u.id = e.user_id), '') AS owner,
                e.generation, e.number, e.opened_at, e.closed_at, e.verdict,
                (SELECT u.email FROM users u WHERE u.id = e.closed_by) AS decided_by,
                (SELECT u.email FROM users u WHERE u.id = e.acted_for) AS decided_for,
                ARRAY(
                    SELECT u.email FROM unnest(e.votes) WITH ORDINALITY AS t (by, n) JOIN users u ON u.id = t.by ORDER BY t.n
                ) AS approved_by,
                e.feedback
            FROM (",
            $ends,
            ") e ORDER BY e.closed_at DESC, e.run_id DESC, e.step DESC, e.generation DESC, e.number DESC LIMIT $2"
        )
    };
}

/// Each of the two reasons by an index of its own; what is there for both is there once.
const OF_VIEWER: &str = page!(concat!(
    "(",
    ends!("review_ends e", "e.user_id = $1", "e"),
    ") UNION (",
    ends!(
        "review_deciders d CROSS JOIN LATERAL (
            SELECT e.* FROM review_ends e
            WHERE e.run_id = d.run_id AND e.step = d.step AND e.generation = d.generation AND e.number = d.number LIMIT 1
        ) e",
        "d.user_id = $1",
        "d"
    ),
    ")"
));

/// The second condition always holds: it is in the words of the index over everybody's.
const OF_ALL: &str = page!(ends!("review_ends e", "$1::uuid IS NOT NULL AND e.closed_at > '-infinity'", "e"));

pub(super) const MINE: (&str, &str, &str) =
    ("what I decided", OF_VIEWER, "user, limit, words, none, none, time, id, step, number, number");
pub(super) const ALL: (&str, &str, &str) =
    ("what was decided", OF_ALL, "user, limit, words, none, none, time, id, step, number, number");

#[derive(sqlx::FromRow)]
struct EndRow {
    run_id: Uuid,
    step: String,
    title: String,
    template_id: Uuid,
    template_name: String,
    about: Option<String>,
    owner: String,
    generation: i32,
    number: i32,
    opened_at: DateTime<Utc>,
    closed_at: DateTime<Utc>,
    verdict: String,
    decided_by: Option<String>,
    decided_for: Option<String>,
    approved_by: Vec<String>,
    feedback: Option<String>,
}

impl TryFrom<EndRow> for HistoryItem {
    type Error = crate::Error;

    fn try_from(row: EndRow) -> Result<Self> {
        Ok(Self {
            verdict: word(&row.verdict, "review_ends", "verdict", &row.run_id)?,
            run_id: RunId(row.run_id),
            step: StepKey::new(row.step),
            title: row.title,
            template_id: TemplateId(row.template_id),
            template_name: row.template_name,
            about: row.about,
            owner: row.owner,
            generation: row.generation,
            number: row.number,
            opened_at: row.opened_at,
            closed_at: row.closed_at,
            by: row.decided_by,
            acted_for: row.decided_for,
            votes: row.approved_by,
            text: row.feedback,
        })
    }
}

impl Store {
    /// A page of the gates that were closed: those that somebody decided or approved at, or another in their place, and those of their
    /// runs; of everybody where the query wants all, which is for admins and for nobody else.
    pub async fn inbox_history(
        &self,
        viewer: &Actor,
        query: &HistoryQuery,
        window: Window<'_>,
    ) -> Result<Page<HistoryItem>> {
        let place = window.after.and_then(EndPlace::read);
        let place = place.as_ref();
        let listed = sqlx::query_as(if query.all && viewer.is_admin() { OF_ALL } else { OF_VIEWER })
            .bind(viewer.id.0)
            .bind(window.to_read())
            .bind(patterns(query.search.as_deref()))
            .bind(query.workflow.map(|id| id.0))
            .bind(query.verdict.map(Verdict::as_str))
            .bind(place.and_then(EndPlace::closed_at))
            .bind(place.map(|place| place.run.0))
            .bind(place.map(|place| place.step.as_str()))
            .bind(place.map(|place| place.generation))
            .bind(place.map(|place| place.number));
        let mut tx = self.begin_list().await?;
        let rows: Vec<EndRow> = listed.fetch_all(&mut *tx).await?;
        tx.commit().await?;
        let items = rows.into_iter().map(TryInto::try_into).collect::<Result<_>>()?;
        Ok(window.page(items, |item: &HistoryItem| EndPlace::of(item).text()))
    }
}
