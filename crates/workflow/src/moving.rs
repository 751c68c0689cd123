//! Moving a run to another published version: which results stay valid. Pure, so that the dry run and the move cannot differ.
//! A result stays where its step means the same and everything before it stays; titles, limits, reviews and retries change no result.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::{
    api::MovePlan,
    definition::{Definition, MapOver, Step},
    graph::Graph,
    hash,
    id::StepKey,
    order,
    resolve::run_input,
    source::Source,
    status::StepStatus,
    view::RunView,
};

/// What becomes of each step. Steps that never ran and still mean the same are in none of the lists.
pub fn plan(view: &RunView, new: &Definition) -> MovePlan {
    let old = &view.run_definition;
    let mut plan = MovePlan {
        added: new.steps.keys().filter(|key| !old.steps.contains_key(*key)).cloned().collect(),
        removed: old.steps.keys().filter(|key| !new.steps.contains_key(*key)).cloned().collect(),
        ..MovePlan::default()
    };
    let mut valid: BTreeSet<&StepKey> = BTreeSet::new();
    for key in Graph::of(new).order().unwrap_or_default() {
        let (Some(was), Some(step)) = (old.steps.get(key), new.steps.get(key)) else {
            continue;
        };
        let stays = step.direct_dependencies().iter().all(|before| valid.contains(before))
            && means_the_same(was, step)
            && reads_the_same_inputs(view, new, step);
        if stays {
            valid.insert(key);
        }
        match view.step(key).map(|step| step.status) {
            Some(StepStatus::Completed) if stays => plan.kept.push(key.clone()),
            None | Some(StepStatus::Pending) => {}
            Some(_) if stays => {}
            Some(_) => plan.rerun.push(key.clone()),
        }
    }
    let places = order::of_both(old, new);
    for keys in [&mut plan.kept, &mut plan.rerun, &mut plan.added, &mut plan.removed] {
        keys.sort_by_key(|key| places.get(key).copied());
    }
    plan.titles = other_titles(view, new);
    plan
}

/// What people call the steps of the new version, where it is another name than in the run.
fn other_titles(view: &RunView, new: &Definition) -> BTreeMap<StepKey, String> {
    let titles = new.steps.iter().map(|(key, step)| (key, step.title_or(key)));
    titles
        .filter(|(key, title)| view.step(key).is_none_or(|known| known.title != *title))
        .map(|(key, title)| (key.clone(), title.to_owned()))
        .collect()
}

fn means_the_same(a: &Step, b: &Step) -> bool {
    let list = |map: &Option<MapOver>| map.as_ref().map(|map| (json!(map.over), map.key.clone(), map.on_item_error));
    // Constants are compared by value: 1.10 is 1.1.
    let hash = |step: &Step| {
        hash::value_hash(&json!([step.inputs, step.when, list(&step.map), step.on_error, step.default_output]))
    };
    a.agent_id == b.agent_id
        && a.agent_version == b.agent_version
        && a.prompt == b.prompt
        && a.direct_dependencies() == b.direct_dependencies()
        && a.trigger_rule == b.trigger_rule
        && hash(a) == hash(b)
}

