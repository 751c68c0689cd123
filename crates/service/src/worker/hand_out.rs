//! From an attempt that began to the task that a worker is given. What cannot be given is told as the attempt's failure at once.
//! Must never hand a task out before it is written down what it was given, and until when.

use std::sync::Arc;

use chrono::TimeDelta;
use futures::{StreamExt, stream};
use runs::Ask;
use store::outside::{beats::Place, tasks::NewTask};
use workflow::{
    AgentSpec,
    agent::AgentConfig,
    content::weight,
    run::{
        Command, State,
        command::{AttemptResult, Finished},
        task::{Task, Unresolved},
    },
    status::ErrorClass,
    view::ConsumedInput,
};

use super::{
    Workers, ending,
    known::Live,
    limits, place,
    values::Packing,
    waiter::Begun,
    wire::{self, Asked, Revision},
};
use crate::Result;

/// Tasks that are made at the same time, for one claim.
const AT_ONCE: usize = 8;

/// What came of an attempt that began.
enum Made {
    Task(Box<wire::Task>, NewTask),
    /// It cannot be given its values, and failed.
    Failed,
    /// It is not the session's any more, or cannot be looked at: no beat will name it.
    Nothing,
}

impl Workers {
    /// The tasks of attempts that began for a session.
    pub(super) async fn hand_out(&self, live: &Arc<Live>, begun: Vec<Begun>) -> Result<Vec<wire::Task>> {
        let room = limits::MAX_INLINE_OF_CLAIM / begun.len().max(1);
        let made = stream::iter(begun).map(|begun| async move {
            let place = Place { run: begun.run, step: begun.attempt.step.clone(), number: begun.attempt.number };
            match self.make(live, &begun, room).await {
                Ok(made) => made,
                Err(error) => {
                    tracing::warn!(
                        run.id = %place.run, step.key = %place.step,
                        error = &error as &dyn std::error::Error, "a task could not be made; it is given back"
                    );
                    self.give_back(live.id, place).await;
                    Made::Nothing
                }
            }
        });
        let made: Vec<Made> = made.buffered(AT_ONCE).collect().await;
        let (mut tasks, mut kept) = (Vec::new(), Vec::new());
        for one in made {
            if let Made::Task(task, new) = one {
                tasks.push(*task);
                kept.push(new);
            }
        }
        if kept.is_empty() {
            return Ok(tasks);
        }
        let places: Vec<Place> = kept.iter().map(|new| new.place.clone()).collect();
        let written = match self.0.store.put_tasks(&kept).await {
            Ok(written) => written,
            Err(error) => {
                self.give_back_all(live, places).await;
                return Err(error.into());
            }
        };
        // The session ended, or its token, since the claim began: nobody was handed these.
        let (given, late): (Vec<_>, Vec<_>) =
            tasks.into_iter().zip(places).partition(|(_, place)| written.contains(place));
        self.give_back_all(live, late.into_iter().map(|(_, place)| place).collect()).await;
        Ok(given.into_iter().map(|(task, _)| task).collect())
    }

    async fn make(&self, live: &Arc<Live>, begun: &Begun, room: usize) -> Result<Made> {
        let (key, number, session) = (begun.attempt.step.clone(), begun.attempt.number, live.id);
        let look = move |state: Option<&State>| {
            let state = state.filter(|state| state.has(&key, number, session))?;
            let rejections = state.rejections(&key).to_vec();
            Some((Task::of(state, &key, number)?, rejections))
        };
        let Some((task, rejections)) = self.0.runs.read(begun.run, begun.seq, look).await? else {
            return Ok(Made::Nothing);
        };
        let spec = match task.plan() {
            Some(plan) => self.0.agent(&plan.agent_id, plan.agent_version).await?,
            None => None,
        };
        let Some(spec) = spec else {
            return self.fails(&task, session, &Unresolved::Gone, ErrorClass::Permanent).await;
        };
        let metas = task.metas();
        let _held = self.0.memory.take(weight(&metas)).await;
        let read = self.0.read(metas).await?;
        let item = self.0.item(&task).await?;
        let resolved = match task.resolve(&spec, &read, item.as_ref()) {
            Ok(resolved) => resolved,
            Err(error) => {
                let class = match error {
                    Unresolved::Gone => ErrorClass::Permanent,
                    Unresolved::Missing(_) => ErrorClass::MissingInput,
                    Unresolved::Unreadable(_) => ErrorClass::InvalidOutput,
                };
                return self.fails(&task, session, &error, class).await;
            }
        };
        let mut packing = Packing::with_room(room);
        let media_type = |port: &str| {
            let consumed = resolved.consumed.iter().find(|input| input.port == port)?;
            let read = read.iter().find(|read| Some(read.meta.id) == consumed.artifact_id)?;
            Some(read.meta.media_type.as_str())
        };
        let inputs = resolved.values.iter().map(|(port, value)| {
            let schema = spec.input(port).map(|port| &port.schema);
            (port.clone(), packing.pack(value, schema, media_type(port)))
        });
        let inputs = inputs.collect();
        let revision = task.rejected.is_some().then(|| {
            let outputs = task.sent_back(&spec, &read).into_iter().filter_map(|read| {
                let schema = spec.output(&read.meta.name).map(|port| &port.schema);
                let content = packing.pack(read.value.as_deref()?, schema, Some(&read.meta.media_type));
                Some((read.meta.name.clone(), content))
            });
            outputs.collect()
        });
        self.give(live, &task, packing).await?;
        let revision = match revision {
            Some(outputs) => {
                let people = rejections.iter().map(|one| one.by).collect::<std::collections::BTreeSet<_>>();
                let emails = self.0.store.emails(&people).await?;
                let feedback = rejections.iter().filter(|one| !one.is_last).map(|one| Asked {
                    round: one.round,
                    by: emails.get(&one.by).cloned().unwrap_or_default(),
                    text: one.text.clone(),
                });
                Some(Revision { outputs, feedback: feedback.collect() })
            }
            None => None,
        };
        let checkpoint = self.0.store.last_checkpoint(begun.run, &task.step.key, task.step.generation).await?;
        let checkpoint = checkpoint.and_then(|text| workflow::json::kept(text.as_bytes()));
        Ok(Self::made(live, &task, &spec, resolved.consumed, inputs, revision, checkpoint))
    }

