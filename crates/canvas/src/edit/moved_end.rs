//! Moves one end of a line to another step; what travelled along it follows as far as the types allow.
//! A line that a condition or a list reads along stays where it is: moving it would leave that behind.

use workflow::{
    AgentCatalog, Definition, Step, StepKey,
    schema::Compatibility,
    source::Source,
    validate::{output_schema, source_schema},
};

use super::{
    Edit, Refused,
    fitting::{fit, missing, one_that_feeds, results, spec, whole},
    joined::Rewired,
};
use crate::scene::Side;

/// Moves the end of `from` -> `to` that lies at an in port (`Side::In`) or at an out port (`Side::Out`) to the step `other`.
pub(crate) fn moved_end(
    definition: &Definition,
    agents: &AgentCatalog,
    (from, to): (&StepKey, &StepKey),
    end: Side,
    other: &StepKey,
) -> Result<Rewired, Refused> {
    if let Some(refused) = held(definition, from, to) {
        return Err(refused);
    }
    match end {
        Side::In => to_another_reader(definition, agents, from, to, other),
        Side::Out => to_another_source(definition, agents, from, to, other),
    }
}

/// Why no end of this line can be moved, if it cannot.
pub(crate) fn held(definition: &Definition, from: &StepKey, to: &StepKey) -> Option<Refused> {
    let Some(step) = definition.steps.get(to) else {
        return Some(Refused::UnknownStep(to.clone()));
    };
    if !definition.steps.contains_key(from) {
        return Some(Refused::UnknownStep(from.clone()));
    }
    if !step.direct_dependencies().contains(from) {
        return Some(Refused::NotConnected { from: from.clone(), to: to.clone() });
    }
    let stripped = without(step, from);
    let is_read = stripped.direct_dependencies().contains(from);
    is_read.then(|| Refused::StillRead { from: from.clone(), to: to.clone() })
}

/// The step without the line from `from` and the inputs that read along it.
fn without(step: &Step, from: &StepKey) -> Step {
    let mut step = step.clone();
    step.depends_on.remove(from);
    step.inputs.retain(|_, source| source.step() != Some(from));
    step
}

fn check(definition: &Definition, from: &StepKey, to: &StepKey) -> Result<(), Refused> {
    for key in [from, to] {
        if !definition.steps.contains_key(key) {
            return Err(Refused::UnknownStep(key.clone()));
        }
    }
    if from == to {
        return Err(Refused::SelfDependency(from.clone()));
    }
    if definition.steps[to].direct_dependencies().contains(from) {
        return Err(Refused::Duplicate { from: from.clone(), to: to.clone() });
    }
    Ok(())
}

/// What the step reads from `from`, put into `after` where and as `placed` says; and what is said of what does not follow.
fn follow(
    (before, from): (&Step, &StepKey),
    after: &mut Step,
    placed: impl Fn(&Step, &str, &Source) -> Option<(String, Source)>,
    lost: impl Fn(&str) -> String,
) -> Vec<String> {
    let mut left = Vec::new();
    for (port, source) in before.inputs.iter().filter(|(_, source)| source.step() == Some(from)) {
        match placed(after, port, source) {
            Some((place, source)) => {
                after.inputs.insert(place, source);
            }
            None => left.push(lost(port)),
        }
    }
    left
}

fn to_another_reader(
    definition: &Definition,
    agents: &AgentCatalog,
    from: &StepKey,
    to: &StepKey,
    other: &StepKey,
) -> Result<Rewired, Refused> {
    check(definition, from, other)?;
    let (first, before, target) = (&definition.steps[from], &definition.steps[to], &definition.steps[other]);
    let title = target.title_or(other);
    let mut after = target.clone();
    let left = follow(
        (before, from),
        &mut after,
        |after, port, source| Some((place_for(definition, agents, after, port, source)?, source.clone())),
        |port| format!("What fed {port} of “{}” surely fits nothing of “{title}”.", before.title_or(to)),
    );
    if after.inputs == target.inputs {
        after.inputs.extend(fit(agents, (from, first), target));
    }
    after.depends_on.insert(from.clone());
    let done = fed(target, &after);
    let edit = Edit::Batch(vec![Edit::set(to.clone(), without(before, from)), Edit::set(other.clone(), after)]);
    Ok(Rewired { edit, done, left })
}

/// Where a source that is read elsewhere can be read here: at the input of the same name, or at the one that surely fits.
fn place_for(
    definition: &Definition,
    agents: &AgentCatalog,
    step: &Step,
    port: &str,
    source: &Source,
) -> Option<String> {
    let given = source_schema(definition, agents, source)?;
    let same = spec(agents, step)?.input(port).filter(|_| !step.inputs.contains_key(port));
    if same.is_some_and(|same| !matches!(given.feeds(&same.schema), Compatibility::No(_))) {
        return Some(port.to_owned());
    }
    let missing = missing(agents, step)?;
    let mut fitting = missing.into_iter().filter(|(_, wanted)| matches!(given.feeds(wanted), Compatibility::Yes));
    let (place, _) = fitting.next()?;
    fitting.next().is_none().then(|| place.to_owned())
}

