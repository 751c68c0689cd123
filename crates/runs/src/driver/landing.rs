//! What landed, but for the ends of commits: states that were read, and what came to runs meanwhile. Only here is it looked at whether
//! what the log says fits together.

use std::sync::Arc;

use workflow::{id::RunId, run::State};

use super::{
    Driver, flight,
    flight::Landed,
    lanes::Lane,
    seat::{Doubt, Place},
};
use crate::{
    answer::{Answer, Error},
    bugs::{Bug, is_on},
    cache::Known,
    log::{Loaded, Log, Logged, Newer, Unavailable},
    shared::Stats,
};

/// So often a load may not fit before the run is set aside: once is a reader that was overtaken, always is a log that is wrong.
const MOST_TORN: u32 = 8;

impl<L: Log> Driver<L> {
    pub(super) fn land(&mut self, landed: Landed) {
        match landed {
            Landed::Loaded { tick, runs, loaded: Ok(loaded) } => {
                Stats::count(&self.shared.stats.loads, runs.len());
                self.is_reached(&runs);
                for (run, loaded) in runs.into_iter().zip(loaded) {
                    self.loaded(run, loaded, tick);
                    self.rested(run);
                }
            }
            Landed::Newer { tick, runs, newer: Ok(newer) } => {
                self.is_reached(&runs);
                for (run, newer) in runs.into_iter().zip(newer) {
                    self.newer(run, newer, tick);
                    self.rested(run);
                }
            }
            Landed::Loaded { runs, loaded: Err(Unavailable), .. }
            | Landed::Newer { runs, newer: Err(Unavailable), .. } => {
                for run in runs {
                    self.unavailable(run);
                }
            }
            Landed::Committed { tick, works, lane, n_tries } => {
                if let Some((lane, took)) = lane {
                    if let Some(witness) = self.shared.witness() {
                        witness.answered(took);
                    }
                    self.lanes.has_landed(lane);
                    self.flights.extend(self.lanes.rest(lane, took).map(flight::rest_place));
                }
                self.all_committed(works, tick, n_tries);
            }
            Landed::Alone(session, fate) => {
                self.lanes.has_landed(session.lane);
                self.was_alone(*session, fate);
            }
            Landed::PlaceRested => self.lanes.has_rested(),
            Landed::Rested(run) => self.rested(run),
            Landed::Held(run, tick) => {
                if let Some(seat) = self.seats.get_mut(&run).filter(|seat| seat.place == Place::Held(tick)) {
                    seat.was_held();
                    self.rested(run);
                }
            }
            Landed::Done => {}
        }
    }

    fn is_reached(&mut self, runs: &[RunId]) {
        for run in runs {
            if let Some(seat) = self.seats.get_mut(run) {
                seat.n_away = 0;
            }
        }
    }

    /// Nothing of the run is on its way any more.
    pub(super) fn rested(&mut self, run: RunId) {
        if let Some(seat) = self.seats.get_mut(&run) {
            seat.place = Place::Idle;
        }
        self.wake(run);
    }

    /// The log cannot be reached. What may have been sent is asked for until it is known, the rest is answered.
    pub(super) fn unavailable(&mut self, run: RunId) {
        self.refuse_waiting(run);
        let Some(seat) = self.seats.get_mut(&run) else { return };
        if seat.has_turns() || !seat.in_doubt.is_empty() {
            seat.n_away = seat.n_away.saturating_add(1);
            self.pause(run);
        } else {
            self.rested(run);
        }
    }

    /// Nobody waits for the log at this run any more, but those of whom nobody knows whether what they asked for is in it.
    pub(super) fn refuse_waiting(&mut self, run: RunId) {
        let Some(seat) = self.seats.get_mut(&run) else { return };
        seat.looks.drain(..).for_each(|waits| (waits.look)(Err(Error::Unavailable)));
        let turns = seat.take_turns().into_iter();
        let (unknown, others): (Vec<_>, Vec<_>) = turns.partition(|turn| !turn.sent.is_empty());
        seat.put_back(unknown);
        for turn in others {
            turn.answer(Err(Error::Unavailable));
        }
    }

    /// The run waits a moment before it is looked at again.
    pub(super) fn pause(&mut self, run: RunId) {
        let Some(seat) = self.seats.get_mut(&run) else { return };
        seat.place = Place::Busy;
        self.flights.push(flight::rest(run, (self.around.random)(), seat.n_losses.saturating_add(seat.n_away)));
    }

