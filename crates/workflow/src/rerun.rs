//! What a re-run takes with it, and what that last cost. Pure, so that the dry run and the re-run itself cannot differ.
//! Items of map steps are never listed with their map step: they are decided when it expands.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    api::{BlastRadius, BlastStep, RerunMode, Staleness},
    graph::Graph,
    id::StepKey,
    staleness::staleness,
    status::{Origin, StepStatus},
    view::{AttemptView, RunView, StepView},
};

/// The steps that a re-run makes run. An item brings what is downstream of its map step; the map step itself collects again whatever the
/// mode, and runs nothing.
pub fn closure(view: &RunView, key: &StepKey, mode: RerunMode) -> BTreeSet<StepKey> {
    let mut closure = BTreeSet::from([key.clone()]);
    match mode {
        RerunMode::StepOnly => return closure,
        RerunMode::Stale => {
            closure.extend(refreshable(view, &staleness(view)));
            return closure;
        }
        RerunMode::Downstream | RerunMode::StaleDownstream => {}
    }
    let (of, _) = key.split();
    let graph = Graph::of(&view.run_definition);
    let stale = if mode == RerunMode::StaleDownstream { staleness(view) } else { BTreeMap::new() };
    let downstream = graph.descendants(&of).into_iter().filter(|key| view.step(key).is_some());
    closure.extend(downstream.filter(|key| mode == RerunMode::Downstream || stale.contains_key(*key)).cloned());
    closure
}

/// The stale steps that running again makes fresh. What a person wrote stays as it is, and so does what is stale through that alone: it would
/// read the same again. A stale item stands for its map step, which makes anew no other items than those.
pub fn refreshable(view: &RunView, stale: &BTreeMap<StepKey, Staleness>) -> BTreeSet<StepKey> {
    let mut kept: BTreeSet<StepKey> = BTreeSet::new();
    for key in written(view).into_iter().filter(|key| stale.contains_key(*key)) {
        // Its map cannot run again without it.
        kept.insert(key.split().0);
        kept.insert(key.clone());
    }
    let mut consumers: BTreeMap<&StepKey, Vec<&StepKey>> = BTreeMap::new();
    for (key, why) in stale {
        for source in &why.through {
            consumers.entry(source).or_default().push(key);
        }
    }
    let own = stale.iter().filter(|(_, why)| !why.because.is_empty()).map(|(key, _)| key);
    let mut queue: Vec<&StepKey> = own.filter(|key| !kept.contains(*key)).collect();
    let mut again: BTreeSet<&StepKey> = queue.iter().copied().collect();
    while let Some(key) = queue.pop() {
        for &consumer in consumers.get(key).into_iter().flatten() {
            if !kept.contains(consumer) && again.insert(consumer) {
                queue.push(consumer);
            }
        }
    }
    let is_over = |key: &StepKey| view.step(key).is_some_and(|step| step.status == StepStatus::Completed);
    let steps: BTreeSet<StepKey> = again.into_iter().map(|key| key.split().0).collect();
    steps.into_iter().filter(|key| !kept.contains(key) && is_over(key)).collect()
}

/// The steps and items of whose outputs a person wrote the latest version.
fn written(view: &RunView) -> BTreeSet<&StepKey> {
    let latest = view.artifacts.iter().filter(|artifact| artifact.is_latest && artifact.origin == Origin::HumanEdit);
    latest.map(|artifact| &artifact.producing_step_id).collect()
}

