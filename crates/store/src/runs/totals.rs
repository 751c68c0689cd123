//! The totals of days as charts ask for them: added up from what the chore wrote, so no run and no attempt is looked at.
//! Must never count for somebody what is not theirs to see: of others only what a group of the viewer sees, and everybody's for admins alone.

use std::{cmp::Reverse, collections::BTreeMap};

use chrono::NaiveDate;
use sqlx::{
    FromRow, Postgres, Transaction,
    postgres::{PgArguments, PgRow},
    query::QueryAs,
};
use uuid::Uuid;
use workflow::{
    TemplateId, UserId,
    access::Actor,
    api::{DayTotals, RunScope, RunTotals, TotalsQuery, UsedBy, WorkflowChoice},
    totals::{Buckets, percentiles},
};

use crate::{Result, Store};

/// Of each sort, those that used most; the rest is told together.
const MOST_NAMED: usize = 12;
/// Workflows that one may choose among.
const MOST_CHOICES: i64 = 200;

/// The one whose rows are those of everybody together.
macro_rules! everybody {
    () => {
        "'00000000-0000-0000-0000-000000000000'::uuid"
    };
}

/// `d` are rows of days: mine, those of others whose workflow a group of mine sees, or everybody's, which are added up already.
macro_rules! scoped {
    ("mine", $sql:expr, $rest:expr) => {
        concat!($sql, " d.user_id = $1::uuid AND ", $rest)
    };
    ("shared", $sql:expr, $rest:expr) => {
        concat!(
            $sql,
            " d.user_id <> $1::uuid AND d.user_id <> ",
            everybody!(),
            " AND d.template_id IN (
                SELECT a.template_id FROM workflow_audience a JOIN group_members m ON m.group_id = a.group_id
                WHERE m.user_id = $1 AND a.may_see) AND ",
            $rest
        )
    };
    ("all", $sql:expr, $rest:expr) => {
        concat!($sql, " $1::uuid IS NOT NULL AND d.user_id = coalesce($4::uuid, ", everybody!(), ") AND ", $rest)
    };
}

/// What the workflow of this id is called by everybody: by the name of its newest version. A draft may have another one, which is for
/// those alone who edit it.
macro_rules! published_name {
    ($id:literal) => {
        concat!(
            "(SELECT v.name FROM workflow_template_versions v WHERE v.template_id = ",
            $id,
            " ORDER BY v.version DESC LIMIT 1)"
        )
    };
}

/// What is asked for, but for the workflow and with it.
macro_rules! asked {
    () => {
        "d.day BETWEEN $2::date AND $3::date AND ($4::uuid IS NULL OR d.user_id = $4)"
    };
    ("workflow") => {
        concat!(asked!(), " AND ($5::uuid IS NULL OR d.template_id = $5)")
    };
}

/// The statements of one scope. What a run started as a sub-workflow is of that run: whoever sees a workflow by a group is not told of it.
macro_rules! statements {
    ($scope:tt, $parts:literal) => {
        Statements {
            days: scoped!(
                $scope,
                "SELECT d.day, sum(d.n_runs)::bigint, sum(d.n_completed)::bigint, sum(d.n_failed)::bigint,
                    sum(d.n_cancelled)::bigint FROM run_days d WHERE",
                concat!(asked!("workflow"), " GROUP BY 1")
            ),
            times: scoped!(
                $scope,
                "SELECT d.day, d.is_waiting, d.bucket, sum(d.n)::bigint FROM run_day_times d WHERE",
                concat!(asked!("workflow"), " GROUP BY 1, 2, 3")
            ),
            // In one pass: by day (0), workflow (1), agent (2) and model (3).
            usages: scoped!(
                $scope,
                concat!(
                    "SELECT u.sort, u.day, u.id, coalesce(CASE u.sort WHEN 1 THEN ",
                    published_name!("u.id::uuid"),
                    " END, u.id) AS name, u.n_attempts, u.tokens, u.cost_micros
                FROM (
                    SELECT CASE WHEN grouping(d.day) = 0 THEN 0 WHEN grouping(d.template_id) = 0 THEN 1
                            WHEN grouping(d.agent_id) = 0 THEN 2 ELSE 3 END AS sort,
                        d.day, coalesce(d.template_id::text, d.agent_id, d.model, '') AS id, sum(d.n_attempts)::bigint AS n_attempts,
                        sum(d.tokens)::bigint AS tokens, sum(d.cost_micros)::bigint AS cost_micros
                    FROM run_day_usages d WHERE"
                ),
                concat!(
                    asked!("workflow"),
                    $parts,
                    " GROUP BY GROUPING SETS ((d.day), (d.template_id), (d.agent_id), (d.model))) u"
                )
            ),
            choices: scoped!(
                $scope,
                concat!(
                    "SELECT d.template_id, coalesce(",
                    published_name!("d.template_id"),
                    ", ''), sum(d.n_runs)::bigint FROM run_days d WHERE"
                ),
                concat!(asked!(), " GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT $5")
            ),
            first: scoped!(
                $scope,
                "SELECT min(d.day) FROM run_days d WHERE",
                "($2::date IS NOT NULL AND $3::date IS NOT NULL AND ($4::uuid IS NULL OR d.user_id = $4)
                    AND ($5::uuid IS NULL OR d.template_id = $5))"
            ),
        }
    };
}

