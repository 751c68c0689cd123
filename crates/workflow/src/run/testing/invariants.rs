//! What must hold of every state, whatever came to it.

use std::{
    fmt::{self, Debug, Display, Formatter},
    sync::Arc,
};

use crate::{
    id::UserId,
    run::{
        RunEvent, State,
        state::{Admission, Outputs, Status, Step, Work},
    },
    status::{Origin, Outcome, Reason, RunStatus, StepCounts, StepStatus},
};

/// Panics where something does not hold after a decision. `after`: what came to it last.
pub fn check(state: &State, after: &dyn Debug) {
    check_within(state, after);
    let told = Told { state, after };
    let is_spent =
        state.run.budget.is_some_and(|budget| budget.tokens.is_some_and(|tokens| state.run.used_tokens >= tokens));
    let starts = state.steps().any(|step| matches!(step.status, Status::Ready { .. }) && !step.manually_triggered);
    let goes_on = state.run.held.is_none() && !state.run.status.is_terminal();
    assert!(!(is_spent && starts && goes_on), "it goes on without a budget; {told}");
}

/// The same after any event of a decision: only that a budget is used up is told by an event after the one that used it.
pub fn check_within(state: &State, after: &dyn Debug) {
    let told = Told { state, after };
    derived(state, &told);
    run(state, &told);
    for step in state.steps() {
        one(state, step, &told);
    }
    for (key, outputs) in &state.versions {
        for (name, versions) in outputs.names().zip(outputs.all()) {
            let numbers: Vec<i32> = versions.iter().map(|version| version.version).collect();
            let wanted: Vec<i32> = (1..).take(versions.len()).collect();
            assert_eq!(numbers, wanted, "versions of {key}.{name} are 1 to n; {told}");
            assert_eq!(versions.iter().filter(|version| version.is_latest).count(), 1, "one is the latest; {told}");
        }
    }
}

/// What is said of a state that is wrong; made only then.
struct Told<'a> {
    state: &'a State,
    after: &'a dyn Debug,
}

impl Display for Told<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let after = format!("{:?}", self.after);
        let short: String = after.chars().take(160).collect();
        writeln!(f, "after {short}\nrun {} {:?}", self.state.run.status, self.state.run.held)?;
        for step in self.state.steps() {
            writeln!(f, "  {}: {:?} g{}", step.key, step.status, step.generation)?;
        }
        Ok(())
    }
}

/// What is kept beside the steps is what follows from them.
fn derived(state: &State, told: &Told<'_>) {
    // All that it follows from; the rest of a state may be large.
    let mut again = State::empty();
    again.entries = state.entries.clone();
    again.design = Arc::clone(&state.design);
    again.derive();
    assert_eq!(state.counts, again.counts, "counts; {told}");
    assert_eq!(state.index, again.index, "index; {told}");
    for (key, entry) in state.entries.iter().filter(|(_, entry)| !entry.is_removed) {
        assert_eq!(Some(entry), again.entries.get(key), "waits of {key}; {told}");
    }
}

fn run(state: &State, told: &Told<'_>) {
    let count = |is: &dyn Fn(&&Step) -> bool| i64::try_from(state.steps().filter(is).count()).unwrap();
    let fails = |step: &&Step| {
        let definition = state.design.step(step.definition_key());
        matches!(step.status, Status::Failed { .. })
            && step.on_error(definition) != crate::definition::OnError::Continue
    };
    let counts = StepCounts {
        active: count(&|step| {
            step.status.needs_decision()
                || matches!(step.status, Status::Ready { .. })
                || matches!(&step.status, Status::Running(work) if !matches!(work, Work::Items { .. }))
        }),
        awaiting_review: count(&|step| step.review().is_some()),
        failed: count(&fails),
    };
    let derived = RunStatus::derive(state.run.status == RunStatus::Cancelled, state.run.held, counts);
    assert_eq!((state.run.status, state.run.status_reason), derived, "the status of the run; {told}");
    assert_eq!(state.run.finished_at.is_some(), state.run.status.is_terminal(), "when it was over; {told}");
    let limit = state.design.definition.limits.max_parallel;
    let running = state.steps().filter(|step| matches!(step.status, Status::Running(Work::Attempt { .. }))).count();
    // A step that a crash or a retry gives back keeps its place, so the limit holds whatever happens.
    assert!(limit.is_none_or(|limit| running <= limit as usize), "max_parallel; {told}");
    if state.run.status != RunStatus::Cancelled {
        nothing_waits_for_ever(state, told);
    }
    for (map, definition) in &state.design.definition.steps {
        if let Some(most) = definition.map.as_ref().and_then(|map| map.max_parallel) {
            let running = state.items(map).filter(|item| matches!(item.status, Status::Running(Work::Attempt { .. })));
            assert!(running.count() <= most as usize, "max_parallel of {map}; {told}");
        }
    }
}

