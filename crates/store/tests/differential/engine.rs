//! What happens to runs by itself, told to both engines: claims, results, judgements, sub-workflows, losses and time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use store::protocol::{self, Asked, ChildAnswer, ChildRun, Decided, Decision, ParentEnd, Verdict};
use workflow::{
    Definition, RunStatus, StepKey, StepStatus,
    definition::OnItemError,
    hash,
    id::WorkerId,
    resolve,
    run::{
        Command, Refused,
        command::{AttemptResult, ChildEnded, Finished, Judged, Judgement, NewItem},
        state::{Status, Work},
    },
    source::Source,
    status::{ErrorClass, Reason},
    view::{ConsumedInput, StepOfRun, Usage},
};

use crate::{
    outcome::Outcome,
    world::{Check, Held, World, shown, version_of},
};

impl World {
    // ---- claims

    /// A worker takes what the old engine gives it, and the new one lets it.
    pub(crate) async fn claim(&mut self, n: usize) -> Check {
        let worker = self.workers[self.dice.roll(self.workers.len())];
        self.note("claim", &format!("{n} by {}", worker.0));
        let claims = self.store.claim(protocol::WorkerId(worker.0), n).await.map_err(shown)?;
        let claims = claims.ok_or("the worker is dead")?;
        let mut taken: BTreeMap<usize, Vec<StepKey>> = BTreeMap::new();
        for claim in claims.claimed {
            let t = self.twins.iter().position(|twin| twin.run == claim.run).ok_or("a run of nobody")?;
            taken.entry(t).or_default().push(claim.key.clone());
            let basis = self.basis(t, &claim.key);
            self.held.push(Held { twin: t, worker, claim, basis });
        }
        for (t, steps) in taken {
            self.tell(t, &Command::StartSteps { worker, steps })?;
        }
        self.settle().await
    }

    /// As today's engine works it out.
    fn basis(&self, t: usize, key: &StepKey) -> workflow::view::Basis {
        let view = &self.twins[t].seen;
        let (of, _) = key.split();
        let (step, shown) = (&view.run_definition.steps[&of], view.step(key).or(view.step(&of)).unwrap());
        let agent = self.agents.get(&shown.agent_id, Some(shown.agent_version)).unwrap();
        let overrides = resolve::effective_override(&view.overrides, key);
        let prompt = resolve::effective_prompt(step, agent, overrides.as_ref());
        resolve::basis(prompt, agent.version, step.direct_dependencies())
    }

    // ---- results

    pub(crate) async fn finish(&mut self) -> Check {
        if self.held.is_empty() {
            return Ok(());
        }
        let held = self.held.swap_remove(self.dice.roll(self.held.len()));
        if self.dice.one_in(8) {
            return self.give_two(held).await;
        }
        match self.kind(&held).as_str() {
            "workflow" if !self.dice.one_in(4) => self.begin_child(held).await,
            _ => {
                let result = self.result(&held);
                self.give(held, result).await
            }
        }
    }

    pub(crate) fn kind(&self, held: &Held) -> String {
        self.twins[held.twin].kind(&held.claim.key)
    }

    fn result(&mut self, held: &Held) -> AttemptResult {
        let failed = |class| AttemptResult::Failed { class, error: "no".into(), retry_after_ms: None };
        match self.dice.roll(8) {
            0 => failed(ErrorClass::Permanent),
            1 => failed(ErrorClass::Server),
            2 => AttemptResult::Released,
            _ => self.success(held),
        }
    }

    pub(crate) fn success(&mut self, held: &Held) -> AttemptResult {
        if self.kind(held) == "human" {
            return AttemptResult::Succeeded(Vec::new());
        }
        let n = self.dice.roll(3);
        let (_, made) = self.content(&["made", "made anew", "made otherwise"][n].to_owned(), false);
        AttemptResult::Succeeded(vec![made])
    }