/// Everybody, by person: those who used most.
const BY_PERSON: &str = concat!(
    "SELECT u.id::text, coalesce(t.email, u.id::text), u.n_attempts, u.tokens, u.cost_micros FROM (
        SELECT d.user_id AS id, sum(d.n_attempts)::bigint AS n_attempts, sum(d.tokens)::bigint AS tokens,
            sum(d.cost_micros)::bigint AS cost_micros
        FROM run_day_usages d WHERE $1::uuid IS NOT NULL AND d.user_id <> ",
    everybody!(),
    " AND ",
    asked!("workflow"),
    " GROUP BY 1 ORDER BY cost_micros DESC, tokens DESC, n_attempts DESC, id LIMIT $6
    ) u LEFT JOIN users t ON t.id = u.id
    ORDER BY u.cost_micros DESC, u.tokens DESC, u.n_attempts DESC, u.id"
);

struct Statements {
    days: &'static str,
    times: &'static str,
    usages: &'static str,
    choices: &'static str,
    first: &'static str,
}

const MINE: Statements = statements!("mine", "");
const SHARED: Statements = statements!("shared", " AND NOT d.is_part");
const ALL: Statements = statements!("all", "");

/// Name and text of each that a chart asks, and how many values go in, for the test that looks at their plans: who looks, the first and the
/// last day, a person, a workflow, and how many. Must never be run from here.
pub const STATEMENTS: [(&str, &str, usize); 11] = [
    ("my days", MINE.days, 5),
    ("my times", MINE.times, 5),
    ("my usages", MINE.usages, 5),
    ("my first day", MINE.first, 5),
    ("all days", ALL.days, 5),
    ("all times", ALL.times, 5),
    ("all usages", ALL.usages, 5),
    ("all, the first day", ALL.first, 5),
    ("of my groups, days", SHARED.days, 5),
    ("of my groups, usages", SHARED.usages, 5),
    ("everybody by person", BY_PERSON, 6),
];

/// What every statement is told.
struct Asked {
    viewer: Uuid,
    from: NaiveDate,
    to: NaiveDate,
    person: Option<Uuid>,
    workflow: Option<Uuid>,
}

/// What was used by one day, workflow, agent or model, as `sort` says.
#[derive(sqlx::FromRow)]
struct UsageRow {
    sort: i32,
    day: Option<NaiveDate>,
    id: String,
    name: String,
    n_attempts: i64,
    tokens: i64,
    cost_micros: i64,
}

/// All that used anything, by each sort.
#[derive(Default)]
struct AllUsed {
    workflows: Vec<UsedBy>,
    agents: Vec<UsedBy>,
    models: Vec<UsedBy>,
}

type Tx = Transaction<'static, Postgres>;
type Days = BTreeMap<NaiveDate, DayTotals>;
/// Attempts, tokens and cost.
type Used = (i64, i64, i64);

