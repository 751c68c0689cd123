//! What is on its way to the log. Each flight owns what it needs and lands with it; a commit flies until it is known what became of it.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tracing::Instrument as _;
use workflow::{id::RunId, run::State};

use super::{lanes::Lane, seat::Seat};
use crate::{
    answer::{Answer, Error},
    bugs::{Bug, is_on},
    cache::Known,
    commit::{Batch, RunCommit},
    decision::{Decided, Taken, Turns},
    log::{CommitFailed, Decide, Loaded, Log, Newer, Outcome, Seen, Unavailable},
    message::MessageKey,
    options::Options,
    shared::{Shared, Surroundings},
    taker::Rest,
    turn::Turn,
};

/// So long nobody is told that a commit is in doubt: mostly the next try knows.
const QUIET: Duration = Duration::from_secs(1);

/// Between looking at a run and asking it for something.
const HOLD: Duration = Duration::from_millis(3);

pub(crate) type Flight = Pin<Box<dyn Future<Output = Landed> + Send>>;

pub(crate) enum Landed {
    Loaded {
        tick: u64,
        runs: Vec<RunId>,
        loaded: Result<Vec<Loaded>, Unavailable>,
    },
    Newer {
        tick: u64,
        runs: Vec<RunId>,
        newer: Result<Vec<Newer>, Unavailable>,
    },
    /// `lane`: where it had a place, and how long. `n_tries`: so often it was sent again, by a flight that has none.
    Committed {
        tick: u64,
        works: Vec<(Fate, Working)>,
        lane: Option<(Lane, Duration)>,
        n_tries: u32,
    },
    /// A place of what nobody waits for.
    PlaceRested,
    Alone(Box<Session>, Option<Fate>),
    Rested(RunId),
    /// Since this tick the run was held for somebody.
    Held(RunId, u64),
    Done,
}

/// A run whose commit is on its way, with the state that it was decided on.
pub(crate) struct Working {
    pub(crate) commit: RunCommit,
    pub(crate) known: Option<Known>,
    /// Of a run that begins: what it is then.
    pub(crate) begun: Option<Box<State>>,
    pub(crate) committing: Vec<Turn>,
    /// Steps that it takes: its last part.
    pub(crate) taken: Option<Taken>,
    pub(crate) rest: Rest,
    pub(crate) echoes: Vec<(Turn, Result<Answer, Error>)>,
}

/// What became of one run's commit.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Fate {
    pub(crate) end: Result<Outcome, CommitFailed>,
    /// It was sent once without an answer.
    pub(crate) was_unknown: bool,
}

pub(crate) fn load<L: Log>(log: Arc<L>, runs: Vec<RunId>, tick: u64) -> Flight {
    Box::pin(async move {
        let loaded = log.load(&runs).await;
        Landed::Loaded { tick, runs, loaded }
    })
}

pub(crate) fn newer<L: Log>(log: Arc<L>, seen: Vec<(RunId, Seen)>, tick: u64) -> Flight {
    Box::pin(async move {
        let newer = log.events_after(&seen).await;
        Landed::Newer { tick, runs: seen.into_iter().map(|(run, _)| run).collect(), newer }
    })
}

/// The run is left alone for a moment, a different one for each process, and longer each time.
pub(crate) fn rest(run: RunId, random: u128, n_before: u32) -> Flight {
    let spread = u64::try_from(random % 5).unwrap_or(0);
    let pause = Duration::from_millis((1 + spread) << n_before.min(6));
    Box::pin(async move {
        tokio::time::sleep(pause).await;
        Landed::Rested(run)
    })
}

/// The run waits for what somebody asks who looked at it just now.
pub(crate) fn hold(run: RunId, tick: u64) -> Flight {
    Box::pin(async move {
        tokio::time::sleep(HOLD).await;
        Landed::Held(run, tick)
    })
}

pub(crate) fn rest_place(pause: Duration) -> Flight {
    Box::pin(async move {
        tokio::time::sleep(pause).await;
        Landed::PlaceRested
    })
}

pub(crate) fn discard<L: Log>(log: Arc<L>, message: MessageKey) -> Flight {
    Box::pin(async move {
        // If it cannot be reached the message is still there, and comes again.
        let _ = log.discard(message).await;
        Landed::Done
    })
}

