//! A process that works on runs: its own cache and its own connections to the log. Its commits can be held back, so that another process
//! comes between what was looked at and what is decided.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ::runs::{
    Batch, Beat, Clock, CommitFailed, Committed, Decide, Loaded, Log as _, Message, MessageKey, Newer, Options,
    Outcome, Ready, Runs, Seen, Surroundings, Unavailable, Waiting, Want,
};
use chrono::{DateTime, Utc};
use sqlx::{PgPool, postgres::PgConnectOptions};
use store::log::Log;
use tokio::sync::Semaphore;
use uuid::Uuid;
use workflow::{
    ArtifactId, RunId, StepKey,
    hash::sha256_hex,
    id::WorkerId,
    run::{
        Command, State,
        command::{AttemptResult, Finished, Judged, Judgement, NewItem},
        state::NewVersion,
    },
    view::{ConsumedInput, Usage},
};

const WORKER: WorkerId = WorkerId(Uuid::from_u128(9_001));

#[derive(Clone)]
pub(super) struct Process {
    pub(super) runs: Runs,
    log: Arc<Held>,
}

impl Process {
    pub(super) async fn new(pool: &PgPool) -> Self {
        let options = PgConnectOptions::clone(&pool.connect_options());
        let log = Log::connect(options, 2, pool.clone(), None).await.unwrap();
        let log = Arc::new(Held {
            log,
            holds: AtomicBool::new(false),
            left: AtomicUsize::new(usize::MAX),
            waiting: Semaphore::new(0),
            passes: Semaphore::new(0),
        });
        log.beat(WORKER).await.unwrap();
        let began = Instant::now();
        let around = Surroundings {
            clock: Clock::new(log.clock().await.unwrap(), Box::new(move || began.elapsed())),
            random: Box::new(rand::random),
        };
        let (runs, driver) = Runs::new(Arc::clone(&log), Arc::new(around), Options::default());
        tokio::spawn(driver.run());
        Self { runs, log }
    }

    /// The second, which this process does, has looked and decided when the first is done, and is decided again after it.
    pub(super) async fn overtaken<A, B>(
        &self,
        first: impl Future<Output = A>,
        second: impl Future<Output = B>,
    ) -> (A, B) {
        self.log.holds.store(true, Ordering::SeqCst);
        let first = async {
            self.log.waiting.acquire().await.unwrap().forget();
            self.log.holds.store(false, Ordering::SeqCst);
            let first = first.await;
            self.log.passes.add_permits(1);
            first
        };
        futures::join!(first, second)
    }

    /// So many commits are taken from now on, and then the database is gone.
    pub(super) fn is_gone_after(&self, n_commits: usize) {
        self.log.left.store(n_commits, Ordering::SeqCst);
    }

