//! Runs from runs: forks, versions that are taken over, and runs that go on with another version.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use store::verbs::{Call, Fork, Move, VerbOutcome};
use workflow::{
    Definition, RunId, RunView, StepKey, StepStatus, TemplateId,
    access::Actor,
    api::RerunMode,
    definition::OnError,
    graph::Graph,
    moving, rerun,
    run::{
        Command, Context, Refused,
        command::{MoveTo, Start},
        fork,
        state::NewVersion,
    },
    validate,
};

use crate::{
    outcome::Outcome,
    verbs::Old,
    world::{Check, World, shown},
};

/// Another version, as the old engine takes it.
pub(crate) struct Moving {
    pub version: i32,
    pub definition: Definition,
    /// As the run was when this was planned.
    pub view: RunView,
}

const MOST_RUNS: usize = 5;

impl World {
    // ---- fork

    pub(crate) async fn fork(&mut self) -> Check {
        if self.twins.len() >= MOST_RUNS {
            return Ok(());
        }
        let t = self.dice.roll(self.twins.len());
        let (asked, id) = (self.somebody(t), RunId(self.new_id()));
        let keys: Vec<StepKey> = self.twins[t].definition().steps.keys().cloned().collect();
        let at = self.dice.pick(&keys).unwrap();
        let auto_run = self.dice.one_in(2).then(|| self.dice.one_in(2));
        self.note("fork", &format!("at {at} of run {t} by {}", asked.by.email));
        let start = self.start_of_fork(t, &at, id, auto_run, &asked.by);
        let view = self.twins[t].seen.clone();
        let mut wanted = kept(&view, &at);
        if let Ok(start) = &start {
            let taken: BTreeSet<StepKey> = start.kept.iter().map(|kept| kept.step.clone()).collect();
            if taken != wanted {
                let is_bound = |key: &&StepKey| {
                    crate::known::binds(&self.twins[t], key)
                        && view.latest_artifacts(key).any(|version| !version.is_approved)
                };
                if !taken.is_subset(&wanted) || !wanted.iter().any(|key| is_bound(&key)) {
                    return Err(format!("a fork keeps {wanted:?} or {taken:?}"));
                }
                self.tally.met("gates that bind: a fork makes anew what they never let through");
                wanted = taken;
            }
        }
        let access = self.store.run_access(self.twins[t].run, &asked.by).await.map_err(shown)?;
        let old = match access {
            Some(store::access::Access::Full) => {
                let (plan, _) = validate(&view.run_definition, &self.agents);
                let call = Call::new(self.twins[t].run, &asked.by);
                let fork = Fork {
                    id,
                    at: at.clone(),
                    kept: wanted,
                    seq: view.seq,
                    auto_run: auto_run.unwrap_or(view.auto_run),
                    plan: &plan,
                    agents: &self.agents,
                };
                self.store.fork_run(&call, &fork).await.map_err(shown)?.into()
            }
            Some(store::access::Access::Gates(_)) => Outcome::Forbidden,
            None => Outcome::NotFound,
        };
        self.tally.outcome(&old);
        match start {
            Ok(start) if old.is_done() => {
                let (template, document) = (self.twins[t].template, self.twins[t].document.clone());
                self.add_twin(template, document, &start).await?;
                self.settle().await
            }
            Err(refused) if Outcome::of(&Err(refused.clone()), &self.twins[t].state) == old => Ok(()),
            new => Err(format!("a fork is {old:?} to the old engine and {new:?} to the new one")),
        }
    }

    fn start_of_fork(
        &self,
        t: usize,
        at: &StepKey,
        id: RunId,
        auto_run: Option<bool>,
        by: &Actor,
    ) -> Result<Start, Refused> {
        let ctx = Context {
            now: self.now,
            random: id.0.as_u128(),
            actor: Some(by),
            was_asked: false,
            request: None,
            disabled: &BTreeSet::new(),
            agents: &self.agents,
        };
        fork(&self.twins[t].state, at, id, auto_run, &ctx)
    }

    // ---- adopt

