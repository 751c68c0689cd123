//! What must hold of every commit, looked at as it is written. docs/engine.md lists it. Nothing here asks the code that it checks.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use workflow::{
    id::{RunId, StepKey, WorkerId},
    run::{
        RunEvent, State,
        event::Tell,
        state::{Attempt, ClosedReview, Step, Verdict, Version},
        testing::invariants,
    },
    view::Applied,
};

use super::{
    contents::Contents,
    stored::{MOST_CLOCK_OFF, Row, Stored},
    tables::Tables,
};
use crate::{
    commit::{Part, RunCommit},
    message::Sent,
    rows::Rows,
};

/// What else has to hold of every event, by whoever brings content with it.
pub trait Audit: fmt::Debug + Send {
    /// What does not, of the event that came last.
    fn look(&self, state: &State, event: &RunEvent, contents: &Contents) -> Option<String>;
}

#[derive(Debug, Default)]
pub struct Checks {
    pub violations: Vec<String>,
    pub n_applied: u64,
    /// What was written in between is gone, answered or not.
    lost: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// Events that somebody was told are done.
    told: BTreeMap<(RunId, i64), Arc<RunEvent>>,
    audit: Option<Box<dyn Audit>>,
}

impl Checks {
    pub fn violated(&mut self, what: impl Into<String>) {
        // One that is wrong makes many wrong, and the first says most.
        if self.violations.len() < 20 {
            self.violations.push(what.into());
        }
    }

    pub(crate) fn lost_between(&mut self, from: DateTime<Utc>, to: DateTime<Utc>) {
        self.lost.push((from, to));
        // What is told from here on is another history.
        self.told.retain(|_, event| event.at + MOST_CLOCK_OFF < from);
    }

    /// Somebody was told that this is done.
    pub fn told(&mut self, run: RunId, events: &[Arc<RunEvent>]) {
        for event in events {
            self.told.insert((run, event.seq), Arc::clone(event));
        }
    }

    fn may_be_lost(&self, event: &RunEvent) -> bool {
        self.lost.iter().any(|(from, to)| event.at + MOST_CLOCK_OFF >= *from && event.at - MOST_CLOCK_OFF <= *to)
    }

    /// Before a commit is written: is it what the compare-and-set is there to let through?
    pub(super) fn before(&mut self, stored: &Stored, commit: &RunCommit, now: DateTime<Utc>) {
        let run = commit.run;
        let row = stored.runs.get(&run);
        if row.map(|row| row.head) != commit.expected {
            self.violated(format!("run {run}: a commit was written that was decided on another history"));
        }
        if (commit.decided_at - now).abs() > MOST_CLOCK_OFF {
            self.violated(format!(
                "run {run}: a commit was written that was decided at {}, at {now}",
                commit.decided_at
            ));
        }
        let twice = |ask| row.is_some_and(|row| row.asks.contains(ask));
        if commit.parts.iter().any(|part| twice(&part.ask)) {
            self.violated(format!("run {run}: a command has two effects"));
        }
        if row.is_some_and(|row| row.commits.contains(&commit.id)) {
            self.violated(format!("run {run}: a commit was written twice"));
        }
        let is_dead = commit.worker.is_some_and(|worker| stored.workers.get(&worker).is_none_or(|row| row.is_dead));
        if is_dead {
            self.violated(format!("run {run}: a dead worker took steps"));
        }
    }

    /// One event more: it follows the one before it, and everything holds that must.
    pub(super) fn apply(&mut self, state: &mut State, event: &RunEvent) {
        self.n_applied += 1;
        let (seq, at) = (state.seq, state.at);
        if state.apply(event) != Applied::Changed {
            self.violated(format!("run {}: event {} follows {seq}", state.birth.id, event.seq));
        }
        if event.at < at {
            self.violated(format!("run {}: time goes back at {}", state.birth.id, event.seq));
        }
        self.hold(|| invariants::check_within(state, &event.kind));
    }

    /// This looks at every event from now on.
    pub fn audit_with(&mut self, audit: Box<dyn Audit>) {
        self.audit = Some(audit);
    }

