//! The differences that are known, each with its reason, and what was counted on the way. What is not in the table is a parting.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use workflow::{
    RunView, StepKey, UserId,
    access::Actor,
    definition::ReviewMode,
    event::RunEvent as OldEvent,
    run::{Command, Refused, RunEvent},
    status::Outcome as Ended,
    view::{StepView, Usage},
};

use crate::{outcome::Outcome, twin::Twin};

/// Name and reason.
const TABLE: &[(&str, &str)] = &[
    ("steps_started", "the new engine tells of started attempts by an event; the old one only had their rows"),
    ("steps_admitted", "a reservation of keys is given by a command of its own, and told"),
    ("continued", "a decision that is too large for one event has several"),
    (
        "rules and constant conditions",
        "the old engine asked itself about every rule and condition, in a decision and an event of its own; the new one judges at once \
         what reads no content",
    ),
    (
        "budgets in one decision",
        "what the old engine decided in several events, each followed by a look at the budget, is one decision with one look",
    ),
    (
        "gates that bind: who may not approve gets around them no more",
        "403 where the old engine let the owner or an author through",
    ),
    (
        "gates that bind: forms and maps",
        "what is brought, edited, taken over or rolled back at a form or a map whose gate binds opens that gate",
    ),
    (
        "gates that bind: a fork makes anew what they never let through",
        "the old engine took over what nobody had approved",
    ),
    ("gates that bind: the list of a map is approved", "what its items passed, their list has passed; the old engine never marked it"),
    ("votes after the time", "an approval after the gate's time does not count, though nobody has looked at the clock yet"),
    (
        "words of a last rejection",
        "the old engine kept them in a generation in which nothing ran; they stay with their round, and the generation stays",
    ),
    ("basis of attempts without a result", "what an attempt is made with is known when it starts; the old engine was told with its result"),
    ("halves of a sub-workflow's tokens", "a run's total does not say which half a token belonged to; what was nothing is not told"),
    ("nobody abandons", "a sub-workflow that nobody waits for ends by itself, not in its owner's name"),
    (
        "sub-workflows taken up again after their step went on",
        "the old engine cancelled one whenever something happened to its step; the new one when the step begins anew or wants its end \
         no more",
    ),
    (
        "runs that are over again within one decision",
        "the old engine let a run go on until it had judged what followed, so it was over later and had rested longer",
    ),
    ("titles of items", "after a move items bear the title that their map has now; the old engine left them the old one"),
    ("order of what happens at once", "a dead worker's steps and due gates are told by key, not by row"),
    ("skip: status before values", "whether the step can be skipped is said before which values are missing"),
    ("turns within one decision", "what is queued by one decision has its turn by the order of the definition, not of the rows"),
    ("turns of steps with keys", "a step that wants keys has no place under its run's limits until it has them"),
];

/// What was run, and what was met.
#[derive(Default)]
pub(crate) struct Tally {
    commands: BTreeMap<&'static str, u64>,
    outcomes: BTreeMap<String, u64>,
    events: BTreeMap<&'static str, u64>,
    met: BTreeMap<&'static str, u64>,
    pub n_compared: u64,
}

impl Tally {
    pub(crate) fn command(&mut self, name: &'static str) {
        *self.commands.entry(name).or_default() += 1;
    }

    pub(crate) fn n_commands(&self) -> u64 {
        self.commands.values().sum()
    }

    pub(crate) fn outcome(&mut self, outcome: &Outcome) {
        let name = format!("{outcome:?}");
        *self.outcomes.entry(name).or_default() += 1;
    }

    pub(crate) fn events(&mut self, told: &[OldEvent]) {
        for event in told {
            *self.events.entry(event.kind.as_str()).or_default() += 1;
        }
    }

    /// A difference that is in the table.
    pub(crate) fn met(&mut self, name: &'static str) {
        assert!(TABLE.iter().any(|(known, _)| *known == name), "`{name}` is not in the table");
        *self.met.entry(name).or_default() += 1;
    }