    /// Gives one result to both.
    pub(crate) async fn give(&mut self, held: Held, result: AttemptResult) -> Check {
        let (t, key) = (held.twin, held.claim.key.clone());
        let mut name = match &result {
            AttemptResult::Succeeded(_) => "succeed",
            AttemptResult::Failed { .. } => "fail",
            AttemptResult::Released => "release",
        };
        let is_released = result == AttemptResult::Released;
        let usage = (!is_released)
            .then(|| Usage { prompt_tokens: 2, completion_tokens: 3, cost_micros: Some(1), ..Usage::default() });
        let inputs = self.consumed(t, &key);
        let made: Vec<_> = match &result {
            AttemptResult::Succeeded(versions) => versions.iter().map(|new| self.artifact(new)).collect(),
            _ => Vec::new(),
        };
        let mut worker = held.worker;
        if self.dice.one_in(30) {
            // A worker that has no business with it.
            worker = WorkerId(self.new_id());
            name = "result of another worker";
        }
        let command = Command::Finished(Box::new(Finished {
            step: key.clone(),
            attempt: held.claim.attempt,
            worker,
            result: result.clone(),
            inputs: self.as_new(t, &inputs),
            usage: usage.clone(),
            message: Some("please".into()),
            item_basis: held.claim.item.as_ref().map(|_| "as it was made".into()),
        }));
        self.note(name, &format!("{key} attempt {} of run {t}", held.claim.attempt));
        let decided = self.decide(t, None, false, None, &command);
        let retry = decided.as_ref().ok().and_then(|events| {
            let step = events.first()?.data.steps.iter().find(|step| step.key == key)?;
            let is_retry = matches!(result, AttemptResult::Failed { .. })
                && matches!(step.status.word(), StepStatus::Ready | StepStatus::Pending);
            is_retry.then(|| (step.not_before - self.now).to_std().unwrap())
        });
        if let (AttemptResult::Failed { class, .. }, Ok(events)) = (&result, &decided)
            && !events.is_empty()
        {
            let step = &self.twins[t].definition().steps[&key.split().0];
            let n = u32::try_from(held.claim.fail_count).unwrap() + 1;
            let wanted = step.retry.on.contains(class.as_str()) && n <= step.max_retries();
            if wanted != retry.is_some() {
                return Err(format!("another try of {key} after {n} failures: {retry:?}"));
            }
        }
        let old = protocol::Finished {
            step: held.claim.step,
            attempt: held.claim.attempt,
            result: match &result {
                AttemptResult::Succeeded(_) => protocol::AttemptResult::Succeeded(made),
                AttemptResult::Failed { class, error, .. } => {
                    protocol::AttemptResult::Failed { class: (*class).into(), error: error.clone(), retry }
                }
                AttemptResult::Released => protocol::AttemptResult::Released,
            },
            inputs,
            usage,
            basis: (!is_released).then(|| held.basis.clone()),
            message: Some("please".into()),
            item_basis: held.claim.item.as_ref().map(|_| "as it was made".into()),
        };
        if worker == held.worker {
            self.sent.push((held.clone(), old.clone(), command));
        } else {
            self.held.push(held.clone());
        }
        self.take(t, worker, &old, decided).await
    }

    async fn take(
        &mut self,
        t: usize,
        worker: WorkerId,
        old: &protocol::Finished,
        decided: Result<Vec<workflow::run::RunEvent>, Refused>,
    ) -> Check {
        let answer = self.store.complete(protocol::WorkerId(worker.0), std::slice::from_ref(old), 0).await;
        let verdict = match answer.map_err(shown)?.verdicts[0] {
            Verdict::Committed => Outcome::Done,
            Verdict::Already => Outcome::Unchanged,
            Verdict::Fenced => Outcome::Fenced,
        };
        let new = Outcome::of(&decided, &self.twins[t].state);
        if verdict != new {
            return Err(format!("a result is {verdict:?} to the old engine and {new:?} to the new one"));
        }
        self.tally.outcome(&verdict);
        if let Ok(events) = decided {
            self.apply(t, events);
        }
        self.settle().await
    }

