//! Whether what a database holds is what must be true of it, looked at as a whole: each invariant with how often it is violated and where.
//! All of one moment: one transaction, which reads only. It asks the tables and the log alone, whatever any process knows.
//! Must never mend anything, and never judge what a newer program wrote.

mod contents;
mod days;
mod history;
mod questions;
mod told;

use std::fmt;

use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{RunId, run::RunEvent, words::is_direction};

use super::{
    load::{Read, read},
    verify::{Difference, Rendered, differences, stored},
};
use crate::{Result, Store};

use history::History;
pub use told::Acknowledged;

/// Places that are named of each invariant.
const MOST_EXAMPLES: usize = 5;
/// Characters that are shown of a place.
const MOST_CHARACTERS: usize = 300;
/// Runs whose logs are in memory at a time, and events: one run may have a hundred thousand, and is then alone.
const RUNS_AT_ONCE: i64 = 20;
const EVENTS_AT_ONCE: i64 = 20_000;

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

    fn violated(&mut self, example: &str) {
        self.n_violations += 1;
        if self.examples.len() < MOST_EXAMPLES {
            self.examples.push(shown(example));
        }
    }
}

/// In one line of a terminal, whatever somebody has put into the database: a step or a key may be called anything there.
fn shown(example: &str) -> String {
    let plain = example.chars().map(|c: char| if c.is_control() || is_direction(c) { ' ' } else { c });
    plain.take(MOST_CHARACTERS).collect()
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
                // Where it differs, and not in what: rows hold the beginnings of inputs, and who is asked.
                for Difference { table, row, .. } in differences(&events, rows) {
                    self.rows.violated(&format!("run {run}: {table} {row}"));
                }
                let events: Vec<&RunEvent> = events.iter().map(|logged| &*logged.event).collect();
                self.history.look(run, &events);
            }
            Read::Unknown { .. } => self.n_too_new += 1,
            // The reason may tell a row, and stands on the run's page.
            Read::Quarantined { .. } => self.aside.violated(&format!("run {run}")),
            Read::Broken { reason } => self.whole.violated(&format!("run {run}: {reason}")),
            // It was read from its beginning, so there is nothing that it could differ from.
            Read::Diverged => self.whole.violated(&format!("run {run}: the log is empty")),
        }
    }
}

impl Store {
    /// Everything there is. `is_settled`: nothing is under way any more, so whatever still waits for somebody is a violation at once, and not
    /// only after minutes. `told`: what somebody was answered.
    pub async fn check(&self, is_settled: bool, told: &[Acknowledged]) -> Result<Checked> {
        let mut tx = self.pool.begin_of_one_moment().await?;
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
        invariants.extend(days::look(&mut tx).await?);
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
        let heads: Vec<(Uuid, i64)> =
            sqlx::query_as("SELECT id, seq FROM workflow_runs WHERE id > $1 ORDER BY id LIMIT $2")
                .bind(after)
                .bind(RUNS_AT_ONCE)
                .fetch_all(&mut *connection)
                .await?;
        let some = at_once(&heads);
        let Some((last, _)) = some.last() else { return Ok(all) };
        after = *last;
        let runs: Vec<RunId> = some.iter().map(|(id, _)| RunId(*id)).collect();
        let from: Vec<_> = runs.iter().map(|run| (*run, None)).collect();
        let found = read(connection, &from).await?;
        let mut rows = stored(connection, &runs).await?;
        for (run, found) in found {
            all.look(run, found, &rows.remove(&run).unwrap_or_default());
        }
    }
}

/// The first of these, by their events, that are in memory together.
fn at_once(heads: &[(Uuid, i64)]) -> &[(Uuid, i64)] {
    let mut n_events = 0_i64;
    let fit = heads.iter().take_while(|(_, seq)| {
        n_events = n_events.saturating_add(*seq);
        n_events <= EVENTS_AT_ONCE
    });
    let n = fit.count().max(1);
    heads.get(..n).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_read_as_many_at_a_time_as_their_events_allow() {
        let heads = |seqs: &[i64]| -> Vec<(Uuid, i64)> { seqs.iter().map(|seq| (Uuid::nil(), *seq)).collect() };
        for (seqs, expected) in [
            (vec![], 0),
            (vec![5], 1),
            (vec![10_000, 10_000, 1], 2),
            (vec![100_000, 1], 1),
            (vec![1, 100_000], 1),
            (vec![i64::MAX, i64::MAX], 1),
        ] {
            assert_eq!(at_once(&heads(&seqs)).len(), expected, "{seqs:?}");
        }
    }

    #[test]
    fn a_place_is_one_line_that_turns_nothing() {
        let mut invariant = Invariant::new("a", "b");
        invariant.violated(&format!("step a\u{1b}[2J\nviolations: 0\u{202e}{}", "x".repeat(1_000)));
        let told = &invariant.examples[0];
        assert!(told.starts_with("step a [2J violations: 0 x") && told.chars().count() == MOST_CHARACTERS, "{told}");
    }
}
