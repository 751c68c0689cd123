//! One worker incarnation, from its first beat to its end. Its loop only hands things on: each duty is a task of its own, so that nothing
//! waits for a database that is slow but who has to.
//! Must never leave an attempt running that is not its own any more, nor end while a step is still its own if that can be helped.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use runs::{Beat, Log};
use store::notify::Hint;
use tokio::{
    sync::{Notify, broadcast},
    task::{JoinError, JoinHandle, JoinSet},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use workflow::id::WorkerId;

use crate::{
    Options, attempt,
    bugs::{Bug, is_on},
    claims, heart,
    held::Attempts,
    inbox, look,
    shared::{Inside, Shared},
    tasks,
};

/// How long giving back may take once draining is over.
const GIVE_UP: Duration = Duration::from_secs(5);
/// Before what failed is tried again, where nothing wakes it.
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// Why a worker ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// It was asked to.
    Drained,
    /// Its lease ran out, or its database went back in time: what it held is others' now.
    Dead,
}

/// What a worker does now.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Working,
    /// It takes nothing new; what runs may finish until then.
    Draining {
        until: Instant,
    },
    /// It gives back what still runs, until then.
    Leaving {
        until: Instant,
    },
}

impl Phase {
    fn until(self) -> Option<Instant> {
        match self {
            Self::Working => None,
            Self::Draining { until } | Self::Leaving { until } => Some(until),
        }
    }
}

/// Runs one incarnation until it is over.
pub(crate) async fn live<L: Log>(
    shared: &Arc<Shared>,
    log: &Arc<L>,
    hints: &mut broadcast::Receiver<Hint>,
    shutdown: &CancellationToken,
) -> End {
    let worker = WorkerId(shared.options.dice.any_id());
    let joined = match heart::join(&**log, worker, shutdown).await {
        Some(Beat::Dead) => return End::Dead,
        Some(joined) => joined,
        None => return End::Drained,
    };
    shared.cache.begin(shared.shelf.history());
    let inside = Arc::new(Inside {
        worker,
        shared: Arc::clone(shared),
        attempts: Attempts::new(worker),
        dead: CancellationToken::new(),
    });
    let heart = tasks::spawn({
        let (inside, log) = (Arc::clone(&inside), Arc::clone(log));
        async move { heart::beat(&inside, &*log, joined).await }
    });
    shared.slots.begin(worker);
    tell_what_it_takes(worker, &shared.options);
    let duties = Duties::begin(&inside, log);
    let mut worker = Worker { inside, phase: Phase::Working, attempts: JoinSet::new() };
    let end = worker.work(heart, hints, &duties, shutdown).await;
    shared.slots.close();
    worker.inside.dead.cancel();
    duties.end().await;
    if end == End::Drained
        && worker.is_idle()
        && let Err(error) = log.retire(worker.inside.worker).await
    {
        let error = &error as &dyn std::error::Error;
        tracing::debug!(error, "the worker was not retired; its lease runs out by itself");
    }
    // Attempts that are dropped here are not ours any more, or could not be told of in time.
    end
}

/// Whose log says what of: a process goes on under another id when its lease ran out.
fn tell_what_it_takes(worker: WorkerId, options: &Options) {
    tracing::info!(
        worker.id = %worker,
        worker.slots = options.slots,
        worker.kinds = %options.kinds,
        worker.agents = %options.agents,
        "takes steps"
    );
}

struct Worker {
    inside: Arc<Inside>,
    phase: Phase,
    attempts: JoinSet<()>,
}