    /// What of an event is content.
    pub(super) fn audit(&mut self, state: &State, event: &RunEvent, contents: &Contents) {
        let Some(audit) = &self.audit else { return };
        if let Some(what) = audit.look(state, event, contents) {
            self.violated(format!("run {}: {what}", state.birth.id));
        }
        let is_new = |version: &&Version| version.created_at == event.at && version.copy_of.is_none();
        let missing = |version: &&Version| contents.of(version.id).is_none();
        let gone = event.data.artifacts.iter().filter(is_new).find(missing);
        if let Some(version) = gone {
            let (name, key) = (&version.name, &version.producing_step_id);
            self.violated(format!("run {}: `{name}` of {key} is there without its content", state.birth.id));
        }
    }

    /// The worker says that it holds nothing any more.
    pub(super) fn retired(&mut self, stored: &Stored, worker: WorkerId) {
        let held = |(_, row): &(&RunId, &Row)| row.state.held_by(worker).next().is_some();
        if let Some((run, _)) = stored.runs.iter().find(held) {
            self.violated(format!("run {run}: a worker left that holds a step"));
        }
    }

    /// All events of one decision are there.
    pub(super) fn decided(&mut self, state: &State, part: &Part) {
        let kinds: Vec<_> = part.events.iter().map(|event| event.kind).collect();
        self.hold(|| invariants::check(state, &kinds));
    }

    pub(super) fn after(&mut self, stored: &Stored, commit: &RunCommit, before: &Before, now: DateTime<Utc>) {
        let Some(row) = stored.runs.get(&commit.run) else { return };
        let (run, state) = (commit.run, &row.state);
        before.compare(self, state);
        if commit.parts.iter().filter_map(|part| part.message).any(|message| stored.inbox.contains_key(&message)) {
            self.violated(format!("run {run}: a message that was answered is still there"));
        }
        if state.at - now > MOST_CLOCK_OFF {
            self.violated(format!("run {run}: its time is {}, at {now}", state.at));
        }
        if let Some(what) = row.tables.differs(state) {
            self.violated(format!("run {run}: the rows do not tell {what}"));
        }
        let tells = commit.events().flat_map(Sent::of);
        if !tells.eq(commit.rows.tells.iter().cloned()) {
            self.violated(format!("run {run}: its messages are not those of its events"));
        }
        self.ends(state, commit);
        if !commit.holds.is_empty() {
            self.keys(stored);
        }
        for (limit, held) in &stored.reservations {
            let is_other = |(of, key): &(RunId, StepKey)| *of == run && !state.needs_place(key, limit);
            if let Some(((_, key), _)) = held.iter().find(|(at, reservation)| reservation.is_held && is_other(at)) {
                self.violated(format!("run {run}: {key} has a place under `{limit}`, which is not its key"));
            }
        }
        if let (None, Some(of)) = (commit.expected, &state.birth.parent) {
            let names = |tell: &Tell| matches!(tell, Tell::BeginChild { run: child, .. } if *child == run);
            let log = stored.runs.get(&of.run).map(|row| &row.log);
            if !log.into_iter().flatten().any(|logged| logged.event.data.tells.iter().any(names)) {
                self.violated(format!("run {run}: it began for a step that did not ask for it"));
            }
        }
    }

    /// Each gate that an event closed is told once, with what was wanted where it was sent back. Tests tell of none.
    fn ends(&mut self, state: &State, commit: &RunCommit) {
        let told = commit.events().filter(|_| !state.birth.is_test);
        let told = told.flat_map(|event| event.data.reviews.iter().map(move |closed| (closed, event.at)));
        let told: Vec<(&ClosedReview, DateTime<Utc>)> = told.collect();
        let ends = &commit.rows.ends;
        let is_there = |(closed, at): &(&ClosedReview, DateTime<Utc>)| {
            ends.iter().any(|end| end.closed == **closed && end.closed_at == *at)
        };
        let is_whole = ends.iter().all(|end| end.text.is_some() == (end.closed.verdict == Verdict::Rejected));
        if told.len() != ends.len() || !told.iter().all(is_there) || !is_whole {
            self.violated(format!("run {}: the gates that were closed are not those of its events", commit.run));
        }
    }

