//! A batch as the statement of a commit takes it: one array for each column of each table, in the order of its parameters.
//! Must never leave a column shorter than its neighbours: `unnest` would fill it up with nothing.

use std::marker::PhantomData;

use chrono::{DateTime, SecondsFormat, Utc};
use runs::{
    RunCommit, Sent,
    rows::{ArtifactHead, AttemptRow, For, Gate, GateEnd, StepRow},
};
use serde::Serialize;
use sqlx::{Postgres, postgres::PgArguments, query::QueryAs};
use uuid::Uuid;
use workflow::{
    id::WorkerId,
    run::state::{Review, Version},
    status::{ErrorClass, Outcome, StatusReason},
};

type Time = DateTime<Utc>;

/// How much of the tables a batch writes: each part costs, even one with nothing to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    /// Events, attempts and artifacts: a hop.
    Near,
    /// What waits, gates, messages and reservations too.
    Far,
}

/// Arrays of equal length, bound one after the other.
macro_rules! columns {
    ($(#[$doc:meta])* $name:ident { $($column:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Default)]
        struct $name<'a> {
            $($column: Vec<$type>,)+
            /// Some tables have nothing that is borrowed.
            of: PhantomData<&'a ()>,
        }

        impl<'a> $name<'a> {
            fn bind<O>(self, query: Query<'a, O>) -> Query<'a, O> {
                query$(.bind(self.$column))+
            }
        }
    };
}

/// One row: each column by its name.
macro_rules! push {
    ($table:expr, $($column:ident: $value:expr),+ $(,)?) => {{
        $($table.$column.push($value);)+
    }};
}

type Query<'a, O> = QueryAs<'a, Postgres, O, PgArguments>;

columns!(Runs {
    id: Uuid,
    expected: Option<Uuid>,
    head: Uuid,
    base_seq: i64,
    seq: i64,
    decided_at: Time,
    worker: Option<Uuid>,
    user_id: Uuid,
    template_id: Uuid,
    template_version: i32,
    template_name: &'a str,
    status: &'a str,
    status_reason: Option<&'a str>,
    auto_run: bool,
    is_test: bool,
    parent_run: Option<Uuid>,
    created_at: Time,
    finished_at: Option<Time>,
    due_at: Option<Time>,
    wants_judgement: bool,
    idempotency_key: Option<&'a str>,
    about: Option<&'a str>,
    n_steps: i32,
    n_completed: i32,
    n_skipped: i32,
    n_failed: i32,
    n_cancelled: i32,
    n_items: i32,
    n_waiting: i32,
    n_takes: i64,
    n_keys: i64,
    ahead: Option<String>,
});

columns!(Events { run_id: Uuid, seq: i64, commit_id: Uuid, ask_id: Uuid, event: String });

columns!(Steps {
    run_id: Uuid,
    step: &'a str,
    kind: Option<&'a str>,
    limits: Option<String>,
    user_id: Uuid,
    not_before: Option<Time>,
    is_asked: bool,
});

columns!(
    /// Of the steps, in their order.
    StepAgents { agent: Option<&'a str> }
);

columns!(Attempts {
    run_id: Uuid,
    step: &'a str,
    number: i32,
    generation: i32,
    lease_worker: Option<Uuid>,
    started_at: Time,
    ended_at: Option<Time>,
    outcome: Option<&'a str>,
    error_class: Option<&'a str>,
    error: Option<&'a str>,
    model: Option<&'a str>,
    prompt_tokens: Option<i64>,
    completion_tokens: Option<i64>,
    cost_micros: Option<i64>,
});

columns!(Artifacts {
    id: Uuid,
    run_id: Uuid,
    step: &'a str,
    name: &'a str,
    version: i32,
    media_type: &'a str,
    content_hash: &'a str,
    value_hash: Option<&'a str>,
    size: i64,
    content: Option<&'a [u8]>,
    origin: &'a str,
    attempt: Option<i32>,
    parent: Option<Uuid>,
    made_by: Option<Uuid>,
    copy_of: Option<Uuid>,
    created_at: Time,
});

columns!(ArtifactHeads { run_id: Uuid, step: &'a str, name: &'a str, latest: i32, approved: String });

columns!(Reviews {
    run_id: Uuid,
    step: &'a str,
    generation: i32,
    number: i32,
    user_id: Uuid,
    opened_at: Time,
    due_at: Option<Time>,
    quorum: i32,
    allow_self: bool,
    roles: String,
    users: String,
    votes: String,
    voted_at: String,
    voted_for: String,
    title: &'a str,
    round: i32,
    max_rounds: i32,
    on_timeout: &'a str,
    is_form: bool,
});

columns!(Ends {
    run_id: Uuid,
    step: &'a str,
    generation: i32,
    number: i32,
    template_id: Uuid,
    user_id: Uuid,
    title: &'a str,
    opened_at: Time,
    closed_at: Time,
    verdict: &'a str,
    closed_by: Option<Uuid>,
    acted_for: Option<Uuid>,
    votes: String,
    feedback: Option<&'a str>,
    deciders: String,
});

columns!(Tells { receiver: Uuid, sender: Uuid, sender_seq: i64, n: i32, commit_id: Uuid, tell: String });

columns!(Taken { run_id: Uuid, sender: Uuid, sender_seq: i64, n: i32, commit_id: Uuid });

columns!(Holding { run_id: Uuid, step: &'a str });

#[derive(Default)]
pub(super) struct Columns<'a> {
    runs: Runs<'a>,
    events: Events<'a>,
    steps: Steps<'a>,
    step_agents: StepAgents<'a>,
    keep_for: Option<Uuid>,
    attempts: Attempts<'a>,
    artifacts: Artifacts<'a>,
    artifact_heads: ArtifactHeads<'a>,
    reviews: Reviews<'a>,
    tells: Tells<'a>,
    taken: Taken<'a>,
    holds: Holding<'a>,
    frees: Holding<'a>,
    ends: Ends<'a>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(commits: &[&'a RunCommit], keep_for: Option<WorkerId>) -> sqlx::Result<Self> {
        let mut columns = Self { keep_for: keep_for.map(|worker| worker.0), ..Self::default() };
        for commit in commits {
            columns.push(commit)?;
        }
        Ok(columns)
    }

    /// Whether there is anything for the further parts.
    pub(super) fn reach(&self) -> Reach {
        let counts = [
            self.steps.run_id.len(),
            self.reviews.run_id.len(),
            self.tells.receiver.len(),
            self.taken.run_id.len(),
            self.holds.run_id.len(),
            self.frees.run_id.len(),
            self.ends.run_id.len(),
        ];
        if counts.iter().all(|n| *n == 0) { Reach::Near } else { Reach::Far }
    }

    /// In the order of the statement's parameters.
    pub(super) fn bind<O>(self, query: Query<'a, O>, reach: Reach) -> Query<'a, O> {
        let query = self.runs.bind(query);
        let query = self.events.bind(query);
        let query = self.attempts.bind(query);
        let query = self.artifacts.bind(query);
        let query = self.artifact_heads.bind(query);
        if reach == Reach::Near {
            return query;
        }
        let query = self.steps.bind(query).bind(self.keep_for);
        let query = self.reviews.bind(query);
        let query = self.tells.bind(query);
        let query = self.taken.bind(query);
        let query = self.holds.bind(query);
        let query = self.frees.bind(query);
        let query = self.ends.bind(query);
        self.step_agents.bind(query)
    }

    fn push(&mut self, commit: &'a RunCommit) -> sqlx::Result<()> {
        let run = commit.run.0;
        self.push_run(commit);
        for part in &commit.parts {
            let ask = Uuid::from_u128(part.ask.0);
            for event in &part.events {
                let text = json(&**event)?;
                push!(self.events, run_id: run, seq: event.seq, commit_id: commit.id.0, ask_id: ask, event: text);
            }
        }
        for row in &commit.rows.steps {
            self.push_step(run, commit.rows.summary.user.0, row)?;
        }
        for row in &commit.rows.attempts {
            self.push_attempt(run, row);
        }
        for version in &commit.rows.artifacts {
            self.push_artifact(run, commit, version);
        }
        for ArtifactHead { step, name, latest, approved } in &commit.rows.artifact_heads {
            let approved = literal(approved);
            push!(self.artifact_heads, run_id: run, step: step.as_str(), name: name, latest: *latest, approved: approved);
        }
        for Sent { to, seq, n, tell } in &commit.rows.tells {
            let (n, tell) = (place(*n), json(tell)?);
            push!(self.tells, receiver: to.0, sender: run, sender_seq: *seq, n: n, commit_id: commit.id.0, tell: tell);
        }
        for key in commit.messages() {
            let (n, commit_id) = (place(key.n), key.commit.0);
            push!(self.taken, run_id: run, sender: key.from.0, sender_seq: key.seq, n: n, commit_id: commit_id);
        }
        for step in &commit.holds {
            push!(self.holds, run_id: run, step: step.as_str());
        }
        for step in &commit.frees {
            push!(self.frees, run_id: run, step: step.as_str());
        }
        for end in &commit.rows.ends {
            self.push_end(commit, end);
        }
        Ok(())
    }

    fn push_run(&mut self, commit: &'a RunCommit) {
        let of = &commit.rows.summary;
        let ahead: Vec<&str> = commit.written_ahead().into_iter().collect();
        push!(
            self.runs,
            id: commit.run.0,
            expected: commit.expected.map(|head| head.0),
            head: commit.id.0,
            base_seq: commit.expected_seq,
            seq: of.seq,
            decided_at: commit.decided_at,
            worker: commit.worker.map(|worker| worker.0),
            user_id: of.user.0,
            template_id: of.template.0,
            template_version: of.template_version,
            template_name: &of.template_name,
            status: of.status.as_str(),
            status_reason: of.status_reason.map(StatusReason::as_str),
            auto_run: of.auto_run,
            is_test: of.is_test,
            parent_run: of.parent.map(|run| run.0),
            created_at: of.created_at,
            finished_at: of.finished_at,
            due_at: of.due_at,
            wants_judgement: of.wants_judgement,
            idempotency_key: commit.start.as_ref().map(|start| start.key.as_str()),
            about: of.about.as_deref(),
            n_steps: of.more.n_steps,
            n_completed: of.more.n_completed,
            n_skipped: of.more.n_skipped,
            n_failed: of.more.n_failed,
            n_cancelled: of.more.n_cancelled,
            n_items: of.more.n_items,
            n_waiting: of.more.n_waiting,
            n_takes: i64::try_from(commit.messages().count()).unwrap_or(i64::MAX),
            n_keys: i64::try_from(commit.holds.len()).unwrap_or(i64::MAX),
            ahead: (!ahead.is_empty()).then(|| literal(&ahead)),
        );
    }

    fn push_step(&mut self, run: Uuid, user: Uuid, row: &'a StepRow) -> sqlx::Result<()> {
        let step = row.step.as_str();
        let (kind, agent, limits) = match &row.waits {
            Some((_, For::Worker { kind, agent })) => (Some(kind.as_str()), Some(agent.as_str()), None),
            Some((_, For::Keys(limits))) => (None, None, Some(json(limits)?)),
            None => (None, None, None),
        };
        push!(self.step_agents, agent: agent);
        push!(
            self.steps,
            run_id: run,
            step: step,
            kind: kind,
            limits: limits,
            user_id: user,
            not_before: row.waits.as_ref().map(|(not_before, _)| *not_before),
            is_asked: row.review.is_some(),
        );
        if let Some(gate) = row.review.as_deref() {
            let Gate { generation, review, title, round, max_rounds, is_form } = gate;
            push!(
                self.reviews,
                run_id: run,
                step: step,
                generation: *generation,
                number: review.number,
                user_id: user,
                opened_at: review.opened_at,
                due_at: review.due_at,
                quorum: i32::try_from(review.quorum).unwrap_or(i32::MAX),
                allow_self: review.allow_self,
                roles: json(&review.kinds_asked())?,
                users: json(&review.users)?,
                votes: literal(&review.votes),
                voted_at: literal(&voted_at(review)),
                voted_for: literal(&voted_for(review)),
                title: title,
                round: *round,
                max_rounds: i32::try_from(*max_rounds).unwrap_or(i32::MAX),
                on_timeout: review.on_timeout.as_str(),
                is_form: *is_form,
            );
        }
        Ok(())
    }

    fn push_end(&mut self, commit: &'a RunCommit, end: &'a GateEnd) {
        let (of, closed) = (&commit.rows.summary, &end.closed);
        let deciders: Vec<_> = end.deciders().into_iter().collect();
        push!(
            self.ends,
            run_id: commit.run.0,
            step: closed.step.as_str(),
            generation: closed.generation,
            number: closed.number,
            template_id: of.template.0,
            user_id: of.user.0,
            title: end.title(),
            opened_at: end.opened_at(),
            closed_at: end.closed_at,
            verdict: closed.verdict.as_str(),
            closed_by: closed.by.map(|by| by.0),
            acted_for: closed.acted_for.map(|of| of.0),
            votes: literal(&closed.votes),
            feedback: end.text.as_deref(),
            deciders: literal(&deciders),
        );
    }

    fn push_attempt(&mut self, run: Uuid, AttemptRow { attempt, lease }: &'a AttemptRow) {
        let usage = attempt.usage.as_ref();
        push!(
            self.attempts,
            run_id: run,
            step: attempt.step.as_str(),
            number: attempt.number,
            generation: attempt.generation,
            lease_worker: lease.map(|worker| worker.0),
            started_at: attempt.started_at,
            ended_at: attempt.ended_at,
            outcome: attempt.outcome.map(Outcome::as_str),
            error_class: attempt.error_class.map(ErrorClass::as_str),
            error: attempt.error.as_deref(),
            model: usage.and_then(|usage| usage.model.as_deref()),
            prompt_tokens: usage.map(|usage| usage.prompt_tokens),
            completion_tokens: usage.map(|usage| usage.completion_tokens),
            cost_micros: usage.and_then(|usage| usage.cost_micros),
        );
    }

    fn push_artifact(&mut self, run: Uuid, commit: &'a RunCommit, version: &'a Version) {
        push!(
            self.artifacts,
            id: version.id.0,
            run_id: run,
            step: version.producing_step_id.as_str(),
            name: &version.name,
            version: version.version,
            media_type: &version.media_type,
            content_hash: &version.content_hash,
            value_hash: version.value_hash.as_deref(),
            size: version.size,
            content: commit.content(&version.content_hash),
            origin: version.origin.as_str(),
            attempt: version.attempt,
            parent: version.parent.map(|id| id.0),
            made_by: version.made_by.map(|user| user.0),
            copy_of: version.copy_of.map(|id| id.0),
            created_at: version.created_at,
        );
    }
}

fn json(of: &impl Serialize) -> sqlx::Result<String> {
    serde_json::to_string(of).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Among the messages of one event, of which there are few.
pub(super) fn place(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// When each vote was given, as an array has it; of the oldest nobody knows.
fn voted_at(review: &Review) -> Vec<String> {
    let at = |at: &Time| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    review.votes.iter().map(|by| review.voted_at.get(by).map_or_else(|| "NULL".to_owned(), at)).collect()
}

/// In whose place each was, as an array has it.
fn voted_for(review: &Review) -> Vec<String> {
    let of = review.votes.iter().map(|by| review.voted_for.get(by));
    of.map(|of| of.map_or_else(|| "NULL".to_owned(), ToString::to_string)).collect()
}

/// Of numbers, ids, hashes or times, which need no quotes.
fn literal(of: &[impl std::fmt::Display]) -> String {
    let texts: Vec<String> = of.iter().map(ToString::to_string).collect();
    format!("{{{}}}", texts.join(","))
}