/// A default of the new version may stand in for an input that the starter left open.
fn reads_the_same_inputs(view: &RunView, new: &Definition, step: &Step) -> bool {
    step.sources().all(|source| match source {
        Source::Run { key, path } => {
            let value = |definition| {
                run_input(definition, &view.inputs, key, path).filter(|value| !value.is_null()).map(hash::value_hash)
            };
            value(&view.run_definition) == value(new)
        }
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing;

    /// a -> b -> c, and d apart.
    fn steps() -> Value {
        json!({"inputs": {"topic": {"default": "cats"}}, "steps": {
            "a": {"agent_id": "x", "agent_version": 1}, "b": {"agent_id": "x", "agent_version": 1, "depends_on": ["a"]},
            "c": {"agent_id": "x", "agent_version": 1, "depends_on": ["b"]},
            "d": {"agent_id": "x", "agent_version": 1, "inputs": {"in": {"from": "run", "key": "topic"}}}}})
    }

    #[test]
    fn what_means_the_same_is_kept_and_everything_after_a_change_runs_again() {
        // What is kept, what runs again, what is added.
        let table = [
            ("/notes", json!([]), "a b c d", "", ""),
            ("/groups", json!({"g": {"title": "Intake"}}), "a b c d", "", ""),
            ("/steps/b/group", json!("g"), "a b c d", "", ""),
            ("/steps/b/colour", json!("teal"), "a b c d", "", ""),
            ("/steps/b/title", json!("New"), "a b c d", "", ""),
            ("/steps/b/review", json!({"mode": "always"}), "a b c d", "", ""),
            ("/steps/b/prompt", json!("New"), "a d", "b c", ""),
            ("/steps/a/agent_version", json!(2), "d", "a b c", ""),
            ("/steps/e", json!({"agent_id": "x"}), "a b c d", "", "e"),
            ("/steps/c/depends_on", json!(["d"]), "a b d", "c", ""),
            ("/inputs/topic/default", json!("dogs"), "a b c", "d", ""),
            ("/steps/d/when", json!({"eq": [{"const": 1}, {"const": 1}]}), "a b c", "d", ""),
        ];
        let mut view = testing::run(&steps()["steps"]);
        view.run_definition = std::sync::Arc::new(Definition::from_value(&steps()).unwrap());
        for key in ["a", "b", "c", "d"] {
            testing::succeed(&mut view, key, key, &[]);
        }
        let shown = |keys: &[StepKey]| keys.iter().map(StepKey::as_str).collect::<Vec<_>>().join(" ");
        for (path, value, kept, rerun, added) in table {
            let mut document = steps();
            let (parent, name) = path.rsplit_once('/').unwrap();
            document.pointer_mut(parent).unwrap()[name] = value;
            let plan = plan(&view, &Definition::from_value(&document).unwrap());
            let found = [&plan.kept, &plan.rerun, &plan.added, &plan.removed].map(|keys| shown(keys));
            assert_eq!(found, [kept, rerun, added, ""], "{path}");
        }
        let mut fewer = Definition::from_value(&steps()).unwrap();
        fewer.steps.remove("b");
        fewer.steps.get_mut("c").unwrap().depends_on.clear();
        let plan = plan(&view, &fewer);
        assert_eq!((shown(&plan.removed).as_str(), shown(&plan.rerun).as_str()), ("b", "c"));
    }

    #[test]
    fn the_plan_names_steps_as_the_new_version_does_and_in_its_order() {
        let mut view = testing::run(&steps()["steps"]);
        view.run_definition = std::sync::Arc::new(Definition::from_value(&steps()).unwrap());
        testing::succeed(&mut view, "a", "a", &[]);
        let mut document = steps();
        document["steps"]["a"]["title"] = json!("Gather");
        document["steps"]["z"] = json!({"agent_id": "x", "title": "Extra", "depends_on": ["a"]});
        document["steps"]["e"] = json!({"agent_id": "x", "title": "Even more", "depends_on": ["z"]});
        let plan = plan(&view, &Definition::from_value(&document).unwrap());
        let added: Vec<&str> = plan.added.iter().map(StepKey::as_str).collect();
        assert_eq!(added, ["z", "e"], "each after what it waits for");
        let titles: Vec<_> = plan.titles.iter().map(|(key, title)| (key.as_str(), title.as_str())).collect();
        assert_eq!(titles, [("a", "Gather"), ("e", "Even more"), ("z", "Extra")]);
    }

    #[test]
    fn a_skipped_step_that_means_the_same_keeps_what_follows_it() {
        let mut view = testing::run(&steps()["steps"]);
        view.run_definition = std::sync::Arc::new(Definition::from_value(&steps()).unwrap());
        testing::succeed(&mut view, "a", "a", &[]);
        testing::step(&mut view, "b").status = StepStatus::Skipped;
        testing::succeed(&mut view, "c", "c", &[]);
        let plan = plan(&view, &Definition::from_value(&steps()).unwrap());
        assert_eq!((plan.kept, plan.rerun), (vec!["a".into(), "c".into()], vec![]));
    }
}
