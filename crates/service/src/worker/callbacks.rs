//! Attempts that wait for somebody outside, who is told a secret: it ends the attempt once, whoever has it.
//! Must never keep the secret itself, nor tell an unknown one from one whose attempt ended otherwise.

use runs::Ask;
use store::{
    outside::{
        beats::Place,
        tasks::{Awaited, DueTask},
    },
    secret::SecretHash,
};
use workflow::{
    hash::sha256_hex,
    id::WorkerId,
    run::{
        Command, Refused, State,
        command::{AttemptResult, Finished},
        state::{AnsweredBy, Status as StepStatus, Wait, Work},
    },
    status::ErrorClass,
};

use super::{
    Caller, Workers, limits, place, results,
    results::Told,
    wire::{Callback, Outcome, Status, WantCallback, Word},
};
use crate::{Error, Result, id};

/// Where whoever has a secret sends the result.
const URL: &str = "/api/worker/v1/callback";
/// What a secret begins with.
const PREFIX: &str = "weftc_";

impl Workers {
    /// A secret for an attempt that the session holds; told once.
    pub async fn callback(
        &self,
        caller: &Caller,
        session: WorkerId,
        token: &str,
        wish: WantCallback,
    ) -> Result<Callback> {
        let live = self.session(caller, session).await?;
        if !(1..=limits::MAX_CALLBACK_WITHIN_S).contains(&wish.within_s) {
            let detail = format!("A callback can be awaited for 1 to {} seconds.", limits::MAX_CALLBACK_WITHIN_S);
            return Err(Error::invalid("within_s", detail));
        }
        let place = place::read(token).ok_or(Error::NotFound)?;
        let handed_out = self.0.store.task(&place).await?.filter(|task| task.session == live.id);
        if handed_out.is_none() {
            return Err(Error::NotFound);
        }
        let (key, number, worker) = (place.step.clone(), place.number, live.id);
        let has = move |state: Option<&State>| state.is_some_and(|state| state.has(&key, number, worker));
        if !self.0.runs.read_now(place.run, has).await? {
            return Err(Error::Fenced);
        }
        if self.0.store.callbacks_of(&place).await?.len() >= limits::MAX_CALLBACKS {
            let detail = format!("An attempt has {} callbacks at most. Use one of those.", limits::MAX_CALLBACKS);
            return Err(Error::Conflict(detail));
        }
        let secret = format!("{PREFIX}{}", id::new_secret());
        let expires_at = self.0.store.put_callback(&id::hash_secret(&secret), &place, live.id, wish.within_s).await?;
        Ok(Callback { callback: secret, url: URL, expires_at })
    }

    /// The attempt waits without a worker; its time limit stands still, and another one begins.
    pub(super) async fn suspend(&self, session: WorkerId, place: &Place, within_s: Option<i64>) -> Result<Status> {
        let within_s = within_s.unwrap_or(1).clamp(1, limits::MAX_CALLBACK_WITHIN_S);
        let Some(wait) = self.0.store.callbacks_of(place).await?.into_iter().next() else {
            // Of an attempt that was ended by its callback before, none is left.
            let about = self.about(place, session).await?;
            return match about {
                Some(about) if about.is_running() => Err(Error::invalid(
                    "outcome",
                    "Nobody could end its wait: ask for a callback first, and complete it as `waiting` then.",
                )),
                Some(_) => Ok(Status::Already),
                None => Ok(Status::Fenced),
            };
        };
        if self.about(place, session).await?.is_some_and(|about| about.is_running()) {
            let command = Command::Suspend {
                step: place.step.clone(),
                attempt: place.number,
                worker: session,
                wait: Wait::Callback { token: wait },
            };
            // First, so that nothing is due before it waits, and something is once it does.
            self.0.store.set_due(session, place, within_s).await?;
            let status = self.commit(place.run, command, Vec::new(), Vec::new()).await?;
            if status != Status::Fenced {
                self.0.told.forget(place);
                return Ok(status);
            }
        }
        // The same was told before.
        let (key, number) = (place.step.clone(), place.number);
        let waits = move |state: Option<&State>| {
            let step = state.and_then(|state| state.step(&key).zip(state.attempts(&key).last()));
            step.is_some_and(|(step, attempt)| {
                attempt.number == number && matches!(step.status, StepStatus::Running(Work::Suspended { .. }))
            })
        };
        let waits = self.0.runs.read_now(place.run, waits).await?;
        let is_its = self.0.store.task(place).await?.is_some_and(|task| task.session == session);
        Ok(if waits && is_its { Status::Already } else { Status::Fenced })
    }

    /// Whose attempt a secret is of: of one that is awaited, or that it ended.
    pub async fn is_awaited(&self, secret: &str) -> Result<WorkerId> {
        let (hash, awaited) = self.awaited(secret).await?;
        if !awaited.is_open {
            let by = self.answered_by(&awaited.place).await?;
            by.filter(|by| by.secret == hex::encode(hash)).ok_or(Error::NotFound)?;
        }
        Ok(awaited.session)
    }