    pub(crate) fn report(&self) -> String {
        let list = |title: &str, of: Vec<(String, u64)>| {
            let lines: Vec<String> = of.into_iter().map(|(name, n)| format!("  {n:>8}  {name}")).collect();
            format!("{title}\n{}", lines.join("\n"))
        };
        let named = |of: &BTreeMap<&'static str, u64>| of.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        let met = TABLE.iter().map(|(name, reason)| {
            (format!("{name}: {reason}"), self.met.get(name).copied().unwrap_or_default())
        });
        [
            list(&format!("{} commands, {} looks", self.n_commands(), self.n_compared), named(&self.commands)),
            list("outcomes", self.outcomes.clone().into_iter().collect()),
            list("events of the old engine", named(&self.events)),
            list("differences", met.collect()),
        ]
        .join("\n")
    }
}

// ---- what only one of them does

/// The new engine refuses, or opens a gate, where the old one never did. The command then goes to neither.
pub(crate) fn is_only_new(
    decided: &Result<Vec<RunEvent>, Refused>,
    twin: &Twin,
    by: &Actor,
    command: &Command,
    now: DateTime<Utc>,
) -> Result<Option<&'static str>, String> {
    match decided {
        Err(Refused::Bound(key)) if binds(twin, key) && !may_approve(twin, key, by) => {
            Ok(Some("gates that bind: who may not approve gets around them no more"))
        }
        Err(Refused::Bound(key)) => Err(format!("{key} does not bind {}", by.email)),
        Err(Refused::TooLate) => {
            let is_late = twin.state.steps().filter_map(|step| step.review()?.due_at).any(|due| due < now);
            if is_late { Ok(Some("votes after the time")) } else { Err("nothing is late".into()) }
        }
        Ok(_) | Err(Refused::SelfApproval | Refused::AlreadyVoted) => {
            if decided.as_ref().is_ok_and(Vec::is_empty) {
                return Ok(None);
            }
            let about: Vec<StepKey> = match command {
                Command::Supply { step, .. } => vec![step.clone()],
                Command::Edit(edit) => vec![edit.step.clone()],
                Command::Rollback { artifact, .. } => {
                    twin.state.artifact(*artifact).map(|version| version.producing_step_id.clone()).into_iter().collect()
                }
                Command::Adopt { versions } => versions.keys().cloned().collect(),
                _ => Vec::new(),
            };
            let opens = |key: &StepKey| {
                let is_always = twin.definition().steps.get(&key.split().0).map(|step| step.review.mode) == Some(ReviewMode::Always);
                binds(twin, key) && (twin.is_map(key) || !is_always)
            };
            Ok(about.iter().any(opens).then_some("gates that bind: forms and maps"))
        }
        _ => Ok(None),
    }
}

/// Whether a gate asks for more than one approval of whoever starts the run.
pub(crate) fn binds(twin: &Twin, key: &StepKey) -> bool {
    let Some(step) = twin.definition().steps.get(&key.split().0) else { return false };
    let review = &step.review;
    let has_gate = review.mode == ReviewMode::Always || twin.kind(key) == "human";
    has_gate && (!review.assignees.is_empty() || review.quorum > 1 || !review.allow_self)
}

fn may_approve(twin: &Twin, key: &StepKey, by: &Actor) -> bool {
    let review = &twin.definition().steps[&key.split().0].review;
    let named = review.assignees.users.iter().any(|email| email.eq_ignore_ascii_case(&by.email))
        || review.assignees.roles.iter().any(|role| role == by.role.as_str());
    let is_own = by.id == twin.owner || twin.state.latest(key).any(|version| version.made_by == Some(by.id));
    (named || by.is_admin() || review.assignees.is_empty()) && (review.allow_self || !is_own)
}

// ---- what they say otherwise

pub(crate) fn is_said_otherwise(old: &Outcome, new: &Outcome) -> Option<&'static str> {
    match (old, new) {
        (Outcome::Missing, Outcome::Status(_) | Outcome::Generation) => Some("skip: status before values"),
        _ => None,
    }
}

/// An event as it is compared.
type Line = (String, Option<StepKey>, Option<UserId>);

/// Of several looks at a budget in a row, one is kept.
pub(crate) fn fold_budgets(old: &mut Vec<Line>, new: &mut Vec<Line>, tally: &mut Tally) {
    for lines in [old, new] {
        let n = lines.len();
        lines.dedup_by(|a, b| a.0 == "budget_exceeded" && a == b);
        if lines.len() < n {
            tally.met("budgets in one decision");
        }
    }
}

pub(crate) fn forget_who_abandoned(old: &mut [Line], new: &[Line], tally: &mut Tally) {
    for (old, new) in old.iter_mut().zip(new) {
        if old.0 == "run_cancelled" && new.0 == old.0 && new.2.is_none() && old.2.is_some() {
            old.2 = None;
            tally.met("nobody abandons");
        }
    }
}

