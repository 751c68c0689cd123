//! A decision in the making: what is changed lies over the state, which it never touches. `tell` makes an event of all that changed since
//! the last one, as new values.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};

use crate::{
    definition,
    definition::OnError,
    id::{ArtifactId, StepKey, UserId},
    run::{
        Context, Refused, RunEvent, State,
        event::{Effects, EventKind, Tell},
        plan::StepPlan,
        state::{
            Attempt, Cells, ClosedReview, Counts, Design, Entry, Outputs, Rejection, RunChange, Status, Step, Version,
            Waits, Work, put,
        },
    },
    status::{ErrorClass, StepStatus},
    step_machine::{self, StepEvent},
    view::StepOverride,
};

/// Steps that one event tells of; further ones follow in events of their own.
const STEPS_IN_ONE_EVENT: usize = 4_000;

pub(super) struct Draft<'a> {
    base: &'a State,
    pub(super) ctx: &'a Context<'a>,
    pub(super) now: DateTime<Utc>,
    entries: BTreeMap<StepKey, Entry>,
    counts: Counts,
    pub(super) run: RunChange,
    attempts: BTreeMap<StepKey, Vec<Attempt>>,
    versions: BTreeMap<(StepKey, String), Vec<Version>>,
    overrides: BTreeMap<StepKey, Option<StepOverride>>,
    n_ids: u32,
    /// The versions that this decision adds.
    added: BTreeSet<ArtifactId>,
    /// One whose id is another's.
    known_artifact: Option<ArtifactId>,
    /// As they were when the last event was told; none for those that were not there.
    touched: BTreeMap<StepKey, Option<(Step, bool)>>,
    run_told: RunChange,
    attempts_changed: BTreeSet<(StepKey, i32)>,
    versions_changed: BTreeMap<ArtifactId, (StepKey, String)>,
    overrides_changed: BTreeSet<StepKey>,
    pub(super) reviews: Vec<ClosedReview>,
    pub(super) rejections: Vec<Rejection>,
    /// In whose place whoever asks does it.
    pub(super) acted_for: Option<UserId>,
    pub(super) tells: Vec<Tell>,
    /// The run of a sub-workflow that ended by itself, so nobody has to end it.
    pub(super) child_is_over: bool,
    events: Vec<RunEvent>,
}

impl Cells for Draft<'_> {
    fn design(&self) -> Arc<Design> {
        Arc::clone(&self.base.design)
    }

    fn entry(&self, key: &StepKey) -> Option<&Entry> {
        self.entries.get(key).or_else(|| self.base.entries.get(key))
    }

    fn entry_mut(&mut self, key: &StepKey) -> Option<&mut Entry> {
        if !self.entries.contains_key(key) {
            let known = self.base.entries.get(key)?.clone();
            self.entries.insert(key.clone(), known);
        }
        self.entries.get_mut(key)
    }

    fn insert(&mut self, entry: Entry) {
        self.entries.insert(entry.step.key.clone(), entry);
    }

    fn counts_mut(&mut self) -> &mut Counts {
        &mut self.counts
    }

    /// Its index is that of the state, but for the steps that lie over it.
    fn reindex(&mut self, _: Option<&Entry>, _: &Entry, _: &Design) {}
}

impl<'a> Draft<'a> {
    pub(super) fn over(base: &'a State, ctx: &'a Context<'a>) -> Self {
        Self {
            base,
            ctx,
            now: ctx.now.max(base.at),
            entries: BTreeMap::new(),
            counts: base.counts.clone(),
            run: base.run.clone(),
            attempts: BTreeMap::new(),
            versions: BTreeMap::new(),
            overrides: BTreeMap::new(),
            n_ids: 0,
            added: BTreeSet::new(),
            known_artifact: None,
            touched: BTreeMap::new(),
            run_told: base.run.clone(),
            attempts_changed: BTreeSet::new(),
            versions_changed: BTreeMap::new(),
            overrides_changed: BTreeSet::new(),
            reviews: Vec::new(),
            rejections: Vec::new(),
            acted_for: None,
            tells: Vec::new(),
            child_is_over: false,
            events: Vec::new(),
        }
    }

