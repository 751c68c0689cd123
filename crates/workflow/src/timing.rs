//! When the steps of a run worked, and which chain of them took longest: the slowest path.
//! Times are those of the attempts. It must never read a clock: what still runs is counted up to the moment that is told.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    graph::Graph,
    id::StepKey,
    view::{AttemptView, RunView, StepView},
};

/// From when to when something was worked on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Worked {
    pub since: DateTime<Utc>,
    /// Absent while it goes on.
    pub until: Option<DateTime<Utc>>,
}

impl Worked {
    /// The last attempt of a step, as lists tell its time.
    pub fn last_attempt(step: &StepView) -> Option<Self> {
        step.attempts.last().map(Self::of)
    }

    /// All attempts of the step's generation, with the waits between them: what was tried again took that long in all.
    pub fn of_generation(step: &StepView) -> Option<Self> {
        let current = step.attempts.iter().filter(|attempt| attempt.generation == step.generation);
        current.map(Self::of).reduce(Self::joined)
    }

    fn of(attempt: &AttemptView) -> Self {
        Self { since: attempt.started_at, until: attempt.ended_at }
    }

    /// From the beginning of the first to the end of the last.
    fn joined(self, other: Self) -> Self {
        Self {
            since: self.since.min(other.since),
            until: self.until.zip(other.until).map(|(one, other)| one.max(other)),
        }
    }

    /// Items of a list as one that was at work as long as any of them was, without a break, and up to the same end: what was run again the
    /// next morning did not take the night. None of none.
    pub fn together(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut all: Vec<Self> = all.into_iter().collect();
        all.sort_by_key(|worked| worked.since);
        let mut all = all.into_iter();
        let first = all.next()?;
        // Each begins no earlier than what is known by then.
        Some(all.fold(first, |known, next| match known.until {
            None => known,
            Some(until) => Self {
                since: known.since + (next.since - until).max(TimeDelta::zero()),
                until: next.until.map(|next| next.max(until)),
            },
        }))
    }

    /// Milliseconds, up to now for what goes on; nothing of that where nobody says what time it is. Clocks differ, but no time is negative.
    pub fn ms(self, now_ms: Option<i64>) -> Option<i64> {
        let until = self.until.map(|until| until.timestamp_millis()).or(now_ms)?;
        Some(until.saturating_sub(self.since.timestamp_millis()).max(0))
    }
}

/// What an attempt that is over took, and all of the run's time up to its end, or up to what is known last: milliseconds. What the run
/// rested in between is no part of it. None where clocks differ so far that the part would be more than the whole.
pub fn share_of_run(run: &RunView, attempt: &AttemptView) -> Option<(i64, i64)> {
    let took = (attempt.ended_at? - attempt.started_at).num_milliseconds();
    let attempts = run.steps.iter().flat_map(|step| &step.attempts);
    let last_known = || attempts.map(|attempt| attempt.ended_at.unwrap_or(attempt.started_at)).max();
    let until = run.finished_at.or_else(last_known)?;
    let whole = (until - run.counts_from()).num_milliseconds();
    (took > 0 && took <= whole).then_some((took, whole))
}

/// The steps after each other that worked longest together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlowestPath {
    /// Each after the one that it waited for.
    pub steps: Vec<StepKey>,
    /// What they took together, without what lay between them.
    pub ms: i64,
}

/// Of what is known so far; nothing before a step has worked. What runs counts up to `now_ms`, milliseconds since 1970.
pub fn slowest_path(run: &RunView, now_ms: Option<i64>) -> Option<SlowestPath> {
    let own = own_times(run, now_ms);
    // A definition that runs has no cycle.
    let order = Graph::of(&run.run_definition).order().ok()?;
    // By step, how long the slowest way to its end is, and over which step that leads.
    let mut ways: BTreeMap<&StepKey, (i64, Option<&StepKey>)> = BTreeMap::new();
    let mut slowest: Option<(i64, &StepKey)> = None;
    for key in order {
        let Some(step) = run.run_definition.steps.get(key) else { continue };
        let mut before: Option<(i64, &StepKey)> = None;
        for dependency in step.direct_dependencies() {
            // Of two that took as long the first by key, so that the path does not jump; what took no time is no part of it.
            if let Some((ms, _)) = ways.get(dependency)
                && *ms > before.map_or(0, |(most, _)| most)
            {
                before = Some((*ms, dependency));
            }
        }
        let ms = before.map_or(0, |(ms, _)| ms) + own.get(key).copied().unwrap_or(0);
        ways.insert(key, (ms, before.map(|(_, key)| key)));
        if ms > slowest.map_or(0, |(most, _)| most) {
            slowest = Some((ms, key));
        }
    }
    let (ms, end) = slowest?;
    let mut steps = Vec::new();
    let mut at = Some(end);
    while let Some(key) = at {
        steps.push(key.clone());
        at = ways.get(key).and_then(|(_, before)| *before);
    }
    steps.reverse();
    Some(SlowestPath { steps, ms })
}

