//! The list of runs that is searched, narrowed and sorted, by keyset. It is planned anew for what is asked of it: what nobody asks for
//! leaves no condition, and each order that has an index is read along it.
//! Must never show a run to whom it is not: of others only what a group of the viewer sees and what is shared with them, and everybody's to
//! admins alone.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use workflow::{
    UserId,
    access::Actor,
    api::{ListedRun, Page, RunLabels, RunQuery, RunScope, RunSort, RunState, RunSummary},
    id::GroupId,
};

use super::{
    SummaryRow,
    search::{Search, said, told},
};
use crate::{Result, Store, Window, page};

#[derive(sqlx::FromRow)]
struct ListedRow {
    #[sqlx(flatten)]
    run: SummaryRow,
    title: Option<String>,
    tags: Option<Vec<String>>,
    tokens: Option<i64>,
    cost_micros: Option<i64>,
    rested_ms: i64,
    /// Of a list by how long they took: that in microseconds, and until when that is counted. By what they cost: that, and when it began.
    took: Option<i64>,
    as_of: Option<DateTime<Utc>>,
}

/// A run, and where a page that begins after it begins.
struct Placed {
    run: ListedRun,
    place: String,
}

impl TryFrom<ListedRow> for Placed {
    type Error = crate::Error;

    fn try_from(row: ListedRow) -> Result<Self> {
        let ListedRow { run, title, tags, tokens, cost_micros, rested_ms, took, as_of } = row;
        let run = RunSummary::try_from(run)?;
        let place = match took.zip(as_of) {
            Some((took, as_of)) => format!("{took}_{}", page::at(as_of, run.id.0)),
            None => page::at(run.created_at, run.id.0),
        };
        let labels = RunLabels { title, tags: tags.unwrap_or_default() };
        Ok(Self { run: ListedRun { run, labels, tokens, cost_micros, rested_ms }, place })
    }
}

/// So many microseconds are no interval any more.
const MOST_TOOK: u64 = 1 << 62;

/// Where a page begins.
#[derive(Clone, Copy, Default)]
struct Place {
    took: Option<i64>,
    /// When the run before it began; of a list by how long they took, until when that is counted.
    at: Option<DateTime<Utc>>,
    id: Option<Uuid>,
}

impl Place {
    /// One that cannot be read begins at the first page.
    fn read(after: Option<&str>, sort: RunSort) -> Self {
        let Some(after) = after else { return Self::default() };
        let (took, rest) = match sort {
            RunSort::Longest | RunSort::Dearest => {
                let Some((took, rest)) = after.split_once('_') else { return Self::default() };
                let took = took.parse().ok().filter(|took: &i64| took.unsigned_abs() < MOST_TOOK);
                let Some(took) = took else { return Self::default() };
                (Some(took), rest)
            }
            RunSort::Newest | RunSort::Oldest => (None, after),
        };
        page::read_at(rest).map(|(at, id)| Self { took, at: Some(at), id: Some(id) }).unwrap_or_default()
    }
}

/// Until when it is counted how long runs took: the same for every page of a list.
macro_rules! as_of {
    () => {
        "coalesce($11::timestamptz, now())"
    };
}

/// Without what it rested: was over, before somebody ran a step of it again.
macro_rules! spent {
    () => {
        // LEAST leaves out what is null.
        concat!(
            "(least(r.finished_at, ",
            as_of!(),
            ") - r.created_at - coalesce(d.rested_ms, 0) * interval '1 millisecond')"
        )
    };
}