    fn loaded(&mut self, run: RunId, loaded: Loaded, tick: u64) {
        let Some(seat) = self.seats.get_mut(&run) else { return };
        seat.doubt = Doubt::None;
        match loaded {
            Loaded::Run { seen, events } => {
                let state = State::fold(events.iter().map(|logged| &*logged.event));
                let is_whole = state.seq == seen.seq && events.last().is_some_and(|last| last.commit == seen.head);
                if !is_whole && !is_on(Bug::TakeTornLoad) {
                    seat.n_torn += 1;
                    if seat.n_torn > MOST_TORN {
                        self.set_aside(run, "its log does not fit its row");
                    }
                    return;
                }
                seat.n_torn = 0;
                seat.absent = None;
                self.cache.put(run, Known::new(seen.head, state, tick));
                self.find_sent(run, &events);
            }
            Loaded::Missing => {
                self.cache.take(run);
                seat.absent = Some(tick);
                self.find_taken(run, &[]);
            }
            Loaded::Quarantined { reason } => self.is_aside(run, &reason),
        }
    }

    /// The log has it that an admin has to look at it first.
    pub(super) fn is_aside(&mut self, run: RunId, reason: &str) {
        self.cache.take(run);
        self.find_taken(run, &[]);
        let Some(seat) = self.seats.get_mut(&run) else { return };
        let error = Error::Quarantined(reason.to_owned());
        seat.looks.drain(..).for_each(|waits| (waits.look)(Err(error.clone())));
        seat.take_turns().into_iter().for_each(|turn| turn.answer(Err(error.clone())));
    }

    pub(super) fn newer(&mut self, run: RunId, newer: Newer, tick: u64) {
        let Some(seat) = self.seats.get_mut(&run) else { return };
        let has_lost = std::mem::take(&mut seat.doubt) == Doubt::HasLost;
        match newer {
            Newer::Nothing if has_lost && !is_on(Bug::KeepAfterHistoryCameAgain) => {
                // It lost against nothing: what is known is not the log's.
                self.read_anew(run);
            }
            Newer::Nothing => {
                if let Some(mut known) = self.cache.take(run) {
                    known.confirmed = tick;
                    self.cache.put(run, known);
                }
                self.find_taken(run, &[]);
            }
            Newer::Events(events) => {
                let Some(mut known) = self.cache.take(run) else { return };
                if known.catch_up(&events) {
                    known.confirmed = tick;
                    self.cache.put(run, known);
                    self.find_sent(run, &events);
                } else {
                    self.read_anew(run);
                }
            }
            Newer::Diverged if is_on(Bug::KeepAfterHistoryCameAgain) => {}
            Newer::Diverged => self.read_anew(run),
            Newer::Missing => {
                self.cache.take(run);
                seat.absent = Some(tick);
                self.find_taken(run, &[]);
            }
            Newer::Quarantined { reason } => self.is_aside(run, &reason),
        }
    }

    /// What is known of the run is forgotten, and read from its beginning.
    pub(super) fn read_anew(&mut self, run: RunId) {
        self.cache.take(run);
        if let Some(seat) = self.seats.get_mut(&run) {
            (seat.n_losses, seat.absent) = (0, None);
            seat.doubt = seat.doubt.max(Doubt::Unsure);
        }
    }

    /// What was sent and never answered may be among what the log has: then it is done.
    pub(super) fn find_sent(&mut self, run: RunId, events: &[Logged]) {
        self.find_taken(run, events);
        let Some(seat) = self.seats.get_mut(&run) else { return };
        let mut left = Vec::new();
        for turn in seat.take_turns() {
            let of_it = |logged: &&Logged| turn.sent.contains(&logged.commit) && logged.ask == turn.id;
            let found: Vec<_> = events.iter().filter(of_it).map(|logged| Arc::clone(&logged.event)).collect();
            match found.last().map(|last| last.seq) {
                Some(seq) => turn.answer(Ok(Answer { run, seq, events: found })),
                None => left.push(turn),
            }
        }
        seat.put_back(left);
    }

    pub(super) fn begin_alone(&mut self, run: RunId, lane: Lane) {
        let Some(known) = self.cache.take(run) else { return };
        let tick = self.next_tick();
        let Some(seat) = self.seats.get_mut(&run) else { return };
        seat.place = Place::Busy;
        let seen = known.seen();
        let session = flight::Session {
            run,
            tick,
            known: Some(known),
            turns: seat.take_turns(),
            newer: None,
            decided: None,
            lane,
            is_plain: seat.is_plain,
            options: self.options.clone(),
            shared: Arc::clone(&self.shared),
        };
        self.lanes.is_sent(lane);
        Stats::count(&self.shared.stats.alone, 1);
        self.flights.push(flight::alone(Arc::clone(&self.log), Arc::clone(&self.around), seen, session));
    }
}
