//! Two runs of one template side by side, in the order of their graph: statuses, prompts and latest artifacts.
//! Equality is by content hash, never by version or id, which no two runs share.

use std::collections::BTreeSet;

use crate::{
    api::{ArtifactComparison, Comparison, StepComparison},
    id::StepKey,
    order,
    provenance::{Provenance, prompt_hash},
    resolve::effective_override,
    view::{ArtifactMeta, RunView, StepView},
};

pub fn compare(left: &RunView, right: &RunView) -> Comparison {
    let (of_left, of_right) = (Provenance::of(left), Provenance::of(right));
    let keys: BTreeSet<&StepKey> = left.steps.iter().chain(&right.steps).map(|step| &step.key).collect();
    let mut keys: Vec<&StepKey> = keys.into_iter().collect();
    let places = order::of_both(&left.run_definition, &right.run_definition);
    // An item stands with its list, in the order of that.
    keys.sort_by_cached_key(|key| {
        let step = left.step(key).or_else(|| right.step(key));
        let place = step.and_then(|step| places.get(step.definition_key()));
        (place.copied().unwrap_or(usize::MAX), step.and_then(|step| step.item_index))
    });
    let steps = keys.into_iter().map(|key| {
        let (a, b) = (left.step(key), right.step(key));
        let latest = |provenance: &Provenance<'_>, name: &str| provenance.latest(key, name).cloned();
        let names: BTreeSet<&str> = [&of_left, &of_right]
            .into_iter()
            .flat_map(|provenance| provenance.artifacts(key))
            .filter(|artifact| artifact.is_latest)
            .map(|artifact| artifact.name.as_str())
            .collect();
        let artifacts = names.into_iter().map(|name| {
            let (left, right) = (latest(&of_left, name), latest(&of_right, name));
            let hash =
                |artifact: &Option<ArtifactMeta>| artifact.as_ref().map(|artifact| artifact.meaning().to_owned());
            ArtifactComparison { name: name.to_owned(), is_equal: hash(&left) == hash(&right), left, right }
        });
        StepComparison {
            key: key.clone(),
            title: a.or(b).map(|step| step.title.clone()).unwrap_or_default(),
            is_item: [a, b].into_iter().flatten().any(|step| step.item_of.is_some()),
            left: a.map(|step| step.status),
            right: b.map(|step| step.status),
            prompt_differs: a.zip(b).is_some_and(|(a, b)| prompt_of(left, a) != prompt_of(right, b)),
            artifacts: artifacts.collect(),
        }
    });
    Comparison {
        left: left.id,
        right: right.id,
        left_run: left.into(),
        right_run: right.into(),
        steps: steps.collect(),
    }
}

fn prompt_of(view: &RunView, step: &StepView) -> Option<String> {
    let overrides = effective_override(&view.overrides, &step.key);
    prompt_hash(overrides.as_ref(), view.run_definition.steps.get(step.definition_key()), step)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::{status::StepStatus, testing, view::StepOverride};

    #[test]
    fn what_differs_is_told_step_by_step() {
        let mut left = testing::run(&json!({"a": {"agent_id": "x"}, "b": {"agent_id": "x"}}));
        let mut right = testing::run(&json!({"a": {"agent_id": "x"}, "c": {"agent_id": "x"}}));
        testing::succeed(&mut left, "a", "same", &[]);
        testing::succeed(&mut right, "a", "other", &[]);
        testing::succeed(&mut right, "a", "same", &[]);
        testing::succeed(&mut right, "c", "only here", &[]);
        right.overrides.insert("a".into(), StepOverride { prompt: Some("mine".into()), ..StepOverride::default() });
        let comparison = compare(&left, &right);
        let [a, c, b] = comparison.steps.as_slice() else { panic!("{comparison:?}") };
        assert!(a.prompt_differs && a.artifacts[0].is_equal);
        assert_eq!(
            (a.artifacts[0].left.as_ref().unwrap().version, a.artifacts[0].right.as_ref().unwrap().version),
            (1, 2)
        );
        assert_eq!((b.left, b.right, b.artifacts.len()), (Some(StepStatus::Pending), None, 0));
        assert!(c.left.is_none() && !c.artifacts[0].is_equal && !c.prompt_differs);
        assert_eq!((comparison.left_run.id, comparison.left_run.template_version), (left.id, left.template_version));
    }

    #[test]
    fn steps_come_as_the_graph_has_them() {
        let steps = json!({"write": {"agent_id": "x"}, "check": {"agent_id": "x", "depends_on": ["write"]}});
        let run = testing::run(&steps);
        let comparison = compare(&run, &run);
        let keys: Vec<&str> = comparison.steps.iter().map(|step| step.key.as_str()).collect();
        assert_eq!(keys, ["write", "check"]);
    }

    #[test]
    fn only_whole_steps_that_the_right_run_completed_can_be_taken_over() {
        let view = |content: Option<&str>, status: StepStatus| {
            let mut view = testing::run(&json!({"a": {"agent_id": "x"}}));
            if let Some(content) = content {
                testing::succeed(&mut view, "a", content, &[]);
            }
            Arc::make_mut(&mut view.steps[0]).status = status;
            view
        };
        let (mine, other) = (Some("mine"), Some("other"));
        for (left, right, expected) in [
            ((mine, StepStatus::Completed), (other, StepStatus::Completed), true),
            ((mine, StepStatus::Completed), (mine, StepStatus::Completed), false),
            ((mine, StepStatus::Failed), (mine, StepStatus::Completed), true),
            ((None, StepStatus::Pending), (other, StepStatus::Completed), true),
            ((mine, StepStatus::Completed), (other, StepStatus::AwaitingReview), false),
            ((mine, StepStatus::Completed), (other, StepStatus::Running), false),
            ((mine, StepStatus::Running), (other, StepStatus::Completed), false),
            ((mine, StepStatus::Completed), (None, StepStatus::Completed), false),
        ] {
            let (left, mut right) = (view(left.0, left.1), view(right.0, right.1));
            let step = compare(&left, &right).steps.remove(0);
            assert_eq!(step.is_adoptable(), expected, "{step:?}");
            Arc::make_mut(&mut right.steps[0]).item_of = Some("list".into());
            assert!(!compare(&right, &right).steps[0].is_adoptable());
            let mut left = left;
            Arc::make_mut(&mut left.steps[0]).item_of = Some("list".into());
            assert!(!compare(&left, &right).steps[0].is_adoptable(), "an item goes with its list");
        }
    }
}
