//! The rows of one run beside its log, as the tables of a database hold them, and whether they are what the run's state says.
//! What is looked at here is the state alone: it must never ask the code that makes rows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use workflow::{
    id::{ArtifactId, StepKey},
    run::{
        State,
        state::{Admission, Status, Step, Version, Work},
    },
};

use crate::rows::{ArtifactHead, AttemptRow, For, Gate, GateEnd, More, Rows, Summary};

#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Tables {
    /// With the counts added up.
    summary: Option<Summary>,
    waits: BTreeMap<StepKey, (DateTime<Utc>, For)>,
    reviews: BTreeMap<StepKey, Box<Gate>>,
    attempts: BTreeMap<(StepKey, i32), AttemptRow>,
    artifacts: BTreeMap<ArtifactId, Version>,
    heads: BTreeMap<(StepKey, String), ArtifactHead>,
    /// By step, generation and number. No state has them: that they are what the events tell is looked at with each commit.
    ends: BTreeMap<(StepKey, i32, i32), GateEnd>,
}

impl Tables {
    pub(crate) fn write(&mut self, rows: &Rows) {
        let before = self.summary.as_ref();
        let more = before.map(|before| before.more).unwrap_or_default() + rows.summary.more;
        let about = before.and_then(|before| before.about.clone()).or_else(|| rows.summary.about.clone());
        self.summary = Some(Summary { about, more, ..rows.summary.clone() });
        for row in &rows.steps {
            set(&mut self.waits, &row.step, row.waits.clone());
            set(&mut self.reviews, &row.step, row.review.clone());
        }
        let attempts = rows.attempts.iter();
        self.attempts.extend(attempts.map(|row| ((row.attempt.step.clone(), row.attempt.number), row.clone())));
        for version in &rows.artifacts {
            // Which is the latest and which passed a gate stands in the heads.
            let row = Version { is_latest: false, is_approved: false, approved_by: Vec::new(), ..version.clone() };
            self.artifacts.entry(version.id).or_insert(row);
        }
        let ends = rows.ends.iter().map(|end| (&end.closed, end));
        self.ends.extend(ends.map(|(of, end)| ((of.step.clone(), of.generation, of.number), end.clone())));
        self.heads.extend(rows.artifact_heads.iter().map(|row| ((row.step.clone(), row.name.clone()), row.clone())));
    }

    /// What is not as the state says.
    pub(crate) fn differs(&self, state: &State) -> Option<String> {
        let summary = self.summary.as_ref().and_then(|summary| differing(summary, state));
        summary
            .or_else(|| {
                let told = state.steps().filter_map(|step| Some((step.key.clone(), waits(state, step)?)));
                (self.waits != told.collect()).then(|| "what waits for a worker or for keys".to_owned())
            })
            .or_else(|| {
                let told = state.steps().filter_map(|step| Some((step.key.clone(), Box::new(gate(state, step)?))));
                (self.reviews != told.collect()).then(|| "its open gates".to_owned())
            })
            .or_else(|| self.differing_attempt(state))
            .or_else(|| self.differing_artifact(state))
    }

    fn differing_attempt(&self, state: &State) -> Option<String> {
        let lease = |key: &StepKey| match state.step(key).map(|step| &step.status) {
            Some(Status::Running(Work::Attempt { worker })) => Some(*worker),
            _ => None,
        };
        let keys = self.attempts.keys().map(|(key, _)| key).chain(state.steps().map(|step| &step.key));
        let told = keys.flat_map(|key| state.attempts(key)).map(|attempt| {
            let lease = lease(&attempt.step).filter(|_| attempt.outcome.is_none());
            ((attempt.step.clone(), attempt.number), AttemptRow { attempt: attempt.clone(), lease })
        });
        let told: BTreeMap<_, _> = told.collect();
        (self.attempts != told).then(|| "its attempts".to_owned())
    }

    fn differing_artifact(&self, state: &State) -> Option<String> {
        let (mut artifacts, mut heads) = (0, BTreeMap::new());
        for (key, name) in self.heads.keys() {
            let versions = state.versions(key, name);
            artifacts += versions.len();
            let latest = versions.iter().find(|version| version.is_latest)?;
            let approved = versions.iter().filter(|version| version.is_approved).map(|version| version.version);
            let head = ArtifactHead {
                step: key.clone(),
                name: name.clone(),
                latest: latest.version,
                approved: approved.collect(),
            };
            heads.insert((key.clone(), name.clone()), head);
        }
        let is_told = |(id, version): (&ArtifactId, &Version)| {
            state.artifact(*id).is_some_and(|told| told.content_hash == version.content_hash)
        };
        let all = state.steps().flat_map(|step| state.latest(&step.key));
        let is_any_missing = all.into_iter().any(|version| !self.artifacts.contains_key(&version.id));
        let is_right = self.heads == heads
            && self.artifacts.len() == artifacts
            && self.artifacts.iter().all(is_told)
            && !is_any_missing;
        (!is_right).then(|| "its artifacts".to_owned())
    }
}

fn differing(summary: &Summary, state: &State) -> Option<String> {
    let run = &state.run;
    let timer = state.timers().first().map(|(at, _)| *at);
    let deadline = run.deadline_at.filter(|_| !run.status.is_terminal());
    let is_right = summary.seq == state.seq
        && summary.template_version == state.template_version
        && (summary.status, summary.status_reason) == (run.status, run.status_reason)
        && summary.auto_run == run.auto_run
        && summary.finished_at == run.finished_at
        && summary.due_at == timer.into_iter().chain(deadline).min()
        && summary.wants_judgement == state.undecided().next().is_some()
        && summary.more == More::of(state.steps());
    (!is_right).then(|| format!("its summary, {summary:?}"))
}

fn waits(state: &State, step: &Step) -> Option<(DateTime<Utc>, For)> {
    let plan = state.design.plan(step.definition_key());
    let what = match step.status.admission()? {
        Admission::Claimable => For::worker(plan),
        Admission::Reserving => For::Keys(plan.map(|plan| plan.keys.clone()).unwrap_or_default()),
        Admission::Held | Admission::Limited => return None,
    };
    Some((step.not_before, what))
}

fn gate(state: &State, step: &Step) -> Option<Gate> {
    let review = step.review()?.clone();
    let (plan, definition) = (state.design.plan(step.definition_key()), state.design.step(step.definition_key()));
    let title = match (plan, step.key.split().1) {
        (Some(plan), Some(item)) => format!("{} [{item}]", plan.title),
        (Some(plan), None) => plan.title.clone(),
        (None, _) => step.key.to_string(),
    };
    Some(Gate {
        generation: step.generation,
        review,
        title,
        round: step.rounds,
        max_rounds: definition.map_or(0, |step| step.review.max_rounds),
        is_form: plan.is_some_and(|plan| plan.kind == "human"),
    })
}

fn set<T>(of: &mut BTreeMap<StepKey, T>, key: &StepKey, value: Option<T>) {
    match value {
        Some(value) => {
            of.insert(key.clone(), value);
        }
        None => {
            of.remove(key);
        }
    }
}
