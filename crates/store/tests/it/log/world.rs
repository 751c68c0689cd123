//! Runs that are decided on here and committed through the log, as a process would: what is known of each is folded from its own events.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use runs::{
    AskId, Batch, Beat, CommitId, Content, Loaded, Log as _, Newer, Outcome, Part, RunCommit, Seen,
    rows::{Merged, Rows},
};
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgConnectOptions};
use store::log::Log;
use uuid::Uuid;
use workflow::{
    AgentCatalog, AgentSpec, ArtifactId, Definition, RunId, StepKey, TemplateId, UserId,
    access::{Actor, Role},
    run::{
        Command, Context, Refused, RunEvent, State, Voters,
        command::{AttemptResult, NewRun, Start},
        decide,
        state::NewVersion,
    },
    validate,
};

use crate::support::{WORKER, finished};

pub(super) fn actor() -> Actor {
    Actor {
        id: UserId(Uuid::from_u128(3)),
        email: "ada@example.com".into(),
        role: Role::User,
        groups: BTreeSet::new(),
        acts_for: Vec::new(),
    }
}

pub(super) fn agents() -> AgentCatalog {
    let agent = |id: &str, more: Value| -> AgentSpec {
        let mut document = json!({"id": id, "version": 1, "name": id, "config": {"kind": "template", "template": "x"},
            "outputs": [{"name": "text", "schema": {"type": "string"}}]});
        for (name, value) in more.as_object().unwrap() {
            document[name] = value.clone();
        }
        serde_json::from_value(document).unwrap()
    };
    AgentCatalog::new([agent("echo", json!({})), agent("rare", json!({"max_parallel": 1}))])
}

/// `n` steps, one after the other.
pub(super) fn chain(n: usize) -> Definition {
    let step = |i: usize| match i {
        0 => json!({"agent_id": "echo", "depends_on": []}),
        _ => json!({"agent_id": "echo", "depends_on": [format!("s{}", i - 1)]}),
    };
    let steps: serde_json::Map<String, Value> = (0..n).map(|i| (format!("s{i}"), step(i))).collect();
    Definition::from_value(&json!({ "steps": steps })).unwrap()
}

pub(super) fn definition(steps: &Value) -> Definition {
    Definition::from_value(&json!({ "steps": steps })).unwrap()
}

/// A log of its own over the pool's database, and a worker that lives.
pub(super) async fn log(pool: &PgPool) -> Log {
    let options = PgConnectOptions::clone(&pool.connect_options());
    let log = Log::connect(options, 8, pool.clone(), None).await.unwrap();
    assert!(matches!(log.beat(WORKER).await, Ok(Beat::Alive { .. })));
    log
}

/// What a process knows of a run.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) id: RunId,
    pub(super) state: State,
    pub(super) head: Option<CommitId>,
    agents: Arc<AgentCatalog>,
    /// How far its clock is off.
    pub(super) skew: TimeDelta,
}

/// Commands of one run that were decided, one over the other.
pub(super) struct Decided {
    pub(super) commit: RunCommit,
    pub(super) state: State,
}

impl Known {
    pub(super) fn new() -> Self {
        Self {
            id: RunId(Uuid::now_v7()),
            state: State::empty(),
            head: None,
            agents: Arc::new(agents()),
            skew: TimeDelta::zero(),
        }
    }

    pub(super) fn start(&self, definition: &Definition, user: UserId) -> Command {
        let (plan, problems) = validate(definition, &self.agents);
        assert!(problems.iter().all(|problem| !problem.is_error()), "{problems:?}");
        Command::Start(Box::new(Start::of(NewRun {
            id: self.id,
            template_id: TemplateId(Uuid::from_u128(2)),
            template_name: "T".into(),
            template_version: 1,
            definition: Arc::new(definition.clone()),
            plan: &plan,
            agents: &self.agents,
            inputs: BTreeMap::new(),
            auto_run: true,
            user_id: user,
            is_test: false,
        })))
    }

    /// A run that began and is stored.
    pub(super) async fn begun(log: &Log, definition: &Definition) -> Self {
        let mut known = Self::new();
        let start = known.start(definition, actor().id);
        known.tell(log, &[start]).await;
        known
    }

    /// Decides these one over the other; what is refused adds nothing.
    pub(super) fn decide(&self, now: DateTime<Utc>, commands: &[Command]) -> Option<Decided> {
        let mut state = self.state.clone();
        let mut parts = Vec::new();
        let person = actor();
        let mut worker = None;
        let mut rows: Option<Merged> = None;
        for command in commands {
            let by_itself = !matches!(
                command,
                Command::Start(_)
                    | Command::Cancel
                    | Command::Continue { .. }
                    | Command::Trigger { .. }
                    | Command::Rollback { .. }
            );
            let ctx = Context {
                now,
                random: Uuid::now_v7().as_u128(),
                actor: (!by_itself).then_some(&person),
                was_asked: false,
                request: None,
                voters: &Voters::default(),
                agents: &self.agents,
            };
            let events: Vec<RunEvent> = match decide(&state, command, &ctx) {
                Ok(events) => events,
                Err(Refused::NotFound) => panic!("{command:?}: there is no such thing"),
                Err(_) => continue,
            };
            if events.is_empty() {
                continue;
            }
            if matches!(command, Command::StartSteps { .. }) {
                worker = Some(WORKER);
            }
            let more = Rows::of(&state, &events);
            match &mut rows {
                Some(rows) => rows.add(more),
                None => rows = Some(Merged::of(more)),
            }
            for event in &events {
                state.apply(event);
            }
            let contents = contents(command);
            let events = events.into_iter().map(Arc::new).collect();
            parts.push(Part { ask: AskId(Uuid::now_v7().as_u128()), events, contents, message: None });
        }
        let rows = rows?.rows();
        let commit = RunCommit {
            run: self.id,
            id: CommitId(Uuid::now_v7()),
            expected: self.head,
            expected_seq: self.state.seq,
            decided_at: now,
            n_rows: parts.iter().map(|part| part.events.len()).sum::<usize>() + rows.n_rows(),
            n_bytes: 0,
            parts,
            rows,
            start: None,
            worker,
            holds: BTreeSet::new(),
            frees: BTreeSet::new(),
        };
        Some(Decided { commit, state })
    }