/// Every step that a re-run of these begins a generation of, and what their last attempts cost. That is one more than its closure where an
/// item runs without its map step: the map step collects again and runs nothing for it.
pub fn blast_radius(view: &RunView, keys: &BTreeSet<StepKey>) -> BlastRadius {
    let mut items: BTreeMap<&StepKey, Vec<&StepView>> = BTreeMap::new();
    let mut collecting = BTreeSet::new();
    for step in &view.steps {
        let Some(map) = &step.item_of else { continue };
        if keys.contains(map) {
            items.entry(map).or_default().push(step);
        } else if keys.contains(&step.key) {
            items.entry(map).or_default();
            collecting.insert(map);
        }
    }
    let written = written(view);
    let mut radius = BlastRadius::default();
    for step in keys.iter().chain(collecting).collect::<BTreeSet<_>>().into_iter().filter_map(|key| view.step(key)) {
        let mut spent = Spent::default();
        match items.get(&step.key) {
            Some(items) => items.iter().filter_map(|item| last_ended(item)).for_each(|attempt| spent.add(attempt)),
            None => last_ended(step).into_iter().for_each(|attempt| spent.add(attempt)),
        }
        let mut of_map = items.get(&step.key).into_iter().flatten();
        let is_written = written.contains(&step.key) || of_map.any(|item| written.contains(&item.key));
        radius.total_tokens += spent.tokens;
        radius.is_estimated |= spent.is_estimated;
        radius.total_cost_micros = sum(radius.total_cost_micros, spent.cost_micros);
        radius.steps.push(BlastStep {
            key: step.key.clone(),
            title: step.title.clone(),
            status: step.status,
            tokens: spent.tokens,
            cost_micros: spent.cost_micros,
            seconds: spent.seconds,
            is_estimated: spent.is_estimated,
            is_written,
        });
    }
    radius
}

#[derive(Default)]
struct Spent {
    tokens: i64,
    cost_micros: Option<i64>,
    seconds: f64,
    is_estimated: bool,
}

impl Spent {
    fn add(&mut self, attempt: &AttemptView) {
        if let Some(usage) = &attempt.usage {
            self.tokens += usage.prompt_tokens + usage.completion_tokens;
            self.is_estimated |= usage.is_estimated;
            self.cost_micros = sum(self.cost_micros, usage.cost_micros);
        }
        if let Some(ended) = attempt.ended_at {
            self.seconds += (ended - attempt.started_at).as_seconds_f64().max(0.0);
        }
    }
}

fn last_ended(step: &StepView) -> Option<&AttemptView> {
    step.attempts.iter().rev().find(|attempt| attempt.outcome.is_some())
}

