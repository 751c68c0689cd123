//! A new step that is joined to one that is there, and the words for what it reads.
//! Only what surely fits is mapped; what is left to the person is said.

use workflow::{AgentCatalog, Definition, Step, StepKey};

use super::{
    Edit, Refused,
    fitting::{fit, missing},
};
use crate::scene::Side;

/// A change of several steps, and what the person should know of it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Rewired {
    pub edit: Edit,
    /// What was done beside the lines, as "which feeds its text".
    pub done: Option<String>,
    /// What could not be done, a sentence each.
    pub left: Vec<String>,
}

/// Adds a step after `anchor` (`Side::Out`), or before it (`Side::In`).
pub(crate) fn add_joined(
    definition: &Definition,
    agents: &AgentCatalog,
    (key, mut step): (StepKey, Step),
    anchor: &StepKey,
    side: Side,
) -> Result<Rewired, Refused> {
    let there = definition.steps.get(anchor).ok_or_else(|| Refused::UnknownStep(anchor.clone()))?;
    let (edit, port, left) = match side {
        Side::Out => {
            let fitting = fit(agents, (anchor, there), &step);
            let port = fitting.as_ref().map(|(port, _)| port.clone());
            step.depends_on.insert(anchor.clone());
            step.inputs.extend(fitting);
            let left = left_to_choose(agents, (&key, &step));
            (Edit::add(key, step), port, left)
        }
        Side::In => {
            let mut after = there.clone();
            let fitting = fit(agents, (&key, &step), there);
            let port = fitting.as_ref().map(|(port, _)| port.clone());
            after.depends_on.insert(key.clone());
            after.inputs.extend(fitting);
            (Edit::Batch(vec![Edit::add(key, step), Edit::set(anchor.clone(), after)]), port, None)
        }
    };
    let done = port.map(|port| format!("which feeds its {port}"));
    Ok(Rewired { edit, done, left: left.into_iter().collect() })
}

/// A step that needs something and was given nothing.
pub(super) fn left_to_choose(agents: &AgentCatalog, (key, step): (&StepKey, &Step)) -> Option<String> {
    let ports: Vec<&str> = missing(agents, step)?.into_iter().map(|(port, _)| port).collect();
    let title = step.title_or(key);
    match ports.as_slice() {
        [] => None,
        [port] => Some(format!("Choose in its panel what “{title}” reads as its {port}.")),
        ports => Some(format!("Choose in its panel what “{title}” reads as its {}.", ports.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::testing::{agents, definition, reads};

    fn echo() -> (StepKey, Step) {
        let mut step = Step::new("echo".into());
        step.title = "Echo".into();
        ("new".into(), step)
    }

    #[test]
    fn a_step_after_another_reads_what_that_one_makes() {
        let rewired = add_joined(&definition(), &agents(), echo(), &"a".into(), Side::Out).unwrap();
        let Edit::AddSteps(steps) = &rewired.edit else { panic!("{rewired:?}") };
        assert!(steps[0].1.depends_on.contains("a"));
        assert_eq!(steps[0].1.inputs.get("text"), Some(&reads("a")));
        assert_eq!((rewired.done.as_deref(), rewired.left.len()), (Some("which feeds its text"), 0));
    }

    #[test]
    fn a_step_before_another_feeds_what_that_one_misses() {
        let mut before = definition();
        before.steps.get_mut("b").unwrap().inputs.clear();
        let rewired = add_joined(&before, &agents(), echo(), &"b".into(), Side::In).unwrap();
        let Edit::Batch(edits) = &rewired.edit else { panic!("{rewired:?}") };
        let Edit::SetStep { step, .. } = &edits[1] else { panic!("{edits:?}") };
        assert!(step.depends_on.contains("new") && step.depends_on.contains("a"));
        assert_eq!(step.inputs.get("text"), Some(&reads("new")));
    }

    #[test]
    fn what_does_not_fit_is_joined_all_the_same_and_said() {
        let count = || ("new".into(), Step { title: "Lister".into(), ..Step::new("collect".into()) });
        let rewired = add_joined(&definition(), &agents(), count(), &"a".into(), Side::Out).unwrap();
        assert_eq!(rewired.left, ["Choose in its panel what “Lister” reads as its parts."]);
        assert_eq!(rewired.done, None);
    }

    #[test]
    fn nothing_is_joined_to_a_step_that_is_not_there() {
        let refused = add_joined(&definition(), &agents(), echo(), &"gone".into(), Side::Out).unwrap_err();
        assert_eq!(refused, Refused::UnknownStep("gone".into()));
    }
}