fn to_another_source(
    definition: &Definition,
    agents: &AgentCatalog,
    from: &StepKey,
    to: &StepKey,
    other: &StepKey,
) -> Result<Rewired, Refused> {
    check(definition, other, to)?;
    let (source, before) = (&definition.steps[other], &definition.steps[to]);
    let mut after = without(before, from);
    let left = follow(
        (before, from),
        &mut after,
        |_, port, was| Some((port.to_owned(), source_for(agents, (other, source), before, port, was)?)),
        |port| {
            let (reader, other) = (before.title_or(to), source.title_or(other));
            format!("“{reader}” has nothing for its {port} now: “{other}” makes nothing that surely fits.")
        },
    );
    if !before.inputs.values().any(|was| was.step() == Some(from)) {
        after.inputs.extend(fit(agents, (other, source), &after));
    }
    after.depends_on.insert(other.clone());
    let done = fed(&without(before, from), &after);
    Ok(Rewired { edit: Edit::set(to.clone(), after), done, left })
}

/// What a port reads from another step instead: the result of the same name, or the one that surely fits.
fn source_for(
    agents: &AgentCatalog,
    (key, step): (&StepKey, &Step),
    reader: &Step,
    port: &str,
    was: &Source,
) -> Option<Source> {
    let wanted = &spec(agents, reader)?.input(port)?.schema;
    if let Source::Step { artifact, path, .. } = was
        && let Some(output) = spec(agents, step)?.output(artifact)
        && !matches!(output_schema(step, output).at_path(path).feeds(wanted), Compatibility::No(_))
    {
        return Some(Source::Step { step: key.clone(), artifact: artifact.clone(), path: path.clone() });
    }
    let made = results(agents, step)?;
    one_that_feeds(&made, wanted).map(|artifact| whole(key, artifact))
}

/// "which feeds its left and right".
fn fed(before: &Step, after: &Step) -> Option<String> {
    let ports: Vec<&str> =
        after.inputs.keys().filter(|port| !before.inputs.contains_key(*port)).map(String::as_str).collect();
    (!ports.is_empty()).then(|| format!("which feeds its {}", ports.join(" and ")))
}

#[cfg(test)]
mod tests {
    use workflow::condition::Condition;

    use super::*;
    use crate::{
        Document,
        edit::{
            apply,
            testing::{agents, definition, reads},
        },
    };

    fn moved(definition: Definition, end: Side, other: &str) -> Result<(Definition, Rewired), Refused> {
        let line = ("a".into(), "b".into());
        let rewired = moved_end(&definition, &agents(), (&line.0, &line.1), end, &other.into())?;
        let mut document = Document::from(definition);
        let before = document.clone();
        let inverse = apply(&mut document, &rewired.edit)?;
        let after = document.definition.clone();
        apply(&mut document, &inverse)?;
        assert_eq!(document, before);
        Ok((after, rewired))
    }

    #[test]
    fn the_arrow_moves_to_another_step_with_what_it_brought() {
        let (after, rewired) = moved(definition(), Side::In, "c").unwrap();
        assert!(!after.steps["b"].direct_dependencies().contains(&StepKey::from("a")));
        assert!(after.steps["b"].inputs.is_empty());
        assert!(after.steps["c"].depends_on.contains("a"));
        assert_eq!(after.steps["c"].inputs.get("text"), Some(&reads("a")));
        assert_eq!((rewired.done.as_deref(), rewired.left.len()), (Some("which feeds its text"), 0));
    }

    #[test]
    fn the_beginning_moves_to_another_step_and_its_result_is_read_instead() {
        let (after, rewired) = moved(definition(), Side::Out, "c").unwrap();
        assert_eq!(after.steps["b"].inputs.get("text"), Some(&reads("c")));
        assert_eq!(after.steps["b"].direct_dependencies(), [&StepKey::from("c")].into());
        assert!(rewired.left.is_empty());
    }

    #[test]
    fn what_does_not_follow_is_said() {
        let (after, rewired) = moved(definition(), Side::In, "parts").unwrap();
        assert!(after.steps["parts"].depends_on.contains("a") && after.steps["parts"].inputs.is_empty());
        assert_eq!(rewired.left, ["What fed text of “B” surely fits nothing of “Parts”."]);
        let (after, rewired) = moved(definition(), Side::Out, "list").unwrap();
        assert!(after.steps["b"].depends_on.contains("list") && after.steps["b"].inputs.is_empty());
        assert_eq!(rewired.left, ["“B” has nothing for its text now: “List” makes nothing that surely fits."]);
    }

    #[test]
    fn a_cycle_a_loop_and_a_second_line_are_refused_by_the_edit_itself() {
        let mut before = definition();
        before.steps.get_mut("c").unwrap().depends_on.insert("b".into());
        assert!(matches!(moved(before.clone(), Side::Out, "c"), Err(Refused::Cycle { .. })));
        assert!(matches!(moved(before.clone(), Side::In, "a"), Err(Refused::SelfDependency(_))));
        before.steps.get_mut("c").unwrap().depends_on.insert("a".into());
        assert!(matches!(moved(before.clone(), Side::In, "c"), Err(Refused::Duplicate { .. })));
        assert!(matches!(moved(before, Side::In, "gone"), Err(Refused::UnknownStep(_))));
    }

    #[test]
    fn a_line_that_a_condition_reads_along_stays() {
        let mut before = definition();
        before.steps.get_mut("b").unwrap().when = Some(Condition::Exists(reads("a")));
        let line = || ("a".into(), "b".into());
        let refused = Refused::StillRead { from: line().0, to: line().1 };
        assert_eq!(held(&before, &line().0, &line().1), Some(refused.clone()));
        assert_eq!(moved(before, Side::In, "c").unwrap_err(), refused);
    }
}
