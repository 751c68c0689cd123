//! Whether what a database holds is what must be true of it, looked at as a whole: each invariant with how often it is violated and where.
//! All of one moment: one transaction, which reads only. It asks the tables and the log alone, whatever any process knows.
//! Must never mend anything, and never judge what a newer program wrote.

mod contents;
mod history;
mod questions;
mod told;

use std::fmt;

use sqlx::{Connection, PgConnection};
use uuid::Uuid;
use workflow::{RunId, run::RunEvent};

use super::{
    load::{Read, read},
    verify::{Rendered, differences, stored},
};
use crate::{Result, Store};

use history::History;
pub use told::Acknowledged;

/// Places that are named of each invariant.
const MOST_EXAMPLES: usize = 5;
/// Runs whose logs are in memory at a time: one may have a hundred thousand events.
const RUNS_AT_ONCE: i64 = 20;

/// Something that has to hold, and how often it does not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invariant {
    /// By what it is known: short, and for good.
    pub name: &'static str,
    pub says: &'static str,
    pub n_violations: u64,
    /// Some of the places.
    pub examples: Vec<String>,
}

impl Invariant {
    fn new(name: &'static str, says: &'static str) -> Self {
        Self { name, says, n_violations: 0, examples: Vec::new() }
    }

    fn violated(&mut self, example: String) {
        self.n_violations += 1;
        if self.examples.len() < MOST_EXAMPLES {
            self.examples.push(example);
        }
    }
}

/// What a look found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checked {
    pub invariants: Vec<Invariant>,
    pub n_runs: u64,
    pub n_events: u64,
    /// Runs that only a newer program can read: of them nothing is known but their rows.
    pub n_too_new: u64,
}

impl Checked {
    pub fn n_violations(&self) -> u64 {
        self.invariants.iter().map(|invariant| invariant.n_violations).sum()
    }
}

/// A line for each invariant, with the places below those that are violated.
impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Invariant { name, says, n_violations, examples } in &self.invariants {
            writeln!(f, "{n_violations:>6}  {name:<22}  {says}")?;
            for example in examples {
                writeln!(f, "          {example}")?;
            }
        }
        write!(f, "Looked at {} runs with {} events", self.n_runs, self.n_events)?;
        match self.n_too_new {
            0 => Ok(()),
            n => write!(f, "; {n} of them were left out, since a newer Weft wrote them"),
        }
    }
}

/// What is found in the logs of runs, one run after the other.
struct OfRuns {
    whole: Invariant,
    rows: Invariant,
    aside: Invariant,
    history: History,
    n_runs: u64,
    n_events: u64,
    n_too_new: u64,
}

impl OfRuns {
    fn new() -> Self {
        Self {
            whole: Invariant::new("log-whole", "a log has its events from 1 to the head of its run without a gap"),
            rows: Invariant::new("rows-equal-log", "the rows of a run are those that its events alone give"),
            aside: Invariant::new("not-set-aside", "no run was set aside"),
            history: History::new(),
            n_runs: 0,
            n_events: 0,
            n_too_new: 0,
        }
    }

    fn look(&mut self, run: RunId, found: Read, rows: &Rendered) {
        self.n_runs += 1;
        match found {
            Read::Run { events, .. } => {
                self.n_events += u64::try_from(events.len()).unwrap_or(u64::MAX);
                let wrong = differences(&events, rows);
                for difference in &wrong {
                    self.rows.violated(format!("run {run}: {difference}"));
                }
                let events: Vec<&RunEvent> = events.iter().map(|logged| &*logged.event).collect();
                self.history.look(run, &events);
            }
            Read::Unknown { .. } => self.n_too_new += 1,
            Read::Quarantined { reason } => self.aside.violated(format!("run {run}: {reason}")),
            Read::Broken { reason } => self.whole.violated(format!("run {run}: {reason}")),
            // It was read from its beginning, so there is nothing that it could differ from.
            Read::Diverged => self.whole.violated(format!("run {run}: the log is empty")),
        }
    }
}

impl Store {
    /// Everything there is. `is_settled`: nothing is under way any more, so whatever still waits for somebody is a violation at once, and not
    /// only after minutes. `told`: what somebody was answered.
    pub async fn check(&self, is_settled: bool, told: &[Acknowledged]) -> Result<Checked> {
        let mut connection = self.pool.acquire().await?;
        let mut tx = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        // Whole tables are read, for as long as that takes.
        for setting in [
            "SET LOCAL statement_timeout = 0",
            "SET LOCAL idle_in_transaction_session_timeout = 0",
            "SET LOCAL jit = off",
        ] {
            sqlx::query(setting).execute(&mut *tx).await?;
        }
        let OfRuns { whole, rows, aside, history, n_runs, n_events, n_too_new } = of_runs(&mut tx).await?;
        let mut invariants = vec![whole, rows, aside];
        invariants.extend(history.invariants());
        invariants.extend(questions::ask(&mut tx, is_settled).await?);
        invariants.push(contents::of_blobs(&mut tx).await?);
        if !told.is_empty() {
            invariants.extend(told::look(&mut tx, told).await?);
        }
        tx.commit().await?;
        Ok(Checked { invariants, n_runs, n_events, n_too_new })
    }
}

/// All of them, in the order of their ids.
async fn of_runs(connection: &mut PgConnection) -> sqlx::Result<OfRuns> {
    let (mut all, mut after) = (OfRuns::new(), Uuid::nil());
    loop {
        let ids: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM workflow_runs WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after)
            .bind(RUNS_AT_ONCE)
            .fetch_all(&mut *connection)
            .await?;
        let Some(last) = ids.last() else { return Ok(all) };
        after = *last;
        let runs: Vec<RunId> = ids.into_iter().map(RunId).collect();
        let from: Vec<_> = runs.iter().map(|run| (*run, None)).collect();
        let found = read(connection, &from).await?;
        let mut rows = stored(connection, &runs).await?;
        for (run, found) in found {
            all.look(run, found, &rows.remove(&run).unwrap_or_default());
        }
    }
}
