//! The one task of a process that decides about runs. It takes what is asked, brings the states it needs, decides the turns of runs that
//! nobody decides about just now, and sends batches. A run is in one batch at a time, others go beside it.
//! It never waits for anything but its own flights and what is asked next, so one run never holds up another.

mod flight;
mod landing;
mod lanes;
mod places;
mod seat;
mod settle;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::sync::mpsc;
use workflow::id::RunId;

use crate::{
    answer::{Answer, Error},
    cache::Cache,
    ids::AskId,
    job::{Job, Read},
    log::Log,
    options::Options,
    shared::{Shared, Stats, Surroundings},
    turn::Turn,
};
use flight::{Flight, Working};
use lanes::{Lane, Lanes};
use seat::{Doubt, Next, Place, Seat};

pub struct Driver<L> {
    log: Arc<L>,
    around: Arc<Surroundings>,
    options: Options,
    shared: Arc<Shared>,
    jobs: mpsc::Receiver<Job>,
    cache: Cache,
    seats: BTreeMap<RunId, Seat>,
    /// Runs with something to do and nothing on its way.
    lanes: Lanes,
    flights: FuturesUnordered<Flight>,
    /// Moves with everything that comes and everything that is sent, so it says what was before what.
    tick: u64,
}

impl<L: Log> Driver<L> {
    pub(crate) fn new(
        log: Arc<L>,
        around: Arc<Surroundings>,
        options: Options,
        jobs: mpsc::Receiver<Job>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            log,
            around,
            cache: Cache::new(options.cache_bytes),
            options,
            shared,
            jobs,
            seats: BTreeMap::new(),
            lanes: Lanes::default(),
            flights: FuturesUnordered::new(),
            tick: 0,
        }
    }

    /// Works until the last handle is gone and everything that was asked is answered.
    pub async fn run(mut self) {
        let mut is_open = true;
        loop {
            while let Ok(job) = self.jobs.try_recv() {
                self.take(job);
            }
            self.begin();
            if !is_open && self.flights.is_empty() {
                return;
            }
            tokio::select! {
                biased;
                Some(landed) = self.flights.next() => self.land(landed),
                job = self.jobs.recv(), if is_open => match job {
                    Some(job) => self.take(job),
                    None => is_open = false,
                },
            }
        }
    }

    fn next_tick(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Ask(ask, reply) => {
                let (run, arrived) = (ask.run, self.next_tick());
                let id = AskId((self.around.random)());
                let turn = Turn { id, ask: *ask, reply, arrived, sent: Vec::new(), is_single: false };
                let seat = self.seats.entry(run).or_default();
                let goes_ahead = seat.place == Place::Queued && turn.ask.is_by_person() && !seat.is_of_people();
                if matches!(seat.place, Place::Held(_)) && turn.ask.is_by_person() {
                    seat.place = Place::Idle;
                }
                seat.push(turn);
                if goes_ahead {
                    self.lanes.queue(Lane::People).push_back(run);
                }
                self.wake(run);
            }
            Job::Read(Read { run, at_least, will_ask, look }) => {
                let arrived = self.next_tick();
                let waits = seat::Waits { at_least, arrived, will_ask, look };
                self.seats.entry(run).or_default().looks.push(waits);
                self.wake(run);
            }
        }
    }

    /// The run has something to do, as soon as nothing of it is on its way.
    fn wake(&mut self, run: RunId) {
        let Some(seat) = self.seats.get_mut(&run) else { return };
        if seat.place == Place::Idle {
            seat.place = Place::Queued;
            let lane = if seat.is_of_people() { Lane::People } else { Lane::All };
            self.lanes.queue(lane).push_back(run);
        }
    }

    // ---- what is begun

    /// Begins everything that can be: loads, looks at what is newer, and commits as far as they have places.
    fn begin(&mut self) {
        let (mut load, mut newer) = (Vec::new(), Vec::new());
        for lane in [Lane::People, Lane::All] {
            while self.begin_some(lane, &mut load, &mut newer) {}
        }
        for runs in load.chunks(self.options.batch_runs) {
            let (runs, tick) = (runs.to_vec(), self.next_tick());
            self.flights.push(flight::load(Arc::clone(&self.log), runs, tick));
        }
        for seen in newer.chunks(self.options.batch_runs) {
            let (seen, tick) = (seen.to_vec(), self.next_tick());
            self.flights.push(flight::newer(Arc::clone(&self.log), seen, tick));
        }
    }

    /// One batch, and what has to be read before others can be decided. False: nothing more can be begun.
    fn begin_some(&mut self, lane: Lane, load: &mut Vec<RunId>, newer: &mut Vec<(RunId, crate::log::Seen)>) -> bool {
        let (mut works, mut n_rows, mut n_bytes) = (Vec::new(), 0, 0);
        let mut kept = VecDeque::new();
        while let Some(run) = self.lanes.queue(lane).pop_front() {
            let is_full = works.len() >= self.options.batch_runs
                || n_rows >= self.options.batch_rows
                || n_bytes >= self.options.batch_bytes;
            if is_full {
                kept.push_back(run);
                break;
            }
            let Some(seat) = self.seats.get_mut(&run).filter(|seat| seat.place == Place::Queued) else { continue };
            seat.place = Place::Idle;
            if seat.show(self.cache.get(run)) {
                let tick = self.next_tick();
                self.seats.entry(run).or_default().place = Place::Held(tick);
                self.flights.push(flight::hold(run, tick));
                continue;
            }
            match seat.next(self.cache.get(run).map(|known| known.confirmed)) {
                Next::Nothing => {
                    self.seats.remove(&run);
                }
                Next::Load => {
                    seat.place = Place::Busy;
                    load.push(run);
                }
                Next::Look => {
                    seat.place = Place::Busy;
                    newer.extend(self.cache.get(run).map(|known| (run, known.seen())));
                }
                Next::Alone if self.lanes.has_place(lane, &self.options) => self.begin_alone(run, lane),
                Next::Decide if self.lanes.has_place(lane, &self.options) => {
                    if let Some(work) = self.decide(run, lane) {
                        n_rows += work.commit.n_rows;
                        n_bytes += work.commit.n_bytes;
                        works.push(work);
                    }
                }
                Next::Alone | Next::Decide => {
                    // No place for another commit: they gather.
                    seat.place = Place::Queued;
                    kept.push_back(run);
                }
            }
        }
        let has_more = !works.is_empty();
        kept.append(self.lanes.queue(lane));
        *self.lanes.queue(lane) = kept;
        if has_more {
            let tick = self.next_tick();
            self.lanes.is_sent(lane);
            Stats::count(&self.shared.stats.commits, 1);
            self.flights.push(flight::commit(Arc::clone(&self.log), Arc::clone(&self.around), works, tick, lane));
        }
        has_more && !self.lanes.queue(lane).is_empty()
    }

    /// Decides the turns of a run. None: there is nothing of it to commit.
    fn decide(&mut self, run: RunId, lane: Lane) -> Option<Working> {
        let seat = self.seats.get_mut(&run)?;
        let turns = match lane {
            Lane::People => seat.take_turns_of_people(),
            Lane::All => seat.take_turns(),
        };
        let mut known = self.cache.take(run);
        let confirmed = known.as_ref().map(|known| known.confirmed).or(seat.absent);
        let decided = crate::decision::Turns {
            run,
            known: known.as_mut(),
            around: &self.around,
            options: &self.options,
            stats: &self.shared.stats,
            taker: if seat.is_plain { None } else { self.shared.taker() },
        }
        .decide(turns);
        seat.put_back(decided.left);
        if let Some(reason) = decided.panicked {
            let echoes = decided.echoes.into_iter().map(|(turn, _)| turn);
            seat.put_back(decided.committing.into_iter().chain(echoes).collect());
            self.set_aside(run, &reason);
            return None;
        }
        if let Some(commit) = decided.commit {
            seat.place = Place::Busy;
            return Some(Working {
                commit,
                known,
                begun: decided.begun,
                committing: decided.committing,
                taken: decided.taken,
                rest: decided.rest,
                echoes: decided.echoes,
            });
        }
        if let Some(known) = known {
            self.cache.put(run, known);
        }
        self.echo(run, decided.echoes, confirmed);
        self.wake(run);
        None
    }

    /// What changes nothing is answered where the state is known to be no older than the question; otherwise the log is looked at first.
    fn echo(&mut self, run: RunId, echoes: Vec<(Turn, Result<Answer, Error>)>, confirmed: Option<u64>) {
        let mut unsure = Vec::new();
        for (turn, answer) in echoes {
            let is_sure = confirmed.is_some_and(|tick| tick >= turn.arrived)
                || crate::bugs::is_on(crate::bugs::Bug::RefuseFromOldCopy);
            if is_sure {
                self.reply(turn, answer);
            } else {
                unsure.push(turn);
            }
        }
        if !unsure.is_empty() {
            let seat = self.seats.entry(run).or_default();
            seat.put_back(unsure);
            seat.doubt = seat.doubt.max(Doubt::Unsure);
        }
    }

    fn reply(&mut self, turn: Turn, answer: Result<Answer, Error>) {
        if let (Ok(answer), Some(message)) = (&answer, turn.ask.message)
            && answer.events.is_empty()
        {
            self.flights.push(flight::discard(Arc::clone(&self.log), message));
        }
        turn.answer(answer);
    }

    /// Nobody decides about the run until somebody looked at it. Whoever waits for it is told so once that is written.
    fn set_aside(&mut self, run: RunId, reason: &str) {
        tracing::error!(run.id = %run, reason, "a run is set aside");
        self.cache.take(run);
        self.find_taken(run, &[]);
        let seat = self.seats.remove(&run).unwrap_or_default();
        self.flights.push(flight::quarantine(Arc::clone(&self.log), run, reason.to_owned(), seat));
    }
}