/// Runs in `scope` that are asked for: `measured` is what they are sorted by beside their own columns, and `took` that as a number; `begins`
/// is where the page begins; `order` is that of what is narrowed, and `shown` the same of what stands on the page. Only an id goes through
/// what may be a sort of all there are.
///
/// Where few runs are found (`search.rs`), these alone are looked at. Else words are looked for among those that the chore has read; it may
/// not have come to the newest, nor knows it of labels: these are read here. What the database cannot know of a table that is
/// nearly empty stands in words that it takes to hold for half: else it takes a list of all for one of few, and looks each up by itself.
/// Whether a run is new or labelled must never be null, of which the database does not know that the rest need not be looked at.
macro_rules! listing {
    ($scope:expr, $measured:expr, $took:literal, $begins:expr, $order:literal, $shown:literal) => {
        concat!(
            "SELECT r.id, r.template_id, r.template_name, r.template_version, r.status, r.status_reason, r.auto_run, r.user_id, u.email,
                r.n_steps - r.n_items AS n_steps, r.n_completed, r.n_skipped, r.n_failed, r.n_cancelled, r.n_waiting, r.about,
                r.created_at, r.finished_at, l.title, l.tags, p.as_of,
                nullif(coalesce(used.tokens, d.tokens), 0) AS tokens, nullif(coalesce(used.cost_micros, d.cost_micros), 0) AS cost_micros,
                coalesce(d.rested_ms, 0) AS rested_ms, ",
            $took,
            " AS took
            FROM (
                SELECT r.id, ",
            $measured,
            " FROM workflow_runs r
                LEFT JOIN run_labels l ON l.run_id = r.id
                LEFT JOIN run_texts d ON d.run_id = r.id
                WHERE NOT r.is_test AND r.parent_run IS NULL AND ",
            $scope,
            "
                    AND (cardinality($2::text[]) = 0 OR r.id = ANY($18::uuid[]) OR $18 IS NULL AND (
                        r.id IN (SELECT t.run_id FROM run_texts t WHERE t.words @@ ($13::text)::tsquery)
                        OR (r.committed_at > now() - interval '1 hour' OR l.title IS NOT NULL OR coalesce(cardinality(l.tags), 0) > 0) AND ",
            told!("$2", "$17"),
            "))
                    AND ($3::text IS NULL OR CASE
                        WHEN r.status = 'paused' AND r.status_reason = 'review' THEN 'awaiting_review'
                        ELSE r.status END = $3)
                    AND ($4::uuid IS NULL OR r.template_id = $4 AND r.template_version > 0)
                    AND ($5::uuid IS NULL OR r.user_id = $5)
                    AND ($6::text IS NULL OR r.template_id IN (
                        SELECT a.template_id FROM workflow_audience a WHERE a.group_id = $6))
                    AND ($7::text IS NULL OR l.tags @> ARRAY[$7])
                    AND CASE WHEN $14::boolean
                        THEN l.archived_at IS NOT NULL AND r.finished_at IS NOT NULL AND l.delete_at IS NULL
                        ELSE NOT coalesce(l.archived_at IS NOT NULL AND r.finished_at IS NOT NULL OR l.delete_at IS NOT NULL, false) END
                    AND ($15::bigint IS NULL OR coalesce(d.cost_micros, 0) >= $15)
                    AND (NOT $16::boolean OR d.is_stale)
                    AND ($8::timestamptz IS NULL OR r.created_at >= $8)
                    AND ($9::timestamptz IS NULL OR r.created_at < $9)
                    AND ",
            $begins,
            " ORDER BY ",
            $order,
            " LIMIT $10
            ) p
            JOIN workflow_runs r ON r.id = p.id
            JOIN users u ON u.id = r.user_id
            LEFT JOIN run_labels l ON l.run_id = r.id
            LEFT JOIN run_texts d ON d.run_id = r.id
            ",
            used_now!(),
            " ORDER BY ",
            $shown
        )
    };
}

/// What attempts used is what the chore added up; of a run that was committed since, and is small, it is added up here.
macro_rules! used_now {
    () => {
        "LEFT JOIN LATERAL (
                SELECT sum(coalesce(a.prompt_tokens, 0) + coalesce(a.completion_tokens, 0))::bigint AS tokens,
                    sum(a.cost_micros)::bigint AS cost_micros
                FROM attempts a
                WHERE a.run_id = r.id AND r.n_steps <= 200 AND (d.as_of IS NULL OR d.as_of < r.committed_at)
            ) used ON true"
    };
}

macro_rules! newest {
    ($scope:expr) => {
        listing!(
            $scope,
            "NULL::timestamptz AS as_of",
            "NULL::bigint",
            "(r.created_at, r.id) < (coalesce($11::timestamptz, 'infinity'),
                coalesce($12::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))",
            "r.created_at DESC, r.id DESC",
            "r.created_at DESC, r.id DESC"
        )
    };
}

