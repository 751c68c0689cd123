//! One worker incarnation: a loop that owns what runs here and is the only one to claim, commit and beat for it.
//! Nothing in the loop waits: every call to the database is a future beside it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use store::{
    Store,
    notify::Hint,
    protocol::{Asked, AttemptResult, Beat, Claimed, Claims, Finished, WorkerId},
};
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workflow::RunId;

use crate::{
    Engine, Options,
    attempt::{self, Ended},
    cache::Cache,
    committer, decisions,
    stream::Watched,
};

/// Steps that one claim asks for at most.
const MAX_CLAIM: usize = 256;
/// How long giving back may take once draining is over.
const GIVE_UP: Duration = Duration::from_secs(5);

/// Why a worker ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// It was asked to, and holds nothing any more.
    Drained,
    /// Its lease ran out: what it held is others' now.
    Dead,
}

struct Running {
    attempt: i32,
    run: RunId,
    cancel: CancellationToken,
    /// Give it back once it has stopped; otherwise it is somebody else's already.
    release: bool,
}

/// What an attempt's task sends when it is over: step, attempt, and how.
type Report = (i64, i32, Ended);

enum Done {
    Registered(Result<(), store::Error>),
    Claimed { wanted: usize, result: Result<Option<Claims>, store::Error> },
    Committed { items: Vec<(i64, i32)>, claims: Claims },
    Answered(Result<(), store::Error>),
    Prepared { claims: Vec<Claimed>, result: Result<Vec<attempt::Prepared>, store::Error> },
    Beat(Result<Beat, store::Error>),
    Watched(Result<BTreeSet<RunId>, store::Error>),
    Drained,
}

#[expect(clippy::struct_excessive_bools, reason = "independent facts about calls under way, not one state")]
pub(crate) struct Worker {
    id: WorkerId,
    store: Store,
    options: Options,
    shared: Arc<attempt::Shared>,
    hints: broadcast::Receiver<Hint>,
    running: HashMap<i64, Running>,
    /// Committed in the database but still known here, until the commit is acknowledged.
    finished: Vec<Finished>,
    /// Unknown attempts on their way back, so that the next beat does not give them back twice.
    orphans: BTreeSet<(i64, i32)>,
    calls: FuturesUnordered<BoxFuture<'static, Done>>,
    results: (mpsc::Sender<Report>, mpsc::Receiver<Report>),
    /// What this worker is to look at.
    asked: Vec<Asked>,
    /// Cancelled when this incarnation is over: commits that still retry give up.
    dead: CancellationToken,
    is_registered: bool,
    is_claiming: bool,
    is_committing: bool,
    is_beating: bool,
    wants_beat: bool,
    is_answering: bool,
    wants_claim: bool,
    /// The last claim had no free slot to fill: as soon as there is one, it is made good.
    owes_claim: bool,
    is_draining: bool,
    last_beat: Instant,
}

impl Worker {
    pub(crate) fn new(engine: &Engine) -> Self {
        let shared = attempt::Shared {
            store: engine.store.clone(),
            agents: Arc::clone(&engine.agents),
            cache: Cache::default(),
            watched: Watched::default(),
            memory: engine.memory.clone(),
        };
        Self {
            id: WorkerId(Uuid::now_v7()),
            store: engine.store.clone(),
            options: engine.options.clone(),
            shared: Arc::new(shared),
            hints: engine.hints.subscribe(),
            running: HashMap::new(),
            finished: Vec::new(),
            orphans: BTreeSet::new(),
            calls: FuturesUnordered::new(),
            results: mpsc::channel(1024),
            asked: Vec::new(),
            dead: CancellationToken::new(),
            is_registered: false,
            is_claiming: false,
            is_committing: false,
            is_beating: false,
            wants_beat: false,
            is_answering: false,
            wants_claim: true,
            owes_claim: false,
            is_draining: false,
            last_beat: Instant::now(),
        }
    }