    /// Two results in one commit of the old engine; to the new one they come one after the other.
    async fn give_two(&mut self, one: Held) -> Check {
        let is_plain = |world: &Self, held: &Held| {
            let limits = &world.twins[held.twin].definition().limits;
            let maps = world.twins[held.twin].definition().steps.values();
            limits.max_parallel.is_none()
                && limits.budget.is_none()
                && maps.flat_map(|step| &step.map).all(|map| map.max_parallel.is_none())
                && world.kind(held) == "template"
        };
        let other = self.held.iter().position(|held| {
            held.worker == one.worker && is_plain(self, held) && is_plain(self, &one) && held.claim.step != one.claim.step
        });
        let Some(other) = other else {
            self.held.push(one);
            return Ok(());
        };
        let other = self.held.swap_remove(other);
        self.note("two results", &format!("{} of run {} and {} of run {}", one.claim.key, one.twin, other.claim.key, other.twin));
        let (mut batch, mut commands) = (Vec::new(), Vec::new());
        for held in [&one, &other] {
            let result = match self.dice.roll(3) {
                0 => AttemptResult::Failed { class: ErrorClass::Permanent, error: "no".into(), retry_after_ms: None },
                _ => self.success(held),
            };
            let inputs = self.consumed(held.twin, &held.claim.key);
            let made = match &result {
                AttemptResult::Succeeded(versions) => Ok(versions.iter().map(|new| self.artifact(new)).collect()),
                _ => Err(Reason::Permanent),
            };
            commands.push(Command::Finished(Box::new(Finished {
                step: held.claim.key.clone(),
                attempt: held.claim.attempt,
                worker: held.worker,
                result,
                inputs: self.as_new(held.twin, &inputs),
                usage: None,
                message: None,
                item_basis: None,
            })));
            batch.push(protocol::Finished {
                step: held.claim.step,
                attempt: held.claim.attempt,
                result: match made {
                    Ok(made) => protocol::AttemptResult::Succeeded(made),
                    Err(class) => protocol::AttemptResult::Failed { class, error: "no".into(), retry: None },
                },
                inputs,
                usage: None,
                basis: Some(held.basis.clone()),
                message: None,
                item_basis: None,
            });
        }
        let done = self.store.complete(protocol::WorkerId(one.worker.0), &batch, 0).await.map_err(shown)?;
        for ((held, command), verdict) in [one, other].into_iter().zip(commands).zip(done.verdicts) {
            let decided = self.decide(held.twin, None, false, None, &command);
            let new = Outcome::of(&decided, &self.twins[held.twin].state);
            if (verdict == Verdict::Committed) != new.is_done() {
                return Err(format!("one of two results is {verdict:?} to the old engine and {new:?} to the new one"));
            }
            if let Ok(events) = decided {
                self.apply(held.twin, events);
            }
        }
        self.settle().await
    }

    /// An answer was lost, and is asked for again.
    pub(crate) async fn repeat(&mut self) -> Check {
        if self.sent.is_empty() {
            return Ok(());
        }
        let (held, old, command) = self.sent[self.dice.roll(self.sent.len())].clone();
        self.note("result again", held.claim.key.as_str());
        let decided = self.decide(held.twin, None, false, None, &command);
        self.take(held.twin, held.worker, &old, decided).await
    }

    /// What an attempt of a step reads, as it is now.
    fn consumed(&self, t: usize, key: &StepKey) -> Vec<ConsumedInput> {
        let view = &self.twins[t].seen;
        let step = &view.run_definition.steps[&key.split().0];
        let inputs = step.inputs.iter().map(|(port, source)| {
            let read = match source {
                Source::Step { step, .. } => view.latest_artifacts(step).next(),
                _ => None,
            };
            ConsumedInput {
                port: port.clone(),
                artifact_id: read.map(|version| version.id),
                version: read.map(|version| version.version),
                hash: read.map_or_else(|| hash::value_hash(&json!(null)), |version| version.content_hash.clone()),
            }
        });
        inputs.collect()
    }

    /// The same with the ids of the new engine: what they make by themselves has other ids in each.
    fn as_new(&self, t: usize, inputs: &[ConsumedInput]) -> Vec<ConsumedInput> {
        let twin = &self.twins[t];
        let mut inputs = inputs.to_vec();
        for input in &mut inputs {
            let read = twin.seen.artifacts.iter().find(|artifact| Some(artifact.id) == input.artifact_id);
            let new = read.and_then(|read| {
                let versions = twin.state.versions(&read.producing_step_id, &read.name);
                versions.iter().find(|version| version.version == read.version)
            });
            input.artifact_id = new.map(|version| version.id);
        }
        inputs
    }

    pub(crate) fn artifact(&self, new: &workflow::run::state::NewVersion) -> protocol::NewArtifact {
        protocol::NewArtifact {
            id: new.id,
            name: new.name.clone(),
            media_type: new.media_type.clone(),
            hash: new.content_hash.clone(),
            value_hash: new.value_hash.clone(),
            size: new.size,
            content: self.contents.get(&new.content_hash).map(|text| text.clone().into_bytes()),
        }
    }

    // ---- judgements

