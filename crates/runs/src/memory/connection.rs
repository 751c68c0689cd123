//! One process' way to the database, and what goes wrong on it. The process may stand still: then nothing of it comes or goes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{Instant, sleep, sleep_until};
use workflow::{
    id::{RunId, StepKey, WorkerId},
    run::testing::Dice,
};

use super::{
    Database, Memory,
    check::Checks,
    stored::{Stored, WorkerRow},
};
use crate::{
    bugs::{Bug, is_on},
    commit::{Batch, RunCommit},
    log::{
        Beat, CommitFailed, Committed, Decide, Loaded, Log, Newer, Outcome, Ready, Seen, Unavailable, Waiting, Want,
    },
    message::{Message, MessageKey},
};

/// How long a session waits for a lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a process runs between two times that it stands still.
const BETWEEN_STALLS: Duration = Duration::from_secs(20);

/// What a process is, seen from outside.
#[derive(Debug)]
pub struct Process {
    /// Until then it stands still.
    stalled_until: Mutex<Instant>,
}

impl Process {
    /// Not again right after it stood still: whoever asked it something is answered in between.
    pub fn stall(&self, pause: Duration) {
        let mut until = self.stalled_until.lock().unwrap_or_else(PoisonError::into_inner);
        if *until + BETWEEN_STALLS <= Instant::now() {
            *until = Instant::now() + pause;
        }
    }