    /// An answer that names what has to be read for it.
    pub(super) fn having_read(&self, answer: impl Fn(BTreeSet<ArtifactId>) -> Command) -> Command {
        let ctx = Context {
            now: self.state.at,
            random: 1,
            actor: None,
            was_asked: false,
            request: None,
            voters: &Voters::default(),
            agents: &self.agents,
        };
        let first = answer(BTreeSet::new());
        match decide(&self.state, &first, &ctx) {
            Err(Refused::Needs(ids)) => answer(ids),
            _ => first,
        }
    }

    pub(super) fn won(&mut self, decided: Decided) {
        self.head = Some(decided.commit.id);
        self.state = decided.state;
    }

    pub(super) async fn now(&self, log: &Log) -> DateTime<Utc> {
        (log.clock().await.unwrap() + self.skew).max(self.state.at)
    }

    /// Decides and commits, as nobody else is there.
    pub(super) async fn tell(&mut self, log: &Log, commands: &[Command]) {
        let decided = self.decide(self.now(log).await, commands).expect("something is decided");
        assert_eq!(commit(log, &decided.commit).await, Outcome::Written);
        self.won(decided);
    }

    /// Reads what is new, or all of it.
    pub(super) async fn catch_up(&mut self, log: &Log) {
        let events = match self.head {
            Some(head) => match newer(log, self.id, Seen { seq: self.state.seq, head }).await {
                Newer::Events(events) => events,
                Newer::Nothing => Vec::new(),
                other => panic!("{other:?}"),
            },
            None => match loaded(log, self.id).await {
                Loaded::Run { events, .. } => events,
                other => panic!("{other:?}"),
            },
        };
        for logged in &events {
            assert_eq!(self.state.apply(&logged.event), workflow::view::Applied::Changed);
            self.head = Some(logged.commit);
        }
    }

    pub(super) fn take(&self, now: DateTime<Utc>, n: usize) -> Command {
        Command::StartSteps { worker: WORKER, build: None, steps: self.state.claimable(now).take(n).cloned().collect() }
    }

    pub(super) fn held(&self) -> Vec<StepKey> {
        self.state.held_by(WORKER).map(|step| step.key.clone()).collect()
    }

    pub(super) fn finish(&self, key: &StepKey, text: &str) -> Command {
        finished(key, self.state.attempts(key).last().unwrap().number, AttemptResult::Succeeded(vec![version(text)]))
    }
}

pub(super) fn version(text: &str) -> NewVersion {
    // The bytes travel beside it; here they are told by the type.
    NewVersion::of(ArtifactId(Uuid::now_v7()), "text", format!("text/plain; of={text}"), text.as_bytes())
}

fn contents(command: &Command) -> Vec<Content> {
    let Command::Finished(done) = command else { return Vec::new() };
    let AttemptResult::Succeeded(versions) = &done.result else { return Vec::new() };
    let content = |version: &NewVersion| {
        let (_, text) = version.media_type.split_once("; of=").unwrap();
        Content { hash: version.content_hash.clone(), bytes: text.as_bytes().into() }
    };
    versions.iter().map(content).collect()
}

/// What the log says of one run.
pub(super) async fn loaded(log: &Log, run: RunId) -> Loaded {
    log.load(&[run]).await.unwrap().remove(0)
}

pub(super) async fn newer(log: &Log, run: RunId, seen: Seen) -> Newer {
    log.events_after(&[(run, seen)]).await.unwrap().remove(0)
}

/// Commits one by itself.
pub(super) async fn commit(log: &Log, commit: &RunCommit) -> Outcome {
    commit_all(log, std::slice::from_ref(commit)).await.remove(0)
}

/// Commits all at once, and tells of each in the order in which they are given.
pub(super) async fn commit_all(log: &Log, commits: &[RunCommit]) -> Vec<Outcome> {
    let batch = Batch::new(commits.to_vec());
    let outcomes = log.commit(&batch).await.unwrap().outcomes;
    let of_run: BTreeMap<RunId, Outcome> = batch.commits().iter().map(|commit| commit.run).zip(outcomes).collect();
    commits.iter().map(|commit| of_run[&commit.run].clone()).collect()
}

/// As if these had been decided just now: on a busy machine deciding many takes a while.
pub(super) async fn commits(log: &Log, decided: impl Iterator<Item = &Decided>) -> Vec<RunCommit> {
    let now = log.clock().await.unwrap();
    decided.map(|one| RunCommit { decided_at: now, ..one.commit.clone() }).collect()
}

/// The log is whole, and every row beside it is what it tells.
pub(super) async fn check(log: &Log, run: RunId) {
    let differences = log.differences(run).await.unwrap();
    assert!(differences.is_empty(), "{}", differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}
