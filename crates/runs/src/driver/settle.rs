//! The ends of commits: what is written is applied and answered, what lost is decided again, what cannot be stored is taken apart until
//! the one command that is wrong is alone.

use std::sync::Arc;

use workflow::run::{Refused, State};

use super::{
    Driver,
    flight::{self, Fate, Session, Working},
    seat::Doubt,
};
use crate::{
    answer::{Answer, Error},
    bugs::{Bug, is_on},
    decision::Decided,
    hints::Change,
    ids::CommitId,
    log::{CommitFailed, Log, Newer, Outcome},
    shared::Stats,
    turn::Turn,
    witness::Before,
};

impl<L: Log> Driver<L> {
    pub(super) fn all_committed(&mut self, works: Vec<(Fate, Working)>, tick: u64, n_tries: u32) {
        let mut in_doubt = Vec::new();
        for (fate, work) in works {
            if fate.end == Err(CommitFailed::Unknown) {
                in_doubt.push(work);
            } else {
                self.committed(work, fate, tick);
            }
        }
        if n_tries > 0 {
            for work in &in_doubt {
                self.refuse_waiting(work.commit.run);
            }
        }
        self.ask_again(in_doubt, tick, n_tries);
    }

    /// Nobody knows what became of these: they are sent until somebody does, while other commits have their places. Meanwhile nothing else
    /// is decided about their runs.
    fn ask_again(&mut self, works: Vec<Working>, tick: u64, n_tries: u32) {
        if !works.is_empty() {
            let (log, around) = (Arc::clone(&self.log), Arc::clone(&self.around));
            self.flights.push(flight::again(log, around, works, tick, n_tries));
        }
    }

    pub(super) fn committed(&mut self, work: Working, fate: Fate, tick: u64) {
        let run = work.commit.run;
        match fate.end {
            Ok(Outcome::Written | Outcome::Found) => self.written(work, tick),
            Ok(Outcome::Locked) if is_on(Bug::LockedCountsAsWritten) => self.written(work, tick),
            Ok(Outcome::Lost) => self.lost(work, fate.was_unknown, true),
            Ok(Outcome::Locked) => {
                // Whoever holds it may be this very commit, delivered twice.
                self.lost(work, true, false);
                self.pause(run);
                return;
            }
            Ok(Outcome::ClockOff) => {
                // The clock follows the database's again, which it does not where the run goes alone. Nobody else was faster.
                self.undecide(work, fate.was_unknown);
                if let Some(seat) = self.seats.get_mut(&run) {
                    seat.n_losses = 0;
                }
            }
            Ok(Outcome::StartedAs(other)) => {
                self.give_back_taken(work.taken);
                let Working { committing, echoes, .. } = work;
                let turns = committing.into_iter().chain(echoes.into_iter().map(|(turn, _)| turn));
                turns.for_each(|turn| turn.answer(Ok(Answer { run: other, seq: 0, events: Vec::new() })));
            }
            Ok(Outcome::WorkerDead) => self.refused(work, fate.was_unknown, |_| Error::WorkerDead),
            Ok(Outcome::ReservationGone) => self.refused(work, fate.was_unknown, |_| Error::ReservationGone),
            Ok(Outcome::ContentGone) => self.refused(work, fate.was_unknown, |_| Error::ContentGone),
            Ok(Outcome::MessageGone) => {
                // Another process answered it, by putting it aside.
                let outdated = |seq| Error::Refused { seq, refused: Refused::Outdated };
                self.refused(work, fate.was_unknown, outdated);
            }
            Ok(Outcome::Data(reason)) => self.refused(work, fate.was_unknown, |_| Error::Data(reason.clone())),
            Ok(Outcome::Quarantined { reason }) => {
                self.undecide(work, false);
                self.is_aside(run, &reason);
            }
            Err(CommitFailed::Unknown) => {
                self.ask_again(vec![work], tick, 0);
                return;
            }
            Err(CommitFailed::Unavailable) => {
                self.undecide(work, fate.was_unknown);
                self.unavailable(run);
                return;
            }
        }
        self.rested(run);
    }

    fn written(&mut self, work: Working, tick: u64) {
        let Working { commit, known, begun, committing, taken, rest, echoes } = work;
        let run = commit.run;
        Stats::count(&self.shared.stats.written, 1);
        let before = self.shared.witness().map(|witness| {
            let state = known.as_ref().map(|known| &*known.state);
            Before::of(state, &commit, witness.follows_steps())
        });
        let known = if let Some(mut known) = known {
            known.apply(commit.id, commit.events()).then_some(known)
        } else {
            let state = begun.map_or_else(|| State::fold(commit.events()), |begun| *begun);
            Some(crate::cache::Known::new(commit.id, state, tick))
        };
        let seat = self.seats.entry(run).or_default();
        (seat.n_losses, seat.absent, seat.doubt, seat.is_plain) = (0, None, Doubt::None, false);
        // The head moved on without what was in doubt.
        self.find_taken(run, &[]);
        if let Some(mut known) = known {
            known.confirmed = tick;
            if known.state.run.finished_at.is_some() {
                // Nothing more is decided about it, mostly: it is kept once, for those who look at it.
                known.forget_ahead();
            }
            if let (Some(witness), Some(before)) = (self.shared.witness(), before) {
                witness.written(&before.then(&known.state, &commit));
            }
            let seq = known.state.seq;
            self.cache.put(run, known);
            self.shared.hints.changed(run, Change::of(&commit, seq, rest));
        }
        self.hand_over(&commit, taken);
        for (turn, part) in committing.into_iter().zip(commit.parts) {
            let seq = part.events.last().map_or(commit.expected_seq, |last| last.seq);
            turn.answer(Ok(Answer { run, seq, events: part.events }));
        }
        // They were decided on what is now the log's, and came before it was sent.
        for (turn, answer) in echoes {
            self.reply(turn, answer);
        }
    }

