//! A run with an owner, an engine that does what it is told, and nobody else. Every command goes through `tell`, which checks everything.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::page::Page;
use crate::{
    AgentCatalog,
    access::Actor,
    hash,
    id::{ArtifactId, StepKey},
    run::{
        Command, Context, Refused, RunEvent, State, Voters,
        command::{AttemptResult, Changes, Finished, Judged, Judgement, NewItem, Start},
        decide,
        event::{EventKind, Request},
        state::{Admission, NewVersion, Step, Wait},
        testing::{agents, definition, invariants, owner, start_of, worker},
    },
    source::Source,
    status::{ErrorClass, RunStatus, StepStatus},
    view::{ConsumedInput, Usage},
};

pub(super) struct World {
    pub state: State,
    pub events: Vec<RunEvent>,
    pub agents: AgentCatalog,
    pub now: DateTime<Utc>,
    n: u128,
    pub was_asked: bool,
    pub request: Option<Request>,
    pub voters: Voters,
    /// What maps are given for a list.
    pub list: Vec<(String, i64)>,
    /// Loaded at the beginning, and open since.
    page: Option<Page>,
}

impl World {
    pub(super) fn new(document: &Value, auto_run: bool) -> Self {
        Self::begun(start_of(&definition(document), auto_run, BTreeMap::new()))
    }

    pub(super) fn steps(steps: &Value) -> Self {
        Self::new(&json!({ "steps": steps }), true)
    }

    pub(super) fn begun(start: Start) -> Self {
        let mut world = Self {
            state: State::empty(),
            events: Vec::new(),
            agents: agents(),
            now: DateTime::UNIX_EPOCH + TimeDelta::days(1),
            n: 0,
            was_asked: false,
            request: None,
            voters: Voters::default(),
            list: vec![("a".into(), 1), ("b".into(), 2)],
            page: None,
        };
        world.by(Some(&owner()), &Command::Start(Box::new(start))).unwrap();
        world
    }

    // ---- commands

    /// By itself.
    pub(super) fn tell(&mut self, command: &Command) -> Result<Vec<EventKind>, Refused> {
        self.by(None, command)
    }

    pub(super) fn owner(&mut self, command: &Command) -> Result<Vec<EventKind>, Refused> {
        self.by(Some(&owner()), command)
    }

    pub(super) fn by(&mut self, actor: Option<&Actor>, command: &Command) -> Result<Vec<EventKind>, Refused> {
        self.n += 1;
        self.now += TimeDelta::milliseconds(1);
        let before = self.state.clone();
        let request = self.request.take();
        let ctx = Context {
            now: self.now,
            random: self.n * 7_919,
            actor,
            was_asked: self.was_asked,
            request: request.as_ref(),
            voters: &self.voters,
            agents: &self.agents,
        };
        let decided = decide(&self.state, command, &ctx);
        assert_eq!(decided, decide(&self.state, command, &ctx), "deciding is a function");
        assert!(self.state == before, "deciding changes nothing");
        let events = decided?;
        for event in &events {
            let wire = serde_json::to_string(event).unwrap();
            let read: RunEvent = serde_json::from_str(&wire).unwrap_or_else(|error| panic!("{error}: {wire}"));
            assert_eq!(&read, event, "the wire form is exact");
            assert_eq!(event.seq, self.state.seq + 1, "seq is gapless");
            assert!(event.at >= self.state.at, "time never goes back");
            assert_eq!(event.actor.is_some(), actor.is_some() && event.cause.is_none(), "an actor or a cause");
            self.state.apply(event);
            match &mut self.page {
                Some(page) => page.follow(event, &self.state),
                None => self.page = Some(Page::load(&self.state)),
            }
        }
        invariants::check(&self.state, command);
        invariants::closed_gates_are_told(&before, &self.state, &events);
        invariants::never_back(&before, &self.state, actor.map(|actor| actor.id));
        self.events.extend(events.iter().cloned());
        Ok(events.into_iter().map(|event| event.kind).collect())
    }

    pub(super) fn fold(&self) -> State {
        State::fold(&self.events)
    }

    // ---- what it is

    pub(super) fn status(&self, key: &str) -> StepStatus {
        self.step(key).status.word()
    }

    pub(super) fn step(&self, key: &str) -> &Step {
        self.state.step(&key.into()).unwrap_or_else(|| panic!("no step {key}"))
    }

