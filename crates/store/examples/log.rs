//! What the log costs: a chain, a fan and many small runs, with decide and commit only, beside a minimal transaction of the same Postgres.
//! `cargo run --release -p store --example log -- postgres://..`, on an empty database of its own: it makes the tables.
//! It must never be taken for the product's figure: no HTTP, no agents, no feed.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on stops where it stands")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use runs::{
    AskId, Batch, CommitId, Content, Log as _, Outcome, Part, RunCommit,
    rows::{Merged, Rows},
};
use serde_json::json;
use sqlx::{PgPool, postgres::PgConnectOptions};
use store::log::Log;
use uuid::Uuid;
use workflow::{
    AgentCatalog, AgentSpec, ArtifactId, Definition, Plan, RunId, StepKey, TemplateId, UserId,
    access::{Actor, Role},
    hash::sha256_hex,
    id::WorkerId,
    run::{
        Command, Context, State, Voters,
        command::{AttemptResult, Finished, NewRun, Start},
        decide,
        state::{NewVersion, Status},
    },
    validate,
    view::ConsumedInput,
};

const WORKER: WorkerId = WorkerId(Uuid::from_u128(1));

/// The database's clock, as a process follows it.
#[derive(Clone, Copy)]
struct Clock(DateTime<Utc>, Instant);

impl Clock {
    fn now(self) -> DateTime<Utc> {
        self.0 + TimeDelta::from_std(self.1.elapsed()).unwrap()
    }
}

struct Shape {
    definition: Definition,
    plan: Plan,
    agents: AgentCatalog,
}

/// Each step with those before it.
fn shape(steps: &[Vec<usize>]) -> Shape {
    let agent: AgentSpec = serde_json::from_value(json!({"id": "echo", "version": 1, "name": "echo",
        "config": {"kind": "template", "template": "x"}, "outputs": [{"name": "text", "schema": {"type": "string"}}]}))
    .unwrap();
    let agents = AgentCatalog::new([agent]);
    let step = |(i, before): (usize, &Vec<usize>)| {
        let deps: Vec<String> = before.iter().map(|i| format!("s{i}")).collect();
        (format!("s{i}"), json!({"agent_id": "echo", "depends_on": deps}))
    };
    let steps: serde_json::Map<_, _> = steps.iter().enumerate().map(step).collect();
    let definition = Definition::from_value(&json!({ "steps": steps })).unwrap();
    let (plan, _) = validate(&definition, &agents);
    Shape { definition, plan, agents }
}

struct Run {
    id: RunId,
    state: State,
    head: Option<CommitId>,
}

#[derive(Default, Clone, Copy)]
struct Spent {
    decided: Duration,
    committed: Duration,
    n_commits: u32,
}

struct Bench {
    log: Log,
    clock: Clock,
    shape: Arc<Shape>,
    person: Actor,
    content: Content,
    spent: Spent,
}

impl Bench {
    fn begin(&self) -> (Run, RunCommit) {
        let mut run = Run { id: RunId(Uuid::now_v7()), state: State::empty(), head: None };
        let start = Command::Start(Box::new(Start::of(NewRun {
            id: run.id,
            template_id: TemplateId(Uuid::from_u128(2)),
            template_name: "T".into(),
            template_version: 1,
            definition: Arc::new(self.shape.definition.clone()),
            plan: &self.shape.plan,
            agents: &self.shape.agents,
            inputs: BTreeMap::new(),
            auto_run: true,
            user_id: self.person.id,
            is_test: false,
        })));
        let commit = self.commit(&mut run, &[start]).unwrap();
        (run, commit)
    }

