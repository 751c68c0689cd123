//! What a server does for workers outside, in short (`service::worker` does it over Postgres): sessions are workers, their claims start steps,
//! their beats say what they hold, and results are told to the run. Calls reach any process that is there, and may never be answered.
//! It must never do for a worker what the protocol leaves to it: that is what is simulated.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use runs::{
    Answer, Ask, Beat, Content, Error, Log as _, Ready,
    memory::{Connection, Rng, Stored},
    reserve_again,
};
use tokio::time::{Instant, sleep, timeout};
use workflow::{
    RunId, StepKey,
    agent::{queue, queued},
    id::WorkerId,
    run::{
        Command,
        command::{AttemptResult, Finished},
        state::{Attempt, Status, Wait, Work},
        testing::Dice,
    },
    status::ErrorClass,
};

use super::{library::OUTSIDE, stage::Stage};
use crate::bugs::{Bug, is_on};

/// Whoever calls waits no longer for an answer.
const LONGEST_CALL: Duration = Duration::from_secs(10);
/// What no beat names for so long is given back.
const UNNAMED_FOR: Duration = Duration::from_millis(4_500);
/// It is tried at every beat, and processes stand still for 45 s at most.
const LONGEST_UNNAMED: Duration = Duration::from_secs(100);

/// An attempt as its token names it.
pub(super) type Place = (RunId, StepKey, i32);

/// What its worker hears.
pub(super) enum Beaten {
    /// Of what it named this is not its own any more.
    Ok {
        fenced: Vec<Place>,
    },
    /// It has to register anew.
    Gone,
    NoAnswer,
}

/// A session, as servers know it.
pub(super) struct Session {
    pub(super) stage: Arc<Stage>,
    pub(super) id: WorkerId,
    connection: Connection,
    timeline: i64,
    /// What it holds and did not name, since when.
    unnamed: Mutex<BTreeMap<Place, Instant>>,
}

impl Session {
    /// None: nobody answered.
    pub(super) async fn register(stage: &Arc<Stage>) -> Option<Self> {
        let connection = Connection::new(stage.world.memory.clone());
        let id = WorkerId(stage.world.new_id());
        stage.register(id);
        match connection.beat(id).await {
            Ok(Beat::Alive { timeline }) => {
                Some(Self { stage: Arc::clone(stage), id, connection, timeline, unnamed: Mutex::default() })
            }
            _ => None,
        }
    }

    fn unnamed(&self) -> MutexGuard<'_, BTreeMap<Place, Instant>> {
        self.unnamed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Steps that started for it; none where there are none, or nobody answered.
    pub(super) async fn claim(&self, rng: &mut Rng, n: usize) -> Vec<(RunId, Attempt)> {
        let kinds = [queue(&OUTSIDE.into(), "0")];
        let found = self.connection.claimable(self.id, &kinds, None, &[], n).await.unwrap_or_default();
        let mut of_run: BTreeMap<RunId, Vec<StepKey>> = BTreeMap::new();
        for Ready { run, step, .. } in found {
            of_run.entry(run).or_default().push(step);
        }
        let mut begun = Vec::new();
        for (run, steps) in of_run {
            let Some(runs) = self.stage.world.pick(rng) else { continue };
            let command = Command::StartSteps { worker: self.id, steps: steps.clone(), build: None };
            let answer = self.stage.world.ask(&runs, Ask::itself(run, command));
            match timeout(LONGEST_CALL, answer).await {
                Ok(Ok(answer)) => {
                    let started = answer.events.iter().flat_map(|event| &event.data.attempts);
                    let own = started.filter(|attempt| attempt.worker == Some(self.id) && attempt.outcome.is_none());
                    begun.extend(own.map(|attempt| (run, attempt.clone())));
                }
                Ok(Err(Error::ReservationGone)) => reserve_again(&runs, &self.connection, run, steps).await,
                // The next beat says why.
                Ok(Err(_)) | Err(_) => {}
            }
        }
        begun
    }

    /// It is there, and has these tasks.
    pub(super) async fn beat(&self, named: &BTreeSet<Place>) -> Beaten {
        match self.connection.beat(self.id).await {
            Ok(Beat::Alive { timeline }) if timeline == self.timeline => {}
            Ok(_) => return Beaten::Gone,
            Err(_) => return Beaten::NoAnswer,
        }
        let Ok(held) = self.connection.look(|stored| held(stored, self.id)).await else { return Beaten::NoAnswer };
        for place in self.to_give_back(&held, named) {
            let command = Command::Finished(Box::new(finished(&place, self.id, AttemptResult::Released)));
            let (stage, mut rng) = (Arc::clone(&self.stage), self.stage.world.fork());
            // What is not told now is not named by the next beat either.
            tokio::spawn(async move { call(&stage, &mut rng, Ask::itself(place.0, command)).await });
        }
        let fenced = named.difference(&held).filter(|_| !is_on(Bug::TellsNoEnd));
        Beaten::Ok { fenced: fenced.cloned().collect() }
    }

