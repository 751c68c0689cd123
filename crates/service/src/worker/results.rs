//! Results of attempts: told by the session that holds them, each once, whatever is repeated.
//! Must never commit what another session made, nor what does not have the promised form.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use runs::{Answer, Ask, Content};
use store::outside::{beats::Place, tasks::HandedOut};
use tokio_util::sync::CancellationToken;
use workflow::{
    RunId,
    id::WorkerId,
    resolve::item_basis,
    run::{
        Command, Refused, State,
        command::{AttemptResult, Finished, NEVER_MS},
        state::{Status as StepStatus, Work},
        task::Task,
    },
    status::{ErrorClass, Outcome as Ended},
    view::Usage,
};

use super::{
    Caller, Workers,
    known::Live,
    limits, place,
    wire::{self, Complete, Completed, FailureClass, Outcome, OutputProblem, Status, StatusOfResult, Word},
};
use crate::{Error, Result};

/// Results that are committed at the same time, for one call.
const AT_ONCE: usize = 32;

/// What a result is about, as the run has it.
pub(super) struct About {
    pub(super) task: Task,
    /// It runs for a worker now.
    is_running: bool,
}

impl About {
    pub(super) fn is_running(&self) -> bool {
        self.is_running
    }
}

impl Workers {
    /// A status for each result; then what may start now, for the slots that are free.
    pub async fn complete(&self, caller: &Caller, session: WorkerId, complete: Complete) -> Result<Completed> {
        let live = self.session(caller, session).await?;
        if complete.results.len() > limits::MAX_RESULTS {
            let detail = format!("There are more than {} results. Send them in several calls.", limits::MAX_RESULTS);
            return Err(Error::too_large("results", detail));
        }
        for (n, result) in complete.results.iter().enumerate() {
            check(&format!("results.{n}."), result)?;
        }
        let told = stream::iter(complete.results).map(|result| {
            let live = Arc::clone(&live);
            async move {
                let token = result.token.clone();
                let status = match place::read(&token) {
                    Some(place) => self.settle(live.id, &place, result).await?,
                    None => Status::Fenced,
                };
                Ok::<_, Error>(StatusOfResult { token, status })
            }
        });
        let results: Vec<Result<StatusOfResult>> = told.buffered(AT_ONCE).collect().await;
        self.freed(&live);
        let results = results.into_iter().collect::<Result<Vec<_>>>()?;
        let tasks = match complete.claim {
            Some(claim) if claim.max > 0 => self.claim_now(&live, claim.max).await?,
            _ => Vec::new(),
        };
        Ok(Completed { results, tasks })
    }

    /// The same for one result, which is refused in words.
    pub async fn complete_one(
        &self,
        caller: &Caller,
        session: WorkerId,
        token: &str,
        result: Outcome,
    ) -> Result<Status> {
        let live = self.session(caller, session).await?;
        check("", &result)?;
        let place = place::read(token).ok_or(Error::NotFound)?;
        let status = self.settle(live.id, &place, result).await;
        self.freed(&live);
        match status? {
            Status::Fenced => Err(Error::Fenced),
            Status::InvalidOutput { problems } => Err(Error::InvalidOutput { problems }),
            status => Ok(status),
        }
    }

    async fn claim_now(&self, live: &Arc<Live>, max: usize) -> Result<Vec<wire::Task>> {
        // What was committed just now may have set something free.
        self.0.queue.wake();
        let nobody_left = CancellationToken::new();
        let begun = self.take(live, max.min(limits::MAX_TASKS_OF_CLAIM), Duration::ZERO, &nobody_left).await?;
        self.hand_out(live, begun).await
    }

    /// Waits for work. `left`: whoever asked has left, perhaps for good, so nothing is handed to them.
    pub async fn claim(
        &self,
        caller: &Caller,
        session: WorkerId,
        claim: wire::Claim,
        left: &CancellationToken,
    ) -> Result<Vec<wire::Task>> {
        let live = self.session(caller, session).await?;
        let most = usize::try_from(limits::MAX_SLOTS).unwrap_or(usize::MAX);
        if !(1..=most).contains(&claim.max) {
            return Err(Error::invalid("max", format!("Ask for 1 to {most} tasks.")));
        }
        let max = claim.max.min(limits::MAX_TASKS_OF_CLAIM);
        // Whoever comes with a token that ends meanwhile is answered then.
        let wait = Duration::from_millis(claim.wait_ms).min(caller.stands_for());
        let begun = self.take(&live, max, wait, left).await?;
        if left.is_cancelled() {
            self.give_all_back(&live, begun).await;
            return Ok(Vec::new());
        }
        self.hand_out(&live, begun).await
    }