    pub(crate) async fn adopt(&mut self) -> Check {
        let t = self.dice.roll(self.twins.len());
        let others: Vec<usize> = (0..self.twins.len())
            .filter(|other| *other != t && self.twins[*other].template == self.twins[t].template)
            .collect();
        let Some(from) = self.dice.pick(&others) else { return Ok(()) };
        let asked = self.somebody(t);
        let both: Vec<StepKey> =
            self.twins[t].keys().into_iter().filter(|key| self.twins[from].state.step(key).is_some()).collect();
        let steps: Vec<StepKey> = if self.dice.one_in(2) { Vec::new() } else { self.dice.pick(&both).into_iter().collect() };
        let mut versions: BTreeMap<StepKey, Vec<NewVersion>> = BTreeMap::new();
        let other = &self.twins[from];
        for key in other.keys_where(|step| step.status.word() == StepStatus::Completed && step.item.is_none()) {
            if !steps.is_empty() && !steps.contains(&key) {
                continue;
            }
            let latest = other.state.latest(&key).map(|version| NewVersion {
                id: version.id,
                name: version.name.clone(),
                media_type: version.media_type.clone(),
                content_hash: version.content_hash.clone(),
                value_hash: version.value_hash.clone(),
                size: version.size,
                copy_of: Some(version.id),
            });
            versions.insert(key.clone(), latest.collect());
        }
        for new in versions.values_mut().flatten() {
            new.id = workflow::ArtifactId(self.new_id());
        }
        let old = Old::Adopt(self.twins[from].run, steps);
        self.ask(t, "adopt", &asked, None, old, &Command::Adopt { versions }).await
    }

    // ---- move

    pub(crate) async fn move_run(&mut self) -> Check {
        let t = self.dice.roll(self.twins.len());
        let template = self.twins[t].template;
        if crate::world::CHILDREN.iter().any(|(_, n)| template == TemplateId(uuid::Uuid::from_u128(*n))) {
            return Ok(());
        }
        let next = self.versions[&template] + 1;
        let document: Value = crate::chance::changed(&mut self.dice, &self.twins[t].document.clone(), next);
        let Some(definition) = self.read(&document) else { return Ok(()) };
        let version = self.publish(template, &document, &format!("T{next}")).await;
        let (plan, _) = validate(&definition, &self.agents);
        let to = MoveTo {
            template_version: version,
            template_name: format!("T{next}"),
            definition: definition.clone(),
            plan,
        };
        let asked = self.somebody(t);
        let old = Moving { version, definition, view: self.twins[t].seen.clone() };
        self.ask(t, "move", &asked, None, Old::Move(Box::new(old)), &Command::Move(Box::new(to))).await?;
        if self.twins[t].state.template_version == version {
            self.twins[t].document = document;
        }
        Ok(())
    }

    pub(crate) async fn move_old(&self, call: &Call<'_>, moving: &Moving) -> Check<Outcome> {
        let (plan, _) = validate(&moving.definition, &self.agents);
        let change = moving::plan(&moving.view, &moving.definition);
        let to = Move {
            version: moving.version,
            definition: &moving.definition,
            plan: &plan,
            agents: &self.agents,
            change: &change,
            seq: moving.view.seq,
        };
        let outcome: VerbOutcome = self.store.move_run(call, &to).await.map_err(shown)?;
        Ok(outcome.into())
    }
}

/// What a fork begins with, as `service` works it out today.
fn kept(view: &RunView, at: &StepKey) -> BTreeSet<StepKey> {
    let again = rerun::closure(view, at, RerunMode::Downstream);
    let is_over = |key: &StepKey| match view.step(key).map(|step| step.status) {
        Some(StepStatus::Completed | StepStatus::Skipped) => true,
        Some(StepStatus::Failed) => view.run_definition.steps[key].on_error == OnError::Continue,
        _ => false,
    };
    let mut kept = BTreeSet::new();
    for key in Graph::of(&view.run_definition).order().unwrap_or_default() {
        let stands = view.run_definition.steps[key].direct_dependencies().into_iter().all(|key| kept.contains(key));
        if stands && !again.contains(key) && is_over(key) {
            kept.insert(key.clone());
        }
    }
    kept
}