    /// A time that may be over.
    pub fn stands_still_until(&self) -> Instant {
        *self.stalled_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn runs(&self) {
        loop {
            let until = self.stands_still_until();
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }
}

#[derive(Clone)]
pub struct Connection {
    pub(crate) memory: Memory,
    process: Arc<Process>,
    /// Whoever set the clock was wrong by this.
    clock_off: TimeDelta,
}

/// What happens to one request.
enum Fault {
    None,
    Refused,
    RequestLost,
    AnswerLost,
    Late,
    Doubled,
}

impl Connection {
    pub fn new(memory: Memory) -> Self {
        let process = Arc::new(Process { stalled_until: Mutex::new(Instant::now()) });
        Self { memory, process, clock_off: TimeDelta::zero() }
    }

    /// The same, for a process that is told another time than it is.
    #[must_use]
    pub fn with_clock_off(self, clock_off: TimeDelta) -> Self {
        Self { clock_off, ..self }
    }

    pub fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// The way there or back.
    async fn way(&self) {
        self.process.runs().await;
        let pause = {
            let mut database = self.memory.lock();
            if database.rng.one_in(200) { 1 + database.rng.short(300) } else { database.rng.short(3) }
        };
        if pause > 0 {
            sleep(Duration::from_millis(pause)).await;
        }
        self.process.runs().await;
    }

    fn fault(&self) -> Fault {
        let mut database = self.memory.lock();
        let Database { rng, faults, .. } = &mut *database;
        if rng.happens(faults.refused) {
            Fault::Refused
        } else if rng.happens(faults.request_lost) {
            Fault::RequestLost
        } else if rng.happens(faults.answer_lost) {
            Fault::AnswerLost
        } else if rng.happens(faults.late) {
            Fault::Late
        } else if rng.happens(faults.doubled) {
            Fault::Doubled
        } else {
            Fault::None
        }
    }

    /// Reads beside the log, in one snapshot.
    pub async fn look<T>(&self, look: impl FnOnce(&Stored) -> T) -> Result<T, Unavailable> {
        self.read(|database, _| look(&database.stored)).await
    }

    /// Keeps large content before the commit that names it. What is done may not be told.
    pub async fn put_blob(&self, hash: &str, bytes: &[u8]) -> Result<(), Unavailable> {
        let is_told = self.read(|database, _| {
            database.stored.contents.put(hash, bytes);
            !database.rng.happens(database.faults.answer_lost)
        });
        if is_told.await? { Ok(()) } else { Err(Unavailable) }
    }

    /// Reads in one snapshot.
    pub(crate) async fn read<T>(&self, read: impl FnOnce(&mut Database, DateTime<Utc>) -> T) -> Result<T, Unavailable> {
        self.way().await;
        if matches!(self.fault(), Fault::Refused | Fault::RequestLost) {
            return Err(Unavailable);
        }
        let now = self.memory.now();
        let read = read(&mut self.memory.lock(), now);
        self.way().await;
        Ok(read)
    }

    fn write(&self, batch: &Batch) -> Committed {
        let at = self.memory.now();
        let mut database = self.memory.lock();
        let Database { stored, checks, rng, faults, .. } = &mut *database;
        let mut outcomes = Vec::with_capacity(batch.commits().len());
        for commit in batch.commits() {
            if let Some(reason) = unfit(commit) {
                outcomes.push(Outcome::Data(reason));
                continue;
            }
            outcomes.push(stored.commit(commit, at, checks));
            if rng.happens(faults.stalled_lock)
                && let Some(row) = stored.runs.get_mut(&commit.run)
            {
                row.locked_until = at + TimeDelta::milliseconds(i64::try_from(rng.short(3_000)).unwrap_or(0));
            }
        }
        Committed { at, outcomes }
    }

    /// As long as somebody holds one of these runs locked.
    async fn wait_for_locks(&self, batch: &Batch) {
        let begun = self.memory.now();
        loop {
            let now = self.memory.now();
            let is_locked = self.memory.with(|stored, checks| {
                let locked = |commit: &RunCommit| is_locked(stored, commit.run, now);
                if now - begun > TimeDelta::seconds(1) {
                    checks.violated("a run that is locked holds up its batch");
                    return false;
                }
                batch.commits().iter().any(locked)
            });
            if !is_locked {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The statement lands, but nobody waits for it any more.
    fn write_late(&self, batch: &Batch) {
        let (this, batch, n) = (self.clone(), batch.clone(), self.memory.lock().n_failovers);
        let pause = 1 + self.memory.lock().rng.short(1_000);
        tokio::spawn(async move {
            sleep(Duration::from_millis(pause)).await;
            if this.memory.lock().n_failovers == n {
                // Nobody hears what became of it.
                let _ = this.write(&batch);
            }
        });
    }
}

fn is_locked(stored: &Stored, run: RunId, now: DateTime<Utc>) -> bool {
    stored.runs.get(&run).is_some_and(|row| row.locked_until > now)
}

/// Text that Postgres cannot hold.
fn unfit(commit: &RunCommit) -> Option<String> {
    let holds = |text: &str| text.contains('\0');
    let is_unfit = commit.events().any(|event| {
        event.data.attempts.iter().any(|attempt| attempt.error.as_deref().is_some_and(holds))
            || event.data.artifacts.iter().any(|version| holds(&version.media_type))
            || event.data.rejections.iter().any(|rejection| holds(&rejection.text))
    });
    is_unfit.then(|| "a text holds NUL".to_owned())
}

impl Log for Connection {
    async fn commit(&self, batch: &Batch) -> Result<Committed, CommitFailed> {
        self.way().await;
        if is_on(Bug::WaitForLock) {
            self.wait_for_locks(batch).await;
        }
        let result = match self.fault() {
            Fault::None => Ok(self.write(batch)),
            Fault::Refused => return Err(CommitFailed::Unavailable),
            Fault::RequestLost => Err(CommitFailed::Unknown),
            Fault::Late => {
                self.write_late(batch);
                Err(CommitFailed::Unknown)
            }
            Fault::AnswerLost => {
                self.write(batch);
                Err(CommitFailed::Unknown)
            }
            Fault::Doubled => {
                self.write(batch);
                Ok(self.write(batch))
            }
        };
        self.way().await;
        result
    }

    async fn load(&self, runs: &[RunId]) -> Result<Vec<Loaded>, Unavailable> {
        self.read(|database, _| {
            let Database { stored, rng, faults, .. } = database;
            let loaded = runs.iter().map(|run| {
                let mut loaded = stored.load(*run);
                if let Loaded::Run { seen, events } = &mut loaded
                    && rng.happens(faults.torn)
                {
                    // The rows of one moment, the events of one before.
                    let head = seen.head;
                    events.retain(|logged| logged.commit != head);
                }
                loaded
            });
            loaded.collect()
        })
        .await
    }

    async fn events_after(&self, seen: &[(RunId, Seen)]) -> Result<Vec<Newer>, Unavailable> {
        self.read(|database, _| seen.iter().map(|(run, seen)| database.stored.newer(*run, *seen)).collect()).await
    }

    async fn alone(&self, run: RunId, seen: Seen, decide: Decide) -> Result<Option<Outcome>, CommitFailed> {
        self.way().await;
        let fault = self.fault();
        if matches!(fault, Fault::Refused | Fault::RequestLost | Fault::Late) {
            return Err(CommitFailed::Unavailable);
        }
        let begun = Instant::now();
        while is_locked(&self.memory.lock().stored, run, self.memory.now()) {
            if begun.elapsed() >= LOCK_TIMEOUT {
                return Ok(Some(Outcome::Locked));
            }
            sleep(Duration::from_millis(10)).await;
        }
        let newer = self.memory.lock().stored.newer(run, seen);
        let result = match decide(newer) {
            None => Ok(None),
            Some(commit) => Ok(self.write(&Batch::new(vec![commit])).outcomes.into_iter().next()),
        };
        self.way().await;
        if matches!(fault, Fault::AnswerLost) && matches!(result, Ok(Some(_))) {
            return Err(CommitFailed::Unknown);
        }
        result
    }

    async fn clock(&self) -> Result<DateTime<Utc>, Unavailable> {
        let now = self.read(|_, now| now).await?;
        Ok(now + self.clock_off)
    }

    async fn beat(&self, worker: WorkerId) -> Result<Beat, Unavailable> {
        self.read(|database, now| database.stored.beat(worker, now, database.n_failovers)).await
    }

    async fn retire(&self, worker: WorkerId) -> Result<(), Unavailable> {
        self.read(|database, _| {
            let Database { stored, checks, n_failovers, .. } = database;
            // One that is dead holds nothing, and one of another history cannot know what it holds.
            let is_sure = |row: &WorkerRow| !row.is_dead && row.timeline == *n_failovers;
            if stored.workers.get(&worker).is_some_and(is_sure) {
                checks.retired(stored, worker);
            }
            if let Some(row) = stored.workers.get_mut(&worker) {
                row.is_dead = true;
            }
        })
        .await
    }

    async fn sweep(&self, lease: Duration) -> Result<usize, Unavailable> {
        self.read(|database, now| database.stored.sweep(lease, now)).await
    }

    async fn reserve(&self, wants: &[Want]) -> Result<Vec<(RunId, StepKey)>, Unavailable> {
        self.read(|database, now| database.stored.reserve(wants, now)).await
    }

    async fn claimable(
        &self,
        _: WorkerId,
        kinds: &[String],
        agents: Option<&[String]>,
        but: &[RunId],
        limit: usize,
    ) -> Result<Vec<Ready>, Unavailable> {
        self.read(|database, now| database.stored.claimable(now, (kinds, agents), but, limit, &mut database.rng)).await
    }

    async fn waiting(&self, limit: usize) -> Result<Waiting, Unavailable> {
        self.read(|database, now| database.stored.waiting(now, limit)).await
    }

    async fn inbox(&self, limit: usize) -> Result<Vec<Message>, Unavailable> {
        self.read(|database, _| {
            let rows = database.stored.inbox.iter().take(limit);
            rows.map(|(key, tell)| Message { key: *key, tell: tell.clone() }).collect()
        })
        .await
    }

    async fn discard(&self, message: MessageKey) -> Result<(), Unavailable> {
        self.read(|database, _| {
            if !is_on(Bug::KeepMessage) {
                database.stored.inbox.remove(&message);
            }
        })
        .await
    }

    async fn quarantine(&self, run: RunId, reason: &str) -> Result<(), Unavailable> {
        let reason = reason.to_owned();
        self.read(|database, _| {
            let Database { stored, checks, .. } = database;
            Checks::violated(checks, format!("run {run} was set aside: {reason}"));
            stored.quarantined.insert(run, reason);
        })
        .await
    }
}
