//! A world with people, a store, and processes that work on runs: each has its own cache, its own connections and nothing else.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use runs::{Answer, Ask, By, Clock, Content, Error, Log as _, Options, Runs, Surroundings};
use serde_json::Value;
use sqlx::{PgPool, postgres::PgConnectOptions};
use store::{Store, log::Log};
use tokio::task::JoinHandle;
use uuid::Uuid;
use workflow::{
    ArtifactId, RunId, StepKey, TemplateId, UserId,
    access::{Actor, Role},
    hash::sha256_hex,
    id::WorkerId,
    run::{
        Command, State,
        command::{AttemptResult, Finished, NewRun, Start},
        state::NewVersion,
        testing::{self, agents, definition},
    },
    status::ErrorClass,
    validate,
};

pub(crate) const WORKER: WorkerId = WorkerId(Uuid::from_u128(9_001));

/// What works on runs in one process.
pub(crate) struct Process {
    pub(crate) runs: Runs,
    pub(crate) log: Arc<Log>,
    driver: JoinHandle<()>,
}

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) process: Process,
    /// An ordinary user.
    pub(crate) ada: Actor,
}

impl Process {
    pub(crate) async fn new(pool: &PgPool) -> Self {
        Self::over(PgConnectOptions::clone(&pool.connect_options()), pool).await
    }

    /// Its commits and loads take the way that the options say.
    pub(crate) async fn over(options: PgConnectOptions, pool: &PgPool) -> Self {
        let log = Arc::new(Log::connect(options, 4, pool.clone(), None).await.unwrap());
        let began = Instant::now();
        let n = AtomicU64::new(0);
        let around = Surroundings {
            clock: Clock::new(log.clock().await.unwrap(), Box::new(move || began.elapsed())),
            random: Box::new(move || Uuid::now_v7().as_u128() ^ (u128::from(n.fetch_add(1, Ordering::Relaxed)) << 64)),
        };
        let (runs, driver) = Runs::new(Arc::clone(&log), Arc::new(around), Options::default());
        let driver = tokio::spawn(driver.run());
        Self { runs, log, driver }
    }

    /// It is gone with whatever it was doing, and with its connections.
    pub(crate) async fn crash(self) {
        self.driver.abort();
        // It may have ended a moment before.
        let _ = self.driver.await;
    }

    /// What a person asks of a run.
    pub(crate) async fn verb(&self, run: RunId, actor: &Actor, command: Command) -> Result<Answer, Error> {
        self.runs.execute(by(actor, run, command)).await
    }

    /// Looks at a run as it is in the log now.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        run: RunId,
        look: impl FnOnce(&State) -> T + Send + 'static,
    ) -> T {
        self.runs.read_now(run, |state| state.map(look)).await.unwrap().expect("the run is there")
    }

    /// Takes everything that may be claimed, and names what is held with its attempts.
    pub(crate) async fn take(&self, run: RunId) -> Vec<(StepKey, i32)> {
        let now = self.log.clock().await.unwrap();
        let steps: Vec<StepKey> = self.look(run, move |state| state.claimable(now).cloned().collect()).await;
        if !steps.is_empty() {
            let take = Command::StartSteps { worker: WORKER, build: None, steps };
            self.runs.execute(Ask::itself(run, take)).await.unwrap();
        }
        self.look(run, held).await
    }

    pub(crate) async fn finish(&self, run: RunId, step: &StepKey, attempt: i32, text: &str) {
        let done = finished(step, attempt, AttemptResult::Succeeded(vec![version(text)]));
        self.runs.execute(with_content(Ask::itself(run, done), text)).await.unwrap();
    }

    pub(crate) async fn fail(&self, run: RunId, step: &StepKey, attempt: i32) {
        let error = AttemptResult::Failed { class: ErrorClass::Permanent, error: "no".into(), retry_after_ms: None };
        self.runs.execute(Ask::itself(run, finished(step, attempt, error))).await.unwrap();
    }

    /// Does whatever can be done; every step writes its key.
    pub(crate) async fn settle(&self, run: RunId) {
        loop {
            let held = self.take(run).await;
            if held.is_empty() {
                return;
            }
            for (step, attempt) in held {
                self.finish(run, &step, attempt, step.as_str()).await;
            }
        }
    }

    /// The log is whole, and every row beside it is what it tells.
    pub(crate) async fn check(&self, run: RunId) {
        let differences = self.log.differences(run).await.unwrap();
        assert!(
            differences.is_empty(),
            "{}",
            differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        );
    }
}