    fn made(
        live: &Live,
        task: &Task,
        spec: &AgentSpec,
        consumed: Vec<ConsumedInput>,
        inputs: std::collections::BTreeMap<String, wire::Content>,
        revision: Option<Revision>,
        checkpoint: Option<serde_json::Value>,
    ) -> Made {
        let (run, attempt) = (task.run(), &task.attempt);
        let limit = TimeDelta::seconds(task.definition().map_or(0, |step| step.timeout_s).into());
        let timeout_at = attempt.started_at + limit;
        let place = Place { run, step: attempt.step.clone(), number: attempt.number };
        let hash = match &spec.config {
            AgentConfig::Worker(config) => config.hash.clone(),
            _ => String::new(),
        };
        let (step, item) = task.step.key.split();
        let wire = wire::Task {
            token: place::token_of(&place),
            agent: spec.id.clone(),
            agent_version: spec.version,
            hash,
            run,
            item: item.map(str::to_owned),
            step,
            generation: attempt.generation,
            attempt: attempt.number,
            idempotency_key: task.idempotency_key(),
            inputs,
            prompt: None,
            revision,
            checkpoint,
            started_at: attempt.started_at,
            timeout_at,
            lease_until: live.lease_until(),
            traceparent: workflow::trace::traceparent(run, &place.step, place.number),
        };
        let new = NewTask {
            place,
            generation: attempt.generation,
            session: live.id,
            agent: spec.id.clone(),
            consumed,
            due_at: timeout_at,
        };
        Made::Task(Box::new(wire), new)
    }

    /// What goes as content of its own is kept, and the session may read it; files only where they are the run's.
    async fn give(&self, live: &Live, task: &Task, packing: Packing) -> Result<()> {
        let mut given: Vec<String> = packing.blobs.keys().cloned().collect();
        for (hash, bytes) in &packing.blobs {
            self.0.store.put_blob(hash, bytes).await?;
        }
        if !packing.files.is_empty() {
            given.extend(self.0.store.files_of_run(task.run(), &packing.files).await?);
        }
        if !given.is_empty() {
            self.0.store.give_blobs(live.id, &given).await?;
        }
        Ok(())
    }

    /// The attempt cannot be given its values: that is its failure.
    async fn fails(
        &self,
        task: &Task,
        session: workflow::id::WorkerId,
        error: &Unresolved,
        class: ErrorClass,
    ) -> Result<Made> {
        let result = AttemptResult::Failed { class, error: error.to_string(), retry_after_ms: None };
        let done = Finished::new(task.key().clone(), task.attempt.number, session, result);
        self.0.runs.execute(Ask::itself(task.run(), Command::Finished(Box::new(done)))).await?;
        Ok(Made::Failed)
    }

    async fn give_back_all(&self, live: &Live, places: Vec<Place>) {
        for place in places {
            self.give_back(live.id, place).await;
        }
        self.freed(live);
    }

    /// An attempt that its worker does not have is queued again, at no cost. Where that fails now, a later beat does it.
    pub(super) async fn give_back(&self, session: workflow::id::WorkerId, place: Place) {
        ending::give_back(&self.0.runs, session, place).await;
    }
}