    pub(crate) async fn run(mut self, shutdown: &CancellationToken) -> End {
        let mut poll = interval(self.options.poll);
        let mut beat = interval(self.options.beat);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut drained_by = None;
        let mut given_up_by = None;
        self.register();
        loop {
            if self.is_draining && self.is_idle() {
                self.let_calls_end();
                self.retire().await;
                return End::Drained;
            }
            self.commit();
            self.claim();
            self.answer();
            tokio::select! {
                biased;
                Some(done) = self.calls.next() => {
                    if self.take(done) == Some(End::Dead) {
                        self.abandon();
                        return End::Dead;
                    }
                }
                Some((step, attempt, result)) = self.results.1.recv() => self.take_result(step, attempt, result),
                hint = self.hints.recv() => self.take_hint(&hint),
                _ = beat.tick() => self.beat(),
                _ = poll.tick() => self.wants_claim = true,
                () = shutdown.cancelled(), if !self.is_draining => {
                    self.is_draining = true;
                    // Who waits for room has not begun: another worker does it sooner.
                    self.shared.memory.close();
                    drained_by = Some(Instant::now() + self.options.drain);
                    let (store, id) = (self.store.clone(), self.id);
                    self.calls.push(async move {
                        // Failing is harmless: this loop claims nothing any more.
                        if let Err(error) = store.drain_worker(id).await {
                            tracing::debug!(error = &error as &dyn std::error::Error, "the worker was not marked as draining");
                        }
                        Done::Drained
                    }.boxed());
                }
                () = sleep_until(drained_by.unwrap_or_else(Instant::now)), if drained_by.is_some() => {
                    drained_by = None;
                    given_up_by = Some(Instant::now() + GIVE_UP);
                    self.stop_all();
                }
                () = sleep_until(given_up_by.unwrap_or_else(Instant::now)), if given_up_by.is_some() => {
                    // The database is away too; the lease runs out by itself, and others take over.
                    tracing::warn!(attempts = self.running.len(), "attempts could not be given back before the stop");
                    self.abandon();
                    return End::Drained;
                }
            }
            if self.last_beat.elapsed() > self.options.self_fence {
                self.stop_all();
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.running.is_empty()
            && self.finished.is_empty()
            && !self.is_committing
            && !self.is_claiming
            && !self.is_answering
    }

    fn register(&mut self) {
        let (store, id) = (self.store.clone(), self.id);
        self.calls.push(async move { Done::Registered(store.register_worker(id).await) }.boxed());
    }

    /// Claims when there may be work and a free slot, one call at a time.
    fn claim(&mut self) {
        let free = self.options.slots.saturating_sub(self.running.len());
        if free > 0 {
            self.wants_claim |= std::mem::take(&mut self.owes_claim);
        }
        let is_fenced = self.last_beat.elapsed() > self.options.self_fence;
        if !self.wants_claim || self.is_claiming || self.is_draining || !self.is_registered || is_fenced {
            return;
        }
        self.wants_claim = false;
        self.is_claiming = true;
        let (store, id) = (self.store.clone(), self.id);
        // Without a free slot it only takes what is to be decided.
        let wanted = free.min(MAX_CLAIM);
        self.calls.push(async move { Done::Claimed { wanted, result: store.claim(id, wanted).await } }.boxed());
    }

    /// Looks at what was asked, one batch at a time.
    fn answer(&mut self) {
        if self.is_answering || self.asked.is_empty() {
            return;
        }
        self.is_answering = true;
        let (shared, dead) = (Arc::clone(&self.shared), self.dead.clone());
        let asked = std::mem::take(&mut self.asked);
        self.calls.push(async move { Done::Answered(decisions::answer(&shared, &asked, &dead).await) }.boxed());
    }

    /// Commits what has finished; while one call is under way the next batch collects.
    fn commit(&mut self) {
        if self.is_committing || self.finished.is_empty() {
            return;
        }
        self.is_committing = true;
        let batch = committer::take_batch(&mut self.finished);
        // What this batch frees is counted, so that a chain needs one round trip a hop.
        let free = self.options.slots.saturating_sub(self.running.len()) + batch.len();
        let n_claim = if self.is_draining { 0 } else { free.min(MAX_CLAIM) };
        let (store, id, dead) = (self.store.clone(), self.id, self.dead.clone());
        self.calls.push(
            async move {
                let claims = committer::commit(&store, id, &batch, n_claim, &dead).await;
                Done::Committed { items: batch.iter().map(|item| (item.step, item.attempt)).collect(), claims }
            }
            .boxed(),
        );
    }

    fn beat(&mut self) {
        if self.is_beating || !self.is_registered {
            self.wants_beat = self.is_beating;
            return;
        }
        self.is_beating = true;
        self.wants_beat = false;
        let running: Vec<(i64, i32)> = self.running.iter().map(|(step, running)| (*step, running.attempt)).collect();
        let (store, id) = (self.store.clone(), self.id);
        self.calls.push(async move { Done::Beat(store.beat(id, &running).await) }.boxed());
        let store = self.store.clone();
        self.calls.push(async move { Done::Watched(store.watched_runs().await) }.boxed());
    }

    fn take(&mut self, done: Done) -> Option<End> {
        match done {
            Done::Registered(Ok(())) => {
                self.is_registered = true;
                self.last_beat = Instant::now();
            }
            Done::Registered(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the worker is not registered yet; trying again"
                );
                let (store, id) = (self.store.clone(), self.id);
                self.calls.push(
                    async move {
                        tokio::time::sleep(Duration::from_millis(500)).await;
                        Done::Registered(store.register_worker(id).await)
                    }
                    .boxed(),
                );
            }
            Done::Claimed { wanted, result } => {
                self.is_claiming = false;
                match result {
                    Ok(Some(claims)) => {
                        // A full answer means that there may be more.
                        self.wants_claim |= wanted > 0 && claims.claimed.len() >= wanted;
                        self.owes_claim |= wanted == 0;
                        self.asked.extend(claims.asked);
                        self.start(claims.claimed);
                    }
                    Ok(None) if self.is_draining => {}
                    Ok(None) => return Some(End::Dead),
                    Err(error) => {
                        tracing::debug!(
                            error = &error as &dyn std::error::Error,
                            "a claim failed; the next poll tries again"
                        );
                    }
                }
            }
            Done::Answered(result) => {
                self.is_answering = false;
                if let Err(error) = result {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "askings were not answered; they come again"
                    );
                }
            }
            Done::Committed { items, claims } => {
                self.is_committing = false;
                for (step, attempt) in items {
                    self.orphans.remove(&(step, attempt));
                    if self.running.get(&step).is_some_and(|running| running.attempt == attempt) {
                        self.running.remove(&step);
                    }
                }
                self.asked.extend(claims.asked);
                self.start(claims.claimed);
            }
            Done::Prepared { claims, result } => self.spawn(claims, result),
            Done::Beat(result) => {
                self.is_beating = false;
                match result {
                    Ok(beat) if !beat.is_alive => return Some(End::Dead),
                    Ok(beat) => self.take_beat(&beat),
                    Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "a heartbeat failed"),
                }
                if self.wants_beat {
                    self.beat();
                }
            }
            Done::Watched(Ok(runs)) => self.shared.watched.set(runs),
            Done::Watched(Err(_)) | Done::Drained => {}
        }
        None
    }

    fn take_beat(&mut self, beat: &Beat) {
        self.last_beat = Instant::now();
        for (step, attempt) in &beat.lost {
            if let Some(running) = self.running.get_mut(step).filter(|running| running.attempt == *attempt) {
                running.release = false;
                running.cancel.cancel();
            }
        }
        // A claim whose answer was lost: nobody here runs it, so it goes back untouched.
        for &(step, attempt) in &beat.orphans {
            if !self.running.contains_key(&step) && self.orphans.insert((step, attempt)) {
                self.finished.push(released(step, attempt));
            }
        }
    }

    fn take_hint(&mut self, hint: &Result<Hint, broadcast::error::RecvError>) {
        match hint {
            Ok(Hint::Ready) | Err(broadcast::error::RecvError::Lagged(_)) => self.wants_claim = true,
            Ok(Hint::Lagged) => {
                self.wants_claim = true;
                self.beat();
            }
            Ok(Hint::Watched(run)) => self.shared.watched.add(*run),
            // Attempts of that run may have been ended: the beat tells which.
            Ok(Hint::Cancelled(run)) if self.running.values().any(|running| running.run == *run) => self.beat(),
            Ok(Hint::Run(_) | Hint::Delta(_) | Hint::Cancelled(_)) | Err(broadcast::error::RecvError::Closed) => {}
        }
    }

    /// Takes over claimed attempts at once, so that a beat already counts them, and reads what they need.
    fn start(&mut self, claims: Vec<Claimed>) {
        if claims.is_empty() {
            return;
        }
        for claim in &claims {
            let running =
                Running { attempt: claim.attempt, run: claim.run, cancel: self.dead.child_token(), release: true };
            self.running.insert(claim.step, running);
        }
        self.prepare(claims);
    }

    fn prepare(&mut self, claims: Vec<Claimed>) {
        let shared = Arc::clone(&self.shared);
        self.calls.push(
            async move {
                let result = attempt::prepare(&shared, claims.clone()).await;
                Done::Prepared { claims, result }
            }
            .boxed(),
        );
    }

    fn spawn(&mut self, claims: Vec<Claimed>, result: Result<Vec<attempt::Prepared>, store::Error>) {
        match result {
            Ok(all) => {
                let known: BTreeSet<i64> = all.iter().map(|prepared| prepared.claim.step).collect();
                for claim in claims.iter().filter(|claim| !known.contains(&claim.step)) {
                    // The run was deleted meanwhile.
                    self.running.remove(&claim.step);
                }
                for prepared in all {
                    let (step, attempt) = (prepared.claim.step, prepared.claim.attempt);
                    let Some(running) = self.running.get(&step) else { continue };
                    let (id, shared, cancel, sender) =
                        (self.id, Arc::clone(&self.shared), running.cancel.clone(), self.results.0.clone());
                    tokio::spawn(async move {
                        let result = attempt::execute(id, shared, prepared, cancel).await;
                        // The loop is gone only when this worker is dead, and then nobody wants the result.
                        let _ = sender.send((step, attempt, result)).await;
                    });
                }
            }
            Err(error) if error.is_unavailable() => {
                tracing::warn!(error = &error as &dyn std::error::Error, "inputs were not read; trying again");
                let shared = Arc::clone(&self.shared);
                self.calls.push(
                    async move {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        let result = attempt::prepare(&shared, claims.clone()).await;
                        Done::Prepared { claims, result }
                    }
                    .boxed(),
                );
            }
            Err(error) if claims.len() > 1 => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "inputs of a batch were not read; trying one by one"
                );
                for claim in claims {
                    self.prepare(vec![claim]);
                }
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the inputs of a step cannot be read");
                for claim in claims {
                    self.finished.push(attempt::unreadable(&claim));
                }
            }
        }
    }

    fn take_result(&mut self, step: i64, attempt: i32, ended: Ended) {
        let Some(running) = self.running.get(&step).filter(|running| running.attempt == attempt) else { return };
        match ended {
            Ended::Finished(finished) => self.finished.push(*finished),
            Ended::Cancelled if running.release => self.finished.push(released(step, attempt)),
            Ended::Cancelled | Ended::HandedOver => {
                self.running.remove(&step);
            }
        }
    }

    /// Stops every attempt; each is given back if it is still ours.
    fn stop_all(&self) {
        for running in self.running.values() {
            running.cancel.cancel();
        }
    }

    /// This incarnation is over: nothing it holds is its own any more.
    fn abandon(&mut self) {
        self.dead.cancel();
        self.let_calls_end();
    }

    /// Nobody waits for these calls any more; but a query that is dropped half way would cost its connection.
    fn let_calls_end(&mut self) {
        let calls = std::mem::take(&mut self.calls);
        tokio::spawn(calls.for_each(|_| std::future::ready(())));
    }

    async fn retire(self) {
        if let Err(error) = self.store.retire_worker(self.id).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "the worker was not retired; its lease runs out by itself"
            );
        }
    }
}

fn released(step: i64, attempt: i32) -> Finished {
    Finished {
        step,
        attempt,
        result: AttemptResult::Released,
        inputs: Vec::new(),
        usage: None,
        basis: None,
        message: None,
        item_basis: None,
    }
}