impl World {
    pub(crate) async fn new(pool: PgPool) -> Self {
        let ada = person(&pool, "ada@example.com", Role::User).await;
        let process = Process::new(&pool).await;
        process.log.beat(WORKER).await.unwrap();
        Self { store: Store::from_pool(pool), process, ada }
    }

    /// A run of Ada's.
    pub(crate) async fn begin(&self, document: &Value, auto_run: bool) -> RunId {
        self.begin_as(start(document, auto_run, self.ada.id)).await
    }

    pub(crate) async fn begin_as(&self, start: Start) -> RunId {
        let (run, user) = (start.run.id, start.run.user_id);
        let owner = Actor { id: user, ..self.ada.clone() };
        self.process.verb(run, &owner, Command::Start(Box::new(start))).await.unwrap();
        run
    }
}

pub(crate) async fn person(pool: &PgPool, email: &str, role: Role) -> Actor {
    let id = Uuid::now_v7();
    sqlx::query("INSERT INTO users (id, email, role, password_hash) VALUES ($1, $2, $3, '$argon2id$x')")
        .bind(id)
        .bind(email)
        .bind(role.as_str())
        .execute(pool)
        .await
        .unwrap();
    Actor { id: UserId(id), email: email.into(), role, groups: std::collections::BTreeSet::new(), acts_for: Vec::new() }
}

/// A run that is about to begin.
pub(crate) fn start(document: &Value, auto_run: bool, user_id: UserId) -> Start {
    let (definition, agents) = (definition(document), agents());
    let (plan, problems) = validate(&definition, &agents);
    assert!(problems.iter().all(|problem| !problem.is_error()), "{problems:?}");
    Start::of(NewRun {
        id: RunId(Uuid::now_v7()),
        template_id: TemplateId(Uuid::from_u128(2)),
        template_name: "T".into(),
        template_version: 1,
        definition: Arc::new(definition),
        plan: &plan,
        agents: &agents,
        inputs: BTreeMap::new(),
        auto_run,
        user_id,
        is_test: false,
    })
}

pub(crate) fn by(actor: &Actor, run: RunId, command: Command) -> Ask {
    let by = By::Person { actor: actor.clone(), was_asked: false, request: None };
    Ask { by, agents: Arc::new(agents()), ..Ask::itself(run, command) }
}

pub(crate) fn with_content(ask: Ask, text: &str) -> Ask {
    let content = Content { hash: sha256_hex(text.as_bytes()), bytes: text.as_bytes().into() };
    Ask { contents: vec![content], ..ask }
}

pub(crate) fn version(text: &str) -> NewVersion {
    NewVersion::of(ArtifactId(Uuid::now_v7()), "text", "text/plain", text.as_bytes())
}

pub(crate) fn finished(step: &StepKey, attempt: i32, result: AttemptResult) -> Command {
    Command::Finished(Box::new(Finished::new(step.clone(), attempt, WORKER, result)))
}

/// What the worker holds, with the attempts.
pub(crate) fn held(state: &State) -> Vec<(StepKey, i32)> {
    let attempt = |key: &StepKey| state.attempts(key).last().map_or(0, |attempt| attempt.number);
    state.held_by(WORKER).map(|step| (step.key.clone(), attempt(&step.key))).collect()
}

/// A small generator of our own, so that a failing seed can be replayed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

impl testing::Dice for Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.roll(sides)
    }
}