    /// No key is held by more steps than it allows, whatever the reservations say.
    fn keys(&mut self, stored: &Stored) {
        let mut used: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for row in stored.runs.values().filter(|row| !row.state.run.status.is_terminal()) {
            for step in row.state.steps().filter(|step| row.state.holds_keys(&step.key)) {
                for limit in row.state.design.plan(step.definition_key()).into_iter().flat_map(|plan| &plan.keys) {
                    let (n, most) = used.entry(&limit.key).or_insert((0, limit.max));
                    *n += 1;
                    *most = limit.max.max(*most);
                }
            }
        }
        let over = used.iter().find(|(_, (n, most))| n > most).map(|(key, (n, most))| (*key, *n, *most));
        if let Some((key, n, most)) = over {
            self.violated(format!("{n} steps hold `{key}`, which lets {most}"));
        }
    }

    /// At the end: everything that somebody was told is there, and the log rebuilds every state.
    pub fn finish(&mut self, stored: &Stored) {
        // Whoever looked at the events may have what this lies in.
        self.audit = None;
        for (run, row) in &stored.runs {
            if State::fold(row.log.iter().map(|logged| &*logged.event)) != row.state {
                self.violated(format!("run {run}: its log does not rebuild it"));
            }
            let events: Vec<RunEvent> = row.log.iter().map(|logged| RunEvent::clone(&logged.event)).collect();
            let mut tables = Tables::default();
            tables.write(&Rows::of(&State::empty(), &events));
            if tables != row.tables {
                self.violated(format!("run {run}: its rows are not those of its events together"));
            }
        }
        let told = std::mem::take(&mut self.told);
        for ((run, seq), event) in told {
            let n = usize::try_from(seq - 1).unwrap_or(usize::MAX);
            let is_there = stored.runs.get(&run).and_then(|row| row.log.get(n)).is_some_and(|it| it.event == event);
            if !is_there && !self.may_be_lost(&event) {
                self.violated(format!("run {run}: event {seq} ({}) was told and is not there", event.kind));
            }
        }
    }

    fn hold(&mut self, check: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(check)).is_err() {
            self.violated(LAST_PANIC.take());
        }
    }
}

/// What a commit touches, as it was.
pub(super) struct Before {
    steps: Vec<(Step, Vec<Attempt>)>,
    used_tokens: i64,
    rested_ms: i64,
}

impl Before {
    pub(super) fn of(state: &State, commit: &RunCommit) -> Self {
        let touched = commit.events().flat_map(|event| &event.data.steps).filter_map(|step| state.step(&step.key));
        let steps = touched.map(|step| (step.clone(), state.attempts(&step.key).to_vec()));
        Self { steps: steps.collect(), used_tokens: state.run.used_tokens, rested_ms: state.run.rested_ms }
    }

    /// Numbers only go up, and what is over is never undone in place.
    fn compare(&self, checks: &mut Checks, state: &State) {
        let run = state.birth.id;
        for (was, attempts) in &self.steps {
            if let Some(is) = state.step(&was.key)
                && (is.generation < was.generation || is.decision_epoch < was.decision_epoch)
            {
                checks.violated(format!("run {run}: the numbers of {} go back", was.key));
            }
            let now = state.attempts(&was.key);
            let is_same = |attempt: &Attempt| now.iter().any(|known| known == attempt);
            if attempts.iter().filter(|attempt| attempt.outcome.is_some()).any(|attempt| !is_same(attempt)) {
                checks.violated(format!("run {run}: an attempt of {} that was over changed", was.key));
            }
        }
        if state.run.used_tokens < self.used_tokens || state.run.rested_ms < self.rested_ms {
            checks.violated(format!("run {run}: what it used goes back"));
        }
    }
}

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What a check says is kept for its violation instead of being shown at once. Of the whole process.
pub(crate) fn keep_panics() {
    std::panic::set_hook(Box::new(|panic| LAST_PANIC.set(panic.to_string().replace('\n', " "))));
}
