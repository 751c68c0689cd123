//! What has to hold along the log of a run, whatever state it comes to: attempts begin once, end once and are nobody else's in between, and
//! what an agent made is of an attempt that there was. It reads events alone and folds none: the rules that wrote them are not asked.

use std::collections::{BTreeMap, BTreeSet};

use workflow::{
    RunId, StepKey,
    id::WorkerId,
    run::{RunEvent, state::Attempt},
    status::{Origin, Outcome},
};

use super::Invariant;

pub(super) struct History {
    once: Invariant,
    fenced: Invariant,
    made: Invariant,
    times: Invariant,
}

/// What is known of an attempt as its log is read.
struct Seen {
    generation: i32,
    outcome: Option<Outcome>,
    worker: Option<WorkerId>,
    fence: i32,
}

impl History {
    pub(super) fn new() -> Self {
        Self {
            once: Invariant::new("completed-once", "one attempt at most succeeds in each generation of a step"),
            fenced: Invariant::new(
                "attempts-fenced",
                "an attempt stays in its generation, changes its worker only under a new fence, and ends once",
            ),
            made: Invariant::new("made-by-an-attempt", "what an agent made is of an attempt that the log tells of"),
            times: Invariant::new("time-goes-on", "no event is told as of before the one before it"),
        }
    }

    pub(super) fn invariants(self) -> [Invariant; 4] {
        [self.once, self.fenced, self.made, self.times]
    }

    /// `events`: all of a run, in their order.
    pub(super) fn look(&mut self, run: RunId, events: &[&RunEvent]) {
        let mut attempts: BTreeMap<(StepKey, i32), Seen> = BTreeMap::new();
        let mut makers: BTreeSet<(StepKey, i32)> = BTreeSet::new();
        for event in events {
            for attempt in &event.data.attempts {
                self.attempt(run, event.seq, attempt, &mut attempts);
            }
            // What was taken over from another run was made there.
            let made = event.data.artifacts.iter().filter(|of| of.origin == Origin::Agent && of.copy_of.is_none());
            makers.extend(made.filter_map(|of| Some((of.producing_step_id.clone(), of.attempt?))));
        }
        for pair in events.windows(2) {
            if let [before, event] = pair
                && event.at < before.at
            {
                self.times.violated(&format!("run {run}: event {} is of before the one before it", event.seq));
            }
        }
        for (step, number) in makers {
            if !attempts.contains_key(&(step.clone(), number)) {
                self.made
                    .violated(&format!("run {run}: {step} has an output of its attempt {number}, which never began"));
            }
        }
        let mut succeeded: BTreeMap<(StepKey, i32), u32> = BTreeMap::new();
        for ((step, _), seen) in attempts {
            // Maps and sub-workflows are worked on by nobody.
            if seen.outcome == Some(Outcome::Succeeded) && seen.worker.is_some() {
                *succeeded.entry((step, seen.generation)).or_default() += 1;
            }
        }
        for ((step, generation), n) in succeeded.into_iter().filter(|(_, n)| *n > 1) {
            self.once.violated(&format!("run {run}: {n} attempts of {step} succeeded in generation {generation}"));
        }
    }

    fn attempt(&mut self, run: RunId, seq: i64, now: &Attempt, attempts: &mut BTreeMap<(StepKey, i32), Seen>) {
        let (step, number) = (&now.step, now.number);
        let Some(seen) = attempts.get_mut(&(step.clone(), number)) else {
            let Attempt { generation, outcome, worker, fence, .. } = *now;
            attempts.insert((step.clone(), number), Seen { generation, outcome, worker, fence });
            return;
        };
        let wrong = if seen.generation != now.generation {
            Some("is in another generation than it was")
        } else if now.fence < seen.fence {
            Some("has an older fence than it had")
        } else if seen.outcome.is_some() && seen.outcome != now.outcome {
            Some("was over and ended otherwise")
        } else if now.worker.is_some() && seen.worker.is_some() && now.worker != seen.worker && now.fence == seen.fence
        {
            Some("has another worker under the same fence")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            self.fenced.violated(&format!("run {run}: by event {seq} attempt {number} of {step} {wrong}"));
        }
        seen.outcome = now.outcome.or(seen.outcome);
        seen.worker = now.worker.or(seen.worker);
        seen.fence = now.fence;
    }
}