/// A run that is not over has something that may be claimed or judged, that runs or wants a reservation, or it waits for a person.
fn nothing_waits_for_ever(state: &State, told: &Told<'_>) {
    if state.run.status.is_terminal() {
        let open: Vec<_> = state.steps().filter(|step| !step.status.is_over()).map(|step| &step.key).collect();
        assert!(open.is_empty(), "{open:?} wait in a run that is over; {told}");
        return;
    }
    let is_enabled = state.steps().any(|step| match &step.status {
        Status::Ready { admission } => matches!(admission, Admission::Claimable | Admission::Reserving),
        Status::Running(_) | Status::AwaitingReview { .. } => true,
        _ => step.status.needs_decision(),
    });
    assert!(is_enabled || state.run.held.is_some(), "nothing will ever happen; {told}");
    if state.run.held.is_none() {
        let waits =
            state.steps().any(|step| matches!(step.status.admission(), Some(Admission::Limited | Admission::Held)));
        let takes = state.steps().any(|step| {
            matches!(step.status.admission(), Some(Admission::Claimable | Admission::Reserving))
                || matches!(step.status, Status::Running(Work::Attempt { .. }))
        });
        assert!(!waits || takes, "a limit keeps what nothing will let go; {told}");
    }
}

fn one(state: &State, step: &Step, told: &Told<'_>) {
    if state.run.held.is_some() {
        let goes = step.status == (Status::Ready { admission: Admission::Claimable });
        assert!(!goes || step.manually_triggered, "it may be claimed in a run that is held; {told}");
    }
    if step.status == Status::Completed && binds(state, step) {
        assert!(state.latest(&step.key).all(|version| version.is_approved), "it got around its gate; {told}");
    }
    let mut indices: Vec<i32> = state.items(&step.key).filter_map(|item| Some(item.item.as_ref()?.index)).collect();
    indices.sort_unstable();
    assert_eq!(indices, (0..).take(indices.len()).collect::<Vec<i32>>(), "items stand in their list; {told}");
    let attempts = state.attempts(&step.key);
    let numbers: Vec<i32> = attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, (1..).take(attempts.len()).collect::<Vec<i32>>(), "attempts are 1 to n; {told}");
    let open: Vec<_> = attempts.iter().filter(|attempt| attempt.outcome.is_none()).collect();
    let is_running = matches!(step.status, Status::Running(_));
    assert_eq!(open.len(), usize::from(is_running), "one open attempt of what runs; {told}");
    if let Some(open) = open.first() {
        assert_eq!(usize::try_from(open.number), Ok(attempts.len()), "the open attempt is the last; {told}");
        assert_eq!(open.generation, step.generation, "the open attempt is of this generation; {told}");
        let holder = match &step.status {
            Status::Running(Work::Attempt { worker }) => Some(*worker),
            _ => None,
        };
        assert_eq!(open.worker.filter(|_| holder.is_some()), holder, "its worker; {told}");
    }
    if let Some(entry) = state.entries.get(&step.key).filter(|_| step.item.is_none()) {
        let status = step.status.word();
        let waits = entry.waits.open > 0;
        let is_undecided = matches!(step.status, Status::Pending { needs_decision: true });
        if state.run.status != RunStatus::Cancelled {
            assert!(!waits || !(status == StepStatus::Ready || is_undecided), "queued, but it waits; {told}");
            assert!(
                waits || is_undecided || status != StepStatus::Pending,
                "it waits for nothing, and nobody looks at it; {told}"
            );
        }
        let reason = step.status.reason().filter(|_| status == StepStatus::Skipped);
        let by_failure = reason == Some(Reason::UpstreamFailed) && !state.design.has_rule(&step.key);
        let is_stuck = (by_failure && entry.waits.failed == 0)
            || (reason.is_some_and(|reason| reason != Reason::Person) && state.design.has_rule(&step.key) && waits);
        assert!(!is_stuck || state.run.status == RunStatus::Cancelled, "skipped for nothing; {told}");
        assert_eq!(entry.items_open > 0, state.items(&step.key).any(|item| !item.status.is_over()), "{told}");
        if let Status::Running(Work::Items { needs_decision }) = step.status {
            assert_eq!(needs_decision, entry.items_open == 0, "a map collects when its items are over; {told}");
        }
    }
    if matches!(step.status, Status::Completed | Status::AwaitingReview { .. }) {
        let successes = attempts
            .iter()
            .filter(|attempt| attempt.generation == step.generation && attempt.outcome == Some(Outcome::Succeeded));
        let n = successes.count();
        let by_hand = state
            .versions
            .get(&step.key)
            .into_iter()
            .flat_map(Outputs::all)
            .flatten()
            .any(|version| version.origin != Origin::Agent);
        assert!(n <= 1, "one success of a generation; {told}");
        assert!(n == 1 || by_hand, "by one success, or by what was brought; {told}");
    }
    if let Status::Running(Work::Child {}) = step.status {
        assert!(step.child_run.is_some(), "a child has a run; {told}");
    }
}