    pub(crate) async fn judge(&mut self) -> Check {
        let undecided = |twin: &crate::twin::Twin| -> Vec<StepKey> {
            twin.state.undecided().map(|step| step.key.clone()).collect()
        };
        let all: Vec<(usize, StepKey)> = (0..).zip(&self.twins).flat_map(|(t, twin)| undecided(twin).into_iter().map(move |key| (t, key))).collect();
        let Some((t, key)) = self.dice.pick(&all) else { return Ok(()) };
        let step = self.twins[t].state.step(&key).unwrap().clone();
        let row = self.row(t, &key).await?;
        let askings = self.store.askings(&[Asked { id: 0, step: row }]).await.map_err(shown)?;
        let mut asking = askings.into_iter().next().ok_or("the old engine asks nothing")?;
        if asking.forced != step.manually_triggered && step.status.word() == StepStatus::Pending {
            return Err(format!("{key} is wanted by a person: {} and {}", asking.forced, step.manually_triggered));
        }
        let definition = self.twins[t].definition().steps[&key].clone();
        let judgement = if step.status.word() == StepStatus::Running {
            self.collection(row, &definition).await?
        } else {
            let holds = definition.when.is_none() || step.manually_triggered || !self.dice.one_in(3);
            self.beginning(definition.map.is_some(), holds)
        };
        let mut epoch = step.decision_epoch;
        let name = match &judgement {
            _ if self.dice.one_in(20) => {
                (asking.mark, epoch) = (asking.mark - 1, epoch - 1);
                "answer to what was asked before"
            }
            Judgement::Condition { .. } => "judge a condition",
            Judgement::Items { .. } | Judgement::NoItems { .. } => "expand a map",
            Judgement::Collected(_) => "collect a map",
        };
        self.note(name, &format!("{key} of run {t}: {judgement:?}"));
        self.judge_old(&asking, t, &key, &judgement).await?;
        let judged =
            |read| Command::Judged(Box::new(Judged { step: key.clone(), epoch, read, judgement: judgement.clone() }));
        let mut decided = self.decide(t, None, false, None, &judged(BTreeSet::new()));
        if let Err(Refused::Needs(ids)) = decided {
            decided = self.decide(t, None, false, None, &judged(ids));
        }
        match decided {
            Ok(events) => self.apply(t, events),
            Err(Refused::Outdated) if epoch != step.decision_epoch => {}
            Err(refused) => return Err(format!("{judgement:?} of {key}: {refused:?}")),
        }
        self.settle().await
    }

    fn beginning(&mut self, is_map: bool, holds: bool) -> Judgement {
        if !holds || !is_map {
            return Judgement::Condition { holds };
        }
        if self.dice.one_in(10) {
            return Judgement::NoItems { error: "It is no list".into() };
        }
        let sets: [&[(&str, i64)]; 5] =
            [&[("a", 1), ("b", 2)], &[("b", 2), ("a", 1), ("c", 3)], &[("a", 9)], &[("a", 1)], &[]];
        let n = self.dice.roll(5);
        let items = sets[n].iter().map(|(key, value)| NewItem {
            key: (*key).to_owned(),
            // One that was made keeps what it was made with, until its value is another.
            basis: if *value < 3 { "as it was made".into() } else { hash::sha256_hex(value.to_string().as_bytes()) },
        });
        let list = ConsumedInput {
            port: resolve::MAP_PORT.into(),
            artifact_id: None,
            version: None,
            hash: hash::value_hash(&json!(sets[n].len())),
        };
        Judgement::Items { list, items: items.collect() }
    }

    async fn collection(&mut self, row: i64, definition: &workflow::Step) -> Check<Judgement> {
        let outputs = self.store.item_outputs(row).await.map_err(shown)?;
        let mode = definition.map.as_ref().map_or(OnItemError::Fail, |map| map.on_item_error);
        let is_broken = outputs.iter().any(|item| matches!(item.status, StepStatus::Failed | StepStatus::Cancelled));
        if mode == OnItemError::Fail && is_broken {
            return Ok(Judgement::Collected(Err((ErrorClass::ItemFailed, "an item failed".into()))));
        }
        let texts: Vec<String> = outputs
            .iter()
            .filter_map(|item| item.outputs.get("text"))
            .map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
            .collect();
        let (_, made) = self.content(&texts.join(" "), true);
        Ok(Judgement::Collected(Ok(vec![made])))
    }

