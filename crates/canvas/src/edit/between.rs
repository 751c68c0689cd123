//! Puts a new step onto a line: it reads what the second step read, and feeds it in its place, as far as the types allow.
//! What nothing fits is left as it was and said: no mapping of an author is dropped for it.

use workflow::{AgentCatalog, Definition, Step, StepKey, schema::Compatibility, source::Source};

use super::{
    Edit, Refused,
    fitting::{fit, missing, one_that_feeds, results, spec, whole},
    joined::{Rewired, left_to_choose},
};

pub(crate) fn put_between(
    definition: &Definition,
    agents: &AgentCatalog,
    (key, mut step): (StepKey, Step),
    from: &StepKey,
    to: &StepKey,
) -> Result<Rewired, Refused> {
    let there = |key: &StepKey| definition.steps.get(key).ok_or_else(|| Refused::UnknownStep(key.clone()));
    let (first, last) = (there(from)?, there(to)?);
    if !last.direct_dependencies().contains(from) {
        return Err(Refused::NotConnected { from: from.clone(), to: to.clone() });
    }
    let (title, first_title, last_title) = (step.title_or(&key).to_owned(), first.title_or(from), last.title_or(to));
    step.depends_on.insert(from.clone());
    let mapped = carried_on(agents, last, from, &step).or_else(|| fit(agents, (from, first), &step));
    step.inputs.extend(mapped);

    let mut after = last.clone();
    let made = results(agents, &step).unwrap_or_default();
    let mut kept = Vec::new();
    for (port, source) in after.inputs.iter_mut().filter(|(_, source)| source.step() == Some(from)) {
        let wanted = spec(agents, last).and_then(|spec| spec.input(port));
        match wanted.and_then(|wanted| one_that_feeds(&made, &wanted.schema)) {
            Some(artifact) => *source = whole(&key, artifact),
            None => kept.push(port.clone()),
        }
    }
    after.depends_on.insert(key.clone());
    after.depends_on.remove(from);
    let mut left: Vec<String> = left_to_choose(agents, (&key, &step)).into_iter().collect();
    if !kept.is_empty() {
        let ports = kept.join(" and ");
        left.push(format!(
            "“{last_title}” goes on reading its {ports} from “{first_title}”: “{title}” makes nothing that surely fits."
        ));
    } else if after.direct_dependencies().contains(from) {
        left.push(format!("The condition or the list of “{last_title}” goes on reading “{first_title}”."));
    }
    let feeds = last.inputs.iter().any(|(port, source)| after.inputs.get(port) != Some(source));
    let done = feeds.then(|| format!("which feeds “{last_title}” now"));
    let edit = Edit::Batch(vec![Edit::add(key, step), Edit::set(to.clone(), after)]);
    Ok(Rewired { edit, done, left })
}

/// The one thing that travelled along the line, for the one input of the new step that it fits.
fn carried_on(agents: &AgentCatalog, last: &Step, from: &StepKey, step: &Step) -> Option<(String, Source)> {
    let mut travelled = last.inputs.iter().filter(|(_, source)| source.step() == Some(from));
    let (port, source) = travelled.next()?;
    if travelled.any(|(_, other)| other != source) {
        return None;
    }
    // It fitted there, so its type is as good as that of the port.
    let given = &spec(agents, last)?.input(port)?.schema;
    let missing = missing(agents, step)?;
    let mut fitting = missing.into_iter().filter(|(_, wanted)| matches!(given.feeds(wanted), Compatibility::Yes));
    let (wanted, _) = fitting.next()?;
    fitting.next().is_none().then(|| (wanted.to_owned(), source.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Document,
        edit::{
            apply,
            testing::{agents, definition, reads},
        },
    };

    fn put(agent: &str, title: &str) -> (Definition, Rewired) {
        let mut document = Document::from(definition());
        let step = Step { title: title.into(), ..Step::new(agent.into()) };
        let rewired =
            put_between(&document.definition, &agents(), ("new".into(), step), &"a".into(), &"b".into()).unwrap();
        let before = document.clone();
        let inverse = apply(&mut document, &rewired.edit).unwrap();
        let after = document.definition.clone();
        apply(&mut document, &inverse).unwrap();
        assert_eq!(document, before);
        (after, rewired)
    }

    #[test]
    fn what_fits_on_both_sides_takes_the_place_of_the_line() {
        let (after, rewired) = put("shout", "Shout");
        assert_eq!(after.steps["new"].inputs.get("text"), Some(&reads("a")));
        assert_eq!(after.steps["b"].inputs.get("text"), Some(&whole(&"new".into(), "loud")));
        assert!(!after.steps["b"].direct_dependencies().contains(&StepKey::from("a")));
        assert_eq!((rewired.done.as_deref(), rewired.left.as_slice()), (Some("which feeds “B” now"), [].as_slice()));
    }

    #[test]
    fn what_fits_nowhere_leaves_the_mapping_and_says_so() {
        let (after, rewired) = put("collect", "Collect");
        assert_eq!(after.steps["b"].inputs.get("text"), Some(&reads("a")));
        assert!(after.steps["b"].depends_on.contains("new"));
        assert_eq!(
            rewired.left,
            [
                "Choose in its panel what “Collect” reads as its parts.",
                "“B” goes on reading its text from “A”: “Collect” makes nothing that surely fits.",
            ]
        );
    }

    #[test]
    fn a_line_that_is_not_there_takes_nothing() {
        let step = || ("new".into(), Step::new("shout".into()));
        let refused = put_between(&definition(), &agents(), step(), &"b".into(), &"a".into()).unwrap_err();
        assert_eq!(refused, Refused::NotConnected { from: "b".into(), to: "a".into() });
    }
}