/// Who is told that the run is set aside, and looks why, is to find it so.
pub(crate) fn quarantine<L: Log>(log: Arc<L>, run: RunId, reason: String, mut seat: Seat) -> Flight {
    Box::pin(async move {
        // If it cannot be reached, the run is set aside by whoever works on it next.
        let is_written = log.quarantine(run, &reason).await.is_ok();
        let aside = Error::Quarantined(reason);
        let unwritten = if is_written { aside.clone() } else { Error::Unavailable };
        seat.looks.drain(..).for_each(|waits| (waits.look)(Err(unwritten.clone())));
        for turn in seat.take_turns() {
            // What was sent may be done, so asking again is not safe.
            let error = if turn.sent.is_empty() { &unwritten } else { &aside };
            let error = error.clone();
            turn.answer(Err(error));
        }
        Landed::Done
    })
}

/// Sends them once.
pub(crate) fn commit<L: Log>(
    log: Arc<L>,
    around: Arc<Surroundings>,
    works: Vec<Working>,
    tick: u64,
    lane: Lane,
) -> Flight {
    Box::pin(async move {
        let since = tokio::time::Instant::now();
        let sent = send(&*log, &around, batch(&works), false).await;
        let lane = Some((lane, since.elapsed()));
        Landed::Committed { tick, works: with_fates(works, sent.fates), lane, n_tries: 0 }
    })
}

/// Sends what is in doubt until it is known of every run what became of it, but no longer than `QUIET`: then those who wait for these runs
/// are told so, and it goes on.
pub(crate) fn again<L: Log>(
    log: Arc<L>,
    around: Arc<Surroundings>,
    works: Vec<Working>,
    tick: u64,
    mut n_tries: u32,
) -> Flight {
    Box::pin(async move {
        let since = tokio::time::Instant::now();
        let (mut left, mut fates) = (Some(batch(&works)), Vec::new());
        while let Some(batch) = left.take() {
            tokio::time::sleep(Duration::from_millis(2 << n_tries.min(8))).await;
            n_tries = n_tries.saturating_add(1);
            let sent = send(&*log, &around, batch, true).await;
            fates.extend(sent.fates);
            left = sent.in_doubt.filter(|_| since.elapsed() < QUIET);
        }
        Landed::Committed { tick, works: with_fates(works, fates), lane: None, n_tries }
    })
}

fn batch(works: &[Working]) -> Batch {
    // Where nothing of a run is left to claim, what is queued in this moment is soon this process' own.
    let has_room = works.iter().filter_map(|work| work.taken).find(|taken| taken.is_all);
    Batch::new(works.iter().map(|work| work.commit.clone()).collect()).kept_for(has_room.map(|taken| taken.worker))
}

/// Of whom nothing is known is in doubt.
fn with_fates(works: Vec<Working>, fates: Vec<(RunId, Fate)>) -> Vec<(Fate, Working)> {
    let mut fates: BTreeMap<RunId, Fate> = fates.into_iter().collect();
    let unknown = || Fate { end: Err(CommitFailed::Unknown), was_unknown: true };
    works.into_iter().map(|work| (fates.remove(&work.commit.run).unwrap_or_else(unknown), work)).collect()
}

/// What became of a batch that was sent once.
#[derive(Default)]
struct Sent {
    fates: Vec<(RunId, Fate)>,
    in_doubt: Option<Batch>,
}