    async fn judge_old(
        &mut self,
        asking: &protocol::Asking,
        t: usize,
        key: &StepKey,
        judgement: &Judgement,
    ) -> Check {
        let decided = |decision| Decided { step: asking.step, mark: asking.mark, decision };
        let store = &self.store;
        match judgement {
            Judgement::Condition { holds } => {
                let decision = if *holds { Decision::Run } else { Decision::Skip(Reason::Condition) };
                store.decide(asking.run, &[decided(decision)]).await.map_err(shown)
            }
            Judgement::NoItems { error } => {
                let decision = Decision::Fail { class: Reason::InvalidMap, error: error.clone() };
                store.decide(asking.run, &[decided(decision)]).await.map_err(shown)
            }
            Judgement::Items { list, items } => {
                let items = items.iter().map(|item| protocol::NewItem {
                    key: item.key.clone(),
                    value: json!(item.key),
                    basis: item.basis.clone(),
                });
                let basis = self.basis(t, key);
                store.expand(asking, std::slice::from_ref(list), Some(&basis), items.collect()).await.map_err(shown)
            }
            Judgement::Collected(result) => {
                let result = match result {
                    Ok(versions) => Ok(versions.iter().map(|new| self.artifact(new)).collect()),
                    Err((class, error)) => Err(((*class).into(), error.clone())),
                };
                let end = ParentEnd { step: asking.step, run: asking.run, mark: asking.mark, child: None, result };
                store.end_parent(&end).await.map_err(shown).map(|_| ())
            }
        }
    }

    // ---- sub-workflows

    pub(crate) async fn begin_child(&mut self, held: Held) -> Check {
        let (t, key) = (held.twin, held.claim.key.clone());
        let run = workflow::RunId(self.new_id());
        self.note("begin a sub-workflow", &format!("{run} by {key} of run {t}"));
        let inputs = self.consumed(t, &key);
        let agent = self.twins[t].state.design.plan(&key.split().0).map(|plan| plan.agent_id.to_string());
        let agent = agent.unwrap_or_default();
        let document = crate::chance::child(&agent);
        let definition = Definition::from_value(&document).unwrap();
        let (plan, _) = workflow::validate(&definition, &self.agents);
        let template = crate::world::child_template(&agent).ok_or("it is no sub-workflow")?;
        let (owner, auto_run) = (self.twins[t].owner, self.twins[t].state.run.auto_run);
        let child = ChildRun {
            claim: &held.claim,
            run: store::runs::NewRun {
                id: run,
                template_id: template,
                version: 1,
                definition: &definition,
                plan: &plan,
                agents: &self.agents,
                inputs: &BTreeMap::new(),
                auto_run: true,
                is_test: false,
                user: owner,
                idempotency: None,
            },
            inputs: &inputs,
            basis: &held.basis,
        };
        let answer = self.store.start_child(protocol::WorkerId(held.worker.0), &child).await.map_err(shown)?;
        let command = Command::HandedOver {
            step: key.clone(),
            attempt: held.claim.attempt,
            worker: held.worker,
            child: run,
            inputs: self.as_new(t, &inputs),
        };
        let decided = self.decide(t, None, false, None, &command);
        match (answer, decided) {
            (ChildAnswer::Begun, Ok(events)) if !events.is_empty() => {
                self.apply(t, events);
                let mut start = self.start_of(run, template, 1, "Child", &definition, auto_run, owner);
                start.run.parent = Some(StepOfRun { run: self.twins[t].run, step: key });
                start.run.depth = self.twins[t].state.birth.depth + 1;
                self.add_twin(template, document, &start).await?;
                self.settle().await
            }
            (ChildAnswer::Fenced, Err(Refused::Fenced)) => self.settle().await,
            (old, new) => Err(format!("a sub-workflow is {old:?} to the old engine and {new:?} to the new one")),
        }
    }