    /// Commits one result, or says why not.
    pub(super) async fn settle(&self, session: WorkerId, place: &Place, result: Outcome) -> Result<Status> {
        if result.outcome == Word::Waiting {
            return self.suspend(session, place, result.resume_within_s).await;
        }
        let Some(handed_out) = self.0.store.task(place).await? else { return Ok(Status::Fenced) };
        if handed_out.session != session {
            return Ok(Status::Fenced);
        }
        let Some(about) = self.about(place, session).await? else { return Ok(Status::Fenced) };
        if result.outcome == Word::Cancelled && about.task.attempt.outcome == Some(Ended::Cancelled) {
            // Nobody wanted it any more, which its worker heard.
            return Ok(Status::Already);
        }
        let told = self.told(session, &about, &handed_out, result).await?;
        let Told { done, contents, problems } = told;
        let error = match &done.result {
            AttemptResult::Failed { error, .. } if about.is_running => Some(error.clone()),
            _ => None,
        };
        let command = Command::Finished(Box::new(done.clone()));
        let status = match self.commit(place.run, command, contents, problems).await {
            // Nor at any later time: the attempt fails, instead of running on.
            Err(Error::Unstorable(reason)) => {
                tracing::error!(run.id = %place.run, step.key = %place.step, reason, "a result cannot be stored");
                let (class, error) = (ErrorClass::InvalidOutput, "The result could not be stored".to_owned());
                let result = AttemptResult::Failed { class, error: error.clone(), retry_after_ms: None };
                let done = Finished::new(done.step, done.attempt, done.worker, result);
                let problems = vec![OutputProblem { field: "outputs".into(), message: error }];
                self.commit(place.run, Command::Finished(Box::new(done)), Vec::new(), problems).await?
            }
            status => status?,
        };
        if let (Status::Committed | Status::InvalidOutput { .. }, Some(error)) = (&status, error) {
            self.0.store.note_worker_error(session, &error).await?;
        }
        self.0.told.forget(place);
        Ok(status)
    }

    /// The attempt as the run has it, where this session had it last.
    pub(super) async fn about(&self, place: &Place, session: WorkerId) -> Result<Option<About>> {
        let look = |place: Place| {
            move |state: Option<&State>| {
                let task = Task::of(state?, &place.step, place.number)?;
                let is_running = task.step.status == StepStatus::Running(Work::Attempt { worker: session });
                Some(About { is_running: is_running && task.attempt.outcome.is_none(), task })
            }
        };
        let known = self.0.runs.read(place.run, 0, look(place.clone())).await?;
        let is_its = |about: &About| about.is_running && about.task.attempt.worker == Some(session);
        // Another process may have started it, or ended it.
        let about = match known.filter(is_its) {
            Some(about) => Some(about),
            None => self.0.runs.read_now(place.run, look(place.clone())).await?,
        };
        Ok(about.filter(|about| about.task.attempt.worker == Some(session)))
    }

    /// An attempt that is not over, whoever has it.
    pub(super) async fn waiting(&self, place: &Place) -> Result<Option<About>> {
        let (key, number) = (place.step.clone(), place.number);
        let look = move |state: Option<&State>| {
            let task = Task::of(state?, &key, number)?;
            let is_open = task.attempt.outcome.is_none();
            is_open.then_some(About { is_running: false, task })
        };
        Ok(self.0.runs.read_now(place.run, look).await?)
    }

    /// The result as its run takes it.
    pub(super) async fn told(
        &self,
        session: WorkerId,
        about: &About,
        handed_out: &HandedOut,
        result: Outcome,
    ) -> Result<Told> {
        let task = &about.task;
        let (mut contents, mut problems) = (Vec::new(), Vec::new());
        let outcome = match result.outcome {
            Word::Completed => {
                let spec = match task.plan() {
                    Some(plan) => self.0.agent(&plan.agent_id, plan.agent_version).await?,
                    None => None,
                };
                let made = match spec {
                    Some(spec) => self.0.outputs(session, &spec, result.outputs).await?,
                    None => Err(vec![OutputProblem {
                        field: "outputs".into(),
                        message: "The agent of this step is not in the library any more".into(),
                    }]),
                };
                match made {
                    Ok(made) => {
                        // A result that comes too late keeps nothing.
                        if !made.files.is_empty() && task.attempt.outcome.is_none() {
                            self.0.store.keep_files(task.run(), &made.files).await?;
                        }
                        contents = made.contents;
                        AttemptResult::Succeeded(made.versions)
                    }
                    Err(faults) => {
                        problems = faults;
                        let class = ErrorClass::InvalidOutput;
                        AttemptResult::Failed { class, error: in_words(&problems), retry_after_ms: None }
                    }
                }
            }
            Word::Failed => failed(result.error),
            Word::Cancelled => AttemptResult::Failed {
                class: ErrorClass::Permanent,
                error: "Its worker stopped it by itself".to_owned(),
                retry_after_ms: None,
            },
            Word::Released | Word::Waiting => AttemptResult::Released,
        };
        let consumed = handed_out.consumed.clone();
        let basis = task.step.item.as_ref().and(task.attempt.basis.as_ref());
        let done = Finished {
            item_basis: basis.map(|basis| item_basis(&consumed, basis)),
            inputs: consumed,
            usage: result.usage.as_ref().map(usage),
            ..Finished::new(task.key().clone(), task.attempt.number, session, outcome)
        };
        Ok(Told { done, contents, problems })
    }