fn sum(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0) + b.unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::testing;

    fn shown(keys: &BTreeSet<StepKey>) -> Vec<&str> {
        keys.iter().map(StepKey::as_str).collect()
    }

    /// a -> m (map) -> c -> d, and b apart from them.
    fn view() -> RunView {
        let mut view = testing::run(&json!({
            "a": {"agent_id": "x"}, "b": {"agent_id": "x"},
            "m": {"agent_id": "x", "map": {"over": {"from": "step", "step": "a", "artifact": "out"}}},
            "c": {"agent_id": "x", "inputs": {"in": {"from": "step", "step": "m", "artifact": "out"}}},
            "d": {"agent_id": "x", "depends_on": ["c"]}}));
        testing::add_items(&mut view, "m", &["1", "2"]);
        view
    }

    #[test]
    fn each_mode_takes_what_it_says() {
        let mut view = view();
        for step in &mut view.steps {
            Arc::make_mut(step).status = StepStatus::Completed;
        }
        let table: [(&str, RerunMode, &[&str]); 6] = [
            ("a", RerunMode::StepOnly, &["a"]),
            ("a", RerunMode::Downstream, &["a", "c", "d", "m"]),
            ("m", RerunMode::Downstream, &["c", "d", "m"]),
            ("m[1]", RerunMode::StepOnly, &["m[1]"]),
            ("m[1]", RerunMode::Downstream, &["c", "d", "m[1]"]),
            ("a", RerunMode::StaleDownstream, &["a"]),
        ];
        for (key, mode, expected) in table {
            assert_eq!(shown(&closure(&view, &key.into(), mode)), expected, "{key} {mode:?}");
        }
        // c consumed the first version of m, which is now another one: c is stale, d does not read it.
        testing::succeed(&mut view, "a", "one", &[]);
        testing::succeed(&mut view, "m", "one", &[(crate::resolve::MAP_PORT, "a")]);
        testing::succeed(&mut view, "c", "x", &[("in", "m")]);
        testing::succeed(&mut view, "m", "two", &[(crate::resolve::MAP_PORT, "a")]);
        assert_eq!(shown(&closure(&view, &"a".into(), RerunMode::StaleDownstream)), ["a", "c"]);
    }

    /// a -> b -> c -> d; c reads b alone.
    fn stale_chain() -> RunView {
        let mut view = testing::run(&json!({
            "a": {"agent_id": "x"},
            "b": {"agent_id": "x", "inputs": {"in": {"from": "step", "step": "a", "artifact": "out"}}},
            "c": {"agent_id": "x", "inputs": {"in": {"from": "step", "step": "b", "artifact": "out"}}},
            "d": {"agent_id": "x", "inputs": {"in": {"from": "step", "step": "c", "artifact": "out"}}},
            "e": {"agent_id": "x"}}));
        testing::succeed(&mut view, "a", "one", &[]);
        for (key, source) in [("b", "a"), ("c", "b"), ("d", "c")] {
            testing::succeed(&mut view, key, key, &[("in", source)]);
        }
        testing::succeed(&mut view, "e", "e", &[]);
        view
    }

    fn edit(view: &mut RunView, key: &str, content: &str) {
        testing::write(view, key, content, Origin::HumanEdit, None);
    }

    #[test]
    fn what_is_stale_is_refreshed_and_what_a_person_wrote_is_left() {
        let refreshed = |view: &RunView| refreshable(view, &staleness(view));
        let mut view = stale_chain();
        assert!(refreshed(&view).is_empty(), "nothing is stale");
        edit(&mut view, "a", "by hand");
        assert_eq!(shown(&refreshed(&view)), ["b", "c", "d"], "never the edited one, nor what is fresh");
        assert_eq!(shown(&closure(&view, &"b".into(), RerunMode::Stale)), ["b", "c", "d"]);
        // Both written and stale: it stays, and those after it would read the same again.
        edit(&mut view, "b", "by hand too");
        assert_eq!(shown(&refreshed(&view)), ["c", "d"], "they read what is another one now");
        testing::succeed(&mut view, "c", "c2", &[("in", "b")]);
        assert_eq!(shown(&refreshed(&view)), ["d"]);
        testing::succeed(&mut view, "d", "d2", &[("in", "c")]);
        assert!(staleness(&view).contains_key(&StepKey::from("d")), "through what a person wrote");
        assert!(refreshed(&view).is_empty(), "and for nothing it would run again");
        testing::step(&mut view, "d").status = StepStatus::Running;
        edit(&mut view, "b", "again");
        assert_eq!(shown(&refreshed(&view)), ["c"], "what runs is left alone");
    }

    #[test]
    fn a_re_run_says_where_it_takes_the_place_of_what_a_person_wrote() {
        let mut view = stale_chain();
        edit(&mut view, "c", "by hand");
        let radius = |view: &RunView| {
            let keys = closure(view, &"a".into(), RerunMode::Downstream);
            let steps = blast_radius(view, &keys).steps;
            steps.into_iter().filter(|step| step.is_written).map(|step| step.key.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(radius(&view), ["c"]);
        testing::roll_back(&mut view, "c", 1);
        assert!(radius(&view).is_empty(), "what counts is what is the latest");
    }

    #[test]
    fn the_last_attempts_are_priced_and_a_map_is_the_sum_of_its_items() {
        let mut view = view();
        for (key, tokens, cost) in
            [("m[1]", 10, Some(5)), ("m[1]", 20, None), ("m[2]", 3, Some(7)), ("c", 100, Some(1))]
        {
            let attempt = testing::succeed(&mut view, key, "x", &[]);
            testing::priced(&mut view, key, attempt, tokens, cost);
        }
        let radius = blast_radius(&view, &["c", "m", "d"].map(StepKey::from).into());
        let steps: Vec<_> =
            radius.steps.iter().map(|step| (step.key.as_str(), step.tokens, step.cost_micros)).collect();
        assert_eq!(steps, [("c", 100, Some(1)), ("d", 0, None), ("m", 23, Some(7))]);
        assert_eq!((radius.total_tokens, radius.total_cost_micros, radius.is_estimated), (123, Some(8), false));
        let mut guessed = view.clone();
        testing::step(&mut guessed, "c").attempts[0].usage.as_mut().unwrap().is_estimated = true;
        let radius = blast_radius(&guessed, &["c", "m"].map(StepKey::from).into());
        assert_eq!(
            (radius.is_estimated, radius.steps.iter().map(|step| step.is_estimated).collect()),
            (true, vec![true, false])
        );
        let radius = blast_radius(&view, &["m[1]".into()].into());
        let steps: Vec<_> = radius.steps.iter().map(|step| (step.key.as_str(), step.tokens)).collect();
        assert_eq!(steps, [("m", 0), ("m[1]", 20)], "an item makes its map step collect, which costs nothing");
    }
}