macro_rules! oldest {
    ($scope:expr) => {
        listing!(
            $scope,
            "NULL::timestamptz AS as_of",
            "NULL::bigint",
            "(r.created_at, r.id) > (coalesce($11::timestamptz, '-infinity'),
                coalesce($12::uuid, '00000000-0000-0000-0000-000000000000'))",
            "r.created_at, r.id",
            "r.created_at, r.id"
        )
    };
}

/// What began after the first page was read is on none of them.
macro_rules! longest {
    ($scope:expr) => {
        listing!(
            $scope,
            concat!(spent!(), " AS measure, ", as_of!(), " AS as_of"),
            "(extract(epoch FROM p.measure) * 1000000)::bigint",
            concat!(
                "r.created_at <= ",
                as_of!(),
                " AND ($19::bigint IS NULL OR (",
                spent!(),
                ", r.id) < ($19::bigint * interval '1 microsecond', $12::uuid))"
            ),
            "measure DESC, r.id DESC",
            "p.measure DESC, r.id DESC"
        )
    };
}

/// By what it cost when the chore read it last.
macro_rules! dearest {
    ($scope:expr) => {
        listing!(
            $scope,
            "coalesce(d.cost_micros, 0) AS measure, r.created_at AS as_of",
            "p.measure",
            "($19::bigint IS NULL OR (coalesce(d.cost_micros, 0), r.created_at, r.id) < ($19::bigint, $11::timestamptz, $12::uuid))",
            "measure DESC, r.created_at DESC, r.id DESC",
            "p.measure DESC, r.created_at DESC, r.id DESC"
        )
    };
}

macro_rules! mine {
    () => {
        "r.user_id = $1::uuid"
    };
}

macro_rules! shared {
    () => {
        "r.created_at > '-infinity' AND r.template_version > 0 AND r.user_id <> $1::uuid AND r.template_id IN (
            SELECT a.template_id FROM workflow_audience a JOIN group_members m ON m.group_id = a.group_id
            WHERE m.user_id = $1 AND a.may_see)"
    };
}

/// What is shared with the viewer, or with a group of theirs. Each run is found by its id, so those of all others cost nothing.
macro_rules! shared_with_me {
    () => {
        "r.user_id <> $1::uuid AND r.id = ANY(ARRAY(
            SELECT s.run_id FROM run_shares s WHERE s.user_id = $1
            UNION
            SELECT s.run_id FROM group_members m JOIN run_shares s ON s.group_id = m.group_id WHERE m.user_id = $1))"
    };
}

/// The first condition always holds: it is in the words of the index over everybody's runs.
macro_rules! everybodys {
    () => {
        "r.created_at > '-infinity' AND $1::uuid IS NOT NULL"
    };
}

/// Name and text of each that must not cost what others have, and what goes in it, for the test that looks at their plans. Must never be
/// run from here.
pub const STATEMENTS: [(&str, &str, &str); 5] = [
    ("my newest runs", newest!(mine!()), TAKES),
    ("my oldest runs", oldest!(mine!()), TAKES),
    ("what is shared with me", newest!(shared_with_me!()), TAKES),
    ("the newest runs of all", newest!(everybodys!()), TAKES),
    ("the oldest runs of all", oldest!(everybodys!()), TAKES),
];
const TAKES: &str =
    "user, words, none, none, none, none, none, none, none, limit, time, id, none, no, none, no, words, none";

/// The same of those that look at all that is asked for, to find what goes first: nothing of it may be looked up by itself.
pub const SORTS: [(&str, &str); 4] = [
    ("my runs by time", longest!(mine!())),
    ("my runs by cost", dearest!(mine!())),
    ("all runs by time", longest!(everybodys!())),
    ("all runs by cost", dearest!(everybodys!())),
];

