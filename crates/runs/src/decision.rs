//! The turn of a run: its commands are decided one after the other, each over what the ones before it came to, and go into one commit; in
//! the end the steps that it sets free are taken, if this process has room. Pure but for the clock, the random numbers and the taker.
//! What changes nothing is kept apart: it is an answer only where the state that was decided on is known to be the log's.

mod hand_off;
mod making;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;
use workflow::{
    id::RunId,
    run::{Context, Refused, RunEvent, State, decide},
};

use crate::{
    answer::{Answer, Error},
    ask::{Ask, By},
    cache::Known,
    commit::{AskId, CommitId, RunCommit},
    runs::{Options, Stats, Surroundings},
    taker::Taker,
};
pub(crate) use hand_off::Taken;
use making::Making;

/// A command that waits for its turn.
pub(crate) struct Turn {
    pub(crate) id: AskId,
    pub(crate) ask: Ask,
    pub(crate) reply: oneshot::Sender<Result<Answer, Error>>,
    /// The tick of the driver in which it came.
    pub(crate) arrived: u64,
    /// Commits that may have it, or yet have it: nobody knows.
    pub(crate) sent: Vec<CommitId>,
    /// It is not to share a commit with others: one of them was wrong.
    pub(crate) is_single: bool,
}

impl Turn {
    pub(crate) fn answer(self, answer: Result<Answer, Error>) {
        // Whoever asked may be gone.
        let _ = self.reply.send(answer);
    }
}

/// What the commands of one run came to.
#[derive(Default)]
pub(crate) struct Decided {
    pub(crate) commit: Option<RunCommit>,
    /// Of a run that begins: what it is then.
    pub(crate) begun: Option<Box<State>>,
    /// The commands whose events it has, in the order of its parts.
    pub(crate) committing: Vec<Turn>,
    /// Steps that it takes: its last part.
    pub(crate) taken: Option<Taken>,
    /// The commands that change nothing, and what is said of them.
    pub(crate) echoes: Vec<(Turn, Result<Answer, Error>)>,
    /// There was no room for them.
    pub(crate) left: Vec<Turn>,
    /// `decide` did not answer.
    pub(crate) panicked: Option<String>,
}

pub(crate) struct Turns<'a> {
    pub(crate) run: RunId,
    pub(crate) known: Option<&'a mut Known>,
    pub(crate) around: &'a Surroundings,
    pub(crate) options: &'a Options,
    pub(crate) stats: &'a Stats,
    /// None: what is set free is left to claims.
    pub(crate) taker: Option<Arc<dyn Taker>>,
}

impl Turns<'_> {
    pub(crate) fn decide(self, turns: Vec<Turn>) -> Decided {
        let Self { run, known, around, options, stats, taker } = self;
        let mut making = Making::over(known);
        let turn_of = Deciding { around, stats, now: around.clock.now() };
        let mut decided = Decided::default();
        let mut turns = turns.into_iter();
        while let Some(turn) = turns.next() {
            if !making.has_room(&turn, options) || decided.panicked.is_some() {
                decided.left.push(turn);
                decided.left.extend(turns);
                break;
            }
            making.look_ahead();
            let seq = making.state().seq;
            match turn_of.decide(making.state(), &turn.ask) {
                Err(panic) => {
                    decided.panicked = Some(panic);
                    decided.left.push(turn);
                }
                Ok(Ok(events)) if !events.is_empty() => {
                    making.add_turn(&turn, events);
                    decided.committing.push(turn);
                }
                Ok(Ok(_)) => decided.echoes.push((turn, Ok(Answer { run, seq, events: Vec::new() }))),
                Ok(Err(refused)) => decided.echoes.push((turn, Err(Error::Refused { seq, refused }))),
            }
        }
        if let Some(taker) = taker
            && decided.panicked.is_none()
            && !making.is_empty()
        {
            match hand_off::hand_off(&mut making, &turn_of, options, &*taker, run) {
                Ok(taken) => decided.taken = taken,
                Err(panic) => decided.panicked = Some(panic),
            }
        }
        let random = around.random.as_ref();
        let commit_id = || CommitId(uuid::Builder::from_random_bytes(random().to_be_bytes()).into_uuid());
        (decided.commit, decided.begun) = making.finish(run, turn_of.now, commit_id);
        decided
    }
}

/// What every decision of one commit has in common.
struct Deciding<'a> {
    around: &'a Surroundings,
    stats: &'a Stats,
    now: DateTime<Utc>,
}

impl Deciding<'_> {
    /// The outer error: it panicked.
    fn decide(&self, state: &State, ask: &Ask) -> Result<Result<Vec<RunEvent>, Refused>, String> {
        Stats::count(&self.stats.decisions, 1);
        let (actor, was_asked, request) = match &ask.by {
            By::Itself => (None, false, None),
            By::Person { actor, was_asked, request } => (Some(actor), *was_asked, request.as_ref()),
        };
        let ctx = Context {
            now: self.now,
            random: (self.around.random)(),
            actor,
            was_asked,
            request,
            disabled: &ask.disabled,
            agents: &ask.agents,
        };
        // It changes nothing, so there is nothing that a panic could leave half done.
        catch_unwind(AssertUnwindSafe(|| decide(state, &ask.command, &ctx))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("decide panicked").to_owned()
        })
    }
}