/// Milliseconds of each step of the definition; a map step takes as long as any of its items was at work.
fn own_times(run: &RunView, now_ms: Option<i64>) -> BTreeMap<&StepKey, i64> {
    let mut spans: BTreeMap<&StepKey, Vec<Worked>> = BTreeMap::new();
    for step in &run.steps {
        if let Some(this) = Worked::of_generation(step) {
            spans.entry(step.definition_key()).or_default().push(this);
        }
    }
    spans.into_iter().filter_map(|(key, spans)| Some((key, Worked::together(spans)?.ms(now_ms)?))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::TimeDelta;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        status::{Outcome, StepStatus},
        testing::{add_items, attempt, run, step},
    };

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    /// One more attempt, from and to these seconds.
    fn work(view: &mut RunView, key: &str, since: i64, until: Option<i64>) {
        attempt(view, key, &[], Outcome::Succeeded);
        let step = step(view, key);
        step.status = if until.is_some() { StepStatus::Completed } else { StepStatus::Running };
        let last = step.attempts.last_mut().unwrap();
        (last.started_at, last.ended_at) = (at(since), until.map(at));
        if until.is_none() {
            last.outcome = None;
        }
    }

    /// a, then b and c beside each other, then d.
    fn fork() -> RunView {
        run(&json!({
            "a": {"agent_id": "x"}, "b": {"agent_id": "x", "depends_on": ["a"]},
            "c": {"agent_id": "x", "depends_on": ["a"]}, "d": {"agent_id": "x", "depends_on": ["b", "c"]}}))
    }

    #[test]
    fn an_attempt_has_a_share_of_the_run_without_what_the_run_rested() {
        let mut view = fork();
        work(&mut view, "a", 1, Some(8));
        work(&mut view, "b", 8, Some(12));
        let of =
            |view: &RunView, key: &str| share_of_run(view, view.step(&key.into()).unwrap().attempts.last().unwrap());
        assert_eq!(of(&view, "a"), Some((7_000, 12_000)), "up to what is known last");
        view.finished_at = Some(at(20));
        assert_eq!(of(&view, "b"), Some((4_000, 20_000)));
        view.rested_ms = 6_000;
        assert_eq!(of(&view, "b"), Some((4_000, 14_000)));
        view.finished_at = Some(at(7));
        assert_eq!(of(&view, "a"), None, "more than the whole");
        work(&mut view, "c", 8, None);
        assert_eq!(of(&view, "c"), None, "it goes on");
    }

    fn path(view: &RunView, now: Option<i64>) -> Option<(String, i64)> {
        let path = slowest_path(view, now.map(|seconds| seconds * 1000))?;
        let keys: Vec<&str> = path.steps.iter().map(StepKey::as_str).collect();
        Some((keys.join(" "), path.ms / 1000))
    }

    #[test]
    fn the_slower_of_two_branches_is_on_the_path_and_waits_are_not_counted() {
        let mut view = fork();
        assert_eq!(path(&view, Some(9)), None, "nothing has worked");
        work(&mut view, "a", 0, Some(1));
        assert_eq!(path(&view, None), Some(("a".into(), 1)));
        work(&mut view, "b", 10, Some(12));
        work(&mut view, "c", 10, Some(15));
        work(&mut view, "d", 30, Some(31));
        assert_eq!(path(&view, None), Some(("a c d".into(), 7)));
    }

    #[test]
    fn what_runs_counts_up_to_now_and_takes_the_path_over() {
        let mut view = fork();
        work(&mut view, "a", 0, Some(1));
        work(&mut view, "b", 1, Some(4));
        work(&mut view, "c", 1, None);
        assert_eq!(path(&view, None), Some(("a b".into(), 4)), "without a clock it is not known");
        assert_eq!(path(&view, Some(3)), Some(("a b".into(), 4)));
        assert_eq!(path(&view, Some(9)), Some(("a c".into(), 9)));
        assert_eq!(path(&view, Some(0)), Some(("a b".into(), 4)), "a clock that is behind counts nothing");
    }

    #[test]
    fn only_the_generation_counts_and_all_of_its_attempts() {
        let mut view = fork();
        work(&mut view, "a", 0, Some(100));
        step(&mut view, "a").generation = 2;
        work(&mut view, "a", 200, Some(203));
        work(&mut view, "a", 208, Some(210));
        assert_eq!(path(&view, None), Some(("a".into(), 10)));
        let step = view.step(&"a".into()).unwrap();
        assert_eq!(Worked::last_attempt(step).unwrap().ms(None), Some(2_000));
        assert_eq!(Worked::of_generation(step).unwrap().ms(None), Some(10_000));
    }

    #[test]
    fn a_skipped_step_lies_on_the_path_only_between_others() {
        let mut view = run(&json!({
            "a": {"agent_id": "x"}, "b": {"agent_id": "x", "depends_on": ["a"]},
            "c": {"agent_id": "x", "depends_on": ["b"]}, "d": {"agent_id": "x", "depends_on": ["c"]}}));
        step(&mut view, "a").status = StepStatus::Skipped;
        work(&mut view, "b", 0, Some(2));
        step(&mut view, "c").status = StepStatus::Skipped;
        assert_eq!(path(&view, None), Some(("b".into(), 2)));
        work(&mut view, "d", 2, Some(3));
        assert_eq!(path(&view, None), Some(("b c d".into(), 3)));
    }

    #[test]
    fn a_list_takes_as_long_as_any_of_its_items_was_at_work() {
        let mut view = run(&json!({
            "a": {"agent_id": "x", "map": {"over": {"const": []}}}, "b": {"agent_id": "x", "depends_on": ["a"]}}));
        add_items(&mut view, "a", &["one", "two"]);
        work(&mut view, "a[one]", 0, Some(4));
        work(&mut view, "a[two]", 2, Some(7));
        step(&mut view, "a").status = StepStatus::Running;
        assert_eq!(path(&view, Some(20)), Some(("a".into(), 7)), "between two items nothing is at work");
        step(&mut view, "a").status = StepStatus::Completed;
        assert_eq!(path(&view, Some(20)), Some(("a".into(), 7)));
        // One of them is run again the next morning.
        let morning = 50_000;
        step(&mut view, "a[one]").generation = 2;
        work(&mut view, "a[one]", morning, None);
        assert_eq!(path(&view, Some(morning + 2)), Some(("a".into(), 7)), "0 to 7 is no longer worked by the first");
    }

    proptest! {
        /// Against each second, one by one.
        #[test]
        fn items_together_take_the_time_in_which_any_of_them_was_at_work(
            spans in prop::collection::vec((0_i64..30, 0_i64..9), 0..12), is_open in any::<bool>(), now in 40_i64..50,
        ) {
            let mut all: Vec<Worked> =
                spans.iter().map(|(since, took)| Worked { since: at(*since), until: Some(at(since + took)) }).collect();
            let mut seconds: BTreeSet<i64> = spans.iter().flat_map(|(since, took)| *since..since + took).collect();
            if is_open {
                all.push(Worked { since: at(20), until: None });
                seconds.extend(20..now);
            }
            let together = Worked::together(all.iter().copied());
            let ms = together.map(|together| together.ms(Some(now * 1000)));
            prop_assert_eq!(ms, (!all.is_empty()).then(|| i64::try_from(seconds.len()).ok().map(|n| n * 1000)));
            let end = all.iter().map(|worked| worked.until).max_by_key(|until| (until.is_none(), *until)).flatten();
            prop_assert_eq!(together.and_then(|together| together.until), end);
        }

        /// Against every way through the graph, one by one.
        #[test]
        fn no_way_through_the_graph_is_slower(
            edges in prop::collection::vec((0_u8..7, 0_u8..7), 0..14), times in prop::collection::vec(0_i64..9, 7),
        ) {
            let mut steps = serde_json::Map::new();
            for n in 0..7_u8 {
                let before: BTreeSet<String> =
                    edges.iter().filter(|(a, b)| a < b && *b == n).map(|(a, _)| format!("s{a}")).collect();
                steps.insert(format!("s{n}"), json!({"agent_id": "x", "depends_on": before}));
            }
            let mut view = run(&Value::Object(steps));
            for (n, seconds) in times.iter().enumerate() {
                if *seconds > 0 {
                    work(&mut view, &format!("s{n}"), 5, Some(5 + seconds));
                }
            }
            let mut most = 0;
            let mut ways: Vec<(u8, i64)> = (0..7_u8).map(|n| (n, times[usize::from(n)])).collect();
            while let Some((n, seconds)) = ways.pop() {
                most = most.max(seconds);
                let on = edges.iter().filter(|(a, b)| a < b && *a == n);
                ways.extend(on.map(|(_, b)| (*b, seconds + times[usize::from(*b)])));
            }
            let found = slowest_path(&view, None);
            prop_assert_eq!(found.as_ref().map_or(0, |path| path.ms), most * 1000);
            for pair in found.iter().flat_map(|path| path.steps.windows(2)) {
                prop_assert!(view.run_definition.steps[&pair[1]].direct_dependencies().contains(&pair[0]));
            }
        }
    }
}