fn add(sum: Used, one: &UsedBy) -> Used {
    (sum.0 + one.n_attempts, sum.1 + one.tokens, sum.2 + one.cost_micros)
}

/// What used most first, and the rest of `total` under no name.
fn named(mut all: Vec<UsedBy>, total: Used) -> Vec<UsedBy> {
    all.sort_by(|a, b| {
        let key = |one: &UsedBy| (Reverse(one.cost_micros), Reverse(one.tokens), Reverse(one.n_attempts));
        key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
    });
    all.truncate(MOST_NAMED);
    let (n_attempts, tokens, cost_micros) =
        all.iter().fold(total, |left, one| (left.0 - one.n_attempts, left.1 - one.tokens, left.2 - one.cost_micros));
    // People are told of everybody's alone.
    if n_attempts > 0 && !all.is_empty() {
        all.push(UsedBy { id: None, name: String::new(), n_attempts, tokens, cost_micros });
    }
    all
}

/// Agents under the names that they have now.
async fn called(tx: &mut Tx, mut agents: Vec<UsedBy>) -> Result<Vec<UsedBy>> {
    let ids: Vec<String> = agents.iter().filter_map(|agent| agent.id.clone()).collect();
    let names: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT a.id, v.spec ->> 'name' FROM agents a
        JOIN agent_versions v ON v.agent_id = a.id AND v.version = a.latest_version WHERE a.id = ANY($1)",
    )
    .bind(&ids)
    .fetch_all(&mut **tx)
    .await?;
    let names: BTreeMap<String, String> = names.into_iter().filter_map(|(id, name)| Some((id, name?))).collect();
    for agent in &mut agents {
        if let Some(name) = agent.id.as_ref().and_then(|id| names.get(id)) {
            agent.name.clone_from(name);
        }
    }
    Ok(agents)
}

impl Store {
    /// The totals that are asked for, until today; `person` is whom the query names. Everybody's are an admin's alone: others are shown theirs.
    pub async fn run_totals(&self, viewer: &Actor, query: &TotalsQuery, person: Option<UserId>) -> Result<RunTotals> {
        let (scope, is_all) = match query.scope() {
            RunScope::All if viewer.is_admin() => (ALL, true),
            RunScope::Shared => (SHARED, false),
            // Runs that are shared one by one have no totals.
            RunScope::All | RunScope::Mine | RunScope::WithMe => (MINE, false),
        };
        let mut tx = self.begin_list().await?;
        let n_before = i32::try_from(query.n_days().saturating_sub(1)).unwrap_or(i32::MAX);
        let (from, to): (NaiveDate, NaiveDate) = sqlx::query_as(
            "SELECT t.today - least($1::int, 10000), t.today FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS today) t",
        )
        .bind(n_before)
        .fetch_one(&mut *tx)
        .await?;
        let asked = Asked {
            viewer: viewer.id.0,
            from,
            to,
            person: person.map(|id| id.0),
            workflow: query.workflow.map(|id| id.0),
        };
        let days = asked.days(&mut tx, &scope).await?;
        let (days, took, waited) = asked.times(&mut tx, &scope, days).await?;
        let (days, used) = asked.usages(&mut tx, &scope, days).await?;
        let total = used.workflows.iter().fold((0, 0, 0), add);
        let people = if is_all { asked.people(&mut tx).await? } else { Vec::new() };
        let agents = called(&mut tx, named(used.agents, total)).await?;
        let choices = asked.choices(&mut tx, &scope).await?;
        let (first,): (Option<NaiveDate>,) = asked.query(scope.first).bind(asked.workflow).fetch_one(&mut *tx).await?;
        tx.commit().await?;
        let days = days.into_values().collect();
        Ok(RunTotals {
            from,
            to,
            first,
            days,
            took: percentiles(&took),
            waited: percentiles(&waited),
            workflows: named(used.workflows, total),
            agents,
            models: named(used.models, total),
            people: named(people, total),
            choices,
        })
    }
}

