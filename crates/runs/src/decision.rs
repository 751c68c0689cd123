//! The turn of a run: its commands are decided one after the other, each over what the ones before it came to, and go into one commit.
//! Pure but for the clock and the random numbers that come in. What changes nothing is kept apart: it is an answer only where the state
//! that was decided on is known to be the log's.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::oneshot;
use uuid::Uuid;
use workflow::{
    id::{RunId, StepKey},
    run::{
        Command, Context, Refused, RunEvent, State, decide,
        state::{Admission, Status, Step, Work},
    },
};

use crate::{
    answer::{Answer, Error},
    ask::{Ask, By},
    cache::Known,
    commit::{AskId, CommitId, Part, RunCommit},
    runs::{Options, Stats, Surroundings},
    size,
};

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
    /// The commands whose events it has, in the order of its parts.
    pub(crate) committing: Vec<Turn>,
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
}

impl Turns<'_> {
    pub(crate) fn decide(mut self, turns: Vec<Turn>) -> Decided {
        let empty = State::empty();
        let mut decided = Decided::default();
        let decided_at = self.around.clock.now();
        let mut commit = RunCommit {
            run: self.run,
            id: CommitId(uuid::Builder::from_random_bytes((self.around.random)().to_be_bytes()).into_uuid()),
            expected: self.known.as_ref().map(|known| known.head),
            expected_seq: self.known.as_ref().map_or(0, |known| known.state.seq),
            decided_at,
            parts: Vec::new(),
            start: None,
            worker: None,
            holds: BTreeSet::new(),
            frees: BTreeSet::new(),
            n_rows: 0,
            n_bytes: 0,
        };
        debug_assert_ne!(commit.id.0, Uuid::nil());
        let mut turns = turns.into_iter();
        while let Some(turn) = turns.next() {
            if !self.has_room(&commit, &turn) || decided.panicked.is_some() {
                decided.left.push(turn);
                decided.left.extend(turns);
                break;
            }
            let is_over = !commit.parts.is_empty();
            if let Some(known) = self.known.as_deref_mut()
                && is_over
                && known.ahead.is_none()
            {
                // From the second command on there is something to decide over.
                let mut ahead = known.state.clone();
                commit.events().for_each(|event| {
                    ahead.apply(event);
                });
                known.ahead = Some(ahead);
            }
            let state: &State = match &self.known {
                Some(known) => known.ahead.as_deref().unwrap_or(&known.state),
                None => &empty,
            };
            Stats::count(&self.stats.decisions, 1);
            match self.one(state, &turn, decided_at) {
                Err(panic) => {
                    decided.panicked = Some(panic);
                    decided.left.push(turn);
                }
                Ok(Ok(events)) if !events.is_empty() => {
                    add_keys(&mut commit, state, &events);
                    if let Command::StartSteps { worker, .. } = turn.ask.command {
                        commit.worker = Some(worker);
                    }
                    commit.start = commit.start.take().or_else(|| turn.ask.start.clone());
                    if let Some(ahead) = self.known.as_deref_mut().and_then(|known| known.ahead.as_mut()) {
                        for event in &events {
                            ahead.apply(event);
                        }
                    }
                    let contents = turn.ask.contents.clone();
                    commit.n_rows += events.iter().map(size::rows_of).sum::<usize>() + contents.len();
                    commit.n_bytes += events.iter().map(size::of_event).sum::<usize>()
                        + contents.iter().map(|content| content.bytes.len()).sum::<usize>();
                    let events = events.into_iter().map(Arc::new).collect();
                    commit.parts.push(Part { ask: turn.id, events, contents, message: turn.ask.message });
                    decided.committing.push(turn);
                }
                Ok(Ok(_)) => {
                    let answer = Answer { run: self.run, seq: state.seq, events: Vec::new() };
                    decided.echoes.push((turn, Ok(answer)));
                }
                Ok(Err(refused)) => {
                    let seq = state.seq;
                    decided.echoes.push((turn, Err(Error::Refused { seq, refused })));
                }
            }
        }
        if !commit.parts.is_empty() {
            decided.commit = Some(commit);
        }
        decided
    }

    fn has_room(&self, commit: &RunCommit, turn: &Turn) -> bool {
        if commit.parts.is_empty() {
            return true;
        }
        let is_other_worker = match turn.ask.command {
            Command::StartSteps { worker, .. } => commit.worker.is_some_and(|taken| taken != worker),
            _ => false,
        };
        // A run that begins does so in a commit of its own: others are decided on what it then is.
        self.known.is_some()
            && !turn.is_single
            && !is_other_worker
            && commit.n_rows < self.options.batch_rows
            && commit.n_bytes < self.options.batch_bytes
    }

    fn one(
        &self,
        state: &State,
        turn: &Turn,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<Result<Vec<RunEvent>, Refused>, String> {
        let (actor, was_asked, request) = match &turn.ask.by {
            By::Itself => (None, false, None),
            By::Person { actor, was_asked, request } => (Some(actor), *was_asked, request.as_ref()),
        };
        let random = (self.around.random)();
        let ctx = Context { now, random, actor, was_asked, request, agents: &turn.ask.agents };
        // It changes nothing, so there is nothing that a panic could leave half done.
        catch_unwind(AssertUnwindSafe(|| decide(state, &turn.ask.command, &ctx))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("decide panicked").to_owned()
        })
    }
}

/// What the events say of the concurrency keys of steps: held from now on, or given back.
fn add_keys(commit: &mut RunCommit, before: &State, events: &[RunEvent]) {
    let moved = events.iter().find_map(|event| event.data.moved.as_ref());
    let has_keys = |key: &StepKey| {
        let (of, _) = key.split();
        let now = moved.and_then(|moved| moved.steps.iter().find(|plan| plan.key == of));
        before.design.plan(&of).into_iter().chain(now).any(|plan| !plan.keys.is_empty())
    };
    let mut last: BTreeMap<&StepKey, Option<&Step>> = BTreeMap::new();
    for event in events {
        last.extend(event.data.steps.iter().map(|step| (&step.key, Some(step))));
        last.extend(event.data.removed.iter().map(|key| (key, None)));
    }
    for (key, step) in last {
        if !has_keys(key) {
            continue;
        }
        let admission = step.and_then(|step| step.status.admission());
        let works = step.is_some_and(|step| matches!(step.status, Status::Running(Work::Attempt { .. })));
        if works || admission == Some(Admission::Claimable) {
            commit.frees.remove(key);
            commit.holds.insert(key.clone());
        } else if admission != Some(Admission::Reserving) {
            commit.holds.remove(key);
            commit.frees.insert(key.clone());
        }
    }
}
