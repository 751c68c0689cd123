//! The turn of a run: its commands are decided one after the other, each over what the ones before it came to, and go into one commit; in
//! the end the steps that it sets free are taken, if this process has room. Pure but for the clock, the random numbers and the taker.
//! What changes nothing is kept apart: it is an answer only where the state that was decided on is known to be the log's.

mod deciding;
mod hand_off;
mod making;

use std::sync::Arc;

use workflow::{id::RunId, run::State};

use crate::{
    answer::{Answer, Error},
    cache::Known,
    commit::RunCommit,
    ids::CommitId,
    options::Options,
    shared::{Stats, Surroundings},
    taker::{Rest, Taker},
    turn::Turn,
};
use deciding::Deciding;
pub(crate) use hand_off::Taken;
use making::Making;

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
    pub(crate) rest: Rest,
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
                Ok(handed) => (decided.taken, decided.rest) = handed,
                Err(panic) => decided.panicked = Some(panic),
            }
        }
        let random = around.random.as_ref();
        let commit_id = || CommitId(uuid::Builder::from_random_bytes(random().to_be_bytes()).into_uuid());
        (decided.commit, decided.begun) = making.finish(run, turn_of.now, commit_id);
        decided
    }
}