    async fn awaited(&self, secret: &str) -> Result<(SecretHash, Awaited)> {
        if !secret.starts_with(PREFIX) {
            return Err(Error::NotFound);
        }
        let hash: SecretHash = id::hash_secret(secret);
        let awaited = self.0.store.awaited(&hash).await?.ok_or(Error::NotFound)?;
        Ok((hash, awaited))
    }

    /// Somebody with a secret says how its attempt ended. `body`: the bytes that the result was read from.
    pub async fn called_back(&self, secret: &str, body: &[u8], result: Outcome) -> Result<Status> {
        let (hash, awaited) = self.awaited(secret).await?;
        let by = AnsweredBy { secret: hex::encode(hash), body: sha256_hex(body) };
        let place = awaited.place;
        if !awaited.is_open {
            return self.answered_again(&place, &by).await;
        }
        results::check("", &result)?;
        if matches!(result.outcome, Word::Waiting | Word::Released | Word::Cancelled) {
            return Err(Error::invalid("outcome", "A callback ends an attempt as `completed` or `failed`."));
        }
        let handed_out = self.0.store.task(&place).await?.ok_or(Error::NotFound)?;
        let (Some(about), Some(token)) = (self.waiting(&place).await?, self.wait_of(&place).await?) else {
            return self.answered_again(&place, &by).await;
        };
        let Told { done, contents, problems } = self.told(awaited.session, &about, &handed_out, result).await?;
        if !problems.is_empty() {
            // Whoever calls may mend it: the secret is as good as before.
            return Err(Error::InvalidOutput { problems });
        }
        let done = Finished { answered_by: Some(by.clone()), ..done };
        let command = Command::CalledBack { token, done: Box::new(done) };
        let status = self.commit(place.run, command, contents, problems).await?;
        if status != Status::Committed {
            return self.answered_again(&place, &by).await;
        }
        self.0.beats.wake(place.run);
        // It is committed: what is not tidied up now goes when it expires.
        if let Err(error) = self.0.store.use_callbacks(&place, Some(&hash)).await {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(run.id = %place.run, step.key = %place.step, error, "secrets of an attempt were left for later");
        }
        Ok(Status::Committed)
    }

    /// The attempt is over. Who ended it with this very body never heard so, perhaps, and is told it again.
    async fn answered_again(&self, place: &Place, by: &AnsweredBy) -> Result<Status> {
        match self.answered_by(place).await? {
            Some(known) if known == *by => Ok(Status::Committed),
            Some(known) if known.secret == by.secret => {
                let detail = "This secret was used with another result, which stands. Drop this one.";
                Err(Error::Conflict(detail.to_owned()))
            }
            _ => Err(Error::NotFound),
        }
    }

    /// With what an attempt was ended from outside.
    async fn answered_by(&self, place: &Place) -> Result<Option<AnsweredBy>> {
        let (key, number) = (place.step.clone(), place.number);
        let look = move |state: Option<&State>| {
            let attempt = state?.attempts(&key).iter().find(|attempt| attempt.number == number)?;
            attempt.answered_by.clone()
        };
        Ok(self.0.runs.read_now(place.run, look).await?)
    }

    /// What the attempt's wait is known by in its run; any of its secrets ends it.
    async fn wait_of(&self, place: &Place) -> Result<Option<String>> {
        let (key, number) = (place.step.clone(), place.number);
        let look = move |state: Option<&State>| {
            let state = state?;
            let is_last = state.attempts(&key).last().is_some_and(|attempt| attempt.number == number);
            match &state.step(&key)?.status {
                StepStatus::Running(Work::Suspended { wait: Wait::Callback { token } }) if is_last => {
                    Some(token.clone())
                }
                // Its worker has not said yet that it waits.
                StepStatus::Running(Work::Attempt { .. }) if is_last => Some(String::new()),
                _ => None,
            }
        };
        Ok(self.0.runs.read_now(place.run, look).await?)
    }

    /// The time of a task is over, whether it runs or waits.
    pub(super) async fn time_out(&self, due: &DueTask) -> Result<()> {
        let DueTask { place, session, is_waiting } = due;
        let session = *session;
        let Some(token) = self.wait_of(place).await? else { return Ok(()) };
        // It began to wait since it was found due, and has another time now.
        if token.is_empty() == *is_waiting {
            return Ok(());
        }
        let words =
            if token.is_empty() { "It did not finish within its time limit" } else { "Nobody called back in time" };
        let result =
            AttemptResult::Failed { class: ErrorClass::Timeout, error: words.to_owned(), retry_after_ms: None };
        let done = Box::new(Finished::new(place.step.clone(), place.number, session, result));
        match self.0.runs.execute(Ask::itself(place.run, Command::CalledBack { token, done })).await {
            Ok(_) => {
                self.0.store.use_callbacks(place, None).await?;
                // Its worker hears it wherever it waits.
                self.0.store.hint_cancelled(place.run);
                self.0.beats.wake(place.run);
                Ok(())
            }
            Err(runs::Error::Refused { refused: Refused::Fenced | Refused::NotFound, .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