    /// `a completed, b ready`.
    pub(super) fn shown(&self) -> String {
        let steps = self.state.steps().map(|step| match step.status.reason() {
            Some(reason) => format!("{} {}({reason})", step.key, step.status.word()),
            None => format!("{} {}", step.key, step.status.word()),
        });
        steps.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn run_status(&self) -> RunStatus {
        self.state.run.status
    }

    pub(super) fn n_versions(&self, key: &str) -> usize {
        self.state.versions(&key.into(), "text").len()
    }

    // ---- the engine

    pub(super) fn text(&mut self, content: &str) -> NewVersion {
        self.n += 1;
        NewVersion {
            id: ArtifactId(Uuid::from_u128(1_000_000 + self.n)),
            name: "text".into(),
            media_type: "text/plain".into(),
            content_hash: hash::sha256_hex(content.as_bytes()),
            value_hash: None,
            size: 1,
            copy_of: None,
        }
    }

    /// What may be claimed now.
    pub(super) fn claimable(&self) -> Vec<StepKey> {
        self.state.claimable(self.now).cloned().collect()
    }

    pub(super) fn start(&mut self, keys: &[&str]) {
        let steps = keys.iter().map(|key| (*key).into()).collect();
        let kinds = self.tell(&Command::StartSteps { worker: worker(1), build: None, steps }).unwrap();
        assert!(kinds.contains(&EventKind::StepsStarted), "{keys:?}: {}", self.shown());
    }

    pub(super) fn finished(&self, key: &str, result: AttemptResult) -> Command {
        let step: StepKey = key.into();
        let attempt = self.state.attempts(&step).last().map_or(0, |attempt| attempt.number);
        let holder = self.state.attempts(&step).last().and_then(|attempt| attempt.worker);
        let inputs = self.consumed(&step);
        let item_basis = self.step(key).item.as_ref().map(|item| item.basis.clone());
        let of = Finished::new(step, attempt, holder.unwrap_or(worker(1)), result);
        Command::Finished(Box::new(Finished { inputs, item_basis, ..of }))
    }

    /// As the engine records it: the versions that the attempt reads.
    fn consumed(&self, key: &StepKey) -> Vec<ConsumedInput> {
        let Some(definition) = self.state.design.step(self.state.step(key).unwrap().definition_key()) else {
            return Vec::new();
        };
        let inputs = definition.inputs.iter().map(|(port, source)| {
            let read = match source {
                Source::Step { step, artifact, .. } => {
                    self.state.latest(step).find(|version| version.name == *artifact)
                }
                _ => None,
            };
            ConsumedInput {
                port: port.clone(),
                artifact_id: read.map(|version| version.id),
                version: read.map(|version| version.version),
                hash: read.map_or_else(|| hash::value_hash(&Value::Null), |version| version.content_hash.clone()),
            }
        });
        inputs.collect()
    }

    pub(super) fn succeed(&mut self, key: &str) {
        let is_form = self.is_form(key);
        let made = if is_form { Vec::new() } else { vec![self.text(&format!("{key} {}", self.n))] };
        let command = self.finished(key, AttemptResult::Succeeded(made));
        self.tell(&command).unwrap();
    }

    pub(super) fn is_form(&self, key: &str) -> bool {
        let step = self.step(key);
        self.state.design.plan(step.definition_key()).unwrap().kind == "human"
    }

    pub(super) fn fail(&mut self, key: &str, class: ErrorClass) {
        let result = AttemptResult::Failed { class, error: "no".into(), retry_after_ms: None };
        let command = self.finished(key, result);
        self.tell(&command).unwrap();
    }

    pub(super) fn usage(tokens: i64) -> Usage {
        Usage { prompt_tokens: tokens, ..Usage::default() }
    }

    /// Starts and ends these, one after the other.
    pub(super) fn run(&mut self, keys: &[&str]) {
        for key in keys {
            self.start(&[key]);
            self.succeed(key);
        }
    }

    /// Answers one decision task as the engine would, with the list of this world.
    pub(super) fn judge(&mut self, key: &StepKey) -> Result<Vec<EventKind>, Refused> {
        let judgement = self.judgement(key);
        self.answer(key, &judgement)
    }

    pub(super) fn answer(&mut self, key: &StepKey, judgement: &Judgement) -> Result<Vec<EventKind>, Refused> {
        let epoch = self.state.step(key).unwrap().decision_epoch;
        let judged =
            |read| Command::Judged(Box::new(Judged { step: key.clone(), epoch, read, judgement: judgement.clone() }));
        match self.tell(&judged(BTreeSet::new())) {
            // What has to be read is told.
            Err(Refused::Needs(ids)) => self.tell(&judged(ids)),
            other => other,
        }
    }

    pub(super) fn judgement(&mut self, key: &StepKey) -> Judgement {
        let step = self.state.step(key).unwrap().clone();
        let definition = self.state.design.step(key).unwrap().clone();
        if step.status.word() == StepStatus::Running {
            let failed = self
                .state
                .items(key)
                .any(|item| matches!(item.status.word(), StepStatus::Failed | StepStatus::Cancelled));
            return Judgement::Collected(if failed {
                Err((ErrorClass::ItemFailed, "an item failed".into()))
            } else {
                Ok(vec![self.text(&format!("list {}", self.n))])
            });
        }
        let holds = definition.when.as_ref().is_none_or(|when| {
            when.holds(&|source| match source {
                Source::Step { step, .. } => self.state.latest(step).next().map(|_| json!(1)),
                _ => None,
            })
        });
        if definition.map.is_none() || (!holds && !step.manually_triggered) {
            return Judgement::Condition { holds };
        }
        let items = self
            .list
            .iter()
            .map(|(key, value)| NewItem { key: key.clone(), basis: hash::sha256_hex(value.to_string().as_bytes()) });
        let list = ConsumedInput {
            port: crate::resolve::MAP_PORT.into(),
            artifact_id: None,
            version: None,
            hash: String::new(),
        };
        Judgement::Items { list, items: items.collect() }
    }

    /// Answers all decision tasks, and grants what is asked for of concurrency keys as far as they allow.
    pub(super) fn look(&mut self) {
        loop {
            let undecided: Vec<StepKey> = self.state.undecided().map(|step| step.key.clone()).collect();
            for key in &undecided {
                if self.state.step(key).is_some_and(|step| step.status.needs_decision()) {
                    self.judge(key).unwrap();
                }
            }
            let granted = self.grant();
            if undecided.is_empty() && !granted {
                return;
            }
        }
    }

    /// All keys that these steps have now are reserved.
    pub(super) fn reserve(&mut self, keys: &[&str]) -> Result<Vec<EventKind>, Refused> {
        let steps = keys.iter().map(|key| ((*key).into(), self.state.keys(&(*key).into()).to_vec())).collect();
        self.tell(&Command::Reserved { steps })
    }

    /// Reservations, as the keys of this run allow: at most `max` steps hold one.
    pub(super) fn grant(&mut self) -> bool {
        let mut used: BTreeMap<String, u32> = BTreeMap::new();
        for step in self.state.steps().filter(|step| self.state.holds_keys(&step.key)) {
            for limit in &self.state.design.plan(step.definition_key()).unwrap().keys {
                *used.entry(limit.key.clone()).or_default() += 1;
            }
        }
        let mut granted = BTreeMap::new();
        for (key, limits) in self.state.reserving() {
            let fits = |used: &BTreeMap<String, u32>| {
                limits.iter().all(|limit| used.get(&limit.key).copied().unwrap_or(0) < limit.max)
            };
            if fits(&used) {
                for limit in limits {
                    *used.entry(limit.key.clone()).or_default() += 1;
                }
                granted.insert(key.clone(), limits.to_vec());
            }
        }
        if granted.is_empty() {
            return false;
        }
        let before = self.state.seq;
        self.tell(&Command::Reserved { steps: granted }).unwrap();
        self.state.seq != before && self.state.steps().any(|step| step.status.admission() == Some(Admission::Claimable))
    }

    /// Lets everything run that runs by itself, until nothing does.
    pub(super) fn settle(&mut self) {
        for _ in 0..1_000 {
            self.look();
            let keys = self.claimable();
            if let Some(key) = keys.first() {
                let key = key.as_str().to_owned();
                self.start(&[&key]);
            }
            let running: Vec<String> = self.holding();
            if running.is_empty() && keys.is_empty() {
                let backing_off = self.state.claimable(DateTime::<Utc>::MAX_UTC).next().cloned();
                match backing_off {
                    Some(key) => self.now = self.state.step(&key).unwrap().not_before,
                    None => return,
                }
            }
            for key in running {
                self.succeed(&key);
            }
        }
        panic!("it does not settle: {}", self.shown());
    }

    /// What workers hold.
    pub(super) fn holding(&self) -> Vec<String> {
        let held = self.state.workers().flat_map(|worker| self.state.held_by(worker));
        held.map(|step| step.key.as_str().to_owned()).collect()
    }

    pub(super) fn suspended(&self, key: &str) -> bool {
        matches!(
            self.step(key).status,
            crate::run::state::Status::Running(crate::run::state::Work::Suspended { wait: Wait::Over { .. } })
        )
    }

    // ---- verbs of the owner

    pub(super) fn trigger(&mut self, key: &str) -> Result<Vec<EventKind>, Refused> {
        self.owner(&Command::Trigger { step: key.into(), changes: Changes::default(), expect_generation: None })
    }

    pub(super) fn approve(&mut self, key: &str) -> Result<Vec<EventKind>, Refused> {
        self.by(Some(&owner()), &approve(key))
    }

    pub(super) fn supply(&mut self, key: &str, content: &str) -> Result<Vec<EventKind>, Refused> {
        let outputs = vec![self.text(content)];
        self.owner(&Command::Supply { step: key.into(), outputs, expect_generation: None })
    }

    pub(super) fn skip(&mut self, key: &str) -> Result<Vec<EventKind>, Refused> {
        self.owner(&Command::Skip { step: key.into(), inputs: BTreeMap::new(), expect_generation: None })
    }

    pub(super) fn reject(&mut self, key: &str, feedback: &str) -> Result<Vec<EventKind>, Refused> {
        self.owner(&reject(key, feedback))
    }

    pub(super) fn stop(&mut self, key: &str) -> Result<Vec<EventKind>, Refused> {
        self.owner(&Command::Stop { step: key.into(), expect_generation: None })
    }
}

pub(super) fn approve(key: &str) -> Command {
    Command::Continue { step: key.into(), digest: None, expect_generation: None }
}

pub(super) fn reject(key: &str, feedback: &str) -> Command {
    Command::Reject { step: key.into(), feedback: feedback.into(), digest: None, expect_generation: None }
}