    /// These commands, and the start of whatever they set free.
    fn commit(&self, run: &mut Run, commands: &[Command]) -> Option<RunCommit> {
        let now = self.clock.now();
        let (mut parts, mut rows) = (Vec::new(), None::<Merged>);
        let (voters, expected_seq) = (Voters::default(), run.state.seq);
        let mut one = |run: &mut Run, command: &Command| {
            let ctx = Context {
                now,
                random: Uuid::now_v7().as_u128(),
                actor: matches!(command, Command::Start(_)).then_some(&self.person),
                was_asked: false,
                request: None,
                voters: &voters,
                agents: &self.shape.agents,
            };
            let events = decide(&run.state, command, &ctx).unwrap();
            let more = Rows::of(&run.state, &events);
            match &mut rows {
                Some(rows) => rows.add(more),
                None => rows = Some(Merged::of(more)),
            }
            for event in &events {
                run.state.apply(event);
            }
            let contents = if matches!(command, Command::Finished(_)) { vec![self.content.clone()] } else { vec![] };
            let events = events.into_iter().map(Arc::new).collect();
            parts.push(Part { ask: AskId(Uuid::now_v7().as_u128()), events, contents, message: None });
        };
        for command in commands {
            one(run, command);
        }
        let steps: Vec<StepKey> = run.state.claimable(now).cloned().collect();
        let takes = !steps.is_empty();
        if takes {
            one(run, &Command::StartSteps { worker: WORKER, build: None, steps });
        }
        let expected = run.head;
        let id = CommitId(Uuid::now_v7());
        run.head = Some(id);
        let rows = rows?.rows();
        Some(RunCommit {
            run: run.id,
            id,
            expected,
            expected_seq,
            decided_at: now,
            n_rows: parts.iter().map(|part| part.events.len()).sum::<usize>() + rows.n_rows(),
            n_bytes: 0,
            parts,
            rows,
            start: None,
            worker: takes.then_some(WORKER),
            holds: BTreeSet::new(),
            frees: BTreeSet::new(),
        })
    }

    fn finished(&self, run: &Run, key: &StepKey) -> Command {
        let version = NewVersion {
            id: ArtifactId(Uuid::now_v7()),
            name: "text".into(),
            media_type: "text/plain".into(),
            content_hash: self.content.hash.clone(),
            value_hash: None,
            size: 1_024,
            copy_of: None,
        };
        let input = ConsumedInput {
            port: "in".into(),
            artifact_id: Some(version.id),
            version: Some(1),
            hash: self.content.hash.clone(),
        };
        let attempt = run.state.attempts(key).last().unwrap().number;
        let result = AttemptResult::Succeeded(vec![version]);
        Command::Finished(Box::new(Finished {
            inputs: vec![input],
            ..Finished::new(key.clone(), attempt, WORKER, result)
        }))
    }

    async fn write(&mut self, commits: Vec<RunCommit>) {
        let began = Instant::now();
        let outcomes = self.log.commit(&Batch::new(commits)).await.unwrap().outcomes;
        self.spent.committed += began.elapsed();
        self.spent.n_commits += 1;
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Written), "{outcomes:?}");
    }

    /// `n_runs` at once, each step as soon as it may, at most 200 results in a commit.
    async fn run(&mut self, n_runs: usize) -> (Duration, Duration) {
        self.spent = Spent::default();
        let began = Instant::now();
        let mut runs: Vec<Run> = Vec::new();
        while runs.len() < n_runs {
            let started = Instant::now();
            let (more, commits): (Vec<Run>, Vec<RunCommit>) =
                (0..64.min(n_runs - runs.len())).map(|_| self.begin()).unzip();
            self.spent.decided += started.elapsed();
            runs.extend(more);
            self.write(commits).await;
        }
        let starts = began.elapsed();
        let mut queue: std::collections::VecDeque<(usize, StepKey)> = (0..runs.len())
            .flat_map(|n| runs[n].state.held_by(WORKER).map(move |step| (n, step.key.clone())))
            .collect();
        while !queue.is_empty() {
            let started = Instant::now();
            let batch: Vec<(usize, StepKey)> = queue.drain(..queue.len().min(200)).collect();
            let mut of_run: BTreeMap<usize, Vec<Command>> = BTreeMap::new();
            for (n, key) in &batch {
                of_run.entry(*n).or_default().push(self.finished(&runs[*n], key));
            }
            let mut commits = Vec::new();
            for (n, commands) in of_run {
                let commit = self.commit(&mut runs[n], &commands).unwrap();
                for step in commit.events().flat_map(|event| &event.data.steps) {
                    if matches!(step.status, Status::Running(_)) {
                        queue.push_back((n, step.key.clone()));
                    }
                }
                commits.push(commit);
            }
            self.spent.decided += started.elapsed();
            self.write(commits).await;
        }
        assert!(runs.iter().all(|run| run.state.run.status.is_terminal()));
        (began.elapsed(), starts)
    }

    async fn show(&mut self, name: &str, steps: &[Vec<usize>], n_runs: usize) {
        self.shape = Arc::new(shape(steps));
        for _ in 0..4 {
            let (took, starts) = self.run(n_runs).await;
            let n = n_runs * steps.len();
            let ms = |of: Duration| of.as_secs_f64() * 1_000.0;
            println!(
                "{name}: {n} steps in {:.1} ms, {:.3} ms a step, {:.0} steps/s; starts {:.1} ms; {} commits; decided {:.1} ms, committed {:.1} ms",
                ms(took),
                ms(took) / f64::from(u32::try_from(n).unwrap()),
                f64::from(u32::try_from(n).unwrap()) / took.as_secs_f64(),
                ms(starts),
                self.spent.n_commits,
                ms(self.spent.decided),
                ms(self.spent.committed),
            );
        }
    }
}