    pub(super) async fn look<T: Send + 'static>(
        &self,
        run: RunId,
        look: impl FnOnce(&State) -> T + Send + 'static,
    ) -> T {
        self.runs.read_now(run, |state| state.map(look)).await.unwrap().expect("the run is there")
    }

    // ---- what the engine does

    pub(super) async fn tell(&self, run: RunId, command: Command, content: Option<&str>) {
        let mut ask = ::runs::Ask::itself(run, command);
        ask.contents.extend(
            content.map(|text| ::runs::Content { hash: sha256_hex(text.as_bytes()), bytes: text.as_bytes().into() }),
        );
        self.runs.execute(ask).await.unwrap();
    }

    /// A worker takes whatever of the run is queued.
    pub(super) async fn take(&self, run: RunId) {
        let steps: Vec<StepKey> =
            self.look(run, |state| state.claimable(DateTime::<Utc>::MAX_UTC).cloned().collect()).await;
        assert!(!steps.is_empty(), "there is nothing to take");
        self.tell(run, Command::StartSteps { worker: WORKER, build: None, steps }, None).await;
    }

    /// The attempt of a step that was taken ends well, having used so many tokens.
    pub(super) async fn finish(&self, run: RunId, step: &str, text: &str, tokens: i64) {
        let key = StepKey::new(step);
        let of = key.clone();
        let attempt = self.look(run, move |state| state.attempts(&of).last().map_or(0, |last| last.number)).await;
        let version = NewVersion::of(ArtifactId(Uuid::now_v7()), "text", "text/plain", text.as_bytes());
        let usage = Usage { prompt_tokens: tokens, cost_micros: Some(2), ..Usage::default() };
        let result = AttemptResult::Succeeded(vec![version]);
        let finished = Finished { usage: Some(usage), ..Finished::new(key, attempt, WORKER, result) };
        self.tell(run, Command::Finished(Box::new(finished)), Some(text)).await;
    }

    /// The list of a map that waits for it is judged: it has these items.
    pub(super) async fn expand(&self, run: RunId, map: &str, items: &[&str]) {
        let key = StepKey::new(map);
        let of = key.clone();
        let epoch = self.look(run, move |state| state.step(&of).unwrap().decision_epoch).await;
        let item = |key: &&str| NewItem { key: (*key).to_owned(), basis: sha256_hex(key.as_bytes()) };
        let list = ConsumedInput { port: "map".into(), artifact_id: None, version: None, hash: sha256_hex(b"list") };
        let judgement = Judgement::Items { list, items: items.iter().map(item).collect() };
        let judged = Judged { step: key, epoch, read: std::collections::BTreeSet::new(), judgement };
        self.tell(run, Command::Judged(Box::new(judged)), None).await;
    }
}

/// The log, whose commits may be held back, or reach no database.
struct Held {
    log: Log,
    holds: AtomicBool,
    /// Commits that are taken still.
    left: AtomicUsize,
    /// Commits that came while it holds.
    waiting: Semaphore,
    passes: Semaphore,
}

impl ::runs::Log for Held {
    async fn commit(&self, batch: &Batch) -> Result<Committed, CommitFailed> {
        if self.holds.load(Ordering::SeqCst) {
            self.waiting.add_permits(1);
            self.passes.acquire().await.unwrap().forget();
        }
        let taken = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if taken.is_err() {
            return Err(CommitFailed::Unavailable);
        }
        self.log.commit(batch).await
    }

    async fn load(&self, runs: &[RunId]) -> Result<Vec<Loaded>, Unavailable> {
        self.log.load(runs).await
    }

    async fn events_after(&self, seen: &[(RunId, Seen)]) -> Result<Vec<Newer>, Unavailable> {
        self.log.events_after(seen).await
    }

    async fn alone(&self, run: RunId, seen: Seen, decide: Decide) -> Result<Option<Outcome>, CommitFailed> {
        self.log.alone(run, seen, decide).await
    }

    async fn clock(&self) -> Result<DateTime<Utc>, Unavailable> {
        self.log.clock().await
    }

    async fn beat(&self, worker: WorkerId) -> Result<Beat, Unavailable> {
        self.log.beat(worker).await
    }

    async fn retire(&self, worker: WorkerId) -> Result<(), Unavailable> {
        self.log.retire(worker).await
    }

    async fn sweep(&self, lease: Duration) -> Result<usize, Unavailable> {
        self.log.sweep(lease).await
    }

    async fn reserve(&self, wants: &[Want]) -> Result<Vec<(RunId, StepKey)>, Unavailable> {
        self.log.reserve(wants).await
    }

    async fn claimable(
        &self,
        worker: WorkerId,
        kinds: &[String],
        agents: Option<&[String]>,
        but: &[RunId],
        limit: usize,
    ) -> Result<Vec<Ready>, Unavailable> {
        self.log.claimable(worker, kinds, agents, but, limit).await
    }

    async fn waiting(&self, limit: usize) -> Result<Waiting, Unavailable> {
        self.log.waiting(limit).await
    }

    async fn inbox(&self, limit: usize) -> Result<Vec<Message>, Unavailable> {
        self.log.inbox(limit).await
    }

    async fn discard(&self, message: MessageKey) -> Result<(), Unavailable> {
        self.log.discard(message).await
    }

    async fn quarantine(&self, run: RunId, reason: &str) -> Result<(), Unavailable> {
        self.log.quarantine(run, reason).await
    }
}