impl Worker {
    async fn work(
        &mut self,
        mut heart: JoinHandle<()>,
        hints: &mut broadcast::Receiver<Hint>,
        duties: &Duties,
        shutdown: &CancellationToken,
    ) -> End {
        let slots = Arc::clone(&self.inside.shared.slots);
        let end = loop {
            self.begin_attempts();
            if !matches!(self.phase, Phase::Working) && self.is_idle() {
                break End::Drained;
            }
            let until = self.phase.until();
            tokio::select! {
                biased;
                // Whether it was told so or panicked: without a heart there is no lease.
                _ = &mut heart => break End::Dead,
                () = shutdown.cancelled(), if until.is_none() => {
                    slots.close();
                    duties.stop();
                    // Who waits for room has not begun: another worker does it sooner.
                    self.inside.shared.memory.close();
                    self.phase = Phase::Draining { until: Instant::now() + self.inside.shared.options.drain };
                }
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                    if !matches!(self.phase, Phase::Draining { .. }) {
                        // The database is away too; the lease runs out by itself, and others take over.
                        let attempts = self.inside.attempts.len();
                        tracing::warn!(attempts, "attempts could not be given back before the stop");
                        break End::Drained;
                    }
                    self.inside.attempts.stop_all();
                    self.phase = Phase::Leaving { until: Instant::now() + GIVE_UP };
                }
                // Those that come all the time are last.
                hint = hints.recv() => self.take_hint(&hint),
                () = slots.bell.notified() => {}
                Some(ended) = self.attempts.join_next() => tell_panic(ended),
            }
        };
        heart.abort();
        end
    }

    fn is_idle(&self) -> bool {
        self.attempts.is_empty() && self.inside.shared.slots.is_quiet()
    }

    fn begin_attempts(&mut self) {
        while let Some(ended) = self.attempts.try_join_next() {
            tell_panic(ended);
        }
        for (begun, place) in self.inside.shared.slots.take_begun() {
            let is_leaving = !matches!(self.phase, Phase::Working);
            if is_leaving && is_on(Bug::ForgetsBegun) {
                continue;
            }
            let order = self.inside.attempts.add(&begun, &self.inside.dead);
            if is_leaving {
                // It was taken while the stop came: it goes back untouched.
                order.cancel.cancel();
            }
            self.attempts.spawn(tasks::owned(attempt::run(Arc::clone(&self.inside), begun, order, place)));
        }
    }

    fn take_hint(&self, hint: &Result<Hint, broadcast::error::RecvError>) {
        let (shared, inside) = (&self.inside.shared, &self.inside);
        match hint {
            Ok(Hint::Ready) => shared.slots.claim.notify_one(),
            Ok(Hint::Run(run)) => shared.kept.is_free(*run),
            // What no commit of ours comes to take is claimed.
            Ok(Hint::Kept(_, worker)) if *worker == inside.worker => shared.slots.claim.notify_one(),
            Ok(Hint::Kept(run, _)) => shared.kept.keep(*run),
            Ok(Hint::Watched(run)) => shared.watched.add(*run),
            // Attempts of that run may have been ended.
            Ok(Hint::Cancelled(run)) => {
                let (inside, run) = (Arc::clone(inside), *run);
                tasks::spawn(async move { inside.attempts.check(inside.runs(), run).await });
            }
            Ok(Hint::Lagged) | Err(broadcast::error::RecvError::Lagged(_)) => {
                shared.slots.claim.notify_one();
                let inside = Arc::clone(inside);
                tasks::spawn(async move { inside.attempts.check_all(inside.runs()).await });
            }
            Ok(Hint::Delta(_) | Hint::Telling(_) | Hint::Here(_) | Hint::Person(_))
            | Err(broadcast::error::RecvError::Closed) => {}
        }
    }
}

/// Agents may panic; what is around them must not.
fn tell_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(error = &error as &dyn std::error::Error, "the task of an attempt panicked");
    }
}

/// What a worker does beside its attempts, until it stops.
struct Duties {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Duties {
    fn begin<L: Log>(inside: &Arc<Inside>, log: &Arc<L>) -> Self {
        let stop = inside.dead.child_token();
        let (wakes_inbox, poll) = (Arc::new(Notify::new()), inside.shared.options.poll);
        let all = || (Arc::clone(inside), Arc::clone(log), stop.clone());
        let claims = tasks::spawn({
            let (inside, log, stop) = all();
            async move {
                let slots = &inside.shared.slots;
                repeat(&stop, poll, &slots.claim, || claims::claim(&inside, &*log)).await;
            }
        });
        let look = tasks::spawn({
            let ((inside, log, stop), inbox) = (all(), Arc::clone(&wakes_inbox));
            async move {
                let slots = &inside.shared.slots;
                let one = || async {
                    let left = slots.take_look();
                    if !left.is_empty() {
                        inbox.notify_one();
                        look::after_commits(&inside, &*log, left).await;
                    }
                    Ok::<_, runs::Unavailable>(false)
                };
                repeat(&stop, poll, &slots.look, one).await;
            }
        });
        let waiting = tasks::spawn({
            let (inside, log, stop) = all();
            async move {
                let slots = &inside.shared.slots;
                let one = || async { look::at_all(&inside, &*log).await.map(|()| false) };
                repeat(&stop, poll, &slots.freed, one).await;
            }
        });
        let inbox = tasks::spawn({
            let (inside, log, stop) = all();
            async move { repeat(&stop, poll, &wakes_inbox, || inbox::carry(&inside, &*log)).await }
        });
        Self { stop, tasks: vec![claims, look, waiting, inbox] }
    }

    fn stop(&self) {
        self.stop.cancel();
    }

    /// What they are just doing ends first: a query that is dropped half way would cost its connection.
    async fn end(self) {
        self.stop();
        let aborts: Vec<_> = self.tasks.iter().map(JoinHandle::abort_handle).collect();
        if tokio::time::timeout(GIVE_UP, join_all(self.tasks)).await.is_err() {
            aborts.iter().for_each(tokio::task::AbortHandle::abort);
        }
    }
}

/// Does something when it is woken, and at the latest so often; again at once where there is more of it.
async fn repeat<E, F: Future<Output = Result<bool, E>>>(
    stop: &CancellationToken,
    poll: Duration,
    wake: &Notify,
    mut one: impl FnMut() -> F,
) {
    while !stop.is_cancelled() {
        let wait = async {
            tokio::select! {
                biased;
                () = wake.notified() => {}
                () = tokio::time::sleep(poll) => {}
            }
        };
        match one().await {
            Ok(true) => {}
            Ok(false) => {
                stop.run_until_cancelled(wait).await;
            }
            Err(_) => {
                // The database is away, which its next answer shows.
                stop.run_until_cancelled(tokio::time::sleep(TRY_AGAIN)).await;
            }
        }
    }
}
