//! Whether the rows of a run are those that its log tells of. Where they are not, whoever found it sets the run aside, with the reason, and
//! others go on. Must never repair a row: which of the two is wrong is for a person to see.

mod stored;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use runs::{
    Logged,
    rows::{For, GateEnd, Rows, StepRow},
};
use uuid::Uuid;
use workflow::{
    run::{RunEvent, State},
    status::{ErrorClass, Outcome, StatusReason},
};

use stored::micros;
pub(super) use stored::stored;

/// The tables that are looked at. Messages and reservations are inputs of commits, and no projection.
const TABLES: [&str; 7] =
    ["workflow_runs", "steps", "reviews", "attempts", "artifacts", "artifact_heads", "review_ends"];

/// Rows by their key, each as one text.
type Table = BTreeMap<String, String>;

/// In the order of [`TABLES`].
pub(super) type Rendered = [Table; 7];

/// A row that is not what the log says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    pub table: &'static str,
    pub row: String,
    /// As the log tells it; nothing where there should be no row.
    pub told: Option<String>,
    pub stored: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |of: &Option<String>| of.clone().unwrap_or_else(|| "no row".into());
        write!(f, "{} {}: the log tells {}, stored is {}", self.table, self.row, word(&self.told), word(&self.stored))
    }
}

/// `events`: all of a run.
pub(super) fn differences(events: &[Logged], stored: &Rendered) -> Vec<Difference> {
    let events: Vec<RunEvent> = events.iter().map(|logged| RunEvent::clone(&logged.event)).collect();
    let told = told(&events);
    let tables = TABLES.into_iter().zip(told.iter().zip(stored));
    tables.flat_map(|(table, (told, stored))| compare(table, told, stored)).collect()
}

fn compare(table: &'static str, told: &Table, stored: &Table) -> Vec<Difference> {
    let all: BTreeSet<&String> = told.keys().chain(stored.keys()).collect();
    let differing = all.into_iter().filter(|row| told.get(*row) != stored.get(*row));
    let difference = |row: &String| Difference {
        table,
        row: row.clone(),
        told: told.get(row).cloned(),
        stored: stored.get(row).cloned(),
    };
    differing.map(difference).collect()
}

/// What the rows have to be, by the events alone.
fn told(events: &[RunEvent]) -> Rendered {
    let rows = Rows::of(&State::empty(), events);
    let of = &rows.summary;
    let more = of.more;
    let head = format!(
        "{} {} {} {} {:?} {} {:?} {:?} {} {:?} {:?}",
        of.seq,
        of.template_version,
        of.template_name,
        of.status,
        of.status_reason.map(StatusReason::as_str),
        of.auto_run,
        of.finished_at.map(micros),
        of.due_at.map(micros),
        of.wants_judgement,
        of.about,
        [more.n_steps, more.n_completed, more.n_skipped, more.n_failed, more.n_cancelled, more.n_items, more.n_waiting,],
    );
    let claims = rows.steps.iter().filter_map(|row| {
        let (not_before, what) = row.waits.as_ref()?;
        let what = match what {
            For::Worker { kind, agent } => format!("{:?} {:?}", Some(kind), Some(agent.as_str())),
            For::Keys(_) => format!("{:?} {:?}", None::<String>, None::<String>),
        };
        Some((row.step.to_string(), format!("{what} {}", micros(*not_before))))
    });
    let reviews = rows.steps.iter().filter_map(open_gate);
    let attempts = rows.attempts.iter().map(|row| {
        let attempt = &row.attempt;
        let usage = attempt.usage.as_ref().map(|usage| (usage.prompt_tokens, usage.completion_tokens));
        let shown = format!(
            "{} {:?} {} {:?} {:?} {:?} {usage:?}",
            attempt.generation,
            row.lease.map(|worker| worker.0),
            micros(attempt.started_at),
            attempt.ended_at.map(micros),
            attempt.outcome.map(Outcome::as_str),
            attempt.error_class.map(ErrorClass::as_str),
        );
        (format!("{}#{}", attempt.step, attempt.number), shown)
    });
    let artifacts = rows.artifacts.iter().map(|version| {
        let shown = format!(
            "{} {} {:?} {:?}",
            version.id,
            version.content_hash,
            version.attempt,
            version.parent.map(|id| id.0)
        );
        (format!("{}.{}#{}", version.producing_step_id, version.name, version.version), shown)
    });
    let heads = rows
        .artifact_heads
        .iter()
        .map(|head| (format!("{}.{}", head.step, head.name), format!("{} {:?}", head.latest, head.approved)));
    [
        [(of.run.to_string(), head)].into(),
        claims.collect(),
        reviews.collect(),
        attempts.collect(),
        artifacts.collect(),
        heads.collect(),
        rows.ends.iter().map(closed_gate).collect(),
    ]
}

fn open_gate(row: &StepRow) -> Option<(String, String)> {
    let gate = row.review.as_deref()?;
    let review = &gate.review;
    let votes: Vec<Uuid> = review.votes.iter().map(|user| user.0).collect();
    let voted_at: Vec<_> = review.votes.iter().map(|user| review.voted_at.get(user).copied().map(micros)).collect();
    let voted_for: Vec<_> = review.votes.iter().map(|user| review.voted_for.get(user).map(|of| of.0)).collect();
    let shown = format!(
        "{} {} {} {:?} {} {} {:?} {:?} {votes:?} {voted_at:?} {voted_for:?} {:?} {} {} {} {}",
        gate.generation,
        review.number,
        micros(review.opened_at),
        review.due_at.map(micros),
        review.quorum,
        review.allow_self,
        review.kinds_asked(),
        review.users,
        gate.title,
        gate.round,
        gate.max_rounds,
        review.on_timeout.as_str(),
        gate.is_form,
    );
    Some((row.step.to_string(), shown))
}

/// With those who decided, who have rows of their own.
fn closed_gate(end: &GateEnd) -> (String, String) {
    let closed = &end.closed;
    let votes: Vec<Uuid> = closed.votes.iter().map(|user| user.0).collect();
    let deciders: Vec<Uuid> = end.deciders().into_iter().map(|user| user.0).collect();
    let shown = format!(
        "{:?} {} {} {} {:?} {:?} {votes:?} {:?} {deciders:?}",
        end.title(),
        micros(end.opened_at()),
        micros(end.closed_at),
        closed.verdict,
        closed.by.map(|by| by.0),
        closed.acted_for.map(|of| of.0),
        end.text,
    );
    (format!("{}@{}#{}", closed.step, closed.generation, closed.number), shown)
}