async fn bench(log: &Log) -> Bench {
    let text = "the quick brown agent ".repeat(47)[..1_024].to_owned();
    Bench {
        clock: Clock(log.clock().await.unwrap(), Instant::now()),
        log: log.clone(),
        shape: Arc::new(shape(&[vec![]])),
        person: Actor {
            id: UserId(Uuid::from_u128(3)),
            email: "ada@example.com".into(),
            role: Role::User,
            groups: BTreeSet::new(),
            acts_for: Vec::new(),
        },
        content: Content { hash: sha256_hex(text.as_bytes()), bytes: text.as_bytes().into() },
        spent: Spent::default(),
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    store::schema::migrate(&url, None).await.unwrap();
    let options: PgConnectOptions = url.parse().unwrap();
    let pool = PgPool::connect_with(options.clone()).await.unwrap();
    let log = Log::connect(options, 8, pool, None).await.unwrap();
    log.beat(WORKER).await.unwrap();
    let mut one = bench(&log).await;
    let what = std::env::args().nth(2).unwrap_or_default();
    let chain: Vec<Vec<usize>> = (0..100).map(|i: usize| i.checked_sub(1).into_iter().collect()).collect();
    let fan = |n: usize| -> Vec<Vec<usize>> {
        std::iter::once(vec![]).chain((0..n).map(|_| vec![0])).chain([(1..=n).collect()]).collect()
    };
    let dag: Vec<Vec<usize>> =
        [vec![], vec![0], vec![0], vec![0], vec![0], vec![1], vec![2], vec![3], vec![4], vec![5, 6, 7, 8]].into();
    let all = what.is_empty();
    if all || what == "chain" {
        one.show("chain of 100", &chain, 1).await;
    }
    if all || what == "fan" {
        one.show("1-100-1", &fan(100), 1).await;
    }
    if all || what == "dag" {
        one.show("200 runs of 10", &dag, 200).await;
    }
    if all || what == "sustained" {
        one.show("2,000 runs of 10", &dag, 2_000).await;
    }
    if all || what == "big" {
        one.show("1-9,998-1", &fan(9_998), 1).await;
    }
    if all || what == "two" {
        let began = Instant::now();
        let tasks: Vec<_> = (0..2)
            .map(|_| {
                let (log, dag) = (log.clone(), dag.clone());
                tokio::spawn(async move { bench(&log).await.show("2 at once: 2,000 runs of 10", &dag, 2_000).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        println!("2 at once: {:.0} steps/s in all", 160_000.0 / began.elapsed().as_secs_f64());
    }
    log.close().await;
}