// ---- what they show otherwise

/// The old engine hears what an attempt was made with together with its result.
pub(crate) fn forget_the_basis(step: &mut StepView, tally: &mut Tally) {
    let has_no_result = |outcome: Option<Ended>| !matches!(outcome, Some(Ended::Succeeded | Ended::Failed));
    for attempt in step.attempts.iter_mut().filter(|attempt| has_no_result(attempt.outcome)) {
        if attempt.basis.take().is_some() {
            tally.met("basis of attempts without a result");
        }
    }
}

pub(crate) fn forget_halves_of_tokens(step: &mut StepView, tally: &mut Tally) {
    if step.kind != "workflow" {
        return;
    }
    for usage in step.attempts.iter_mut().map(|attempt| &mut attempt.usage) {
        if let Some(used) = usage.as_mut().filter(|used| used.completion_tokens != 0) {
            used.prompt_tokens += used.completion_tokens;
            used.completion_tokens = 0;
            tally.met("halves of a sub-workflow's tokens");
        }
        if let Some(used) = usage
            && *used == (Usage { cost_micros: used.cost_micros.filter(|cost| *cost == 0), ..Usage::default() })
        {
            *usage = None;
        }
    }
}

/// As if the words of a last rejection had begun no generation.
pub(crate) fn count_without_empty_generations(step: &mut StepView, twin: &Twin) {
    let Some(empty) = twin.empty_generations.get(&step.key) else { return };
    let counted = |generation: i32| {
        generation - i32::try_from(empty.iter().filter(|empty| **empty <= generation).count()).unwrap()
    };
    if empty.contains(&step.generation) {
        step.feedback = None;
    }
    step.generation = counted(step.generation);
    for attempt in &mut step.attempts {
        attempt.generation = counted(attempt.generation);
    }
}

/// Whether the list of a map counts as approved.
pub(crate) fn forget_what_maps_passed(view: &mut RunView, twin: &Twin, tally: &mut Tally) {
    for artifact in view.artifacts.iter_mut().filter(|artifact| artifact.is_approved) {
        let key = &artifact.producing_step_id;
        if twin.is_map(key) && binds(twin, key) {
            artifact.is_approved = false;
            tally.met("gates that bind: the list of a map is approved");
        }
    }
}

/// A run that is over in both, by when it was over and how long it had rested before.
pub(crate) fn forget_short_awakenings(old: &mut RunView, new: &RunView, tally: &mut Tally) {
    let worked = |view: &RunView| Some(view.finished_at? - chrono::TimeDelta::milliseconds(view.rested_ms));
    if old.finished_at > new.finished_at && worked(old).is_some() && worked(old) == worked(new) {
        (old.finished_at, old.rested_ms, old.deadline_at) = (new.finished_at, new.rested_ms, new.deadline_at);
        tally.met("runs that are over again within one decision");
    }
}

pub(crate) fn rename_items(old: &mut RunView, new: &RunView, tally: &mut Tally) {
    for step in old.steps.iter_mut().filter(|step| step.item_of.is_some()) {
        let now = new.step(&step.key).map(|step| &step.title);
        if let Some(now) = now.filter(|now| **now != step.title) {
            step.title.clone_from(now);
            tally.met("titles of items");
        }
    }
}

// ---- whose turn it is

/// Why other steps of a run may start, if that is known.
pub(crate) fn is_another_turn(
    twin: &Twin,
    old: &BTreeSet<StepKey>,
    new: &BTreeSet<StepKey>,
) -> Option<&'static str> {
    let differing: Vec<&StepKey> = old.symmetric_difference(new).collect();
    let definition = twin.definition();
    let is_limited = definition.limits.max_parallel.is_some()
        || definition.steps.values().any(|step| step.map.as_ref().is_some_and(|map| map.max_parallel.is_some()));
    let has_keys = |key: &StepKey| twin.state.design.plan(&key.split().0).is_some_and(|plan| !plan.keys.is_empty());
    let times: BTreeSet<_> = differing.iter().filter_map(|key| Some(twin.state.step(key)?.not_before)).collect();
    if !is_limited {
        return None;
    }
    if old.len() == new.len() && times.len() == 1 {
        return Some("turns within one decision");
    }
    differing.into_iter().any(has_keys).then_some("turns of steps with keys")
}