    pub(super) async fn commit(
        &self,
        run: RunId,
        command: Command,
        contents: Vec<Content>,
        problems: Vec<OutputProblem>,
    ) -> Result<Status> {
        let ask = Ask { contents, ..Ask::itself(run, command) };
        match self.0.runs.execute(ask).await {
            Ok(_) if !problems.is_empty() => Ok(Status::InvalidOutput { problems }),
            Ok(Answer { events, .. }) if events.is_empty() => Ok(Status::Already),
            Ok(_) => Ok(Status::Committed),
            // Of a run that is set aside whatever ran in it starts again, once an admin has looked at it.
            Err(
                runs::Error::Refused { refused: Refused::Fenced | Refused::NotFound, .. } | runs::Error::Quarantined(_),
            ) => Ok(Status::Fenced),
            Err(error) => Err(error.into()),
        }
    }
}

/// A result as it is committed.
pub(super) struct Told {
    pub(super) done: Finished,
    pub(super) contents: Vec<Content>,
    pub(super) problems: Vec<OutputProblem>,
}

fn failed(error: Option<wire::Failure>) -> AttemptResult {
    let Some(error) = error else {
        let (class, error) = (ErrorClass::Permanent, "Its worker did not say why".to_owned());
        return AttemptResult::Failed { class, error, retry_after_ms: None };
    };
    let class = match error.class {
        FailureClass::Timeout => ErrorClass::Timeout,
        FailureClass::RateLimit => ErrorClass::RateLimit,
        FailureClass::Server => ErrorClass::Server,
        FailureClass::Permanent => ErrorClass::Permanent,
        FailureClass::Refused => ErrorClass::Refused,
        FailureClass::InvalidOutput => ErrorClass::InvalidOutput,
    };
    let text: String = error.message.replace('\0', "").chars().take(limits::MAX_ERROR_CHARS).collect();
    let retry_after_ms =
        if error.no_retry { Some(NEVER_MS) } else { error.retry_after_ms.map(|ms| ms.min(NEVER_MS - 1)) };
    AttemptResult::Failed { class, error: text, retry_after_ms }
}

fn usage(usage: &wire::Usage) -> Usage {
    let model = usage.model.replace('\0', "");
    Usage {
        model: (!model.is_empty()).then_some(model),
        prompt_tokens: usage.prompt_tokens,
        completion_tokens: usage.completion_tokens,
        cost_micros: usage.cost_micros,
        ..Usage::default()
    }
}

/// What is wrong in the form of a result, before anything is done about any of them.
pub(super) fn check(of: &str, result: &Outcome) -> Result<()> {
    if let Some(usage) = &result.usage {
        for (name, n) in [
            ("prompt_tokens", Some(usage.prompt_tokens)),
            ("completion_tokens", Some(usage.completion_tokens)),
            ("cost_micros", usage.cost_micros),
        ] {
            if n.is_some_and(|n| !(0..=1_000_000_000_000).contains(&n)) {
                return Err(Error::invalid(
                    format!("{of}usage.{name}"),
                    "Give a number that is not negative, in its unit.",
                ));
            }
        }
        if usage.model.chars().count() > workflow::limits::MAX_NAME_CHARS {
            return Err(Error::invalid(
                format!("{of}usage.model"),
                "The name of the model is longer than 200 characters.",
            ));
        }
    }
    if result.outcome == Word::Failed && result.error.is_none() {
        return Err(Error::invalid(format!("{of}error"), "Say what went wrong: `{\"class\", \"message\"}`."));
    }
    if result.outcome == Word::Waiting
        && !result.resume_within_s.is_some_and(|within| (1..=limits::MAX_CALLBACK_WITHIN_S).contains(&within))
    {
        let detail = format!("Say within how many seconds somebody comes: 1 to {}.", limits::MAX_CALLBACK_WITHIN_S);
        return Err(Error::invalid(format!("{of}resume_within_s"), detail));
    }
    Ok(())
}

fn in_words(problems: &[OutputProblem]) -> String {
    let one = |problem: &OutputProblem| format!("`{}`: {}", problem.field, problem.message);
    let mut words: Vec<String> = problems.iter().take(5).map(one).collect();
    if problems.len() > 5 {
        words.push(format!("and {} more", problems.len() - 5));
    }
    words.join("; ").replace('\0', "")
}