/// Sends a batch once. After an unknown outcome it has to be the very same again, never another.
#[tracing::instrument(name = "commit", level = "debug", skip_all, fields(run.ids = %ids(&batch), is_again = was_unknown))]
async fn send<L: Log>(log: &L, around: &Surroundings, batch: Batch, was_unknown: bool) -> Sent {
    let of_all = |batch: &Batch, end: &Result<Outcome, CommitFailed>, was_unknown| {
        let fate = Fate { end: end.clone(), was_unknown };
        batch.commits().iter().map(|commit| (commit.run, fate.clone())).collect()
    };
    match log.commit(&batch).await {
        Ok(committed) => {
            around.clock.follow(committed.at);
            let (mut sent, mut locked, keep_for) = (Sent::default(), Vec::new(), batch.keep_for());
            for (commit, outcome) in batch.into_commits().into_iter().zip(committed.outcomes) {
                if was_unknown && outcome == Outcome::Locked {
                    // Perhaps by what was sent before.
                    locked.push(commit);
                } else {
                    sent.fates.push((commit.run, Fate { end: Ok(outcome), was_unknown }));
                }
            }
            sent.in_doubt = (!locked.is_empty()).then(|| Batch::new(locked).kept_for(keep_for));
            sent
        }
        Err(CommitFailed::Unknown) if is_on(Bug::DecideAnewAfterUnknown) => {
            Sent { fates: of_all(&batch, &Ok(Outcome::Lost), was_unknown), in_doubt: None }
        }
        Err(CommitFailed::Unavailable) if !was_unknown => {
            Sent { fates: of_all(&batch, &Err(CommitFailed::Unavailable), false), in_doubt: None }
        }
        Err(CommitFailed::Unknown | CommitFailed::Unavailable) => Sent { fates: Vec::new(), in_doubt: Some(batch) },
    }
}

fn ids(batch: &Batch) -> String {
    let ids: Vec<String> = batch.commits().iter().map(|commit| commit.run.to_string()).collect();
    ids.join(" ")
}

/// The turn of a run that goes alone.
pub(crate) struct Session {
    pub(crate) run: RunId,
    pub(crate) tick: u64,
    pub(crate) known: Option<Known>,
    pub(crate) turns: Vec<Turn>,
    pub(crate) newer: Option<Newer>,
    pub(crate) decided: Option<Decided>,
    /// Where it has a place.
    pub(crate) lane: Lane,
    /// Steps that it sets free are left to claims.
    pub(crate) is_plain: bool,
    pub(crate) options: Options,
    pub(crate) shared: Arc<Shared>,
}

impl Session {
    /// The run is locked, and this is what came to it.
    fn decide(&mut self, newer: Newer, around: &Surroundings) -> Option<RunCommit> {
        let is_known = match (&newer, &mut self.known) {
            (Newer::Nothing, Some(_)) => true,
            (Newer::Events(events), Some(known)) => known.catch_up(events),
            _ => false,
        };
        // Commits of before may be among what came; then nothing is to be decided before that is looked at.
        let is_found = matches!(&newer, Newer::Events(events)
            if events.iter().any(|logged| self.turns.iter().any(|turn| turn.sent.contains(&logged.commit))));
        self.newer = Some(newer);
        if !is_known || is_found {
            return None;
        }
        let known = self.known.as_mut()?;
        let turns = std::mem::take(&mut self.turns);
        let taker = if self.is_plain { None } else { self.shared.taker() };
        let (options, stats) = (&self.options, &self.shared.stats);
        let decided = Turns { run: self.run, known: Some(known), around, options, stats, taker }.decide(turns);
        let commit = if decided.panicked.is_none() { decided.commit.clone() } else { None };
        self.decided = Some(decided);
        commit
    }
}

pub(crate) fn alone<L: Log>(log: Arc<L>, around: Arc<Surroundings>, seen: Seen, session: Session) -> Flight {
    let run = session.run;
    let flight = async move {
        let held = Arc::new(Mutex::new(Some(session)));
        let (inside, surroundings) = (Arc::clone(&held), Arc::clone(&around));
        let decide: Decide = Box::new(move |newer| {
            let mut session = inside.lock().unwrap_or_else(PoisonError::into_inner);
            session.as_mut()?.decide(newer, &surroundings)
        });
        let result = log.alone(run, seen, decide).await;
        let Some(session) = held.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Landed::Done };
        let has_commit = session.decided.as_ref().is_some_and(|decided| decided.commit.is_some());
        let fate = |end| Fate { end, was_unknown: false };
        let fate = match (result, has_commit) {
            (Ok(outcome), _) => outcome.map(|outcome| fate(Ok(outcome))),
            // Nothing was decided, so nothing was written.
            (Err(CommitFailed::Unknown), false) => Some(fate(Ok(Outcome::Locked))),
            (Err(failed), _) => Some(fate(Err(failed))),
        };
        Landed::Alone(Box::new(session), fate)
    };
    Box::pin(flight.instrument(tracing::debug_span!("alone", run.id = %run)))
}