    /// Somebody else was faster, or is just about to be.
    fn lost(&mut self, work: Working, was_unknown: bool, is_sure: bool) {
        let run = work.commit.run;
        Stats::count(&self.shared.stats.lost, 1);
        self.undecide(work, was_unknown);
        if let Some(seat) = self.seats.get_mut(&run) {
            seat.n_losses += 1;
            seat.doubt = seat.doubt.max(if is_sure { Doubt::HasLost } else { Doubt::Unsure });
        }
    }

    /// The turns wait again, as if nothing had been decided.
    fn undecide(&mut self, work: Working, was_unknown: bool) {
        let run = work.commit.run;
        if let Some(mut known) = work.known {
            if !is_on(Bug::KeepAheadAfterLoss) {
                known.forget_ahead();
            }
            self.cache.put(run, known);
        }
        let sent = was_unknown.then_some(work.commit.id);
        let echoes = work.echoes.into_iter().map(|(turn, _)| turn);
        let turns = work.committing.into_iter().map(|turn| mark(turn, sent)).chain(echoes);
        let of_run = self.seats.entry(run).or_default();
        of_run.put_back(turns.collect());
        match (work.taken, sent) {
            (Some(taken), Some(sent)) => of_run.in_doubt.push((sent, taken)),
            (taken, _) => self.give_back_taken(taken),
        }
    }

    /// One of the commands was wrong. Alone it is told so; among others each is tried by itself, and what was taken beside them is not
    /// taken again.
    fn refused(&mut self, work: Working, was_unknown: bool, error: impl Fn(i64) -> Error) {
        let (run, seq) = (work.commit.run, work.commit.expected_seq);
        let n_parts = if is_on(Bug::DataErrorForAll) { 1 } else { work.committing.len() };
        if n_parts > 1 || work.taken.is_some() {
            let is_taken = work.taken.is_some();
            self.undecide(work, was_unknown);
            if let Some(seat) = self.seats.get_mut(&run) {
                seat.is_plain = true;
                if n_parts > 1 && !is_taken {
                    seat.make_single();
                }
            }
            return;
        }
        let Working { known, committing, echoes, .. } = work;
        if let Some(mut known) = known {
            known.forget_ahead();
            self.cache.put(run, known);
        }
        for turn in committing {
            turn.answer(Err(error(seq)));
        }
        let seat = self.seats.entry(run).or_default();
        seat.is_plain = false;
        seat.put_back(echoes.into_iter().map(|(turn, _)| turn).collect());
    }

    pub(super) fn was_alone(&mut self, session: Session, fate: Option<Fate>) {
        let Session { run, tick, known, turns, newer, decided, .. } = session;
        let found = match newer {
            Some(Newer::Events(events)) => events,
            Some(Newer::Diverged) if is_on(Bug::KeepAfterHistoryCameAgain) => Vec::new(),
            Some(Newer::Diverged | Newer::Missing) => {
                // Nothing can be decided on what is known.
                self.seats.entry(run).or_default().put_back(turns);
                self.read_anew(run);
                self.rested(run);
                return;
            }
            Some(Newer::Quarantined { reason }) => {
                self.seats.entry(run).or_default().put_back(turns);
                self.is_aside(run, &reason);
                self.rested(run);
                return;
            }
            _ => Vec::new(),
        };
        self.seats.entry(run).or_default().put_back(turns);
        let Some(decided) = decided else {
            // It could not be locked, or what was sent before is among what came.
            let is_there = !found.is_empty();
            if let Some(mut known) = known {
                known.forget_ahead();
                self.cache.put(run, known);
            }
            self.find_sent(run, &found);
            if is_there {
                self.rested(run);
            } else {
                self.pause(run);
            }
            return;
        };
        if let Some(reason) = decided.panicked {
            self.give_back_taken(decided.taken);
            let echoes = decided.echoes.into_iter().map(|(turn, _)| turn);
            let turns = decided.committing.into_iter().chain(echoes).chain(decided.left);
            self.seats.entry(run).or_default().put_back(turns.collect());
            self.set_aside(run, &reason);
            return;
        }
        self.seats.entry(run).or_default().put_back(decided.left);
        if let (Some(commit), Some(fate)) = (decided.commit, fate) {
            // What came before it was decided on, and is in it.
            self.find_taken(run, &found);
            let Decided { committing, taken, rest, echoes, begun, .. } = decided;
            self.committed(Working { commit, known, begun, committing, taken, rest, echoes }, fate, tick);
            return;
        }
        // All of it changes nothing, and the run was locked while that was decided.
        if let Some(mut known) = known {
            known.confirmed = tick;
            self.cache.put(run, known);
        }
        if let Some(seat) = self.seats.get_mut(&run) {
            (seat.n_losses, seat.doubt) = (0, Doubt::None);
        }
        self.echo(run, decided.echoes, Some(tick));
        self.rested(run);
    }
}

fn mark(mut turn: Turn, sent: Option<CommitId>) -> Turn {
    turn.sent.extend(sent);
    turn
}