impl Asked {
    /// A statement with what all of them are told; its fifth value is yet to come.
    fn query<O>(&self, statement: &'static str) -> QueryAs<'static, Postgres, O, PgArguments>
    where
        O: for<'r> FromRow<'r, PgRow>,
    {
        sqlx::query_as(statement).bind(self.viewer).bind(self.from).bind(self.to).bind(self.person)
    }

    /// Each day, also those without a run.
    async fn days(&self, tx: &mut Tx, scope: &Statements) -> Result<Days> {
        let every = self.from.iter_days().take_while(|day| *day <= self.to);
        let mut days: Days = every.map(|day| (day, DayTotals::empty(day))).collect();
        let rows: Vec<(NaiveDate, i64, i64, i64, i64)> =
            self.query(scope.days).bind(self.workflow).fetch_all(&mut **tx).await?;
        for (day, n_runs, n_completed, n_failed, n_cancelled) in rows {
            if let Some(known) = days.get_mut(&day) {
                *known = DayTotals { n_runs, n_completed, n_failed, n_cancelled, ..DayTotals::empty(day) };
            }
        }
        Ok(days)
    }

    /// The same with how long its runs took and waited, and that over all days.
    async fn times(&self, tx: &mut Tx, scope: &Statements, mut days: Days) -> Result<(Days, Buckets, Buckets)> {
        let rows: Vec<(NaiveDate, bool, i16, i64)> =
            self.query(scope.times).bind(self.workflow).fetch_all(&mut **tx).await?;
        let (mut took, mut waited) = (Buckets::new(), Buckets::new());
        let mut of_days: BTreeMap<(NaiveDate, bool), Buckets> = BTreeMap::new();
        for (day, is_waiting, bucket, n) in rows {
            let all = if is_waiting { &mut waited } else { &mut took };
            *all.entry(bucket).or_default() += n;
            *of_days.entry((day, is_waiting)).or_default().entry(bucket).or_default() += n;
        }
        for ((day, is_waiting), buckets) in of_days {
            if let Some(known) = days.get_mut(&day) {
                let place = if is_waiting { &mut known.waited } else { &mut known.took };
                *place = percentiles(&buckets);
            }
        }
        Ok((days, took, waited))
    }

    /// The same with what attempts used, and that by what used it.
    async fn usages(&self, tx: &mut Tx, scope: &Statements, mut days: Days) -> Result<(Days, AllUsed)> {
        let rows: Vec<UsageRow> = self.query(scope.usages).bind(self.workflow).fetch_all(&mut **tx).await?;
        let mut used = AllUsed::default();
        for UsageRow { sort, day, id, name, n_attempts, tokens, cost_micros } in rows {
            let one = UsedBy { id: Some(id), name, n_attempts, tokens, cost_micros };
            match sort {
                0 => {
                    if let Some(known) = day.and_then(|day| days.get_mut(&day)) {
                        known.tokens = tokens;
                        known.cost_micros = cost_micros;
                    }
                }
                1 => used.workflows.push(one),
                2 => used.agents.push(one),
                _ => used.models.push(one),
            }
        }
        Ok((days, used))
    }

    async fn people(&self, tx: &mut Tx) -> Result<Vec<UsedBy>> {
        let rows: Vec<(String, String, i64, i64, i64)> = self
            .query(BY_PERSON)
            .bind(self.workflow)
            .bind(i64::try_from(MOST_NAMED).unwrap_or(i64::MAX))
            .fetch_all(&mut **tx)
            .await?;
        let person = |(id, name, n_attempts, tokens, cost_micros)| UsedBy {
            id: Some(id),
            name,
            n_attempts,
            tokens,
            cost_micros,
        };
        Ok(rows.into_iter().map(person).collect())
    }

    async fn choices(&self, tx: &mut Tx, scope: &Statements) -> Result<Vec<WorkflowChoice>> {
        let rows: Vec<(Uuid, String, i64)> = self.query(scope.choices).bind(MOST_CHOICES).fetch_all(&mut **tx).await?;
        Ok(rows.into_iter().map(|(id, name, n_runs)| WorkflowChoice { id: TemplateId(id), name, n_runs }).collect())
    }
}