/// Whether the gate of a step asks somebody else, or more than one.
fn binds(state: &State, step: &Step) -> bool {
    let key = step.definition_key();
    let is_form = state.design.plan(key).is_some_and(|plan| plan.kind == "human");
    state.design.step(key).is_some_and(|step| {
        let review = &step.review;
        let is_strict = !review.assignees.is_empty() || review.quorum > 1 || !review.allow_self;
        is_strict && (is_form || review.mode == crate::definition::ReviewMode::Always)
    })
}

/// A gate that is not open any more was closed by somebody or something, and that was told.
pub fn closed_gates_are_told(before: &State, after: &State, events: &[RunEvent]) {
    for step in before.steps() {
        let Some(was) = step.review() else { continue };
        let now = after.step(&step.key).filter(|now| now.generation == step.generation).and_then(Step::review);
        let is_told = events
            .iter()
            .flat_map(|event| &event.data.reviews)
            .any(|closed| (&closed.step, closed.generation, closed.number) == (&step.key, step.generation, was.number));
        let is_open = now.is_some_and(|now| now.number == was.number);
        assert_ne!(is_open, is_told, "the gate of {}", step.key);
    }
}

/// Numbers only go up, and what is over is never undone in place.
pub fn never_back(before: &State, after: &State, actor: Option<UserId>) {
    for step in before.entries.values().map(|entry| &entry.step) {
        let Some(now) = after.entries.get(&step.key).map(|entry| &entry.step) else {
            panic!("{} is forgotten", step.key);
        };
        assert!(now.generation >= step.generation, "{}: generation goes back", step.key);
        assert!(now.decision_epoch >= step.decision_epoch, "{}: epoch goes back", step.key);
        for (was, is) in before.attempts(&step.key).iter().zip(after.attempts(&step.key)) {
            if was.outcome.is_some() {
                assert_eq!(was, is, "{}: an attempt that was over changed", step.key);
            }
        }
        if let (Some(was), Some(is)) = (step.review(), now.review())
            && (step.generation, was.number) == (now.generation, is.number)
            && !before.latest(&step.key).eq(after.latest(&step.key))
        {
            assert!(
                is.votes.iter().all(|by| Some(*by) == actor),
                "{}: votes for what is not the latest any more",
                step.key
            );
        }
        for attempt in after.attempts(&step.key).iter().skip(before.attempts(&step.key).len()) {
            for read in attempt.reads.iter().filter_map(|id| after.artifact(*id)) {
                let maker = after.step(&read.producing_step_id);
                let is_kept = maker.is_some_and(|maker| binds(after, maker)) && !read.is_approved;
                // What a map goes over, and what it went over when it goes on, was read before.
                let is_map = after.design.is_map(&step.key);
                assert!(!is_kept || is_map, "{}: reads what its gate did not approve", step.key);
            }
        }
        // Nothing starts before what it depends on is over.
        let starts = matches!(now.status, Status::Running(Work::Attempt { .. }))
            && matches!(step.status, Status::Ready { .. } | Status::Pending { .. });
        let waits = before.entries.get(&step.key).map_or(0, |entry| entry.waits.open);
        assert!(!starts || waits == 0, "{} starts before what it depends on is over", step.key);
    }
    assert!(after.run.used_tokens >= before.run.used_tokens, "what was used goes back");
    assert!(after.run.rested_ms >= before.run.rested_ms, "the rest goes back");
}