    fn to_give_back(&self, held: &BTreeSet<Place>, named: &BTreeSet<Place>) -> Vec<Place> {
        let mut unnamed = self.unnamed();
        unnamed.retain(|place, _| held.contains(place) && !named.contains(place));
        for place in held.difference(named) {
            unnamed.entry(place.clone()).or_insert_with(Instant::now);
        }
        if let Some(((run, step, number), _)) = unnamed.iter().find(|(_, since)| since.elapsed() > LONGEST_UNNAMED) {
            self.stage.world.violated(format!(
                "run {run}: attempt {number} of {step} stays with a worker that has not heard of it"
            ));
        }
        let is_long = |(_, since): &(&Place, &Instant)| since.elapsed() > UNNAMED_FOR && !is_on(Bug::LeavesUnnamed);
        unnamed.iter().filter(is_long).map(|(place, _)| place.clone()).collect()
    }
}

fn held(stored: &Stored, session: WorkerId) -> BTreeSet<Place> {
    let of_run = stored.runs.iter().flat_map(|(run, row)| {
        let steps = row.state.held_by(session);
        steps.filter_map(|step| Some((*run, step.key.clone(), row.state.attempts(&step.key).last()?.number)))
    });
    of_run.collect()
}

/// The end of an attempt that made nothing.
pub(super) fn finished((_, step, number): &Place, worker: WorkerId, result: AttemptResult) -> Finished {
    Finished::new(step.clone(), *number, worker, result)
}

/// Asks a run by way of some process. None: nobody knows whether it was done.
pub(super) async fn call(stage: &Stage, rng: &mut Rng, ask: Ask) -> Option<Result<Answer, Error>> {
    let runs = stage.world.pick(rng)?;
    match timeout(LONGEST_CALL, stage.world.ask(&runs, ask)).await {
        Ok(Err(Error::Unavailable | Error::Stopped)) | Err(_) => None,
        Ok(answer) => Some(answer),
    }
}

/// Tells how an attempt ended, with what it made, until that is known to be told or not wanted any more.
pub(super) async fn tell(stage: &Stage, rng: &mut Rng, place: &Place, mut command: Command, contents: Vec<Content>) {
    let run = place.0;
    loop {
        let ask = Ask { contents: contents.clone(), ..Ask::itself(run, command.clone()) };
        match call(stage, rng, ask.clone()).await {
            None => sleep(Duration::from_millis(50 + rng.short(500))).await,
            Some(Err(Error::Data(_))) => {
                let Command::Finished(done) = &mut command else { return };
                let (class, error) = (ErrorClass::InvalidOutput, "it cannot be stored".to_owned());
                done.result = AttemptResult::Failed { class, error, retry_after_ms: None };
            }
            Some(Ok(_)) if rng.one_in(6) => {
                // Its answer was lost on the way: the same again, and it does nothing more.
                if let Some(Ok(again)) = call(stage, rng, ask).await
                    && !again.events.is_empty()
                    && !stage.world.may_have_gone_back()
                {
                    stage.world.violated("the result of a worker outside had two effects");
                }
                return;
            }
            Some(_) => return,
        }
    }
}

/// Tasks whose time is over are ended by any process; those that wait for somebody else, at some time.
pub(super) async fn end_due(stage: Arc<Stage>) {
    let mut rng = stage.world.fork();
    let connection = Connection::new(stage.world.memory.clone());
    loop {
        sleep(Duration::from_millis(1_000 + rng.short(1_000))).await;
        let now = stage.world.memory.now();
        let Ok(due) = connection.look(|stored| due(stored, now)).await else { continue };
        for (place, worker, token) in due {
            if token.is_empty() || rng.one_in(20) {
                let (class, error) = (ErrorClass::Timeout, "its time is over".to_owned());
                let result = AttemptResult::Failed { class, error, retry_after_ms: None };
                let done = Box::new(finished(&place, worker, result));
                // The next look does it else.
                let _ = call(&stage, &mut rng, Ask::itself(place.0, Command::CalledBack { token, done })).await;
            }
        }
    }
}

/// With the secret that is waited for, if it is.
fn due(stored: &Stored, now: DateTime<Utc>) -> Vec<(Place, WorkerId, String)> {
    let of_run = stored.runs.iter().flat_map(|(run, row)| {
        let state = &row.state;
        let due = state.steps().filter_map(move |step| {
            queued(&state.design.plan(step.definition_key())?.kind)?;
            let last = state.attempts(&step.key).last()?;
            let limit = TimeDelta::seconds(state.design.step(step.definition_key())?.timeout_s.into());
            let token = match &step.status {
                Status::Running(Work::Attempt { .. }) if last.started_at + limit < now => String::new(),
                Status::Running(Work::Suspended { wait: Wait::Callback { token } }) => token.clone(),
                _ => return None,
            };
            Some(((*run, step.key.clone(), last.number), last.worker?, token))
        });
        due.collect::<Vec<_>>()
    });
    of_run.collect()
}