    /// The end of a sub-workflow's run comes to its step.
    pub(crate) async fn end_child(&mut self) -> Check {
        let waiting: Vec<(usize, StepKey, usize)> = (0..)
            .zip(&self.twins)
            .flat_map(|(t, twin)| twin.state.steps().filter_map(move |step| Some((t, step.key.clone(), step.child_run?))))
            .filter_map(|(t, key, run)| Some((t, key, self.twins.iter().position(|twin| twin.run == run)?)))
            .filter(|(_, _, c)| self.twins[*c].state.run.status.is_terminal())
            .collect();
        let hears = |(t, key, _): &(usize, StepKey, usize)| {
            let status = self.twins[*t].state.step(key).map(|step| step.status.clone());
            matches!(
                status,
                Some(Status::Running(Work::Child {}) | Status::Failed { class: ErrorClass::ChildFailed })
            )
        };
        let (hearing, deaf): (Vec<_>, Vec<_>) = waiting.into_iter().partition(hears);
        // One that hears nothing is told now and then all the same.
        let waiting = if hearing.is_empty() && self.dice.one_in(10) { deaf } else { hearing };
        let Some((t, key, c)) = self.dice.pick(&waiting) else { return Ok(()) };
        let (row, child) = (self.row(t, &key).await?, self.twins[c].run);
        let made = self.store.output_of(child, &"b".into(), "text", "text").await.map_err(shown)?;
        let error = |text: &str| Err(text.to_owned());
        let result: Result<Vec<protocol::NewArtifact>, String> = match (self.twins[c].state.run.status, made) {
            (RunStatus::Completed, Some(mut made)) => {
                made.id = workflow::ArtifactId(self.new_id());
                Ok(vec![made])
            }
            (RunStatus::Completed, None) => error("It made nothing"),
            (RunStatus::Cancelled, _) => error("It was cancelled"),
            _ => error("It failed"),
        };
        let status = self.twins[t].state.step(&key).unwrap().status.word();
        if status == StepStatus::Failed && result.is_err() {
            // Today's engine does not tell a step that failed of another failure.
            return Ok(());
        }
        self.note("end a sub-workflow", &format!("{key} of run {t}: {:?}", result.is_ok()));
        let end = ParentEnd {
            step: row,
            run: self.twins[t].run,
            mark: 0,
            child: Some(child),
            result: result.clone().map_err(|error| (Reason::ChildFailed, error)),
        };
        self.store.end_parent(&end).await.map_err(shown)?;
        let run = &self.twins[c].state.run;
        let used = Usage {
            prompt_tokens: run.used_tokens,
            cost_micros: Some(run.used_cost_micros).filter(|cost| *cost != 0),
            ..Usage::default()
        };
        let result = result.map(|made| made.iter().map(version_of).collect());
        self.tell(t, &Command::ChildEnded(Box::new(ChildEnded { step: key, child, result, used })))?;
        self.settle().await
    }

    // ---- time and death

    pub(crate) async fn time(&mut self) -> Check {
        let ms = [1_000, 2_000, 4_000, 8_000][self.dice.roll(4)];
        self.tick(ms).await;
        if self.dice.one_in(3) {
            // Nobody looks at the clock yet.
            return Ok(());
        }
        self.note("time", &format!("{ms} ms"));
        self.store.expire(1_000).await.map_err(shown)?;
        self.is_unordered = true;
        for t in 0..self.twins.len() {
            self.tell(t, &Command::TimePassed)?;
        }
        self.settle().await
    }

    pub(crate) async fn lose(&mut self) -> Check {
        let worker = self.workers.remove(self.dice.roll(self.workers.len()));
        self.note("lose a worker", &worker.0.to_string());
        sqlx::query("UPDATE workers SET state = 'dead' WHERE id = $1")
            .bind(worker.0)
            .execute(&self.pool)
            .await
            .map_err(shown)?;
        while !self.store.recover_steps(2).await.map_err(shown)?.is_empty() {}
        self.is_unordered = true;
        for t in 0..self.twins.len() {
            self.tell(t, &Command::Lost { worker })?;
        }
        // What it still sends is not its own any more.
        if self.dice.one_in(2) {
            self.held.retain(|held| held.worker != worker);
        }
        self.hire().await;
        self.settle().await
    }

    // ---- the end

    /// Whatever happened, runs that nobody touches any more come to an end.
    pub(crate) async fn lead_to_an_end(&mut self) -> Check {
        for _ in 0..150 {
            if self.twins.iter().all(|twin| twin.state.run.status.is_terminal()) && self.no_child_ended() {
                return Ok(());
            }
            self.tick(1).await;
            self.judge().await?;
            self.claim(20).await?;
            while let Some(held) = self.held.pop() {
                self.tick(1).await;
                if self.kind(&held) == "workflow" {
                    self.begin_child(held).await?;
                } else {
                    let result = self.success(&held);
                    self.give(held, result).await?;
                }
                if self.held.len() > 30 {
                    break;
                }
            }
            self.end_child().await?;
            self.let_go().await?;
            self.tick(40_000).await;
        }
        Ok(())
    }

    fn no_child_ended(&self) -> bool {
        !self.twins.iter().any(|twin| {
            twin.state.steps().any(|step| matches!(step.status, Status::Running(Work::Child {})))
        })
    }
}