    pub(super) fn base(&self) -> &'a State {
        self.base
    }

    pub(super) fn design(&self) -> &'a Design {
        &self.base.design
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    // ---- steps

    pub(super) fn step(&self, key: &StepKey) -> Result<&Step, Refused> {
        self.entry(key).filter(|entry| !entry.is_removed).map(|entry| &entry.step).ok_or(Refused::NotFound)
    }

    /// One that was removed too.
    pub(super) fn known(&self, key: &StepKey) -> Option<&Entry> {
        self.entry(key)
    }

    pub(super) fn waits(&self, key: &StepKey) -> Waits {
        self.entry(key).map(|entry| entry.waits).unwrap_or_default()
    }

    pub(super) fn definition(&self, key: &StepKey) -> Option<&'a definition::Step> {
        let of = self.entry(key).map_or(key, |entry| entry.step.definition_key());
        self.base.design.step(of)
    }

    pub(super) fn plan(&self, key: &StepKey) -> Option<&'a StepPlan> {
        let of = self.entry(key).map_or(key, |entry| entry.step.definition_key());
        self.base.design.plan(of)
    }

    pub(super) fn is_map(&self, key: &StepKey) -> bool {
        self.entry(key).is_some_and(|entry| entry.step.item.is_none()) && self.base.design.is_map(key)
    }

    pub(super) fn on_error(&self, step: &Step) -> OnError {
        step.on_error(self.base.design.step(step.definition_key()))
    }

    /// The steps that lie over the state.
    pub(super) fn overlaid(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    pub(super) fn is_overlaid(&self, key: &StepKey) -> bool {
        self.entries.contains_key(key)
    }

    /// The items of a map that are part of the run, by key.
    pub(super) fn items(&self, map: &StepKey) -> Vec<StepKey> {
        let known = self.base.index.items.get(map).into_iter().flatten();
        let added = self.entries.values().filter(|entry| entry.step.item.as_ref().is_some_and(|item| item.of == *map));
        let all: BTreeSet<&StepKey> = known.chain(added.map(|entry| &entry.step.key)).collect();
        all.into_iter().filter(|key| self.step(key).is_ok()).cloned().collect()
    }

    /// What the step machine makes of an event: nobody else chooses a status.
    pub(super) fn door(&self, key: &StepKey, event: StepEvent) -> Result<StepStatus, Refused> {
        let status = match self.entry(key) {
            Some(entry) => entry.step.status.word(),
            None => return Err(Refused::NotFound),
        };
        step_machine::next(status, event).map_err(|refused| Refused::Status(refused.status))
    }

    /// New values of a step whose status, if it is another one, came through the door.
    pub(super) fn set(&mut self, step: Step) {
        self.set_or_remove(step, false);
    }

    pub(super) fn remove(&mut self, step: Step) {
        self.set_or_remove(step, true);
    }

    fn set_or_remove(&mut self, step: Step, is_removed: bool) {
        if !self.touched.contains_key(&step.key) {
            let was = self.entry(&step.key).map(|entry| (entry.step.clone(), entry.is_removed));
            self.touched.insert(step.key.clone(), was);
        }
        put(self, step, is_removed);
    }

    pub(super) fn change(&mut self, key: &StepKey, change: impl FnOnce(&mut Step)) {
        if let Some(entry) = self.entry(key) {
            let (mut step, is_removed) = (entry.step.clone(), entry.is_removed);
            change(&mut step);
            self.set_or_remove(step, is_removed);
        }
    }

    // ---- attempts

    /// Of all attempts; what a sub-workflow used stands with the attempt that began it. It looks at the whole run.
    pub(super) fn completion_tokens(&self) -> i64 {
        let others = self.base.attempts.iter().filter(|(key, _)| !self.attempts.contains_key(*key));
        let all = others.map(|(_, attempts)| attempts).chain(self.attempts.values()).flatten();
        all.filter_map(|attempt| attempt.usage.as_ref()).map(|usage| usage.completion_tokens).sum()
    }

    pub(super) fn attempts(&self, key: &StepKey) -> &[Attempt] {
        self.attempts.get(key).map_or_else(|| self.base.attempts(key), Vec::as_slice)
    }

    pub(super) fn open_attempt(&self, key: &StepKey) -> Option<&Attempt> {
        self.attempts(key).last().filter(|attempt| attempt.outcome.is_none())
    }

    pub(super) fn put_attempt(&mut self, attempt: Attempt) {
        let key = attempt.step.clone();
        self.attempts_changed.insert((key.clone(), attempt.number));
        let base = self.base;
        let of_step = self.attempts.entry(key.clone()).or_insert_with(|| base.attempts(&key).to_vec());
        match of_step.binary_search_by_key(&attempt.number, |known| known.number) {
            Ok(n) => of_step[n] = attempt,
            Err(n) => of_step.insert(n, attempt),
        }
    }

    /// The next attempt of a step as it begins.
    pub(super) fn next_attempt(&self, step: &Step) -> Attempt {
        Attempt {
            step: step.key.clone(),
            number: self.attempts(&step.key).last().map_or(0, |last| last.number) + 1,
            generation: step.generation,
            started_at: self.now,
            ended_at: None,
            outcome: None,
            error_class: None,
            error: None,
            inputs: Vec::new(),
            usage: None,
            basis: None,
            message: None,
            worker: None,
            fence: 0,
            reads: Vec::new(),
            build: None,
            answered_by: None,
        }
    }

    // ---- versions

    pub(super) fn versions(&self, key: &StepKey, name: &str) -> &[Version] {
        self.versions.get(&(key.clone(), name.to_owned())).map_or_else(|| self.base.versions(key, name), Vec::as_slice)
    }

    /// The latest version of each output of a step, by name.
    pub(super) fn latest(&self, key: &StepKey) -> Vec<&Version> {
        let known = self.base.versions.get(key).into_iter().flat_map(Outputs::names);
        let from = (key.clone(), String::new());
        let added = self.versions.range(from..).take_while(|((of, _), _)| of == key).map(|((_, name), _)| name);
        let names: BTreeSet<&String> = known.chain(added).collect();
        names.into_iter().filter_map(|name| self.latest_of(key, name)).collect()
    }

    pub(super) fn latest_of(&self, key: &StepKey, name: &str) -> Option<&Version> {
        self.versions(key, name).iter().find(|version| version.is_latest)
    }

    /// A version that was not there.
    pub(super) fn put_new_version(&mut self, version: Version) {
        if !self.added.insert(version.id) || self.base.makers.contains_key(&version.id) {
            self.known_artifact = Some(version.id);
        }
        self.put_version(version);
    }

    pub(super) fn put_version(&mut self, version: Version) {
        let at = (version.producing_step_id.clone(), version.name.clone());
        self.versions_changed.insert(version.id, at.clone());
        let base = self.base;
        let of_name = self.versions.entry(at).or_insert_with_key(|(key, name)| base.versions(key, name).to_vec());
        if version.is_latest {
            for known in of_name.iter_mut() {
                known.is_latest = false;
            }
        }
        match of_name.binary_search_by_key(&version.version, |known| known.version) {
            Ok(n) => of_name[n] = version,
            Err(n) => of_name.insert(n, version),
        }
    }

    /// The next id; those of one decision are told apart.
    pub(super) fn new_id(&mut self) -> ArtifactId {
        self.n_ids += 1;
        nth_id(self.ctx.random, self.n_ids)
    }

    // ---- the run

    pub(super) fn override_of(&self, key: &StepKey) -> Option<&StepOverride> {
        match self.overrides.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.base.overrides.get(key),
        }
    }

    /// What the run changes about a step, from now on.
    pub(super) fn set_override(&mut self, key: &StepKey, value: StepOverride) {
        let value = (value != StepOverride::default()).then_some(value);
        self.overrides_changed.insert(key.clone());
        self.overrides.insert(key.clone(), value);
    }

    pub(super) fn actor(&self) -> Option<UserId> {
        self.ctx.actor.map(|actor| actor.id)
    }

    // ---- events

    /// One event of all that changed since the last.
    pub(super) fn push(&mut self, kind: EventKind, step: Option<&StepKey>, cause: Option<i64>, first: Effects) -> i64 {
        let mut data = Effects { step: step.cloned(), ..first };
        let mut steps = Vec::new();
        for (key, was) in std::mem::take(&mut self.touched) {
            let Some(entry) = self.entry(&key) else { continue };
            let was_removed = was.as_ref().is_none_or(|(_, is_removed)| *is_removed);
            if let Some(run) = self.left_alone(was.as_ref(), entry) {
                self.tells.push(Tell::CancelChild { run });
            }
            let Some(entry) = self.entry(&key) else { continue };
            if entry.is_removed {
                if !was_removed {
                    data.removed.push(key);
                }
            } else if was_removed || was.is_none_or(|(step, _)| step != entry.step) {
                steps.push(entry.step.clone());
            }
        }
        if self.run != self.run_told {
            self.run_told = self.run.clone();
            data.run = Some(self.run.clone());
        }
        for (key, number) in std::mem::take(&mut self.attempts_changed) {
            data.attempts.extend(self.attempts(&key).iter().find(|attempt| attempt.number == number).cloned());
        }
        let mut versions: Vec<Version> = std::mem::take(&mut self.versions_changed)
            .into_iter()
            .filter_map(|(id, (key, name))| self.versions(&key, &name).iter().find(|known| known.id == id).cloned())
            .collect();
        versions.sort_by(|a, b| {
            (&a.producing_step_id, &a.name, a.version).cmp(&(&b.producing_step_id, &b.name, b.version))
        });
        data.artifacts = versions;
        for key in std::mem::take(&mut self.overrides_changed) {
            data.overrides.insert(key.clone(), self.override_of(&key).cloned());
        }
        data.reviews = std::mem::take(&mut self.reviews);
        data.rejections = std::mem::take(&mut self.rejections);
        data.tells = std::mem::take(&mut self.tells);
        let mut steps = steps.into_iter();
        data.steps = steps.by_ref().take(STEPS_IN_ONE_EVENT).collect();
        let seq = self.write(kind, cause, data);
        loop {
            let more: Vec<Step> = steps.by_ref().take(STEPS_IN_ONE_EVENT).collect();
            if more.is_empty() {
                return seq;
            }
            self.write(EventKind::Continued, Some(seq), Effects { steps: more, ..Effects::default() });
        }
    }

    fn write(&mut self, kind: EventKind, cause: Option<i64>, mut data: Effects) -> i64 {
        let n = i64::try_from(self.events.len()).unwrap_or(i64::MAX);
        let seq = self.base.seq.saturating_add(n).saturating_add(1);
        let actor = if cause.is_none() { self.actor() } else { None };
        if actor.is_some() {
            data.request = self.ctx.request.cloned();
            data.acted_for = self.acted_for;
        }
        self.events.push(RunEvent { seq, at: self.now, kind, actor, cause, data });
        seq
    }

    /// The run of a sub-workflow whose end means nothing to its step any more. A person may have taken it up again after it was over, so
    /// it is told even then: one that is over does not care.
    fn left_alone(&self, was: Option<&(Step, bool)>, now: &Entry) -> Option<crate::id::RunId> {
        let (was, _) = was?;
        let child = was.child_run?;
        let hears = |step: &Step| {
            let waits = matches!(
                step.status,
                Status::Running(Work::Child {}) | Status::Failed { class: ErrorClass::ChildFailed }
            );
            waits && step.child_run == Some(child)
        };
        let is_another = now.is_removed || now.step.child_run != Some(child);
        let is_left = is_another || (hears(was) && !hears(&now.step));
        (is_left && !self.child_is_over).then_some(child)
    }

    pub(super) fn into_events(self) -> Result<Vec<RunEvent>, Refused> {
        match self.known_artifact {
            Some(id) => Err(Refused::KnownArtifact(id)),
            None => Ok(self.events),
        }
    }
}

/// The id that follows from a random number and a place.
pub(in crate::run) fn nth_id(random: u128, n: u32) -> ArtifactId {
    let digest = crate::hash::sha256_hex(format!("{random:032x}/{n}").as_bytes());
    let bits = digest.get(..32).and_then(|hex| u128::from_str_radix(hex, 16).ok()).unwrap_or(random);
    ArtifactId(uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid())
}