fn statement(scope: RunScope, sort: RunSort) -> &'static str {
    match (scope, sort) {
        (RunScope::Mine, RunSort::Newest) => newest!(mine!()),
        (RunScope::Mine, RunSort::Oldest) => oldest!(mine!()),
        (RunScope::Mine, RunSort::Longest) => longest!(mine!()),
        (RunScope::Mine, RunSort::Dearest) => dearest!(mine!()),
        (RunScope::Shared, RunSort::Newest) => newest!(shared!()),
        (RunScope::Shared, RunSort::Oldest) => oldest!(shared!()),
        (RunScope::Shared, RunSort::Longest) => longest!(shared!()),
        (RunScope::Shared, RunSort::Dearest) => dearest!(shared!()),
        (RunScope::WithMe, RunSort::Newest) => newest!(shared_with_me!()),
        (RunScope::WithMe, RunSort::Oldest) => oldest!(shared_with_me!()),
        (RunScope::WithMe, RunSort::Longest) => longest!(shared_with_me!()),
        (RunScope::WithMe, RunSort::Dearest) => dearest!(shared_with_me!()),
        (RunScope::All, RunSort::Newest) => newest!(everybodys!()),
        (RunScope::All, RunSort::Oldest) => oldest!(everybodys!()),
        (RunScope::All, RunSort::Longest) => longest!(everybodys!()),
        (RunScope::All, RunSort::Dearest) => dearest!(everybodys!()),
    }
}

impl Store {
    /// A page of the runs that are asked for; `person` is whom the query names. Everybody's are an admin's alone: others are shown theirs.
    pub async fn listed_runs(
        &self,
        viewer: &Actor,
        query: &RunQuery,
        person: Option<UserId>,
        window: Window<'_>,
    ) -> Result<Page<ListedRun>> {
        let scope = match query.scope {
            RunScope::All if !viewer.is_admin() => RunScope::Mine,
            scope => scope,
        };
        let place = Place::read(window.after, query.sort);
        let search = Search::of(query.search.as_deref());
        let mut tx = self.begin_list().await?;
        let few = search.few(&mut tx).await?;
        let listed = sqlx::query_as(statement(scope, query.sort))
            .bind(viewer.id.0)
            .bind(search.patterns)
            .bind(query.status.map(RunState::as_str))
            .bind(query.workflow.map(|id| id.0))
            .bind(person.map(|id| id.0))
            .bind(query.group.as_ref().map(GroupId::as_str))
            .bind(query.tag.as_deref())
            .bind(query.from)
            .bind(query.to)
            .bind(window.to_read())
            .bind(place.at)
            .bind(place.id)
            .bind(search.all)
            .bind(query.archived)
            .bind(query.min_cost_micros)
            .bind(query.stale)
            .bind(search.each)
            .bind(few);
        let listed = match query.sort {
            RunSort::Longest | RunSort::Dearest => listed.bind(place.took),
            RunSort::Newest | RunSort::Oldest => listed,
        };
        let rows: Vec<ListedRow> = listed.fetch_all(&mut *tx).await?;
        tx.commit().await?;
        let placed = rows.into_iter().map(Placed::try_from).collect::<Result<Vec<_>>>()?;
        let Page { items, next } = window.page(placed, |placed: &Placed| placed.place.clone());
        Ok(Page { items: items.into_iter().map(|placed| placed.run).collect(), next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_of_another_order_is_none() {
        let (at, id) = (DateTime::from_timestamp_micros(1_700_000_000_000_000).unwrap(), Uuid::nil());
        let plain = page::at(at, id);
        let newest = Place::read(Some(&plain), RunSort::Newest);
        assert_eq!((newest.took, newest.at, newest.id), (None, Some(at), Some(id)));
        let longest = Place::read(Some(&format!("7_{plain}")), RunSort::Longest);
        assert_eq!((longest.took, longest.at, longest.id), (Some(7), Some(at), Some(id)));
        for (text, sort) in [(plain.as_str(), RunSort::Longest), ("x", RunSort::Newest), ("x_y", RunSort::Longest)] {
            assert!(Place::read(Some(text), sort).at.is_none(), "{text}");
        }
        for took in [i64::MAX, i64::MIN] {
            assert!(Place::read(Some(&format!("{took}_{plain}")), RunSort::Longest).at.is_none(), "{took}");
        }
    }
}
